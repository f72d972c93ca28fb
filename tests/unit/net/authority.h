/*
 * authority.h - certificates for tests, in a folder of their own: what ringca makes, and what it
 * never would.
 */
#ifndef TEST_NET_AUTHORITY_H
#define TEST_NET_AUTHORITY_H

#include "net/tls.h"
#include "store.h"

struct authority {
    char dir[32];
    struct certified_key cluster_ca;
    struct certified_key clients_ca;
    char *paths[12]; /* the newest that were asked for */
    unsigned next_path;
};

/* Both CAs are there; their CRLs are not. */
void authority_init(struct authority *authority);
void authority_deinit(struct authority *authority);

/* "ringdb://.../node/N" of the tests' cluster. */
struct tls_identity authority_identity(node_id node);
const char *authority_uri(node_id node, char out[TLS_IDENTITY_TEXT_MAX + 4]);

/* Write NAME.crt and NAME.key. `days` may be negative: it ran out long ago. */
void authority_issue(struct authority *authority, const struct certified_key *issuer,
                     const char *name, enum certificate_kind kind, const char *alternatives,
                     int days);
/* The certificate of node `node`, as "node-N". */
void authority_issue_node(struct authority *authority, node_id node);
/* NAME.crt is revoked by `issuer`, whose CRL is CA.crl and due in `days`. */
void authority_revoke(struct authority *authority, const struct certified_key *issuer,
                      const char *ca, const char *name, int days);

/* DIR/NAME, good until some more were asked for. */
const char *authority_path(struct authority *authority, const char *name);
/* NAME.crt and NAME.key, CA-ca.crt, and no CRL. */
struct tls_files authority_files(struct authority *authority, const char *name, const char *ca);

#endif
