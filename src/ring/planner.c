/*
 * planner.c - places each region, puts the regions' rows side by side, and reports.
 */
#include "ring/planner.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/order.h"
#include "ring/placement.h"
#include "ring/scatter.h"

static void explain(struct planner_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void explain(struct planner_report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->reason, sizeof report->reason, format, arguments);
    va_end(arguments);
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static uint32_t members_in_region(const struct ring *ring, uint8_t region)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->member_count; i++)
        count += ring->members[i].role == MEMBER_DATA && ring->members[i].region == region;
    return count;
}

/* Each region has a node for each of its replicas; nothing else can be in the way. */
static enum status check_feasible(const struct ring *ring, struct planner_report *report)
{
    for (uint8_t i = 0; i < ring->region_count; i++) {
        const struct ring_region *region = &ring->regions[i];
        uint32_t nodes = members_in_region(ring, i);
        if (nodes >= region->replicas)
            continue;
        explain(report,
                "region %s has %u node%s for %u replica%s of each partition: add %u node%s there, "
                "or set its replicas to %u",
                region->name, nodes, plural(nodes), region->replicas, plural(region->replicas),
                region->replicas - nodes, plural(region->replicas - nodes), nodes);
        return STATUS_INFEASIBLE;
    }
    return STATUS_OK;
}

static uint32_t count_moves(const struct placement *placement)
{
    uint32_t moves = 0;
    if (placement->held == NULL)
        return 0;
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        const uint16_t *row = placement_row(placement, p);
        for (uint32_t i = 0; i < placement->replicas; i++)
            moves += !placement_held(placement, p, row[i]);
    }
    return moves;
}

/*
 * What counting alone demands: every node must receive what it lacks of its
 * floor; and of the nodes that must be rounded up, those beyond the ones that
 * already hold more than their floor receive one copy more.
 */
static uint32_t count_moves_lower_bound(const struct placement *placement)
{
    uint32_t received = 0;
    uint32_t keepers = 0; /* may be rounded up at no cost */
    uint32_t round_ups = placement->partition_count * placement->replicas;
    if (placement->held == NULL)
        return 0;
    for (uint32_t i = 0; i < placement->node_count; i++) {
        uint32_t floor = share_floor(placement->shares[i]);
        uint32_t held = 0;
        for (uint32_t p = 0; p < placement->partition_count; p++)
            held += placement_held(placement, p, i) != 0;
        received += held < floor ? floor - held : 0;
        keepers += held > floor && !share_is_whole(placement->shares[i]);
        round_ups -= floor;
    }
    return received + (round_ups > keepers ? round_ups - keepers : 0);
}

/* Rounded away from 1000, so that the report does not flatter. */
static void report_shares(const struct placement *placement, uint8_t region,
                          struct planner_report *report)
{
    uint32_t min = UINT32_MAX;
    uint32_t max = 0;
    for (uint32_t i = 0; i < placement->node_count; i++) {
        struct share share = placement->shares[i];
        uint64_t thousandths = (uint64_t)placement->copies[i] * 1000 * share.denominator;
        uint32_t down = (uint32_t)(thousandths / share.numerator);
        uint32_t up = (uint32_t)((thousandths + share.numerator - 1) / share.numerator);
        min = down < min ? down : min;
        max = up > max ? up : max;
    }
    report->share_min_permille[region] = min;
    report->share_max_permille[region] = max;
}

/* The part of its weight that `copies` leave unused, in hundredths; 0 when it has its due. */
static uint32_t unused_percent(const struct placement *placement, uint64_t copies, uint64_t weight,
                               uint64_t weight_sum)
{
    uint64_t due = (uint64_t)placement->partition_count * placement->replicas * weight;
    uint64_t used = copies * weight_sum;
    return used >= due ? 0 : (uint32_t)((due - used) * 100 / due);
}

struct unused {
    uint32_t percent;
    uint32_t index; /* of the node or the rack that has the most */
};

static struct unused most_unused_of_racks(const struct placement *placement, uint64_t weight_sum)
{
    struct unused most = {0};
    for (uint32_t k = 0; k < placement->rack_count; k++) {
        uint64_t copies = 0;
        uint64_t weight = 0;
        for (uint32_t i = 0; i < placement->node_count; i++) {
            if (placement->racks[i] != k)
                continue;
            copies += placement->copies[i];
            weight += placement->weights[i];
        }
        uint32_t percent = unused_percent(placement, copies, weight, weight_sum);
        bool is_full = copies == (uint64_t)placement->rack_limit * placement->partition_count;
        if (is_full && placement->rack_sizes[k] > placement->rack_limit && percent > most.percent)
            most = (struct unused){percent, k};
    }
    return most;
}

static struct unused most_unused_of_nodes(const struct placement *placement, uint64_t weight_sum)
{
    struct unused most = {0};
    for (uint32_t i = 0; i < placement->node_count; i++) {
        uint32_t percent =
            unused_percent(placement, placement->copies[i], placement->weights[i], weight_sum);
        bool is_full = placement->copies[i] == placement->partition_count;
        if (is_full && percent > most.percent)
            most = (struct unused){percent, i};
    }
    return most;
}

/* Say what was relaxed, the gravest first; an earlier region's sentence stays. */
static void report_reason(const struct placement *placement, const struct ring_region *region,
                          struct planner_report *report)
{
    uint64_t weight_sum = 0;
    if (report->reason[0] != '\0')
        return;
    if (placement->rack_limit > 1) {
        uint32_t missing = placement->replicas - placement->rack_count;
        explain(report,
                "region %s has %u rack%s for %u replicas, so one rack holds up to %u copies of a "
                "partition; nodes in %u more rack%s would separate them",
                region->name, placement->rack_count, plural(placement->rack_count),
                placement->replicas, placement->rack_limit, missing, plural(missing));
        return;
    }
    for (uint32_t i = 0; i < placement->node_count; i++)
        weight_sum += placement->weights[i];
    struct unused rack = most_unused_of_racks(placement, weight_sum);
    struct unused node = most_unused_of_nodes(placement, weight_sum);
    if (rack.percent > 0)
        explain(report,
                "rack %s of region %s cannot use %u %% of its weight, because it holds one copy of "
                "each partition already; add nodes in other racks",
                placement->rack_names[rack.index], region->name, rack.percent);
    else if (node.percent > 0)
        explain(report,
                "node %u of region %s cannot use %u %% of its weight, because it holds a copy of "
                "each partition already; add other nodes",
                placement->ids[node.index], region->name, node.percent);
}

/* Place one region and write its columns, which start at `column`, of the table. */
static void place_region(const struct ring *ring, uint8_t region, const struct ring *before,
                         uint32_t column, node_id *table, struct planner_report *report)
{
    struct placement placement;
    placement_init(&placement, ring, region, before);
    placement_assign(&placement);
    scatter_mix(&placement);
    order_balance(&placement);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const uint16_t *row = placement_row(&placement, p);
        for (uint32_t i = 0; i < placement.replicas; i++)
            table[(size_t)p * ring->owner_count + column + i] = placement.ids[row[i]];
    }
    report->moves += count_moves(&placement);
    report->moves_lower_bound += count_moves_lower_bound(&placement);
    report_shares(&placement, region, report);
    report_reason(&placement, &ring->regions[region], report);
    placement_deinit(&placement);
}

static bool row_repeats_rack(const struct ring *ring, partition_id partition)
{
    const node_id *owners = ring_owners(ring, partition);
    for (uint32_t i = 1; i < ring->owner_count; i++) {
        const struct ring_member *a = ring_member(ring, owners[i]);
        for (uint32_t j = 0; j < i; j++) {
            const struct ring_member *b = ring_member(ring, owners[j]);
            if (a->region == b->region && strcmp(a->rack, b->rack) == 0)
                return true;
        }
    }
    return false;
}

/* Fewest others that share a partition with one owner, all regions together. */
static uint32_t scatter_width_min(const struct ring *ring)
{
    size_t members = ring->member_count;
    uint8_t *together = memory_new(members * members, 1);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, (partition_id)p);
        size_t row[RING_OWNERS_MAX];
        for (uint32_t i = 0; i < ring->owner_count; i++) {
            row[i] = (size_t)(ring_member(ring, owners[i]) - ring->members);
            for (uint32_t j = 0; j <= i; j++)
                together[row[i] * members + row[j]] = together[row[j] * members + row[i]] = 1;
        }
    }
    uint32_t min = UINT32_MAX;
    for (size_t i = 0; i < members; i++) {
        uint32_t width = 0;
        for (size_t j = 0; j < members; j++)
            width += together[i * members + j];
        if (width > 0 && width - 1 < min) /* it counts itself, unless it owns nothing */
            min = width - 1;
    }
    free(together);
    return min;
}

enum status planner_place(struct ring *ring, const struct ring *before,
                          struct planner_report *report)
{
    assert(ring->owner_count > 0);
    assert(before == NULL || before->partition_count == ring->partition_count);
    *report = (struct planner_report){0};
    enum status status = check_feasible(ring, report);
    if (status != STATUS_OK)
        return status;

    size_t owners = (size_t)ring->partition_count * ring->owner_count;
    node_id *table = memory_new(owners, sizeof *table);
    uint32_t column = 0;
    for (uint8_t region = 0; region < ring->region_count; region++) {
        if (ring->regions[region].replicas > 0)
            place_region(ring, region, before, column, table, report);
        column += ring->regions[region].replicas;
    }
    assert(column == ring->owner_count);
    free(ring->owners);
    ring->owners = table;

    for (uint32_t p = 0; p < ring->partition_count; p++)
        report->rack_repeats += row_repeats_rack(ring, (partition_id)p);
    report->scatter_width_min = scatter_width_min(ring);
    return STATUS_OK;
}

uint32_t planner_moves_lower_bound(const struct ring *ring, const struct ring *before)
{
    uint32_t moves = 0;
    for (uint8_t region = 0; region < ring->region_count; region++) {
        struct placement placement;
        if (ring->regions[region].replicas == 0)
            continue;
        placement_init(&placement, ring, region, before);
        moves += count_moves_lower_bound(&placement);
        placement_deinit(&placement);
    }
    return moves;
}

uint32_t planner_rack_limit(const struct ring *ring, uint8_t region)
{
    struct placement placement;
    if (ring->regions[region].replicas == 0)
        return 0;
    placement_init(&placement, ring, region, NULL);
    uint32_t limit = placement.rack_limit;
    placement_deinit(&placement);
    return limit;
}
