#include "placement_checker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

/* One region, as the checker sees it: nodes and racks by number. */
struct view {
    const struct ring *ring;
    uint32_t column; /* of the region's first owner in a row */
    uint32_t replicas;
    uint32_t nodes;
    uint32_t racks;
    uint32_t rack_limit;
    const struct ring_member *members[RING_MEMBERS_MAX];
    uint32_t rack_of[RING_MEMBERS_MAX];
    uint32_t rack_size[RING_MEMBERS_MAX];
    double share[RING_MEMBERS_MAX];
    uint32_t copies[RING_MEMBERS_MAX];
};

static uint32_t node_at(const struct view *view, uint32_t partition, uint32_t position)
{
    node_id id = ring_owners(view->ring, (partition_id)partition)[view->column + position];
    for (uint32_t i = 0; i < view->nodes; i++) {
        if (view->members[i]->id == id)
            return i;
    }
    fail_msg("partition %u has owner %u of another region", partition, id);
    return 0;
}

static void find_racks(struct view *view)
{
    for (uint32_t i = 0; i < view->nodes; i++) {
        uint32_t same = 0;
        while (strcmp(view->members[same]->rack, view->members[i]->rack) != 0)
            same++;
        view->rack_of[i] = same < i ? view->rack_of[same] : view->racks++;
        view->rack_size[view->rack_of[i]]++;
    }
    for (view->rack_limit = 1;; view->rack_limit++) {
        uint32_t room = 0;
        for (uint32_t k = 0; k < view->racks; k++)
            room += view->rack_size[k] < view->rack_limit ? view->rack_size[k] : view->rack_limit;
        if (room >= view->replicas && view->rack_limit * view->racks >= view->replicas)
            return;
    }
}

/* Copies that the nodes of `rack` take when the water stands at `level` in them. */
static double rack_takes(const struct view *view, uint32_t rack, double level)
{
    double sum = 0;
    for (uint32_t i = 0; i < view->nodes; i++) {
        if (view->rack_of[i] == rack)
            sum += fmin(view->ring->partition_count, level * view->members[i]->weight);
    }
    return sum;
}

static double rack_cap(const struct view *view)
{
    return (double)view->rack_limit * view->ring->partition_count;
}

static double all_take(const struct view *view, double level)
{
    double sum = 0;
    for (uint32_t k = 0; k < view->racks; k++)
        sum += fmin(rack_cap(view), rack_takes(view, k, level));
    return sum;
}

/* Bisect the common level; a rack that overflows there has a lower level of its own. */
static void find_shares(struct view *view)
{
    double wanted = (double)view->replicas * view->ring->partition_count;
    double low = 0;
    double high = view->ring->partition_count;
    for (unsigned i = 0; i < 200; i++) {
        double level = (low + high) / 2;
        *(all_take(view, level) < wanted ? &low : &high) = level;
    }
    for (uint32_t k = 0; k < view->racks; k++) {
        double rack_low = 0;
        double rack_high = high;
        if (rack_takes(view, k, high) > rack_cap(view)) {
            for (unsigned i = 0; i < 200; i++) {
                double level = (rack_low + rack_high) / 2;
                *(rack_takes(view, k, level) < rack_cap(view) ? &rack_low : &rack_high) = level;
            }
        }
        for (uint32_t i = 0; i < view->nodes; i++) {
            if (view->rack_of[i] == k)
                view->share[i] =
                    fmin(view->ring->partition_count, rack_high * view->members[i]->weight);
        }
    }
}

static struct view *view_new(const struct ring *ring, uint8_t region, uint32_t column)
{
    struct view *view = memory_new(1, sizeof *view);
    view->ring = ring;
    view->column = column;
    view->replicas = ring->regions[region].replicas;
    for (uint32_t i = 0; i < ring->member_count; i++) {
        if (ring->members[i].region == region)
            view->members[view->nodes++] = &ring->members[i];
    }
    find_racks(view);
    find_shares(view);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        for (uint32_t i = 0; i < view->replicas; i++)
            view->copies[node_at(view, p, i)]++;
    }
    return view;
}

static void check_racks(const struct view *view)
{
    for (uint32_t p = 0; p < view->ring->partition_count; p++) {
        uint32_t in_rack[RING_MEMBERS_MAX] = {0};
        for (uint32_t i = 0; i < view->replicas; i++) {
            uint32_t rack = view->rack_of[node_at(view, p, i)];
            assert_true(++in_rack[rack] <= view->rack_limit);
        }
    }
}

static void check_balance(const struct view *view, const struct planner_report *report,
                          uint8_t region)
{
    double min = INFINITY;
    double max = 0;
    for (uint32_t i = 0; i < view->nodes; i++) {
        /* A whole share must be met; bisection may miss it by a hair. */
        if (fabs(view->copies[i] - view->share[i]) >= 1 - 1e-6)
            fail_msg("node %u has %u copies, its share is %f", view->members[i]->id,
                     view->copies[i], view->share[i]);
        min = fmin(min, view->copies[i] / view->share[i]);
        max = fmax(max, view->copies[i] / view->share[i]);
    }
    assert_true(fabs(report->share_min_permille[region] - 1000 * min) < 1.001);
    assert_true(fabs(report->share_max_permille[region] - 1000 * max) < 1.001);
}

/* With k positions left, who has c copies left takes c/k of the next, up or down. */
static void check_positions(const struct view *view)
{
    uint32_t left[RING_MEMBERS_MAX];
    memcpy(left, view->copies, sizeof left);
    for (uint32_t position = 0; position < view->replicas; position++) {
        uint32_t here[RING_MEMBERS_MAX] = {0};
        uint32_t positions_left = view->replicas - position;
        for (uint32_t p = 0; p < view->ring->partition_count; p++)
            here[node_at(view, p, position)]++;
        for (uint32_t i = 0; i < view->nodes; i++) {
            assert_true(here[i] * positions_left + positions_left > left[i]);
            assert_true(here[i] * positions_left < left[i] + positions_left);
            left[i] -= here[i];
        }
    }
}

/*
 * The fewest copies that nodes must receive to have their shares, whoever owns
 * what: from the floors up, one copy at a time where it costs least.
 */
static uint32_t least_received(const struct view *view, const struct ring *before)
{
    uint32_t received = 0;
    uint32_t left = view->replicas * view->ring->partition_count;
    uint32_t free_round_ups = 0;
    for (uint32_t i = 0; i < view->nodes; i++) {
        uint32_t floor_copies = (uint32_t)floor(view->share[i] + 1e-6);
        uint32_t held = 0;
        for (uint32_t p = 0; p < view->ring->partition_count; p++)
            held += ring_owns(before, view->members[i]->id, (partition_id)p);
        left -= floor_copies;
        if (held < floor_copies)
            received += floor_copies - held;
        else if (held >= floor_copies + 1 && view->share[i] - floor_copies > 1e-6)
            free_round_ups++;
    }
    return left > free_round_ups ? received + left - free_round_ups : received;
}

static uint32_t count_rack_repeats(const struct ring *ring)
{
    uint32_t repeats = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, (partition_id)p);
        bool repeated = false;
        for (uint32_t i = 0; i < ring->owner_count; i++) {
            for (uint32_t j = i + 1; j < ring->owner_count; j++) {
                const struct ring_member *a = ring_member(ring, owners[i]);
                const struct ring_member *b = ring_member(ring, owners[j]);
                repeated |= a->region == b->region && strcmp(a->rack, b->rack) == 0;
            }
        }
        repeats += repeated;
    }
    return repeats;
}

static uint32_t find_scatter_width(const struct ring *ring)
{
    uint32_t min = UINT32_MAX;
    for (uint32_t a = 0; a < ring->member_count; a++) {
        bool owns = false;
        bool shares_with[RING_MEMBERS_MAX] = {false};
        uint32_t width = 0;
        for (uint32_t p = 0; p < ring->partition_count; p++) {
            if (!ring_owns(ring, ring->members[a].id, (partition_id)p))
                continue;
            owns = true;
            for (uint32_t i = 0; i < ring->owner_count; i++) {
                node_id id = ring_owners(ring, (partition_id)p)[i];
                shares_with[ring_member(ring, id) - ring->members] = true;
            }
        }
        for (uint32_t b = 0; b < ring->member_count; b++)
            width += b != a && shares_with[b];
        if (owns && width < min)
            min = width;
    }
    return min;
}

uint32_t count_new_copies(const struct ring *ring, const struct ring *before)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        for (uint32_t i = 0; i < ring->owner_count; i++) {
            node_id id = ring_owners(ring, (partition_id)p)[i];
            count += !ring_owns(before, id, (partition_id)p);
        }
    }
    return count;
}

void check_placement(const struct ring *ring, const struct ring *before,
                     const struct planner_report *report)
{
    char reason[RING_REASON_MAX];
    uint32_t column = 0;
    uint32_t lower_bound = 0;
    if (ring_validate(ring, reason) != STATUS_OK)
        fail_msg("%s", reason);
    for (uint8_t region = 0; region < ring->region_count; region++) {
        if (ring->regions[region].replicas == 0)
            continue;
        struct view *view = view_new(ring, region, column);
        check_racks(view);
        check_balance(view, report, region);
        check_positions(view);
        lower_bound += before == NULL ? 0 : least_received(view, before);
        column += view->replicas;
        free(view);
    }
    assert_int_equal(report->rack_repeats, count_rack_repeats(ring));
    assert_int_equal(report->scatter_width_min, find_scatter_width(ring));
    assert_int_equal(report->moves, before == NULL ? 0 : count_new_copies(ring, before));
    assert_int_equal(report->moves_lower_bound, lower_bound);
    assert_true(report->moves_lower_bound <= report->moves);
}

/*
 * Vertices of the residual network: nodes, then each partition, then each rack
 * of each partition, then the world of all shares. An edge is one change that is
 * still allowed; a cycle of negative cost is a set of changes that saves moves.
 */
struct edge {
    uint32_t from;
    uint32_t to;
    int cost;
};

struct residual {
    struct edge *edges;
    size_t count;
    size_t capacity;
};

static void add_edge(struct residual *residual, uint32_t from, uint32_t to, int cost)
{
    if (residual->count == residual->capacity) {
        residual->capacity = residual->capacity * 2 + 64;
        residual->edges =
            memory_resize(residual->edges, residual->capacity, sizeof *residual->edges);
    }
    residual->edges[residual->count++] = (struct edge){from, to, cost};
}

static void add_partition_edges(struct residual *residual, const struct view *view,
                                const struct ring *before, uint32_t p)
{
    const struct ring *ring = view->ring;
    uint32_t partition = view->nodes + p;
    uint32_t first_rack = view->nodes + ring->partition_count + p * view->racks;
    uint32_t in_rack[RING_MEMBERS_MAX] = {0};
    for (uint32_t i = 0; i < view->replicas; i++)
        in_rack[view->rack_of[node_at(view, p, i)]]++;
    for (uint32_t i = 0; i < view->nodes; i++) {
        node_id id = view->members[i]->id;
        uint32_t rack = first_rack + view->rack_of[i];
        int cost = !ring_owns(before, id, (partition_id)p);
        if (ring_owns(ring, id, (partition_id)p))
            add_edge(residual, i, rack, -cost);
        else
            add_edge(residual, rack, i, cost);
    }
    for (uint32_t k = 0; k < view->racks; k++) {
        if (in_rack[k] < view->rack_limit)
            add_edge(residual, partition, first_rack + k, 0);
        if (in_rack[k] > 0)
            add_edge(residual, first_rack + k, partition, 0);
    }
}

static void add_share_edges(struct residual *residual, const struct view *view)
{
    uint32_t world = view->nodes + view->ring->partition_count * (1 + view->racks);
    for (uint32_t i = 0; i < view->nodes; i++) {
        if (fabs(view->share[i] - round(view->share[i])) < 1e-6)
            continue; /* a whole share has no choice */
        if (view->copies[i] < view->share[i])
            add_edge(residual, i, world, 0);
        else
            add_edge(residual, world, i, 0);
    }
}

static bool has_negative_cycle(const struct residual *residual, uint32_t vertices)
{
    int *distance = memory_new(vertices, sizeof *distance); /* 0: from everywhere at once */
    bool changed = true;
    for (uint32_t round = 0; round <= vertices && changed; round++) {
        changed = false;
        for (size_t i = 0; i < residual->count; i++) {
            const struct edge *edge = &residual->edges[i];
            if (distance[edge->from] + edge->cost < distance[edge->to]) {
                distance[edge->to] = distance[edge->from] + edge->cost;
                changed = true;
            }
        }
    }
    free(distance);
    return changed;
}

void check_moves_are_fewest(const struct ring *ring, const struct ring *before)
{
    uint32_t column = 0;
    for (uint8_t region = 0; region < ring->region_count; region++) {
        if (ring->regions[region].replicas == 0)
            continue;
        struct view *view = view_new(ring, region, column);
        struct residual residual = {0};
        for (uint32_t p = 0; p < ring->partition_count; p++)
            add_partition_edges(&residual, view, before, p);
        add_share_edges(&residual, view);
        assert_false(has_negative_cycle(
            &residual, view->nodes + ring->partition_count * (1 + view->racks) + 1));
        column += view->replicas;
        free(residual.edges);
        free(view);
    }
}
