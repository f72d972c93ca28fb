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

static owner_mask first_holders(uint8_t count)
{
    return count >= 32 ? ~(owner_mask)0 : ((owner_mask)1 << count) - 1;
}

owner_mask quorum_holders(const struct quorum *quorum)
{
    return first_holders(quorum->holder_count);
}

owner_mask quorum_owners(const struct quorum *quorum)
{
    return first_holders(quorum->owner_count);
}

static uint8_t expand(const struct quorum *quorum, uint8_t number)
{
    if (number == OWNERS_QUORUM)
        return majority(quorum->owner_count);
    return number == OWNERS_ALL ? quorum->owner_count : number;
}

static void need_majority_of_region(struct quorum *quorum, uint8_t region)
{
    uint8_t owners = owners_in_region(quorum, quorum_owners(quorum), region);
    quorum->region_needed[region] = owners > 0 ? majority(owners) : 0;
}

static void expand_level(struct quorum *quorum, enum level level, uint8_t home)
{
    switch (level) {
    case LEVEL_ANY:
        quorum->needed = 1;
        break;
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
        quorum->needed = quorum->owners_needed = quorum->owner_count;
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

enum status quorum_init(struct quorum *quorum, const struct preference_list *holders, uint8_t home,
                        const struct request_options *options, enum quorum_purpose purpose)
{
    uint8_t holder_count = options_are_sloppy(options) ? holders->count : holders->primary_count;
    *quorum = (struct quorum){.owner_count = holders->primary_count, .holder_count = holder_count};
    assert(home < RING_REGIONS_MAX && holders->primary_count <= RING_OWNERS_MAX);
    for (uint8_t i = 0; i < holders->primary_count; i++)
        quorum->owner_region[i] = holders->regions[i];
    uint8_t number = purpose == QUORUM_READ ? options->r : options->w;
    if (number != OWNERS_UNSET)
        quorum->needed = expand(quorum, number);
    else
        expand_level(quorum, (enum level)options->level, home);
    if (purpose == QUORUM_WRITE && expand(quorum, options->dw) > quorum->needed)
        quorum->needed = expand(quorum, options->dw);
    uint8_t owners = expand(quorum, purpose == QUORUM_READ ? options->pr : options->pw);
    if (owners > quorum->owners_needed)
        quorum->owners_needed = owners;
    if (quorum->owners_needed > quorum->needed)
        quorum->needed = quorum->owners_needed;
    if (quorum->needed > quorum->owner_count)
        return STATUS_INVALID;
    if (quorum->needed >= majority(quorum->owner_count))
        quorum->repairs = true;
    return STATUS_OK;
}

static uint8_t larger(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

void quorum_cover(struct quorum *read, const struct quorum *write)
{
    bool sloppy = write->holder_count > write->owner_count;
    read->needed = larger(read->needed, sloppy ? write->owners_needed : write->needed);
    for (uint8_t region = 0; region < RING_REGIONS_MAX; region++)
        read->region_needed[region] =
            larger(read->region_needed[region], write->region_needed[region]);
}

void quorum_count(struct quorum *quorum, uint8_t holder)
{
    assert(holder < PREFERENCE_LIST_MAX);
    quorum->counted |= (owner_mask)1 << holder & quorum_holders(quorum);
}

bool quorum_met_with(const struct quorum *quorum, owner_mask more)
{
    owner_mask mask = (quorum->counted | more) & quorum_holders(quorum);
    if (count_mask(mask) < quorum->needed ||
        count_mask(mask & quorum_owners(quorum)) < quorum->owners_needed)
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

bool quorum_wants(const struct quorum *quorum, owner_mask more, uint8_t holder)
{
    owner_mask mask = (quorum->counted | more) & quorum_holders(quorum);
    owner_mask owners = mask & quorum_owners(quorum);
    if (holder >= quorum->holder_count || (mask >> holder & 1) != 0)
        return false;
    if (holder >= quorum->owner_count)
        return count_mask(mask) < quorum->needed;
    uint8_t region = quorum->owner_region[holder];
    return count_mask(mask) < quorum->needed || count_mask(owners) < quorum->owners_needed ||
           owners_in_region(quorum, mask, region) < quorum->region_needed[region];
}

uint8_t quorum_counted(const struct quorum *quorum)
{
    return count_mask(quorum->counted);
}

uint8_t quorum_counted_fallbacks(const struct quorum *quorum)
{
    return count_mask(quorum->counted & ~quorum_owners(quorum));
}

uint8_t quorum_needed(const struct quorum *quorum)
{
    uint8_t needed = 0;
    for (uint8_t region = 0; region < RING_REGIONS_MAX; region++)
        needed = (uint8_t)(needed + quorum->region_needed[region]);
    return needed > quorum->needed ? needed : quorum->needed;
}
