/*
 * level.h - consistency levels and the options of one request.
 *
 * A named level expands to counts once the owners of the partition are known
 * (quorum.h). A number binds stronger than a name.
 * Source: reference "algorithms" 4.1.
 */
#ifndef COORDINATOR_LEVEL_H
#define COORDINATOR_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/* Keyspaces store these numbers (ring/ring.h): none ever changes, new ones stand at the end. */
enum level {
    LEVEL_DEFAULT = 0, /* the keyspace's, and where that has none: QUORUM */
    LEVEL_ONE,
    LEVEL_TWO,
    LEVEL_THREE,
    LEVEL_QUORUM,
    LEVEL_ALL,
    LEVEL_LOCAL_ONE,
    LEVEL_LOCAL_QUORUM,
    LEVEL_EACH_QUORUM,
    LEVEL_COUNT
};

/* Counts of owners: a number, or one of these. */
enum { OWNERS_UNSET = 0, OWNERS_QUORUM = 254, OWNERS_ALL = 255 };

struct request_options {
    uint8_t level;       /* enum level, for reads and writes */
    uint8_t r, w, dw;    /* 1.. , OWNERS_*; override the level. dw counts fsynced owners */
    uint32_t timeout_ms; /* 0: the setting request-timeout */
};

const char *level_name(enum level level); /* "QUORUM" */
/* Case does not matter. STATUS_INVALID: unknown. */
MUST_USE enum status level_parse(struct slice name, enum level *out);

#endif
