/*
 * doctor.h - what `ringctl doctor` looks at, one function for each subject.
 *
 * All members are asked the same questions, once, and INFO and RING.HINTS a second time a moment
 * later, so that what grows is told from what is only large. Nothing is changed anywhere. The
 * checks are pure: from what was answered to findings, each with its cause and the next step. A
 * member of another version may say less; what it does not say is not found fault with.
 */
#ifndef RINGCTL_DOCTOR_H
#define RINGCTL_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster.h"
#include "exchange.h"
#include "findings.h"
#include "key_tops.h"
#include "wire/resp_reply.h"

/* What one member said; NULL and empty: nothing. */
struct patient {
    const struct resp_value *status;                 /* RING.STATUS; NULL: it does not answer */
    const struct resp_value *reach;                  /* RING.REACH */
    const struct resp_value *hints, *hints_later;    /* RING.HINTS */
    const struct resp_value *settings;               /* CONFIG GET * */
    const struct resp_value *top_keys, *top_written; /* RING.TOP */
    struct slice info, info_later;
    char reason[EXCHANGE_REASON_MAX]; /* why it does not answer */
};

struct examination {
    const struct cluster *cluster;
    const struct patient *patients;     /* as cluster->members */
    uint64_t between_ms;                /* from the first to the second time */
    const struct key_tops *hot, *large; /* of all members together; NULL: not asked */
    struct findings *findings;
};

/* Who is gone, of another cluster, epoch or version, wrong in its clock, or slow. */
void doctor_members(struct examination *examination);
/* Room on disks, stores that are damaged or stalled or slow to commit. */
void doctor_stores(struct examination *examination);
/* Descriptors, memory, clients, certificates. */
void doctor_limits(struct examination *examination);
/* Partitions that miss owners, racks with copies together, stewards, comparisons of replicas. */
void doctor_copies(struct examination *examination);
/* Paths between nodes that are broken in one direction or both. */
void doctor_paths(struct examination *examination);
/* What is kept for owners, and whether it grows. */
void doctor_hints(struct examination *examination);
/* Keys that are asked for most, and the largest. */
void doctor_keys(struct examination *examination);
/* Settings that are not the same at all members. */
void doctor_settings(struct examination *examination);

#endif
