/*
 * store_whole.c - partitions sent whole, at the store side: from whom and where to go on, a page
 * for another node, and a page applied.
 */
#include "node/store_side_state.h"
#include "replica/replica_whole.h"
#include "wire/message_partition.h"

/*
 * How long the log stays as it was when a partition was begun to be sent, since the last page of
 * it. Else the asker would find the log cut again, and again get the partition whole, for ever.
 */
enum { LOG_HOLD_US = 60 * 1000 * 1000 };

/* ---- the asker's question ------------------------------------------------------------------ */

static void append_place(const struct replica *replica, const struct message_partition_ask *ask,
                         struct buffer *out)
{
    struct partition_place place = {.source = ask->sources[0], .begun = replica->whole.source};
    struct buffer clock = {0}, body = {0};
    for (uint8_t i = 0; i < ask->source_count; i++)
        if (ask->sources[i] == replica->whole.source)
            place.source = ask->sources[i];
    clock_encode(&replica->clock, &clock);
    struct message_partition_pull pull = {
        .address = {.partition = replica->partition, .tag = replica->tag},
        .from = replica_whole_place(replica, place.source),
        .clock = buffer_slice(&clock)};
    message_partition_pull_encode(&pull, &body);
    place.pull = buffer_slice(&body);
    partition_place_encode(&place, out);
    buffer_deinit(&clock);
    buffer_deinit(&body);
}

void store_handle_partition_ask(struct store_side *side, const struct frame *frame,
                                struct store_output *out)
{
    struct message_partition_ask ask;
    enum status status = message_partition_ask_decode(frame->body, &ask);
    size_t offset = frame_start(&out->late, MESSAGE_PARTITION_ASK, frame->request, 0);
    if (status == STATUS_OK) {
        const struct replica *replica = store_own_replica(side, ask.partition, &status);
        if (replica != NULL)
            append_place(replica, &ask, &out->late);
    }
    frame_finish_inside(&out->late, offset); /* empty: this node does not own it any more */
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void hold_log(struct store_side *side, const struct replica *replica, bool first,
                     struct instant now)
{
    struct log_care *care = &side->log_cares[replica - side->replicas];
    if (care->until_us <= now.mono_us)
        care->kept_from = UINT64_MAX;
    if (first && care->kept_from == UINT64_MAX)
        care->kept_from = replica->log_position + 1;
    care->until_us = now.mono_us + LOG_HOLD_US;
}

uint64_t store_log_kept_from(const struct store_side *side, uint32_t index, struct instant now)
{
    const struct log_care *care = &side->log_cares[index];
    return care->until_us > now.mono_us ? care->kept_from : UINT64_MAX;
}

/* From the committed state, whose clock is the replica's right after a commit. */
void store_answer_partition_pull(struct store_side *side, const struct frame *frame,
                                 struct instant now, struct buffer *out)
{
    struct message_partition_pull pull = {0};
    struct whole_page answer = {0};
    struct replica *replica = NULL;
    bool first = false;
    enum status status = message_partition_pull_decode(frame->body, &pull);
    if (status == STATUS_OK)
        replica = store_find_replica(side, &pull.address, &status);
    if (replica != NULL && replica->state != REPLICA_ACTIVE)
        status = STATUS_NOT_READY; /* what it has is not all of anything */
    if (status == STATUS_OK)
        status = replica_whole_answer(replica, &pull, side->settings.sync_page_bytes,
                                      &side->context, &answer, &first);
    if (status == STATUS_OK)
        hold_log(side, replica, first, now);
    else
        answer.page = (struct message_partition_page){.address = pull.address, .status = status};
    answer.page.storage_incarnation = side->storage_incarnation;
    size_t offset = frame_start(out, MESSAGE_PARTITION_PAGE, frame->request, 0);
    message_partition_page_encode(&answer.page, out);
    frame_finish_inside(out, offset);
    whole_page_deinit(&answer);
}

/* ---- a page applied ------------------------------------------------------------------------ */

static enum status apply_page(struct store_side *side, struct replica *replica, node_id from,
                              const struct message_partition_page *page, struct instant now,
                              struct message_partition_applied *applied)
{
    struct reader reader = reader_make(page->clock);
    struct clock clock;
    clock_decode(&reader, &clock);
    enum status status = reader_end(&reader);
    if (status == STATUS_OK && !replica_whole_begin(replica, from, page, &clock))
        status = STATUS_INVALID; /* not where this one has come to: ask again */
    if (status == STATUS_OK)
        status = store_apply_deliveries(side, replica, page->deliveries, page->delivery_count, now,
                                        &applied->cell_count);
    /* A cell that is too large to be taken has not come: the place stays before it. */
    if (status == STATUS_OK)
        status = replica_whole_end(replica, page, &side->context);
    applied->done = status == STATUS_OK && page->done;
    clock_deinit(&clock);
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
    store_reply_partition(frame, &applied, &out->late);
}

void store_reply_partition(const struct frame *frame,
                           const struct message_partition_applied *applied, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_PARTITION_APPLIED, frame->request, 0);
    message_partition_applied_encode(applied, out);
    frame_finish_inside(out, offset);
}
