#include "ring/transition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- what there is ---- */

/* The place of the partition's transition, or the one where it would be. */
static uint32_t find(const struct ring *ring, partition_id partition)
{
    uint32_t low = 0, high = ring->transition_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (ring->transitions[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct ring_transition *ring_transition(const struct ring *ring, partition_id partition)
{
    uint32_t at = find(ring, partition);
    bool found = at < ring->transition_count && ring->transitions[at].partition == partition;
    return found ? &ring->transitions[at] : NULL;
}

struct ring_tag ring_tag_of(const struct ring *ring, partition_id partition)
{
    const struct ring_transition *transition = ring_transition(ring, partition);
    assert(partition < ring->partition_count);
    return (struct ring_tag){
        .epoch = ring->epochs != NULL ? ring->epochs[partition] : ring->tag.epoch,
        .phase = transition != NULL ? transition->phase : (uint8_t)RING_STABLE};
}

const node_id *ring_coming_owners(const struct ring *ring, partition_id partition)
{
    const struct ring_transition *transition = ring_transition(ring, partition);
    return transition != NULL ? transition->owners : ring_owners(ring, partition);
}

const node_id *ring_read_owners(const struct ring *ring, partition_id partition)
{
    const struct ring_transition *transition = ring_transition(ring, partition);
    bool switched = transition != NULL && transition->phase == RING_SWITCHED;
    return switched ? transition->owners : ring_owners(ring, partition);
}

static bool is_in(const node_id *row, unsigned count, node_id node)
{
    for (unsigned i = 0; i < count; i++)
        if (row[i] == node)
            return true;
    return false;
}

static bool is_coming(const struct ring *ring, node_id node, partition_id partition)
{
    return is_in(ring_coming_owners(ring, partition), ring->owner_count, node);
}

uint8_t ring_replicas(const struct ring *ring, partition_id partition,
                      node_id out[RING_REPLICAS_MAX])
{
    const node_id *coming = ring_coming_owners(ring, partition);
    uint8_t count = ring->owner_count;
    memcpy(out, ring_owners(ring, partition), count * sizeof *out);
    for (unsigned i = 0; i < ring->owner_count; i++)
        if (!is_in(out, ring->owner_count, coming[i]))
            out[count++] = coming[i];
    return count;
}

bool ring_replicates(const struct ring *ring, node_id node, partition_id partition)
{
    return ring_owns(ring, node, partition) || is_coming(ring, node, partition);
}

bool ring_is_read(const struct ring *ring, node_id node, partition_id partition)
{
    return is_in(ring_read_owners(ring, partition), ring->owner_count, node);
}

bool ring_joins(const struct ring *ring, node_id node, partition_id partition)
{
    return !ring_owns(ring, node, partition) && is_coming(ring, node, partition);
}

bool ring_leaves(const struct ring *ring, node_id node, partition_id partition)
{
    return ring_owns(ring, node, partition) && !is_coming(ring, node, partition);
}

bool ring_is_lost(const struct ring *ring, node_id node, partition_id partition)
{
    const struct ring_transition *transition = ring_transition(ring, partition);
    return transition != NULL && is_in(transition->lost, transition->lost_count, node);
}

/* ---- what it becomes ---- */

void ring_set_epoch(struct ring *ring, partition_id partition, uint32_t epoch)
{
    assert(partition < ring->partition_count);
    assert(epoch >= ring->tag.epoch);
    if (ring->epochs == NULL) {
        ring->epochs = memory_new(ring->partition_count, sizeof *ring->epochs);
        for (uint32_t p = 0; p < ring->partition_count; p++)
            ring->epochs[p] = ring->tag.epoch;
    }
    ring->epochs[partition] = epoch;
}

struct ring_transition *ring_add_transition(struct ring *ring, partition_id partition)
{
    uint32_t at = find(ring, partition);
    assert(ring_transition(ring, partition) == NULL);
    ring->transitions =
        memory_resize(ring->transitions, ring->transition_count + 1u, sizeof *ring->transitions);
    struct ring_transition *transition = &ring->transitions[at];
    memmove(transition + 1, transition, (ring->transition_count - at) * sizeof *transition);
    ring->transition_count++;
    *transition = (struct ring_transition){.partition = partition, .phase = RING_JOINT};
    memcpy(transition->owners, ring_owners(ring, partition),
           ring->owner_count * sizeof transition->owners[0]);
    return transition;
}

void ring_remove_transition(struct ring *ring, partition_id partition)
{
    uint32_t at = find(ring, partition);
    assert(ring_transition(ring, partition) != NULL);
    ring->transition_count--;
    memmove(&ring->transitions[at], &ring->transitions[at + 1],
            (ring->transition_count - at) * sizeof *ring->transitions);
}

bool ring_has_moved(const struct ring *ring)
{
    bool moved = ring->transition_count > 0;
    for (uint32_t p = 0; !moved && ring->epochs != NULL && p < ring->partition_count; p++)
        moved = ring->epochs[p] != ring->tag.epoch;
    return moved;
}

bool ring_placement_follows(const struct ring *later, const struct ring *ring)
{
    size_t row_bytes = ring->owner_count * sizeof *ring->owners;
    for (uint32_t i = 0; i < ring->partition_count; i++) {
        partition_id p = (partition_id)i;
        int order = ring_tag_compare(ring_tag_of(later, p), ring_tag_of(ring, p));
        bool same =
            memcmp(ring_owners(later, p), ring_owners(ring, p), row_bytes) == 0 &&
            memcmp(ring_coming_owners(later, p), ring_coming_owners(ring, p), row_bytes) == 0;
        if (order < 0 || (order == 0 && !same))
            return false;
    }
    return true;
}

static bool same_placement(const struct ring *a, const struct ring *b)
{
    struct buffer of_a = {0}, of_b = {0};
    size_t table_bytes = (size_t)a->partition_count * a->owner_count * sizeof *a->owners;
    ring_transitions_encode(a, &of_a);
    ring_transitions_encode(b, &of_b);
    bool same = memcmp(a->owners, b->owners, table_bytes) == 0 &&
                slice_equal(buffer_slice(&of_a), buffer_slice(&of_b));
    buffer_deinit(&of_a);
    buffer_deinit(&of_b);
    return same;
}

bool ring_take_placement(struct ring *ring, const struct ring *agreed)
{
    assert(ring->partition_count == agreed->partition_count);
    assert(ring->owner_count == agreed->owner_count);
    if (same_placement(ring, agreed))
        return false;
    struct ring *copy = ring_copy(agreed);
    free(ring->owners);
    free(ring->epochs);
    free(ring->transitions);
    ring->owners = copy->owners;
    ring->epochs = copy->epochs;
    ring->transitions = copy->transitions;
    ring->transition_count = copy->transition_count;
    copy->owners = NULL;
    copy->epochs = NULL;
    copy->transitions = NULL;
    ring_free(copy);
    return true;
}

/* ---- rules ---- */

static enum status check_lost(const struct ring *ring, const struct ring_transition *transition,
                              char reason[RING_REASON_MAX])
{
    node_id above = 0;
    if (transition->lost_count > RING_REPLICAS_MAX)
        return ring_refuse(STATUS_INVALID, reason, "partition %u has lost more stores than it can",
                           transition->partition);
    for (uint8_t i = 0; i < transition->lost_count; i++) {
        if (transition->lost[i] <= above ||
            !ring_replicates(ring, transition->lost[i], transition->partition))
            return ring_refuse(STATUS_INVALID, reason,
                               "partition %u has lost a store of node %u, where it cannot be",
                               transition->partition, transition->lost[i]);
        above = transition->lost[i];
    }
    return STATUS_OK;
}

static enum status check_transition(const struct ring *ring,
                                    const struct ring_transition *transition,
                                    char reason[RING_REASON_MAX])
{
    unsigned joining = 0;
    for (unsigned i = 0; i < ring->owner_count; i++)
        joining += !ring_owns(ring, transition->owners[i], transition->partition);
    if (transition->phase != RING_JOINT && transition->phase != RING_SWITCHED)
        return ring_refuse(STATUS_INVALID, reason, "partition %u moves in no phase that there is",
                           transition->partition);
    if (joining == 0)
        return ring_refuse(STATUS_INVALID, reason,
                           "partition %u moves to those that own it already",
                           transition->partition);
    if (joining > RING_JOINING_MAX)
        return ring_refuse(STATUS_INVALID, reason,
                           "partition %u would get %u owners at once: move at most %d at a time",
                           transition->partition, joining, RING_JOINING_MAX);
    return check_lost(ring, transition, reason);
}

enum status ring_validate_transitions(const struct ring *ring, char reason[RING_REASON_MAX])
{
    enum status status = STATUS_OK;
    for (uint32_t p = 0; ring->epochs != NULL && p < ring->partition_count; p++)
        if (ring->epochs[p] < ring->tag.epoch)
            return ring_refuse(STATUS_INVALID, reason,
                               "partition %u has an epoch before that of the ring", p);
    for (uint32_t i = 0; i < ring->transition_count && status == STATUS_OK; i++) {
        const struct ring_transition *transition = &ring->transitions[i];
        if (transition->partition >= ring->partition_count ||
            (i > 0 && transition->partition <= ring->transitions[i - 1].partition))
            return ring_refuse(STATUS_INVALID, reason, "partition %u moves out of its turn",
                               transition->partition);
        status = ring_validate_row(ring, transition->partition, transition->owners, reason);
        if (status == STATUS_OK)
            status = check_transition(ring, transition, reason);
    }
    return status;
}

/* ---- bytes ---- */

static bool has_own_epoch(const struct ring *ring, uint32_t partition)
{
    return ring->epochs != NULL && ring->epochs[partition] != ring->tag.epoch;
}

static void put_member(const struct ring *ring, node_id node, struct buffer *out)
{
    buffer_put_varint(out, (uint64_t)(ring_member(ring, node) - ring->members));
}

void ring_transitions_encode(const struct ring *ring, struct buffer *out)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++)
        count += has_own_epoch(ring, p);
    if (count == 0 && ring->transition_count == 0)
        return;
    buffer_put_varint(out, count);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        if (!has_own_epoch(ring, p))
            continue;
        buffer_put_varint(out, p);
        buffer_put_varint(out, ring->epochs[p] - ring->tag.epoch);
    }
    buffer_put_varint(out, ring->transition_count);
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        const struct ring_transition *transition = &ring->transitions[i];
        buffer_put_varint(out, transition->partition);
        buffer_put_u8(out, transition->phase);
        for (uint8_t owner = 0; owner < ring->owner_count; owner++)
            put_member(ring, transition->owners[owner], out);
        buffer_put_u8(out, transition->lost_count);
        for (uint8_t lost = 0; lost < transition->lost_count; lost++)
            put_member(ring, transition->lost[lost], out);
    }
}

static void read_epochs(struct reader *reader, struct ring *ring)
{
    uint64_t count = reader_varint_max(reader, ring->partition_count);
    uint64_t from = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        uint64_t partition = reader_varint_max(reader, ring->partition_count - 1);
        uint64_t beyond = reader_varint_max(reader, UINT32_MAX - ring->tag.epoch);
        if (reader->failed || partition < from || beyond == 0) {
            reader->failed = true;
            return;
        }
        ring_set_epoch(ring, (partition_id)partition, ring->tag.epoch + (uint32_t)beyond);
        from = partition + 1;
    }
}

static node_id read_member(struct reader *reader, const struct ring *ring)
{
    uint64_t index = reader_varint_max(reader, ring->member_count - 1u);
    return reader->failed ? 0 : ring->members[index].id;
}

static void read_transitions(struct reader *reader, struct ring *ring)
{
    uint64_t count = reader_varint_max(reader, ring->partition_count);
    uint64_t from = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        uint64_t partition = reader_varint_max(reader, ring->partition_count - 1);
        if (reader->failed || partition < from) {
            reader->failed = true;
            return;
        }
        struct ring_transition *transition = ring_add_transition(ring, (partition_id)partition);
        transition->phase = reader_u8(reader);
        for (uint8_t owner = 0; owner < ring->owner_count; owner++)
            transition->owners[owner] = read_member(reader, ring);
        transition->lost_count = reader_u8(reader);
        if (transition->lost_count > RING_REPLICAS_MAX)
            reader->failed = true;
        for (uint8_t lost = 0; lost < transition->lost_count && !reader->failed; lost++)
            transition->lost[lost] = read_member(reader, ring);
        from = partition + 1;
    }
}

static void forget(struct ring *ring)
{
    free(ring->epochs);
    free(ring->transitions);
    ring->epochs = NULL;
    ring->transitions = NULL;
    ring->transition_count = 0;
}

enum status ring_transitions_decode(struct slice bytes, struct ring *ring)
{
    char reason[RING_REASON_MAX];
    struct ring *read = ring_copy(ring);
    struct reader reader = reader_make(bytes);
    assert(ring->members != NULL && ring->owners != NULL);
    forget(read);
    read_epochs(&reader, read);
    read_transitions(&reader, read);
    bool whole = reader_end(&reader) == STATUS_OK &&
                 (read->epochs != NULL || read->transition_count > 0) &&
                 ring_validate_transitions(read, reason) == STATUS_OK;
    if (whole) {
        forget(ring);
        ring->epochs = read->epochs;
        ring->transitions = read->transitions;
        ring->transition_count = read->transition_count;
        read->epochs = NULL;
        read->transitions = NULL;
    }
    ring_free(read);
    return whole ? STATUS_OK : STATUS_CORRUPT;
}
