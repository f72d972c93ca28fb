/*
 * script_tables.h - all scripts, by subject; NULL ends each table.
 */
#ifndef SIM_SCRIPT_TABLES_H
#define SIM_SCRIPT_TABLES_H

struct script;

extern const struct script *const scripts_of_networks[];  /* reference "reliability" 4.1 */
extern const struct script *const scripts_of_processes[]; /* 4.2 and 4.6 */
extern const struct script *const scripts_of_hints[];     /* 4.3 */
extern const struct script *const scripts_of_causality[]; /* 4.4: what must not be lost */
extern const struct script *const scripts_of_deletes[];   /* 4.4: what must not come back */
extern const struct script *const scripts_of_quorums[];   /* 4.5 */
extern const struct script *const scripts_of_moves[];     /* 4.6: owners that change */

#endif
