/*
 * register_new_store.c - a new store asks before it is used (T8 of tests/models/ring_change.py).
 *
 * What a lost store had persisted was counted upon, and most of all by which tags it went. The
 * store in its place knows what the ring file says and what some peer happens to know. Under an
 * earlier tag than the lost one had it would count for writes that the owners of today never see.
 * So it answers nothing as a replica, keeps no hints and is no evidence before this node goes by a
 * value that is at least as new as
 *
 *     what a majority of the stewards agrees on, in a round that changes nothing; or
 *     what each other member has on its disk, as it told since the start: of stewards that lost
 *     their stores as well there may be no majority any more
 *
 * Meanwhile it learns values, fills its replicas and answers as a steward. Where neither is to be
 * had it goes on asking, and says so. That it has asked is kept in the store itself, so a node that
 * is started again with it serves by itself.
 */
#include "node/register_state.h"

#include <stdlib.h>

enum { ASK_AGAIN_MS = 1000, SAY_MS = 30000 };

bool node_register_is_read(const struct node *node)
{
    return !node->config->new_store.asks;
}

static void is_read(struct node *node, const char *by)
{
    struct node_register *reg = node->config;
    reg->new_store.asks = false;
    node_send_store(node, MESSAGE_REGISTER_ASKED, 0, 0, slice_make(NULL, 0));
    log_line(&node->log, LOG_INFO, "the new store is used from now on register=%s seq=%llu", by,
             (unsigned long long)reg->known->seq);
}

/* Each other member has told since the start, and nothing that this node does not go by. */
static bool all_have_told(const struct node_register *reg)
{
    for (uint32_t i = 0; i < reg->peer_count; i++)
        if (!reg->peers[i].has_told ||
            !register_peer_is_behind(&reg->peers[i], reg->known->ring->generation,
                                     reg->known->seq + 1))
            return false;
    return true;
}

void register_new_store_look(struct node *node)
{
    const struct node_register *reg = node->config;
    if (!reg->new_store.asks || !reg->is_open)
        return;
    const struct register_peer mine = {.generation = reg->known->ring->generation,
                                       .seq = reg->known->seq};
    if (reg->new_store.agreed && !register_peer_is_behind(&mine, reg->new_store.agreed_generation,
                                                          reg->new_store.agreed_seq))
        is_read(node, "stewards-agree");
    else if (all_have_told(reg))
        is_read(node, "all-members-have-told");
}

void register_new_store_ended(struct node *node, const struct register_proposer *proposer)
{
    struct new_store *store = &node->config->new_store;
    bool agreed = proposer->outcome == STATUS_OK && proposer->chosen != NULL;
    if (!store->asks || !agreed)
        return; /* any change that was agreed on here is such a round, too */
    store->agreed = true;
    store->agreed_generation = proposer->chosen->ring->generation;
    store->agreed_seq = proposer->chosen->seq;
}

/* A store that may have forgotten rounds would give a ballot twice. */
static bool may_ask(const struct node *node)
{
    const struct node_register *reg = node->config;
    return reg->new_store.asks && !reg->new_store.agreed && reg->is_open && reg->proposer == NULL &&
           lineage_is_confirmed(node);
}

void register_new_store_tick(struct node *node)
{
    struct new_store *store = &node->config->new_store;
    if (!may_ask(node) || node->now.mono_us < store->ask_at_us)
        return;
    store->ask_at_us =
        register_after_ms(node, ASK_AGAIN_MS + random_below(&node->config->random, ASK_AGAIN_MS));
    if (store->said_us == 0) {
        store->said_us = node->now.mono_us;
    } else if (node->now.mono_us - store->said_us >= (uint64_t)SAY_MS * 1000) {
        store->said_us = node->now.mono_us;
        log_line(&node->log, LOG_WARN,
                 "the new store is not used yet: no majority of the stewards agrees, and not all "
                 "members have told which ring they know");
    }
    register_start_change(node, &(struct register_change){.kind = REGISTER_CHANGE_NONE});
}

uint64_t register_new_store_deadline_us(const struct node *node)
{
    return may_ask(node) ? node->config->new_store.ask_at_us : UINT64_MAX;
}
