#include "exchange.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "client/ringdb.h"
#include "net/address.h"

enum { REPLY_BYTES_MAX = 64 << 20 };

/* Who asks: one person for the whole process. NULL: nobody logs in. */
static char *login_user, *login_password;

void exchange_log_in_as(const char *user, const char *password)
{
    free(login_user);
    free(login_password);
    login_user = user == NULL ? NULL : memory_copy(user, strlen(user));
    login_password = memory_copy(password, strlen(password));
}

/* One exchange under way: a client of libringdb that speaks with this node alone. */
struct conversation {
    struct exchange *exchange;
    struct ringdb *client; /* NULL: over */
    size_t open;           /* calls without a result */
};

/* Where a result goes. */
struct place {
    struct conversation *conversation;
    size_t index;
};

void exchange_ask(struct exchange *exchange, const struct slice *words, size_t count)
{
    buffer_put_varint(&exchange->request, count);
    for (size_t i = 0; i < count; i++)
        buffer_put_bytes(&exchange->request, words[i]);
    exchange->asked++;
}

void exchange_ask_texts(struct exchange *exchange, const char *const *words)
{
    struct slice slices[8];
    size_t count = 0;
    for (; words[count] != NULL; count++) {
        assert(count < sizeof slices / sizeof *slices);
        slices[count] = slice_text(words[count]);
    }
    exchange_ask(exchange, slices, count);
}

/* ---- replies ---- */

/* The same tree in the house's own form; its depth is bounded by libringdb. */
static struct resp_value copy_value(const struct ringdb_reply *from)
{
    static const enum resp_type types[] = {[RINGDB_SIMPLE] = RESP_TYPE_SIMPLE,
                                           [RINGDB_ERROR] = RESP_TYPE_ERROR,
                                           [RINGDB_BULK] = RESP_TYPE_BULK,
                                           [RINGDB_VERBATIM] = RESP_TYPE_VERBATIM,
                                           [RINGDB_BIG_NUMBER] = RESP_TYPE_BIG_NUMBER,
                                           [RINGDB_INTEGER] = RESP_TYPE_INTEGER,
                                           [RINGDB_DOUBLE] = RESP_TYPE_DOUBLE,
                                           [RINGDB_BOOLEAN] = RESP_TYPE_BOOLEAN,
                                           [RINGDB_NULL] = RESP_TYPE_NULL,
                                           [RINGDB_ARRAY] = RESP_TYPE_ARRAY,
                                           [RINGDB_MAP] = RESP_TYPE_MAP,
                                           [RINGDB_SET] = RESP_TYPE_SET,
                                           [RINGDB_PUSH] = RESP_TYPE_PUSH};
    struct resp_value value = {.type = types[from->type]};
    switch (from->type) {
    case RINGDB_SIMPLE:
    case RINGDB_ERROR:
    case RINGDB_BULK:
    case RINGDB_VERBATIM:
    case RINGDB_BIG_NUMBER:
        value.text = slice_make(memory_copy(from->text.data, from->text.length), from->text.length);
        break;
    case RINGDB_INTEGER:
        value.integer = from->integer;
        break;
    case RINGDB_DOUBLE:
        value.real = from->real;
        break;
    case RINGDB_BOOLEAN:
        value.boolean = from->integer != 0;
        break;
    case RINGDB_NULL:
        break;
    default:
        value.element_count = from->element_count;
        value.elements = memory_new(from->element_count, sizeof *value.elements);
        for (size_t i = 0; i < from->element_count; i++)
            value.elements[i] = copy_value(&from->elements[i]);
        break;
    }
    return value;
}

static void fail(struct exchange *exchange, enum ringdb_outcome outcome, enum ringdb_error error,
                 const char *message)
{
    char address[ADDRESS_TEXT_MAX];
    if (exchange->status != STATUS_OK)
        return; /* the first reason is the reason */
    exchange->status = error == RINGDB_ERROR_TIMEOUT    ? STATUS_TIMEOUT
                       : error == RINGDB_ERROR_PROTOCOL ? STATUS_CORRUPT
                                                        : STATUS_UNAVAILABLE;
    /* Whoever prints the reason has named the node already. */
    size_t length = strlen(address_format(&exchange->address, address));
    if (strncmp(message, address, length) == 0 && strncmp(message + length, ": ", 2) == 0)
        message += length + 2;
    snprintf(exchange->reason, sizeof exchange->reason, "%.120s%s", message,
             outcome == RINGDB_UNCERTAIN ? "; it may have been carried out" : "");
}

static void take_result(void *context, struct ringdb_result *result)
{
    struct place *place = context;
    struct exchange *exchange = place->conversation->exchange;
    place->conversation->open--;
    if (result->reply == NULL) {
        fail(exchange, result->outcome, result->error, result->message);
        return;
    }
    struct resp_value value = copy_value(result->reply);
    exchange->replies[place->index] = memory_copy(&value, sizeof value);
}

/* ---- running ---- */

static void submit_all(struct conversation *one, struct place *places)
{
    struct reader reader = reader_make(buffer_slice(&one->exchange->request));
    uint64_t now_us = ringdb_now_us();
    for (size_t i = 0; i < one->exchange->asked; i++) {
        char message[RINGDB_MESSAGE_MAX];
        size_t count = (size_t)reader_varint(&reader);
        struct ringdb_bytes *words = memory_new(count, sizeof *words);
        for (size_t k = 0; k < count; k++) {
            struct slice word = reader_bytes(&reader);
            words[k] = ringdb_bytes(word.data, word.length);
        }
        places[i] = (struct place){.conversation = one, .index = i};
        struct ringdb_call call = {.arguments = words,
                                   .argument_count = count,
                                   .done = take_result,
                                   .done_context = &places[i]};
        enum ringdb_error error = ringdb_submit(one->client, &call, now_us, message);
        if (error == RINGDB_ERROR_NONE)
            one->open++;
        else
            fail(one->exchange, RINGDB_FAILED, error, message);
        free(words);
    }
}

static void begin(struct conversation *one, struct exchange *exchange, struct place *places,
                  unsigned timeout_ms)
{
    char address[ADDRESS_TEXT_MAX], message[RINGDB_MESSAGE_MAX];
    struct ringdb_options options = {.hosts = address_format(&exchange->address, address),
                                     .user = login_user,
                                     .password = login_password,
                                     .keyspace = exchange->keyspace,
                                     .direct = true,
                                     .attempts_max = 1,
                                     .timeout_ms = timeout_ms,
                                     .connect_timeout_ms = timeout_ms,
                                     .reply_bytes_max = REPLY_BYTES_MAX};
    *one = (struct conversation){.exchange = exchange};
    exchange->replies = memory_new(exchange->asked, sizeof(struct resp_value *));
    enum ringdb_error error = ringdb_new(&options, &one->client, message);
    if (error == RINGDB_ERROR_NONE)
        submit_all(one, places);
    else
        fail(exchange, RINGDB_FAILED, error, message);
}

/* What all conversations wait for: one descriptor for each at most. */
static size_t collect_waits(struct conversation *all, size_t count, struct pollfd *polls,
                            size_t *owners, uint64_t *due_us)
{
    size_t waits = 0;
    *due_us = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (all[i].open == 0)
            continue;
        ringdb_advance(all[i].client, ringdb_now_us());
        uint64_t own_us = ringdb_deadline_us(all[i].client);
        *due_us = own_us < *due_us ? own_us : *due_us;
        if (ringdb_wait_count(all[i].client) == 0)
            continue;
        struct ringdb_wait wait = ringdb_wait_at(all[i].client, 0);
        owners[waits] = i;
        polls[waits++] = (struct pollfd){
            .fd = wait.fd,
            .events = (short)(((wait.events & RINGDB_WAIT_READ) != 0 ? POLLIN : 0) |
                              ((wait.events & RINGDB_WAIT_WRITE) != 0 ? POLLOUT : 0))};
    }
    return waits;
}

static bool any_open(const struct conversation *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].open > 0)
            return true;
    }
    return false;
}

static void turn(struct conversation *all, size_t count, struct pollfd *polls, size_t *owners)
{
    uint64_t due_us;
    size_t waits = collect_waits(all, count, polls, owners, &due_us);
    uint64_t now_us = ringdb_now_us();
    if (!any_open(all, count))
        return;
    int wait_ms = due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
    if (poll(polls, waits, wait_ms) <= 0)
        return;
    now_us = ringdb_now_us();
    for (size_t i = 0; i < waits; i++) {
        unsigned events = ((polls[i].revents & ~POLLOUT) != 0 ? RINGDB_WAIT_READ : 0) |
                          ((polls[i].revents & (POLLOUT | POLLERR)) != 0 ? RINGDB_WAIT_WRITE : 0);
        if (events != 0)
            ringdb_ready(all[owners[i]].client, polls[i].fd, events, now_us);
    }
}

void exchange_run(struct exchange *exchanges, size_t count, unsigned timeout_ms)
{
    struct conversation *all = memory_new(count, sizeof *all);
    struct place **places = memory_new(count, sizeof *places);
    struct pollfd *polls = memory_new(count, sizeof *polls);
    size_t *owners = memory_new(count, sizeof *owners);
    for (size_t i = 0; i < count; i++) {
        places[i] = memory_new(exchanges[i].asked, sizeof **places);
        begin(&all[i], &exchanges[i], places[i], timeout_ms);
    }
    while (any_open(all, count))
        turn(all, count, polls, owners);
    for (size_t i = 0; i < count; i++) {
        ringdb_free(all[i].client);
        free(places[i]);
    }
    free(owners);
    free(polls);
    free(places);
    free(all);
}

void exchange_deinit(struct exchange *exchange)
{
    for (size_t i = 0; exchange->replies != NULL && i < exchange->asked; i++)
        resp_value_free(exchange->replies[i]);
    free(exchange->replies);
    buffer_deinit(&exchange->request);
    *exchange = (struct exchange){.address = exchange->address};
}
