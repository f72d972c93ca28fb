/* The bytes of a ring: canonical, checked, and harmless whatever is done to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "ring/ring.h"
#include "ring_fixture.h"

enum { CHECKSUM_BYTES = 8 };

static struct buffer encoded(const struct ring *ring)
{
    struct buffer bytes = {0};
    ring_encode(ring, &bytes);
    return bytes;
}

static void assert_corrupt(struct slice bytes)
{
    struct ring *ring = NULL;
    assert_int_equal(ring_decode(bytes, &ring), STATUS_CORRUPT);
    assert_null(ring);
}

static void a_ring_comes_back_whole(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    struct ring *back = NULL;
    (void)state;
    assert_int_equal(ring_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_memory_equal(back->cluster_id, ring->cluster_id, sizeof ring->cluster_id);
    assert_int_equal(back->generation, ring->generation);
    assert_int_equal(ring_tag_compare(back->tag, ring->tag), 0);
    assert_true(back->seed == ring->seed);
    assert_memory_equal(back->secret, ring->secret, sizeof ring->secret);
    assert_int_equal(back->partition_count, ring->partition_count);
    assert_int_equal(back->owner_count, ring->owner_count);
    assert_int_equal(back->region_count, ring->region_count);
    assert_memory_equal(back->regions, ring->regions, sizeof ring->regions);
    assert_int_equal(back->keyspace_count, ring->keyspace_count);
    assert_int_equal(ring_keyspace(back, 7)->policy, KEYSPACE_SIBLINGS);
    assert_string_equal(ring_keyspace(back, 7)->name, "carts");
    assert_int_equal(ring_keyspace(back, 7)->read_level, 4);
    assert_int_equal(ring_keyspace(back, 7)->write_level, RING_LEVEL_MAX);
    assert_true(ring_keyspace(back, 7)->sloppy);
    assert_false(ring_keyspace(back, 0)->sloppy);
    assert_true(ring_keyspace(back, 7)->default_ttl_ms == RING_TTL_MS_MAX);
    assert_true(ring_keyspace(back, 7)->value_bytes_max == UINT32_MAX);
    assert_int_equal(ring_keyspace(back, 7)->siblings_max, 9);
    assert_int_equal(back->member_count, ring->member_count);
    for (node_id id = 1; id <= 5; id++) {
        const struct ring_member *a = ring_member(ring, id);
        const struct ring_member *b = ring_member(back, id);
        assert_int_equal(a->storage_incarnation, b->storage_incarnation);
        assert_int_equal(a->region, b->region);
        assert_string_equal(a->rack, b->rack);
        assert_int_equal(a->weight, b->weight);
        assert_string_equal(a->client.host, b->client.host);
        assert_int_equal(a->client.port, b->client.port);
        assert_string_equal(a->peer.host, b->peer.host);
        assert_int_equal(a->peer.port, b->peer.port);
    }
    assert_memory_equal(back->owners, ring->owners, (size_t)16 * 3 * sizeof *ring->owners);
    ring_free(back);
    ring_free(ring);
    buffer_deinit(&bytes);
}

/* Old bytes are what they were: only a ring with drops is of the version that has them. */
static void drops_of_keyspaces_come_back(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct ring *back = NULL;
    struct buffer plain = encoded(ring);
    (void)state;
    assert_int_equal(plain.data[0], 3);
    ring->keyspace_drops[7] = RING_KEYSPACE_DROPS_MAX - 1;
    ring->keyspace_drops[1] = 1;
    ring->keyspace_drops[63] = RING_KEYSPACE_DROPS_MAX;
    struct buffer bytes = encoded(ring);
    assert_int_equal(bytes.data[0], 4);
    assert_int_equal(ring_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_memory_equal(back->keyspace_drops, ring->keyspace_drops, sizeof ring->keyspace_drops);
    ring_free(back);
    assert_int_equal(ring_decode(buffer_slice(&plain), &back), STATUS_OK);
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++)
        assert_int_equal(back->keyspace_drops[i], 0);
    assert_true(ring_placement_digest(back) == ring_placement_digest(ring));
    ring_free(back);
    buffer_deinit(&plain);
    buffer_deinit(&bytes);
    ring_free(ring);
}

/* Likewise: only a ring with gateways, or with a past, is of the version that has them. */
static void gateways_and_past_members_come_back(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct ring *back = NULL;
    (void)state;
    fixture_add(ring, 9, "us", "r7", 0);
    struct buffer bytes = encoded(ring);
    assert_int_equal(bytes.data[0], 5);
    assert_int_equal(ring_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(ring_member(back, 9)->role, MEMBER_GATEWAY);
    assert_int_equal(ring_member(back, 5)->role, MEMBER_DATA);
    assert_int_equal(ring_last_id(back), 9);
    assert_true(ring_is_fenced(back, 6) && ring_is_fenced(back, 8));
    assert_false(ring_is_fenced(back, 9) || ring_is_fenced(back, 10) || ring_is_fenced(back, 0));
    ring_free(back);
    buffer_deinit(&bytes);
    fixture_remove(ring, 9);
    ring->last_id = 9;
    bytes = encoded(ring);
    assert_int_equal(bytes.data[0], 5);
    assert_int_equal(ring_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(ring_last_id(back), 9);
    assert_true(ring_is_fenced(back, 9));
    ring_free(back);
    buffer_deinit(&bytes);
    ring->last_id = ring->members[ring->member_count - 1].id; /* no news: the bytes of before */
    bytes = encoded(ring);
    assert_int_equal(bytes.data[0], 3);
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void extreme_values_come_back(void **state)
{
    struct ring *ring = fixture_ring("eu:1", PARTITION_COUNT_MAX);
    fixture_add(ring, UINT32_MAX, "eu", "12345678901234567890123456789012", RING_WEIGHT_MAX);
    ring->generation = UINT64_MAX;
    ring->tag.epoch = UINT32_MAX;
    ring->seed = UINT64_MAX;
    ring->members[0].storage_incarnation = UINT16_MAX;
    memset(ring->members[0].client.host, 'h', RING_HOST_MAX);
    ring->members[0].client.port = UINT16_MAX;
    fixture_place(ring, NULL);
    struct buffer bytes = encoded(ring);
    struct ring *back = NULL;
    (void)state;
    assert_int_equal(ring_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(back->members[0].id, UINT32_MAX);
    assert_int_equal(strlen(back->members[0].client.host), RING_HOST_MAX);
    assert_int_equal(ring_digest(back), ring_digest(ring));
    ring_free(back);
    ring_free(ring);
    buffer_deinit(&bytes);
}

/* What stands behind the end of a text in its array is not part of the ring. */
static void equal_rings_give_equal_bytes(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct ring *copy = ring_copy(ring);
    (void)state;
    memset(copy->members[0].rack + 2, 'x', RING_NAME_MAX - 2);
    copy->regions[0].name[RING_NAME_MAX] = 'x';
    struct buffer a = encoded(ring);
    struct buffer b = encoded(copy);
    assert_true(slice_equal(buffer_slice(&a), buffer_slice(&b)));
    copy->tag.epoch = 2;
    assert_int_not_equal(ring_digest(ring), ring_digest(copy));
    buffer_deinit(&a);
    buffer_deinit(&b);
    ring_free(ring);
    ring_free(copy);
}

static void encode_appends_and_ends_with_the_digest(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer alone = encoded(ring);
    struct buffer appended = {0};
    (void)state;
    buffer_append(&appended, "before", 6);
    ring_encode(ring, &appended);
    assert_int_equal(appended.length, alone.length + 6);
    assert_memory_equal(appended.data + 6, alone.data, alone.length);
    struct reader tail =
        reader_make(slice_make(alone.data + alone.length - CHECKSUM_BYTES, CHECKSUM_BYTES));
    assert_true(reader_u64(&tail) == ring_digest(ring));
    buffer_deinit(&alone);
    buffer_deinit(&appended);
    ring_free(ring);
}

/* Nodes that have not heard of a change that moves nothing must be able to talk to the others. */
static void the_placement_digest_is_of_where_keys_lie(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct ring *copy = ring_copy(ring);
    (void)state;
    copy->keyspaces[1].sloppy = false;
    copy->keyspace_count = 1;
    assert_true(ring_placement_digest(copy) == ring_placement_digest(ring));
    assert_true(ring_digest(copy) != ring_digest(ring));
    assert_int_equal(ring->keyspace_count, 2);
    copy->members[0].peer.port++;
    copy->last_id = 70;
    assert_true(ring_placement_digest(copy) == ring_placement_digest(ring));
    copy->seed++;
    assert_true(ring_placement_digest(copy) != ring_placement_digest(ring));
    copy->seed--;
    node_id owner = copy->owners[0];
    copy->owners[0] = copy->owners[1];
    copy->owners[1] = owner;
    assert_true(ring_placement_digest(copy) != ring_placement_digest(ring));
    ring_free(copy);
    ring_free(ring);
}

/* Heap memory of exactly that length, so a read past it is seen by the sanitizer. */
static void assert_corrupt_at(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length == 0 ? 1 : length);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    assert_corrupt(slice_make(exact, length));
    free(exact);
}

static void every_truncation_is_corrupt(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    (void)state;
    assert_corrupt(slice_make(NULL, 0));
    for (size_t length = 0; length < bytes.length; length++)
        assert_corrupt_at(bytes.data, length);
    buffer_put_u8(&bytes, 0);
    assert_corrupt_at(bytes.data, bytes.length);
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void every_changed_byte_is_corrupt(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    (void)state;
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            bytes.data[at] ^= (uint8_t)flip;
            assert_corrupt(buffer_slice(&bytes));
            bytes.data[at] ^= (uint8_t)flip;
        }
    }
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void seal(struct buffer *bytes)
{
    size_t body = bytes->length - CHECKSUM_BYTES;
    buffer_set_u64(bytes, body, hash64(slice_make(bytes->data, body), 0));
}

/*
 * With the checksum made right again the rules stand alone. What they let pass
 * is another valid ring, and the bytes are its only form.
 */
static void assert_refused_or_canonical(struct buffer *bytes, unsigned *refused)
{
    struct ring *ring = NULL;
    seal(bytes);
    if (ring_decode(buffer_slice(bytes), &ring) != STATUS_OK) {
        assert_null(ring);
        (*refused)++;
        return;
    }
    char reason[RING_REASON_MAX];
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    struct buffer again = encoded(ring);
    assert_true(slice_equal(buffer_slice(bytes), buffer_slice(&again)));
    buffer_deinit(&again);
    ring_free(ring);
}

static void changed_and_sealed_bytes_are_refused_or_canonical(void **state)
{
    struct ring *ring = fixture_small_ring();
    ring->keyspace_drops[7] = 2;
    struct buffer bytes = encoded(ring);
    unsigned refused = 0;
    (void)state;
    for (size_t at = 0; at < bytes.length - CHECKSUM_BYTES; at++) {
        uint8_t kept = bytes.data[at];
        for (unsigned value = 0; value < 256; value++) {
            bytes.data[at] = (uint8_t)value;
            assert_refused_or_canonical(&bytes, &refused);
        }
        bytes.data[at] = kept;
    }
    assert_true(refused > 20 * bytes.length);
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void truncated_and_sealed_bytes_are_corrupt(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    (void)state;
    for (size_t length = CHECKSUM_BYTES; length < bytes.length; length++) {
        struct buffer cut = {0};
        buffer_append(&cut, bytes.data, length);
        seal(&cut);
        assert_corrupt(buffer_slice(&cut));
        buffer_deinit(&cut);
    }
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void random_and_sealed_damage_never_crashes(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    struct random random = random_make(1);
    unsigned refused = 0;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct buffer damaged = {0};
        buffer_append_slice(&damaged, buffer_slice(&bytes));
        for (uint64_t left = 1 + random_below(&random, 4); left > 0; left--)
            damaged.data[random_below(&random, damaged.length)] = (uint8_t)random_u64(&random);
        assert_refused_or_canonical(&damaged, &refused);
        buffer_deinit(&damaged);
    }
    assert_true(refused > 10000);
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void another_version_is_corrupt(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = encoded(ring);
    (void)state;
    assert_int_equal(bytes.data[0], 3);
    for (unsigned version = 0; version < 256; version++) {
        bytes.data[0] = (uint8_t)version;
        seal(&bytes);
        if (version != 3)
            assert_corrupt(buffer_slice(&bytes));
    }
    buffer_deinit(&bytes);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_comes_back_whole),
        cmocka_unit_test(drops_of_keyspaces_come_back),
        cmocka_unit_test(gateways_and_past_members_come_back),
        cmocka_unit_test(extreme_values_come_back),
        cmocka_unit_test(equal_rings_give_equal_bytes),
        cmocka_unit_test(encode_appends_and_ends_with_the_digest),
        cmocka_unit_test(the_placement_digest_is_of_where_keys_lie),
        cmocka_unit_test(every_truncation_is_corrupt),
        cmocka_unit_test(every_changed_byte_is_corrupt),
        cmocka_unit_test(changed_and_sealed_bytes_are_refused_or_canonical),
        cmocka_unit_test(truncated_and_sealed_bytes_are_corrupt),
        cmocka_unit_test(random_and_sealed_damage_never_crashes),
        cmocka_unit_test(another_version_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
