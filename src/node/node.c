#include "node/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/metrics.h"
#include "node/node_state.h"
#include "ring/roster.h"

/* ---- sending ------------------------------------------------------------------------------ */

void node_send_link(struct node *node, link_id link, uint16_t type, request_id request,
                    uint32_t left_ms, struct slice body)
{
    struct effect *effect = effects_add(node->out, EFFECT_LINK_SEND);
    struct buffer *bytes = &node->out->bytes;
    size_t offset = frame_start(bytes, type, request, left_ms);
    buffer_append_slice(bytes, body);
    frame_finish(bytes, offset);
    effect->link = link;
    effect->length = bytes->length - offset;
    node->statistics.peer_bytes_out += effect->length;
}

void node_send_link_too(struct node *node, link_id link)
{
    assert(node->out->count > 0);
    struct effect before = node->out->items[node->out->count - 1];
    assert(before.kind == EFFECT_LINK_SEND);
    struct effect *effect = effects_add(node->out, EFFECT_LINK_SEND);
    effect->link = link;
    effect->offset = before.offset;
    effect->length = before.length;
    node->statistics.peer_bytes_out += effect->length;
}

void node_send_store(struct node *node, uint16_t type, request_id request, uint64_t deadline_us,
                     struct slice body)
{
    bool reads = type == MESSAGE_READ || type == MESSAGE_RANGE || type == MESSAGE_FETCH ||
                 type == MESSAGE_ELEMENTS || type == MESSAGE_ORDER || type == MESSAGE_HINT_READ;
    struct effect *effect = effects_add(node->out, reads ? EFFECT_STORE_READ : EFFECT_STORE_WRITE);
    struct buffer *bytes = &node->out->bytes;
    uint32_t deadline_ms = (uint32_t)(deadline_us / 1000);
    if (deadline_us != 0 && deadline_ms == 0)
        deadline_ms = 1; /* 0 would mean none */
    size_t offset = frame_start(bytes, type, request, deadline_ms);
    buffer_append_slice(bytes, body);
    frame_finish_inside(bytes, offset);
    effect->length = bytes->length - offset;
}

struct peer_load *node_load(struct node *node, node_id id)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        if (node->loads[i].id == id)
            return &node->loads[i];
    return NULL;
}

bool node_store_serves(const struct node *node)
{
    return lineage_is_confirmed(node) && node_register_is_read(node);
}

bool node_replica_ready(const struct node *node, partition_id partition)
{
    return node->replica_states[partition] == REPLICA_ACTIVE && node_store_serves(node);
}

/* ---- what commands may ask ---------------------------------------------------------------- */

static enum peer_state environment_peer_state(void *context, node_id id)
{
    struct node *node = context;
    if (id == node->self)
        return PEER_SELF;
    return peers_is_up(node->peers, id) ? PEER_UP : PEER_DOWN;
}

static uint64_t environment_peer_silence_ms(void *context, node_id id, struct instant now)
{
    struct node *node = context;
    return id == node->self ? 0 : peers_silence_ms(node->peers, id, now.mono_us);
}

static bool environment_replica_ready(void *context, partition_id partition)
{
    return node_replica_ready(context, partition);
}

static void environment_client_close(void *context, connection_id id)
{
    client_close_later(context, id);
}

static void environment_client_wake(void *context, connection_id id)
{
    struct node *node = context;
    deadline_heap_add(&node->client_timers, node->now.mono_us, id);
}

static void init_environment(struct node *node, const struct node_params *params)
{
    struct environment *environment = &node->environment;
    environment_init(environment);
    environment->self = node->self;
    environment->boot_epoch = params->boot_epoch;
    environment->storage_incarnation = params->storage_incarnation;
    environment->version = params->host.version != NULL ? params->host.version : "0";
    environment->ring = node->ring;
    environment->settings = &node->settings;
    environment->statistics = &node->statistics;
    environment->times = &node->times;
    environment->traffic = &node->traffic;
    environment->log = params->log;
    environment->audit = params->host.audit;
    environment->random = random_make(params->random_seed ^ 0x656e76u);
    environment->node = node;
    environment->peer_state = environment_peer_state;
    environment->peer_silence_ms = environment_peer_silence_ms;
    environment->replica_ready = environment_replica_ready;
    environment->clock_view = clock_fence_view;
    environment->store_view = rebuild_progress_view;
    environment->change_start = node_register_change;
    environment->change_take = node_register_take;
    environment->register_view = node_register_view;
    environment->register_export = node_register_export;
    environment->plan_wait = ring_driver_wait;
    environment->plan_end_wait = ring_driver_end_wait;
    environment->hint_view = hints_view;
    environment->expiry_view = expiry_view;
    environment->drop_view = drop_view;
    environment->gc_view = stability_view;
    environment->pull_view = transfer_view_pull;
    environment->drain_set = drain_set;
    environment->drain_view = drain_look;
    environment->drains = drain_of;
    environment->client_move = drain_client_move;
    environment->hint_lane_view = hints_lane_view;
    environment->owner_view = owner_choice_view;
    environment->reach_between = reach_between;
    environment->reach_age_ms = reach_age_ms;
    environment->repair_view = tree_schedule_view;
    environment->repair_pair = tree_schedule_pair;
    environment->repair_replica = tree_schedule_replica;
    environment->repair_order = tree_schedule_order;
    environment->mac = params->host.mac;
    environment->hash_password = params->host.hash_password;
    if (params->host.hash_password != NULL) {
        environment->hash_start = password_hash_start;
        environment->hash_take = password_hash_take;
    }
    environment->key_state_start = key_state_start;
    environment->key_state_take = key_state_take;
    environment->random_bytes = params->host.random_bytes;
    user_table_forget(environment); /* until the store has told what was agreed on */
    environment->client_close = environment_client_close;
    environment->client_send = client_send;
    environment->client_wake = environment_client_wake;
    environment->publish = publications_send;
    environment->config_next = params->host.config_next;
    environment->config_get = params->host.config_get;
    environment->config_set = params->host.config_set;
    environment->tls_reload = params->host.tls_reload;
    environment->host_information = params->host.information;
    environment->host = params->host.context;
}

/* ---- life --------------------------------------------------------------------------------- */

static void begin_load(void *item, const struct ring_member *member, void *context)
{
    const struct node *node = context;
    struct peer_load *load = item;
    load->report_due_us = load->forget_due_us = UINT64_MAX;
    load->sync = log_sync_new(node->ring, node->self, member->id, node->settings.sync_interval_ms,
                              node->settings.request_timeout_ms);
}

static void end_load(void *item, void *context)
{
    struct peer_load *load = item;
    (void)context;
    log_sync_free(load->sync);
    buffer_deinit(&load->hints.held);
    buffer_deinit(&load->hints.full);
}

static void follow_loads(struct node *node)
{
    static const struct roster_kind LOADS = {sizeof(struct peer_load), begin_load, end_load};
    node->loads =
        roster_follow(node->loads, &node->load_count, node->ring, node->self, &LOADS, node);
}

struct node *node_new(const struct node_params *params)
{
    struct node *node = memory_new(1, sizeof *node);
    const struct ring_member *self = ring_member(params->ring, params->self);
    assert(self != NULL);
    node->self = params->self;
    node->home = self->region;
    node->ring = ring_copy(params->ring);
    node->settings = *params->settings;
    node->log = params->log;
    node->damage = params->host.damage;
    node->replica_states = memory_new(node->ring->partition_count, 1);
    node->clocks = clock_watch_new(
        &(struct clock_watch_params){.ring = node->ring,
                                     .self = node->self,
                                     .max_skew_ms = node->settings.max_clock_skew_ms,
                                     .patience_ms = node->settings.peer_timeout_ms,
                                     .log = params->log});
    node->peers = peers_new(
        &(struct peers_params){.ring = node->ring,
                               .self = node->self,
                               .storage_incarnation = params->storage_incarnation,
                               .boot_epoch = params->boot_epoch,
                               .heartbeat_ms = node->settings.heartbeat_ms,
                               .peer_timeout_ms = node->settings.peer_timeout_ms,
                               .handshake_timeout_ms = node->settings.handshake_timeout_ms,
                               .reconnect_min_ms = node->settings.reconnect_min_ms,
                               .reconnect_max_ms = node->settings.reconnect_max_ms,
                               .random_seed = params->random_seed ^ 0x7065u,
                               .log = params->log,
                               .clocks = node->clocks});
    node->reach = reach_matrix_new(&(struct reach_matrix_params){
        .ring = node->ring,
        .self = node->self,
        .life = (uint64_t)params->storage_incarnation << 32 | params->boot_epoch});
    follow_loads(node);
    node->partitions = partition_sync_new(node->ring, node->self, node->settings.sync_interval_ms,
                                          node->settings.request_timeout_ms);
    node->witness_save_us = UINT64_MAX;
    lineage_start(node);
    node->config = node_register_new(node, params);
    node->driver = ring_driver_new();
    hints_init(node, params);
    drain_init(node);
    owner_choice_init(node);
    node->trees = tree_schedule_new(node->ring, node->self);
    init_environment(node, params);
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    client_sessions_free(node);
    key_states_deinit(node);
    environment_deinit(&node->environment);
    while (node->pending != NULL)
        pending_remove(node, node->pending);
    pending_free_spare(node);
    request_times_deinit(&node->times);
    for (uint32_t i = 0; i < node->load_count; i++)
        end_load(&node->loads[i], node);
    hints_deinit(node);
    owner_choice_deinit(node);
    free(node->loads);
    ring_driver_free(node->driver);
    node_register_free(node->config);
    tree_schedule_free(node->trees);
    peers_free(node->peers);
    clock_watch_free(node->clocks);
    reach_matrix_free(node->reach);
    free(node->replica_states);
    deadline_heap_deinit(&node->timers);
    deadline_heap_deinit(&node->client_timers);
    free(node->completions);
    buffer_deinit(&node->completion_bytes);
    session_output_deinit(&node->session_output);
    coordinated_output_deinit(&node->coordinated_output);
    peers_output_deinit(&node->peers_output);
    buffer_deinit(&node->sync_output.body);
    partition_sync_free(node->partitions);
    buffer_deinit(&node->partition_output.body);
    ring_free(node->ring);
    free(node);
}

/* ---- peers -------------------------------------------------------------------------------- */

/* What was asked of the peer will not be answered; what it asked has nobody to answer to. */
static void peer_went_down(struct node *node, node_id peer)
{
    for (struct pending *pending = node->pending, *next; pending != NULL; pending = next) {
        next = pending->next;
        if (pending->kind == PENDING_COORDINATED || pending->kind == PENDING_FORWARDED)
            key_request_refused(node, pending, peer, STATUS_UNAVAILABLE);
        else if ((pending->kind == PENDING_SYNC || pending->kind == PENDING_PARTITION ||
                  pending->kind == PENDING_HINT || pending->kind == PENDING_STABILITY) &&
                 pending->origin.node == peer)
            pending_remove(node, pending);
        else if (pending->kind == PENDING_TREE && pending->origin.node == peer)
            tree_schedule_failed(node, pending, STATUS_UNAVAILABLE);
    }
    owner_choice_peer_down(node, peer);
    log_sync_peer_down(node_load(node, peer)->sync);
    partition_peer_down(node, peer);
    node_register_peer_down(node, peer);
    hints_peer_down(node, peer);
    drain_peer_down(node, peer);
    stability_peer_down(node, peer);
}

/* With the address that the ring has now: the adapter may never have heard of the member. */
static void dial(struct node *node, node_id peer)
{
    const struct ring_member *member = ring_member(node->ring, peer);
    struct buffer bytes = {0};
    if (member == NULL)
        return;
    buffer_put_u16(&bytes, member->peer.port);
    buffer_append_slice(&bytes, slice_text(member->peer.host));
    effects_add_bytes(node->out, EFFECT_DIAL, buffer_slice(&bytes))->node = peer;
    buffer_deinit(&bytes);
}

static void carry_out_peer_actions(struct node *node)
{
    struct peers_output *out = &node->peers_output;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct peers_action *action = &out->actions[i];
        switch (action->kind) {
        case PEERS_DIAL:
            dial(node, action->node);
            break;
        case PEERS_SEND:
            node_send_link(node, action->link, action->type, 0, 0,
                           slice_make(out->bodies.data + action->offset, action->length));
            break;
        case PEERS_CLOSE:
            effects_add(node->out, EFFECT_LINK_CLOSE)->link = action->link;
            break;
        case PEERS_UP:
            reach_matrix_note(node->reach, action->node, true, node->now.mono_us);
            log_sync_peer_up(node_load(node, action->node)->sync, node->now.mono_us);
            partition_sync_peer_up(node->partitions, action->node);
            lineage_peer_up(node, action->node);
            node_register_peer_up(node, action->node);
            hints_peer_up(node, action->node);
            drain_peer_up(node, action->node);
            stability_peer_up(node, action->node);
            break;
        case PEERS_DOWN:
            reach_matrix_note(node->reach, action->node, false, node->now.mono_us);
            peer_went_down(node, action->node);
            break;
        }
    }
    peers_output_clear(out);
}

/* Asked after each frame; there is nothing nearly always. */
static void carry_out_peers(struct node *node)
{
    if (node->peers_output.count > 0)
        carry_out_peer_actions(node);
}

static void forget_questions_of_past(struct node *node)
{
    for (struct pending *pending = node->pending, *next; pending != NULL; pending = next) {
        next = pending->next;
        if (pending->kind == PENDING_PEER_STORE &&
            ring_member(node->ring, pending->origin.node) == NULL)
            peer_request_expired(node, pending);
    }
}

void node_follow_ring(struct node *node)
{
    peers_follow_ring(node->peers, &node->peers_output);
    carry_out_peers(node); /* who has left is down for all before anybody forgets it */
    forget_questions_of_past(node);
    clock_watch_follow_ring(node->clocks);
    reach_matrix_follow_ring(node->reach, node->now.mono_us);
    node_register_follow_ring(node);
    hint_handoff_follow_ring(node->hints.handoff);
    partition_sync_follow_ring(node->partitions);
    owner_rank_follow_ring(node->rank);
    follow_loads(node);
    stability_follow_ring(node);
}

void node_leave(struct node *node, const char *why)
{
    if (node->has_left)
        return;
    node->has_left = true;
    log_line(&node->log, LOG_ERROR, "this node has left the cluster and ends reason=\"%s\"", why);
    effects_add(node->out, EFFECT_LEAVE);
}

static void route_answer(struct node *node, node_id from, const struct frame *frame)
{
    struct pending *pending = pending_find(node, frame->request);
    owner_choice_answered(node, from, frame);
    if (pending == NULL)
        return; /* late */
    if (pending->kind == PENDING_COORDINATED || pending->kind == PENDING_FORWARDED)
        key_request_frame(node, pending, from, frame->type, frame->body);
    else if (pending->kind == PENDING_SYNC && frame->type == MESSAGE_SYNC_PAGE &&
             pending->origin.node == from)
        repair_frame(node, pending, frame->type, frame->body);
    else if (pending->kind == PENDING_PARTITION && frame->type == MESSAGE_PARTITION_PAGE &&
             pending->origin.node == from)
        partition_frame(node, pending, frame->type, frame->body);
    else if (pending->kind == PENDING_HINT && frame->type == MESSAGE_REPLICATED &&
             pending->type == HINT_WANT_DELIVERY && pending->origin.node == from)
        hints_answered(node, pending, STATUS_OK, frame->body);
    else if (pending->kind == PENDING_RING_ROUND && frame->type == MESSAGE_RING_TOLD)
        ring_driver_told(node, pending, from, frame->body);
    else if (pending->kind == PENDING_TREE && pending->origin.node == from)
        tree_schedule_frame(node, pending, frame->type, frame->body);
}

static void peer_frame(struct node *node, link_id link, const struct frame *frame)
{
    node_id from = peers_frame(node->peers, link, frame->type, frame->body, node->now.mono_us,
                               node->own_wall_ms, &node->peers_output);
    carry_out_peers(node);
    if (from == 0)
        return;
    switch (frame->type) {
    case MESSAGE_FORWARD_RESULT:
    case MESSAGE_READ_RESULT:
    case MESSAGE_FETCH_RESULT:
    case MESSAGE_LOOKUP_RESULT:
    case MESSAGE_ELEMENTS_RESULT:
    case MESSAGE_ORDER_RESULT:
    case MESSAGE_COLLECTION_CLOCK_RESULT:
    case MESSAGE_RANGE_RESULT:
    case MESSAGE_REPLICATED:
    case MESSAGE_DIGEST_RESULT:
    case MESSAGE_SYNC_PAGE:
    case MESSAGE_PARTITION_PAGE:
    case MESSAGE_HINTED:
    case MESSAGE_HINT_READ_RESULT:
    case MESSAGE_TREE_ROOT_RESULT:
    case MESSAGE_TREE_NODES_RESULT:
    case MESSAGE_TREE_LEAF_RESULT:
    case MESSAGE_TREE_REPAIRED:
    case MESSAGE_RING_TOLD:
        route_answer(node, from, frame);
        break;
    case MESSAGE_HINT_STATE:
        hints_peer_state(node, from, frame->body);
        break;
    case MESSAGE_REACH:
        reach_peer_frame(node, frame->body);
        break;
    case MESSAGE_DRAIN:
    case MESSAGE_DRAIN_HEARD:
        drain_peer_frame(node, from, link, frame);
        break;
    case MESSAGE_PUBLISH:
        publications_came(node, from, link, frame->body);
        break;
    case MESSAGE_PUBLISH_TAKEN:
        publications_taken(node, from, link, frame->body);
        break;
    default:
        if (node_register_takes(frame->type))
            node_register_peer_frame(node, from, link, frame);
        else if (!lineage_peer_frame(node, from, frame))
            peer_request(node, from, link, frame);
    }
}

/* ---- the own store side ------------------------------------------------------------------- */

static void note_store_counts(struct node *node, const struct frame *frame)
{
    struct message_store_counts counts;
    enum status status = message_store_counts_decode(frame->body, &counts);
    assert(status == STATUS_OK);
    node->statistics.lww_losses += counts.lww_losses;
    node->statistics.siblings_warned += counts.siblings_warned;
    node->statistics.increments_folded += counts.ids_folded;
}

/* What the store side tells unasked; false: it is an answer. */
static bool store_tells(struct node *node, const struct frame *frame)
{
    switch (frame->type) {
    case MESSAGE_REPLICA_STATE:
        rebuild_progress_note(node, frame->body);
        return true;
    case MESSAGE_MINT_FROM:
        clock_fence_mint_from(node, frame->body);
        return true;
    case MESSAGE_REGISTER_STATE:
        node_register_state(node, frame->body);
        return true;
    case MESSAGE_STORE_LINEAGE:
        lineage_store_opened(node, frame->body);
        return true;
    case MESSAGE_STORE_COMMITS:
        lineage_store_committed(node, frame->body);
        return true;
    case MESSAGE_STORE_COUNTS:
        note_store_counts(node, frame);
        return true;
    case MESSAGE_HINT_COUNTS:
        hints_counted(node, frame->body);
        return true;
    case MESSAGE_LOG_DEBT:
        hints_debts(node, frame->body);
        return true;
    case MESSAGE_TREE_STATE:
        tree_schedule_state(node, frame->body);
        return true;
    case MESSAGE_HOLDINGS_STATE:
        if (frame->request == 0)
            placement_told(node, frame->body);
        return frame->request == 0;
    case MESSAGE_DROP_STATE:
        if (frame->request == 0)
            drop_told(node, frame->body);
        return frame->request == 0;
    case MESSAGE_STORE_REFUSED:
        if (frame->request == 0) {
            clock_fence_not_told(node); /* nothing else without a number needs to be told again: */
            lineage_not_saved(node);
        }
        return false;
    default:
        return false;
    }
}

static void store_frame(struct node *node, const struct frame *frame)
{
    if (store_tells(node, frame))
        return;
    struct pending *pending = pending_find(node, frame->request);
    bool refused = frame->type == MESSAGE_STORE_REFUSED;
    if (refused)
        owner_choice_store_refused(node, frame->request);
    else
        owner_choice_answered(node, node->self, frame);
    if (pending == NULL)
        return; /* its deadline has passed */
    switch (pending->kind) {
    case PENDING_COORDINATED:
        if (refused)
            key_request_refused(node, pending, node->self, STATUS_OVERLOADED);
        else
            key_request_frame(node, pending, node->self, frame->type, frame->body);
        break;
    case PENDING_PEER_STORE:
        if (refused)
            peer_request_refused(node, pending, STATUS_OVERLOADED);
        else
            peer_request_answered(node, pending, frame->type, frame->body);
        break;
    case PENDING_SYNC:
        if (!refused)
            repair_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_PARTITION:
        if (!refused)
            partition_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_REGISTER:
        if (refused)
            node_register_store_silent(node, pending);
        else
            node_register_store_answer(node, pending, frame->type, frame->body);
        break;
    case PENDING_HINT:
        hints_answered(node, pending, refused ? STATUS_OVERLOADED : STATUS_OK, frame->body);
        break;
    case PENDING_STABILITY:
        stability_store_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_EXPIRY:
        expiry_store_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_HOLDINGS:
        placement_store_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_DROP:
        drop_store_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_KEY_STATE:
        key_state_answered(node, pending, refused ? STATUS_OVERLOADED : STATUS_OK, frame->body);
        break;
    case PENDING_TREE:
        if (refused)
            tree_schedule_failed(node, pending, STATUS_OVERLOADED);
        else
            tree_schedule_frame(node, pending, frame->type, frame->body);
        break;
    case PENDING_FORWARDED:
    case PENDING_RING_ROUND:
        break;
    }
}

/*
 * What is due comes with EVENT_TICK. Under load that may be late, so other events look as well: at
 * the timers of requests and clients each of them, at the schedules once in this time.
 */
enum { LOOK_PAUSE_US = 1000 };

static bool is_due(struct node *node, const struct event *event)
{
    uint64_t now_us = node->now.mono_us;
    if (deadline_heap_next_us(&node->timers) <= now_us ||
        deadline_heap_next_us(&node->client_timers) <= now_us)
        return true;
    if (event->kind != EVENT_TICK && now_us < node->look_us)
        return false;
    node->look_us = now_us + LOOK_PAUSE_US;
    return node_deadline_us(node) <= now_us;
}

/* ---- steps -------------------------------------------------------------------------------- */

static void for_each_frame(struct node *node, const struct event *event)
{
    size_t offset = 0;
    while (offset < event->bytes.length) {
        struct frame frame;
        size_t used;
        enum status status = frame_open(
            slice_make(event->bytes.data + offset, event->bytes.length - offset), &frame, &used);
        assert(status == STATUS_OK); /* adapters hand over whole, checked frames */
        offset += used;
        if (event->kind == EVENT_STORE_FRAMES)
            store_frame(node, &frame);
        else
            peer_frame(node, event->link, &frame);
    }
}

static void tick(struct node *node)
{
    request_id id;
    peers_tick(node->peers, node->now.mono_us, node->own_wall_ms, &node->peers_output);
    carry_out_peers(node);
    while (deadline_heap_take(&node->timers, node->now.mono_us, &id)) {
        struct pending *pending = pending_find(node, id);
        if (pending == NULL)
            continue;
        if (pending->kind == PENDING_COORDINATED || pending->kind == PENDING_FORWARDED)
            key_request_tick(node, pending);
        else if (pending->kind == PENDING_PEER_STORE)
            peer_request_expired(node, pending);
        else if (pending->kind == PENDING_REGISTER)
            node_register_store_silent(node, pending);
        else if (pending->kind == PENDING_TREE)
            tree_schedule_failed(node, pending, STATUS_TIMEOUT);
        else if (pending->kind == PENDING_KEY_STATE)
            key_state_answered(node, pending, STATUS_TIMEOUT, slice_make(NULL, 0));
        else
            pending_remove(node, pending);
    }
    lineage_tick(node);
    repair_tick(node);
    partition_tick(node);
    node_register_tick(node);
    ring_driver_tick(node);
    hints_tick(node);
    drain_tick(node);
    reach_tick(node);
    stability_tick(node);
    expiry_tick(node);
    drop_tick(node);
    placement_tick(node);
    tree_schedule_tick(node);
    client_sessions_tick(node);
}

const struct node_statistics *node_statistics(const struct node *node)
{
    return &node->statistics;
}

void node_metrics(struct node *node, struct instant now, struct metric_page *page)
{
    metrics_write(&node->environment, now, page);
}

bool node_is_ready(struct node *node, struct instant now, struct buffer *why_not)
{
    struct store_view store;
    rebuild_progress_view(node, now, &store);
    if (node->has_left)
        buffer_printf(why_not, "this node has left the cluster\n");
    else if (strcmp(store.state, "serving") != 0 && strcmp(store.state, "rebuilding") != 0)
        buffer_printf(why_not, "the store is %s\n", store.state);
    else if (drain_is_on(node))
        buffer_printf(why_not, "this node drains\n");
    else
        return true;
    return false;
}

void node_set_settings(struct node *node, const struct settings *settings)
{
    node->settings = *settings;
}

void node_step(struct node *node, const struct event *event, struct effects *out)
{
    node->out = out;
    if (event->kind == EVENT_START)
        clock_watch_start(node->clocks, event->now.mono_us);
    clock_fence_step(node, event->now);
    switch (event->kind) {
    case EVENT_START:
        node->environment.start_mono_us = event->now.mono_us;
        stability_start(node);
        expiry_start(node);
        drop_start(node);
        placement_start(node);
        tree_schedule_start(node);
        reach_start(node);
        peers_start(node->peers, event->now.mono_us, &node->peers_output);
        break;
    case EVENT_TICK:
        break;
    case EVENT_LINK_UP:
        peers_link_up(
            node->peers,
            (struct peers_link){.id = event->link, .dialed = event->node, .proven = event->proven},
            event->now.mono_us, &node->peers_output);
        break;
    case EVENT_LINK_FRAMES:
        node->statistics.peer_bytes_in += event->bytes.length;
        for_each_frame(node, event);
        break;
    case EVENT_STORE_FRAMES:
        for_each_frame(node, event);
        break;
    case EVENT_STORE_CONDITION:
        node->store_condition = event->status;
        hints_condition_changed(node);
        break;
    case EVENT_PASSWORD_HASHED:
        password_hashes_take(node, event->bytes);
        break;
    case EVENT_LINK_DOWN:
        peers_link_down(node->peers, event->link, event->now.mono_us, &node->peers_output);
        break;
    case EVENT_DIAL_FAILED:
        peers_dial_failed(node->peers, event->node, event->now.mono_us, &node->peers_output);
        break;
    case EVENT_CLIENT_OPEN:
    case EVENT_CLIENT_BYTES:
    case EVENT_CLIENT_CLOSED:
        client_event(node, event);
        break;
    }
    carry_out_peers(node);
    if (is_due(node, event))
        tick(node);
    client_sessions_run_completions(node);
    client_sessions_close_doomed(node);
    node->out = NULL;
}

uint64_t node_deadline_us(const struct node *node)
{
    uint64_t deadlines[] = {peers_deadline_us(node->peers),
                            repair_deadline_us(node),
                            partition_sync_deadline_us(node->partitions),
                            hints_deadline_us(node),
                            drain_deadline_us(node),
                            reach_deadline_us(node),
                            stability_deadline_us(node),
                            expiry_deadline_us(node),
                            drop_deadline_us(node),
                            placement_deadline_us(node),
                            node_register_deadline_us(node),
                            ring_driver_deadline_us(node),
                            tree_schedule_deadline_us(node),
                            deadline_heap_next_us(&node->timers),
                            deadline_heap_next_us(&node->client_timers),
                            lineage_deadline_us(node)};
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
        if (deadlines[i] < least)
            least = deadlines[i];
    return least;
}
