/*
 * fallbacks.c - who keeps a copy while owners cannot be reached.
 *
 * A hint is made where the level would else not be met, and nowhere else: an owner that
 * missed a write finds it in the log of any other owner, so one more copy at a fallback
 * serves the count alone. Fallbacks are taken in preference order, the coordinator's region
 * first, and within a region one in a rack that has no copy yet before one in a rack that has.
 *
 * A fallback stands in for one owner, and the two count once: its hint goes to that owner and
 * is then deleted, so counting both would promise a copy that does not stay. Each owner has
 * at most one stand-in at a time, and a fallback stands in once: what it answers for one owner
 * could not be told from what it answers for another.
 *
 * Source: Dynamo, SOSP 2007, 4.6; reference "algorithms" 4.3, 5.2.
 */
#include "coordinator/request_state.h"

#include <assert.h>
#include <string.h>

#include "wire/message_hint.h"

enum { NOBODY = UINT8_MAX };

bool fallbacks_may_count(const struct coordinated_request *c)
{
    return c->phase == PHASE_REPLICATE && c->write.holder_count > c->write.owner_count;
}

static bool has(owner_mask mask, uint8_t holder)
{
    return (mask >> holder & 1) != 0;
}

/* The fallback that stands in for the owner, and has not failed to; NOBODY: there is none. */
static uint8_t stand_in_of(const struct coordinated_request *c, uint8_t owner)
{
    owner_mask alive = c->open | c->write.counted;
    for (uint8_t i = c->write.owner_count; i < c->write.holder_count; i++)
        if (has(alive, i) && c->stands_for[i] == owner)
            return i;
    return NOBODY;
}

void fallbacks_count(struct coordinated_request *c, uint8_t holder)
{
    if (holder >= c->write.owner_count) {
        if (has(c->write.counted, c->stands_for[holder]))
            c->failed |= (owner_mask)1 << holder; /* it is not needed, and not asked again */
        else
            quorum_count(&c->write, holder);
        return;
    }
    uint8_t stand_in = stand_in_of(c, holder);
    if (stand_in != NOBODY && has(c->write.counted, stand_in)) {
        c->write.counted &= ~((owner_mask)1 << stand_in);
        c->failed |= (owner_mask)1 << stand_in;
    }
    quorum_count(&c->write, holder);
}

/* The count once all that were asked have answered well: an owner or its stand-in, not both. */
static struct quorum hoped_for(const struct coordinated_request *c)
{
    struct quorum hope = c->write;
    owner_mask alive = c->open | c->write.counted;
    hope.counted = 0;
    for (uint8_t i = 0; i < c->write.owner_count; i++) {
        uint8_t stand_in = stand_in_of(c, i);
        if (has(alive, i))
            quorum_count(&hope, i);
        else if (stand_in != NOBODY)
            quorum_count(&hope, stand_in);
    }
    return hope;
}

bool fallbacks_may_be_met(const struct coordinated_request *c)
{
    if (!fallbacks_may_count(c))
        return quorum_met_with(&c->write, c->open);
    struct quorum hope = hoped_for(c);
    return quorum_met(&hope);
}

static const struct ring_member *member_at(const struct coordinated_request *c, uint8_t holder)
{
    return ring_member(c->params.ring, c->owners.nodes[holder]);
}

/* Whether a holder that has a copy, or was asked to, stands in the same rack. */
static bool is_rack_taken(const struct coordinated_request *c, uint8_t candidate)
{
    const struct ring_member *member = member_at(c, candidate);
    owner_mask taken = c->open | c->write.counted;
    for (uint8_t i = 0; i < c->write.holder_count; i++) {
        const struct ring_member *other = member_at(c, i);
        if ((taken >> i & 1) != 0 && other->region == member->region &&
            strcmp(other->rack, member->rack) == 0)
            return true;
    }
    return false;
}

static bool may_ask(const struct coordinated_request *c, uint8_t fallback)
{
    return has(c->params.usable, fallback) &&
           !has(c->open | c->failed | c->write.counted, fallback);
}

/* The next fallback to ask. */
static uint8_t next_fallback(const struct coordinated_request *c)
{
    uint8_t found = NOBODY;
    for (uint8_t i = c->write.owner_count; i < c->write.holder_count; i++) {
        if (!may_ask(c, i))
            continue;
        if (found != NOBODY && c->owners.regions[i] != c->owners.regions[found])
            break; /* regions stand one behind the other */
        if (!is_rack_taken(c, i))
            return i;
        if (found == NOBODY)
            found = i;
    }
    return found;
}

/* The next owner that a fallback may stand in for: a lost one, or else one that is slow. */
static uint8_t next_owner(const struct coordinated_request *c, bool slow_too)
{
    uint8_t slow = NOBODY;
    for (uint8_t i = 0; i < c->write.owner_count; i++) {
        if (has(c->write.counted, i) || stand_in_of(c, i) != NOBODY)
            continue;
        if (!has(c->open, i))
            return i;
        if (slow == NOBODY)
            slow = i;
    }
    return slow_too ? slow : NOBODY;
}

/* Whether the level can be met if fallbacks stand in for all owners that are lost. */
static bool is_worth_it(const struct coordinated_request *c)
{
    struct quorum hope = hoped_for(c);
    uint8_t fallback = c->write.owner_count;
    for (uint8_t i = 0; i < c->write.owner_count; i++) {
        if (has(c->open | c->write.counted, i) || stand_in_of(c, i) != NOBODY)
            continue;
        while (fallback < c->write.holder_count && !may_ask(c, fallback))
            fallback++;
        if (fallback < c->write.holder_count) {
            quorum_stand_in(&hope, fallback, i);
            quorum_count(&hope, fallback++);
        }
    }
    return quorum_met(&hope);
}

static void ask(struct coordinated_request *c, uint8_t fallback, uint8_t owner,
                struct coordinated_output *out)
{
    struct buffer body = {0};
    c->stands_for[fallback] = owner;
    quorum_stand_in(&c->write, fallback, owner);
    message_hint_encode(c->owners.nodes[owner], buffer_slice(&c->replicate), &body);
    request_send(c, fallback, MESSAGE_HINT, buffer_slice(&body), out);
    buffer_deinit(&body);
}

void fallbacks_replace_lost(struct coordinated_request *c, struct coordinated_output *out)
{
    if (!fallbacks_may_count(c) || !is_worth_it(c))
        return;
    while (!fallbacks_may_be_met(c)) {
        uint8_t fallback = next_fallback(c);
        uint8_t owner = next_owner(c, false);
        if (fallback == NOBODY || owner == NOBODY)
            return;
        ask(c, fallback, owner, out);
    }
}

void fallbacks_ask_one_more(struct coordinated_request *c, struct coordinated_output *out)
{
    if (!fallbacks_may_count(c) || c->answered)
        return;
    uint8_t fallback = next_fallback(c);
    uint8_t owner = next_owner(c, true);
    struct quorum hope = c->write;
    if (fallback == NOBODY || owner == NOBODY)
        return;
    quorum_stand_in(&hope, fallback, owner);
    if (quorum_wants(&hope, 0, fallback))
        ask(c, fallback, owner, out);
}
