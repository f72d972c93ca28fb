/*
 * flow.c - minimum-cost maximum flow.
 *
 * An arc is two entries: entry 2k is the arc itself, entry 2k+1 its reverse,
 * whose room is what the arc carries and whose cost is the negative. Sending a
 * unit takes room from one and gives it to the other. The entries that leave a
 * vertex are found through `first` and `leaving`, in the order of their arcs.
 *
 * Invariant between rounds: with reduced cost(u->v) = cost + potential[u] -
 * potential[v], no entry with room has a negative one. So Dijkstra applies, and
 * the flow so far is the cheapest of its size. An entry with room and reduced
 * cost 0 is tight: it lies on a shortest path if any path uses it.
 */
#include "ring/flow.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define UNREACHED INT64_MAX

struct entry {
    uint32_t to;
    uint32_t room; /* units that still fit */
    int32_t cost;
};

struct heap_item {
    int64_t distance;
    uint32_t vertex;
};

/* A binary heap, nearest first. An item that was overtaken stays until it is met. */
struct heap {
    struct heap_item *items;
    size_t count;
    size_t capacity;
};

struct flow {
    uint32_t vertex_count;
    uint32_t arc_count;
    uint32_t arc_count_max;
    bool solved;
    struct entry *entries;
    uint32_t *first;   /* of vertex v: leaving[first[v]] .. leaving[first[v + 1] - 1] */
    uint32_t *leaving; /* entry numbers by vertex */
    int64_t *potential;
    int64_t *distance;
    uint32_t *level; /* of the Dinic phase; 0 is unreached */
    uint32_t *next;  /* first leaving entry of a vertex that is not yet a dead end */
    uint32_t *queue; /* breadth-first queue, then the path of the depth-first search */
    struct heap heap;
};

struct flow *flow_new(uint32_t vertex_count, uint32_t arc_count_max)
{
    struct flow *flow = memory_new(1, sizeof *flow);
    assert(vertex_count >= 2);
    assert(arc_count_max <= UINT32_MAX / 2);
    flow->vertex_count = vertex_count;
    flow->arc_count_max = arc_count_max;
    flow->entries = memory_new((size_t)arc_count_max * 2, sizeof *flow->entries);
    return flow;
}

void flow_free(struct flow *flow)
{
    if (flow == NULL)
        return;
    free(flow->entries);
    free(flow->first);
    free(flow->leaving);
    free(flow->potential);
    free(flow->distance);
    free(flow->level);
    free(flow->next);
    free(flow->queue);
    free(flow->heap.items);
    free(flow);
}

uint32_t flow_add_arc(struct flow *flow, uint32_t from, uint32_t to, uint32_t capacity,
                      uint32_t cost)
{
    assert(!flow->solved);
    assert(from < flow->vertex_count && to < flow->vertex_count);
    assert(flow->arc_count < flow->arc_count_max);
    assert(cost <= INT32_MAX);
    uint32_t arc = flow->arc_count++;
    flow->entries[2 * arc] = (struct entry){.to = to, .room = capacity, .cost = (int32_t)cost};
    flow->entries[2 * arc + 1] = (struct entry){.to = from, .room = 0, .cost = -(int32_t)cost};
    return arc;
}

uint32_t flow_on_arc(const struct flow *flow, uint32_t arc)
{
    assert(flow->solved);
    assert(arc < flow->arc_count);
    return flow->entries[2 * arc + 1].room;
}

/* Where an entry starts: where its twin leads to. */
static uint32_t tail_of(const struct flow *flow, uint32_t entry)
{
    return flow->entries[entry ^ 1].to;
}

/* Group the entries by the vertex they leave: a counting sort, which keeps their order. */
static void index_entries(struct flow *flow)
{
    uint32_t entry_count = flow->arc_count * 2;
    flow->first = memory_new((size_t)flow->vertex_count + 1, sizeof *flow->first);
    flow->leaving = memory_new(entry_count, sizeof *flow->leaving);
    for (uint32_t e = 0; e < entry_count; e++)
        flow->first[tail_of(flow, e) + 1]++;
    for (uint32_t v = 0; v < flow->vertex_count; v++)
        flow->first[v + 1] += flow->first[v];
    memcpy(flow->next, flow->first, flow->vertex_count * sizeof *flow->next);
    for (uint32_t e = 0; e < entry_count; e++)
        flow->leaving[flow->next[tail_of(flow, e)]++] = e;
}

static void prepare(struct flow *flow)
{
    flow->potential = memory_new(flow->vertex_count, sizeof *flow->potential);
    flow->distance = memory_new(flow->vertex_count, sizeof *flow->distance);
    flow->level = memory_new(flow->vertex_count, sizeof *flow->level);
    flow->next = memory_new(flow->vertex_count, sizeof *flow->next);
    flow->queue = memory_new(flow->vertex_count, sizeof *flow->queue);
    index_entries(flow);
}

static void heap_push(struct heap *heap, struct heap_item item)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 256 : heap->capacity * 2;
        heap->items = memory_resize(heap->items, heap->capacity, sizeof *heap->items);
    }
    size_t at = heap->count++;
    while (at > 0 && heap->items[(at - 1) / 2].distance > item.distance) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = item;
}

static struct heap_item heap_pop(struct heap *heap)
{
    struct heap_item top = heap->items[0];
    struct heap_item last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            heap->items[child + 1].distance < heap->items[child].distance)
            child++;
        if (heap->items[child].distance >= last.distance)
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    return top;
}

static int64_t reduced_cost(const struct flow *flow, uint32_t from, const struct entry *entry)
{
    return entry->cost + flow->potential[from] - flow->potential[entry->to];
}

static void relax_leaving(struct flow *flow, uint32_t vertex)
{
    for (uint32_t i = flow->first[vertex]; i < flow->first[vertex + 1]; i++) {
        const struct entry *entry = &flow->entries[flow->leaving[i]];
        if (entry->room == 0)
            continue;
        int64_t distance = flow->distance[vertex] + reduced_cost(flow, vertex, entry);
        if (distance < flow->distance[entry->to]) {
            flow->distance[entry->to] = distance;
            heap_push(&flow->heap, (struct heap_item){distance, entry->to});
        }
    }
}

/*
 * Shortest reduced distances from `source`, then potentials that make every
 * entry of a shortest path to `sink` tight. Vertices at least as far as the
 * sink all move by the sink's distance, so the search may stop there.
 */
static bool raise_potentials(struct flow *flow, uint32_t source, uint32_t sink)
{
    for (uint32_t v = 0; v < flow->vertex_count; v++)
        flow->distance[v] = UNREACHED;
    flow->distance[source] = 0;
    flow->heap.count = 0;
    heap_push(&flow->heap, (struct heap_item){0, source});
    while (flow->heap.count > 0) {
        struct heap_item item = heap_pop(&flow->heap);
        if (item.distance > flow->distance[item.vertex])
            continue;
        if (item.vertex == sink)
            break;
        relax_leaving(flow, item.vertex);
    }
    int64_t limit = flow->distance[sink];
    if (limit == UNREACHED)
        return false;
    for (uint32_t v = 0; v < flow->vertex_count; v++)
        flow->potential[v] += flow->distance[v] < limit ? flow->distance[v] : limit;
    return true;
}

static bool is_tight(const struct flow *flow, uint32_t from, const struct entry *entry)
{
    return entry->room > 0 && reduced_cost(flow, from, entry) == 0;
}

/* Breadth-first levels over tight entries; false when the sink is not reached. */
static bool assign_levels(struct flow *flow, uint32_t source, uint32_t sink)
{
    uint32_t head = 0;
    uint32_t tail = 0;
    memset(flow->level, 0, flow->vertex_count * sizeof *flow->level);
    flow->level[source] = 1;
    flow->queue[tail++] = source;
    while (head < tail && flow->level[sink] == 0) {
        uint32_t vertex = flow->queue[head++];
        for (uint32_t i = flow->first[vertex]; i < flow->first[vertex + 1]; i++) {
            const struct entry *entry = &flow->entries[flow->leaving[i]];
            if (flow->level[entry->to] != 0 || !is_tight(flow, vertex, entry))
                continue;
            flow->level[entry->to] = flow->level[vertex] + 1;
            flow->queue[tail++] = entry->to;
        }
    }
    return flow->level[sink] != 0;
}

/* Move flow->next[vertex] to an entry that leads one level on, if there is one left. */
static bool advance(struct flow *flow, uint32_t vertex)
{
    for (; flow->next[vertex] < flow->first[vertex + 1]; flow->next[vertex]++) {
        const struct entry *entry = &flow->entries[flow->leaving[flow->next[vertex]]];
        if (flow->level[entry->to] == flow->level[vertex] + 1 && is_tight(flow, vertex, entry))
            return true;
    }
    return false;
}

/*
 * One path of tight entries, each a level further, into flow->queue; its length,
 * or 0 when none is left. An entry that led nowhere is not tried again in this phase.
 */
static uint32_t find_path(struct flow *flow, uint32_t source, uint32_t sink)
{
    uint32_t *path = flow->queue;
    uint32_t length = 0;
    uint32_t vertex = source;
    while (vertex != sink) {
        if (advance(flow, vertex)) {
            path[length] = flow->leaving[flow->next[vertex]];
            vertex = flow->entries[path[length++]].to;
        } else if (length == 0) {
            return 0;
        } else {
            vertex = tail_of(flow, path[--length]);
            flow->next[vertex]++;
        }
    }
    return length;
}

static void push_along(struct flow *flow, uint32_t length, struct flow_result *result)
{
    const uint32_t *path = flow->queue;
    uint32_t units = UINT32_MAX;
    int64_t cost = 0;
    for (uint32_t i = 0; i < length; i++) {
        const struct entry *entry = &flow->entries[path[i]];
        units = entry->room < units ? entry->room : units;
        cost += entry->cost;
    }
    for (uint32_t i = 0; i < length; i++) {
        flow->entries[path[i]].room -= units;
        flow->entries[path[i] ^ 1].room += units;
    }
    assert(cost >= 0); /* with costs that are not negative no path can gain by undoing others */
    result->units += units;
    result->cost += units * (uint64_t)cost;
}

struct flow_result flow_solve(struct flow *flow, uint32_t source, uint32_t sink)
{
    struct flow_result result = {0};
    assert(source < flow->vertex_count && sink < flow->vertex_count && source != sink);
    assert(!flow->solved);
    flow->solved = true;
    prepare(flow);
    while (raise_potentials(flow, source, sink)) {
        while (assign_levels(flow, source, sink)) {
            memcpy(flow->next, flow->first, flow->vertex_count * sizeof *flow->next);
            for (;;) {
                uint32_t length = find_path(flow, source, sink);
                if (length == 0)
                    break;
                push_along(flow, length, &result);
            }
        }
    }
    return result;
}
