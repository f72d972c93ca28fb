/*
 * resurrection.h - what was deleted and is there again: judged from disks, by dots alone.
 *
 *   D1  a value whose cell gave up everything about it, because all owners had absorbed its
 *       delete, is dead: no disk ever takes it again, wiped and rebuilt ones included
 *   D2  once all is healed, no cell and no hint of any disk shows a value that is older than an
 *       acknowledged delete of its key under last-writer-wins
 *
 * What deletes, a tombstone, a cut or a reset of all that is counted, is no value: an owner that
 * has it yet may give it again.
 * oracle_purge.c judges each disk by its own past; here the disk may have forgotten it.
 */
#ifndef SIM_RESURRECTION_H
#define SIM_RESURRECTION_H

#include "sim/oracle_state.h"

/* A cell became smaller without an event. */
void resurrection_collected(struct oracle *oracle, const struct oracle_key *key,
                            const struct cell *before, const struct cell *after);
/* D1: a value that was not live here is live now. */
void resurrection_stored(struct oracle *oracle, const struct machine *machine,
                         const struct oracle_key *key, const struct version *version);
/* D2 */
void resurrection_check_end(struct oracle *oracle);

#endif
