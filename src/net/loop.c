#include "net/loop.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/clients.h"
#include "net/links.h"
#include "net/listener.h"
#include "net/tls.h"
#include "net/turn.h"

/*
 * Invariants:
 *   L1  an effect is carried out after the step that made it has returned, and in order
 *   L2  while effects are carried out the node is not stepped; what is found then (a
 *       connection over its limit, a refused store frame) is stepped afterwards
 *   L3  the loop does not poll while effects are waiting
 */
struct loop {
    struct turn turn;
    struct clients *clients;
    struct links *links;
    struct loop_store store;
    struct loop_passwords passwords;
    struct listener *client_listeners[LOOP_LISTEN_MAX];
    struct listener *tls_listeners[LOOP_LISTEN_MAX];
    struct listener *peer_listeners[LOOP_LISTEN_MAX];
    size_t client_listener_count;
    size_t tls_listener_count;
    size_t peer_listener_count;
    struct ev_prepare before_poll;
    struct ev_check after_poll;
    struct ev_async wake;
    struct ev_timer tick;
    struct ev_timer drain;
    enum status condition;  /* what the node was told last */
    struct buffer replies;  /* from the store, kept for its memory */
    struct buffer hashes;   /* of passwords, likewise */
    struct buffer refusals; /* frames that tell the node of refused ones */
    uint64_t armed_us;      /* when `tick` fires; UINT64_MAX while it does not run */
    uint64_t polled_us;     /* end of the last poll; 0 before the first */
    uint64_t drain_end_us;
    uint64_t drain_written_bytes; /* to clients, when `drain` last looked */
};

/* Memory of a quiet loop's buffers. */
enum { KEEP_BYTES = 1 << 20 };

static void submit(struct loop *loop, enum status (*submit_to)(void *, struct slice),
                   struct slice frame)
{
    enum status status = submit_to(loop->store.context, frame);
    if (status == STATUS_OK)
        return;
    loop->turn.statistics.store_frames_refused++;
    loop->store.refused(loop->store.context, frame, status, &loop->refusals);
}

static void carry_out_one(struct loop *loop, const struct effect *effect)
{
    struct slice bytes = effect_bytes(&loop->turn.effects, effect);
    switch (effect->kind) {
    case EFFECT_DIAL:
        links_dial(loop->links, effect->node, bytes);
        break;
    case EFFECT_LINK_SEND:
        links_send(loop->links, effect->link, bytes);
        break;
    case EFFECT_LINK_CLOSE:
        links_close(loop->links, effect->link);
        break;
    case EFFECT_CLIENT_SEND:
        clients_send(loop->clients, effect->connection, bytes);
        break;
    case EFFECT_CLIENT_CLOSE:
        clients_close(loop->clients, effect->connection);
        break;
    case EFFECT_CLIENT_PAUSE:
        clients_pause(loop->clients, effect->connection, true);
        break;
    case EFFECT_CLIENT_RESUME:
        clients_pause(loop->clients, effect->connection, false);
        break;
    case EFFECT_STORE_WRITE:
        submit(loop, loop->store.submit_write, bytes);
        break;
    case EFFECT_STORE_READ:
        submit(loop, loop->store.submit_read, bytes);
        break;
    case EFFECT_STORE_QUARANTINE:
        loop->store.quarantine(loop->store.context, (uint16_t)effect->node, bytes);
        break;
    case EFFECT_LEAVE:
        loop_drain(loop);
        break;
    case EFFECT_PASSWORD_HASH:
        loop->passwords.submit(loop->passwords.context, bytes);
        break;
    }
}

static void release_if_large(struct buffer *buffer)
{
    if (buffer->capacity > KEEP_BYTES)
        buffer_deinit(buffer);
    else
        buffer_clear(buffer);
}

static void carry_out(void *context)
{
    struct loop *loop = context;
    struct effects *effects = &loop->turn.effects;
    size_t count = effects->count;
    for (size_t i = 0; i < count; i++)
        carry_out_one(loop, &effects->items[i]);
    assert(effects->count == count); /* L2 */
    effects_clear(effects);
    release_if_large(&effects->bytes);
}

static void tell_refusals(struct loop *loop)
{
    if (loop->refusals.length == 0)
        return;
    turn_step(&loop->turn,
              (struct event){.kind = EVENT_STORE_FRAMES, .bytes = buffer_slice(&loop->refusals)});
    release_if_large(&loop->refusals);
}

/* `tick` is moved only when it would come too late: an early one costs less than moving it. */
static void arm_tick(struct loop *loop)
{
    uint64_t deadline_us = node_deadline_us(loop->turn.node);
    if (deadline_us >= loop->armed_us)
        return;
    uint64_t now_us = turn_now().mono_us;
    uint64_t wait_us = deadline_us > now_us ? deadline_us - now_us : 0;
    ev_timer_stop(loop->turn.ev, &loop->tick);
    ev_now_update(loop->turn.ev); /* a timer counts from the last poll */
    ev_timer_set(&loop->tick, (double)wait_us / 1e6, 0.);
    ev_timer_start(loop->turn.ev, &loop->tick);
    loop->armed_us = deadline_us;
}

static void on_tick(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    struct loop *loop = timer->data;
    (void)ev;
    (void)events;
    loop->armed_us = UINT64_MAX;
    if (node_deadline_us(loop->turn.node) <= turn_now().mono_us)
        turn_step(&loop->turn, (struct event){.kind = EVENT_TICK});
}

static void on_wake(struct ev_loop *ev, struct ev_async *watcher, int events)
{
    struct loop *loop = watcher->data;
    (void)ev;
    (void)events;
    if (loop->turn.node == NULL)
        return; /* loop_start() takes what came before it */
    loop->store.take_replies(loop->store.context, &loop->replies);
    if (loop->replies.length > 0)
        turn_step(&loop->turn, (struct event){.kind = EVENT_STORE_FRAMES,
                                              .bytes = buffer_slice(&loop->replies)});
    release_if_large(&loop->replies);
    if (loop->passwords.take_results == NULL)
        return;
    loop->passwords.take_results(loop->passwords.context, &loop->hashes);
    if (loop->hashes.length > 0)
        turn_step(&loop->turn, (struct event){.kind = EVENT_PASSWORD_HASHED,
                                              .bytes = buffer_slice(&loop->hashes)});
    buffer_clear(&loop->hashes);
}

static void finish_turn(struct loop *loop)
{
    for (int round = 0; round < LOOP_ROUNDS_MAX; round++) {
        carry_out(loop);
        tell_refusals(loop);
        clients_flush(loop->clients);
        links_flush(loop->links);
        if (loop->turn.effects.count == 0)
            return;
    }
    /* L3: let the next poll return at once. */
    loop_wake(loop);
}

static void on_before_poll(struct ev_loop *ev, struct ev_prepare *watcher, int events)
{
    struct loop *loop = watcher->data;
    struct loop_statistics *statistics = &loop->turn.statistics;
    (void)ev;
    (void)events;
    finish_turn(loop);
    arm_tick(loop);
    statistics->turns++;
    uint64_t now_us = turn_now().mono_us;
    if (loop->polled_us != 0 && now_us - loop->polled_us > statistics->turn_us_max)
        statistics->turn_us_max = now_us - loop->polled_us;
}

/* Before the turn's reads, so that they are judged by it. */
static void tell_condition(struct loop *loop)
{
    enum status condition = loop->store.condition(loop->store.context);
    if (condition == loop->condition)
        return;
    loop->condition = condition;
    turn_step(&loop->turn, (struct event){.kind = EVENT_STORE_CONDITION, .status = condition});
}

static void on_after_poll(struct ev_loop *ev, struct ev_check *watcher, int events)
{
    struct loop *loop = watcher->data;
    (void)ev;
    (void)events;
    loop->polled_us = turn_now().mono_us;
    tell_condition(loop);
}

static void on_client(void *context, int fd, const struct sockaddr *peer)
{
    struct loop *loop = context;
    (void)peer;
    clients_accept(loop->clients, fd);
}

static void on_tls_client(void *context, int fd, const struct sockaddr *peer)
{
    struct loop *loop = context;
    (void)peer;
    clients_accept_tls(loop->clients, fd);
}

static void on_peer(void *context, int fd, const struct sockaddr *peer)
{
    struct loop *loop = context;
    links_accept(loop->links, fd, peer);
}

static enum status bind_all(struct loop *loop, const struct ring_address *addresses, size_t count,
                            void (*on_accept)(void *, int, const struct sockaddr *),
                            struct listener **listeners, size_t *listener_count)
{
    char text[ADDRESS_TEXT_MAX];
    assert(count <= LOOP_LISTEN_MAX);
    for (size_t i = 0; i < count; i++) {
        struct listener_params params = {
            .ev = loop->turn.ev, .log = loop->turn.log, .on_accept = on_accept, .context = loop};
        enum status status = address_resolve(&addresses[i], &params.address);
        if (status != STATUS_OK) {
            log_line(&loop->turn.log, LOG_ERROR,
                     "could not look up the address to listen on address=%s",
                     address_format(&addresses[i], text));
            return status;
        }
        status = listener_new(&params, &listeners[i]);
        if (status != STATUS_OK)
            return status;
        (*listener_count)++;
    }
    return STATUS_OK;
}

static void init_watchers(struct loop *loop)
{
    ev_prepare_init(&loop->before_poll, on_before_poll);
    ev_check_init(&loop->after_poll, on_after_poll);
    ev_async_init(&loop->wake, on_wake);
    ev_timer_init(&loop->tick, on_tick, 0., 0.);
    loop->before_poll.data = loop;
    loop->after_poll.data = loop;
    loop->wake.data = loop;
    loop->tick.data = loop;
    /* After every other watcher of the turn, and before every other one after the poll. */
    ev_set_priority(&loop->before_poll, EV_MINPRI);
    ev_set_priority(&loop->after_poll, EV_MAXPRI);
    ev_async_start(loop->turn.ev, &loop->wake);
}

enum status loop_new(const struct loop_params *params, struct loop **out)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
    if (ev == NULL) {
        log_line(&params->log, LOG_ERROR, "could not create an event loop");
        return STATUS_IO;
    }
    struct loop *loop = memory_new(1, sizeof *loop);
    loop->turn.ev = ev;
    loop->turn.settings = *params->settings;
    loop->turn.log = params->log;
    loop->turn.tls = params->tls;
    loop->turn.carry_out = carry_out;
    loop->turn.context = loop;
    loop->store = params->store;
    loop->passwords = params->passwords;
    loop->armed_us = UINT64_MAX;
    init_watchers(loop);
    loop->clients = clients_new(&loop->turn);
    loop->links = links_new(&loop->turn, params->ring, params->self);
    enum status status = bind_all(loop, params->client_listen, params->client_listen_count,
                                  on_client, loop->client_listeners, &loop->client_listener_count);
    if (status == STATUS_OK)
        status = bind_all(loop, params->tls_listen, params->tls_listen_count, on_tls_client,
                          loop->tls_listeners, &loop->tls_listener_count);
    if (status == STATUS_OK)
        status = bind_all(loop, params->peer_listen, params->peer_listen_count, on_peer,
                          loop->peer_listeners, &loop->peer_listener_count);
    if (status != STATUS_OK) {
        loop_free(loop);
        return status;
    }
    *out = loop;
    return STATUS_OK;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    for (size_t i = 0; i < loop->client_listener_count; i++)
        listener_free(loop->client_listeners[i]);
    for (size_t i = 0; i < loop->tls_listener_count; i++)
        listener_free(loop->tls_listeners[i]);
    for (size_t i = 0; i < loop->peer_listener_count; i++)
        listener_free(loop->peer_listeners[i]);
    links_free(loop->links);
    clients_free(loop->clients);
    effects_deinit(&loop->turn.effects);
    buffer_deinit(&loop->replies);
    buffer_deinit(&loop->refusals);
    buffer_deinit(&loop->hashes);
    ev_loop_destroy(loop->turn.ev);
    free(loop);
}

enum status loop_start(struct loop *loop, struct node *node)
{
    enum status status = STATUS_OK;
    assert(loop->turn.node == NULL);
    assert(loop->tls_listener_count == 0 || loop->turn.tls->clients != NULL);
    for (size_t i = 0; i < loop->peer_listener_count && status == STATUS_OK; i++)
        status = listener_start(loop->peer_listeners[i]);
    for (size_t i = 0; i < loop->client_listener_count && status == STATUS_OK; i++)
        status = listener_start(loop->client_listeners[i]);
    for (size_t i = 0; i < loop->tls_listener_count && status == STATUS_OK; i++)
        status = listener_start(loop->tls_listeners[i]);
    if (status != STATUS_OK)
        return status;
    loop->turn.node = node;
    turn_step(&loop->turn, (struct event){.kind = EVENT_START});
    ev_prepare_start(loop->turn.ev, &loop->before_poll);
    ev_check_start(loop->turn.ev, &loop->after_poll);
    loop_wake(loop);
    return STATUS_OK;
}

void loop_run(struct loop *loop)
{
    assert(loop->turn.node != NULL);
    ev_run(loop->turn.ev, 0);
    finish_turn(loop); /* the last turn ended before its writes */
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->turn.ev, EVBREAK_ALL);
}

static void on_drain(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    struct loop *loop = timer->data;
    uint64_t written_bytes = loop->turn.statistics.client_write_bytes;
    bool quiet = clients_all_sent(loop->clients) && written_bytes == loop->drain_written_bytes;
    (void)ev;
    (void)events;
    loop->drain_written_bytes = written_bytes;
    if (quiet || turn_now().mono_us >= loop->drain_end_us)
        loop_stop(loop);
}

void loop_drain(struct loop *loop)
{
    if (loop->drain_end_us != 0)
        return;
    for (size_t i = 0; i < loop->client_listener_count; i++)
        listener_stop(loop->client_listeners[i]);
    for (size_t i = 0; i < loop->tls_listener_count; i++)
        listener_stop(loop->tls_listeners[i]);
    for (size_t i = 0; i < loop->peer_listener_count; i++)
        listener_stop(loop->peer_listeners[i]);
    clients_drain(loop->clients);
    loop->drain_end_us =
        turn_now().mono_us + (uint64_t)loop->turn.settings.request_timeout_ms * 1000;
    loop->drain_written_bytes = loop->turn.statistics.client_write_bytes;
    ev_timer_init(&loop->drain, on_drain, LOOP_DRAIN_QUIET_MS / 1000.0,
                  LOOP_DRAIN_QUIET_MS / 1000.0);
    loop->drain.data = loop;
    ev_now_update(loop->turn.ev);
    ev_timer_start(loop->turn.ev, &loop->drain);
}

void loop_wake(struct loop *loop)
{
    ev_async_send(loop->turn.ev, &loop->wake);
}

void loop_set_settings(struct loop *loop, const struct settings *settings)
{
    loop->turn.settings = *settings;
}

void loop_set_tls(struct loop *loop, const struct tls *tls)
{
    assert(tls != NULL && loop->turn.tls != NULL);
    assert((tls->cluster != NULL) == (loop->turn.tls->cluster != NULL));
    assert(tls->clients != NULL || loop->tls_listener_count == 0);
    loop->turn.tls = tls;
    clients_verify(loop->clients);
    links_verify(loop->links);
}

struct ev_loop *loop_ev(struct loop *loop)
{
    return loop->turn.ev;
}

struct instant loop_now(void)
{
    return turn_now();
}

uint16_t loop_client_port(const struct loop *loop, size_t index)
{
    return index < loop->client_listener_count ? listener_port(loop->client_listeners[index]) : 0;
}

uint16_t loop_tls_port(const struct loop *loop, size_t index)
{
    return index < loop->tls_listener_count ? listener_port(loop->tls_listeners[index]) : 0;
}

uint16_t loop_peer_port(const struct loop *loop, size_t index)
{
    return index < loop->peer_listener_count ? listener_port(loop->peer_listeners[index]) : 0;
}

void loop_statistics(const struct loop *loop, struct loop_statistics *out)
{
    *out = loop->turn.statistics;
    for (size_t i = 0; i < loop->client_listener_count; i++)
        out->accepts_failed += listener_failure_count(loop->client_listeners[i]);
    for (size_t i = 0; i < loop->tls_listener_count; i++)
        out->accepts_failed += listener_failure_count(loop->tls_listeners[i]);
    for (size_t i = 0; i < loop->peer_listener_count; i++)
        out->accepts_failed += listener_failure_count(loop->peer_listeners[i]);
}
