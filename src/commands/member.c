/*
 * member.c - RING.MEMBER: nodes that join and leave the cluster.
 *
 * A change is one of the register, as those of keyspaces are. A new member starts from the bytes
 * that EXPORT gives: the ring, who decides about it, and the users.
 */
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/change_call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/server_version.h"
#include "membership/member_change.h"

struct option {
    struct slice name, value;
};

static bool refuse(struct call *call, struct slice name, const char *what)
{
    call_reply_error(call, "ERR %.*s must be %s", (int)name.length, (const char *)name.data, what);
    return false;
}

static bool take_name(struct slice value, char out[RING_NAME_MAX + 1])
{
    if (value.length == 0 || value.length > RING_NAME_MAX)
        return false;
    memcpy(out, value.data, value.length);
    out[value.length] = '\0';
    return strlen(out) == value.length && ring_name_is_valid(out);
}

/* "HOST:PORT" or "[HOST]:PORT"; what a host may be is the ring's rule. */
static bool take_address(struct slice value, struct ring_address *out)
{
    int64_t port;
    size_t colon = value.length;
    while (colon > 0 && value.data[colon - 1] != ':')
        colon--;
    if (colon < 2 || !parse_integer(slice_make(value.data + colon, value.length - colon), &port) ||
        port < 1 || port > UINT16_MAX)
        return false;
    struct slice host = slice_make(value.data, colon - 1);
    if (host.length > 2 && host.data[0] == '[' && host.data[host.length - 1] == ']')
        host = slice_make(host.data + 1, host.length - 2);
    if (host.length > RING_HOST_MAX || memchr(host.data, 0, host.length) != NULL)
        return false;
    memset(out->host, 0, sizeof out->host);
    memcpy(out->host, host.data, host.length);
    out->port = (uint16_t)port;
    return true;
}

/* Numbers of IPv4 or IPv6: a node that runs cannot stop to look a name up (net/links.h). */
static bool is_numeric(const char *host)
{
    const char *digits = strchr(host, ':') != NULL ? "0123456789abcdefABCDEF:." : "0123456789.";
    return host[strspn(host, digits)] == '\0';
}

struct wishes {
    bool role, region, client, peer;
    int64_t weight; /* 0: none was named */
};

static bool take_role(struct slice value, uint8_t *out)
{
    bool gateway = slice_is_word(value, "gateway");
    *out = gateway ? MEMBER_GATEWAY : MEMBER_JOINING;
    return gateway || slice_is_word(value, "data");
}

static bool take_weight(struct slice value, int64_t *out)
{
    return parse_integer(value, out) && *out >= 1 && *out <= RING_WEIGHT_MAX;
}

static bool take_wish(struct call *call, const struct option *option,
                      struct register_change *change, struct wishes *wishes)
{
    struct ring_member *member = &change->member;
    char region[RING_NAME_MAX + 1];
    if (slice_is_word(option->name, "role")) {
        wishes->role = take_role(option->value, &member->role);
        return wishes->role || refuse(call, option->name, "data or gateway");
    }
    if (slice_is_word(option->name, "weight"))
        return take_weight(option->value, &wishes->weight) ||
               refuse(call, option->name, "a number from 1 to 10000");
    if (slice_is_word(option->name, "region")) {
        wishes->region = take_name(option->value, region);
        if (!wishes->region)
            return refuse(call, option->name, "the name of a region of the ring");
        change->words_length = (uint16_t)strlen(region);
        memcpy(change->words, region, change->words_length);
        return true;
    }
    if (slice_is_word(option->name, "rack"))
        return take_name(option->value, member->rack) ||
               refuse(call, option->name, "1 to 32 characters of a-z 0-9 _ -");
    if (slice_is_word(option->name, "client")) {
        wishes->client = take_address(option->value, &member->client);
        return wishes->client || refuse(call, option->name, "HOST:PORT");
    }
    if (slice_is_word(option->name, "peer")) {
        wishes->peer = take_address(option->value, &member->peer);
        return (wishes->peer && is_numeric(member->peer.host)) ||
               refuse(call, option->name, "HOST:PORT with the number of an IP address as HOST");
    }
    call_reply_error(call, "ERR a member has no option '%.*s'", argument_shown(option->name),
                     (const char *)option->name.data);
    return false;
}

static bool take_member(struct call *call, struct register_change *change)
{
    struct wishes wishes = {0};
    change->member = (struct ring_member){.storage_incarnation = 1, .rack = "rack1"};
    for (uint32_t i = 2; i < call->argument_count; i++) {
        struct option option;
        if (!parse_option(call_argument(call, i), &option.name, &option.value)) {
            call_reply_syntax_error(call);
            return false;
        }
        if (!take_wish(call, &option, change, &wishes))
            return false;
    }
    bool gateway = change->member.role == MEMBER_GATEWAY;
    if (!wishes.role || !wishes.region || !wishes.client || !wishes.peer) {
        call_reply_error(call, "ERR a member needs role=, region=, client= and peer=");
        return false;
    }
    if (gateway && wishes.weight != 0) {
        call_reply_error(call, "ERR a gateway stores nothing and has no weight");
        return false;
    }
    if (!gateway)
        change->member.weight = wishes.weight == 0 ? MEMBER_WEIGHT : (uint32_t)wishes.weight;
    return true;
}

static const struct ring_member *find_peer(const struct ring *ring,
                                           const struct ring_address *address)
{
    for (uint16_t i = 0; i < ring->member_count; i++)
        if (ring->members[i].peer.port == address->port &&
            strcmp(ring->members[i].peer.host, address->host) == 0)
            return &ring->members[i];
    return NULL;
}

static void write_outcome(struct call *call, node_id id, const struct change_outcome *outcome)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 4);
    resp_writer_bulk(writer, slice_text("id"));
    resp_writer_integer(writer, id);
    resp_writer_bulk(writer, slice_text("seq"));
    resp_writer_integer(writer, (int64_t)outcome->seq);
    resp_writer_bulk(writer, slice_text("known_by"));
    resp_writer_integer(writer, outcome->known_by);
    resp_writer_bulk(writer, slice_text("members"));
    resp_writer_integer(writer, outcome->members);
    call_finish(call);
}

/* 0: it is agreed on, and not on the own disk yet. */
static void reply_added(struct call *call, const struct change_outcome *outcome)
{
    struct ring_address peer = {0};
    for (uint32_t i = 2; i < call->argument_count; i++) {
        struct option option;
        if (parse_option(call_argument(call, i), &option.name, &option.value) &&
            slice_is_word(option.name, "peer"))
            (void)take_address(option.value, &peer);
    }
    const struct ring_member *member = find_peer(call_environment(call)->ring, &peer);
    write_outcome(call, member == NULL ? 0 : member->id, outcome);
}

static void start_add(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_MEMBER_ADD};
    if (take_member(call, &change))
        change_call_start(call, &change, reply_added);
}

static bool take_id(struct call *call, node_id *out)
{
    int64_t id;
    if (!parse_integer(call_argument(call, 2), &id) || id < 1 || id > UINT32_MAX) {
        call_reply_not_an_integer(call);
        return false;
    }
    *out = (node_id)id;
    return true;
}

static void reply_removed(struct call *call, const struct change_outcome *outcome)
{
    node_id id = 0;
    (void)take_id(call, &id);
    write_outcome(call, id, outcome);
}

static void start_remove(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_MEMBER_REMOVE};
    if (take_id(call, &change.member.id))
        change_call_start(call, &change, reply_removed);
}

static void start_export(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct buffer bytes = {0};
    if (environment->register_export == NULL) {
        call_reply_error(call, "ERR this node has no register");
        return;
    }
    environment->register_export(environment->node, &bytes);
    resp_writer_bulk(call_writer(call), buffer_slice(&bytes));
    buffer_deinit(&bytes);
    call_finish(call);
}

/* ---- rows ---- */

#define ROW(word, count, arguments, what)                                                          \
    {                                                                                              \
        .name = #word, .container = "ring.member", .group = "server", .since = RINGDB_SINCE_FIRST, \
        .summary = what, .complexity = "O(N) in the size of the ring.", .syntax = arguments,       \
        .tips = "nondeterministic_output", .arity = count, .access = ACCESS_ALONE,                 \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,           \
    }

static const struct command subcommands[] = {
    ROW(add, -6, "option=value [option=value ...]",
        "Makes a node a member of the cluster, with the next id. role=data or gateway, region=, "
        "client=HOST:PORT, peer=HOST:PORT, rack= (rack1), weight= (100, of data). It serves "
        "clients "
        "and stores nothing: a gateway for ever, the other until a plan gives it partitions. It "
        "starts from what RING.MEMBER EXPORT gives."),
    ROW(export, 2, "",
        "What a new member starts from: the ring with its secret, the stewards, and the users "
        "with the hashes of their passwords. Keep it as you keep a password."),
    HELP_ROW("ring.member", RINGDB_SINCE_FIRST, 0),
    ROW(remove, 3, "id",
        "Makes a gateway, or a node that is joining, a member no more, for good: the node ends, "
        "and "
        "its id is never given again."),
    {0},
};

const struct command command_ring_member = {
    .name = "ring.member",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Adds members to the cluster and removes them.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = subcommands,
};
