/*
 * node.h - the loop side of a node as one step function: events in, effects out.
 *
 * It owns the client sessions, the requests it coordinates, what it knows of
 * its peers, and the repair schedule. It never touches a partition's state: it
 * asks the store side - its own or another node's - by frames.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/log_histogram.h"
#include "base/status.h"
#include "coordinator/context_token.h"
#include "node/event.h"
#include "node/settings.h"
#include "ring/ring.h"

struct node;
struct node_statistics; /* commands/environment.h */
struct metric_page;     /* base/metric.h */

/* What happened to earlier stores of this node. All zero: nothing. */
struct node_damage {
    uint32_t times;
    uint64_t last_ms;   /* since 1970 */
    const char *reason; /* outlives the node */
};

/* What the process around the node does for it. All zero: nothing. */
struct node_host {
    /* For the tokens of RING.GET; NULL: these are refused. */
    context_mac *mac;
    /* For passwords of users, and ACL GENPASS (commands/environment.h). */
    void (*hash_password)(struct slice password, uint8_t *out);
    bool (*random_bytes)(uint8_t *out, size_t length);
    /* What CONFIG and INFO ask. */
    void *context;
    const char *version; /* of RingDB; NULL: "0" */
    const char *(*config_next)(const char *name);
    bool (*config_get)(void *context, const char *name, struct buffer *value);
    enum status (*config_set)(void *context, const char *name, struct slice value,
                              struct buffer *reason);
    /* RING.TLS RELOAD; it may end connections, but not step the node. NULL: there is no TLS. */
    enum status (*tls_reload)(void *context, struct buffer *reason);
    void (*information)(void *context, const char *section, struct buffer *out);
    /* RING.LATENCY: see host_stage of commands/environment.h. */
    const char *(*stage)(void *context, unsigned index, struct log_histogram *out);
    struct node_damage damage;
    struct log_sink audit; /* who did what (commands/audit.h) */
};

struct register_value; /* membership/register_value.h */

struct node_params {
    node_id self;                 /* a member of the ring */
    uint16_t storage_incarnation; /* from the store's identity */
    uint32_t boot_epoch;          /* likewise */
    uint64_t random_seed;
    const struct ring *ring; /* copied; that of `first`, when it is there */
    /* What was agreed on when that ring was made; copied. NULL: nothing. */
    const struct register_value *first;
    const struct settings *settings; /* copied */
    struct log_sink log;
    struct node_host host;
};

/* `params` is borrowed for the call. Release with node_free(); NULL is fine there. */
struct node *node_new(const struct node_params *params);
void node_free(struct node *node);

/* Numbers that changed while the node runs, such as by CONFIG SET. */
void node_set_settings(struct node *node, const struct settings *settings);

/* What it has counted since its start. */
const struct node_statistics *node_statistics(const struct node *node);

/* Every number that the node tells, as a part of `page`; asks nobody. O(partitions + peers). */
void node_metrics(struct node *node, struct instant now, struct metric_page *page);

/*
 * Whether clients that come now are served, by this node or through it. If not, lines that say
 * why are appended.
 */
bool node_is_ready(struct node *node, struct instant now, struct buffer *why_not);

/* Advance by one event. Effects are appended to `out`. */
void node_step(struct node *node, const struct event *event, struct effects *out);

/*
 * Whether the partitions of this node would still have a majority of owners with a whole store, as
 * far as these have said, when this node gives up its own.
 */
bool node_can_rebuild(const struct node *node);

/* When EVENT_TICK is due at the latest, in the time of instant.mono_us; UINT64_MAX for never. */
uint64_t node_deadline_us(const struct node *node);

#endif
