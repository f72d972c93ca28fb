/*
 * session.h - one client connection: bytes in, replies and key requests out.
 *
 * A session parses requests, runs each command as a small machine (call.h) and
 * writes the replies in the order of the requests. Commands of one connection
 * that do not touch the same key run at the same time, up to settings.pipeline_max;
 * one that must be alone (such as SELECT, SCAN, WAIT) waits for those before it
 * and holds those after it. So a client sees the order it sent, and a pipeline
 * costs one round of replication, not one for each command.
 */
#ifndef COMMANDS_SESSION_H
#define COMMANDS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/environment.h"
#include "coordinator/key_request.h"
#include "node/event.h"

struct session;

/* A key request that a session wants carried out. */
struct session_request {
    uint64_t token;             /* comes back with the result */
    struct key_request request; /* its slices live until the next call into this session */
};

/* What a step of a session wants. All zero is empty; cleared by the caller between steps. */
struct session_output {
    struct buffer replies; /* bytes for the client */
    bool close;            /* after the replies */
    bool pause;            /* read no more from the client until a later step has `resume` */
    bool resume;
    struct session_request *requests;
    uint32_t request_count;
    uint32_t request_capacity;
};

void session_output_clear(struct session_output *output);
void session_output_deinit(struct session_output *output);

/* `environment` outlives the session. `address` is the client's, for CLIENT LIST. */
struct session *session_new(connection_id id, struct environment *environment, struct slice address,
                            struct instant now);
/* Before any bytes: it is nobody until it logs in with a password, also as who needs none. */
void session_distrust(struct session *session);
/* Results of requests that are still under way must not be delivered after this. */
void session_free(struct session *session);

void session_bytes(struct session *session, struct slice bytes, struct instant now,
                   struct session_output *out);
/* Each token gets exactly one result. `result` is borrowed for the call. */
void session_result(struct session *session, uint64_t token, const struct key_result *result,
                    struct instant now, struct session_output *out);
/* For timers inside commands (WAIT). */
void session_tick(struct session *session, struct instant now, struct session_output *out);
/* What a command sleeps for is there: session_tick() is due. */
void session_wake(struct session *session);
/* When session_tick() is due at the latest; UINT64_MAX for never. */
uint64_t session_deadline_us(const struct session *session);

#endif
