#include "repair/partition_sync.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ring/position.h"
#include "ring/roster.h"
#include "ring/transition.h"
#include "wire/message.h" /* SYNC_PARTITIONS_MAX */
#include "wire/record.h"

/* In SYNC_NEXT the first of the list is to be begun, or gone on with. */
enum sync_state { SYNC_IDLE, SYNC_NEXT, SYNC_PLACE_ASKED, SYNC_PEER_ASKED, SYNC_APPLYING };

_Static_assert((int)PARTITION_SOURCES_MAX >= (int)RING_OWNERS_MAX, "every owner may be asked");

/* Of one partition. */
struct partition_need {
    uint64_t told_us;   /* when a log was too short first; 0: none was */
    uint64_t absent_us; /* since when the source that was begun with fails; 0: it does not */
    node_id told_by;    /* last */
    uint32_t failed;    /* bit i: replica i has failed since the partition is in the list */
    bool listed;
    /* what operators are shown, since it was begun or gone on with */
    node_id source;
    bool placed; /* the next two are known */
    uint16_t first_thousandths, thousandths;
    uint32_t page_bytes; /* of the page that is being applied */
    uint64_t bytes, began_us;
};

struct source {
    node_id node;
    bool up;
};

struct partition_sync {
    const struct ring *ring;
    node_id self;
    uint64_t interval_us, timeout_us;
    struct source *sources; /* all other members */
    uint32_t source_count;
    struct partition_need *needs;
    partition_id *list; /* in the order in which they were wanted; the first is under way */
    uint32_t count;
    enum sync_state state;
    node_id source, begun; /* of the first: who is asked; with whom it was begun, 0: nobody */
    uint64_t held_until_us;
    uint64_t deadline_us;
};

void partition_sync_follow_ring(struct partition_sync *sync)
{
    static const struct roster_kind SOURCES = {.size = sizeof(struct source)};
    sync->sources =
        roster_follow(sync->sources, &sync->source_count, sync->ring, sync->self, &SOURCES, NULL);
}

void partition_sync_follow_placement(struct partition_sync *sync)
{
    for (uint32_t p = 0; p < sync->ring->partition_count; p++)
        sync->needs[p].failed = 0; /* its bits stand for others now */
}

struct partition_sync *partition_sync_new(const struct ring *ring, node_id self,
                                          uint32_t interval_ms, uint32_t timeout_ms)
{
    struct partition_sync *sync = memory_new(1, sizeof *sync);
    sync->ring = ring;
    sync->self = self;
    sync->interval_us = (uint64_t)interval_ms * 1000;
    sync->timeout_us = (uint64_t)timeout_ms * 1000;
    partition_sync_follow_ring(sync);
    sync->needs = memory_new(ring->partition_count, sizeof *sync->needs);
    sync->list = memory_new(ring->partition_count, sizeof *sync->list);
    sync->deadline_us = UINT64_MAX;
    return sync;
}

void partition_sync_free(struct partition_sync *sync)
{
    if (sync == NULL)
        return;
    free(sync->sources);
    free(sync->needs);
    free(sync->list);
    free(sync);
}

/* ---- peers --------------------------------------------------------------------------------- */

static bool is_up(const struct partition_sync *sync, node_id peer)
{
    for (uint32_t i = 0; i < sync->source_count; i++)
        if (sync->sources[i].node == peer)
            return sync->sources[i].up;
    return false;
}

static void set_up(struct partition_sync *sync, node_id peer, bool up)
{
    for (uint32_t i = 0; i < sync->source_count; i++)
        if (sync->sources[i].node == peer)
            sync->sources[i].up = up;
}

/* The bit of a replica in `failed`; 0 when it is none. */
static uint32_t owner_bit(const struct partition_sync *sync, partition_id partition, node_id node)
{
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(sync->ring, partition, owners);
    for (uint8_t i = 0; i < count; i++)
        if (owners[i] == node)
            return UINT32_C(1) << i;
    return 0;
}

void partition_sync_peer_up(struct partition_sync *sync, node_id peer)
{
    set_up(sync, peer, true);
}

/* ---- the list ------------------------------------------------------------------------------ */

static struct partition_need *first_need(struct partition_sync *sync)
{
    assert(sync->count > 0);
    return &sync->needs[sync->list[0]];
}

static uint64_t free_at(const struct partition_sync *sync, uint64_t now_us)
{
    return sync->held_until_us > now_us ? sync->held_until_us : now_us;
}

static void begin_next(struct partition_sync *sync, uint64_t now_us)
{
    sync->state = sync->count > 0 ? SYNC_NEXT : SYNC_IDLE;
    sync->deadline_us = sync->count > 0 ? free_at(sync, now_us) : UINT64_MAX;
    sync->source = sync->begun = 0;
}

static void leave(struct partition_sync *sync, uint64_t now_us)
{
    struct partition_need *need = first_need(sync);
    need->listed = false;
    need->failed = 0;
    sync->count--;
    for (uint32_t i = 0; i < sync->count; i++)
        sync->list[i] = sync->list[i + 1];
    begin_next(sync, now_us);
}

/* It has come, or is not needed. */
static void forget(struct partition_sync *sync, uint64_t now_us)
{
    struct partition_need *need = first_need(sync);
    leave(sync, now_us);
    *need = (struct partition_need){.told_by = need->told_by};
}

/* Long enough for the logs of others to be asked, and as long as this partition's turn may take. */
static bool is_told_again(const struct partition_sync *sync, const struct partition_need *need,
                          uint64_t now_us)
{
    uint64_t round_us = (sync->ring->partition_count / SYNC_PARTITIONS_MAX + 1) * sync->interval_us;
    uint64_t since_us = now_us - need->told_us;
    return need->told_us != 0 && since_us >= 2 * sync->interval_us &&
           since_us <= 4 * round_us + PARTITION_SYNC_PATIENCE_US;
}

static bool is_told_late(const struct partition_sync *sync, const struct partition_need *need,
                         uint64_t now_us)
{
    return need->told_us == 0 ||
           (now_us - need->told_us >= 2 * sync->interval_us && !is_told_again(sync, need, now_us));
}

void partition_sync_trimmed(struct partition_sync *sync, partition_id partition, node_id peer,
                            uint64_t now_us)
{
    if (partition >= sync->ring->partition_count || owner_bit(sync, partition, peer) == 0)
        return;
    struct partition_need *need = &sync->needs[partition];
    need->told_by = peer;
    if (is_told_late(sync, need, now_us))
        need->told_us = now_us == 0 ? 1 : now_us;
    bool is_empty = ring_joins(sync->ring, sync->self, partition);
    if (need->listed || (!is_empty && !is_told_again(sync, need, now_us)))
        return;
    need->listed = true;
    sync->list[sync->count++] = partition;
    if (sync->state == SYNC_IDLE)
        begin_next(sync, now_us);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void expect(struct partition_sync *sync, enum sync_state state, uint64_t now_us)
{
    sync->state = state;
    sync->deadline_us = now_us + sync->timeout_us;
}

static void ask_store(struct partition_sync *sync, uint64_t now_us,
                      struct partition_sync_output *out)
{
    const struct partition_need *need = first_need(sync);
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(sync->ring, sync->list[0], owners);
    struct message_partition_ask ask = {.partition = sync->list[0]};
    for (uint8_t turn = 0; turn < 2; turn++)
        for (uint8_t i = 0; i < count; i++)
            if (owners[i] != sync->self && (owners[i] == need->told_by) == (turn == 0) &&
                is_up(sync, owners[i]) && (need->failed >> i & 1) == 0 &&
                ask.source_count < PARTITION_SOURCES_MAX)
                ask.sources[ask.source_count++] = owners[i];
    if (ask.source_count == 0) {
        leave(sync, now_us);
        return;
    }
    out->want = PARTITION_SYNC_ASK_STORE;
    message_partition_ask_encode(&ask, &out->body);
    expect(sync, SYNC_PLACE_ASKED, now_us);
}

/* Whether the source that was begun with, and fails, is waited for. */
static bool is_patient(struct partition_sync *sync, uint64_t now_us)
{
    struct partition_need *need = first_need(sync);
    if (need->absent_us == 0)
        need->absent_us = now_us == 0 ? 1 : now_us;
    return now_us - need->absent_us < PARTITION_SYNC_PATIENCE_US;
}

/* The source is down, silent, or cannot answer. */
static void source_failed(struct partition_sync *sync, uint64_t now_us,
                          struct partition_sync_output *out)
{
    if (sync->source == sync->begun && is_patient(sync, now_us)) {
        leave(sync, now_us);
        return;
    }
    first_need(sync)->failed |= owner_bit(sync, sync->list[0], sync->source);
    ask_store(sync, now_us, out);
}

void partition_sync_peer_down(struct partition_sync *sync, node_id peer, uint64_t now_us)
{
    set_up(sync, peer, false);
    if (sync->state == SYNC_PEER_ASKED && sync->source == peer)
        leave(sync, now_us);
}

void partition_sync_tick(struct partition_sync *sync, uint64_t now_us,
                         struct partition_sync_output *out)
{
    if (now_us < sync->deadline_us)
        return;
    if (sync->state == SYNC_NEXT)
        ask_store(sync, now_us, out);
    else if (sync->state == SYNC_PEER_ASKED)
        source_failed(sync, now_us, out);
    else
        leave(sync, now_us);
}

/* How much of the partition's positions lies before the place; the requests come behind all. */
static uint16_t thousandths_of(const struct partition_sync *sync, partition_id partition,
                               struct slice place)
{
    uint64_t first = ring_position_first(partition, sync->ring->partition_count);
    uint64_t last = ring_position_last(partition, sync->ring->partition_count);
    struct cell_name name;
    if (place.length == 0)
        return 0;
    if (record_cell_name_decode(place, &name) != STATUS_OK || name.position > last)
        return 1000;
    return name.position < first ? 0
                                 : (uint16_t)((name.position - first) / ((last - first) / 1000));
}

static void note_place(struct partition_sync *sync, const struct partition_place *place,
                       uint64_t now_us)
{
    struct partition_need *need = first_need(sync);
    struct message_partition_pull pull;
    if (message_partition_pull_decode(place->pull, &pull) != STATUS_OK)
        return;
    uint16_t thousandths = thousandths_of(sync, sync->list[0], pull.from);
    if (!need->placed || need->source != place->source || thousandths < need->thousandths) {
        need->first_thousandths = thousandths;
        need->bytes = 0;
        need->began_us = now_us;
    }
    need->placed = true;
    need->thousandths = thousandths;
    need->source = place->source;
}

void partition_sync_place(struct partition_sync *sync, struct slice body, uint64_t now_us,
                          struct partition_sync_output *out)
{
    struct partition_place place;
    if (sync->state != SYNC_PLACE_ASKED)
        return;
    if (partition_place_decode(body, &place) != STATUS_OK || !is_up(sync, place.source)) {
        leave(sync, now_us); /* not an owner any more, or it went down just now */
        return;
    }
    sync->source = place.source;
    sync->begun = place.begun;
    uint32_t failed = first_need(sync)->failed;
    if (place.begun != 0 && place.begun != place.source &&
        (failed & owner_bit(sync, sync->list[0], place.begun)) == 0 && is_patient(sync, now_us)) {
        leave(sync, now_us);
        return;
    }
    note_place(sync, &place, now_us);
    out->want = PARTITION_SYNC_ASK_PEER;
    out->peer = place.source;
    buffer_append_slice(&out->body, place.pull);
    expect(sync, SYNC_PEER_ASKED, now_us);
}

void partition_sync_page(struct partition_sync *sync, node_id from, struct slice body,
                         uint64_t now_us, struct partition_sync_output *out)
{
    struct message_partition_page page;
    if (sync->state != SYNC_PEER_ASKED || from != sync->source)
        return;
    enum status status = message_partition_page_decode(body, &page);
    if (status == STATUS_OK && page.address.partition != sync->list[0])
        status = STATUS_INVALID;
    if (status == STATUS_OK)
        status = page.status;
    if (status == STATUS_NOT_FOUND) {
        forget(sync, now_us);
    } else if (status != STATUS_OK) {
        source_failed(sync, now_us, out);
    } else {
        struct message_partition_apply apply = {.from = from, .page = body};
        first_need(sync)->absent_us = 0;
        first_need(sync)->page_bytes = (uint32_t)body.length;
        out->want = PARTITION_SYNC_APPLY;
        message_partition_apply_encode(&apply, &out->body);
        expect(sync, SYNC_APPLYING, now_us);
    }
}

void partition_sync_applied(struct partition_sync *sync,
                            const struct message_partition_applied *applied, uint64_t now_us,
                            struct partition_sync_output *out)
{
    if (sync->state != SYNC_APPLYING)
        return;
    if (applied->status != STATUS_OK) {
        leave(sync, now_us);
    } else if (applied->done) {
        forget(sync, now_us);
    } else {
        first_need(sync)->bytes += first_need(sync)->page_bytes;
        if (sync->held_until_us > now_us)
            begin_next(sync, now_us);
        else
            ask_store(sync, now_us, out);
    }
}

void partition_sync_hold(struct partition_sync *sync, uint64_t until_us)
{
    sync->held_until_us = until_us;
    if (sync->state == SYNC_NEXT)
        sync->deadline_us = until_us;
}

uint64_t partition_sync_deadline_us(const struct partition_sync *sync)
{
    return sync->deadline_us;
}

uint32_t partition_sync_count(const struct partition_sync *sync)
{
    return sync->count;
}

bool partition_sync_look(const struct partition_sync *sync, partition_id partition, uint64_t now_us,
                         struct partition_pull *out)
{
    const struct partition_need *need = &sync->needs[partition];
    bool waits = need->absent_us != 0 && now_us - need->absent_us < PARTITION_SYNC_PATIENCE_US;
    if (!need->listed && !waits)
        return false;
    *out = (struct partition_pull){
        .state = !need->listed                  ? PARTITION_PULL_WAITS_SOURCE
                 : sync->list[0] != partition   ? PARTITION_PULL_WAITS_TURN
                 : sync->state != SYNC_NEXT     ? PARTITION_PULL_RUNNING
                 : sync->held_until_us > now_us ? PARTITION_PULL_HELD
                                                : PARTITION_PULL_RUNNING,
        .source = need->placed ? need->source : need->told_by,
        .bytes = need->bytes,
        .took_us = need->placed ? now_us - need->began_us : 0,
        .thousandths = need->thousandths,
        .first_thousandths = need->first_thousandths,
    };
    return true;
}
