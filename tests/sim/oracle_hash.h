/*
 * oracle_hash.h - hashes, sets and sorted sets, judged by what each event had observed.
 *
 * Every field is a key of the oracle's own, and so is the key of the hash, which holds what
 * deletes of it have cut. A member of a set is a field without a value; one of a sorted set has the
 * number of its write as score. One key is written as each of them: a hash hides a set, and that a
 * sorted set, so what is hidden is refused. An event has observed
 * what the cell covered in which it was made; a cut what its clock has. A value may leave a cell,
 * or stay unseen, only for an event that observed it. What the product makes of cuts, merges and
 * sweeps is nothing that this knows of.
 */
#ifndef SIM_ORACLE_HASH_H
#define SIM_ORACLE_HASH_H

#include "sim/oracle_state.h"

enum {
    HASH_COUNT = 5, /* the last but two is a set, then a sorted set, the last one all three */
    HASH_FIELDS = 5,
    HASH_KEY_COUNT = HASH_COUNT * (1 + HASH_FIELDS)
};
enum { HASH_WRITES_MAX = 250 }; /* of one field: the oracle compares each with each */

void oracle_hash_add_keys(struct oracle *oracle);
/* The key of a hash, or of one of its fields; indices into the oracle's keys. */
uint32_t oracle_hash_key(const struct oracle *oracle, uint32_t hash);
uint32_t oracle_hash_field(const struct oracle *oracle, uint32_t hash, uint32_t field);
/* A type that it is written as; NULL: the one that hides the others. */
uint8_t oracle_hash_draw_type(uint32_t hash, struct random *random);
/* "f3" of the field's key. */
const char *oracle_hash_field_name(const struct oracle_key *key);

/* A version that was never seen before, in the cell in which it was made. */
void oracle_hash_made(struct oracle *oracle, const struct oracle_key *key, struct version *version,
                      const struct cell *cell, const struct sibling *sibling);
void oracle_hash_stored(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after);
/* Cuts have left the cell of a hash; `map` is the disk as it is then. */
void oracle_hash_purged(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after, const struct ordered_map *map);
/* A read of one field, or of all. */
void oracle_hash_shown(struct oracle *oracle, const struct machine *machine,
                       const struct command *command, const struct resp_value *reply);
void oracle_hash_has_member(struct oracle *oracle, const struct machine *machine,
                            const struct command *command, bool has);
/* A write was not refused for its type, or any command was. */
void oracle_hash_taken(struct oracle *oracle, const struct machine *machine,
                       const struct command *command);
void oracle_hash_refused(struct oracle *oracle, const struct machine *machine,
                         const struct command *command);
/* An end was given to no element: none is there that must be. */
void oracle_hash_not_there(struct oracle *oracle, const struct machine *machine,
                           const struct command *command);
/* HDEL or DEL was answered: what was acknowledged before is observed. */
void oracle_hash_removed(struct oracle *oracle, const struct machine *machine,
                         const struct command *command);
void oracle_hash_end(struct oracle *oracle, const struct machine *owner,
                     const struct oracle_key *key, const struct cell *cell);
/* Whether the hash has a live field on the disk of the first owner of its partition. */
bool oracle_hash_is_there(struct oracle *oracle, const struct oracle_key *key);

#endif
