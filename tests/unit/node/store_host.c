#include "store_host.h"

#include "../ring/ring_fixture.h"
#include "ring/position.h"
#include "ring/transition.h"

struct ring *store_host_ring(const char *replication)
{
    static const char *const racks[] = {"a", "b", "c", "d", "e", "f"};
    struct ring *ring = fixture_ring(replication, 16);
    node_id id = 1;
    ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    ring->keyspaces[1] =
        (struct ring_keyspace){.number = 7, .name = "carts", .policy = KEYSPACE_SIBLINGS};
    ring->keyspace_count = 2;
    for (unsigned region = 0; region < ring->region_count; region++)
        for (unsigned i = 0; i < ring->regions[region].replicas; i++)
            fixture_add(ring, id++, ring->regions[region].name, racks[i], 1);
    fixture_place(ring, NULL);
    return ring;
}

void store_host_init(struct store_host *host, struct ring *ring, node_id self,
                     uint16_t storage_incarnation)
{
    *host = (struct store_host){.ring = ring, .self = self, .boot_epoch = 1};
    settings_defaults(&host->settings);
    host->settings.sync_settle_ms = 0;
    host->port = memory_store_port(&host->store);
    host->now =
        (struct instant){.mono_us = STORE_HOST_MONO_MS * 1000, .wall_ms = STORE_HOST_WALL_MS};
    host->side =
        store_side_new(&(struct store_side_params){.self = self,
                                                   .storage_incarnation = storage_incarnation,
                                                   .boot_epoch = 1,
                                                   .ring = ring,
                                                   .settings = &host->settings,
                                                   .port = &host->port});
}

void store_host_deinit(struct store_host *host)
{
    store_side_free(host->side);
    store_output_deinit(&host->out);
    memory_store_deinit(&host->store);
    buffer_deinit(&host->early);
    buffer_deinit(&host->late);
}

static void hand_over_early(struct store_host *host)
{
    buffer_append_slice(&host->early, buffer_slice(&host->out.early));
    buffer_clear(&host->out.early);
}

void store_host_open(struct store_host *host)
{
    assert_int_equal(store_side_open(host->side, host->boot_epoch, &host->out), STATUS_OK);
    store_host_commit(host);
}

request_id store_host_write(struct store_host *host, uint16_t type, struct slice body)
{
    struct buffer bytes = {0};
    size_t offset = frame_start(&bytes, type, ++host->last_request, 0);
    buffer_append_slice(&bytes, body);
    frame_finish(&bytes, offset);
    store_side_write(host->side, buffer_slice(&bytes), host->now, &host->out);
    buffer_deinit(&bytes);
    hand_over_early(host);
    return host->last_request;
}

void store_host_commit(struct store_host *host)
{
    assert_false(host->out.discard);
    hand_over_early(host);
    memory_store_apply(&host->store, buffer_slice(&host->out.batch));
    store_side_committed(host->side, host->now, &host->out);
    buffer_append_slice(&host->late, buffer_slice(&host->out.late));
    store_output_clear(&host->out);
}

void store_host_fail(struct store_host *host, bool stored)
{
    if (stored)
        memory_store_apply(&host->store, buffer_slice(&host->out.batch));
    store_side_failed(host->side);
    store_output_clear(&host->out);
}

void store_host_restart(struct store_host *host)
{
    store_host_fail(host, false);
    host->boot_epoch++;
    store_host_forget(host);
    store_host_open(host);
}

void store_host_forget(struct store_host *host)
{
    buffer_clear(&host->early);
    buffer_clear(&host->late);
}

bool store_host_find(const struct buffer *frames, uint16_t type, unsigned index, struct frame *out)
{
    for (size_t offset = 0; offset < frames->length;) {
        size_t used;
        assert_int_equal(
            frame_open(slice_make(frames->data + offset, frames->length - offset), out, &used),
            STATUS_OK);
        if (out->type == type && index-- == 0)
            return true;
        offset += used;
    }
    return false;
}

unsigned store_host_count(const struct buffer *frames, uint16_t type)
{
    struct frame frame;
    unsigned count = 0;
    while (store_host_find(frames, type, count, &frame))
        count++;
    return count;
}

request_id store_host_mint(struct store_host *host, const struct key_request *request)
{
    struct buffer encoded = {0}, body = {0};
    key_request_encode(request, &encoded);
    struct message_mint mint = {.address = store_host_address(host, request->partition),
                                .request = buffer_slice(&encoded)};
    message_mint_encode(&mint, &body);
    request_id id = store_host_write(host, MESSAGE_MINT, buffer_slice(&body));
    buffer_deinit(&encoded);
    buffer_deinit(&body);
    return id;
}

void store_host_set(struct store_host *host, const char *key, const char *value)
{
    struct key_entry entry = {.key = slice_text(key)};
    entry.mutation = (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
    struct key_request request = {.kind = KEY_WRITE,
                                  .partition = store_host_partition(host, key),
                                  .entry_count = 1,
                                  .entries = &entry};
    store_host_mint(host, &request);
    store_host_commit(host);
}

void store_host_raise_ceiling(struct store_host *host)
{
    store_host_set(host, "a key of no test", "x");
    store_host_forget(host);
}

void store_host_assert_value(struct store_host *host, const char *key, const char *value)
{
    struct buffer keys = {0}, bytes = {0}, replies = {0};
    struct frame frame;
    struct message_read_result result;
    struct cell cell;
    buffer_put_bytes(&keys, slice_text(key));
    struct message_read read = {.address =
                                    store_host_address(host, store_host_partition(host, key)),
                                .value_bytes_max = UINT32_MAX,
                                .key_count = 1,
                                .keys = buffer_slice(&keys)};
    size_t offset = frame_start(&bytes, MESSAGE_READ, 1, 0);
    message_read_encode(&read, &bytes);
    frame_finish(&bytes, offset);
    store_side_read(&host->port, host->ring, buffer_slice(&bytes), host->now, &replies);
    assert_true(store_host_find(&replies, MESSAGE_READ_RESULT, 0, &frame));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_OK);
    struct reader cells = reader_make(result.cells);
    struct reader reader = reader_make(reader_bytes(&cells));
    cell_decode(&reader, &cell);
    const struct sibling *seen = cell_visible(&cell, host->now.wall_ms);
    assert_int_equal(seen != NULL, value != NULL);
    if (value != NULL)
        assert_true(slice_equal(seen->value, slice_text(value)));
    cell_deinit(&cell);
    buffer_deinit(&keys);
    buffer_deinit(&bytes);
    buffer_deinit(&replies);
}

struct message_digest_result store_host_digest(struct store_host *host, partition_id partition)
{
    struct buffer body = {0};
    struct frame frame;
    struct message_digest_result result;
    struct message_digest digest = {.address = store_host_address(host, partition)};
    message_digest_encode(&digest, &body);
    store_host_forget(host);
    store_host_write(host, MESSAGE_DIGEST, buffer_slice(&body));
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_DIGEST_RESULT, 0, &frame));
    assert_int_equal(message_digest_result_decode(frame.body, &result), STATUS_OK);
    buffer_deinit(&body);
    return result;
}

partition_id store_host_partition(const struct store_host *host, const char *key)
{
    return ring_partition_of_slot(ring_slot(slice_text(key)), host->ring->partition_count);
}

struct replica_address store_host_address(const struct store_host *host, partition_id partition)
{
    return (struct replica_address){.partition = partition,
                                    .tag = ring_tag_of(host->ring, partition)};
}
