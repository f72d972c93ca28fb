#include "replica/score_index.h"

#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "causal/score.h"
#include "replica/replica_cells.h"
#include "ring/element_key.h"
#include "wire/record_order.h"

enum { MISSING_BYTES_MAX = 64 << 10 }; /* of names that one scrub renews */

/* The records of one cell. */
struct record {
    uint8_t tag;
    uint64_t score;
    struct order_value value;
};

struct records {
    struct record *list;
    uint32_t count;
};

static void add(struct records *records, const struct record *record)
{
    for (uint32_t i = 0; i < records->count; i++)
        if (records->list[i].tag == record->tag && records->list[i].score == record->score)
            return;
    records->list[records->count++] = *record;
}

static struct records records_of(const struct cell *cell)
{
    struct records out = {0};
    struct buffer text = {0};
    struct sibling shown;
    uint32_t strings = 0;
    bool counts = cell_has_counter(cell);
    for (uint32_t i = 0; i < cell->count; i++)
        strings += cell->siblings[i].kind == SIBLING_STRING;
    if (strings == 0 && !counts)
        return out;
    out.list = memory_new((size_t)strings + 2, sizeof *out.list);
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        struct record record = {.tag = ORDER_SCORES,
                                .score = score_to_order(score_of_value(sibling->value)),
                                .value = {.looks = strings > 1 || counts}};
        if (!record.value.looks) {
            record.value.dot = sibling->dot;
            record.value.time = sibling->time;
        }
        if (sibling->kind == SIBLING_STRING)
            add(&out, &record);
    }
    if (counts) { /* Z3 */
        add(&out, &(struct record){.tag = ORDER_COUNTS});
        if (cell_shown(cell, 0, &text, &shown))
            add(&out, &(struct record){.tag = ORDER_SCORES,
                                       .score = score_to_order(score_of_value(shown.value)),
                                       .value = {.looks = true}});
    }
    buffer_deinit(&text);
    return out;
}

static const struct record *find(const struct records *records, const struct record *wanted)
{
    for (uint32_t i = 0; i < records->count; i++)
        if (records->list[i].tag == wanted->tag && records->list[i].score == wanted->score)
            return &records->list[i];
    return NULL;
}

static bool same_value(const struct record *a, const struct record *b)
{
    return a->value.looks == b->value.looks && dot_compare(&a->value.dot, &b->value.dot) == 0 &&
           a->value.time == b->value.time;
}

static void put_name(uint64_t position, keyspace_id keyspace, const struct element_key *parts,
                     const struct record *record, struct buffer *out)
{
    buffer_clear(out);
    record_order_prefix(position, keyspace_of_keys(keyspace), parts->key, record->tag, out);
    if (record->tag == ORDER_SCORES)
        buffer_put_u64(out, record->score);
    buffer_append_slice(out, parts->element);
}

static bool is_member(keyspace_id keyspace, struct slice name, struct element_key *parts)
{
    return keyspace_has_elements(keyspace) && element_key_decode(name, parts) == STATUS_OK &&
           parts->type == COLLECTION_ZSET;
}

void score_index_cell(uint64_t position, keyspace_id keyspace, struct slice name,
                      const struct cell *before, const struct cell *after,
                      struct replica_context *context)
{
    struct element_key parts;
    struct buffer record_name = {0}, value = {0};
    if (!is_member(keyspace, name, &parts))
        return;
    struct records old = records_of(before), new = records_of(after);
    for (uint32_t i = 0; i < old.count; i++) {
        if (find(&new, &old.list[i]) != NULL)
            continue;
        put_name(position, keyspace, &parts, &old.list[i], &record_name);
        store_batch_delete(context->batch, buffer_slice(&record_name));
    }
    for (uint32_t i = 0; i < new.count; i++) {
        const struct record *there = find(&old, &new.list[i]);
        if (there != NULL && same_value(there, &new.list[i]))
            continue;
        put_name(position, keyspace, &parts, &new.list[i], &record_name);
        buffer_clear(&value);
        order_value_encode(&new.list[i].value, &value);
        store_batch_put(context->batch, buffer_slice(&record_name), buffer_slice(&value));
    }
    free(old.list);
    free(new.list);
    buffer_deinit(&record_name);
    buffer_deinit(&value);
}

enum status score_index_missing(uint64_t position, keyspace_id keyspace, struct slice name,
                                const struct cell *cell, const struct replica_context *context,
                                struct buffer *names)
{
    struct element_key parts;
    struct buffer record_name = {0}, there = {0}, value = {0};
    enum status status = STATUS_OK;
    bool missing = false;
    if (names->length >= MISSING_BYTES_MAX || !is_member(keyspace, name, &parts))
        return STATUS_OK;
    struct records records = records_of(cell);
    for (uint32_t i = 0; i < records.count && status == STATUS_OK && !missing; i++) {
        put_name(position, keyspace, &parts, &records.list[i], &record_name);
        buffer_clear(&there);
        buffer_clear(&value);
        order_value_encode(&records.list[i].value, &value);
        status = context->port->get(context->port->context, buffer_slice(&record_name), &there);
        missing = status == STATUS_NOT_FOUND ||
                  (status == STATUS_OK && !slice_equal(buffer_slice(&there), buffer_slice(&value)));
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (status == STATUS_OK && missing) {
        buffer_put_u16(names, keyspace);
        buffer_put_bytes(names, name);
    }
    free(records.list);
    buffer_deinit(&record_name);
    buffer_deinit(&there);
    buffer_deinit(&value);
    return status;
}

void score_index_renew(struct slice names, struct replica_context *context)
{
    const struct cell nothing = {0};
    struct reader reader = reader_make(names);
    while (reader_left(&reader) > 0) {
        struct local_cell local;
        keyspace_id keyspace = reader_u16(&reader);
        struct slice name = reader_bytes(&reader);
        if (local_cell_load(context, keyspace, name, &local) == STATUS_OK)
            score_index_cell(replica_position(context, keyspace, name), keyspace, name, &nothing,
                             &local.cell, context);
        local_cell_deinit(&local);
    }
}
