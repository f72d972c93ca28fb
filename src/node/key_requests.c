/*
 * key_requests.c - where a key request is coordinated: here, or by the owner it is forwarded to.
 *
 * Reads and scans are coordinated by the node that the client is connected to. A
 * write needs an owner, because only owners mint: this node if it is one, else the
 * best usable owner (owner_choice.c). A write that depends on the value goes
 * to the first usable owner in any case, so that such writes meet at one replica
 * while it is there; when the owners before it cannot, this node does it if it can.
 * An owner that drains (drain.h) is the last that is asked, and does not do its own clients' writes
 * while another one can. A request is forwarded once, to one owner at a time: the next one is asked
 * when one has refused it and written nothing, because it cannot serve or reaches too few others.
 *
 * What this node coordinates itself and reaches too few owners for, in a cut that others see less
 * of, is forwarded likewise to who is known to reach more (reach_schedule.c): a read to any node, a
 * write to an owner.
 *
 * A node whose clock is fenced off (clock_fence.c) coordinates no write: its clients'
 * writes go to other owners. Those forwarded to it are refused, so the one that
 * forwarded them tries the next owner. When no owner may mint now, but one says that it
 * may before the request's deadline, as after a restart of all of them, the
 * write is held here until then. No part of it has been sent anywhere meanwhile.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/introspection.h"
#include "node/node_state.h"
#include "ring/position.h"
#include "ring/preference_list.h"
#include "ring/transition.h"

/* The forwarding node waits this much longer than the owner, to hear its verdict. */
enum { FORWARD_SLACK_MS = 100 };

static void complete(struct node *node, const struct origin *origin, struct slice result)
{
    if (origin->connection != 0)
        client_complete(node, origin, result);
    else if (peers_link(node->peers, origin->node) == origin->link)
        node_send_link(node, origin->link, MESSAGE_FORWARD_RESULT, origin->request, 0, result);
}

static void count_outcome(struct node *node, enum status status)
{
    switch (status) {
    case STATUS_UNAVAILABLE:
        node->statistics.requests_unavailable++;
        break;
    case STATUS_UNCERTAIN:
        node->statistics.requests_uncertain++;
        break;
    case STATUS_TIMEOUT:
        node->statistics.requests_timeout++;
        break;
    case STATUS_OVERLOADED:
        node->statistics.requests_overloaded++;
        break;
    case STATUS_SIBLING_LIMIT:
        node->statistics.requests_sibling_limit++;
        break;
    case STATUS_CLOCK_SKEW:
        node->statistics.requests_clock_skew++;
        break;
    case STATUS_REQUEST_UNKNOWN:
        node->statistics.requests_unknown++;
        break;
    default:
        break;
    }
}

static void complete_short(struct node *node, const struct origin *origin,
                           struct request_class class, enum status status, uint8_t acks,
                           uint8_t needed)
{
    struct buffer encoded = {0};
    struct key_result result = key_result_failed(status, acks, needed);
    if (status == STATUS_CLOCK_SKEW)
        result.wait_ms = clock_fence_wait_ms(node);
    count_outcome(node, status);
    request_times_refused(&node->times, class, status);
    key_result_encode(&result, &encoded);
    complete(node, origin, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static void complete_failed(struct node *node, const struct origin *origin,
                            struct request_class class, enum status status)
{
    complete_short(node, origin, class, status, 0, 1);
}

static void note_stage(struct node *node, enum request_stage stage, uint64_t took_us)
{
    request_times_stage(&node->times, stage, took_us);
    latency_monitor_note(&node->environment.introspection->latency, LATENCY_STAGE + stage, took_us,
                         node->now.wall_ms);
}

/* Of a request that is coordinated here: it is answered. */
static void note_times(struct node *node, const struct pending *pending, enum status status)
{
    uint64_t took_us = node->now.mono_us - pending->started_us;
    request_times_answered(&node->times, pending->class, status, took_us);
    if (pending->minted_us != 0)
        note_stage(node, REQUEST_STAGE_QUORUM, node->now.mono_us - pending->minted_us);
    else if (pending->class.op != REQUEST_OP_WRITE)
        note_stage(node, REQUEST_STAGE_GATHER, took_us);
}

/* ---- coordinated here --------------------------------------------------------------------- */

static uint32_t left_ms(const struct node *node, uint64_t deadline_us)
{
    if (deadline_us <= node->now.mono_us)
        return 1;
    uint64_t left = (deadline_us - node->now.mono_us) / 1000;
    return left == 0 ? 1 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

/* An owner that cannot be asked any more. */
struct lost_owner {
    node_id node;
    enum status status;
};

/* Send what a step wants sent. Owners that were lost since the request began go to `lost`. */
static void send_all(struct node *node, struct pending *pending, struct lost_owner *lost,
                     uint8_t *lost_count)
{
    const struct coordinated_output *out = &node->coordinated_output;
    const struct coordinated_send *framed = NULL; /* by the effect before; it went to a link */
    for (uint32_t i = 0; i < out->send_count; i++) {
        const struct coordinated_send *send = &out->sends[i];
        struct slice body = slice_make(out->bodies.data + send->offset, send->length);
        link_id link = peers_link(node->peers, send->to);
        if (send->type == MESSAGE_MINT && clock_fence_is_up(node)) {
            assert(*lost_count < PREFERENCE_LIST_MAX);
            lost[(*lost_count)++] = (struct lost_owner){node->self, STATUS_CLOCK_SKEW};
        } else if (send->to == node->self) {
            owner_choice_asked(node, send->to, send->type, pending->id);
            if (send->type == MESSAGE_MINT) {
                clock_fence_before_mint(node);
                drain_minted(node);
            }
            node_send_store(node, send->type, pending->id, pending->deadline_us, body);
            framed = NULL;
        } else if (link != 0) {
            owner_choice_asked(node, send->to, send->type, pending->id);
            pending_await(node, pending, send->to);
            if (framed != NULL && framed->type == send->type && framed->offset == send->offset &&
                framed->length == send->length)
                node_send_link_too(node, link);
            else
                node_send_link(node, link, send->type, pending->id,
                               left_ms(node, pending->deadline_us), body);
            framed = send;
        } else {
            assert(*lost_count < PREFERENCE_LIST_MAX);
            lost[(*lost_count)++] = (struct lost_owner){send->to, STATUS_UNAVAILABLE};
        }
    }
}

/* What a request wants coordinated in its place. */
struct successor {
    struct buffer request; /* empty: nothing */
    bool anew;             /* as if it came now, and not for what was minted here */
    struct origin origin;
    uint64_t deadline_us;
};

static void start_successor(struct node *node, struct successor *next);

static owner_mask usable_holders(struct node *node, const struct key_request *request,
                                 const struct preference_list *holders);

/* What was minted goes to the replicas of now, under their tag. */
static void send_anew(struct node *node, struct pending *pending)
{
    const struct key_request *request = coordinated_request_asked(pending->coordinated);
    struct preference_list holders;
    preference_list_build(node->ring, request->partition, node->home, &holders);
    coordinated_output_clear(&node->coordinated_output);
    pending_renumber(node, pending);
    coordinated_request_send_anew(pending->coordinated, usable_holders(node, request, &holders),
                                  &node->coordinated_output);
    deadline_heap_add(&node->timers, coordinated_request_deadline_us(pending->coordinated),
                      pending->id);
}

/* Carry out a step's wishes, and those of the refusals that they meet. May remove `pending`. */
static void carry_out_steps(struct node *node, struct pending *pending, struct successor *next)
{
    struct coordinated_output *out = &node->coordinated_output;
    struct lost_owner lost[PREFERENCE_LIST_MAX];
    uint8_t lost_count = 0;
    for (;;) {
        node->statistics.read_repairs += out->read_repairs;
        node->statistics.read_fetches += out->fetches;
        node->statistics.sloppy_reads += out->sloppy_met;
        node->statistics.hints_read += out->hints_given;
        node->statistics.requests_repeated += out->repeated;
        node->statistics.requests_repeated_by_quorum += out->repeated_by_quorum;
        node->statistics.read_bytes_omitted += out->omitted_bytes;
        owner_choice_count(node, out);
        if (out->moved) {
            send_anew(node, pending);
            continue;
        }
        send_all(node, pending, lost, &lost_count);
        if (out->again || out->anew) {
            next->anew = out->anew;
            next->origin = pending->origin;
            next->deadline_us = pending->deadline_us;
            buffer_append_slice(&next->request, buffer_slice(&out->result));
        } else if (out->finished) {
            count_outcome(node, (enum status)out->result.data[0]);
            note_times(node, pending, (enum status)out->result.data[0]);
            tree_schedule_note_request(node, pending->started_us);
            complete(node, &pending->origin, buffer_slice(&out->result));
        }
        coordinated_output_clear(out);
        if (coordinated_request_done(pending->coordinated)) {
            pending_remove(node, pending);
            return;
        }
        if (lost_count == 0) {
            if (coordinated_request_is_held(pending->coordinated))
                deadline_heap_add(&node->timers,
                                  coordinated_request_deadline_us(pending->coordinated),
                                  pending->id);
            return;
        }
        const struct lost_owner *owner = &lost[--lost_count];
        coordinated_request_refused(pending->coordinated, owner->node, owner->status,
                                    node->now.wall_ms, out);
    }
}

static void carry_out(struct node *node, struct pending *pending)
{
    struct successor next = {0};
    carry_out_steps(node, pending, &next);
    if (next.request.length > 0)
        start_successor(node, &next);
    buffer_deinit(&next.request);
}

/* Replicas that can be asked; of a read fallbacks that keep hints, else those that would. */
static owner_mask usable_holders(struct node *node, const struct key_request *request,
                                 const struct preference_list *holders)
{
    owner_mask usable = 0;
    for (uint8_t i = 0; i < holders->count; i++) {
        node_id holder = holders->nodes[i];
        const struct peer_load *load = node_load(node, holder);
        bool is_replica = i < preference_list_replicas(holders);
        bool reads = request->kind == KEY_READ;
        bool is_usable = load == NULL || (peers_is_up(node->peers, holder) &&
                                          load->in_flight < node->settings.peer_inflight_max);
        if (!is_replica && reads)
            is_usable = is_usable && hints_held_by(node, load, request->partition);
        else if (!is_replica)
            is_usable = is_usable && load != NULL && hints_taken_by(node, load, request->partition);
        usable |= (owner_mask)is_usable << i;
    }
    return usable;
}

/* Whether the own replica could mint if the clock allows it: new events are for who is read (T2).
 */
static bool mints_here(const struct node *node, partition_id partition)
{
    return ring_is_read(node->ring, node->self, partition) && node_replica_ready(node, partition);
}

static bool go_around(struct node *node, const struct origin *origin,
                      const struct key_request *request, const struct preference_list *owners,
                      uint64_t deadline_us);

/* `here_alone`: nobody else is asked to coordinate it. */
static void coordinate(struct node *node, const struct origin *origin,
                       const struct key_request *request, const struct preference_list *owners,
                       uint64_t deadline_us, bool here_alone)
{
    struct coordinate_params params = {.ring = node->ring,
                                       .self = node->self,
                                       .home = node->home,
                                       .owners = owners,
                                       .self_ready = mints_here(node, request->partition),
                                       .usable = usable_holders(node, request, owners),
                                       .now_us = node->now.mono_us,
                                       .deadline_us = deadline_us,
                                       .retry_ms = node->settings.read_retry_ms};
    uint8_t replicas = preference_list_replicas(owners);
    params.keeping = request->kind == KEY_READ ? params.usable >> replicas << replicas : 0;
    uint8_t order[RING_OWNERS_MAX];
    owner_choice_prepare(node, request, owners, &params, order);
    struct pending *pending = pending_add(node, PENDING_COORDINATED, origin, deadline_us);
    pending->class = request_class_of(request, node->ring);
    node->coordinated_count++;
    pending->coordinated =
        coordinated_request_new(&params, request, node->now.wall_ms, &node->coordinated_output);
    if (!here_alone && go_around(node, origin, request, owners, deadline_us)) {
        coordinated_output_clear(&node->coordinated_output);
        pending_remove(node, pending);
        return;
    }
    node->statistics.requests_coordinated++;
    deadline_heap_add(&node->timers, coordinated_request_deadline_us(pending->coordinated),
                      pending->id);
    carry_out(node, pending);
}

static void start_successor(struct node *node, struct successor *next)
{
    struct key_request request;
    struct key_contexts contexts;
    struct preference_list owners;
    struct reader reader = reader_make(buffer_slice(&next->request));
    enum status status = key_request_decode(&reader, &request, &contexts);
    assert(status == STATUS_OK); /* it was encoded here */
    if (next->anew) {
        key_request_start(node, &next->origin, &request, left_ms(node, next->deadline_us),
                          next->origin.connection != 0);
    } else {
        preference_list_build(node->ring, request.partition, node->home, &owners);
        node->statistics.writes_again++;
        coordinate(node, &next->origin, &request, &owners, next->deadline_us, true);
    }
    key_contexts_free(&contexts);
}

/* ---- forwarded ---------------------------------------------------------------------------- */

static bool was_tried(const struct pending *pending, node_id owner)
{
    for (uint8_t i = 0; i < pending->tried_count; i++)
        if (pending->tried[i] == owner)
            return true;
    return false;
}

static void forward_to(struct node *node, struct pending *pending, node_id to)
{
    pending->tried[pending->tried_count++] = to;
    pending_await(node, pending, to);
    owner_choice_asked(node, to, MESSAGE_FORWARD, pending->id);
    node_send_link(node, peers_link(node->peers, to), MESSAGE_FORWARD, pending->id,
                   left_ms(node, pending->deadline_us - FORWARD_SLACK_MS * 1000),
                   buffer_slice(&pending->request));
}

static bool forward_around(struct node *node, struct pending *pending,
                           const struct preference_list *owners)
{
    node_id to = pending->tried_count == RING_OWNERS_MAX
                     ? 0
                     : reach_who_has_more(node, owners, !pending->reads, pending->tried,
                                          pending->tried_count);
    if (to != 0)
        forward_to(node, pending, to);
    return to != 0;
}

/* Send to the best usable owner that was not tried; false when there is none. */
static bool forward(struct node *node, struct pending *pending,
                    const struct preference_list *owners)
{
    uint8_t order[RING_OWNERS_MAX];
    if (pending->around)
        return forward_around(node, pending, owners);
    if (!pending->meets)
        owner_choice_order(node, RANK_FORWARD, owners, pending->partition, order);
    for (uint8_t i = 0; i < 2 * owners->primary_count; i++) {
        bool drains = i >= owners->primary_count; /* who drains is asked when all others were */
        uint8_t place = drains ? i - owners->primary_count : i;
        node_id owner = owners->nodes[pending->meets ? place : order[place]];
        const struct peer_load *load = node_load(node, owner);
        if (owner == node->self || !peers_is_up(node->peers, owner) ||
            load->in_flight >= node->settings.peer_inflight_max || was_tried(pending, owner) ||
            load->drain.drains != drains)
            continue;
        forward_to(node, pending, owner);
        return true;
    }
    return false;
}

/* The owners before this one cannot: this node can, if it is an owner that may mint. */
static bool coordinate_instead(struct node *node, const struct pending *pending,
                               const struct preference_list *owners)
{
    struct key_request request;
    struct key_contexts contexts;
    struct reader reader = reader_make(buffer_slice(&pending->request));
    if (pending->around || !mints_here(node, pending->partition) || clock_fence_is_up(node) ||
        node->store_condition != STATUS_OK)
        return false;
    enum status status = key_request_decode(&reader, &request, &contexts);
    assert(status == STATUS_OK); /* it was encoded here */
    coordinate(node, &pending->origin, &request, owners,
               pending->deadline_us - FORWARD_SLACK_MS * 1000, true);
    key_contexts_free(&contexts);
    return true;
}

static void note_wait(struct pending *pending, uint32_t wait_ms)
{
    if (wait_ms != 0 && (pending->wait_ms == 0 || wait_ms < pending->wait_ms))
        pending->wait_ms = wait_ms;
}

/* Nobody may mint now: wait for the first who may in time. Held writes are bounded as others. */
static bool hold(struct node *node, struct pending *pending)
{
    uint64_t until_us = node->now.mono_us + (uint64_t)pending->wait_ms * 1000;
    if (pending->wait_ms == 0 || until_us + 2 * FORWARD_SLACK_MS * 1000 > pending->deadline_us ||
        node->held_count >= node->settings.requests_max)
        return false;
    pending->tried_count = 0;
    pending->wait_ms = 0;
    pending->held_until_us = until_us;
    node->held_count++;
    node->statistics.requests_held++;
    deadline_heap_add(&node->timers, until_us, pending->id);
    return true;
}

/* The next owner, this node, or later; else the client is told. May remove `pending`. */
static void try_next(struct node *node, struct pending *pending,
                     const struct preference_list *owners)
{
    if (forward(node, pending, owners))
        return;
    bool taken = coordinate_instead(node, pending, owners);
    if (!taken && mints_here(node, pending->partition))
        note_wait(pending, clock_fence_wait_ms(node));
    if (!taken && hold(node, pending))
        return;
    if (!taken)
        complete_short(node, &pending->origin, pending->class, pending->refused, pending->reached,
                       pending->needed);
    pending_remove(node, pending);
}

static struct pending *new_forward(struct node *node, const struct origin *origin,
                                   const struct key_request *request, uint64_t deadline_us)
{
    struct pending *pending =
        pending_add(node, PENDING_FORWARDED, origin, deadline_us + FORWARD_SLACK_MS * 1000);
    struct key_request told = *request;
    if (told.region == 0) /* wherever it is coordinated, LOCAL is where the client is */
        told.region = (uint8_t)(node->home + 1);
    key_request_encode(&told, &pending->request);
    pending->partition = request->partition;
    pending->reads = !key_request_writes(request);
    pending->class = request_class_of(request, node->ring);
    return pending;
}

static void start_forward(struct node *node, const struct origin *origin,
                          const struct key_request *request, const struct preference_list *owners,
                          uint64_t deadline_us)
{
    struct pending *pending = new_forward(node, origin, request, deadline_us);
    pending->meets = key_request_needs_read(request);
    pending->needed = 1;
    pending->refused = mints_here(node, request->partition) && clock_fence_is_up(node)
                           ? STATUS_CLOCK_SKEW
                           : STATUS_UNAVAILABLE;
    node->statistics.requests_forwarded++;
    if (pending->request.length > MESSAGE_PAYLOAD_BYTES_MAX) {
        complete_failed(node, origin, pending->class, STATUS_TOO_LARGE);
        pending_remove(node, pending);
    } else {
        try_next(node, pending, owners);
    }
}

/*
 * What was to be coordinated here was refused before anything was sent, because this node reaches
 * too few owners. False: it was not, or nobody is known to reach more.
 */
static bool go_around(struct node *node, const struct origin *origin,
                      const struct key_request *request, const struct preference_list *owners,
                      uint64_t deadline_us)
{
    const struct coordinated_output *out = &node->coordinated_output;
    struct key_result result;
    struct reader reader = reader_make(buffer_slice(&out->result));
    if (!out->finished || out->result.data[0] != STATUS_UNAVAILABLE || out->send_count > 0 ||
        request->kind == KEY_DIGEST ||
        reach_who_has_more(node, owners, key_request_writes(request), NULL, 0) == 0)
        return false;
    enum status status = key_result_decode(&reader, &result);
    assert(status == STATUS_OK); /* it was encoded here */
    struct pending *pending = new_forward(node, origin, request, deadline_us);
    pending->around = true;
    pending->refused = STATUS_UNAVAILABLE;
    pending->reached = result.acks;
    pending->needed = result.needed;
    key_result_deinit(&result);
    node->statistics.requests_forwarded++;
    node->statistics.requests_forwarded_around++;
    try_next(node, pending, owners);
    return true;
}

/* Nothing was written, and another owner may do better: it can reach others than this one can. */
static bool is_definite_elsewhere(enum status status)
{
    return status == STATUS_NOT_OWNER || status == STATUS_NOT_READY || status == STATUS_STALE_TAG ||
           status == STATUS_CLOCK_SKEW || status == STATUS_UNAVAILABLE ||
           status == STATUS_REQUEST_UNKNOWN;
}

/*
 * What the client hears if nobody does better: that an earlier attempt may have been applied, if
 * one said so; of the owners that reached too few, what the one that reached most said; and
 * only where no other one is up, that those that are do not serve yet.
 */
static void note_refusal(struct pending *pending, const struct key_result *result)
{
    if (result->status == STATUS_CLOCK_SKEW)
        note_wait(pending, result->wait_ms);
    if ((result->status == STATUS_CLOCK_SKEW && pending->refused != STATUS_REQUEST_UNKNOWN) ||
        result->status == STATUS_REQUEST_UNKNOWN)
        pending->refused = result->status;
    if (result->status == STATUS_NOT_READY && pending->refused == STATUS_UNAVAILABLE &&
        pending->reached == 0)
        pending->refused = result->status;
    if (result->status == STATUS_UNAVAILABLE && result->acks >= pending->reached) {
        pending->reached = result->acks;
        pending->needed = result->needed;
        if (pending->refused == STATUS_NOT_READY)
            pending->refused = result->status;
    }
}

/* Who has the request will not say any more what became of it. */
static enum status no_verdict(const struct pending *pending)
{
    return pending->reads ? STATUS_TIMEOUT : STATUS_UNCERTAIN;
}

static void forward_answered(struct node *node, struct pending *pending, struct slice body)
{
    struct key_result result;
    struct reader reader = reader_make(body);
    enum status status = key_result_decode(&reader, &result);
    if (status == STATUS_OK && is_definite_elsewhere(result.status)) {
        struct preference_list owners;
        preference_list_build(node->ring, pending->partition, node->home, &owners);
        note_refusal(pending, &result);
        key_result_deinit(&result);
        try_next(node, pending, &owners);
        return;
    }
    if (status == STATUS_OK) {
        note_stage(node, REQUEST_STAGE_FORWARD, node->now.mono_us - pending->started_us);
        complete(node, &pending->origin, body);
        key_result_deinit(&result);
    } else {
        complete_failed(node, &pending->origin, pending->class, no_verdict(pending));
    }
    pending_remove(node, pending);
}

/* ---- both --------------------------------------------------------------------------------- */

/* Whether a write should be coordinated here rather than by another owner. */
static bool is_ours(struct node *node, const struct key_request *request,
                    const struct preference_list *owners)
{
    if (!key_request_writes(request))
        return true;
    if (!mints_here(node, request->partition) || clock_fence_is_up(node) ||
        drain_hands_over(node, owners))
        return false;
    if (!key_request_needs_read(request))
        return true;
    for (uint8_t i = 0; i < owners->primary_count; i++) {
        if (owners->nodes[i] == node->self)
            return true;
        if (peers_is_up(node->peers, owners->nodes[i]) && !drain_of(node, owners->nodes[i]))
            return false;
    }
    return false;
}

/* Nothing is begun. */
static void refuse(struct node *node, const struct origin *origin,
                   const struct key_request *request, enum status status)
{
    complete_failed(node, origin, request_class_of(request, node->ring), status);
}

/* A held write has its turn. May remove `pending`. */
static void release(struct node *node, struct pending *pending)
{
    struct preference_list owners;
    struct key_request request;
    struct key_contexts contexts;
    struct reader reader = reader_make(buffer_slice(&pending->request));
    enum status status = key_request_decode(&reader, &request, &contexts);
    assert(status == STATUS_OK); /* it was encoded here */
    pending->held_until_us = 0;
    node->held_count--;
    preference_list_build(node->ring, pending->partition, node->home, &owners);
    bool ours = is_ours(node, &request, &owners);
    key_contexts_free(&contexts);
    if (ours && coordinate_instead(node, pending, &owners))
        pending_remove(node, pending);
    else
        try_next(node, pending, &owners);
}

void key_request_start(struct node *node, const struct origin *origin,
                       const struct key_request *request, uint32_t timeout_ms, bool may_forward)
{
    struct preference_list owners;
    if (timeout_ms > node->settings.request_timeout_max_ms)
        timeout_ms = node->settings.request_timeout_max_ms; /* G3 of replica/stability.h */
    uint64_t deadline_us = node->now.mono_us + (uint64_t)timeout_ms * 1000;
    assert(request->partition < node->ring->partition_count);
    if (node->coordinated_count >= node->settings.requests_max) {
        refuse(node, origin, request, STATUS_OVERLOADED);
        return;
    }
    if (ring_keyspace(node->ring, request->keyspace) == NULL) { /* an owner may not know it yet */
        refuse(node, origin, request, STATUS_NO_KEYSPACE);
        return;
    }
    if (options_are_sloppy(&request->options))
        preference_list_build(node->ring, request->partition, node->home, &owners);
    else
        preference_list_replicas_build(node->ring, request->partition, node->home, &owners);
    if (key_request_writes(request) && node->store_condition != STATUS_OK &&
        (!may_forward || is_ours(node, request, &owners))) {
        refuse(node, origin, request, node->store_condition);
        return;
    }
    if (key_request_writes(request) && !may_forward && clock_fence_is_up(node))
        refuse(node, origin, request, STATUS_CLOCK_SKEW);
    else if (!may_forward || is_ours(node, request, &owners))
        coordinate(node, origin, request, &owners, deadline_us, !may_forward);
    else
        start_forward(node, origin, request, &owners, deadline_us);
}

void key_request_frame(struct node *node, struct pending *pending, node_id from, uint16_t type,
                       struct slice body)
{
    if (pending->kind == PENDING_FORWARDED) {
        if (type != MESSAGE_FORWARD_RESULT || pending->awaited_count == 0 ||
            pending->awaited[0] != from)
            return; /* not whom we asked last: two tries at once would both mint */
        pending_heard(node, pending, from);
        forward_answered(node, pending, body);
        return;
    }
    pending_heard(node, pending, from);
    if (type == MESSAGE_MINTED && pending->minted_us == 0) {
        pending->minted_us = node->now.mono_us;
        note_stage(node, REQUEST_STAGE_MINT, node->now.mono_us - pending->started_us);
    }
    if (node->now.mono_us >= pending->deadline_us) { /* what comes later answers nothing */
        key_request_tick(node, pending);
        return;
    }
    coordinated_request_reply(pending->coordinated, from, type, body, node->now.wall_ms,
                              &node->coordinated_output);
    carry_out(node, pending);
}

/* The link to who has the request is gone. A read is simply asked of the next one. */
static void forward_lost(struct node *node, struct pending *pending, node_id by)
{
    struct preference_list owners;
    if (!pending->reads) {
        complete_failed(node, &pending->origin, pending->class, STATUS_UNCERTAIN);
        pending_remove(node, pending);
        return;
    }
    pending_heard(node, pending, by);
    preference_list_build(node->ring, pending->partition, node->home, &owners);
    try_next(node, pending, &owners);
}

void key_request_refused(struct node *node, struct pending *pending, node_id by, enum status status)
{
    if (pending->kind == PENDING_FORWARDED) {
        if (pending->awaited_count > 0 && pending->awaited[0] == by)
            forward_lost(node, pending, by);
        return;
    }
    pending_heard(node, pending, by);
    coordinated_request_refused(pending->coordinated, by, status, node->now.wall_ms,
                                &node->coordinated_output);
    carry_out(node, pending);
}

void key_requests_follow_ring(struct node *node)
{
    size_t count = 0;
    request_id *ids = memory_new(node->pending_ids.count, sizeof *ids);
    for (struct pending *pending = node->pending; pending != NULL; pending = pending->next)
        if (pending->kind == PENDING_COORDINATED)
            ids[count++] = pending->id;
    for (size_t i = 0; i < count; i++) {
        struct pending *pending = pending_find(node, ids[i]);
        if (pending == NULL)
            continue;
        coordinated_request_follow(pending->coordinated, &node->coordinated_output);
        carry_out(node, pending);
    }
    free(ids);
}

void key_request_tick(struct node *node, struct pending *pending)
{
    if (pending->kind == PENDING_FORWARDED) {
        bool held = pending->held_until_us != 0;
        if (node->now.mono_us >= pending->deadline_us) {
            complete_failed(node, &pending->origin, pending->class,
                            held ? pending->refused : no_verdict(pending));
            pending_remove(node, pending);
        } else if (held && node->now.mono_us >= pending->held_until_us) {
            release(node, pending);
        }
        return;
    }
    struct coordinate_allowance allowed = owner_choice_allowance(node);
    coordinated_request_tick(pending->coordinated, node->now.mono_us, node->now.wall_ms, &allowed,
                             &node->coordinated_output);
    if (!coordinated_request_done(pending->coordinated))
        deadline_heap_add(&node->timers, coordinated_request_deadline_us(pending->coordinated),
                          pending->id);
    carry_out(node, pending);
}
