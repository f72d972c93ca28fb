/*
 * cluster.c - CLUSTER and RING.SLOTS: the real ring in the words of Redis Cluster.
 *
 * A slot's partition has its owners; to a cluster client the first of them is the
 * master and the others its replicas. First are the owners in this node's region,
 * each partition's primary before the others, so a client that reads the map from a
 * near node talks to near nodes. Maps of nodes in different regions differ in that
 * order and in nothing else. No answer is ever MOVED: a client with an old map costs
 * one hop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/ring_view.h"
#include "commands/server_version.h"
#include "ring/position.h"

/* Neighbouring partitions with the same owners in the same order. */
struct slot_range {
    uint16_t first, last;
    partition_id partition; /* the first one */
    node_id owners[RING_OWNERS_MAX];
};

static bool is_enabled(struct call *call)
{
    if (call_environment(call)->cluster_mode == CLUSTER_MODE_EMULATED)
        return true;
    call_reply_error(call, "ERR This instance has cluster support disabled");
    return false;
}

/* One range per different row of owners; `*count` of them, to release with free(). */
static struct slot_range *collect_ranges(const struct environment *environment, uint32_t *count)
{
    const struct ring *ring = environment->ring;
    uint32_t slots = SLOT_COUNT / ring->partition_count;
    struct slot_range *ranges = memory_new(ring->partition_count, sizeof *ranges);
    *count = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        node_id owners[RING_OWNERS_MAX] = {0};
        (void)ring_owners_from(environment, (partition_id)p, owners);
        uint16_t last = (uint16_t)((p + 1) * slots - 1);
        if (*count > 0 && memcmp(ranges[*count - 1].owners, owners, sizeof owners) == 0) {
            ranges[*count - 1].last = last;
            continue;
        }
        struct slot_range *range = &ranges[(*count)++];
        range->first = (uint16_t)(p * slots);
        range->last = last;
        range->partition = (partition_id)p;
        memcpy(range->owners, owners, sizeof owners);
    }
    return ranges;
}

static void write_id(struct resp_writer writer, const struct ring *ring, node_id node)
{
    char id[RING_HEX_ID_BYTES];
    ring_hex_id(ring, node, id);
    resp_writer_bulk(writer, slice_text(id));
}

/* ---- SLOTS, SHARDS, NODES ---- */

/* An owner as SLOTS lists it; with its region for RING.SLOTS. */
static void write_slot_owner(struct resp_writer writer, const struct ring *ring, node_id node,
                             bool with_region)
{
    const struct ring_member *member = ring_member(ring, node);
    resp_writer_array(writer, 4);
    resp_writer_bulk(writer, slice_text(member->client.host));
    resp_writer_integer(writer, member->client.port);
    write_id(writer, ring, member->id);
    resp_writer_array(writer, with_region ? 2 : 0);
    if (with_region) {
        resp_writer_bulk(writer, slice_text("region"));
        resp_writer_bulk(writer, slice_text(ring->regions[member->region].name));
    }
}

static void reply_slots(struct call *call, bool with_regions)
{
    const struct ring *ring = call_environment(call)->ring;
    uint32_t count;
    struct slot_range *ranges = collect_ranges(call_environment(call), &count);
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        resp_writer_array(writer, 2u + ring->owner_count);
        resp_writer_integer(writer, ranges[i].first);
        resp_writer_integer(writer, ranges[i].last);
        for (uint8_t k = 0; k < ring->owner_count; k++)
            write_slot_owner(writer, ring, ranges[i].owners[k], with_regions);
    }
    free(ranges);
    call_finish(call);
}

static void start_slots(struct call *call)
{
    if (is_enabled(call))
        reply_slots(call, false);
}

/* What libringdb asks: it is no cluster client in the sense of cluster-mode, and always routes. */
static void start_ring_slots(struct call *call)
{
    reply_slots(call, true);
}

static int compare_owners(const void *a, const void *b)
{
    const struct slot_range *left = a, *right = b;
    int order = memcmp(left->owners, right->owners, sizeof left->owners);
    return order != 0 ? order : (int)left->first - (int)right->first;
}

static bool same_owners(const struct slot_range *a, const struct slot_range *b)
{
    return memcmp(a->owners, b->owners, sizeof a->owners) == 0;
}

static void write_shard_node(struct resp_writer writer, const struct environment *environment,
                             node_id node, bool is_master)
{
    const struct ring_member *member = ring_member(environment->ring, node);
    bool up = environment->peer_state(environment->node, node) != PEER_DOWN;
    resp_writer_map(writer, 7);
    resp_writer_bulk(writer, slice_text("id"));
    write_id(writer, environment->ring, node);
    resp_writer_bulk(writer, slice_text("port"));
    resp_writer_integer(writer, member->client.port);
    resp_writer_bulk(writer, slice_text("ip"));
    resp_writer_bulk(writer, slice_text(member->client.host));
    resp_writer_bulk(writer, slice_text("endpoint"));
    resp_writer_bulk(writer, slice_text(member->client.host));
    resp_writer_bulk(writer, slice_text("role"));
    resp_writer_bulk(writer, slice_text(is_master ? "master" : "replica"));
    resp_writer_bulk(writer, slice_text("replication-offset"));
    resp_writer_integer(writer, 0);
    resp_writer_bulk(writer, slice_text("health"));
    resp_writer_bulk(writer, slice_text(up ? "online" : "fail"));
}

/* A shard is all ranges that the same nodes own in the same order. */
static void start_shards(struct call *call)
{
    const struct environment *environment = call_environment(call);
    uint32_t count, shards = 0, end;
    if (!is_enabled(call))
        return;
    struct slot_range *ranges = collect_ranges(environment, &count);
    qsort(ranges, count, sizeof *ranges, compare_owners);
    for (uint32_t i = 0; i < count; i++)
        shards += i == 0 || !same_owners(&ranges[i - 1], &ranges[i]);
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, shards);
    for (uint32_t i = 0; i < count; i = end) {
        for (end = i + 1; end < count && same_owners(&ranges[i], &ranges[end]);)
            end++;
        resp_writer_map(writer, 2);
        resp_writer_bulk(writer, slice_text("slots"));
        resp_writer_array(writer, 2 * (end - i));
        for (uint32_t k = i; k < end; k++) {
            resp_writer_integer(writer, ranges[k].first);
            resp_writer_integer(writer, ranges[k].last);
        }
        resp_writer_bulk(writer, slice_text("nodes"));
        resp_writer_array(writer, environment->ring->owner_count);
        for (uint8_t k = 0; k < environment->ring->owner_count; k++)
            write_shard_node(writer, environment, ranges[i].owners[k], k == 0);
    }
    free(ranges);
    call_finish(call);
}

static void write_node_line(struct call *call, const struct ring_member *member,
                            const struct slot_range *ranges, uint32_t count, struct buffer *out)
{
    const struct environment *environment = call_environment(call);
    enum peer_state state = environment->peer_state(environment->node, member->id);
    uint64_t silence_ms =
        environment->peer_silence_ms(environment->node, member->id, call_now(call));
    uint64_t now_ms = call_now(call).wall_ms;
    char id[RING_HEX_ID_BYTES];
    ring_hex_id(environment->ring, member->id, id);
    buffer_printf(out, "%s %s:%u@%u %s - 0 %llu %u %s", id, member->client.host,
                  member->client.port, member->peer.port,
                  state == PEER_SELF   ? "myself,master"
                  : state == PEER_DOWN ? "master,fail"
                                       : "master",
                  state == PEER_SELF
                      ? 0ull
                      : (unsigned long long)(silence_ms < now_ms ? now_ms - silence_ms : 0),
                  environment->ring->tag.epoch, state == PEER_DOWN ? "disconnected" : "connected");
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1;
        if (ranges[i].owners[0] == member->id) {
            while (end < count && ranges[end].owners[0] == member->id)
                end++;
            if (ranges[i].first == ranges[end - 1].last)
                buffer_printf(out, " %u", ranges[i].first);
            else
                buffer_printf(out, " %u-%u", ranges[i].first, ranges[end - 1].last);
        }
        i = end;
    }
    buffer_put_u8(out, '\n');
}

static void start_nodes(struct call *call)
{
    const struct ring *ring = call_environment(call)->ring;
    uint32_t count;
    if (!is_enabled(call))
        return;
    struct slot_range *ranges = collect_ranges(call_environment(call), &count);
    for (uint16_t i = 0; i < ring->member_count; i++)
        write_node_line(call, &ring->members[i], ranges, count, &call->scratch);
    free(ranges);
    call_reply_verbatim(call, buffer_slice(&call->scratch));
}

/* ---- INFO, MYID, KEYSLOT ---- */

static void start_info(struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = environment->ring;
    struct buffer *out = &call->scratch;
    struct ring_view view;
    uint32_t count, masters = 0;
    if (!is_enabled(call))
        return;
    ring_view_take(environment, &view);
    struct slot_range *ranges = collect_ranges(environment, &count);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        uint32_t at = 0;
        while (at < count && ranges[at].owners[0] != ring->members[i].id)
            at++;
        masters += at < count;
    }
    free(ranges);
    uint32_t slots = SLOT_COUNT / ring->partition_count;
    buffer_printf(out, "cluster_state:%s\r\n", view.partitions_below == 0 ? "ok" : "fail");
    buffer_printf(out, "cluster_slots_assigned:%u\r\ncluster_slots_ok:%u\r\n", SLOT_COUNT,
                  (view.partitions_all + view.partitions_quorum) * slots);
    buffer_printf(out, "cluster_slots_pfail:0\r\ncluster_slots_fail:%u\r\n",
                  view.partitions_below * slots);
    buffer_printf(out, "cluster_known_nodes:%u\r\ncluster_size:%u\r\n", ring->member_count,
                  masters);
    buffer_printf(out, "cluster_current_epoch:%u\r\ncluster_my_epoch:%u\r\n", ring->tag.epoch,
                  ring->tag.epoch);
    buffer_printf(out, "cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n"
                       "total_cluster_links_buffer_limit_exceeded:0\r\n");
    call_reply_verbatim(call, buffer_slice(out));
}

static void start_myid(struct call *call)
{
    char id[RING_HEX_ID_BYTES];
    if (!is_enabled(call))
        return;
    ring_hex_id(call_environment(call)->ring, call_environment(call)->self, id);
    call_reply_bulk(call, slice_text(id));
}

static void start_keyslot(struct call *call)
{
    if (is_enabled(call))
        call_reply_integer(call, ring_slot(call_argument(call, 2)));
}

/* ---- COUNTKEYSINSLOT, GETKEYSINSLOT ---- */

struct slot_keys {
    bool count_only;
    uint64_t last; /* position of the slot */
    uint64_t position;
    uint64_t wanted, found;
    bool done;
    struct key_result failure;
};

static void make_slot_page(struct call *call, uint32_t index, struct key_request *request)
{
    const struct slot_keys *keys = call->work;
    uint64_t left = keys->wanted - keys->found;
    (void)index;
    request->kind = KEY_SCAN;
    request->partition =
        ring_partition_of_position(keys->position, call_environment(call)->ring->partition_count);
    request->position = keys->position;
    request->limit = left < 1000 ? (uint32_t)left : 1000;
}

static void collect_slot_page(struct call *call, uint32_t index, const struct key_result *result)
{
    struct slot_keys *keys = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    uint16_t slot = ring_slot_of_position(keys->last);
    (void)index;
    if (result->status != STATUS_OK ||
        (!result->scan_done && result->next_position <= keys->position)) {
        keys->failure = (struct key_result){.status = result->status == STATUS_OK ? STATUS_CORRUPT
                                                                                  : result->status,
                                            .acks = result->acks,
                                            .needed = result->needed};
        return;
    }
    for (uint16_t i = 0; i < result->outcome_count && keys->found < keys->wanted; i++) {
        /* A page can run on into the next slot of the partition. */
        if (ring_slot(result->outcomes[i].key) != slot)
            continue;
        keys->found++;
        if (!keys->count_only)
            resp_writer_bulk(writer, result->outcomes[i].key);
    }
    keys->position = result->next_position;
    keys->done =
        result->scan_done || result->next_position > keys->last || keys->found >= keys->wanted;
}

static void slot_keys_on(struct call *call)
{
    struct slot_keys *keys = call->work;
    if (keys->failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_SCAN, &keys->failure);
    } else if (!keys->done) {
        call_scatter(call, 1, make_slot_page, collect_slot_page, slot_keys_on);
    } else if (keys->count_only) {
        call_reply_integer(call, (int64_t)keys->found);
    } else {
        struct resp_writer writer = call_writer(call);
        resp_writer_array(writer, keys->found);
        buffer_append_slice(writer.out, buffer_slice(&call->scratch));
        call_finish(call);
    }
}

static void start_slot_keys(struct call *call, bool count_only)
{
    struct slot_keys *keys = call_work(call, sizeof *keys);
    int64_t slot, wanted = INT64_MAX;
    if (!is_enabled(call))
        return;
    if (!parse_integer(call_argument(call, 2), &slot) ||
        (!count_only && !parse_integer(call_argument(call, 3), &wanted))) {
        call_reply_not_an_integer(call);
        return;
    }
    if (slot < 0 || slot >= SLOT_COUNT || wanted < 0) {
        call_reply_error(call,
                         count_only ? "ERR Invalid slot" : "ERR Invalid slot or number of keys");
        return;
    }
    keys->count_only = count_only;
    keys->position = (uint64_t)slot << 50;
    keys->last = keys->position | (((uint64_t)1 << 50) - 1);
    keys->wanted = (uint64_t)wanted;
    keys->done = wanted == 0;
    slot_keys_on(call);
}

static void start_countkeysinslot(struct call *call)
{
    start_slot_keys(call, true);
}

static void start_getkeysinslot(struct call *call)
{
    start_slot_keys(call, false);
}

/* ---- rows ---- */

#define CLUSTER_ROW(word, version, count, arguments, tip, what)                                    \
    {                                                                                              \
        .name = #word, .container = "cluster", .group = "cluster", .since = version,               \
        .summary = what, .complexity = "O(N) in the number of partitions.", .syntax = arguments,   \
        .tips = tip, .arity = count, .flags = COMMAND_STALE, .start = start_##word,                \
    }

static const struct command cluster_subcommands[] = {
    CLUSTER_ROW(countkeysinslot, "3.0.0", 3, "slot", NULL, "How many keys a slot has."),
    CLUSTER_ROW(getkeysinslot, "3.0.0", 4, "slot count", "nondeterministic_output",
                "Some keys of a slot."),
    HELP_ROW("cluster", "5.0.0", 0),
    CLUSTER_ROW(info, "3.0.0", 2, "", "nondeterministic_output",
                "Whether every slot has a majority of its owners, and numbers about the ring."),
    CLUSTER_ROW(keyslot, "3.0.0", 3, "key", NULL, "The slot of a key."),
    CLUSTER_ROW(myid, "3.0.0", 2, "", NULL, "This node's name for cluster clients."),
    CLUSTER_ROW(nodes, "3.0.0", 2, "", "nondeterministic_output",
                "The members, and the slots that each serves first."),
    CLUSTER_ROW(shards, "7.0.0", 2, "", "nondeterministic_output",
                "Ranges of slots by the nodes that own them."),
    CLUSTER_ROW(slots, "3.0.0", 2, "", "nondeterministic_output",
                "The owners of each range of slots, nearest first."),
    {0},
};

const struct command command_cluster = {
    .name = "cluster",
    .group = "cluster",
    .since = "3.0.0",
    .summary = "Describes the ring to clients of Redis Cluster.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = cluster_subcommands,
};

const struct command command_ring_slots = {
    .name = "ring.slots",
    .group = "cluster",
    .since = RINGDB_SINCE_FIRST,
    .summary = "CLUSTER SLOTS with the region of each owner, whatever cluster-mode is.",
    .complexity = "O(N) in the number of partitions.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .flags = COMMAND_LOADING | COMMAND_STALE,
    .start = start_ring_slots,
};
