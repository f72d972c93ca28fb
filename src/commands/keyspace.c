/*
 * keyspace.c - RING.KEYSPACE: keyspaces are made and changed once, for the whole cluster.
 *
 * A change is one of the register: majorities of the stewards agree, then every node goes by
 * it. The answer waits until the members that are up have it on their disks, so what it says is
 * there for clients of all of them.
 */
#include <stdio.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/change_call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/keyspace.h"
#include "commands/server_version.h"
#include "coordinator/level.h"

/* ---- showing ---- */

static void write_text(struct resp_writer writer, const char *name, const char *text)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, slice_text(text));
}

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static const char *level_text(uint8_t level)
{
    return level == LEVEL_DEFAULT ? "default" : level_name((enum level)level);
}

static void write_fields(struct resp_writer writer, const struct ring_keyspace *keyspace)
{
    write_number(writer, "number", keyspace->number);
    write_text(writer, "name", keyspace->name);
    write_text(writer, "policy", keyspace->policy == KEYSPACE_LWW ? "lww" : "siblings");
    write_text(writer, "read_level", level_text(keyspace->read_level));
    write_text(writer, "write_level", level_text(keyspace->write_level));
    write_text(writer, "sloppy", keyspace->sloppy ? "yes" : "no");
    write_number(writer, "default_ttl_ms", keyspace->default_ttl_ms);
    write_number(writer, "value_size_max", keyspace->value_bytes_max);
    write_number(writer, "siblings_max", keyspace->siblings_max);
}

enum { KEYSPACE_FIELDS = 9, OUTCOME_FIELDS = 3 };

void keyspace_write(struct resp_writer writer, const struct ring_keyspace *keyspace)
{
    resp_writer_map(writer, KEYSPACE_FIELDS);
    write_fields(writer, keyspace);
}

static const struct ring_keyspace *find(const struct call *call, struct slice name)
{
    const struct ring *ring = call_environment(call)->ring;
    for (uint16_t i = 0; i < ring->keyspace_count; i++)
        if (slice_equal(slice_text(ring->keyspaces[i].name), name))
            return &ring->keyspaces[i];
    return NULL;
}

static void start_list(struct call *call)
{
    const struct ring *ring = call_environment(call)->ring;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, ring->keyspace_count);
    for (uint16_t i = 0; i < ring->keyspace_count; i++)
        keyspace_write(writer, &ring->keyspaces[i]);
    call_finish(call);
}

static void start_show(struct call *call)
{
    struct slice name = call_argument(call, 2);
    const struct ring_keyspace *keyspace = find(call, name);
    if (keyspace == NULL) {
        call_reply_error(call, "ERR there is no keyspace %.*s", argument_shown(name),
                         (const char *)name.data);
        return;
    }
    keyspace_write(call_writer(call), keyspace);
    call_finish(call);
}

/* ---- reading the options of a change ---- */

static bool refuse(struct call *call, struct slice name, const char *what)
{
    call_reply_error(call, "ERR %.*s must be %s", (int)name.length, (const char *)name.data, what);
    return false;
}

static bool take_number(struct call *call, struct slice name, struct slice value, uint64_t maximum,
                        const char *what, uint64_t *out)
{
    if (!parse_unsigned(value, out) || *out > maximum)
        return refuse(call, name, what);
    return true;
}

static bool take_level(struct call *call, struct slice name, struct slice value, uint8_t *out)
{
    enum level level = LEVEL_DEFAULT;
    uint8_t owners = call_environment(call)->ring->owner_count;
    if (!slice_is_word(value, "default") && level_parse(value, &level) != STATUS_OK)
        return refuse(call, name, "a consistency level, or default");
    if ((level == LEVEL_TWO && owners < 2) || (level == LEVEL_THREE && owners < 3))
        return refuse(call, name, "a level that the owners of a partition can meet");
    *out = (uint8_t)level;
    return true;
}

static bool take_limit(struct call *call, struct register_change *change, struct slice name,
                       struct slice value)
{
    struct ring_keyspace *keyspace = &change->keyspace;
    uint64_t number;
    if (slice_is_word(name, "default-ttl")) {
        change->fields |= KEYSPACE_DEFAULT_TTL;
        return take_number(call, name, value, RING_TTL_MS_MAX,
                           "milliseconds up to 100 years, 0 for none", &keyspace->default_ttl_ms);
    }
    if (!take_number(call, name, value, UINT32_MAX, "a number, 0 for the setting of each node",
                     &number))
        return false;
    if (slice_is_word(name, "value-size-max")) {
        change->fields |= KEYSPACE_VALUE_BYTES_MAX;
        keyspace->value_bytes_max = (uint32_t)number;
    } else {
        change->fields |= KEYSPACE_SIBLINGS_MAX;
        keyspace->siblings_max = (uint32_t)number;
    }
    return true;
}

/* What only a new keyspace takes. */
static bool take_for_ever(struct call *call, struct register_change *change, struct slice name,
                          struct slice value)
{
    struct ring_keyspace *keyspace = &change->keyspace;
    uint64_t number;
    if (change->kind != REGISTER_CHANGE_KEYSPACE_CREATE) {
        call_reply_error(call,
                         "ERR the %.*s of a keyspace cannot be changed: what is stored goes by it",
                         (int)name.length, (const char *)name.data);
        return false;
    }
    if (slice_is_word(name, "number")) {
        if (!take_number(call, name, value, RING_KEYSPACES_MAX - 1, "a number from 0 to 63",
                         &number))
            return false;
        keyspace->number = (uint16_t)number;
        change->any_number = false;
        return true;
    }
    if (!slice_is_word(value, "lww") && !slice_is_word(value, "siblings"))
        return refuse(call, name, "lww or siblings");
    keyspace->policy = slice_is_word(value, "lww") ? KEYSPACE_LWW : KEYSPACE_SIBLINGS;
    return true;
}

static bool take_option(struct call *call, struct register_change *change, struct slice word)
{
    struct ring_keyspace *keyspace = &change->keyspace;
    struct slice name, value;
    if (!parse_option(word, &name, &value)) {
        call_reply_syntax_error(call);
        return false;
    }
    if (slice_is_word(name, "number") || slice_is_word(name, "policy"))
        return take_for_ever(call, change, name, value);
    if (slice_is_word(name, "level") || slice_is_word(name, "read-level")) {
        change->fields |= KEYSPACE_READ_LEVEL;
        if (slice_is_word(value, level_name(LEVEL_ANY)))
            return refuse(call, name, "a level of reads: ANY is one of writes alone");
        if (!take_level(call, name, value, &keyspace->read_level))
            return false;
        if (slice_is_word(name, "level")) {
            change->fields |= KEYSPACE_WRITE_LEVEL;
            keyspace->write_level = keyspace->read_level;
        }
        return true;
    }
    if (slice_is_word(name, "write-level")) {
        change->fields |= KEYSPACE_WRITE_LEVEL;
        return take_level(call, name, value, &keyspace->write_level);
    }
    if (slice_is_word(name, "sloppy")) {
        change->fields |= KEYSPACE_SLOPPY;
        keyspace->sloppy = slice_is_word(value, "yes");
        return keyspace->sloppy || slice_is_word(value, "no") || refuse(call, name, "yes or no");
    }
    if (slice_is_word(name, "default-ttl") || slice_is_word(name, "value-size-max") ||
        slice_is_word(name, "siblings-max"))
        return take_limit(call, change, name, value);
    call_reply_error(call, "ERR a keyspace has no option '%.*s'", argument_shown(name),
                     (const char *)name.data);
    return false;
}

static bool take_change(struct call *call, struct register_change *change)
{
    struct slice name = call_argument(call, 2);
    if (name.length <= RING_NAME_MAX && name.length > 0)
        memcpy(change->keyspace.name, name.data, name.length);
    if (name.length > RING_NAME_MAX || strlen(change->keyspace.name) != name.length ||
        !ring_name_is_valid(change->keyspace.name)) {
        call_reply_error(call, "ERR the name of a keyspace is 1 to %d characters of a-z 0-9 _ -",
                         RING_NAME_MAX);
        return false;
    }
    for (uint32_t i = 3; i < call->argument_count; i++)
        if (!take_option(call, change, call_argument(call, i)))
            return false;
    return true;
}

/* ---- making it ---- */

static void write_outcome(struct call *call, const struct ring_keyspace *keyspace,
                          const struct change_outcome *outcome)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, (keyspace == NULL ? 0 : KEYSPACE_FIELDS) + OUTCOME_FIELDS);
    if (keyspace != NULL)
        write_fields(writer, keyspace);
    write_number(writer, "seq", outcome->seq);
    write_number(writer, "known_by", outcome->known_by);
    write_number(writer, "members", outcome->members);
    call_finish(call);
}

/* Without the keyspace it is agreed on, and not on the own disk yet. */
static void reply_made(struct call *call, const struct change_outcome *outcome)
{
    write_outcome(call, find(call, call_argument(call, 2)), outcome);
}

/* Another one may have its name by now. */
static void reply_dropped(struct call *call, const struct change_outcome *outcome)
{
    write_outcome(call, NULL, outcome);
}

static void start_create(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_CREATE, .any_number = true};
    if (take_change(call, &change))
        change_call_start(call, &change, reply_made);
}

static void start_set(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_SET};
    if (take_change(call, &change))
        change_call_start(call, &change, reply_made);
}

static void start_drop(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_DROP};
    if (take_change(call, &change))
        change_call_start(call, &change, reply_dropped);
}

/* ---- rows ---- */

#define ROW(word, count, arguments, what)                                                          \
    {                                                                                              \
        .name = #word, .container = "ring.keyspace", .group = "server",                            \
        .since = RINGDB_SINCE_FIRST, .summary = what,                                              \
        .complexity = "O(N) in the number of keyspaces.", .syntax = arguments,                     \
        .tips = "nondeterministic_output", .arity = count, .access = ACCESS_ALONE,                 \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,           \
    }

static const struct command subcommands[] = {
    ROW(create, -3, "name [option=value ...]",
        "Makes a keyspace for the whole cluster. number=0..63 (else the first free one) and "
        "policy=lww|siblings stay until it is dropped; level=, read-level=, write-level=, "
        "sloppy=yes|no, default-ttl=milliseconds, value-size-max=bytes and siblings-max= can be "
        "set later."),
    ROW(drop, 3, "name",
        "Drops a keyspace and all its keys, for the whole cluster and for good. Every node that "
        "hears of it refuses commands in it at once, and removes its keys from the disk in the "
        "background. The number may be used again at once: a new keyspace has nothing of the "
        "old one."),
    HELP_ROW("ring.keyspace", RINGDB_SINCE_FIRST, 0),
    ROW(list, 2, "", "All keyspaces as this node knows them."),
    ROW(set, -4, "name option=value [option=value ...]",
        "Changes what requests in a keyspace get when neither they nor their connection say "
        "otherwise, and its limits."),
    ROW(show, 3, "name", "One keyspace as this node knows it."),
    {0},
};

const struct command command_ring_keyspace = {
    .name = "ring.keyspace",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Shows, makes and changes keyspaces.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = subcommands,
};
