/*
 * oracle_tally.h - a hash of fields that count, judged as counters are; in every other run a sorted
 * set of members that do.
 *
 * Each field is a counter of the oracle (oracle_counter.h) that only HINCRBY, HDEL and DEL change,
 * or ZINCRBY, ZREM and DEL.
 * A DEL of the hash has reset all increments that it must have seen. What the product keeps to find
 * these fields, a name beside each, is known by one rule: at the end no owner shows a sum without
 * its name, or the next DEL would pass over it.
 */
#ifndef SIM_ORACLE_TALLY_H
#define SIM_ORACLE_TALLY_H

#include "sim/oracle_state.h"

enum { TALLY_FIELDS = 2, TALLY_KEY_COUNT = 1 + 2 * TALLY_FIELDS };

void oracle_tally_add_keys(struct oracle *oracle);
/* Indices into the oracle's keys: of the hash, and of the sum in one of its fields. */
uint32_t oracle_tally_key(const struct oracle *oracle);
uint32_t oracle_tally_sum(const struct oracle *oracle, uint32_t field);
bool oracle_tally_is_sorted(const struct oracle *oracle);
/* "f1" of the key of its sum. */
const char *oracle_tally_field_name(const struct oracle_key *key);
/* DEL was answered. */
void oracle_tally_removed(struct oracle *oracle, const struct machine *machine,
                          const struct command *command);
void oracle_tally_end(struct oracle *oracle, const struct machine *owner,
                      const struct oracle_key *key, const struct cell *cell);
/* Whether a field shows a sum on the disk of the first owner. */
bool oracle_tally_is_there(struct oracle *oracle);

#endif
