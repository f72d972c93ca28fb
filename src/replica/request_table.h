/*
 * request_table.h - how many requests with ids a store remembers, and when the first is forgotten.
 */
#ifndef REPLICA_REQUEST_TABLE_H
#define REPLICA_REQUEST_TABLE_H

#include <stdint.h>

/* All zero is the empty table. Of all replicas of a store side together. */
struct request_table {
    uint64_t count;
    uint32_t count_max; /* more are not begun; what other owners accepted is kept in any case */
    uint64_t next_expiry_ms; /* nothing is to be forgotten before; 0: not known */
};

#endif
