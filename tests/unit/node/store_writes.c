#include "store_writes.h"

#include <stdio.h>

struct mutation set_to(const char *value)
{
    return (struct mutation){.operation = REGISTER_SET, .value = slice_text(value)};
}

struct mutation append_of(const char *value)
{
    return (struct mutation){.operation = REGISTER_APPEND, .value = slice_text(value)};
}

struct key_request write_of(const struct store_host *host, struct key_entry *entries,
                            uint16_t count, uint8_t flags)
{
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)entries[0].key.length,
             (const char *)entries[0].key.data);
    return (struct key_request){.kind = KEY_WRITE,
                                .flags = flags,
                                .partition = store_host_partition(host, key),
                                .entry_count = count,
                                .entries = entries};
}

request_id mint_one(struct store_host *host, const char *key, struct mutation mutation)
{
    struct key_entry entry = {.key = slice_text(key), .mutation = mutation};
    struct key_request request = write_of(host, &entry, 1, 0);
    return store_host_mint(host, &request);
}

void warm_clock(struct store_host *host)
{
    store_host_set(host, "{warm}", "1");
    store_host_forget(host);
}

struct message_minted minted_in(const struct buffer *frames, struct key_result *result)
{
    struct frame frame;
    struct message_minted minted;
    assert_int_equal(store_host_count(frames, MESSAGE_MINTED), 1);
    assert_true(store_host_find(frames, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    *result = (struct key_result){0};
    if (minted.status == STATUS_OK) {
        struct reader reader = reader_make(minted.result);
        assert_int_equal(key_result_decode(&reader, result), STATUS_OK);
    }
    return minted;
}

enum status minted_status(const struct buffer *frames)
{
    struct key_result result;
    struct message_minted minted = minted_in(frames, &result);
    key_result_deinit(&result);
    return minted.status;
}

enum status replicated_status(const struct buffer *frames, unsigned index)
{
    struct frame frame;
    struct message_replicated replicated;
    assert_true(store_host_find(frames, MESSAGE_REPLICATED, index, &frame));
    assert_int_equal(message_replicated_decode(frame.body, &replicated), STATUS_OK);
    return replicated.status;
}

void take_replicate(const struct store_host *host, struct buffer *out)
{
    struct key_result result;
    bool is_early = store_host_count(&host->early, MESSAGE_MINTED) > 0;
    struct message_minted minted = minted_in(is_early ? &host->early : &host->late, &result);
    buffer_clear(out);
    buffer_append_slice(out, minted.replicate);
    key_result_deinit(&result);
}

void assert_equal_replicas(struct store_host *a, struct store_host *b)
{
    for (partition_id p = 0; p < a->ring->partition_count; p++) {
        struct message_digest_result x = store_host_digest(a, p), y = store_host_digest(b, p);
        assert_int_equal(x.status, STATUS_OK);
        assert_true(x.content_digest == y.content_digest);
        assert_true(x.clock_digest == y.clock_digest);
        assert_int_equal(x.count, y.count);
    }
}

enum replica_state state_of(const struct buffer *frames, partition_id partition)
{
    enum replica_state known = REPLICA_ABSENT;
    struct frame frame;
    for (unsigned i = 0; store_host_find(frames, MESSAGE_REPLICA_STATE, i, &frame); i++) {
        struct message_replica_state state;
        assert_int_equal(message_replica_state_decode(frame.body, &state), STATUS_OK);
        if (state.partition == partition)
            known = (enum replica_state)state.state;
    }
    return known;
}
