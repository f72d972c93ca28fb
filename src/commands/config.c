/*
 * config.c - CONFIG: the settings of the node, and what clients ask a Redis for.
 *
 * Clients look for names such as save, appendonly or maxmemory to learn how a server
 * behaves. Those that have no setting behind them are answered with the value that
 * tells the truth about RingDB; setting such a name to the value it has is accepted,
 * to any other it is an error. A name that the host knows is the host's.
 */
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/introspection.h"

struct parameter {
    const char *name;
    const char *fixed; /* the value; NULL: `get` writes it */
    void (*get)(const struct environment *environment, struct buffer *out);
    /* NULL: it cannot be changed. false: not a value for it. */
    bool (*set)(struct environment *environment, struct slice value);
};

static void get_slower_than(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%lld", (long long)environment->introspection->slower_than_us);
}

static bool set_slower_than(struct environment *environment, struct slice value)
{
    int64_t microseconds;
    if (!parse_integer(value, &microseconds) || microseconds < -1)
        return false;
    environment->introspection->slower_than_us = microseconds;
    return true;
}

static void get_slow_max(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%u", environment->introspection->slow_max);
}

static bool set_slow_max(struct environment *environment, struct slice value)
{
    uint64_t maximum;
    if (!parse_unsigned(value, &maximum) || maximum > SLOW_ENTRIES_MAX)
        return false;
    introspection_slow_resize(environment->introspection, (uint32_t)maximum);
    return true;
}

static void get_latency_threshold(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%llu",
                  (unsigned long long)environment->introspection->latency.threshold_ms);
}

static bool set_latency_threshold(struct environment *environment, struct slice value)
{
    uint64_t ms;
    if (!parse_unsigned(value, &ms) || ms > LATENCY_THRESHOLD_MS_MAX)
        return false;
    environment->introspection->latency.threshold_ms = ms;
    return true;
}

static void get_cluster_mode(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%s",
                  environment->cluster_mode == CLUSTER_MODE_EMULATED ? "emulated" : "no");
}

static bool set_cluster_mode(struct environment *environment, struct slice value)
{
    if (slice_is_word(value, "emulated"))
        environment->cluster_mode = CLUSTER_MODE_EMULATED;
    else if (slice_is_word(value, "no"))
        environment->cluster_mode = CLUSTER_MODE_NO;
    else
        return false;
    return true;
}

static void get_cluster_enabled(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%s", environment->cluster_mode == CLUSTER_MODE_EMULATED ? "yes" : "no");
}

/* One more than the highest keyspace's number. */
static void get_databases(const struct environment *environment, struct buffer *out)
{
    const struct ring *ring = environment->ring;
    unsigned count =
        ring->keyspace_count == 0 ? 1 : ring->keyspaces[ring->keyspace_count - 1].number + 1u;
    buffer_printf(out, "%u", count);
}

static void get_value_bytes(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%u", environment->settings->value_bytes_max);
}

static void get_request_bytes(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%u", environment->settings->request_bytes_max);
}

static void get_clients(const struct environment *environment, struct buffer *out)
{
    buffer_printf(out, "%u", environment->settings->clients_max);
}

static void get_port(const struct environment *environment, struct buffer *out)
{
    const struct ring_member *self = ring_member(environment->ring, environment->self);
    buffer_printf(out, "%u", self == NULL ? 0 : self->client.port);
}

static const struct parameter parameters[] = {
    {"acllog-max-len", "128", NULL, NULL},
    {"appendfsync", "always", NULL, NULL},
    {"appendonly", "yes", NULL, NULL},
    {"client-query-buffer-limit", NULL, get_request_bytes, NULL},
    {"cluster-enabled", NULL, get_cluster_enabled, NULL},
    {"cluster-mode", NULL, get_cluster_mode, set_cluster_mode},
    {"cluster-require-full-coverage", "no", NULL, NULL},
    {"databases", NULL, get_databases, NULL},
    {"hz", "10", NULL, NULL},
    {"latency-monitor-threshold", NULL, get_latency_threshold, set_latency_threshold},
    {"latency-tracking", "yes", NULL, NULL},
    {"maxclients", NULL, get_clients, NULL},
    {"maxmemory", "0", NULL, NULL},
    {"maxmemory-policy", "noeviction", NULL, NULL},
    {"notify-keyspace-events", "", NULL, NULL},
    {"port", NULL, get_port, NULL},
    {"proto-max-bulk-len", NULL, get_value_bytes, NULL},
    {"replica-read-only", "yes", NULL, NULL},
    {"requirepass", "", NULL, NULL},
    {"save", "", NULL, NULL},
    {"slave-read-only", "yes", NULL, NULL},
    {"slowlog-log-slower-than", NULL, get_slower_than, set_slower_than},
    {"slowlog-max-len", NULL, get_slow_max, set_slow_max},
    {"timeout", "0", NULL, NULL},
};

enum { PARAMETER_COUNT = sizeof parameters / sizeof parameters[0] };

static void parameter_value(const struct environment *environment,
                            const struct parameter *parameter, struct buffer *out)
{
    if (parameter->get != NULL)
        parameter->get(environment, out);
    else
        buffer_printf(out, "%s", parameter->fixed);
}

/* The host's spelling of a setting's name; NULL: it has no such setting. */
static const char *host_name_of(const struct environment *environment, struct slice name)
{
    const char *at = NULL;
    if (environment->config_next == NULL)
        return NULL;
    while ((at = environment->config_next(at)) != NULL) {
        if (slice_is_word(name, at))
            return at;
    }
    return NULL;
}

static const struct parameter *find_parameter(struct slice name)
{
    for (unsigned i = 0; i < PARAMETER_COUNT; i++) {
        if (slice_is_word(name, parameters[i].name))
            return &parameters[i];
    }
    return NULL;
}

/* false: nobody has this name. */
static bool value_of(const struct environment *environment, struct slice name, struct buffer *out)
{
    const char *host = host_name_of(environment, name);
    const struct parameter *parameter = find_parameter(name);
    if (host != NULL)
        return environment->config_get(environment->host, host, out);
    if (parameter == NULL)
        return false;
    parameter_value(environment, parameter, out);
    return true;
}

/* ---- CONFIG GET ---- */

static bool is_wanted(const struct call *call, const char *name)
{
    for (uint32_t i = 2; i < call->argument_count; i++) {
        if (glob_matches(call_argument(call, i), slice_text(name), true))
            return true;
    }
    return false;
}

static void add_pair(struct call *call, const char *name, uint32_t *count)
{
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    struct buffer value = {0};
    if (!is_wanted(call, name))
        return;
    if (value_of(call_environment(call), slice_text(name), &value)) {
        resp_writer_bulk(writer, slice_text(name));
        resp_writer_bulk(writer, buffer_slice(&value));
        (*count)++;
    }
    buffer_deinit(&value);
}

static void start_get(struct call *call)
{
    const struct environment *environment = call_environment(call);
    uint32_t count = 0;
    const char *name = NULL;
    if (environment->config_next != NULL) {
        while ((name = environment->config_next(name)) != NULL)
            add_pair(call, name, &count);
    }
    for (unsigned i = 0; i < PARAMETER_COUNT; i++) {
        if (host_name_of(environment, slice_text(parameters[i].name)) == NULL)
            add_pair(call, parameters[i].name, &count);
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

/* ---- CONFIG SET ---- */

/* false: `reason` says why not. */
static bool set_value(struct environment *environment, struct slice name, struct slice value,
                      struct buffer *reason)
{
    const char *host = host_name_of(environment, name);
    const struct parameter *parameter = find_parameter(name);
    struct buffer present = {0};
    bool done = false;
    if (host != NULL)
        return environment->config_set(environment->host, host, value, reason) == STATUS_OK;
    parameter_value(environment, parameter, &present);
    if (parameter->set != NULL)
        done = parameter->set(environment, value);
    else
        done = slice_equal(value, buffer_slice(&present));
    if (!done && slice_is_word(name, "requirepass"))
        buffer_printf(reason, "passwords are of users, and users of the whole cluster: use ACL "
                              "SETUSER default >password");
    else if (!done)
        buffer_printf(reason, "%s",
                      parameter->set != NULL ? "argument is not a value for it"
                                             : "can't set immutable config");
    buffer_deinit(&present);
    return done;
}

/* false: a name is not there or is there twice, and the error is sent. */
static bool check_names(struct call *call)
{
    for (uint32_t i = 2; i < call->argument_count; i += 2) {
        struct slice name = call_argument(call, i);
        int shown = name.length > 128 ? 128 : (int)name.length;
        if (host_name_of(call_environment(call), name) == NULL && find_parameter(name) == NULL) {
            call_reply_error(call,
                             "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                             shown, (const char *)name.data);
            return false;
        }
        for (uint32_t j = 2; j < i; j += 2) {
            if (!slice_equal(name, call_argument(call, j)))
                continue;
            call_reply_error(call,
                             "ERR CONFIG SET failed (possibly related to argument '%.*s') - "
                             "duplicate parameter",
                             shown, (const char *)name.data);
            return false;
        }
    }
    return true;
}

/* All or none: when one is refused, those before it get their old values back. */
static void start_set(struct call *call)
{
    struct environment *environment = call_environment(call);
    struct buffer old[8] = {{0}};
    struct buffer reason = {0};
    uint32_t pairs = (call->argument_count - 2) / 2, done = 0;
    if (call->argument_count % 2 == 1) {
        call_reply_error(call, "ERR wrong number of arguments for 'config|set' command");
        return;
    }
    if (pairs > sizeof old / sizeof old[0]) {
        call_reply_error(call, "ERR CONFIG SET takes at most %zu settings at once",
                         sizeof old / sizeof old[0]);
        return;
    }
    if (!check_names(call))
        return;
    for (; done < pairs; done++) {
        struct slice name = call_argument(call, 2 + 2 * done);
        (void)value_of(environment, name, &old[done]);
        if (!set_value(environment, name, call_argument(call, 3 + 2 * done), &reason))
            break;
    }
    if (done == pairs) {
        call_reply_ok(call);
    } else {
        struct slice name = call_argument(call, 2 + 2 * done);
        call_reply_error(call, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %.*s",
                         (int)name.length, (const char *)name.data, (int)reason.length,
                         (const char *)reason.data);
        while (done-- > 0) {
            struct buffer ignored = {0};
            (void)set_value(environment, call_argument(call, 2 + 2 * done),
                            buffer_slice(&old[done]), &ignored);
            buffer_deinit(&ignored);
        }
    }
    for (uint32_t i = 0; i < sizeof old / sizeof old[0]; i++)
        buffer_deinit(&old[i]);
    buffer_deinit(&reason);
}

static void start_resetstat(struct call *call)
{
    struct environment *environment = call_environment(call);
    *environment->statistics = (struct node_statistics){0};
    introspection_counters_clear(environment->introspection);
    call_reply_ok(call);
}

static void start_rewrite(struct call *call)
{
    struct environment *environment = call_environment(call);
    struct buffer reason = {0};
    if (environment->config_rewrite == NULL)
        call_reply_error(call, "ERR The server is running without a config file");
    else if (environment->config_rewrite(environment->host, &reason) != STATUS_OK)
        call_reply_error(call, "ERR Rewriting config file: %.*s", (int)reason.length,
                         (const char *)reason.data);
    else
        call_reply_ok(call);
    buffer_deinit(&reason);
}

#define CONFIG_ROW(word, version, count, arguments, tip, what)                                     \
    {                                                                                              \
        .name = #word, .container = "config", .group = "server", .since = version,                 \
        .summary = what, .complexity = "O(N) in the number of settings.", .syntax = arguments,     \
        .tips = tip, .arity = count, .access = ACCESS_ALONE,                                       \
        .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,               \
        .start = start_##word,                                                                     \
    }

static const struct command config_subcommands[] = {
    CONFIG_ROW(get, "2.0.0", -3, "parameter [parameter ...]", NULL,
               "Settings of this node whose names match."),
    HELP_ROW("config", "5.0.0", 0),
    CONFIG_ROW(resetstat, "2.0.0", 2, "", NULL, "Sets the counters of INFO to zero."),
    CONFIG_ROW(rewrite, "2.8.0", 2, "", NULL,
               "Writes the settings in force to the configuration file."),
    CONFIG_ROW(set, "2.0.0", -4, "parameter value [parameter value ...]",
               "request_policy:all_nodes response_policy:all_succeeded",
               "Changes settings of this node, all or none."),
    {0},
};

const struct command command_config = {
    .name = "config",
    .group = "server",
    .since = "2.0.0",
    .summary = "Shows and changes settings of this node.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = config_subcommands,
};
