/*
 * talk.h - a client's conversation with one node: requests go out, replies come back whole.
 *
 * It belongs to somebody who asks and listens; it ends when he hangs up, or when the node does.
 */
#ifndef SIM_TALK_H
#define SIM_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "wire/resp_reply.h"

struct machine;
struct occurrence;
struct talk;
struct world;

/* Told of each reply, and with NULL that the node has gone; the talk is over then. */
typedef void talk_heard(struct world *world, struct talk *talk, const struct resp_value *reply);

/* All zero but for the first three is silence. */
struct talk {
    talk_heard *heard;
    void *owner;
    const char *address;     /* that the node is told: "10.9.0.3:1024" */
    struct machine *machine; /* NULL: nobody is spoken to */
    uint32_t life;
    connection_id connection;
    uint64_t sent_us; /* when the last bytes arrive */
    struct resp_reply_reader *reader;
    struct buffer received;
    size_t offset;
    struct talk *prev, *next; /* in the world's list */
};

/* Call a machine that is up; nobody is spoken to yet. */
void talk_open(struct world *world, struct talk *talk, struct machine *machine);
/* One request, of words that end with NULL. Its way takes a while, and keeps the order. */
void talk_ask(struct world *world, struct talk *talk, struct random *random,
              const char *const *words);
/* The world ends, perhaps in the middle of it. */
void talk_deinit(struct talk *talk);
/* Nothing is heard any more; the node learns it. */
void talk_hang_up(struct world *world, struct talk *talk);

/* ---- effects of a machine; false: the connection is no talk's */
bool talks_replied(struct machine *machine, connection_id connection, struct slice bytes);
bool talks_closed(struct machine *machine, connection_id connection);
void talks_machine_gone(struct machine *machine);
/* AT_CLIENT_BYTES; false likewise. */
bool talks_arrived(struct machine *machine, const struct occurrence *what);

#endif
