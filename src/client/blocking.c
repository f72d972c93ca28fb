/*
 * blocking.c - the same client for programs without an event loop: poll(2) until it is done.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/client_state.h"

enum { POLLS_ON_STACK = 64 };

uint64_t ringdb_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Milliseconds to wait, rounded up, so that a deadline is not missed by a turn of nothing. */
static int wait_ms(const struct ringdb *client, uint64_t now_us, int timeout_ms)
{
    uint64_t due_us = ringdb_deadline_us(client);
    if (due_us == UINT64_MAX)
        return timeout_ms;
    uint64_t left_ms = due_us <= now_us ? 0 : (due_us - now_us + 999) / 1000;
    if (left_ms > INT_MAX)
        left_ms = INT_MAX;
    return timeout_ms >= 0 && (uint64_t)timeout_ms < left_ms ? timeout_ms : (int)left_ms;
}

static unsigned events_of(short revents)
{
    unsigned events = 0;
    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        events |= RINGDB_WAIT_READ;
    if ((revents & (POLLOUT | POLLERR)) != 0)
        events |= RINGDB_WAIT_WRITE;
    return events;
}

static void wait_and_handle(struct ringdb *client, struct pollfd *polls, size_t count,
                            int timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct ringdb_wait wait = ringdb_wait_at(client, i);
        polls[i] = (struct pollfd){
            .fd = wait.fd,
            .events = (short)(((wait.events & RINGDB_WAIT_READ) != 0 ? POLLIN : 0) |
                              ((wait.events & RINGDB_WAIT_WRITE) != 0 ? POLLOUT : 0))};
    }
    int ready = poll(polls, count, wait_ms(client, client->now_us, timeout_ms));
    uint64_t now_us = ringdb_now_us();
    for (size_t i = 0; ready > 0 && i < count; i++) {
        if (polls[i].revents != 0)
            ringdb_ready(client, polls[i].fd, events_of(polls[i].revents), now_us);
    }
    ringdb_advance(client, now_us);
}

void ringdb_turn(struct ringdb *client, int timeout_ms)
{
    struct pollfd few[POLLS_ON_STACK];
    ringdb_advance(client, ringdb_now_us());
    size_t count = ringdb_wait_count(client);
    if (count <= POLLS_ON_STACK) {
        wait_and_handle(client, few, count, timeout_ms);
        return;
    }
    struct pollfd *many = ringdb_memory_resize(&client->memory, NULL, count * sizeof *many);
    if (many == NULL) {
        /* Better some connections than none; their order changes as connections come and go. */
        wait_and_handle(client, few, POLLS_ON_STACK, timeout_ms);
        return;
    }
    wait_and_handle(client, many, count, timeout_ms);
    ringdb_memory_free(&client->memory, many);
}

/* One call's place in a blocking request. */
struct place {
    struct ringdb_result *result;
    size_t *open;
};

static void keep_result(void *context, struct ringdb_result *result)
{
    struct place *place = context;
    *place->result = *result;
    result->reply = NULL; /* taken */
    --*place->open;
}

static void submit(struct ringdb *client, const struct ringdb_call *call, struct place *place)
{
    struct ringdb_call own = *call;
    own.done = keep_result;
    own.done_context = place;
    *place->result = (struct ringdb_result){.outcome = RINGDB_FAILED};
    place->result->error = ringdb_submit(client, &own, ringdb_now_us(), place->result->message);
    *place->open += place->result->error == RINGDB_ERROR_NONE;
}

void ringdb_execute(struct ringdb *client, const struct ringdb_call *call,
                    struct ringdb_result *out)
{
    size_t open = 0;
    struct place place = {.result = out, .open = &open};
    submit(client, call, &place);
    while (open > 0)
        ringdb_turn(client, -1);
}

void ringdb_execute_many(struct ringdb *client, const struct ringdb_call *calls, size_t count,
                         struct ringdb_result *out)
{
    size_t open = 0;
    struct place *places =
        count == 0 ? NULL : ringdb_memory_resize(&client->memory, NULL, count * sizeof *places);
    for (size_t i = 0; i < count; i++) {
        if (places == NULL) {
            ringdb_execute(client, &calls[i], &out[i]); /* one after the other does it too */
            continue;
        }
        places[i] = (struct place){.result = &out[i], .open = &open};
        /* More than calls_max go in portions. */
        while (open > 0 && client->call_count >= client->calls_max)
            ringdb_turn(client, -1);
        submit(client, &calls[i], &places[i]);
    }
    while (open > 0)
        ringdb_turn(client, -1);
    ringdb_memory_free(&client->memory, places);
}

void ringdb_result_free(struct ringdb_result *result)
{
    ringdb_reply_free(result->reply);
    result->reply = NULL;
}
