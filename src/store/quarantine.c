/*
 * quarantine.c - DATA/damage is text:
 *
 *     ringdb damage 1
 *     1764230400000 rebuild 2 record fails its checksum
 *     1764230500000 hold 2 table file is gone
 *
 * the time, what was done, the highest incarnation that was given by then, and why.
 */
#include "store/quarantine.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/durable_file.h"

static const char HEADER[] = "ringdb damage 1\n";

enum { FILE_BYTES_MAX = 64 << 10, NAME_BYTES_MAX = 32 };

struct damage_line {
    uint64_t time_ms;
    bool hold;
    uint16_t incarnation;
    char why[STORE_REASON_MAX];
};

struct damage_file {
    size_t count;
    struct damage_line lines[QUARANTINE_LINES_MAX];
};

/* To release with free(). */
static char *join(const char *path, const char *name)
{
    struct buffer joined = {0};
    buffer_printf(&joined, "%s/%s", path, name);
    buffer_put_u8(&joined, 0);
    return (char *)joined.data;
}

static enum status refuse(enum status status, const char *what, const char *path, char *reason)
{
    snprintf(reason, STORE_REASON_MAX,
             "could not %s %.200s; check the disk and the permissions (%s)", what, path,
             strerror(errno));
    return status;
}

/* ---- DATA/damage ---------------------------------------------------------------------------- */

static void parse_line(const char *text, struct damage_file *file)
{
    struct damage_line line = {0};
    char done[16];
    int used = 0;
    if (sscanf(text, "%" SCNu64 " %15s %" SCNu16 " %n", &line.time_ms, done, &line.incarnation,
               &used) < 3 ||
        file->count == QUARANTINE_LINES_MAX)
        return;
    line.hold = strcmp(done, "hold") == 0;
    snprintf(line.why, sizeof line.why, "%s", text + used);
    file->lines[file->count++] = line;
}

/* A file that is not readable counts as one line that holds: somebody must look at it. */
static void read_file(const char *data_path, struct damage_file *out)
{
    char *path = join(data_path, "damage");
    struct buffer bytes = {0};
    char *rest, *line;
    *out = (struct damage_file){0};
    enum status status = durable_file_read(path, FILE_BYTES_MAX, &bytes);
    buffer_put_u8(&bytes, 0);
    rest = (char *)bytes.data;
    if (status == STATUS_OK && strncmp(rest, HEADER, strlen(HEADER)) == 0) {
        rest += strlen(HEADER);
        while ((line = strsep(&rest, "\n")) != NULL)
            parse_line(line, out);
    } else if (status != STATUS_NOT_FOUND) {
        out->lines[out->count++] = (struct damage_line){.hold = true, .why = "the file is damaged"};
    }
    buffer_deinit(&bytes);
    free(path);
}

/* The last lines fit; those before have told what they had to. */
static enum status append_line(const char *data_path, struct damage_file *file,
                               const struct damage_line *line)
{
    char *path = join(data_path, "damage");
    struct buffer bytes = {0};
    if (file->count == QUARANTINE_LINES_MAX)
        memmove(file->lines, file->lines + 1, --file->count * sizeof *file->lines);
    file->lines[file->count++] = *line;
    buffer_printf(&bytes, "%s", HEADER);
    for (size_t i = 0; i < file->count; i++)
        buffer_printf(&bytes, "%" PRIu64 " %s %u %s\n", file->lines[i].time_ms,
                      file->lines[i].hold ? "hold" : "rebuild", file->lines[i].incarnation,
                      file->lines[i].why);
    enum status status = durable_file_write(path, buffer_slice(&bytes));
    buffer_deinit(&bytes);
    free(path);
    return status;
}

static void one_line(const char *text, char out[STORE_REASON_MAX])
{
    snprintf(out, STORE_REASON_MAX, "%s", text);
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

static enum status may_rebuild(const struct quarantine_params *params,
                               const struct damage_file *file, char *reason)
{
    unsigned times = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct damage_line *line = &file->lines[i];
        if (line->hold) {
            snprintf(reason, STORE_REASON_MAX,
                     "the store in %.100s is damaged (%.80s) and was left as it is, because other "
                     "owners of its partitions had lost theirs; see to those first, then remove "
                     "%.100s/damage and start again",
                     params->data_path, line->why, params->data_path);
            return STATUS_OVERLOADED;
        }
        times += line->time_ms + QUARANTINE_WINDOW_MS > params->now_ms;
    }
    if (times < params->times_max)
        return STATUS_OK;
    snprintf(reason, STORE_REASON_MAX,
             "the store in %.100s is damaged (%.80s) for the %uth time within an hour and is not "
             "rebuilt again; check the disk and the memory of this machine, then remove "
             "%.100s/damage and start again",
             params->data_path, params->why, times + 1, params->data_path);
    return STATUS_OVERLOADED;
}

/* ---- what was set aside --------------------------------------------------------------------- */

static uint64_t remove_or_measure(const char *path, bool remove_it)
{
    uint64_t bytes = 0;
    struct stat found;
    if (lstat(path, &found) != 0)
        return 0;
    if (S_ISDIR(found.st_mode)) {
        DIR *directory = opendir(path);
        struct dirent *entry;
        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            char *inner = join(path, entry->d_name);
            bytes += remove_or_measure(inner, remove_it);
            free(inner);
        }
        if (directory != NULL)
            closedir(directory);
    }
    bytes += (uint64_t)found.st_size;
    if (remove_it && (S_ISDIR(found.st_mode) ? rmdir(path) : unlink(path)) != 0)
        return bytes; /* it is tried again the next time */
    return bytes;
}

static int later_first(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*b)->d_name, (*a)->d_name);
}

static int is_named(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Names begin with the incarnation, so their order is that of time. */
static void remove_old(const struct quarantine_params *params)
{
    char *parent = join(params->data_path, "damaged");
    struct dirent **entries = NULL;
    uint64_t bytes = 0;
    int count = scandir(parent, &entries, is_named, later_first);
    for (int i = 0; i < count; i++) {
        char *path = join(parent, entries[i]->d_name);
        bytes += remove_or_measure(path, false);
        bool over = (unsigned)i >= params->keep_max ||
                    (params->keep_bytes_max > 0 && bytes > params->keep_bytes_max);
        if (i > 0 && over)
            remove_or_measure(path, true);
        free(path);
        free(entries[i]);
    }
    free(entries);
    free(parent);
}

static enum status make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return STATUS_OK;
    return errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO;
}

/* The identity is copied, for it goes on to name the node; the database is moved. */
static enum status move_into(const char *data_path, const char *aside)
{
    char *file = join(data_path, "identity"), *copy = join(aside, "identity");
    char *store = join(data_path, "store"), *to = join(aside, "store");
    struct buffer identity = {0};
    enum status status = durable_file_read(file, FILE_BYTES_MAX, &identity);
    if (status == STATUS_OK)
        status = durable_file_write(copy, buffer_slice(&identity));
    if (status == STATUS_OK && rename(store, to) != 0)
        status = STATUS_IO;
    buffer_deinit(&identity);
    free(file);
    free(copy);
    free(store);
    free(to);
    return status;
}

/* An earlier attempt may have come so far that nothing is left to be moved. */
static enum status set_aside(const struct quarantine_params *params, uint16_t incarnation,
                             struct quarantine_report *out, char *reason)
{
    char *store = join(params->data_path, "store"), *parent = join(params->data_path, "damaged");
    char name[NAME_BYTES_MAX];
    enum status status = STATUS_OK;
    if (access(store, F_OK) == 0) {
        snprintf(name, sizeof name, "%u-%" PRIu64, incarnation, params->now_ms);
        char *aside = join(parent, name);
        status = make_directory(parent);
        if (status == STATUS_OK)
            status = make_directory(aside);
        if (status == STATUS_OK)
            status = move_into(params->data_path, aside);
        if (status == STATUS_OK)
            status = durable_file_sync_directory(aside);
        if (status == STATUS_OK)
            status = durable_file_sync_directory(parent);
        if (status == STATUS_OK)
            status = durable_file_sync_directory(params->data_path);
        if (status != STATUS_OK)
            refuse(status, "set aside", store, reason);
        snprintf(out->aside, sizeof out->aside, "%s", aside);
        free(aside);
    }
    free(store);
    free(parent);
    return status;
}

/* ---- both ----------------------------------------------------------------------------------- */

static uint16_t highest_given(const struct quarantine_params *params,
                              const struct identity *identity, const struct damage_file *file)
{
    uint16_t highest = identity->storage_incarnation;
    if (params->above > highest)
        highest = params->above;
    for (size_t i = 0; i < file->count; i++)
        if (file->lines[i].incarnation > highest)
            highest = file->lines[i].incarnation;
    return highest;
}

enum status quarantine_store(const struct quarantine_params *params, struct quarantine_report *out,
                             char reason[STORE_REASON_MAX])
{
    struct damage_file *file = memory_new(1, sizeof *file);
    struct identity identity;
    struct damage_line line = {.time_ms = params->now_ms};
    *out = (struct quarantine_report){0};
    assert(params->keep_max > 0);
    read_file(params->data_path, file);
    enum status status = identity_read(params->data_path, &identity, reason);
    if (status != STATUS_OK)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = may_rebuild(params, file, reason);
    uint16_t highest = status == STATUS_OK ? highest_given(params, &identity, file) : 0;
    if (status == STATUS_OK && highest == UINT16_MAX) {
        snprintf(reason, STORE_REASON_MAX, "no storage incarnation is left for node %" PRIu32,
                 identity.node);
        status = STATUS_OVERLOADED;
    }
    if (status == STATUS_OK) {
        line.incarnation = out->storage_incarnation = (uint16_t)(highest + 1);
        one_line(params->why, line.why);
        status = append_line(params->data_path, file, &line);
        if (status != STATUS_OK)
            refuse(status, "write", "DATA/damage", reason);
    }
    if (status == STATUS_OK)
        status = set_aside(params, identity.storage_incarnation, out, reason);
    if (status == STATUS_OK) {
        identity.storage_incarnation = out->storage_incarnation;
        status = identity_replace(params->data_path, params->store, &identity, reason);
    }
    if (status == STATUS_OK)
        remove_old(params);
    free(file);
    return status;
}

enum status quarantine_hold(const struct quarantine_params *params, char reason[STORE_REASON_MAX])
{
    struct damage_file *file = memory_new(1, sizeof *file);
    struct damage_line line = {.time_ms = params->now_ms, .hold = true};
    read_file(params->data_path, file);
    one_line(params->why, line.why);
    enum status status = append_line(params->data_path, file, &line);
    if (status != STATUS_OK)
        refuse(status, "write", "DATA/damage", reason);
    else
        assert(may_rebuild(params, file, reason) != STATUS_OK); /* says what to do */
    free(file);
    return status;
}

void quarantine_read_history(const char *data_path, struct quarantine_history *out)
{
    struct damage_file *file = memory_new(1, sizeof *file);
    *out = (struct quarantine_history){0};
    read_file(data_path, file);
    out->times = (unsigned)file->count;
    if (file->count > 0) {
        out->last_ms = file->lines[file->count - 1].time_ms;
        memcpy(out->why, file->lines[file->count - 1].why, sizeof out->why);
    }
    free(file);
}
