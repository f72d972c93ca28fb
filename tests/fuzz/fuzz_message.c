/*
 * fuzz_message.c - the bodies of all frames, and the items of their lists, have one form only.
 */
#include "canonical.h"

#include "causal/clock.h"
#include "wire/message.h"
#include "wire/message_collection.h"
#include "wire/message_drain.h"
#include "wire/message_drop.h"
#include "wire/message_expiry.h"
#include "wire/message_fetch.h"
#include "wire/message_garbage.h"
#include "wire/message_hint.h"
#include "wire/message_hint_read.h"
#include "wire/message_key_state.h"
#include "wire/message_lineage.h"
#include "wire/message_lookup.h"
#include "wire/message_order.h"
#include "wire/message_partition.h"
#include "wire/message_publish.h"
#include "wire/message_reach.h"
#include "wire/message_register.h"
#include "wire/message_ring.h"
#include "wire/message_tree.h"
#include "wire/message_tree_local.h"
#include "wire/password_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY(name) CANONICAL_STRUCT(name, struct name, CANONICAL_NOTHING_HELD)
#define ITEM(name) CANONICAL_ITEM(name, struct name, name##_encode, CANONICAL_NOTHING_HELD)

static void release_leaf(struct message_tree_leaf *leaf)
{
    clock_deinit(&leaf->listing.clock);
}

static void release_leaf_result(struct message_tree_leaf_result *result)
{
    clock_deinit(&result->back.clock);
}

static void release_listing(struct tree_listing *listing)
{
    clock_deinit(&listing->clock);
}

static void release_stability(struct stability_entry *entry)
{
    clock_deinit(&entry->clock);
}

static void release_question(struct sync_question *question)
{
    clock_deinit(&question->clock);
}

/* A job and its result stay inside a process, and have one form all the same. */
static void check_password_result(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct password_result result;
    struct buffer again = {0};
    password_result_decode(&reader, &result);
    if (reader_end(&reader) != STATUS_OK)
        return;
    password_result_encode(&result, &again);
    canonical_compare(bytes, &again);
}

/* Its encoder takes the message that is inside as bytes. */
static void check_message_hint(struct slice bytes)
{
    struct message_hint hint;
    struct buffer inner = {0}, again = {0};
    if (message_hint_decode(bytes, &hint) != STATUS_OK)
        return;
    message_replicate_encode(&hint.replicate, &inner);
    message_hint_encode(hint.intended, buffer_slice(&inner), &again);
    canonical_compare(bytes, &again);
    buffer_deinit(&inner);
}

static void check_ballot(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct ballot ballot = ballot_decode(&reader);
    struct buffer again = {0};
    if (reader_end(&reader) != STATUS_OK)
        return;
    ballot_encode(ballot, &again);
    canonical_compare(bytes, &again);
}

static void check_reach(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct buffer again = {0};
    while (reader_left(&reader) > 0 && !reader.failed) {
        struct reach_report report;
        node_id before = 0;
        reach_report_decode(&reader, &report);
        if (!reader.failed)
            reach_report_encode(&report, &again);
        for (uint32_t i = 0; i < report.count && !reader.failed; i++) {
            struct reach_cell cell;
            reach_cell_decode(&reader, before, &cell);
            if (!reader.failed)
                reach_cell_encode(&cell, before, &again);
            before = cell.node;
        }
    }
    if (reader_end(&reader) == STATUS_OK)
        canonical_compare(bytes, &again);
    else
        buffer_deinit(&again);
}

BODY(password_job)
BODY(message_hello)
BODY(message_heartbeat)
BODY(message_read)
BODY(message_read_result)
BODY(message_range)
BODY(message_range_result)
BODY(message_replicate)
BODY(message_replicated)
BODY(message_digest)
BODY(message_digest_result)
BODY(message_mint)
BODY(message_minted)
BODY(message_sync_clocks)
BODY(message_sync_apply)
BODY(message_sync_applied)
BODY(message_clock)
BODY(message_mint_from)
BODY(message_replica_state)
BODY(message_store_counts)
BODY(message_elements)
BODY(message_order)
BODY(message_order_result)
BODY(message_elements_result)
BODY(message_collection_clock)
BODY(message_collection_clock_result)
BODY(message_drop_state)
BODY(message_expiry_step)
BODY(message_expiry_state)
BODY(message_fetch)
BODY(message_stability)
BODY(message_stability_heard)
BODY(message_stability_step)
BODY(message_garbage)
BODY(message_hint_state)
BODY(message_hints_scan)
BODY(message_hints_page)
BODY(message_hints_drop)
BODY(message_hints_dropped)
BODY(message_hint_counts)
BODY(message_log_debt)
BODY(message_log_debts)
BODY(message_hint_read)
BODY(message_hint_read_result)
BODY(message_lineage_judged)
BODY(message_lineage_shown)
BODY(message_lookup)
BODY(message_lookup_result)
BODY(mint_lookup)
BODY(message_partition_pull)
BODY(message_partition_page)
BODY(message_partition_ask)
BODY(partition_place)
BODY(message_partition_apply)
BODY(message_partition_applied)
BODY(message_register_known)
BODY(message_register_prepare)
BODY(message_register_promise)
BODY(message_register_accept)
BODY(message_register_accepted)
BODY(message_register_state)
BODY(message_register_reserve)
BODY(message_register_reserved)
BODY(message_register_learned)
BODY(message_tree_root)
BODY(message_tree_root_result)
BODY(message_tree_nodes)
BODY(message_tree_nodes_result)
CANONICAL_STRUCT(message_tree_leaf, struct message_tree_leaf, release_leaf)
CANONICAL_STRUCT(message_tree_leaf_result, struct message_tree_leaf_result, release_leaf_result)
BODY(message_tree_repair)
BODY(message_tree_repaired)
BODY(message_tree_ask)
BODY(message_tree_apply)
BODY(message_tree_applied)
BODY(message_scrub)
BODY(message_scrubbed)
BODY(message_tree_state)
BODY(message_publish)
BODY(message_publish_taken)
BODY(message_drain)
BODY(message_drain_heard)
BODY(message_key_state)
BODY(message_key_state_result)
CANONICAL_STRUCT(message_ring_told, struct ring_testimony, ring_testimony_deinit)
ITEM(replica_address)
ITEM(range_entry)
ITEM(cell_delivery)
CANONICAL_ITEM(sync_question, struct sync_question, sync_question_encode, release_question)
ITEM(sync_answer)
ITEM(element_entry)
ITEM(order_entry)
ITEM(fetch_key)
CANONICAL_ITEM(stability_entry, struct stability_entry, stability_entry_encode, release_stability)
ITEM(hint_mark)
ITEM(log_debt)
ITEM(lineage)
ITEM(lineage_witness)
CANONICAL_ITEM(tree_listing, struct tree_listing, tree_listing_encode, release_listing)
ITEM(forced_delivery)

/* The order is that of the seeds' first bytes: new ones go to the end. */
static const struct canonical_row ROWS[] = {
    CANONICAL_ROW(message_hello),
    CANONICAL_ROW(message_heartbeat),
    CANONICAL_ROW(message_read),
    CANONICAL_ROW(message_read_result),
    CANONICAL_ROW(message_range),
    CANONICAL_ROW(message_range_result),
    CANONICAL_ROW(message_replicate),
    CANONICAL_ROW(message_replicated),
    CANONICAL_ROW(message_digest),
    CANONICAL_ROW(message_digest_result),
    CANONICAL_ROW(message_mint),
    CANONICAL_ROW(message_minted),
    CANONICAL_ROW(message_sync_clocks),
    CANONICAL_ROW(message_sync_apply),
    CANONICAL_ROW(message_sync_applied),
    CANONICAL_ROW(message_clock),
    CANONICAL_ROW(message_mint_from),
    CANONICAL_ROW(message_replica_state),
    CANONICAL_ROW(message_store_counts),
    CANONICAL_ROW(message_elements),
    CANONICAL_ROW(message_elements_result),
    CANONICAL_ROW(message_collection_clock),
    CANONICAL_ROW(message_collection_clock_result),
    CANONICAL_ROW(message_drop_state),
    CANONICAL_ROW(message_expiry_step),
    CANONICAL_ROW(message_expiry_state),
    CANONICAL_ROW(message_fetch),
    CANONICAL_ROW(message_stability),
    CANONICAL_ROW(message_stability_heard),
    CANONICAL_ROW(message_stability_step),
    CANONICAL_ROW(message_garbage),
    CANONICAL_ROW(message_hint),
    CANONICAL_ROW(message_hint_state),
    CANONICAL_ROW(message_hints_scan),
    CANONICAL_ROW(message_hints_page),
    CANONICAL_ROW(message_hints_drop),
    CANONICAL_ROW(message_hints_dropped),
    CANONICAL_ROW(message_hint_counts),
    CANONICAL_ROW(message_log_debt),
    CANONICAL_ROW(message_log_debts),
    CANONICAL_ROW(message_hint_read),
    CANONICAL_ROW(message_hint_read_result),
    CANONICAL_ROW(message_lineage_judged),
    CANONICAL_ROW(message_lineage_shown),
    CANONICAL_ROW(message_lookup),
    CANONICAL_ROW(message_lookup_result),
    CANONICAL_ROW(mint_lookup),
    CANONICAL_ROW(message_partition_pull),
    CANONICAL_ROW(message_partition_page),
    CANONICAL_ROW(message_partition_ask),
    CANONICAL_ROW(partition_place),
    CANONICAL_ROW(message_partition_apply),
    CANONICAL_ROW(message_partition_applied),
    CANONICAL_ROW(message_register_known),
    CANONICAL_ROW(message_register_prepare),
    CANONICAL_ROW(message_register_promise),
    CANONICAL_ROW(message_register_accept),
    CANONICAL_ROW(message_register_accepted),
    CANONICAL_ROW(message_register_state),
    CANONICAL_ROW(message_register_reserve),
    CANONICAL_ROW(message_register_reserved),
    CANONICAL_ROW(message_register_learned),
    CANONICAL_ROW(message_tree_root),
    CANONICAL_ROW(message_tree_root_result),
    CANONICAL_ROW(message_tree_nodes),
    CANONICAL_ROW(message_tree_nodes_result),
    CANONICAL_ROW(message_tree_leaf),
    CANONICAL_ROW(message_tree_leaf_result),
    CANONICAL_ROW(message_tree_repair),
    CANONICAL_ROW(message_tree_repaired),
    CANONICAL_ROW(message_tree_ask),
    CANONICAL_ROW(message_tree_apply),
    CANONICAL_ROW(message_tree_applied),
    CANONICAL_ROW(message_scrub),
    CANONICAL_ROW(message_scrubbed),
    CANONICAL_ROW(message_tree_state),
    CANONICAL_ROW(replica_address),
    CANONICAL_ROW(range_entry),
    CANONICAL_ROW(cell_delivery),
    CANONICAL_ROW(sync_question),
    CANONICAL_ROW(sync_answer),
    CANONICAL_ROW(element_entry),
    CANONICAL_ROW(fetch_key),
    CANONICAL_ROW(stability_entry),
    CANONICAL_ROW(hint_mark),
    CANONICAL_ROW(log_debt),
    CANONICAL_ROW(lineage),
    CANONICAL_ROW(lineage_witness),
    CANONICAL_ROW(tree_listing),
    CANONICAL_ROW(forced_delivery),
    CANONICAL_ROW(ballot),
    CANONICAL_ROW(reach),
    CANONICAL_ROW(message_publish),
    CANONICAL_ROW(message_publish_taken),
    CANONICAL_ROW(message_ring_told),
    CANONICAL_ROW(password_job),
    CANONICAL_ROW(password_result),
    CANONICAL_ROW(message_drain),
    CANONICAL_ROW(message_drain_heard),
    CANONICAL_ROW(message_order),
    CANONICAL_ROW(message_order_result),
    CANONICAL_ROW(order_entry),
    CANONICAL_ROW(message_key_state),
    CANONICAL_ROW(message_key_state_result),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return canonical_run(ROWS, sizeof ROWS / sizeof *ROWS, data, size);
}
