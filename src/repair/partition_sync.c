#include "repair/partition_sync.h"

#include <stdlib.h>

#include "base/memory.h"

enum sync_state { SYNC_IDLE, SYNC_NEXT, SYNC_CURSOR_ASKED, SYNC_PEER_ASKED, SYNC_APPLYING };

enum { SILENCES_MAX = 3 /* in a row, before another source may be taken */ };

struct partition_sync {
    uint32_t timeout_ms;
    uint32_t partition_count;
    node_id *source;        /* by partition: begun with it; 0: with none */
    uint8_t *silences;      /* by partition: of its source, in a row */
    partition_id *waiting;  /* in the order in which they were wanted */
    uint32_t waiting_count; /* the first one is under way */
    bool *wanted;           /* by partition: it is in `waiting` */
    enum sync_state state;
    uint64_t deadline_us;
};

struct partition_sync *partition_sync_new(uint32_t partition_count, uint32_t timeout_ms)
{
    struct partition_sync *sync = memory_new(1, sizeof *sync);
    sync->timeout_ms = timeout_ms;
    sync->partition_count = partition_count;
    sync->source = memory_new(partition_count, sizeof *sync->source);
    sync->silences = memory_new(partition_count, sizeof *sync->silences);
    sync->waiting = memory_new(partition_count, sizeof *sync->waiting);
    sync->wanted = memory_new(partition_count, sizeof *sync->wanted);
    sync->deadline_us = UINT64_MAX;
    return sync;
}

void partition_sync_free(struct partition_sync *sync)
{
    if (sync == NULL)
        return;
    free(sync->source);
    free(sync->silences);
    free(sync->waiting);
    free(sync->wanted);
    free(sync);
}

static void begin_next(struct partition_sync *sync, uint64_t now_us)
{
    bool any = sync->waiting_count > 0;
    sync->state = any ? SYNC_NEXT : SYNC_IDLE;
    sync->deadline_us = any ? now_us : UINT64_MAX;
}

void partition_sync_wanted(struct partition_sync *sync, partition_id partition, node_id peer,
                           uint64_t now_us)
{
    if (partition >= sync->partition_count || sync->wanted[partition] ||
        (sync->source[partition] != 0 && sync->source[partition] != peer))
        return;
    sync->source[partition] = peer;
    sync->wanted[partition] = true;
    sync->waiting[sync->waiting_count++] = partition;
    if (sync->state == SYNC_IDLE)
        begin_next(sync, now_us);
}

static void remove_waiting(struct partition_sync *sync, uint32_t index)
{
    sync->wanted[sync->waiting[index]] = false;
    sync->waiting_count--;
    for (uint32_t i = index; i < sync->waiting_count; i++)
        sync->waiting[i] = sync->waiting[i + 1];
}

/* The one under way is over; `keep` the source for when it is wanted again. */
static void leave(struct partition_sync *sync, bool keep, uint64_t now_us)
{
    partition_id partition = sync->waiting[0];
    if (!keep) {
        sync->source[partition] = 0;
        sync->silences[partition] = 0;
    }
    remove_waiting(sync, 0);
    begin_next(sync, now_us);
}

void partition_sync_peer_down(struct partition_sync *sync, node_id peer, uint64_t now_us)
{
    bool under_way = sync->waiting_count > 0 && sync->source[sync->waiting[0]] == peer;
    for (uint32_t i = sync->waiting_count; i-- > 0;)
        if (sync->source[sync->waiting[i]] == peer)
            remove_waiting(sync, i);
    for (uint32_t p = 0; p < sync->partition_count; p++)
        if (sync->source[p] == peer)
            sync->source[p] = 0;
    if (under_way)
        begin_next(sync, now_us);
}

static void expect(struct partition_sync *sync, enum sync_state state, uint64_t now_us)
{
    sync->state = state;
    sync->deadline_us = now_us + (uint64_t)sync->timeout_ms * 1000;
}

static void ask_store(struct partition_sync *sync, uint64_t now_us,
                      struct partition_sync_output *out)
{
    struct message_partition_ask ask = {.partition = sync->waiting[0],
                                        .source = sync->source[sync->waiting[0]]};
    out->want = PARTITION_SYNC_ASK_STORE;
    message_partition_ask_encode(&ask, &out->body);
    expect(sync, SYNC_CURSOR_ASKED, now_us);
}

void partition_sync_tick(struct partition_sync *sync, uint64_t now_us,
                         struct partition_sync_output *out)
{
    if (now_us < sync->deadline_us)
        return;
    if (sync->state == SYNC_NEXT) {
        ask_store(sync, now_us, out);
        return;
    }
    uint8_t *silences = &sync->silences[sync->waiting[0]];
    bool keep = ++*silences < SILENCES_MAX;
    leave(sync, keep, now_us);
}

void partition_sync_cursor(struct partition_sync *sync, struct slice body, uint64_t now_us,
                           struct partition_sync_output *out)
{
    struct message_partition_pull pull;
    if (sync->state != SYNC_CURSOR_ASKED)
        return;
    if (message_partition_pull_decode(body, &pull) != STATUS_OK ||
        pull.address.partition != sync->waiting[0]) {
        leave(sync, false, now_us); /* not an owner any more */
        return;
    }
    out->want = PARTITION_SYNC_ASK_PEER;
    out->peer = sync->source[sync->waiting[0]];
    buffer_append_slice(&out->body, body);
    expect(sync, SYNC_PEER_ASKED, now_us);
}

void partition_sync_page(struct partition_sync *sync, node_id from, struct slice body,
                         uint64_t now_us, struct partition_sync_output *out)
{
    struct message_partition_page page;
    if (sync->state != SYNC_PEER_ASKED || from != sync->source[sync->waiting[0]])
        return;
    if (message_partition_page_decode(body, &page) != STATUS_OK || page.status != STATUS_OK ||
        page.address.partition != sync->waiting[0]) {
        leave(sync, false, now_us);
        return;
    }
    sync->silences[sync->waiting[0]] = 0;
    struct message_partition_apply apply = {.from = from, .page = body};
    out->want = PARTITION_SYNC_APPLY;
    message_partition_apply_encode(&apply, &out->body);
    expect(sync, SYNC_APPLYING, now_us);
}

void partition_sync_applied(struct partition_sync *sync,
                            const struct message_partition_applied *applied, uint64_t now_us,
                            struct partition_sync_output *out)
{
    if (sync->state != SYNC_APPLYING)
        return;
    if (applied->status == STATUS_OK && !applied->done)
        ask_store(sync, now_us, out);
    else
        leave(sync, applied->status != STATUS_OK, now_us);
}

uint64_t partition_sync_deadline_us(const struct partition_sync *sync)
{
    return sync->deadline_us;
}

uint32_t partition_sync_count(const struct partition_sync *sync)
{
    return sync->waiting_count;
}
