/*
 * reach_matrix.h - who reaches whom, as all nodes say it.
 *
 * Every member reports whom it reaches over its own links (peers.h). A report goes to all that the
 * reporter reaches; and whoever has one passes it on to those who, by their own reports, do not
 * reach the reporter. So a healthy cluster sends one small message per link and interval, and
 * reports go round a cut. A report that is too old says nothing any more.
 *
 * What others say never changes whom this node itself takes for reachable, nor the ring. It tells
 * an operator where a path is broken, and a node that reaches too few owners where a request has a
 * chance.
 *
 * Invariants:
 *   V1  of a member the newest report counts, by its life and number, however it came
 *   V2  of the own row nobody else is heard
 *   V3  a member is unknown to be reached by whoever has not named it
 * Source: reference "algorithms" 2.5. Unlike 2.3 (SWIM) nobody probes at random: the mesh of
 * heartbeats tries every pair twice a second already, so each report is a confirmation of its own.
 */
#ifndef MEMBERSHIP_REACH_MATRIX_H
#define MEMBERSHIP_REACH_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"

/* Reports are sent once in an interval, and soon after something changed. */
enum { REACH_INTERVAL_MS = 5000, REACH_SOON_MS = 200, REACH_STALE_MS = 3 * REACH_INTERVAL_MS };

struct reach_matrix;

struct reach_matrix_params {
    const struct ring *ring; /* outlives it */
    node_id self;
    uint64_t life; /* above that of any earlier start of this node */
};

struct reach_matrix *reach_matrix_new(const struct reach_matrix_params *params);
void reach_matrix_free(struct reach_matrix *matrix);
/* Before all else: from now on nobody is reached. */
void reach_matrix_start(struct reach_matrix *matrix, uint64_t now_us);
/* The members of the ring have changed. Whoever is new is not reached. */
void reach_matrix_follow_ring(struct reach_matrix *matrix, uint64_t now_us);

/* This node reaches that member from now on, or not any more. */
void reach_matrix_note(struct reach_matrix *matrix, node_id peer, bool reached, uint64_t now_us);

/* The next reports say what is so now: call it once before those to all peers. */
void reach_matrix_renew(struct reach_matrix *matrix, uint64_t now_us);
/* Append the body of a MESSAGE_REACH for `to`. */
void reach_matrix_report(const struct reach_matrix *matrix, node_id to, uint64_t now_us,
                         struct buffer *out);
/* One came. STATUS_CORRUPT: it is none; what was understood of it counts. */
MUST_USE enum status reach_matrix_take(struct reach_matrix *matrix, struct slice body,
                                       uint64_t now_us);

/* When reach_matrix_renew() is to be called next. */
uint64_t reach_matrix_deadline_us(const struct reach_matrix *matrix);

enum reach { REACH_UNKNOWN, REACH_YES, REACH_NO };

struct reach_view {
    enum reach reach;
    uint64_t since_ms; /* REACH_NO: it has been so for */
};

/* What `from` last said of `to`; of itself everybody says REACH_YES. */
struct reach_view reach_matrix_between(const struct reach_matrix *matrix, node_id from, node_id to,
                                       uint64_t now_us);
/* How old the report of a member is; UINT64_MAX: there is none. Of the own node 0. */
uint64_t reach_matrix_age_ms(const struct reach_matrix *matrix, node_id from, uint64_t now_us);

#endif
