#include "membership/register_proposer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/message.h"

void proposer_output_clear(struct proposer_output *output)
{
    output->reserve = false;
    output->type = 0;
    output->target_count = 0;
    buffer_clear(&output->body);
}

void proposer_output_deinit(struct proposer_output *output)
{
    buffer_deinit(&output->body);
}

/* ---- votes ---- */

static void vote(struct proposer_votes *votes, node_id node, uint16_t incarnation)
{
    for (uint8_t i = 0; i < votes->count; i++)
        if (votes->voters[i].node == node)
            return;
    if (votes->count < REGISTER_TARGETS_MAX)
        votes->voters[votes->count++] = (struct steward){.node = node, .incarnation = incarnation};
}

static uint8_t count_votes(const struct proposer_votes *votes, const struct steward_set *set)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < votes->count; i++)
        count = (uint8_t)(count + (steward_set_find(set, votes->voters[i].node,
                                                    votes->voters[i].incarnation) >= 0));
    return count;
}

static bool agrees(const struct proposer_votes *yes, const struct steward_set *set)
{
    return set->count == 0 || count_votes(yes, set) >= steward_set_majority(set);
}

/* The majorities that a value with these stewards needs. */
static bool agree(const struct proposer_votes *yes, const struct register_value *value)
{
    return agrees(yes, &value->stewards) && agrees(yes, &value->coming);
}

/* Whether so many of the set have refused, or answered with another store, that it cannot agree. */
static bool is_lost(const struct register_proposer *p, const struct steward_set *set)
{
    uint8_t left = 0;
    for (uint8_t i = 0; i < set->count; i++) {
        bool silent = true;
        for (uint8_t j = 0; j < p->no.count; j++)
            silent = silent && p->no.voters[j].node != set->items[i].node;
        for (uint8_t j = 0; j < p->yes.count; j++)
            if (p->yes.voters[j].node == set->items[i].node)
                silent = p->yes.voters[j].incarnation == set->items[i].incarnation;
        left = (uint8_t)(left + silent);
    }
    return set->count > 0 && left < steward_set_majority(set);
}

static bool round_is_lost(const struct register_proposer *p)
{
    const struct register_value *asked[] = {p->base, p->next};
    for (unsigned i = 0; i < 2; i++)
        if (asked[i] != NULL && (is_lost(p, &asked[i]->stewards) || is_lost(p, &asked[i]->coming)))
            return true;
    return false;
}

static void add_targets(struct proposer_output *out, const struct steward_set *set)
{
    for (uint8_t i = 0; i < set->count; i++) {
        bool known = false;
        for (uint8_t j = 0; j < out->target_count; j++)
            known = known || out->targets[j] == set->items[i].node;
        if (!known)
            out->targets[out->target_count++] = set->items[i].node;
    }
}

/* ---- the end ---- */

static void end(struct register_proposer *p, enum status outcome, struct register_value *chosen)
{
    assert(p->phase != PROPOSER_OVER);
    assert(outcome != STATUS_UNAVAILABLE || !p->sent); /* P4 */
    p->phase = PROPOSER_OVER;
    p->outcome = outcome;
    p->chosen = chosen;
}

static void end_without_majority(struct register_proposer *p)
{
    const struct steward_set *set = &p->base->stewards;
    if (p->sent) {
        snprintf(
            p->reason, sizeof p->reason,
            "no majority of the stewards has confirmed the change in time: it may yet be made");
        end(p, STATUS_UNCERTAIN, NULL);
        return;
    }
    snprintf(p->reason, sizeof p->reason,
             "%u of %u stewards must agree, and %u did; nothing was changed",
             steward_set_majority(set), set->count, count_votes(&p->yes, set));
    end(p, STATUS_UNAVAILABLE, NULL);
}

/* ---- attempts ---- */

static void reserve(struct register_proposer *p, uint64_t now_us, struct proposer_output *out)
{
    p->phase = PROPOSER_RESERVING;
    p->until_us = now_us + (uint64_t)REGISTER_ROUND_MS * 1000;
    out->reserve = true;
    out->above = p->round_seen;
}

/* P1: whatever became of the ballot, it is not used again. */
static void retry(struct register_proposer *p, uint64_t now_us)
{
    uint64_t limit_ms = REGISTER_PAUSE_MIN_MS;
    for (uint32_t i = 0; i < p->attempts && limit_ms < REGISTER_PAUSE_MAX_MS; i++)
        limit_ms *= 2;
    if (limit_ms > REGISTER_PAUSE_MAX_MS)
        limit_ms = REGISTER_PAUSE_MAX_MS;
    p->attempts++;
    p->phase = PROPOSER_PAUSING;
    p->until_us = now_us + 1 + random_below(&p->random, limit_ms * 1000);
}

static void take_base(struct register_proposer *p, const struct register_value *value)
{
    struct register_value *copy = register_value_copy(value);
    register_value_free(p->base);
    p->base = copy;
}

/* Not enough can agree in this round. */
static void round_lost(struct register_proposer *p, uint64_t now_us)
{
    if (!p->conflict && !p->sent)
        end_without_majority(p);
    else
        retry(p, now_us);
}

struct register_proposer *register_proposer_new(const struct register_proposer_params *params,
                                                uint64_t now_us, struct proposer_output *out)
{
    struct register_proposer *p = memory_new(1, sizeof *p);
    p->self = params->self;
    p->incarnation = params->incarnation;
    p->random = random_make(params->random_seed);
    p->change = *params->change;
    p->known = register_value_copy(params->known);
    take_base(p, p->known);
    p->deadline_us = now_us + (uint64_t)REGISTER_CHANGE_MS * 1000;
    reserve(p, now_us, out);
    return p;
}

static void drop_attempt(struct register_proposer *p)
{
    register_value_free(p->best);
    register_value_free(p->next);
    register_value_free(p->floor);
    p->best = p->next = p->floor = NULL;
    p->best_ballot = (struct ballot){0};
    p->yes.count = p->no.count = 0;
    p->conflict = false;
}

void register_proposer_free(struct register_proposer *p)
{
    if (p == NULL)
        return;
    drop_attempt(p);
    register_value_free(p->known);
    register_value_free(p->base);
    register_value_free(p->chosen);
    free(p);
}

void register_proposer_reserved(struct register_proposer *p, uint64_t round, uint64_t now_us,
                                struct proposer_output *out)
{
    if (p->phase != PROPOSER_RESERVING)
        return;
    if (round == 0 || round <= p->round_seen) {
        retry(p, now_us);
        return;
    }
    drop_attempt(p);
    p->round_seen = round;
    p->ballot = (struct ballot){.round = round, .node = p->self, .incarnation = p->incarnation};
    if (ballot_is_none(p->id))
        p->id = p->ballot;
    p->floor = register_value_copy(p->known);
    p->phase = PROPOSER_PREPARING;
    p->until_us = now_us + (uint64_t)REGISTER_ROUND_MS * 1000;
    out->type = MESSAGE_REGISTER_PREPARE;
    message_register_prepare_encode(&(struct message_register_prepare){.ballot = p->ballot},
                                    &out->body);
    add_targets(out, &p->base->stewards);
    add_targets(out, &p->base->coming);
}

static void ask_to_accept(struct register_proposer *p, uint64_t now_us, struct proposer_output *out)
{
    struct buffer bytes = {0};
    register_value_encode(p->next, &bytes);
    out->type = MESSAGE_REGISTER_ACCEPT;
    message_register_accept_encode(
        &(struct message_register_accept){.ballot = p->ballot, .value = buffer_slice(&bytes)},
        &out->body);
    buffer_deinit(&bytes);
    add_targets(out, &p->base->stewards);
    add_targets(out, &p->base->coming);
    add_targets(out, &p->next->stewards);
    add_targets(out, &p->next->coming);
    if (p->changes && !p->sent) {
        p->sent = true;
        p->sent_seq = p->next->seq;
    }
    p->yes.count = p->no.count = 0;
    p->phase = PROPOSER_ACCEPTING;
    p->until_us = now_us + (uint64_t)REGISTER_ROUND_MS * 1000;
}

/* The change may have been made so long ago that the value has forgotten it. */
static bool may_be_forgotten(const struct register_proposer *p)
{
    return p->sent && p->best->seq >= p->sent_seq + REGISTER_CHANGES_MAX;
}

/* Both are the same value, and it is known to be chosen. */
static bool is_known(const struct register_proposer *p, const struct register_value *value)
{
    return register_value_compare(value, p->known) == 0;
}

/* The stewards of `best` have promised: now the change. */
static void propose(struct register_proposer *p, uint64_t now_us, struct proposer_output *out)
{
    struct register_value *next = NULL;
    if (may_be_forgotten(p)) {
        snprintf(p->reason, sizeof p->reason,
                 "so much has changed meanwhile that nobody remembers whether this was made");
        end(p, STATUS_UNCERTAIN, NULL);
        return;
    }
    p->refusal = register_change_apply(&p->change, p->id, p->best, &next, p->reason);
    p->changes = next != NULL || register_value_holds(p->best, p->id);
    /* A steward that is in doubt holds what a later ballot overtook: it is to accept the value too.
     */
    bool ends_doubt = p->change.kind == REGISTER_CHANGE_NONE;
    if (next == NULL && is_known(p, p->best) && !ends_doubt) {
        end(p, p->refusal, register_value_copy(p->best)); /* P3 holds already */
        return;
    }
    p->next = next != NULL ? next : register_value_copy(p->best); /* P2, P3 */
    take_base(p, p->best);
    ask_to_accept(p, now_us, out);
}

static void promises_are_enough(struct register_proposer *p, uint64_t now_us,
                                struct proposer_output *out)
{
    if (p->best == NULL && p->floor->seq == 0)
        p->best = register_value_copy(p->floor); /* the first change of all */
    if (p->best == NULL || register_value_compare(p->best, p->floor) < 0) {
        snprintf(p->reason, sizeof p->reason,
                 "a majority of the stewards has forgotten what was chosen; nothing was changed");
        end(p, p->sent ? STATUS_UNCERTAIN : STATUS_CORRUPT, NULL);
        return;
    }
    if (!agree(&p->yes, p->best)) { /* its stewards are others than those who were asked */
        take_base(p, p->best);
        reserve(p, now_us, out);
        return;
    }
    propose(p, now_us, out);
}

/* Whether the answer is one to the round under way; then it counts, for or against. */
static bool take_answer(struct register_proposer *p, enum proposer_phase phase, node_id from,
                        struct ballot ballot, enum status status, struct ballot promised,
                        uint16_t incarnation)
{
    if (p->phase == PROPOSER_OVER)
        return false;
    if (promised.round > p->round_seen)
        p->round_seen = promised.round;
    if (p->phase != phase || ballot_compare(ballot, p->ballot) != 0)
        return false;
    if (status == STATUS_OK) {
        vote(&p->yes, from, incarnation);
        return true;
    }
    if (status == STATUS_STALE_TAG) {
        if (ballot_compare(promised, p->ballot) == 0)
            return false; /* our own question came twice */
        p->conflict = true;
    }
    vote(&p->no, from, incarnation);
    return true;
}

void register_proposer_promise(struct register_proposer *p, node_id from,
                               const struct message_register_promise *promise, uint64_t now_us,
                               struct proposer_output *out)
{
    struct register_value *value = NULL;
    struct message_register_promise answer = *promise;
    if (answer.status == STATUS_OK && !ballot_is_none(answer.accepted) &&
        register_value_decode(answer.value, &value) != STATUS_OK)
        answer.status = STATUS_CORRUPT;
    if (!take_answer(p, PROPOSER_PREPARING, from, answer.ballot, answer.status, answer.promised,
                     answer.incarnation)) {
        register_value_free(value);
        return;
    }
    if (value != NULL && ballot_compare(answer.accepted, p->best_ballot) > 0) {
        register_value_free(p->best);
        p->best = value;
        p->best_ballot = answer.accepted;
        value = NULL;
    }
    register_value_free(value);
    if (agree(&p->yes, p->base))
        promises_are_enough(p, now_us, out);
    else if (round_is_lost(p))
        round_lost(p, now_us);
}

void register_proposer_accepted(struct register_proposer *p, node_id from,
                                const struct message_register_accepted *accepted, uint64_t now_us,
                                struct proposer_output *out)
{
    (void)out;
    if (!take_answer(p, PROPOSER_ACCEPTING, from, accepted->ballot, accepted->status,
                     accepted->promised, accepted->incarnation))
        return;
    if (agree(&p->yes, p->base) && agree(&p->yes, p->next)) {
        struct register_value *chosen = p->next;
        p->next = NULL;
        end(p, p->refusal, chosen);
    } else if (round_is_lost(p)) {
        round_lost(p, now_us);
    }
}

void register_proposer_unreachable(struct register_proposer *p, node_id node, uint64_t now_us,
                                   struct proposer_output *out)
{
    (void)out;
    if (p->phase != PROPOSER_PREPARING && p->phase != PROPOSER_ACCEPTING)
        return;
    for (uint8_t i = 0; i < p->yes.count; i++)
        if (p->yes.voters[i].node == node)
            return; /* it has answered */
    vote(&p->no, node, 0);
    if (round_is_lost(p))
        round_lost(p, now_us);
}

void register_proposer_learned(struct register_proposer *p, const struct register_value *value,
                               uint64_t now_us, struct proposer_output *out)
{
    (void)now_us;
    (void)out;
    if (p->phase == PROPOSER_OVER || register_value_compare(value, p->known) <= 0)
        return;
    struct register_value *copy = register_value_copy(value);
    register_value_free(p->known);
    p->known = copy;
    if (!ballot_is_none(p->id) && register_value_holds(value, p->id))
        end(p, STATUS_OK, register_value_copy(value));
}

void register_proposer_tick(struct register_proposer *p, uint64_t now_us,
                            struct proposer_output *out)
{
    if (p->phase == PROPOSER_OVER)
        return;
    if (now_us >= p->deadline_us) {
        end_without_majority(p);
    } else if (now_us >= p->until_us) {
        if (p->phase == PROPOSER_PAUSING) {
            take_base(p, p->known);
            reserve(p, now_us, out);
        } else {
            retry(p, now_us);
        }
    }
}

uint64_t register_proposer_deadline_us(const struct register_proposer *p)
{
    if (p->phase == PROPOSER_OVER)
        return UINT64_MAX;
    return p->until_us < p->deadline_us ? p->until_us : p->deadline_us;
}
