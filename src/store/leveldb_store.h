/*
 * leveldb_store.h - one LevelDB database behind the store port of the core.
 *
 * A record on disk is the core's key, and as value
 *
 *     +-------------------+-----------------------------+
 *     | the core's value  | XXH3-64 over key and value  |  big-endian, 8 bytes
 *     +-------------------+-----------------------------+
 *
 * checked on every get and every step of an iterator. So a record that LevelDB
 * hands out wrong, short or under another key is STATUS_CORRUPT and never a
 * value, and nothing unreadable is ever "not found".
 *
 * Damage is what cannot be read again: a checksum that fails, a block or file that LevelDB
 * calls corrupt, a table that is gone, a sector that the disk gives back as an error. After the
 * first find nothing is answered any more, for what else is wrong nobody knows.
 *
 * After a write has failed, its batch may or may not be in the database, and a
 * log that goes on behind a torn record loses what follows it. Therefore the
 * store refuses every write with the first failure's status until
 * leveldb_store_reopen() has succeeded. Reads go on meanwhile from what was
 * committed. A failure that is neither a full disk nor corruption ends the process
 * through `fatal`: after a failed sync the kernel may have dropped the pages, so
 * it must not be tried again on the same pages.
 *
 * Threads: gets and iterators from any thread; apply, reopen and close from one
 * thread at a time. An iterator belongs to the thread that made it and must be
 * freed before that thread waits for anything: reopen and close wait for it.
 */
#ifndef STORE_LEVELDB_STORE_H
#define STORE_LEVELDB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/status.h"
#include "replica/store_port.h"

struct leveldb_store;
struct store_histogram; /* store/store_metrics.h */

enum { LEVELDB_LEVELS = 7 }; /* fixed in LevelDB */

enum {
    STORE_REASON_MAX = 512, /* of a sentence for the operator, with its NUL */
    STORE_EXIT_IO = 74      /* exit code of the default `fatal`; sysexits.h calls it EX_IOERR */
};

struct leveldb_store_params {
    const char *path;          /* borrowed for the call */
    size_t write_buffer_bytes; /* LevelDB keeps up to two of them in memory */
    size_t table_bytes;
    size_t block_cache_bytes;
    int open_files_max;
    bool compress;         /* with snappy */
    bool scans_fill_cache; /* off: a long scan must not push hot blocks out */
    struct log_sink log;   /* called from any thread */
    /*
     * A write or sync failed for another reason than a full disk. NULL: log `reason` as an
     * error and _exit(STORE_EXIT_IO). If it returns, the write answers STATUS_IO.
     */
    void (*fatal)(void *context, const char *reason);
    void *fatal_context;
    /*
     * Damage was found; called once, by any thread that reads or writes. From then on every read
     * and write answers STATUS_CORRUPT, and reopening does not help. NULL: nobody is told.
     */
    void (*damaged)(void *context, const char *reason);
    void *damaged_context;
    struct store_histogram *get_us; /* takes the time of each get; NULL: it is not measured */
};

/* 64 MB write buffer, 16 MB tables, 64 MB block cache, 1000 files, snappy; no path, no log. */
void leveldb_store_params_init(struct leveldb_store_params *params);

/*
 * Create an empty database at `path`, which must hold none; its parent must exist.
 * Only explicit initialisation calls it: a database whose CURRENT file is lost
 * would be emptied by an open that may create.
 * STATUS_INVALID (there is one), STATUS_IO, STATUS_NO_SPACE: `reason` says what and what to do.
 */
MUST_USE enum status leveldb_store_create(const struct leveldb_store_params *params,
                                          struct leveldb_store **out,
                                          char reason[STORE_REASON_MAX]);

/*
 * Open an existing database. STATUS_OVERLOADED: another process has it open.
 * STATUS_CORRUPT, STATUS_IO, STATUS_NO_SPACE: `reason` says what and what to do.
 */
MUST_USE enum status leveldb_store_open(const struct leveldb_store_params *params,
                                        struct leveldb_store **out, char reason[STORE_REASON_MAX]);

/* Waits for reads under way; asserts that no iterator is left. NULL is fine. */
void leveldb_store_close(struct leveldb_store *store);

/*
 * Close and open again. Until a later call succeeds after a failure, reads
 * and writes answer what this call returned: STATUS_NO_SPACE, STATUS_CORRUPT, STATUS_IO.
 */
MUST_USE enum status leveldb_store_reopen(struct leveldb_store *store);

/* The port, with this store as its context; valid until close. */
const struct store_port *leveldb_store_port(const struct leveldb_store *store);

/*
 * Write `batch` (store_port.h) all or nothing; with `sync` it is durable when STATUS_OK returns.
 * STATUS_NO_SPACE, STATUS_CORRUPT, STATUS_IO: the outcome is unknown, and every later
 * call answers the same without trying, until leveldb_store_reopen().
 */
MUST_USE enum status leveldb_store_apply(struct leveldb_store *store, struct slice batch,
                                         bool sync);

/* As if damage had been found. Any thread. */
void leveldb_store_quarantine(struct leveldb_store *store, const char *reason);

/* End the process as after a failed sync; for durable files that belong to the store. */
void leveldb_store_fatal(const struct leveldb_store *store, const char *reason);

/*
 * Table files at level 0, LevelDB's measure of how far compaction is behind. Same thread as apply.
 */
unsigned leveldb_store_level0_files(struct leveldb_store *store);
/* Table files of each level; all 0 while it is closed. From the thread that writes. */
void leveldb_store_level_files(struct leveldb_store *store, unsigned files[LEVELDB_LEVELS]);

/* Bytes of the table files; what was written last is not in one yet. Same thread as apply. */
uint64_t leveldb_store_table_bytes(struct leveldb_store *store);

/*
 * STATUS_CORRUPT when a table file that the database needs is gone from its directory, which is
 * damage. What a get does not find is believed only after the same check (table_watch.h);
 * this one finds it when nobody asks for absent keys. Costs one system call per table.
 * Same thread as apply.
 */
MUST_USE enum status leveldb_store_check_tables(struct leveldb_store *store);

/* Calls of get and records passed by iterators since the store was made. Any thread. */
struct leveldb_store_counts {
    uint64_t gets;
    uint64_t iterator_steps;
    uint64_t corrupt_records; /* checksums of ours that did not match */
};
void leveldb_store_counts(const struct leveldb_store *store, struct leveldb_store_counts *out);

#endif
