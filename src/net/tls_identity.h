/*
 * tls_identity.h - which node a certificate names.
 *
 * The certificate of a node has one subject alternative name of this form, of type URI:
 *
 *     ringdb://0123456789abcdef0123456789abcdef/node/7
 *
 * the cluster's id as 32 hexadecimal digits in lower case, and the node's number in the ring.
 * A certificate with a name of this form is of a node and of nothing else: it is refused from
 * clients. One without it, or with several, is refused from peers, whoever has signed it.
 */
#ifndef NET_TLS_IDENTITY_H
#define NET_TLS_IDENTITY_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring.h"

enum {
    TLS_CLUSTER_ID_BYTES = sizeof(((struct ring *)0)->cluster_id),
    TLS_IDENTITY_TEXT_MAX = 9 + 2 * TLS_CLUSTER_ID_BYTES + 6 + 10 + 1 /* with the NUL */
};

struct tls_identity {
    uint8_t cluster_id[TLS_CLUSTER_ID_BYTES];
    node_id node; /* never 0 */
};

/* STATUS_INVALID: any other text; `out` is untouched. */
MUST_USE enum status tls_identity_parse(struct slice text, struct tls_identity *out);

/* Returns `out`. */
const char *tls_identity_format(const struct tls_identity *identity,
                                char out[TLS_IDENTITY_TEXT_MAX]);

#endif
