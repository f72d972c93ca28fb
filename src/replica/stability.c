#include "replica/stability.h"

#include <assert.h>

void stability_init(struct stability *stability, const node_id *owners, uint8_t count, node_id self)
{
    assert(count <= RING_REPLICAS_MAX);
    *stability = (struct stability){0};
    for (uint8_t i = 0; i < count; i++)
        if (owners[i] != self)
            stability->owners[stability->owner_count++].node = owners[i];
}

static void stable_vector_deinit(struct stable_vector *vector)
{
    version_vector_deinit(&vector->known);
    version_vector_deinit(&vector->held);
    *vector = (struct stable_vector){0};
}

void stability_reset(struct stability *stability)
{
    stable_vector_deinit(&stability->coming);
    stable_vector_deinit(&stability->ripe);
    stability->has_coming = stability->has_ripe = false;
    stability->resets++;
}

void stability_deinit(struct stability *stability)
{
    stability_reset(stability);
    for (uint8_t i = 0; i < stability->owner_count; i++)
        clock_deinit(&stability->owners[i].clock);
    *stability = (struct stability){0};
}

static struct stability_owner *find_owner(struct stability *stability, node_id node)
{
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (stability->owners[i].node == node)
            return &stability->owners[i];
    return NULL;
}

bool stability_report(struct stability *stability, node_id from, const struct actor *actor,
                      const struct clock *clock)
{
    struct stability_owner *owner = find_owner(stability, from);
    if (owner == NULL)
        return false;
    clock_deinit(&owner->clock);
    clock_copy(clock, &owner->clock);
    owner->actor = *actor;
    owner->heard = true;
    return true;
}

void stability_forget(struct stability *stability, node_id node)
{
    struct stability_owner *owner = find_owner(stability, node);
    if (owner == NULL || !owner->heard)
        return;
    clock_deinit(&owner->clock);
    owner->heard = false;
    owner->closed = 0;
    stability_reset(stability);
}

static bool all_are_heard(const struct stability *stability)
{
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (!stability->owners[i].heard)
            return false;
    return true;
}

/* ---- what is stable ---- */

/* Whether nothing new will be made under this name, as its node or this replica itself says. */
static bool is_retired(const struct stability *stability, const struct actor *self,
                       const struct actor *actor)
{
    if (actor->node == self->node)
        return actor_compare(actor, self) != 0;
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (stability->owners[i].node == actor->node)
            return actor_compare(actor, &stability->owners[i].actor) != 0;
    /*
     * A node that left (T4 of tests/models/ring_change.py), or never was more than joining: what it
     * had under way is over, and as an owner once more it takes another name (T5).
     */
    return true;
}

static uint64_t base_of(const struct clock *clock, const struct actor *actor)
{
    for (uint32_t i = 0; i < clock->count; i++)
        if (actor_compare(&clock->entries[i].actor, actor) == 0)
            return clock->entries[i].base;
    return 0;
}

/* The highest number up to which `lack` has all that `have` has; `have` is one entry. */
static uint64_t common_up_to(const struct clock *have, const struct clock *lack)
{
    struct clock missing;
    clock_difference(have, lack, &missing);
    uint64_t reached = clock_highest(have, &have->entries[0].actor);
    if (missing.count > 0) {
        const struct clock_entry *entry = &missing.entries[0];
        reached = entry->base > 0 ? 0 : entry->ranges[0].first - 1;
    }
    clock_deinit(&missing);
    return reached;
}

/* G1. `entry` is of the own clock, which holds all that was reported. */
static uint64_t stable_number(const struct stability *stability, const struct actor *self,
                              struct clock_entry *entry)
{
    struct clock one = {.entries = entry, .count = 1, .capacity = 1}; /* borrowed */
    bool retired = is_retired(stability, self, &entry->actor);
    uint64_t number = retired ? clock_highest(&one, &entry->actor) : entry->base;
    for (uint8_t i = 0; i < stability->owner_count; i++) {
        const struct clock *clock = &stability->owners[i].clock;
        uint64_t reached = retired ? common_up_to(&one, clock) : base_of(clock, &entry->actor);
        if (reached < number)
            number = reached;
    }
    bool is_all = retired && number == clock_highest(&one, &entry->actor);
    return is_all ? UINT64_MAX : number;
}

bool stability_holds_all(const struct stability *stability, const struct clock *clock)
{
    if (!all_are_heard(stability))
        return false;
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (!clock_descends(clock, &stability->owners[i].clock))
            return false;
    return true;
}

static void take_stable(struct stability *stability, const struct actor *self,
                        const struct clock *clock)
{
    struct stable_vector *coming = &stability->coming;
    stable_vector_deinit(coming);
    for (uint32_t i = 0; i < clock->count; i++) {
        struct dot dot = {.actor = clock->entries[i].actor};
        dot.sequence = clock_highest(clock, &dot.actor);
        version_vector_raise(&coming->held, &dot);
        dot.sequence = stable_number(stability, self, &clock->entries[i]);
        if (dot.sequence > 0)
            version_vector_raise(&coming->known, &dot);
    }
    coming->actors[coming->actor_count++] = *self;
    for (uint8_t i = 0; i < stability->owner_count; i++)
        coming->actors[coming->actor_count++] = stability->owners[i].actor;
}

static bool same_vector(const struct stable_vector *a, const struct stable_vector *b)
{
    for (uint8_t i = 0; i < a->actor_count; i++)
        if (actor_compare(&a->actors[i], &b->actors[i]) != 0)
            return false;
    return version_vector_equal(&a->known, &b->known) && version_vector_equal(&a->held, &b->held);
}

static bool is_earlier_name(const struct stable_vector *vector, const struct actor *actor)
{
    for (uint8_t i = 0; i < vector->actor_count; i++)
        if (vector->actors[i].node == actor->node)
            return actor_compare(actor, &vector->actors[i]) < 0;
    return true; /* of a node that left */
}

static bool vector_covers(const struct stable_vector *vector, const struct version_vector *context)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct dot *dot = &context->entries[i];
        bool is_gone = version_vector_get(&vector->held, &dot->actor) == 0 &&
                       is_earlier_name(vector, &dot->actor);
        if (!is_gone && !version_vector_covers(&vector->known, dot))
            return false;
    }
    return true;
}

bool stability_advance(struct stability *stability, const struct actor *self,
                       const struct clock *clock, uint64_t now_us, uint64_t wait_us,
                       uint64_t hint_free_us)
{
    if (stability->has_coming && now_us - stability->coming_since_us >= wait_us && /* G3 */
        hint_free_us >= stability->coming_since_us + wait_us) {                    /* G6 */
        stable_vector_deinit(&stability->ripe);
        stability->ripe = stability->coming;
        stability->coming = (struct stable_vector){0};
        stability->has_coming = false;
        stability->has_ripe = true;
    }
    if (!stability->has_coming && stability_holds_all(stability, clock)) {
        take_stable(stability, self, clock);
        stability->coming_since_us = now_us;
        stability->has_coming =
            !stability->has_ripe || !same_vector(&stability->coming, &stability->ripe);
    }
    return stability->has_coming;
}

bool stability_is_ripe(const struct stability *stability, const struct version_vector *context)
{
    return stability->has_ripe && vector_covers(&stability->ripe, context);
}

bool stability_covers(const struct stability *stability, const struct version_vector *context)
{
    return stability_is_ripe(stability, context) ||
           (stability->has_coming && vector_covers(&stability->coming, context));
}

/* ---- who has what ---- */

/* Whether the owner lacks any of it that another owner has. */
static bool holds_back(const struct stability *stability, const struct stability_owner *owner,
                       const struct version_vector *context)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct dot *dot = &context->entries[i];
        struct version_vector one = {.entries = &context->entries[i], .count = 1}; /* borrowed */
        bool anywhere = false;
        for (uint8_t k = 0; k < stability->owner_count; k++)
            anywhere = anywhere || clock_highest(&stability->owners[k].clock, &dot->actor) > 0;
        if (anywhere && !clock_covers_vector(&owner->clock, &one))
            return true;
    }
    return false;
}

bool stability_everywhere(const struct stability *stability, const struct clock *dots)
{
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (!stability->owners[i].heard || !clock_descends(&stability->owners[i].clock, dots))
            return false;
    return true;
}

bool stability_is_lost(const struct stability *stability, const struct actor *self,
                       const struct clock *clock, const struct clock *dots)
{
    struct clock absent;
    clock_difference(dots, clock, &absent);
    bool lost = clock_equal(&absent, dots) && stability_holds_all(stability, clock);
    for (uint32_t i = 0; i < dots->count; i++)
        lost = lost && is_retired(stability, self, &dots->entries[i].actor);
    clock_deinit(&absent);
    return lost;
}

bool stability_stands_in(const struct stability *stability, node_id self, node_id node)
{
    bool least = true;
    if (node == self)
        return true;
    for (uint8_t i = 0; i < stability->owner_count; i++) {
        if (stability->owners[i].node == node)
            return false;
        least = least && self < stability->owners[i].node;
    }
    return least;
}

node_id stability_holder(const struct stability *stability, const struct version_vector *context)
{
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (!stability->owners[i].heard)
            return stability->owners[i].node;
    for (uint8_t i = 0; i < stability->owner_count; i++)
        if (holds_back(stability, &stability->owners[i], context))
            return stability->owners[i].node;
    return 0;
}
