#include "node/drain.h"

#include <inttypes.h>

#include "commands/maintenance.h"
#include "node/node_state.h"
#include "ring/preference_list.h"
#include "wire/message_drain.h"

enum { TELL_AGAIN_US = 1000 * 1000 };

void drain_init(struct node *node)
{
    node->drain.tell_us = UINT64_MAX;
}

bool drain_is_on(const struct node *node)
{
    return node->drain.on;
}

/* ---- what the others know ------------------------------------------------------------------ */

static void tell(struct node *node, const struct peer_load *load)
{
    struct buffer body = {0};
    message_drain_encode(
        &(struct message_drain){.number = node->drain.number, .drains = node->drain.on}, &body);
    node_send_link(node, peers_link(node->peers, load->id), MESSAGE_DRAIN, 0, 0,
                   buffer_slice(&body));
    buffer_deinit(&body);
}

static uint32_t unconfirmed(const struct node *node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->load_count; i++)
        count += node->loads[i].drain.confirmed != node->drain.number &&
                 peers_is_up(node->peers, node->loads[i].id);
    return count;
}

static void tell_all(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        if (node->loads[i].drain.confirmed != node->drain.number &&
            peers_is_up(node->peers, node->loads[i].id))
            tell(node, &node->loads[i]);
    node->drain.tell_us = unconfirmed(node) > 0 ? node->now.mono_us + TELL_AGAIN_US : UINT64_MAX;
}

/* The own store side hears of it first, so that what the others then pull counts (N1). */
static void begin_word(struct node *node)
{
    node->drain.number++;
    node->drain.minted = false;
    hints_drain_changed(node);
    tell_all(node);
}

void drain_minted(struct node *node)
{
    if (!node->drain.on || node->drain.minted)
        return;
    node->drain.minted = true;
    node->drain.tell_us = node->now.mono_us + TELL_AGAIN_US;
}

void drain_tick(struct node *node)
{
    if (node->now.mono_us < node->drain.tell_us)
        return;
    if (node->drain.minted) /* N2 */
        begin_word(node);
    else
        tell_all(node);
}

uint64_t drain_deadline_us(const struct node *node)
{
    return node->drain.tell_us;
}

void drain_peer_up(struct node *node, node_id peer)
{
    struct peer_load *load = node_load(node, peer);
    load->drain = (struct drain_peer){0};
    if (node->drain.on) {
        tell(node, load);
        if (node->drain.tell_us == UINT64_MAX)
            node->drain.tell_us = node->now.mono_us + TELL_AGAIN_US;
    } else {
        load->drain.confirmed = node->drain.number; /* nobody is taken to drain on a new link */
    }
}

void drain_peer_down(struct node *node, node_id peer)
{
    node_load(node, peer)->drain = (struct drain_peer){0};
}

void drain_peer_frame(struct node *node, node_id from, link_id link, const struct frame *frame)
{
    struct peer_load *load = node_load(node, from);
    struct message_drain word;
    struct message_drain_heard heard;
    struct buffer body = {0};
    if (frame->type == MESSAGE_DRAIN_HEARD) {
        if (message_drain_heard_decode(frame->body, &heard) != STATUS_OK)
            node->statistics.frames_refused++;
        else if (heard.number == node->drain.number)
            load->drain.confirmed = heard.number;
        return;
    }
    if (message_drain_decode(frame->body, &word) != STATUS_OK) {
        node->statistics.frames_refused++;
        return;
    }
    if (word.number > load->drain.heard) {
        if (word.drains != load->drain.drains)
            log_line(&node->log, LOG_INFO, "a node %s node=%" PRIu32,
                     word.drains ? "drains" : "drains no more", from);
        load->drain.heard = word.number;
        load->drain.drains = word.drains;
        if (word.drains) /* it waits until its log has nothing that is lacked here */
            log_sync_hurry(load->sync, node->now.mono_us);
    }
    message_drain_heard_encode(&(struct message_drain_heard){word.number}, &body);
    node_send_link(node, link, MESSAGE_DRAIN_HEARD, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

bool drain_of(void *context, node_id id)
{
    struct node *node = context;
    const struct peer_load *load = node_load(node, id);
    return load == NULL ? id == node->self && node->drain.on : load->drain.drains;
}

/* ---- who does it instead ------------------------------------------------------------------- */

bool drain_hands_over(struct node *node, const struct preference_list *owners)
{
    if (!node->drain.on)
        return false;
    for (uint8_t i = 0; i < owners->primary_count; i++) {
        const struct peer_load *load = node_load(node, owners->nodes[i]);
        if (load != NULL && !load->drain.drains && peers_is_up(node->peers, load->id) &&
            load->in_flight < node->settings.peer_inflight_max)
            return true;
    }
    return false;
}

static bool takes_clients(struct node *node, const struct ring_member *member)
{
    return member->id != node->self && peers_is_up(node->peers, member->id) &&
           !drain_of(node, member->id);
}

/* The `index`-th member that takes clients, of the own region or of all; NULL: there are fewer. */
static const struct ring_member *haven(struct node *node, bool near, uint32_t index)
{
    for (uint16_t i = 0; i < node->ring->member_count; i++) {
        const struct ring_member *member = &node->ring->members[i];
        if (takes_clients(node, member) && (!near || member->region == node->home) && index-- == 0)
            return member;
    }
    return NULL;
}

static uint32_t count_havens(struct node *node, bool near)
{
    uint32_t count = 0;
    while (haven(node, near, count) != NULL)
        count++;
    return count;
}

/* Clients are spread over the nodes of the region; where there is none, over all. */
bool drain_client_move(void *context, connection_id id, struct client_move *out)
{
    struct node *node = context;
    bool near = count_havens(node, true) > 0;
    uint32_t count = count_havens(node, near);
    if (!node->drain.on || count == 0)
        return false;
    uint64_t left_us = node->drain.moved_by_us > node->now.mono_us
                           ? node->drain.moved_by_us - node->now.mono_us
                           : 0;
    *out = (struct client_move){.to = &haven(node, near, (uint32_t)(id % count))->client,
                                .sequence = node->drain.sequence,
                                .seconds = (uint32_t)((left_us + 999999) / 1000000)};
    if (out->seconds == 0)
        out->seconds = 1;
    return true;
}

/* ---- what is left -------------------------------------------------------------------------- */

/* Owners that would be left, were this node stopped: in reach, and not about to be stopped. */
static uint8_t owners_left(struct node *node, const node_id *owners)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < node->ring->owner_count; i++)
        count += owners[i] != node->self && peers_is_up(node->peers, owners[i]) &&
                 !drain_of(node, owners[i]);
    return count;
}

static uint32_t count_without_quorum(struct node *node)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < node->ring->partition_count; p++)
        count += ring_owns(node->ring, node->self, (partition_id)p) &&
                 owners_left(node, ring_owners(node->ring, (partition_id)p)) <
                     node->ring->owner_count / 2 + 1;
    return count;
}

/* Writes that are coordinated here, and what other nodes wait for; others cannot finish them.
 */
static uint32_t count_requests(const struct node *node)
{
    uint32_t count = 0;
    for (const struct pending *pending = node->pending; pending != NULL; pending = pending->next)
        count += pending->kind == PENDING_COORDINATED &&
                 (pending->origin.connection == 0 || pending->class.op == REQUEST_OP_WRITE);
    return count;
}

/* Of the other owners in reach: partitions whose log here they have not shown to have. */
static uint32_t count_log_partitions(struct node *node, node_id *who)
{
    uint32_t most = 0;
    if (node->drain.marked != node->drain.number || node->drain.minted) {
        *who = 0;
        return 1; /* not counted yet */
    }
    for (uint32_t i = 0; i < node->load_count; i++) {
        const struct peer_load *load = &node->loads[i];
        if (load->hints.debt.unshown > most && peers_is_up(node->peers, load->id)) {
            most = load->hints.debt.unshown;
            *who = load->id;
        }
    }
    return most;
}

static const char *why_hints_wait(struct node *node, node_id *target)
{
    static const char *const reasons[] = {
        [HINT_LANE_IDLE] = "to be picked",
        [HINT_LANE_DELIVERING] = "to be delivered, which goes on",
        [HINT_LANE_OUT_OF_REACH] = "for their owner, which cannot be reached",
        [HINT_LANE_STARTING] = "for their owner, which has just come back",
        [HINT_LANE_PRESSED] = "for their owner, whose store is full or overloaded",
        [HINT_LANE_REFUSED] = "for their owner, which refused some",
    };
    const char *reason = reasons[HINT_LANE_IDLE];
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct hint_lane_view lane;
        hint_handoff_view(node->hints.handoff, node->loads[i].id, node->now.mono_us, &lane);
        if (lane.cells == 0)
            continue;
        *target = node->loads[i].id;
        reason = reasons[lane.state];
    }
    return reason;
}

/* The first thing that is waited for, in words; false: nothing is. */
static bool describe(struct node *node, const struct drain_view *view, uint64_t left_s,
                     node_id lacking, struct buffer *out)
{
    node_id target = 0;
    const char *why = view->hints > 0 ? why_hints_wait(node, &target) : "";
    if (view->without_quorum > 0 && !view->forced)
        buffer_printf(out,
                      "%" PRIu32 " partitions would lose their quorum: other owners cannot be "
                      "reached, or drain too",
                      view->without_quorum);
    else if (view->unconfirmed > 0)
        buffer_printf(out, "%" PRIu32 " nodes have not confirmed yet that they know",
                      view->unconfirmed);
    else if (view->clients_told > 0 && left_s > 0)
        buffer_printf(out, "%" PRIu32 " connections were told to move, and have %" PRIu64 " s left",
                      view->clients_told, left_s);
    else if (view->requests > 0)
        buffer_printf(out, "%" PRIu32 " requests are under way", view->requests);
    else if (view->log_partitions > 0 && lacking == 0)
        buffer_printf(out, "it is not known yet what other owners lack of the log here");
    else if (view->log_partitions > 0)
        buffer_printf(out,
                      "node %" PRIu32 " has not shown yet that it lacks nothing of %" PRIu32
                      " partitions",
                      lacking, view->log_partitions);
    else if (view->hints > 0 && !view->forced)
        buffer_printf(out, "%" PRIu64 " hints for node %" PRIu32 " and others wait %s", view->hints,
                      target, why);
    else
        return false;
    return true;
}

void drain_look(void *context, struct instant now, struct drain_view *out, struct buffer *reason)
{
    struct node *node = context;
    const struct drain *drain = &node->drain;
    struct hint_totals hints;
    node_id lacking = 0;
    *out = (struct drain_view){.on = drain->on, .forced = drain->forced};
    if (!drain->on)
        return;
    hint_handoff_totals(node->hints.handoff, &hints);
    out->for_ms = (now.mono_us - drain->since_us) / 1000;
    out->unconfirmed = unconfirmed(node);
    out->requests = count_requests(node);
    out->clients_told = maintenance_count(&node->environment);
    out->hints = hints.cells;
    out->log_partitions = count_log_partitions(node, &lacking);
    out->without_quorum = count_without_quorum(node);
    uint64_t left_us = drain->moved_by_us > now.mono_us ? drain->moved_by_us - now.mono_us : 0;
    out->is_done = !describe(node, out, (left_us + 999999) / 1000000, lacking, reason);
}

/* ---- the order ----------------------------------------------------------------------------- */

static void start(struct node *node, bool forced)
{
    struct drain *drain = &node->drain;
    drain->forced = forced;
    if (drain->on)
        return;
    drain->on = true;
    drain->sequence++;
    drain->since_us = node->now.mono_us;
    drain->moved_by_us = node->now.mono_us + DRAIN_MOVE_SECONDS * UINT64_C(1000000);
    log_line(&node->log, LOG_INFO, "this node drains forced=%s", forced ? "yes" : "no");
    begin_word(node);
    maintenance_announce(&node->environment);
}

enum status drain_set(void *context, bool on, bool forced, struct buffer *reason)
{
    struct node *node = context;
    uint32_t without = on && !forced && !node->drain.on ? count_without_quorum(node) : 0;
    if (without > 0) {
        buffer_printf(reason,
                      "without this node %" PRIu32 " partitions would have no quorum, because "
                      "other owners cannot be reached or drain too",
                      without);
        return STATUS_INVALID;
    }
    if (on) {
        start(node, forced);
    } else if (node->drain.on) {
        node->drain.on = false;
        log_line(&node->log, LOG_INFO, "this node drains no more");
        begin_word(node);
    }
    return STATUS_OK;
}
