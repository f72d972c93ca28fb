#include "node/store_side.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/key_request.h"
#include "node/store_clock.h"
#include "replica/replica.h"
#include "ring/position.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/record.h"

struct store_side {
    struct ring *ring;
    struct settings settings;
    struct log_sink log;
    node_id self;
    uint16_t storage_incarnation;
    const struct store_port *port;
    struct store_port port_copy;
    struct cell_cache *cache;
    struct store_clock clock;
    struct replica_context context;
    struct replica *replicas;       /* of the owned partitions, ascending */
    uint32_t replica_count;
    uint16_t *replica_index;        /* partition -> index into replicas, or NO_REPLICA */
    struct buffer pulls;            /* frames that wait for the commit of the group */
    uint64_t warned_us, refused_us; /* of the last lines about siblings; 0: none yet */
    bool open;
};

enum {
    NO_REPLICA = UINT16_MAX,
    LOG_EVERY_US = 60 * 1000 * 1000 /* for lines that a client could cause without end */
};

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
    side->port_copy = *params->port;
    side->port = &side->port_copy;
    side->cache = cell_cache_new(params->settings->cell_cache_bytes);
    side->replica_index = memory_new(side->ring->partition_count, sizeof *side->replica_index);
    for (uint32_t p = 0; p < side->ring->partition_count; p++) {
        bool owned = ring_owns(side->ring, side->self, (partition_id)p);
        side->replica_index[p] = owned ? (uint16_t)side->replica_count++ : NO_REPLICA;
    }
    side->replicas = memory_new(side->replica_count, sizeof *side->replicas);
    side->clock.max_skew_ms = params->settings->max_clock_skew_ms;
    side->context = (struct replica_context){
        .port = side->port,
        .cache = side->cache,
        .clock = &side->clock.hybrid,
        .position_seed = side->ring->seed,
        .digest_seed = side->ring->seed ^ 0x64696765u,
        .max_clock_skew_ms = params->settings->max_clock_skew_ms,
        .value_bytes_max = params->settings->value_bytes_max,
        .siblings_warn = params->settings->siblings_warn,
        .siblings_max = params->settings->siblings_max,
    };
    assert(params->settings->siblings_max <= SIBLINGS_LIMIT_MAX);
    return side;
}

static void close_replicas(struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        replica_deinit(&side->replicas[i]);
    cell_cache_drop_all(side->cache);
    buffer_clear(&side->pulls);
    side->context.lww_losses = side->context.siblings_warned = 0;
    side->open = false;
}

void store_side_free(struct store_side *side)
{
    if (side == NULL)
        return;
    close_replicas(side);
    cell_cache_free(side->cache);
    buffer_deinit(&side->pulls);
    free(side->replicas);
    free(side->replica_index);
    ring_free(side->ring);
    free(side);
}

/*
 * Of `owners` in a set whose majority a write may have met with the lost copy: how many others
 * must be absorbed to meet every such majority.
 */
static uint8_t sources_needed(uint8_t owners)
{
    uint8_t needed = (uint8_t)(owners - owners / 2);
    return needed < owners ? needed : (uint8_t)(owners - 1);
}

/*
 * Whether a lost replica has absorbed enough to be counted on again: of all owners, and of its
 * own region, where a write at LOCAL_QUORUM or EACH_QUORUM has counted it.
 */
static bool is_rebuilt(const struct store_side *side, const struct replica *replica)
{
    uint8_t home = ring_member(side->ring, side->self)->region;
    uint8_t local = 0;
    for (uint8_t i = 0; i < replica->rebuilt_from_count; i++) {
        const struct ring_member *source = ring_member(side->ring, replica->rebuilt_from[i]);
        local = (uint8_t)(local + (source != NULL && source->region == home));
    }
    return replica->rebuilt_from_count >= sources_needed(side->ring->owner_count) &&
           local >= sources_needed(side->ring->regions[home].replicas);
}

static void append_state(const struct replica *replica, struct buffer *out)
{
    struct message_replica_state state = {.partition = replica->partition,
                                          .state = replica->state};
    size_t offset = frame_start(out, MESSAGE_REPLICA_STATE, 0, 0);
    message_replica_state_encode(&state, out);
    frame_finish(out, offset);
}

/* Say how long nothing is minted here, for other owners can do it meanwhile. */
static void append_mint_from(const struct store_side *side, struct buffer *out)
{
    struct message_mint_from from = {.wall_ms = store_clock_mint_from_ms(&side->clock)};
    size_t offset = frame_start(out, MESSAGE_MINT_FROM, 0, 0);
    message_mint_from_encode(&from, out);
    frame_finish(out, offset);
}

enum status store_side_open(struct store_side *side, uint32_t boot_epoch, struct store_output *out)
{
    enum status status = STATUS_OK;
    assert(!side->open);
    side->context.batch = &out->batch;
    status = store_clock_open(&side->clock, side->port);
    if (status != STATUS_OK) {
        log_line(&side->log, LOG_ERROR, "could not read the ceiling of times reason=%s",
                 status_name(status));
        return status;
    }
    for (uint32_t p = 0, opened = 0; p < side->ring->partition_count; p++) {
        if (side->replica_index[p] == NO_REPLICA)
            continue;
        struct replica *replica = &side->replicas[opened];
        struct replica_open_params params = {
            .partition = (partition_id)p,
            .tag = side->ring->tag,
            .self = side->self,
            .storage_incarnation = side->storage_incarnation,
            .boot_epoch = boot_epoch,
            .rebuild = side->storage_incarnation > 1 && side->ring->owner_count > 1,
        };
        status = replica_open(replica, &params, &side->context);
        if (status != STATUS_OK) {
            log_line(&side->log, LOG_ERROR, "could not open replica partition=%u reason=%s", p,
                     status_name(status));
            while (opened > 0)
                replica_deinit(&side->replicas[--opened]);
            return status;
        }
        append_state(replica, &out->early);
        opened++;
    }
    append_mint_from(side, &out->early);
    side->open = true;
    return STATUS_OK;
}

/* ---- frames ------------------------------------------------------------------------------- */

static struct replica *find_replica(struct store_side *side, const struct replica_address *address,
                                    enum status *status)
{
    *status = STATUS_NOT_OWNER;
    if (address->partition >= side->ring->partition_count ||
        side->replica_index[address->partition] == NO_REPLICA)
        return NULL;
    struct replica *replica = &side->replicas[side->replica_index[address->partition]];
    int order = ring_tag_compare(address->tag, replica->tag);
    *status = order < 0 ? STATUS_STALE_TAG : order > 0 ? STATUS_NOT_READY : STATUS_OK;
    return *status == STATUS_OK ? replica : NULL;
}

static enum merge_policy policy_of(const struct store_side *side, keyspace_id keyspace,
                                   enum status *status)
{
    const struct ring_keyspace *found = ring_keyspace(side->ring, keyspace);
    if (found == NULL)
        *status = STATUS_INVALID;
    return found != NULL && found->policy == KEYSPACE_SIBLINGS ? MERGE_SIBLINGS : MERGE_LWW;
}

static void checkpoint_if_due(struct store_side *side, struct replica *replica)
{
    if (replica->log_position - replica->checkpoint_position >= side->settings.checkpoint_records)
        replica_checkpoint(replica, &side->context);
}

static void reply_replicated(const struct frame *frame, enum status status, struct buffer *out)
{
    struct message_replicated replicated = {.status = status};
    size_t offset = frame_start(out, MESSAGE_REPLICATED, frame->request, 0);
    message_replicated_encode(&replicated, out);
    frame_finish(out, offset);
}

/* Whether a line of this kind is due; it then counts as written. */
static bool may_log(uint64_t *last_us, struct instant now)
{
    bool due = *last_us == 0 || now.mono_us - *last_us >= LOG_EVERY_US;
    if (due)
        *last_us = now.mono_us == 0 ? 1 : now.mono_us;
    return due;
}

static void note_refused(struct store_side *side, const struct cell_delivery *delivery,
                         struct instant now)
{
    if (may_log(&side->refused_us, now))
        log_line(&side->log, LOG_ERROR,
                 "refused a copy of a key whose concurrent values are too many to hold: write it "
                 "with the context of RING.GET keyspace=%u position=%016llx",
                 delivery->keyspace,
                 (unsigned long long)ring_position(delivery->key, delivery->keyspace,
                                                   side->ring->seed));
}

/*
 * Apply `count` deliveries; `changed` counts those that brought something new. One that
 * would make its cell too large is left out, and those after it are not.
 */
static enum status apply_deliveries(struct store_side *side, struct replica *replica,
                                    struct slice deliveries, uint32_t count, struct instant now,
                                    uint32_t *changed)
{
    struct reader reader = reader_make(deliveries);
    enum status status = STATUS_OK;
    bool refused = false;
    for (uint32_t i = 0; i < count && status == STATUS_OK; i++) {
        struct cell_delivery delivery;
        bool is_new = false;
        cell_delivery_decode(&reader, &delivery);
        if (reader.failed)
            return STATUS_CORRUPT;
        enum merge_policy policy = policy_of(side, delivery.keyspace, &status);
        if (ring_partition_of_slot(ring_slot(delivery.key), side->ring->partition_count) !=
            replica->partition)
            status = STATUS_INVALID;
        if (status == STATUS_OK)
            status = replica_apply(replica, &delivery, policy, &side->context, &is_new);
        *changed += is_new;
        if (status == STATUS_TOO_LARGE) {
            note_refused(side, &delivery, now);
            refused = true;
            status = STATUS_OK;
        }
    }
    return status == STATUS_OK && refused ? STATUS_TOO_LARGE : status;
}

static void handle_replicate(struct store_side *side, const struct frame *frame,
                             struct instant now, struct store_output *out)
{
    struct message_replicate message;
    uint32_t changed = 0;
    enum status status = message_replicate_decode(frame->body, &message);
    struct replica *replica = NULL;
    if (status == STATUS_OK)
        replica = find_replica(side, &message.address, &status);
    if (replica != NULL) {
        status = apply_deliveries(side, replica, message.deliveries, message.delivery_count, now,
                                  &changed);
        checkpoint_if_due(side, replica);
    }
    reply_replicated(frame, status, &out->late);
}

static void reply_minted(const struct frame *frame, const struct message_minted *minted,
                         struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_MINTED, frame->request, 0);
    message_minted_encode(minted, out);
    frame_finish(out, offset);
}

/* One pass over the entries of a write: evaluate them all, or make their new versions. */
static enum status mint_pass(struct store_side *side, struct replica *replica,
                             const struct key_request *request, const struct message_mint *message,
                             bool evaluate_only, struct key_outcome *outcomes, size_t *old_offsets,
                             struct buffer *old, struct buffer *deliveries, uint16_t *written)
{
    struct reader cells = reader_make(message->cells);
    enum status status = STATUS_OK;
    enum merge_policy policy = policy_of(side, request->keyspace, &status);
    size_t delivery_bytes = 0;
    *written = 0;
    for (uint16_t i = 0; i < request->entry_count && status == STATUS_OK; i++) {
        const struct key_entry *entry = &request->entries[i];
        struct mutation mutation = entry->mutation;
        struct replica_minted minted;
        if (!evaluate_only && (request->flags & KEY_ALL_OR_NOTHING) != 0)
            mutation.flags &= (uint16_t)~(MUTATION_IF_ABSENT | MUTATION_IF_PRESENT);
        struct replica_mint mint = {.keyspace = request->keyspace,
                                    .policy = policy,
                                    .key = entry->key,
                                    .mutation = &mutation,
                                    .observed = entry->context,
                                    .observed_time = entry->context_time};
        if (message->cell_count > 0)
            mint.read_cell = reader_bytes(&cells);
        old_offsets[i] = old->length;
        status = replica_mint(replica, &mint, evaluate_only, &side->context, &minted, old,
                              deliveries);
        outcomes[i] = (struct key_outcome){.written = minted.written,
                                           .visible = minted.had_old,
                                           .number = minted.number,
                                           .dot = minted.dot};
        *written = (uint16_t)(*written + minted.written);
        delivery_bytes += minted.delivery_bytes;
        if (status == STATUS_OK && delivery_bytes > MESSAGE_PAYLOAD_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    old_offsets[request->entry_count] = old->length;
    return status;
}

/*
 * First all entries are evaluated, so that an error is definite: nothing was changed. Then
 * they are written; entries of one request see those before them.
 */
static void mint_request(struct store_side *side, struct replica *replica,
                         const struct frame *frame, const struct message_mint *message,
                         const struct key_request *request, struct store_output *out)
{
    struct key_result result = {.outcome_count = request->entry_count};
    struct buffer old = {0}, deliveries = {0}, encoded = {0}, replicate_body = {0};
    size_t *offsets = memory_new((size_t)request->entry_count + 1, sizeof *offsets);
    struct message_minted minted = {0};
    uint16_t written = 0;
    result.outcomes = memory_new(request->entry_count, sizeof *result.outcomes);
    minted.status = mint_pass(side, replica, request, message, true, result.outcomes, offsets,
                              &old, &deliveries, &written);
    bool refused = (request->flags & KEY_ALL_OR_NOTHING) != 0 && written < request->entry_count;
    if (refused) {
        for (uint16_t i = 0; i < request->entry_count; i++)
            result.outcomes[i] = (struct key_outcome){0};
        written = 0;
    } else if (minted.status == STATUS_OK) {
        minted.status = mint_pass(side, replica, request, message, false, result.outcomes, offsets,
                                  &old, &deliveries, &written);
        /* A store that fails between the passes may not leave half a request behind. */
        out->discard = out->discard || minted.status != STATUS_OK;
    }
    minted.written = minted.status == STATUS_OK && written > 0;
    if (minted.status == STATUS_OK) {
        for (uint16_t i = 0; !refused && i < request->entry_count; i++)
            if (offsets[i + 1] > offsets[i])
                result.outcomes[i].value =
                    slice_make(old.data + offsets[i], offsets[i + 1] - offsets[i]);
        key_result_encode(&result, &encoded);
        minted.result = buffer_slice(&encoded);
    }
    if (minted.written) {
        struct message_replicate replicate = {.address = message->address,
                                              .delivery_count = written,
                                              .deliveries = buffer_slice(&deliveries)};
        message_replicate_encode(&replicate, &replicate_body);
        minted.replicate = buffer_slice(&replicate_body);
        bool covered = store_clock_is_covered(&side->clock);
        reply_minted(frame, &minted, covered ? &out->early : &out->late);
        reply_replicated(frame, STATUS_OK, &out->late);
        checkpoint_if_due(side, replica);
    } else {
        reply_minted(frame, &minted, &out->late);
    }
    key_result_deinit(&result);
    free(offsets);
    buffer_deinit(&old);
    buffer_deinit(&deliveries);
    buffer_deinit(&encoded);
    buffer_deinit(&replicate_body);
}

static void handle_mint(struct store_side *side, const struct frame *frame, struct instant now,
                        struct store_output *out)
{
    struct message_mint message;
    struct key_request request;
    struct key_contexts contexts = {0};
    enum status status = message_mint_decode(frame->body, &message);
    struct replica *replica = NULL;
    request.entries = NULL;
    if (status == STATUS_OK) {
        struct reader reader = reader_make(message.request);
        status = key_request_decode(&reader, &request, &contexts);
    }
    if (status == STATUS_OK)
        replica = find_replica(side, &message.address, &status);
    if (status == STATUS_OK && replica->state != REPLICA_ACTIVE)
        status = STATUS_NOT_READY;
    if (status == STATUS_OK) {
        status = store_clock_may_mint(&side->clock, now);
        if (status != STATUS_OK)
            append_mint_from(side, &out->late);
    }
    if (status == STATUS_OK)
        mint_request(side, replica, frame, &message, &request, out);
    else
        reply_minted(frame, &(struct message_minted){.status = status}, &out->late);
    free((void *)request.entries);
    key_contexts_free(&contexts);
}

static void handle_digest(struct store_side *side, const struct frame *frame,
                          struct store_output *out)
{
    struct message_digest message;
    struct message_digest_result result = {0};
    struct replica *replica = NULL;
    result.status = message_digest_decode(frame->body, &message);
    if (result.status == STATUS_OK)
        replica = find_replica(side, &message.address, &result.status);
    if (replica != NULL) {
        result.keyspace_count = replica_count(replica, message.keyspace);
        result.count = replica_count_all(replica);
        result.clock_digest = clock_hash(&replica->clock);
        result.content_digest = replica->digest;
    }
    size_t offset = frame_start(&out->late, MESSAGE_DIGEST_RESULT, frame->request, 0);
    message_digest_result_encode(&result, &out->late);
    frame_finish(&out->late, offset);
}

/* The clocks of the asked partitions, as the body of a pull. */
static void handle_sync_clocks(struct store_side *side, const struct frame *frame,
                               struct store_output *out)
{
    struct message_sync_clocks message;
    size_t offset = frame_start(&out->late, MESSAGE_SYNC_PULL, frame->request, 0);
    if (message_sync_clocks_decode(frame->body, &message) != STATUS_OK)
        message.count = 0;
    for (uint16_t i = 0; i < message.count; i++) {
        struct replica_address address = {.partition = message.cursors[i].partition,
                                          .tag = side->ring->tag};
        enum status status;
        struct replica *replica = find_replica(side, &address, &status);
        if (replica == NULL)
            continue;
        struct sync_question question = {.address = address,
                                         .before = message.cursors[i].before,
                                         .top = message.cursors[i].top,
                                         .clock = replica->clock};
        question.flags = replica->state == REPLICA_REBUILDING ? SYNC_ALL : 0;
        sync_question_encode(&question, &out->late);
    }
    frame_finish(&out->late, offset);
}

/* Answer a pull from the committed state: partition by partition until the page is full. */
static void answer_pull(struct store_side *side, const struct frame *frame, struct buffer *out)
{
    struct reader reader = reader_make(frame->body);
    struct buffer deliveries = {0};
    size_t offset = frame_start(out, MESSAGE_SYNC_PAGE, frame->request, 0);
    size_t first = out->length;
    while (reader_left(&reader) > 0 && out->length - first < side->settings.sync_page_bytes) {
        struct sync_question question;
        struct sync_answer answer = {0};
        sync_question_decode(&reader, &question);
        if (reader.failed) {
            clock_deinit(&question.clock);
            break;
        }
        struct replica *replica = find_replica(side, &question.address, &answer.status);
        answer.address = question.address;
        if (replica != NULL && replica->state != REPLICA_ACTIVE && (question.flags & SYNC_ALL))
            answer.status = STATUS_NOT_READY; /* two that rebuild cannot rebuild each other */
        if (answer.status == STATUS_OK) {
            buffer_clear(&deliveries);
            answer.status = replica_sync_answer(
                replica, &question, side->settings.sync_settle_ms,
                side->settings.sync_page_bytes - (out->length - first), &side->context, &answer,
                &deliveries);
            if (deliveries.length > MESSAGE_PAYLOAD_BYTES_MAX * 2) /* siblings of many actors */
                answer.status = STATUS_TOO_LARGE;
            if (answer.status == STATUS_OK)
                answer.deliveries = buffer_slice(&deliveries);
            else
                answer = (struct sync_answer){.address = question.address,
                                              .status = answer.status};
        }
        sync_answer_encode(&answer, out);
        clock_deinit(&question.clock);
    }
    frame_finish(out, offset);
    buffer_deinit(&deliveries);
}

static enum status apply_answer(struct store_side *side, node_id from,
                                const struct sync_answer *answer, struct instant now,
                                struct message_sync_applied *sum, struct store_output *out)
{
    enum status status;
    struct replica *replica = find_replica(side, &answer->address, &status);
    if (replica == NULL || answer->status != STATUS_OK)
        return status;
    status = apply_deliveries(side, replica, answer->deliveries, answer->delivery_count, now,
                              &sum->cell_count);
    checkpoint_if_due(side, replica);
    if (status == STATUS_OK && answer->complete && replica->state == REPLICA_REBUILDING) {
        replica_note_source(replica, from);
        if (is_rebuilt(side, replica)) {
            replica_activate(replica);
            append_state(replica, &out->late);
        }
        replica_checkpoint(replica, &side->context);
    }
    return status;
}

/* A cell that is too large holds up neither the other cells nor the other partitions. */
static void handle_sync_apply(struct store_side *side, const struct frame *frame,
                              struct instant now, struct store_output *out)
{
    struct message_sync_apply message;
    struct message_sync_applied sum = {0};
    enum status status = message_sync_apply_decode(frame->body, &message);
    struct reader reader = reader_make(message.page);
    bool refused = false;
    while (status == STATUS_OK && reader_left(&reader) > 0) {
        struct sync_answer answer;
        sync_answer_decode(&reader, &answer);
        status = reader.failed ? STATUS_CORRUPT
                               : apply_answer(side, message.from, &answer, now, &sum, out);
        if (status == STATUS_TOO_LARGE) {
            refused = true;
            status = STATUS_OK;
        }
    }
    sum.status = status == STATUS_OK && refused ? STATUS_TOO_LARGE : status;
    size_t offset = frame_start(&out->late, MESSAGE_SYNC_APPLIED, frame->request, 0);
    message_sync_applied_encode(&sum, &out->late);
    frame_finish(&out->late, offset);
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
static void refuse(const struct frame *frame, enum status status, struct buffer *out)
{
    size_t offset;
    switch (frame->type) {
    case MESSAGE_MINT:
        reply_minted(frame, &(struct message_minted){.status = status}, out);
        break;
    case MESSAGE_REPLICATE:
        reply_replicated(frame, status, out);
        break;
    case MESSAGE_DIGEST:
        offset = frame_start(out, MESSAGE_DIGEST_RESULT, frame->request, 0);
        message_digest_result_encode(&(struct message_digest_result){.status = status}, out);
        frame_finish(out, offset);
        break;
    case MESSAGE_SYNC_APPLY:
        offset = frame_start(out, MESSAGE_SYNC_APPLIED, frame->request, 0);
        message_sync_applied_encode(&(struct message_sync_applied){.status = status}, out);
        frame_finish(out, offset);
        break;
    default:
        break; /* a pull: the asker's deadline ends it */
    }
}

void store_side_write(struct store_side *side, struct slice bytes, struct instant now,
                      struct store_output *out)
{
    struct frame frame;
    size_t used;
    enum status status = frame_parse(bytes, &frame, &used);
    assert(status == STATUS_OK && used == bytes.length);
    side->context.batch = &out->batch;
    if (frame.type == MESSAGE_CLOCK) {
        handle_clock(side, &frame);
        return;
    }
    side->context.wall_ms = store_clock_wall_ms(&side->clock, now);
    if (!side->open || is_expired(&frame, now)) {
        refuse(&frame, side->open ? STATUS_TIMEOUT : STATUS_NOT_READY, &out->late);
        return;
    }
    switch (frame.type) {
    case MESSAGE_MINT:
        handle_mint(side, &frame, now, out);
        break;
    case MESSAGE_REPLICATE:
        handle_replicate(side, &frame, now, out);
        break;
    case MESSAGE_DIGEST:
        handle_digest(side, &frame, out);
        break;
    case MESSAGE_SYNC_CLOCKS:
        handle_sync_clocks(side, &frame, out);
        break;
    case MESSAGE_SYNC_PULL:
        buffer_append_slice(&side->pulls, bytes); /* needs the committed log */
        break;
    case MESSAGE_SYNC_APPLY:
        handle_sync_apply(side, &frame, now, out);
        break;
    default:
        assert(!"a frame of this type goes to the store side");
    }
    /* A ceiling from a clock that is not trusted would keep this node from minting for as long. */
    bool issues = frame.type == MESSAGE_MINT && store_clock_may_mint(&side->clock, now) == STATUS_OK;
    if (out->batch.length > 0)
        store_clock_renew(&side->clock, issues ? side->context.wall_ms : 0, &out->batch);
}

/* Counts leave once their group is durable; those of a group that failed never happened. */
static void report_counts(struct store_side *side, struct instant now, struct store_output *out)
{
    struct replica_context *context = &side->context;
    struct message_store_counts counts = {.lww_losses = context->lww_losses,
                                          .siblings_warned = context->siblings_warned};
    if (counts.siblings_warned > 0 && may_log(&side->warned_us, now))
        log_line(&side->log, LOG_WARN,
                 "a key has many concurrent values: its writers give no context "
                 "position=%016llx siblings-warn=%u",
                 (unsigned long long)context->warned_position, context->siblings_warn);
    if (counts.lww_losses > 0 || counts.siblings_warned > 0) {
        size_t offset = frame_start(&out->late, MESSAGE_STORE_COUNTS, 0, 0);
        message_store_counts_encode(&counts, &out->late);
        frame_finish(&out->late, offset);
    }
    context->lww_losses = context->siblings_warned = 0;
}

void store_side_committed(struct store_side *side, struct instant now, struct store_output *out)
{
    cell_cache_committed(side->cache);
    report_counts(side, now, out);
    store_clock_committed(&side->clock);
    side->context.wall_ms = store_clock_wall_ms(&side->clock, now);
    for (size_t offset = 0; side->open && offset < side->pulls.length;) {
        struct frame frame;
        size_t used;
        enum status status = frame_parse(
            slice_make(side->pulls.data + offset, side->pulls.length - offset), &frame, &used);
        assert(status == STATUS_OK);
        if (!is_expired(&frame, now))
            answer_pull(side, &frame, &out->late);
        offset += used;
    }
    buffer_clear(&side->pulls);
}

void store_side_failed(struct store_side *side)
{
    store_clock_failed(&side->clock);
    close_replicas(side);
}

void store_side_close(struct store_side *side, struct store_output *out)
{
    side->context.batch = &out->batch;
    for (uint32_t i = 0; side->open && i < side->replica_count; i++)
        replica_checkpoint(&side->replicas[i], &side->context);
    if (side->open)
        store_clock_close(&side->clock, &out->batch);
}
