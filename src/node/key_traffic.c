#include "node/key_traffic.h"

#include <string.h>

/* Begin a new window when the current one is over; after a long silence both are empty. */
static void turn_window(struct key_traffic *traffic, uint64_t now_us)
{
    uint64_t took_us = now_us - traffic->started_us;
    if (traffic->started_us != 0 && took_us < KEY_TRAFFIC_WINDOW_US)
        return;
    bool follows = traffic->started_us != 0 && took_us < 2 * (uint64_t)KEY_TRAFFIC_WINDOW_US;
    traffic->current ^= 1;
    memset(&traffic->requests[traffic->current], 0, sizeof traffic->requests[0]);
    if (!follows)
        memset(&traffic->requests[traffic->current ^ 1], 0, sizeof traffic->requests[0]);
    traffic->before_us = follows ? took_us : 0;
    traffic->started_us = now_us;
}

/* What a mutation brings with it; increments and the like bring next to nothing. */
static uint64_t mutation_bytes(const struct key_entry *entry)
{
    return entry->mutation.value.length;
}

static void count_request(struct key_traffic *traffic, uint64_t hash,
                          const struct key_request *request, struct slice key)
{
    key_sketch_add(&traffic->requests[traffic->current], hash, request->keyspace, key,
                   KEY_TRAFFIC_SAMPLE, key_request_writes(request) ? KEY_TRAFFIC_SAMPLE : 0);
}

/* A key of the request, and the bytes that it is given. */
static void count_key(struct key_traffic *traffic, uint64_t seed, const struct key_request *request,
                      struct slice key, uint64_t bytes, bool sampled)
{
    bool large = bytes >= KEY_TRAFFIC_LARGE_BYTES;
    uint64_t weight = large ? bytes : bytes * KEY_TRAFFIC_SAMPLE;
    if (!sampled && !large)
        return;
    uint64_t hash = key_sketch_hash(seed, request->keyspace, key);
    if (sampled)
        count_request(traffic, hash, request, key);
    if (bytes > 0)
        key_sketch_add(&traffic->written, hash, request->keyspace, key, weight, weight);
}

/* Whether this one is looked at. The gaps are even between 0 and twice the mean. */
static bool draw(struct key_traffic *traffic)
{
    if (traffic->skip > 0) {
        traffic->skip--;
        return false;
    }
    traffic->skip = (uint32_t)random_below(&traffic->random, 2 * KEY_TRAFFIC_SAMPLE - 1);
    return true;
}

void key_traffic_count(struct key_traffic *traffic, uint64_t seed,
                       const struct key_request *request, uint64_t now_us)
{
    uint64_t bytes = 0;
    if (request->entry_count == 0 || request->kind == KEY_COVERAGE)
        return;
    bool sampled = draw(traffic);
    if (sampled)
        turn_window(traffic, now_us);
    else if (!key_request_writes(request))
        return;
    if (request->kind == KEY_WRITE) {
        for (uint16_t i = 0; i < request->entry_count; i++)
            count_key(traffic, seed, request, request->entries[i].key,
                      mutation_bytes(&request->entries[i]), sampled);
        return;
    }
    if (request->kind == KEY_ELEMENTS_WRITE)
        for (uint16_t i = 1; i < request->entry_count; i++)
            bytes += request->entries[i].key.length + mutation_bytes(&request->entries[i]);
    count_key(traffic, seed, request, request->entries[0].key, bytes, sampled);
}

/* Keep `out` sorted, the heaviest first. */
static size_t insert_row(struct key_traffic_row *out, size_t count, size_t room,
                         const struct key_traffic_row *row)
{
    size_t at = count;
    while (at > 0 && out[at - 1].requests < row->requests)
        at--;
    if (at == room)
        return count;
    size_t moved = (count < room ? count : room - 1) - at;
    memmove(&out[at + 1], &out[at], moved * sizeof *out);
    out[at] = *row;
    return count < room ? count + 1 : room;
}

/* Windows end by the clock, also when nothing comes that would end them. */
size_t key_traffic_requests(const struct key_traffic *traffic, uint64_t now_us,
                            struct key_traffic_row *out, size_t room, uint64_t *total_out,
                            uint64_t *us_out)
{
    static const struct key_sketch none;
    uint64_t age_us = now_us - traffic->started_us;
    bool is_new = traffic->started_us != 0 && age_us < KEY_TRAFFIC_WINDOW_US;
    bool is_told = traffic->started_us != 0 && age_us < 2 * (uint64_t)KEY_TRAFFIC_WINDOW_US;
    const struct key_sketch *now = is_told ? &traffic->requests[traffic->current] : &none;
    const struct key_sketch *before = is_new ? &traffic->requests[traffic->current ^ 1] : &none;
    size_t count = 0;
    *total_out = now->total + before->total;
    *us_out = is_told ? age_us + (is_new ? traffic->before_us : 0) : 0;
    for (size_t i = 0; i < KEY_SKETCH_ROWS; i++) {
        const struct key_sketch_row *a = &now->rows[i], *b = &before->rows[i];
        const struct key_sketch_row *also = a->weight > 0 ? key_sketch_find(before, a->hash) : NULL;
        struct key_traffic_row row = {.key = a};
        if (a->weight > 0) {
            row.requests = a->weight + (also == NULL ? 0 : also->weight);
            row.writes = a->changes + (also == NULL ? 0 : also->changes);
            row.error = a->error + (also == NULL ? 0 : also->error);
            count = insert_row(out, count, room, &row);
        }
        if (b->weight > 0 && key_sketch_find(now, b->hash) == NULL) {
            row = (struct key_traffic_row){
                .key = b, .requests = b->weight, .writes = b->changes, .error = b->error};
            count = insert_row(out, count, room, &row);
        }
    }
    return count;
}

size_t key_traffic_written(const struct key_traffic *traffic, const struct key_sketch_row **out,
                           size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < KEY_SKETCH_ROWS; i++) {
        const struct key_sketch_row *row = &traffic->written.rows[i];
        size_t at = count;
        while (at > 0 && out[at - 1]->weight < row->weight)
            at--;
        if (row->weight == 0 || at == room)
            continue;
        size_t moved = (count < room ? count : room - 1) - at;
        memmove(&out[at + 1], &out[at], moved * sizeof *out);
        out[at] = row;
        count = count < room ? count + 1 : room;
    }
    return count;
}
