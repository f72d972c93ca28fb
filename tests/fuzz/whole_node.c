#include "whole_node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/ring/ring_fixture.h"
#include "ringd/message_mac.h"
#include "ringd/password_hash.h"
#include "wire/password_job.h"

enum { ROUNDS_MAX = 10000, READY_MS = 60000, READY_TICKS = 5000, SENT_KEPT_BYTES = 64 << 20 };

/* Bytes that nobody has to guess here: one input, one outcome. */
static bool fixed_bytes(uint8_t *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(i * 7 + 1);
    return true;
}

static void note_asked(struct whole_node *whole, struct slice frames)
{
    struct frame frame;
    size_t used;
    while (frames.length > 0) {
        assert(frame_open(frames, &frame, &used) == STATUS_OK);
        whole->asked[whole->asked_count++ % WHOLE_NODE_ASKED_MAX] = frame.request;
        frames = slice_make(frames.data + used, frames.length - used);
    }
}

/* Slow is not what is tried here. */
static void hash_quickly(struct slice bytes, struct buffer *out)
{
    struct password_job job;
    struct buffer input = {0};
    assert(password_job_decode(bytes, &job) == STATUS_OK);
    struct password_result result = {.ticket = job.ticket};
    buffer_append(&input, job.salt, sizeof job.salt);
    buffer_append(&input, job.digest, sizeof job.digest);
    password_hash(buffer_slice(&input), result.hash);
    password_result_encode(&result, out);
    buffer_deinit(&input);
}

static void take_effect(struct whole_node *whole, const struct effect *effect, struct slice bytes)
{
    struct store_host *store = &whole->store;
    switch (effect->kind) {
    case EFFECT_CLIENT_SEND:
        whole->client_bytes += bytes.length;
        if (whole->sent.length < SENT_KEPT_BYTES)
            buffer_append_slice(&whole->sent, bytes);
        break;
    case EFFECT_CLIENT_CLOSE:
        whole->client_closed = true;
        break;
    case EFFECT_STORE_WRITE:
        store_side_write(store->side, bytes, store->now, &store->out);
        break;
    case EFFECT_STORE_READ:
        store_side_read(&store->port, store->ring, bytes, store->now, &store->late);
        break;
    case EFFECT_LINK_SEND:
        note_asked(whole, bytes);
        break;
    case EFFECT_LEAVE:
        whole->left = true;
        break;
    case EFFECT_PASSWORD_HASH:
        hash_quickly(bytes, &whole->hashes);
        break;
    default:
        break; /* dials, pauses */
    }
}

/* Take what the node wants, and give back what the store says; false: nothing was left to do. */
static bool turn(struct whole_node *whole)
{
    struct store_host *store = &whole->store;
    struct effects effects = whole->effects;
    struct buffer replies = {0};
    whole->effects = (struct effects){0};
    for (size_t i = 0; i < effects.count; i++)
        take_effect(whole, &effects.items[i], effect_bytes(&effects, &effects.items[i]));
    effects_deinit(&effects);
    store_host_commit(store);
    buffer_append_slice(&replies, buffer_slice(&store->early));
    buffer_append_slice(&replies, buffer_slice(&store->late));
    store_host_forget(store);
    bool more = replies.length > 0;
    if (more)
        node_step(whole->node,
                  &(struct event){.kind = EVENT_STORE_FRAMES,
                                  .bytes = buffer_slice(&replies),
                                  .now = store->now},
                  &whole->effects);
    buffer_deinit(&replies);
    if (whole->hashes.length > 0) {
        struct buffer hashes = whole->hashes;
        whole->hashes = (struct buffer){0};
        node_step(whole->node,
                  &(struct event){.kind = EVENT_PASSWORD_HASHED,
                                  .bytes = buffer_slice(&hashes),
                                  .now = store->now},
                  &whole->effects);
        buffer_deinit(&hashes);
    }
    return more || whole->effects.count > 0;
}

void whole_node_step(struct whole_node *whole, struct event event)
{
    unsigned rounds = 0;
    event.now = whole->store.now;
    node_step(whole->node, &event, &whole->effects);
    while (turn(whole))
        assert(++rounds < ROUNDS_MAX); /* else it does not come to rest */
}

void whole_node_init(struct whole_node *whole, uint32_t members)
{
    static const char *const replications[] = {"eu:1", "eu:2", "eu:3"};
    *whole = (struct whole_node){0};
    struct store_host *store = &whole->store;
    struct ring *ring = store_host_ring(replications[members - 1]);
    store_host_init(store, ring, 1, 1);
    whole->node = node_new(&(struct node_params){
        .self = 1,
        .storage_incarnation = 1,
        .boot_epoch = 1,
        .random_seed = 1,
        .ring = ring,
        .settings = &store->settings,
        .host = {.mac = message_mac, .hash_password = password_hash, .random_bytes = fixed_bytes}});
    store_host_open(store);
    whole_node_step(whole, (struct event){.kind = EVENT_START});
    whole_node_pass(whole, READY_MS, READY_TICKS);
    whole_node_step(whole, (struct event){.kind = EVENT_CLIENT_OPEN,
                                          .connection = WHOLE_NODE_CLIENT,
                                          .bytes = slice_text("127.0.0.1:1")});
}

void whole_node_deinit(struct whole_node *whole)
{
    struct ring *ring = whole->store.ring;
    node_free(whole->node);
    effects_deinit(&whole->effects);
    buffer_deinit(&whole->sent);
    buffer_deinit(&whole->hashes);
    store_host_deinit(&whole->store);
    ring_free(ring);
}

void whole_node_frame(struct whole_node *whole, link_id link, uint16_t type, request_id request,
                      struct slice body)
{
    struct buffer bytes = {0};
    size_t offset = frame_start(&bytes, type, request, 0);
    buffer_append_slice(&bytes, body);
    frame_finish(&bytes, offset);
    whole_node_step(
        whole,
        (struct event){.kind = EVENT_LINK_FRAMES, .link = link, .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

void whole_node_let_in(struct whole_node *whole, node_id peer)
{
    const struct ring *ring = whole->store.ring;
    struct buffer body = {0};
    struct message_hello hello = {.generation = ring->generation,
                                  .placement_digest = ring_placement_digest(ring),
                                  .tag = ring->tag,
                                  .node = peer,
                                  .storage_incarnation = 1,
                                  .boot_epoch = 1};
    memcpy(hello.cluster_id, ring->cluster_id, sizeof hello.cluster_id);
    message_hello_encode(&hello, &body);
    whole_node_step(whole, (struct event){.kind = EVENT_LINK_UP, .link = peer, .node = peer});
    whole_node_frame(whole, peer, MESSAGE_HELLO, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

void whole_node_say(struct whole_node *whole, struct slice bytes)
{
    if (!whole->client_closed)
        whole_node_step(whole, (struct event){.kind = EVENT_CLIENT_BYTES,
                                              .connection = WHOLE_NODE_CLIENT,
                                              .bytes = bytes});
}

void whole_node_pass(struct whole_node *whole, uint64_t ms, unsigned ticks)
{
    struct instant *now = &whole->store.now;
    struct instant end = {.mono_us = now->mono_us + ms * 1000, .wall_ms = now->wall_ms + ms};
    for (; ticks > 0; ticks--) {
        uint64_t due = node_deadline_us(whole->node);
        if (due >= end.mono_us)
            break;
        if (due > now->mono_us) {
            now->wall_ms = end.wall_ms - (end.mono_us - due) / 1000;
            now->mono_us = due;
        }
        whole_node_step(whole, (struct event){.kind = EVENT_TICK});
    }
    *now = end;
}

void whole_node_reopen_store(struct whole_node *whole)
{
    struct store_host *store = &whole->store;
    store_host_fail(store, false);
    store->boot_epoch++;
    assert(store_side_open(store->side, store->boot_epoch, &store->out) == STATUS_OK);
    store_host_commit(store);
}
