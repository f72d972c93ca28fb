/*
 * publications.c - published messages, to and from other nodes.
 *
 * A message goes once to each peer that is up, of the own region or of all (pubsub-regions). It is
 * kept nowhere: a peer that is down never hears of it. What a peer has not taken yet is bounded,
 * and beyond that messages for it are dropped and counted, so that a flood of them never costs the
 * link, which replication needs too.
 */
#include "commands/pubsub.h"
#include "node/node_state.h"
#include "wire/message_publish.h"

enum {
    UNTAKEN_BYTES_MAX = 8 << 20, /* on the way to one peer; a single message may be larger */
    TELL_BYTES = 256 << 10       /* taken since a peer was last told so */
};

static bool wants(const struct node *node, node_id peer)
{
    const struct ring_member *member = ring_member(node->ring, peer);
    return member != NULL &&
           (node->settings.pubsub_regions == PUBSUB_REGIONS_ALL || member->region == node->home);
}

static void send(struct node *node, struct peer_load *load, struct slice body)
{
    struct publication_lane *lane = &load->publications;
    link_id link = peers_link(node->peers, load->id);
    if (link == 0 || !wants(node, load->id))
        return;
    if (link != lane->link) {
        lane->link = link;
        lane->sent = lane->taken = 0;
    }
    uint64_t untaken = lane->sent - lane->taken;
    if (untaken > 0 && untaken + body.length > UNTAKEN_BYTES_MAX) {
        node->statistics.publications_dropped++;
        return;
    }
    lane->sent += body.length;
    node->statistics.publications_sent++;
    node_send_link(node, link, MESSAGE_PUBLISH, 0, 0, body);
}

void publications_send(void *context, bool sharded, struct slice channel, struct slice message)
{
    struct node *node = context;
    struct buffer body = {0};
    message_publish_encode(
        &(struct message_publish){.sharded = sharded, .channel = channel, .message = message},
        &body);
    for (uint32_t i = 0; i < node->load_count; i++)
        send(node, &node->loads[i], buffer_slice(&body));
    buffer_deinit(&body);
}

static void count(struct node *node, node_id from, link_id link, size_t bytes)
{
    struct publication_lane *lane = &node_load(node, from)->publications;
    struct buffer body = {0};
    if (link != lane->from_link) {
        lane->from_link = link;
        lane->came = lane->told = 0;
    }
    lane->came += bytes;
    if (lane->came - lane->told < TELL_BYTES)
        return;
    lane->told = lane->came;
    message_publish_taken_encode(&(struct message_publish_taken){.bytes = lane->came}, &body);
    node_send_link(node, link, MESSAGE_PUBLISH_TAKEN, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

void publications_came(struct node *node, node_id from, link_id link, struct slice body)
{
    struct message_publish message;
    count(node, from, link, body.length);
    if (message_publish_decode(body, &message) != STATUS_OK) {
        node->statistics.frames_refused++;
        return;
    }
    node->statistics.publications_received++;
    pubsub_deliver(&node->environment, message.sharded, message.channel, message.message);
}

void publications_taken(struct node *node, node_id from, link_id link, struct slice body)
{
    struct publication_lane *lane = &node_load(node, from)->publications;
    struct message_publish_taken taken;
    if (message_publish_taken_decode(body, &taken) != STATUS_OK)
        node->statistics.frames_refused++;
    else if (link == lane->link && taken.bytes > lane->taken && taken.bytes <= lane->sent)
        lane->taken = taken.bytes;
}
