/*
 * scatter.c - local search over exchanges.
 *
 * The measure is the sum, over pairs of nodes, of the square of the number of
 * partitions they share; it is least when all pairs share equally many. Two
 * moving copies drawn at random trade partitions when the rules allow it and the
 * measure does not rise; equals are taken, which walks over plateaus. A fixed
 * number of tries with fixed random numbers keeps the result reproducible.
 */
#include "ring/scatter.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "ring/placement.h"

enum { TRIES_PER_COPY = 32, RANDOM_SEED = 1 };

/* One copy: the `slot`-th owner of `partition`. */
struct copy {
    uint16_t partition;
    uint16_t slot;
};

struct mixing {
    struct placement *placement;
    struct copy *copies; /* those that move */
    size_t copy_count;
    uint32_t *together; /* node_count x node_count: partitions that both own; symmetric */
};

static uint16_t *owner_at(const struct mixing *mixing, struct copy copy)
{
    return placement_row(mixing->placement, copy.partition) + copy.slot;
}

static void collect_moving_copies(struct mixing *mixing)
{
    const struct placement *placement = mixing->placement;
    mixing->copies = memory_new((size_t)placement->partition_count * placement->replicas,
                                sizeof *mixing->copies);
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        const uint16_t *row = placement_row(placement, p);
        for (uint32_t slot = 0; slot < placement->replicas; slot++) {
            if (!placement_held(placement, p, row[slot]))
                mixing->copies[mixing->copy_count++] = (struct copy){(uint16_t)p, (uint16_t)slot};
        }
    }
}

/* Note one shared partition more (`step` 1) or fewer (-1); the change of the measure. */
static int64_t count_pair(struct mixing *mixing, uint32_t a, uint32_t b, int step)
{
    size_t nodes = mixing->placement->node_count;
    int64_t shared = mixing->together[a * nodes + b];
    mixing->together[a * nodes + b] = mixing->together[b * nodes + a] = (uint32_t)(shared + step);
    return 2 * step * shared + 1;
}

static void count_all_pairs(struct mixing *mixing)
{
    const struct placement *placement = mixing->placement;
    mixing->together =
        memory_new((size_t)placement->node_count * placement->node_count, sizeof *mixing->together);
    for (uint32_t p = 0; p < placement->partition_count; p++) {
        const uint16_t *row = placement_row(placement, p);
        for (uint32_t i = 1; i < placement->replicas; i++) {
            for (uint32_t j = 0; j < i; j++)
                count_pair(mixing, row[i], row[j], 1);
        }
    }
}

/* Whether `incoming` may stand in place of the copy's owner. */
static bool may_replace(const struct mixing *mixing, struct copy copy, uint16_t incoming)
{
    const struct placement *placement = mixing->placement;
    const uint16_t *row = placement_row(placement, copy.partition);
    uint32_t in_rack = 1;
    for (uint32_t i = 0; i < placement->replicas; i++) {
        if (row[i] == incoming)
            return false;
        if (i != copy.slot && placement->racks[row[i]] == placement->racks[incoming])
            in_rack++;
    }
    return in_rack <= placement->rack_limit;
}

/* Put `incoming` in place of the copy's owner; the change of the measure. */
static int64_t replace(struct mixing *mixing, struct copy copy, uint16_t incoming)
{
    const struct placement *placement = mixing->placement;
    uint16_t *row = placement_row(placement, copy.partition);
    int64_t change = 0;
    for (uint32_t i = 0; i < placement->replicas; i++) {
        if (i == copy.slot)
            continue;
        change += count_pair(mixing, row[copy.slot], row[i], -1);
        change += count_pair(mixing, incoming, row[i], 1);
    }
    row[copy.slot] = incoming;
    return change;
}

/*
 * Neither node held the partition that it gets, or the exchange would save a
 * move and the placement had not been optimal; so the moving copies stay the same set.
 */
static void try_exchange(struct mixing *mixing, struct copy first, struct copy second)
{
    uint16_t a = *owner_at(mixing, first);
    uint16_t b = *owner_at(mixing, second);
    if (!may_replace(mixing, first, b) || !may_replace(mixing, second, a))
        return;
    assert(!placement_held(mixing->placement, first.partition, b));
    assert(!placement_held(mixing->placement, second.partition, a));
    int64_t change = replace(mixing, first, b);
    change += replace(mixing, second, a);
    if (change > 0) {
        replace(mixing, second, b);
        replace(mixing, first, a);
    }
}

void scatter_mix(struct placement *placement)
{
    struct mixing mixing = {.placement = placement};
    struct random random = random_make(RANDOM_SEED);
    if (placement->replicas < 2)
        return;
    collect_moving_copies(&mixing);
    count_all_pairs(&mixing);
    for (size_t tries = mixing.copy_count * TRIES_PER_COPY; tries > 0; tries--) {
        struct copy first = mixing.copies[random_below(&random, mixing.copy_count)];
        struct copy second = mixing.copies[random_below(&random, mixing.copy_count)];
        if (first.partition != second.partition)
            try_exchange(&mixing, first, second);
    }
    free(mixing.copies);
    free(mixing.together);
}
