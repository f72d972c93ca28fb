/*
 * client.c - a client's life, and the one function that moves its calls on: ringdb_advance().
 */
#include "client/client_state.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/slot.h"

enum {
    TIMEOUT_MS_DEFAULT = 10000,
    CONNECT_TIMEOUT_MS_DEFAULT = 1000,
    PIPELINE_DEFAULT = 1024,
    CALLS_DEFAULT = 65536,
    ATTEMPTS_DEFAULT = 16,
    RETRY_PERCENT = 10,    /* of calls may be tried again, */
    RETRY_PER_SECOND = 10, /* or so many in any case, */
    RETRY_SAVED = 100,     /* and so many at once */
    BUDGET_PAUSE_US = 100 * 1000,
    REFRESH_MS_DEFAULT = 30000,
    REPLY_BYTES_DEFAULT = 64 << 20,
    REPLY_BYTES_MIN = 64 << 10,
    PORT_DEFAULT = 6379,
    ROUNDS_MAX = 4 /* of sending in one ringdb_advance(), when nodes fail at once */
};

struct ringdb_bytes ringdb_bytes(const void *data, size_t length)
{
    return (struct ringdb_bytes){.data = data, .length = length};
}

struct ringdb_bytes ringdb_text(const char *text)
{
    return ringdb_bytes(text, text == NULL ? 0 : strlen(text));
}

const char *ringdb_error_name(enum ringdb_error error)
{
    static const char *const names[] = {"none",     "server",   "timeout", "connection",
                                        "protocol", "memory",   "invalid", "unsupported",
                                        "busy",     "cancelled"};
    return error < sizeof names / sizeof *names ? names[error] : "unknown";
}

static enum ringdb_error complain(char *message, enum ringdb_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum ringdb_error complain(char *message, enum ringdb_error error, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(message, RINGDB_MESSAGE_MAX, format, rest);
    va_end(rest);
    return error;
}

/* ---- birth and death ---- */

/* "HOST", "HOST:PORT", "[HOST]:PORT" -> a node. */
static enum ringdb_error add_way_in(struct ringdb *client, const char *text, size_t length,
                                    char *message)
{
    char address[MAP_ADDRESS_MAX];
    long port = PORT_DEFAULT;
    const char *colon = memrchr(text, ':', length);
    const char *bracket = memrchr(text, ']', length);
    size_t host_length = length;
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        char *end;
        host_length = (size_t)(colon - text);
        errno = 0;
        port = strtol(colon + 1, &end, 10);
        if (end != text + length || end == colon + 1 || errno != 0)
            port = -1;
    }
    if (host_length >= 2 && text[0] == '[' && text[host_length - 1] == ']') {
        text++;
        host_length -= 2;
    }
    if (!ringdb_address_text(ringdb_bytes(text, host_length), port, address))
        return complain(message, RINGDB_ERROR_INVALID, "\"%.*s\" is not HOST:PORT",
                        length > 80 ? 80 : (int)length, text);
    struct node *node = ringdb_node_get(client, address);
    if (node == NULL)
        return complain(message, RINGDB_ERROR_MEMORY, "there is no memory for the client");
    node->is_way_in = true;
    return RINGDB_ERROR_NONE;
}

static enum ringdb_error add_ways_in(struct ringdb *client, const char *hosts, char *message)
{
    enum ringdb_error error = RINGDB_ERROR_NONE;
    if (hosts == NULL || *hosts == '\0')
        return complain(message, RINGDB_ERROR_INVALID, "a client needs a host to begin with");
    while (error == RINGDB_ERROR_NONE) {
        size_t length = strcspn(hosts, ",");
        error = add_way_in(client, hosts, length, message);
        if (hosts[length] == '\0' || client->direct)
            break;
        hosts += length + 1;
    }
    return error;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value == 0 ? otherwise : value;
}

static bool copy_text(struct ringdb *client, const char *text, char **out)
{
    if (text == NULL)
        return true;
    *out = ringdb_memory_text(&client->memory, text);
    return *out != NULL;
}

static void set_options(struct ringdb *client, const struct ringdb_options *options)
{
    uint64_t seed = options->seed;
    if (seed == 0 && getentropy(&seed, sizeof seed) != 0)
        seed = ringdb_now_us();
    client->random = random_make(seed);
    client->keyspace = options->keyspace;
    client->direct = options->direct;
    client->timeout_ms = or_default(options->timeout_ms, TIMEOUT_MS_DEFAULT);
    client->connect_timeout_ms =
        or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS_DEFAULT);
    client->connections_per_node = or_default(options->connections_per_node, 1);
    client->pipeline_max = or_default(options->pipeline_max, PIPELINE_DEFAULT);
    client->calls_max = or_default(options->calls_max, CALLS_DEFAULT);
    client->attempts_max = or_default(options->attempts_max, ATTEMPTS_DEFAULT);
    client->retry_budget = retry_budget_make(RETRY_PERCENT, RETRY_PER_SECOND, RETRY_SAVED);
    client->refresh_ms = or_default(options->refresh_ms, REFRESH_MS_DEFAULT);
    client->reply_bytes_max =
        options->reply_bytes_max == 0 ? REPLY_BYTES_DEFAULT : options->reply_bytes_max;
    client->watch = options->watch;
    client->watch_context = options->watch_context;
}

enum ringdb_error ringdb_new(const struct ringdb_options *options, struct ringdb **out,
                             char *message)
{
    struct ringdb_memory memory = ringdb_memory_make(options->resize, options->resize_context);
    message[0] = '\0';
    if (options->connections_per_node > CONNECTIONS_PER_NODE_MAX)
        return complain(message, RINGDB_ERROR_INVALID, "connections_per_node is at most %d",
                        CONNECTIONS_PER_NODE_MAX);
    if (options->reply_bytes_max > 0 && options->reply_bytes_max < REPLY_BYTES_MIN)
        return complain(message, RINGDB_ERROR_INVALID, "reply_bytes_max is at least %d",
                        REPLY_BYTES_MIN);
    if (options->user != NULL && options->password == NULL)
        return complain(message, RINGDB_ERROR_INVALID, "a user needs a password");
    struct ringdb *client = ringdb_memory_new(&memory, sizeof *client);
    if (client == NULL)
        return complain(message, RINGDB_ERROR_MEMORY, "there is no memory for the client");
    client->memory = memory;
    set_options(client, options);
    enum ringdb_error error = RINGDB_ERROR_NONE;
    if (!copy_text(client, options->region, &client->region) ||
        !copy_text(client, options->user, &client->user) ||
        !copy_text(client, options->password, &client->password))
        error = complain(message, RINGDB_ERROR_MEMORY, "there is no memory for the client");
    if (error == RINGDB_ERROR_NONE && options->tls)
        error = ringdb_tls_new(options, &client->memory, &client->tls, message);
    if (error == RINGDB_ERROR_NONE)
        error = add_ways_in(client, options->hosts, message);
    if (error == RINGDB_ERROR_NONE)
        *out = client;
    else
        ringdb_free(client);
    return error;
}

/* Call `done` for all; those that were sent stay as LEFT with their connections. */
static void cancel_all(struct ringdb *client)
{
    client->calls_max = 0; /* `done` may ask for more, in vain */
    while (client->due.count > 0) {
        struct call *call = client->due.items[client->due.count - 1];
        if (call->state == CALL_SENT)
            call->uncertain = call->uncertain || !call->read_only;
        else if (call->state == CALL_READY)
            ringdb_call_list_remove(&client->ready, call);
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_CANCELLED, NULL,
                              "the client was ended");
    }
}

void ringdb_free(struct ringdb *client)
{
    if (client == NULL)
        return;
    struct ringdb_memory memory = client->memory;
    for (struct node *node = client->nodes; node != NULL; node = node->next) {
        client->direct = false;
        ringdb_node_release(client, node);
    }
    cancel_all(client);
    while (client->connection_count > 0)
        ringdb_connection_close(client, client->connections[client->connection_count - 1],
                                RINGDB_ERROR_CANCELLED, "the client was ended");
    assert(client->ready.count == 0 && client->call_count == 0);
    ringdb_ring_free(client);
    ringdb_nodes_free(client);
    ringdb_due_heap_deinit(&client->due, &memory);
    ringdb_tls_free(client->tls, &memory);
    ringdb_memory_free(&memory, client->connections);
    ringdb_memory_free(&memory, client->by_fd);
    ringdb_memory_free(&memory, client->region);
    ringdb_memory_free(&memory, client->user);
    if (client->password != NULL)
        explicit_bzero(client->password, strlen(client->password));
    ringdb_memory_free(&memory, client->password);
    ringdb_memory_free(&memory, client);
}

/* ---- calls come ---- */

enum ringdb_error ringdb_submit(struct ringdb *client, const struct ringdb_call *from,
                                uint64_t now_us, char *message)
{
    char nobody[RINGDB_MESSAGE_MAX];
    struct call *call;
    if (message == NULL)
        message = nobody;
    message[0] = '\0';
    if (client->call_count >= client->calls_max)
        return complain(message, RINGDB_ERROR_BUSY, "%zu calls are under way already",
                        client->call_count);
    if (!ringdb_due_heap_reserve(&client->due, &client->memory))
        return complain(message, RINGDB_ERROR_MEMORY, "there is no memory for the call");
    enum ringdb_error error =
        ringdb_call_new(&client->memory, from, now_us, client->timeout_ms, &call, message);
    if (error != RINGDB_ERROR_NONE)
        return error;
    client->call_count++;
    retry_budget_earn(&client->retry_budget);
    ringdb_due_heap_add(&client->due, call);
    ringdb_client_make_ready(client, call);
    return RINGDB_ERROR_NONE;
}

void ringdb_client_make_ready(struct ringdb *client, struct call *call)
{
    call->state = CALL_READY;
    ringdb_call_list_append(&client->ready, call);
}

static void set_due(struct ringdb *client, struct call *call, uint64_t due_us)
{
    ringdb_due_heap_remove(&client->due, call);
    call->due_us = due_us;
    ringdb_due_heap_add(&client->due, call);
}

void ringdb_client_pause(struct ringdb *client, struct call *call, uint64_t until_us)
{
    call->state = CALL_PAUSED;
    set_due(client, call, until_us < call->deadline_us ? until_us : call->deadline_us);
}

/* ---- calls go ---- */

/* Calls whose time or whose pause is over. */
static void take_due(struct ringdb *client)
{
    for (;;) {
        struct call *call = ringdb_due_heap_first(&client->due);
        if (call == NULL || call->due_us > client->now_us)
            return;
        if (call->deadline_us > client->now_us) {
            set_due(client, call, call->deadline_us);
            ringdb_client_make_ready(client, call);
            continue;
        }
        if (call->state == CALL_READY)
            ringdb_call_list_remove(&client->ready, call);
        else if (call->state == CALL_QUEUED)
            ringdb_call_list_remove(&call->queued_at->queue, call);
        ringdb_outcome_late(client, call);
    }
}

/*
 * When a connection is given up: it must be OPEN by a moment; and an answer that its caller waits
 * for no longer must not keep it for ever. The latter takes long, for others may wait behind.
 */
static uint64_t connection_deadline_us(const struct ringdb *client, const struct connection *c)
{
    if (c->state != CONNECTION_OPEN)
        return c->deadline_us;
    if (c->calls.first == NULL || c->calls.first->state != CALL_LEFT)
        return UINT64_MAX;
    return c->heard_us + ((uint64_t)client->connect_timeout_ms + client->timeout_ms) * 1000;
}

static void close_late_connections(struct ringdb *client)
{
    for (size_t i = client->connection_count; i > 0; i--) {
        if (i > client->connection_count)
            continue;
        struct connection *c = client->connections[i - 1];
        if (connection_deadline_us(client, c) <= client->now_us)
            ringdb_connection_close(client, c, RINGDB_ERROR_TIMEOUT, "it did not answer in time");
    }
}

/*
 * Whether a call may be sent now. While all calls fail, trying each again would add to what the
 * servers cannot bear: what the budget does not allow waits, until its deadline at the latest.
 */
static bool may_send(struct ringdb *client, struct call *call)
{
    if (call->attempts == 0 || call->internal || call->may_repeat)
        return true;
    if (!retry_budget_allows(&client->retry_budget, client->now_us))
        return false;
    retry_budget_spend(&client->retry_budget);
    call->may_repeat = true;
    return true;
}

/* Give each call that is ready to a node. */
static void place_ready(struct ringdb *client)
{
    for (size_t left = client->ready.count; left > 0; left--) {
        struct call *call = client->ready.first;
        uint64_t when_us;
        struct node *node = ringdb_node_choose(client, call, &when_us);
        ringdb_call_list_remove(&client->ready, call);
        if (node != NULL && !may_send(client, call)) {
            ringdb_client_pause(client, call, client->now_us + BUDGET_PAUSE_US);
            continue;
        }
        if (node == NULL) {
            ringdb_client_pause(client, call, when_us);
            continue;
        }
        call->state = CALL_QUEUED;
        call->queued_at = node;
        ringdb_call_list_append(&node->queue, call);
    }
}

/* Connections take turns; an idle one is better than a busy one. NULL: none has room. */
static struct connection *choose_connection(struct ringdb *client, struct node *node)
{
    struct connection *best = NULL;
    struct connection *c = node->next_to_use != NULL ? node->next_to_use : node->connections;
    for (unsigned i = 0; i < node->connection_count; i++) {
        if (ringdb_connection_has_room(client, c) &&
            (best == NULL || c->calls.count < best->calls.count))
            best = c;
        if (best != NULL && best->calls.count == 0)
            break;
        c = c->next != NULL ? c->next : node->connections;
    }
    if (best != NULL)
        node->next_to_use = best->next;
    return best;
}

/* A node that failed is tried in the background; calls come once that has worked. */
static bool is_probed(const struct ringdb *client, const struct node *node)
{
    return node->failures > 0 && node->connection_count == 0 && client->call_count > 0 &&
           !client->direct && (node->is_way_in || node->in_map);
}

/* As many as the calls that wait, unless the first one has yet to show that the node is there. */
static unsigned connections_wanted(const struct ringdb *client, const struct node *node)
{
    size_t idle = node->connection_count - node->open_count; /* on their way */
    if (node->failures > 0 && node->retry_us > client->now_us && !client->direct)
        return 0;
    if (is_probed(client, node))
        return 1;
    if (node->queue.count == 0 || node->connection_count >= client->connections_per_node)
        return 0;
    if (node->open_count == 0)
        return idle == 0;
    for (const struct connection *c = node->connections; c != NULL; c = c->next)
        idle += c->state == CONNECTION_OPEN && c->calls.count == 0;
    unsigned allowed = client->connections_per_node - node->connection_count;
    size_t missing = node->queue.count > idle ? node->queue.count - idle : 0;
    return missing < allowed ? (unsigned)missing : allowed;
}

static void open_connections(struct ringdb *client, struct node *node)
{
    for (unsigned count = connections_wanted(client, node); count > 0; count--) {
        if (!ringdb_connection_open(client, node))
            return;
    }
}

static void write_queue(struct ringdb *client, struct node *node)
{
    while (node->queue.first != NULL) {
        struct connection *c = choose_connection(client, node);
        if (c == NULL)
            return;
        struct call *call = node->queue.first;
        ringdb_call_list_remove(&node->queue, call);
        call->state = CALL_READY;
        if (!ringdb_connection_take(client, c, call))
            ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_MEMORY, NULL,
                                  "there is no memory for the request");
    }
}

static void flush_all(struct ringdb *client)
{
    for (size_t i = client->connection_count; i > 0; i--) {
        if (i > client->connection_count)
            continue;
        struct connection *c = client->connections[i - 1];
        if (ringdb_connection_flush(client, c))
            ringdb_connection_tell(client, c);
    }
}

void ringdb_advance(struct ringdb *client, uint64_t now_us)
{
    client->now_us = now_us;
    take_due(client);
    close_late_connections(client);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        ringdb_ring_advance(client);
        place_ready(client);
        for (struct node *node = client->nodes; node != NULL; node = node->next) {
            open_connections(client, node);
            write_queue(client, node);
        }
        flush_all(client);
        if (client->ready.count == 0 && client->new_map == NULL)
            break;
    }
}

uint64_t ringdb_deadline_us(const struct ringdb *client)
{
    struct call *first = ringdb_due_heap_first(&client->due);
    uint64_t due_us = ringdb_ring_deadline_us(client);
    if (client->ready.count > 0)
        return 0;
    if (first != NULL && first->due_us < due_us)
        due_us = first->due_us;
    for (size_t i = 0; i < client->connection_count; i++) {
        uint64_t own_us = connection_deadline_us(client, client->connections[i]);
        due_us = own_us < due_us ? own_us : due_us;
    }
    for (const struct node *node = client->nodes; node != NULL; node = node->next) {
        bool probes = node->failures > 0 && node->connection_count == 0 && client->call_count > 0 &&
                      !client->direct;
        if (probes && node->retry_us < due_us)
            due_us = node->retry_us;
    }
    return due_us;
}

void ringdb_ready(struct ringdb *client, int fd, unsigned events, uint64_t now_us)
{
    client->now_us = now_us;
    if (fd < 0 || (size_t)fd >= client->fd_capacity || client->by_fd[fd] == NULL)
        return;
    ringdb_connection_ready(client, client->by_fd[fd], events);
}

/* ---- questions ---- */

size_t ringdb_wait_count(const struct ringdb *client)
{
    return client->connection_count;
}

struct ringdb_wait ringdb_wait_at(const struct ringdb *client, size_t index)
{
    assert(index < client->connection_count);
    const struct connection *c = client->connections[index];
    return (struct ringdb_wait){.fd = c->fd, .events = ringdb_connection_events(c)};
}

size_t ringdb_open_calls(const struct ringdb *client)
{
    return client->call_count;
}

void ringdb_state(const struct ringdb *client, struct ringdb_state *out)
{
    *out = (struct ringdb_state){.ring_known = client->map.range_count > 0,
                                 .refreshes = client->refreshes,
                                 .retries = client->retries,
                                 .connections_lost = client->connections_lost,
                                 .last_error = client->last_error};
    for (const struct node *node = client->nodes; node != NULL; node = node->next) {
        out->nodes++;
        out->nodes_connected += node->open_count > 0;
        out->connections += node->open_count;
    }
}

const char *ringdb_route(const struct ringdb *client, struct ringdb_bytes key)
{
    const struct map_range *range =
        ringdb_map_find(&client->map, ring_slot(slice_make(key.data, key.length)));
    return range == NULL ? NULL : ringdb_node_nearest(client, range);
}
