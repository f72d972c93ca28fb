/*
 * status.h - what a function that can fail answers.
 *
 * A status says what the outside did. What only a bug can cause is an assert.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define MUST_USE __attribute__((warn_unused_result))

enum status {
    STATUS_OK = 0,
    STATUS_INVALID,       /* the request makes no sense: bad argument, bad bytes from a client */
    STATUS_CORRUPT,       /* bytes that we or a peer wrote do not decode or fail their checksum */
    STATUS_NOT_FOUND,     /* surely absent; never used for "could not be read" */
    STATUS_IO,            /* the operating system or the store failed; the outcome may be unknown */
    STATUS_NO_SPACE,      /* the disk, or a quota of ours, is full */
    STATUS_TOO_LARGE,     /* over a limit that has a setting */
    STATUS_OVERLOADED,    /* a bounded queue is full; nothing was done */
    STATUS_TIMEOUT,       /* the deadline passed */
    STATUS_STALE_TAG,     /* the sender's ring epoch or phase is behind ours */
    STATUS_NOT_OWNER,     /* this node does not hold the partition */
    STATUS_NOT_READY,     /* the replica is being rebuilt, or the node is starting */
    STATUS_CLOCK_SKEW,    /* a time lies further ahead than max-clock-skew */
    STATUS_UNAVAILABLE,   /* too few owners reachable; nothing was sent */
    STATUS_UNCERTAIN,     /* sent, but the level was not met: it may apply */
    STATUS_INFEASIBLE,    /* no ring can satisfy the asked placement */
    STATUS_UNSUPPORTED,   /* understood, and not offered */
    STATUS_WRONG_TYPE,    /* the key holds a value of another kind */
    STATUS_SIBLING_LIMIT, /* the key holds as many concurrent values as it may */
    STATUS_REQUEST_UNKNOWN,  /* whether a request with this id was carried out cannot be told now */
    STATUS_REQUEST_DONE,     /* it was, and its answer is not known any more */
    STATUS_REQUEST_CONFLICT, /* the id was given to another command */
    STATUS_NOT_A_NUMBER,     /* the value cannot be counted with */
    STATUS_OVERFLOW,         /* a number would leave its range */
    STATUS_ID_CONFLICT,      /* the request id was given to another request */
    STATUS_ID_LIMIT,         /* the key remembers as many request ids as it may */
    STATUS_REQUEST_TOO_OLD,  /* the window of its id is over: it may have been carried out before */
    STATUS_REQUEST_AHEAD,    /* the time in its id is too far ahead */
    STATUS_LOG_TRIMMED,      /* the log does not reach back that far any more */
    STATUS_NO_KEYSPACE,      /* it was dropped, or has not been heard of here */
    STATUS_COUNT
};

/* A short lower-case name for logs, such as "too-large"; never NULL. */
const char *status_name(enum status status);

#endif
