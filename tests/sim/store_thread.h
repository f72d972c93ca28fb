/*
 * store_thread.h - the store thread of a machine: groups, syncs, failed writes, reopening.
 *
 * The loop of node/store_side.h in virtual time. One group is under way at a
 * time: its frames are handled at one moment, its batch is synced some time
 * later, and only then do its late frames leave.
 */
#ifndef SIM_STORE_THREAD_H
#define SIM_STORE_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"

struct machine;
struct occurrence;

/* Open the store side `delay_us` from now. */
void store_thread_start(struct machine *machine, uint64_t delay_us);
/* Queue a frame; over settings.store_queue_max the loop side is told that it was refused. */
void store_thread_write(struct machine *machine, struct slice frame);
/* Serve a frame from committed state, beside the groups. */
void store_thread_read(struct machine *machine, struct slice frame);
/* Write the last batch, then let the machine be down and clean. */
void store_thread_stop(struct machine *machine);
/* The process is gone; of what was being synced, the disk keeps a part. */
void store_thread_crash(struct machine *machine);
void store_thread_handle(struct machine *machine, const struct occurrence *what);
void store_thread_deinit(struct machine *machine);

/* Defined in machine.c. */
struct log_sink machine_log(struct machine *machine);
struct instant machine_now(struct machine *machine);

#endif
