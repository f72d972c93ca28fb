/*
 * store_expiry.c - the safe times of the own replicas, and the steps that drop what expired before.
 *
 * Closed times of others come with their reports (store_stability.c), the own one is promised when
 * a report is made or a replica is looked at. A replica is looked at only when its index says that
 * something has expired, so an idle node does nothing here. While something waits, here or at a
 * peer, and all owners can be heard, the ceiling of times is raised, below which all promises stay.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/expiry.h"
#include "replica/safe_time.h"
#include "wire/message_expiry.h"

enum {
    STEP_RECORDS = 256,       /* dropped in one step */
    STEP_PARTITIONS_MAX = 64, /* looked at in one step */
    COUNT_EVERY = 16          /* looks that could drop nothing */
};

/* Of the last look at one replica. */
struct expiry_look {
    struct safe_time time;
    uint32_t waiting;
    uint64_t waits_for_ms; /* the oldest expiry of these */
    uint32_t repeated;     /* looks since they were counted */
};

struct store_expiry {
    struct expiry_look *replicas; /* by index into side->replicas */
    uint32_t next;                /* replica at which the next step begins */
    uint32_t round_left;          /* replicas that this round has not come to */
};

void store_expiry_new(struct store_side *side)
{
    side->expiry = memory_new(1, sizeof *side->expiry);
    side->expiry->replicas = memory_new(side->replica_count, sizeof *side->expiry->replicas);
}

void store_expiry_free(struct store_side *side)
{
    free(side->expiry->replicas);
    free(side->expiry);
}

void store_expiry_follow(struct store_side *side, const struct holdings_change *change)
{
    struct store_expiry *all = side->expiry;
    all->replicas = store_follow_array(all->replicas, sizeof *all->replicas, change);
    for (uint32_t i = 0; i < change->count; i++)
        if (change->afresh[i])
            all->replicas[i] = (struct expiry_look){0};
    all->next = all->round_left = 0;
}

/* S3: what the replicas held may be lost. */
void store_expiry_reopened(struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        side->expiry->replicas[i] = (struct expiry_look){0};
}

hybrid_time store_closed_time(struct store_side *side, struct instant now)
{
    return store_clock_promise(&side->clock, now, side->ring->member_count == 1);
}

void store_raise_ceiling(struct store_side *side, struct instant now)
{
    if (store_clock_may_mint(&side->clock, now) == STATUS_OK)
        store_clock_renew(&side->clock, side->context.wall_ms, side->context.batch);
}

/* As long as an owner is silent the others have nothing to hurry for. */
static bool may_go_soon(const struct expiry_look *look)
{
    return look->waiting > 0 && !look->time.silent;
}

bool store_expiry_waits(const struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        if (may_go_soon(&side->expiry->replicas[i]))
            return true;
    return false;
}

/* Whether it is known without a walk that nothing can go; then they are counted now and then. */
static bool is_hopeless(struct expiry_look *look)
{
    return look->waiting > 0 && hybrid_time_ms(look->time.safe) <= look->waits_for_ms &&
           ++look->repeated % COUNT_EVERY != 0;
}

static void look_at(struct store_side *side, uint32_t index, struct instant now, uint32_t *budget,
                    struct message_expiry_state *state)
{
    struct replica *replica = &side->replicas[index];
    struct expiry_look *look = &side->expiry->replicas[index];
    struct expiry_outcome outcome = {0};
    if (replica->state != REPLICA_ACTIVE) {
        look->waiting = 0;
        return; /* what it has may be older than what all others have */
    }
    safe_time_advance(&look->time, store_stability_of(side, index), side->self, &replica->clock,
                      store_closed_time(side, now));
    if (is_hopeless(look))
        return;
    side->context.may_mint = store_clock_may_mint(&side->clock, now) == STATUS_OK &&
                             ring_is_read(side->ring, side->self, replica->partition); /* T2 */
    enum status status = expiry_drop(replica, look->time.safe, store_stability_of(side, index),
                                     *budget, &side->context, &outcome);
    store_checkpoint_if_due(side, replica);
    look->waiting = outcome.waiting;
    look->waits_for_ms = outcome.waits_for_ms;
    state->dropped += outcome.dropped;
    *budget = outcome.more || outcome.dropped >= *budget ? 0 : *budget - outcome.dropped;
    if (status != STATUS_OK && store_may_log(&side->expire_failed_us, now))
        log_line(&side->log, LOG_ERROR, "could not drop expired values partition=%u reason=%s",
                 replica->partition, status_name(status));
}

static void count_holder(struct message_expiry_state *state, node_id node)
{
    uint8_t i = 0;
    while (i < state->holder_count && state->holders[i].node != node)
        i++;
    if (i == EXPIRY_HOLDERS_MAX)
        return;
    if (i == state->holder_count)
        state->holders[state->holder_count++] = (struct expiry_holder){.node = node};
    state->holders[i].partitions++;
}

static void sum_up(const struct store_side *side, struct message_expiry_state *state)
{
    for (uint32_t i = 0; i < side->replica_count; i++) {
        const struct expiry_look *look = &side->expiry->replicas[i];
        uint64_t safe_ms = hybrid_time_ms(look->time.safe);
        if (look->waiting == 0)
            continue;
        state->waiting += look->waiting;
        state->go_soon = state->go_soon || may_go_soon(look);
        if (safe_ms < side->context.wall_ms && side->context.wall_ms - safe_ms > state->lag_ms)
            state->lag_ms = side->context.wall_ms - safe_ms;
        count_holder(state, look->time.holder);
    }
}

/* A round comes to each replica once; a step is a bounded part of it. */
void store_handle_expiry_step(struct store_side *side, const struct frame *frame,
                              struct instant now, struct store_output *out)
{
    struct store_expiry *all = side->expiry;
    struct message_expiry_step step;
    struct message_expiry_state state = {0};
    uint32_t budget = STEP_RECORDS, visited = 0;
    if (message_expiry_step_decode(frame->body, &step) != STATUS_OK)
        return;
    if (!step.goes_on)
        all->round_left = side->replica_count;
    while (all->round_left > 0 && budget > 0 && visited < STEP_PARTITIONS_MAX) {
        uint32_t index = all->next;
        if (expiry_is_due(&side->replicas[index], side->context.wall_ms)) {
            look_at(side, index, now, &budget, &state);
            visited++;
        } else {
            all->replicas[index].waiting = 0;
        }
        if (budget > 0) { /* else it is not finished */
            all->next = (index + 1) % side->replica_count;
            all->round_left--;
        }
    }
    state.more = all->round_left > 0;
    sum_up(side, &state);
    if (state.go_soon)
        store_raise_ceiling(side, now);
    size_t offset = frame_start(&out->late, MESSAGE_EXPIRY_STATE, frame->request, 0);
    message_expiry_state_encode(&state, &out->late);
    frame_finish_inside(&out->late, offset);
}
