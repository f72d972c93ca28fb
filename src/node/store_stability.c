/*
 * store_stability.c - reports of what is durable, to and from other owners, and the steps that
 * collect garbage and trim logs as far as they allow.
 *
 * A report is made when its frame is handled and leaves `late`, after the commit of its group: so
 * all that its clocks hold is synced by then. Which clocks a peer has is known from what it
 * confirmed, so nothing is sent twice to a peer that hears, and nothing at all while nothing
 * changes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/safe_time.h"
#include "ring/transition.h"
#include "wire/message_garbage.h"

enum {
    COLLECT_RECORDS = 512,      /* of garbage, looked at in one step */
    COLLECT_PARTITIONS_MAX = 64 /* with garbage or a log, visited in one step */
};

/* What one peer that stores data was told; arrays by index into side->replicas. */
struct stability_peer {
    node_id node;
    uint64_t number;     /* of the last report */
    uint64_t heard;      /* number of its newest report; 0: none on this link */
    uint64_t echo_us;    /* sent_us of what it heard last, by its clock; 0: nothing on this link */
    bool waits_for_time; /* as it last said */
    /* by the own clock: it kept no hints then or later; 0: unknown, or it does */
    uint64_t hint_free_us;
    uint64_t *sent;      /* replica->changes + 1 that stand in it; 0: nothing was sent */
    uint64_t *confirmed; /* the same of what the peer has said to have */
};

struct store_stability {
    struct stability *replicas; /* by index into side->replicas */
    struct stability_peer *peers;
    uint32_t peer_count;
    uint64_t last_number;
    uint32_t next;       /* replica at which the next step begins */
    uint32_t round_left; /* replicas that this round has not come to */
    uint64_t *waiting;   /* of the last look at each replica */
    bool *waited;        /* long enough, but for hints (G6) */
    node_id *holders;
};

/* ---- life ---- */

/* T6 of tests/models/ring_change.py. */
static void begin_anew(struct store_side *side, uint32_t index)
{
    struct store_stability *all = side->stability;
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(side->ring, side->replicas[index].partition, owners);
    stability_deinit(&all->replicas[index]);
    stability_init(&all->replicas[index], owners, count, side->self);
    all->waiting[index] = 0;
    all->waited[index] = false;
    all->holders[index] = 0;
    for (uint32_t i = 0; i < all->peer_count; i++)
        all->peers[i].sent[index] = all->peers[i].confirmed[index] = 0;
}

void store_stability_new(struct store_side *side)
{
    struct store_stability *all = memory_new(1, sizeof *all);
    side->stability = all;
    all->replicas = memory_new(side->replica_count, sizeof *all->replicas);
    all->waiting = memory_new(side->replica_count, sizeof *all->waiting);
    all->waited = memory_new(side->replica_count, sizeof *all->waited);
    all->holders = memory_new(side->replica_count, sizeof *all->holders);
    store_stability_follow_members(side);
}

static void forget_peer(struct stability_peer *peer)
{
    free(peer->sent);
    free(peer->confirmed);
}

/* One that is new has not said yet that it keeps no hints. */
void store_stability_follow_members(struct store_side *side)
{
    struct store_stability *all = side->stability;
    struct stability_peer *before = all->peers;
    uint32_t before_count = all->peer_count;
    all->peers = memory_new(side->ring->member_count, sizeof *all->peers);
    all->peer_count = 0;
    for (uint16_t i = 0; i < side->ring->member_count; i++) {
        const struct ring_member *member = &side->ring->members[i];
        struct stability_peer *peer = &all->peers[all->peer_count];
        uint32_t known = 0;
        if (member->id == side->self || !ring_member_keeps_hints(member))
            continue;
        while (known < before_count && before[known].node != member->id)
            known++;
        if (known < before_count) {
            *peer = before[known];
            before[known] = (struct stability_peer){0};
        } else {
            peer->node = member->id;
            peer->sent = memory_new(side->replica_count, sizeof *peer->sent);
            peer->confirmed = memory_new(side->replica_count, sizeof *peer->confirmed);
        }
        all->peer_count++;
    }
    for (uint32_t i = 0; i < before_count; i++)
        forget_peer(&before[i]);
    free(before);
}

void store_stability_free(struct store_side *side)
{
    struct store_stability *all = side->stability;
    for (uint32_t i = 0; i < side->replica_count; i++)
        stability_deinit(&all->replicas[i]);
    for (uint32_t i = 0; i < all->peer_count; i++)
        forget_peer(&all->peers[i]);
    free(all->replicas);
    free(all->peers);
    free(all->waiting);
    free(all->waited);
    free(all->holders);
    free(all);
}

void store_stability_follow(struct store_side *side, const struct holdings_change *change)
{
    struct store_stability *all = side->stability;
    for (uint32_t i = 0; i < change->before; i++)
        if (!change->kept[i])
            stability_deinit(&all->replicas[i]);
    all->replicas = store_follow_array(all->replicas, sizeof *all->replicas, change);
    all->waiting = store_follow_array(all->waiting, sizeof *all->waiting, change);
    all->waited = store_follow_array(all->waited, sizeof *all->waited, change);
    all->holders = store_follow_array(all->holders, sizeof *all->holders, change);
    for (uint32_t i = 0; i < all->peer_count; i++) {
        struct stability_peer *peer = &all->peers[i];
        peer->sent = store_follow_array(peer->sent, sizeof *peer->sent, change);
        peer->confirmed = store_follow_array(peer->confirmed, sizeof *peer->confirmed, change);
    }
    for (uint32_t i = 0; i < change->count; i++)
        if (change->afresh[i])
            begin_anew(side, i);
    all->next = all->round_left = 0; /* the next round comes to all of them */
}

static void tell_afresh(struct store_side *side, struct stability_peer *peer)
{
    peer->number = 0;
    memset(peer->sent, 0, side->replica_count * sizeof *peer->sent);
    memset(peer->confirmed, 0, side->replica_count * sizeof *peer->confirmed);
}

/* What others have said stays true; what was seen of the own state may not be. */
void store_stability_reopened(struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        stability_reset(&side->stability->replicas[i]);
    for (uint32_t i = 0; i < side->stability->peer_count; i++)
        tell_afresh(side, &side->stability->peers[i]);
}

const struct stability *store_stability_of(const struct store_side *side, uint32_t index)
{
    return &side->stability->replicas[index];
}

static struct stability_peer *find_peer(struct store_side *side, node_id node)
{
    for (uint32_t i = 0; i < side->stability->peer_count; i++)
        if (side->stability->peers[i].node == node)
            return &side->stability->peers[i];
    return NULL;
}

/* ---- reports ---- */

static void append_entry(const struct replica *replica, struct buffer *out)
{
    struct stability_entry entry = {
        .address = {.partition = replica->partition, .tag = replica->tag},
        .actor = replica->actor,
        .rebuilding = replica->state != REPLICA_ACTIVE,
        .clock = replica->clock};
    stability_entry_encode(&entry, out);
}

static void report_to(struct store_side *side, struct stability_peer *peer,
                      const struct frame *frame, struct instant now, struct buffer *out)
{
    struct buffer reports = {0};
    struct message_stability message = {
        .number = ++side->stability->last_number,
        .keeps_hints = hint_store_keeps_any(side->hints) || store_hints_are_stale(side),
        .echo_us = peer->echo_us,
        .waits_for_time = store_expiry_waits(side) || store_fold_waits(side)};
    bool whole = true;
    peer->number = message.number;
    if (peer->waits_for_time)
        store_raise_ceiling(side, now);
    for (uint32_t i = 0; i < side->replica_count; i++) {
        const struct replica *replica = &side->replicas[i];
        peer->sent[i] = peer->confirmed[i];
        if (replica->changes + 1 == peer->confirmed[i] ||
            !ring_replicates(side->ring, peer->node, replica->partition))
            continue;
        if (reports.length > MESSAGE_PAYLOAD_BYTES_MAX / 2) { /* the rest follows */
            whole = false;
            continue;
        }
        append_entry(replica, &reports);
        peer->sent[i] = replica->changes + 1;
        message.count++;
    }
    message.reports = buffer_slice(&reports);
    if (whole) /* now, for what is made later in this group is not in the clocks above */
        message.closed = store_closed_time(side, now);
    size_t offset = frame_start(out, MESSAGE_STABILITY, frame->request, 0);
    message_stability_encode(&message, out);
    frame_finish(out, offset);
    buffer_deinit(&reports);
}

/* False: it is of a tag, or a replica, that this node does not have yet. */
static bool hear_entry(struct store_side *side, node_id from, const struct stability_entry *entry)
{
    enum status status;
    struct replica *replica = store_find_replica(side, &entry->address, &status);
    partition_id partition = entry->address.partition;
    bool known =
        partition < side->ring->partition_count && side->replica_index[partition] != NO_REPLICA;
    if (!known)
        return status != STATUS_NOT_READY;
    struct stability *stability = &side->stability->replicas[side->replica_index[partition]];
    if (replica == NULL || entry->rebuilding) /* what is said next would build on this report */
        stability_forget(stability, from);
    else
        stability_report(stability, from, &entry->actor, &entry->clock);
    return status != STATUS_NOT_READY;
}

/* False: some of it is to come again. */
static bool take_report(struct store_side *side, struct stability_peer *peer,
                        const struct message_stability *message)
{
    struct reader reader = reader_make(message->reports);
    bool whole = true;
    peer->heard = message->number;
    peer->hint_free_us = message->keeps_hints ? 0 : message->echo_us;
    peer->waits_for_time = message->waits_for_time;
    for (uint16_t i = 0; i < message->count; i++) {
        struct stability_entry entry;
        stability_entry_decode(&reader, &entry);
        whole = hear_entry(side, peer->node, &entry) && whole;
        clock_deinit(&entry.clock);
    }
    for (uint32_t i = 0; message->closed != 0 && i < side->replica_count; i++)
        safe_time_close(&side->stability->replicas[i], peer->node, message->closed);
    return whole;
}

static void tell_heard(const struct frame *frame, uint64_t number, struct instant now,
                       struct buffer *out)
{
    struct message_stability_heard heard = {.number = number, .sent_us = now.mono_us};
    size_t offset = frame_start(out, MESSAGE_STABILITY_HEARD, frame->request, 0);
    message_stability_heard_encode(&heard, out);
    frame_finish(out, offset);
}

static void hear(struct store_side *side, struct stability_peer *peer,
                 const struct message_stability_step *step, const struct frame *frame,
                 struct instant now, struct buffer *out)
{
    struct message_stability message;
    if (message_stability_decode(step->body, &message) != STATUS_OK)
        return;                                /* it is not confirmed, so it comes again */
    bool newer = message.number > peer->heard; /* else one overtook it, and would be taken back */
    if (newer && !take_report(side, peer, &message))
        return;
    tell_heard(frame, message.number, now, out);
}

static void confirm(struct store_side *side, struct stability_peer *peer, uint64_t number)
{
    if (number == peer->number)
        memcpy(peer->confirmed, peer->sent, side->replica_count * sizeof *peer->sent);
}

static void forget(struct store_side *side, struct stability_peer *peer)
{
    tell_afresh(side, peer);
    peer->heard = peer->echo_us = peer->hint_free_us = 0;
    peer->waits_for_time = false;
    for (uint32_t i = 0; i < side->replica_count; i++)
        stability_forget(&side->stability->replicas[i], peer->node);
}

/* ---- collecting ---- */

/* Since when no other member keeps hints, as far as all have said (G6). */
static uint64_t hint_free_us(const struct store_side *side)
{
    uint64_t since_us = UINT64_MAX;
    for (uint32_t i = 0; i < side->stability->peer_count; i++)
        if (side->stability->peers[i].hint_free_us < since_us)
            since_us = side->stability->peers[i].hint_free_us;
    return since_us;
}

static enum status collect_replica(struct store_side *side, uint32_t index, struct instant now,
                                   uint32_t *budget, struct message_garbage *sum)
{
    struct replica *replica = &side->replicas[index];
    struct stability *stability = &side->stability->replicas[index];
    struct purge_outcome outcome = {0};
    side->context.may_mint = store_clock_may_mint(&side->clock, now) == STATUS_OK &&
                             ring_is_read(side->ring, side->self, replica->partition); /* T2 */
    uint64_t wait_us = (uint64_t)side->settings.request_timeout_max_ms * 1000;
    side->stability->waited[index] = stability_advance(stability, &replica->actor, &replica->clock,
                                                       now.mono_us, wait_us, hint_free_us(side)) &&
                                     now.mono_us - stability->coming_since_us >= wait_us;
    store_fold_look(side, index, now, hint_free_us(side));
    bool log_is_long = false;
    enum status status = replica_purge(replica, stability, *budget, &side->context, &outcome);
    if (status == STATUS_OK)
        status = store_trim(side, index, stability, now, &log_is_long);
    sum->purged += outcome.purged;
    bool more = outcome.more || log_is_long || outcome.purged >= *budget;
    *budget = more ? 0 : *budget - outcome.purged;
    side->stability->waiting[index] = outcome.waiting;
    side->stability->holders[index] = outcome.holder;
    return status;
}

static void count_holder(struct message_garbage *sum, node_id node, bool may_hint)
{
    uint8_t i = 0;
    while (i < sum->holder_count &&
           (sum->holders[i].node != node || sum->holders[i].may_hint != may_hint))
        i++;
    if (i == GARBAGE_HOLDERS_MAX)
        return;
    if (i == sum->holder_count)
        sum->holders[sum->holder_count++] =
            (struct garbage_holder){.node = node, .may_hint = may_hint};
    sum->holders[i].partitions++;
}

/* G6. */
static void count_hint_holders(const struct store_side *side, struct message_garbage *sum)
{
    for (uint32_t i = 0; i < side->stability->peer_count; i++)
        if (side->stability->peers[i].hint_free_us == 0)
            count_holder(sum, side->stability->peers[i].node, true);
}

static void sum_up(const struct store_side *side, struct message_garbage *sum)
{
    for (uint32_t i = 0; i < side->replica_count; i++) {
        const struct replica *replica = &side->replicas[i];
        sum->tombstones += replica->garbage_count;
        sum->log_records += replica->log_position + 1 - replica->log_first;
        sum->log_bytes += replica->log_bytes;
        if (replica->garbage_count == 0)
            continue;
        sum->waiting += side->stability->waiting[i];
        if (side->stability->holders[i] != 0)
            count_holder(sum, side->stability->holders[i], false);
        if (side->stability->waiting[i] > 0 && side->stability->waited[i])
            count_hint_holders(side, sum);
    }
}

static bool has_work(const struct store_side *side, uint32_t index)
{
    const struct replica *replica = &side->replicas[index];
    return replica->garbage_first <= replica->garbage_last || store_has_log(replica) ||
           store_fold_is_wanted(side, index);
}

/* A round comes to each replica once; a step is a bounded part of it. */
static void collect(struct store_side *side, const struct message_stability_step *step,
                    const struct frame *frame, struct instant now, struct store_output *out)
{
    struct store_stability *all = side->stability;
    struct message_garbage sum = {0};
    uint32_t budget = COLLECT_RECORDS;
    uint32_t visited = 0;
    if (step->number == 0)
        all->round_left = side->replica_count;
    while (all->round_left > 0 && budget > 0 && visited < COLLECT_PARTITIONS_MAX) {
        uint32_t index = all->next;
        if (has_work(side, index)) {
            enum status status = collect_replica(side, index, now, &budget, &sum);
            if (status != STATUS_OK && store_may_log(&side->collect_failed_us, now))
                log_line(&side->log, LOG_ERROR,
                         "could not collect garbage or trim the log partition=%u reason=%s",
                         side->replicas[index].partition, status_name(status));
            visited++;
        }
        if (budget > 0) { /* else it is not finished */
            all->next = (index + 1) % side->replica_count;
            all->round_left--;
        }
    }
    sum.more = all->round_left > 0;
    sum_up(side, &sum);
    size_t offset = frame_start(&out->late, MESSAGE_GARBAGE, frame->request, 0);
    message_garbage_encode(&sum, &out->late);
    frame_finish(&out->late, offset);
}

void store_handle_stability(struct store_side *side, const struct frame *frame, struct instant now,
                            struct store_output *out)
{
    struct message_stability_step step;
    if (message_stability_step_decode(frame->body, &step) != STATUS_OK)
        return;
    struct stability_peer *peer = find_peer(side, step.node);
    if (step.kind == STABILITY_STEP_COLLECT)
        collect(side, &step, frame, now, out);
    if (step.kind == STABILITY_STEP_FORGET) {
        if (peer != NULL)
            forget(side, peer);
        tell_heard(frame, 0, now, &out->late);
    }
    if (peer == NULL)
        return;
    switch (step.kind) {
    case STABILITY_STEP_AFRESH:
        tell_afresh(side, peer);
        report_to(side, peer, frame, now, &out->late);
        break;
    case STABILITY_STEP_ASK:
        report_to(side, peer, frame, now, &out->late);
        break;
    case STABILITY_STEP_REPORT:
        hear(side, peer, &step, frame, now, &out->late);
        break;
    case STABILITY_STEP_HEARD:
        confirm(side, peer, step.number);
        peer->echo_us = step.heard_us;
        break;
    default:
        break;
    }
}
