#include "sim/oracle_ends.h"

#include "base/bytes.h"

enum { NEAR_MS = 5000, CLOCKS_SETTLED_US = 10000000 };

void oracle_ends_made(struct oracle *oracle, struct version *version, const struct cell *cell,
                      const struct sibling *sibling)
{
    struct reader reader = reader_make(sibling->value);
    bool cut = false;
    version->floor_ms = reader_u64(&reader);
    version->since = reader_u64(&reader);
    /* One that a client asked for counts since the moment before it was made. */
    version->swept = reader_u8(&reader) != 0 && version->time - version->since > 1;
    for (uint32_t i = 0; i < cell->count; i++)
        cut = cut || cell->siblings[i].kind == SIBLING_CUT;
    if (version->expire_at_ms == 0 && !version->swept && !cut)
        marks_hit(oracle->world->marks, MARK_HASH_END_LIFTED);
}

bool oracle_ends_is_first_swept(const struct oracle_key *head, const struct version *version)
{
    for (uint32_t i = 0; i < head->version_count; i++)
        if (head->versions[i] != version && head->versions[i]->swept &&
            head->versions[i]->floor_ms >= version->floor_ms)
            return false;
    return true;
}

static bool is_deadline(const struct version *version)
{
    return version->kind == SIBLING_DEADLINE;
}

bool oracle_ends_may(const struct oracle *oracle, const struct oracle_key *head,
                     const struct version *version)
{
    uint64_t made_ms = hybrid_time_ms(version->time), now_ms = world_latest_ms(oracle->world);
    for (uint32_t i = 0; i < head->version_count; i++) {
        const struct version *end = head->versions[i];
        if (is_deadline(end) &&
            (made_ms < end->floor_ms || (end->expire_at_ms != 0 && made_ms < end->expire_at_ms &&
                                         end->expire_at_ms <= now_ms)))
            return true;
    }
    return false;
}

/* Made before its time by somebody else: a later deadline, or a delete, which takes it away. */
static bool may_be_put_off(const struct oracle_key *head, const struct version *end)
{
    for (uint32_t i = 0; i < head->version_count; i++) {
        const struct version *later = head->versions[i];
        bool changes = (is_deadline(later) && !later->swept) || later->kind == SIBLING_CUT;
        if (changes && later != end && later->time > end->time &&
            hybrid_time_ms(later->time) < end->expire_at_ms)
            return true;
    }
    return false;
}

bool oracle_ends_must(const struct oracle *oracle, const struct command *command,
                      const struct oracle_key *head, const struct version *version)
{
    const struct world *world = oracle->world;
    uint64_t made_ms = hybrid_time_ms(version->time);
    if (world->time_was_lost || world->clock_changed_at_us + CLOCKS_SETTLED_US > world->now_us)
        return false;
    for (uint32_t i = 0; i < head->version_count; i++) {
        const struct version *end = head->versions[i];
        if (!is_deadline(end) || end->expire_at_ms == 0 || made_ms >= end->expire_at_ms ||
            end->expire_at_ms > command->wall_min_ms || !end->acked || end->excused ||
            end->acked_us >= command->first_us ||
            !oracle_meets(oracle, end, oracle_read_owners(oracle, command)) ||
            may_be_put_off(head, end))
            continue;
        marks_hit(world->marks, MARK_HASH_ENDED);
        return true;
    }
    return false;
}

static bool was_put_off(const struct oracle_key *head, const struct version *end, uint64_t now_ms)
{
    for (uint32_t i = 0; i < head->version_count; i++) {
        const struct version *later = head->versions[i];
        if (is_deadline(later) && later->acked && later->time > end->time &&
            hybrid_time_ms(later->time) < end->expire_at_ms && later->expire_at_ms > now_ms)
            return true;
    }
    return false;
}

bool oracle_ends_was_extended(const struct oracle *oracle, const struct oracle_key *head,
                              const struct version *version)
{
    uint64_t made_ms = hybrid_time_ms(version->time), now_ms = world_latest_ms(oracle->world);
    for (uint32_t i = 0; i < head->version_count; i++) {
        const struct version *end = head->versions[i];
        if (is_deadline(end) && end->expire_at_ms != 0 && made_ms < end->expire_at_ms &&
            end->expire_at_ms <= now_ms && !was_put_off(head, end, now_ms))
            return false;
    }
    return true;
}

bool oracle_ends_are_near(const struct oracle *oracle, const struct oracle_key *head)
{
    uint64_t now_ms = world_latest_ms(oracle->world);
    for (uint32_t i = 0; i < head->version_count; i++)
        if (is_deadline(head->versions[i]) &&
            head->versions[i]->expire_at_ms + NEAR_MS > world_true_ms(oracle->world) &&
            head->versions[i]->expire_at_ms < now_ms + NEAR_MS)
            return true;
    return false;
}

static const struct version *winner_on(struct oracle *oracle, const struct oracle_key *head,
                                       const struct cell *cell, uint64_t *floor_ms)
{
    const struct version *winner = NULL;
    *floor_ms = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct version *end = oracle_find_version(oracle, head, &cell->siblings[i].dot);
        if (end == NULL || !is_deadline(end))
            continue;
        if (end->floor_ms > *floor_ms)
            *floor_ms = end->floor_ms;
        if (winner == NULL || end->since >= winner->since)
            winner = end;
    }
    return winner;
}

uint64_t oracle_ends_floor_ms(struct oracle *oracle, const struct oracle_key *head,
                              const struct ordered_map *map)
{
    struct cell cell;
    uint64_t floor_ms;
    oracle_load(oracle, map, head, &cell);
    const struct version *winner = winner_on(oracle, head, &cell, &floor_ms);
    if (winner != NULL && winner->expire_at_ms > floor_ms &&
        winner->expire_at_ms <= world_true_ms(oracle->world))
        floor_ms = winner->expire_at_ms;
    cell_deinit(&cell);
    return floor_ms;
}

bool oracle_ends_is_pending(struct oracle *oracle, const struct oracle_key *head,
                            const struct cell *cell)
{
    uint64_t floor_ms;
    const struct version *winner = winner_on(oracle, head, cell, &floor_ms);
    return winner != NULL && winner->expire_at_ms > world_true_ms(oracle->world);
}
