/*
 * store_whole.c - partitions sent whole, at the store side: where to go on, a page for another
 * node, and a page applied.
 */
#include "node/store_side_state.h"
#include "ring/position.h"
#include "wire/message_garbage.h"

static struct position_range range_of(const struct store_side *side, partition_id partition)
{
    return (struct position_range){
        .first = ring_position_first(partition, side->ring->partition_count),
        .last = ring_position_last(partition, side->ring->partition_count)};
}

/* Where the sync with this source has come to, as the body of a pull. */
void store_handle_partition_ask(struct store_side *side, const struct frame *frame,
                                struct store_output *out)
{
    struct message_partition_ask ask;
    size_t offset = frame_start(&out->late, MESSAGE_PARTITION_PULL, frame->request, 0);
    if (message_partition_ask_decode(frame->body, &ask) == STATUS_OK) {
        struct message_partition_pull pull = {
            .address = {.partition = ask.partition, .tag = side->ring->tag}};
        enum status status;
        struct replica *replica = store_find_replica(side, &pull.address, &status);
        if (replica != NULL) {
            pull.position = replica->whole.source == ask.source
                                ? replica->whole.next_position
                                : range_of(side, ask.partition).first;
            message_partition_pull_encode(&pull, &out->late);
        }
    }
    frame_finish(&out->late, offset);
}

/* From the committed state, whose clock is the replica's right after a commit. */
void store_answer_partition_pull(struct store_side *side, const struct frame *frame,
                                 struct buffer *out)
{
    struct message_partition_pull pull = {0};
    struct message_partition_page page = {.storage_incarnation = side->storage_incarnation};
    struct buffer deliveries = {0}, clock = {0};
    struct replica *replica = NULL;
    page.status = message_partition_pull_decode(frame->body, &pull);
    page.address = pull.address;
    if (page.status == STATUS_OK)
        replica = store_find_replica(side, &pull.address, &page.status);
    if (replica != NULL && replica->state != REPLICA_ACTIVE)
        page.status = STATUS_NOT_READY; /* what it has is not all of anything */
    if (page.status == STATUS_OK)
        page.status = replica_whole_answer(
            replica, pull.position, range_of(side, pull.address.partition),
            side->settings.sync_page_bytes, &side->context, &page, &deliveries);
    if (page.status == STATUS_OK && deliveries.length > MESSAGE_PAYLOAD_BYTES_MAX * 2)
        page.status = STATUS_TOO_LARGE;
    if (page.status == STATUS_OK) {
        clock_encode(&replica->clock, &clock);
        page.clock = buffer_slice(&clock);
        page.deliveries = buffer_slice(&deliveries);
    } else {
        page.delivery_count = 0;
    }
    size_t offset = frame_start(out, MESSAGE_PARTITION_PAGE, frame->request, 0);
    message_partition_page_encode(&page, out);
    frame_finish(out, offset);
    buffer_deinit(&deliveries);
    buffer_deinit(&clock);
}

static enum status apply_page(struct store_side *side, struct replica *replica, node_id from,
                              const struct message_partition_page *page, struct instant now,
                              struct message_partition_applied *applied)
{
    struct position_range range = range_of(side, replica->partition);
    struct reader reader = reader_make(page->clock);
    struct clock seen;
    clock_decode(&reader, &seen);
    enum status status = reader_end(&reader);
    if (status == STATUS_OK && !replica_whole_begin(replica, from, page, &seen, range))
        status = STATUS_INVALID; /* not where this sync has come to: ask again */
    if (status == STATUS_OK)
        status = store_apply_deliveries(side, replica, page->deliveries, page->delivery_count,
                                        &seen, now, &applied->cell_count);
    /* A cell that is too large to be taken must not be taken for seen: it holds up the end. */
    if (status == STATUS_OK)
        status = replica_whole_drop(replica, page, &seen, range, &side->context,
                                    &applied->cell_count);
    if (status == STATUS_OK) {
        replica_whole_end(replica, page, &side->context);
        applied->done = page->done;
    }
    clock_deinit(&seen);
    return status;
}

void store_handle_partition_apply(struct store_side *side, const struct frame *frame,
                                  struct instant now, struct store_output *out)
{
    struct message_partition_apply message;
    struct message_partition_page page;
    struct message_partition_applied applied = {0};
    struct replica *replica = NULL;
    applied.status = message_partition_apply_decode(frame->body, &message);
    if (applied.status == STATUS_OK)
        applied.status = message_partition_page_decode(message.page, &page);
    if (applied.status == STATUS_OK)
        applied.status = page.status;
    if (applied.status == STATUS_OK)
        replica = store_find_replica(side, &page.address, &applied.status);
    if (replica != NULL) {
        applied.status = apply_page(side, replica, message.from, &page, now, &applied);
        store_checkpoint_if_due(side, replica);
    }
    size_t offset = frame_start(&out->late, MESSAGE_PARTITION_APPLIED, frame->request, 0);
    message_partition_applied_encode(&applied, &out->late);
    frame_finish(&out->late, offset);
}
