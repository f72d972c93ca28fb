/*
 * request_driver.h - a coordinated request whose owners are the test: what it
 * sends is kept, replies are made by hand, and it is answered at most once.
 *
 * Owners are named by their place in the preference list of partition 0 as the
 * first region sees it, fallbacks by the places behind them. Keyspace 0 is
 * last-writer-wins, keyspace 7 keeps siblings.
 */
#ifndef TESTS_UNIT_COORDINATOR_REQUEST_DRIVER_H
#define TESTS_UNIT_COORDINATOR_REQUEST_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinator/request.h"
#include "wire/message.h"

enum { DRIVER_SENT_MAX = 64, DRIVER_WALL_MS = 1000000, DRIVER_TIMEOUT_MS = 1000 };
enum { DRIVER_RETRY_MS = 100 };

struct driver_sent {
    uint8_t owner;
    uint16_t type;
    struct buffer body;
};

struct request_driver {
    struct ring *ring;
    struct preference_list owners;
    struct coordinate_params params; /* change before driver_start() */
    struct coordinated_request *request;
    struct coordinated_output output;
    struct driver_sent sent[DRIVER_SENT_MAX];
    unsigned sent_count;
    bool answered;
    struct buffer result_bytes;
    struct key_result result; /* once answered */
    uint32_t read_repairs, fetches;
    uint64_t omitted_bytes;
    bool takes_again; /* a request to do instead of an answer is welcome, in `again` */
    struct buffer again;
    uint64_t now_ms;
    bool no_speculation, no_retry; /* the budgets are spent */
    unsigned speculated, speculation_refused, speculation_won, retried, retry_refused, explored;
};

/*
 * `replication` as "eu:2,us:1"; the coordinator is owner `self`, which is ready, and all are
 * usable.
 */
void driver_init(struct request_driver *driver, const char *replication, uint8_t self);
/* With `more` members in each region than it has replicas. The i-th of each is in rack i. */
void driver_init_with(struct request_driver *driver, const char *replication, uint8_t self,
                      unsigned more);
void driver_deinit(struct request_driver *driver);
void driver_start(struct request_driver *driver, const struct key_request *request);
/* The request ends; ring and params stay for the next driver_start(). */
void driver_end(struct request_driver *driver);

void driver_reply(struct request_driver *driver, uint8_t owner, uint16_t type, struct slice body);
void driver_replicated(struct request_driver *driver, uint8_t owner, enum status status);
void driver_hinted(struct request_driver *driver, uint8_t fallback, enum status status);
/* One outcome, and "replicate me" for the other owners when it was written. */
void driver_minted(struct request_driver *driver, enum status status, bool written);
/* The answer to a read of one key. `cell` NULL: absent. */
void driver_read_result(struct request_driver *driver, uint8_t owner, enum status status,
                        const struct cell *cell);
/* The same with a type, and with values up to so many bytes. */
void driver_versions(struct request_driver *driver, uint8_t owner, uint16_t type,
                     const struct cell *cell, uint64_t value_bytes_max);
void driver_refused(struct request_driver *driver, uint8_t owner, enum status status);
/* Let `ms` pass, then tick. */
void driver_tick(struct request_driver *driver, uint64_t ms);

unsigned driver_count_sent(const struct request_driver *driver, uint16_t type);
/* The last one of this type to this owner; NULL when there is none. */
const struct driver_sent *driver_find_sent(const struct request_driver *driver, uint8_t owner,
                                           uint16_t type);

/* A cell with one value (NULL: a tombstone) of dot (node 1, sequence), covering all before it. */
struct cell driver_cell(uint64_t sequence, const char *value);

/* A SET or an APPEND of `value` to key "k", and a GET of it. They borrow static memory. */
struct key_request driver_set(const char *value);
struct key_request driver_append(const char *value);
struct key_request driver_get(void);

#endif
