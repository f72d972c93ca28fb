/*
 * verbs.h - what ringctl does, one function for each verb of the table in main.c.
 *
 * Each prints its result on standard output and problems on standard error, and returns the exit
 * code of the program.
 */
#ifndef RINGCTL_VERBS_H
#define RINGCTL_VERBS_H

#include "arguments.h"
#include "report.h"

enum exit_code verb_status(const struct arguments *arguments);
enum exit_code verb_doctor(const struct arguments *arguments);
enum exit_code verb_ring(const struct arguments *arguments);
enum exit_code verb_ring_show(const struct arguments *arguments);
enum exit_code verb_ring_verify(const struct arguments *arguments);
enum exit_code verb_net_matrix(const struct arguments *arguments);
enum exit_code verb_gc_status(const struct arguments *arguments);
enum exit_code verb_tasks_list(const struct arguments *arguments);
enum exit_code verb_tasks_show(const struct arguments *arguments);
enum exit_code verb_tasks_wait(const struct arguments *arguments);
enum exit_code verb_tasks_abort(const struct arguments *arguments);
enum exit_code verb_transfers(const struct arguments *arguments);
enum exit_code verb_drain(const struct arguments *arguments);
enum exit_code verb_latency(const struct arguments *arguments);
enum exit_code verb_hints(const struct arguments *arguments);
enum exit_code verb_hints_wait(const struct arguments *arguments);
enum exit_code verb_key_locate(const struct arguments *arguments);
enum exit_code verb_key_explain(const struct arguments *arguments);
enum exit_code verb_key_siblings(const struct arguments *arguments);
enum exit_code verb_keyspace_list(const struct arguments *arguments);
enum exit_code verb_keyspace_show(const struct arguments *arguments);
enum exit_code verb_keyspace_create(const struct arguments *arguments);
enum exit_code verb_keyspace_set(const struct arguments *arguments);
enum exit_code verb_keyspace_drop(const struct arguments *arguments);
enum exit_code verb_cluster(const struct arguments *arguments);
enum exit_code verb_cluster_join(const struct arguments *arguments);
enum exit_code verb_cluster_leave(const struct arguments *arguments);
enum exit_code verb_cluster_export(const struct arguments *arguments);
enum exit_code verb_cluster_replace(const struct arguments *arguments);
enum exit_code verb_cluster_weight(const struct arguments *arguments);
enum exit_code verb_cluster_rack(const struct arguments *arguments);
enum exit_code verb_cluster_plan(const struct arguments *arguments);
enum exit_code verb_cluster_commit(const struct arguments *arguments);
enum exit_code verb_cluster_pause(const struct arguments *arguments);
enum exit_code verb_cluster_resume(const struct arguments *arguments);
enum exit_code verb_cluster_abort(const struct arguments *arguments);
enum exit_code verb_cluster_lost(const struct arguments *arguments);
enum exit_code verb_cluster_clear(const struct arguments *arguments);
enum exit_code verb_config_get(const struct arguments *arguments);
enum exit_code verb_config_set(const struct arguments *arguments);
enum exit_code verb_config_diff(const struct arguments *arguments);
enum exit_code verb_repair_status(const struct arguments *arguments);
enum exit_code verb_repair_run(const struct arguments *arguments);
enum exit_code verb_repair_scrub(const struct arguments *arguments);
enum exit_code verb_repair_pause(const struct arguments *arguments);
enum exit_code verb_repair_resume(const struct arguments *arguments);
enum exit_code verb_top_keys(const struct arguments *arguments);
enum exit_code verb_top_large(const struct arguments *arguments);
enum exit_code verb_tls_show(const struct arguments *arguments);
enum exit_code verb_tls_reload(const struct arguments *arguments);
enum exit_code verb_user_list(const struct arguments *arguments);
enum exit_code verb_user_show(const struct arguments *arguments);
enum exit_code verb_user_set(const struct arguments *arguments);
enum exit_code verb_user_drop(const struct arguments *arguments);
enum exit_code verb_version(const struct arguments *arguments);
enum exit_code verb_help(const struct arguments *arguments);

/* Print a verb's result in the form that was asked for, in colour where that helps; frees it. */
void verb_print(const struct arguments *arguments, struct report *report);
/* One line "ringctl: ..." on standard error. */
void verb_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The bash completion of all verbs and options, on standard output. */
void completion_print_bash(void);

#endif
