/*
 * fake_server.h - a server on loopback, in the test's own thread, that does what the test wants.
 *
 * It keeps strings, counts what it applied, and can be told to answer in pieces, to be
 * silent, to refuse, and to close a connection after so many bytes in or out.
 */
#ifndef UNIT_CLIENT_FAKE_SERVER_H
#define UNIT_CLIENT_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "client/ringdb.h"
#include "wire/resp_reader.h"

enum { FAKE_PEERS_MAX = 32, FAKE_KEYS_MAX = 64 };

struct fake_peer {
    int fd; /* -1: free */
    struct buffer in, out;
    struct resp_reader *reader;
    size_t received, sent;
};

struct fake_server {
    int listener; /* -1: not listening */
    uint16_t port;
    char address[32];
    struct fake_peer peers[FAKE_PEERS_MAX];

    /* What the test sets. */
    size_t piece;          /* bytes sent in one step; 0: all */
    bool silent;           /* answers nothing but the greeting */
    bool mute;             /* reads nothing at all */
    size_t close_received; /* close once so many bytes came over one connection; SIZE_MAX: never */
    size_t close_sent;     /* the same for bytes sent */
    bool closes_always;    /* else only once */
    const char *refusal;   /* in place of the next `refusals` answers to GET and SET */
    unsigned refusals;
    const char *slots;  /* answer to RING.SLOTS; NULL: it is unknown */
    bool loses_answers; /* closes in place of answering a SET, after applying it */

    /* What happened. */
    unsigned accepted, closed;
    unsigned sets, gets, slots_asked;
    struct buffer words; /* of the last request, separated by blanks */
    struct fake_key {
        char name[32];
        char value[32];
        unsigned applied; /* how often it was set */
    } keys[FAKE_KEYS_MAX];
    char ids[FAKE_KEYS_MAX][32]; /* request ids that were seen */
};

void fake_server_start(struct fake_server *server);
/* Nobody listens, and every connection is closed; the port stays reserved for a restart. */
void fake_server_stop(struct fake_server *server);
void fake_server_restart(struct fake_server *server);
void fake_server_deinit(struct fake_server *server);
/* Accept, read, answer, as far as it goes without waiting. True: something happened. */
bool fake_server_step(struct fake_server *server);
/* How often the key was set; its value. */
unsigned fake_server_applied(const struct fake_server *server, const char *key);

/* A map with one range for each server's half (or all) of the slots; the text is static. */
const char *fake_slots(char *out, size_t bytes, const struct fake_server *low,
                       const struct fake_server *high);

/*
 * Let client and servers work until `*open` is 0, with time that advances by `step_us` whenever
 * nothing else happens. Fails the test after very many turns.
 */
void fake_run(struct ringdb *client, struct fake_server *servers, size_t count,
              const unsigned *open, uint64_t *now_us, uint64_t step_us);

#endif
