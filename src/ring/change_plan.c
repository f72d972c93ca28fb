/*
 * change_plan.c - the planner's table, seen as a change.
 *
 * The planner is given two rings: one as it would be with all wishes, from which those that leave
 * are gone, and today's, in which whoever is replaced has the id of the node that takes its place.
 */
#include "ring/change_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/transition.h"

static size_t table_size(const struct ring *ring)
{
    return (size_t)ring->partition_count * ring->owner_count;
}

static const node_id *row_of(const struct ring *ring, const node_id *table, uint32_t partition)
{
    return table + (size_t)partition * ring->owner_count;
}

const node_id *change_plan_owners(const struct ring *ring, const struct change_plan *plan,
                                  partition_id partition)
{
    return row_of(ring, plan->owners, partition);
}

static bool is_in(const struct ring *ring, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

/* ---- the two rings of the planner ---- */

static enum status check_wishes(const struct ring *ring, const struct ring_wishes *wishes,
                                char reason[RING_REASON_MAX])
{
    for (uint32_t i = 0; i < wishes->count; i++) {
        const struct ring_wish *wish = &wishes->items[i];
        if (ring_wish_check(ring, wish, reason) != STATUS_OK)
            return STATUS_INVALID;
        if (wish->kind != RING_WISH_REPLACE)
            continue;
        if (ring_wishes_remove(wishes, wish->by))
            return ring_refuse(STATUS_INVALID, reason, "node %u is to replace node %u and to leave",
                               wish->by, wish->node);
        for (uint32_t j = 0; j < i; j++)
            if (wishes->items[j].kind == RING_WISH_REPLACE && wishes->items[j].by == wish->by)
                return ring_refuse(STATUS_INVALID, reason, "node %u is to replace two nodes",
                                   wish->by);
    }
    return STATUS_OK;
}

/* The ring as it would be: without who goes, and without owners. */
static struct ring *make_wished(const struct ring *ring, const struct ring_wishes *wishes)
{
    struct ring *wished = ring_copy(ring);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < wished->member_count; i++) {
        struct ring_member member = wished->members[i];
        const struct ring_wish *weight = ring_wishes_find(wishes, member.id, RING_WISH_WEIGHT);
        const struct ring_wish *rack = ring_wishes_find(wishes, member.id, RING_WISH_RACK);
        if (ring_wishes_remove(wishes, member.id))
            continue;
        if (weight != NULL)
            member.weight = weight->weight;
        if (rack != NULL)
            memcpy(member.rack, rack->rack, sizeof member.rack);
        if (member.role == MEMBER_JOINING)
            member.role = MEMBER_DATA;
        wished->members[kept++] = member;
    }
    wished->member_count = kept;
    return wished;
}

static struct ring *make_renamed(const struct ring *ring, const struct ring_wishes *wishes)
{
    struct ring *renamed = ring_copy(ring);
    for (uint32_t i = 0; i < wishes->count; i++) {
        const struct ring_wish *wish = &wishes->items[i];
        for (size_t at = 0; wish->kind == RING_WISH_REPLACE && at < table_size(ring); at++)
            if (renamed->owners[at] == wish->node)
                renamed->owners[at] = wish->by;
    }
    return renamed;
}

/* Who own something today, and nobody else. */
static struct ring *make_today(const struct ring *ring)
{
    struct ring *today = ring_copy(ring);
    uint16_t kept = 0;
    for (uint16_t i = 0; i < today->member_count; i++) {
        bool owns = false;
        for (uint32_t p = 0; p < ring->partition_count && !owns; p++)
            owns = ring_owns(ring, ring->members[i].id, (partition_id)p);
        if (owns)
            today->members[kept++] = today->members[i];
    }
    today->member_count = kept;
    return today;
}

/* ---- racks ---- */

static enum status check_racks(const struct ring *today, const struct ring *wished,
                               char reason[RING_REASON_MAX])
{
    for (uint8_t region = 0; region < wished->region_count; region++) {
        uint32_t before = planner_rack_limit(today, region);
        uint32_t after = planner_rack_limit(wished, region);
        if (after > before)
            return ring_refuse(
                STATUS_INFEASIBLE, reason,
                "up to %u copies of a partition would stand in one rack of region %s, "
                "where %u can today: add nodes in other racks, or accept it with "
                "--repeat-racks",
                after, wished->regions[region].name, before);
    }
    return STATUS_OK;
}

/* What `rack` of `region` leaves of a row: less than a majority, of all or of its region? */
static bool loses_majority(const struct ring *ring, const node_id *row, uint8_t region,
                           const char *rack)
{
    uint8_t left = 0, left_in_region = 0;
    for (uint8_t i = 0; i < ring->owner_count; i++) {
        const struct ring_member *member = ring_member(ring, row[i]);
        bool lost = member->region == region && strcmp(member->rack, rack) == 0;
        left = (uint8_t)(left + !lost);
        left_in_region = (uint8_t)(left_in_region + (member->region == region && !lost));
    }
    uint8_t replicas = ring->regions[region].replicas;
    return left < ring->owner_count / 2 + 1 || (replicas > 0 && left_in_region < replicas / 2 + 1);
}

static struct change_plan_rack lose_rack(const struct ring *ring, const struct change_plan *plan,
                                         const struct ring_member *in_it)
{
    struct change_plan_rack rack = {.region = in_it->region};
    memcpy(rack.name, in_it->rack, sizeof rack.name);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *old = row_of(ring, ring->owners, p);
        const node_id *new = row_of(ring, plan->owners, p);
        bool before = loses_majority(ring, old, rack.region, rack.name);
        bool after = loses_majority(ring, new, rack.region, rack.name);
        rack.before += before;
        rack.after += after;
        rack.during += before || after;
    }
    return rack;
}

/* `ring` has the racks that are wished. */
static void find_worst_rack(const struct ring *ring, struct change_plan *plan)
{
    for (uint16_t i = 0; i < plan->node_count; i++) {
        const struct ring_member *member = ring_member(ring, plan->nodes[i].id);
        bool is_first = true;
        for (uint16_t j = 0; j < i && is_first; j++) {
            const struct ring_member *other = ring_member(ring, plan->nodes[j].id);
            is_first = other->region != member->region || strcmp(other->rack, member->rack) != 0;
        }
        if (!is_first)
            continue;
        struct change_plan_rack rack = lose_rack(ring, plan, member);
        if (plan->worst.name[0] == '\0' || rack.during > plan->worst.during)
            plan->worst = rack;
    }
}

/* ---- what changes ---- */

static bool is_same_set(const struct ring *ring, const node_id *a, const node_id *b)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (!is_in(ring, b, a[i]))
            return false;
    return true;
}

/* Rows of the same owners keep their order; the others are noted. */
static void find_changed(const struct ring *ring, struct change_plan *plan)
{
    plan->changed = memory_new(ring->partition_count, sizeof *plan->changed);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        node_id *new = plan->owners + (size_t)p * ring->owner_count;
        const node_id *old = row_of(ring, ring->owners, p);
        if (is_same_set(ring, old, new))
            memcpy(new, old, ring->owner_count * sizeof *new);
        else
            plan->changed[plan->changed_count++] = (partition_id)p;
    }
}

static struct change_plan_node count_node(const struct ring *ring, const struct change_plan *plan,
                                          const struct ring_wishes *wishes, node_id id)
{
    struct change_plan_node node = {.id = id, .leaves = ring_wishes_remove(wishes, id)};
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        bool before = is_in(ring, row_of(ring, ring->owners, p), id);
        bool after = is_in(ring, row_of(ring, plan->owners, p), id);
        node.before += before;
        node.after += after;
        node.in += after && !before;
        node.out += before && !after;
    }
    node.joins = node.before == 0 && node.after > 0;
    return node;
}

static void count_nodes(const struct ring *ring, const struct ring_wishes *wishes,
                        struct change_plan *plan)
{
    plan->nodes = memory_new(ring->member_count, sizeof *plan->nodes);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        struct change_plan_node node = count_node(ring, plan, wishes, ring->members[i].id);
        plan->moves += node.in;
        if (node.before > 0 || node.after > 0)
            plan->nodes[plan->node_count++] = node;
    }
}

static enum status check_rows(const struct ring *ring, const struct change_plan *plan,
                              char reason[RING_REASON_MAX])
{
    for (uint32_t i = 0; i < plan->changed_count; i++) {
        partition_id p = plan->changed[i];
        unsigned joining = 0;
        for (uint8_t k = 0; k < ring->owner_count; k++)
            joining += !ring_owns(ring, change_plan_owners(ring, plan, p)[k], p);
        if (joining > RING_JOINING_MAX)
            return ring_refuse(
                STATUS_INFEASIBLE, reason,
                "partition %u would get %u owners at once, and %d is the most: change "
                "fewer nodes at a time",
                p, joining, RING_JOINING_MAX);
    }
    return STATUS_OK;
}

/* ---- the id ---- */

static void put_member(const struct ring_member *member, struct buffer *out)
{
    buffer_put_varint(out, member->id);
    buffer_put_varint(out, member->storage_incarnation);
    buffer_put_u8(out, member->role);
    buffer_put_u8(out, member->region);
    buffer_put_varint(out, member->weight);
    buffer_put_bytes(out, slice_text(member->rack));
}

static void put_table(const node_id *table, size_t size, struct buffer *out)
{
    for (size_t i = 0; i < size; i++)
        buffer_put_varint(out, table[i]);
}

static uint64_t make_id(const struct ring *ring, const struct ring_wishes *wishes,
                        const node_id *owners)
{
    struct buffer bytes = {0}, part = {0};
    buffer_append(&bytes, ring->cluster_id, sizeof ring->cluster_id);
    buffer_put_varint(&bytes, ring->generation);
    buffer_put_varint(&bytes, ring->tag.epoch);
    buffer_put_varint(&bytes, ring->partition_count);
    for (uint8_t i = 0; i < ring->region_count; i++) {
        buffer_put_bytes(&bytes, slice_text(ring->regions[i].name));
        buffer_put_u8(&bytes, ring->regions[i].replicas);
    }
    buffer_put_varint(&bytes, ring->member_count);
    for (uint16_t i = 0; i < ring->member_count; i++)
        put_member(&ring->members[i], &bytes);
    put_table(ring->owners, table_size(ring), &bytes);
    ring_transitions_encode(ring, &part);
    buffer_put_bytes(&bytes, buffer_slice(&part));
    buffer_clear(&part);
    ring_wishes_encode(wishes, &part);
    buffer_put_bytes(&bytes, buffer_slice(&part));
    put_table(owners, table_size(ring), &bytes);
    uint64_t id = hash64(buffer_slice(&bytes), 0);
    buffer_deinit(&bytes);
    buffer_deinit(&part);
    return id == 0 ? 1 : id;
}

/* ---- all of it ---- */

static enum status place(const struct ring *ring, const struct ring_wishes *wishes,
                         struct ring *wished, struct change_plan *out, char reason[RING_REASON_MAX])
{
    struct ring *renamed = make_renamed(ring, wishes);
    enum status status = planner_place(wished, renamed, &out->report);
    ring_free(renamed);
    memcpy(reason, out->report.reason, sizeof out->report.reason);
    if (status != STATUS_OK)
        return status;
    out->owners = memory_copy(wished->owners, table_size(ring) * sizeof *wished->owners);
    out->moves_lower_bound = planner_moves_lower_bound(wished, ring);
    struct ring *today = make_today(ring);
    if (ring_wishes_find(wishes, 0, RING_WISH_REPEAT_RACKS) == NULL)
        status = check_racks(today, wished, reason);
    ring_free(today);
    return status;
}

/* The racks that are wished, with all members of today in them. */
static struct ring *make_with_all(const struct ring *ring, const struct ring *wished)
{
    struct ring *all = ring_copy(ring);
    for (uint16_t i = 0; i < all->member_count; i++) {
        const struct ring_member *member = ring_member(wished, all->members[i].id);
        if (member != NULL)
            all->members[i] = *member;
    }
    return all;
}

static enum status follow_table(const struct ring *ring, const struct ring_wishes *wishes,
                                const struct ring *wished, struct change_plan *out,
                                char reason[RING_REASON_MAX])
{
    find_changed(ring, out);
    count_nodes(ring, wishes, out);
    if (out->changed_count == 0 && wishes->count == 0)
        return ring_refuse(STATUS_INVALID, reason,
                           "nothing would change: every node that stores data has its share");
    struct ring *all = make_with_all(ring, wished);
    find_worst_rack(all, out);
    ring_free(all);
    out->id = make_id(ring, wishes, out->owners);
    return check_rows(ring, out, reason);
}

enum status change_plan_make(const struct ring *ring, const struct ring_wishes *wishes,
                             struct change_plan *out, char reason[RING_REASON_MAX])
{
    *out = (struct change_plan){0};
    if (ring->transition_count > 0)
        return ring_refuse(
            STATUS_INVALID, reason,
            "%u partitions are on their way to other owners: wait until they are there, "
            "or abort",
            ring->transition_count);
    enum status status = check_wishes(ring, wishes, reason);
    if (status != STATUS_OK)
        return status;
    struct ring *wished = make_wished(ring, wishes);
    status = place(ring, wishes, wished, out, reason);
    if (status == STATUS_OK)
        status = follow_table(ring, wishes, wished, out, reason);
    ring_free(wished);
    if (status != STATUS_OK)
        change_plan_deinit(out);
    return status;
}

void change_plan_deinit(struct change_plan *plan)
{
    free(plan->owners);
    free(plan->changed);
    free(plan->nodes);
    *plan = (struct change_plan){0};
}
