/*
 * node_tls.h - what INFO tls of a node says.
 *
 * INFO is text, "name:value" on each line; a line that is missing has a default.
 */
#ifndef RINGCTL_NODE_TLS_H
#define RINGCTL_NODE_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/resp_reply.h"

enum {
    NODE_TLS_DAYS_NONE = INT32_MAX, /* of what is not there */
    NODE_TLS_WARN_DAYS = 30,
    NODE_TLS_PROBLEM_MAX = 256
};

struct node_tls {
    bool for_clients, for_cluster;
    int64_t cert_days; /* until it runs out; below 0: it has */
    int64_t cluster_cert_days;
    int64_t crl_days; /* until it is to be signed anew */
    int64_t reloads;
    char auth_clients[16];
    char problem[NODE_TLS_PROBLEM_MAX]; /* of the last reload; "" when that was good */
};

/* From the text of INFO tls; what is not there is no TLS. */
void node_tls_parse(struct slice info, struct node_tls *out);
/* `info` may be NULL or an error: then there is no TLS to be told of. */
void node_tls_read(const struct resp_value *info, struct node_tls *out);

/* Whether an operator must act: something has run out, or a reload has failed. */
bool node_tls_is_degraded(const struct node_tls *tls);

/*
 * Append a sentence, each after a newline but the first, for what will run out soon or is wrong:
 * `node` has the trouble.
 */
void node_tls_describe(const struct node_tls *tls, uint32_t node, struct buffer *sentences);

#endif
