/*
 * message_partition.h - bodies of the messages that bring a partition whole, to an owner which
 * lacks more than the logs of the others reach back.
 *
 * A place in a partition is the name of a record: cells come first, in the order of ring
 * positions, then the requests with ids. Everything before the place has come. An empty name is
 * the beginning. As wire/message.h says of encoders, decoders and replies.
 */
#ifndef WIRE_MESSAGE_PARTITION_H
#define WIRE_MESSAGE_PARTITION_H

#include "wire/message.h"

enum { PARTITION_PLACE_BYTES_MAX = UINT16_MAX + 64 /* the longest name of a cell */ };

/* MESSAGE_PARTITION_PULL: what the partition holds from a place on. */
struct message_partition_pull {
    struct replica_address address;
    struct slice from;
    struct slice clock; /* encoded, of the asker: perhaps the log tells it enough by now */
};

void message_partition_pull_encode(const struct message_partition_pull *pull, struct buffer *out);
MUST_USE enum status message_partition_pull_decode(struct slice body,
                                                   struct message_partition_pull *out);

/*
 * MESSAGE_PARTITION_PAGE: all that stands from the asked place up to `next`, tombstones too; with
 * `done`, up to the end. It is of one view of the sender, and `clock` is its clock in that view.
 */
struct message_partition_page {
    struct replica_address address;
    enum status status;           /* not OK: nothing else counts; NOT_FOUND: its log tells enough */
    uint16_t storage_incarnation; /* of the sender */
    bool done;
    struct slice from;  /* as asked */
    struct slice next;  /* above `from`; empty with `done` */
    struct slice clock; /* encoded */
    uint32_t delivery_count;
    struct slice deliveries; /* of cells alone, in the order of their names */
    uint32_t request_count;
    struct slice requests; /* as bytes, each a struct request_record */
};

void message_partition_page_encode(const struct message_partition_page *page, struct buffer *out);
MUST_USE enum status message_partition_page_decode(struct slice body,
                                                   struct message_partition_page *out);

/* ---- between the two sides of a node ------------------------------------------------------- */

enum { PARTITION_SOURCES_MAX = 16 /* as many as a partition has owners */ };

/* MESSAGE_PARTITION_ASK: from whom to go on, and where. Answered with struct partition_place. */
struct message_partition_ask {
    partition_id partition;
    uint8_t source_count; /* those that may be asked, the preferred one first; at least one */
    node_id sources[PARTITION_SOURCES_MAX];
};

void message_partition_ask_encode(const struct message_partition_ask *ask, struct buffer *out);
MUST_USE enum status message_partition_ask_decode(struct slice body,
                                                  struct message_partition_ask *out);

struct partition_place {
    node_id source;    /* the one that was begun with if it is among the sources, else the first */
    node_id begun;     /* 0: nothing has come yet */
    struct slice pull; /* the body of MESSAGE_PARTITION_PULL */
};

void partition_place_encode(const struct partition_place *place, struct buffer *out);
MUST_USE enum status partition_place_decode(struct slice body, struct partition_place *out);

struct message_partition_apply {
    node_id from;
    struct slice page; /* the body of MESSAGE_PARTITION_PAGE */
};

void message_partition_apply_encode(const struct message_partition_apply *apply,
                                    struct buffer *out);
MUST_USE enum status message_partition_apply_decode(struct slice body,
                                                    struct message_partition_apply *out);

struct message_partition_applied {
    enum status status;
    bool done;           /* the whole partition has come */
    uint32_t cell_count; /* that brought something new */
};

void message_partition_applied_encode(const struct message_partition_applied *applied,
                                      struct buffer *out);
MUST_USE enum status message_partition_applied_decode(struct slice body,
                                                      struct message_partition_applied *out);

#endif
