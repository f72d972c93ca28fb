/*
 * oracle_ends.h - until when the elements of hashes live, judged by what was acknowledged.
 *
 * An end kills what was written before it, by the time of each version. It certainly has when its
 * deadline was acknowledged, its time was past by all clocks before the question was sent, and no
 * later event of before that time can have put it off; then nothing of before is shown. It may
 * have when any deadline says so by the fastest clock; then nothing of before needs to be.
 */
#ifndef SIM_ORACLE_ENDS_H
#define SIM_ORACLE_ENDS_H

#include "sim/oracle_state.h"

/* The parts of a deadline that was made. */
void oracle_ends_made(struct oracle *oracle, struct version *version, const struct cell *cell,
                      const struct sibling *sibling);
/* No other deadline says that what is below its floor was swept. */
bool oracle_ends_is_first_swept(const struct oracle_key *head, const struct version *version);
/* `version` is of a field of `head`. */
bool oracle_ends_may(const struct oracle *oracle, const struct oracle_key *head,
                     const struct version *version);
bool oracle_ends_must(const struct oracle *oracle, const struct command *command,
                      const struct oracle_key *head, const struct version *version);
/* All ends that may have killed it were put off for long, and that was acknowledged. */
bool oracle_ends_was_extended(const struct oracle *oracle, const struct oracle_key *head,
                              const struct version *version);
/* Whether clocks may differ about an end just now. */
bool oracle_ends_are_near(const struct oracle *oracle, const struct oracle_key *head);
/* What was written before is dead by the deadlines on that disk, unless they are near. */
uint64_t oracle_ends_floor_ms(struct oracle *oracle, const struct oracle_key *head,
                              const struct ordered_map *map);
/* Whether a deadline of the cell is yet to come. */
bool oracle_ends_is_pending(struct oracle *oracle, const struct oracle_key *head,
                            const struct cell *cell);

#endif
