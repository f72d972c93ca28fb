/*
 * reply.c - the answers of a call, and the errors for key requests that failed.
 *
 * The first word of an error says what a client may do: NOREPLICAS, OVERLOADED,
 * TRYAGAIN and LOADING promise that nothing was and will be written, so trying
 * again is safe; UNCERTAIN says that the write may yet show. Clients that retry by
 * the first word know the former and not the latter.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/call.h"
#include "commands/session_state.h"

/* At the head of the order the reply goes straight out; else it waits with its call. */
static struct buffer *reply_buffer(struct call *call)
{
    struct session *session = call->session;
    if (call->serial == session->head_serial && !call->silent)
        return &session->out->replies;
    return &call->reply;
}

struct resp_writer call_writer(struct call *call)
{
    struct buffer *out = reply_buffer(call);
    call->started_bytes = out->length;
    return (struct resp_writer){.out = out, .version = call->session->version};
}

void call_finish(struct call *call)
{
    assert(call->state == CALL_RUNNING);
    assert(call->request_open == 0);
    call->state = CALL_DONE;
    session_call_done(call->session, call);
}

void call_reply_ok(struct call *call)
{
    call_reply_simple(call, "OK");
}

void call_reply_simple(struct call *call, const char *text)
{
    resp_writer_simple(call_writer(call), slice_text(text));
    call_finish(call);
}

void call_reply_integer(struct call *call, int64_t value)
{
    resp_writer_integer(call_writer(call), value);
    call_finish(call);
}

void call_reply_bulk(struct call *call, struct slice bytes)
{
    resp_writer_bulk(call_writer(call), bytes);
    call_finish(call);
}

void call_reply_verbatim(struct call *call, struct slice text)
{
    resp_writer_verbatim(call_writer(call), "txt", text);
    call_finish(call);
}

void call_reply_null(struct call *call)
{
    resp_writer_null(call_writer(call));
    call_finish(call);
}

void call_reply_error(struct call *call, const char *format, ...)
{
    struct buffer text = {0};
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_append(&text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
    resp_writer_error(call_writer(call), buffer_slice(&text));
    buffer_deinit(&text);
    call_finish(call);
}

void call_reply_syntax_error(struct call *call)
{
    call_reply_error(call, "ERR syntax error");
}

void call_reply_not_an_integer(struct call *call)
{
    call_reply_error(call, "ERR value is not an integer or out of range");
}

void call_failure_text(uint8_t kind, const struct key_result *result, struct buffer *out)
{
    bool write = kind == KEY_WRITE;
    switch (result->status) {
    case STATUS_UNAVAILABLE:
        if (write && result->acks == 0)
            buffer_printf(out, "NOREPLICAS no owner that the level counts is reachable, and only "
                               "an owner takes a write");
        else
            buffer_printf(out, "NOREPLICAS not enough owners reachable: need %u, can reach %u",
                          result->needed, result->acks);
        break;
    case STATUS_TIMEOUT:
        buffer_printf(out, "NOREPLICAS not enough owners answered in time: need %s=%u, got %u",
                      write ? "w" : "r", result->needed, result->acks);
        break;
    case STATUS_UNCERTAIN:
        if (write && result->hints > 0)
            buffer_printf(out,
                          "UNCERTAIN w=%u/%u hints=%u the write was sent but not confirmed in "
                          "time; it may apply",
                          result->acks, result->needed, result->hints);
        else if (write)
            buffer_printf(out,
                          "UNCERTAIN w=%u/%u the write was sent but not confirmed in time; "
                          "it may apply",
                          result->acks, result->needed);
        else /* an answer that could not be read; asking again is safe */
            buffer_printf(out, "NOREPLICAS the owner's answer was not usable");
        break;
    case STATUS_REQUEST_UNKNOWN:
        buffer_printf(out, "UNCERTAIN the owners within reach cannot tell whether the request was "
                           "carried out before; send it again with the same id");
        break;
    case STATUS_REQUEST_DONE:
        buffer_printf(out, "UNCERTAIN the request was carried out before, and its answer is not "
                           "known any more");
        break;
    case STATUS_REQUEST_CONFLICT:
        buffer_printf(out, "ERR the id was given to another command");
        break;
    case STATUS_OVERLOADED:
        buffer_printf(out, "OVERLOADED too many requests are under way");
        break;
    case STATUS_NO_SPACE:
        buffer_printf(out, "DISKFULL the owners' disks have too little free space");
        break;
    case STATUS_CLOCK_SKEW:
        buffer_printf(out, "CLOCKSKEW the clocks of the owners within reach are too far from the "
                           "others, or behind times that they gave before; try again, and see "
                           "'ringctl status'");
        break;
    case STATUS_TOO_LARGE:
        if (write)
            buffer_printf(out, "TOOLARGE the value would be larger than this server allows");
        else
            buffer_printf(out, "TOOLARGE the values of the key are more than one answer can hold");
        break;
    case STATUS_SIBLING_LIMIT:
        buffer_printf(out, "SIBLINGLIMIT the key has as many concurrent values as it may: read it "
                           "with RING.GET and write with the context of the answer");
        break;
    case STATUS_NOT_A_NUMBER:
        buffer_printf(out, "ERR value is not an integer or out of range");
        break;
    case STATUS_OVERFLOW:
        buffer_printf(out, "ERR increment or decrement would overflow");
        break;
    case STATUS_ID_CONFLICT:
        buffer_printf(out, "ERR the request id was given to another request");
        break;
    case STATUS_ID_LIMIT:
        buffer_printf(out, "IDLIMIT the counter remembers as many request ids as it may: give ids "
                           "that begin with a UUID of version 7, which are forgotten after 10 "
                           "minutes, or that count up, such as job:1, job:2");
        break;
    case STATUS_REQUEST_TOO_OLD:
        buffer_printf(out, "UNCERTAIN the id is older than 10 minutes, and whether its request was "
                           "carried out is not known any more; this one was not");
        break;
    case STATUS_REQUEST_AHEAD:
        buffer_printf(out, "ERR the time in the id is more than 10 minutes ahead");
        break;
    case STATUS_UNSUPPORTED:
        buffer_printf(out, "ERR a keyspace that keeps siblings has no counters");
        break;
    case STATUS_STALE_TAG:
    case STATUS_NOT_OWNER:
        buffer_printf(out, "TRYAGAIN the ring has changed meanwhile");
        break;
    case STATUS_NOT_READY:
        buffer_printf(out, "LOADING the owners' replicas are being rebuilt");
        break;
    case STATUS_NO_KEYSPACE:
        buffer_printf(out, "ERR DB index is out of range: the keyspace of this connection was "
                           "dropped, or a node has not heard of it yet");
        break;
    case STATUS_WRONG_TYPE:
        buffer_printf(out, "WRONGTYPE Operation against a key holding the wrong kind of value");
        break;
    default:
        buffer_printf(out, "ERR the request failed: %s", status_name(result->status));
        break;
    }
}

/* Redis' own text, when it depends on the command; NULL: call_failure_text() has it. */
static const char *command_text(const struct call *call, enum status status)
{
    if (call->grows_value && status == STATUS_TOO_LARGE)
        return STRING_TOO_LONG;
    if (call->failed_sum != NULL && (status == STATUS_NOT_A_NUMBER || status == STATUS_OVERFLOW))
        return call->failed_sum;
    if (call->adds_to_field && status == STATUS_NOT_A_NUMBER)
        return call->adds_decimal ? "ERR hash value is not a float"
                                  : "ERR hash value is not an integer";
    if (call->adds_decimal && status == STATUS_NOT_A_NUMBER)
        return NOT_A_FLOAT;
    if (call->adds_decimal && status == STATUS_OVERFLOW)
        return FLOAT_OVERFLOW;
    return NULL;
}

/* Of one write that failed as a whole the promise can be given in words. */
static bool promises_nothing_written(const struct call *call, uint8_t kind, enum status status)
{
    return kind == KEY_WRITE && !key_status_is_uncertain(status) && status != STATUS_WRONG_TYPE &&
           status != STATUS_NOT_A_NUMBER && status != STATUS_OVERFLOW &&
           command_text(call, status) == NULL;
}

void call_reply_failure(struct call *call, uint8_t kind, const struct key_result *result)
{
    struct buffer text = {0};
    const char *own = command_text(call, result->status);
    if (own != NULL)
        buffer_printf(&text, "%s", own);
    else
        call_failure_text(kind, result, &text);
    if (promises_nothing_written(call, kind, result->status))
        buffer_printf(&text, "; nothing was written%s",
                      call->request_id.length > 0 ? " by this attempt" : "");
    resp_writer_error(call_writer(call), buffer_slice(&text));
    buffer_deinit(&text);
    call_finish(call);
}
