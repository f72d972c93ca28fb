/*
 * metrics.h - every number that this node tells, once: for INFO and for a page of metrics.
 *
 * metrics_take() gathers what the parts of the node say into one struct; METRICS_TABLE names its
 * members. What has no fixed number of members - peers, commands, errors, levels, keyspaces - is
 * written by metrics_write() alone, and has labels from sets that are bounded: no key, no value
 * and no address of a client is ever one.
 *
 * A new number: a member of struct node_statistics or struct metrics_view, and one row.
 */
#ifndef COMMANDS_METRICS_H
#define COMMANDS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "commands/environment.h"
#include "commands/repair_view.h"
#include "commands/ring_view.h"

struct metrics_view {
    struct node_statistics statistics;
    struct ring_view ring;
    struct clock_view clock;
    struct store_view store;
    struct drain_view drain;
    struct register_view config;
    struct hint_view hints;
    struct gc_view garbage;
    struct message_expiry_state expiry;
    struct message_drop_state drop;
    struct repair_view repair;
    uint64_t uptime_s;
    uint64_t clients, clients_max, clients_blocked;
    uint64_t channels, patterns, shard_channels; /* that clients listen to */
    uint64_t calls_per_second;
    uint64_t epoch, members, members_slow, partitions, owners_per_partition;
    uint64_t hints_oldest_s;
    uint64_t repair_oldest_s; /* since the pair that waits longest was compared, or the start */
    bool is_healthy;          /* all owners of all partitions are up, the own replicas ready */
    bool is_available;        /* every partition has a majority of its owners up */
};

/* Sections of INFO, for rows that have a field. */
enum metrics_section { METRICS_SECTION_NONE, METRICS_CLIENTS, METRICS_STATS, METRICS_RING };

extern const struct metric METRICS_TABLE[];
extern const size_t METRICS_TABLE_COUNT;

void metrics_take(const struct environment *environment, struct instant now,
                  struct metrics_view *out);

/* All families of the node, one after the other. */
void metrics_write(const struct environment *environment, struct instant now,
                   struct metric_page *page);

#endif
