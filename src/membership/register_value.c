#include "membership/register_value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/transition.h"

enum { FORMAT_VERSION = 1, FORMAT_VERSION_SECTIONS = 2, CHECKSUM_BYTES = 8 };

enum section_kind {
    SECTION_USERS = 2,
    SECTION_TRANSITIONS = 3,
    SECTION_STAGED = 4,
    SECTION_WORK = 5,
    SECTION_TASKS = 6
};

/* About the ring, which is read last. */
struct late_sections {
    struct slice transitions, work;
};

/* ---- stewards ---- */

int steward_set_find(const struct steward_set *set, node_id node, uint16_t incarnation)
{
    for (int i = 0; i < set->count; i++)
        if (set->items[i].node == node && set->items[i].incarnation == incarnation)
            return i;
    return -1;
}

bool steward_set_has_node(const struct steward_set *set, node_id node)
{
    for (int i = 0; i < set->count; i++)
        if (set->items[i].node == node)
            return true;
    return false;
}

static void add_steward(struct steward_set *set, const struct ring_member *member)
{
    int at = set->count++;
    for (; at > 0 && set->items[at - 1].node > member->id; at--)
        set->items[at] = set->items[at - 1];
    set->items[at] =
        (struct steward){.node = member->id, .incarnation = member->storage_incarnation};
}

/* How crowded the place of `member` is: stewards in its region, then in its rack there. */
static unsigned crowd(const struct ring *ring, const struct steward_set *set,
                      const struct ring_member *member)
{
    unsigned region = 0, rack = 0;
    for (int i = 0; i < set->count; i++) {
        const struct ring_member *other = ring_member(ring, set->items[i].node);
        if (other->region != member->region)
            continue;
        region++;
        rack += strcmp(other->rack, member->rack) == 0;
    }
    return region * (REGISTER_STEWARDS_MAX + 1) + rack;
}

node_id register_value_next_steward(const struct register_value *value, node_id leaver,
                                    bool (*may)(const void *context, node_id node),
                                    const void *context)
{
    const struct ring *ring = value->ring;
    struct steward_set others = {0};
    const struct ring_member *best = NULL;
    for (uint8_t i = 0; i < value->stewards.count; i++)
        if (value->stewards.items[i].node != leaver)
            others.items[others.count++] = value->stewards.items[i];
    for (uint16_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (!steward_set_has_node(&value->stewards, member->id) && may(context, member->id) &&
            (best == NULL || crowd(ring, &others, member) < crowd(ring, &others, best)))
            best = member;
    }
    return best == NULL ? 0 : best->id;
}

/* One after the other, each where fewest are already; of equal places the lowest id. */
static void pick_stewards(const struct ring *ring, struct steward_set *out)
{
    unsigned wanted = ring->member_count >= REGISTER_STEWARDS ? REGISTER_STEWARDS
                      : ring->member_count >= 3               ? 3
                                                              : ring->member_count;
    *out = (struct steward_set){0};
    while (out->count < wanted) {
        const struct ring_member *best = NULL;
        for (uint16_t i = 0; i < ring->member_count; i++) {
            const struct ring_member *member = &ring->members[i];
            if (!steward_set_has_node(out, member->id) &&
                (best == NULL || crowd(ring, out, member) < crowd(ring, out, best)))
                best = member;
        }
        add_steward(out, best);
    }
}

/* ---- life ---- */

struct register_value *register_value_first(const struct ring *ring)
{
    struct register_value *value = memory_new(1, sizeof *value);
    value->ring = ring_copy(ring);
    pick_stewards(ring, &value->stewards);
    return value;
}

struct register_value *register_value_copy(const struct register_value *value)
{
    struct register_value *copy = memory_copy(value, sizeof *value);
    copy->ring = ring_copy(value->ring);
    user_set_copy(&value->users, &copy->users);
    ring_wishes_copy(&value->staged, &copy->staged);
    ring_work_copy(&value->work, &copy->work);
    return copy;
}

void register_value_free(struct register_value *value)
{
    if (value == NULL)
        return;
    ring_free(value->ring);
    user_set_deinit(&value->users);
    ring_wishes_deinit(&value->staged);
    ring_work_deinit(&value->work);
    free(value);
}

/* What never changes within a generation: else keys would be looked for elsewhere. */
static bool has_shape(const struct ring *ring, const struct ring *agreed)
{
    return ring_tag_compare(agreed->tag, ring->tag) == 0 && agreed->seed == ring->seed &&
           memcmp(agreed->secret, ring->secret, sizeof ring->secret) == 0 &&
           agreed->partition_count == ring->partition_count &&
           agreed->owner_count == ring->owner_count && agreed->region_count == ring->region_count &&
           memcmp(agreed->regions, ring->regions, sizeof ring->regions) == 0;
}

bool register_value_apply(const struct register_value *value, struct ring *ring, bool *moved)
{
    const struct ring *agreed = value->ring;
    *moved = false;
    if (!has_shape(ring, agreed) ||
        (agreed->generation == ring->generation && !ring_placement_follows(agreed, ring)))
        return false;
    *moved = ring_take_placement(ring, agreed);
    free(ring->members);
    ring->members = memory_copy(agreed->members, agreed->member_count * sizeof *agreed->members);
    ring->member_count = agreed->member_count;
    ring->last_id = agreed->last_id;
    ring->keyspace_count = value->ring->keyspace_count;
    memcpy(ring->keyspaces, value->ring->keyspaces, sizeof ring->keyspaces);
    memcpy(ring->keyspace_drops, value->ring->keyspace_drops, sizeof ring->keyspace_drops);
    return true;
}

int register_value_compare(const struct register_value *a, const struct register_value *b)
{
    if (a->ring->generation != b->ring->generation)
        return a->ring->generation < b->ring->generation ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

bool register_value_holds(const struct register_value *value, struct ballot change)
{
    for (uint8_t i = 0; i < value->change_count; i++)
        if (ballot_compare(value->changes[i], change) == 0)
            return true;
    return false;
}

void register_value_note(struct register_value *value, struct ballot change)
{
    if (value->change_count == REGISTER_CHANGES_MAX) {
        value->change_count--;
        memmove(value->changes, value->changes + 1, value->change_count * sizeof value->changes[0]);
    }
    value->changes[value->change_count++] = change;
}

/* ---- bytes ---- */

static void put_set(struct buffer *out, const struct steward_set *set)
{
    buffer_put_u8(out, set->count);
    for (uint8_t i = 0; i < set->count; i++) {
        buffer_put_varint(out, set->items[i].node);
        buffer_put_varint(out, set->items[i].incarnation);
    }
}

static void put_section(struct buffer *out, enum section_kind kind, struct buffer *bytes)
{
    buffer_put_u8(out, (uint8_t)kind);
    buffer_put_bytes(out, buffer_slice(bytes));
    buffer_deinit(bytes);
}

static void put_sections(const struct register_value *value, struct buffer *out)
{
    struct buffer bytes = {0};
    if (value->users.count > 0) {
        user_set_encode(&value->users, &bytes);
        put_section(out, SECTION_USERS, &bytes);
    }
    ring_transitions_encode(value->ring, &bytes);
    if (bytes.length > 0)
        put_section(out, SECTION_TRANSITIONS, &bytes);
    ring_wishes_encode(&value->staged, &bytes);
    if (bytes.length > 0)
        put_section(out, SECTION_STAGED, &bytes);
    ring_work_encode(&value->work, value->ring, &bytes);
    if (bytes.length > 0)
        put_section(out, SECTION_WORK, &bytes);
    plan_tasks_encode(&value->tasks, &bytes);
    if (bytes.length > 0)
        put_section(out, SECTION_TASKS, &bytes);
}

void register_value_encode(const struct register_value *value, struct buffer *out)
{
    struct buffer ring = {0}, sections = {0};
    size_t start = out->length;
    ring_encode(value->ring, &ring);
    put_sections(value, &sections);
    buffer_put_u8(out, sections.length > 0 ? FORMAT_VERSION_SECTIONS : FORMAT_VERSION);
    buffer_append(out, value->ring->cluster_id, sizeof value->ring->cluster_id);
    buffer_put_varint(out, value->ring->generation);
    buffer_put_varint(out, value->seq);
    put_set(out, &value->stewards);
    put_set(out, &value->coming);
    buffer_put_u8(out, value->change_count);
    for (uint8_t i = 0; i < value->change_count; i++)
        ballot_encode(value->changes[i], out);
    buffer_put_bytes(out, buffer_slice(&ring));
    buffer_append_slice(out, buffer_slice(&sections));
    buffer_put_u64(out, register_value_digest(slice_make(out->data + start, out->length - start)));
    buffer_deinit(&ring);
    buffer_deinit(&sections);
    assert(out->length - start <= REGISTER_VALUE_BYTES_MAX);
}

uint64_t register_value_digest(struct slice bytes)
{
    return hash64(bytes, 0);
}

static void read_set(struct reader *reader, struct steward_set *out)
{
    uint8_t count = reader_u8(reader);
    node_id previous = 0;
    if (count > REGISTER_STEWARDS_MAX)
        reader->failed = true;
    for (uint8_t i = 0; i < count && !reader->failed; i++) {
        struct steward *steward = &out->items[i];
        steward->node = (node_id)reader_varint_max(reader, UINT32_MAX);
        steward->incarnation = (uint16_t)reader_varint_max(reader, UINT16_MAX);
        if (steward->node <= previous || steward->incarnation == 0)
            reader->failed = true;
        previous = steward->node;
    }
    out->count = count;
}

static void read_changes(struct reader *reader, struct register_value *out)
{
    uint8_t count = reader_u8(reader);
    if (count > REGISTER_CHANGES_MAX)
        reader->failed = true;
    for (uint8_t i = 0; i < count && !reader->failed; i++) {
        out->changes[i] = ballot_decode(reader);
        if (ballot_is_none(out->changes[i]) || register_value_holds(out, out->changes[i]))
            reader->failed = true;
        out->change_count = (uint8_t)(i + 1);
    }
}

static bool are_members(const struct ring *ring, const struct steward_set *set)
{
    for (uint8_t i = 0; i < set->count; i++)
        if (ring_member(ring, set->items[i].node) == NULL)
            return false;
    return true;
}

/* The parts that say the same say it alike, and everybody named is there. */
static bool fits(const struct register_value *value, struct slice cluster_id, uint64_t generation)
{
    const struct ring *ring = value->ring;
    return memcmp(cluster_id.data, ring->cluster_id, sizeof ring->cluster_id) == 0 &&
           generation == ring->generation && value->stewards.count > 0 &&
           are_members(ring, &value->stewards) && are_members(ring, &value->coming);
}

/* The task that runs is the plan that is under way. */
static bool has_its_task(struct register_value *value)
{
    const struct plan_task *task = plan_tasks_running(&value->tasks);
    return task == NULL ? value->work.plan_id == 0 : value->work.plan_id == task->id;
}

static bool verify_checksum(struct slice bytes, struct slice *body)
{
    if (bytes.length < CHECKSUM_BYTES || bytes.length > REGISTER_VALUE_BYTES_MAX)
        return false;
    *body = slice_make(bytes.data, bytes.length - CHECKSUM_BYTES);
    struct reader tail = reader_make(slice_make(bytes.data + body->length, CHECKSUM_BYTES));
    return reader_u64(&tail) == register_value_digest(*body);
}

static enum status read_section(uint8_t kind, struct slice bytes, struct register_value *out,
                                struct late_sections *late)
{
    enum status status;
    switch ((enum section_kind)kind) {
    case SECTION_USERS:
        status = user_set_decode(bytes, &out->users);
        return status == STATUS_OK && out->users.count == 0 ? STATUS_CORRUPT : status;
    case SECTION_TRANSITIONS:
        late->transitions = bytes;
        return bytes.length == 0 ? STATUS_CORRUPT : STATUS_OK;
    case SECTION_STAGED:
        return bytes.length == 0 ? STATUS_CORRUPT : ring_wishes_decode(bytes, &out->staged);
    case SECTION_WORK:
        late->work = bytes;
        return bytes.length == 0 ? STATUS_CORRUPT : STATUS_OK;
    case SECTION_TASKS:
        return plan_tasks_decode(bytes, &out->tasks);
    }
    return STATUS_UNSUPPORTED;
}

/*
 * In their order, and at least one when the version says that there are. Some are about the ring,
 * which is read last: one of a newer version is not to hide that a section is newer.
 */
static enum status read_sections(struct reader *reader, bool wanted, struct register_value *out,
                                 struct late_sections *late)
{
    uint8_t last = 0;
    enum status status = STATUS_OK;
    if (wanted && reader_left(reader) == 0)
        return STATUS_CORRUPT;
    while (wanted && reader_left(reader) > 0 && status == STATUS_OK) {
        uint8_t kind = reader_u8(reader);
        struct slice bytes = reader_bytes(reader);
        if (reader->failed || kind <= last)
            return STATUS_CORRUPT;
        last = kind;
        status = read_section(kind, bytes, out, late);
    }
    return status;
}

enum status register_value_decode(struct slice bytes, struct register_value **out)
{
    struct slice body;
    if (!verify_checksum(bytes, &body))
        return STATUS_CORRUPT;
    struct reader head = reader_make(body);
    uint8_t version = reader_u8(&head);
    if (version > FORMAT_VERSION_SECTIONS)
        return STATUS_UNSUPPORTED;
    struct register_value *value = memory_new(1, sizeof *value);
    struct reader reader = reader_make(body);
    if (reader_u8(&reader) < FORMAT_VERSION)
        reader.failed = true;
    struct slice cluster_id = reader_take(&reader, sizeof value->ring->cluster_id);
    uint64_t generation = reader_varint(&reader);
    value->seq = reader_varint(&reader);
    read_set(&reader, &value->stewards);
    read_set(&reader, &value->coming);
    read_changes(&reader, value);
    struct slice ring = reader_bytes(&reader);
    enum status status = STATUS_CORRUPT;
    struct late_sections late = {0};
    if (!reader.failed)
        status = read_sections(&reader, version == FORMAT_VERSION_SECTIONS, value, &late);
    if (status == STATUS_OK)
        status = reader_end(&reader);
    if (status == STATUS_OK)
        status = ring_decode(ring, &value->ring);
    if (status == STATUS_OK && late.transitions.length > 0)
        status = ring_transitions_decode(late.transitions, value->ring);
    if (status == STATUS_OK && late.work.length > 0)
        status = ring_work_decode(late.work, value->ring, &value->work);
    if (status == STATUS_OK && (!fits(value, cluster_id, generation) || !has_its_task(value)))
        status = STATUS_CORRUPT;
    if (status != STATUS_OK) {
        register_value_free(value);
        return status;
    }
    *out = value;
    return STATUS_OK;
}
