/*
 * hint_schedule.c - hints at the loop side: which fallbacks take them, and their way to the owners.
 *
 * Each node tells its peers of which partitions it keeps hints, and whether it takes more
 * (MESSAGE_HINT_STATE): when a link comes up, soon after a change, and now and then while
 * there is something to tell. A coordinator so refuses at once what no fallback will take. What
 * a peer told is forgotten when it has not been repeated.
 */
#include <assert.h>

#include "node/node_state.h"
#include "ring/transition.h"
#include "wire/message_hint_read.h"

enum {
    TELL_SOON_US = 100 * 1000,
    TELL_AGAIN_US = 5 * 1000 * 1000,
    DEBT_EVERY_US = 2 * 1000 * 1000,
    DEBT_DRAIN_US = 200 * 1000,     /* while somebody waits for it */
    BELIEVED_US = 3 * TELL_AGAIN_US /* what a peer told, unless it repeats it */
};

/* ---- life --------------------------------------------------------------------------------- */

void hints_init(struct node *node, const struct node_params *params)
{
    node->hints.handoff = hint_handoff_new(
        &(struct hint_handoff_params){.ring = node->ring,
                                      .self = node->self,
                                      .rate_bytes_max = params->settings->hint_rate_bytes_max,
                                      .delay_ms = params->settings->hint_delay_ms,
                                      .timeout_ms = params->settings->request_timeout_ms,
                                      .random_seed = params->random_seed ^ 0x68696e74u,
                                      .log = params->log});
    node->hints.tell_us = UINT64_MAX;
    node->hints.store_full = params->settings->hint_bytes_max == 0;
}

void hints_deinit(struct node *node)
{
    hint_handoff_free(node->hints.handoff);
    hint_output_deinit(&node->hints.output);
    buffer_deinit(&node->hints.held);
    buffer_deinit(&node->hints.full);
}

/* ---- lists of partitions ------------------------------------------------------------------ */

static partition_id list_at(const struct buffer *list, size_t index)
{
    return (partition_id)(list->data[index * 2] << 8 | list->data[index * 2 + 1]);
}

/* Where the partition is in the list, or would be. */
static size_t list_index(const struct buffer *list, partition_id partition)
{
    size_t low = 0, high = list->length / 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list_at(list, middle) < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool list_has(const struct buffer *list, partition_id partition)
{
    size_t index = list_index(list, partition);
    return index < list->length / 2 && list_at(list, index) == partition;
}

/* Whether that changed the list. */
static bool list_set(struct buffer *list, partition_id partition, bool present)
{
    struct buffer changed = {0};
    size_t at = list_index(list, partition) * 2;
    bool had = list_has(list, partition);
    if (had == present)
        return false;
    if (at > 0)
        buffer_append(&changed, list->data, at);
    if (present)
        buffer_put_u16(&changed, partition);
    else
        at += 2;
    if (at < list->length) /* no arithmetic on the address of no bytes */
        buffer_append(&changed, list->data + at, list->length - at);
    buffer_deinit(list);
    *list = changed;
    return true;
}

/* ---- what nodes tell each other ------------------------------------------------------------ */

static uint8_t own_flags(const struct node *node)
{
    return (uint8_t)((node->hints.store_full || drain_is_on(node) ? HINT_STATE_FULL : 0) |
                     (node->store_condition != STATUS_OK ? HINT_STATE_PRESSED : 0));
}

static void tell(struct node *node, link_id link)
{
    struct buffer body = {0};
    struct message_hint_state state = {.flags = own_flags(node),
                                       .held_count = (uint16_t)(node->hints.held.length / 2),
                                       .held = buffer_slice(&node->hints.held),
                                       .full_count = (uint16_t)(node->hints.full.length / 2),
                                       .full = buffer_slice(&node->hints.full)};
    message_hint_state_encode(&state, &body);
    node_send_link(node, link, MESSAGE_HINT_STATE, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static bool has_news(const struct node *node)
{
    return own_flags(node) != 0 || node->hints.held.length > 0 || node->hints.full.length > 0;
}

static void tell_all(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        if (peers_is_up(node->peers, node->loads[i].id))
            tell(node, peers_link(node->peers, node->loads[i].id));
    node->hints.tell_us = has_news(node) ? node->now.mono_us + TELL_AGAIN_US : UINT64_MAX;
}

static void tell_soon(struct node *node)
{
    uint64_t when_us = node->now.mono_us + TELL_SOON_US;
    if (when_us < node->hints.tell_us)
        node->hints.tell_us = when_us;
}

void hints_condition_changed(struct node *node)
{
    tell_soon(node);
}

void hints_peer_state(struct node *node, node_id from, struct slice body)
{
    struct message_hint_state state;
    struct hint_peer *peer = &node_load(node, from)->hints;
    if (message_hint_state_decode(body, &state) != STATUS_OK) {
        node->statistics.frames_refused++;
        return;
    }
    peer->flags = state.flags;
    peer->told_us = node->now.mono_us;
    buffer_clear(&peer->held);
    buffer_append_slice(&peer->held, state.held);
    buffer_clear(&peer->full);
    buffer_append_slice(&peer->full, state.full);
    hint_handoff_peer_pressed(node->hints.handoff, from, (state.flags & HINT_STATE_PRESSED) != 0,
                              node->now.mono_us);
}

/* It has not repeated what it told: perhaps the message that took it back was lost. */
static void forget_old(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct hint_peer *peer = &node->loads[i].hints;
        if (peer->flags == 0 || node->now.mono_us < peer->told_us + BELIEVED_US)
            continue;
        peer->flags = 0;
        hint_handoff_peer_pressed(node->hints.handoff, node->loads[i].id, false, node->now.mono_us);
    }
}

static bool is_believed(const struct node *node, const struct hint_peer *peer)
{
    return node->now.mono_us < peer->told_us + BELIEVED_US;
}

bool hints_taken_by(const struct node *node, const struct peer_load *load, partition_id partition)
{
    return !is_believed(node, &load->hints) ||
           (load->hints.flags == 0 && !list_has(&load->hints.full, partition));
}

bool hints_held_by(const struct node *node, const struct peer_load *load, partition_id partition)
{
    if (load == NULL)
        return lineage_is_confirmed(node) && list_has(&node->hints.held, partition);
    return is_believed(node, &load->hints) && list_has(&load->hints.held, partition);
}

/* ---- what is kept here --------------------------------------------------------------------- */

void hints_counted(struct node *node, struct slice body)
{
    struct message_hint_counts counts;
    enum status status = message_hint_counts_decode(body, &counts);
    assert(status == STATUS_OK); /* own store side */
    struct node_statistics *statistics = &node->statistics;
    statistics->hints_stored += counts.stored;
    statistics->hints_merged += counts.merged;
    statistics->hints_repeated += counts.repeated;
    statistics->hints_refused += counts.refused;
    node->hints.aside = counts.aside;
    node->hints.store_bytes = counts.store_bytes;
    bool store_full = counts.store_full || node->settings.hint_bytes_max == 0;
    bool changed = store_full != node->hints.store_full;
    node->hints.store_full = store_full;
    changed = list_set(&node->hints.held, counts.partition, counts.cells > 0) || changed;
    changed = list_set(&node->hints.full, counts.partition, counts.full) || changed;
    if (changed)
        tell_soon(node);
    hint_handoff_counts(node->hints.handoff, &counts, node->now.mono_us);
}

enum status hints_check(const struct node *node, struct slice body, partition_id *partition)
{
    struct message_hint hint;
    *partition = 0;
    if (message_hint_decode(body, &hint) != STATUS_OK)
        return STATUS_CORRUPT;
    *partition = hint.replicate.address.partition;
    if (*partition >= node->ring->partition_count ||
        ring_replicates(node->ring, node->self, *partition) ||
        !ring_replicates(node->ring, hint.intended, *partition))
        return STATUS_INVALID;
    int order = ring_tag_compare(hint.replicate.address.tag, ring_tag_of(node->ring, *partition));
    if (order != 0)
        return order < 0 ? STATUS_STALE_TAG : STATUS_NOT_READY;
    return drain_is_on(node) ? STATUS_OVERLOADED : node->store_condition;
}

enum status hints_check_read(const struct node *node, struct slice body, partition_id *partition)
{
    struct message_hint_read read;
    *partition = 0;
    if (message_hint_read_decode(body, &read) != STATUS_OK)
        return STATUS_CORRUPT;
    *partition = read.address.partition;
    if (*partition >= node->ring->partition_count ||
        ring_replicates(node->ring, node->self, *partition))
        return STATUS_INVALID;
    int order = ring_tag_compare(read.address.tag, ring_tag_of(node->ring, *partition));
    return order == 0 ? STATUS_OK : order < 0 ? STATUS_STALE_TAG : STATUS_NOT_READY;
}

/* ---- handoff ------------------------------------------------------------------------------ */

static void answer(struct node *node, enum hint_want what, const struct hint_answer *answer)
{
    struct hint_handoff *handoff = node->hints.handoff;
    uint64_t now_us = node->now.mono_us;
    switch (what) {
    case HINT_WANT_PAGE:
        hint_handoff_page(handoff, answer, now_us, &node->hints.output);
        break;
    case HINT_WANT_DELIVERY:
        hint_handoff_delivered(handoff, answer, now_us, &node->hints.output);
        break;
    case HINT_WANT_DROP:
        hint_handoff_dropped(handoff, answer, now_us);
        break;
    }
}

static void start_one(struct node *node, const struct hint_action *action, struct slice body)
{
    struct origin origin = {.node = action->target, .request = action->serial};
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    link_id link = peers_link(node->peers, action->target);
    bool local = action->want != HINT_WANT_DELIVERY || action->target == node->self;
    if (!local && link == 0) {
        answer(node, action->want,
               &(struct hint_answer){.target = action->target,
                                     .serial = action->serial,
                                     .status = STATUS_UNAVAILABLE});
        return;
    }
    struct pending *pending = pending_add(node, PENDING_HINT, &origin, deadline_us);
    pending->type = (uint16_t)action->want;
    if (action->want == HINT_WANT_PAGE) {
        node_send_store(node, MESSAGE_HINTS_SCAN, pending->id, deadline_us, body);
    } else if (action->want == HINT_WANT_DROP) {
        node_send_store(node, MESSAGE_HINTS_DROP, pending->id, deadline_us, body);
    } else if (local) {
        node_send_store(node, MESSAGE_REPLICATE, pending->id, deadline_us, body);
    } else {
        pending_await(node, pending, action->target);
        node_send_link(node, link, MESSAGE_REPLICATE, pending->id,
                       node->settings.request_timeout_ms, body);
    }
}

/* Carrying one out may lead to others, which come behind it. */
static void carry_out(struct node *node)
{
    struct hint_output *out = &node->hints.output;
    for (uint32_t i = 0; i < out->count; i++) {
        struct buffer body = {0};
        struct hint_action action = out->actions[i];
        buffer_append(&body, out->bodies.data + action.offset, action.length);
        start_one(node, &action, buffer_slice(&body));
        buffer_deinit(&body);
    }
    hint_output_clear(out);
}

void hints_answered(struct node *node, struct pending *pending, enum status status,
                    struct slice body)
{
    enum hint_want what = (enum hint_want)pending->type;
    struct message_replicated replicated;
    struct hint_answer from = {.target = pending->origin.node,
                               .serial = pending->origin.request,
                               .status = status,
                               .body = body};
    if (status == STATUS_OK && what == HINT_WANT_DELIVERY)
        from.status = message_replicated_decode(body, &replicated) == STATUS_OK ? replicated.status
                                                                                : STATUS_CORRUPT;
    pending_remove(node, pending);
    answer(node, what, &from);
    carry_out(node);
}

/* ---- what owners lack of the logs here ------------------------------------------------------ */

void hints_note_puller(struct node *node, node_id peer, request_id request)
{
    struct buffer body = {0};
    message_log_debt_encode(
        &(struct message_log_debt){.kind = LOG_DEBT_PULLER, .request = request, .node = peer},
        &body);
    node_send_store(node, MESSAGE_LOG_DEBT, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void ask_for_debts(struct node *node)
{
    struct buffer body = {0};
    message_log_debt_encode(
        &(struct message_log_debt){.kind = LOG_DEBT_ASK,
                                   .request = node->drain.on ? node->drain.number : 0},
        &body);
    node_send_store(node, MESSAGE_LOG_DEBT, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* Asked again while somebody is away, or lacks something. */
void hints_debts(struct node *node, struct slice body)
{
    struct message_log_debts debts;
    enum status status = message_log_debts_decode(body, &debts);
    assert(status == STATUS_OK); /* own store side */
    struct reader reader = reader_make(debts.debts);
    node->drain.marked = debts.mark;
    for (uint32_t i = 0; i < node->load_count; i++)
        node->loads[i].hints.debt = (struct log_debt){0};
    for (uint16_t i = 0; i < debts.count; i++) {
        struct log_debt debt;
        log_debt_decode(&reader, &debt);
        struct peer_load *load = node_load(node, debt.node);
        if (load != NULL) /* else the own store side has not heard yet that it left */
            load->hints.debt = debt;
    }
}

static bool is_anybody_behind(const struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        if (!peers_is_up(node->peers, node->loads[i].id) ||
            node->loads[i].hints.debt.events_at_pull > 0)
            return true;
    return false;
}

static void tick_debts(struct node *node)
{
    if (node->now.mono_us < node->hints.debt_us)
        return;
    ask_for_debts(node);
    node->hints.debt_us = node->drain.on            ? node->now.mono_us + DEBT_DRAIN_US
                          : is_anybody_behind(node) ? node->now.mono_us + DEBT_EVERY_US
                                                    : UINT64_MAX;
}

void hints_drain_changed(struct node *node)
{
    tell_soon(node);
    node->hints.debt_us = node->now.mono_us;
    tick_debts(node);
}

/* ---- peers --------------------------------------------------------------------------------- */

void hints_peer_up(struct node *node, node_id peer)
{
    hint_handoff_peer_up(node->hints.handoff, peer, node->now.mono_us);
    tell(node, peers_link(node->peers, peer));
    if (has_news(node))
        tell_soon(node); /* again: nothing answers it */
}

void hints_peer_down(struct node *node, node_id peer)
{
    struct hint_peer *known = &node_load(node, peer)->hints;
    known->flags = 0;
    known->told_us = 0;
    buffer_clear(&known->held);
    buffer_clear(&known->full);
    hint_handoff_peer_down(node->hints.handoff, peer);
    if (node->hints.debt_us == UINT64_MAX)
        node->hints.debt_us = node->now.mono_us + DEBT_EVERY_US;
}

void hints_tick(struct node *node)
{
    if (node->hints.tell_us <= node->now.mono_us)
        tell_all(node);
    forget_old(node);
    tick_debts(node);
    hint_handoff_tick(node->hints.handoff, node->now.mono_us, node->now.wall_ms,
                      &node->hints.output);
    carry_out(node);
}

uint64_t hints_deadline_us(const struct node *node)
{
    uint64_t deadline_us = hint_handoff_deadline_us(node->hints.handoff);
    if (node->hints.tell_us < deadline_us)
        deadline_us = node->hints.tell_us;
    return node->hints.debt_us < deadline_us ? node->hints.debt_us : deadline_us;
}

/* ---- for commands -------------------------------------------------------------------------- */

void hints_view(void *context, struct hint_view *out)
{
    const struct node *node = context;
    hint_handoff_totals(node->hints.handoff, &out->totals);
    out->aside = node->hints.aside;
    out->store_bytes = node->hints.store_bytes;
    out->is_full = node->hints.store_full;
    out->partitions_full = node->hints.full.length / 2;
}

void hints_lane_view(void *context, node_id target, struct instant now, struct hint_lane_view *out,
                     struct log_debt *debt)
{
    struct node *node = context;
    hint_handoff_view(node->hints.handoff, target, now.mono_us, out);
    const struct peer_load *load = node_load(node, target);
    *debt = load == NULL ? (struct log_debt){0} : load->hints.debt;
    if (load != NULL && peers_is_up(node->peers, target)) {
        debt->bytes = debt->events == 0 ? 0 : debt->bytes / debt->events * debt->events_at_pull;
        debt->events = debt->events_at_pull; /* what came since goes to it directly */
    }
}
