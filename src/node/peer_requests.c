/*
 * peer_requests.c - what other nodes ask of this one.
 *
 * A forwarded key request is coordinated here; everything else is a question to
 * the own replicas. A read is checked twice, when it comes and when its answer
 * does: the replica may have begun to rebuild, or the ring may have changed, while
 * it waited for the disk.
 */
#include <assert.h>
#include <stdlib.h>

#include "node/node_state.h"
#include "node/ring_driver.h"
#include "ring/position.h"
#include "ring/transition.h"
#include "wire/message_collection.h"
#include "wire/message_hint_read.h"
#include "wire/message_lookup.h"
#include "wire/message_order.h"
#include "wire/message_partition.h"
#include "wire/message_tree.h"

/* A store that is not confirmed takes no writes either: it might be given up, and them with it. */
static enum status check_replica(const struct node *node, partition_id partition,
                                 struct ring_tag tag, bool for_reads)
{
    if (partition >= node->ring->partition_count)
        return STATUS_NOT_OWNER;
    int order = ring_tag_compare(tag, ring_tag_of(node->ring, partition));
    if (order != 0) /* who was an owner, or will be one, says so by this */
        return order < 0 ? STATUS_STALE_TAG : STATUS_NOT_READY;
    if (!ring_replicates(node->ring, node->self, partition))
        return STATUS_NOT_OWNER;
    if (node->replica_states[partition] == REPLICA_ABSENT || !node_store_serves(node) ||
        (for_reads && !node_replica_ready(node, partition)))
        return STATUS_NOT_READY;
    return STATUS_OK;
}

/* What needs a replica that answers reads: who pulls a partition whole takes over its clock. */
static bool is_read(uint16_t type)
{
    return type == MESSAGE_READ || type == MESSAGE_RANGE || type == MESSAGE_FETCH ||
           type == MESSAGE_LOOKUP || type == MESSAGE_ELEMENTS || type == MESSAGE_ORDER ||
           type == MESSAGE_COLLECTION_CLOCK || type == MESSAGE_PARTITION_PULL;
}

static uint16_t answer_type(uint16_t type)
{
    return (uint16_t)(type + 1);
}

_Static_assert(MESSAGE_REPLICATED == MESSAGE_REPLICATE + 1, "an answer follows its question");
_Static_assert(MESSAGE_HINT_READ_RESULT == MESSAGE_HINT_READ + 1, "an answer follows its question");
_Static_assert(MESSAGE_HINTED == MESSAGE_HINT + 1, "an answer follows its question");
_Static_assert(MESSAGE_STABILITY_HEARD == MESSAGE_STABILITY + 1, "an answer follows its question");
_Static_assert(MESSAGE_FETCH_RESULT == MESSAGE_FETCH + 1, "an answer follows its question");
_Static_assert(MESSAGE_LOOKUP_RESULT == MESSAGE_LOOKUP + 1, "an answer follows its question");
_Static_assert(MESSAGE_ELEMENTS_RESULT == MESSAGE_ELEMENTS + 1, "an answer follows its question");
_Static_assert(MESSAGE_ORDER_RESULT == MESSAGE_ORDER + 1, "likewise");
_Static_assert(MESSAGE_COLLECTION_CLOCK_RESULT == MESSAGE_COLLECTION_CLOCK + 1, "likewise");
_Static_assert(MESSAGE_PARTITION_PAGE == MESSAGE_PARTITION_PULL + 1, "likewise");
_Static_assert(MESSAGE_SYNC_PAGE == MESSAGE_SYNC_PULL + 1, "an answer follows its question");
_Static_assert(MESSAGE_REGISTER_PROMISE == MESSAGE_REGISTER_PREPARE + 1, "likewise");
_Static_assert(MESSAGE_REGISTER_ACCEPTED == MESSAGE_REGISTER_ACCEPT + 1, "likewise");
_Static_assert(MESSAGE_FORWARD_RESULT == MESSAGE_FORWARD + 1, "an answer follows its question");

void peer_request_fail(struct node *node, const struct origin *origin, uint16_t type,
                       partition_id partition, enum status status)
{
    struct buffer body = {0}, read = {0};
    struct key_result result = key_result_failed(status, 0, 0);
    (void)partition;
    switch (type) {
    case MESSAGE_FORWARD:
        key_result_encode(&result, &body);
        break;
    case MESSAGE_READ:
    case MESSAGE_FETCH:
        message_read_result_encode(&(struct message_read_result){.status = status}, &body);
        break;
    case MESSAGE_LOOKUP:
        message_read_result_encode(&(struct message_read_result){.status = status}, &read);
        message_lookup_result_encode(&(struct message_lookup_result){.read = buffer_slice(&read)},
                                     &body);
        break;
    case MESSAGE_ELEMENTS:
        message_elements_result_encode(&(struct message_elements_result){.status = status}, &body);
        break;
    case MESSAGE_ORDER:
        message_order_result_encode(&(struct message_order_result){.status = status}, &body);
        break;
    case MESSAGE_COLLECTION_CLOCK:
        message_collection_clock_result_encode(
            &(struct message_collection_clock_result){.status = status}, &body);
        break;
    case MESSAGE_RANGE:
        message_range_result_encode(&(struct message_range_result){.status = status}, &body);
        break;
    case MESSAGE_REPLICATE:
    case MESSAGE_HINT:
        message_replicated_encode(&(struct message_replicated){.status = status}, &body);
        break;
    case MESSAGE_HINT_READ:
        message_hint_read_result_encode(&(struct message_hint_read_result){.status = status},
                                        &body);
        break;
    case MESSAGE_DIGEST:
        message_digest_result_encode(&(struct message_digest_result){.status = status}, &body);
        break;
    case MESSAGE_TREE_ROOT:
        message_tree_root_result_encode(&(struct message_tree_root_result){.status = status},
                                        &body);
        break;
    case MESSAGE_PARTITION_PULL:
        message_partition_page_encode(&(struct message_partition_page){.status = status}, &body);
        break;
    default:
        buffer_deinit(&body);
        return; /* a pull, about the register, or what follows a root: the deadline ends it */
    }
    if (peers_link(node->peers, origin->node) == origin->link)
        node_send_link(node, origin->link, answer_type(type), origin->request, 0,
                       buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&read);
}

/* Whether all keys lie in the partition that the request names. */
static bool is_routed_right(const struct node *node, const struct key_request *request)
{
    if (request->partition >= node->ring->partition_count || request->kind == KEY_DIGEST)
        return false;
    for (uint16_t i = 0; i < request->entry_count; i++) {
        struct slice key = request->entries[i].key;
        if (i > 0 && key_request_is_collection(request))
            break; /* elements lie where their key does */
        if (key.length > node->settings.key_bytes_max ||
            ring_partition_of_slot(ring_slot(key), node->ring->partition_count) !=
                request->partition)
            return false;
    }
    return request->kind == KEY_SCAN || request->kind == KEY_COUNT || request->entry_count > 0;
}

static void coordinate_for_peer(struct node *node, const struct origin *origin,
                                const struct frame *frame)
{
    struct key_request request;
    struct key_contexts contexts;
    struct reader reader = reader_make(frame->body);
    enum status status = key_request_decode(&reader, &request, &contexts);
    if (status == STATUS_OK && !is_routed_right(node, &request))
        status = STATUS_INVALID;
    uint32_t timeout_ms = frame->left_ms;
    if (timeout_ms == 0 || timeout_ms > node->settings.request_timeout_ms * 10)
        timeout_ms = node->settings.request_timeout_ms;
    if (status == STATUS_OK)
        key_request_start(node, origin, &request, timeout_ms, false);
    else
        peer_request_fail(node, origin, MESSAGE_FORWARD, 0, status);
    key_contexts_free(&contexts);
}

/* A question to the own store side, if `status` is OK: remember who asked, and hand it over. */
static void ask_store(struct node *node, const struct origin *origin, const struct frame *frame,
                      partition_id partition, enum status status)
{
    struct peer_load *load = node_load(node, origin->node);
    if (status == STATUS_OK && load->asked >= node->settings.peer_inflight_max)
        status = STATUS_OVERLOADED;
    if (status != STATUS_OK) {
        peer_request_fail(node, origin, frame->type, partition, status);
        return;
    }
    uint32_t ms = frame->left_ms != 0 ? frame->left_ms : node->settings.request_timeout_ms;
    struct pending *pending =
        pending_add(node, PENDING_PEER_STORE, origin, node->now.mono_us + (uint64_t)ms * 1000);
    pending->type = frame->type;
    pending->partition = partition;
    pending->tag = ring_tag_of(node->ring, partition);
    load->asked++;
    node->asked_count++;
    if (frame->type == MESSAGE_SYNC_PULL)
        hints_note_puller(node, origin->node, pending->id);
    node_send_store(node, frame->type, pending->id, pending->deadline_us, frame->body);
}

void peer_request(struct node *node, node_id from, link_id link, const struct frame *frame)
{
    struct origin origin = {.node = from, .link = link, .request = frame->request};
    struct replica_address address;
    struct reader reader = reader_make(frame->body);
    partition_id partition;
    enum status status;
    switch (frame->type) {
    case MESSAGE_FORWARD:
        coordinate_for_peer(node, &origin, frame);
        break;
    case MESSAGE_READ:
    case MESSAGE_FETCH:
    case MESSAGE_LOOKUP:
    case MESSAGE_ELEMENTS:
    case MESSAGE_ORDER:
    case MESSAGE_COLLECTION_CLOCK:
    case MESSAGE_RANGE:
    case MESSAGE_REPLICATE:
    case MESSAGE_DIGEST:
    case MESSAGE_PARTITION_PULL:
    case MESSAGE_TREE_ROOT:
    case MESSAGE_TREE_NODES:
    case MESSAGE_TREE_LEAF:
    case MESSAGE_TREE_REPAIR:
        replica_address_decode(&reader, &address);
        if (reader.failed)
            node->statistics.frames_refused++;
        else
            ask_store(node, &origin, frame, address.partition,
                      check_replica(node, address.partition, address.tag, is_read(frame->type)));
        break;
    case MESSAGE_HINT:
        status = hints_check(node, frame->body, &partition);
        if (status == STATUS_OK && !node_store_serves(node))
            status = STATUS_NOT_READY; /* as check_replica() */
        ask_store(node, &origin, frame, partition, status);
        break;
    case MESSAGE_HINT_READ:
        status = hints_check_read(node, frame->body, &partition);
        if (status == STATUS_OK && !node_store_serves(node))
            status = STATUS_NOT_READY; /* its hints may be from before it was rolled back */
        ask_store(node, &origin, frame, partition, status);
        break;
    case MESSAGE_SYNC_PULL:
        /* Who rebuilds would take a store that has forgotten for a whole one. */
        if (node_store_serves(node))
            ask_store(node, &origin, frame, 0, STATUS_OK);
        break;
    case MESSAGE_REGISTER_PREPARE:
    case MESSAGE_REGISTER_ACCEPT:
        /* A steward that has forgotten what it promised must not promise again. */
        if (lineage_is_confirmed(node))
            ask_store(node, &origin, frame, 0, STATUS_OK);
        break;
    case MESSAGE_RING_ASK:
        evidence_asked(node, link, frame->request);
        break;
    case MESSAGE_RING_NEWS:
        ring_driver_news(node);
        break;
    case MESSAGE_STABILITY:
    case MESSAGE_STABILITY_HEARD:
        stability_peer_frame(node, &origin, frame);
        break;
    default:
        node->statistics.frames_refused++;
    }
}

static void forget(struct node *node, struct pending *pending)
{
    node_load(node, pending->origin.node)->asked--;
    assert(node->asked_count > 0);
    node->asked_count--;
    pending_remove(node, pending);
}

/* A copy that this node is dropping may have been read when it was no longer whole. */
static enum status check_read_answer(const struct node *node, const struct pending *pending)
{
    struct ring_tag tag = ring_tag_of(node->ring, pending->partition);
    if (ring_tag_compare(pending->tag, tag) != 0)
        return STATUS_STALE_TAG;
    return node_replica_ready(node, pending->partition) ? STATUS_OK : STATUS_NOT_READY;
}

void peer_request_answered(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body)
{
    assert(type == answer_type(pending->type));
    enum status status = is_read(pending->type) ? check_read_answer(node, pending) : STATUS_OK;
    if (status != STATUS_OK)
        peer_request_fail(node, &pending->origin, pending->type, pending->partition, status);
    else if (peers_link(node->peers, pending->origin.node) == pending->origin.link)
        node_send_link(node, pending->origin.link, type, pending->origin.request,
                       owner_choice_load(node, pending->started_us), body);
    if (type == MESSAGE_SYNC_PAGE)
        node->statistics.sync_pages_sent++;
    forget(node, pending);
}

void peer_request_refused(struct node *node, struct pending *pending, enum status status)
{
    peer_request_fail(node, &pending->origin, pending->type, pending->partition, status);
    forget(node, pending);
}

void peer_request_expired(struct node *node, struct pending *pending)
{
    forget(node, pending);
}
