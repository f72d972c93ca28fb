/*
 * session.c - the queue of one connection: reads requests, runs them as early as their
 * order allows, sends replies in the order of the requests.
 *
 * Each public function is one step: it may parse, start and finish any number of
 * calls, and ends in settle(), after which nothing more can be done without a new
 * event. A call never starts another one itself, so steps do not nest.
 *
 * Bounds: pipeline_max calls in the queue, and request_bytes_max bytes of requests
 * beside the newest one, and no more calls at once than replies as large as the last ones fit
 * into REPLIES_AHEAD_BYTES: values are held until their turn comes, read or not. At any of these
 * the client is paused; bytes that were already under way are kept in `input`.
 *
 * Invariants, checked after every step:
 *   I1  the head call, if there is one, is not done
 *   I2  the head call does not wait
 *   I3  outside a close nothing waits that is not blocked
 */
#include "commands/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/audit.h"
#include "commands/introspection.h"
#include "commands/session_state.h"

enum {
    INLINE_BYTES_MAX = 64 << 10,
    KEPT_ENTRIES_MAX = 16,       /* of the memory for a step's key entries */
    POOL_CALLS_MAX = 16,         /* kept of a connection that was busy */
    POOL_KEPT_BYTES_MAX = 16384, /* of each buffer of a pooled call */
    INPUT_KEPT_BYTES_MAX = 65536,
    REPLIES_AHEAD_BYTES = 4 << 20,
    REPLY_BYTES_FIRST = 512 << 10 /* what is thought of a client's replies before the first one */
};

/* ---- output ---- */

void session_output_clear(struct session_output *output)
{
    buffer_clear(&output->replies);
    output->close = output->pause = output->resume = false;
    output->request_count = 0;
}

void session_output_deinit(struct session_output *output)
{
    buffer_deinit(&output->replies);
    free(output->requests);
    *output = (struct session_output){0};
}

void session_request(struct session *session, struct call *call, uint32_t index,
                     const struct key_request *request)
{
    struct session_output *out = session->out;
    if (out->request_count == out->request_capacity) {
        out->request_capacity = out->request_capacity == 0 ? 16 : out->request_capacity * 2;
        out->requests = memory_resize(out->requests, out->request_capacity, sizeof *out->requests);
    }
    out->requests[out->request_count++] = (struct session_request){
        .token = call->serial << CALL_INDEX_BITS | index,
        .request = *request,
    };
}

/* ---- life ---- */

static uint32_t power_of_two_from(uint32_t count)
{
    uint32_t power = 2;
    while (power < count)
        power *= 2;
    return power;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void session_limit_requests(struct session *session)
{
    const struct settings *settings = session->environment->settings;
    struct resp_limits limits = {
        .arguments_max = settings->arguments_max,
        .bulk_bytes_max = settings->request_bytes_max,
        .inline_bytes_max = least(INLINE_BYTES_MAX, settings->request_bytes_max),
        .request_bytes_max = settings->request_bytes_max,
        .authenticated = true,
    };
    /* Who is refused because nobody is known yet may be anybody, and is to hear of it. */
    if (!session->logged_in && session->environment->users->known) {
        const struct resp_limits *before = &resp_limits_before_login;
        limits = (struct resp_limits){
            .arguments_max = least(limits.arguments_max, before->arguments_max),
            .bulk_bytes_max = least(limits.bulk_bytes_max, before->bulk_bytes_max),
            .inline_bytes_max = least(limits.inline_bytes_max, before->inline_bytes_max),
            .request_bytes_max = least(limits.request_bytes_max, before->request_bytes_max),
        };
    }
    resp_reader_set_limits(session->reader, &limits);
}

struct session *session_new(connection_id id, struct environment *environment, struct slice address,
                            struct instant now)
{
    const struct settings *settings = environment->settings;
    struct session *session = memory_new(1, sizeof *session);
    session->id = id;
    session->environment = environment;
    session->opened = session->heard = now;
    session->version = RESP_VERSION_2;
    session->reply_bytes = REPLY_BYTES_FIRST;
    buffer_append_slice(&session->address, address);
    buffer_put_u8(&session->address, 0);
    session->reader = resp_reader_new(&resp_limits_before_login);
    session_log_out(session);
    session->queue_capacity = power_of_two_from(settings->pipeline_max);
    session->queue = memory_new(session->queue_capacity, sizeof *session->queue);
    session->next = environment->sessions;
    if (session->next != NULL)
        session->next->previous = session;
    environment->sessions = session;
    environment->session_count++;
    environment->statistics->connections_received++;
    return session;
}

static struct call *call_at(const struct session *session, uint64_t serial)
{
    return session->queue[serial & (session->queue_capacity - 1)];
}

/* All but one small block, which most steps do with. */
static void empty_entry_blocks(struct session *session)
{
    struct entry_block *kept = NULL;
    while (session->entry_blocks != NULL) {
        struct entry_block *next = session->entry_blocks->next;
        if (next == NULL && session->entry_blocks->capacity <= KEPT_ENTRIES_MAX) {
            kept = session->entry_blocks;
            kept->count = 0;
        } else {
            free(session->entry_blocks);
        }
        session->entry_blocks = next;
    }
    session->entry_blocks = kept;
}

void session_free(struct session *session)
{
    if (session == NULL)
        return;
    struct environment *environment = session->environment;
    if (session->previous != NULL)
        session->previous->next = session->next;
    else
        environment->sessions = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    environment->session_count--;
    subscriptions_remove_all(environment->subscriptions, session);
    for (; session->head_serial < session->tail_serial; session->head_serial++)
        call_free(call_at(session, session->head_serial));
    while (session->pool != NULL) {
        struct call *next = session->pool->pool_next;
        call_free(session->pool);
        session->pool = next;
    }
    empty_entry_blocks(session);
    free(session->entry_blocks);
    free(session->queue);
    resp_reader_free(session->reader);
    buffer_deinit(&session->input);
    buffer_deinit(&session->address);
    buffer_deinit(&session->name);
    buffer_deinit(&session->library_name);
    buffer_deinit(&session->library_version);
    buffer_deinit(&session->last_write.key);
    buffer_deinit(&session->last_write.element);
    free(session);
}

struct session *session_find(const struct environment *environment, connection_id id)
{
    struct session *session = environment->sessions;
    while (session != NULL && session->id != id)
        session = session->next;
    return session;
}

void session_reset(struct session *session)
{
    subscriptions_remove_all(session->environment->subscriptions, session);
    session_log_out(session);
    session->version = RESP_VERSION_2;
    session->keyspace = 0;
    session->options = (struct request_options){0};
    session->reply_mode = REPLY_ON;
    session->reply_skip = false;
    session->no_evict = session->no_touch = false;
    session->maintenance = MAINTENANCE_OFF;
    buffer_clear(&session->name);
}

/* Outside a step, and before the first byte of a reply within one, all replies that began are
 * whole. */
void session_push(struct session *session, struct slice bytes)
{
    struct environment *environment = session->environment;
    if (session->closing)
        return;
    if (session->out != NULL) {
        buffer_append_slice(&session->out->replies, bytes);
        return;
    }
    session->bytes_out += bytes.length;
    if (environment->client_send != NULL)
        environment->client_send(environment->node, session->id, bytes);
}

void session_close_after_reply(struct session *session)
{
    session->closing = true;
}

/* ---- the queue ---- */

static struct call *take_call(struct session *session)
{
    struct call *call = session->pool;
    if (call == NULL) {
        call = memory_new(1, sizeof *call);
    } else {
        session->pool = call->pool_next;
        session->pool_count--;
    }
    call->session = session;
    call->state = CALL_WAITING;
    call->silent = false;
    call->blockers = 0;
    call->started_bytes = UINT64_MAX;
    call->serial = session->tail_serial;
    return call;
}

static void trim(struct buffer *buffer)
{
    buffer_clear(buffer);
    if (buffer->capacity > POOL_KEPT_BYTES_MAX)
        buffer_deinit(buffer);
}

static void give_call_back(struct session *session, struct call *call)
{
    free(call->work);
    call->work = NULL;
    call->take = NULL;
    call->wake = NULL;
    if (session->pool_count == POOL_CALLS_MAX ||
        call->slice_capacity * sizeof *call->arguments > POOL_KEPT_BYTES_MAX) {
        call_free(call);
        return;
    }
    trim(&call->scratch);
    trim(&call->gathered);
    trim(&call->reply);
    trim(&call->text);
    call->pool_next = session->pool;
    session->pool = call;
    session->pool_count++;
}

/* Put the prepared call at the tail; it runs now or when nothing blocks it any longer. */
static void enqueue(struct session *session, struct call *call)
{
    for (uint64_t at = session->head_serial; at < session->tail_serial; at++) {
        const struct call *earlier = call_at(session, at);
        if (earlier->state != CALL_DONE && calls_conflict(earlier, call))
            call->blockers++;
    }
    session->queue[session->tail_serial & (session->queue_capacity - 1)] = call;
    session->tail_serial++;
    session->wire_bytes += call->wire_bytes;
    if (call->blockers == 0)
        call_start(call);
    else
        session->waiting_count++;
}

static void unblock_later(struct session *session, const struct call *finished)
{
    for (uint64_t at = finished->serial + 1; at < session->tail_serial; at++) {
        struct call *later = call_at(session, at);
        if (later->state != CALL_WAITING || !calls_conflict(finished, later))
            continue;
        assert(later->blockers > 0);
        if (--later->blockers == 0)
            session->ready_count++;
    }
}

void session_call_done(struct session *session, struct call *call)
{
    struct environment *environment = session->environment;
    const struct buffer *out =
        call->reply.length > 0 || call->silent ? &call->reply : &session->out->replies;
    const uint8_t *reply =
        out->length > call->started_bytes ? out->data + call->started_bytes : NULL;
    uint64_t bytes = reply != NULL ? out->length - call->started_bytes : 0;
    bool failed = reply != NULL && *reply == '-';
    /* Up at once, down by and by. */
    session->reply_bytes = bytes > session->reply_bytes
                               ? bytes
                               : session->reply_bytes - session->reply_bytes / 8 + bytes / 8;
    environment->statistics->commands_processed++;
    if (failed) {
        environment->statistics->errors_replied++;
        introspection_error(environment->introspection,
                            slice_make(reply, out->length - call->started_bytes));
    }
    introspection_call(environment->introspection, call, failed, session->now);
    if (environment->audit.write != NULL && call->number < COMMAND_COUNT)
        audit_call(call, failed ? slice_make(reply + 1, out->length - call->started_bytes - 1)
                                : slice_make(NULL, 0));
    session->command_count++;
    if (session->expelled)
        session_close_after_reply(session);
    if (session->waiting_count > 0)
        unblock_later(session, call);
}

static void pop_head(struct session *session)
{
    struct call *call = call_at(session, session->head_serial);
    if (!call->silent)
        buffer_append_slice(&session->out->replies, buffer_slice(&call->reply));
    session->wire_bytes -= call->wire_bytes;
    session->head_serial++;
    give_call_back(session, call);
}

static void start_ready(struct session *session)
{
    for (uint64_t at = session->head_serial; at < session->tail_serial; at++) {
        struct call *call = call_at(session, at);
        if (call->state == CALL_WAITING && call->blockers == 0) {
            session->ready_count--;
            session->waiting_count--;
            call_start(call);
            return;
        }
    }
    assert(!"a ready call is in the queue");
}

/* Deliver and start until nothing is left that can be. */
static void settle(struct session *session)
{
    for (;;) {
        while (session->head_serial < session->tail_serial &&
               call_at(session, session->head_serial)->state == CALL_DONE)
            pop_head(session);
        if (session->closing || session->ready_count == 0)
            return;
        start_ready(session);
    }
}

/* ---- reading ---- */

static bool has_room(const struct session *session)
{
    const struct settings *settings = session->environment->settings;
    uint64_t count = session->tail_serial - session->head_serial;
    return !session->closing && !session->is_logging_in && count < session->queue_capacity &&
           (count == 0 ||
            (count < settings->pipeline_max && session->wire_bytes < settings->request_bytes_max &&
             count * session->reply_bytes < REPLIES_AHEAD_BYTES));
}

/* Reading begins again some calls below the bound, not at each reply. */
static bool half_empty(const struct session *session)
{
    uint64_t count = session->tail_serial - session->head_serial;
    return count <= session->environment->settings->pipeline_max / 2;
}

static void start_protocol_error(struct call *call)
{
    struct session *session = call->session;
    session_close_after_reply(session);
    resp_writer_error(call_writer(call), slice_text(resp_reader_error(session->reader)));
    call_finish(call);
}

static const struct command protocol_error = {
    .name = "", .arity = -1, .access = ACCESS_ALONE, .start = start_protocol_error};

static void enqueue_protocol_error(struct session *session)
{
    struct call *call = take_call(session);
    call->command = &protocol_error;
    call->number = COMMAND_COUNT;
    call->access = ACCESS_ALONE;
    call->writes = false;
    call->key_count = 0;
    call->argument_count = 0;
    call->wire_bytes = 0;
    enqueue(session, call);
}

static void enqueue_request(struct session *session, const struct resp_request *request)
{
    struct call *call = take_call(session);
    call_set_arguments(call, request->arguments, request->argument_count);
    call->wire_bytes = request->wire_bytes;
    call_prepare(call);
    enqueue(session, call);
}

/* Read requests from `bytes` as far as there is room; returns how many bytes are done with. */
static size_t read_requests(struct session *session, struct slice bytes)
{
    size_t offset = 0;
    while (has_room(session)) {
        struct resp_request request;
        switch (resp_reader_next(session->reader, bytes, &offset, &request)) {
        case RESP_READER_REQUEST:
            enqueue_request(session, &request);
            settle(session);
            break;
        case RESP_READER_MORE:
            return offset;
        case RESP_READER_ERROR:
            enqueue_protocol_error(session);
            settle(session);
            return bytes.length;
        }
    }
    return offset;
}

static void read_input(struct session *session)
{
    if (session->input.length == 0)
        return;
    buffer_consume(&session->input, read_requests(session, buffer_slice(&session->input)));
    if (session->input.length == 0 && session->input.capacity > INPUT_KEPT_BYTES_MAX)
        buffer_deinit(&session->input);
}

/* ---- steps ---- */

static void check_invariants(const struct session *session)
{
    assert(session->head_serial <= session->tail_serial);
    assert(session->tail_serial - session->head_serial <= session->queue_capacity);
    if (session->closing || session->head_serial == session->tail_serial)
        return;
    const struct call *head = call_at(session, session->head_serial);
    assert(head->state != CALL_DONE);    /* I1 */
    assert(head->state != CALL_WAITING); /* I2 */
    assert(session->ready_count == 0);   /* I3 */
}

static void begin_step(struct session *session, struct instant now, struct session_output *out)
{
    assert(session->out == NULL);
    session->out = out;
    session->now = now;
    empty_entry_blocks(session);
}

static void end_step(struct session *session, uint64_t bytes_before)
{
    struct session_output *out = session->out;
    session->bytes_out += out->replies.length - bytes_before;
    if (session->closing) {
        out->close = true;
    } else if (!session->paused && !has_room(session)) {
        session->paused = out->pause = true;
    } else if (session->paused && has_room(session) && half_empty(session)) {
        session->paused = false;
        out->resume = true;
    }
    check_invariants(session);
    session->out = NULL;
}

void session_bytes(struct session *session, struct slice bytes, struct instant now,
                   struct session_output *out)
{
    uint64_t before = out->replies.length;
    session->bytes_in += bytes.length;
    session->heard = now;
    if (session->closing)
        return;
    begin_step(session, now, out);
    if (session->input.length == 0) {
        size_t used = read_requests(session, bytes);
        if (used < bytes.length)
            buffer_append(&session->input, bytes.data + used, bytes.length - used);
    } else {
        buffer_append_slice(&session->input, bytes);
        read_input(session);
    }
    end_step(session, before);
}

void session_result(struct session *session, uint64_t token, const struct key_result *result,
                    struct instant now, struct session_output *out)
{
    uint64_t before = out->replies.length;
    uint64_t serial = token >> CALL_INDEX_BITS;
    uint32_t index = (uint32_t)(token & (((uint64_t)1 << CALL_INDEX_BITS) - 1));
    if (session->closing)
        return;
    assert(serial >= session->head_serial && serial < session->tail_serial);
    struct call *call = call_at(session, serial);
    assert(call->state == CALL_RUNNING);
    begin_step(session, now, out);
    call_deliver(call, index, result);
    settle(session);
    read_input(session);
    end_step(session, before);
}

static struct call *sleeping_call(const struct session *session)
{
    if (session->closing || session->head_serial == session->tail_serial)
        return NULL;
    struct call *head = call_at(session, session->head_serial);
    return head->state == CALL_RUNNING && head->wake != NULL ? head : NULL;
}

void session_tick(struct session *session, struct instant now, struct session_output *out)
{
    uint64_t before = out->replies.length;
    struct call *call = sleeping_call(session);
    if (call == NULL || (now.mono_us < call->wake_us && !session->unblocked))
        return;
    begin_step(session, now, out);
    call_next *wake = call->wake;
    call->wake = NULL;
    wake(call);
    settle(session);
    read_input(session);
    end_step(session, before);
}

void session_wake(struct session *session)
{
    struct call *call = sleeping_call(session);
    if (call != NULL)
        call->wake_us = 0;
}

/* Only calls that run alone sleep, so one that sleeps is at the head. */
uint64_t session_deadline_us(const struct session *session)
{
    const struct call *call = sleeping_call(session);
    if (call == NULL)
        return UINT64_MAX;
    return session->unblocked ? 0 : call->wake_us;
}
