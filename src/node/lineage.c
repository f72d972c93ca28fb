/*
 * lineage.c - shows the own store's history to peers, judges theirs, and quarantines what is not
 * what it was.
 *
 * A store that was put back from a copy, or lost its newest records without a word, has forgotten
 * writes that it acknowledged. It must not be read, mint or count for a level. So after
 * a start no replica here is ready before a peer that knows this store finds its
 * lineage good (membership/lineage.h). When nobody who knows it is there for peer_timeout_ms, the
 * node is as good as alone and goes on.
 *
 * What others showed is kept in the own store, some seconds late: a cluster that is started
 * as a whole remembers too.
 */
#include <assert.h>

#include "membership/lineage.h"
#include "node/node_state.h"

enum { WITNESS_SAVE_US = 2000000 };

static bool shows_anything(const struct node *node)
{
    return node->lineage_known && node->lineage.count > 0 && node->ring->owner_count > 1;
}

static void show(struct node *node, node_id peer)
{
    struct buffer body = {0};
    lineage_encode(&node->lineage, &body);
    node_send_link(node, peers_link(node->peers, peer), MESSAGE_LINEAGE, 0, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void show_commits(struct node *node)
{
    struct buffer body = {0};
    struct message_lineage_shown shown = {.commits = node->lineage.commits,
                                          .rebuilding = node->rebuilding_count > 0};
    message_lineage_shown_encode(&shown, &body);
    for (uint32_t i = 0; i < node->load_count; i++) {
        const struct peer_load *load = &node->loads[i];
        if (peers_is_up(node->peers, load->id))
            node_send_link(node, peers_link(node->peers, load->id), MESSAGE_LINEAGE_SHOWN, 0, 0,
                           buffer_slice(&body));
    }
    node->lineage_shown = shown;
    node->lineage_shown_us = node->now.mono_us;
    buffer_deinit(&body);
}

static bool has_news(const struct node *node)
{
    return shows_anything(node) && (node->lineage_shown.commits != node->lineage.commits ||
                                    node->lineage_shown.rebuilding != (node->rebuilding_count > 0));
}

static void confirm(struct node *node, const char *why)
{
    if (node->lineage_confirmed || node->lineage_lost)
        return;
    node->lineage_confirmed = true;
    log_line(&node->log, LOG_INFO, "store serves reason=%s commits=%llu", why,
             (unsigned long long)node->lineage.commits);
    node_register_confirmed(node);
}

bool lineage_is_confirmed(const struct node *node)
{
    return node->lineage_confirmed;
}

void lineage_start(struct node *node)
{
    if (node->ring->owner_count == 1)
        node->lineage_confirmed = true; /* nobody has what it lost, and a backup must be welcome */
}

/* ---- the own store -------------------------------------------------------------------------- */

static void note_witness(struct node *node, const struct lineage_witness *witness)
{
    struct peer_load *load = node_load(node, witness->node);
    if (load == NULL || witness->storage_incarnation < load->witness.storage_incarnation)
        return; /* no member any longer, or more is known since */
    if (witness->storage_incarnation > load->witness.storage_incarnation ||
        witness->commits > load->witness.commits)
        load->witness = *witness;
    load->saved = *witness;
    peers_note_incarnation(node->peers, witness->node, witness->storage_incarnation);
}

static void judge(struct node *node, struct peer_load *load, const struct lineage *shown);

void lineage_store_opened(struct node *node, struct slice body)
{
    struct reader reader = reader_make(body);
    lineage_decode(&reader, &node->lineage);
    while (!reader.failed && reader_left(&reader) > 0) {
        struct lineage_witness witness;
        lineage_witness_decode(&reader, &witness);
        if (!reader.failed)
            note_witness(node, &witness);
    }
    assert(!reader.failed); /* own store side */
    if (!node->lineage_known)
        node->lineage_known_us = node->now.mono_us;
    node->lineage_known = true;
    for (uint32_t i = 0; i < node->load_count; i++) {
        if (node->loads[i].waits && peers_is_up(node->peers, node->loads[i].id))
            judge(node, &node->loads[i], &node->loads[i].waiting);
        node->loads[i].waits = false;
    }
    if (!shows_anything(node)) {
        confirm(node, "its-commits-are-not-durable");
        return;
    }
    for (uint32_t i = 0; i < node->load_count; i++)
        if (peers_is_up(node->peers, node->loads[i].id))
            show(node, node->loads[i].id);
}

void lineage_store_committed(struct node *node, struct slice body)
{
    struct reader reader = reader_make(body);
    uint64_t commits = reader_varint(&reader);
    enum status status = reader_end(&reader);
    assert(status == STATUS_OK); /* own store side */
    node->lineage.commits = commits;
}

void lineage_not_saved(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        node->loads[i].saved = (struct lineage_witness){0};
}

/* The store is not what it was: nothing of it may be served any more. */
static void quarantine(struct node *node, node_id by, const struct message_lineage_judged *judged)
{
    struct buffer reason = {0};
    if (node->lineage_lost)
        return;
    node->lineage_lost = true;
    node->lineage_confirmed = false;
    if (judged->verdict == LINEAGE_OLD_INCARNATION)
        buffer_printf(&reason, "node %u knows storage incarnation %u of this store, which is %u",
                      by, judged->storage_incarnation, node->lineage.storage_incarnation);
    else
        buffer_printf(&reason,
                      "this store showed node %u %llu commits, and has lost some of them: it was "
                      "put back from a copy, or its newest records are gone",
                      by, (unsigned long long)judged->commits);
    log_line(&node->log, LOG_ERROR, "store is quarantined reason=\"%.*s\"", (int)reason.length,
             (const char *)reason.data);
    struct effect *effect =
        effects_add_bytes(node->out, EFFECT_STORE_QUARANTINE, buffer_slice(&reason));
    effect->node = judged->storage_incarnation;
    buffer_deinit(&reason);
}

/* ---- peers ---------------------------------------------------------------------------------- */

void lineage_peer_up(struct node *node, node_id peer)
{
    struct peer_load *load = node_load(node, peer);
    load->judged_good = load->waits = false;
    if (shows_anything(node))
        show(node, peer);
}

static void plan_save(struct node *node)
{
    if (node->witness_save_us == UINT64_MAX)
        node->witness_save_us = node->now.mono_us + WITNESS_SAVE_US;
}

static void judge(struct node *node, struct peer_load *load, const struct lineage *shown)
{
    struct buffer answer = {0};
    load->witness.node = load->id;
    struct message_lineage_judged judged = {
        .storage_incarnation = load->witness.storage_incarnation, .commits = load->witness.commits};
    judged.verdict = (uint8_t)lineage_judge(&load->witness, shown);
    load->judged_good = judged.verdict == LINEAGE_GOOD || judged.verdict == LINEAGE_UNKNOWN;
    if (load->judged_good)
        plan_save(node);
    else
        log_line(&node->log, LOG_WARN, "a peer's store has lost commits that it showed node=%u",
                 load->id);
    message_lineage_judged_encode(&judged, &answer);
    node_send_link(node, peers_link(node->peers, load->id), MESSAGE_LINEAGE_JUDGED, 0, 0,
                   buffer_slice(&answer));
    buffer_deinit(&answer);
}

static void take_lineage(struct node *node, struct peer_load *load, struct slice body)
{
    struct reader reader = reader_make(body);
    lineage_decode(&reader, &load->waiting);
    load->waits = reader_end(&reader) == STATUS_OK;
    if (!load->waits) {
        node->statistics.frames_refused++;
    } else if (node->lineage_known) { /* what is remembered stands in the own store */
        load->waits = false;
        judge(node, load, &load->waiting);
    }
}

static void judged(struct node *node, node_id by, struct slice body)
{
    struct message_lineage_judged judged;
    if (message_lineage_judged_decode(body, &judged) != STATUS_OK) {
        node->statistics.frames_refused++;
        return;
    }
    if (judged.verdict == LINEAGE_FENCED) {
        node_leave(node, "a member says so");
        return;
    }
    if (!shows_anything(node))
        return; /* it judged what was shown before this start */
    switch (judged.verdict) {
    case LINEAGE_GOOD:
        confirm(node, "a-peer-knows-it");
        break;
    case LINEAGE_UNKNOWN:
        if (node->lineage.count == 1) /* a new store has nothing to forget */
            confirm(node, "it-is-new");
        break;
    default:
        if (judged.storage_incarnation >= node->lineage.storage_incarnation)
            quarantine(node, by, &judged);
        break;
    }
}

static void shown(struct node *node, struct peer_load *load, struct slice body)
{
    struct message_lineage_shown shown;
    if (message_lineage_shown_decode(body, &shown) != STATUS_OK) {
        node->statistics.frames_refused++;
        return;
    }
    if (!load->judged_good)
        return;
    load->rebuilding = shown.rebuilding;
    if (lineage_raise(&load->witness, shown.commits))
        plan_save(node);
}

bool lineage_peer_frame(struct node *node, node_id from, const struct frame *frame)
{
    struct peer_load *load = node_load(node, from);
    switch (frame->type) {
    case MESSAGE_LINEAGE:
        take_lineage(node, load, frame->body);
        return true;
    case MESSAGE_LINEAGE_JUDGED:
        judged(node, from, frame->body);
        return true;
    case MESSAGE_LINEAGE_SHOWN:
        shown(node, load, frame->body);
        return true;
    default:
        return false;
    }
}

bool node_can_rebuild(const struct node *node)
{
    const struct ring *ring = node->ring;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, (partition_id)p);
        uint8_t lost = 1;
        if (!ring_owns(ring, node->self, (partition_id)p))
            continue;
        for (uint32_t i = 0; i < node->load_count; i++)
            for (uint8_t j = 0; j < ring->owner_count; j++)
                lost =
                    (uint8_t)(lost + (owners[j] == node->loads[i].id && node->loads[i].rebuilding));
        if (lost > ring->owner_count / 2)
            return false;
    }
    return true;
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool same_witness(const struct lineage_witness *a, const struct lineage_witness *b)
{
    return a->storage_incarnation == b->storage_incarnation && a->life == b->life &&
           a->commits == b->commits;
}

static void save_witnesses(struct node *node)
{
    node->witness_save_us = UINT64_MAX;
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct peer_load *load = &node->loads[i];
        struct buffer body = {0};
        if (load->witness.storage_incarnation == 0 || same_witness(&load->witness, &load->saved))
            continue;
        lineage_witness_encode(&load->witness, &body);
        node_send_store(node, MESSAGE_WITNESS, 0, 0, buffer_slice(&body));
        load->saved = load->witness;
        buffer_deinit(&body);
    }
}

static uint64_t patience_us(const struct node *node)
{
    bool waits = shows_anything(node) && !node->lineage_confirmed && !node->lineage_lost;
    return waits ? node->lineage_known_us + (uint64_t)node->settings.peer_timeout_ms * 1000
                 : UINT64_MAX;
}

static uint64_t show_due_us(const struct node *node)
{
    return has_news(node) ? node->lineage_shown_us + (uint64_t)node->settings.heartbeat_ms * 1000
                          : UINT64_MAX;
}

void lineage_tick(struct node *node)
{
    if (node->now.mono_us >= patience_us(node))
        confirm(node, "no-peer-knows-it");
    if (node->now.mono_us >= show_due_us(node))
        show_commits(node);
    if (node->now.mono_us >= node->witness_save_us)
        save_witnesses(node);
}

uint64_t lineage_deadline_us(const struct node *node)
{
    uint64_t least = patience_us(node);
    if (show_due_us(node) < least)
        least = show_due_us(node);
    return node->witness_save_us < least ? node->witness_save_us : least;
}
