#include "client/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/command_facts.h"
#include "ring/slot.h"

enum {
    HEADER_BYTES_MAX = 24, /* "$" and a size and a line end */
    TIMEOUT_WORD_MAX = 32,
    ARGUMENTS_MAX = 1 << 20,
    ANSWER_SHARE = 8,      /* the servers get all but 1/8 of the time, */
    ANSWER_US_MAX = 100000 /* or all but this, so that their answer still arrives */
};

struct draft {
    const char *names[CALL_OPTIONS_MAX];
    struct ringdb_bytes values[CALL_OPTIONS_MAX];
    size_t count;
};

static enum ringdb_error refuse(char *message, enum ringdb_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum ringdb_error refuse(char *message, enum ringdb_error error, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(message, RINGDB_MESSAGE_MAX, format, rest);
    va_end(rest);
    return error;
}

static void add_option(struct draft *draft, const char *name, struct ringdb_bytes value)
{
    if (value.length == 0)
        return;
    assert(draft->count < CALL_OPTIONS_MAX);
    draft->names[draft->count] = name;
    draft->values[draft->count++] = value;
}

static bool has_blanks(struct ringdb_bytes bytes)
{
    const unsigned char *data = bytes.data;
    for (size_t i = 0; i < bytes.length; i++) {
        if (data[i] <= ' ' || data[i] == 127)
            return true;
    }
    return false;
}

static enum ringdb_error check(const struct ringdb_call *from,
                               const struct ringdb_command_facts *facts, char *message)
{
    int name_length = from->arguments[0].length > 32 ? 32 : (int)from->arguments[0].length;
    if (facts->refused != NULL)
        return refuse(message, RINGDB_ERROR_UNSUPPORTED, "%.*s is not sent: %s", name_length,
                      (const char *)from->arguments[0].data, facts->refused);
    if (from->request_id.length > CALL_REQUEST_ID_MAX || has_blanks(from->request_id))
        return refuse(message, RINGDB_ERROR_INVALID,
                      "a request id has 1 to %d bytes without blanks", CALL_REQUEST_ID_MAX);
    if (has_blanks(from->context))
        return refuse(message, RINGDB_ERROR_INVALID, "that is no context of RING.GET");
    return RINGDB_ERROR_NONE;
}

static size_t word_wire_bytes(size_t length)
{
    char header[HEADER_BYTES_MAX];
    return (size_t)snprintf(header, sizeof header, "$%zu\r\n", length) + length + 2;
}

/* Copy the words behind the struct, options first. */
static void copy_words(struct call *call, const struct draft *draft, const struct ringdb_call *from)
{
    char *bytes = (char *)(call->words + draft->count + from->argument_count);
    for (size_t i = 0; i < draft->count; i++) {
        size_t name_length = strlen(draft->names[i]);
        size_t length = name_length + draft->values[i].length;
        memcpy(bytes, draft->names[i], name_length);
        memcpy(bytes + name_length, draft->values[i].data, draft->values[i].length);
        call->words[i] = ringdb_bytes(bytes, length);
        call->words_bytes += word_wire_bytes(length);
        bytes += length;
    }
    for (size_t i = 0; i < from->argument_count; i++) {
        size_t length = from->arguments[i].length;
        if (length > 0)
            memcpy(bytes, from->arguments[i].data, length);
        call->words[draft->count + i] = ringdb_bytes(bytes, length);
        call->words_bytes += word_wire_bytes(length);
        bytes += length;
    }
    call->option_count = draft->count;
    call->argument_count = from->argument_count;
}

enum ringdb_error ringdb_call_new(const struct ringdb_memory *memory,
                                  const struct ringdb_call *from, uint64_t now_us,
                                  uint32_t timeout_ms, struct call **out, char *message)
{
    struct draft draft = {.count = 0};
    size_t bytes = 0;
    if (from->argument_count == 0 || from->argument_count > ARGUMENTS_MAX ||
        from->arguments[0].length == 0)
        return refuse(message, RINGDB_ERROR_INVALID, "a call has a command and at most %d words",
                      ARGUMENTS_MAX);
    struct ringdb_command_facts facts = ringdb_command_facts(from->arguments[0]);
    enum ringdb_error error = check(from, &facts, message);
    if (error != RINGDB_ERROR_NONE)
        return error;
    add_option(&draft, "cl=", ringdb_text(from->level));
    add_option(&draft, "r=", ringdb_text(from->r));
    add_option(&draft, "w=", ringdb_text(from->w));
    add_option(&draft, "dw=", ringdb_text(from->dw));
    add_option(&draft, "context=", from->context);
    add_option(&draft, "id=", from->request_id);
    add_option(&draft, "traceparent=", ringdb_text(from->traceparent));
    for (size_t i = 0; i < draft.count; i++)
        bytes += strlen(draft.names[i]) + draft.values[i].length;
    for (size_t i = 0; i < from->argument_count; i++) {
        if (from->arguments[i].length > SIZE_MAX / 4 - bytes)
            return refuse(message, RINGDB_ERROR_INVALID, "the call is larger than memory");
        bytes += from->arguments[i].length;
    }
    struct call *call = ringdb_memory_new(
        memory, sizeof *call + (draft.count + from->argument_count) * sizeof *call->words + bytes);
    if (call == NULL)
        return refuse(message, RINGDB_ERROR_MEMORY, "there is no memory for the call");
    copy_words(call, &draft, from);
    call->read_only = facts.read_only || from->read_only;
    call->has_id = from->request_id.length > 0;
    call->tells_timeout = from->timeout_ms > 0;
    call->deadline_us =
        now_us + (uint64_t)(from->timeout_ms > 0 ? from->timeout_ms : timeout_ms) * 1000;
    call->due_us = call->deadline_us;
    call->done = from->done;
    call->done_context = from->done_context;
    call->has_slot = facts.key > 0 && facts.key < from->argument_count;
    if (call->has_slot)
        call->slot = ring_slot(
            slice_make(from->arguments[facts.key].data, from->arguments[facts.key].length));
    *out = call;
    return RINGDB_ERROR_NONE;
}

void ringdb_call_free(const struct ringdb_memory *memory, struct call *call)
{
    if (call == NULL)
        return;
    ringdb_reply_free(call->last_error);
    ringdb_memory_free(memory, call);
}

/* ---- encoding ---- */

static uint8_t *put_header(uint8_t *at, char type, size_t number)
{
    char digits[HEADER_BYTES_MAX];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *at++ = (uint8_t)type;
    while (count > 0)
        *at++ = (uint8_t)digits[--count];
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static uint8_t *put_word(uint8_t *at, struct ringdb_bytes word)
{
    at = put_header(at, '$', word.length);
    if (word.length > 0)
        memcpy(at, word.data, word.length);
    at += word.length;
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* "timeout=N" for the servers, or no bytes. */
static struct ringdb_bytes timeout_word(const struct call *call, uint64_t now_us,
                                        char word[TIMEOUT_WORD_MAX])
{
    if (!call->tells_timeout)
        return ringdb_bytes(NULL, 0);
    uint64_t left_us = call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    uint64_t kept_us =
        left_us / ANSWER_SHARE < ANSWER_US_MAX ? left_us / ANSWER_SHARE : ANSWER_US_MAX;
    uint64_t told_ms = (left_us - kept_us) / 1000;
    int length = snprintf(word, TIMEOUT_WORD_MAX, "timeout=%llu",
                          (unsigned long long)(told_ms > 0 ? told_ms : 1));
    return ringdb_bytes(word, (size_t)length);
}

bool ringdb_call_encode(const struct call *call, uint64_t now_us,
                        const struct ringdb_memory *memory, struct ringdb_queue *out)
{
    char word[TIMEOUT_WORD_MAX];
    struct ringdb_bytes timeout = timeout_word(call, now_us, word);
    size_t words = call->option_count + call->argument_count + (timeout.length > 0);
    bool with = call->option_count > 0 || timeout.length > 0;
    uint8_t *start = ringdb_queue_reserve(
        out, memory, call->words_bytes + 4 * HEADER_BYTES_MAX + timeout.length);
    if (start == NULL)
        return false;
    uint8_t *at = put_header(start, '*', words + with);
    if (with)
        at = put_word(at, ringdb_text("WITH"));
    if (timeout.length > 0)
        at = put_word(at, timeout);
    for (size_t i = 0; i < call->option_count + call->argument_count; i++)
        at = put_word(at, call->words[i]);
    out->end += (size_t)(at - start);
    return true;
}

bool ringdb_words_encode(const struct ringdb_bytes *words, size_t count,
                         const struct ringdb_memory *memory, struct ringdb_queue *out)
{
    size_t bytes = HEADER_BYTES_MAX;
    for (size_t i = 0; i < count; i++)
        bytes += words[i].length + HEADER_BYTES_MAX;
    uint8_t *start = ringdb_queue_reserve(out, memory, bytes);
    if (start == NULL)
        return false;
    uint8_t *at = put_header(start, '*', count);
    for (size_t i = 0; i < count; i++)
        at = put_word(at, words[i]);
    out->end += (size_t)(at - start);
    return true;
}

/* ---- lists ---- */

void ringdb_call_list_append(struct call_list *list, struct call *call)
{
    call->next = NULL;
    call->previous = list->last;
    if (list->last == NULL)
        list->first = call;
    else
        list->last->next = call;
    list->last = call;
    list->count++;
}

void ringdb_call_list_remove(struct call_list *list, struct call *call)
{
    if (call->previous == NULL)
        list->first = call->next;
    else
        call->previous->next = call->next;
    if (call->next == NULL)
        list->last = call->previous;
    else
        call->next->previous = call->previous;
    call->next = call->previous = NULL;
    list->count--;
}
