/*
 * store_tree.c - anti-entropy and scrub at the store side.
 *
 * Questions about trees and cells are answered after the commit of their group, from what is
 * committed, so that a clock and the cells beside it are of one moment. Forced copies are
 * applied within a group, as everything that changes a replica.
 */
#include <assert.h>

#include "node/store_side_state.h"
#include "replica/keyspace_drop.h"
#include "replica/leaf_compare.h"
#include "replica/scrub.h"
#include "ring/position.h"
#include "wire/message_tree_local.h"

_Static_assert((int)TREE_CLAIM_MS_MAX < (int)REQUEST_TIMEOUT_MAX_MS_MIN,
               "what was purged does not come back by a forced copy");

static uint64_t mono_ms(struct instant now)
{
    return now.mono_us / 1000;
}

static struct replica *active(struct replica *replica, enum status *status)
{
    if (replica != NULL && replica->state != REPLICA_ACTIVE) {
        *status = STATUS_NOT_READY;
        return NULL;
    }
    return replica;
}

static struct replica *find_active(struct store_side *side, const struct replica_address *address,
                                   enum status *status)
{
    return active(store_find_replica(side, address, status), status);
}

static struct replica *find_own(struct store_side *side, partition_id partition,
                                enum status *status)
{
    return active(store_own_replica(side, partition, status), status);
}

/* ---- questions of the own loop side -------------------------------------------------------- */

static void ask_root(const struct replica *replica, struct buffer *out)
{
    const struct sum_tree *tree = &replica->tree;
    struct message_tree_root root = {
        .address = {.partition = replica->partition, .tag = replica->tag},
        .fits = sum_tree_fits(tree),
        .bits = tree->bits,
        .hash = tree->root.hash,
        .count = tree->root.count,
        .clock_hash = clock_hash(&replica->clock)};
    message_tree_root_encode(&root, out);
}

static void ask_nodes(const struct replica *replica, const struct message_tree_ask *ask,
                      struct buffer *out)
{
    struct message_tree_nodes nodes = {
        .address = {.partition = replica->partition, .tag = replica->tag},
        .parent_bits = ask->parent_bits,
        .bits = ask->bits,
        .parent = ask->index,
        .count = (uint16_t)(1u << (ask->bits - ask->parent_bits))};
    if (ask->bits > replica->tree.bits)
        return; /* another depth meanwhile: the exchange begins again */
    for (uint16_t i = 0; i < nodes.count; i++) {
        struct tree_node node =
            sum_tree_node(&replica->tree, ask->bits, ask->index * nodes.count + i);
        nodes.hashes[i] = node.hash;
        nodes.counts[i] = node.count;
    }
    message_tree_nodes_encode(&nodes, out);
}

/* One that should have another depth: the loop side has it made. */
static void tell_if_unfit(const struct replica *replica, struct buffer *out)
{
    if (replica != NULL && !sum_tree_fits(&replica->tree))
        store_append_tree_state(replica, false, out);
}

static void make_question(struct store_side *side, const struct frame *frame, struct instant now,
                          struct buffer *out)
{
    struct message_tree_ask ask;
    enum status status = message_tree_ask_decode(frame->body, &ask);
    assert(status == STATUS_OK); /* own loop side */
    size_t offset = frame_start(out, ask.ask, frame->request, 0);
    const struct replica *replica = find_own(side, ask.partition, &status);
    if (replica != NULL && ask.ask == MESSAGE_TREE_ROOT) {
        if (replica_dropped_left(replica) ==
            0) /* else the sums differ for as long as it has some */
            ask_root(replica, out);
    } else if (replica != NULL && ask.ask == MESSAGE_TREE_NODES) {
        ask_nodes(replica, &ask, out);
    } else if (replica != NULL) {
        struct leaf_range range = {
            .flags = ask.flags, .bits = ask.bits, .index = ask.index, .from = ask.from};
        status = leaf_list(replica, &range, mono_ms(now), &side->context, out);
        if (status != STATUS_OK)
            store_tree_unreadable(side, replica, status, now);
    }
    frame_finish_inside(out, offset);
    if (ask.ask == MESSAGE_TREE_ROOT)
        tell_if_unfit(replica, out);
}

/* ---- questions of other owners ------------------------------------------------------------- */

/* Returns the replica, if it can be asked. */
static const struct replica *answer_root(struct store_side *side, const struct frame *frame,
                                         struct buffer *out)
{
    struct message_tree_root root;
    struct message_tree_root_result result = {0};
    const struct replica *replica = NULL;
    result.status = message_tree_root_decode(frame->body, &root);
    if (result.status == STATUS_OK)
        replica = find_active(side, &root.address, &result.status);
    if (replica != NULL) {
        const struct sum_tree *tree = &replica->tree;
        struct tree_node theirs = {.hash = root.hash, .count = root.count};
        result.equal = tree_node_equal(tree->root, theirs);
        result.clocks_equal = clock_hash(&replica->clock) == root.clock_hash;
        result.bits = tree->bits < root.bits ? tree->bits : root.bits;
        if (!result.equal && !(sum_tree_fits(tree) && root.fits))
            result.status = STATUS_NOT_READY;
        if (!result.equal && replica_dropped_left(replica) > 0)
            result.status = STATUS_NOT_READY;
    }
    message_tree_root_result_encode(&result, out);
    return replica;
}

static void answer_nodes(struct store_side *side, const struct frame *frame, struct buffer *out)
{
    struct message_tree_nodes nodes;
    struct message_tree_nodes_result result = {0};
    const struct replica *replica = NULL;
    result.status = message_tree_nodes_decode(frame->body, &nodes);
    if (result.status == STATUS_OK)
        replica = find_active(side, &nodes.address, &result.status);
    if (replica != NULL && nodes.bits > replica->tree.bits)
        result.status = STATUS_NOT_READY;
    for (uint16_t i = 0; result.status == STATUS_OK && i < nodes.count; i++) {
        uint32_t index = nodes.parent * nodes.count + i;
        struct tree_node theirs = {.hash = nodes.hashes[i], .count = nodes.counts[i]};
        if (!tree_node_equal(sum_tree_node(&replica->tree, nodes.bits, index), theirs))
            result.differ[result.count++] = index;
    }
    message_tree_nodes_result_encode(&result, out);
}

static void answer_leaf(struct store_side *side, const struct frame *frame, struct instant now,
                        struct buffer *out)
{
    struct message_tree_leaf leaf;
    const struct replica *replica = NULL;
    enum status status = message_tree_leaf_decode(frame->body, &leaf);
    if (status == STATUS_OK)
        replica = find_active(side, &leaf.address, &status);
    if (replica != NULL) {
        leaf_answer(replica, &leaf, mono_ms(now), &side->context, out);
    } else {
        struct message_tree_leaf_result result = {.status = status, .address = leaf.address};
        message_tree_leaf_result_encode(&result, out);
    }
    clock_deinit(&leaf.listing.clock);
}

/* ---- scrub --------------------------------------------------------------------------------- */

void store_append_tree_state(const struct replica *replica, bool doubted, struct buffer *out)
{
    struct message_tree_state state = {.partition = replica->partition,
                                       .fits = sum_tree_fits(&replica->tree) && !doubted,
                                       .cells = replica->tree.root.count,
                                       .scrubbed_ms = replica->scrubbed_ms};
    size_t offset = frame_start(out, MESSAGE_TREE_STATE, 0, 0);
    message_tree_state_encode(&state, out);
    frame_finish_inside(out, offset);
}

void store_tree_unreadable(struct store_side *side, const struct replica *replica,
                           enum status status, struct instant now)
{
    if (store_may_log(&side->unreadable_us, now))
        log_line(&side->log, LOG_ERROR,
                 "could not read the cells of a replica: its store is damaged partition=%u "
                 "reason=%s",
                 replica->partition, status_name(status));
}

static void append_scrubbed(const struct frame *frame, const struct message_scrubbed *scrubbed,
                            struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_SCRUBBED, frame->request, 0);
    message_scrubbed_encode(scrubbed, out);
    frame_finish_inside(out, offset);
}

/* Between groups: read on. The step that meets the last cell is followed by one that ends it. */
static void scrub_step(struct store_side *side, const struct frame *frame, struct instant now,
                       struct buffer *out)
{
    struct message_scrub scrub;
    struct message_scrubbed scrubbed = {0};
    struct scrub_step step = {0};
    enum status status = message_scrub_decode(frame->body, &scrub);
    assert(status == STATUS_OK); /* own loop side */
    struct replica *replica = find_own(side, scrub.partition, &scrubbed.status);
    if (replica != NULL && (scrub.flags & SCRUB_BEGIN) != 0)
        replica_scrub_begin(replica, &side->context);
    if (replica != NULL && !replica_scrub_runs(replica))
        scrubbed.status = STATUS_NOT_FOUND;
    if (scrubbed.status == STATUS_OK) {
        scrubbed.status =
            replica_scrub_step(replica, scrub.cells_max, scrub.bytes_max, &side->context, &step);
        scrubbed.cells = step.cells;
        scrubbed.bytes = step.bytes;
        if (scrubbed.status != STATUS_OK)
            store_tree_unreadable(side, replica, scrubbed.status, now);
    }
    append_scrubbed(frame, &scrubbed, out);
}

static void tell_wrong_leaves(const struct store_side *side, const struct replica *replica,
                              const struct scrub_result *result)
{
    if (result->leaves_wrong > 0)
        log_line(&side->log, LOG_ERROR,
                 "the store holds other cells than were written to it; owners will be compared "
                 "partition=%u ranges=%u cells=%llu",
                 replica->partition, result->leaves_wrong, (unsigned long long)result->live);
}

/* Within a group: take over what a scrub has found. False: it is not at its end. */
static bool scrub_finish(struct store_side *side, const struct frame *frame,
                         struct store_output *out)
{
    struct message_scrub scrub;
    struct message_scrubbed scrubbed = {.finished = true};
    struct scrub_result result;
    enum status status = message_scrub_decode(frame->body, &scrub);
    assert(status == STATUS_OK);
    struct replica *replica = find_own(side, scrub.partition, &status);
    if (replica == NULL || (scrub.flags & SCRUB_BEGIN) != 0 || !replica_scrub_runs(replica) ||
        !replica_scrub_has_met_all(replica))
        return false;
    replica_scrub_finish(replica, &side->context, &result);
    scrubbed.leaves_wrong = result.leaves_wrong;
    tell_wrong_leaves(side, replica, &result);
    append_scrubbed(frame, &scrubbed, &out->late);
    store_append_tree_state(replica, false, &out->late);
    return true;
}

/* ---- forced copies ------------------------------------------------------------------------- */

static void tell_forced(struct store_side *side, const struct replica *replica,
                        const struct cell_delivery *delivery, struct instant now)
{
    if (store_may_log(&side->forced_us, now))
        log_line(
            &side->log, LOG_ERROR,
            "a key was lost behind the clock of its replica and is taken from another owner; "
            "check the disk partition=%u keyspace=%u position=%016llx",
            replica->partition, delivery->keyspace,
            (unsigned long long)ring_position(delivery->key, delivery->keyspace, side->ring->seed));
}

static enum status force_one(struct store_side *side, struct replica *replica,
                             const struct forced_delivery *forced, struct instant now,
                             bool *changed)
{
    struct reader reader = reader_make(forced->delivery);
    struct cell_delivery delivery;
    enum status status = STATUS_OK;
    cell_delivery_decode(&reader, &delivery);
    if (reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    enum merge_policy policy = store_policy_of(side, delivery.keyspace, &status);
    if (!store_may_hold(side, &delivery, replica->partition))
        status = STATUS_INVALID;
    if (status == STATUS_OK)
        status =
            replica_force(replica, &delivery, forced->expected, policy, &side->context, changed);
    if (*changed)
        tell_forced(side, replica, &delivery, now);
    return status;
}

/*
 * One that cannot be taken holds up no other. Where one cell was lost others may be, and the
 * tree may count this one twice: then all cells are to be read.
 */
static enum status force_all(struct store_side *side, struct replica *replica, struct slice list,
                             uint16_t count, const struct tree_claim *claim, struct instant now,
                             uint32_t *repaired, uint32_t *refused, struct buffer *out)
{
    struct reader reader = reader_make(list);
    enum status status = STATUS_OK;
    for (uint16_t i = 0; i < count && status == STATUS_OK; i++) {
        struct forced_delivery forced;
        bool changed = false;
        forced_delivery_decode(&reader, &forced);
        if (leaf_claim_is_valid(replica, claim, mono_ms(now)))
            status = force_one(side, replica, &forced, now, &changed);
        *repaired += changed;
        *refused += !changed;
        if (status == STATUS_TOO_LARGE || status == STATUS_CLOCK_SKEW ||
            status == STATUS_NO_KEYSPACE)
            status = STATUS_OK;
    }
    store_checkpoint_if_due(side, replica);
    if (*repaired > 0)
        store_append_tree_state(replica, true, out);
    return status;
}

static void apply_result(struct store_side *side, const struct message_tree_leaf_result *result,
                         struct instant now, struct message_tree_applied *applied,
                         struct buffer *forced, struct buffer *repair, struct buffer *out)
{
    bool dry_run = (result->flags & TREE_DRY_RUN) != 0;
    struct message_tree_repair message = {.address = result->address, .claim = result->back.claim};
    struct replica *replica = find_active(side, &result->address, &applied->status);
    if (replica == NULL)
        return;
    applied->differences = result->differences;
    applied->next = result->next;
    if (!dry_run)
        applied->status =
            force_all(side, replica, result->forced, result->forced_count, &result->claim, now,
                      &applied->repaired, &applied->refused, out);
    if (applied->status == STATUS_OK)
        applied->status = leaf_judge(replica, &result->back, dry_run, &side->context,
                                     &applied->differences, &message.forced_count, forced);
    if (applied->status != STATUS_OK || message.forced_count == 0)
        return;
    message.forced = buffer_slice(forced);
    message_tree_repair_encode(&message, repair);
    applied->repair = buffer_slice(repair);
}

static void handle_apply(struct store_side *side, const struct frame *frame, struct instant now,
                         struct store_output *out)
{
    struct message_tree_apply apply;
    struct message_tree_leaf_result result = {0};
    struct message_tree_applied applied = {0};
    struct buffer forced = {0}, repair = {0};
    enum status status = message_tree_apply_decode(frame->body, &apply);
    assert(status == STATUS_OK); /* own loop side */
    applied.status = message_tree_leaf_result_decode(apply.result, &result);
    if (applied.status == STATUS_OK)
        applied.status = result.status;
    if (applied.status == STATUS_OK)
        apply_result(side, &result, now, &applied, &forced, &repair, &out->late);
    size_t offset = frame_start(&out->late, MESSAGE_TREE_APPLIED, frame->request, 0);
    message_tree_applied_encode(&applied, &out->late);
    frame_finish_inside(&out->late, offset);
    clock_deinit(&result.back.clock);
    buffer_deinit(&forced);
    buffer_deinit(&repair);
}

static void handle_repair(struct store_side *side, const struct frame *frame, struct instant now,
                          struct store_output *out)
{
    struct message_tree_repair repair;
    struct message_tree_repaired repaired = {0};
    struct replica *replica = NULL;
    repaired.status = message_tree_repair_decode(frame->body, &repair);
    if (repaired.status == STATUS_OK)
        replica = find_active(side, &repair.address, &repaired.status);
    if (replica != NULL)
        repaired.status =
            force_all(side, replica, repair.forced, repair.forced_count, &repair.claim, now,
                      &repaired.repaired, &repaired.refused, &out->late);
    size_t offset = frame_start(&out->late, MESSAGE_TREE_REPAIRED, frame->request, 0);
    message_tree_repaired_encode(&repaired, &out->late);
    frame_finish_inside(&out->late, offset);
}

/* ---- frames -------------------------------------------------------------------------------- */

bool store_tree_frame(struct store_side *side, const struct frame *frame, struct slice bytes,
                      struct instant now, struct store_output *out)
{
    switch (frame->type) {
    case MESSAGE_TREE_APPLY:
        handle_apply(side, frame, now, out);
        return true;
    case MESSAGE_TREE_REPAIR:
        handle_repair(side, frame, now, out);
        return true;
    case MESSAGE_SCRUB:
        if (!scrub_finish(side, frame, out))
            buffer_append_slice(&side->pulls, bytes);
        return true;
    case MESSAGE_TREE_ASK:
    case MESSAGE_TREE_ROOT:
    case MESSAGE_TREE_NODES:
    case MESSAGE_TREE_LEAF:
        buffer_append_slice(&side->pulls, bytes);
        return true;
    default:
        return false;
    }
}

void store_tree_committed(struct store_side *side, const struct frame *frame, struct instant now,
                          struct buffer *out)
{
    const struct replica *asked = NULL;
    if (frame->type == MESSAGE_TREE_ASK) {
        make_question(side, frame, now, out);
        return;
    }
    if (frame->type == MESSAGE_SCRUB) {
        scrub_step(side, frame, now, out);
        return;
    }
    size_t offset = frame_start(out, (uint16_t)(frame->type + 1), frame->request, 0);
    if (frame->type == MESSAGE_TREE_ROOT)
        asked = answer_root(side, frame, out);
    else if (frame->type == MESSAGE_TREE_NODES)
        answer_nodes(side, frame, out);
    else
        answer_leaf(side, frame, now, out);
    frame_finish_inside(out, offset);
    tell_if_unfit(asked, out);
}
