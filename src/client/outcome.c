/*
 * outcome.c - an attempt has ended: is that the call's answer, or is it tried again?
 *
 *     what ended the attempt                        read      write           write with an id
 *     a reply that is no error                      OK        OK              OK
 *     an error that promises that nothing happened  again     again           again
 *     MOVED                                         again     again           again
 *     UNCERTAIN                                     again     UNCERTAIN       again
 *     any other error                               FAILED    FAILED          FAILED
 *     connection lost, request not sent whole       again     again           again
 *     connection lost, request sent                 again     UNCERTAIN       again
 *     the time is up, request not written           FAILED    FAILED          FAILED
 *     the time is up, request written               FAILED    UNCERTAIN       UNCERTAIN
 *
 * "again" only while there is time and attempts_max is not reached; then it is FAILED. Once an
 * attempt of a write may have been applied, a later FAILED is UNCERTAIN: it speaks
 * for its own attempt alone.
 */
#include "client/client_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_FIRST_US = 5 * 1000, PAUSE_MAX_US = 500 * 1000 };

/* The first words that promise: nothing was and will be applied, and later it may work. */
static const char *const AGAIN[] = {"NOREPLICAS", "OVERLOADED",  "TRYAGAIN",   "LOADING",
                                    "CLOCKSKEW",  "CLUSTERDOWN", "MASTERDOWN", "BUSY"};

static bool has_code(const struct ringdb_reply *reply, const char *code)
{
    size_t length = strlen(code);
    return reply->text.length >= length && memcmp(reply->text.data, code, length) == 0 &&
           (reply->text.length == length || ((const char *)reply->text.data)[length] == ' ');
}

static bool may_come_later(const struct ringdb_reply *reply)
{
    for (size_t i = 0; i < sizeof AGAIN / sizeof *AGAIN; i++) {
        if (has_code(reply, AGAIN[i]))
            return true;
    }
    return false;
}

void ringdb_outcome_finish(struct ringdb *client, struct call *call, enum ringdb_outcome outcome,
                           enum ringdb_error error, struct ringdb_reply *reply, const char *message)
{
    struct ringdb_result result = {
        .outcome = outcome, .error = error, .reply = reply, .attempts = call->attempts};
    if (outcome == RINGDB_FAILED && call->uncertain)
        result.outcome = RINGDB_UNCERTAIN;
    snprintf(result.message, sizeof result.message, "%s", message);
    void (*done)(void *, struct ringdb_result *) = call->done;
    void *context = call->done_context;
    ringdb_due_heap_remove(&client->due, call);
    if (call->state == CALL_SENT) {
        call->state = CALL_LEFT;
        call->done = NULL;
    } else {
        client->call_count -= !call->internal;
        ringdb_call_free(&client->memory, call);
    }
    if (done != NULL)
        done(context, &result);
    ringdb_reply_free(result.reply);
}

/* The end of a call whose latest attempt failed; the server's own words say it best. */
static void give_up(struct ringdb *client, struct call *call, enum ringdb_error error,
                    const char *message)
{
    struct ringdb_reply *reply = call->last_error;
    call->last_error = NULL;
    if (reply != NULL)
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_SERVER, reply,
                              reply->text.data);
    else
        ringdb_outcome_finish(client, call, RINGDB_FAILED, error, NULL, message);
}

/* The n-th pause is chosen by chance up to a bound that doubles. */
static uint64_t pause_us(struct ringdb *client, const struct call *call)
{
    uint64_t longest_us = PAUSE_FIRST_US;
    for (unsigned i = 1; i < call->attempts && longest_us < PAUSE_MAX_US; i++)
        longest_us *= 2;
    if (longest_us > PAUSE_MAX_US)
        longest_us = PAUSE_MAX_US;
    return longest_us / 2 + random_below(&client->random, longest_us / 2);
}

static void try_again(struct ringdb *client, struct call *call, bool at_once,
                      enum ringdb_error error, const char *message)
{
    uint64_t when_us = client->now_us + (at_once ? 0 : pause_us(client, call));
    if (call->attempts >= client->attempts_max || when_us >= call->deadline_us)
        give_up(client, call, error, message);
    else if (at_once)
        ringdb_client_make_ready(client, call);
    else
        ringdb_client_pause(client, call, when_us);
}

static void keep_error(struct call *call, struct ringdb_reply *reply)
{
    ringdb_reply_free(call->last_error);
    call->last_error = reply;
}

/* "MOVED 3999 127.0.0.1:6381", of a Redis Cluster; ringd answers for every key itself. */
static void follow(struct ringdb *client, struct node *from, struct call *call,
                   struct ringdb_reply *reply)
{
    char address[MAP_ADDRESS_MAX];
    const char *space = strrchr(reply->text.data, ' ');
    const char *colon = space == NULL ? NULL : strrchr(space, ':');
    call->pinned = NULL;
    if (colon != NULL) {
        /* Without a host it is the host of who says so. */
        struct ringdb_bytes host = ringdb_bytes(space + 1, (size_t)(colon - space - 1));
        if (host.length == 0)
            host =
                ringdb_bytes(from->address, (size_t)(strrchr(from->address, ':') - from->address));
        if (ringdb_address_text(host, strtol(colon + 1, NULL, 10), address))
            call->pinned = ringdb_node_get(client, address);
    }
    keep_error(call, reply);
    client->refresh_us = client->now_us; /* it is known that the map is old */
    /* Two nodes may send a call to and fro for a while, so only the first time is at once. */
    try_again(client, call, call->attempts == 1, RINGDB_ERROR_SERVER, "");
}

static void take_error(struct ringdb *client, struct node *node, struct call *call,
                       struct ringdb_reply *reply)
{
    bool is_uncertain = has_code(reply, "UNCERTAIN");
    call->avoided = node;
    call->pinned = NULL;
    if (is_uncertain && !call->read_only) {
        call->uncertain = true;
        if (!call->has_id) {
            ringdb_outcome_finish(client, call, RINGDB_UNCERTAIN, RINGDB_ERROR_SERVER, reply,
                                  reply->text.data);
            return;
        }
    }
    if (is_uncertain || may_come_later(reply)) {
        keep_error(call, reply);
        try_again(client, call, false, RINGDB_ERROR_SERVER, "");
    } else if (has_code(reply, "MOVED")) {
        follow(client, node, call, reply);
    } else {
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_SERVER, reply,
                              reply->text.data);
    }
}

void ringdb_outcome_reply(struct ringdb *client, struct node *node, struct call *call,
                          struct ringdb_reply *reply)
{
    if (reply == NULL) {
        call->uncertain = call->uncertain || !call->read_only;
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_MEMORY, NULL,
                              "there is no memory for the reply");
    } else if (reply->type == RINGDB_ERROR) {
        take_error(client, node, call, reply);
    } else {
        ringdb_outcome_finish(client, call, RINGDB_OK, RINGDB_ERROR_NONE, reply, "");
    }
}

void ringdb_outcome_lost(struct ringdb *client, struct node *node, struct call *call, bool sent,
                         enum ringdb_error error, const char *why)
{
    call->avoided = node;
    call->pinned = NULL;
    if (sent && !call->read_only) {
        call->uncertain = true;
        if (!call->has_id) {
            ringdb_outcome_finish(client, call, RINGDB_UNCERTAIN, error, NULL, why);
            return;
        }
    }
    /* Another owner may answer at once; the second time something else is wrong. */
    if (client->direct)
        give_up(client, call, error, why);
    else
        try_again(client, call, call->attempts <= 1, error, why);
}

/* Nothing at all was heard for long, though something was asked: the node stands still. */
static bool is_stalled(const struct ringdb *client, const struct connection *c)
{
    return client->now_us - c->heard_us >= (uint64_t)client->connect_timeout_ms * 1000;
}

void ringdb_outcome_late(struct ringdb *client, struct call *call)
{
    struct connection *stalled = NULL;
    if (call->state == CALL_SENT) {
        stalled = is_stalled(client, call->sent_on) ? call->sent_on : NULL;
        call->uncertain = call->uncertain || !call->read_only;
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_TIMEOUT, NULL,
                              "no answer came in time");
    } else if (client->last_error[0] != '\0' && call->attempts == 0) {
        ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_CONNECTION, NULL,
                              client->last_error);
    } else {
        give_up(client, call, RINGDB_ERROR_TIMEOUT, "the time was up before it could be sent");
    }
    if (stalled != NULL)
        ringdb_connection_close(client, stalled, RINGDB_ERROR_TIMEOUT,
                                "nothing was heard from it in time");
}
