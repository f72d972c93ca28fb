#include "replica/hint_store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/table.h"
#include "ring/position.h"
#include "ring/transition.h"
#include "wire/record_hint.h"

/* What the present group has made of a record: reads of the store do not show it yet. */
struct changed_record {
    UT_hash_handle hh;
    struct buffer name;
    struct buffer value;
    bool present;
};

struct held_partition {
    uint64_t cells;
    uint64_t bytes;
    bool told;    /* its counts have not changed since they were told */
    bool refused; /* a limit was met since there was room */
    uint8_t replica_count;
    struct hint_debt debts[]; /* one for each replica, owners first, in the ring's order */
};

/* Replicas by their place among the debts. */
typedef uint32_t target_mask;
_Static_assert(RING_REPLICAS_MAX < 32, "a bit for each");

struct hint_store {
    struct hint_store_params params;
    struct held_partition **partitions; /* by number; NULL: nothing was kept of it yet */
    partition_id *untold;               /* partitions whose counts have changed */
    uint32_t untold_count;
    uint64_t cells; /* of all partitions; those set aside are none */
    uint64_t bytes;
    uint64_t aside;
    bool refused;
    struct changed_record *changed;
    uint64_t stored, merged, repeated, refusals;
};

struct hint_store *hint_store_new(const struct hint_store_params *params)
{
    struct hint_store *store = memory_new(1, sizeof *store);
    store->params = *params;
    store->partitions = memory_new(params->ring->partition_count, sizeof *store->partitions);
    store->untold = memory_new(params->ring->partition_count, sizeof *store->untold);
    return store;
}

static void forget_changes(struct hint_store *store)
{
    struct changed_record *record, *next;
    HASH_ITER(hh, store->changed, record, next)
    {
        HASH_DEL(store->changed, record);
        buffer_deinit(&record->name);
        buffer_deinit(&record->value);
        free(record);
    }
}

static struct held_partition *partition_of(const struct hint_store *store, partition_id partition);

void hint_store_close(struct hint_store *store)
{
    const struct ring *ring = store->params.ring;
    forget_changes(store);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        struct held_partition *held = store->partitions[p];
        if (held == NULL)
            continue;
        held->cells = held->bytes = 0;
        held->told = true;
        held->refused = false;
        for (uint8_t i = 0; i < held->replica_count; i++)
            held->debts[i].cells = held->debts[i].bytes = held->debts[i].oldest_ms = 0;
    }
    store->untold_count = 0;
    store->cells = store->bytes = store->aside = 0;
    store->refused = false;
    store->stored = store->merged = store->repeated = store->refusals = 0;
}

void hint_store_follow_ring(struct hint_store *store)
{
    hint_store_close(store);
    for (uint32_t p = 0; p < store->params.ring->partition_count; p++) {
        bool known = store->partitions[p] != NULL;
        free(store->partitions[p]);
        store->partitions[p] = NULL;
        if (known)
            partition_of(store, (partition_id)p); /* its counts are told again */
    }
}

bool hint_store_owes(const struct hint_store *store, partition_id partition, node_id node)
{
    const struct held_partition *held = store->partitions[partition];
    for (uint8_t i = 0; held != NULL && i < held->replica_count; i++)
        if (held->debts[i].target == node)
            return held->debts[i].cells > 0;
    return false;
}

bool hint_store_keeps_any(const struct hint_store *store)
{
    return store->cells > 0;
}

void hint_store_free(struct hint_store *store)
{
    if (store == NULL)
        return;
    hint_store_close(store);
    for (uint32_t p = 0; p < store->params.ring->partition_count; p++)
        free(store->partitions[p]);
    free(store->partitions);
    free(store->untold);
    free(store);
}

/* ---- counts ------------------------------------------------------------------------------- */

static struct held_partition *partition_of(const struct hint_store *store, partition_id partition)
{
    struct held_partition *held = store->partitions[partition];
    node_id row[RING_REPLICAS_MAX];
    if (held != NULL)
        return held;
    uint8_t count = ring_replicas(store->params.ring, partition, row);
    held = memory_new(1, sizeof *held + count * sizeof held->debts[0]);
    held->replica_count = count;
    for (uint8_t i = 0; i < count; i++)
        held->debts[i].target = row[i];
    held->told = true;
    store->partitions[partition] = held;
    return held;
}

static void note_change(struct hint_store *store, partition_id partition)
{
    struct held_partition *held = partition_of(store, partition);
    if (!held->told)
        return;
    held->told = false;
    store->untold[store->untold_count++] = partition;
}

/* Its bit; 0 when it has no replica of the partition. */
static target_mask target_bit(const struct hint_store *store, partition_id partition, node_id node)
{
    const struct held_partition *held = partition_of(store, partition);
    for (uint8_t i = 0; i < held->replica_count; i++)
        if (held->debts[i].target == node)
            return (target_mask)1 << i;
    return 0;
}

/*
 * Whether it is kept until a change is over: to whom the hint of an owner that comes or leaves is
 * owed in the end is not known before (T7 of tests/models/ring_change.py, where it is given at once
 * to all who may be owners then).
 */
static bool waits_for_change(const struct hint_store *store, partition_id partition,
                             const struct hint_record *record)
{
    const struct ring *ring = store->params.ring;
    bool waits = false;
    for (uint8_t i = 0; ring_transition(ring, partition) != NULL && i < record->intended_count; i++)
        waits = waits || !ring_owns(ring, record->intended[i], partition) ||
                ring_leaves(ring, record->intended[i], partition);
    return waits;
}

/* To whom a record is owed under the ring of now. */
static target_mask targets_of(const struct hint_store *store, partition_id partition,
                              const struct hint_record *record)
{
    target_mask targets = 0;
    for (uint8_t i = 0; i < record->intended_count; i++) {
        target_mask bit = target_bit(store, partition, record->intended[i]);
        if (bit == 0) /* it owns the partition no longer: all owners, which stand first */
            return ((target_mask)1 << store->params.ring->owner_count) - 1;
        targets |= bit;
    }
    return targets;
}

static void set_targets(const struct hint_store *store, partition_id partition, target_mask targets,
                        struct hint_record *record)
{
    const struct held_partition *held = partition_of(store, partition);
    record->intended_count = 0;
    for (uint8_t i = 0; i < held->replica_count; i++) {
        if ((targets >> i & 1) == 0)
            continue;
        node_id node = held->debts[i].target;
        uint8_t at = record->intended_count++;
        for (; at > 0 && record->intended[at - 1] > node; at--)
            record->intended[at] = record->intended[at - 1];
        record->intended[at] = node;
    }
}

static void count_in(struct hint_store *store, partition_id partition, target_mask targets,
                     uint64_t first_ms, size_t bytes)
{
    struct held_partition *held = partition_of(store, partition);
    for (uint8_t i = 0; i < held->replica_count; i++) {
        struct hint_debt *debt = &held->debts[i];
        if ((targets >> i & 1) == 0)
            continue;
        debt->cells++;
        debt->bytes += bytes;
        if (debt->oldest_ms == 0 || first_ms < debt->oldest_ms)
            debt->oldest_ms = first_ms;
    }
    held->cells++;
    store->cells++;
    held->bytes += bytes;
    store->bytes += bytes;
    note_change(store, partition);
}

static void count_out(struct hint_store *store, partition_id partition, target_mask targets,
                      size_t bytes)
{
    struct held_partition *held = partition_of(store, partition);
    assert(held->cells > 0 && held->bytes >= bytes && store->bytes >= bytes); /* H3 */
    for (uint8_t i = 0; i < held->replica_count; i++) {
        struct hint_debt *debt = &held->debts[i];
        if ((targets >> i & 1) == 0)
            continue;
        assert(debt->cells > 0 && debt->bytes >= bytes); /* H3 */
        debt->cells--;
        debt->bytes -= bytes;
        if (debt->cells == 0)
            debt->oldest_ms = 0;
    }
    held->cells--;
    store->cells--;
    held->bytes -= bytes;
    store->bytes -= bytes;
    for (uint8_t i = 0; held->cells == 0 && i < held->replica_count; i++)
        held->debts[i].cells = held->debts[i].bytes = held->debts[i].oldest_ms = 0;
    note_change(store, partition);
}

/*
 * A record that cannot be understood does not say to whom it was owed. Debts may then be too
 * high, never too low, until the partition has no hint left or the store is opened again.
 */
static void count_out_damaged(struct hint_store *store, partition_id partition, size_t bytes)
{
    struct held_partition *held = partition_of(store, partition);
    count_out(store, partition, 0, bytes);
    for (uint8_t i = 0; i < held->replica_count; i++) {
        struct hint_debt *debt = &held->debts[i];
        debt->cells = debt->cells < held->cells ? debt->cells : held->cells;
        debt->bytes = debt->bytes < held->bytes ? debt->bytes : held->bytes;
        if (debt->cells == 0)
            debt->bytes = debt->oldest_ms = 0;
    }
}

/* A limit that was met once counts as met until an eighth of it is free. */
static bool is_full(bool refused, uint64_t bytes, uint64_t bytes_max)
{
    return refused && bytes > bytes_max - bytes_max / 8;
}

bool hint_store_next_counts(struct hint_store *store, struct message_hint_counts *out)
{
    if (store->untold_count == 0)
        return false;
    partition_id partition = store->untold[--store->untold_count];
    struct held_partition *held = partition_of(store, partition);
    held->told = true;
    held->refused = is_full(held->refused, held->bytes, store->params.partition_bytes_max);
    store->refused = is_full(store->refused, store->bytes, store->params.bytes_max);
    *out = (struct message_hint_counts){.partition = partition,
                                        .cells = held->cells,
                                        .bytes = held->bytes,
                                        .full = held->refused,
                                        .store_full = store->refused,
                                        .store_bytes = store->bytes,
                                        .aside = store->aside,
                                        .stored = store->stored,
                                        .merged = store->merged,
                                        .repeated = store->repeated,
                                        .refused = store->refusals};
    for (uint8_t i = 0; i < held->replica_count && out->debt_count < RING_OWNERS_MAX; i++)
        if (held->debts[i].cells > 0)
            out->debts[out->debt_count++] = held->debts[i];
    store->stored = store->merged = store->repeated = store->refusals = 0;
    return true;
}

/* ---- records ------------------------------------------------------------------------------ */

static struct changed_record *find_changed(struct hint_store *store, struct slice name)
{
    struct changed_record *record = NULL;
    HASH_FIND(hh, store->changed, name.data, name.length, record);
    return record;
}

/* The record as the present group has it. STATUS_NOT_FOUND: surely absent. */
static enum status load(struct hint_store *store, const struct replica_context *context,
                        struct slice name, struct buffer *value)
{
    const struct changed_record *changed = find_changed(store, name);
    if (changed == NULL)
        return context->port->get(context->port->context, name, value);
    if (!changed->present)
        return STATUS_NOT_FOUND;
    buffer_append_slice(value, buffer_slice(&changed->value));
    return STATUS_OK;
}

static struct changed_record *changed_of(struct hint_store *store, struct slice name)
{
    struct changed_record *record = find_changed(store, name);
    if (record != NULL) {
        buffer_clear(&record->value);
        return record;
    }
    record = memory_new(1, sizeof *record);
    buffer_append_slice(&record->name, name);
    HASH_ADD_KEYPTR(hh, store->changed, record->name.data, record->name.length, record);
    return record;
}

static void put(struct hint_store *store, struct replica_context *context, struct slice name,
                struct slice value)
{
    struct changed_record *record = changed_of(store, name);
    record->present = true;
    buffer_append_slice(&record->value, value);
    store_batch_put(context->batch, name, value);
}

static void remove_record(struct hint_store *store, struct replica_context *context,
                          struct slice name)
{
    changed_of(store, name)->present = false;
    store_batch_delete(context->batch, name);
}

/* H4. Its bytes count on: they are still on the disk. */
static void set_aside(struct hint_store *store, struct replica_context *context, struct slice name,
                      struct slice value, enum status reason)
{
    struct buffer aside = {0};
    struct hint_name decoded;
    record_hint_name_aside(name, &aside);
    store_batch_put(context->batch, buffer_slice(&aside), value);
    remove_record(store, context, name);
    store->aside++;
    store->bytes += name.length + value.length;
    if (record_hint_name_decode(RECORD_HINT_CELL, name, &decoded) == STATUS_OK)
        log_line(&store->params.log, LOG_ERROR,
                 "set a hint aside that cannot be delivered partition=%u keyspace=%u "
                 "position=%016llx reason=%s",
                 decoded.partition, decoded.keyspace, (unsigned long long)decoded.position,
                 status_name(reason));
    else
        log_line(&store->params.log, LOG_ERROR, "set a hint aside whose name is damaged");
    buffer_deinit(&aside);
}

/* A record with what is in it. Release with open_hint_deinit(); values borrow from the record. */
struct open_hint {
    struct hint_record record;
    target_mask targets;
    struct cell cell;
    struct clock dots;
};

static void open_hint_deinit(struct open_hint *hint)
{
    cell_deinit(&hint->cell);
    clock_deinit(&hint->dots);
}

/* The name and all that is in the value, or why it cannot be understood. */
static enum status open_hint(const struct hint_store *store, struct slice name_bytes,
                             struct slice value, struct hint_name *name, struct open_hint *out)
{
    *out = (struct open_hint){0};
    enum status status = record_hint_name_decode(RECORD_HINT_CELL, name_bytes, name);
    if (status == STATUS_OK && name->partition >= store->params.ring->partition_count)
        status = STATUS_CORRUPT;
    if (status == STATUS_OK)
        status = hint_record_decode(value, &out->record);
    if (status != STATUS_OK)
        return status;
    struct reader cell = reader_make(out->record.cell);
    struct reader dots = reader_make(out->record.dots);
    cell_decode(&cell, &out->cell);
    clock_decode(&dots, &out->dots);
    out->targets = targets_of(store, name->partition, &out->record);
    return reader_end(&cell) == STATUS_OK ? reader_end(&dots) : STATUS_CORRUPT;
}

/* ---- opening ------------------------------------------------------------------------------ */

static void count_record(struct hint_store *store, struct replica_context *context,
                         struct slice name_bytes, struct slice value)
{
    struct hint_name name;
    struct open_hint hint;
    enum status status = open_hint(store, name_bytes, value, &name, &hint);
    if (status == STATUS_OK)
        count_in(store, name.partition, hint.targets, hint.record.first_ms,
                 name_bytes.length + value.length);
    else
        set_aside(store, context, name_bytes, value, status);
    open_hint_deinit(&hint);
}

enum status hint_store_open(struct hint_store *store, struct replica_context *context)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer bound = {0};
    for (uint32_t p = 0; p < store->params.ring->partition_count; p++)
        if (store->partitions[p] != NULL)
            note_change(store, (partition_id)p); /* what was told before may be wrong now */
    record_hint_bound(RECORD_HINT_CELL, 0, &bound);
    for (port->seek(iterator, buffer_slice(&bound)); port->valid(iterator); port->next(iterator)) {
        struct slice name = port->key(iterator);
        struct slice value = port->value(iterator);
        if (name.length < 2 || name.data[0] != RECORD_HINT ||
            (name.data[1] != RECORD_HINT_CELL && name.data[1] != RECORD_HINT_ASIDE))
            break;
        if (name.data[1] == RECORD_HINT_CELL) {
            count_record(store, context, name, value);
        } else {
            store->aside++;
            store->bytes += name.length + value.length;
        }
    }
    enum status status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&bound);
    if (status != STATUS_OK)
        hint_store_close(store);
    return status;
}

void hint_store_log(const struct hint_store *store, const char *what)
{
    if (store->cells > 0)
        log_line(&store->params.log, LOG_INFO, "%s cells=%llu bytes=%llu", what,
                 (unsigned long long)store->cells, (unsigned long long)store->bytes);
}

void hint_store_committed(struct hint_store *store)
{
    forget_changes(store);
}

/* ---- keeping ------------------------------------------------------------------------------ */

static enum status decode_delivery(const struct cell_delivery *delivery,
                                   const struct replica_context *context, struct cell *cell,
                                   struct clock *dots)
{
    struct reader reader = reader_make(delivery->cell);
    *dots = (struct clock){0};
    cell_decode(&reader, cell);
    enum status status = reader_end(&reader);
    if (status == STATUS_OK && delivery->dots.length > 0) {
        reader = reader_make(delivery->dots);
        clock_decode(&reader, dots);
        status = reader_end(&reader);
    }
    if (status != STATUS_OK)
        return status;
    /*
     * Once superseded here, the event of a request with an id may not enter a clock without its
     * record (replica_requests.h, Q1): log sync brings both. While it lives, its stamp does.
     */
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].request.length == 0)
            clock_add(dots, &cell->siblings[i].dot);
    return hybrid_time_too_far_ahead(cell_time_max(cell), context->wall_ms,
                                     context->max_clock_skew_ms)
               ? STATUS_CLOCK_SKEW
               : STATUS_OK;
}

/* H2. */
static bool has_room(struct hint_store *store, partition_id partition, size_t before, size_t after)
{
    struct held_partition *held = partition_of(store, partition);
    if (after <= before)
        return true;
    size_t growth = after - before;
    bool partition_has = held->bytes + growth <= store->params.partition_bytes_max;
    bool store_has = store->bytes + growth <= store->params.bytes_max;
    held->refused = held->refused || !partition_has;
    store->refused = store->refused || !store_has;
    return partition_has && store_has;
}

struct keep {
    partition_id partition;
    target_mask target;
    enum merge_policy policy;
    struct slice name;
    struct slice old_value;      /* empty: nothing is kept of the cell */
    const struct open_hint *old; /* then empty as well */
    const struct cell *incoming;
    const struct clock *dots;
};

/* Merge into what is kept of the cell, and put that. */
static enum status keep(struct hint_store *store, const struct keep *keep,
                        struct replica_context *context)
{
    struct cell merged = {0};
    struct clock dots = {0};
    struct buffer cell_bytes = {0}, dot_bytes = {0}, value = {0};
    bool present = keep->old_value.length > 0;
    target_mask targets = keep->old->targets | keep->target;
    enum status status = STATUS_OK;
    cell_merge(&keep->old->cell, keep->incoming, keep->policy, &merged);
    clock_copy(&keep->old->dots, &dots);
    clock_join(&dots, keep->dots);
    if (present && targets == keep->old->targets && clock_equal(&keep->old->dots, &dots) &&
        cell_same_version(&keep->old->cell, &merged)) {
        store->repeated++;
        note_change(store, keep->partition);
        goto done;
    }
    if (!cell_fits(&merged)) {
        status = STATUS_TOO_LARGE;
        goto done;
    }
    if (__builtin_popcount(targets) > RING_OWNERS_MAX) { /* more than a record can name */
        status = STATUS_NO_SPACE;
        goto done;
    }
    cell_encode(&merged, true, &cell_bytes);
    clock_encode(&dots, &dot_bytes);
    struct hint_record record = {.first_ms =
                                     present ? keep->old->record.first_ms : context->wall_ms,
                                 .dots = buffer_slice(&dot_bytes),
                                 .cell = buffer_slice(&cell_bytes)};
    set_targets(store, keep->partition, targets, &record);
    hint_record_encode(&record, &value);
    size_t before = present ? keep->name.length + keep->old_value.length : 0;
    size_t after = keep->name.length + value.length;
    if (!has_room(store, keep->partition, before, after)) {
        store->refusals++;
        note_change(store, keep->partition);
        status = STATUS_NO_SPACE;
        goto done;
    }
    if (present)
        count_out(store, keep->partition, keep->old->targets, before);
    count_in(store, keep->partition, targets, record.first_ms, after);
    put(store, context, keep->name, buffer_slice(&value));
    store->merged += present;
    store->stored += !present;
done:
    cell_deinit(&merged);
    clock_deinit(&dots);
    buffer_deinit(&cell_bytes);
    buffer_deinit(&dot_bytes);
    buffer_deinit(&value);
    return status;
}

enum status hint_store_add(struct hint_store *store, partition_id partition, node_id intended,
                           const struct cell_delivery *delivery, enum merge_policy policy,
                           struct replica_context *context)
{
    struct hint_name hint_name = {
        .partition = partition,
        .position = ring_position(delivery->key, delivery->keyspace, context->position_seed),
        .keyspace = delivery->keyspace,
        .key = delivery->key};
    struct cell incoming = {0};
    struct clock dots;
    struct buffer name = {0}, value = {0};
    struct open_hint old = {0};
    target_mask target = target_bit(store, partition, intended);
    assert(target != 0);
    enum status status = decode_delivery(delivery, context, &incoming, &dots);
    record_hint_name(RECORD_HINT_CELL, &hint_name, &name);
    if (status == STATUS_OK)
        status = load(store, context, buffer_slice(&name), &value);
    if (status == STATUS_OK && open_hint(store, buffer_slice(&name), buffer_slice(&value),
                                         &hint_name, &old) != STATUS_OK) {
        count_out_damaged(store, partition, name.length + value.length);
        set_aside(store, context, buffer_slice(&name), buffer_slice(&value), STATUS_CORRUPT);
        open_hint_deinit(&old);
        old = (struct open_hint){0};
        buffer_clear(&value);
    }
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    /* A delivery of no versions tells of a request alone, and a fallback is not asked for that. */
    bool empty = incoming.count == 0 && incoming.context.count == 0 && dots.count == 0;
    if (status == STATUS_OK && !empty)
        status = keep(store,
                      &(struct keep){.partition = partition,
                                     .target = target,
                                     .policy = policy,
                                     .name = buffer_slice(&name),
                                     .old_value = buffer_slice(&value),
                                     .old = &old,
                                     .incoming = &incoming,
                                     .dots = &dots},
                      context);
    open_hint_deinit(&old);
    clock_deinit(&dots);
    cell_deinit(&incoming);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

/* ---- giving away -------------------------------------------------------------------------- */

static uint64_t digest_of(const struct hint_record *record)
{
    return hash64_pair(record->dots, record->cell, 0);
}

void hint_page_deinit(struct hint_page *page)
{
    buffer_deinit(&page->last);
    buffer_deinit(&page->marks);
    buffer_deinit(&page->deliveries);
}

/* Append one record if the target lacks it; one that cannot be understood is set aside (H4). */
static void visit(struct hint_store *store, const struct message_hints_scan *scan,
                  target_mask target, struct slice name_bytes, struct slice value,
                  struct replica_context *context, struct hint_page *page)
{
    struct hint_name name;
    struct open_hint hint;
    enum status status = open_hint(store, name_bytes, value, &name, &hint);
    if (status != STATUS_OK && find_changed(store, name_bytes) == NULL) {
        count_out_damaged(store, scan->partition, name_bytes.length + value.length);
        set_aside(store, context, name_bytes, value, status);
    }
    if (status == STATUS_OK && (hint.targets & target) != 0 &&
        !waits_for_change(store, name.partition, &hint.record) &&
        !ring_keyspace_is_dropped(store->params.ring, name.keyspace)) {
        struct hint_mark mark = {.name = name_bytes,
                                 .digest = digest_of(&hint.record),
                                 .first_ms = hint.record.first_ms};
        struct cell_delivery delivery = {.keyspace = name.keyspace,
                                         .key = name.key,
                                         .cell = hint.record.cell,
                                         .dots = hint.record.dots};
        hint_mark_encode(&mark, &page->marks);
        cell_delivery_encode(&delivery, &page->deliveries);
        page->message.count++;
    }
    buffer_clear(&page->last);
    buffer_append_slice(&page->last, name_bytes);
    open_hint_deinit(&hint);
}

/* Whether a name begins as those of the partition do. */
static bool is_of(struct slice name, struct slice prefix)
{
    return name.length >= prefix.length &&
           slice_equal(slice_make(name.data, prefix.length), prefix);
}

void hint_store_page(struct hint_store *store, const struct message_hints_scan *scan,
                     struct replica_context *context, struct hint_page *page)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct message_hints_page *message = &page->message;
    target_mask target = target_bit(store, scan->partition, scan->target);
    struct buffer prefix = {0};
    record_hint_bound(RECORD_HINT_CELL, scan->partition, &prefix);
    bool goes_on = slice_compare(scan->after, buffer_slice(&prefix)) > 0;
    port->seek(iterator, goes_on ? scan->after : buffer_slice(&prefix));
    if (port->valid(iterator) && slice_equal(port->key(iterator), scan->after))
        port->next(iterator);
    for (uint32_t seen = 0; port->valid(iterator); port->next(iterator), seen++) {
        struct slice name = port->key(iterator);
        bool full = message->count >= scan->count_max || seen >= HINTS_LOOKED_AT_MAX ||
                    page->deliveries.length >= scan->bytes_max;
        message->done = !is_of(name, buffer_slice(&prefix));
        if (message->done || (seen > 0 && full))
            break;
        visit(store, scan, target, name, port->value(iterator), context, page);
    }
    message->done = message->done || !port->valid(iterator);
    message->status = port->error(iterator);
    message->last = buffer_slice(&page->last);
    message->marks = buffer_slice(&page->marks);
    message->deliveries = buffer_slice(&page->deliveries);
    if (message->status != STATUS_OK)
        *message = (struct message_hints_page){.status = message->status};
    port->iterator_free(iterator);
    buffer_deinit(&prefix);
}

/* Put the record again, owed to `targets`; without one it goes (H1). */
static void put_again(struct hint_store *store, struct slice name, struct slice value,
                      partition_id partition, struct open_hint *hint, target_mask targets,
                      uint64_t first_ms, struct replica_context *context)
{
    struct buffer again = {0};
    count_out(store, partition, hint->targets, name.length + value.length);
    if (targets == 0) {
        remove_record(store, context, name);
        return;
    }
    hint->record.first_ms = first_ms;
    set_targets(store, partition, targets, &hint->record);
    hint_record_encode(&hint->record, &again);
    count_in(store, partition, targets, first_ms, name.length + again.length);
    put(store, context, name, buffer_slice(&again));
    buffer_deinit(&again);
}

static enum status drop_one(struct hint_store *store, const struct message_hints_drop *drop,
                            const struct hint_mark *mark, struct replica_context *context,
                            uint32_t *dropped)
{
    target_mask target = target_bit(store, drop->partition, drop->target);
    struct buffer value = {0};
    struct hint_name name;
    struct open_hint hint = {0};
    enum status status = load(store, context, mark->name, &value);
    bool is_sound = status == STATUS_OK &&
                    open_hint(store, mark->name, buffer_slice(&value), &name, &hint) == STATUS_OK &&
                    name.partition == drop->partition;
    if (is_sound && (hint.targets & target) != 0) {
        bool same = digest_of(&hint.record) == mark->digest;
        uint64_t first_ms = hint.record.first_ms;
        if (!same && context->wall_ms > first_ms)
            first_ms = context->wall_ms; /* what it was has arrived: the rest begins to wait */
        put_again(store, mark->name, buffer_slice(&value), drop->partition, &hint,
                  same ? hint.targets & ~target : hint.targets, first_ms, context);
        *dropped += same;
    }
    open_hint_deinit(&hint);
    buffer_deinit(&value);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status hint_store_drop(struct hint_store *store, const struct message_hints_drop *drop,
                            struct replica_context *context, uint32_t *dropped)
{
    struct reader reader = reader_make(drop->marks);
    enum status status = STATUS_OK;
    *dropped = 0;
    for (uint32_t i = 0; i < drop->count && status == STATUS_OK; i++) {
        struct hint_mark mark;
        hint_mark_decode(&reader, &mark);
        status = reader.failed ? STATUS_CORRUPT : drop_one(store, drop, &mark, context, dropped);
    }
    return status;
}

/* ---- of dropped keyspaces ----------------------------------------------------------------- */

/* As the present group has it; one that cannot be understood is set aside when its turn comes. */
static enum status remove_one(struct hint_store *store, struct slice name_bytes,
                              struct replica_context *context, uint32_t *removed)
{
    struct hint_name name;
    struct open_hint hint = {0};
    struct buffer value = {0};
    if (record_hint_name_decode(RECORD_HINT_CELL, name_bytes, &name) != STATUS_OK ||
        !ring_keyspace_is_dropped(store->params.ring, name.keyspace))
        return STATUS_OK;
    enum status status = load(store, context, name_bytes, &value);
    if (status == STATUS_OK &&
        open_hint(store, name_bytes, buffer_slice(&value), &name, &hint) == STATUS_OK) {
        put_again(store, name_bytes, buffer_slice(&value), name.partition, &hint, 0, 0, context);
        ++*removed;
    }
    open_hint_deinit(&hint);
    buffer_deinit(&value);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status hint_store_remove_dropped(struct hint_store *store, struct buffer *place,
                                      struct replica_context *context, uint32_t *removed,
                                      bool *done)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    enum status status = STATUS_OK;
    if (place->length == 0)
        record_hint_bound(RECORD_HINT_CELL, 0, place);
    port->seek(iterator, buffer_slice(place));
    *done = true;
    for (uint32_t seen = 0; status == STATUS_OK && port->valid(iterator);
         port->next(iterator), seen++) {
        struct slice name = port->key(iterator);
        if (name.length < 2 || name.data[0] != RECORD_HINT || name.data[1] != RECORD_HINT_CELL)
            break;
        if (seen == HINTS_LOOKED_AT_MAX) {
            buffer_clear(place);
            buffer_append_slice(place, name);
            *done = false;
            break;
        }
        status = remove_one(store, name, context, removed);
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    *done = *done && status == STATUS_OK;
    port->iterator_free(iterator);
    return status;
}
