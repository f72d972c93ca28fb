/*
 * pubsub.c - channels: SUBSCRIBE and its like, PUBLISH, PUBSUB.
 *
 * Any node serves any channel. PUBLISH gives the message to who listens here and hands it to the
 * other nodes (node/publications.c); the sharded forms do the same among names of their own.
 */
#include "commands/pubsub.h"

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/command_table.h"
#include "commands/help.h"
#include "commands/session_state.h"
#include "commands/subscriptions.h"
#include "commands/user_table.h"

/* ---- giving ---- */

struct delivery {
    struct buffer bytes; /* the message, but for how its first byte says what it is */
    uint32_t count;
};

static void give(struct session *session, void *context)
{
    struct delivery *delivery = context;
    delivery->bytes.data[0] = session->version == RESP_VERSION_3 ? '>' : '*';
    session_push(session, buffer_slice(&delivery->bytes));
    delivery->count++;
}

static void give_topic(const struct topic *topic, const char *kind, bool names_topic,
                       struct slice channel, struct slice message, struct delivery *delivery)
{
    struct resp_writer writer = {&delivery->bytes, RESP_VERSION_3};
    buffer_clear(&delivery->bytes);
    resp_writer_push(writer, names_topic ? 4 : 3);
    resp_writer_bulk(writer, slice_text(kind));
    if (names_topic)
        resp_writer_bulk(writer, topic_name(topic));
    resp_writer_bulk(writer, channel);
    resp_writer_bulk(writer, message);
    topic_each(topic, give, delivery);
}

uint32_t pubsub_deliver(struct environment *environment, bool sharded, struct slice channel,
                        struct slice message)
{
    const struct subscriptions *all = environment->subscriptions;
    const struct topic *topic =
        subscriptions_find(all, sharded ? TOPIC_SHARD : TOPIC_CHANNEL, channel);
    struct delivery delivery = {0};
    if (topic != NULL)
        give_topic(topic, sharded ? "smessage" : "message", false, channel, message, &delivery);
    topic = sharded ? NULL : subscriptions_next(all, TOPIC_PATTERN, NULL);
    for (; topic != NULL; topic = subscriptions_next(all, TOPIC_PATTERN, topic))
        if (glob_matches(topic_name(topic), channel, false))
            give_topic(topic, "pmessage", true, channel, message, &delivery);
    buffer_deinit(&delivery.bytes);
    return delivery.count;
}

/* ---- listening ---- */

struct verb {
    enum topic_kind kind;
    const char *word;
};

static uint32_t shown_count(const struct session *session, enum topic_kind kind)
{
    const uint32_t *counts = session->listener.counts;
    return kind == TOPIC_SHARD ? counts[TOPIC_SHARD]
                               : counts[TOPIC_CHANNEL] + counts[TOPIC_PATTERN];
}

/* What both sides of listening answer for each name; `name` NULL: there was none. */
static void confirm(struct call *call, struct verb verb, const struct slice *name)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_push(writer, 3);
    resp_writer_bulk(writer, slice_text(verb.word));
    if (name != NULL)
        resp_writer_bulk(writer, *name);
    else
        resp_writer_null(writer);
    resp_writer_integer(writer, shown_count(call->session, verb.kind));
}

/* false: the error is sent. */
static bool check_names(struct call *call)
{
    uint32_t maximum = call_environment(call)->settings->key_bytes_max;
    for (uint32_t i = 1; i < call->argument_count; i++) {
        if (call_argument(call, i).length > maximum) {
            call_reply_error(call, "TOOLARGE the name of a channel has at most %u bytes", maximum);
            return false;
        }
    }
    return session_may_use_channel(call, call_argument(call, 1));
}

static void subscribe(struct call *call, struct verb verb)
{
    call->silent = false; /* whoever listens wants to be told, whatever CLIENT REPLY says */
    if (!check_names(call))
        return;
    struct resp_writer writer = call_writer(call);
    for (uint32_t i = 1; i < call->argument_count; i++) {
        struct slice name = call_argument(call, i);
        if (subscriptions_add(call_environment(call)->subscriptions, call->session, verb.kind,
                              name) == STATUS_OK)
            confirm(call, verb, &name);
        else
            resp_writer_error(writer, slice_text("ERR this connection listens to as many names as "
                                                 "it may: use a pattern, or another connection"));
    }
    call_finish(call);
}

static void unsubscribe(struct call *call, struct verb verb)
{
    struct subscriptions *all = call_environment(call)->subscriptions;
    struct session *session = call->session;
    struct slice name;
    call->silent = false;
    (void)call_writer(call);
    for (uint32_t i = 1; i < call->argument_count; i++) {
        name = call_argument(call, i);
        subscriptions_remove(all, session, verb.kind, name);
        confirm(call, verb, &name);
    }
    if (call->argument_count == 1 && session->listener.counts[verb.kind] == 0)
        confirm(call, verb, NULL);
    while (call->argument_count == 1 && subscriptions_first(session, verb.kind, &name)) {
        struct buffer kept = {0}; /* for the name goes with its topic */
        buffer_append_slice(&kept, name);
        name = buffer_slice(&kept);
        subscriptions_remove(all, session, verb.kind, name);
        confirm(call, verb, &name);
        buffer_deinit(&kept);
    }
    call_finish(call);
}

static void start_subscribe(struct call *call)
{
    subscribe(call, (struct verb){TOPIC_CHANNEL, "subscribe"});
}

static void start_psubscribe(struct call *call)
{
    subscribe(call, (struct verb){TOPIC_PATTERN, "psubscribe"});
}

static void start_ssubscribe(struct call *call)
{
    subscribe(call, (struct verb){TOPIC_SHARD, "ssubscribe"});
}

static void start_unsubscribe(struct call *call)
{
    unsubscribe(call, (struct verb){TOPIC_CHANNEL, "unsubscribe"});
}

static void start_punsubscribe(struct call *call)
{
    unsubscribe(call, (struct verb){TOPIC_PATTERN, "punsubscribe"});
}

static void start_sunsubscribe(struct call *call)
{
    unsubscribe(call, (struct verb){TOPIC_SHARD, "sunsubscribe"});
}

bool pubsub_allows(struct call *call)
{
    const struct session *session = call->session;
    if (call->command->while_subscribed || session->version != RESP_VERSION_2 ||
        session->listener.first == NULL || call->number == COMMAND_COUNT)
        return true;
    struct buffer name = {0};
    command_full_name(call->command, &name);
    call_reply_error(call,
                     "ERR Can't execute '%.*s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                     "QUIT / RESET are allowed in this context",
                     (int)name.length, (const char *)name.data);
    buffer_deinit(&name);
    return false;
}

/* ---- publishing ---- */

static void publish(struct call *call, bool sharded)
{
    struct environment *environment = call_environment(call);
    struct slice channel = call_argument(call, 1), message = call_argument(call, 2);
    const struct settings *settings = environment->settings;
    if (channel.length > settings->key_bytes_max) {
        call_reply_error(call,
                         "TOOLARGE the name of a channel has at most %u bytes; nobody was "
                         "told",
                         settings->key_bytes_max);
        return;
    }
    if (message.length > settings->value_bytes_max) {
        call_reply_error(call, "TOOLARGE a message has at most %u bytes; nobody was told",
                         settings->value_bytes_max);
        return;
    }
    if (!session_may_use_channel(call, channel))
        return;
    uint32_t count = pubsub_deliver(environment, sharded, channel, message);
    if (environment->publish != NULL)
        environment->publish(environment->node, sharded, channel, message);
    call_reply_integer(call, count);
}

static void start_publish(struct call *call)
{
    publish(call, false);
}

static void start_spublish(struct call *call)
{
    publish(call, true);
}

/* ---- PUBSUB ---- */

static void list_topics(struct call *call, enum topic_kind kind)
{
    const struct subscriptions *all = call_environment(call)->subscriptions;
    struct slice pattern = call->argument_count > 2 ? call_argument(call, 2) : slice_text("*");
    const struct topic *topic;
    size_t count = 0;
    if (call->argument_count > 3) {
        call_reply_error(call, "ERR wrong number of arguments for 'pubsub|%s' command",
                         call->command->name);
        return;
    }
    for (topic = NULL; (topic = subscriptions_next(all, kind, topic)) != NULL;)
        count += glob_matches(pattern, topic_name(topic), false);
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    for (topic = NULL; (topic = subscriptions_next(all, kind, topic)) != NULL;)
        if (glob_matches(pattern, topic_name(topic), false))
            resp_writer_bulk(writer, topic_name(topic));
    call_finish(call);
}

static void count_listeners(struct call *call, enum topic_kind kind)
{
    const struct subscriptions *all = call_environment(call)->subscriptions;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, 2 * (call->argument_count - 2));
    for (uint32_t i = 2; i < call->argument_count; i++) {
        const struct topic *topic = subscriptions_find(all, kind, call_argument(call, i));
        resp_writer_bulk(writer, call_argument(call, i));
        resp_writer_integer(writer, topic == NULL ? 0 : topic_listener_count(topic));
    }
    call_finish(call);
}

static void start_channels(struct call *call)
{
    list_topics(call, TOPIC_CHANNEL);
}

static void start_shardchannels(struct call *call)
{
    list_topics(call, TOPIC_SHARD);
}

static void start_numsub(struct call *call)
{
    count_listeners(call, TOPIC_CHANNEL);
}

static void start_shardnumsub(struct call *call)
{
    count_listeners(call, TOPIC_SHARD);
}

static void start_numpat(struct call *call)
{
    call_reply_integer(call,
                       subscriptions_count(call_environment(call)->subscriptions, TOPIC_PATTERN));
}

/* ---- rows ---- */

#define LISTEN_ROW(word, version, count, arguments, cost, what)                                    \
    {                                                                                              \
        .name = #word, .group = "pubsub", .since = version, .summary = what, .complexity = cost,   \
        .syntax = arguments, .arity = count, .access = ACCESS_ALONE, .while_subscribed = true,     \
        .flags = COMMAND_PUBSUB | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,              \
        .start = start_##word,                                                                     \
    }

const struct command command_subscribe =
    LISTEN_ROW(subscribe, "2.0.0", -2, "channel [channel ...]", "O(N) in the number of channels.",
               "Listens to channels, on whichever node they are published.");
const struct command command_psubscribe =
    LISTEN_ROW(psubscribe, "2.0.0", -2, "pattern [pattern ...]", "O(N) in the number of patterns.",
               "Listens to all channels whose names fit.");
const struct command command_ssubscribe =
    LISTEN_ROW(ssubscribe, "7.0.0", -2, "shardchannel [shardchannel ...]",
               "O(N) in the number of channels.", "Listens to sharded channels.");
const struct command command_unsubscribe =
    LISTEN_ROW(unsubscribe, "2.0.0", -1, "[channel [channel ...]]",
               "O(N) in the number of channels.", "Listens to channels, or to any, no more.");
const struct command command_punsubscribe =
    LISTEN_ROW(punsubscribe, "2.0.0", -1, "[pattern [pattern ...]]",
               "O(N) in the number of patterns.", "Listens to patterns, or to any, no more.");
const struct command command_sunsubscribe = LISTEN_ROW(
    sunsubscribe, "7.0.0", -1, "[shardchannel [shardchannel ...]]",
    "O(N) in the number of channels.", "Listens to sharded channels, or to any, no more.");

/* It waits for earlier writes of its connection: who is told of a write finds it. */
#define PUBLISH_ROW(word, version, argument, what)                                                 \
    {                                                                                              \
        .name = #word, .group = "pubsub", .since = version, .summary = what,                       \
        .complexity = "O(N+M) in those who listen and in all patterns, on each node.",             \
        .syntax = argument " message", .arity = 3, .access = ACCESS_RING,                          \
        .flags = COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,                  \
        .start = start_##word,                                                                     \
    }

const struct command command_publish =
    PUBLISH_ROW(publish, "2.0.0", "channel",
                "Tells all who listen, and answers how many those of this node are.");
const struct command command_spublish =
    PUBLISH_ROW(spublish, "7.0.0", "shardchannel",
                "Tells all who listen to a sharded channel; answers as PUBLISH does.");

#define PUBSUB_ROW(word, version, count, arguments, cost, what)                                    \
    {                                                                                              \
        .name = #word, .container = "pubsub", .group = "pubsub", .since = version,                 \
        .summary = what, .complexity = cost, .syntax = arguments, .arity = count,                  \
        .flags = COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,          \
    }

static const struct command pubsub_subcommands[] = {
    PUBSUB_ROW(channels, "2.8.0", -2, "[pattern]", "O(N) in the number of channels.",
               "Channels that somebody at this node listens to."),
    HELP_ROW("pubsub", "6.2.0", 0),
    PUBSUB_ROW(numpat, "2.8.0", 2, "", "O(1)", "How many patterns are listened to at this node."),
    PUBSUB_ROW(numsub, "2.8.0", -2, "[channel [channel ...]]", "O(N) in the number of channels.",
               "How many connections of this node listen to each channel."),
    PUBSUB_ROW(shardchannels, "7.0.0", -2, "[pattern]", "O(N) in the number of channels.",
               "Sharded channels that somebody at this node listens to."),
    PUBSUB_ROW(shardnumsub, "7.0.0", -2, "[shardchannel [shardchannel ...]]",
               "O(N) in the number of channels.",
               "How many connections of this node listen to each sharded channel."),
    {0},
};

const struct command command_pubsub = {
    .name = "pubsub",
    .group = "pubsub",
    .since = "2.8.0",
    .summary = "What is listened to at this node.",
    .complexity = "Depends on subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = pubsub_subcommands,
};
