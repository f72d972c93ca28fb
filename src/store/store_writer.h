/*
 * store_writer.h - the store thread: the one owner of the store side and of all writes.
 *
 * What gathers in the queue while one group is being synced is the next group:
 *
 *     take        waiting frames, up to a group's bounds
 *     handle      store_side_write() for each; hand over `early`
 *     commit      one atomic, synced LevelDB write; hand over `late`
 *
 * There is no timer: a lone frame is committed at once.
 *
 * A failed commit is followed by store_side_failed(), and by a recovery before
 * anything else is acknowledged: reopen the database, raise the boot epoch
 * durably, store_side_open(). When the disk was full, the recovery waits until
 * there is room above the floor; every attempt that fails doubles the pause
 * before the next one. Until then reads go on and the store side refuses writes.
 *
 * Back-pressure: LevelDB stands still for seconds once level 0 is full. The writer
 * looks at it every 50 ms, pauses before each group from `slow_files` on, which
 * makes groups larger and fewer, and reports `stalled` from `stall_files` on, so
 * that new client writes are refused.
 */
#ifndef STORE_STORE_WRITER_H
#define STORE_STORE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/status.h"
#include "node/settings.h"
#include "ring/ring.h"
#include "store/frame_queue.h"
#include "store/free_space.h"
#include "store/identity.h"
#include "store/leveldb_store.h"
#include "store/reply_box.h"
#include "store/store_metrics.h"

enum store_sync {
    /* Every group is synced: `late` means durable. */
    STORE_SYNC_GROUP = 0,
    /*
     * `late` means given to the kernel: kept after kill -9, not after a power loss. An end is
     * never called clean, so every start raises the boot epoch.
     */
    STORE_SYNC_NONE = 1
};

struct store_pressure {
    unsigned slow_files;  /* pause from here on */
    unsigned stall_files; /* refuse new client writes from here on; at least slow_files */
    unsigned pause_us;    /* per file from slow_files on, up to stall_files */
};

struct store_writer_params {
    const char *data_path;                    /* borrowed for the writer's life */
    const struct ring *ring;                  /* borrowed for open */
    const struct settings *settings;          /* borrowed for open */
    const struct leveldb_store_params *store; /* borrowed for open */
    enum store_sync sync;
    uint64_t life; /* random (node/store_side.h) */
    struct store_pressure pressure;
    struct free_space_floor floor;
    unsigned retry_min_ms; /* between attempts to recover, doubled up to retry_max_ms */
    unsigned retry_max_ms;
    struct frame_queue *queue; /* borrowed for the writer's life, as all below */
    struct reply_box *replies;
    struct store_metrics *metrics;
    struct log_sink log;
};

struct store_writer;

/*
 * Open identity, database and store side, and commit what the store side writes at its start.
 * STATUS_NOT_FOUND, STATUS_OVERLOADED, STATUS_CORRUPT, STATUS_INVALID (the ring is
 * another cluster's), STATUS_IO, STATUS_NO_SPACE: `reason` says what and what to do.
 */
MUST_USE enum status store_writer_open(const struct store_writer_params *params,
                                       struct store_writer **out, char reason[STORE_REASON_MAX]);

/* The body of the store thread: returns when the queue is closed and empty. */
void store_writer_run(struct store_writer *writer);

/*
 * After run has returned: the store side's last batch, the clean mark, close. Frees the writer;
 * NULL is fine. STATUS_OK: a clean end. Else the next start treats this end as unclean, which costs
 * a boot epoch.
 */
MUST_USE enum status store_writer_close(struct store_writer *writer);

/* As if damage had been found. Any thread, while the writer is there. */
void store_writer_quarantine(struct store_writer *writer, const char *reason);

const struct store_port *store_writer_port(const struct store_writer *writer);
const struct leveldb_store *store_writer_store(const struct store_writer *writer);
/* As found at open; the boot epoch that holds now is in the metrics. */
const struct identity *store_writer_identity(const struct store_writer *writer);

/* The pause before a group with that many files at level 0. */
unsigned store_pressure_pause_us(const struct store_pressure *pressure, unsigned level0_files);

#endif
