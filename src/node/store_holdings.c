/*
 * store_holdings.c - which partitions the store side holds, as the ring changes.
 *
 * Kept: an owner of now keeps its copy. A joining owner keeps the one that it began in this epoch:
 * what an earlier epoch left is worth nothing (T5 of tests/models/ring_change.py).
 *
 * Dropped: any other copy. It is closed when the value comes into force, marked in the batch of
 * the value, and goes step by step.
 *
 * Adopted: a partition without a copy, once the old one is gone: begun empty, and rebuilding, in
 * the batch of a step.
 *
 * All that is kept of each replica in arrays follows (store_side_state.h); for a replica whose tag
 * has moved it begins anew, for what was said under another tag does not count (T6).
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/replica_drop.h"
#include "ring/transition.h"
#include "wire/message_ring.h"

enum { ADOPTED_PER_STEP = 8, OWN_HINTS_PER_STEP = 64 };

struct store_holdings {
    struct ring_tag *tags; /* by index into side->replicas: as the arrays know them */
    bool *dropping;        /* by partition: a copy stands there that is not kept */
    bool *marked;          /* by partition: the batch of the present group gives it up */
    uint32_t dropping_count;
    struct replica_drop drop;
    partition_id dropped_last; /* whose turn it is */
    uint64_t gone_group;       /* in which the last copy went whole, */
    partition_id gone;         /* and of which partition; PARTITION_COUNT_MAX: of none */
    bool hints_are_stale;
    uint64_t failed_us;
};

static partition_id partition_of(const struct store_side *side, uint32_t index)
{
    return side->replicas[index].partition;
}

/* ---- life ----------------------------------------------------------------------------------- */

void store_holdings_new(struct store_side *side)
{
    uint32_t partitions = side->ring->partition_count;
    side->holdings = memory_new(1, sizeof *side->holdings);
    side->holdings->dropping = memory_new(partitions, sizeof(bool));
    side->holdings->marked = memory_new(partitions, sizeof(bool));
    side->holdings->gone = PARTITION_COUNT_MAX;
    side->replica_index = memory_new(partitions, sizeof *side->replica_index);
    memset(side->replica_index, 0xff, partitions * sizeof *side->replica_index);
}

void store_holdings_free(struct store_side *side)
{
    replica_drop_deinit(&side->holdings->drop);
    free(side->holdings->tags);
    free(side->holdings->dropping);
    free(side->holdings->marked);
    free(side->holdings);
}

/* ---- arrays --------------------------------------------------------------------------------- */

void *store_follow_array(void *items, size_t size, const struct holdings_change *change)
{
    uint8_t *moved = memory_new(change->count, size);
    for (uint32_t i = 0; i < change->count; i++)
        if (change->from[i] != NO_REPLICA)
            memcpy(moved + i * size, (const uint8_t *)items + change->from[i] * size, size);
    free(items);
    return moved;
}

static void follow(struct store_side *side, const struct holdings_change *change)
{
    side->replicas = store_follow_array(side->replicas, sizeof *side->replicas, change);
    side->replica_count = change->count;
    for (uint32_t i = 0; i < change->count; i++)
        side->replicas[i].partition = change->partitions[i];
    side->log_cares = store_follow_array(side->log_cares, sizeof *side->log_cares, change);
    store_stability_follow(side, change);
    store_expiry_follow(side, change);
    store_fold_follow(side, change);
    store_drop_follow(side, change);
    store_debt_follow(side, change);
}

/* The arrays get a place for each wanted partition, and none for others, which are closed. */
static void set_replicas(struct store_side *side, const bool *wanted)
{
    struct store_holdings *holdings = side->holdings;
    uint32_t partitions = side->ring->partition_count;
    partition_id *held = memory_new(partitions, sizeof *held);
    uint16_t *from = memory_new(partitions, sizeof *from);
    bool *afresh = memory_new(partitions, sizeof *afresh);
    bool *kept = memory_new(partitions, sizeof *kept);
    struct ring_tag *tags = memory_new(partitions, sizeof *tags);
    struct holdings_change change = {.before = side->replica_count,
                                     .partitions = held,
                                     .from = from,
                                     .afresh = afresh,
                                     .kept = kept};
    for (uint32_t p = 0; p < partitions; p++) {
        uint16_t old = side->replica_index[p];
        side->replica_index[p] = wanted[p] ? (uint16_t)change.count : NO_REPLICA;
        if (!wanted[p])
            continue;
        struct ring_tag tag = ring_tag_of(side->ring, (partition_id)p);
        bool is_new = old == NO_REPLICA;
        held[change.count] = (partition_id)p;
        from[change.count] = old;
        tags[change.count] = tag;
        afresh[change.count] = is_new || ring_tag_compare(tag, holdings->tags[old]) != 0;
        if (!is_new)
            kept[old] = true;
        change.count++;
    }
    follow(side, &change);
    free(holdings->tags);
    holdings->tags = tags;
    free(held);
    free(from);
    free(afresh);
    free(kept);
}

/* ---- what is kept --------------------------------------------------------------------------- */

static bool keeps(const struct ring *ring, node_id self, partition_id partition,
                  uint32_t adopt_epoch)
{
    return ring_owns(ring, self, partition) ||
           (ring_joins(ring, self, partition) && adopt_epoch == ring_tag_of(ring, partition).epoch);
}

static void begin_dropping(struct store_side *side, partition_id partition)
{
    side->holdings->dropping_count += !side->holdings->dropping[partition];
    side->holdings->dropping[partition] = true;
}

/*
 * What stands on the disk. Without a value of the register the ring is that of a file, which may
 * be a wrong one: then no copy is given up.
 */
static enum status look_through_disk(struct store_side *side)
{
    struct replica_copy copy = {0};
    bool agreed = side->config.value.length > 0;
    enum status status = replica_copy_next(0, &side->context, &copy);
    while (status == STATUS_OK) {
        if (copy.partition >= side->ring->partition_count)
            return STATUS_CORRUPT;
        if (copy.dropping ||
            (agreed && !keeps(side->ring, side->self, copy.partition, copy.adopt_epoch)))
            begin_dropping(side, copy.partition);
        status = replica_copy_next(copy.partition + 1u, &side->context, &copy);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void tell_absent(partition_id partition, struct buffer *out)
{
    const struct replica gone = {.partition = partition, .state = REPLICA_ABSENT};
    store_append_state(&gone, out);
}

static bool may_adopt(const struct store_side *side, partition_id partition)
{
    return ring_replicates(side->ring, side->self, partition) &&
           side->replica_index[partition] == NO_REPLICA && !side->holdings->dropping[partition];
}

/* Kept for an owner that left, by a node that owns the partition now: it is one of those owed. */
static bool has_own_hints(const struct store_side *side, uint32_t index)
{
    partition_id partition = partition_of(side, index);
    return ring_transition(side->ring, partition) == NULL &&
           hint_store_owes(side->hints, partition, side->self);
}

static void append_state(const struct store_side *side, struct message_holdings_state *state,
                         request_id request, struct buffer *out)
{
    const struct store_holdings *holdings = side->holdings;
    state->more = holdings->dropping_count > 0 || holdings->hints_are_stale;
    for (uint32_t p = 0; p < side->ring->partition_count; p++)
        state->more = state->more || may_adopt(side, (partition_id)p);
    for (uint32_t i = 0; i < side->replica_count && !holdings->hints_are_stale; i++)
        state->more = state->more || has_own_hints(side, i);
    state->dropping = holdings->dropping_count;
    size_t offset = frame_start(out, MESSAGE_HOLDINGS_STATE, request, 0);
    message_holdings_state_encode(state, out);
    frame_finish_inside(out, offset);
}

enum status store_holdings_open(struct store_side *side, struct buffer *out)
{
    struct store_holdings *holdings = side->holdings;
    uint32_t partitions = side->ring->partition_count;
    memset(holdings->dropping, 0, partitions * sizeof(bool));
    memset(holdings->marked, 0, partitions * sizeof(bool));
    holdings->dropping_count = 0;
    holdings->gone = PARTITION_COUNT_MAX;
    holdings->hints_are_stale = false; /* they are opened after this */
    side->placement_moved = false;
    replica_drop_deinit(&holdings->drop);
    enum status status = look_through_disk(side);
    if (status != STATUS_OK)
        return status;
    bool *wanted = memory_new(partitions, sizeof(bool));
    for (uint32_t p = 0; p < partitions; p++) {
        wanted[p] =
            ring_replicates(side->ring, side->self, (partition_id)p) && !holdings->dropping[p];
        if (holdings->dropping[p])
            tell_absent((partition_id)p, out);
    }
    set_replicas(side, wanted);
    free(wanted);
    if (holdings->dropping_count > 0)
        append_state(side, &(struct message_holdings_state){0}, 0, out);
    return STATUS_OK;
}

struct replica_open_params store_open_params(const struct store_side *side, partition_id partition)
{
    struct ring_tag tag = ring_tag_of(side->ring, partition);
    bool joins = ring_joins(side->ring, side->self, partition);
    bool others = side->ring->owner_count > 1 || tag.phase != RING_STABLE;
    /* Where partitions have moved, an owner that has nothing did not begin with the cluster. */
    bool late = side->storage_incarnation > 1 || tag.epoch != side->ring->tag.epoch;
    return (struct replica_open_params){.partition = partition,
                                        .tag = tag,
                                        .self = side->self,
                                        .storage_incarnation = side->storage_incarnation,
                                        .boot_epoch = side->boot_epoch,
                                        .rebuild = joins || (late && others)};
}

/* ---- a value -------------------------------------------------------------------------------- */

void store_holdings_mark(struct store_side *side, const struct ring *coming)
{
    if (coming->partition_count != side->ring->partition_count ||
        coming->owner_count != side->ring->owner_count || ring_member(coming, side->self) == NULL)
        return; /* it will not come into force here */
    for (uint32_t i = 0; side->open && i < side->replica_count; i++) {
        partition_id partition = partition_of(side, i);
        if (side->holdings->marked[partition] ||
            keeps(coming, side->self, partition, side->replicas[i].actor.adopt_epoch))
            continue;
        side->holdings->marked[partition] = true;
        replica_drop_mark(partition, &side->context);
    }
}

void store_holdings_follow(struct store_side *side, struct buffer *out)
{
    struct store_holdings *holdings = side->holdings;
    bool *wanted = memory_new(side->ring->partition_count, sizeof(bool));
    for (uint32_t i = 0; i < side->replica_count; i++) {
        struct replica *replica = &side->replicas[i];
        partition_id partition = replica->partition;
        wanted[partition] = !holdings->marked[partition];
        holdings->marked[partition] = false;
        if (wanted[partition])
            continue;
        replica_deinit(replica);
        begin_dropping(side, partition);
        tell_absent(partition, out);
    }
    set_replicas(side, wanted);
    free(wanted);
    for (uint32_t i = 0; i < side->replica_count; i++)
        side->replicas[i].tag = holdings->tags[i];
    holdings->hints_are_stale = true;
    append_state(side, &(struct message_holdings_state){0}, 0, out);
}

bool store_hints_are_stale(const struct store_side *side)
{
    return side->holdings->hints_are_stale;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static enum status read_hints(struct store_side *side)
{
    hint_store_follow_ring(side->hints);
    enum status status = hint_store_open(side->hints, &side->context);
    side->holdings->hints_are_stale = status != STATUS_OK;
    return status;
}

static enum status adopt(struct store_side *side, partition_id partition, struct buffer *out)
{
    struct replica replica;
    struct replica_open_params params = store_open_params(side, partition);
    enum status status = replica_open(&replica, &params, &side->context);
    if (status != STATUS_OK)
        return status;
    bool *wanted = memory_new(side->ring->partition_count, sizeof(bool));
    for (uint32_t p = 0; p < side->ring->partition_count; p++)
        wanted[p] = p == partition || side->replica_index[p] != NO_REPLICA;
    set_replicas(side, wanted);
    free(wanted);
    struct replica *place = &side->replicas[side->replica_index[partition]];
    *place = replica;
    log_line(&side->log, LOG_INFO, "took a partition in partition=%u epoch=%u", partition,
             params.tag.epoch);
    store_append_state(place, out);
    store_append_tree_state(place, false, out);
    return STATUS_OK;
}

/* STATUS_NOT_FOUND: there is none. */
static enum status adopt_some(struct store_side *side, struct buffer *out)
{
    uint32_t adopted = 0;
    enum status status = STATUS_OK;
    if (side->config.coming != NULL)
        return STATUS_NOT_FOUND; /* it may give up what would be taken in beside it */
    if (side->holdings->gone != PARTITION_COUNT_MAX &&
        side->holdings->gone_group == side->context.groups)
        return STATUS_NOT_FOUND; /* what a read shows of it is still to be committed */
    for (uint32_t p = 0; p < side->ring->partition_count && adopted < ADOPTED_PER_STEP; p++) {
        if (!may_adopt(side, (partition_id)p))
            continue;
        status = adopt(side, (partition_id)p, out);
        if (status != STATUS_OK)
            break;
        adopted++;
    }
    return status != STATUS_OK ? status : adopted > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

/* What was kept is merged and dropped in one batch. */
static enum status take_page(struct store_side *side, struct replica *replica, struct instant now)
{
    const struct message_hints_scan scan = {.partition = replica->partition,
                                            .target = side->self,
                                            .count_max = OWN_HINTS_PER_STEP,
                                            .bytes_max = side->settings.sync_page_bytes};
    struct hint_page page = {0};
    uint32_t changed = 0, dropped = 0;
    hint_store_page(side->hints, &scan, &side->context, &page);
    enum status status = page.message.status;
    if (status == STATUS_OK && page.message.count == 0)
        status = STATUS_CORRUPT; /* some were counted */
    if (status == STATUS_OK)
        status = store_apply_deliveries(side, replica, page.message.deliveries, page.message.count,
                                        now, &changed);
    struct message_hints_drop drop = {.partition = replica->partition,
                                      .target = side->self,
                                      .count = page.message.count,
                                      .marks = page.message.marks};
    if (status == STATUS_OK)
        status = hint_store_drop(side->hints, &drop, &side->context, &dropped);
    hint_page_deinit(&page);
    return status;
}

/* STATUS_NOT_FOUND: there are none. */
static enum status take_own_hints(struct store_side *side, struct instant now)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        if (has_own_hints(side, i))
            return take_page(side, &side->replicas[i], now);
    return STATUS_NOT_FOUND;
}

static enum status drop_some(struct store_side *side, struct message_holdings_state *state)
{
    struct store_holdings *holdings = side->holdings;
    bool done = false;
    if (holdings->dropping_count == 0)
        return STATUS_OK;
    while (!holdings->dropping[holdings->dropped_last]) {
        holdings->dropped_last =
            (partition_id)((holdings->dropped_last + 1u) % side->ring->partition_count);
        replica_drop_deinit(&holdings->drop);
    }
    partition_id partition = holdings->dropped_last;
    enum status status =
        replica_drop_step(&holdings->drop, partition, &side->context, &state->dropped, &done);
    if (!done)
        return status;
    holdings->dropping[partition] = false;
    holdings->dropping_count--;
    holdings->gone = partition;
    holdings->gone_group = side->context.groups;
    log_line(&side->log, LOG_INFO, "dropped the copy of a partition that moved away partition=%u",
             partition);
    return STATUS_OK;
}

void store_handle_holdings_step(struct store_side *side, const struct frame *frame,
                                struct instant now, struct store_output *out)
{
    struct message_holdings_state state = {0};
    enum status status = STATUS_NOT_FOUND;
    if (side->holdings->hints_are_stale)
        status = read_hints(side);
    if (status == STATUS_NOT_FOUND)
        status = adopt_some(side, &out->late);
    if (status == STATUS_NOT_FOUND)
        status = take_own_hints(side, now);
    if (status == STATUS_NOT_FOUND)
        status = drop_some(side, &state);
    if (status != STATUS_OK && store_may_log(&side->holdings->failed_us, now))
        log_line(&side->log, LOG_ERROR,
                 "could not take in or drop partitions, and will try again reason=%s",
                 status_name(status));
    state.waits = status != STATUS_OK;
    append_state(side, &state, frame->request, &out->late);
}
