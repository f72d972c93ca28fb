/*
 * certificate.h - makes keys, certificates and lists of revoked ones, in memory.
 *
 * Keys are ECDSA over P-256: as strong as RSA of 3072 bits, and a handshake costs a tenth.
 * Every certificate says what it is for (extended key usage), so that none of one kind passes
 * for another:
 *
 *     CA       may sign certificates and CRLs, and no further CA (path length 0)
 *     node     a server and a client: nodes dial each other; named by a URI (net/tls_identity.h)
 *     server   a server for clients, named by hosts
 *     client   a client, named by its subject
 * Source: RFC 5280.
 */
#ifndef RINGCA_CERTIFICATE_H
#define RINGCA_CERTIFICATE_H

#include <openssl/types.h>

enum certificate_kind { CERTIFICATE_CA, CERTIFICATE_NODE, CERTIFICATE_SERVER, CERTIFICATE_CLIENT };

struct certificate_request {
    enum certificate_kind kind;
    const char *name;         /* the subject's common name */
    const char *alternatives; /* "URI:...,DNS:...,IP:..."; NULL: none */
    int days;
};

/* A certificate and its private key. All zero is empty. */
struct certified_key {
    EVP_PKEY *key;
    X509 *certificate;
};

/*
 * Make a new key, certified by `issuer`, or by itself for CERTIFICATE_CA. NULL: made; else why
 * not, and `out` is empty.
 */
const char *certify(const struct certificate_request *request, const struct certified_key *issuer,
                    struct certified_key *out);
void certified_key_deinit(struct certified_key *pair);

/*
 * The CRL that follows `before` (NULL: it is the first one) and names `revoked` too (NULL:
 * nobody more). NULL: OpenSSL failed.
 */
X509_CRL *crl_make(const struct certified_key *issuer, const X509_CRL *before, const X509 *revoked,
                   int days);
/* Whether `crl` names `certificate` already. */
int crl_names(X509_CRL *crl, const X509 *certificate);

#endif
