/*
 * identity.c - opening, changing and closing the two halves; identity.h has the rules.
 *
 * Invariants:
 *   I1  the database's half equals the file's values, or, while the file says
 *       that a change is under way, the coming ones
 *   I2  nothing but the first initialisation and a replacement creates a database
 */
#include "store/identity.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/durable_file.h"
#include "store/identity_text.h"
#include "store/inventory.h"

enum { FILE_BYTES_MAX = 4096 };

static const char REJOIN[] = "let this node rejoin with an empty data directory and a new storage "
                             "incarnation";

struct paths {
    char *data;
    char *parent;
    char *file;
    char *lock;
    char *store;
    char *current;
};

static char *join(const char *path, const char *name)
{
    size_t bytes = strlen(path) + strlen(name) + 2;
    char *joined = memory_new(bytes, 1);
    snprintf(joined, bytes, "%s/%s", path, name);
    return joined;
}

static struct paths paths_make(const char *data_path)
{
    struct paths paths = {
        .data = memory_copy(data_path, strlen(data_path)),
        .parent = join(data_path, ".."),
        .file = join(data_path, "identity"),
        .lock = join(data_path, "identity.lock"),
        .store = join(data_path, "store"),
        .current = join(data_path, "store/CURRENT"),
    };
    return paths;
}

static void paths_deinit(struct paths *paths)
{
    free(paths->data);
    free(paths->parent);
    free(paths->file);
    free(paths->lock);
    free(paths->store);
    free(paths->current);
}

static enum status refuse_errno(enum status status, const char *what, const char *path,
                                char *reason)
{
    snprintf(reason, STORE_REASON_MAX, "could not %s %s; check the disk and the permissions (%s)",
             what, path, strerror(errno));
    return status;
}

static bool same_values(const struct identity *a, const struct identity *b)
{
    return memcmp(a->cluster_id, b->cluster_id, sizeof a->cluster_id) == 0 && a->node == b->node &&
           a->storage_incarnation == b->storage_incarnation && a->boot_epoch == b->boot_epoch &&
           a->session == b->session && a->clean == b->clean;
}

static bool same_node(const struct identity *a, const struct identity *b)
{
    return memcmp(a->cluster_id, b->cluster_id, sizeof a->cluster_id) == 0 && a->node == b->node &&
           a->storage_incarnation == b->storage_incarnation;
}

/* ---- the file's half ---- */

static enum status write_file(const struct paths *paths, const struct identity_text *text)
{
    struct buffer bytes = {0};
    identity_text_encode(text, &bytes);
    enum status status = durable_file_write(paths->file, buffer_slice(&bytes));
    buffer_deinit(&bytes);
    return status;
}

static enum status read_file(const struct paths *paths, struct identity_text *out, char *reason)
{
    struct buffer bytes = {0};
    enum status status = durable_file_read(paths->file, FILE_BYTES_MAX, &bytes);
    if (status == STATUS_OK)
        status = identity_text_decode(buffer_slice(&bytes), out);
    buffer_deinit(&bytes);
    switch (status) {
    case STATUS_OK:
        return status;
    case STATUS_NOT_FOUND:
        if (access(paths->store, F_OK) != 0) {
            snprintf(reason, STORE_REASON_MAX,
                     "%s is not initialised: it has no identity file and no store; initialise it "
                     "first",
                     paths->data);
            return STATUS_NOT_FOUND;
        }
        snprintf(
            reason, STORE_REASON_MAX,
            "%s has a store but no identity file: the file was lost, or the first "
            "initialisation was interrupted; put the file back, or if this node never ran, empty "
            "the directory and initialise it again, else %s",
            paths->data, REJOIN);
        return STATUS_CORRUPT;
    case STATUS_UNSUPPORTED:
        snprintf(reason, STORE_REASON_MAX,
                 "%s was written by another version of ringd; use that version", paths->file);
        return status;
    case STATUS_IO:
        return refuse_errno(STATUS_IO, "read", paths->file, reason);
    default:
        snprintf(reason, STORE_REASON_MAX, "%s is damaged; put back the newest copy of it, or %s",
                 paths->file, REJOIN);
        return STATUS_CORRUPT;
    }
}

/* ---- the database's half ---- */

static struct slice record_key(void)
{
    static const uint8_t KEY[] = {IDENTITY_KEY_PREFIX};
    return slice_make(KEY, sizeof KEY);
}

static enum status write_record(struct leveldb_store *store, const struct identity *identity)
{
    struct identity_text text = {.now = *identity};
    struct buffer value = {0};
    struct buffer batch = {0};
    identity_text_encode(&text, &value);
    store_batch_put(&batch, record_key(), buffer_slice(&value));
    enum status status = leveldb_store_apply(store, buffer_slice(&batch), true);
    buffer_deinit(&value);
    buffer_deinit(&batch);
    return status;
}

static enum status read_record(struct leveldb_store *store, struct identity *out)
{
    const struct store_port *port = leveldb_store_port(store);
    struct identity_text text;
    struct buffer value = {0};
    enum status status = port->get(port->context, record_key(), &value);
    if (status == STATUS_OK) {
        status = identity_text_decode(buffer_slice(&value), &text);
        if (status != STATUS_OK || text.changing || text.counted)
            status = STATUS_CORRUPT;
        else
            *out = text.now;
    }
    buffer_deinit(&value);
    return status;
}

/* ---- both ---- */

/* The three steps of a change but the last: the file with both, the database. */
static enum status start_change(const struct paths *paths, struct leveldb_store *store,
                                const struct identity *from, const struct identity *to)
{
    struct identity_text both = {.now = *from, .changing = true, .next = *to};
    assert(same_node(from, to));
    assert(to->session > from->session);
    enum status status = write_file(paths, &both);
    return status == STATUS_OK ? write_record(store, to) : status;
}

static enum status change(const struct paths *paths, struct leveldb_store *store,
                          const struct identity *from, const struct identity *to)
{
    struct identity_text done = {.now = *to};
    enum status status = start_change(paths, store, from, to);
    return status == STATUS_OK ? write_file(paths, &done) : status;
}

static struct identity raised(const struct identity *identity)
{
    struct identity next = *identity;
    next.boot_epoch++;
    next.session++;
    next.clean = false;
    return next;
}

/* Compare the halves; `out` is what the database holds. */
static enum status check_halves(const struct paths *paths, const struct identity_text *file,
                                struct leveldb_store *store, struct identity *out, char *reason)
{
    enum status status = read_record(store, out);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        snprintf(reason, STORE_REASON_MAX,
                 "the identity record in %s is %s: the database lost records or is not the one of "
                 "node %" PRIu32 "; %s",
                 paths->store, status == STATUS_NOT_FOUND ? "missing" : "unreadable",
                 file->now.node, REJOIN);
        return STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        snprintf(reason, STORE_REASON_MAX,
                 "could not read the identity record in %s; check the disk", paths->store);
        return status;
    }
    if (!same_node(out, &file->now)) {
        snprintf(reason, STORE_REASON_MAX,
                 "%s belongs to node %" PRIu32 " incarnation %" PRIu16
                 "%s, but the database in %s to node %" PRIu32 " incarnation %" PRIu16
                 "; put together what belongs together, or %s",
                 paths->file, file->now.node, file->now.storage_incarnation,
                 memcmp(out->cluster_id, file->now.cluster_id, sizeof out->cluster_id) == 0
                     ? ""
                     : " of another cluster",
                 paths->store, out->node, out->storage_incarnation, REJOIN);
        return STATUS_CORRUPT;
    }
    if (same_values(out, &file->now) || (file->changing && same_values(out, &file->next)))
        return STATUS_OK; /* I1 */
    snprintf(reason, STORE_REASON_MAX,
             "%s was last used in session %" PRIu64 " (boot epoch %" PRIu32
             "), but the database in %s is of session %" PRIu64 " (boot epoch %" PRIu32
             "): one of them is an older copy, or the database lost records; %s",
             paths->file, file->now.session, file->now.boot_epoch, paths->store, out->session,
             out->boot_epoch, REJOIN);
    return STATUS_CORRUPT;
}

static enum status check_inventory(const struct paths *paths, const struct identity_text *file,
                                   char *reason)
{
    struct inventory found;
    if (access(paths->current, F_OK) != 0 && errno == ENOENT) {
        snprintf(reason, STORE_REASON_MAX,
                 "node %" PRIu32
                 " has an identity in %s, but %s is gone: the database was lost; %s",
                 file->now.node, paths->file, paths->current, REJOIN);
        return STATUS_CORRUPT;
    }
    if (!file->counted)
        return STATUS_OK;
    if (inventory_take(paths->store, &found) != STATUS_OK)
        return refuse_errno(STATUS_IO, "list", paths->store, reason);
    if (found.files == file->inventory.files && found.bytes == file->inventory.bytes &&
        found.digest == file->inventory.digest)
        return STATUS_OK;
    snprintf(reason, STORE_REASON_MAX,
             "the files in %s changed since the clean end of session %" PRIu64
             ": there were %" PRIu64 " of %" PRIu64 " bytes and now are %" PRIu64 " of %" PRIu64
             "; put the missing or cut ones back, or %s",
             paths->store, file->now.session, file->inventory.files, file->inventory.bytes,
             found.files, found.bytes, REJOIN);
    return STATUS_CORRUPT;
}

/*
 * One process at a time opens or closes: while it is taken, an identity file that says "at rest"
 * stays so. A running node holds only LevelDB's own lock.
 */
static int lock_directory(const struct paths *paths, int operation)
{
    int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | operation) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    return fd;
}

static void unlock_directory(int fd)
{
    if (fd >= 0)
        close(fd);
}

/*
 * Before LevelDB is opened, which changes its files: compare them with the inventory, and
 * take the inventory out of the file, so that a crash from here on is not taken for damage.
 */
static enum status use_inventory(const struct paths *paths, char *reason)
{
    struct identity_text file;
    enum status status = read_file(paths, &file, reason);
    if (status == STATUS_OK)
        status = check_inventory(paths, &file, reason);
    if (status != STATUS_OK || !file.counted)
        return status;
    file.counted = false;
    status = write_file(paths, &file);
    if (status != STATUS_OK)
        refuse_errno(status, "write", paths->file, reason);
    return status;
}

/* With the database open, and so its lock held: compare the halves and record the use. */
static enum status take_into_use(const struct paths *paths, struct leveldb_store *store,
                                 struct identity *out, char *reason)
{
    struct identity_text file;
    struct identity found;
    enum status status = read_file(paths, &file, reason);
    if (status == STATUS_OK)
        status = check_halves(paths, &file, store, &found, reason);
    if (status != STATUS_OK)
        return status;
    bool clean = found.clean && !file.changing;
    struct identity next = raised(&found);
    if (clean)
        next.boot_epoch = found.boot_epoch;
    status = change(paths, store, &found, &next);
    if (status != STATUS_OK) {
        snprintf(reason, STORE_REASON_MAX, "could not record the start in %s: %s", paths->data,
                 status_name(status));
        return status;
    }
    *out = next;
    out->clean = clean;
    return STATUS_OK;
}

static enum status open_locked(const struct paths *paths, const struct leveldb_store_params *store,
                               struct leveldb_store **out_store, struct identity *out, char *reason)
{
    struct leveldb_store_params params = *store;
    struct leveldb_store *opened = NULL;
    params.path = paths->store;
    enum status status = use_inventory(paths, reason);
    if (status == STATUS_OK)
        status = leveldb_store_open(&params, &opened, reason);
    if (status == STATUS_OK)
        status = take_into_use(paths, opened, out, reason);
    if (status == STATUS_OK)
        *out_store = opened;
    else
        leveldb_store_close(opened);
    return status;
}

enum status identity_open(const char *data_path, const struct leveldb_store_params *store,
                          struct leveldb_store **out_store, struct identity *out,
                          char reason[STORE_REASON_MAX])
{
    struct paths paths = paths_make(data_path);
    struct identity_text file;
    enum status status = read_file(&paths, &file, reason);
    if (status == STATUS_OK) {
        int lock = lock_directory(&paths, LOCK_NB);
        if (lock >= 0) {
            status = open_locked(&paths, store, out_store, out, reason);
        } else if (errno == EWOULDBLOCK) {
            status = STATUS_OVERLOADED;
            snprintf(reason, STORE_REASON_MAX,
                     "another process is starting or stopping with the data directory %s; wait for "
                     "it, or name another directory",
                     paths.data);
        } else {
            status = refuse_errno(STATUS_IO, "lock", paths.lock, reason);
        }
        unlock_directory(lock);
    }
    paths_deinit(&paths);
    return status;
}

enum status identity_read(const char *data_path, struct identity *out,
                          char reason[STORE_REASON_MAX])
{
    struct paths paths = paths_make(data_path);
    struct identity_text file;
    enum status status = read_file(&paths, &file, reason);
    if (status == STATUS_OK)
        *out = file.now;
    paths_deinit(&paths);
    return status;
}

enum status identity_raise_boot_epoch(const char *data_path, struct leveldb_store *store,
                                      struct identity *identity)
{
    struct paths paths = paths_make(data_path);
    struct identity from = *identity;
    struct identity found;
    from.clean = false; /* in memory `clean` tells how the end before was */
    struct identity next = raised(&from);
    enum status status = read_record(store, &found);
    /* An earlier attempt may have come as far as the database. */
    if (status == STATUS_NOT_FOUND ||
        (status == STATUS_OK && !same_values(&found, &from) && !same_values(&found, &next)))
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = change(&paths, store, &from, &next);
    if (status == STATUS_OK)
        *identity = next;
    paths_deinit(&paths);
    return status;
}

enum status identity_close(const char *data_path, struct leveldb_store *store,
                           struct identity *identity)
{
    struct paths paths = paths_make(data_path);
    struct identity from = *identity;
    struct identity_text done = {.counted = true};
    from.clean = false;
    done.now = from;
    done.now.session++;
    done.now.clean = true;
    /* Until the inventory is written nobody may open the database. */
    int lock = lock_directory(&paths, 0);
    enum status status = lock >= 0 ? start_change(&paths, store, &from, &done.now) : STATUS_IO;
    leveldb_store_close(store);
    if (status == STATUS_OK)
        status = inventory_take(paths.store, &done.inventory);
    if (status == STATUS_OK)
        status = write_file(&paths, &done);
    if (status == STATUS_OK)
        *identity = done.now;
    unlock_directory(lock);
    paths_deinit(&paths);
    return status;
}

/* ---- the first time ---- */

/* STATUS_OK: `path` is an empty directory now. */
static enum status make_empty_directory(const struct paths *paths, char *reason)
{
    enum status status = STATUS_OK;
    struct dirent *entry;
    if (mkdir(paths->data, 0700) == 0) {
        if (durable_file_sync_directory(paths->parent) != STATUS_OK)
            return refuse_errno(STATUS_IO, "sync", paths->parent, reason);
        return STATUS_OK;
    }
    if (errno != EEXIST)
        return refuse_errno(errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO, "make", paths->data,
                            reason);
    DIR *directory = opendir(paths->data);
    if (directory == NULL)
        return refuse_errno(STATUS_IO, "list", paths->data, reason);
    while (status == STATUS_OK && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, "lost+found") == 0)
            continue;
        snprintf(reason, STORE_REASON_MAX,
                 "%s is not empty (it holds %.100s); name another directory, or start without "
                 "initialising if it belongs to this node",
                 paths->data, entry->d_name);
        status = STATUS_INVALID;
    }
    closedir(directory);
    return status;
}

/* The database, its half, and then the file's half, which makes it the one that is used. */
static enum status make_store(const struct paths *paths, const struct leveldb_store_params *store,
                              const struct identity *identity, char *reason)
{
    struct leveldb_store_params params = *store;
    struct leveldb_store *created = NULL;
    struct identity_text first = {.now = *identity, .counted = true};
    assert(identity->node != 0);
    assert(identity->storage_incarnation != 0);
    params.path = paths->store;
    first.now.boot_epoch = 1;
    first.now.session = 1;
    first.now.clean = true;
    enum status status = leveldb_store_create(&params, &created, reason);
    if (status != STATUS_OK)
        return status;
    status = write_record(created, &first.now);
    leveldb_store_close(created);
    if (status == STATUS_OK)
        status = inventory_take(paths->store, &first.inventory);
    if (status == STATUS_OK)
        status = write_file(paths, &first);
    if (status != STATUS_OK)
        snprintf(reason, STORE_REASON_MAX,
                 "could not initialise %s: %s; empty the directory before the next attempt",
                 paths->data, status_name(status));
    return status;
}

enum status identity_initialise(const char *data_path, const struct leveldb_store_params *store,
                                const struct identity *identity, char reason[STORE_REASON_MAX])
{
    struct paths paths = paths_make(data_path);
    enum status status = make_empty_directory(&paths, reason);
    if (status == STATUS_OK)
        status = make_store(&paths, store, identity, reason);
    paths_deinit(&paths);
    return status;
}

enum status identity_replace(const char *data_path, const struct leveldb_store_params *store,
                             const struct identity *identity, char reason[STORE_REASON_MAX])
{
    struct paths paths = paths_make(data_path);
    enum status status = make_store(&paths, store, identity, reason);
    paths_deinit(&paths);
    return status;
}
