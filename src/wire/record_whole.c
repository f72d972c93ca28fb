#include "wire/record_whole.h"

#include "wire/message_partition.h"
#include "wire/record.h"

void record_whole_name(partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_META);
    buffer_put_u16(out, partition);
    buffer_put_u8(out, 'w');
}

void whole_record_deinit(struct whole_record *record)
{
    buffer_deinit(&record->next);
    clock_deinit(&record->clock);
    *record = (struct whole_record){0};
}

void whole_record_encode(const struct whole_record *record, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u32(out, record->source);
    buffer_put_u16(out, record->source_incarnation);
    buffer_put_bytes(out, buffer_slice(&record->next));
    clock_encode(&record->clock, out);
}

enum status whole_record_decode(struct slice bytes, struct whole_record *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct whole_record){0};
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->source = reader_u32(&reader);
    out->source_incarnation = reader_u16(&reader);
    struct slice next = reader_bytes(&reader);
    if (out->source == 0 || next.length > PARTITION_PLACE_BYTES_MAX)
        return STATUS_CORRUPT;
    buffer_append_slice(&out->next, next);
    clock_decode(&reader, &out->clock);
    return reader_end(&reader);
}
