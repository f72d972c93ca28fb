#include <config.h>

#include "ringd/server.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "net/loop.h"
#include "node/node.h"
#include "ringd/data_directory.h"
#include "ringd/host_metrics.h"
#include "ringd/http_pages.h"
#include "ringd/information.h"
#include "ringd/log_file.h"
#include "ringd/message_mac.h"
#include "ringd/password_hash.h"
#include "ringd/password_worker.h"
#include "ringd/service_notify.h"
#include "ringd/ring_plan.h"
#include "ringd/tls_keeper.h"
#include "store/quarantine.h"
#include "store/store_engine.h"
#include "wire/frame.h"
#include "wire/message.h"

enum { SPARE_DESCRIPTORS = 256 }; /* peers, listeners, log, and what the libraries open */

struct server {
    struct server_params params;
    struct log_sink log;
    struct register_value *first; /* the ring file */
    const struct ring *ring;      /* of it */
    struct identity identity;
    struct tls_keeper tls;
    struct loop *loop;
    struct store_engine *engine;
    struct node *node;
    struct password_worker *passwords;
    struct http_server *http;
    struct ev_signal terminate;
    struct ev_signal interrupt;
    struct ev_signal hang_up;
    bool ending;
    bool store_stopped;
    struct rebuild_cause damage;
    struct quarantine_history history;
};

void server_store_params(const struct config_values *values, struct leveldb_store_params *out)
{
    leveldb_store_params_init(out);
    out->write_buffer_bytes = values->store_write_buffer_bytes;
    out->block_cache_bytes = values->store_block_cache_bytes;
    out->open_files_max = (int)values->store_open_files_max;
}

/* A data directory that is not there becomes a ring of one node. */
static enum status initialise(const struct server *server, struct buffer *reason)
{
    const struct config_values *values = &server->params.config->values;
    node_id node = values->node_id != 0 ? values->node_id : 1;
    struct leveldb_store_params store;
    struct ring_random random;
    enum status status = ring_random_draw(&random, reason);
    if (status != STATUS_OK)
        return status;
    struct ring *ring = ring_plan_one_node(node, config_client_address(values),
                                           config_peer_address(values), &random);
    struct register_value *value = register_value_first(ring);
    server_store_params(values, &store);
    status = data_directory_initialise(values->data_dir, value, node, 0, &store, reason);
    register_value_free(value);
    ring_free(ring);
    if (status == STATUS_OK)
        log_line(&server->log, LOG_INFO, "initialised a ring of one node data-dir=%s node=%" PRIu32,
                 values->data_dir, node);
    return status;
}

static bool same_address(const struct ring_address *a, const struct ring_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Clients and peers are told what stands in the ring, so it must be where this process is. */
static enum status check_address(const char *setting, const struct ring_address *in_ring,
                                 const struct ring_address *own, struct buffer *reason)
{
    char ring_text[ADDRESS_TEXT_MAX], own_text[ADDRESS_TEXT_MAX];
    if (same_address(in_ring, own))
        return STATUS_OK;
    buffer_printf(reason,
                  "the ring has this node at %s, but %s makes it %s; the address of a member "
                  "cannot be changed yet",
                  address_format(in_ring, ring_text), setting, address_format(own, own_text));
    return STATUS_INVALID;
}

static enum status read_directory(struct server *server, struct buffer *reason)
{
    const struct config_values *values = &server->params.config->values;
    enum status status = STATUS_OK;
    if (!data_directory_exists(values->data_dir))
        status = initialise(server, reason);
    if (status == STATUS_OK)
        status = data_directory_read(values->data_dir, values->node_id, &server->first,
                                     &server->identity, reason);
    if (status != STATUS_OK)
        return status;
    server->ring = server->first->ring;
    const struct ring_member *self = ring_member(server->ring, server->identity.node);
    status =
        check_address("listen or advertise", &self->client, config_client_address(values), reason);
    if (status == STATUS_OK)
        status = check_address("peer-listen or peer-advertise", &self->peer,
                               config_peer_address(values), reason);
    return status;
}

/* Enough descriptors for clients-max and the store, as far as the system allows. */
static void raise_descriptor_limit(const struct server *server)
{
    const struct config_values *values = &server->params.config->values;
    rlim_t wanted =
        (rlim_t)values->settings.clients_max + values->store_open_files_max + SPARE_DESCRIPTORS;
    if (values->tls_listen.count > 0)
        wanted += values->settings.tls_handshakes_max;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_line(&server->log, LOG_WARN,
                 "fewer descriptors than clients-max may need allowed=%" PRIu64 " wanted=%" PRIu64,
                 (uint64_t)limit.rlim_cur, (uint64_t)wanted);
}

static enum status submit_write(void *context, struct slice frame)
{
    struct server *server = context;
    return store_engine_submit_write(server->engine, frame);
}

static enum status submit_read(void *context, struct slice frame)
{
    struct server *server = context;
    return store_engine_submit_read(server->engine, frame);
}

static void take_replies(void *context, struct buffer *replies)
{
    struct server *server = context;
    store_engine_take_replies(server->engine, replies);
}

/* The node learns by the request's number that its frame was not taken. */
static void refused(void *context, struct slice frame, enum status why, struct buffer *replies)
{
    struct frame parsed;
    size_t used;
    (void)context;
    (void)why;
    enum status status = frame_open(frame, &parsed, &used);
    assert(status == STATUS_OK); /* our own node made it */
    frame_finish_inside(replies, frame_start(replies, MESSAGE_STORE_REFUSED, parsed.request, 0));
}

/* Nothing more is answered: the loop ends with this turn. */
static void give_up_store(struct server *server, const char *why, uint16_t above)
{
    struct rebuild_cause *damage = &server->damage;
    if (damage->found)
        return;
    damage->found = true;
    damage->above = above;
    damage->majority_is_lost = !node_can_rebuild(server->node);
    snprintf(damage->why, sizeof damage->why, "%s", why);
    loop_stop(server->loop);
}

static void quarantine(void *context, uint16_t above, struct slice why)
{
    struct server *server = context;
    char text[STORE_REASON_MAX];
    snprintf(text, sizeof text, "%.*s", (int)why.length, (const char *)why.data);
    give_up_store(server, text, above);
    store_engine_quarantine(server->engine, text);
}

static enum status condition(void *context)
{
    struct server *server = context;
    const char *damage;
    if (store_engine_is_damaged(server->engine, &damage))
        give_up_store(server, damage, 0);
    if (store_engine_free_space_low(server->engine))
        return STATUS_NO_SPACE;
    return store_engine_stalled(server->engine) ? STATUS_OVERLOADED : STATUS_OK;
}

static void submit_password(void *context, struct slice job)
{
    struct server *server = context;
    password_worker_submit(server->passwords, job);
}

static void take_hashes(void *context, struct buffer *results)
{
    struct server *server = context;
    password_worker_take(server->passwords, results);
}

static enum status make_loop(struct server *server)
{
    const struct config_values *values = &server->params.config->values;
    struct loop_params params = {
        .self = server->identity.node,
        .ring = server->ring,
        .settings = &values->settings,
        .log = server->log,
        .tls = server->tls.tls,
        .store = {.context = server,
                  .submit_write = submit_write,
                  .submit_read = submit_read,
                  .take_replies = take_replies,
                  .refused = refused,
                  .condition = condition,
                  .quarantine = quarantine},
        .passwords = {.context = server, .submit = submit_password, .take_results = take_hashes},
        .client_listen_count = values->listen.count,
        .tls_listen_count = values->tls_listen.count,
        .peer_listen_count = values->peer_listen.count};
    _Static_assert((int)CONFIG_ADDRESSES_MAX <= (int)LOOP_LISTEN_MAX, "all listeners fit");
    memcpy(params.client_listen, values->listen.items, sizeof values->listen.items);
    memcpy(params.tls_listen, values->tls_listen.items, sizeof values->tls_listen.items);
    memcpy(params.peer_listen, values->peer_listen.items, sizeof values->peer_listen.items);
    return loop_new(&params, &server->loop);
}

static void wake(void *context)
{
    struct server *server = context;
    loop_wake(server->loop);
}

static enum status start_password_worker(struct server *server, struct buffer *reason)
{
    enum status status = password_worker_start(wake, server, &server->passwords);
    if (status != STATUS_OK)
        buffer_printf(reason, "there is no thread for hashes of passwords: %s", strerror(errno));
    return status;
}

static enum status start_store(struct server *server, struct buffer *reason)
{
    const struct config_values *values = &server->params.config->values;
    char why[STORE_REASON_MAX] = "";
    struct store_engine_params params;
    store_engine_params_init(&params);
    server_store_params(values, &params.store);
    params.data_path = values->data_dir;
    params.ring = server->ring;
    params.settings = &values->settings;
    params.sync = (enum store_sync)values->store_sync;
    params.read_threads = values->store_read_threads;
    params.floor.bytes = values->free_space_min_bytes;
    params.floor.percent = values->free_space_min_percent;
    params.wake = wake;
    params.wake_context = server;
    if (getentropy(&params.life, sizeof params.life) != 0) {
        buffer_printf(reason, "the system gives no random numbers: %s", strerror(errno));
        return STATUS_IO;
    }
    params.log = server->log;
    enum status status = store_engine_start(&params, &server->engine, why);
    if (status != STATUS_OK)
        buffer_append_slice(reason, slice_text(why));
    return status;
}

/* A store that is found damaged now cannot ask the others; it is set aside, not destroyed. */
static enum status start_store_or_rebuild(struct server *server, struct buffer *reason)
{
    const struct config_values *values = &server->params.config->values;
    struct rebuild_cause cause = {.found = true};
    size_t before = reason->length;
    enum status status = start_store(server, reason);
    if (status != STATUS_CORRUPT)
        return status;
    snprintf(cause.why, sizeof cause.why, "%.*s", (int)(reason->length - before),
             (const char *)reason->data + before);
    reason->length = before;
    status = rebuild_store(values, server->ring, &cause, &server->log, reason);
    return status == STATUS_OK ? start_store(server, reason) : status;
}

static struct log_sink audit_sink(const struct server *server)
{
    if (server->params.audit == NULL)
        return (struct log_sink){0};
    return log_file_sink(server->params.audit, LOG_INFO);
}

static enum status start_node(struct server *server, struct buffer *reason)
{
    const struct identity *identity = store_engine_identity(server->engine);
    struct node_params params = {.self = identity->node,
                                 .storage_incarnation = identity->storage_incarnation,
                                 .boot_epoch = identity->boot_epoch,
                                 .ring = server->ring,
                                 .first = server->first,
                                 .settings = &server->params.config->values.settings,
                                 .log = server->log,
                                 .host = {.context = server,
                                          .version = PACKAGE_VERSION,
                                          .mac = message_mac,
                                          .hash_password = password_hash,
                                          .random_bytes = random_secret,
                                          .config_next = config_next,
                                          .config_get = server_config_get,
                                          .config_set = server_config_set,
                                          .tls_reload = server_tls_reload,
                                          .information = server_information,
                                          .stage = server_stage,
                                          .audit = audit_sink(server),
                                          .damage = {.times = server->history.times,
                                                     .last_ms = server->history.last_ms,
                                                     .reason = server->history.why}}};
    if (getentropy(&params.random_seed, sizeof params.random_seed) != 0) {
        buffer_printf(reason, "the system gives no random numbers: %s", strerror(errno));
        return STATUS_IO;
    }
    server->node = node_new(&params);
    return loop_start(server->loop, server->node);
}

/* What only the process knows, of now. */
static void take_host_view(const struct server *server, struct host_view *out)
{
    const struct tls_keeper *keeper = &server->tls;
    *out = (struct host_view){.damage_times = server->history.times,
                              .damage_last_ms = server->history.last_ms};
    host_usage_take(&out->usage);
    loop_statistics(server->loop, &out->loop);
    store_engine_stats(server->engine, &out->store);
    if (keeper->tls == NULL)
        return;
    out->tls = (struct host_tls){.reloads = keeper->reloads,
                                 .failures = keeper->reload_failures,
                                 .loaded_s = keeper->loaded_s,
                                 .problem = keeper->problem.length > 0,
                                 .facts = keeper->tls->facts};
}

static void make_page(void *context, const struct http_request *request, struct http_page *page)
{
    const struct server *server = context;
    struct http_sources sources = {
        .node = server->node, .now = loop_now(), .ending = server->ending};
    take_host_view(server, &sources.host);
    http_pages_make(&sources, request, page);
}

static enum status start_http(struct server *server)
{
    struct http_server_params params = {.ev = loop_ev(server->loop),
                                        .log = server->log,
                                        .listen = server->params.config->values.http_listen,
                                        .make = make_page,
                                        .context = server};
    return http_server_new(&params, &server->http);
}

static void on_end_signal(struct ev_loop *ev, struct ev_signal *watcher, int events)
{
    struct server *server = watcher->data;
    (void)ev;
    (void)events;
    if (server->ending) {
        log_line(&server->log, LOG_WARN, "ended at once by a second signal");
        _exit(EXIT_FAILURE);
    }
    server->ending = true;
    log_line(&server->log, LOG_INFO, "ending signal=%d", watcher->signum);
    service_notify("STOPPING=1\nSTATUS=answering what is under way");
    loop_drain(server->loop);
}

static void tell_ready(const struct server *server)
{
    char lines[128];
    snprintf(lines, sizeof lines, "READY=1\nSTATUS=serving as node %" PRIu32 " of %u",
             server->identity.node, server->ring->member_count);
    service_notify(lines);
}

static void on_hang_up(struct ev_loop *ev, struct ev_signal *watcher, int events)
{
    struct server *server = watcher->data;
    struct buffer ignored = {0};
    (void)ev;
    (void)events;
    service_notify("RELOADING=1");
    if (log_file_reopen(server->params.log) == STATUS_OK)
        log_line(&server->log, LOG_INFO, "opened the log file again");
    else
        log_line(&server->log, LOG_ERROR, "could not open the log file again reason=\"%s\"",
                 strerror(errno));
    if (server->params.audit != NULL && log_file_reopen(server->params.audit) != STATUS_OK)
        log_line(&server->log, LOG_ERROR, "could not open the audit log again reason=\"%s\"",
                 strerror(errno));
    (void)!server_tls_reload(server, &ignored); /* it has logged what it did */
    buffer_deinit(&ignored);
    tell_ready(server);
}

static void watch(struct server *server, struct ev_signal *watcher, int number,
                  void (*callback)(struct ev_loop *, struct ev_signal *, int))
{
    ev_signal_init(watcher, callback, number);
    watcher->data = server;
    ev_signal_start(loop_ev(server->loop), watcher);
}

enum status server_new(const struct server_params *params, struct server **out,
                       struct buffer *reason)
{
    const struct config_values *values = &params->config->values;
    struct server *server = memory_new(1, sizeof *server);
    server->params = *params;
    server->log = log_file_sink(params->log, (enum log_level)values->log_level);
    enum status status = read_directory(server, reason);
    if (status == STATUS_OK) {
        raise_descriptor_limit(server);
        status = tls_keeper_init(&server->tls, values, server->ring, server->identity.node,
                                 &server->log, reason);
    }
    if (status == STATUS_OK)
        status = make_loop(server);
    if (status == STATUS_OK) {
        tls_keeper_attach(&server->tls, server->loop);
        status = start_store_or_rebuild(server, reason);
    }
    if (status == STATUS_OK)
        quarantine_read_history(values->data_dir, &server->history);
    if (status == STATUS_OK)
        status = start_password_worker(server, reason);
    if (status == STATUS_OK)
        status = start_node(server, reason);
    if (status == STATUS_OK)
        status = start_http(server);
    if (status != STATUS_OK) {
        server_free(server);
        return status;
    }
    watch(server, &server->terminate, SIGTERM, on_end_signal);
    watch(server, &server->interrupt, SIGINT, on_end_signal);
    watch(server, &server->hang_up, SIGHUP, on_hang_up);
    *out = server;
    return STATUS_OK;
}

static void log_start(const struct server *server)
{
    struct buffer text = {0};
    buffer_printf(&text, "serving node=%" PRIu32 " data-dir=%s clients=", server->identity.node,
                  server->params.config->values.data_dir);
    bool found = config_get(server->params.config, "listen", &text);
    buffer_printf(&text, " tls-clients=");
    found &= config_get(server->params.config, "tls-listen", &text);
    buffer_printf(&text, " peers=");
    found &= config_get(server->params.config, "peer-listen", &text);
    buffer_printf(&text, " http=");
    found &= config_get(server->params.config, "http-listen", &text);
    assert(found);
    log_line(&server->log, LOG_INFO, "%.*s", (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

enum status server_run(struct server *server)
{
    log_start(server);
    tell_ready(server);
    loop_run(server->loop);
    /* From here on a signal ends the process by itself: the default action is back. */
    ev_signal_stop(loop_ev(server->loop), &server->terminate);
    ev_signal_stop(loop_ev(server->loop), &server->interrupt);
    ev_signal_stop(loop_ev(server->loop), &server->hang_up);
    enum status status = store_engine_stop(server->engine);
    server->store_stopped = true;
    if (server->damage.found)
        return STATUS_CORRUPT;
    log_line(&server->log, status == STATUS_OK ? LOG_INFO : LOG_WARN, "ended clean=%s",
             status == STATUS_OK ? "yes" : "no");
    return status;
}

const struct ring *server_ring(const struct server *server)
{
    return server->ring;
}

const struct rebuild_cause *server_damage(const struct server *server)
{
    return &server->damage;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    if (server->engine != NULL && !server->store_stopped &&
        store_engine_stop(server->engine) != STATUS_OK)
        log_line(&server->log, LOG_WARN, "the store was not closed cleanly");
    password_worker_stop(server->passwords);
    tls_keeper_detach(&server->tls);
    http_server_free(server->http);
    loop_free(server->loop);
    tls_keeper_deinit(&server->tls);
    node_free(server->node);
    store_engine_free(server->engine);
    register_value_free(server->first);
    free(server);
}

bool server_config_get(void *server, const char *name, struct buffer *value)
{
    const struct server *self = server;
    return config_get(self->params.config, name, value);
}

enum status server_config_set(void *server, const char *name, struct slice value,
                              struct buffer *reason)
{
    struct server *self = server;
    enum status status = config_change(self->params.config, name, value, reason);
    if (status == STATUS_OK) {
        loop_set_settings(self->loop, &self->params.config->values.settings);
        node_set_settings(self->node, &self->params.config->values.settings);
    }
    return status;
}

enum status server_tls_reload(void *server, struct buffer *reason)
{
    struct server *self = server;
    return tls_keeper_reload(&self->tls, reason);
}

const char *server_stage(void *server, unsigned index, struct log_histogram *out)
{
    const struct server *self = server;
    const struct log_histogram *times = NULL;
    struct host_view view = {.damage_times = 0};
    loop_statistics(self->loop, &view.loop);
    store_engine_stats(self->engine, &view.store);
    const char *name = host_stage(&view, index, &times);
    if (name != NULL)
        *out = *times;
    return name;
}

void server_information(void *server, const char *section, struct buffer *out)
{
    const struct server *self = server;
    struct host_view view;
    take_host_view(self, &view);
    information_append(section, &view, self->history.why, self->params.config_file, out);
    if (strcmp(section, "tls") == 0)
        tls_keeper_information(&self->tls, out);
}
