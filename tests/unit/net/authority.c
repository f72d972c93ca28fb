#include "authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void make_ca(struct authority *authority, const char *name, struct certified_key *out)
{
    struct certificate_request request = {.kind = CERTIFICATE_CA, .name = name, .days = 10};
    assert_null(certify(&request, NULL, out));
    assert_true(store_put_pair(authority->dir, name, out));
}

void authority_init(struct authority *authority)
{
    *authority = (struct authority){.dir = "/tmp/ringdb-tls-XXXXXX"};
    assert_non_null(mkdtemp(authority->dir));
    make_ca(authority, "cluster-ca", &authority->cluster_ca);
    make_ca(authority, "clients-ca", &authority->clients_ca);
}

void authority_deinit(struct authority *authority)
{
    DIR *dir = opendir(authority->dir);
    struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    assert_int_equal(rmdir(authority->dir), 0);
    for (size_t i = 0; i < sizeof authority->paths / sizeof *authority->paths; i++)
        free(authority->paths[i]);
    certified_key_deinit(&authority->cluster_ca);
    certified_key_deinit(&authority->clients_ca);
}

struct tls_identity authority_identity(node_id node)
{
    struct tls_identity identity = {.node = node};
    memset(identity.cluster_id, 0xc1, sizeof identity.cluster_id);
    return identity;
}

const char *authority_uri(node_id node, char out[TLS_IDENTITY_TEXT_MAX + 4])
{
    char uri[TLS_IDENTITY_TEXT_MAX];
    struct tls_identity identity = authority_identity(node);
    snprintf(out, TLS_IDENTITY_TEXT_MAX + 4, "URI:%s", tls_identity_format(&identity, uri));
    return out;
}

void authority_issue(struct authority *authority, const struct certified_key *issuer,
                     const char *name, enum certificate_kind kind, const char *alternatives,
                     int days)
{
    struct certified_key made = {0};
    struct certificate_request request = {
        .kind = kind, .name = name, .alternatives = alternatives, .days = days};
    assert_null(certify(&request, issuer, &made));
    assert_true(store_put_pair(authority->dir, name, &made));
    certified_key_deinit(&made);
}

void authority_issue_node(struct authority *authority, node_id node)
{
    char uri[TLS_IDENTITY_TEXT_MAX + 4], name[16];
    snprintf(name, sizeof name, "node-%u", (unsigned)node);
    authority_issue(authority, &authority->cluster_ca, name, CERTIFICATE_NODE,
                    authority_uri(node, uri), 10);
}

void authority_revoke(struct authority *authority, const struct certified_key *issuer,
                      const char *ca, const char *name, int days)
{
    char file[STORE_NAME_MAX];
    X509 *certificate = NULL;
    X509_CRL *before = NULL;
    snprintf(file, sizeof file, "%s.crt", name);
    assert_true(store_get_certificate(authority_path(authority, file), &certificate));
    assert_true(store_get_crl(authority->dir, ca, &before));
    X509_CRL *crl = crl_make(issuer, before, certificate, days);
    assert_non_null(crl);
    assert_true(store_put_crl(authority->dir, ca, crl));
    X509_CRL_free(crl);
    X509_CRL_free(before);
    X509_free(certificate);
}

const char *authority_path(struct authority *authority, const char *name)
{
    size_t count = sizeof authority->paths / sizeof *authority->paths;
    char **path = &authority->paths[authority->next_path++ % count];
    free(*path);
    assert_true(asprintf(path, "%s/%s", authority->dir, name) > 0);
    return *path;
}

struct tls_files authority_files(struct authority *authority, const char *name, const char *ca)
{
    char file[STORE_NAME_MAX];
    struct tls_files files;
    snprintf(file, sizeof file, "%s.crt", name);
    files.certificate = authority_path(authority, file);
    snprintf(file, sizeof file, "%s.key", name);
    files.key = authority_path(authority, file);
    snprintf(file, sizeof file, "%s-ca.crt", ca);
    files.ca = authority_path(authority, file);
    files.crl = NULL;
    return files;
}
