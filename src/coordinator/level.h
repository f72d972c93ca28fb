/*
 * level.h - consistency levels and the options of one request.
 *
 * A named level expands to counts once the owners of the partition are known
 * (quorum.h). Of one layer's options a number binds stronger than a name. Layers, the
 * weakest first: the keyspace, the user (ACL SETUSER level:), the connection (RING.SESSION), the
 * request (WITH). A level of the request is a choice for all that a level says, so it undoes the
 * connection's r, w, pr and pw too; dw and timeout are no part of a level and stay. Source:
 * reference "algorithms" 4.1.
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
    LEVEL_ANY, /* of writes: one holder, which may be a fallback; an owner mints all the same */
    LEVEL_COUNT
};

/* Counts of owners: a number, or one of these. */
enum { OWNERS_UNSET = 0, OWNERS_QUORUM = 254, OWNERS_ALL = 255 };

/*
 * Whether fallbacks may stand in for owners that cannot be reached. What a fallback holds is a
 * copy and counts as one, for writes and for sloppy reads; it proves nothing to a strict one.
 */
enum sloppiness {
    SLOPPY_DEFAULT = 0, /* as the weaker layer; in the end no, but for LEVEL_ANY */
    SLOPPY_NO,
    SLOPPY_YES,
    SLOPPY_COUNT
};

struct request_options {
    uint8_t level;       /* enum level, for reads and writes */
    uint8_t r, w, dw;    /* 1.. , OWNERS_*; override the level. dw counts fsynced holders */
    uint8_t pr, pw;      /* likewise; of owners that are up to date, whatever else is counted */
    uint8_t sloppy;      /* enum sloppiness */
    uint32_t timeout_ms; /* 0: the setting request-timeout */
};

/* Put the options of a weaker layer where `into` says nothing. */
void options_join(struct request_options *into, const struct request_options *weaker);
/* Whether fallbacks may be counted, as far as the level lets them. */
bool options_are_sloppy(const struct request_options *options);

const char *level_name(enum level level); /* "QUORUM" */
/* Case does not matter. STATUS_INVALID: unknown. */
MUST_USE enum status level_parse(struct slice name, enum level *out);

#endif
