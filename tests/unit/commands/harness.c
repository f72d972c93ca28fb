#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "causal/deadline.h"
#include "causal/register.h"
#include "causal/score.h"
#include "commands/user_table.h"
#include "coordinator/key_request.h"
#include "coordinator/order.h"
#include "ring/element_key.h"
#include "ring/position.h"

enum { START_MONO_US = 5000000, PARTITIONS = 16 };
static const uint64_t START_WALL_MS = 1700000000000;

/* ---- the node around the sessions ---- */

static enum peer_state peer_state(void *node, node_id id)
{
    struct harness *harness = node;
    if (id == harness->environment.self)
        return PEER_SELF;
    return harness->down[id] ? PEER_DOWN : PEER_UP;
}

static uint64_t peer_silence_ms(void *node, node_id id, struct instant now)
{
    struct harness *harness = node;
    (void)now;
    return id == harness->environment.self ? 0 : 10 * id;
}

static bool replica_ready(void *node, partition_id partition)
{
    struct harness *harness = node;
    return partition != 0 && ring_owns(harness->ring, harness->environment.self, partition);
}

static void client_close(void *node, connection_id id)
{
    ((struct harness *)node)->closed_by_command = id;
}

static void client_send(void *node, connection_id id, struct slice bytes)
{
    struct client *client = &((struct harness *)node)->clients[id - 1];
    buffer_append_slice(&client->replies, bytes);
}

static void publish(void *node, bool sharded, struct slice channel, struct slice message)
{
    struct harness *harness = node;
    (void)channel; /* either may be empty */
    (void)message;
    harness->published++;
    harness->published_sharded = sharded;
}

static void client_wake(void *node, connection_id id)
{
    ((struct harness *)node)->woken_by_command = id;
}

/* Five nodes, three in eu and two in us; each partition has two owners in eu and one in us. */
static struct ring *make_ring(void)
{
    struct ring *ring = ring_new();
    memset(ring->cluster_id, 0xab, sizeof ring->cluster_id);
    ring->generation = 1;
    ring->tag = (struct ring_tag){.epoch = 7, .phase = RING_STABLE};
    ring->seed = 42;
    ring->partition_count = PARTITIONS;
    ring->region_count = 2;
    ring->owner_count = 3;
    snprintf(ring->regions[0].name, sizeof ring->regions[0].name, "eu");
    snprintf(ring->regions[1].name, sizeof ring->regions[1].name, "us");
    ring->regions[0].replicas = 2;
    ring->regions[1].replicas = 1;
    ring->keyspace_count = 3;
    ring->keyspaces[0] = (struct ring_keyspace){.number = 0, .name = "default"};
    ring->keyspaces[1] = (struct ring_keyspace){.number = 1, .name = "one"};
    ring->keyspaces[2] =
        (struct ring_keyspace){.number = 3, .name = "carts", .policy = KEYSPACE_SIBLINGS};
    ring->member_count = 5;
    ring->members = memory_new(ring->member_count, sizeof *ring->members);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        struct ring_member *member = &ring->members[i];
        member->id = i + 1u;
        member->storage_incarnation = 1;
        member->region = i < 3 ? 0 : 1;
        member->weight = 100;
        snprintf(member->rack, sizeof member->rack, "r%u", i + 1);
        snprintf(member->client.host, sizeof member->client.host, "127.0.0.1");
        snprintf(member->peer.host, sizeof member->peer.host, "127.0.0.1");
        member->client.port = (uint16_t)(7001 + i);
        member->peer.port = (uint16_t)(8001 + i);
    }
    ring->owners = memory_new((size_t)PARTITIONS * ring->owner_count, sizeof *ring->owners);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        node_id *row = ring->owners + p * ring->owner_count;
        row[0] = p / 4 % 3 + 1; /* in runs, so that ranges of slots can be merged */
        row[1] = (p / 4 + 1) % 3 + 1;
        row[2] = p / 4 % 2 + 4;
    }
    char reason[RING_REASON_MAX];
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    return ring;
}

/* No cryptography: enough to tell any change of key or message. */
static void mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES])
{
    uint64_t hash = hash64(key, 1);
    for (size_t i = 0; i < CONTEXT_MAC_BYTES; i++)
        out[i] = (uint8_t)(hash = hash64(message, hash));
}

/* Likewise. */
static void hash_password(struct slice password, uint8_t *out)
{
    uint64_t hash = hash64(password, 7);
    for (size_t i = 0; i < USER_HASH_BYTES; i++)
        out[i] = (uint8_t)(hash = hash64(slice_make(&hash, sizeof hash), i));
}

static uint64_t hash_start(void *node, connection_id id, uint8_t cost, const uint8_t *salt,
                           const uint8_t *digest)
{
    struct harness *harness = node;
    uint8_t bytes[1 + USER_SALT_BYTES + USER_HASH_BYTES] = {cost};
    (void)id;
    if (harness->hashes.full)
        return 0;
    memcpy(bytes + 1, salt, USER_SALT_BYTES);
    memcpy(bytes + 1 + USER_SALT_BYTES, digest, USER_HASH_BYTES);
    hash_password(slice_make(bytes, sizeof bytes), harness->hashes.hash);
    harness->hashes.cost = cost;
    harness->hashes.is_over = !harness->hashes.wait;
    return ++harness->hashes.count;
}

static enum status hash_take(void *node, uint64_t ticket, uint8_t *out)
{
    struct harness *harness = node;
    assert_int_equal(ticket, harness->hashes.count);
    if (!harness->hashes.is_over)
        return STATUS_NOT_READY;
    memcpy(out, harness->hashes.hash, USER_HASH_BYTES);
    return harness->hashes.failed ? STATUS_OVERLOADED : STATUS_OK;
}

static bool random_bytes(uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(i + 1);
    return true;
}

int harness_setup(void **state)
{
    struct harness *harness = memory_new(1, sizeof *harness);
    struct environment *environment = &harness->environment;
    harness->ring = make_ring();
    harness->now = (struct instant){.mono_us = START_MONO_US, .wall_ms = START_WALL_MS};
    settings_defaults(&harness->settings);
    environment_init(environment);
    environment->self = 1;
    environment->boot_epoch = 1;
    environment->storage_incarnation = 1;
    environment->start_mono_us = START_MONO_US - 3000000;
    environment->version = "0.1.0";
    environment->ring = harness->ring;
    environment->settings = &harness->settings;
    environment->statistics = &harness->statistics;
    environment->random = random_make(1);
    environment->node = harness;
    environment->peer_state = peer_state;
    environment->peer_silence_ms = peer_silence_ms;
    environment->replica_ready = replica_ready;
    environment->mac = mac;
    environment->hash_password = hash_password;
    environment->hash_start = hash_start;
    environment->hash_take = hash_take;
    environment->random_bytes = random_bytes;
    environment->client_close = client_close;
    environment->client_wake = client_wake;
    environment->client_send = client_send;
    environment->publish = publish;
    *state = harness;
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *harness = *state;
    for (uint32_t i = 0; i < harness->client_count; i++) {
        session_free(harness->clients[i].session);
        buffer_deinit(&harness->clients[i].replies);
    }
    for (uint32_t i = 0; i < harness->pending_count; i++)
        buffer_deinit(&harness->pending[i].encoded);
    for (uint32_t i = 0; i < harness->key_count; i++) {
        buffer_deinit(&harness->keys[i].key);
        buffer_deinit(&harness->keys[i].value);
    }
    assert_null(harness->environment.sessions);
    assert_int_equal(harness->environment.session_count, 0);
    version_vector_deinit(&harness->last_context);
    version_vector_deinit(&harness->more_context);
    environment_deinit(&harness->environment);
    ring_free(harness->ring);
    free(harness);
    return 0;
}

/* ---- the executor ---- */

static int key_order(const struct stored_key *stored, keyspace_id keyspace, uint64_t position,
                     struct slice key)
{
    if (stored->keyspace != keyspace)
        return stored->keyspace < keyspace ? -1 : 1;
    if (stored->position != position)
        return stored->position < position ? -1 : 1;
    return slice_compare(buffer_slice(&stored->key), key);
}

/* Where the key is or would be. */
static uint32_t key_index(const struct harness *harness, keyspace_id keyspace, uint64_t position,
                          struct slice key)
{
    uint32_t at = 0;
    while (at < harness->key_count && key_order(&harness->keys[at], keyspace, position, key) < 0)
        at++;
    return at;
}

static struct stored_key *find_key(struct harness *harness, keyspace_id keyspace, struct slice key)
{
    uint64_t position = ring_position(key, keyspace, harness->ring->seed);
    uint32_t at = key_index(harness, keyspace, position, key);
    if (at == harness->key_count || key_order(&harness->keys[at], keyspace, position, key) != 0)
        return NULL;
    return &harness->keys[at];
}

static bool is_visible(const struct harness *harness, const struct stored_key *stored)
{
    return stored->expire_at_ms == 0 || stored->expire_at_ms > harness->now.wall_ms;
}

static void remove_key(struct harness *harness, struct stored_key *stored)
{
    uint32_t at = (uint32_t)(stored - harness->keys);
    buffer_deinit(&stored->key);
    buffer_deinit(&stored->value);
    harness->key_count--;
    memmove(stored, stored + 1, (harness->key_count - at) * sizeof *stored);
}

static struct stored_key *insert_key(struct harness *harness, keyspace_id keyspace,
                                     struct slice key)
{
    uint64_t position = ring_position(key, keyspace, harness->ring->seed);
    uint32_t at = key_index(harness, keyspace, position, key);
    assert_true(harness->key_count < HARNESS_KEYS_MAX);
    memmove(&harness->keys[at + 1], &harness->keys[at],
            (harness->key_count - at) * sizeof harness->keys[0]);
    harness->key_count++;
    harness->keys[at] = (struct stored_key){.keyspace = keyspace, .position = position};
    buffer_append_slice(&harness->keys[at].key, key);
    return &harness->keys[at];
}

struct answer {
    struct key_result result;
    struct buffer bytes; /* of the outcomes; moved only before their slices are made */
};

static struct slice keep(struct answer *answer, struct slice bytes)
{
    size_t offset = answer->bytes.length;
    assert_true(answer->bytes.capacity - answer->bytes.length >= bytes.length);
    buffer_append_slice(&answer->bytes, bytes);
    return slice_make(answer->bytes.data + offset, bytes.length);
}

static const struct sibling *sibling_of(const struct harness *harness,
                                        const struct stored_key *stored, struct sibling *out)
{
    if (stored == NULL || !is_visible(harness, stored))
        return NULL;
    *out = (struct sibling){.dot = stored->dot,
                            .expire_at_ms = stored->expire_at_ms,
                            .kind = SIBLING_STRING,
                            .value = buffer_slice(&stored->value)};
    return out;
}

static bool condition_fails(struct harness *harness, const struct key_request *request)
{
    for (uint16_t i = 0; i < request->entry_count; i++) {
        struct sibling seen;
        struct stored_key *stored = find_key(harness, request->keyspace, request->entries[i].key);
        if ((request->entries[i].mutation.flags & MUTATION_IF_ABSENT) &&
            sibling_of(harness, stored, &seen) != NULL)
            return true;
    }
    return false;
}

static void note_context(struct harness *harness, const struct key_entry *entry)
{
    version_vector_deinit(&harness->last_context);
    harness->last_has_context = entry->context != NULL;
    harness->last_context_time = entry->context_time;
    if (entry->context != NULL)
        version_vector_copy(entry->context, &harness->last_context);
}

static enum status apply(struct harness *harness, const struct key_request *request,
                         const struct key_entry *entry, struct answer *answer,
                         struct key_outcome *outcome)
{
    struct stored_key *stored = find_key(harness, request->keyspace, entry->key);
    struct sibling seen;
    struct buffer built = {0};
    note_context(harness, entry);
    struct register_effect effect = {0};
    enum status status =
        register_mutate(&entry->mutation, sibling_of(harness, stored, &seen), harness->now.wall_ms,
                        harness->settings.value_bytes_max, &built, &effect);
    if (status == STATUS_OK) {
        outcome->number = effect.number;
        outcome->visible = effect.has_old;
        if (effect.has_old)
            outcome->value = keep(answer, effect.old);
        outcome->written = effect.write;
    }
    if (status == STATUS_OK && effect.write) {
        struct buffer value = {0};
        outcome->dot =
            (struct dot){.actor = {.node = 1, .boot_epoch = 1}, .sequence = ++harness->sequence};
        if (effect.replaces)
            buffer_append_slice(&value, effect.value);
        else if (effect.has_old) /* an increment; of one copy the sum is the value */
            buffer_append_slice(&value, effect.old);
        else
            buffer_printf(&value, "%lld", (long long)effect.number);
        if (!effect.replaces && stored != NULL && is_visible(harness, stored))
            effect.expire_at_ms = stored->expire_at_ms;
        if (stored == NULL)
            stored = insert_key(harness, request->keyspace, entry->key);
        buffer_deinit(&stored->value);
        stored->value = value;
        stored->expire_at_ms = effect.expire_at_ms;
        stored->dot = outcome->dot;
        if (effect.kind == SIBLING_TOMBSTONE)
            remove_key(harness, stored);
    }
    buffer_deinit(&built);
    return status;
}

/* Elements are kept as keys of the keyspace of elements, in the order of their places. */
static bool is_element_of(const struct stored_key *stored, keyspace_id keyspace, struct slice key,
                          struct element_key *parts)
{
    return stored->keyspace == keyspace_of_elements(keyspace) &&
           element_key_decode(buffer_slice(&stored->key), parts) == STATUS_OK &&
           slice_equal(parts->key, key);
}

/* The type that the key shows beside a string. */
static uint8_t type_of(struct harness *harness, keyspace_id keyspace, struct slice key)
{
    uint8_t type = COLLECTION_NONE;
    struct element_key parts;
    for (uint32_t i = 0; i < harness->key_count; i++)
        if (is_element_of(&harness->keys[i], keyspace, key, &parts) &&
            collection_type_is_shown(parts.type) && (type == COLLECTION_NONE || parts.type < type))
            type = parts.type;
    return type;
}

/* Whether the key shows another type than the one that is asked for, as owners tell it. */
static bool shows_another(struct harness *harness, const struct key_request *request)
{
    struct sibling seen;
    struct slice key = request->entries[0].key;
    if ((request->flags & KEY_HIDDEN) != 0)
        return false;
    if (sibling_of(harness, find_key(harness, request->keyspace, key), &seen) != NULL)
        return true;
    uint8_t type = type_of(harness, request->keyspace, key);
    if (harness->told_type != COLLECTION_NONE)
        type = harness->told_type; /* by an owner that is behind */
    return (request->flags & KEY_TYPE_SEEN) == 0 && type != COLLECTION_NONE &&
           type != request->collection;
}

/* The names of fields that count are elements, too, of a type of their own. */
static void note_counting(struct harness *harness, const struct key_request *request,
                          uint16_t index, struct answer *answer)
{
    struct key_request told = *request;
    struct key_outcome ignored;
    struct buffer name = {0};
    uint8_t operation = request->entries[index].mutation.operation;
    told.keyspace = keyspace_of_elements(request->keyspace);
    uint8_t counts = collection_counts_of(request->collection);
    if (counts == COLLECTION_NONE)
        return;
    element_key_encode(request->entries[0].key, counts, request->entries[index].key,
                       harness->ring->seed, &name);
    struct key_entry entry = {.key = buffer_slice(&name),
                              .mutation = {.operation = operation == REGISTER_INCREMENT
                                                            ? REGISTER_SET
                                                            : REGISTER_DELETE}};
    if (operation == REGISTER_INCREMENT || operation == REGISTER_DELETE)
        assert_int_equal(apply(harness, &told, &entry, answer, &ignored), STATUS_OK);
    buffer_deinit(&name);
}

/* Of the request's key; 0: it has none. There is room for one. */
static uint64_t *end_of(struct harness *harness, const struct key_request *request)
{
    static uint64_t none;
    if (slice_equal(slice_text(harness->end_of), request->entries[0].key))
        return &harness->end_ms;
    none = 0;
    return &none;
}

static void set_end(struct harness *harness, const struct key_request *request,
                    struct key_outcome *outcome)
{
    struct slice key = request->entries[0].key;
    struct sibling seen = {.expire_at_ms = *end_of(harness, request)};
    struct register_effect effect;
    struct buffer built = {0};
    assert_int_equal(register_mutate(&request->entries[0].mutation, &seen, harness->now.wall_ms,
                                     UINT64_MAX, &built, &effect),
                     STATUS_OK);
    outcome->number = effect.number;
    if (effect.write && effect.kind == SIBLING_TOMBSTONE) {
        outcome->number = DEADLINE_HAS_PASSED;
    } else if (effect.write) {
        outcome->written = true;
        assert_true(key.length < sizeof harness->end_of);
        snprintf(harness->end_of, sizeof harness->end_of, "%.*s", (int)key.length,
                 (const char *)key.data);
        harness->end_ms = effect.expire_at_ms;
    }
    buffer_deinit(&built);
}

/* As collection_must_be_looked_at(), of one that has an end. */
static bool must_be_looked_at(struct harness *harness, const struct key_request *request)
{
    bool any = false;
    if (request->kind != KEY_ELEMENTS_WRITE ||
        (request->flags & (KEY_TYPE_SEEN | KEY_NEW_LIFE)) != 0 || *end_of(harness, request) == 0)
        return false;
    for (uint16_t i = 1; i < request->entry_count && !any; i++) {
        struct buffer name = {0};
        struct sibling seen;
        element_key_encode(request->entries[0].key, request->collection, request->entries[i].key,
                           harness->ring->seed, &name);
        any = sibling_of(
                  harness,
                  find_key(harness, keyspace_of_elements(request->keyspace), buffer_slice(&name)),
                  &seen) != NULL;
        buffer_deinit(&name);
    }
    return !any;
}

static enum status apply_element(struct harness *harness, const struct key_request *request,
                                 uint16_t index, struct answer *answer, struct key_outcome *outcome)
{
    struct key_request told = *request;
    struct key_entry entry = request->entries[index];
    struct buffer name = {0};
    struct sibling seen;
    enum status status = STATUS_OK;
    told.keyspace = keyspace_of_elements(request->keyspace);
    element_key_encode(request->entries[0].key, request->collection, entry.key, harness->ring->seed,
                       &name);
    entry.key = buffer_slice(&name);
    const struct sibling *visible =
        sibling_of(harness, find_key(harness, told.keyspace, entry.key), &seen);
    if (request->kind == KEY_ELEMENTS_WRITE) {
        status = apply(harness, &told, &entry, answer, outcome);
        if (status == STATUS_OK)
            note_counting(harness, request, index, answer);
    } else if (visible != NULL) {
        *outcome = (struct key_outcome){.visible = true, .value = keep(answer, visible->value)};
    }
    buffer_deinit(&name);
    return status;
}

void harness_put_field(struct harness *harness, const char *key, const char *field)
{
    struct buffer name = {0};
    element_key_encode(slice_text(key), COLLECTION_HASH, slice_text(field), harness->ring->seed,
                       &name);
    insert_key(harness, keyspace_of_elements(harness->ring->keyspaces[0].number),
               buffer_slice(&name));
    buffer_deinit(&name);
}

static void walk(struct harness *harness, const struct key_request *request, struct answer *answer)
{
    struct key_result *result = &answer->result;
    result->outcomes = memory_new(request->limit, sizeof *result->outcomes);
    result->scan_done = true;
    for (uint32_t i = 0; i < harness->key_count; i++) {
        const struct stored_key *stored = &harness->keys[i];
        struct element_key parts;
        if (!is_element_of(stored, request->keyspace, request->entries[0].key, &parts) ||
            parts.type != request->collection || parts.place < request->position)
            continue;
        if (result->outcome_count == request->limit) {
            result->scan_done = false;
            result->next_position = parts.place;
            return;
        }
        result->outcomes[result->outcome_count++] =
            (struct key_outcome){.visible = true,
                                 .key = keep(answer, parts.element),
                                 .value = keep(answer, buffer_slice(&stored->value))};
    }
}

/* ---- sorted sets, by scores ---- */

struct ordered {
    struct buffer name; /* as order names are made */
    bool stands;
};

static int compare_ordered(const void *a, const void *b)
{
    const struct ordered *one = a, *other = b;
    return slice_compare(buffer_slice(&one->name), buffer_slice(&other->name));
}

static bool is_asked_for(const struct key_request *request, const struct ordered *item)
{
    struct slice from = request->entries[1].key;
    int order = slice_compare(buffer_slice(&item->name), from);
    return request->position != 0 ? from.length == 0 || order < 0 : order >= 0;
}

/* Where `stale_score` says so, an owner that is behind names each member by that score, too. */
static void walk_in_order(struct harness *harness, const struct key_request *request,
                          struct answer *answer)
{
    struct key_result *result = &answer->result;
    struct ordered *items = memory_new(2 * harness->key_count + 1, sizeof *items);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 2 * harness->key_count; i++) {
        const struct stored_key *stored = &harness->keys[i / 2];
        struct element_key parts;
        bool stale = i % 2 != 0;
        if ((stale && harness->stale_score == NULL) ||
            !is_element_of(stored, request->keyspace, request->entries[0].key, &parts) ||
            parts.type != COLLECTION_ZSET)
            continue;
        struct slice score =
            stale ? slice_text(harness->stale_score) : buffer_slice(&stored->value);
        items[count].stands = harness->stale_score == NULL && !harness->looks;
        buffer_put_u64(&items[count].name, score_to_order(score_of_value(score)));
        buffer_append_slice(&items[count++].name, parts.element);
    }
    qsort(items, count, sizeof *items, compare_ordered);
    result->outcomes = memory_new(request->limit + 1, sizeof *result->outcomes);
    result->scan_done = true;
    result->count = harness->counts_apart;
    for (uint32_t i = 0; i < count; i++) {
        const struct ordered *item = &items[request->position != 0 ? count - 1 - i : i];
        if (!is_asked_for(request, item))
            continue;
        if (result->outcome_count == request->limit) {
            const struct ordered *last = request->position != 0
                                             ? &items[count - i]
                                             : item; /* downwards the last one shown */
            result->scan_done = false;
            result->outcomes[result->outcome_count++] = (struct key_outcome){
                .number = ORDER_GOES_ON, .key = keep(answer, buffer_slice(&last->name))};
            break;
        }
        result->outcomes[result->outcome_count++] = (struct key_outcome){
            .visible = item->stands, .key = keep(answer, buffer_slice(&item->name))};
    }
    for (uint32_t i = 0; i < count; i++)
        buffer_deinit(&items[i].name);
    free(items);
}

static void remove_elements(struct harness *harness, const struct key_request *request)
{
    struct element_key parts;
    for (uint32_t i = harness->key_count; i > 0; i--)
        if (is_element_of(&harness->keys[i - 1], request->keyspace, request->entries[0].key,
                          &parts) &&
            collection_type_is_shown(parts.type)) /* names of fields that count are in no cut */
            remove_key(harness, &harness->keys[i - 1]);
}

static void read_siblings(struct harness *harness, struct answer *answer,
                          const struct sibling *visible)
{
    struct key_result *result = &answer->result;
    result->time = harness->now.wall_ms << 16;
    version_vector_copy(&harness->more_context, &result->context);
    for (uint16_t i = 0; i < harness->sibling_count; i++) {
        result->outcomes[i] = harness->siblings[i];
        result->outcomes[i].value = keep(answer, harness->siblings[i].value);
        version_vector_raise(&result->context, &harness->siblings[i].dot);
    }
    result->outcome_count = harness->sibling_count;
    if (harness->sibling_count > 0 || visible == NULL)
        return;
    result->outcomes[0].dot = visible->dot;
    result->outcomes[0].time = result->time;
    version_vector_raise(&result->context, &visible->dot);
    result->outcome_count = 1;
}

static void scan(struct harness *harness, const struct key_request *request, struct answer *answer)
{
    struct key_result *result = &answer->result;
    result->outcomes = memory_new(request->limit, sizeof *result->outcomes);
    result->scan_done = true;
    for (uint32_t i = 0; i < harness->key_count; i++) {
        const struct stored_key *stored = &harness->keys[i];
        if (stored->keyspace != request->keyspace || stored->position < request->position ||
            !is_visible(harness, stored) ||
            ring_partition_of_position(stored->position, PARTITIONS) != request->partition)
            continue;
        if (result->outcome_count == request->limit) {
            result->scan_done = false;
            result->next_position = stored->position;
            return;
        }
        result->outcomes[result->outcome_count++] =
            (struct key_outcome){.visible = true, .key = keep(answer, buffer_slice(&stored->key))};
    }
}

static void execute(struct harness *harness, const struct key_request *request,
                    struct answer *answer)
{
    struct key_result *result = &answer->result;
    size_t room = 64;
    for (uint32_t i = 0; i < harness->key_count; i++)
        room += 2 * (harness->keys[i].key.length + harness->keys[i].value.length + 8);
    for (uint16_t i = 0; i < harness->sibling_count; i++)
        room += harness->siblings[i].value.length;
    (void)buffer_reserve(&answer->bytes, room);
    *result = (struct key_result){.acks = 2, .needed = 2};
    switch (request->kind) {
    case KEY_READ: {
        struct sibling seen;
        const struct sibling *visible = sibling_of(
            harness, find_key(harness, request->keyspace, request->entries[0].key), &seen);
        result->outcomes = memory_new(4, sizeof *result->outcomes);
        result->outcome_count = 1;
        if (visible != NULL)
            result->outcomes[0] = (struct key_outcome){.visible = true,
                                                       .expire_at_ms = visible->expire_at_ms,
                                                       .value = keep(answer, visible->value)};
        else
            result->outcomes[0] = (struct key_outcome){
                .collection = type_of(harness, request->keyspace, request->entries[0].key),
                .expire_at_ms = *end_of(harness, request)};
        if ((request->flags & KEY_SIBLINGS) != 0)
            read_siblings(harness, answer, visible);
        break;
    }
    case KEY_WRITE:
        result->outcomes = memory_new(request->entry_count, sizeof *result->outcomes);
        result->outcome_count = request->entry_count;
        if ((request->flags & KEY_ALL_OR_NOTHING) && condition_fails(harness, request))
            break;
        for (uint16_t i = 0; i < request->entry_count && result->status == STATUS_OK; i++) {
            const struct key_entry *entry = &request->entries[i];
            bool deletes = entry->mutation.operation == REGISTER_DELETE;
            uint8_t beside = type_of(harness, request->keyspace, entry->key);
            struct sibling seen;
            bool string = sibling_of(harness, find_key(harness, request->keyspace, entry->key),
                                     &seen) != NULL;
            if (beside != COLLECTION_NONE && !string && !deletes &&
                mutation_reads(&entry->mutation))
                result->status = STATUS_WRONG_TYPE;
            else
                result->status = apply(harness, request, entry, answer, &result->outcomes[i]);
            bool replaces = entry->mutation.operation == REGISTER_SET && !string;
            if (deletes || replaces)
                result->outcomes[i].collection = beside;
        }
        break;
    case KEY_ELEMENTS_GET:
    case KEY_ELEMENTS_WRITE:
        result->outcomes = memory_new(request->entry_count, sizeof *result->outcomes);
        result->outcome_count = request->entry_count;
        result->status = shows_another(harness, request) || must_be_looked_at(harness, request)
                             ? STATUS_WRONG_TYPE
                             : STATUS_OK;
        if ((request->flags & KEY_NEW_LIFE) != 0)
            *end_of(harness, request) = 0;
        for (uint16_t i = 1; i < request->entry_count && result->status == STATUS_OK; i++)
            result->status = apply_element(harness, request, i, answer, &result->outcomes[i]);
        break;
    case KEY_ELEMENTS_WALK:
        if (shows_another(harness, request))
            result->status = STATUS_WRONG_TYPE;
        else if (key_request_is_ordered(request))
            walk_in_order(harness, request, answer);
        else
            walk(harness, request, answer);
        break;
    case KEY_COLLECTION_DELETE:
        result->outcomes = memory_new(1, sizeof *result->outcomes);
        result->outcome_count = 1;
        result->outcomes[0].written = !harness->cuts_nothing;
        if (!harness->cuts_nothing)
            remove_elements(harness, request);
        *end_of(harness, request) = 0;
        break;
    case KEY_COLLECTION_DEADLINE:
        result->outcomes = memory_new(1, sizeof *result->outcomes);
        result->outcome_count = 1;
        set_end(harness, request, &result->outcomes[0]);
        break;
    case KEY_SCAN:
        scan(harness, request, answer);
        break;
    case KEY_COUNT:
        result->scan_done = true;
        for (uint32_t i = 0; i < harness->key_count; i++)
            result->count += harness->keys[i].keyspace == request->keyspace &&
                             ring_partition_of_position(harness->keys[i].position, PARTITIONS) ==
                                 request->partition;
        break;
    case KEY_COVERAGE:
        result->count = harness->coverage;
        break;
    case KEY_DIGEST:
        result->count = request->partition;
        result->clock_digest = 0x1111;
        result->content_digest = 0x2222;
        break;
    default:
        fail_msg("a request of kind %u", request->kind);
    }
    /* each key is where it belongs, and elements with theirs */
    for (uint16_t i = 0;
         i < request->entry_count && (i == 0 || !key_request_is_collection(request)); i++)
        assert_int_equal(request->partition,
                         ring_partition_of_slot(ring_slot(request->entries[i].key), PARTITIONS));
}

/* ---- steps ---- */

static void carry_out(struct client *client, struct session_output *out)
{
    struct harness *harness = client->harness;
    buffer_append_slice(&client->replies, buffer_slice(&out->replies));
    assert_false(out->pause && out->resume);
    if (out->pause) {
        assert_false(client->paused);
        client->paused = true;
        client->pauses++;
    }
    if (out->resume) {
        assert_true(client->paused);
        client->paused = false;
        client->resumes++;
    }
    for (uint32_t i = 0; i < out->request_count; i++) {
        assert_true(harness->pending_count < HARNESS_PENDING_MAX);
        struct pending *pending = &harness->pending[harness->pending_count++];
        *pending = (struct pending){.client = client, .token = out->requests[i].token};
        key_request_encode(&out->requests[i].request, &pending->encoded);
        harness->requests_seen++;
        harness->last_timeout_ms = out->requests[i].request.options.timeout_ms;
        harness->last_options = out->requests[i].request.options;
        harness->last_keyspace = out->requests[i].request.keyspace;
        harness->last_identity.id_length = out->requests[i].request.identity.id.length;
        harness->last_identity.part = out->requests[i].request.identity.part;
        harness->last_identity.digest = out->requests[i].request.identity.digest;
    }
    if (harness->pending_count > harness->pending_most)
        harness->pending_most = harness->pending_count;
    if (out->close)
        client->closed = true;
    session_output_deinit(out);
}

static bool fails(struct harness *harness, uint8_t kind)
{
    if (harness->fail_status == STATUS_OK ||
        (harness->fail_kind != 0 && harness->fail_kind != kind))
        return false;
    return harness->fail_after-- <= 0;
}

void harness_answer_at(struct harness *harness, uint32_t index)
{
    struct pending pending = harness->pending[index];
    struct reader reader = reader_make(buffer_slice(&pending.encoded));
    struct key_request request;
    struct key_contexts contexts = {0};
    struct answer answer = {0};
    struct session_output out = {0};
    memmove(&harness->pending[index], &harness->pending[index + 1],
            (harness->pending_count - index - 1) * sizeof pending);
    harness->pending_count--;
    assert_int_equal(key_request_decode(&reader, &request, &contexts), STATUS_OK);
    if (fails(harness, request.kind))
        answer.result =
            key_result_failed(harness->fail_status, harness->fail_acks, harness->fail_needed);
    else
        execute(harness, &request, &answer);
    if (!pending.client->closed)
        session_result(pending.client->session, pending.token, &answer.result, harness->now, &out);
    /* What the result borrowed is gone from here on. */
    if (answer.bytes.data != NULL)
        memset(answer.bytes.data, '#', answer.bytes.length);
    carry_out(pending.client, &out);
    key_contexts_free(&contexts);
    key_result_deinit(&answer.result);
    buffer_deinit(&answer.bytes);
    buffer_deinit(&pending.encoded);
}

bool harness_answer(struct harness *harness)
{
    if (harness->pending_count == 0)
        return false;
    harness_answer_at(harness, harness->lifo ? harness->pending_count - 1 : 0);
    return true;
}

void harness_answer_all(struct harness *harness)
{
    while (harness_answer(harness)) {
    }
}

void harness_advance_ms(struct harness *harness, uint64_t milliseconds)
{
    harness->now.mono_us += milliseconds * 1000;
    harness->now.wall_ms += milliseconds;
}

struct client *harness_client(struct harness *harness)
{
    assert_true(harness->client_count < HARNESS_CLIENTS_MAX);
    struct client *client = &harness->clients[harness->client_count++];
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", 40000 + harness->client_count);
    client->harness = harness;
    client->session = session_new(harness->client_count, &harness->environment, slice_text(address),
                                  harness->now);
    return client;
}

void client_bytes(struct client *client, const void *bytes, size_t length)
{
    struct session_output out = {0};
    /* A copy of the exact size, so that reading beyond it is seen. */
    uint8_t *copy = length == 0 ? NULL : malloc(length);
    if (length > 0)
        memcpy(copy, bytes, length);
    session_bytes(client->session, slice_make(copy, length), client->harness->now, &out);
    carry_out(client, &out);
    free(copy);
    if (!client->harness->manual)
        harness_answer_all(client->harness);
}

void client_raw(struct client *client, const char *text)
{
    client_bytes(client, text, strlen(text));
}

void client_words(struct client *client, size_t count, const struct slice *words)
{
    struct buffer bytes = {0};
    buffer_printf(&bytes, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&bytes, "$%zu\r\n", words[i].length);
        buffer_append_slice(&bytes, words[i]);
        buffer_append(&bytes, "\r\n", 2);
    }
    client_bytes(client, bytes.data, bytes.length);
    buffer_deinit(&bytes);
}

void client_command(struct client *client, const char *words)
{
    struct slice parts[256];
    size_t count = 0;
    for (;;) {
        size_t length = strcspn(words, " ");
        assert_true(count < sizeof parts / sizeof parts[0]);
        parts[count++] = slice_make(words, length);
        if (words[length] == '\0')
            break;
        words += length + 1;
    }
    client_words(client, count, parts);
}

void client_tick(struct client *client)
{
    struct session_output out = {0};
    session_tick(client->session, client->harness->now, &out);
    carry_out(client, &out);
    if (!client->harness->manual)
        harness_answer_all(client->harness);
}

/* ---- looking at replies ---- */

void check_replies(struct client *client, const char *expected, const char *file, int line)
{
    buffer_put_u8(&client->replies, 0);
    _assert_string_equal((const char *)client->replies.data, expected, file, line);
    buffer_clear(&client->replies);
}

void check_reply(struct client *client, const char *words, const char *expected, const char *file,
                 int line)
{
    client_command(client, words);
    check_replies(client, expected, file, line);
}

struct resp_value *client_value(struct client *client, const char *words)
{
    struct resp_reply_limits limits = {
        .text_bytes_max = 1 << 20, .elements_max = 1 << 20, .reply_bytes_max = 1 << 24};
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    struct resp_value *value = NULL;
    size_t offset = 0;
    client_command(client, words);
    assert_int_equal(
        resp_reply_reader_next(reader, buffer_slice(&client->replies), &offset, &value),
        RESP_REPLY_VALUE);
    assert_int_equal(offset, client->replies.length);
    buffer_clear(&client->replies);
    resp_reply_reader_free(reader);
    return value;
}

bool value_is(const struct resp_value *value, const char *text)
{
    return value != NULL &&
           (value->type == RESP_TYPE_BULK || value->type == RESP_TYPE_SIMPLE ||
            value->type == RESP_TYPE_VERBATIM || value->type == RESP_TYPE_ERROR) &&
           slice_equal(value->text, slice_text(text));
}

const struct resp_value *value_get(const struct resp_value *map, const char *key)
{
    for (size_t i = 0; i + 1 < map->element_count; i += 2) {
        if (value_is(&map->elements[i], key))
            return &map->elements[i + 1];
    }
    return NULL;
}
