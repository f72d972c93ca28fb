/*
 * flow.h - minimum-cost maximum flow with integer capacities and costs.
 *
 * Build a network of arcs, solve it once, read the flow on each arc. The result
 * is integral and depends on the order of the arcs alone: where several optima
 * exist, arcs added first are preferred, so equal input gives equal output.
 *
 * Method: primal-dual. Shortest distances under reduced costs (Dijkstra with
 * potentials) decide which arcs may carry flow at the present cost; a maximum
 * flow over exactly these arcs (Dinic) is pushed at once. The rounds are as
 * many as there are different path costs, which here are few.
 * Source: Ahuja, Magnanti, Orlin, "Network Flows", 1993, 9.8; Dinitz 1970.
 */
#ifndef RING_FLOW_H
#define RING_FLOW_H

#include <stdint.h>

struct flow;

/* An empty network of `vertex_count` vertices and room for `arc_count_max` arcs. */
struct flow *flow_new(uint32_t vertex_count, uint32_t arc_count_max);
void flow_free(struct flow *flow); /* NULL is fine */

/*
 * Add an arc and return its number: 0, 1, 2 ... `capacity` and `cost` are not
 * negative. Not after flow_solve().
 */
uint32_t flow_add_arc(struct flow *flow, uint32_t from, uint32_t to, uint32_t capacity,
                      uint32_t cost);

struct flow_result {
    uint64_t units; /* the most that fits */
    uint64_t cost;  /* the least at which that many fit */
};

/* Once per network; `source` and `sink` differ. Costs about (rounds x arcs x log arcs). */
struct flow_result flow_solve(struct flow *flow, uint32_t source, uint32_t sink);

/* The units on an arc, after flow_solve(). */
uint32_t flow_on_arc(const struct flow *flow, uint32_t arc);

#endif
