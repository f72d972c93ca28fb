/*
 * findings.h - what doctor has found: how bad it is, where, why, and what to do next.
 *
 * At most FINDINGS_MAX are kept, so that a sick cluster of many nodes does not fill a mailbox;
 * all are counted.
 */
#ifndef RINGCTL_FINDINGS_H
#define RINGCTL_FINDINGS_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/ids.h"

enum { FINDINGS_MAX = 200 };

enum severity {
    SEVERITY_NOTICE,   /* good to know; nothing is wrong yet */
    SEVERITY_WARNING,  /* something will fail, or one more failure will hurt */
    SEVERITY_CRITICAL, /* something fails now */
    SEVERITY_COUNT
};

struct finding {
    enum severity severity;
    const char *check;              /* what was looked at, one word or two; a literal */
    node_id node;                   /* 0: the cluster */
    struct buffer cause, next_step; /* sentences, with a NUL behind */
};

/* All zero is an empty one. Release with findings_deinit(). */
struct findings {
    struct finding items[FINDINGS_MAX];
    size_t kept;
    size_t counts[SEVERITY_COUNT]; /* of all */
};

/* One more; `format` is its cause. */
void findings_add(struct findings *findings, enum severity severity, const char *check,
                  node_id node, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* What to do about the one that was added last; each has one. */
void findings_next(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The worst first; those of one severity stay in their order. */
void findings_sort(struct findings *findings);

const char *severity_name(enum severity severity);

void findings_deinit(struct findings *findings);

#endif
