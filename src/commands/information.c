/*
 * information.c - INFO: what tools and clients ask a Redis for, about this node and its ring.
 *
 * A section begins with the host's lines (memory, processor time, files); a field
 * that clients rely on and that the host did not give follows with what is known
 * here. INFO never asks other nodes: clients wait for it before they become ready, so
 * it must answer when nothing else does. Keys per keyspace are therefore as DBSIZE or
 * the node last counted them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/command_table.h"
#include "commands/introspection.h"
#include "commands/ring_view.h"
#include "commands/server_version.h"
#include "commands/session_state.h"

struct section {
    struct call *call;
    struct environment *environment;
    struct buffer *out;
    size_t start; /* of the section's lines in out */
};

/* Whether the section has a line of this name. */
static bool has_field(const struct section *section, const char *name)
{
    size_t length = strlen(name);
    const char *text = (const char *)section->out->data;
    for (size_t at = section->start; at + length < section->out->length; at++) {
        bool line_start = at == section->start || text[at - 1] == '\n';
        if (line_start && memcmp(text + at, name, length) == 0 && text[at + length] == ':')
            return true;
    }
    return false;
}

/* One line, unless the host gave it. */
static void field(struct section *section, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void field(struct section *section, const char *name, const char *format, ...)
{
    char value[256];
    va_list arguments;
    if (has_field(section, name))
        return;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    buffer_printf(section->out, "%s:%s\r\n", name, value);
}

static void number(struct section *section, const char *name, uint64_t value)
{
    field(section, name, "%llu", (unsigned long long)value);
}

static uint64_t uptime_s(const struct section *section)
{
    uint64_t start_us = section->environment->start_mono_us;
    uint64_t now_us = call_now(section->call).mono_us;
    return now_us > start_us ? (now_us - start_us) / 1000000 : 0;
}

static void write_server(struct section *section)
{
    const struct environment *environment = section->environment;
    const struct ring_member *self = ring_member(environment->ring, environment->self);
    char run_id[RING_HEX_ID_BYTES];
    ring_hex_id(environment->ring, environment->self, run_id);
    field(section, "redis_version", "%s", REDIS_VERSION);
    field(section, "redis_git_sha1", "00000000");
    field(section, "redis_git_dirty", "0");
    field(section, "redis_build_id", "0");
    field(section, "redis_mode", "standalone");
    field(section, "ringdb_version", "%s", environment->version);
    field(section, "os", "unknown");
    number(section, "arch_bits", sizeof(void *) * 8);
    number(section, "process_id", 0);
    field(section, "run_id", "%s", run_id);
    number(section, "tcp_port", self == NULL ? 0 : self->client.port);
    number(section, "server_time_usec", call_now(section->call).wall_ms * 1000);
    number(section, "uptime_in_seconds", uptime_s(section));
    number(section, "uptime_in_days", uptime_s(section) / 86400);
    number(section, "hz", 10);
    number(section, "configured_hz", 10);
    field(section, "executable", "ringd");
    field(section, "config_file", "%s", "");
}

static void write_clients(struct section *section)
{
    const struct environment *environment = section->environment;
    uint64_t blocked = 0;
    for (struct session *s = environment->sessions; s != NULL; s = s->next)
        blocked += session_deadline_us(s) != UINT64_MAX;
    number(section, "connected_clients", environment->session_count);
    number(section, "cluster_connections", 0);
    number(section, "maxclients", environment->settings->clients_max);
    number(section, "blocked_clients", blocked);
    number(section, "tracking_clients", 0);
}

static void write_memory(struct section *section)
{
    number(section, "used_memory", 0);
    number(section, "used_memory_rss", 0);
    number(section, "used_memory_peak", 0);
    number(section, "maxmemory", 0);
    field(section, "maxmemory_human", "0B");
    field(section, "maxmemory_policy", "noeviction");
}

/* Every acknowledged write is on disk, so there is nothing that a save would add. */
static void write_persistence(struct section *section)
{
    number(section, "loading", 0);
    number(section, "async_loading", 0);
    number(section, "rdb_changes_since_last_save", 0);
    number(section, "rdb_bgsave_in_progress", 0);
    number(section, "rdb_last_save_time", 0);
    field(section, "rdb_last_bgsave_status", "ok");
    number(section, "aof_enabled", 1);
    number(section, "aof_rewrite_in_progress", 0);
    field(section, "aof_last_bgrewrite_status", "ok");
    field(section, "aof_last_write_status", "ok");
}

static void write_stats(struct section *section)
{
    const struct environment *environment = section->environment;
    const struct node_statistics *s = environment->statistics;
    number(section, "total_connections_received", s->connections_received);
    number(section, "total_commands_processed", s->commands_processed);
    number(section, "instantaneous_ops_per_sec",
           introspection_calls_per_second(environment->introspection, call_now(section->call)));
    number(section, "total_net_input_bytes", s->client_bytes_in);
    number(section, "total_net_output_bytes", s->client_bytes_out);
    field(section, "instantaneous_input_kbps", "0.00");
    field(section, "instantaneous_output_kbps", "0.00");
    number(section, "rejected_connections", 0);
    number(section, "expired_keys", s->expired_dropped);
    number(section, "evicted_keys", 0);
    number(section, "keyspace_hits", s->keyspace_hits);
    number(section, "keyspace_misses", s->keyspace_misses);
    number(section, "pubsub_channels",
           subscriptions_count(environment->subscriptions, TOPIC_CHANNEL));
    number(section, "pubsub_patterns",
           subscriptions_count(environment->subscriptions, TOPIC_PATTERN));
    number(section, "pubsubshard_channels",
           subscriptions_count(environment->subscriptions, TOPIC_SHARD));
    number(section, "latest_fork_usec", 0);
    number(section, "total_error_replies", s->errors_replied);
    number(section, "acl_access_denied_auth", s->acl_denied_logins);
    number(section, "acl_access_limited_auth", s->acl_limited_logins);
    number(section, "acl_access_denied_cmd", s->acl_denied_commands);
    number(section, "acl_access_denied_key", s->acl_denied_keys);
    number(section, "acl_access_denied_channel", s->acl_denied_channels);
}

static void write_replication(struct section *section)
{
    const struct environment *environment = section->environment;
    char id[RING_HEX_ID_BYTES];
    ring_hex_id(environment->ring, 0, id);
    field(section, "role", "master");
    number(section, "connected_slaves", environment->ring->owner_count - 1u);
    field(section, "master_failover_state", "no-failover");
    field(section, "master_replid", "%s", id);
    field(section, "master_replid2", "%040d", 0);
    number(section, "master_repl_offset", 0);
    field(section, "second_repl_offset", "-1");
    number(section, "repl_backlog_active", 0);
    number(section, "repl_backlog_size", 0);
    number(section, "repl_backlog_first_byte_offset", 0);
    number(section, "repl_backlog_histlen", 0);
}

static void write_cpu(struct section *section)
{
    field(section, "used_cpu_sys", "0.000000");
    field(section, "used_cpu_user", "0.000000");
    field(section, "used_cpu_sys_children", "0.000000");
    field(section, "used_cpu_user_children", "0.000000");
}

static void write_modules(struct section *section)
{
    (void)section; /* there are none */
}

static void write_commandstats(struct section *section)
{
    const struct introspection *introspection = section->environment->introspection;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_counters *c = &introspection->commands[i];
        if (c->calls > 0)
            buffer_printf(section->out,
                          "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=0,"
                          "failed_calls=%llu\r\n",
                          command_at(i)->name, (unsigned long long)c->calls,
                          (unsigned long long)c->microseconds,
                          (double)c->microseconds / (double)c->calls,
                          (unsigned long long)c->failed);
    }
}

static void write_latencystats(struct section *section)
{
    const struct introspection *introspection = section->environment->introspection;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_counters *c = &introspection->commands[i];
        if (c->calls > 0)
            buffer_printf(section->out,
                          "latency_percentiles_usec_%s:p50=%llu.000,p99=%llu.000,"
                          "p99.9=%llu.000\r\n",
                          command_at(i)->name, (unsigned long long)introspection_percentile(c, 50),
                          (unsigned long long)introspection_percentile(c, 99),
                          (unsigned long long)introspection_percentile(c, 99.9));
    }
}

static void write_errorstats(struct section *section)
{
    const struct introspection *introspection = section->environment->introspection;
    for (uint32_t i = 0; i < introspection->error_count; i++)
        buffer_printf(section->out, "errorstat_%s:count=%llu\r\n", introspection->errors[i].name,
                      (unsigned long long)introspection->errors[i].count);
}

static void write_cluster(struct section *section)
{
    number(section, "cluster_enabled", section->environment->cluster_mode == CLUSTER_MODE_EMULATED);
}

static void write_keyspace(struct section *section)
{
    const struct environment *environment = section->environment;
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++) {
        uint64_t keys = environment->keyspace_sizes[i].keys;
        if (keys > 0 && ring_keyspace(environment->ring, environment->keyspace_sizes[i].id) != NULL)
            buffer_printf(section->out, "db%u:keys=%llu,expires=0,avg_ttl=0\r\n", i,
                          (unsigned long long)keys);
    }
}

/* Seconds since a wall clock showed `then_ms`; 0: never. */
static uint64_t age_s(struct instant now, uint64_t then_ms)
{
    return then_ms == 0 || now.wall_ms < then_ms ? 0 : (now.wall_ms - then_ms) / 1000;
}

/* The age of the pair that was compared longest ago; one that never was counts from the start. */
static uint64_t oldest_comparison_s(const struct section *section, uint32_t pairs)
{
    const struct environment *environment = section->environment;
    uint64_t oldest_ms = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        struct repair_pair_view pair;
        environment->repair_pair(environment->node, call_now(section->call), i, &pair);
        uint64_t age_ms = pair.compared ? pair.age_ms : uptime_s(section) * 1000;
        oldest_ms = age_ms > oldest_ms ? age_ms : oldest_ms;
    }
    return oldest_ms / 1000;
}

/* Expired values that are still on the disk here, and who has to be heard before they go. */
static void write_expiry(struct section *section)
{
    const struct environment *environment = section->environment;
    struct message_expiry_state state = {0};
    char holders[EXPIRY_HOLDERS_MAX * 12 + 1] = "";
    if (environment->expiry_view != NULL)
        environment->expiry_view(environment->node, &state);
    for (uint8_t i = 0, length = 0; i < state.holder_count && length < 200; i++)
        length = (uint8_t)(length + snprintf(holders + length, sizeof holders - length, "%sn%u",
                                             i > 0 ? "," : "", state.holders[i].node));
    number(section, "ring_expired_waiting", state.waiting);
    number(section, "ring_safe_time_lag_ms", state.lag_ms);
    field(section, "ring_safe_time_held_by", "%s", holders);
}

/* What dropped keyspaces have left on the disk here. */
static void write_drop(struct section *section)
{
    const struct environment *environment = section->environment;
    struct message_drop_state state = {0};
    if (environment->drop_view != NULL)
        environment->drop_view(environment->node, &state);
    number(section, "ring_dropped_keys_left", state.keys_left);
    number(section, "ring_dropped_keys_removed", environment->statistics->dropped_keys_removed);
    number(section, "ring_dropped_hints_removed", environment->statistics->dropped_hints_removed);
}

static void write_repair(struct section *section)
{
    const struct environment *environment = section->environment;
    struct repair_view view;
    environment->repair_view(environment->node, call_now(section->call), &view);
    number(section, "ring_repair_paused", view.paused);
    number(section, "ring_repair_pairs", view.pairs);
    number(section, "ring_repair_pairs_compared", view.pairs_compared);
    number(section, "ring_repair_oldest_comparison_seconds",
           oldest_comparison_s(section, view.pairs));
    number(section, "ring_repair_exchanges", view.exchanges);
    number(section, "ring_repair_exchanges_equal", view.exchanges_equal);
    number(section, "ring_repair_exchanges_failed", view.exchanges_failed);
    number(section, "ring_repair_bytes_sent", view.bytes_sent);
    number(section, "ring_repair_bytes_received", view.bytes_received);
    number(section, "ring_repair_differences_behind", view.differences.behind);
    number(section, "ring_repair_differences_superseded", view.differences.superseded);
    number(section, "ring_repair_differences_in_flight", view.differences.in_flight);
    number(section, "ring_repair_differences_corrupt", view.differences.corrupt);
    number(section, "ring_repair_differences_expired", view.differences.expired);
    number(section, "ring_repair_cells_repaired", view.repaired);
    number(section, "ring_scrub_replicas", view.scrubs);
    number(section, "ring_scrub_cells", view.scrub_cells);
    number(section, "ring_scrub_bytes", view.scrub_bytes);
    number(section, "ring_scrub_ranges_wrong", view.scrub_ranges_wrong);
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

static void write_ring(struct section *section)
{
    const struct environment *environment = section->environment;
    const struct ring *ring = environment->ring;
    const struct node_statistics *s = environment->statistics;
    const struct ring_member *self = ring_member(ring, environment->self);
    struct ring_view view;
    struct clock_view clock = {0};
    struct store_view store = {.state = "serving", .percent = 100};
    struct register_view config = {0};
    ring_view_take(environment, &view);
    if (environment->register_view != NULL)
        environment->register_view(environment->node, &config);
    if (environment->clock_view != NULL)
        environment->clock_view(environment->node, call_now(section->call), &clock);
    if (environment->store_view != NULL)
        environment->store_view(environment->node, call_now(section->call), &store);
    number(section, "ring_node_id", environment->self);
    field(section, "ring_region", "%s", self == NULL ? "" : ring->regions[self->region].name);
    number(section, "ring_epoch", ring->tag.epoch);
    number(section, "ring_members", ring->member_count);
    number(section, "ring_members_up", view.members_up);
    number(section, "ring_partitions", ring->partition_count);
    number(section, "ring_owners_per_partition", ring->owner_count);
    number(section, "ring_partitions_all_owners", view.partitions_all);
    number(section, "ring_partitions_quorum", view.partitions_quorum);
    number(section, "ring_partitions_below_quorum", view.partitions_below);
    number(section, "ring_replicas", view.owned);
    number(section, "ring_replicas_ready", view.ready);
    field(section, "ring_store_state", "%s", store.state);
    number(section, "ring_rebuilt_percent", store.percent);
    number(section, "ring_rebuild_left_ms", store.left_ms);
    number(section, "ring_seq", config.seq);
    number(section, "ring_seq_known_by", config.known_by);
    number(section, "ring_stewards", config.steward_count);
    number(section, "ring_stewards_up", config.stewards_up);
    number(section, "ring_clock_fenced", clock.fenced);
    field(section, "ring_clock_offset_ms", "%lld", (long long)clock.offset_ms);
    number(section, "ring_clock_offset_max_ms", clock.offset_max_ms);
    number(section, "ring_clock_uncertainty_ms", clock.uncertainty_ms);
    number(section, "ring_clocks_compared", clock.clocks);
    number(section, "ring_clock_fences", s->clock_fences);
    number(section, "ring_requests_coordinated", s->requests_coordinated);
    number(section, "ring_requests_forwarded", s->requests_forwarded);
    number(section, "ring_requests_forwarded_around", s->requests_forwarded_around);
    number(section, "ring_publications_sent", s->publications_sent);
    number(section, "ring_publications_received", s->publications_received);
    number(section, "ring_publications_dropped", s->publications_dropped);
    number(section, "ring_requests_unavailable", s->requests_unavailable);
    number(section, "ring_requests_uncertain", s->requests_uncertain);
    number(section, "ring_requests_timeout", s->requests_timeout);
    number(section, "ring_requests_overloaded", s->requests_overloaded);
    number(section, "ring_requests_clock_skew", s->requests_clock_skew);
    number(section, "ring_requests_held", s->requests_held);
    number(section, "ring_requests_sibling_limit", s->requests_sibling_limit);
    number(section, "ring_requests_repeated", s->requests_repeated);
    number(section, "ring_requests_unknown", s->requests_unknown);
    number(section, "ring_contexts_refused", s->contexts_refused);
    number(section, "ring_read_repairs", s->read_repairs);
    number(section, "ring_writes_again", s->writes_again);
    number(section, "ring_read_fetches", s->read_fetches);
    number(section, "ring_speculative_reads_sent", s->speculative_reads_sent);
    number(section, "ring_speculative_reads_won", s->speculative_reads_won);
    number(section, "ring_speculative_reads_refused_by_budget", s->speculative_reads_refused);
    number(section, "ring_exploring_reads_sent", s->exploring_reads_sent);
    number(section, "ring_read_retries_sent", s->read_retries_sent);
    number(section, "ring_read_retries_refused_by_budget", s->read_retries_refused);
    number(section, "ring_members_slow", slow_members(environment, call_now(section->call)));
    number(section, "ring_read_bytes_omitted", s->read_bytes_omitted);
    number(section, "ring_lww_losses", s->lww_losses);
    number(section, "ring_siblings_warned", s->siblings_warned);
    number(section, "ring_increments_folded", s->increments_folded);
    struct hint_view hints = {0};
    if (environment->hint_view != NULL)
        environment->hint_view(environment->node, &hints);
    struct gc_view garbage = {0};
    if (environment->gc_view != NULL)
        environment->gc_view(environment->node, &garbage);
    number(section, "ring_tombstones", garbage.tombstones);
    number(section, "ring_tombstones_stable", garbage.waiting);
    number(section, "ring_tombstones_collected", s->tombstones_purged);
    number(section, "ring_gc_held_back_by", garbage.holder_count);
    number(section, "ring_log_records", garbage.log_records);
    number(section, "ring_log_bytes", garbage.log_bytes);
    number(section, "ring_partitions_wanted", garbage.partitions_wanted);
    number(section, "ring_partitions_received", s->partitions_received);
    number(section, "ring_hints_held", hints.totals.cells);
    number(section, "ring_hints_held_bytes", hints.totals.bytes);
    number(section, "ring_hints_oldest_seconds",
           age_s(call_now(section->call), hints.totals.oldest_ms));
    number(section, "ring_hints_stored", s->hints_stored);
    number(section, "ring_hints_read", s->hints_read);
    number(section, "ring_sloppy_reads", s->sloppy_reads);
    number(section, "ring_hints_merged", s->hints_merged);
    number(section, "ring_hints_repeated", s->hints_repeated);
    number(section, "ring_hints_refused", s->hints_refused);
    number(section, "ring_hints_delivered", hints.totals.delivered_cells);
    number(section, "ring_hints_delivered_bytes", hints.totals.delivered_bytes);
    number(section, "ring_hints_refused_by_owners", hints.totals.refused_cells);
    number(section, "ring_hints_set_aside", hints.aside);
    number(section, "ring_hints_full", hints.is_full);
    number(section, "ring_hints_partitions_full", hints.partitions_full);
    write_expiry(section);
    write_drop(section);
    number(section, "ring_peer_bytes_received", s->peer_bytes_in);
    number(section, "ring_peer_bytes_sent", s->peer_bytes_out);
    number(section, "ring_sync_pages_sent", s->sync_pages_sent);
    number(section, "ring_sync_cells_received", s->sync_cells_received);
    if (environment->repair_view != NULL)
        write_repair(section);
    number(section, "ring_frames_refused", s->frames_refused);
    number(section, "ring_store_errors", s->store_errors);
}

/* All of it is the host's. */
static void write_tls(struct section *section)
{
    (void)section;
}

static const struct {
    const char *title;
    void (*write)(struct section *section);
    bool by_default; /* shown when no section is named */
} sections[] = {
    {"Server", write_server, true},
    {"Clients", write_clients, true},
    {"Memory", write_memory, true},
    {"Persistence", write_persistence, true},
    {"Stats", write_stats, true},
    {"Replication", write_replication, true},
    {"CPU", write_cpu, true},
    {"Modules", write_modules, true},
    {"Commandstats", write_commandstats, false},
    {"Errorstats", write_errorstats, true},
    {"Latencystats", write_latencystats, false},
    {"Cluster", write_cluster, true},
    {"Keyspace", write_keyspace, true},
    {"Ring", write_ring, true},
    {"TLS", write_tls, true},
};

static bool is_wanted(const struct call *call, const char *title, bool by_default)
{
    if (call->argument_count == 1)
        return by_default;
    for (uint32_t i = 1; i < call->argument_count; i++) {
        if (call_argument_is(call, i, title) || call_argument_is(call, i, "all") ||
            call_argument_is(call, i, "everything") ||
            (by_default && call_argument_is(call, i, "default")))
            return true;
    }
    return false;
}

/* The host knows the section by its title in lower case. */
static void write_host_lines(struct section *section, const char *title)
{
    char name[16];
    size_t i = 0;
    if (section->environment->host_information == NULL)
        return;
    for (; title[i] != '\0' && i + 1 < sizeof name; i++)
        name[i] = (char)(title[i] >= 'A' && title[i] <= 'Z' ? title[i] + 32 : title[i]);
    name[i] = '\0';
    section->environment->host_information(section->environment->host, name, section->out);
}

static void start_info(struct call *call)
{
    struct buffer *out = &call->scratch;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!is_wanted(call, sections[i].title, sections[i].by_default))
            continue;
        if (out->length > 0)
            buffer_printf(out, "\r\n");
        buffer_printf(out, "# %s\r\n", sections[i].title);
        struct section section = {
            .call = call,
            .environment = call_environment(call),
            .out = out,
            .start = out->length,
        };
        write_host_lines(&section, sections[i].title);
        sections[i].write(&section);
    }
    call_reply_verbatim(call, buffer_slice(out));
}

const struct command command_info = {
    .name = "info",
    .group = "server",
    .since = "1.0.0",
    .summary = "What this node is and does, in sections; never waits for other nodes.",
    .complexity = "O(N) in the number of partitions.",
    .syntax = "[section [section ...]]",
    .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
    .arity = -1,
    .flags = COMMAND_LOADING | COMMAND_STALE,
    .categories = CATEGORY_DANGEROUS,
    .start = start_info,
};
