/*
 * fuzz_record.c - what a store holds has one form only, names and values alike.
 */
#include "canonical.h"

#include "causal/clock.h"
#include "causal/version_vector.h"
#include "ring/element_key.h"
#include "wire/message_lineage.h"
#include "wire/message_register.h"
#include "wire/record.h"
#include "wire/record_expiry.h"
#include "wire/record_order.h"
#include "wire/record_hint.h"
#include "wire/record_request.h"
#include "wire/record_tree.h"
#include "wire/record_whole.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD(name) CANONICAL_STRUCT(name, struct name, CANONICAL_NOTHING_HELD)

static void release_log(struct log_record *record)
{
    clock_deinit(&record->dots);
}

static void release_garbage(struct garbage_record *record)
{
    version_vector_deinit(&record->context);
}

static void release_checkpoint(struct checkpoint_record *record)
{
    clock_deinit(&record->trimmed);
    clock_deinit(&record->clock);
}

static void check_cell_name(struct slice bytes)
{
    struct cell_name name;
    struct buffer again = {0};
    if (record_cell_name_decode(bytes, &name) != STATUS_OK)
        return;
    record_cell_name(name.position, name.keyspace, name.key, &again);
    canonical_compare(bytes, &again);
}

static void check_log_name(struct slice bytes)
{
    partition_id partition;
    uint64_t position;
    struct buffer again = {0};
    if (record_log_name_decode(bytes, &partition, &position) != STATUS_OK)
        return;
    record_log_name(partition, position, &again);
    canonical_compare(bytes, &again);
}

static void check_garbage_name(struct slice bytes)
{
    partition_id partition;
    uint64_t position;
    struct buffer again = {0};
    if (record_garbage_name_decode(bytes, &partition, &position) != STATUS_OK)
        return;
    record_garbage_name(partition, position, &again);
    canonical_compare(bytes, &again);
}

static void check_expiry_name(struct slice bytes)
{
    struct expiry_name name;
    struct buffer again = {0};
    if (record_expiry_name_decode(bytes, &name) != STATUS_OK)
        return;
    record_expiry_name(&name, &again);
    canonical_compare(bytes, &again);
}

static void check_order_name(struct slice bytes)
{
    struct order_name name;
    struct buffer again = {0};
    if (record_order_decode(bytes, &name) != STATUS_OK)
        return;
    record_order_prefix(name.position, name.keyspace, name.key, name.tag, &again);
    buffer_append_slice(&again, name.rest);
    canonical_compare(bytes, &again);
}

static void check_hint_name(struct slice bytes)
{
    static const uint8_t kinds[] = {RECORD_HINT_CELL, RECORD_HINT_ASIDE};
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct hint_name name;
        struct buffer again = {0};
        if (record_hint_name_decode(kinds[i], bytes, &name) != STATUS_OK)
            continue;
        record_hint_name(kinds[i], &name, &again);
        canonical_compare(bytes, &again);
    }
}

static void check_request_expiry_name(struct slice bytes)
{
    uint64_t expire_at_ms;
    partition_id partition;
    struct request_identity identity;
    struct buffer again = {0};
    memset(&identity, 0, sizeof identity);
    if (record_request_expiry_decode(bytes, &expire_at_ms, &partition, &identity) != STATUS_OK)
        return;
    record_request_expiry_name(expire_at_ms, partition, &identity, &again);
    canonical_compare(bytes, &again);
}

static void check_element_key(struct slice bytes)
{
    const uint64_t seed = 42;
    struct element_key name;
    struct buffer again = {0};
    /* The place is not part of the form: it follows from the element, and a false one is not sound.
     */
    if (element_key_decode(bytes, &name) != STATUS_OK ||
        name.place != element_place(name.element, seed))
        return;
    element_key_encode(name.key, name.type, name.element, seed, &again);
    canonical_compare(bytes, &again);
}

static void check_ceiling(struct slice bytes)
{
    hybrid_time ceiling;
    struct buffer again = {0};
    if (ceiling_record_decode(bytes, &ceiling) != STATUS_OK)
        return;
    ceiling_record_encode(ceiling, &again);
    canonical_compare(bytes, &again);
}

static void check_commits(struct slice bytes)
{
    uint64_t commits;
    struct buffer again = {0};
    if (commits_record_decode(bytes, &commits) != STATUS_OK)
        return;
    commits_record_encode(commits, &again);
    canonical_compare(bytes, &again);
}

static void check_register_round(struct slice bytes)
{
    uint64_t round;
    struct buffer again = {0};
    if (register_round_record_decode(bytes, &round) != STATUS_OK)
        return;
    register_round_record_encode(round, &again);
    canonical_compare(bytes, &again);
}

static void check_register_value_record(struct slice bytes)
{
    struct slice value;
    struct buffer again = {0};
    if (register_value_record_decode(bytes, &value) != STATUS_OK)
        return;
    register_value_record_encode(value, &again);
    canonical_compare(bytes, &again);
}

static void check_tree_page(struct slice bytes)
{
    enum { LEAVES = 4 };
    uint64_t hashes[LEAVES];
    uint32_t counts[LEAVES];
    struct buffer again = {0};
    if (tree_page_decode(bytes, LEAVES, hashes, counts) != STATUS_OK)
        return;
    tree_page_encode(hashes, counts, LEAVES, &again);
    canonical_compare(bytes, &again);
}

static void check_request_dot(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    uint16_t entry;
    struct dot dot;
    struct buffer again = {0};
    request_dot_decode(&reader, &entry, &dot);
    if (reader_end(&reader) != STATUS_OK)
        return;
    request_dot_encode(entry, &dot, &again);
    canonical_compare(bytes, &again);
}

CANONICAL_STRUCT(log_record, struct log_record, release_log)
CANONICAL_STRUCT(garbage_record, struct garbage_record, release_garbage)
CANONICAL_STRUCT(checkpoint_record, struct checkpoint_record, release_checkpoint)
CANONICAL_STRUCT(whole_record, struct whole_record, whole_record_deinit)
CANONICAL_STRUCT(lineage_record, struct lineage, CANONICAL_NOTHING_HELD)
CANONICAL_STRUCT(witness_record, struct lineage_witness, CANONICAL_NOTHING_HELD)
CANONICAL_STRUCT(tree_header, struct tree_header_record, CANONICAL_NOTHING_HELD)
CANONICAL_STRUCT(request_owner, struct request_identity, CANONICAL_NOTHING_HELD)
CANONICAL_ITEM(request_stamp, struct request_stamp, request_stamp_encode, CANONICAL_NOTHING_HELD)
RECORD(hint_record)
RECORD(order_value)
RECORD(request_record)
RECORD(register_acceptor_record)

/* The order is that of the seeds' first bytes: new ones go to the end. */
static const struct canonical_row ROWS[] = {
    CANONICAL_ROW(cell_name),
    CANONICAL_ROW(log_name),
    CANONICAL_ROW(garbage_name),
    CANONICAL_ROW(expiry_name),
    CANONICAL_ROW(hint_name),
    CANONICAL_ROW(request_expiry_name),
    CANONICAL_ROW(element_key),
    CANONICAL_ROW(ceiling),
    CANONICAL_ROW(commits),
    CANONICAL_ROW(register_round),
    CANONICAL_ROW(register_value_record),
    CANONICAL_ROW(tree_page),
    CANONICAL_ROW(request_dot),
    CANONICAL_ROW(log_record),
    CANONICAL_ROW(garbage_record),
    CANONICAL_ROW(checkpoint_record),
    CANONICAL_ROW(whole_record),
    CANONICAL_ROW(lineage_record),
    CANONICAL_ROW(witness_record),
    CANONICAL_ROW(tree_header),
    CANONICAL_ROW(request_owner),
    CANONICAL_ROW(request_stamp),
    CANONICAL_ROW(hint_record),
    CANONICAL_ROW(request_record),
    CANONICAL_ROW(register_acceptor_record),
    CANONICAL_ROW(order_name),
    CANONICAL_ROW(order_value),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return canonical_run(ROWS, sizeof ROWS / sizeof *ROWS, data, size);
}
