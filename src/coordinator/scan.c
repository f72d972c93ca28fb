#include "coordinator/scan.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "coordinator/request_state.h"
#include "ring/element_key.h"

static struct range_entry next_entry(struct reader *reader)
{
    struct range_entry entry;
    range_entry_decode(reader, &entry);
    return entry;
}

bool scan_is_sound(const struct message_range_result *result, uint64_t position)
{
    struct reader reader = reader_make(result->entries);
    uint64_t previous = position;
    if (!result->done && result->next_position <= position)
        return false;
    for (uint32_t i = 0; i < result->entry_count; i++) {
        struct range_entry entry = next_entry(&reader);
        struct cell cell = {0};
        struct reader inner = reader_make(entry.cell);
        cell_decode_versions(&inner, &cell);
        bool sound = reader_end(&inner) == STATUS_OK && !reader.failed &&
                     entry.position >= previous && entry.type < COLLECTION_TYPE_END;
        cell_deinit(&cell);
        if (!sound)
            return false;
        previous = entry.position;
    }
    return reader_end(&reader) == STATUS_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct range_entry *x = a, *y = b;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return slice_compare(x->key, y->key);
}

struct gathered {
    struct range_entry *entries;
    size_t count;
    uint64_t horizon; /* entries below it are known from all owners */
    bool done;
};

static void gather(const struct coordinated_request *c, struct gathered *all)
{
    size_t capacity = 1;
    *all = (struct gathered){.horizon = UINT64_MAX, .done = true};
    all->entries = memory_new(capacity, sizeof *all->entries);
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_range_result range;
        if ((c->read.counted >> i & 1) == 0)
            continue;
        enum status status = message_range_result_decode(buffer_slice(&c->answers[i]), &range);
        assert(status == STATUS_OK); /* checked when it came */
        struct reader reader = reader_make(range.entries);
        if (!range.done) {
            all->done = false;
            if (range.next_position < all->horizon)
                all->horizon = range.next_position;
        }
        capacity += range.entry_count;
        all->entries = memory_resize(all->entries, capacity, sizeof *all->entries);
        for (uint32_t e = 0; e < range.entry_count; e++)
            all->entries[all->count++] = next_entry(&reader);
    }
    if (all->count > 0)
        qsort(all->entries, all->count, sizeof *all->entries, compare_entries);
}

/*
 * Merge the entries [first, last), all of one key; true when a value is visible. `text` takes
 * one that had to be made.
 */
static bool merge_key(const struct coordinated_request *c, const struct range_entry *first,
                      const struct range_entry *last, uint64_t wall_ms, struct buffer *text,
                      struct key_outcome *outcome)
{
    struct cell sum = {0};
    struct sibling shown;
    uint8_t type = COLLECTION_NONE;
    for (const struct range_entry *entry = first; entry < last; entry++) {
        struct cell cell = {0}, merged = {0};
        struct reader reader = reader_make(entry->cell);
        cell_decode_versions(&reader, &cell);
        cell_merge(&sum, &cell, c->policy, &merged);
        cell_deinit(&sum);
        cell_deinit(&cell);
        sum = merged;
        if (entry->type != COLLECTION_NONE && (type == COLLECTION_NONE || entry->type < type))
            type = entry->type;
    }
    bool visible = cell_shown(&sum, wall_ms, text, &shown);
    if (visible)
        *outcome = (struct key_outcome){.visible = true,
                                        .key = first->key,
                                        .value = shown.value,
                                        .expire_at_ms = shown.expire_at_ms};
    else if (type != COLLECTION_NONE)
        *outcome = (struct key_outcome){.visible = true, .key = first->key, .collection = type};
    cell_deinit(&sum);
    return visible || type != COLLECTION_NONE;
}

void scan_merge(const struct coordinated_request *c, uint64_t wall_ms, struct buffer *out)
{
    struct gathered all;
    gather(c, &all);
    struct key_result result = {.acks = quorum_counted(&c->read),
                                .needed = quorum_needed(&c->read),
                                .scan_done = all.done,
                                .next_position = all.done ? 0 : all.horizon};
    result.outcomes = memory_new(all.count, sizeof *result.outcomes);
    struct buffer *texts = memory_new(all.count, sizeof *texts);
    const struct range_entry *end = all.entries + all.count;
    for (const struct range_entry *entry = all.entries; entry < end;) {
        const struct range_entry *next = entry + 1;
        while (next < end && compare_entries(entry, next) == 0)
            next++;
        if (!all.done && entry->position >= all.horizon)
            break;
        if (result.outcome_count == UINT16_MAX) { /* no room left: go on here next time */
            result.scan_done = false;
            result.next_position = entry->position;
            break;
        }
        result.outcome_count += merge_key(c, entry, next, wall_ms, &texts[entry - all.entries],
                                          &result.outcomes[result.outcome_count]);
        entry = next;
    }
    key_result_encode(&result, out);
    key_result_deinit(&result);
    for (size_t i = 0; i < all.count; i++)
        buffer_deinit(&texts[i]);
    free(texts);
    free(all.entries);
}
