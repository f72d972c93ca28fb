#include "repair/log_sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/transition.h"

enum sync_state { SYNC_DOWN, SYNC_PAUSED, SYNC_CLOCKS_ASKED, SYNC_PEER_ASKED, SYNC_APPLYING };

struct log_sync {
    node_id peer;
    uint32_t interval_ms;
    uint32_t timeout_ms;
    partition_id *shared; /* partitions that both own, ascending */
    uint64_t *left_us;    /* of each: since when it is left to another peer; 0: it is not */
    uint32_t shared_count;
    bool is_up;     /* the peer */
    uint32_t next;  /* into shared: where the next exchange begins */
    uint32_t eager; /* exchanges to make without a pause */
    enum sync_state state;
    uint64_t deadline_us;               /* of what is under way, or of the pause */
    uint64_t began_us;                  /* the exchange */
    uint64_t held_until_us;             /* the partitions under way are left to this peer */
    struct message_sync_clocks cursors; /* partitions of this exchange that are not finished */
    bool differs;                       /* this exchange brought something */
    bool progressed; /* the last page finished a partition, or got further down its log */
};

static void find_shared(struct log_sync *sync, const struct ring *ring, node_id self)
{
    sync->shared_count = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++)
        if (ring_replicates(ring, self, (partition_id)p) &&
            ring_replicates(ring, sync->peer, (partition_id)p))
            sync->shared[sync->shared_count++] = (partition_id)p;
}

struct log_sync *log_sync_new(const struct ring *ring, node_id self, node_id peer,
                              uint32_t interval_ms, uint32_t timeout_ms)
{
    struct log_sync *sync = memory_new(1, sizeof *sync);
    sync->peer = peer;
    sync->interval_ms = interval_ms;
    sync->timeout_ms = timeout_ms;
    sync->shared = memory_new(ring->partition_count, sizeof *sync->shared);
    sync->left_us = memory_new(ring->partition_count, sizeof *sync->left_us);
    sync->deadline_us = UINT64_MAX;
    find_shared(sync, ring, self);
    return sync;
}

void log_sync_free(struct log_sync *sync)
{
    if (sync == NULL)
        return;
    free(sync->shared);
    free(sync->left_us);
    free(sync);
}

static void pause_until(struct log_sync *sync, uint64_t when_us)
{
    sync->state = SYNC_PAUSED;
    sync->deadline_us = when_us;
    sync->cursors.count = 0;
    sync->differs = false;
}

/* Until there is somebody to ask, or something to ask for. */
static void rest(struct log_sync *sync)
{
    pause_until(sync, UINT64_MAX);
    sync->state = SYNC_DOWN;
}

static void go_round(struct log_sync *sync)
{
    sync->eager = sync->shared_count / SYNC_PARTITIONS_MAX + 1;
    sync->next = 0;
}

void log_sync_follow_ring(struct log_sync *sync, const struct ring *ring, node_id self,
                          uint64_t now_us)
{
    find_shared(sync, ring, self);
    memset(sync->left_us, 0, ring->partition_count * sizeof *sync->left_us);
    go_round(sync);
    if (sync->shared_count == 0)
        rest(sync);
    else if (sync->is_up && (sync->state == SYNC_DOWN || sync->state == SYNC_PAUSED))
        pause_until(sync, now_us);
}

void log_sync_peer_up(struct log_sync *sync, uint64_t now_us)
{
    sync->is_up = true;
    go_round(sync);
    if (sync->shared_count > 0)
        pause_until(sync, now_us);
}

void log_sync_hurry(struct log_sync *sync, uint64_t now_us)
{
    go_round(sync);
    if (sync->state == SYNC_PAUSED)
        pause_until(sync, now_us);
}

void log_sync_peer_down(struct log_sync *sync)
{
    sync->is_up = false;
    rest(sync);
}

static void expect(struct log_sync *sync, enum sync_state state, uint64_t now_us)
{
    sync->state = state;
    sync->deadline_us = now_us + (uint64_t)sync->timeout_ms * 1000;
    sync->held_until_us = now_us + (uint64_t)LOG_SYNC_HOLD_MS * 1000;
}

bool log_sync_asks(const struct log_sync *sync, partition_id partition, uint64_t since_us,
                   uint64_t now_us)
{
    if (now_us >= sync->held_until_us || (since_us != 0 && sync->began_us > since_us))
        return false;
    for (uint16_t i = 0; i < sync->cursors.count; i++)
        if (sync->cursors.cursors[i].partition == partition)
            return true;
    return false;
}

static void ask_store(struct log_sync *sync, uint64_t now_us, struct log_sync_output *out)
{
    out->want = LOG_SYNC_ASK_STORE;
    message_sync_clocks_encode(&sync->cursors, &out->body);
    expect(sync, SYNC_CLOCKS_ASKED, now_us);
}

static void end_exchange(struct log_sync *sync, uint64_t now_us);

static void begin_exchange(struct log_sync *sync, uint64_t now_us, log_sync_asked asked,
                           const void *context, struct log_sync_output *out)
{
    sync->cursors.count = 0;
    while (sync->cursors.count < SYNC_PARTITIONS_MAX && sync->next < sync->shared_count) {
        uint64_t *left_us = &sync->left_us[sync->next];
        partition_id partition = sync->shared[sync->next++];
        if (asked(context, partition, *left_us)) {
            *left_us = *left_us == 0 ? now_us : *left_us;
            continue;
        }
        *left_us = 0;
        sync->cursors.cursors[sync->cursors.count++] = (struct sync_cursor){.partition = partition};
    }
    sync->began_us = now_us;
    if (sync->next >= sync->shared_count)
        sync->next = 0;
    sync->differs = false;
    if (sync->cursors.count > 0)
        ask_store(sync, now_us, out);
    else
        end_exchange(sync, now_us);
}

/* The exchange is over. When it brought something, the round is worth another one at once. */
static void end_exchange(struct log_sync *sync, uint64_t now_us)
{
    if (sync->differs)
        sync->eager = sync->shared_count / SYNC_PARTITIONS_MAX + 1;
    else if (sync->eager > 0)
        sync->eager--;
    pause_until(sync, sync->eager > 0 ? now_us : now_us + (uint64_t)sync->interval_ms * 1000);
}

void log_sync_tick(struct log_sync *sync, uint64_t now_us, log_sync_asked asked,
                   const void *context, struct log_sync_output *out)
{
    if (sync->state == SYNC_DOWN || now_us < sync->deadline_us)
        return;
    if (sync->state == SYNC_PAUSED)
        begin_exchange(sync, now_us, asked, context, out);
    else /* an answer did not come in time: forget the exchange */
        pause_until(sync, now_us + (uint64_t)sync->interval_ms * 1000);
}

void log_sync_clocks(struct log_sync *sync, struct slice body, uint64_t now_us,
                     struct log_sync_output *out)
{
    if (sync->state != SYNC_CLOCKS_ASKED)
        return;
    out->want = LOG_SYNC_ASK_PEER;
    buffer_append_slice(&out->body, body);
    expect(sync, SYNC_PEER_ASKED, now_us);
}

/*
 * Drop the partition's cursor when it is finished, else remember where to go on.
 * False when the walk did not get further down: it begins again, or the peer is broken.
 */
static bool advance_cursor(struct log_sync *sync, const struct sync_answer *answer)
{
    struct message_sync_clocks *clocks = &sync->cursors;
    uint16_t i = 0;
    while (i < clocks->count && clocks->cursors[i].partition != answer->address.partition)
        i++;
    if (i == clocks->count)
        return false;
    if (answer->status == STATUS_OK && !answer->complete) {
        uint64_t before = clocks->cursors[i].before;
        clocks->cursors[i].before = answer->before;
        clocks->cursors[i].top = answer->top;
        return answer->before != 0 && (before == 0 || answer->before < before);
    }
    clocks->count--;
    for (; i < clocks->count; i++)
        clocks->cursors[i] = clocks->cursors[i + 1];
    return true;
}

static void go_on(struct log_sync *sync, uint64_t now_us, struct log_sync_output *out)
{
    if (sync->cursors.count > 0 && sync->progressed)
        ask_store(sync, now_us, out);
    else
        end_exchange(sync, now_us);
}

void log_sync_page(struct log_sync *sync, struct slice body, bool rebuilding, uint64_t now_us,
                   struct log_sync_output *out)
{
    struct reader reader = reader_make(body);
    uint32_t deliveries = 0;
    if (sync->state != SYNC_PEER_ASKED)
        return;
    sync->progressed = false;
    while (reader_left(&reader) > 0) {
        struct sync_answer answer;
        sync_answer_decode(&reader, &answer);
        if (reader.failed) {
            pause_until(sync, now_us + (uint64_t)sync->interval_ms * 1000);
            return;
        }
        bool asked = advance_cursor(sync, &answer);
        sync->progressed = asked || sync->progressed;
        if (asked && answer.status == STATUS_LOG_TRIMMED &&
            out->trimmed_count < SYNC_PARTITIONS_MAX)
            out->trimmed[out->trimmed_count++] = answer.address.partition;
        deliveries += answer.delivery_count;
    }
    if (deliveries == 0 && !rebuilding) {
        go_on(sync, now_us, out);
        return;
    }
    sync->differs = sync->differs || deliveries > 0;
    struct message_sync_apply apply = {.from = sync->peer, .page = body};
    out->want = LOG_SYNC_APPLY;
    message_sync_apply_encode(&apply, &out->body);
    expect(sync, SYNC_APPLYING, now_us);
}

void log_sync_applied(struct log_sync *sync, const struct message_sync_applied *applied,
                      uint64_t now_us, struct log_sync_output *out)
{
    if (sync->state != SYNC_APPLYING)
        return;
    /* A cell that was refused comes again each time, so it may not hurry the next round. */
    if (applied->status == STATUS_TOO_LARGE)
        sync->differs = false;
    if (applied->status == STATUS_OK || applied->status == STATUS_TOO_LARGE)
        go_on(sync, now_us, out);
    else
        pause_until(sync, now_us + (uint64_t)sync->interval_ms * 1000);
}

uint64_t log_sync_deadline_us(const struct log_sync *sync)
{
    return sync->deadline_us;
}
