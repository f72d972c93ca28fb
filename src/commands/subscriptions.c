#include "commands/subscriptions.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "commands/session_state.h"

struct topic {
    UT_hash_handle hh; /* by the bytes of its name, in the table of its kind */
    struct subscription *first, *last;
    uint32_t count;
    enum topic_kind kind;
    size_t length;
    uint8_t name[];
};

/* Whether a session listens to a topic is asked by both: by nothing else is one found. */
struct pair {
    const struct session *session;
    const struct topic *topic;
};

struct subscription {
    UT_hash_handle hh;
    struct pair pair;
    struct session *session;
    struct topic *topic;
    struct subscription *next, *previous;             /* of the session */
    struct subscription *topic_next, *topic_previous; /* of the topic */
};

struct subscriptions {
    struct topic *topics[TOPIC_KINDS];
    struct subscription *pairs;
};

struct subscriptions *subscriptions_new(void)
{
    return memory_new(1, sizeof(struct subscriptions));
}

void subscriptions_free(struct subscriptions *all)
{
    if (all == NULL)
        return;
    assert(all->pairs == NULL);
    free(all);
}

static struct topic *find_topic(const struct subscriptions *all, enum topic_kind kind,
                                struct slice name)
{
    struct topic *topic = NULL;
    HASH_FIND(hh, all->topics[kind], name.data, name.length, topic);
    return topic;
}

static struct subscription *find_subscription(const struct subscriptions *all,
                                              const struct session *session,
                                              const struct topic *topic)
{
    struct pair pair = {session, topic};
    struct subscription *subscription = NULL;
    HASH_FIND(hh, all->pairs, &pair, sizeof pair, subscription);
    return subscription;
}

static struct topic *add_topic(struct subscriptions *all, enum topic_kind kind, struct slice name)
{
    struct topic *topic = memory_new(1, sizeof *topic + name.length);
    topic->kind = kind;
    topic->length = name.length;
    if (name.length > 0)
        memcpy(topic->name, name.data, name.length);
    HASH_ADD_KEYPTR(hh, all->topics[kind], topic->name, topic->length, topic);
    return topic;
}

static void link_in(struct subscription *subscription, struct listener *listener)
{
    struct topic *topic = subscription->topic;
    subscription->previous = listener->last;
    if (listener->last != NULL)
        listener->last->next = subscription;
    else
        listener->first = subscription;
    listener->last = subscription;
    subscription->topic_previous = topic->last;
    if (topic->last != NULL)
        topic->last->topic_next = subscription;
    else
        topic->first = subscription;
    topic->last = subscription;
}

static void link_out(struct subscription *subscription, struct listener *listener)
{
    struct topic *topic = subscription->topic;
    if (subscription->previous != NULL)
        subscription->previous->next = subscription->next;
    else
        listener->first = subscription->next;
    if (subscription->next != NULL)
        subscription->next->previous = subscription->previous;
    else
        listener->last = subscription->previous;
    if (subscription->topic_previous != NULL)
        subscription->topic_previous->topic_next = subscription->topic_next;
    else
        topic->first = subscription->topic_next;
    if (subscription->topic_next != NULL)
        subscription->topic_next->topic_previous = subscription->topic_previous;
    else
        topic->last = subscription->topic_previous;
}

enum status subscriptions_add(struct subscriptions *all, struct session *session,
                              enum topic_kind kind, struct slice name)
{
    struct listener *listener = &session->listener;
    struct topic *topic = find_topic(all, kind, name);
    if (topic != NULL && find_subscription(all, session, topic) != NULL)
        return STATUS_OK;
    if (listener->bytes + name.length + SUBSCRIPTION_COST_BYTES > SUBSCRIPTION_BYTES_MAX)
        return STATUS_OVERLOADED;
    if (topic == NULL)
        topic = add_topic(all, kind, name);
    struct subscription *subscription = memory_new(1, sizeof *subscription);
    subscription->pair = (struct pair){session, topic};
    subscription->session = session;
    subscription->topic = topic;
    HASH_ADD(hh, all->pairs, pair, sizeof subscription->pair, subscription);
    link_in(subscription, listener);
    topic->count++;
    listener->counts[kind]++;
    listener->bytes += name.length + SUBSCRIPTION_COST_BYTES;
    return STATUS_OK;
}

static void end(struct subscriptions *all, struct subscription *subscription)
{
    struct listener *listener = &subscription->session->listener;
    struct topic *topic = subscription->topic;
    link_out(subscription, listener);
    listener->counts[topic->kind]--;
    listener->bytes -= topic->length + SUBSCRIPTION_COST_BYTES;
    HASH_DEL(all->pairs, subscription);
    free(subscription);
    if (--topic->count > 0)
        return;
    HASH_DEL(all->topics[topic->kind], topic);
    free(topic);
}

void subscriptions_remove(struct subscriptions *all, struct session *session, enum topic_kind kind,
                          struct slice name)
{
    const struct topic *topic = find_topic(all, kind, name);
    struct subscription *subscription =
        topic == NULL ? NULL : find_subscription(all, session, topic);
    if (subscription != NULL)
        end(all, subscription);
}

void subscriptions_remove_all(struct subscriptions *all, struct session *session)
{
    while (session->listener.first != NULL)
        end(all, session->listener.first);
}

bool subscriptions_first(const struct session *session, enum topic_kind kind, struct slice *name)
{
    const struct subscription *subscription = session->listener.first;
    while (subscription != NULL && subscription->topic->kind != kind)
        subscription = subscription->next;
    if (subscription != NULL)
        *name = topic_name(subscription->topic);
    return subscription != NULL;
}

const struct topic *subscriptions_find(const struct subscriptions *all, enum topic_kind kind,
                                       struct slice name)
{
    return find_topic(all, kind, name);
}

const struct topic *subscriptions_next(const struct subscriptions *all, enum topic_kind kind,
                                       const struct topic *before)
{
    return before == NULL ? all->topics[kind] : before->hh.next;
}

uint32_t subscriptions_count(const struct subscriptions *all, enum topic_kind kind)
{
    return HASH_COUNT(all->topics[kind]);
}

struct slice topic_name(const struct topic *topic)
{
    return slice_make(topic->name, topic->length);
}

uint32_t topic_listener_count(const struct topic *topic)
{
    return topic->count;
}

void topic_each(const struct topic *topic, void (*give)(struct session *session, void *context),
                void *context)
{
    for (const struct subscription *subscription = topic->first; subscription != NULL;
         subscription = subscription->topic_next)
        give(subscription->session, context);
}
