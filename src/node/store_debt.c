/*
 * store_debt.c - what other owners lack of what is in the logs here, for operators.
 *
 * An owner that asks for what it lacks shows its clock (MESSAGE_SYNC_PULL). What it had then is
 * remembered as a number for each partition. What the own clock has beyond it is the most that the
 * owner can lack: it may have got some of that directly, or from others. After a start nothing is
 * known of an owner until it has asked. A node that drains marks what is here, and waits until each
 * other owner has shown all of that.
 */
#include "node/store_side_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct shown_clock {
    bool known;
    uint64_t had; /* of the events that are here */
    uint64_t lacked;
    bool whole; /* all that was here at the mark */
};

/* MESSAGE_SYNC_PULL carries no name: who asks with which number. */
struct puller {
    request_id request;
    node_id node;
};

enum { PULLERS_MAX = 256 }; /* of more the oldest is forgotten: its pull shows no clock */

struct debt_book {
    uint64_t mark;        /* 0: none */
    struct clock *marked; /* of each replica, as it was then */
    uint32_t marked_count;
    struct shown_clock *shown; /* for each replica, one for each owner in the ring's order */
    struct puller pullers[PULLERS_MAX]; /* whose pulls have not been answered; the oldest first */
    uint32_t puller_count;
    uint64_t event_count, event_bytes; /* that came here, for the mean */
};

struct debt_book *store_debt_new(const struct store_side *side)
{
    struct debt_book *book = memory_new(1, sizeof *book);
    book->shown =
        memory_new((size_t)side->replica_count * side->ring->owner_count, sizeof *book->shown);
    return book;
}

static void drop_mark(struct debt_book *book)
{
    for (uint32_t i = 0; i < book->marked_count; i++)
        clock_deinit(&book->marked[i]);
    free(book->marked);
    book->marked = NULL;
    book->marked_count = 0;
    book->mark = 0;
}

void store_debt_reopened(struct store_side *side)
{
    drop_mark(side->debts);
}

/* Whatever owners show from now on counts, and nothing that they showed before. */
static void set_mark(struct store_side *side, uint64_t mark)
{
    struct debt_book *book = side->debts;
    if (mark == book->mark)
        return;
    drop_mark(book);
    if (mark == 0)
        return;
    book->mark = mark;
    book->marked_count = side->replica_count;
    book->marked = memory_new(side->replica_count, sizeof *book->marked);
    for (uint32_t i = 0; i < side->replica_count; i++)
        clock_copy(&side->replicas[i].clock, &book->marked[i]);
    for (size_t i = 0; i < (size_t)side->replica_count * side->ring->owner_count; i++)
        book->shown[i].whole = false;
}

/* The rows are those of other owners now: nothing is known until they have asked. */
void store_debt_follow(struct store_side *side, const struct holdings_change *change)
{
    drop_mark(side->debts);
    free(side->debts->shown);
    side->debts->shown =
        memory_new((size_t)change->count * side->ring->owner_count, sizeof *side->debts->shown);
}

void store_debt_free(struct debt_book *book)
{
    if (book == NULL)
        return;
    drop_mark(book);
    free(book->shown);
    free(book);
}

void store_debt_count_events(struct debt_book *book, uint64_t count, uint64_t bytes)
{
    book->event_count += count;
    book->event_bytes += bytes;
}

static void forget_puller(struct debt_book *book, uint32_t index)
{
    book->puller_count--;
    memmove(&book->pullers[index], &book->pullers[index + 1],
            (book->puller_count - index) * sizeof book->pullers[0]);
}

void store_debt_answered(struct debt_book *book, request_id request)
{
    for (uint32_t i = 0; i < book->puller_count; i++) {
        if (book->pullers[i].request == request) {
            forget_puller(book, i);
            return;
        }
    }
}

static struct shown_clock *shown_by(const struct store_side *side, const struct replica *replica,
                                    node_id node)
{
    const node_id *owners = ring_owners(side->ring, replica->partition);
    size_t row = (size_t)(replica - side->replicas) * side->ring->owner_count;
    for (uint8_t i = 0; i < side->ring->owner_count; i++)
        if (owners[i] == node)
            return &side->debts->shown[row + i];
    return NULL;
}

void store_debt_note(struct store_side *side, const struct replica *replica, request_id request,
                     const struct clock *clock)
{
    const struct debt_book *book = side->debts;
    struct clock missing = {0};
    uint32_t i = 0;
    while (i < book->puller_count && book->pullers[i].request != request)
        i++;
    struct shown_clock *shown =
        i < book->puller_count ? shown_by(side, replica, book->pullers[i].node) : NULL;
    if (shown == NULL)
        return;
    clock_difference(&replica->clock, clock, &missing);
    shown->known = true;
    shown->lacked = clock_dot_count(&missing);
    shown->had = clock_dot_count(&replica->clock) - shown->lacked;
    clock_deinit(&missing);
    if (book->mark != 0 && !shown->whole)
        shown->whole = clock_descends(clock, &book->marked[replica - side->replicas]);
}

static void note_puller(struct debt_book *book, const struct message_log_debt *message)
{
    if (book->puller_count == PULLERS_MAX)
        forget_puller(book, 0);
    book->pullers[book->puller_count++] =
        (struct puller){.request = message->request, .node = message->node};
}

static struct log_debt debt_of(const struct store_side *side, node_id node)
{
    const struct debt_book *book = side->debts;
    struct log_debt debt = {.node = node};
    for (uint32_t i = 0; i < side->replica_count; i++) {
        const struct shown_clock *shown = shown_by(side, &side->replicas[i], node);
        if (shown == NULL)
            continue;
        uint64_t count = clock_dot_count(&side->replicas[i].clock);
        debt.unknown += !shown->known && count > 0;
        debt.unshown += book->mark != 0 && !shown->whole && clock_dot_count(&book->marked[i]) > 0;
        if (!shown->known || count <= shown->had)
            continue;
        debt.events_at_pull += shown->lacked;
        debt.events += count - shown->had;
    }
    if (book->event_count > 0)
        debt.bytes = debt.events * (book->event_bytes / book->event_count);
    return debt;
}

void store_handle_log_debt(struct store_side *side, const struct frame *frame,
                           struct store_output *out)
{
    struct message_log_debt message;
    struct message_log_debts debts = {0};
    struct buffer rows = {0};
    enum status status = message_log_debt_decode(frame->body, &message);
    if (status == STATUS_OK && message.kind == LOG_DEBT_PULLER)
        note_puller(side->debts, &message);
    if (status != STATUS_OK || message.kind != LOG_DEBT_ASK)
        return;
    set_mark(side, message.request);
    debts.mark = message.request;
    for (uint16_t i = 0; i < side->ring->member_count; i++) {
        if (side->ring->members[i].id == side->self)
            continue;
        struct log_debt debt = debt_of(side, side->ring->members[i].id);
        if (debt.unknown == 0 && debt.events == 0 && debt.unshown == 0)
            continue;
        log_debt_encode(&debt, &rows);
        debts.count++;
    }
    debts.debts = buffer_slice(&rows);
    size_t offset = frame_start(&out->late, MESSAGE_LOG_DEBT, 0, 0);
    message_log_debts_encode(&debts, &out->late);
    frame_finish(&out->late, offset);
    buffer_deinit(&rows);
}
