#include "node/tree_schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "node/node_state.h"
#include "repair/pace.h"
#include "repair/tree_exchange.h"
#include "ring/transition.h"

enum {
    SLOTS = 2,
    SCRUB_CELLS = 1024,
    SCRUB_BYTES = 256 << 10,
    RETRY_US_MIN = 1000000,
    RETRY_US_MAX = 30000000,
    DAMAGED_US = 600000000 /* before a damaged replica is read again */
};

/* origin.token of a PENDING_TREE: a slot, or this. */
enum { TOKEN_SCRUB = SLOTS };

struct pair {
    partition_id partition;
    node_id peer;
    bool busy;
    bool compared;
    bool equal;
    bool ordered, dry_run; /* by hand, and not done yet */
    uint64_t due_us;
    uint64_t compared_us;
    enum status status;
    struct tree_differences differences;
    uint64_t repaired;
    uint32_t turn;
};

struct slot {
    struct tree_exchange exchange;
    struct pair *pair;
    struct tree_exchange_output held; /* the next step, until the pace allows it */
    bool waits;
    bool ordered; /* what it was begun for */
};

struct replica_scrub {
    partition_id partition;
    bool fits, damaged, ordered;
    uint64_t cells;
    uint64_t scrubbed_ms; /* wall clock; 0: never */
    uint64_t due_us;
};

struct tree_schedule {
    struct pair *pairs;
    uint32_t pair_count;
    struct replica_scrub *replicas;
    uint32_t replica_count;
    struct slot slots[SLOTS];
    struct replica_scrub *scrubbed; /* under way; NULL: none */
    bool scrub_asked;               /* a step of it is */
    bool scrub_begun;
    uint64_t looked_us; /* the earliest of all that is due, as last looked up; 0: look again */
    struct repair_pace pace;
    bool paused;
    uint64_t started_us;
    struct repair_view totals;
};

/* Which of two owners begins: half of the partitions each. */
static bool begins(node_id self, node_id peer, partition_id partition)
{
    return ring_rank(partition, self) < ring_rank(partition, peer);
}

/* The pairs in which this node begins, and its replicas. */
static void find_pairs(struct tree_schedule *schedule, const struct ring *ring, node_id self)
{
    schedule->pair_count = schedule->replica_count = 0;
    schedule->replicas = memory_new(ring->partition_count, sizeof *schedule->replicas);
    schedule->pairs =
        memory_new((size_t)ring->partition_count * RING_REPLICAS_MAX, sizeof *schedule->pairs);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        node_id owners[RING_REPLICAS_MAX];
        uint8_t count = ring_replicas(ring, (partition_id)p, owners);
        if (!ring_replicates(ring, self, (partition_id)p))
            continue;
        schedule->replicas[schedule->replica_count++] =
            (struct replica_scrub){.partition = (partition_id)p, .fits = true};
        for (uint8_t i = 0; i < count; i++)
            if (owners[i] != self && begins(self, owners[i], (partition_id)p))
                schedule->pairs[schedule->pair_count++] =
                    (struct pair){.partition = (partition_id)p, .peer = owners[i]};
    }
}

struct tree_schedule *tree_schedule_new(const struct ring *ring, node_id self)
{
    struct tree_schedule *schedule = memory_new(1, sizeof *schedule);
    find_pairs(schedule, ring, self);
    return schedule;
}

void tree_schedule_free(struct tree_schedule *schedule)
{
    if (schedule == NULL)
        return;
    for (unsigned i = 0; i < SLOTS; i++) {
        tree_exchange_deinit(&schedule->slots[i].exchange);
        buffer_deinit(&schedule->slots[i].held.body);
    }
    free(schedule->pairs);
    free(schedule->replicas);
    free(schedule);
}

/* ---- times ---------------------------------------------------------------------------------- */

static uint64_t interval_us(const struct node *node)
{
    return (uint64_t)node->settings.repair_interval_ms * 1000;
}

static uint64_t retry_us(const struct node *node)
{
    uint64_t us = interval_us(node) / 16;
    return us < RETRY_US_MIN ? RETRY_US_MIN : us > RETRY_US_MAX ? RETRY_US_MAX : us;
}

/* A fixed part of `span_us` for this number, so that what begins together spreads out. */
static uint64_t spread_us(const struct node *node, uint64_t number, uint64_t span_us)
{
    uint64_t numbers[2] = {number, node->self};
    uint64_t hash = hash64(slice_make(numbers, sizeof numbers), 0);
    return span_us == 0 ? 0 : hash % span_us;
}

static void set_due(struct tree_schedule *schedule, uint64_t *due_us, uint64_t when_us)
{
    *due_us = when_us;
    schedule->looked_us = 0;
}

static uint64_t scrub_due_us(const struct node *node, const struct replica_scrub *replica)
{
    uint64_t interval_ms = node->settings.scrub_interval_ms;
    uint64_t age_ms =
        node->now.wall_ms > replica->scrubbed_ms ? node->now.wall_ms - replica->scrubbed_ms : 0;
    if (interval_ms == 0)
        return UINT64_MAX;
    if (replica->scrubbed_ms == 0)
        return node->trees->started_us + spread_us(node, replica->partition, interval_ms * 1000);
    return node->now.mono_us + (age_ms < interval_ms ? interval_ms - age_ms : 0) * 1000;
}

static uint64_t first_due_us(const struct node *node, uint64_t number)
{
    return interval_us(node) == 0
               ? UINT64_MAX
               : node->now.mono_us + spread_us(node, number + UINT64_C(1000000), interval_us(node));
}

void tree_schedule_start(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    schedule->started_us = node->now.mono_us;
    for (uint32_t i = 0; i < schedule->pair_count; i++)
        schedule->pairs[i].due_us = first_due_us(node, i);
    for (uint32_t i = 0; i < schedule->replica_count; i++)
        schedule->replicas[i].due_us = scrub_due_us(node, &schedule->replicas[i]);
    schedule->looked_us = 0;
}

/* ---- exchanges ------------------------------------------------------------------------------ */

static struct pending *add_pending(struct node *node, uint64_t token, node_id peer)
{
    struct origin origin = {.token = token, .node = peer};
    return pending_add(node, PENDING_TREE, &origin,
                       node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000);
}

static void count_result(struct tree_schedule *schedule, const struct tree_exchange_result *result)
{
    struct repair_view *totals = &schedule->totals;
    totals->exchanges++;
    totals->exchanges_equal += result->equal;
    totals->exchanges_failed += result->status != STATUS_OK;
    totals->bytes_sent += result->bytes_sent;
    totals->bytes_received += result->bytes_received;
    totals->differences.behind += result->differences.behind;
    totals->differences.superseded += result->differences.superseded;
    totals->differences.in_flight += result->differences.in_flight;
    totals->differences.corrupt += result->differences.corrupt;
    totals->differences.expired += result->differences.expired;
    totals->repaired += result->repaired;
}

/* Cells that log sync and forced copies have something to do with. */
static uint64_t to_mend(const struct tree_exchange_result *result)
{
    const struct tree_differences *found = &result->differences;
    return (uint64_t)found->behind + found->superseded + found->in_flight + found->corrupt;
}

/* One side has dropped expired values, and the other is about to. */
static bool found_expired_alone(const struct tree_exchange_result *result)
{
    return result->status == STATUS_OK && result->complete && to_mend(result) == 0 &&
           result->differences.expired > 0;
}

/* When the pair is looked at again: what is settled waits for its turn, all else comes sooner. */
static uint64_t again_us(const struct node *node, const struct pair *pair,
                         const struct tree_exchange_result *result)
{
    uint64_t now_us = node->now.mono_us;
    uint64_t interval = interval_us(node);
    bool settled = result->status == STATUS_OK &&
                   (result->equal || pair->dry_run || found_expired_alone(result));
    if (pair->ordered)
        return now_us + RETRY_US_MIN; /* somebody waits for it */
    if (!settled && interval != 0)
        return now_us + retry_us(node);
    if (interval == 0)
        return UINT64_MAX;
    return now_us + interval - spread_us(node, now_us, interval / 10 + 1);
}

/*
 * Sums differed at equal clocks, and no cell did: a tree is wrong, here or there. Read the cells
 * here, unless that was done lately; the other owner does it in its time.
 */
static void doubt_tree(struct node *node, partition_id partition)
{
    struct tree_schedule *schedule = node->trees;
    for (uint32_t i = 0; i < schedule->replica_count; i++) {
        struct replica_scrub *replica = &schedule->replicas[i];
        if (replica->partition == partition && replica != schedule->scrubbed &&
            replica->scrubbed_ms + node->settings.repair_interval_ms < node->now.wall_ms)
            set_due(schedule, &replica->due_us, node->now.mono_us);
    }
}

static bool found_nothing(const struct tree_exchange_result *result)
{
    return result->status == STATUS_OK && !result->equal && result->clocks_equal &&
           result->complete && to_mend(result) + result->differences.expired == 0;
}

static void exchange_over(struct node *node, struct slot *slot)
{
    struct tree_schedule *schedule = node->trees;
    struct pair *pair = slot->pair;
    const struct tree_exchange_result *result = &slot->exchange.result;
    pair->busy = false;
    pair->status = result->status;
    pair->turn++;
    if (result->status == STATUS_OK) {
        pair->equal = result->equal;
        pair->differences = result->differences;
        pair->repaired = result->repaired;
    }
    if (result->status == STATUS_OK && result->complete && result->differences.in_flight == 0) {
        if (!pair->compared)
            schedule->totals.pairs_compared++;
        pair->compared = true;
        pair->compared_us = node->now.mono_us;
        if (pair->ordered && slot->ordered)
            schedule->totals.run_done++;
        pair->ordered = pair->ordered && !slot->ordered; /* ordered while it ran: once more */
    }
    set_due(schedule, &pair->due_us, again_us(node, pair, result));
    count_result(schedule, result);
    if (found_nothing(result))
        doubt_tree(node, pair->partition);
    tree_exchange_end(&slot->exchange);
    slot->pair = NULL;
}

/* Send the step that is held. */
static void send_step(struct node *node, struct slot *slot)
{
    struct tree_schedule *schedule = node->trees;
    struct slice body = buffer_slice(&slot->held.body);
    uint64_t token = (uint64_t)(slot - schedule->slots);
    struct pending *pending = add_pending(node, token, slot->pair->peer);
    slot->waits = false;
    repair_pace_note_work(&schedule->pace, body.length, node->now.mono_us);
    if (slot->held.want == TREE_EXCHANGE_ASK_STORE)
        node_send_store(node, slot->held.type, pending->id, pending->deadline_us, body);
    else
        node_send_link(node, peers_link(node->peers, slot->pair->peer), slot->held.type,
                       pending->id, node->settings.request_timeout_ms, body);
    slot->held.want = TREE_EXCHANGE_NOTHING;
    buffer_clear(&slot->held.body);
}

/* What came of the last event: a step goes at once, or when the pace allows it. */
static void carry_out(struct node *node, struct slot *slot)
{
    switch (slot->held.want) {
    case TREE_EXCHANGE_NOTHING:
        break;
    case TREE_EXCHANGE_OVER:
        slot->held.want = TREE_EXCHANGE_NOTHING;
        exchange_over(node, slot);
        break;
    case TREE_EXCHANGE_ASK_STORE:
    case TREE_EXCHANGE_ASK_PEER:
        if (!peers_is_up(node->peers, slot->pair->peer)) {
            tree_exchange_fail(&slot->exchange, STATUS_UNAVAILABLE, &slot->held);
            slot->held.want = TREE_EXCHANGE_NOTHING;
            exchange_over(node, slot);
            break;
        }
        slot->waits = slot->held.type == MESSAGE_TREE_ASK;
        if (!slot->waits)
            send_step(node, slot); /* the second half of a step that has begun */
        break;
    }
}

static bool may_begin(const struct node *node, const struct pair *pair)
{
    return node->replica_states[pair->partition] == REPLICA_ACTIVE &&
           peers_is_up(node->peers, pair->peer);
}

static void put_off(struct node *node, struct pair *pair)
{
    bool up = peers_is_up(node->peers, pair->peer);
    pair->status = up ? STATUS_NOT_READY : STATUS_UNAVAILABLE;
    set_due(node->trees, &pair->due_us,
            node->now.mono_us + (pair->ordered ? RETRY_US_MIN : retry_us(node)));
}

static void begin_exchange(struct node *node, struct slot *slot, struct pair *pair)
{
    struct tree_exchange_params params = {.partition = pair->partition,
                                          .peer = pair->peer,
                                          .flags =
                                              pair->ordered && pair->dry_run ? TREE_DRY_RUN : 0,
                                          .turn = pair->turn};
    pair->busy = true;
    pair->due_us = UINT64_MAX;
    pair->dry_run = pair->dry_run && pair->ordered;
    slot->pair = pair;
    slot->ordered = pair->ordered;
    tree_exchange_begin(&slot->exchange, &params, &slot->held);
    send_step(node, slot);
}

/* ---- scrub ---------------------------------------------------------------------------------- */

static void scrub_over(struct node *node, uint64_t due_us)
{
    struct tree_schedule *schedule = node->trees;
    set_due(schedule, &schedule->scrubbed->due_us, due_us);
    schedule->scrubbed = NULL;
    schedule->scrub_asked = false;
}

static void ask_scrub(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    struct buffer body = {0};
    struct message_scrub scrub = {.partition = schedule->scrubbed->partition,
                                  .flags = schedule->scrub_begun ? 0 : SCRUB_BEGIN,
                                  .cells_max = SCRUB_CELLS,
                                  .bytes_max = SCRUB_BYTES};
    struct pending *pending = add_pending(node, TOKEN_SCRUB, 0);
    message_scrub_encode(&scrub, &body);
    node_send_store(node, MESSAGE_SCRUB, pending->id, pending->deadline_us, buffer_slice(&body));
    schedule->scrub_begun = true;
    schedule->scrub_asked = true;
    repair_pace_note_work(&schedule->pace, 0, node->now.mono_us);
    buffer_deinit(&body);
}

static void begin_scrub(struct node *node, struct replica_scrub *replica)
{
    struct tree_schedule *schedule = node->trees;
    schedule->scrubbed = replica;
    schedule->scrub_begun = false;
    replica->due_us = UINT64_MAX;
    ask_scrub(node);
}

/* Pairs of a replica whose cells were not what was believed are compared soon. */
static void hurry_pairs(struct node *node, partition_id partition)
{
    struct tree_schedule *schedule = node->trees;
    for (uint32_t i = 0; interval_us(node) != 0 && i < schedule->pair_count; i++)
        if (schedule->pairs[i].partition == partition && !schedule->pairs[i].busy)
            set_due(schedule, &schedule->pairs[i].due_us, node->now.mono_us);
}

static void scrub_answered(struct node *node, struct slice body)
{
    struct tree_schedule *schedule = node->trees;
    struct replica_scrub *replica = schedule->scrubbed;
    struct message_scrubbed scrubbed;
    enum status status = message_scrubbed_decode(body, &scrubbed);
    assert(status == STATUS_OK); /* own store side */
    schedule->scrub_asked = false;
    schedule->totals.scrub_cells += scrubbed.cells;
    schedule->totals.scrub_bytes += scrubbed.bytes;
    repair_pace_note_work(&schedule->pace, scrubbed.bytes, node->now.mono_us);
    if (scrubbed.status != STATUS_OK) {
        bool damaged = scrubbed.status == STATUS_CORRUPT;
        replica->damaged = damaged;
        scrub_over(node, node->now.mono_us + (damaged ? DAMAGED_US : retry_us(node)));
        return;
    }
    if (!scrubbed.finished || !schedule->scrub_begun)
        return;
    schedule->totals.scrubs++;
    schedule->totals.scrub_ranges_wrong += scrubbed.leaves_wrong;
    replica->damaged = false;
    replica->fits = true;
    if (replica->ordered)
        schedule->totals.scrub_run_done++;
    replica->ordered = false;
    replica->scrubbed_ms = node->now.wall_ms;
    scrub_over(node, scrub_due_us(node, replica));
    if (scrubbed.leaves_wrong > 0)
        hurry_pairs(node, replica->partition);
}

void tree_schedule_state(struct node *node, struct slice body)
{
    struct tree_schedule *schedule = node->trees;
    struct message_tree_state state;
    enum status status = message_tree_state_decode(body, &state);
    assert(status == STATUS_OK); /* own store side */
    for (uint32_t i = 0; i < schedule->replica_count; i++) {
        struct replica_scrub *replica = &schedule->replicas[i];
        if (replica->partition != state.partition)
            continue;
        replica->fits = state.fits;
        replica->cells = state.cells;
        replica->scrubbed_ms = state.scrubbed_ms;
        if (replica != schedule->scrubbed && !replica->damaged)
            set_due(schedule, &replica->due_us,
                    state.fits && !replica->ordered ? scrub_due_us(node, replica)
                                                    : node->now.mono_us);
    }
}

/* ---- turns ---------------------------------------------------------------------------------- */

static struct pair *next_pair(struct tree_schedule *schedule)
{
    struct pair *best = NULL;
    for (uint32_t i = 0; i < schedule->pair_count; i++)
        if (!schedule->pairs[i].busy && (best == NULL || schedule->pairs[i].due_us < best->due_us))
            best = &schedule->pairs[i];
    return best;
}

static struct replica_scrub *next_replica(struct tree_schedule *schedule)
{
    struct replica_scrub *best = NULL;
    for (uint32_t i = 0; i < schedule->replica_count; i++)
        if (&schedule->replicas[i] != schedule->scrubbed &&
            (best == NULL || schedule->replicas[i].due_us < best->due_us))
            best = &schedule->replicas[i];
    return best;
}

static struct slot *idle_slot(struct tree_schedule *schedule)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (tree_exchange_is_idle(&schedule->slots[i].exchange))
            return &schedule->slots[i];
    return NULL;
}

/* A step that has waited; then what is due. Each moves the pace, so one a time. */
static bool do_one_thing(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    uint64_t now_us = node->now.mono_us;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (schedule->slots[i].waits) {
            send_step(node, &schedule->slots[i]);
            return true;
        }
    }
    if (schedule->scrubbed != NULL && !schedule->scrub_asked) {
        ask_scrub(node);
        return true;
    }
    struct replica_scrub *replica = schedule->scrubbed == NULL ? next_replica(schedule) : NULL;
    if (replica != NULL && replica->due_us <= now_us) {
        if (node->replica_states[replica->partition] == REPLICA_ACTIVE)
            begin_scrub(node, replica);
        else
            set_due(schedule, &replica->due_us, now_us + retry_us(node));
        return true;
    }
    struct slot *slot = idle_slot(schedule);
    struct pair *pair = slot != NULL ? next_pair(schedule) : NULL;
    if (pair == NULL || pair->due_us > now_us)
        return false;
    if (may_begin(node, pair))
        begin_exchange(node, slot, pair);
    else
        put_off(node, pair);
    return true;
}

void tree_schedule_tick(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    if (tree_schedule_deadline_us(node) > node->now.mono_us)
        return;
    schedule->pace.bytes_per_second = node->settings.repair_bytes_per_second;
    schedule->looked_us = 0;
    while (!schedule->paused &&
           repair_pace_next_us(&schedule->pace, node->now.mono_us) <= node->now.mono_us &&
           do_one_thing(node))
        ;
}

/* The earliest thing that could be done, the pace left aside. */
static uint64_t earliest_us(struct tree_schedule *schedule, uint64_t now_us)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (schedule->slots[i].waits)
            return now_us;
    if (schedule->scrubbed != NULL && !schedule->scrub_asked)
        return now_us;
    if (schedule->looked_us == 0) {
        const struct pair *pair = next_pair(schedule);
        const struct replica_scrub *replica = next_replica(schedule);
        schedule->looked_us = UINT64_MAX;
        if (pair != NULL && idle_slot(schedule) != NULL)
            schedule->looked_us = pair->due_us;
        if (replica != NULL && schedule->scrubbed == NULL && replica->due_us < schedule->looked_us)
            schedule->looked_us = replica->due_us;
    }
    return schedule->looked_us;
}

uint64_t tree_schedule_deadline_us(const struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    if (schedule->paused)
        return UINT64_MAX;
    uint64_t earliest = earliest_us(schedule, node->now.mono_us);
    if (earliest == UINT64_MAX)
        return earliest;
    uint64_t paced = repair_pace_next_us(&schedule->pace, node->now.mono_us);
    return earliest > paced ? earliest : paced;
}

/* ---- answers -------------------------------------------------------------------------------- */

void tree_schedule_frame(struct node *node, struct pending *pending, uint16_t type,
                         struct slice body)
{
    struct tree_schedule *schedule = node->trees;
    uint64_t token = pending->origin.token;
    pending_remove(node, pending);
    schedule->looked_us = 0;
    if (token == TOKEN_SCRUB) {
        if (type == MESSAGE_SCRUBBED && schedule->scrubbed != NULL)
            scrub_answered(node, body);
        return;
    }
    struct slot *slot = &schedule->slots[token];
    repair_pace_note_work(&schedule->pace, body.length, node->now.mono_us);
    tree_exchange_frame(&slot->exchange, type, body, &slot->held);
    carry_out(node, slot);
}

void tree_schedule_failed(struct node *node, struct pending *pending, enum status status)
{
    struct tree_schedule *schedule = node->trees;
    uint64_t token = pending->origin.token;
    pending_remove(node, pending);
    schedule->looked_us = 0;
    if (token == TOKEN_SCRUB) {
        if (schedule->scrubbed != NULL)
            scrub_over(node, node->now.mono_us + retry_us(node));
        return;
    }
    struct slot *slot = &schedule->slots[token];
    tree_exchange_fail(&slot->exchange, status, &slot->held);
    carry_out(node, slot);
}

void tree_schedule_note_request(struct node *node, uint64_t started_us)
{
    repair_pace_note_request(&node->trees->pace, node->now.mono_us - started_us, node->now.mono_us);
}

/* ---- other owners --------------------------------------------------------------------------- */

static struct pair *find_pair(struct tree_schedule *schedule, partition_id partition, node_id peer)
{
    for (uint32_t i = 0; i < schedule->pair_count; i++)
        if (schedule->pairs[i].partition == partition && schedule->pairs[i].peer == peer)
            return &schedule->pairs[i];
    return NULL;
}

/* An answer that is awaited finds nobody any more. */
static void forget_pendings(struct node *node, uint64_t token)
{
    for (struct pending *pending = node->pending, *next; pending != NULL; pending = next) {
        next = pending->next;
        if (pending->kind == PENDING_TREE && pending->origin.token == token)
            pending_remove(node, pending);
    }
}

/* What is under way begins anew: under the tag that its messages had nobody answers any more. */
static void forget_under_way(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &schedule->slots[i];
        if (slot->pair == NULL)
            continue;
        forget_pendings(node, i);
        slot->pair->busy = false;
        slot->pair->due_us = node->now.mono_us + retry_us(node);
        tree_exchange_fail(&slot->exchange, STATUS_STALE_TAG, &slot->held);
        tree_exchange_end(&slot->exchange);
        slot->held.want = TREE_EXCHANGE_NOTHING;
        buffer_clear(&slot->held.body);
        slot->waits = false;
        slot->pair = NULL;
    }
    if (schedule->scrubbed != NULL) {
        forget_pendings(node, TOKEN_SCRUB);
        scrub_over(node, node->now.mono_us + retry_us(node));
    }
}

void tree_schedule_follow_ring(struct node *node)
{
    struct tree_schedule *schedule = node->trees;
    forget_under_way(node);
    struct tree_schedule before = *schedule;
    find_pairs(schedule, node->ring, node->self);
    for (uint32_t i = 0; i < schedule->pair_count; i++) {
        struct pair *pair = &schedule->pairs[i];
        const struct pair *known = find_pair(&before, pair->partition, pair->peer);
        pair->due_us = first_due_us(node, i);
        if (known != NULL)
            *pair = *known;
    }
    for (uint32_t i = 0, old = 0; i < schedule->replica_count; i++) {
        struct replica_scrub *replica = &schedule->replicas[i];
        while (old < before.replica_count && before.replicas[old].partition < replica->partition)
            old++;
        if (old < before.replica_count && before.replicas[old].partition == replica->partition)
            *replica = before.replicas[old];
        else
            replica->due_us = scrub_due_us(node, replica);
    }
    free(before.pairs);
    free(before.replicas);
    schedule->looked_us = 0;
}

/* ---- for commands --------------------------------------------------------------------------- */

void tree_schedule_view(void *context, struct instant now, struct repair_view *out)
{
    struct node *node = context;
    struct tree_schedule *schedule = node->trees;
    *out = schedule->totals;
    out->paused = schedule->paused;
    out->yielding =
        schedule->pace.worked_at_us != 0 &&
        repair_pace_next_us(&schedule->pace, now.mono_us) >
            (schedule->pace.free_at_us > now.mono_us ? schedule->pace.free_at_us : now.mono_us);
    out->interval_ms = node->settings.repair_interval_ms;
    out->scrub_interval_ms = node->settings.scrub_interval_ms;
    out->bytes_per_second = node->settings.repair_bytes_per_second;
    out->pairs = schedule->pair_count;
    out->replicas = schedule->replica_count;
    out->scrub_runs = schedule->scrubbed != NULL;
    out->scrub_partition = schedule->scrubbed != NULL ? schedule->scrubbed->partition : 0;
}

void tree_schedule_pair(void *context, struct instant now, uint32_t index,
                        struct repair_pair_view *out)
{
    const struct node *node = context;
    assert(index < node->trees->pair_count);
    const struct pair *pair = &node->trees->pairs[index];
    *out = (struct repair_pair_view){.partition = pair->partition,
                                     .peer = pair->peer,
                                     .compared = pair->compared,
                                     .status = pair->status,
                                     .equal = pair->equal,
                                     .run_pending = pair->ordered,
                                     .repaired = pair->repaired};
    out->age_ms = pair->compared ? (now.mono_us - pair->compared_us) / 1000 : 0;
    out->differences = (struct repair_differences){.behind = pair->differences.behind,
                                                   .superseded = pair->differences.superseded,
                                                   .in_flight = pair->differences.in_flight,
                                                   .corrupt = pair->differences.corrupt,
                                                   .expired = pair->differences.expired};
}

void tree_schedule_replica(void *context, struct instant now, uint32_t index,
                           struct repair_replica_view *out)
{
    const struct node *node = context;
    assert(index < node->trees->replica_count);
    const struct replica_scrub *replica = &node->trees->replicas[index];
    *out = (struct repair_replica_view){.partition = replica->partition,
                                        .cells = replica->cells,
                                        .tree_fits = replica->fits,
                                        .damaged = replica->damaged,
                                        .scrubbed = replica->scrubbed_ms != 0,
                                        .run_pending = replica->ordered};
    out->age_ms = now.wall_ms > replica->scrubbed_ms ? now.wall_ms - replica->scrubbed_ms : 0;
}

static enum status order_run(struct node *node, bool dry_run, uint32_t partition)
{
    struct tree_schedule *schedule = node->trees;
    struct repair_view *totals = &schedule->totals;
    totals->run++;
    totals->dry_run = dry_run;
    totals->run_pairs = totals->run_done = 0;
    for (uint32_t i = 0; i < schedule->pair_count; i++) {
        struct pair *pair = &schedule->pairs[i];
        pair->ordered = partition == REPAIR_ALL_PARTITIONS || pair->partition == partition;
        pair->dry_run = dry_run;
        totals->run_pairs += pair->ordered;
        if (pair->ordered && !pair->busy)
            set_due(schedule, &pair->due_us, node->now.mono_us);
    }
    return STATUS_OK;
}

static enum status order_scrub(struct node *node, uint32_t partition)
{
    struct tree_schedule *schedule = node->trees;
    struct repair_view *totals = &schedule->totals;
    totals->scrub_run_replicas = totals->scrub_run_done = 0;
    for (uint32_t i = 0; i < schedule->replica_count; i++) {
        struct replica_scrub *replica = &schedule->replicas[i];
        replica->ordered = partition == REPAIR_ALL_PARTITIONS || replica->partition == partition;
        totals->scrub_run_replicas += replica->ordered;
        if (replica->ordered && replica == schedule->scrubbed)
            schedule->scrub_begun = false; /* what it has read was before the order */
        else if (replica->ordered)
            set_due(schedule, &replica->due_us, node->now.mono_us);
    }
    return STATUS_OK;
}

enum status tree_schedule_order(void *context, enum repair_order order, uint32_t partition)
{
    struct node *node = context;
    struct tree_schedule *schedule = node->trees;
    schedule->looked_us = 0;
    if (partition != REPAIR_ALL_PARTITIONS &&
        (partition >= node->ring->partition_count ||
         !ring_replicates(node->ring, node->self, (partition_id)partition)))
        return STATUS_NOT_OWNER;
    switch (order) {
    case REPAIR_RUN:
    case REPAIR_DRY_RUN:
        return order_run(node, order == REPAIR_DRY_RUN, partition);
    case REPAIR_SCRUB:
        return order_scrub(node, partition);
    case REPAIR_PAUSE:
    case REPAIR_RESUME:
        if (schedule->paused != (order == REPAIR_PAUSE))
            log_line(&node->log, LOG_INFO, "repair is %s",
                     order == REPAIR_PAUSE ? "paused" : "resumed");
        schedule->paused = order == REPAIR_PAUSE;
        break;
    }
    return STATUS_OK;
}
