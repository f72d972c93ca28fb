/*
 * doctor_members.c - the members themselves: who answers, and what is wrong with those that do.
 */
#include <inttypes.h>
#include <string.h>

#include "amounts.h"
#include "doctor.h"
#include "fields.h"
#include "net/address.h"

enum {
    GONE_LONG_MS = 24 * 3600 * 1000, /* an owner that is away for so long is not coming back */
    SKEW_SHOWN_MS = 100,             /* as status */
    SLOW_SHOWN_US = 10 * 1000        /* below this, nobody waits long */
};

/* What other members that answer say of one. */
struct opinion {
    uint32_t up, down, slow;
    int64_t silence_ms; /* the least of those that call it down */
    int64_t read_us;    /* the most of those that call it slow */
    struct buffer slow_by;
};

static const struct resp_value *row_of(const struct resp_value *status, node_id id)
{
    const struct resp_value *rows = fields_get(status, "members");
    for (size_t i = 0; i < fields_count(rows); i++)
        if (fields_integer(fields_at(rows, i), "id", 0) == id)
            return fields_at(rows, i);
    return NULL;
}

static void hear(const struct examination *e, size_t of, struct opinion *out)
{
    const struct cluster *cluster = e->cluster;
    *out = (struct opinion){.silence_ms = INT64_MAX};
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct resp_value *row = row_of(e->patients[i].status, cluster->members[of].id);
        const char *state = fields_text(row, "state", "");
        int64_t silence_ms = fields_integer(row, "silence_ms", 0);
        int64_t read_us = fields_integer(row, "read_us", 0);
        if (i == of || row == NULL)
            continue;
        out->up += strcmp(state, "up") == 0;
        if (strcmp(state, "down") == 0) {
            out->down++;
            out->silence_ms = silence_ms < out->silence_ms ? silence_ms : out->silence_ms;
        } else if (fields_integer(row, "slow", 0) != 0) {
            buffer_printf(&out->slow_by, "%s%" PRIu32, out->slow++ == 0 ? "" : ", ",
                          cluster->members[i].id);
            out->read_us = read_us > out->read_us ? read_us : out->read_us;
        }
    }
}

static void find_absent(struct examination *e, size_t i, const struct opinion *opinion)
{
    const struct cluster_member *member = &e->cluster->members[i];
    const char *reason = e->patients[i].reason;
    char address[ADDRESS_TEXT_MAX], since[AMOUNT_TEXT_MAX];
    address_format(&member->client, address);
    if (opinion->up > 0) {
        findings_add(e->findings, SEVERITY_WARNING, "member", member->id,
                     "it does not answer ringctl (%s), and %" PRIu32 " nodes call it up", reason,
                     opinion->up);
        findings_next(e->findings,
                      "it hangs, or its port for clients cannot be reached from here: see its log, "
                      "and whether %s accepts connections",
                      address);
        return;
    }
    bool known = opinion->down > 0, long_gone = known && opinion->silence_ms >= GONE_LONG_MS;
    findings_add(e->findings, long_gone ? SEVERITY_CRITICAL : SEVERITY_WARNING, "member",
                 member->id, "it is gone: it does not answer (%s), and no node has heard of it%s%s",
                 reason, known ? " for " : "",
                 known ? amount_time((uint64_t)opinion->silence_ms, since) : "");
    if (long_gone && !member->stores_nothing)
        findings_next(
            e->findings,
            "start ringd on %s; if it will not come back, have a new node take its place: "
            "ringctl cluster replace %" PRIu32 " NEW-ID",
            address, member->id);
    else
        findings_next(e->findings, "start ringd on %s; its log says why it has ended", address);
}

static void find_slow(struct examination *e, size_t i, const struct opinion *opinion)
{
    if (opinion->slow == 0 || opinion->read_us < SLOW_SHOWN_US)
        return;
    findings_add(e->findings, SEVERITY_WARNING, "slow", e->cluster->members[i].id,
                 "it is slow: nodes %.*s wait about %" PRId64
                 " ms for its reads and ask others first",
                 (int)opinion->slow_by.length, (const char *)opinion->slow_by.data,
                 (opinion->read_us + 999) / 1000);
    findings_next(e->findings, "look at the processor, the disk and the network of its host; "
                               "ringctl latency says which stage takes the time");
}

static void find_clock(struct examination *e, size_t i)
{
    const struct resp_value *clock = fields_get(e->patients[i].status, "clock");
    int64_t offset_ms = fields_integer(clock, "offset_ms", 0);
    int64_t wait_ms = fields_integer(clock, "wait_ms", 0);
    bool fenced = fields_integer(clock, "fenced", 0) != 0;
    uint64_t apart_ms = (uint64_t)(offset_ms < 0 ? -offset_ms : offset_ms);
    char text[AMOUNT_TEXT_MAX];
    if (!fenced && apart_ms < SKEW_SHOWN_MS)
        return;
    enum severity severity = fenced ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    node_id id = e->cluster->members[i].id;
    if (apart_ms >= SKEW_SHOWN_MS)
        findings_add(e->findings, severity, "clock", id,
                     "its clock is %" PRIu64 " ms (%s) %s the others%s", apart_ms,
                     amount_time(apart_ms, text), offset_ms > 0 ? "ahead of" : "behind",
                     fenced ? ": it is fenced and coordinates no writes" : "");
    else
        findings_add(e->findings, severity, "clock", id,
                     "it is fenced and coordinates no writes until its clock %s",
                     wait_ms > 0 ? "has passed all times that it gave before"
                                 : "has been compared with others");
    if (apart_ms >= SKEW_SHOWN_MS)
        findings_next(e->findings, "set the clock of its host right and see that a time service "
                                   "runs there (timedatectl, chronyc tracking)");
    else
        findings_next(e->findings, "wait: %s",
                      wait_ms > 0 ? amount_time((uint64_t)wait_ms, text)
                                  : "it goes on when it has heard a majority");
}

static void find_other_cluster(struct examination *e, size_t i)
{
    const struct cluster *cluster = e->cluster;
    const struct resp_value *status = e->patients[i].status;
    int64_t epoch = fields_integer(status, "epoch", 0);
    if (strcmp(fields_text(status, "cluster_id", ""), cluster->id) != 0) {
        findings_add(e->findings, SEVERITY_CRITICAL, "member", cluster->members[i].id,
                     "who answers at its address is of another cluster");
        findings_next(e->findings, "see the addresses of members (ringctl status) and which ringd "
                                   "listens there");
    } else if (epoch != cluster->epoch) {
        findings_add(e->findings, SEVERITY_WARNING, "member", cluster->members[i].id,
                     "it is at epoch %" PRId64 " of the ring, the first node asked at %" PRId64,
                     epoch, cluster->epoch);
        findings_next(e->findings, "one of them hears too little: ringctl net matrix");
    }
}

/* One finding for all: an upgrade that has not ended. */
static void compare_versions(struct examination *e)
{
    const char *first = NULL, *other = NULL;
    node_id first_node = 0, other_node = 0;
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        const char *version = fields_text(e->patients[i].status, "version", NULL);
        if (version == NULL)
            continue;
        if (first == NULL) {
            first = version;
            first_node = e->cluster->members[i].id;
        } else if (strcmp(first, version) != 0) {
            other = version;
            other_node = e->cluster->members[i].id;
        }
    }
    if (other == NULL)
        return;
    findings_add(e->findings, SEVERITY_NOTICE, "version", 0,
                 "nodes run different versions: node %" PRIu32 " %s, node %" PRIu32 " %s",
                 first_node, first, other_node, other);
    findings_next(e->findings, "end the upgrade: ringctl status lists all versions");
}

void doctor_members(struct examination *e)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        struct opinion opinion;
        hear(e, i, &opinion);
        if (e->patients[i].status == NULL) {
            find_absent(e, i, &opinion);
        } else {
            find_other_cluster(e, i);
            find_clock(e, i);
            find_slow(e, i, &opinion);
        }
        buffer_deinit(&opinion.slow_by);
    }
    compare_versions(e);
}
