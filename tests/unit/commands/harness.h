/*
 * harness.h - sessions over a fake executor: one copy of every key in memory.
 *
 * Key requests are kept in encoded form, as a node would send them on, and answered
 * when the test says so, in the order it says, with the status it says.
 */
#ifndef TESTS_COMMANDS_HARNESS_H
#define TESTS_COMMANDS_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "commands/environment.h"
#include "commands/session.h"
#include "wire/resp_reply.h"

enum { HARNESS_PENDING_MAX = 4096, HARNESS_KEYS_MAX = 8192, HARNESS_CLIENTS_MAX = 8 };

struct stored_key {
    keyspace_id keyspace;
    uint64_t position;
    struct buffer key, value;
    uint64_t expire_at_ms;
    struct dot dot;
};

struct pending {
    struct client *client;
    uint64_t token;
    struct buffer encoded;
};

struct client {
    struct harness *harness;
    struct session *session;
    struct buffer replies;
    bool closed, paused;
    uint32_t pauses, resumes;
};

struct harness {
    struct environment environment;
    struct settings settings;
    struct node_statistics statistics;
    struct ring *ring;
    struct instant now;
    struct client clients[HARNESS_CLIENTS_MAX];
    uint32_t client_count;
    struct stored_key keys[HARNESS_KEYS_MAX]; /* ascending by keyspace and position */
    uint32_t key_count;
    uint64_t sequence;
    struct pending pending[HARNESS_PENDING_MAX];
    uint32_t pending_count;
    bool manual; /* true: requests wait for harness_answer() */
    bool lifo;   /* the newest request is answered first */
    uint32_t requests_seen, pending_most;
    /* An answer for all requests of a kind instead of the real one; OK: none. */
    enum status fail_status;
    uint8_t fail_kind;       /* 0: all kinds */
    int fail_after;          /* as many of that kind are answered first */
    const char *stale_score; /* by which an owner that is behind names each member, too */
    bool looks;              /* no member of a sorted set stands without a look at it */
    bool cuts_nothing;       /* the owner that deletes collections knows of no event at all */
    bool counts_apart;       /* sorted sets cannot be told from the order of owners */
    char end_of[32];         /* the collection that has an end; empty: none has */
    uint64_t end_ms;
    uint8_t told_type; /* which an owner that is behind takes every key for; enum collection_type */
    uint8_t fail_acks, fail_needed;
    uint32_t coverage; /* what KEY_COVERAGE answers */
    uint32_t last_timeout_ms;
    struct request_options last_options;
    struct {
        size_t id_length;
        uint32_t part;
        uint64_t digest;
    } last_identity; /* of a write */
    /* Concurrent values of whatever key RING.GET asks for; 0: the stored one. */
    struct key_outcome siblings[4];
    uint16_t sibling_count;
    struct version_vector more_context; /* beside that of the siblings */
    bool last_has_context;              /* of the last entry written */
    struct version_vector last_context;
    hybrid_time last_context_time;
    keyspace_id last_keyspace;
    bool down[64]; /* peers by node id */
    connection_id closed_by_command, woken_by_command;
    /* Slow hashes, of which one is under way at most. */
    struct {
        bool wait;   /* until `is_over` */
        bool full;   /* no more is begun */
        bool failed; /* there is no memory */
        bool is_over;
        uint32_t count;
        uint8_t cost; /* of the last one */
        uint8_t hash[32];
    } hashes;
    uint32_t published; /* to other nodes */
    bool published_sharded;
};

int harness_setup(void **state);
int harness_teardown(void **state);

struct client *harness_client(struct harness *harness);
/* Raw bytes from the client, and all that follows from them. */
void client_bytes(struct client *client, const void *bytes, size_t length);
void client_raw(struct client *client, const char *text);
/* One command, words separated by single spaces, as a multibulk request. */
void client_command(struct client *client, const char *words);
void client_words(struct client *client, size_t count, const struct slice *words);
void client_tick(struct client *client);

/* Answer the request that has waited the longest (or the least, with lifo); false: none. */
bool harness_answer(struct harness *harness);
/* Answer pending request number `index`. */
void harness_answer_at(struct harness *harness, uint32_t index);
void harness_answer_all(struct harness *harness);
void harness_advance_ms(struct harness *harness, uint64_t milliseconds);

/* A field of a hash that was written where nobody saw what else the key holds. */
void harness_put_field(struct harness *harness, const char *key, const char *field);

/* Run the command and compare all that came back, then forget it. */
#define assert_reply(client, words, expected)                                                      \
    check_reply((client), (words), (expected), __FILE__, __LINE__)
void check_reply(struct client *client, const char *words, const char *expected, const char *file,
                 int line);
/* The same for what has come back already. */
#define assert_replies(client, expected) check_replies((client), (expected), __FILE__, __LINE__)
void check_replies(struct client *client, const char *expected, const char *file, int line);
/* Run the command and parse its one reply; release with resp_value_free(). */
struct resp_value *client_value(struct client *client, const char *words);
/* Of a map, or of the flat array that version 2 has instead; NULL: no such key. */
const struct resp_value *value_get(const struct resp_value *map, const char *key);
bool value_is(const struct resp_value *value, const char *text);

#endif
