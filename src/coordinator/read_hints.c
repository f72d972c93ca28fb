/*
 * read_hints.c - sloppy reads: fallbacks stand in for owners that do not answer.
 *
 * Beside the owners, every fallback is asked that says it keeps hints of the partition. One that
 * keeps a hint of the key counts in the place of one owner that the hint is for, if that owner
 * cannot be reached, has refused or is silent; an owner and its stand-in count once. One
 * that keeps none counts for nobody: its silence about a key is no evidence.
 *
 * A hint is never merged into an answer: hints that tell the owners who answered something
 * new are given to them first, as when hints are handed off, and these owners are asked once more.
 * So at least one owner answers, and what a sloppy read shows that owner holds: the next
 * read there shows it too. And an owner drops what it has seen and given up, by its clock: that an
 * old hint brings back nothing does not rest on G6 of replica/stability.h alone.
 *
 * Source: Dynamo, SOSP 2007, 4.6; reference "algorithms" 4.4. Unlike both, fallbacks alone
 * give no answer. tests/models/sloppy_reads.py has the rules S1-S4.
 */
#include "coordinator/request_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "wire/message_hint_read.h"

struct read_hints {
    struct buffer deliveries[PREFERENCE_LIST_MAX]; /* of fallbacks that keep one: encoded */
    owner_mask intended[PREFERENCE_LIST_MAX];      /* the owners that it is for */
    owner_mask silent;                             /* owners that did not answer in time */
    owner_mask delivered;                          /* owners that have all hints now */
    bool done; /* hints were given, or there was nothing to give */
};

bool hints_may_count(const struct coordinated_request *c)
{
    return c->request.kind == KEY_READ && c->params.keeping != 0 &&
           options_are_sloppy(&c->request.options);
}

void hints_free(struct coordinated_request *c)
{
    for (unsigned i = 0; c->hints != NULL && i < PREFERENCE_LIST_MAX; i++)
        buffer_deinit(&c->hints->deliveries[i]);
    free(c->hints);
}

static owner_mask owners_of(const struct coordinated_request *c, owner_mask mask)
{
    return mask & quorum_owners(&c->read);
}

void hints_ask(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer body = {0};
    message_hint_read_encode(&(struct message_hint_read){.address = c->address,
                                                         .keyspace = c->request.keyspace,
                                                         .key = c->request.entries[0].key},
                             &body);
    c->hints = memory_new(1, sizeof *c->hints);
    for (uint8_t i = preference_list_replicas(&c->owners); i < c->owners.count; i++)
        if ((c->params.usable & c->params.keeping) >> i & 1)
            request_send(c, i, MESSAGE_HINT_READ, buffer_slice(&body), out);
    buffer_deinit(&body);
}

/* ---- who stands in for whom ----------------------------------------------------------------- */

/*
 * Find a place among `free` for the fallback, moving others if need be. `holder_of` has the
 * stand-in of each owner. Source: augmenting paths; Kuhn, 1955.
 */
static bool find_place(const struct read_hints *hints, uint8_t fallback, owner_mask *unseen,
                       uint8_t holder_of[RING_OWNERS_MAX])
{
    for (uint8_t owner = 0; owner < RING_OWNERS_MAX; owner++) {
        owner_mask bit = (owner_mask)1 << owner;
        if ((hints->intended[fallback] & *unseen & bit) == 0)
            continue;
        *unseen &= ~bit;
        if (holder_of[owner] == UINT8_MAX ||
            find_place(hints, holder_of[owner], unseen, holder_of)) {
            holder_of[owner] = fallback;
            return true;
        }
    }
    return false;
}

void hints_recount(struct coordinated_request *c)
{
    if (c->hints == NULL)
        return;
    uint8_t holder_of[RING_OWNERS_MAX];
    owner_mask counted = owners_of(c, c->read.counted);
    owner_mask lost = owners_of(c, c->failed | ~c->params.usable | c->hints->silent) & ~counted;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++)
        holder_of[i] = UINT8_MAX;
    for (uint8_t i = preference_list_replicas(&c->owners); i < c->owners.count; i++) {
        owner_mask unseen = lost;
        if (c->hints->deliveries[i].length > 0)
            (void)find_place(c->hints, i, &unseen, holder_of);
    }
    c->read.counted = counted;
    for (unsigned i = 0; i < RING_OWNERS_MAX; i++)
        if (holder_of[i] != UINT8_MAX)
            quorum_count(&c->read, holder_of[i]);
}

bool hints_are_in(const struct coordinated_request *c)
{
    return c->hints == NULL ||
           (owners_of(c, c->read.counted) != 0 /* S4 */ && owners_of(c, c->open) == c->open);
}

bool hints_may_be_met(const struct coordinated_request *c)
{
    return c->hints == NULL || owners_of(c, c->read.counted | c->open) != 0;
}

void hints_wait_no_longer(struct coordinated_request *c)
{
    if (c->hints == NULL)
        return;
    c->hints->silent |= owners_of(c, c->open);
    c->open = owners_of(c, c->open);
    hints_recount(c);
}

static enum status check_delivery(const struct coordinated_request *c,
                                  const struct cell_delivery *delivery)
{
    struct cell cell = {0};
    struct reader reader = reader_make(delivery->cell);
    cell_decode(&reader, &cell);
    bool sound = reader_end(&reader) == STATUS_OK && delivery->keyspace == c->request.keyspace &&
                 slice_equal(delivery->key, c->request.entries[0].key);
    cell_deinit(&cell);
    return sound ? STATUS_OK : STATUS_CORRUPT;
}

void hints_reply(struct coordinated_request *c, uint8_t fallback, struct slice body)
{
    struct message_hint_read_result result;
    struct read_hints *hints = c->hints;
    enum status status = message_hint_read_result_decode(body, &result);
    if (status == STATUS_OK)
        status = result.status;
    if (status == STATUS_OK && result.intended_count > 0)
        status = check_delivery(c, &result.delivery);
    if (status != STATUS_OK) {
        c->failed |= (owner_mask)1 << fallback;
        return;
    }
    for (uint8_t i = 0; i < result.intended_count; i++)
        for (uint8_t owner = 0; owner < c->owners.primary_count; owner++)
            if (c->owners.nodes[owner] == result.intended[i])
                hints->intended[fallback] |= (owner_mask)1 << owner;
    if (result.intended_count > 0)
        cell_delivery_encode(&result.delivery, &hints->deliveries[fallback]);
    hints_recount(c);
}

/* ---- giving hints to those who answered ------------------------------------------------------ */

/* Whether a hint tells something that the owners' answers, merged, do not have. */
static bool is_news(const struct coordinated_request *c, const struct cell *known,
                    const struct buffer *encoded)
{
    struct cell_delivery delivery;
    struct cell cell = {0}, merged = {0};
    struct reader reader = reader_make(buffer_slice(encoded));
    cell_delivery_decode(&reader, &delivery);
    struct reader cells = reader_make(delivery.cell);
    cell_decode(&cells, &cell);
    cell_merge(known, &cell, c->policy, &merged);
    bool news = !cell_same_version(known, &merged);
    cell_deinit(&merged);
    cell_deinit(&cell);
    return news;
}

static uint16_t gather_news(const struct coordinated_request *c, struct buffer *deliveries)
{
    struct cell known = {0};
    uint16_t count = 0;
    read_merge_owners(c, 0, &known);
    for (uint8_t i = preference_list_replicas(&c->owners); i < c->owners.count; i++) {
        const struct buffer *delivery = &c->hints->deliveries[i];
        if (delivery->length == 0 || !is_news(c, &known, delivery))
            continue;
        buffer_append_slice(deliveries, buffer_slice(delivery));
        count++;
    }
    cell_deinit(&known);
    return count;
}

bool hints_give(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer deliveries = {0}, body = {0};
    if (c->hints == NULL || c->hints->done)
        return false;
    c->hints->done = true;
    struct message_replicate replicate = {.address = c->address,
                                          .delivery_count = gather_news(c, &deliveries)};
    replicate.deliveries = buffer_slice(&deliveries);
    bool gives = replicate.delivery_count > 0;
    message_replicate_encode(&replicate, &body);
    if (gives && body.length > MESSAGE_PAYLOAD_BYTES_MAX) {
        request_fail(c, STATUS_TOO_LARGE, &c->read, out);
    } else if (gives) {
        c->phase = PHASE_GIVE;
        c->open = 0;
        for (uint8_t i = 0; i < c->owners.primary_count; i++)
            if (owners_of(c, c->read.counted) >> i & 1)
                request_send(c, i, MESSAGE_REPLICATE, buffer_slice(&body), out);
        coordinated_counts(out)->hints_given += replicate.delivery_count;
    }
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
    return gives;
}

/* All have spoken: those that have the hints are asked once more. */
static void ask_again(struct coordinated_request *c, uint64_t wall_ms,
                      struct coordinated_output *out)
{
    if (c->open != 0)
        return;
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        buffer_clear(&c->answers[i]);
    c->phase = PHASE_ASK;
    c->read.counted = 0;
    c->full = c->slow = c->speculative = 0;
    c->hints->silent = 0;
    hints_recount(c);
    read_ask_these(c, c->hints->delivered, wall_ms, out);
}

void hints_given_to(struct coordinated_request *c, uint8_t owner, struct slice body,
                    uint64_t wall_ms, struct coordinated_output *out)
{
    struct message_replicated replicated;
    owner_mask bit = (owner_mask)1 << owner;
    enum status status = message_replicated_decode(body, &replicated);
    if (status == STATUS_OK)
        status = (enum status)replicated.status;
    moves_note(c, status);
    if (status == STATUS_OK)
        c->hints->delivered |= bit;
    else
        c->failed |= bit;
    ask_again(c, wall_ms, out);
}

void hints_not_given_to(struct coordinated_request *c, uint64_t wall_ms,
                        struct coordinated_output *out)
{
    ask_again(c, wall_ms, out); /* the caller has noted the failure */
}

void hints_give_up_silent(struct coordinated_request *c, uint64_t wall_ms,
                          struct coordinated_output *out)
{
    if (c->hints->delivered == 0)
        return; /* without them there is no answer: wait */
    c->failed |= c->open;
    c->open = 0;
    ask_again(c, wall_ms, out);
}
