/*
 * store.h - the files of a certificate authority: one folder, plain PEM.
 *
 *     cluster-ca.crt  cluster-ca.key  cluster.crl    who signs nodes, and whom it has revoked
 *     clients-ca.crt  clients-ca.key  clients.crl    who signs servers and clients
 *     node-N.crt      node-N.key                     node N for other nodes
 *     server-N.crt    server-N.key                   node N for its clients
 *     client-NAME.crt client-NAME.key                a client
 *
 * Keys have mode 0600. Nothing is ever overwritten but a CRL, which is replaced whole.
 */
#ifndef RINGCA_STORE_H
#define RINGCA_STORE_H

#include <stdbool.h>

#include "certificate.h"

enum { STORE_NAME_MAX = 80, STORE_PATH_MAX = 1100 };

/* A sentence on standard error. Always false. */
bool store_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Make the folder unless it is there. Every function here complains when it gives false. */
bool store_make_folder(const char *dir);
/* Whether there is neither NAME.crt nor NAME.key. */
bool store_is_free(const char *dir, const char *name);
bool store_put_pair(const char *dir, const char *name, const struct certified_key *pair);
bool store_get_pair(const char *dir, const char *name, struct certified_key *out);
/* *out is the certificate in the file `path`, which the caller frees. */
bool store_get_certificate(const char *path, X509 **out);
/* *out is NULL when there is no such file. */
bool store_get_crl(const char *dir, const char *name, X509_CRL **out);
bool store_put_crl(const char *dir, const char *name, X509_CRL *crl);

#endif
