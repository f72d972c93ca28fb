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

enum { FILE_BYTES_MAX = 64 << 10, NAME_MAX_BYTES = 64, PATH_BYTES_MAX = 4096 };

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

static void path_of(const char *data_path, const char *name, char out[PATH_BYTES_MAX])
{
    snprintf(out, PATH_BYTES_MAX, "%s/%s", data_path, name);
}

static enum status refuse(enum status status, const char *what, const char *path, char *reason)
{
    snprintf(reason, STORE_REASON_MAX, "could not %s %.200s; check the disk and the permissions (%s)",
             what, path, strerror(errno));
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
    char path[PATH_BYTES_MAX];
    struct buffer bytes = {0};
    char *rest, *line;
    path_of(data_path, "damage", path);
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
}

/* The last lines fit; those before have told what they had to. */
static enum status append_line(const char *data_path, struct damage_file *file,
                               const struct damage_line *line)
{
    char path[PATH_BYTES_MAX];
    struct buffer bytes = {0};
    path_of(data_path, "damage", path);
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
                     "the store in %.150s is damaged (%.100s) and was left as it is, because other "
                     "owners of its partitions had lost theirs; see to those first, then remove "
                     "%.150s/damage and start again",
                     params->data_path, line->why, params->data_path);
            return STATUS_OVERLOADED;
        }
        times += line->time_ms + QUARANTINE_WINDOW_MS > params->now_ms;
    }
    if (times < params->times_max)
        return STATUS_OK;
    snprintf(reason, STORE_REASON_MAX,
             "the store in %.150s is damaged (%.100s) for the %uth time within an hour and is not "
             "rebuilt again; check the disk and the memory of this machine, then remove "
             "%.150s/damage and start again",
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
            char inner[PATH_BYTES_MAX];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            path_of(path, entry->d_name, inner);
            bytes += remove_or_measure(inner, remove_it);
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
    char parent[PATH_BYTES_MAX];
    struct dirent **entries = NULL;
    uint64_t bytes = 0;
    path_of(params->data_path, "damaged", parent);
    int count = scandir(parent, &entries, is_named, later_first);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES_MAX];
        path_of(parent, entries[i]->d_name, path);
        bytes += remove_or_measure(path, false);
        bool over = (unsigned)i >= params->keep_max ||
                    (params->keep_bytes_max > 0 && bytes > params->keep_bytes_max);
        if (i > 0 && over)
            remove_or_measure(path, true);
        free(entries[i]);
    }
    free(entries);
}

static enum status make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return STATUS_OK;
    return errno == ENOSPC ? STATUS_NO_SPACE : STATUS_IO;
}

/* Move the database to its own directory. An earlier attempt may have come so far. */
static enum status set_aside(const struct quarantine_params *params, uint16_t incarnation,
                             struct quarantine_report *out, char *reason)
{
    char store[PATH_BYTES_MAX], parent[PATH_BYTES_MAX], name[NAME_MAX_BYTES], to[PATH_BYTES_MAX];
    char file[PATH_BYTES_MAX], copy[PATH_BYTES_MAX];
    struct buffer identity = {0};
    path_of(params->data_path, "store", store);
    path_of(params->data_path, "damaged", parent);
    if (access(store, F_OK) != 0)
        return STATUS_OK;
    snprintf(name, sizeof name, "%u-%" PRIu64, incarnation, params->now_ms);
    snprintf(out->aside, sizeof out->aside, "%.400s/%s", parent, name);
    enum status status = make_directory(parent);
    if (status == STATUS_OK)
        status = make_directory(out->aside);
    if (status != STATUS_OK)
        return refuse(status, "make", out->aside, reason);
    path_of(params->data_path, "identity", file);
    path_of(out->aside, "identity", copy);
    if (durable_file_read(file, FILE_BYTES_MAX, &identity) == STATUS_OK)
        status = durable_file_write(copy, buffer_slice(&identity));
    buffer_deinit(&identity);
    path_of(out->aside, "store", to);
    if (status == STATUS_OK && rename(store, to) != 0)
        status = STATUS_IO;
    if (status == STATUS_OK)
        status = durable_file_sync_directory(out->aside);
    if (status == STATUS_OK)
        status = durable_file_sync_directory(parent);
    if (status == STATUS_OK)
        status = durable_file_sync_directory(params->data_path);
    return status == STATUS_OK ? STATUS_OK : refuse(status, "set aside", store, reason);
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
        status = may_rebuild(params, file, reason) == STATUS_OK ? STATUS_IO : STATUS_OK;
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
