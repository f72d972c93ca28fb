#include "sim/disk.h"

#include "wire/record.h"

/* The checkpoint's clock and its log position. */
static uint64_t add_checkpoint(const struct ordered_map *map, partition_id partition,
                               struct clock *out)
{
    struct buffer name = {0};
    struct slice value;
    struct checkpoint_record checkpoint = {0};
    uint64_t log_position = 0;
    record_checkpoint_name(partition, &name);
    if (ordered_map_get(map, buffer_slice(&name), &value) &&
        checkpoint_record_decode(value, &checkpoint) == STATUS_OK) {
        clock_join(out, &checkpoint.clock);
        log_position = checkpoint.log_position;
    }
    clock_deinit(&checkpoint.trimmed);
    clock_deinit(&checkpoint.clock);
    buffer_deinit(&name);
    return log_position;
}

void disk_clock(const struct ordered_map *map, partition_id partition, struct clock *out)
{
    struct buffer name = {0};
    struct ordered_map_cursor cursor;
    *out = (struct clock){0};
    record_log_name(partition, add_checkpoint(map, partition, out) + 1, &name);
    ordered_map_seek(map, buffer_slice(&name), &cursor);
    for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
        partition_id owner;
        uint64_t log_position;
        struct log_record record = {0};
        bool mine =
            record_log_name_decode(ordered_map_key(&cursor), &owner, &log_position) == STATUS_OK &&
            owner == partition;
        if (mine && log_record_decode(ordered_map_value(&cursor), &record) == STATUS_OK)
            clock_join(out, &record.dots);
        clock_deinit(&record.dots);
        if (!mine)
            break;
    }
    buffer_deinit(&name);
}
