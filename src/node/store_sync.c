/*
 * store_sync.c - log sync at the store side: which clocks, what a pull is answered, and pages
 * applied.
 */
#include "node/store_side_state.h"
#include "ring/ring_change.h"

/* Whether a replica that was lost, or is new, has absorbed enough to be counted on. */
static bool is_rebuilt(const struct store_side *side, const struct replica *replica)
{
    struct node_set sources = {0};
    for (uint8_t i = 0; i < replica->rebuilt_from_count; i++)
        node_set_add(&sources, replica->rebuilt_from[i]);
    return ring_is_complete(side->ring, replica->partition, side->self, &sources);
}

/* The clocks of the asked partitions, as the body of a pull. */
void store_handle_sync_clocks(struct store_side *side, const struct frame *frame,
                              struct store_output *out)
{
    struct message_sync_clocks message;
    size_t offset = frame_start(&out->late, MESSAGE_SYNC_PULL, frame->request, 0);
    if (message_sync_clocks_decode(frame->body, &message) != STATUS_OK)
        message.count = 0;
    for (uint16_t i = 0; i < message.count; i++) {
        enum status status;
        struct replica *replica = store_own_replica(side, message.cursors[i].partition, &status);
        if (replica == NULL)
            continue;
        struct sync_question question = {.address = {replica->partition, replica->tag},
                                         .before = message.cursors[i].before,
                                         .top = message.cursors[i].top,
                                         .clock = replica->clock};
        question.flags = replica->state == REPLICA_REBUILDING ? SYNC_ALL : 0;
        sync_question_encode(&question, &out->late);
    }
    frame_finish_inside(&out->late, offset);
}

void store_answer_pull(struct store_side *side, const struct frame *frame, struct buffer *out)
{
    struct reader reader = reader_make(frame->body);
    struct buffer deliveries = {0};
    size_t offset = frame_start(out, MESSAGE_SYNC_PAGE, frame->request, 0);
    size_t first = out->length;
    while (reader_left(&reader) > 0 && out->length - first < side->settings.sync_page_bytes) {
        struct sync_question question;
        struct sync_answer answer = {0};
        sync_question_decode(&reader, &question);
        if (reader.failed) {
            clock_deinit(&question.clock);
            break;
        }
        struct replica *replica = store_find_replica(side, &question.address, &answer.status);
        answer.address = question.address;
        if (replica != NULL && replica->state != REPLICA_ACTIVE && (question.flags & SYNC_ALL))
            answer.status = STATUS_NOT_READY; /* two that rebuild cannot rebuild each other */
        if (replica != NULL)
            store_debt_note(side, replica, frame->request, &question.clock);
        if (answer.status == STATUS_OK) {
            buffer_clear(&deliveries);
            answer.status =
                replica_sync_answer(replica, &question, side->settings.sync_settle_ms,
                                    side->settings.sync_page_bytes - (out->length - first),
                                    &side->context, &answer, &deliveries);
            if (deliveries.length > MESSAGE_PAYLOAD_BYTES_MAX * 2) /* siblings of many actors */
                answer.status = STATUS_TOO_LARGE;
            if (answer.status == STATUS_OK)
                answer.deliveries = buffer_slice(&deliveries);
            else
                answer = (struct sync_answer){.address = question.address, .status = answer.status};
        }
        sync_answer_encode(&answer, out);
        clock_deinit(&question.clock);
    }
    frame_finish_inside(out, offset);
    store_debt_answered(side->debts, frame->request);
    buffer_deinit(&deliveries);
}

static enum status apply_answer(struct store_side *side, node_id from,
                                const struct sync_answer *answer, struct instant now,
                                struct message_sync_applied *sum, struct store_output *out)
{
    enum status status;
    struct replica *replica = store_find_replica(side, &answer->address, &status);
    if (replica == NULL || answer->status != STATUS_OK)
        return status;
    status = store_apply_deliveries(side, replica, answer->deliveries, answer->delivery_count, now,
                                    &sum->cell_count);
    store_checkpoint_if_due(side, replica);
    if (status == STATUS_OK && answer->complete && replica->state == REPLICA_REBUILDING) {
        replica_note_source(replica, from);
        if (is_rebuilt(side, replica)) {
            replica_activate(replica);
            store_append_state(replica, &out->late);
        }
        replica_checkpoint(replica, &side->context);
    }
    return status;
}

/* A cell that is too large holds up neither the other cells nor the other partitions. */
void store_handle_sync_apply(struct store_side *side, const struct frame *frame, struct instant now,
                             struct store_output *out)
{
    struct message_sync_apply message;
    struct message_sync_applied sum = {0};
    enum status status = message_sync_apply_decode(frame->body, &message);
    struct reader reader = reader_make(message.page);
    bool refused = false;
    while (status == STATUS_OK && reader_left(&reader) > 0) {
        struct sync_answer answer;
        sync_answer_decode(&reader, &answer);
        status = reader.failed ? STATUS_CORRUPT
                               : apply_answer(side, message.from, &answer, now, &sum, out);
        if (status == STATUS_TOO_LARGE) {
            refused = true;
            status = STATUS_OK;
        }
    }
    sum.status = status == STATUS_OK && refused ? STATUS_TOO_LARGE : status;
    size_t offset = frame_start(&out->late, MESSAGE_SYNC_APPLIED, frame->request, 0);
    message_sync_applied_encode(&sum, &out->late);
    frame_finish_inside(&out->late, offset);
}
