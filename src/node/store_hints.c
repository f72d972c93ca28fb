/*
 * store_hints.c - hints at the store side of a fallback: kept, paged out, dropped once delivered.
 *
 * They go through the node's one database and its groups, as the writes of its own
 * replicas do: an acknowledged hint is synced by the sync that the group has anyway.
 */
#include "node/store_side_state.h"

#include "ring/position.h"
#include "ring/transition.h"

static void reply_hinted(const struct frame *frame, enum status status, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_HINTED, frame->request, 0);
    message_replicated_encode(&(struct message_replicated){.status = status}, out);
    frame_finish_inside(out, offset);
}

static void reply_page(const struct frame *frame, const struct message_hints_page *page,
                       struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_HINTS_PAGE, frame->request, 0);
    message_hints_page_encode(page, out);
    frame_finish_inside(out, offset);
}

static void reply_dropped(const struct frame *frame, const struct message_hints_dropped *dropped,
                          struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_HINTS_DROPPED, frame->request, 0);
    message_hints_dropped_encode(dropped, out);
    frame_finish_inside(out, offset);
}

bool store_refuse_hints(const struct frame *frame, enum status status, struct buffer *out)
{
    switch (frame->type) {
    case MESSAGE_HINT:
        reply_hinted(frame, status, out);
        return true;
    case MESSAGE_HINTS_SCAN:
        reply_page(frame, &(struct message_hints_page){.status = status}, out);
        return true;
    case MESSAGE_HINTS_DROP:
        reply_dropped(frame, &(struct message_hints_dropped){.status = status}, out);
        return true;
    default:
        return false;
    }
}

/* Only a node that stores data and has no replica keeps hints, for one with, under its tag. */
static enum status check_hint(const struct store_side *side, const struct message_hint *hint)
{
    const struct replica_address *address = &hint->replicate.address;
    if (address->partition >= side->ring->partition_count)
        return STATUS_INVALID;
    int order = ring_tag_compare(address->tag, ring_tag_of(side->ring, address->partition));
    if (order != 0)
        return order < 0 ? STATUS_STALE_TAG : STATUS_NOT_READY;
    if (ring_member(side->ring, side->self)->role != MEMBER_DATA ||
        ring_replicates(side->ring, side->self, address->partition) ||
        !ring_replicates(side->ring, hint->intended, address->partition))
        return STATUS_INVALID;
    return STATUS_OK;
}

static enum status keep_all(struct store_side *side, const struct message_hint *hint)
{
    struct reader reader = reader_make(hint->replicate.deliveries);
    partition_id partition = hint->replicate.address.partition;
    enum status status = STATUS_OK;
    for (uint16_t i = 0; i < hint->replicate.delivery_count && status == STATUS_OK; i++) {
        struct cell_delivery delivery;
        cell_delivery_decode(&reader, &delivery);
        enum merge_policy policy = store_policy_of(side, delivery.keyspace, &status);
        if (!store_may_hold(side, &delivery, partition))
            status = STATUS_INVALID;
        if (status == STATUS_OK)
            status = hint_store_add(side->hints, partition, hint->intended, &delivery, policy,
                                    &side->context);
    }
    return status;
}

/* A hint of several cells that is refused half-way leaves some of them: more copies, no harm. */
void store_handle_hint(struct store_side *side, const struct frame *frame, struct store_output *out)
{
    struct message_hint hint;
    enum status status = message_hint_decode(frame->body, &hint);
    if (status == STATUS_OK)
        status = store_hints_are_stale(side) ? STATUS_NOT_READY : check_hint(side, &hint);
    if (status == STATUS_OK)
        status = keep_all(side, &hint);
    reply_hinted(frame, status, &out->late);
}

void store_handle_hints_scan(struct store_side *side, const struct frame *frame,
                             struct store_output *out)
{
    struct message_hints_scan scan;
    struct hint_page page = {0};
    page.message.status = message_hints_scan_decode(frame->body, &scan);
    if (page.message.status == STATUS_OK && scan.partition >= side->ring->partition_count)
        page.message.status = STATUS_INVALID;
    if (page.message.status == STATUS_OK && store_hints_are_stale(side))
        page.message.status = STATUS_NOT_READY;
    if (page.message.status == STATUS_OK)
        hint_store_page(side->hints, &scan, &side->context, &page);
    reply_page(frame, &page.message, &out->late);
    hint_page_deinit(&page);
}

void store_handle_hints_drop(struct store_side *side, const struct frame *frame,
                             struct store_output *out)
{
    struct message_hints_drop drop;
    struct message_hints_dropped dropped = {0};
    dropped.status = message_hints_drop_decode(frame->body, &drop);
    if (dropped.status == STATUS_OK && drop.partition >= side->ring->partition_count)
        dropped.status = STATUS_INVALID;
    if (dropped.status == STATUS_OK && store_hints_are_stale(side))
        dropped.status = STATUS_NOT_READY;
    if (dropped.status == STATUS_OK)
        dropped.status = hint_store_drop(side->hints, &drop, &side->context, &dropped.count);
    reply_dropped(frame, &dropped, &out->late);
}

void store_report_hints(struct store_side *side, struct buffer *out)
{
    struct message_hint_counts counts;
    while (hint_store_next_counts(side->hints, &counts)) {
        size_t offset = frame_start(out, MESSAGE_HINT_COUNTS, 0, 0);
        message_hint_counts_encode(&counts, out);
        frame_finish_inside(out, offset);
    }
}
