#include "wire/message.h"

#include <string.h>

#include "wire/message_parts.h"
#include "wire/record.h"

/* What is left of the body, which counts as read. */
static struct slice get_rest(struct reader *reader)
{
    return reader_take(reader, reader_left(reader));
}

/* Whether `rest` is `count` length-prefixed byte strings and nothing else. */
static bool is_list(struct slice rest, uint32_t count)
{
    struct reader reader = reader_make(rest);
    for (uint32_t i = 0; i < count && !reader.failed; i++)
        reader_bytes(&reader);
    return reader_end(&reader) == STATUS_OK;
}

/* Whether `rest` is `count` deliveries and nothing else. */
static bool is_delivery_list(struct slice rest, uint32_t count)
{
    struct reader reader = reader_make(rest);
    struct cell_delivery delivery;
    for (uint32_t i = 0; i < count && !reader.failed; i++)
        cell_delivery_decode(&reader, &delivery);
    return reader_end(&reader) == STATUS_OK;
}

/* Whether `rest` is `count` entries of a range and nothing else. */
static bool is_entry_list(struct slice rest, uint32_t count)
{
    struct reader reader = reader_make(rest);
    for (uint32_t i = 0; i < count && !reader.failed; i++) {
        struct range_entry entry;
        range_entry_decode(&reader, &entry);
    }
    return reader_end(&reader) == STATUS_OK;
}

void message_hello_encode(const struct message_hello *hello, struct buffer *out)
{
    buffer_append(out, hello->cluster_id, sizeof hello->cluster_id);
    buffer_put_u64(out, hello->generation);
    buffer_put_u64(out, hello->placement_digest);
    buffer_put_u32(out, hello->tag.epoch);
    buffer_put_u8(out, hello->tag.phase);
    buffer_put_u32(out, hello->node);
    buffer_put_u16(out, hello->storage_incarnation);
    buffer_put_u32(out, hello->boot_epoch);
    buffer_put_u64(out, hello->features);
}

enum status message_hello_decode(struct slice body, struct message_hello *out)
{
    struct reader reader = reader_make(body);
    struct slice cluster = reader_take(&reader, sizeof out->cluster_id);
    if (!reader.failed)
        memcpy(out->cluster_id, cluster.data, cluster.length);
    out->generation = reader_u64(&reader);
    out->placement_digest = reader_u64(&reader);
    out->tag.epoch = reader_u32(&reader);
    out->tag.phase = reader_u8(&reader);
    out->node = reader_u32(&reader);
    out->storage_incarnation = reader_u16(&reader);
    out->boot_epoch = reader_u32(&reader);
    out->features = reader_u64(&reader);
    return reader_end(&reader);
}

void message_heartbeat_encode(const struct message_heartbeat *heartbeat, struct buffer *out)
{
    buffer_put_u64(out, heartbeat->sent_us);
    buffer_put_u64(out, heartbeat->wall_ms);
    buffer_put_u64(out, heartbeat->echo_us);
    buffer_put_varint(out, heartbeat->held_us);
}

enum status message_heartbeat_decode(struct slice body, struct message_heartbeat *out)
{
    struct reader reader = reader_make(body);
    out->sent_us = reader_u64(&reader);
    out->wall_ms = reader_u64(&reader);
    out->echo_us = reader_u64(&reader);
    out->held_us = reader_varint(&reader);
    if (out->sent_us == 0 || (out->echo_us == 0 && out->held_us != 0))
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void replica_address_encode(const struct replica_address *address, struct buffer *out)
{
    buffer_put_u16(out, address->partition);
    buffer_put_varint(out, address->tag.epoch);
    buffer_put_u8(out, address->tag.phase);
}

void replica_address_decode(struct reader *reader, struct replica_address *out)
{
    out->partition = reader_u16(reader);
    out->tag.epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->tag.phase = reader_u8(reader);
    if (out->partition >= PARTITION_COUNT_MAX || out->tag.phase > RING_SWITCHED)
        reader->failed = true;
}

void message_read_encode(const struct message_read *read, struct buffer *out)
{
    replica_address_encode(&read->address, out);
    buffer_put_u16(out, read->keyspace);
    buffer_put_varint(out, read->value_bytes_max);
    buffer_put_u8(out, read->hidden);
    buffer_put_u16(out, read->key_count);
    buffer_append_slice(out, read->keys);
}

enum status message_read_decode(struct slice body, struct message_read *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->value_bytes_max = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->hidden = get_bool(&reader);
    out->key_count = reader_u16(&reader);
    out->keys = get_rest(&reader);
    return reader_end(&reader) == STATUS_OK && is_list(out->keys, out->key_count) ? STATUS_OK
                                                                                  : STATUS_CORRUPT;
}

void message_read_result_encode(const struct message_read_result *result, struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u16(out, result->cell_count);
    buffer_put_u8(out, result->collections.length > 0);
    buffer_append_slice(out, result->collections);
    buffer_append_slice(out, result->cells);
}

enum status message_read_result_decode(struct slice body, struct message_read_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->cell_count = reader_u16(&reader);
    out->collections = slice_make(NULL, 0);
    if (get_bool(&reader)) {
        out->collections = reader_take(&reader, out->cell_count);
        reader.failed = reader.failed || out->cell_count == 0;
    }
    out->cells = get_rest(&reader);
    return reader_end(&reader) == STATUS_OK && is_list(out->cells, out->cell_count)
               ? STATUS_OK
               : STATUS_CORRUPT;
}

void message_range_encode(const struct message_range *range, struct buffer *out)
{
    replica_address_encode(&range->address, out);
    buffer_put_u16(out, range->keyspace);
    buffer_put_u64(out, range->position);
    buffer_put_u32(out, range->limit);
    buffer_put_u8(out, range->with_values);
}

enum status message_range_decode(struct slice body, struct message_range *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->position = reader_u64(&reader);
    out->limit = reader_u32(&reader);
    out->with_values = get_bool(&reader);
    return reader_end(&reader);
}

void range_entry_encode(const struct range_entry *entry, struct buffer *out)
{
    buffer_put_u64(out, entry->position);
    buffer_put_bytes(out, entry->key);
    buffer_put_bytes(out, entry->cell);
    buffer_put_u8(out, entry->type);
}

void range_entry_decode(struct reader *reader, struct range_entry *out)
{
    out->position = reader_u64(reader);
    out->key = reader_bytes(reader);
    out->cell = reader_bytes(reader);
    out->type = reader_u8(reader);
}

void message_range_result_encode(const struct message_range_result *result, struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->done);
    buffer_put_u64(out, result->next_position);
    buffer_put_u32(out, result->entry_count);
    buffer_append_slice(out, result->entries);
}

enum status message_range_result_decode(struct slice body, struct message_range_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->done = get_bool(&reader);
    out->next_position = reader_u64(&reader);
    out->entry_count = reader_u32(&reader);
    out->entries = get_rest(&reader);
    return reader_end(&reader) == STATUS_OK && is_entry_list(out->entries, out->entry_count)
               ? STATUS_OK
               : STATUS_CORRUPT;
}

void cell_delivery_encode(const struct cell_delivery *delivery, struct buffer *out)
{
    buffer_put_u16(out, delivery->keyspace);
    buffer_put_bytes(out, delivery->key);
    buffer_put_bytes(out, delivery->cell);
    buffer_put_bytes(out, delivery->dots);
    buffer_put_bytes(out, delivery->requests);
}

void cell_delivery_decode(struct reader *reader, struct cell_delivery *out)
{
    out->keyspace = reader_u16(reader);
    out->key = reader_bytes(reader);
    out->cell = reader_bytes(reader);
    out->dots = reader_bytes(reader);
    out->requests = reader_bytes(reader);
    if (out->key.length > RECORD_KEY_BYTES_MAX)
        reader->failed = true;
}

void message_replicate_encode(const struct message_replicate *replicate, struct buffer *out)
{
    replica_address_encode(&replicate->address, out);
    buffer_put_u16(out, replicate->delivery_count);
    buffer_append_slice(out, replicate->deliveries);
}

enum status message_replicate_decode(struct slice body, struct message_replicate *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->delivery_count = reader_u16(&reader);
    out->deliveries = get_rest(&reader);
    return reader_end(&reader) == STATUS_OK &&
                   is_delivery_list(out->deliveries, out->delivery_count)
               ? STATUS_OK
               : STATUS_CORRUPT;
}

void message_replicated_encode(const struct message_replicated *replicated, struct buffer *out)
{
    put_status(out, replicated->status);
    buffer_put_u8(out, replicated->unseen_increments);
}

enum status message_replicated_decode(struct slice body, struct message_replicated *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->unseen_increments = get_bool(&reader);
    return reader_end(&reader);
}

void message_digest_encode(const struct message_digest *digest, struct buffer *out)
{
    replica_address_encode(&digest->address, out);
    buffer_put_u16(out, digest->keyspace);
}

enum status message_digest_decode(struct slice body, struct message_digest *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    return reader_end(&reader);
}

void message_digest_result_encode(const struct message_digest_result *result, struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u64(out, result->keyspace_count);
    buffer_put_u64(out, result->element_count);
    buffer_put_u64(out, result->count);
    buffer_put_u64(out, result->clock_digest);
    buffer_put_u64(out, result->content_digest);
}

enum status message_digest_result_decode(struct slice body, struct message_digest_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->keyspace_count = reader_u64(&reader);
    out->element_count = reader_u64(&reader);
    out->count = reader_u64(&reader);
    out->clock_digest = reader_u64(&reader);
    out->content_digest = reader_u64(&reader);
    return reader_end(&reader);
}

void sync_question_encode(const struct sync_question *question, struct buffer *out)
{
    replica_address_encode(&question->address, out);
    buffer_put_u8(out, question->flags);
    buffer_put_varint(out, question->before);
    buffer_put_varint(out, question->top);
    clock_encode(&question->clock, out);
}

void sync_question_decode(struct reader *reader, struct sync_question *out)
{
    replica_address_decode(reader, &out->address);
    out->flags = reader_u8(reader);
    if (out->flags > SYNC_ALL)
        reader->failed = true;
    out->before = reader_varint(reader);
    out->top = reader_varint(reader);
    clock_decode(reader, &out->clock);
}

void sync_answer_encode(const struct sync_answer *answer, struct buffer *out)
{
    replica_address_encode(&answer->address, out);
    put_status(out, answer->status);
    buffer_put_u8(out, answer->complete);
    buffer_put_varint(out, answer->before);
    buffer_put_varint(out, answer->top);
    buffer_put_varint(out, answer->delivery_count);
    buffer_put_bytes(out, answer->deliveries);
}

void sync_answer_decode(struct reader *reader, struct sync_answer *out)
{
    replica_address_decode(reader, &out->address);
    out->status = get_status(reader);
    out->complete = get_bool(reader);
    out->before = reader_varint(reader);
    out->top = reader_varint(reader);
    out->delivery_count = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->deliveries = reader_bytes(reader);
    if (!reader->failed && !is_delivery_list(out->deliveries, out->delivery_count))
        reader->failed = true;
}

void message_mint_encode(const struct message_mint *mint, struct buffer *out)
{
    replica_address_encode(&mint->address, out);
    buffer_put_bytes(out, mint->request);
    buffer_put_bytes(out, mint->lookup);
    buffer_put_u16(out, mint->cell_count);
    buffer_append_slice(out, mint->cells);
}

enum status message_mint_decode(struct slice body, struct message_mint *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->request = reader_bytes(&reader);
    out->lookup = reader_bytes(&reader);
    out->cell_count = reader_u16(&reader);
    out->cells = get_rest(&reader);
    return reader_end(&reader) == STATUS_OK && is_list(out->cells, out->cell_count)
               ? STATUS_OK
               : STATUS_CORRUPT;
}

void message_minted_encode(const struct message_minted *minted, struct buffer *out)
{
    put_status(out, minted->status);
    buffer_put_u8(out, minted->written);
    buffer_put_u8(out, minted->repeated);
    buffer_put_bytes(out, minted->result);
    buffer_put_bytes(out, minted->replicate);
}

enum status message_minted_decode(struct slice body, struct message_minted *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->written = get_bool(&reader);
    out->repeated = get_bool(&reader);
    out->result = reader_bytes(&reader);
    out->replicate = reader_bytes(&reader);
    return reader_end(&reader);
}

void message_sync_clocks_encode(const struct message_sync_clocks *clocks, struct buffer *out)
{
    buffer_put_u16(out, clocks->count);
    for (uint16_t i = 0; i < clocks->count; i++) {
        buffer_put_u16(out, clocks->cursors[i].partition);
        buffer_put_varint(out, clocks->cursors[i].before);
        buffer_put_varint(out, clocks->cursors[i].top);
    }
}

enum status message_sync_clocks_decode(struct slice body, struct message_sync_clocks *out)
{
    struct reader reader = reader_make(body);
    out->count = reader_u16(&reader);
    if (out->count > SYNC_PARTITIONS_MAX)
        return STATUS_CORRUPT;
    for (uint16_t i = 0; i < out->count; i++) {
        out->cursors[i].partition = reader_u16(&reader);
        out->cursors[i].before = reader_varint(&reader);
        out->cursors[i].top = reader_varint(&reader);
    }
    return reader_end(&reader);
}

void message_sync_apply_encode(const struct message_sync_apply *apply, struct buffer *out)
{
    buffer_put_u32(out, apply->from);
    buffer_append_slice(out, apply->page);
}

enum status message_sync_apply_decode(struct slice body, struct message_sync_apply *out)
{
    struct reader reader = reader_make(body);
    out->from = reader_u32(&reader);
    out->page = get_rest(&reader);
    return reader_end(&reader);
}

void message_sync_applied_encode(const struct message_sync_applied *applied, struct buffer *out)
{
    put_status(out, applied->status);
    buffer_put_u32(out, applied->cell_count);
}

enum status message_sync_applied_decode(struct slice body, struct message_sync_applied *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->cell_count = reader_u32(&reader);
    return reader_end(&reader);
}

void message_clock_encode(const struct message_clock *clock, struct buffer *out)
{
    buffer_put_u8(out, clock->skewed);
    buffer_put_u64(out, (uint64_t)clock->base_us);
}

enum status message_clock_decode(struct slice body, struct message_clock *out)
{
    struct reader reader = reader_make(body);
    uint8_t skewed = reader_u8(&reader);
    out->skewed = skewed == 1;
    out->base_us = (int64_t)reader_u64(&reader);
    return skewed > 1 ? STATUS_CORRUPT : reader_end(&reader);
}

void message_mint_from_encode(const struct message_mint_from *from, struct buffer *out)
{
    buffer_put_u64(out, from->wall_ms);
}

enum status message_mint_from_decode(struct slice body, struct message_mint_from *out)
{
    struct reader reader = reader_make(body);
    out->wall_ms = reader_u64(&reader);
    return reader_end(&reader);
}

void message_replica_state_encode(const struct message_replica_state *state, struct buffer *out)
{
    buffer_put_u16(out, state->partition);
    buffer_put_u8(out, state->state);
}

enum status message_replica_state_decode(struct slice body, struct message_replica_state *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->state = reader_u8(&reader);
    if (out->partition >= PARTITION_COUNT_MAX || out->state > REPLICA_ACTIVE)
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void message_store_counts_encode(const struct message_store_counts *counts, struct buffer *out)
{
    buffer_put_varint(out, counts->lww_losses);
    buffer_put_varint(out, counts->siblings_warned);
    buffer_put_varint(out, counts->ids_folded);
}

enum status message_store_counts_decode(struct slice body, struct message_store_counts *out)
{
    struct reader reader = reader_make(body);
    out->lww_losses = reader_varint(&reader);
    out->siblings_warned = reader_varint(&reader);
    out->ids_folded = reader_varint(&reader);
    return reader_end(&reader);
}
