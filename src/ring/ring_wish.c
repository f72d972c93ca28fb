#include "ring/ring_wish.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- the set ---- */

void ring_wishes_deinit(struct ring_wishes *wishes)
{
    free(wishes->items);
    *wishes = (struct ring_wishes){0};
}

void ring_wishes_copy(const struct ring_wishes *from, struct ring_wishes *to)
{
    *to = (struct ring_wishes){.count = from->count};
    if (from->count > 0)
        to->items = memory_copy(from->items, from->count * sizeof *from->items);
}

static int compare(const struct ring_wish *a, const struct ring_wish *b)
{
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

const struct ring_wish *ring_wishes_find(const struct ring_wishes *wishes, node_id node,
                                         enum ring_wish_kind kind)
{
    for (uint32_t i = 0; i < wishes->count; i++)
        if (wishes->items[i].node == node && wishes->items[i].kind == kind)
            return &wishes->items[i];
    return NULL;
}

bool ring_wishes_remove(const struct ring_wishes *wishes, node_id node)
{
    return ring_wishes_find(wishes, node, RING_WISH_LEAVE) != NULL ||
           ring_wishes_find(wishes, node, RING_WISH_REPLACE) != NULL;
}

static bool excludes(const struct ring_wish *a, const struct ring_wish *b)
{
    bool both_go = a->kind <= RING_WISH_REPLACE && b->kind <= RING_WISH_REPLACE;
    return a->node == b->node && (a->kind == b->kind || both_go);
}

bool ring_wishes_put(struct ring_wishes *wishes, const struct ring_wish *wish)
{
    uint32_t kept = 0, at = 0;
    for (uint32_t i = 0; i < wishes->count; i++)
        kept += !excludes(&wishes->items[i], wish);
    if (kept == RING_WISHES_MAX)
        return false;
    struct ring_wish *items = memory_new(kept + 1u, sizeof *items);
    for (uint32_t i = 0; i < wishes->count; i++)
        if (!excludes(&wishes->items[i], wish) && compare(&wishes->items[i], wish) < 0)
            items[at++] = wishes->items[i];
    items[at++] = *wish;
    for (uint32_t i = 0; i < wishes->count; i++)
        if (!excludes(&wishes->items[i], wish) && compare(&wishes->items[i], wish) > 0)
            items[at++] = wishes->items[i];
    free(wishes->items);
    wishes->items = items;
    wishes->count = at;
    return true;
}

uint32_t ring_wishes_forget(struct ring_wishes *wishes, node_id node)
{
    uint32_t kept = 0, count = wishes->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct ring_wish *wish = &wishes->items[i];
        if (wish->node != node && (wish->kind != RING_WISH_REPLACE || wish->by != node))
            wishes->items[kept++] = *wish;
    }
    wishes->count = kept;
    if (kept == 0)
        ring_wishes_deinit(wishes);
    return count - kept;
}

/* ---- whether it can be ---- */

static bool owns_anything(const struct ring *ring, node_id node)
{
    for (uint32_t p = 0; p < ring->partition_count; p++)
        if (ring_owns(ring, node, (partition_id)p))
            return true;
    return false;
}

static enum status check_replacement(const struct ring *ring, const struct ring_member *member,
                                     node_id by, char reason[RING_REASON_MAX])
{
    const struct ring_member *other = ring_member(ring, by);
    if (other == NULL)
        return ring_refuse(STATUS_INVALID, reason, "node %u is no member: let it join first", by);
    if (other->role == MEMBER_GATEWAY)
        return ring_refuse(STATUS_INVALID, reason, "node %u is a gateway and stores nothing", by);
    if (other->region != member->region)
        return ring_refuse(STATUS_INVALID, reason, "node %u is in another region than node %u", by,
                           member->id);
    if (owns_anything(ring, by))
        return ring_refuse(STATUS_INVALID, reason,
                           "node %u owns partitions already; let node %u leave instead", by,
                           member->id);
    return STATUS_OK;
}

enum status ring_wish_check(const struct ring *ring, const struct ring_wish *wish,
                            char reason[RING_REASON_MAX])
{
    const struct ring_member *member = ring_member(ring, wish->node);
    if (wish->kind == RING_WISH_REPEAT_RACKS)
        return STATUS_OK;
    if (member == NULL)
        return ring_refuse(STATUS_INVALID, reason, "node %u is no member%s", wish->node,
                           ring_is_fenced(ring, wish->node) ? ": it has left" : "");
    if (member->role == MEMBER_GATEWAY)
        return ring_refuse(STATUS_INVALID, reason, "node %u is a gateway and stores nothing",
                           wish->node);
    if (wish->kind <= RING_WISH_REPLACE && member->role == MEMBER_JOINING)
        return ring_refuse(STATUS_INVALID, reason,
                           "node %u is joining and owns nothing: remove it at once instead",
                           member->id);
    switch ((enum ring_wish_kind)wish->kind) {
    case RING_WISH_REPLACE:
        return check_replacement(ring, member, wish->by, reason);
    case RING_WISH_WEIGHT:
        if (wish->weight == 0 || wish->weight > RING_WEIGHT_MAX)
            return ring_refuse(STATUS_INVALID, reason, "a weight is 1 to %d", RING_WEIGHT_MAX);
        break;
    case RING_WISH_RACK:
        if (!ring_name_is_valid(wish->rack))
            return ring_refuse(STATUS_INVALID, reason,
                               "the name of a rack is 1 to %d characters of a-z 0-9 _ -",
                               RING_NAME_MAX);
        break;
    case RING_WISH_LEAVE:
    case RING_WISH_REPEAT_RACKS:
        break;
    }
    return STATUS_OK;
}

/* ---- bytes ---- */

void ring_wish_encode(const struct ring_wish *wish, struct buffer *out)
{
    buffer_put_varint(out, wish->node);
    buffer_put_u8(out, wish->kind);
    if (wish->kind == RING_WISH_REPLACE)
        buffer_put_varint(out, wish->by);
    else if (wish->kind == RING_WISH_WEIGHT)
        buffer_put_varint(out, wish->weight);
    else if (wish->kind == RING_WISH_RACK)
        buffer_put_bytes(out, slice_text(wish->rack));
}

void ring_wish_decode(struct reader *reader, struct ring_wish *out)
{
    *out = (struct ring_wish){.node = (node_id)reader_varint_max(reader, UINT32_MAX)};
    out->kind = reader_u8(reader);
    if (out->kind < RING_WISH_LEAVE || out->kind > RING_WISH_REPEAT_RACKS ||
        (out->node == 0) != (out->kind == RING_WISH_REPEAT_RACKS))
        reader->failed = true;
    if (out->kind == RING_WISH_REPLACE) {
        out->by = (node_id)reader_varint_max(reader, UINT32_MAX);
    } else if (out->kind == RING_WISH_WEIGHT) {
        out->weight = (uint32_t)reader_varint_max(reader, RING_WEIGHT_MAX);
        if (out->weight == 0)
            reader->failed = true;
    } else if (out->kind == RING_WISH_RACK) {
        struct slice rack = reader_bytes(reader);
        if (rack.length <= RING_NAME_MAX && !reader->failed)
            memcpy(out->rack, rack.data, rack.length);
        if (strlen(out->rack) != rack.length || !ring_name_is_valid(out->rack))
            reader->failed = true;
    }
}

void ring_wishes_encode(const struct ring_wishes *wishes, struct buffer *out)
{
    for (uint32_t i = 0; i < wishes->count; i++)
        ring_wish_encode(&wishes->items[i], out);
}

enum status ring_wishes_decode(struct slice bytes, struct ring_wishes *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct ring_wishes){0};
    while (!reader.failed && reader_left(&reader) > 0) {
        struct ring_wish wish;
        uint32_t count = out->count;
        ring_wish_decode(&reader, &wish);
        bool follows = count == 0 || compare(&out->items[count - 1], &wish) < 0;
        if (reader.failed || !follows || !ring_wishes_put(out, &wish) || out->count != count + 1)
            reader.failed = true;
    }
    if (!reader.failed)
        return STATUS_OK;
    ring_wishes_deinit(out);
    return STATUS_CORRUPT;
}
