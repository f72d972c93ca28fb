#include "coordinator/quorum.h"

#include <assert.h>

static uint8_t majority(uint8_t count)
{
    return (uint8_t)(count / 2 + 1);
}

/* Few are set: this beats the table of the C runtime, which compilers take without a flag. */
static uint8_t count_mask(owner_mask mask)
{
    uint8_t count = 0;
    for (; mask != 0; mask &= mask - 1)
        count++;
    return count;
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

owner_mask quorum_owners(const struct quorum *quorum)
{
    owner_mask owners = 0;
    for (uint8_t set = 0; set < quorum->set_count; set++)
        owners |= quorum->sets[set];
    return owners;
}

static owner_mask fallbacks(const struct quorum *quorum)
{
    return first_holders(quorum->holder_count) & ~first_holders(quorum->owner_count);
}

static void note_holders(struct quorum *quorum)
{
    quorum->holders = quorum_owners(quorum) | fallbacks(quorum);
}

owner_mask quorum_holders(const struct quorum *quorum)
{
    return quorum->holders;
}

static uint8_t expand(const struct quorum *quorum, uint8_t number)
{
    if (number == OWNERS_QUORUM)
        return majority(quorum->set_size);
    return number == OWNERS_ALL ? quorum->set_size : number;
}

static void need_majority_of_region(struct quorum *quorum, uint8_t region)
{
    uint8_t owners = owners_in_region(quorum, quorum->sets[0], region);
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
        quorum->needed = majority(quorum->set_size);
        break;
    case LEVEL_ALL:
        quorum->needed = quorum->owners_needed = quorum->set_size;
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

static void init_sets(struct quorum *quorum, const struct preference_list *holders, uint8_t home,
                      bool sloppy, enum quorum_purpose purpose)
{
    uint8_t replicas = preference_list_replicas(holders);
    *quorum = (struct quorum){.owner_count = replicas,
                              .holder_count = sloppy ? holders->count : replicas,
                              .set_count = 1,
                              .set_size = holders->primary_count,
                              .region_end = (uint8_t)(home + 1)};
    for (uint8_t i = 0; i < replicas; i++) {
        quorum->owner_region[i] = holders->regions[i];
        if (quorum->region_end <= holders->regions[i])
            quorum->region_end = (uint8_t)(holders->regions[i] + 1);
    }
    quorum->sets[0] = first_holders(holders->primary_count);
    if (purpose == QUORUM_WRITE && holders->other_set != 0) {
        quorum->sets[1] = holders->other_set;
        quorum->set_count = 2;
        assert(count_mask(quorum->sets[1]) == quorum->set_size);
    } else {
        quorum->stand_ins[0] = fallbacks(quorum);
    }
    note_holders(quorum);
}

enum status quorum_init(struct quorum *quorum, const struct preference_list *holders, uint8_t home,
                        const struct request_options *options, enum quorum_purpose purpose)
{
    assert(home < RING_REGIONS_MAX && holders->primary_count <= RING_OWNERS_MAX);
    init_sets(quorum, holders, home, options_are_sloppy(options), purpose);
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
    if (quorum->needed > quorum->set_size)
        return STATUS_INVALID;
    if (quorum->needed >= majority(quorum->set_size))
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

void quorum_write_back(struct quorum *quorum, const struct quorum *read,
                       const struct preference_list *holders)
{
    *quorum = *read;
    quorum->counted = 0;
    if (holders->other_set != 0)
        quorum->sets[quorum->set_count++] = holders->other_set;
    assert(quorum->set_count <= QUORUM_SETS_MAX);
    note_holders(quorum);
}

void quorum_stand_in(struct quorum *quorum, uint8_t fallback, uint8_t owner)
{
    owner_mask bit = (owner_mask)1 << fallback & fallbacks(quorum);
    assert(owner < quorum->owner_count);
    for (uint8_t set = 0; set < quorum->set_count && quorum->set_count > 1; set++) {
        quorum->stand_ins[set] &= ~bit;
        if ((quorum->sets[set] >> owner & 1) != 0)
            quorum->stand_ins[set] |= bit;
    }
}

void quorum_count(struct quorum *quorum, uint8_t holder)
{
    assert(holder < PREFERENCE_LIST_MAX);
    quorum->counted |= (owner_mask)1 << holder & quorum->holders;
}

static bool is_met_in(const struct quorum *quorum, uint8_t set, owner_mask mask)
{
    owner_mask owners = mask & quorum->sets[set];
    if (count_mask(mask & (quorum->sets[set] | quorum->stand_ins[set])) < quorum->needed ||
        count_mask(owners) < quorum->owners_needed)
        return false;
    for (uint8_t region = 0; region < quorum->region_end; region++)
        if (quorum->region_needed[region] > 0 &&
            owners_in_region(quorum, owners, region) < quorum->region_needed[region])
            return false;
    return true;
}

bool quorum_met_with(const struct quorum *quorum, owner_mask more)
{
    owner_mask mask = (quorum->counted | more) & quorum->holders;
    for (uint8_t set = 0; set < quorum->set_count; set++)
        if (!is_met_in(quorum, set, mask))
            return false;
    return true;
}

bool quorum_met(const struct quorum *quorum)
{
    return quorum_met_with(quorum, 0);
}

static bool is_wanted_in(const struct quorum *quorum, uint8_t set, owner_mask mask, uint8_t holder)
{
    owner_mask owners = mask & quorum->sets[set];
    uint8_t held = count_mask(mask & (quorum->sets[set] | quorum->stand_ins[set]));
    if ((quorum->stand_ins[set] >> holder & 1) != 0)
        return held < quorum->needed;
    if ((quorum->sets[set] >> holder & 1) == 0)
        return false;
    uint8_t region = quorum->owner_region[holder];
    return held < quorum->needed || count_mask(owners) < quorum->owners_needed ||
           owners_in_region(quorum, owners, region) < quorum->region_needed[region];
}

bool quorum_wants(const struct quorum *quorum, owner_mask more, uint8_t holder)
{
    owner_mask mask = (quorum->counted | more) & quorum->holders;
    if (holder >= quorum->holder_count || (mask >> holder & 1) != 0)
        return false;
    for (uint8_t set = 0; set < quorum->set_count; set++)
        if (is_wanted_in(quorum, set, mask, holder))
            return true;
    return false;
}

uint8_t quorum_counted(const struct quorum *quorum)
{
    uint8_t least = UINT8_MAX;
    for (uint8_t set = 0; set < quorum->set_count; set++) {
        uint8_t held = count_mask(quorum->counted & (quorum->sets[set] | quorum->stand_ins[set]));
        least = held < least ? held : least;
    }
    return quorum->set_count == 0 ? 0 : least;
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

static uint8_t short_of(uint8_t held, uint8_t needed)
{
    return held < needed ? (uint8_t)(needed - held) : 0;
}

static uint8_t missing_in(const struct quorum *quorum, uint8_t set, owner_mask mask)
{
    owner_mask owners = mask & quorum->sets[set];
    uint8_t of_regions = 0;
    for (uint8_t region = 0; region < quorum->region_end; region++)
        of_regions = (uint8_t)(of_regions + short_of(owners_in_region(quorum, owners, region),
                                                     quorum->region_needed[region]));
    uint8_t of_holders =
        short_of(count_mask(mask & (quorum->sets[set] | quorum->stand_ins[set])), quorum->needed);
    return larger(of_regions,
                  larger(of_holders, short_of(count_mask(owners), quorum->owners_needed)));
}

uint8_t quorum_within_reach(const struct quorum *quorum, owner_mask mask)
{
    uint8_t missing = 0, needed = quorum_needed(quorum);
    for (uint8_t set = 0; set < quorum->set_count; set++)
        missing = larger(missing, missing_in(quorum, set, mask & quorum->holders));
    return missing < needed ? (uint8_t)(needed - missing) : 0;
}
