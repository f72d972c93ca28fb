/*
 * store_drop.c - what dropped keyspaces have left on the disk of this node goes, step by step.
 *
 * Hints first, then one replica after the other. Where a round stands is kept in memory alone: how
 * much is left of each replica is in its counts, so a start goes on with those that have some
 * (replica/keyspace_drop.h), and looks through the hints once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/keyspace_drop.h"
#include "wire/message_drop.h"

struct store_drop {
    bool *looked_through; /* by index into side->replicas: nothing that a walk finds is left */
    uint32_t next;        /* replica at which the next step begins */
    struct buffer place;  /* in it; empty: its beginning */
    bool hints_looked_through;
    struct buffer hint_place;
    uint16_t drops[RING_KEYSPACES_MAX]; /* that the round is for, as in struct ring */
    bool under_way;                     /* since the last line about it */
};

void store_drop_new(struct store_side *side)
{
    side->drop = memory_new(1, sizeof *side->drop);
    side->drop->looked_through = memory_new(side->replica_count, sizeof(bool));
}

void store_drop_free(struct store_side *side)
{
    buffer_deinit(&side->drop->place);
    buffer_deinit(&side->drop->hint_place);
    free(side->drop->looked_through);
    free(side->drop);
}

void store_drop_follow(struct store_side *side, const struct holdings_change *change)
{
    struct store_drop *drop = side->drop;
    drop->looked_through =
        store_follow_array(drop->looked_through, sizeof *drop->looked_through, change);
    drop->next = 0;
    buffer_clear(&drop->place);
}

static void begin_anew(struct store_side *side)
{
    struct store_drop *drop = side->drop;
    for (uint32_t i = 0; i < side->replica_count; i++)
        drop->looked_through[i] = false;
    drop->next = 0;
    buffer_clear(&drop->place);
    memcpy(drop->drops, side->ring->keyspace_drops, sizeof drop->drops);
    drop->hints_looked_through = true; /* none was dropped since there are keyspaces */
    for (uint16_t i = 0; i < RING_KEYSPACES_MAX; i++)
        if (side->ring->keyspace_drops[i] > 0)
            drop->hints_looked_through = false;
    buffer_clear(&drop->hint_place);
}

static bool has_work(const struct store_side *side, uint32_t index)
{
    return !side->drop->looked_through[index] && replica_dropped_left(&side->replicas[index]) > 0;
}

static void sum_up(const struct store_side *side, struct message_drop_state *state)
{
    for (uint32_t i = 0; i < side->replica_count; i++) {
        state->keys_left += replica_dropped_left(&side->replicas[i]);
        state->more = state->more || has_work(side, i);
    }
    state->more =
        state->more || (!side->drop->hints_looked_through && hint_store_keeps_any(side->hints));
}

static void append_state(const struct message_drop_state *state, request_id request,
                         struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_DROP_STATE, request, 0);
    message_drop_state_encode(state, out);
    frame_finish_inside(out, offset);
}

void store_drop_opened(struct store_side *side, struct buffer *out)
{
    struct message_drop_state state = {0};
    begin_anew(side);
    sum_up(side, &state);
    side->drop->under_way = state.more;
    if (state.more)
        log_line(&side->log, LOG_INFO, "removing what dropped keyspaces have left keys=%llu",
                 (unsigned long long)state.keys_left);
    append_state(&state, 0, out);
}

void store_drop_learned(struct store_side *side, struct buffer *out)
{
    if (memcmp(side->drop->drops, side->ring->keyspace_drops, sizeof side->drop->drops) == 0)
        return; /* it was about something else; scrubs under way go on */
    for (uint32_t i = 0; i < side->replica_count; i++)
        replica_count_dropped_apart(&side->replicas[i], &side->context);
    store_drop_opened(side, out);
}

static enum status remove_hints(struct store_side *side, struct message_drop_state *state)
{
    struct store_drop *drop = side->drop;
    if (store_hints_are_stale(side))
        return STATUS_NOT_READY;
    return hint_store_remove_dropped(side->hints, &drop->hint_place, &side->context, &state->hints,
                                     &drop->hints_looked_through);
}

/* Counted ones that no walk has found: only a damaged store has such. A scrub counts anew. */
static void tell_if_miscounted(struct store_side *side, const struct replica *replica,
                               struct buffer *out)
{
    if (replica_dropped_left(replica) == 0)
        return;
    log_line(&side->log, LOG_WARN,
             "keys of dropped keyspaces were counted and are not there: all cells are read again "
             "partition=%u count=%llu",
             replica->partition, (unsigned long long)replica_dropped_left(replica));
    store_append_tree_state(replica, true, out);
}

static enum status remove_cells(struct store_side *side, struct message_drop_state *state,
                                struct buffer *out)
{
    struct store_drop *drop = side->drop;
    uint32_t passed = 0;
    while (passed < side->replica_count && !has_work(side, drop->next)) {
        drop->next = (drop->next + 1) % side->replica_count;
        buffer_clear(&drop->place);
        passed++;
    }
    if (passed == side->replica_count)
        return STATUS_OK;
    struct replica *replica = &side->replicas[drop->next];
    struct drop_outcome outcome = {0};
    enum status status = replica_remove_dropped(replica, &drop->place, &side->context, &outcome);
    state->removed = outcome.removed;
    if (outcome.done) {
        drop->looked_through[drop->next] = true;
        tell_if_miscounted(side, replica, out);
    }
    if (status != STATUS_OK) /* the others need not wait for it */
        drop->next = (drop->next + 1) % side->replica_count;
    return status;
}

void store_handle_drop_step(struct store_side *side, const struct frame *frame, struct instant now,
                            struct store_output *out)
{
    struct message_drop_state state = {0};
    enum status status = side->drop->hints_looked_through ? remove_cells(side, &state, &out->late)
                                                          : remove_hints(side, &state);
    if (status != STATUS_OK && store_may_log(&side->drop_failed_us, now))
        log_line(&side->log, LOG_ERROR,
                 "could not remove what is left of dropped keyspaces, and will try again reason=%s",
                 status_name(status));
    sum_up(side, &state);
    if (side->drop->under_way && !state.more)
        log_line(&side->log, LOG_INFO, "what dropped keyspaces had left is removed");
    side->drop->under_way = state.more;
    state.waits = state.more && status != STATUS_OK;
    append_state(&state, frame->request, &out->late);
}
