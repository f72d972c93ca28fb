/*
 * doctor_copies.c - the copies of partitions: how many there are, where they stand, and whether
 * they are compared.
 *
 * A rack is what fails together. Copies of a region stand in as many racks as there are; labels
 * that are wrong put them together all the same, and show in two ways: two copies of a partition
 * in one rack although there are more racks, and members on one host that have different racks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "amounts.h"
#include "base/memory.h"
#include "doctor.h"
#include "fields.h"
#include "info_text.h"
#include "losses.h"
#include "net/address.h"

enum { COMPARISON_OLD_S = 24 * 3600 };

/* ---- partitions ---- */

static void put_absent(const struct examination *e, struct buffer *out)
{
    for (size_t i = 0; i < e->cluster->member_count; i++)
        if (e->patients[i].status == NULL && !e->cluster->members[i].stores_nothing)
            buffer_printf(out, "%s%" PRIu32, out->length == 0 ? "" : " ",
                          e->cluster->members[i].id);
}

static void find_missing_owners(struct examination *e)
{
    const struct cluster *cluster = e->cluster;
    bool *answers = memory_new(cluster->member_count, sizeof *answers);
    struct buffer absent = {0};
    for (size_t i = 0; i < cluster->member_count; i++)
        answers[i] = e->patients[i].status != NULL;
    const struct losses losses = {.cluster = cluster, .answers = answers};
    uint32_t less = losses_below(&losses, NULL, cluster->owner_count);
    uint32_t quorum = losses_quorum(&losses);
    uint32_t none = losses_below(&losses, NULL, quorum);
    put_absent(e, &absent);
    if (none > 0)
        findings_add(e->findings, SEVERITY_CRITICAL, "partitions", 0,
                     "%" PRIu32 " of %" PRIu32 " partitions have fewer than %" PRIu32
                     " of their %" PRIu32 " owners: requests at QUORUM fail there",
                     none, cluster->partition_count, quorum, cluster->owner_count);
    else if (less > 0)
        findings_add(e->findings, SEVERITY_WARNING, "partitions", 0,
                     "%" PRIu32 " of %" PRIu32 " partitions have fewer than their %" PRIu32
                     " owners",
                     less, cluster->partition_count, cluster->owner_count);
    if (less > 0)
        findings_next(e->findings, "bring back who does not answer: %.*s", (int)absent.length,
                      (const char *)absent.data);
    buffer_deinit(&absent);
    free(answers);
}

/* ---- racks ---- */

/* Whether no member before i that stores data stands in its rack of its region. */
static bool is_first_of_rack(const struct cluster *cluster, size_t i)
{
    const struct cluster_member *member = &cluster->members[i];
    for (size_t j = 0; j < i; j++) {
        const struct cluster_member *other = &cluster->members[j];
        if (!other->stores_nothing && strcmp(other->region, member->region) == 0 &&
            strcmp(other->rack, member->rack) == 0)
            return false;
    }
    return true;
}

/* Owners of the partition in this region whose rack another one before them has; the last such
 * pair. */
static uint32_t repeats(const struct cluster *cluster, uint32_t partition, const char *region,
                        uint16_t pair[2], uint32_t *copies)
{
    const uint16_t *owners = cluster_owners(cluster, partition);
    uint32_t count = 0;
    *copies = 0;
    for (uint32_t i = 0; i < cluster->owner_count; i++) {
        const struct cluster_member *one = &cluster->members[owners[i]];
        if (strcmp(one->region, region) != 0)
            continue;
        ++*copies;
        for (uint32_t j = 0; j < i; j++) {
            const struct cluster_member *other = &cluster->members[owners[j]];
            if (strcmp(other->region, region) != 0 || strcmp(one->rack, other->rack) != 0)
                continue;
            pair[0] = owners[j];
            pair[1] = owners[i];
            count++;
            break;
        }
    }
    return count;
}

static void find_racks_of(struct examination *e, const char *region, uint32_t racks, uint32_t nodes)
{
    const struct cluster *cluster = e->cluster;
    uint32_t partitions = 0, example = 0, copies_max = 0;
    uint16_t pair[2] = {0}, seen[2] = {0};
    for (uint32_t p = 0; p < cluster->partition_count; p++) {
        uint32_t copies;
        uint32_t repeated = repeats(cluster, p, region, seen, &copies);
        uint32_t needed = copies > racks ? copies - racks : 0;
        copies_max = copies > copies_max ? copies : copies_max;
        if (repeated <= needed)
            continue;
        memcpy(pair, seen, sizeof pair);
        example = p;
        partitions++;
    }
    if (partitions > 0) {
        findings_add(e->findings, SEVERITY_WARNING, "racks", 0,
                     "region %s has %" PRIu32 " racks, and %" PRIu32
                     " partitions have two copies in one of them: of partition %" PRIu32
                     " nodes %" PRIu32 " and %" PRIu32 " stand in rack %s",
                     region, racks, partitions, example, cluster->members[pair[0]].id,
                     cluster->members[pair[1]].id, cluster->members[pair[1]].rack);
        findings_next(e->findings,
                      "say where nodes stand (ringctl cluster rack ID NAME), then have "
                      "copies moved apart: ringctl cluster plan");
    } else if (nodes > 1 && racks == 1 && copies_max > 1) {
        findings_add(e->findings, SEVERITY_NOTICE, "racks", 0,
                     "all %" PRIu32 " nodes of region %s stand in one rack, and with it all copies "
                     "there go",
                     nodes, region);
        findings_next(e->findings,
                      "if that is not so, say where they stand: ringctl cluster rack ID "
                      "NAME");
    }
}

static void find_racks(struct examination *e)
{
    const struct cluster *cluster = e->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        uint32_t racks = 0, nodes = 0;
        bool is_first = !cluster->members[i].stores_nothing;
        for (size_t j = 0; j < cluster->member_count; j++) {
            if (cluster->members[j].stores_nothing ||
                strcmp(cluster->members[j].region, cluster->members[i].region) != 0)
                continue;
            is_first = is_first && j >= i;
            nodes++;
            racks += is_first_of_rack(cluster, j);
        }
        if (is_first)
            find_racks_of(e, cluster->members[i].region, racks, nodes);
    }
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* Who shares a host shares what fails with it, whatever the labels say. */
static void find_shared_hosts(struct examination *e)
{
    const struct cluster *cluster = e->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct cluster_member *one = &cluster->members[i];
        for (size_t j = i + 1; j < cluster->member_count; j++) {
            const struct cluster_member *other = &cluster->members[j];
            if (one->stores_nothing || other->stores_nothing || is_loopback(one->client.host) ||
                strcmp(one->client.host, other->client.host) != 0 ||
                (strcmp(one->region, other->region) == 0 && strcmp(one->rack, other->rack) == 0))
                continue;
            findings_add(e->findings, SEVERITY_WARNING, "racks", 0,
                         "nodes %" PRIu32 " and %" PRIu32 " are on one host, %s, and are said to "
                         "stand in racks %s/%s and %s/%s",
                         one->id, other->id, one->client.host, one->region, one->rack,
                         other->region, other->rack);
            findings_next(e->findings,
                          "say that they stand together: ringctl cluster rack %" PRIu32
                          " %s, then ringctl cluster plan",
                          other->id, one->rack);
            break; /* one line for each that shares */
        }
    }
}

/* ---- what all must agree on, and comparing ---- */

/* One finding, by the member that sees the most stewards. */
static void find_stewards(struct examination *e)
{
    int64_t most = -1, count = 0;
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        const struct resp_value *view = fields_get(e->patients[i].status, "register");
        int64_t up = fields_integer(view, "stewards_up", -1);
        int64_t of = (int64_t)fields_count(fields_get(view, "stewards"));
        if (up > most && of > 0) {
            most = up;
            count = of;
        }
    }
    if (most < 0 || most > count / 2)
        return;
    findings_add(e->findings, SEVERITY_CRITICAL, "stewards", 0,
                 "no node sees more than %" PRId64 " of the %" PRId64
                 " stewards: users, keyspaces and the ring cannot be changed",
                 most, count);
    findings_next(e->findings, "bring stewards back: RING.STATUS names them");
}

static void find_repair(struct examination *e)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        struct slice info = e->patients[i].info;
        node_id id = e->cluster->members[i].id;
        char text[AMOUNT_TEXT_MAX];
        int64_t oldest_s = info_text_number(info, "ring_repair_oldest_comparison_seconds", 0);
        int64_t wrong = info_text_number(info, "ring_scrub_ranges_wrong", 0);
        if (info_text_number(info, "ring_repair_paused", 0) != 0) {
            findings_add(e->findings, SEVERITY_WARNING, "repair", id,
                         "comparing replicas is paused: what is lost is not found");
            findings_next(e->findings, "ringctl repair resume");
        } else if (oldest_s >= COMPARISON_OLD_S) {
            findings_add(e->findings, SEVERITY_WARNING, "repair", id,
                         "a replica here was not compared with another owner's for %s",
                         amount_time((uint64_t)oldest_s * 1000, text));
            findings_next(e->findings, "ringctl repair status says which pair; repair-interval and "
                                       "repair-rate say how often and how fast");
        }
        if (wrong > 0) {
            findings_add(
                e->findings, SEVERITY_WARNING, "repair", id,
                "scrubs have found %" PRId64 " ranges of cells that are not what they were", wrong);
            findings_next(e->findings, "ringctl repair run; and look at the disk: smartctl, dmesg");
        }
    }
}

void doctor_copies(struct examination *e)
{
    find_missing_owners(e);
    find_racks(e);
    find_shared_hosts(e);
    find_stewards(e);
    find_repair(e);
}
