/*
 * oracle_counter.h - counters, judged by sets of increments.
 *
 * Each increment is an event that its amount names, for no two commands have the same. A
 * version that a node makes has seen the events of all versions that its context covers, and
 * its own; two owners may make one event of one id. A SET or DEL has reset what it has seen. So
 * every cell on every disk has a set of events seen and one of events reset, and must show the
 * last string plus the difference: slots, runs, sums that were folded and maxima are nothing that
 * this knows of.
 */
#ifndef SIM_ORACLE_COUNTER_H
#define SIM_ORACLE_COUNTER_H

#include "sim/oracle_state.h"

enum { COUNTER_KEY_COUNT = 3, COUNTER_EVENTS_MAX = 512 };

/* What one version has seen and reset. */
struct count_sets {
    uint64_t seen[COUNTER_EVENTS_MAX / 64];
    uint64_t reset[COUNTER_EVENTS_MAX / 64];
};

struct counter_track; /* of one key */

void oracle_counter_add_keys(struct oracle *oracle);
/* The key is a counter. */
void oracle_counter_begin(struct oracle_key *key);
void oracle_counter_free(struct oracle_key *key);
/* Whether a counting version, once stored, has reset all that it has seen. */
bool oracle_counter_is_reset(const struct version *version);
/* A version that was never seen before has a cell about it in oracle_counter_stored(). */
void oracle_counter_stored(struct oracle *oracle, const struct machine *machine,
                           struct oracle_key *key, const struct cell *before,
                           const struct cell *after);
/* What was reset may leave the cell, and nothing that it shows. */
void oracle_counter_purged(struct oracle *oracle, const struct machine *machine,
                           const struct oracle_key *key, const struct cell *before,
                           const struct cell *after);
/* A SET or DEL was acknowledged: increments that it must have seen are reset. */
void oracle_counter_replaced(struct oracle *oracle, const struct machine *machine,
                             const struct command *command);
/* A DEL of its hash was answered, and has done to it as a DEL of a counter would. */
void oracle_counter_removed(struct oracle *oracle, const struct machine *machine,
                            const struct command *command, uint32_t index);
/* The answer to the last GET. */
void oracle_counter_last(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, const struct resp_value *reply);
void oracle_counter_end(struct oracle *oracle, const struct machine *owner,
                        const struct oracle_key *key, const struct cell *cell);

#endif
