/*
 * ring_codec.c - the canonical bytes of a ring.
 *
 *     u8      format version: 3; 4 once a keyspace was dropped; 5 once there is a gateway, or
 *             the highest id was given to who is no member any more
 *     16 B    cluster id
 *     varint  generation, epoch; u8 phase
 *     u64     seed
 *     32 B    secret
 *     u8      log2 of the partition count
 *     u8      regions:    { bytes name, u8 replicas }
 *     varint  keyspaces:  { varint number, bytes name, u8 policy, u8 read level, u8 write level,
 *                           u8 sloppy, varint default ttl in ms, varint value bytes max,
 *                           varint siblings max }
 *     varint  drops:      { varint number, varint count }, ascending; from version 4 on
 *     varint  the highest id that was given; from version 5 on
 *     varint  members:    { varint id, varint incarnation, u8 role (from version 5 on), u8 region,
 *                           bytes rack, varint weight, { bytes host, u16 port } client, the same
 *                           for peer }
 *     varint  owners:     owner_count x partition_count indexes into members, row by row
 *     u64     XXH3 of all bytes before
 *
 * A list is its count and then its elements. There is one way to write each
 * ring: varints are the shortest, lists have the order of ring.h, and the
 * decoder refuses whatever ring_validate() refuses. Owners are indexes, so most
 * take one byte, and 4096 partitions on 60 nodes with 3 owners are 12 KiB.
 *
 * The checksum is checked before anything else: an error of a disk or a link
 * ends there, and the rules behind it meet only what some program wrote.
 */
#include "ring/ring.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* The lower version is written while it can be, so that nodes of both agree on the bytes. */
enum {
    FORMAT_VERSION = 3,
    FORMAT_VERSION_DROPS = 4,
    FORMAT_VERSION_MEMBERS = 5,
    CHECKSUM_BYTES = 8
};

static uint64_t checksum(struct slice bytes)
{
    return hash64(bytes, 0);
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put_bytes(out, slice_text(text));
}

static void put_address(struct buffer *out, const struct ring_address *address)
{
    put_text(out, address->host);
    buffer_put_u16(out, address->port);
}

static unsigned count_drops(const struct ring *ring)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++)
        count += ring->keyspace_drops[i] > 0;
    return count;
}

static bool members_are_as_at_first(const struct ring *ring)
{
    for (unsigned i = 0; i < ring->member_count; i++)
        if (ring->members[i].role != MEMBER_DATA)
            return false;
    return ring->member_count == 0 ||
           ring_last_id(ring) == ring->members[ring->member_count - 1].id;
}

static uint8_t version_of(const struct ring *ring)
{
    if (!members_are_as_at_first(ring))
        return FORMAT_VERSION_MEMBERS;
    return count_drops(ring) > 0 ? FORMAT_VERSION_DROPS : FORMAT_VERSION;
}

static void put_header(struct buffer *out, const struct ring *ring)
{
    buffer_put_u8(out, version_of(ring));
    buffer_append(out, ring->cluster_id, sizeof ring->cluster_id);
    buffer_put_varint(out, ring->generation);
    buffer_put_varint(out, ring->tag.epoch);
    buffer_put_u8(out, ring->tag.phase);
    buffer_put_u64(out, ring->seed);
    buffer_append(out, ring->secret, sizeof ring->secret);
    buffer_put_u8(out, (uint8_t)__builtin_ctz(ring->partition_count));
}

static void put_regions(struct buffer *out, const struct ring *ring)
{
    buffer_put_u8(out, ring->region_count);
    for (unsigned i = 0; i < ring->region_count; i++) {
        put_text(out, ring->regions[i].name);
        buffer_put_u8(out, ring->regions[i].replicas);
    }
}

static void put_keyspaces(struct buffer *out, const struct ring *ring)
{
    buffer_put_varint(out, ring->keyspace_count);
    for (unsigned i = 0; i < ring->keyspace_count; i++) {
        const struct ring_keyspace *keyspace = &ring->keyspaces[i];
        buffer_put_varint(out, keyspace->number);
        put_text(out, keyspace->name);
        buffer_put_u8(out, keyspace->policy);
        buffer_put_u8(out, keyspace->read_level);
        buffer_put_u8(out, keyspace->write_level);
        buffer_put_u8(out, keyspace->sloppy);
        buffer_put_varint(out, keyspace->default_ttl_ms);
        buffer_put_varint(out, keyspace->value_bytes_max);
        buffer_put_varint(out, keyspace->siblings_max);
    }
}

static void put_drops(struct buffer *out, const struct ring *ring)
{
    buffer_put_varint(out, count_drops(ring));
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++) {
        if (ring->keyspace_drops[i] == 0)
            continue;
        buffer_put_varint(out, i);
        buffer_put_varint(out, ring->keyspace_drops[i]);
    }
}

static void put_members(struct buffer *out, const struct ring *ring, uint8_t version)
{
    if (version >= FORMAT_VERSION_MEMBERS)
        buffer_put_varint(out, ring_last_id(ring));
    buffer_put_varint(out, ring->member_count);
    for (unsigned i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        buffer_put_varint(out, member->id);
        buffer_put_varint(out, member->storage_incarnation);
        if (version >= FORMAT_VERSION_MEMBERS)
            buffer_put_u8(out, member->role);
        buffer_put_u8(out, member->region);
        put_text(out, member->rack);
        buffer_put_varint(out, member->weight);
        put_address(out, &member->client);
        put_address(out, &member->peer);
    }
}

static void put_owners(struct buffer *out, const struct ring *ring)
{
    size_t count = (size_t)ring->partition_count * ring->owner_count;
    for (size_t i = 0; i < count; i++)
        buffer_put_varint(out, (uint64_t)(ring_member(ring, ring->owners[i]) - ring->members));
}

void ring_encode(const struct ring *ring, struct buffer *out)
{
    char reason[RING_REASON_MAX];
    assert(ring_validate(ring, reason) == STATUS_OK);

    size_t start = out->length;
    uint8_t version = version_of(ring);
    put_header(out, ring);
    put_regions(out, ring);
    put_keyspaces(out, ring);
    if (version >= FORMAT_VERSION_DROPS)
        put_drops(out, ring);
    put_members(out, ring, version);
    put_owners(out, ring);
    buffer_put_u64(out, checksum(slice_make(out->data + start, out->length - start)));
}

uint64_t ring_digest(const struct ring *ring)
{
    struct buffer bytes = {0};
    ring_encode(ring, &bytes);
    uint64_t digest = checksum(slice_make(bytes.data, bytes.length - CHECKSUM_BYTES));
    buffer_deinit(&bytes);
    return digest;
}

uint64_t ring_placement_digest(const struct ring *ring)
{
    struct buffer bytes = {0};
    size_t count = (size_t)ring->partition_count * ring->owner_count;
    buffer_append(&bytes, ring->cluster_id, sizeof ring->cluster_id);
    buffer_put_u64(&bytes, ring->seed);
    buffer_append(&bytes, ring->secret, sizeof ring->secret);
    buffer_put_u32(&bytes, ring->partition_count);
    put_regions(&bytes, ring);
    for (size_t i = 0; i < count; i++)
        buffer_put_u32(&bytes, ring->owners[i]);
    uint64_t digest = checksum(buffer_slice(&bytes));
    buffer_deinit(&bytes);
    return digest != 0 ? digest : 1;
}

/* A text of at most `length_max` bytes into memory of one more, which is zero before. */
static void read_text(struct reader *reader, char *text, size_t length_max)
{
    struct slice bytes = reader_bytes(reader);
    if (bytes.length > length_max || (bytes.length > 0 && memchr(bytes.data, 0, bytes.length))) {
        reader->failed = true;
        return;
    }
    if (bytes.length > 0)
        memcpy(text, bytes.data, bytes.length);
}

static void read_address(struct reader *reader, struct ring_address *address)
{
    read_text(reader, address->host, RING_HOST_MAX);
    address->port = reader_u16(reader);
}

static uint8_t read_header(struct reader *reader, struct ring *ring)
{
    uint8_t version = reader_u8(reader);
    if (version < FORMAT_VERSION || version > FORMAT_VERSION_MEMBERS)
        reader->failed = true;
    struct slice cluster_id = reader_take(reader, sizeof ring->cluster_id);
    if (cluster_id.length > 0)
        memcpy(ring->cluster_id, cluster_id.data, cluster_id.length);
    ring->generation = reader_varint(reader);
    ring->tag.epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    ring->tag.phase = reader_u8(reader);
    ring->seed = reader_u64(reader);
    struct slice secret = reader_take(reader, sizeof ring->secret);
    if (secret.length > 0)
        memcpy(ring->secret, secret.data, secret.length);
    uint8_t partition_bits = reader_u8(reader);
    if (partition_bits < 32)
        ring->partition_count = (uint32_t)1 << partition_bits;
    return version;
}

static void read_regions(struct reader *reader, struct ring *ring)
{
    uint8_t count = reader_u8(reader);
    if (count > RING_REGIONS_MAX)
        reader->failed = true;
    for (unsigned i = 0; i < count && !reader->failed; i++) {
        read_text(reader, ring->regions[i].name, RING_NAME_MAX);
        ring->regions[i].replicas = reader_u8(reader);
        if (ring->regions[i].replicas > RING_OWNERS_MAX - ring->owner_count) {
            reader->failed = true;
            return;
        }
        ring->owner_count = (uint8_t)(ring->owner_count + ring->regions[i].replicas);
    }
    ring->region_count = count;
}

static void read_keyspaces(struct reader *reader, struct ring *ring)
{
    ring->keyspace_count = (uint16_t)reader_varint_max(reader, RING_KEYSPACES_MAX);
    for (unsigned i = 0; i < ring->keyspace_count && !reader->failed; i++) {
        struct ring_keyspace *keyspace = &ring->keyspaces[i];
        keyspace->number = (uint16_t)reader_varint_max(reader, UINT16_MAX);
        read_text(reader, keyspace->name, RING_NAME_MAX);
        keyspace->policy = reader_u8(reader);
        keyspace->read_level = reader_u8(reader);
        keyspace->write_level = reader_u8(reader);
        uint8_t sloppy = reader_u8(reader);
        keyspace->sloppy = sloppy == 1;
        if (sloppy > 1)
            reader->failed = true;
        keyspace->default_ttl_ms = reader_varint_max(reader, RING_TTL_MS_MAX);
        keyspace->value_bytes_max = (uint32_t)reader_varint_max(reader, UINT32_MAX);
        keyspace->siblings_max = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    }
}

static void read_drops(struct reader *reader, struct ring *ring, uint8_t version)
{
    uint64_t count = reader_varint_max(reader, RING_KEYSPACES_MAX);
    uint64_t above = 0;
    if (count == 0 && version == FORMAT_VERSION_DROPS)
        reader->failed = true; /* then it would have been the lower version */
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        uint64_t number = reader_varint_max(reader, RING_KEYSPACES_MAX - 1);
        uint64_t drops = reader_varint_max(reader, RING_KEYSPACE_DROPS_MAX);
        if (reader->failed || number < above || drops == 0) {
            reader->failed = true;
            return;
        }
        ring->keyspace_drops[number] = (uint16_t)drops;
        above = number + 1;
    }
}

static void read_members(struct reader *reader, struct ring *ring, uint8_t version)
{
    if (version >= FORMAT_VERSION_MEMBERS)
        ring->last_id = (node_id)reader_varint_max(reader, UINT32_MAX);
    ring->member_count = (uint16_t)reader_varint_max(reader, RING_MEMBERS_MAX);
    ring->members = memory_new(ring->member_count, sizeof *ring->members);
    for (unsigned i = 0; i < ring->member_count && !reader->failed; i++) {
        struct ring_member *member = &ring->members[i];
        member->id = (node_id)reader_varint_max(reader, UINT32_MAX);
        member->storage_incarnation = (uint16_t)reader_varint_max(reader, UINT16_MAX);
        if (version >= FORMAT_VERSION_MEMBERS)
            member->role = reader_u8(reader);
        member->region = reader_u8(reader);
        read_text(reader, member->rack, RING_NAME_MAX);
        member->weight = (uint32_t)reader_varint_max(reader, RING_WEIGHT_MAX);
        read_address(reader, &member->client);
        read_address(reader, &member->peer);
    }
}

static void read_owners(struct reader *reader, struct ring *ring)
{
    uint64_t count = (uint64_t)ring->partition_count * ring->owner_count;
    /* An owner takes a byte at least: a false count costs no more memory than bytes came. */
    if (reader->failed || ring->member_count == 0 || count > reader_left(reader)) {
        reader->failed = true;
        return;
    }
    ring->owners = memory_new((size_t)count, sizeof *ring->owners);
    for (uint64_t i = 0; i < count && !reader->failed; i++)
        ring->owners[i] = ring->members[reader_varint_max(reader, ring->member_count - 1u)].id;
}

/* Whether the ring would be written in this version, and says of its members what it has to. */
static bool is_canonical(const struct ring *ring, uint8_t version)
{
    return version == version_of(ring) &&
           (version < FORMAT_VERSION_MEMBERS || ring->last_id == ring_last_id(ring));
}

/* The bytes before the checksum, when it is right. */
static bool verify_checksum(struct slice bytes, struct slice *body)
{
    if (bytes.length < CHECKSUM_BYTES)
        return false;
    *body = slice_make(bytes.data, bytes.length - CHECKSUM_BYTES);
    struct reader tail = reader_make(slice_make(bytes.data + body->length, CHECKSUM_BYTES));
    return reader_u64(&tail) == checksum(*body);
}

enum status ring_decode(struct slice bytes, struct ring **out)
{
    struct slice body;
    char reason[RING_REASON_MAX];
    if (!verify_checksum(bytes, &body))
        return STATUS_CORRUPT;

    struct reader reader = reader_make(body);
    struct ring *ring = ring_new();
    uint8_t version = read_header(&reader, ring);
    read_regions(&reader, ring);
    read_keyspaces(&reader, ring);
    if (version >= FORMAT_VERSION_DROPS)
        read_drops(&reader, ring, version);
    read_members(&reader, ring, version);
    read_owners(&reader, ring);
    if (reader_end(&reader) != STATUS_OK || !is_canonical(ring, version) ||
        ring_validate(ring, reason) != STATUS_OK) {
        ring_free(ring);
        return STATUS_CORRUPT;
    }
    *out = ring;
    return STATUS_OK;
}
