/*
 * lineage.h - is this the store that a peer showed before, with all that it showed?
 *
 * Invariants:
 *   N1  a witness never goes back: a later incarnation, or in the same one more commits
 *   N2  a store that lacks a commit which it showed is called rolled back, also when it
 *       has made more commits since; unless more than LINEAGE_LIVES_MAX lives have passed
 * Source: reference "algorithms" 2.4.
 */
#ifndef MEMBERSHIP_LINEAGE_H
#define MEMBERSHIP_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/message_lineage.h"

/*
 * Judge what a peer shows by what is remembered of it. When it is good, or later than
 * all that was known, the witness is raised to it (N1). A lineage without lives is LINEAGE_UNKNOWN
 * and leaves the witness alone.
 */
enum lineage_verdict lineage_judge(struct lineage_witness *witness, const struct lineage *shown);

/* More commits of the life that was judged last. Whether the witness changed. */
bool lineage_raise(struct lineage_witness *witness, uint64_t commits);

#endif
