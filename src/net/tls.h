/*
 * tls.h - what a node's TLS goes by: its certificates and keys, whom it trusts, who is revoked.
 *
 * All of it is read from files at once and never changes: new files make a new struct tls, which
 * takes the place of the old one when everything in it is good. Connections keep what they began
 * with until they end; tls_session_verify() holds one against newer rules.
 *
 * Clients: TLS 1.2 or 1.3. A client certificate is asked for as `auth_clients` says, and must be
 * signed by clients.ca. Peers: TLS 1.3, and both sides show a certificate that cluster.ca has
 * signed and that names a node of this cluster (net/tls_identity.h).
 *
 * There is no renegotiation, compression or resumption: a connection between nodes lives for
 * weeks, and each one is checked in full. Revoked is what a CRL names. A CRL that is out of date
 * is still gone by, and an issuer without one has revoked nobody: neither may stop a cluster.
 * Source: RFC 8446, RFC 5280; reference "reliability" 5.2, 5.4, 5.7.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "net/tls_identity.h"

enum tls_auth { TLS_AUTH_REQUIRED, TLS_AUTH_OPTIONAL, TLS_AUTH_NO };

/* Paths of PEM files. */
struct tls_files {
    const char *certificate; /* the own one, then those between it and the CA's */
    const char *key;         /* not encrypted; for nobody but its owner */
    const char *ca;          /* all whose signature counts; NULL or "" where nobody's does */
    const char *crl;         /* NULL or "": nobody is revoked */
};

struct tls_params {
    bool for_clients;
    enum tls_auth auth_clients;
    struct tls_files clients;
    bool for_cluster;
    struct tls_files cluster;
    struct tls_identity self; /* what the own cluster certificate must name */
};

/* For operators. Times are seconds since 1970; 0: there is none. */
struct tls_facts {
    uint64_t clients_expire_s;
    uint64_t cluster_expire_s;
    uint64_t crl_due_s; /* when the first of the CRLs is out of date */
};

struct tls {
    SSL_CTX *clients; /* NULL: not offered */
    SSL_CTX *cluster; /* NULL: peers speak no TLS */
    enum tls_auth auth_clients;
    struct tls_identity self;
    struct tls_facts facts;
};

/*
 * Read and check all files, which may block: the key must fit its certificate, neither may have
 * run out, and the own cluster certificate must be one that the other nodes would accept.
 * STATUS_INVALID: one sentence was appended to `reason`; `out` is untouched.
 */
MUST_USE enum status tls_load(const struct tls_params *params, struct tls **out,
                              struct buffer *reason);

/* Connections that began with it may go on. NULL is fine. */
void tls_free(struct tls *tls);

/* Append why OpenSSL's last call failed, and forget it. */
void tls_describe_error(struct buffer *out);

/* The callback of every verification: what of a CRL does not count. */
int tls_tolerate(int good, X509_STORE_CTX *context);

/*
 * STATUS_NOT_FOUND: `certificate` names no node. STATUS_INVALID: it names several, or in no
 * known form.
 */
MUST_USE enum status tls_certificate_identity(const X509 *certificate, struct tls_identity *out);

#endif
