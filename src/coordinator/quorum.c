#include "coordinator/quorum.h"

#include <assert.h>

static uint8_t majority(uint8_t count)
{
    return (uint8_t)(count / 2 + 1);
}

static uint8_t count_mask(owner_mask mask)
{
    return (uint8_t)__builtin_popcount(mask);
}

static uint8_t owners_in_region(const struct quorum *quorum, owner_mask mask, uint8_t region)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < quorum->owner_count; i++)
        count = (uint8_t)(count + ((mask >> i & 1) != 0 && quorum->owner_region[i] == region));
    return count;
}

static owner_mask all_owners(const struct quorum *quorum)
{
    return (owner_mask)((1u << quorum->owner_count) - 1);
}

static uint8_t expand(const struct quorum *quorum, uint8_t number)
{
    if (number == OWNERS_QUORUM)
        return majority(quorum->owner_count);
    return number == OWNERS_ALL ? quorum->owner_count : number;
}

static void need_majority_of_region(struct quorum *quorum, uint8_t region)
{
    uint8_t owners = owners_in_region(quorum, all_owners(quorum), region);
    quorum->region_needed[region] = owners > 0 ? majority(owners) : 0;
}

static void expand_level(struct quorum *quorum, enum level level, uint8_t home)
{
    switch (level) {
    case LEVEL_ONE:
    case LEVEL_TWO:
    case LEVEL_THREE:
        quorum->needed = (uint8_t)(1 + level - LEVEL_ONE);
        break;
    case LEVEL_DEFAULT:
    case LEVEL_QUORUM:
    case LEVEL_COUNT:
        quorum->needed = majority(quorum->owner_count);
        break;
    case LEVEL_ALL:
        quorum->needed = quorum->owner_count;
        break;
    case LEVEL_LOCAL_ONE:
        quorum->region_needed[home] = 1;
        break;
    case LEVEL_LOCAL_QUORUM:
        need_majority_of_region(quorum, home);
        if (quorum->region_needed[home] == 0)
            quorum->region_needed[home] = 1; /* nobody is there: can never be met */
        quorum->repairs = true;
        break;
    case LEVEL_EACH_QUORUM:
        for (uint8_t region = 0; region < RING_REGIONS_MAX; region++)
            need_majority_of_region(quorum, region);
        quorum->repairs = true;
        break;
    }
}

enum status quorum_init(struct quorum *quorum, const struct preference_list *owners, uint8_t home,
                        const struct request_options *options, enum quorum_purpose purpose)
{
    *quorum = (struct quorum){.owner_count = owners->primary_count};
    assert(home < RING_REGIONS_MAX && owners->primary_count <= RING_OWNERS_MAX);
    for (uint8_t i = 0; i < owners->primary_count; i++)
        quorum->owner_region[i] = owners->regions[i];
    uint8_t number = purpose == QUORUM_READ ? options->r : options->w;
    if (number != OWNERS_UNSET)
        quorum->needed = expand(quorum, number);
    else
        expand_level(quorum, (enum level)options->level, home);
    if (purpose == QUORUM_WRITE && expand(quorum, options->dw) > quorum->needed)
        quorum->needed = expand(quorum, options->dw);
    quorum->owners_needed = expand(quorum, purpose == QUORUM_READ ? options->pr : options->pw);
    if (quorum->owners_needed > quorum->needed)
        quorum->needed = quorum->owners_needed;
    if (quorum->needed > quorum->owner_count)
        return STATUS_INVALID;
    if (quorum->needed >= majority(quorum->owner_count))
        quorum->repairs = true;
    return STATUS_OK;
}

void quorum_count(struct quorum *quorum, uint8_t owner)
{
    assert(owner < quorum->owner_count);
    quorum->counted |= (owner_mask)1 << owner;
}

bool quorum_met_with(const struct quorum *quorum, owner_mask more)
{
    owner_mask mask = quorum->counted | more;
    if (count_mask(mask) < quorum->needed)
        return false;
    for (uint8_t region = 0; region < RING_REGIONS_MAX; region++)
        if (quorum->region_needed[region] > 0 &&
            owners_in_region(quorum, mask, region) < quorum->region_needed[region])
            return false;
    return true;
}

bool quorum_met(const struct quorum *quorum)
{
    return quorum_met_with(quorum, 0);
}

bool quorum_wants(const struct quorum *quorum, owner_mask more, uint8_t owner)
{
    owner_mask mask = quorum->counted | more;
    uint8_t region = quorum->owner_region[owner];
    if ((mask >> owner & 1) != 0)
        return false;
    return count_mask(mask) < quorum->needed ||
           owners_in_region(quorum, mask, region) < quorum->region_needed[region];
}

uint8_t quorum_counted(const struct quorum *quorum)
{
    return count_mask(quorum->counted);
}

uint8_t quorum_needed(const struct quorum *quorum)
{
    uint8_t needed = 0;
    for (uint8_t region = 0; region < RING_REGIONS_MAX; region++)
        needed = (uint8_t)(needed + quorum->region_needed[region]);
    return needed > quorum->needed ? needed : quorum->needed;
}
