/*
 * doctor_stores.c - the stores: room on the disk, damage, and how fast they commit.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amounts.h"
#include "base/memory.h"
#include "doctor.h"
#include "fields.h"
#include "info_text.h"

enum {
    ROOM_FACTOR = 2,            /* below so many times the floor there is little room */
    SLOW_COMMIT_US = 20 * 1000, /* of a commit between the two questions, and */
    SLOW_COMMIT_FACTOR = 5      /* so many times that of the node in the middle */
};

static void find_room(struct examination *e, size_t i)
{
    struct slice info = e->patients[i].info;
    int64_t free_bytes = info_text_number(info, "store_free_bytes", -1);
    int64_t floor_bytes = info_text_number(info, "store_free_floor_bytes", -1);
    bool low = info_text_number(info, "store_free_space_low", 0) != 0;
    char has[AMOUNT_TEXT_MAX], floor[AMOUNT_TEXT_MAX];
    if (free_bytes < 0 || floor_bytes < 0 || (!low && free_bytes >= ROOM_FACTOR * floor_bytes))
        return;
    amount_size((uint64_t)free_bytes, has);
    amount_size((uint64_t)floor_bytes, floor);
    findings_add(e->findings, low ? SEVERITY_CRITICAL : SEVERITY_WARNING, "disk",
                 e->cluster->members[i].id,
                 low ? "its disk is full: %s are free, and below %s it refuses writes of clients"
                     : "its disk is almost full: %s are free, and below %s it refuses writes of "
                       "clients",
                 has, floor);
    findings_next(e->findings, "make room on the file system of its data-dir, or enlarge it; with "
                               "more nodes each holds less: ringctl cluster join");
}

static void put_time(int64_t ms, char out[AMOUNT_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(out, AMOUNT_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        strcpy(out, "?");
}

static void find_damage(struct examination *e, size_t i)
{
    const struct resp_value *store = fields_get(e->patients[i].status, "store");
    const char *state = fields_text(store, "state", "serving");
    const char *why = fields_text(store, "damage_reason", "");
    bool damaged = fields_integer(store, "damage_times", 0) > 0;
    node_id id = e->cluster->members[i].id;
    char at[AMOUNT_TEXT_MAX];
    put_time(fields_integer(store, "damage_ms", 0), at);
    if (strcmp(state, "quarantined") == 0) {
        findings_add(e->findings, SEVERITY_CRITICAL, "store", id,
                     "its store is damaged and nothing is read from it or written to it");
        findings_next(e->findings, "its log says what is damaged; it rebuilds from other owners "
                                   "unless damage-times-max was reached");
    } else if (strcmp(state, "rebuilding") == 0) {
        findings_add(e->findings, SEVERITY_WARNING, "store", id,
                     "it rebuilds its replicas from other owners, %" PRId64
                     " %% are done%s%s%s%s%s",
                     fields_integer(store, "rebuilt_percent", 0),
                     damaged ? "; its store was damaged at " : "", damaged ? at : "",
                     damaged ? " (" : "", damaged ? why : "", damaged ? ")" : "");
        findings_next(e->findings, damaged
                                       ? "wait until it is done (ringctl status); meanwhile look "
                                         "at the disk: smartctl, dmesg"
                                       : "wait until it is done: ringctl status");
    } else if (strcmp(state, "serving") != 0) {
        findings_add(e->findings, SEVERITY_WARNING, "store", id, "its store is %s", state);
        findings_next(e->findings, "wait: it serves when another node has found that it is whole");
    } else if (damaged) {
        findings_add(e->findings, SEVERITY_NOTICE, "store", id,
                     "its store was damaged at %s (%s) and has been rebuilt from other owners", at,
                     why);
        findings_next(e->findings,
                      "look at the disk (smartctl, dmesg); the damaged store is in the "
                      "directory damaged of its data-dir, to be removed");
    }
}

static void find_stall(struct examination *e, size_t i)
{
    const struct patient *patient = &e->patients[i];
    if (info_text_number(patient->info, "store_stalled", 0) != 0) {
        findings_add(e->findings, SEVERITY_WARNING, "store", e->cluster->members[i].id,
                     "LevelDB is behind with compaction, and writes of clients are refused");
        findings_next(e->findings, "fewer writes, or a faster disk: see iostat -x on its host");
    }
    int64_t before = info_text_number(patient->info, "store_corrupt_records", 0);
    if (before > 0) {
        findings_add(e->findings, SEVERITY_WARNING, "store", e->cluster->members[i].id,
                     "%" PRId64 " records had a wrong checksum since its start", before);
        findings_next(e->findings, "look at the disk and the memory of its host, then: ringctl "
                                   "repair scrub");
    }
}

/* The mean time of a commit between the two questions, in us; -1: there was none. */
static int64_t commit_us(const struct patient *patient)
{
    int64_t groups = info_text_number(patient->info_later, "store_groups", 0) -
                     info_text_number(patient->info, "store_groups", 0);
    int64_t sync_us = info_text_number(patient->info_later, "store_sync_us", 0) -
                      info_text_number(patient->info, "store_sync_us", 0);
    return patient->info_later.length == 0 || groups <= 0 || sync_us < 0 ? -1 : sync_us / groups;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void find_slow_disks(struct examination *e)
{
    const struct cluster *cluster = e->cluster;
    int64_t *times = memory_new(cluster->member_count, sizeof *times);
    size_t count = 0;
    for (size_t i = 0; i < cluster->member_count; i++) {
        int64_t us = commit_us(&e->patients[i]);
        if (us >= 0)
            times[count++] = us;
    }
    qsort(times, count, sizeof *times, by_value);
    int64_t middle = count == 0 ? 0 : times[(count - 1) / 2];
    free(times);
    for (size_t i = 0; i < cluster->member_count; i++) {
        int64_t us = commit_us(&e->patients[i]);
        if (us < SLOW_COMMIT_US || (count > 1 && us < SLOW_COMMIT_FACTOR * middle))
            continue;
        findings_add(e->findings, SEVERITY_WARNING, "disk", cluster->members[i].id,
                     "its disk is slow: a commit takes %" PRId64 " ms, %" PRId64 ".%" PRId64
                     " ms at the node in the middle",
                     us / 1000, middle / 1000, middle % 1000 / 100);
        findings_next(e->findings, "look at the disk of its data-dir: iostat -x, smartctl, dmesg");
    }
}

void doctor_stores(struct examination *e)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        if (e->patients[i].status == NULL)
            continue;
        find_room(e, i);
        find_damage(e, i);
        find_stall(e, i);
    }
    find_slow_disks(e);
}
