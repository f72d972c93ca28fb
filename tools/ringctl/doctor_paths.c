/*
 * doctor_paths.c - what lies between nodes: paths that are broken, and what waits for owners.
 */
#include <inttypes.h>
#include <string.h>

#include "amounts.h"
#include "doctor.h"
#include "fields.h"
#include "reach_picture.h"
#include "ringd/config_value.h"

enum {
    FILLED_PERCENT = 80,         /* of hint-size-max */
    HINT_OLD_MS = 10 * 60 * 1000 /* for an owner that is there */
};

/* ---- paths ---- */

static void find_path(struct examination *e, const struct reach_picture *picture, size_t from,
                      size_t to)
{
    const struct cluster *cluster = e->cluster;
    const char *kind = reach_picture_kind(picture, from, to);
    char since[AMOUNT_TEXT_MAX];
    struct buffer others = {0};
    uint32_t reached_by = reach_picture_reached_by(picture, to, &others);
    amount_time((uint64_t)reach_picture_seconds(picture, from, to) * 1000, since);
    /* Whom nobody reaches and who does not answer here either is no matter of one path. */
    if (reached_by > 0 || e->patients[to].status != NULL) {
        findings_add(e->findings, SEVERITY_WARNING, "path", cluster->members[from].id,
                     "it has not reached node %" PRIu32 " for %s (%s); %s%.*s do",
                     cluster->members[to].id, since, kind,
                     reached_by > 0 ? "nodes " : "none of the others", (int)others.length,
                     others.length > 0 ? (const char *)others.data : "");
        findings_next(e->findings,
                      "look at the network between %s and %s (routes, firewall, "
                      "interface); ringctl net matrix shows all paths",
                      cluster->members[from].client.host, cluster->members[to].client.host);
    }
    buffer_deinit(&others);
}

void doctor_paths(struct examination *e)
{
    const struct cluster *cluster = e->cluster;
    struct reach_picture picture;
    reach_picture_init(&picture, cluster);
    for (size_t i = 0; i < cluster->member_count; i++)
        reach_picture_take(&picture, i, e->patients[i].reach);
    for (size_t from = 0; from < cluster->member_count; from++)
        for (size_t to = 0; to < cluster->member_count; to++)
            if (reach_picture_is_broken(&picture, from, to))
                find_path(e, &picture, from, to);
    reach_picture_deinit(&picture);
}

/* ---- hints ---- */

static void find_full(struct examination *e, size_t i)
{
    const struct patient *patient = &e->patients[i];
    node_id id = e->cluster->members[i].id;
    int64_t bytes = fields_integer(patient->hints, "hint_bytes", 0);
    int64_t partitions = fields_integer(patient->hints, "partitions_full", 0);
    int64_t aside = fields_integer(patient->hints, "set_aside", 0);
    bool full = fields_integer(patient->hints, "full", 0) != 0;
    uint64_t limit = 0;
    char size[AMOUNT_TEXT_MAX];
    if (!config_parse_size(fields_text(patient->settings, "hint-size-max", ""), &limit))
        limit = 0;
    amount_size((uint64_t)(bytes < 0 ? 0 : bytes), size);
    bool filled = limit > 0 && bytes > 0 && (uint64_t)bytes >= limit / 100 * FILLED_PERCENT;
    if (full || partitions > 0 || filled) {
        findings_add(e->findings, full ? SEVERITY_CRITICAL : SEVERITY_WARNING, "hints", id,
                     full ? "it keeps %s of hints and takes no more: writes with sloppy=yes fail "
                            "when it is to stand in"
                     : partitions > 0 ? "it keeps %s of hints and takes no more of some partitions"
                                      : "it keeps %s of hints, close to hint-size-max",
                     size);
        findings_next(e->findings, "bring back the owners that they are for (ringctl hints), or "
                                   "raise hint-size-max and hint-partition-size-max");
    }
    if (aside > 0) {
        findings_add(e->findings, SEVERITY_WARNING, "hints", id,
                     "it has set aside %" PRId64 " hints that it cannot read", aside);
        findings_next(e->findings, "its log says which; then: ringctl repair run");
    }
}

static const struct resp_value *target_of(const struct resp_value *hints, node_id owner)
{
    const struct resp_value *rows = fields_get(hints, "targets");
    for (size_t i = 0; i < fields_count(rows); i++)
        if (fields_integer(fields_at(rows, i), "node", 0) == owner)
            return fields_at(rows, i);
    return NULL;
}

/* What all keep for one owner, in one finding. */
static void find_waiting(struct examination *e, size_t owner)
{
    const struct cluster *cluster = e->cluster;
    node_id id = cluster->members[owner].id;
    int64_t bytes = 0, later = 0, oldest_ms = 0;
    bool told_twice = true;
    const char *reason = "";
    char size[AMOUNT_TEXT_MAX], age[AMOUNT_TEXT_MAX], rate[AMOUNT_TEXT_MAX];
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct resp_value *row = target_of(e->patients[i].hints, id);
        const struct resp_value *again = target_of(e->patients[i].hints_later, id);
        if (fields_integer(row, "hints", 0) <= 0)
            continue;
        bytes += fields_integer(row, "hint_bytes", 0);
        later += fields_integer(again, "hint_bytes", 0);
        told_twice = told_twice && again != NULL;
        if (fields_integer(row, "oldest_ms", 0) >= oldest_ms) {
            oldest_ms = fields_integer(row, "oldest_ms", 0);
            reason = fields_text(row, "reason", "");
        }
    }
    bool there = e->patients[owner].status != NULL;
    int64_t growth =
        told_twice && e->between_ms > 0 ? (later - bytes) * 1000 / (int64_t)e->between_ms : 0;
    if (bytes <= 0 || (there && oldest_ms < HINT_OLD_MS && growth <= 0))
        return;
    amount_size((uint64_t)bytes, size);
    amount_time((uint64_t)oldest_ms, age);
    amount_size((uint64_t)(growth > 0 ? growth : 0), rate);
    findings_add(e->findings, SEVERITY_WARNING, "hints", id,
                 "others keep %s of hints for it, the oldest for %s: %s%s%s%s", size, age, reason,
                 growth > 0 ? "; they grow by " : "", growth > 0 ? rate : "",
                 growth > 0 ? " a second" : "");
    findings_next(e->findings, there
                                   ? "ringctl hints says who keeps them and what they wait for"
                                   : "bring it back; until then they stay, and cost room: ringctl "
                                     "hints");
}

void doctor_hints(struct examination *e)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        if (e->patients[i].hints != NULL)
            find_full(e, i);
        find_waiting(e, i);
    }
}
