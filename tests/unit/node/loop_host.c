#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "ring/position.h"
#include "ring/preference_list.h"
#include "wire/message_lineage.h"
#include "wire/message_register.h"
#include "wire/password_job.h"

void loop_host_step(struct loop_host *host, struct event event)
{
    effects_clear(&host->effects);
    event.now = host->now;
    node_step(host->node, &event, &host->effects);
    if (event.kind == EVENT_TICK || node_deadline_us(host->node) > host->now.mono_us)
        return;
    event = (struct event){.kind = EVENT_TICK, .now = host->now}; /* at once, as adapters do */
    node_step(host->node, &event, &host->effects);
}

void loop_host_give(struct loop_host *host, link_id link, uint16_t type, request_id request,
                    struct slice body)
{
    struct buffer bytes = {0};
    size_t offset = frame_start(&bytes, type, request, 0);
    buffer_append_slice(&bytes, body);
    frame_finish(&bytes, offset);
    loop_host_step(host, (struct event){.kind = link == 0 ? EVENT_STORE_FRAMES : EVENT_LINK_FRAMES,
                                        .link = link,
                                        .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

/* The store has opened, and knows of no change of the register. */
static void open_register(struct loop_host *host)
{
    struct buffer body = {0};
    message_register_state_encode(&(struct message_register_state){0}, &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_STATE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void activate_replicas(struct loop_host *host)
{
    for (partition_id p = 0; p < host->ring->partition_count; p++) {
        struct buffer body = {0};
        struct message_replica_state state = {.partition = p, .state = REPLICA_ACTIVE};
        message_replica_state_encode(&state, &body);
        if (ring_owns(host->ring, LOOP_HOST_SELF, p))
            loop_host_give(host, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
        buffer_deinit(&body);
    }
}

/* No cryptography: enough to tell passwords apart. */
static void hash_password(struct slice password, uint8_t *out)
{
    memset(out, 0, PASSWORD_HASH_BYTES);
    for (size_t i = 0; i < password.length; i++)
        out[i % PASSWORD_HASH_BYTES] ^= password.data[i];
}

static void init(struct loop_host *host, const char *replication, uint32_t members,
                 uint16_t incarnation)
{
    *host = (struct loop_host){.ring = fixture_ring(replication, 16),
                               .now = {.mono_us = 1000000, .wall_ms = 1700000000000},
                               .true_ms = 1700000000000};
    host->ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    host->ring->keyspace_count = 1;
    fixture_add_many(host->ring, members, "eu", members);
    fixture_place(host->ring, NULL);
    settings_defaults(&host->settings);
    host->node = node_new(&(struct node_params){.self = LOOP_HOST_SELF,
                                                .storage_incarnation = incarnation,
                                                .boot_epoch = 1,
                                                .random_seed = 1,
                                                .ring = host->ring,
                                                .settings = &host->settings,
                                                .host = {.hash_password = hash_password}});
    loop_host_step(host, (struct event){.kind = EVENT_START});
    activate_replicas(host);
    loop_host_step(host, (struct event){.kind = EVENT_CLIENT_OPEN,
                                        .connection = LOOP_HOST_CLIENT,
                                        .bytes = slice_text("127.0.0.1:1")});
}

void loop_host_init_unopened(struct loop_host *host, const char *replication, uint32_t members,
                             uint16_t incarnation)
{
    init(host, replication, members, incarnation);
}

void loop_host_init_unconfirmed(struct loop_host *host, const char *replication, uint32_t members)
{
    init(host, replication, members, 1);
    open_register(host);
}

void loop_host_init(struct loop_host *host, const char *replication, uint32_t members)
{
    loop_host_init_unconfirmed(host, replication, members);
    /* Its store shows nothing, so nobody has to find it good. */
    struct buffer lineage = {0};
    lineage_encode(&(struct lineage){0}, &lineage);
    loop_host_give(host, 0, MESSAGE_STORE_LINEAGE, 0, buffer_slice(&lineage));
    buffer_deinit(&lineage);
}

void loop_host_deinit(struct loop_host *host)
{
    node_free(host->node);
    effects_deinit(&host->effects);
    ring_free(host->ring);
}

void loop_host_let_in(struct loop_host *host, node_id peer)
{
    struct buffer body = {0};
    struct message_hello hello = {.generation = host->ring->generation,
                                  .placement_digest = ring_placement_digest(host->ring),
                                  .tag = host->ring->tag,
                                  .node = peer,
                                  .storage_incarnation = 1,
                                  .boot_epoch = 1};
    memcpy(hello.cluster_id, host->ring->cluster_id, sizeof hello.cluster_id);
    message_hello_encode(&hello, &body);
    loop_host_step(host, (struct event){.kind = EVENT_LINK_UP, .link = peer, .node = peer});
    loop_host_give(host, peer, MESSAGE_HELLO, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

void loop_host_beat(struct loop_host *host, node_id peer, int64_t off_ms)
{
    struct buffer body = {0};
    struct message_heartbeat heartbeat = {.sent_us = 1,
                                          .wall_ms = (uint64_t)((int64_t)host->true_ms + off_ms),
                                          .echo_us = host->now.mono_us};
    message_heartbeat_encode(&heartbeat, &body);
    loop_host_give(host, peer, MESSAGE_HEARTBEAT, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

void loop_host_let_all_in(struct loop_host *host)
{
    for (node_id peer = 2; peer <= host->ring->member_count; peer++) {
        loop_host_let_in(host, peer);
        loop_host_beat(host, peer, 0);
    }
}

void loop_host_pass(struct loop_host *host, uint64_t ms, int64_t jump_ms)
{
    host->now.mono_us += ms * 1000;
    host->true_ms += ms;
    host->now.wall_ms = (uint64_t)((int64_t)(host->now.wall_ms + ms) + jump_ms);
    loop_host_step(host, (struct event){.kind = EVENT_TICK});
}

void loop_host_say(struct loop_host *host, const char *command)
{
    struct buffer bytes = {0};
    buffer_printf(&bytes, "%s\r\n", command);
    loop_host_step(host, (struct event){.kind = EVENT_CLIENT_BYTES,
                                        .connection = LOOP_HOST_CLIENT,
                                        .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

static void read_reply(const struct loop_host *host, struct buffer *out)
{
    for (size_t i = 0; i < host->effects.count; i++)
        if (host->effects.items[i].kind == EFFECT_CLIENT_SEND)
            buffer_append_slice(out, effect_bytes(&host->effects, &host->effects.items[i]));
    buffer_put_u8(out, '\0');
}

void loop_host_assert_reply(const struct loop_host *host, const char *start)
{
    struct buffer text = {0};
    read_reply(host, &text);
    const char *reply = (const char *)text.data;
    if (strncmp(reply, start, strlen(start)) != 0 || (start[0] == '\0' && reply[0] != '\0'))
        fail_msg("the client reads '%s'", reply);
    buffer_deinit(&text);
}

bool loop_host_reply_has(const struct loop_host *host, const char *part)
{
    struct buffer text = {0};
    read_reply(host, &text);
    bool found = strstr((const char *)text.data, part) != NULL;
    buffer_deinit(&text);
    return found;
}

bool loop_host_find(const struct loop_host *host, uint16_t type, struct frame *out, link_id *link)
{
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND && effect->kind != EFFECT_STORE_WRITE &&
            effect->kind != EFFECT_STORE_READ)
            continue;
        assert_int_equal(frame_open(effect_bytes(&host->effects, effect), out, &used), STATUS_OK);
        *link = effect->kind == EFFECT_LINK_SEND ? effect->link : 0;
        if (out->type == type)
            return true;
    }
    return false;
}

void loop_host_answer_forward(struct loop_host *host, link_id link, request_id request,
                              enum status status)
{
    struct buffer body = {0};
    struct key_result result = key_result_failed(status, 0, 0);
    key_result_encode(&result, &body);
    loop_host_give(host, link, MESSAGE_FORWARD_RESULT, request, buffer_slice(&body));
    buffer_deinit(&body);
}

void loop_host_find_key(const struct loop_host *host, int place, char key[16])
{
    for (unsigned i = 0; i < 10000; i++) {
        struct preference_list owners;
        int found = -1;
        snprintf(key, 16, "k%u", i);
        partition_id p = ring_partition_of_slot(ring_slot(slice_text(key)), 16);
        preference_list_build(host->ring, p, 0, &owners);
        for (int j = 0; j < owners.primary_count; j++)
            if (owners.nodes[j] == LOOP_HOST_SELF)
                found = j;
        if (found == place)
            return;
    }
    fail_msg("no such key");
}
