#include "replica/replica_tree.h"

#include "wire/record_tree.h"

uint64_t replica_tree_offset(const struct replica_context *context, uint64_t position)
{
    return position << context->partition_bits;
}

uint64_t replica_position_first(const struct replica *replica,
                                const struct replica_context *context)
{
    uint8_t bits = context->partition_bits;
    return bits == 0 ? 0 : (uint64_t)replica->partition << (64 - bits);
}

uint64_t replica_position_last(const struct replica *replica, const struct replica_context *context)
{
    return replica_position_first(replica, context) | UINT64_MAX >> context->partition_bits;
}

static enum status load_page(const struct replica *replica, uint32_t page, struct sum_tree *tree,
                             struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    uint32_t leaves = sum_tree_page_leaves(tree);
    uint32_t first = page * leaves;
    record_tree_page_name(replica->partition, page, &name);
    enum status status = context->port->get(context->port->context, buffer_slice(&name), &value);
    if (status == STATUS_OK && tree_page_decode(buffer_slice(&value), leaves, tree->hashes + first,
                                                tree->counts + first) != STATUS_OK)
        status = STATUS_NOT_FOUND;
    for (uint32_t i = first; status == STATUS_OK && i < first + leaves; i++) {
        tree->root.hash += tree->hashes[i];
        tree->root.count += tree->counts[i];
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

/* STATUS_NOT_FOUND: there is none that belongs to this checkpoint. */
static enum status load_pages(struct replica *replica, struct sum_tree *tree,
                              struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    struct tree_header_record header;
    record_tree_header_name(replica->partition, &name);
    enum status status = context->port->get(context->port->context, buffer_slice(&name), &value);
    if (status == STATUS_OK && tree_header_decode(buffer_slice(&value), &header) != STATUS_OK)
        status = STATUS_NOT_FOUND; /* of another version */
    if (status == STATUS_OK) {
        replica->scrubbed_ms = header.scrubbed_ms;
        if (header.log_position != replica->checkpoint_position ||
            header.partition_bits != context->partition_bits || header.bits == 0 ||
            header.bits > SUM_TREE_BITS_MAX)
            status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        sum_tree_init(tree, header.bits);
    for (uint32_t page = 0; status == STATUS_OK && page < sum_tree_page_count(tree); page++)
        status = load_page(replica, page, tree, context);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

enum status replica_tree_load(struct replica *replica, struct replica_context *context)
{
    struct tree_node root = replica->tree.root; /* of the checkpoint: digest and counts */
    struct sum_tree tree = {0};
    enum status status = load_pages(replica, &tree, context);
    if (status == STATUS_OK && tree_node_equal(tree.root, root)) {
        sum_tree_deinit(&replica->tree);
        replica->tree = tree;
        return STATUS_OK;
    }
    sum_tree_deinit(&tree);
    return status == STATUS_OK || status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void store_page(struct replica *replica, uint32_t page, struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    struct sum_tree *tree = &replica->tree;
    uint32_t leaves = sum_tree_page_leaves(tree);
    record_tree_page_name(replica->partition, page, &name);
    tree_page_encode(tree->hashes + page * leaves, tree->counts + page * leaves, leaves, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    tree->dirty[page] = false;
    buffer_deinit(&name);
    buffer_deinit(&value);
}

void replica_tree_store(struct replica *replica, struct replica_context *context)
{
    struct buffer name = {0}, value = {0};
    struct tree_header_record header = {.partition_bits = context->partition_bits,
                                        .bits = replica->tree.bits,
                                        .log_position = replica->log_position,
                                        .scrubbed_ms = replica->scrubbed_ms};
    if (header.bits == 0 && header.scrubbed_ms == 0)
        return; /* the checkpoint alone says it all */
    record_tree_header_name(replica->partition, &name);
    tree_header_encode(&header, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    buffer_deinit(&name);
    buffer_deinit(&value);
    /* One leaf alone is the digest and the counts, which the checkpoint has. */
    for (uint32_t page = 0; replica->tree.bits > 0 && page < sum_tree_page_count(&replica->tree);
         page++)
        if (replica->tree.dirty[page])
            store_page(replica, page, context);
}

void replica_tree_replace(struct replica *replica, struct sum_tree *tree,
                          struct replica_context *context)
{
    uint32_t kept = tree->bits > 0 ? sum_tree_page_count(tree) : 0;
    uint32_t stored = replica->tree.bits > 0 ? sum_tree_page_count(&replica->tree) : 0;
    for (uint32_t page = kept; page < stored; page++) {
        struct buffer name = {0};
        record_tree_page_name(replica->partition, page, &name);
        store_batch_delete(context->batch, buffer_slice(&name));
        buffer_deinit(&name);
    }
    sum_tree_deinit(&replica->tree);
    replica->tree = *tree;
    *tree = (struct sum_tree){0};
    for (uint32_t page = 0; page < sum_tree_page_count(&replica->tree); page++)
        replica->tree.dirty[page] = true;
}
