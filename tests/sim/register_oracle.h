/*
 * register_oracle.h - what must hold of the register, judged from disks and answers alone.
 *
 *   R1  one ballot has one value, whoever accepts it (I4 of "reliability" 6.5)
 *   R2  one generation and seq has one value, at all nodes and for ever (I5)
 *   R3  what a steward has promised on its disk is never promised below again; neither does the
 *       newest known value of a disk go back
 *       and no answer of a steward leaves before what it says is on the disk
 *   R4  a change that was answered with OK and a seq is in the value of that seq and, when it made
 *       a keyspace or a user, in all later ones; one that was refused is in none
 *   R5  at the end all nodes know the same value, no steward holds a newer one, and stewards whose
 *       stores were lost are stewards again
 *   R6  no value stages anything of who is no member of it
 */
#ifndef SIM_REGISTER_ORACLE_H
#define SIM_REGISTER_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ring/ring.h"

enum { OPERATORS_MAX = 3 };

struct machine;
struct register_oracle;
struct world;

struct register_oracle *register_oracle_new(struct world *world);
void register_oracle_free(struct register_oracle *oracle);

/*
 * A record of the register that `machine` writes over `before`; `before` is empty for a first one.
 */
void register_oracle_record(struct register_oracle *oracle, const struct machine *machine,
                            struct slice name, struct slice record, struct slice before);

/* `machine` is sending these frames to a peer now. */
void register_oracle_sent(struct register_oracle *oracle, struct machine *machine,
                          struct slice frames);

/*
 * A change as an operator sees it: `mark` is in siblings_max of the keyspace, and in no other's; or
 * it is the time-out of the requests of that operator's own user, whose marks grow.
 */
struct operator_change {
    bool of_user;
    uint32_t index; /* of the operator, for his user "opINDEX" */
    char keyspace[RING_NAME_MAX + 1];
    bool creates;
    uint32_t mark;
};

/*
 * A value from which on the change of a user is there, which ACL SETUSER does not tell; 0: no disk
 * has it.
 */
uint64_t register_oracle_seq_of_user(const struct register_oracle *oracle,
                                     const struct operator_change *change);

/* It was answered: made in the value of `seq`, or refused for good (seq 0). */
void register_oracle_made(struct register_oracle *oracle, const struct machine *machine,
                          const struct operator_change *change, uint64_t seq);
void register_oracle_refused(struct register_oracle *oracle, const struct machine *machine,
                             const struct operator_change *change);

/* The keyspace of that number in the chosen value of `seq`; false: no disk has had that value. */
bool register_oracle_keyspace(const struct register_oracle *oracle, uint64_t seq, uint16_t number,
                              uint16_t *drops, bool *exists);
struct ordered_map;
/* How often the register on that disk says that it was dropped. */
uint16_t register_oracle_drops_on(const struct ordered_map *disk, uint16_t number);

/* Whether the stewards could still agree if that machine lost its store, as far as any node knows.
 */
bool register_oracle_may_lose(const struct register_oracle *oracle, const struct machine *machine);

/* R5; `reason` has room for `size` bytes. */
bool register_oracle_is_quiet(const struct register_oracle *oracle, char *reason, size_t size);

#endif
