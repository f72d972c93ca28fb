/*
 * ring_admin.c - RING.STATUS and its like: what ringctl asks a node.
 *
 * Each answer is this node's own view; ringctl asks several nodes and compares.
 */
#include <stdio.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/keyspace.h"
#include "commands/ring_view.h"
#include "commands/server_version.h"
#include "ring/position.h"
#include "ring/preference_list.h"
#include "ring/transition.h"

static void write_name(struct resp_writer writer, const char *name)
{
    resp_writer_bulk(writer, slice_text(name));
}

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    write_name(writer, name);
    resp_writer_integer(writer, (int64_t)value);
}

static void write_text(struct resp_writer writer, const char *name, const char *text)
{
    write_name(writer, name);
    resp_writer_bulk(writer, slice_text(text));
}

static void write_hex(struct resp_writer writer, const char *name, uint64_t value)
{
    char digits[17];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)value);
    write_text(writer, name, digits);
}

static const char *state_name(const struct environment *environment, node_id node)
{
    switch (environment->peer_state(environment->node, node)) {
    case PEER_SELF:
        return "self";
    case PEER_UP:
        return "up";
    case PEER_DOWN:
        break;
    }
    return "down";
}

static const char *phase_name(uint8_t phase)
{
    return phase == RING_STABLE ? "stable" : phase == RING_JOINT ? "joint" : "switched";
}

static const char *role_name(const struct ring_member *member)
{
    switch ((enum member_role)member->role) {
    case MEMBER_GATEWAY:
        return "gateway";
    case MEMBER_JOINING:
        return "joining";
    case MEMBER_LEAVING:
        return "leaving";
    case MEMBER_DATA:
        break;
    }
    return "data";
}

/* ---- RING.STATUS ---- */

static void write_address(struct resp_writer writer, const char *name,
                          const struct ring_address *address)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s:%u", address->host, address->port);
    write_name(writer, name);
    resp_writer_bulk(writer, buffer_slice(&text));
    buffer_deinit(&text);
}

/* Partitions by the place of their owners in ring->members. */
static void count_owned(const struct ring *ring, uint32_t counts[RING_MEMBERS_MAX])
{
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, (partition_id)p);
        for (uint8_t i = 0; i < ring->owner_count; i++)
            counts[ring_member(ring, owners[i]) - ring->members]++;
    }
}

/* What this node knows of its own clock; all zero where nobody tells. */
static struct clock_view take_clock(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct clock_view view = {0};
    if (environment->clock_view != NULL)
        environment->clock_view(environment->node, call_now(call), &view);
    return view;
}

static void write_clock(struct call *call, struct resp_writer writer)
{
    struct clock_view view = take_clock(call);
    write_name(writer, "clock");
    resp_writer_map(writer, 7);
    write_number(writer, "fenced", view.fenced);
    write_name(writer, "offset_ms");
    resp_writer_integer(writer, view.offset_ms);
    write_number(writer, "uncertainty_ms", view.uncertainty_ms);
    write_number(writer, "limit_ms", view.limit_ms);
    write_number(writer, "offset_max_ms", view.offset_max_ms);
    write_number(writer, "clocks", view.clocks);
    write_number(writer, "wait_ms", view.wait_ms);
}

static void write_store(struct call *call, struct resp_writer writer)
{
    const struct environment *environment = call_environment(call);
    struct store_view view = {.state = "serving", .percent = 100, .damage_reason = ""};
    if (environment->store_view != NULL)
        environment->store_view(environment->node, call_now(call), &view);
    write_name(writer, "store");
    resp_writer_map(writer, 6);
    write_text(writer, "state", view.state);
    write_number(writer, "rebuilt_percent", view.percent);
    write_number(writer, "left_ms", view.left_ms);
    write_number(writer, "damage_times", view.damage_times);
    write_number(writer, "damage_ms", view.damage_ms);
    write_text(writer, "damage_reason", view.damage_reason);
}

static void write_drain(struct call *call, struct resp_writer writer)
{
    const struct environment *environment = call_environment(call);
    struct buffer reason = {0};
    struct drain_view view = {0};
    if (environment->drain_view != NULL)
        environment->drain_view(environment->node, call_now(call), &view, &reason);
    write_name(writer, "drain");
    resp_writer_map(writer, 2);
    write_text(writer, "state", !view.on ? "serving" : view.is_done ? "drained" : "draining");
    write_name(writer, "reason");
    resp_writer_bulk(writer, buffer_slice(&reason));
    buffer_deinit(&reason);
}

static void write_member(struct call *call, struct resp_writer writer,
                         const struct ring_member *member, uint32_t owned)
{
    const struct environment *environment = call_environment(call);
    struct owner_rank_view owner = {0};
    if (environment->owner_view != NULL)
        environment->owner_view(environment->node, member->id, call_now(call), &owner);
    resp_writer_map(writer, 15);
    write_number(writer, "id", member->id);
    write_text(writer, "role", role_name(member));
    write_text(writer, "region", environment->ring->regions[member->region].name);
    write_text(writer, "rack", member->rack);
    write_address(writer, "client", &member->client);
    write_address(writer, "peer", &member->peer);
    write_number(writer, "weight", member->weight);
    write_text(writer, "state", state_name(environment, member->id));
    write_number(writer, "drains",
                 environment->drains != NULL && environment->drains(environment->node, member->id));
    write_number(writer, "silence_ms",
                 environment->peer_silence_ms(environment->node, member->id, call_now(call)));
    write_number(writer, "partitions", owned);
    write_number(writer, "read_us", owner.expected_us[RANK_READ]);
    write_number(writer, "read_p99_us", owner.p99_us[RANK_READ]);
    write_number(writer, "queue", owner.queue);
    write_number(writer, "slow", owner.slow);
}

static void write_cluster_id(struct resp_writer writer, const struct ring *ring)
{
    char digits[2 * sizeof ring->cluster_id + 1];
    for (size_t i = 0; i < sizeof ring->cluster_id; i++)
        snprintf(digits + 2 * i, 3, "%02x", ring->cluster_id[i]);
    write_text(writer, "cluster_id", digits);
}

static void write_replication(struct resp_writer writer, const struct ring *ring)
{
    struct buffer text = {0};
    for (uint8_t i = 0; i < ring->region_count; i++)
        buffer_printf(&text, "%s%s:%u", i == 0 ? "" : ",", ring->regions[i].name,
                      ring->regions[i].replicas);
    write_name(writer, "replication");
    resp_writer_bulk(writer, buffer_slice(&text));
    buffer_deinit(&text);
}

static void write_keyspaces(struct resp_writer writer, const struct ring *ring)
{
    write_name(writer, "keyspaces");
    resp_writer_array(writer, ring->keyspace_count);
    for (uint16_t i = 0; i < ring->keyspace_count; i++)
        keyspace_write(writer, &ring->keyspaces[i]);
}

/* What this node knows of the register; nothing but zeros where there is none. */
static void write_register(struct call *call, struct resp_writer writer)
{
    const struct environment *environment = call_environment(call);
    struct register_view view = {0};
    if (environment->register_view != NULL)
        environment->register_view(environment->node, &view);
    write_name(writer, "register");
    resp_writer_map(writer, 6);
    write_number(writer, "generation", view.generation);
    write_number(writer, "seq", view.seq);
    write_hex(writer, "digest", view.digest);
    write_number(writer, "known_by", view.known_by);
    write_name(writer, "stewards");
    resp_writer_array(writer, view.steward_count);
    for (uint8_t i = 0; i < view.steward_count; i++)
        resp_writer_integer(writer, view.stewards[i]);
    write_number(writer, "stewards_up", view.stewards_up);
}

static void start_status(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    const struct ring_member *self = ring_member(ring, environment->self);
    struct ring_view view;
    uint32_t owned[RING_MEMBERS_MAX] = {0};
    ring_view_take(environment, &view);
    count_owned(ring, owned);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 15);
    write_number(writer, "node_id", environment->self);
    write_cluster_id(writer, ring);
    write_number(writer, "epoch", ring->tag.epoch);
    write_text(writer, "phase", phase_name(ring->tag.phase));
    write_text(writer, "version", environment->version);
    write_text(writer, "region", self == NULL ? "" : ring->regions[self->region].name);
    write_replication(writer, ring);
    write_keyspaces(writer, ring);
    write_name(writer, "partitions");
    resp_writer_map(writer, 4);
    write_number(writer, "count", ring->partition_count);
    write_number(writer, "all_owners", view.partitions_all);
    write_number(writer, "quorum", view.partitions_quorum);
    write_number(writer, "below_quorum", view.partitions_below);
    write_name(writer, "replicas");
    resp_writer_map(writer, 3);
    write_number(writer, "owned", view.owned);
    write_number(writer, "ready", view.ready);
    write_number(writer, "rebuilding", view.owned - view.ready);
    write_clock(call, writer);
    write_store(call, writer);
    write_drain(call, writer);
    write_register(call, writer);
    write_name(writer, "members");
    resp_writer_array(writer, ring->member_count);
    for (uint16_t i = 0; i < ring->member_count; i++)
        write_member(call, writer, &ring->members[i], owned[i]);
    call_finish(call);
}

/* ---- RING.SHOW, RING.LOCATE ---- */

/* NULL: there are none. */
static void write_owners(struct resp_writer writer, const char *name, const node_id *owners,
                         uint8_t owner_count)
{
    uint8_t count = owners == NULL ? 0 : owner_count;
    write_name(writer, name);
    resp_writer_array(writer, count);
    for (uint8_t i = 0; i < count; i++)
        resp_writer_integer(writer, owners[i]);
}

static void start_show(struct call *call)
{
    const struct ring *ring = call_environment(call)->ring;
    uint32_t slots = SLOT_COUNT / ring->partition_count;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, ring->partition_count);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const struct ring_transition *transition = ring_transition(ring, (partition_id)p);
        resp_writer_map(writer, 5);
        write_number(writer, "partition", p);
        write_number(writer, "first_slot", p * slots);
        write_number(writer, "last_slot", (p + 1) * slots - 1);
        write_owners(writer, "owners", ring_owners(ring, (partition_id)p), ring->owner_count);
        write_owners(writer, "coming", transition == NULL ? NULL : transition->owners,
                     ring->owner_count);
    }
    call_finish(call);
}

static void write_places(struct call *call, struct resp_writer writer, const char *name,
                         const struct preference_list *list, uint8_t first, uint8_t end)
{
    const struct environment *environment = call_environment(call);
    write_name(writer, name);
    resp_writer_array(writer, (size_t)(end - first));
    for (uint8_t i = first; i < end; i++) {
        resp_writer_map(writer, 3);
        write_number(writer, "id", list->nodes[i]);
        write_text(writer, "region", environment->ring->regions[list->regions[i]].name);
        write_text(writer, "state", state_name(environment, list->nodes[i]));
    }
}

static void start_locate(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    const struct ring_member *self = ring_member(ring, environment->self);
    struct slice key = call_argument(call, 1);
    struct preference_list list;
    int64_t number = keyspace_number(call->keyspace);
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count == 3 && !parse_integer(call_argument(call, 2), &number)) {
        call_reply_not_an_integer(call);
        return;
    }
    const struct ring_keyspace *keyspace = ring_keyspace_numbered(ring, (uint64_t)number);
    if (keyspace == NULL) {
        call_reply_error(call, "ERR DB index is out of range");
        return;
    }
    partition_id partition = call_partition(call, key);
    preference_list_build(ring, partition, self == NULL ? 0 : self->region, &list);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 6);
    write_number(writer, "keyspace", keyspace->number);
    write_number(writer, "slot", ring_slot(key));
    write_hex(writer, "position", ring_position(key, ring_keyspace_id(ring, keyspace), ring->seed));
    write_number(writer, "partition", partition);
    write_places(call, writer, "owners", &list, 0, list.primary_count);
    write_places(call, writer, "fallbacks", &list, preference_list_replicas(&list), list.count);
    call_finish(call);
}

/* ---- RING.DIGEST ---- */

struct digest {
    uint32_t count;
    partition_id partitions[]; /* that this node owns */
};

static void make_digest(struct call *call, uint32_t index, struct key_request *request)
{
    const struct digest *digest = call->work;
    request->kind = KEY_DIGEST;
    request->partition = digest->partitions[index];
}

/* Rows stand in the order of their answers; each names its partition. */
static void collect_digest(struct call *call, uint32_t index, const struct key_result *result)
{
    const struct digest *digest = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    bool known = result->status == STATUS_OK;
    resp_writer_map(writer, 5);
    write_number(writer, "partition", digest->partitions[index]);
    write_text(writer, "state", known ? "ready" : status_name(result->status));
    write_number(writer, "keys", known ? result->count : 0);
    write_hex(writer, "clock", known ? result->clock_digest : 0);
    write_hex(writer, "content", known ? result->content_digest : 0);
}

static void finish_digest(struct call *call)
{
    const struct digest *digest = call->work;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, digest->count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_digest(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    struct digest *digest =
        call_work(call, sizeof *digest + ring->partition_count * sizeof digest->partitions[0]);
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        if (ring_owns(ring, environment->self, (partition_id)p))
            digest->partitions[digest->count++] = (partition_id)p;
    }
    if (digest->count == 0)
        finish_digest(call);
    else
        call_scatter(call, digest->count, make_digest, collect_digest, finish_digest);
}

/* ---- RING.VERSION ---- */

static void start_version(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 2);
    write_text(writer, "ringdb", call_environment(call)->version);
    write_text(writer, "redis", REDIS_VERSION);
    call_finish(call);
}

/* ---- rows ---- */

#define RING_ROW(word, symbol, count, arguments, handler, what)                                    \
    const struct command command_ring_##symbol = {                                                 \
        .name = word,                                                                              \
        .group = "server",                                                                         \
        .since = RINGDB_SINCE_FIRST,                                                               \
        .summary = what,                                                                           \
        .complexity = "O(N) in the number of partitions.",                                         \
        .syntax = arguments,                                                                       \
        .tips = "nondeterministic_output",                                                         \
        .arity = count,                                                                            \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,                                  \
        .start = handler,                                                                          \
    }

RING_ROW("ring.status", status, 1, "", start_status,
         "The members and the state of the ring as this node sees them.");
RING_ROW("ring.show", show, 1, "", start_show,
         "The owners of each partition, and those to which it moves.");
RING_ROW("ring.locate", locate, -2, "key [keyspace]", start_locate,
         "The slot, position, partition, owners and fallbacks of a key.");
RING_ROW("ring.digest", digest, 1, "", start_digest,
         "State, keys and digests of each replica of this node, for comparing owners.");
RING_ROW("ring.version", version, 1, "", start_version,
         "The version of RingDB, and of the Redis it answers as.");
