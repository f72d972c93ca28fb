/*
 * host_metrics.h - every number that only the process knows: memory, processor, sockets, store.
 *
 * As commands/metrics.h for the node: gathered into one struct, named by one table, and shown by
 * INFO and by a page of metrics alike. Nothing here blocks but for reading /proc/self.
 */
#ifndef RINGD_HOST_METRICS_H
#define RINGD_HOST_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "net/loop.h"
#include "net/tls.h"
#include "store/store_engine.h"

/* Of the process. */
struct host_usage {
    /* Memory; 0 where the system does not tell. */
    uint64_t resident_bytes, resident_bytes_max;
    uint64_t own_bytes; /* resident, without what is shared with files and other processes */
    uint64_t machine_bytes, limit_bytes; /* memory_limit.h */

    uint64_t system_us, user_us; /* processor time */
    uint64_t processor_us;       /* both */
    uint64_t descriptors, descriptors_max;
    uint64_t start_time_s; /* since 1970 */
};

/* All zero: there is no TLS. */
struct host_tls {
    uint64_t reloads, failures; /* of certificates and their like */
    uint64_t loaded_s;          /* since 1970 */
    bool problem;               /* of the last reload */
    struct tls_facts facts;
};

struct host_view {
    struct host_usage usage;
    struct loop_statistics loop;
    struct store_engine_stats store;
    struct host_tls tls;
    uint64_t damage_times, damage_last_ms;
};

/* Sections of INFO, for rows that have a field. */
enum host_section { HOST_SECTION_NONE, HOST_CLIENTS, HOST_MEMORY, HOST_PERSISTENCE, HOST_STATS };

extern const struct metric HOST_METRICS[];
extern const size_t HOST_METRICS_COUNT;

void host_usage_take(struct host_usage *out);

/*
 * What a request goes through in this process, each measured by itself: the name of number `index`,
 * from 0, and its times; NULL: there are no more.
 */
const char *host_stage(const struct host_view *view, unsigned index,
                       const struct log_histogram **times);

/* All families of the host, one after the other. */
void host_metrics_write(const struct host_view *view, struct metric_page *page);

#endif
