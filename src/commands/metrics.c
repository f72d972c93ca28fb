#include "commands/metrics.h"

#include <stdio.h>
#include <string.h>

#include "commands/command_table.h"
#include "commands/introspection.h"
#include "commands/session_state.h"
#include "commands/subscriptions.h"
#include "node/request_times.h"

enum { SECONDS_FIRST = 6, SECONDS_LAST = 24 }; /* buckets from 64 us to 17 s */

/* ---- gathering ---- */

/* Seconds since a wall clock showed `then_ms`; 0: never. */
static uint64_t age_s(struct instant now, uint64_t then_ms)
{
    return then_ms == 0 || now.wall_ms < then_ms ? 0 : (now.wall_ms - then_ms) / 1000;
}

/* The age of the pair that was compared longest ago; one that never was counts from the start. */
static uint64_t oldest_comparison_s(const struct environment *environment, struct instant now,
                                    const struct metrics_view *view)
{
    uint64_t oldest_ms = 0;
    for (uint32_t i = 0; i < view->repair.pairs; i++) {
        struct repair_pair_view pair;
        environment->repair_pair(environment->node, now, i, &pair);
        uint64_t age_ms = pair.compared ? pair.age_ms : view->uptime_s * 1000;
        oldest_ms = age_ms > oldest_ms ? age_ms : oldest_ms;
    }
    return oldest_ms / 1000;
}

/* Nodes that are asked for data only when nobody faster can be. */
static uint64_t slow_members(const struct environment *environment, struct instant now)
{
    uint64_t count = 0;
    for (uint16_t i = 0; environment->owner_view != NULL && i < environment->ring->member_count;
         i++) {
        struct owner_rank_view view;
        environment->owner_view(environment->node, environment->ring->members[i].id, now, &view);
        count += view.slow;
    }
    return count;
}

static void take_clients(const struct environment *environment, struct metrics_view *out)
{
    out->clients = environment->session_count;
    out->clients_max = environment->settings->clients_max;
    out->channels = subscriptions_count(environment->subscriptions, TOPIC_CHANNEL);
    out->patterns = subscriptions_count(environment->subscriptions, TOPIC_PATTERN);
    out->shard_channels = subscriptions_count(environment->subscriptions, TOPIC_SHARD);
    for (struct session *s = environment->sessions; s != NULL; s = s->next)
        out->clients_blocked += session_deadline_us(s) != UINT64_MAX;
}

static void take_ring(const struct environment *environment, struct instant now,
                      struct metrics_view *out)
{
    const struct ring *ring = environment->ring;
    ring_view_take(environment, &out->ring);
    out->epoch = ring->tag.epoch;
    out->members = ring->member_count;
    out->members_slow = slow_members(environment, now);
    out->partitions = ring->partition_count;
    out->owners_per_partition = ring->owner_count;
    out->is_available = out->ring.partitions_below == 0;
    out->is_healthy =
        out->ring.partitions_all == ring->partition_count && out->ring.ready == out->ring.owned;
}

void metrics_take(const struct environment *environment, struct instant now,
                  struct metrics_view *out)
{
    void *node = environment->node;
    uint64_t start_us = environment->start_mono_us;
    *out = (struct metrics_view){.statistics = *environment->statistics,
                                 .store = {.state = "serving", .percent = 100}};
    out->uptime_s = now.mono_us > start_us ? (now.mono_us - start_us) / 1000000 : 0;
    out->calls_per_second = introspection_calls_per_second(environment->introspection, now);
    take_clients(environment, out);
    take_ring(environment, now, out);
    if (environment->clock_view != NULL)
        environment->clock_view(node, now, &out->clock);
    if (environment->store_view != NULL)
        environment->store_view(node, now, &out->store);
    if (environment->drain_view != NULL) {
        struct buffer reason = {0};
        environment->drain_view(node, now, &out->drain, &reason);
        buffer_deinit(&reason);
    }
    if (environment->register_view != NULL)
        environment->register_view(node, &out->config);
    if (environment->hint_view != NULL)
        environment->hint_view(node, &out->hints);
    if (environment->gc_view != NULL)
        environment->gc_view(node, &out->garbage);
    if (environment->expiry_view != NULL)
        environment->expiry_view(node, &out->expiry);
    if (environment->drop_view != NULL)
        environment->drop_view(node, &out->drop);
    out->hints_oldest_s = age_s(now, out->hints.totals.oldest_ms);
    if (environment->repair_view == NULL)
        return;
    environment->repair_view(node, now, &out->repair);
    out->repair_oldest_s = oldest_comparison_s(environment, now, out);
}

/* ---- families whose members come and go ---- */

static void write_build(const struct environment *environment, struct metric_page *page)
{
    char labels[METRIC_LABELS_MAX] = "";
    char number[16];
    const struct ring_member *self = ring_member(environment->ring, environment->self);
    snprintf(number, sizeof number, "%u", environment->self);
    metric_label(labels, "version", environment->version);
    metric_label(labels, "node", number);
    metric_label(labels, "region",
                 self == NULL ? "" : environment->ring->regions[self->region].name);
    metric_page_family(page, "ringd_build_info", METRIC_GAUGE, METRIC_PLAIN,
                       "Who this node is and what it runs; always 1.");
    metric_page_number(page, labels, 1);
}

/* `node="3",region="eu"` of a member. */
static void member_labels(const struct ring *ring, const struct ring_member *member,
                          char labels[METRIC_LABELS_MAX])
{
    char number[16];
    labels[0] = '\0';
    snprintf(number, sizeof number, "%u", member->id);
    metric_label(labels, "node", number);
    metric_label(labels, "region", ring->regions[member->region].name);
}

struct peer_family {
    const char *name, *help;
    enum metric_unit unit;
    uint64_t (*value)(const struct environment *environment, struct instant now, node_id peer);
};

static uint64_t peer_up(const struct environment *environment, struct instant now, node_id peer)
{
    (void)now;
    return environment->peer_state(environment->node, peer) != PEER_DOWN;
}

static uint64_t peer_silence(const struct environment *environment, struct instant now,
                             node_id peer)
{
    return environment->peer_silence_ms(environment->node, peer, now);
}

static uint64_t peer_read_us(const struct environment *environment, struct instant now,
                             node_id peer)
{
    struct owner_rank_view view = {0};
    if (environment->owner_view != NULL)
        environment->owner_view(environment->node, peer, now, &view);
    return view.expected_us[RANK_READ];
}

static uint64_t peer_queue(const struct environment *environment, struct instant now, node_id peer)
{
    struct owner_rank_view view = {0};
    if (environment->owner_view != NULL)
        environment->owner_view(environment->node, peer, now, &view);
    return view.queue;
}

static void look_at_lane(const struct environment *environment, struct instant now, node_id peer,
                         struct hint_lane_view *lane, struct log_debt *debt)
{
    *lane = (struct hint_lane_view){0};
    *debt = (struct log_debt){0};
    if (environment->hint_lane_view != NULL)
        environment->hint_lane_view(environment->node, peer, now, lane, debt);
}

static uint64_t peer_hints(const struct environment *environment, struct instant now, node_id peer)
{
    struct hint_lane_view lane;
    struct log_debt debt;
    look_at_lane(environment, now, peer, &lane, &debt);
    return lane.cells;
}

static uint64_t peer_events(const struct environment *environment, struct instant now, node_id peer)
{
    struct hint_lane_view lane;
    struct log_debt debt;
    look_at_lane(environment, now, peer, &lane, &debt);
    return debt.events;
}

static void write_peers(const struct environment *environment, struct instant now,
                        struct metric_page *page)
{
    static const struct peer_family families[] = {
        {"ringd_peer_up", "Whether this node can reach the peer.", METRIC_PLAIN, peer_up},
        {"ringd_peer_silence_seconds", "Time since the peer was heard.", METRIC_MILLISECONDS,
         peer_silence},
        {"ringd_peer_read_seconds", "What the next read is expected to take at the peer.",
         METRIC_MICROSECONDS, peer_read_us},
        {"ringd_peer_queue", "Questions before it, as the peer last said.", METRIC_PLAIN,
         peer_queue},
        {"ringd_peer_hints", "Hints that this node keeps for the peer.", METRIC_PLAIN, peer_hints},
        {"ringd_peer_log_events_behind", "Events in the logs here that the peer may lack.",
         METRIC_PLAIN, peer_events},
    };
    const struct ring *ring = environment->ring;
    char labels[METRIC_LABELS_MAX];
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        metric_page_family(page, families[i].name, METRIC_GAUGE, families[i].unit,
                           families[i].help);
        for (uint16_t m = 0; m < ring->member_count; m++) {
            if (ring->members[m].id == environment->self)
                continue;
            member_labels(ring, &ring->members[m], labels);
            metric_page_number(page, labels,
                               families[i].value(environment, now, ring->members[m].id));
        }
    }
}

static void write_holders(const struct metrics_view *view, const struct ring *ring,
                          struct metric_page *page)
{
    static const char *const reasons[] = {[GC_LACKS] = "lacks", [GC_MAY_HINT] = "may_hint"};
    char labels[METRIC_LABELS_MAX];
    metric_page_family(page, "ringd_gc_held_back_partitions", METRIC_GAUGE, METRIC_PLAIN,
                       "Partitions here in which the collection of garbage waits for the member.");
    for (uint8_t i = 0; i < view->garbage.holder_count; i++) {
        const struct gc_holder *holder = &view->garbage.holders[i];
        const struct ring_member *member = ring_member(ring, holder->node);
        if (member == NULL || holder->reason >= GC_REASON_COUNT)
            continue;
        member_labels(ring, member, labels);
        metric_label(labels, "reason", reasons[holder->reason]);
        metric_page_number(page, labels, holder->partitions);
    }
}

static void write_store_state(const struct metrics_view *view, struct metric_page *page)
{
    static const char *const states[] = {"opening", "unconfirmed", "rebuilding", "serving",
                                         "quarantined"};
    metric_page_family(page, "ringd_store_state", METRIC_GAUGE, METRIC_PLAIN,
                       "What the own store is doing: 1 for the state that it is in.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        char labels[METRIC_LABELS_MAX] = "";
        metric_label(labels, "state", states[i]);
        metric_page_number(page, labels, strcmp(view->store.state, states[i]) == 0);
    }
    metric_page_family(page, "ringd_store_damaged_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Times that a store of this node was found damaged.");
    metric_page_number(page, "", view->store.damage_times);
}

static void write_keyspaces(const struct environment *environment, struct metric_page *page)
{
    metric_page_family(page, "ringd_keyspace_keys", METRIC_GAUGE, METRIC_PLAIN,
                       "Keys of the keyspace in the whole ring, as last counted.");
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++) {
        keyspace_id id = environment->keyspace_sizes[i].id;
        const struct ring_keyspace *keyspace = ring_keyspace(environment->ring, id);
        char labels[METRIC_LABELS_MAX] = "";
        if (environment->keyspace_sizes[i].keys == 0 || keyspace == NULL)
            continue;
        metric_label(labels, "keyspace", keyspace->name);
        metric_page_number(page, labels, environment->keyspace_sizes[i].keys);
    }
}

/* ---- requests ---- */

static const struct request_class_counts *class_at(const struct request_times *times, unsigned at)
{
    return times->classes[at / REQUEST_LEVELS][at % REQUEST_LEVELS];
}

static void class_labels(unsigned at, char labels[METRIC_LABELS_MAX])
{
    labels[0] = '\0';
    metric_label(labels, "op", request_op_name((enum request_op)(at / REQUEST_LEVELS)));
    metric_label(labels, "level", request_level_name(at % REQUEST_LEVELS));
}

static void write_requests(const struct request_times *times, struct metric_page *page)
{
    enum { CLASSES = REQUEST_OP_COUNT * REQUEST_LEVELS };
    char labels[METRIC_LABELS_MAX];
    metric_page_family(page, "ringd_coordinator_requests_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Requests that were coordinated or refused here, by what became of them.");
    for (unsigned at = 0; at < CLASSES; at++) {
        const struct request_class_counts *counts = class_at(times, at);
        for (unsigned i = 0; counts != NULL && i < REQUEST_OUTCOME_COUNT; i++) {
            class_labels(at, labels);
            metric_label(labels, "result", request_outcome_name((enum request_outcome)i));
            metric_page_number(page, labels, counts->outcomes[i]);
        }
    }
    metric_page_family(page, "ringd_coordinator_request_seconds", METRIC_HISTOGRAM,
                       METRIC_MICROSECONDS,
                       "Time of requests that were coordinated here, from start to answer.");
    for (unsigned at = 0; at < CLASSES; at++) {
        const struct request_class_counts *counts = class_at(times, at);
        if (counts == NULL)
            continue;
        class_labels(at, labels);
        metric_page_histogram(page, labels, &counts->times, SECONDS_FIRST, SECONDS_LAST);
    }
    metric_page_family(page, "ringd_coordinator_stage_seconds", METRIC_HISTOGRAM,
                       METRIC_MICROSECONDS, "Where the time of requests went.");
    for (unsigned i = 0; i < REQUEST_STAGE_COUNT; i++) {
        labels[0] = '\0';
        metric_label(labels, "stage", request_stage_name((enum request_stage)i));
        metric_page_histogram(page, labels, &times->stages[i], SECONDS_FIRST, SECONDS_LAST);
    }
}

/* ---- commands ---- */

static void write_commands(const struct introspection *introspection, struct metric_page *page)
{
    char labels[METRIC_LABELS_MAX];
    metric_page_family(page, "ringd_resp_commands_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Commands of clients by name, and whether the reply was an error.");
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_counters *c = &introspection->commands[i];
        for (unsigned failed = 0; c->calls > 0 && failed < 2; failed++) {
            labels[0] = '\0';
            metric_label(labels, "command", command_at(i)->name);
            metric_label(labels, "result", failed ? "error" : "ok");
            metric_page_number(page, labels, failed ? c->failed : c->calls - c->failed);
        }
    }
    metric_page_family(page, "ringd_resp_command_seconds_total", METRIC_COUNTER,
                       METRIC_MICROSECONDS, "Time that commands took, waiting included.");
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        labels[0] = '\0';
        metric_label(labels, "command", command_at(i)->name);
        if (introspection->commands[i].calls > 0)
            metric_page_number(page, labels, introspection->commands[i].microseconds);
    }
    metric_page_family(page, "ringd_resp_errors_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Error replies to clients by their first word.");
    for (uint32_t i = 0; i < introspection->error_count; i++) {
        labels[0] = '\0';
        metric_label(labels, "code", introspection->errors[i].name);
        metric_page_number(page, labels, introspection->errors[i].count);
    }
    metric_page_family(page, "ringd_slowlog_entries", METRIC_GAUGE, METRIC_PLAIN,
                       "Requests in the slow log.");
    metric_page_number(page, "", introspection->slow_count);
}

void metrics_write(const struct environment *environment, struct instant now,
                   struct metric_page *page)
{
    struct metrics_view view;
    metrics_take(environment, now, &view);
    write_build(environment, page);
    metric_page_table(page, METRICS_TABLE, METRICS_TABLE_COUNT, &view);
    write_store_state(&view, page);
    write_peers(environment, now, page);
    write_holders(&view, environment->ring, page);
    write_keyspaces(environment, page);
    if (environment->times != NULL)
        write_requests(environment->times, page);
    write_commands(environment->introspection, page);
}
