#include "sim/schedule.h"

#include <stdlib.h>

#include "base/memory.h"

struct schedule_slot {
    uint64_t time_us;
    uint64_t tie;
    uint64_t sequence;
    struct occurrence *what;
};

static bool before(const struct schedule_slot *a, const struct schedule_slot *b)
{
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us;
    if (a->tie != b->tie)
        return a->tie < b->tie;
    return a->sequence < b->sequence;
}

void schedule_init(struct schedule *schedule, uint64_t seed)
{
    *schedule = (struct schedule){.random = random_make(seed)};
}

void schedule_deinit(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++)
        occurrence_free(schedule->slots[i].what);
    free(schedule->slots);
    *schedule = (struct schedule){0};
}

void occurrence_free(struct occurrence *occurrence)
{
    if (occurrence == NULL)
        return;
    buffer_deinit(&occurrence->bytes);
    free(occurrence);
}

/* Put `slot` where it belongs on the way up from the place `at`. */
static void rise(struct schedule *schedule, size_t at, struct schedule_slot slot)
{
    while (at > 0 && before(&slot, &schedule->slots[(at - 1) / 2])) {
        schedule->slots[at] = schedule->slots[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    schedule->slots[at] = slot;
}

void schedule_add(struct schedule *schedule, uint64_t time_us, const struct occurrence *what)
{
    if (schedule->count == schedule->capacity) {
        schedule->capacity = schedule->capacity == 0 ? 256 : schedule->capacity * 2;
        schedule->slots =
            memory_resize(schedule->slots, schedule->capacity, sizeof *schedule->slots);
    }
    struct schedule_slot slot = {.time_us = time_us,
                                 .tie = random_u64(&schedule->random),
                                 .sequence = schedule->sequence++,
                                 .what = memory_copy(what, sizeof *what)};
    slot.what->time_us = time_us;
    rise(schedule, schedule->count++, slot);
}

void schedule_hasten(struct schedule *schedule, uint64_t time_us,
                     bool (*is_chosen)(const struct occurrence *what, const void *context),
                     const void *context)
{
    for (size_t i = 0; i < schedule->count; i++) {
        struct schedule_slot slot = schedule->slots[i];
        if (slot.time_us > time_us && is_chosen(slot.what, context))
            slot.time_us = slot.what->time_us = time_us;
        rise(schedule, i, slot); /* those before it are a heap again */
    }
}

struct occurrence *schedule_take(struct schedule *schedule)
{
    if (schedule->count == 0)
        return NULL;
    struct occurrence *first = schedule->slots[0].what;
    struct schedule_slot last = schedule->slots[--schedule->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= schedule->count)
            break;
        if (child + 1 < schedule->count &&
            before(&schedule->slots[child + 1], &schedule->slots[child]))
            child++;
        if (!before(&schedule->slots[child], &last))
            break;
        schedule->slots[at] = schedule->slots[child];
        at = child;
    }
    if (schedule->count > 0)
        schedule->slots[at] = last;
    return first;
}
