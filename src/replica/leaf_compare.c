#include "replica/leaf_compare.h"

#include <assert.h>

#include "causal/expired.h"
#include "causal/garbage.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_tree.h"

enum verdict { SAME, BEHIND, SUPERSEDED, IN_FLIGHT, CORRUPT };

/* A cell of the store, and its versions as a listing has them. */
struct stored_cell {
    struct buffer record;
    struct cell cell;
};

static void stored_cell_deinit(struct stored_cell *stored)
{
    cell_deinit(&stored->cell);
    buffer_deinit(&stored->record);
}

/* The versions of a listing. */
static enum status decode(struct slice bytes, struct cell *out)
{
    struct reader reader = reader_make(bytes);
    cell_decode_versions(&reader, out);
    return reader_end(&reader);
}

/* ---- judging ------------------------------------------------------------------------------ */

/* What the tree sums of a cell, and what is left of that once all that has expired is gone. */
static void hash_both(const struct cell *cell, uint64_t now_ms, uint64_t *stored, uint64_t *left)
{
    struct slice any_name = {0};
    struct cell expired;
    *stored = *left = cell_hash(cell, any_name, 0);
    if (!cell_expire(cell, now_ms, &expired))
        return;
    *left = cell_hash(&expired, any_name, 0);
    cell_deinit(&expired);
}

enum difference { EQUAL, EXPIRED_ALONE, DIFFERENT };

/*
 * Whether the trees take them for different. Owners drop what has expired each in its time
 * (X2 of expiry.h), so that alone is nothing to repair.
 */
static enum difference differ(const struct cell *a, const struct cell *b, uint64_t now_ms)
{
    uint64_t stored_a, stored_b, left_a, left_b;
    hash_both(a, now_ms, &stored_a, &left_a);
    hash_both(b, now_ms, &stored_b, &left_b);
    return left_a != left_b ? DIFFERENT : stored_a != stored_b ? EXPIRED_ALONE : EQUAL;
}

/*
 * What the holder of `theirs` lacks of `mine`, the worst of it. Garbage that is missing counts
 * only when nothing is on its way: it may have been purged there already. What has expired
 * is as garbage: nobody is shown it, and it beats others.
 */
static enum verdict judge(const struct cell *mine, const struct cell *theirs,
                          const struct clock *their_clock, uint64_t now_ms)
{
    bool behind = false, superseded = false, garbage_lost = false, corrupt = false;
    struct cell expired, kept;
    bool any_expired = cell_expire(mine, now_ms, &expired);
    cell_without_garbage(any_expired ? &expired : mine, &kept);
    for (uint32_t i = 0; i < mine->count; i++) {
        const struct sibling *sibling = &mine->siblings[i];
        if (cell_find(theirs, &sibling->dot) != NULL)
            continue;
        if (!clock_has(their_clock, &sibling->dot))
            behind = true;
        else if (theirs->count > 0 && version_vector_covers(&theirs->context, &sibling->dot))
            superseded = true;
        else if (cell_find(&kept, &sibling->dot) == NULL)
            garbage_lost = true;
        else
            corrupt = true;
    }
    cell_deinit(&kept);
    cell_deinit(&expired);
    return corrupt        ? CORRUPT
           : behind       ? BEHIND
           : garbage_lost ? CORRUPT
           : superseded   ? SUPERSEDED
                          : SAME;
}

/* ---- walking over a range ------------------------------------------------------------------ */

static void append_leaf_bounds(const struct replica *replica, const struct leaf_range *range,
                               const struct replica_context *context, struct buffer *first,
                               struct buffer *end)
{
    uint8_t depth = (uint8_t)(context->partition_bits + range->bits);
    uint64_t width = depth == 0 ? 0 : UINT64_C(1) << (64 - depth); /* 0: all positions */
    uint64_t start = replica_position_first(replica, context) + range->index * width;
    record_cell_bound(start, first);
    if (width != 0 && start + width != 0)
        record_cell_bound(start + width, end);
    else
        buffer_put_u8(end, RECORD_CELL + 1); /* behind every cell */
}

static void append_entry(struct slice name, const struct cell *cell, struct buffer *out)
{
    struct buffer versions = {0};
    cell_encode_versions(cell, 0, &versions);
    buffer_put_bytes(out, name);
    buffer_put_bytes(out, buffer_slice(&versions));
    buffer_deinit(&versions);
}

static enum status open_record(struct slice record, struct cell *out)
{
    struct slice encoded;
    enum status status = record_cell_open(record, &encoded);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, out);
    return reader_end(&reader);
}

/* K5. A name that does not decode is left to who reads its cell. */
static bool is_dropped(struct slice name, const struct replica_context *context)
{
    struct cell_name parts;
    return record_cell_name_decode(name, &parts) == STATUS_OK &&
           keyspace_is_dropped(context, parts.keyspace);
}

enum status leaf_list(const struct replica *replica, const struct leaf_range *range,
                      uint64_t mono_ms, struct replica_context *context, struct buffer *out)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer first = {0}, end = {0}, to = {0}, entries = {0};
    struct message_tree_leaf leaf = {
        .address = {.partition = replica->partition, .tag = replica->tag},
        .flags = range->flags,
        .bits = range->bits,
        .index = range->index,
        .listing = {.clock = replica->clock,
                    .claim = {.mono_ms = mono_ms, .boot_epoch = replica->actor.boot_epoch}}};
    enum status status = STATUS_OK;
    uint32_t passed = 0;
    append_leaf_bounds(replica, range, context, &first, &end);
    leaf.listing.from = range->from.length > 0 ? range->from : buffer_slice(&first);
    for (port->seek(iterator, leaf.listing.from); status == STATUS_OK && port->valid(iterator);
         port->next(iterator)) {
        struct cell cell = {0};
        struct slice name = port->key(iterator);
        if (slice_compare(name, buffer_slice(&end)) >= 0)
            break;
        if (leaf.listing.entry_count >= LEAF_CELLS_PER_LISTING ||
            passed++ >= 2 * LEAF_CELLS_PER_LISTING || entries.length >= LEAF_LISTING_BYTES) {
            buffer_append_slice(&to, name);
            break;
        }
        if (is_dropped(name, context))
            continue;
        status = open_record(port->value(iterator), &cell);
        append_entry(name, &cell, &entries);
        leaf.listing.entry_count++;
        cell_deinit(&cell);
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    leaf.listing.to = buffer_slice(&to);
    leaf.listing.entries = buffer_slice(&entries);
    if (status == STATUS_OK)
        message_tree_leaf_encode(&leaf, out);
    buffer_deinit(&first);
    buffer_deinit(&end);
    buffer_deinit(&to);
    buffer_deinit(&entries);
    return status;
}

/* ---- answering ----------------------------------------------------------------------------- */

struct answer {
    const struct replica *replica;
    const struct clock *asker_clock;
    bool sees_all; /* this clock holds all that the asker's does */
    bool dry_run;
    uint64_t now_ms;
    struct tree_differences differences;
    uint16_t forced_count;
    struct buffer forced;
    uint16_t back_count;
    struct buffer back;
};

static void append_forced(const struct cell_name *name, const struct cell *mine,
                          const struct cell *theirs, struct buffer *out)
{
    struct buffer delivery = {0};
    replica_append_delivery(name->keyspace, name->key, mine, &delivery);
    struct forced_delivery forced = {.expected = replica_version_hash(theirs),
                                     .delivery = buffer_slice(&delivery)};
    forced_delivery_encode(&forced, out);
    buffer_deinit(&delivery);
}

/* One cell that either side may have. */
static void answer_cell(struct answer *answer, struct slice name, const struct cell_name *parts,
                        const struct cell *mine, const struct cell *theirs)
{
    struct tree_differences *differences = &answer->differences;
    enum difference difference = differ(mine, theirs, answer->now_ms);
    differences->expired += difference == EXPIRED_ALONE;
    if (difference != DIFFERENT)
        return;
    enum verdict there = judge(mine, theirs, answer->asker_clock, answer->now_ms);
    enum verdict here = judge(theirs, mine, &answer->replica->clock, answer->now_ms);
    if (here == CORRUPT) {
        append_entry(name, mine, &answer->back); /* the asker judges, by its clock of then */
        answer->back_count++;
    }
    if (there == CORRUPT && !answer->sees_all)
        there = IN_FLIGHT;
    if (there == CORRUPT && !answer->dry_run) {
        append_forced(parts, mine, theirs, &answer->forced);
        answer->forced_count++;
    }
    differences->corrupt += there == CORRUPT;
    differences->in_flight += there == IN_FLIGHT;
    if (there != CORRUPT && there != IN_FLIGHT && here != CORRUPT) {
        bool superseded = there == SUPERSEDED || here == SUPERSEDED;
        differences->superseded += superseded;
        differences->behind += !superseded;
    }
}

/* The next entry of the listing, decoded; false at its end. */
struct listed {
    struct reader reader;
    uint16_t left;
    struct slice name;
    struct cell cell;
};

static enum status listed_next(struct listed *listed)
{
    cell_deinit(&listed->cell);
    listed->name = slice_make(NULL, 0);
    if (listed->left == 0)
        return STATUS_OK;
    listed->left--;
    listed->name = reader_bytes(&listed->reader);
    return decode(reader_bytes(&listed->reader), &listed->cell);
}

static bool is_full(const struct answer *answer)
{
    return answer->forced.length >= LEAF_FORCED_BYTES ||
           answer->back.length >= LEAF_LISTING_BYTES ||
           answer->back_count >= LEAF_CELLS_PER_LISTING ||
           answer->forced_count >= LEAF_CELLS_PER_LISTING;
}

/* Whether the name is of a cell in this partition. */
static bool lies_here(const struct replica *replica, struct slice name,
                      const struct replica_context *context, struct cell_name *parts)
{
    return record_cell_name_decode(name, parts) == STATUS_OK &&
           parts->position >= replica_position_first(replica, context) &&
           parts->position <= replica_position_last(replica, context);
}

/*
 * Both sorted lists side by side, up to `end`. Stops before the first name that finds the answer
 * full or too many cells passed; that name goes into `next`.
 */
static enum status walk_both(struct answer *answer, struct listed *listed, struct slice end,
                             struct store_iterator *iterator, struct replica_context *context,
                             struct buffer *next)
{
    const struct store_port *port = context->port;
    const struct cell none = {0};
    enum status status = listed_next(listed);
    uint32_t passed = 0;
    while (status == STATUS_OK) {
        struct slice own = {0};
        struct cell mine = {0};
        struct cell_name parts;
        if (port->valid(iterator) && slice_compare(port->key(iterator), end) < 0)
            own = port->key(iterator);
        if (own.length == 0 && listed->name.length == 0)
            break;
        int order = own.length == 0            ? 1
                    : listed->name.length == 0 ? -1
                                               : slice_compare(own, listed->name);
        struct slice name = order <= 0 ? own : listed->name;
        if (is_full(answer) || passed++ >= 2 * LEAF_CELLS_PER_LISTING) {
            buffer_append_slice(next, name);
            break;
        }
        if (!lies_here(answer->replica, name, context, &parts))
            return STATUS_CORRUPT;
        if (order <= 0)
            status = open_record(port->value(iterator), &mine);
        if (status == STATUS_OK && keyspace_is_dropped(context, parts.keyspace))
            answer->differences.expired++; /* K5: it goes by itself */
        else if (status == STATUS_OK)
            answer_cell(answer, name, &parts, &mine, order >= 0 ? &listed->cell : &none);
        cell_deinit(&mine);
        if (order <= 0)
            port->next(iterator);
        if (order >= 0 && status == STATUS_OK)
            status = listed_next(listed);
    }
    return status == STATUS_OK ? port->error(iterator) : status;
}

void leaf_answer(const struct replica *replica, const struct message_tree_leaf *leaf,
                 uint64_t mono_ms, struct replica_context *context, struct buffer *out)
{
    const struct tree_listing *listing = &leaf->listing;
    const struct leaf_range range = {.bits = leaf->bits, .index = leaf->index};
    struct answer answer = {.replica = replica,
                            .asker_clock = &listing->clock,
                            .sees_all = clock_descends(&replica->clock, &listing->clock),
                            .dry_run = (leaf->flags & TREE_DRY_RUN) != 0,
                            .now_ms = context->wall_ms};
    struct listed listed = {.reader = reader_make(listing->entries), .left = listing->entry_count};
    struct buffer first = {0}, end = {0}, next = {0};
    struct message_tree_leaf_result result = {
        .address = leaf->address, .flags = leaf->flags, .claim = listing->claim};
    append_leaf_bounds(replica, &range, context, &first, &end);
    struct slice until = listing->to.length > 0 ? listing->to : buffer_slice(&end);
    struct store_iterator *iterator = context->port->iterator_new(context->port->context);
    context->port->seek(iterator, listing->from);
    result.status = walk_both(&answer, &listed, until, iterator, context, &next);
    context->port->iterator_free(iterator);
    if (result.status == STATUS_OK) {
        result.next = next.length > 0 ? buffer_slice(&next) : listing->to;
        result.differences = answer.differences;
        result.forced_count = answer.forced_count;
        result.forced = buffer_slice(&answer.forced);
        result.back = (struct tree_listing){
            .claim = {.mono_ms = mono_ms, .boot_epoch = replica->actor.boot_epoch},
            .entry_count = answer.back_count,
            .entries = buffer_slice(&answer.back)};
        if (answer.back_count > 0)
            result.back.clock = replica->clock; /* lent */
    }
    message_tree_leaf_result_encode(&result, out);
    cell_deinit(&listed.cell);
    buffer_deinit(&first);
    buffer_deinit(&end);
    buffer_deinit(&next);
    buffer_deinit(&answer.forced);
    buffer_deinit(&answer.back);
}

/* ---- the listing back ---------------------------------------------------------------------- */

static enum status load(const struct cell_name *parts, struct replica_context *context,
                        struct stored_cell *out)
{
    *out = (struct stored_cell){0};
    enum status status = replica_load_cell(context, parts->keyspace, parts->key, &out->record);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    return status == STATUS_OK ? open_record(buffer_slice(&out->record), &out->cell) : status;
}

enum status leaf_judge(const struct replica *replica, const struct tree_listing *back, bool dry_run,
                       struct replica_context *context, struct tree_differences *differences,
                       uint16_t *count, struct buffer *forced)
{
    struct listed listed = {.reader = reader_make(back->entries), .left = back->entry_count};
    bool sees_all = clock_descends(&replica->clock, &back->clock);
    enum status status = listed_next(&listed);
    while (status == STATUS_OK && listed.name.length > 0) {
        struct cell_name parts;
        struct stored_cell mine = {0};
        if (!lies_here(replica, listed.name, context, &parts))
            status = STATUS_CORRUPT;
        if (status == STATUS_OK)
            status = load(&parts, context, &mine);
        if (status == STATUS_OK && !keyspace_is_dropped(context, parts.keyspace) &&
            differ(&mine.cell, &listed.cell, context->wall_ms) == DIFFERENT) {
            enum verdict there = judge(&mine.cell, &listed.cell, &back->clock, context->wall_ms);
            differences->behind += there == SAME || there == BEHIND;
            differences->superseded += there == SUPERSEDED;
            differences->in_flight += there == CORRUPT && !sees_all;
            differences->corrupt += there == CORRUPT && sees_all;
            if (there == CORRUPT && sees_all && !dry_run && forced->length < LEAF_FORCED_BYTES) {
                append_forced(&parts, &mine.cell, &listed.cell, forced);
                *count = (uint16_t)(*count + 1);
            }
        }
        stored_cell_deinit(&mine);
        if (status == STATUS_OK)
            status = listed_next(&listed);
    }
    cell_deinit(&listed.cell);
    return status;
}

bool leaf_claim_is_valid(const struct replica *replica, const struct tree_claim *claim,
                         uint64_t mono_ms)
{
    return claim->boot_epoch == replica->actor.boot_epoch && claim->mono_ms <= mono_ms &&
           mono_ms - claim->mono_ms <= TREE_CLAIM_MS_MAX;
}
