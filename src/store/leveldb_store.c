/*
 * leveldb_store.c - the store port on LevelDB 1.23; leveldb_store.h has the rules.
 *
 * `lock` guards the handle's life, not the database: a reader pins the handle,
 * reads without the lock, and unpins. Closing first turns new readers away,
 * then waits for the pins. LevelDB itself is safe for concurrent readers beside one writer.
 *
 * Invariants:
 *   I1  db == NULL means that `closed` says why
 *   I2  iterators <= pins: each iterator holds one pin from new to free
 *   I3  after a failed write nothing is written until the handle has been replaced
 */
#include "store/leveldb_store.h"

#include <assert.h>
#include <errno.h>
#include <leveldb/c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "store/clock.h"
#include "store/store_metrics.h"
#include "store/table_watch.h"

enum { CHECKSUM_BYTES = 8, BLOOM_BITS_PER_KEY = 10 };
static const uint64_t CHECKSUM_SEED = 0x52494e47535431u;

struct leveldb_store {
    struct leveldb_store_params params;
    char *path;
    leveldb_options_t *options;
    leveldb_filterpolicy_t *filter;
    leveldb_cache_t *cache;
    leveldb_readoptions_t *get_options;
    leveldb_readoptions_t *scan_options;
    leveldb_writeoptions_t *write_options;
    leveldb_writeoptions_t *sync_options;
    leveldb_writebatch_t *batch;
    struct buffer record;      /* scratch of the writer */
    enum status write_failure; /* of the writer; STATUS_OK while writes are allowed */
    struct store_port port;

    pthread_mutex_t lock;
    pthread_cond_t unpinned;
    leveldb_t *db;
    enum status closed; /* what readers get while db is NULL */
    bool closing;
    unsigned pins;
    unsigned iterators;

    _Atomic bool damaged;
    struct table_watch watch;
    pthread_mutex_t watch_lock;
    _Atomic bool suspect; /* a file has gone, and the tables are not checked yet */

    _Atomic uint64_t gets;
    _Atomic uint64_t iterator_steps;
    _Atomic uint64_t corrupt_records;
};

struct store_iterator {
    struct leveldb_store *store;
    leveldb_iterator_t *iterator; /* NULL: the store was closed */
    enum status error;            /* the first one; it stays */
    bool valid;
    struct slice key;
    struct slice value;
};

static const char *chars(struct slice slice)
{
    return slice.length == 0 ? "" : (const char *)slice.data;
}

static uint64_t record_checksum(struct slice key, struct slice value)
{
    return hash64_pair(key, value, CHECKSUM_SEED);
}

static bool ends_with(const char *text, const char *end)
{
    size_t text_length = strlen(text);
    size_t end_length = strlen(end);
    return text_length >= end_length && strcmp(text + text_length - end_length, end) == 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* LevelDB's C interface tells errors as text only: a kind, then strerror() at the end. */
static enum status status_of(const char *error)
{
    char text[128];
    static const int SPACE_ERRORS[] = {ENOSPC, EDQUOT};
    for (size_t i = 0; i < sizeof SPACE_ERRORS / sizeof SPACE_ERRORS[0]; i++) {
        if (ends_with(error, strerror_r(SPACE_ERRORS[i], text, sizeof text)))
            return STATUS_NO_SPACE;
    }
    /* A table that is gone is "NotFound", one that was cut short an invalid read. */
    if (starts_with(error, "Corruption") || starts_with(error, "NotFound") ||
        ends_with(error, strerror_r(EINVAL, text, sizeof text)))
        return STATUS_CORRUPT;
    return STATUS_IO;
}

/* Open failures in an operator's words; a missing CURRENT is an "invalid argument" to LevelDB. */
static enum status explain_open(const char *path, const char *error, char *reason)
{
    enum status status = status_of(error);
    if (starts_with(error, "IO error: lock ")) {
        snprintf(reason, STORE_REASON_MAX,
                 "another process has the store %s open; stop it, or give this node its own data "
                 "directory (%s)",
                 path, error);
        return STATUS_OVERLOADED;
    }
    if (status == STATUS_NO_SPACE) {
        snprintf(reason, STORE_REASON_MAX,
                 "no space left to open the store %s; free space on its file system (%s)", path,
                 error);
        return status;
    }
    if (starts_with(error, "Invalid argument"))
        status = STATUS_CORRUPT;
    if (status == STATUS_CORRUPT)
        snprintf(reason, STORE_REASON_MAX,
                 "the store %s is damaged and was left as it is; let this node rejoin with an "
                 "empty data directory and a new storage incarnation (%s)",
                 path, error);
    else
        snprintf(reason, STORE_REASON_MAX,
                 "could not open the store %s; check the disk and the permissions (%s)", path,
                 error);
    return status;
}

void leveldb_store_params_init(struct leveldb_store_params *params)
{
    *params = (struct leveldb_store_params){
        .write_buffer_bytes = 64u << 20,
        .table_bytes = 16u << 20,
        .block_cache_bytes = 64u << 20,
        .open_files_max = 1000,
        .compress = true,
    };
}

void leveldb_store_fatal(const struct leveldb_store *store, const char *reason)
{
    if (store->params.fatal != NULL) {
        store->params.fatal(store->params.fatal_context, reason);
        return;
    }
    log_line(&store->params.log, LOG_ERROR, "%s", reason);
    _exit(STORE_EXIT_IO);
}

void leveldb_store_quarantine(struct leveldb_store *store, const char *reason)
{
    if (atomic_exchange(&store->damaged, true))
        return;
    log_line(&store->params.log, LOG_ERROR, "store is damaged store=%s reason=\"%s\"", store->path,
             reason);
    if (store->params.damaged != NULL)
        store->params.damaged(store->params.damaged_context, reason);
}

/* A sector that cannot be read is damage; too few descriptors are not. */
static enum status read_status_of(const char *error)
{
    char text[128];
    enum status status = status_of(error);
    if (status == STATUS_IO && ends_with(error, strerror_r(EIO, text, sizeof text)))
        status = STATUS_CORRUPT;
    return status;
}

/* The handle of a reader, or NULL with the reason in `failure`. */
static leveldb_t *pin(struct leveldb_store *store, enum status *failure)
{
    leveldb_t *db = NULL;
    if (atomic_load(&store->damaged)) {
        *failure = STATUS_CORRUPT;
        return NULL;
    }
    pthread_mutex_lock(&store->lock);
    if (store->db != NULL && !store->closing) {
        db = store->db;
        store->pins++;
    } else {
        *failure = store->closed;
    }
    pthread_mutex_unlock(&store->lock);
    return db;
}

static void unpin(struct leveldb_store *store)
{
    pthread_mutex_lock(&store->lock);
    assert(store->pins > 0);
    store->pins--;
    if (store->pins == 0 && store->closing)
        pthread_cond_signal(&store->unpinned);
    pthread_mutex_unlock(&store->lock);
}

static enum status split_record(struct leveldb_store *store, struct slice key, struct slice record,
                                struct slice *value)
{
    if (record.length >= CHECKSUM_BYTES) {
        size_t length = record.length - CHECKSUM_BYTES;
        struct reader reader = reader_make(slice_make(record.data + length, CHECKSUM_BYTES));
        *value = slice_make(record.data, length);
        if (reader_u64(&reader) == record_checksum(key, *value))
            return STATUS_OK;
    }
    atomic_fetch_add_explicit(&store->corrupt_records, 1, memory_order_relaxed);
    leveldb_store_quarantine(store, "a record fails its checksum");
    return STATUS_CORRUPT;
}

static unsigned long long missing_table(leveldb_t *db, const char *path);

/*
 * The order counts: who finds no news after the list was cleared must find `suspect`, or the
 * check already over.
 */
static enum status confirm_absent(struct leveldb_store *store, leveldb_t *db)
{
    enum status status = STATUS_NOT_FOUND;
    if (!table_watch_has_news(&store->watch) && !atomic_load(&store->suspect))
        return STATUS_NOT_FOUND;
    pthread_mutex_lock(&store->watch_lock);
    atomic_store(&store->suspect, true);
    table_watch_clear(&store->watch);
    unsigned long long first = missing_table(db, store->path);
    /* A compaction may remove a file between the listing and the look; not the same one twice. */
    if (first != 0 && missing_table(db, store->path) == first)
        status = STATUS_CORRUPT;
    else
        atomic_store(&store->suspect, false);
    pthread_mutex_unlock(&store->watch_lock);
    if (status == STATUS_CORRUPT)
        leveldb_store_quarantine(store, "a table file is gone");
    return status;
}

static enum status read_failed(struct leveldb_store *store, const char *what, const char *error)
{
    enum status status = read_status_of(error);
    log_line(&store->params.log, LOG_ERROR, "%s store=%s reason=\"%s\"", what, store->path, error);
    if (status == STATUS_CORRUPT)
        leveldb_store_quarantine(store, error);
    return status;
}

static enum status port_get(void *context, struct slice key, struct buffer *out)
{
    struct leveldb_store *store = context;
    enum status status = STATUS_OK;
    char *error = NULL;
    size_t length = 0;
    leveldb_t *db = pin(store, &status);
    if (db == NULL)
        return status;
    atomic_fetch_add_explicit(&store->gets, 1, memory_order_relaxed);
    uint64_t start_us = store->params.get_us == NULL ? 0 : clock_mono_us();
    char *found = leveldb_get(db, store->get_options, chars(key), key.length, &length, &error);
    if (store->params.get_us != NULL)
        store_histogram_add(store->params.get_us, clock_mono_us() - start_us);
    if (error == NULL && found == NULL)
        status = confirm_absent(store, db);
    unpin(store);
    if (error != NULL) {
        status = read_failed(store, "could not read", error);
        leveldb_free(error);
    } else if (found == NULL) {
        return status;
    } else {
        struct slice value;
        status = split_record(store, key, slice_make(found, length), &value);
        if (status == STATUS_OK)
            buffer_append_slice(out, value);
    }
    leveldb_free(found);
    return status;
}

static struct store_iterator *port_iterator_new(void *context)
{
    struct leveldb_store *store = context;
    struct store_iterator *iterator = memory_new(1, sizeof *iterator);
    leveldb_t *db = pin(store, &iterator->error);
    iterator->store = store;
    if (db == NULL)
        return iterator;
    pthread_mutex_lock(&store->lock);
    store->iterators++;
    pthread_mutex_unlock(&store->lock);
    iterator->iterator = leveldb_create_iterator(db, store->scan_options);
    return iterator;
}

static void port_iterator_free(struct store_iterator *iterator)
{
    if (iterator == NULL)
        return;
    if (iterator->iterator != NULL) {
        struct leveldb_store *store = iterator->store;
        leveldb_iter_destroy(iterator->iterator);
        pthread_mutex_lock(&store->lock);
        assert(store->iterators > 0);
        store->iterators--;
        pthread_mutex_unlock(&store->lock);
        unpin(store);
    }
    free(iterator);
}

/* LevelDB's iterator steps over a block that it cannot read; ours stops at it. */
static bool failed(struct store_iterator *iterator)
{
    char *error = NULL;
    if (iterator->error == STATUS_OK && atomic_load(&iterator->store->damaged))
        iterator->error = STATUS_CORRUPT;
    if (iterator->error != STATUS_OK)
        return true;
    leveldb_iter_get_error(iterator->iterator, &error);
    if (error == NULL)
        return false;
    iterator->error = read_failed(iterator->store, "could not scan", error);
    leveldb_free(error);
    return true;
}

/* After every move: is there a record, and is it whole? */
static void settle(struct store_iterator *iterator)
{
    size_t length = 0;
    iterator->valid = false;
    if (failed(iterator) || !leveldb_iter_valid(iterator->iterator))
        return;
    atomic_fetch_add_explicit(&iterator->store->iterator_steps, 1, memory_order_relaxed);
    const char *bytes = leveldb_iter_key(iterator->iterator, &length);
    iterator->key = slice_make(bytes, length);
    bytes = leveldb_iter_value(iterator->iterator, &length);
    iterator->error =
        split_record(iterator->store, iterator->key, slice_make(bytes, length), &iterator->value);
    iterator->valid = iterator->error == STATUS_OK;
}

static void port_seek(struct store_iterator *iterator, struct slice key)
{
    if (iterator->error != STATUS_OK)
        return;
    leveldb_iter_seek(iterator->iterator, chars(key), key.length);
    settle(iterator);
}

static void port_seek_before(struct store_iterator *iterator, struct slice key)
{
    if (iterator->error != STATUS_OK)
        return;
    leveldb_iter_seek(iterator->iterator, chars(key), key.length);
    /* An error must not pass for "no key behind this one". */
    if (!failed(iterator)) {
        if (leveldb_iter_valid(iterator->iterator))
            leveldb_iter_prev(iterator->iterator);
        else
            leveldb_iter_seek_to_last(iterator->iterator);
    }
    settle(iterator);
}

static void port_next(struct store_iterator *iterator)
{
    assert(iterator->valid);
    leveldb_iter_next(iterator->iterator);
    settle(iterator);
}

static void port_previous(struct store_iterator *iterator)
{
    assert(iterator->valid);
    leveldb_iter_prev(iterator->iterator);
    settle(iterator);
}

static bool port_valid(const struct store_iterator *iterator)
{
    return iterator->valid;
}

static struct slice port_key(const struct store_iterator *iterator)
{
    assert(iterator->valid);
    return iterator->key;
}

static struct slice port_value(const struct store_iterator *iterator)
{
    assert(iterator->valid);
    return iterator->value;
}

static enum status port_error(const struct store_iterator *iterator)
{
    return iterator->error;
}

static void make_options(struct leveldb_store *store)
{
    const struct leveldb_store_params *params = &store->params;
    store->options = leveldb_options_create();
    store->filter = leveldb_filterpolicy_create_bloom(BLOOM_BITS_PER_KEY);
    store->cache = leveldb_cache_create_lru(params->block_cache_bytes);
    leveldb_options_set_create_if_missing(store->options, 0);
    leveldb_options_set_paranoid_checks(store->options, 1);
    leveldb_options_set_filter_policy(store->options, store->filter);
    leveldb_options_set_cache(store->options, store->cache);
    leveldb_options_set_write_buffer_size(store->options, params->write_buffer_bytes);
    leveldb_options_set_max_file_size(store->options, params->table_bytes);
    leveldb_options_set_max_open_files(store->options, params->open_files_max);
    leveldb_options_set_compression(store->options, params->compress ? leveldb_snappy_compression
                                                                     : leveldb_no_compression);
    store->get_options = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(store->get_options, 1);
    store->scan_options = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(store->scan_options, 1);
    leveldb_readoptions_set_fill_cache(store->scan_options, params->scans_fill_cache);
    store->write_options = leveldb_writeoptions_create();
    store->sync_options = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(store->sync_options, 1);
    store->batch = leveldb_writebatch_create();
}

static struct leveldb_store *store_new(const struct leveldb_store_params *params)
{
    struct leveldb_store *store = memory_new(1, sizeof *store);
    assert(params->path != NULL);
    store->params = *params;
    store->path = memory_copy(params->path, strlen(params->path));
    store->params.path = store->path;
    store->closed = STATUS_IO;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->unpinned, NULL);
    pthread_mutex_init(&store->watch_lock, NULL);
    store->watch.fd = -1;
    store->port = (struct store_port){
        .context = store,
        .get = port_get,
        .iterator_new = port_iterator_new,
        .iterator_free = port_iterator_free,
        .seek = port_seek,
        .seek_before = port_seek_before,
        .next = port_next,
        .previous = port_previous,
        .valid = port_valid,
        .key = port_key,
        .value = port_value,
        .error = port_error,
    };
    make_options(store);
    return store;
}

static enum status open_database(struct leveldb_store *store, char *reason)
{
    char *error = NULL;
    enum status status = STATUS_OK;
    /* LevelDB checks that all tables are there when it opens: watch from before that. */
    table_watch_close(&store->watch);
    table_watch_open(&store->watch, store->path);
    leveldb_t *db = leveldb_open(store->options, store->path, &error);
    if (error != NULL) {
        status = explain_open(store->path, error, reason);
        leveldb_free(error);
    }
    pthread_mutex_lock(&store->lock);
    store->db = db;
    store->closed = status;
    pthread_mutex_unlock(&store->lock);
    store->write_failure = status;
    return status;
}

static void close_database(struct leveldb_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->closing = true;
    store->closed = STATUS_IO;
    while (store->pins > 0)
        pthread_cond_wait(&store->unpinned, &store->lock);
    assert(store->iterators == 0); /* I2 */
    leveldb_t *db = store->db;
    store->db = NULL;
    store->closing = false;
    pthread_mutex_unlock(&store->lock);
    if (db != NULL)
        leveldb_close(db);
}

void leveldb_store_close(struct leveldb_store *store)
{
    if (store == NULL)
        return;
    close_database(store);
    leveldb_writebatch_destroy(store->batch);
    leveldb_writeoptions_destroy(store->sync_options);
    leveldb_writeoptions_destroy(store->write_options);
    leveldb_readoptions_destroy(store->scan_options);
    leveldb_readoptions_destroy(store->get_options);
    leveldb_options_destroy(store->options);
    leveldb_cache_destroy(store->cache);
    leveldb_filterpolicy_destroy(store->filter);
    buffer_deinit(&store->record);
    table_watch_close(&store->watch);
    pthread_mutex_destroy(&store->watch_lock);
    pthread_cond_destroy(&store->unpinned);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

enum status leveldb_store_open(const struct leveldb_store_params *params,
                               struct leveldb_store **out, char reason[STORE_REASON_MAX])
{
    struct leveldb_store *store = store_new(params);
    enum status status = open_database(store, reason);
    if (status != STATUS_OK) {
        leveldb_store_close(store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

enum status leveldb_store_create(const struct leveldb_store_params *params,
                                 struct leveldb_store **out, char reason[STORE_REASON_MAX])
{
    struct leveldb_store *store = store_new(params);
    char current[4096];
    enum status status = STATUS_INVALID;
    snprintf(current, sizeof current, "%s/CURRENT", params->path);
    if (access(current, F_OK) == 0) {
        snprintf(reason, STORE_REASON_MAX, "%s already holds a database", params->path);
    } else {
        leveldb_options_set_create_if_missing(store->options, 1);
        leveldb_options_set_error_if_exists(store->options, 1);
        status = open_database(store, reason);
        leveldb_options_set_create_if_missing(store->options, 0);
        leveldb_options_set_error_if_exists(store->options, 0);
    }
    if (status != STATUS_OK) {
        leveldb_store_close(store);
        return status;
    }
    *out = store;
    return STATUS_OK;
}

enum status leveldb_store_reopen(struct leveldb_store *store)
{
    char reason[STORE_REASON_MAX];
    close_database(store);
    enum status status = open_database(store, reason);
    if (status != STATUS_OK)
        log_line(&store->params.log, LOG_ERROR, "could not reopen store reason=\"%s\"", reason);
    if (status == STATUS_CORRUPT)
        leveldb_store_quarantine(store, reason);
    return status;
}

const struct store_port *leveldb_store_port(const struct leveldb_store *store)
{
    return &store->port;
}

static void fill_batch(struct leveldb_store *store, struct slice batch)
{
    struct reader reader = reader_make(batch);
    enum store_operation operation;
    struct slice key;
    struct slice value;
    leveldb_writebatch_clear(store->batch);
    while (store_batch_next(&reader, &operation, &key, &value)) {
        if (operation == STORE_DELETE) {
            leveldb_writebatch_delete(store->batch, chars(key), key.length);
            continue;
        }
        buffer_clear(&store->record);
        buffer_append_slice(&store->record, value);
        buffer_put_u64(&store->record, record_checksum(key, value));
        leveldb_writebatch_put(store->batch, chars(key), key.length,
                               (const char *)store->record.data, store->record.length);
    }
}

enum status leveldb_store_apply(struct leveldb_store *store, struct slice batch, bool sync)
{
    char *error = NULL;
    if (atomic_load(&store->damaged))
        store->write_failure = STATUS_CORRUPT;
    if (store->write_failure != STATUS_OK)
        return store->write_failure; /* I3 */
    assert(store->db != NULL);
    fill_batch(store, batch);
    leveldb_write(store->db, sync ? store->sync_options : store->write_options, store->batch,
                  &error);
    if (error == NULL)
        return STATUS_OK;
    store->write_failure = status_of(error);
    char reason[STORE_REASON_MAX];
    snprintf(reason, sizeof reason, "could not write store=%s reason=\"%s\"", store->path, error);
    leveldb_free(error);
    if (store->write_failure == STATUS_IO)
        leveldb_store_fatal(store, reason);
    else
        log_line(&store->params.log, LOG_ERROR, "%s", reason);
    if (store->write_failure == STATUS_CORRUPT)
        leveldb_store_quarantine(store, reason);
    return store->write_failure;
}

static unsigned files_at_level(struct leveldb_store *store, unsigned level)
{
    char name[sizeof "leveldb.num-files-at-level4294967295"];
    if (store->db == NULL)
        return 0;
    snprintf(name, sizeof name, "leveldb.num-files-at-level%u", level);
    char *text = leveldb_property_value(store->db, name);
    unsigned files = text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
    leveldb_free(text);
    return files;
}

unsigned leveldb_store_level0_files(struct leveldb_store *store)
{
    return files_at_level(store, 0);
}

void leveldb_store_level_files(struct leveldb_store *store, unsigned files[LEVELDB_LEVELS])
{
    for (unsigned level = 0; level < LEVELDB_LEVELS; level++)
        files[level] = files_at_level(store, level);
}

uint64_t leveldb_store_table_bytes(struct leveldb_store *store)
{
    static const char *const first[] = {""}, *const end[] = {"\xff"};
    static const size_t first_length[] = {0}, end_length[] = {1};
    uint64_t bytes = 0;
    if (store->db != NULL)
        leveldb_approximate_sizes(store->db, 1, first, first_length, end, end_length, &bytes);
    return bytes;
}

static bool table_exists(const char *directory, unsigned long long number)
{
    static const char *const SUFFIXES[] = {"ldb", "sst"};
    char path[4096];
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        snprintf(path, sizeof path, "%s/%06llu.%s", directory, number, SUFFIXES[i]);
        if (access(path, F_OK) == 0 || errno != ENOENT)
            return true;
    }
    return false;
}

/*
 * The number of a table of the current version that has no file, or 0. The
 * property has a line " number:size[smallest .. largest]" for each table, its keys escaped.
 */
static unsigned long long missing_table(leveldb_t *db, const char *path)
{
    unsigned long long missing = 0;
    char *text = leveldb_property_value(db, "leveldb.sstables");
    char *rest = text;
    char *line;
    while (missing == 0 && rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
        char *end;
        unsigned long long number = line[0] == ' ' ? strtoull(line, &end, 10) : 0;
        if (number != 0 && *end == ':' && !table_exists(path, number))
            missing = number;
    }
    leveldb_free(text);
    return missing;
}

enum status leveldb_store_check_tables(struct leveldb_store *store)
{
    enum status status = STATUS_OK;
    leveldb_t *db = pin(store, &status);
    if (db == NULL)
        return status;
    unsigned long long first = missing_table(db, store->path);
    if (first != 0 && missing_table(db, store->path) == first)
        status = STATUS_CORRUPT;
    unpin(store);
    if (status == STATUS_CORRUPT)
        leveldb_store_quarantine(store, "a table file is gone");
    return status;
}

void leveldb_store_counts(const struct leveldb_store *store, struct leveldb_store_counts *out)
{
    out->gets = atomic_load_explicit(&store->gets, memory_order_relaxed);
    out->iterator_steps = atomic_load_explicit(&store->iterator_steps, memory_order_relaxed);
    out->corrupt_records = atomic_load_explicit(&store->corrupt_records, memory_order_relaxed);
}
