#include "workload.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *const operation_names[OPERATION_COUNT] = {"read", "update", "insert", "scan",
                                                      "read-modify-write"};

static const struct workload_mix MIXES[] = {
    {'a', {50, 50, 0, 0, 0}, DISTRIBUTION_ZIPFIAN}, {'b', {95, 5, 0, 0, 0}, DISTRIBUTION_ZIPFIAN},
    {'c', {100, 0, 0, 0, 0}, DISTRIBUTION_ZIPFIAN}, {'d', {95, 0, 5, 0, 0}, DISTRIBUTION_LATEST},
    {'e', {0, 0, 5, 95, 0}, DISTRIBUTION_ZIPFIAN},  {'f', {50, 0, 0, 0, 50}, DISTRIBUTION_ZIPFIAN},
    {'w', {0, 100, 0, 0, 0}, DISTRIBUTION_ZIPFIAN},
};

const struct workload_mix *workload_find(char letter)
{
    for (size_t i = 0; i < sizeof MIXES / sizeof *MIXES; i++) {
        if (MIXES[i].letter == letter)
            return &MIXES[i];
    }
    return NULL;
}

void workload_init(struct workload *w, const struct workload_mix *mix,
                   enum distribution distribution, double theta, uint64_t key_count, uint64_t seed,
                   bool *ended, uint64_t window)
{
    assert(key_count >= 1);
    assert((window & (window - 1)) == 0);
    *w = (struct workload){.mix = mix,
                           .distribution = distribution,
                           .theta = theta,
                           .random = random_make(seed),
                           .zipfian = zipfian_make(key_count, theta),
                           .key_count = key_count,
                           .next_insert = key_count,
                           .ended = ended,
                           .window = window};
}

enum operation_kind workload_next_kind(struct workload *w)
{
    uint64_t chance = random_below(&w->random, 100);
    for (unsigned kind = 0; kind < OPERATION_COUNT; kind++) {
        if (chance < w->mix->percent[kind])
            return (enum operation_kind)kind;
        chance -= w->mix->percent[kind];
    }
    assert(!"percentages add up to 100");
    return OPERATION_READ;
}

uint64_t workload_next_key(struct workload *w, enum operation_kind kind)
{
    if (kind == OPERATION_INSERT) {
        assert(w->next_insert - w->key_count < w->window);
        return w->next_insert++;
    }
    switch (w->distribution) {
    case DISTRIBUTION_UNIFORM:
        return random_below(&w->random, w->key_count);
    case DISTRIBUTION_LATEST:
        return w->key_count - 1 - zipfian_next(&w->zipfian, &w->random);
    default:
        return zipfian_scatter(zipfian_next(&w->zipfian, &w->random), w->key_count);
    }
}

void workload_insert_ended(struct workload *w, uint64_t number)
{
    uint64_t before = w->key_count;
    assert(number >= w->key_count && number < w->next_insert);
    w->ended[number & (w->window - 1)] = true;
    while (w->key_count < w->next_insert && w->ended[w->key_count & (w->window - 1)])
        w->ended[w->key_count++ & (w->window - 1)] = false;
    if (w->key_count != before)
        w->zipfian = zipfian_make(w->key_count, w->theta);
}

unsigned workload_scan_length(struct workload *w)
{
    return 1 + (unsigned)random_below(&w->random, SCAN_KEYS_MAX);
}

size_t workload_key(uint64_t number, char out[KEY_BYTES_MAX])
{
    struct random mixed = random_make(number);
    return (size_t)snprintf(out, KEY_BYTES_MAX, "user%020llu",
                            (unsigned long long)random_u64(&mixed));
}

void workload_value(struct random *random, char *out, size_t bytes)
{
    size_t noise = bytes / 2;
    for (size_t i = 0; i < noise; i += 8) {
        uint64_t word = random_u64(random);
        memcpy(out + i, &word, noise - i < 8 ? noise - i : 8);
    }
    memset(out + noise, 'x', bytes - noise);
}
