#include "wire/message_tree.h"

#include <assert.h>

#include "wire/message_parts.h"

enum { SUM_BITS_MAX = 32 };

static uint32_t get_u32(struct reader *reader)
{
    return (uint32_t)reader_varint_max(reader, UINT32_MAX);
}

/* A depth, and an index that exists there. */
static void check_node(struct reader *reader, uint8_t bits, uint32_t index)
{
    if (bits >= SUM_BITS_MAX || index >> bits != 0)
        reader->failed = true;
}

static struct slice get_rest(struct reader *reader)
{
    return reader_take(reader, reader_left(reader));
}

void message_tree_root_encode(const struct message_tree_root *root, struct buffer *out)
{
    replica_address_encode(&root->address, out);
    buffer_put_u8(out, root->fits);
    buffer_put_u8(out, root->bits);
    buffer_put_u64(out, root->hash);
    buffer_put_varint(out, root->count);
    buffer_put_u64(out, root->clock_hash);
}

enum status message_tree_root_decode(struct slice body, struct message_tree_root *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->fits = get_bool(&reader);
    out->bits = reader_u8(&reader);
    out->hash = reader_u64(&reader);
    out->count = reader_varint(&reader);
    out->clock_hash = reader_u64(&reader);
    check_node(&reader, out->bits, 0);
    return reader_end(&reader);
}

void message_tree_root_result_encode(const struct message_tree_root_result *result,
                                     struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->equal);
    buffer_put_u8(out, result->clocks_equal);
    buffer_put_u8(out, result->bits);
}

enum status message_tree_root_result_decode(struct slice body, struct message_tree_root_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->equal = get_bool(&reader);
    out->clocks_equal = get_bool(&reader);
    out->bits = reader_u8(&reader);
    check_node(&reader, out->bits, 0);
    return reader_end(&reader);
}

void message_tree_nodes_encode(const struct message_tree_nodes *nodes, struct buffer *out)
{
    assert(nodes->count == 1u << (nodes->bits - nodes->parent_bits));
    replica_address_encode(&nodes->address, out);
    buffer_put_u8(out, nodes->parent_bits);
    buffer_put_u8(out, nodes->bits);
    buffer_put_varint(out, nodes->parent);
    for (uint16_t i = 0; i < nodes->count; i++) {
        buffer_put_u64(out, nodes->hashes[i]);
        buffer_put_varint(out, nodes->counts[i]);
    }
}

enum status message_tree_nodes_decode(struct slice body, struct message_tree_nodes *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->parent_bits = reader_u8(&reader);
    out->bits = reader_u8(&reader);
    out->parent = get_u32(&reader);
    check_node(&reader, out->parent_bits, out->parent);
    if (reader.failed || out->bits >= SUM_BITS_MAX || out->bits < out->parent_bits ||
        out->bits - out->parent_bits > TREE_LEVEL_BITS)
        return STATUS_CORRUPT;
    out->count = (uint16_t)(1u << (out->bits - out->parent_bits));
    for (uint16_t i = 0; i < out->count; i++) {
        out->hashes[i] = reader_u64(&reader);
        out->counts[i] = reader_varint(&reader);
    }
    return reader_end(&reader);
}

void message_tree_nodes_result_encode(const struct message_tree_nodes_result *result,
                                      struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u16(out, result->count);
    for (uint16_t i = 0; i < result->count; i++)
        buffer_put_varint(out, result->differ[i]);
}

enum status message_tree_nodes_result_decode(struct slice body,
                                             struct message_tree_nodes_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->count = reader_u16(&reader);
    if (out->count > TREE_CHILDREN_MAX)
        return STATUS_CORRUPT;
    for (uint16_t i = 0; i < out->count; i++) {
        out->differ[i] = get_u32(&reader);
        if (i > 0 && out->differ[i] <= out->differ[i - 1])
            reader.failed = true;
    }
    return reader_end(&reader);
}

static void claim_encode(const struct tree_claim *claim, struct buffer *out)
{
    buffer_put_varint(out, claim->mono_ms);
    buffer_put_varint(out, claim->boot_epoch);
}

static void claim_decode(struct reader *reader, struct tree_claim *out)
{
    out->mono_ms = reader_varint(reader);
    out->boot_epoch = get_u32(reader);
}

void tree_listing_encode(const struct tree_listing *listing, struct buffer *out)
{
    clock_encode(&listing->clock, out);
    claim_encode(&listing->claim, out);
    buffer_put_bytes(out, listing->from);
    buffer_put_bytes(out, listing->to);
    buffer_put_u16(out, listing->entry_count);
    buffer_put_bytes(out, listing->entries);
}

/* Whether they are `count` names and cells, ascending by name, and nothing else. */
static bool is_entry_list(struct slice entries, uint16_t count)
{
    struct reader reader = reader_make(entries);
    struct slice before = {0};
    for (uint16_t i = 0; i < count && !reader.failed; i++) {
        struct slice name = reader_bytes(&reader);
        reader_bytes(&reader);
        if (i > 0 && slice_compare(name, before) <= 0)
            return false;
        before = name;
    }
    return reader_end(&reader) == STATUS_OK;
}

void tree_listing_decode(struct reader *reader, struct tree_listing *out)
{
    *out = (struct tree_listing){0};
    clock_decode(reader, &out->clock);
    claim_decode(reader, &out->claim);
    out->from = reader_bytes(reader);
    out->to = reader_bytes(reader);
    out->entry_count = reader_u16(reader);
    out->entries = reader_bytes(reader);
    if (!is_entry_list(out->entries, out->entry_count))
        reader->failed = true;
}

void message_tree_leaf_encode(const struct message_tree_leaf *leaf, struct buffer *out)
{
    replica_address_encode(&leaf->address, out);
    buffer_put_u8(out, leaf->flags);
    buffer_put_u8(out, leaf->bits);
    buffer_put_varint(out, leaf->index);
    tree_listing_encode(&leaf->listing, out);
}

enum status message_tree_leaf_decode(struct slice body, struct message_tree_leaf *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->flags = reader_u8(&reader);
    out->bits = reader_u8(&reader);
    out->index = get_u32(&reader);
    check_node(&reader, out->bits, out->index);
    tree_listing_decode(&reader, &out->listing);
    return reader_end(&reader);
}

void tree_differences_add(struct tree_differences *sum, const struct tree_differences *more)
{
    sum->behind += more->behind;
    sum->superseded += more->superseded;
    sum->in_flight += more->in_flight;
    sum->corrupt += more->corrupt;
    sum->expired += more->expired;
}

static void differences_encode(const struct tree_differences *differences, struct buffer *out)
{
    buffer_put_varint(out, differences->behind);
    buffer_put_varint(out, differences->superseded);
    buffer_put_varint(out, differences->in_flight);
    buffer_put_varint(out, differences->corrupt);
    buffer_put_varint(out, differences->expired);
}

static void differences_decode(struct reader *reader, struct tree_differences *out)
{
    out->behind = get_u32(reader);
    out->superseded = get_u32(reader);
    out->in_flight = get_u32(reader);
    out->corrupt = get_u32(reader);
    out->expired = get_u32(reader);
}

void forced_delivery_encode(const struct forced_delivery *forced, struct buffer *out)
{
    buffer_put_u64(out, forced->expected);
    buffer_put_bytes(out, forced->delivery);
}

void forced_delivery_decode(struct reader *reader, struct forced_delivery *out)
{
    out->expected = reader_u64(reader);
    out->delivery = reader_bytes(reader);
}

static bool is_forced_list(struct slice forced, uint16_t count)
{
    struct reader reader = reader_make(forced);
    for (uint16_t i = 0; i < count && !reader.failed; i++) {
        struct forced_delivery one;
        forced_delivery_decode(&reader, &one);
    }
    return reader_end(&reader) == STATUS_OK;
}

void message_tree_leaf_result_encode(const struct message_tree_leaf_result *result,
                                     struct buffer *out)
{
    put_status(out, result->status);
    replica_address_encode(&result->address, out);
    buffer_put_u8(out, result->flags);
    buffer_put_bytes(out, result->next);
    differences_encode(&result->differences, out);
    claim_encode(&result->claim, out);
    buffer_put_u16(out, result->forced_count);
    buffer_put_bytes(out, result->forced);
    tree_listing_encode(&result->back, out);
}

enum status message_tree_leaf_result_decode(struct slice body, struct message_tree_leaf_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    replica_address_decode(&reader, &out->address);
    out->flags = reader_u8(&reader);
    out->next = reader_bytes(&reader);
    differences_decode(&reader, &out->differences);
    claim_decode(&reader, &out->claim);
    out->forced_count = reader_u16(&reader);
    out->forced = reader_bytes(&reader);
    if (!is_forced_list(out->forced, out->forced_count))
        reader.failed = true;
    tree_listing_decode(&reader, &out->back);
    return reader_end(&reader);
}

void message_tree_repair_encode(const struct message_tree_repair *repair, struct buffer *out)
{
    replica_address_encode(&repair->address, out);
    claim_encode(&repair->claim, out);
    buffer_put_u16(out, repair->forced_count);
    buffer_append_slice(out, repair->forced);
}

enum status message_tree_repair_decode(struct slice body, struct message_tree_repair *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    claim_decode(&reader, &out->claim);
    out->forced_count = reader_u16(&reader);
    out->forced = get_rest(&reader);
    if (!is_forced_list(out->forced, out->forced_count))
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void message_tree_repaired_encode(const struct message_tree_repaired *repaired, struct buffer *out)
{
    put_status(out, repaired->status);
    buffer_put_varint(out, repaired->repaired);
    buffer_put_varint(out, repaired->refused);
}

enum status message_tree_repaired_decode(struct slice body, struct message_tree_repaired *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->repaired = get_u32(&reader);
    out->refused = get_u32(&reader);
    return reader_end(&reader);
}
