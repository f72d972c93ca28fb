/*
 * fixture.h - a loop with a fake node and a fake store, driven turn by turn over real sockets.
 *
 * Both ends live in one thread: what the loop has sent is in the other socket's queue when
 * send() returns, so a test runs turns until a condition holds and then reads.
 */
#ifndef TEST_NET_FIXTURE_H
#define TEST_NET_FIXTURE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_node.h"
#include "net/loop.h"

enum { SELF = 1, PEER = 2 };

struct fixture {
    struct node *node;
    struct ring ring;
    struct ring_member members[2];
    struct settings settings;
    struct loop_params params;
    struct loop *loop;
    /* the fake store */
    enum status submit_answer;
    struct buffer written;  /* frames of EFFECT_STORE_WRITE */
    struct buffer read;     /* frames of EFFECT_STORE_READ */
    struct buffer replies;  /* handed over at the next wake-up */
    struct buffer refusals; /* what `refused` answers for each frame */
    size_t refused_count;
    enum status condition;
    unsigned quarantines;
};

/* Settings may be changed between the two. */
void fixture_init(struct fixture *f);
/* The EFFECT_DIAL of a node at that address. */
void fixture_dial(struct effects *out, node_id node, const struct ring_address *address);
void fixture_start(struct fixture *f);
void fixture_deinit(struct fixture *f);

/* One turn without waiting. */
void fixture_turn(struct fixture *f);
/* Turns until `condition`; the alarm of main() ends a test for which that never comes. */
#define TURNS_UNTIL(f, condition)                                                                  \
    do {                                                                                           \
        fixture_turn(f);                                                                           \
    } while (!(condition))

/* Connected sockets of the other side; blocking. */
int fixture_connect_client(struct fixture *f);
int fixture_connect_peer(struct fixture *f);
void send_all(int fd, const void *bytes, size_t length);
void send_text(int fd, const char *text);
/* Read exactly `length` bytes, running turns meanwhile. Fails the test at an early end. */
void read_exactly(struct fixture *f, int fd, uint8_t *into, size_t length);
/* Run turns until the other side ends; fails the test when it sends anything before. */
void expect_end(struct fixture *f, int fd);
/* Whether bytes can be read, or the end has come, now. */
bool has_input(int fd);
struct loop_statistics statistics_of(const struct fixture *f);

#endif
