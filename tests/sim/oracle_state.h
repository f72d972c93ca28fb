/*
 * oracle_state.h - what the files of the oracle share.
 */
#ifndef SIM_ORACLE_STATE_H
#define SIM_ORACLE_STATE_H

#include <uthash.h>

#include "coordinator/level.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/world.h"

enum { COPIES_MAX = 17, TOKENS_MAX = 256 };

/* The identity of a version as bytes, for the table. */
struct dot_name {
    uint8_t bytes[2 + 4 + 2 + 2 + 4 + 4 + 8]; /* partition, actor, sequence */
};

struct registered {
    UT_hash_handle hh;
    struct dot_name name;
    struct version version;
};

struct oracle {
    struct world *world;
    struct oracle_key *keys;
    uint32_t key_count;
    uint32_t key_counts[2]; /* of keyspaces 0 and 1 */
    struct registered *versions;
    struct write **writes; /* by number - 1 */
    uint32_t write_count;
    uint32_t write_capacity;
    uint64_t command_count;
    struct oracle_tags *tags;
    bool *listed;      /* by key: seen in the answer of KEYS */
    uint32_t *dropped; /* by partition: machines that dropped a copy of it, by bits */
};

/* Numbers in a value, in their order; false: not made by a write of ours. */
bool oracle_read_numbers(struct slice value, uint32_t *numbers, uint32_t *count);
struct write *oracle_find_write(const struct oracle *oracle, uint32_t number);
/* The key of that name, or NULL. */
struct oracle_key *oracle_find_key(struct oracle *oracle, keyspace_id keyspace, struct slice name);
uint32_t oracle_key_index(const struct oracle *oracle, const struct oracle_key *key);

/* The version of that dot, or NULL. */
struct version *oracle_find_version(const struct oracle *oracle, const struct oracle_key *key,
                                    const struct dot *dot);

/* Whether `a` is above `b` for last-writer-wins; everything is above NULL. */
bool oracle_is_above(const struct version *a, const struct version *b);
bool oracle_sibling_is_above(const struct sibling *a, const struct sibling *b);

/* The cell of a key on a disk, decoded; false: there is none. Release with cell_deinit(). */
bool oracle_load(struct oracle *oracle, const struct ordered_map *map, const struct oracle_key *key,
                 struct cell *out);
/* Whether a disk holds the version or something that covers it. */
bool oracle_holds(struct oracle *oracle, const struct ordered_map *map,
                  const struct version *version);

static inline bool oracle_keeps_siblings(const struct oracle_key *key)
{
    return key->keyspace == 1;
}

/* Owners that a command reads, and that it writes, at least and all regions together. */
uint8_t oracle_read_owners(const struct oracle *oracle, const struct command *command);
uint8_t oracle_write_owners(const struct oracle *oracle, const struct command *command);
/*
 * Whether copies are as many as the command asked for: at owners, counted by region, and `hints`
 * in place of others.
 */
bool oracle_write_met(const struct oracle *oracle, const struct command *command,
                      const uint8_t *by_region, uint8_t hints);
/* Owners among them for certain: what a later read may count on. */
uint8_t oracle_write_certain(const struct oracle *oracle, const struct command *command);
bool oracle_is_sloppy(const struct command *command);

/* oracle_purge.c: a cell has become smaller without an event. */
void oracle_purged(struct oracle *oracle, const struct machine *machine,
                   const struct oracle_key *key, const struct cell *before,
                   const struct cell *after);
/* A cell that is stored over what `map` shows; its versions are registered. */
/*
 * oracle_expiry.c: what the cell is about to lose because it has expired; `map` as it was before.
 */
void oracle_expired(struct oracle *oracle, const struct machine *machine,
                    const struct oracle_key *key, const struct cell *before,
                    const struct cell *after, const struct ordered_map *map);
void oracle_mark_extended(struct oracle *oracle, const struct cell *before,
                          const struct cell *after);
void oracle_stored_live(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after, const struct ordered_map *map);

/* oracle_whole.c: a page of a partition was taken; `after` is the disk with its batch. */
void oracle_whole_stored(struct oracle *oracle, const struct machine *machine,
                         partition_id partition, const struct ordered_map *after);

/* oracle_moves.c */
/* A record of a partition itself is put over what `before` shows, or removed. */
void oracle_moves_put(struct oracle *oracle, const struct machine *machine, struct slice name,
                      const struct ordered_map *before);
void oracle_moves_removed(struct oracle *oracle, const struct machine *machine, struct slice name);
/* A value comes to the machine's disk. */
void oracle_moves_sealed(struct oracle *oracle, const struct machine *machine,
                         const struct ring *now, const struct ring *then);
/* Something was answered of the key. */
void oracle_moves_answered(struct oracle *oracle, const struct oracle_key *key, bool is_write);
/* Whether another disk has the version, as a copy that counts or as a hint. */
bool oracle_is_elsewhere(struct oracle *oracle, const struct machine *machine,
                         const struct version *version);

/* oracle_tags.c */
struct oracle_tags *oracle_tags_new(const struct world *world);
void oracle_tags_free(struct oracle_tags *tags);
/* The machine's disk is about to be lost, or to be replaced by an older one. */
void oracle_tags_lost(struct oracle *oracle, const struct machine *machine);
/* The state of a replica is put over what `before` shows. */
void oracle_tags_stored(struct oracle *oracle, const struct machine *machine, struct slice name,
                        struct slice value, const struct ordered_map *before);

/* oracle_answer.c: an acknowledged write and a read of so many owners have one in common. */
bool oracle_meets(const struct oracle *oracle, const struct version *version, uint8_t read_owners);
void oracle_fail_answer(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, uint32_t key, const char *kind,
                        const char *what);

/* oracle_hints.c */
/* Owners, by their place in the row, for which that disk keeps a hint with the version. */
uint32_t oracle_hinted_owners(const struct oracle *oracle, const struct ordered_map *map,
                              const struct version *version, const node_id *row);
/* Whether a hint of it is there, whoever it is owed to. */
bool oracle_is_hinted(const struct oracle *oracle, const struct ordered_map *map,
                      const struct version *version);
/* Copies beside those of the owners that hold it; a disk lost since then may have had one. */
uint8_t oracle_hint_copies(struct oracle *oracle, const struct version *version, const node_id *row,
                           uint64_t since_us);
/* A batch puts a hint, or removes one. */
void oracle_hint_stored(struct oracle *oracle, const struct machine *machine, struct slice name,
                        struct slice value, const struct ordered_map *before);
void oracle_hint_removed(struct oracle *oracle, const struct machine *machine, struct slice name,
                         const struct ordered_map *before);

/* oracle_siblings.c: where concurrent values are kept. */
void oracle_siblings_stored(struct oracle *oracle, const struct machine *machine,
                            const struct oracle_key *key, const struct cell *before,
                            const struct cell *after);
void oracle_siblings_got(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, const struct resp_value *reply);
void oracle_siblings_shown(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, const struct resp_value *reply);
/* A delete with a context answered that nothing of it was there. */
void oracle_siblings_not_deleted(struct oracle *oracle, const struct machine *machine,
                                 const struct command *command);
void oracle_siblings_end(struct oracle *oracle, const struct machine *owner,
                         const struct oracle_key *key, const struct cell *cell);

#endif
