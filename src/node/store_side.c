#include "node/store_side.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_requests.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "ring/transition.h"

void store_output_deinit(struct store_output *output)
{
    buffer_deinit(&output->batch);
    buffer_deinit(&output->early);
    buffer_deinit(&output->late);
}

void store_output_clear(struct store_output *output)
{
    buffer_clear(&output->batch);
    buffer_clear(&output->early);
    buffer_clear(&output->late);
    output->discard = false;
}

struct store_side *store_side_new(const struct store_side_params *params)
{
    struct store_side *side = memory_new(1, sizeof *side);
    side->ring = ring_copy(params->ring);
    side->settings = *params->settings;
    side->log = params->log;
    side->self = params->self;
    side->storage_incarnation = params->storage_incarnation;
    side->life = params->life;
    side->unsynced = params->unsynced;
    side->port_copy = *params->port;
    side->port = &side->port_copy;
    side->cache = cell_cache_new(params->settings->cell_cache_bytes);
    store_holdings_new(side);
    side->hints = hint_store_new(&(struct hint_store_params){
        .ring = side->ring,
        .bytes_max = params->settings->hint_bytes_max,
        .partition_bytes_max = params->settings->hint_partition_bytes_max,
        .log = params->log});
    side->debts = store_debt_new(side);
    side->clock.max_skew_ms = params->settings->max_clock_skew_ms;
    side->context = (struct replica_context){
        .port = side->port,
        .cache = side->cache,
        .ring = side->ring,
        .clock = &side->clock.hybrid,
        .position_seed = side->ring->seed,
        .digest_seed = side->ring->seed ^ 0x64696765u,
        .partition_bits = (uint8_t)__builtin_ctz(side->ring->partition_count),
        .max_clock_skew_ms = params->settings->max_clock_skew_ms,
        .value_bytes_max = params->settings->value_bytes_max,
        .siblings_warn = params->settings->siblings_warn,
        .siblings_max = params->settings->siblings_max,
        .requests = {.count_max = params->settings->request_ids_max},
    };
    assert(params->settings->siblings_max <= SIBLINGS_LIMIT_MAX);
    store_stability_new(side);
    store_expiry_new(side);
    store_fold_new(side);
    store_drop_new(side);
    return side;
}

static void close_replicas(struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        replica_deinit(&side->replicas[i]);
    hint_store_close(side->hints);
    cell_cache_drop_all(side->cache);
    buffer_clear(&side->pulls);
    side->context.lww_losses = side->context.siblings_warned = side->context.ids_folded = 0;
    side->open = false;
}

void store_side_free(struct store_side *side)
{
    if (side == NULL)
        return;
    close_replicas(side);
    store_register_failed(side);
    hint_store_free(side->hints);
    store_debt_free(side->debts);
    store_stability_free(side);
    store_expiry_free(side);
    store_fold_free(side);
    store_drop_free(side);
    store_holdings_free(side);
    cell_cache_free(side->cache);
    buffer_deinit(&side->pulls);
    free(side->log_cares);
    free(side->replicas);
    free(side->replica_index);
    ring_free(side->ring);
    free(side);
}

void store_append_state(const struct replica *replica, struct buffer *out)
{
    struct message_replica_state state = {.partition = replica->partition, .state = replica->state};
    size_t offset = frame_start(out, MESSAGE_REPLICA_STATE, 0, 0);
    message_replica_state_encode(&state, out);
    frame_finish_inside(out, offset);
}

void store_append_mint_from(const struct store_side *side, struct buffer *out)
{
    struct message_mint_from from = {.wall_ms = store_clock_mint_from_ms(&side->clock)};
    size_t offset = frame_start(out, MESSAGE_MINT_FROM, 0, 0);
    message_mint_from_encode(&from, out);
    frame_finish_inside(out, offset);
}

enum status store_side_open(struct store_side *side, uint32_t boot_epoch, struct store_output *out)
{
    enum status status = STATUS_OK;
    assert(!side->open);
    side->context.batch = &out->batch;
    status = store_clock_open(&side->clock, side->port);
    if (status == STATUS_OK)
        status = requests_open(&side->context);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR,
                 "could not read the ceiling of times and the request ids reason=%s",
                 status_name(status));
        return status;
    }
    status = store_lineage_open(side, &out->batch);
    if (status == STATUS_OK)
        status = store_lineage_tell(side, &out->late);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR, "could not read the store's lineage reason=%s",
                 status_name(status));
        return status;
    }
    status = store_register_open(side);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR, "could not read the register reason=%s",
                 status_name(status));
        return status;
    }
    store_register_append_state(side, &out->early);
    store_stability_follow_members(side);
    side->boot_epoch = boot_epoch;
    status = store_holdings_open(side, &out->early);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR, "could not read which partitions are held reason=%s",
                 status_name(status));
        return status;
    }
    hint_store_follow_ring(side->hints);
    status = hint_store_open(side->hints, &side->context);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR, "could not read the hints reason=%s", status_name(status));
        return status;
    }
    hint_store_log(side->hints, "hints are kept for other nodes and go to them when they are up");
    for (uint32_t p = 0, opened = 0; p < side->ring->partition_count; p++) {
        if (side->replica_index[p] == NO_REPLICA)
            continue;
        struct replica *replica = &side->replicas[opened];
        struct replica_open_params params = store_open_params(side, (partition_id)p);
        status = replica_open(replica, &params, &side->context);
        if (status != STATUS_OK) {
            log_line(&side->log, LOG_ERROR, "could not open replica partition=%u reason=%s", p,
                     status_name(status));
            while (opened > 0)
                replica_deinit(&side->replicas[--opened]);
            hint_store_close(side->hints);
            return status;
        }
        store_append_state(replica, &out->early);
        store_append_tree_state(replica, false, &out->early);
        opened++;
    }
    store_append_mint_from(side, &out->early);
    store_report_hints(side, &out->early);
    store_drop_opened(side, &out->early);
    store_stability_reopened(side);
    store_debt_reopened(side);
    store_expiry_reopened(side);
    store_fold_reopened(side);
    if (out->batch.length > 0)
        store_lineage_count(side, &out->batch);
    side->open = true;
    return STATUS_OK;
}

/* ---- frames ------------------------------------------------------------------------------- */

struct replica *store_own_replica(struct store_side *side, partition_id partition,
                                  enum status *status)
{
    *status = STATUS_NOT_OWNER;
    if (partition >= side->ring->partition_count)
        return NULL;
    if (ring_replicates(side->ring, side->self, partition))
        *status = STATUS_NOT_READY; /* it is to be taken in */
    if (side->replica_index[partition] == NO_REPLICA)
        return NULL;
    *status = STATUS_OK;
    return &side->replicas[side->replica_index[partition]];
}

struct replica *store_find_replica(struct store_side *side, const struct replica_address *address,
                                   enum status *status)
{
    *status = STATUS_NOT_OWNER;
    if (address->partition >= side->ring->partition_count)
        return NULL;
    int order = ring_tag_compare(address->tag, ring_tag_of(side->ring, address->partition));
    if (order != 0) {
        *status = order < 0 ? STATUS_STALE_TAG : STATUS_NOT_READY;
        return NULL;
    }
    return store_own_replica(side, address->partition, status);
}

enum merge_policy store_policy_of(const struct store_side *side, keyspace_id keyspace,
                                  enum status *status)
{
    const struct ring_keyspace *found = ring_keyspace(side->ring, keyspace_of_keys(keyspace));
    if (found == NULL)
        *status = STATUS_NO_KEYSPACE;
    if (keyspace_has_elements(keyspace))
        return MERGE_ELEMENTS;
    return found != NULL && found->policy == KEYSPACE_SIBLINGS ? MERGE_SIBLINGS : MERGE_LWW;
}

bool store_may_hold(struct store_side *side, const struct cell_delivery *delivery,
                    partition_id partition)
{
    struct element_key parts;
    if (keyspace_has_elements(delivery->keyspace) &&
        (!cell_name_is_sound(delivery->keyspace, delivery->key, side->ring->seed) ||
         element_key_decode(delivery->key, &parts) != STATUS_OK))
        return false; /* without a key its position would be another's */
    uint64_t position = replica_position(&side->context, delivery->keyspace, delivery->key);
    return ring_partition_of_position(position, side->ring->partition_count) == partition;
}

void store_checkpoint_if_due(struct store_side *side, struct replica *replica)
{
    if (replica->log_position - replica->checkpoint_position >= side->settings.checkpoint_records)
        replica_checkpoint(replica, &side->context);
}

static void reply_replicated(const struct frame *frame, const struct message_replicated *replicated,
                             struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REPLICATED, frame->request, 0);
    message_replicated_encode(replicated, out);
    frame_finish_inside(out, offset);
}

void store_reply_replicated(const struct frame *frame, enum status status, struct buffer *out)
{
    reply_replicated(frame, &(struct message_replicated){.status = status}, out);
}

bool store_may_log(uint64_t *last_us, struct instant now)
{
    bool due = *last_us == 0 || now.mono_us - *last_us >= LOG_EVERY_US;
    if (due)
        *last_us = now.mono_us == 0 ? 1 : now.mono_us;
    return due;
}

static void note_refused(struct store_side *side, const struct cell_delivery *delivery,
                         struct instant now)
{
    if (store_may_log(&side->refused_us, now))
        log_line(
            &side->log, LOG_ERROR,
            "refused a copy of a key whose concurrent values are too many to hold: write it "
            "with the context of RING.GET keyspace=%u position=%016llx",
            delivery->keyspace,
            (unsigned long long)ring_position(delivery->key, delivery->keyspace, side->ring->seed));
}

static enum status apply_delivery(struct store_side *side, struct replica *replica,
                                  const struct cell_delivery *delivery, bool *is_new)
{
    enum status status = STATUS_OK;
    if (keyspace_is_dropped(&side->context, delivery->keyspace)) {
        side->context.discarded++;
        return replica_discard(replica, delivery, &side->context, is_new);
    }
    enum merge_policy policy = store_policy_of(side, delivery->keyspace, &status);
    if (status == STATUS_OK)
        status = replica_apply(replica, delivery, policy, &side->context, is_new);
    return status;
}

enum status store_apply_deliveries(struct store_side *side, struct replica *replica,
                                   struct slice deliveries, uint32_t count, struct instant now,
                                   uint32_t *changed)
{
    struct reader reader = reader_make(deliveries);
    enum status status = STATUS_OK;
    bool refused = false;
    store_debt_count_events(side->debts, count, deliveries.length);
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct cell_delivery delivery;
        bool is_new = false;
        cell_delivery_decode(&reader, &delivery);
        if (reader.failed)
            return STATUS_CORRUPT;
        if (!store_may_hold(side, &delivery, replica->partition))
            status = STATUS_INVALID;
        else
            status = apply_delivery(side, replica, &delivery, &is_new);
        *changed += is_new;
        if (status == STATUS_TOO_LARGE) {
            note_refused(side, &delivery, now);
            refused = true;
            status = STATUS_OK;
        }
    }
    return status == STATUS_OK && refused ? STATUS_TOO_LARGE : status;
}

static void handle_replicate(struct store_side *side, const struct frame *frame, struct instant now,
                             struct store_output *out)
{
    struct message_replicate message;
    struct message_replicated replicated = {0};
    uint32_t changed = 0;
    enum status status = message_replicate_decode(frame->body, &message);
    struct replica *replica = NULL;
    side->context.unseen_increments = side->context.discarded = 0;
    if (status == STATUS_OK)
        replica = store_find_replica(side, &message.address, &status);
    if (replica != NULL) {
        status = store_apply_deliveries(side, replica, message.deliveries, message.delivery_count,
                                        now, &changed);
        store_checkpoint_if_due(side, replica);
    }
    /* The clock has it; but whoever waits for this copy must not be told that there is one. */
    bool discarded = status == STATUS_OK && side->context.discarded > 0;
    replicated.status = discarded ? STATUS_NO_KEYSPACE : status;
    replicated.unseen_increments = status == STATUS_OK && side->context.unseen_increments > 0;
    reply_replicated(frame, &replicated, &out->late);
}

static void handle_digest(struct store_side *side, const struct frame *frame,
                          struct store_output *out)
{
    struct message_digest message;
    struct message_digest_result result = {0};
    struct replica *replica = NULL;
    result.status = message_digest_decode(frame->body, &message);
    if (result.status == STATUS_OK)
        replica = store_find_replica(side, &message.address, &result.status);
    if (replica != NULL) {
        result.keyspace_count = replica_count(replica, message.keyspace);
        result.element_count = replica_count(replica, keyspace_of_elements(message.keyspace));
        result.count = replica_count_all(replica);
        result.clock_digest = clock_hash(&replica->clock);
        result.content_digest = replica->tree.root.hash;
    }
    size_t offset = frame_start(&out->late, MESSAGE_DIGEST_RESULT, frame->request, 0);
    message_digest_result_encode(&result, &out->late);
    frame_finish_inside(&out->late, offset);
}

static bool is_expired(const struct frame *frame, struct instant now)
{
    return frame->left_ms != 0 && (int32_t)((uint32_t)(now.mono_us / 1000) - frame->left_ms) > 0;
}

static void handle_clock(struct store_side *side, const struct frame *frame)
{
    enum status status = message_clock_decode(frame->body, &side->clock.told);
    assert(status == STATUS_OK); /* own loop side */
    side->clock.is_told = true;
}

/* The decided answer to work that cannot be done at all. */
static void refuse(const struct store_side *side, const struct frame *frame, enum status status,
                   struct buffer *out)
{
    size_t offset;
    if (store_register_is_type(frame->type)) {
        store_register_refuse(side, frame, status, out);
        return;
    }
    if (store_refuse_hints(frame, status, out))
        return;
    switch (frame->type) {
    case MESSAGE_MINT:
        store_reply_minted(frame, &(struct message_minted){.status = status}, out);
        break;
    case MESSAGE_REPLICATE:
        store_reply_replicated(frame, status, out);
        break;
    case MESSAGE_LOOKUP:
        store_reply_lookup(frame, status, NULL, out);
        break;
    case MESSAGE_COLLECTION_CLOCK:
        store_reply_collection_clock(
            frame, &(struct message_collection_clock_result){.status = status}, out);
        break;
    case MESSAGE_DIGEST:
        offset = frame_start(out, MESSAGE_DIGEST_RESULT, frame->request, 0);
        message_digest_result_encode(&(struct message_digest_result){.status = status}, out);
        frame_finish_inside(out, offset);
        break;
    case MESSAGE_KEY_STATE:
        store_reply_key_state(frame, &(struct message_key_state_result){.status = status}, out);
        break;
    case MESSAGE_PARTITION_APPLY:
        store_reply_partition(frame, &(struct message_partition_applied){.status = status}, out);
        break;
    case MESSAGE_SYNC_APPLY:
        offset = frame_start(out, MESSAGE_SYNC_APPLIED, frame->request, 0);
        message_sync_applied_encode(&(struct message_sync_applied){.status = status}, out);
        frame_finish_inside(out, offset);
        break;
    default:
        break; /* a pull: the asker's deadline ends it */
    }
}

/* Once in a group, so that what was deleted is not met again before it is committed. */
static void purge_requests(struct store_side *side, struct store_output *out)
{
    enum { PURGE_BUDGET = 512 }; /* above what a group can add */
    if (side->requests_purged || side->context.requests.next_expiry_ms > side->context.wall_ms)
        return;
    side->requests_purged = true;
    if (requests_purge(&side->context, PURGE_BUDGET) != STATUS_OK)
        out->discard = true; /* an unreadable record: the store goes through its recovery */
}

void store_side_write(struct store_side *side, struct slice bytes, struct instant now,
                      struct store_output *out)
{
    struct frame frame;
    size_t used;
    enum status status = frame_open(bytes, &frame, &used);
    assert(status == STATUS_OK && used == bytes.length);
    side->context.batch = &out->batch;
    if (frame.type == MESSAGE_CLOCK) {
        handle_clock(side, &frame);
        return;
    }
    side->context.wall_ms = store_clock_wall_ms(&side->clock, now);
    size_t before = out->batch.length;
    if (!side->open || is_expired(&frame, now)) {
        refuse(side, &frame, side->open ? STATUS_TIMEOUT : STATUS_NOT_READY, &out->late);
        return;
    }
    if (store_register_is_type(frame.type)) {
        store_register_handle(side, &frame, out);
        return;
    }
    purge_requests(side, out);
    switch (frame.type) {
    case MESSAGE_MINT:
        store_handle_mint(side, &frame, now, out);
        break;
    case MESSAGE_REPLICATE:
        handle_replicate(side, &frame, now, out);
        break;
    case MESSAGE_DIGEST:
        handle_digest(side, &frame, out);
        break;
    case MESSAGE_LOOKUP:
        store_handle_lookup(side, &frame, out);
        break;
    case MESSAGE_COLLECTION_CLOCK:
        store_handle_collection_clock(side, &frame, out);
        break;
    case MESSAGE_SYNC_CLOCKS:
        store_handle_sync_clocks(side, &frame, out);
        break;
    case MESSAGE_SYNC_PULL:
    case MESSAGE_PARTITION_PULL:
    case MESSAGE_KEY_STATE:
        buffer_append_slice(&side->pulls, bytes); /* needs the committed state */
        break;
    case MESSAGE_PARTITION_ASK:
        store_handle_partition_ask(side, &frame, out);
        break;
    case MESSAGE_PARTITION_APPLY:
        store_handle_partition_apply(side, &frame, now, out);
        break;
    case MESSAGE_SYNC_APPLY:
        store_handle_sync_apply(side, &frame, now, out);
        break;
    case MESSAGE_HINT:
        store_handle_hint(side, &frame, out);
        break;
    case MESSAGE_HINTS_SCAN:
        store_handle_hints_scan(side, &frame, out);
        break;
    case MESSAGE_HINTS_DROP:
        store_handle_hints_drop(side, &frame, out);
        break;
    case MESSAGE_LOG_DEBT:
        store_handle_log_debt(side, &frame, out);
        break;
    case MESSAGE_STABILITY_STEP:
        store_handle_stability(side, &frame, now, out);
        break;
    case MESSAGE_HOLDINGS_STEP:
        store_handle_holdings_step(side, &frame, now, out);
        break;
    case MESSAGE_DROP_STEP:
        store_handle_drop_step(side, &frame, now, out);
        break;
    case MESSAGE_EXPIRY_STEP:
        store_handle_expiry_step(side, &frame, now, out);
        break;
    case MESSAGE_WITNESS:
        store_handle_witness(side, &frame, out);
        return;
    default:
        if (!store_tree_frame(side, &frame, bytes, now, out))
            assert(!"a frame of this type goes to the store side");
    }
    /* A ceiling from a clock that is not trusted would keep this node from minting for as long. */
    bool makes = frame.type == MESSAGE_MINT || frame.type == MESSAGE_STABILITY_STEP ||
                 frame.type == MESSAGE_EXPIRY_STEP; /* sweeps */
    bool issues = makes && store_clock_may_mint(&side->clock, now) == STATUS_OK;
    if (out->batch.length > before)
        store_lineage_count(side, &out->batch);
    if (out->batch.length > 0)
        store_clock_renew(&side->clock, issues ? side->context.wall_ms : 0, &out->batch);
}

/* Counts leave once their group is durable; those of a group that failed never happened. */
static void report_counts(struct store_side *side, struct instant now, struct store_output *out)
{
    struct replica_context *context = &side->context;
    struct message_store_counts counts = {.lww_losses = context->lww_losses,
                                          .siblings_warned = context->siblings_warned,
                                          .ids_folded = context->ids_folded};
    if (counts.siblings_warned > 0 && store_may_log(&side->warned_us, now))
        log_line(&side->log, LOG_WARN,
                 "a key has many concurrent values: its writers give no context "
                 "position=%016llx siblings-warn=%u",
                 (unsigned long long)context->warned_position, context->siblings_warn);
    if (counts.lww_losses > 0 || counts.siblings_warned > 0 || counts.ids_folded > 0) {
        size_t offset = frame_start(&out->late, MESSAGE_STORE_COUNTS, 0, 0);
        message_store_counts_encode(&counts, &out->late);
        frame_finish_inside(&out->late, offset);
    }
    context->lww_losses = context->siblings_warned = context->ids_folded = 0;
}

static void answer_committed(struct store_side *side, const struct frame *frame, struct instant now,
                             struct buffer *out)
{
    if (frame->type == MESSAGE_SYNC_PULL)
        store_answer_pull(side, frame, out);
    else if (frame->type == MESSAGE_PARTITION_PULL)
        store_answer_partition_pull(side, frame, now, out);
    else if (frame->type == MESSAGE_KEY_STATE)
        store_answer_key_state(side, frame, out);
    else
        store_tree_committed(side, frame, now, out);
}

void store_side_committed(struct store_side *side, struct instant now, struct store_output *out)
{
    cell_cache_committed(side->cache);
    side->context.groups++;
    side->requests_purged = side->context.expiry_indexed = false;
    uint64_t seq = side->config.seq;
    store_register_committed(side);
    hint_store_committed(side->hints);
    if (side->placement_moved && side->open)
        store_holdings_follow(side, &out->late);
    side->placement_moved = false;
    if (side->config.seq != seq) {
        store_stability_follow_members(side);
        store_drop_learned(side, &out->late);
    }
    report_counts(side, now, out);
    store_lineage_committed(side, &out->late);
    store_report_hints(side, &out->late);
    store_clock_committed(&side->clock);
    side->context.wall_ms = store_clock_wall_ms(&side->clock, now);
    for (size_t offset = 0; side->open && offset < side->pulls.length;) {
        struct frame frame;
        size_t used;
        enum status status = frame_open(
            slice_make(side->pulls.data + offset, side->pulls.length - offset), &frame, &used);
        assert(status == STATUS_OK);
        if (!is_expired(&frame, now)) /* else nobody waits for it */
            answer_committed(side, &frame, now, &out->late);
        offset += used;
    }
    buffer_clear(&side->pulls);
}

void store_side_failed(struct store_side *side)
{
    store_clock_failed(&side->clock);
    side->requests_purged = side->context.expiry_indexed = false;
    store_lineage_failed(side);
    store_register_failed(side);
    side->placement_moved = false;
    close_replicas(side);
}

void store_side_close(struct store_side *side, struct store_output *out)
{
    side->context.batch = &out->batch;
    for (uint32_t i = 0; side->open && i < side->replica_count; i++)
        replica_checkpoint(&side->replicas[i], &side->context);
    if (side->open)
        hint_store_log(side->hints, "hints for other nodes stay on the disk until the next start");
    if (side->open)
        store_clock_close(&side->clock, &out->batch);
}
