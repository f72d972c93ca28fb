/*
 * information.c - INFO: what tools and clients ask a Redis for, about this node and its ring.
 *
 * A section begins with the host's lines (memory, processor time, files); a field
 * that clients rely on and that the host did not give follows with what is known
 * here. Most numbers are rows of metrics_table.c, which a page of metrics shows as well.
 * INFO never asks other nodes: clients wait for it before they become ready, so it must answer
 * when nothing else does. Keys per keyspace are therefore as DBSIZE or the node last counted
 * them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/command_table.h"
#include "commands/introspection.h"
#include "commands/metrics.h"
#include "commands/ring_view.h"
#include "commands/server_version.h"
#include "commands/session_state.h"

struct section {
    struct call *call;
    struct environment *environment;
    struct buffer *out;
    const struct metrics_view *view;
    size_t start, host_end; /* of the host's lines in out */
};

/* Whether the host gave a line of this name. */
static bool has_field(const struct section *section, const char *name)
{
    size_t length = strlen(name);
    const char *text = (const char *)section->out->data;
    for (size_t at = section->start; at + length < section->host_end; at++) {
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

/* The rows of the table that have a field in this section. */
static void write_rows(struct section *section, enum metrics_section which)
{
    for (size_t i = 0; i < METRICS_TABLE_COUNT; i++) {
        const struct metric *row = &METRICS_TABLE[i];
        if (row->section != which || row->field == NULL || has_field(section, row->field))
            continue;
        buffer_printf(section->out, "%s:", row->field);
        metric_put_value(row, section->view, section->out);
        buffer_append_slice(section->out, slice_text("\r\n"));
    }
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
    number(section, "uptime_in_seconds", section->view->uptime_s);
    number(section, "uptime_in_days", section->view->uptime_s / 86400);
    number(section, "hz", 10);
    number(section, "configured_hz", 10);
    field(section, "executable", "ringd");
    field(section, "config_file", "%s", "");
}

static void write_clients(struct section *section)
{
    write_rows(section, METRICS_CLIENTS);
    number(section, "cluster_connections", 0);
    number(section, "tracking_clients", 0);
}

/* What Redis has and this server has not: told as a Redis that does not use it does. */
static void write_unused(struct section *section, const char *const *names)
{
    for (; *names != NULL; names++)
        number(section, *names, 0);
}

static void write_memory(struct section *section)
{
    static const char *const unused[] = {"used_memory_lua",
                                         "used_memory_vm_eval",
                                         "used_memory_scripts_eval",
                                         "number_of_cached_scripts",
                                         "number_of_functions",
                                         "number_of_libraries",
                                         "used_memory_vm_functions",
                                         "used_memory_vm_total",
                                         "used_memory_functions",
                                         "used_memory_scripts",
                                         "mem_clients_slaves",
                                         "mem_replication_backlog",
                                         "mem_total_replication_buffers",
                                         "mem_aof_buffer",
                                         "active_defrag_running",
                                         "lazyfree_pending_objects",
                                         "lazyfreed_objects",
                                         NULL};
    number(section, "used_memory", 0);
    number(section, "used_memory_rss", 0);
    number(section, "used_memory_peak", 0);
    number(section, "maxmemory", 0);
    field(section, "maxmemory_human", "0B");
    field(section, "maxmemory_policy", "noeviction");
    write_unused(section, unused);
}

/* Every acknowledged write is on disk, so there is nothing that a save would add. */
static void write_persistence(struct section *section)
{
    static const char *const unused[] = {"current_cow_peak",
                                         "current_cow_size",
                                         "current_fork_perc",
                                         "current_save_keys_processed",
                                         "current_save_keys_total",
                                         "rdb_saves",
                                         "rdb_last_cow_size",
                                         "rdb_last_load_keys_expired",
                                         "rdb_last_load_keys_loaded",
                                         "aof_rewrite_scheduled",
                                         "aof_rewrites",
                                         "aof_last_cow_size",
                                         "module_fork_in_progress",
                                         "module_fork_last_cow_size",
                                         NULL};
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
    field(section, "rdb_last_bgsave_time_sec", "-1");
    field(section, "rdb_current_bgsave_time_sec", "-1");
    field(section, "aof_last_rewrite_time_sec", "-1");
    field(section, "aof_current_rewrite_time_sec", "-1");
    write_unused(section, unused);
}

static void write_stats(struct section *section)
{
    static const char *const unused[] = {"sync_full",
                                         "sync_partial_ok",
                                         "sync_partial_err",
                                         "evicted_clients",
                                         "evicted_scripts",
                                         "total_eviction_exceeded_time",
                                         "current_eviction_exceeded_time",
                                         "total_forks",
                                         "migrate_cached_sockets",
                                         "slave_expires_tracked_keys",
                                         "active_defrag_hits",
                                         "active_defrag_misses",
                                         "active_defrag_key_hits",
                                         "active_defrag_key_misses",
                                         "total_active_defrag_time",
                                         "current_active_defrag_time",
                                         "tracking_total_keys",
                                         "tracking_total_items",
                                         "tracking_total_prefixes",
                                         "unexpected_error_replies",
                                         "io_threaded_reads_processed",
                                         "io_threaded_writes_processed",
                                         NULL};
    write_rows(section, METRICS_STATS);
    field(section, "instantaneous_input_kbps", "0.00");
    field(section, "instantaneous_output_kbps", "0.00");
    number(section, "rejected_connections", 0);
    number(section, "evicted_keys", 0);
    number(section, "latest_fork_usec", 0);
    write_unused(section, unused);
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

/* Who has to be heard before expired values go, as names with commas. */
static void write_safe_time_holders(struct section *section)
{
    const struct message_expiry_state *state = &section->view->expiry;
    char holders[EXPIRY_HOLDERS_MAX * 12 + 1] = "";
    for (uint8_t i = 0, length = 0; i < state->holder_count && length < 200; i++)
        length = (uint8_t)(length + snprintf(holders + length, sizeof holders - length, "%sn%u",
                                             i > 0 ? "," : "", state->holders[i].node));
    field(section, "ring_safe_time_held_by", "%s", holders);
}

static void write_ring(struct section *section)
{
    const struct environment *environment = section->environment;
    const struct ring *ring = environment->ring;
    const struct ring_member *self = ring_member(ring, environment->self);
    number(section, "ring_node_id", environment->self);
    field(section, "ring_region", "%s", self == NULL ? "" : ring->regions[self->region].name);
    write_rows(section, METRICS_RING);
    field(section, "ring_store_state", "%s", section->view->store.state);
    write_safe_time_holders(section);
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
    struct metrics_view view;
    metrics_take(call_environment(call), call_now(call), &view);
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
            .view = &view,
            .start = out->length,
        };
        write_host_lines(&section, sections[i].title);
        section.host_end = out->length;
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
