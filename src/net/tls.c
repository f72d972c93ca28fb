#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/memory.h"

enum { CHAIN_MAX = 4 }; /* certificates between a leaf and its CA */

/* With forward secrecy and authenticated encryption; TLS 1.3 has no others. */
static const char CIPHERS_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

/* The files of one kind of connection, by the names of their settings. */
struct source {
    const char *prefix; /* "tls" or "tls-cluster" */
    const struct tls_files *files;
    struct buffer *reason;
};

static bool is_named(const char *path)
{
    return path != NULL && path[0] != '\0';
}

void tls_describe_error(struct buffer *out)
{
    unsigned long error = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(error);
    if (error != 0 && ERR_SYSTEM_ERROR(error))
        text = strerror(ERR_GET_REASON(error));
    buffer_append_slice(out, slice_text(text != NULL ? text : "no reason was given"));
    ERR_clear_error();
}

static enum status complain(const struct source *source, const char *setting, const char *path,
                            const char *why)
{
    buffer_printf(source->reason, "%s-%s %s: ", source->prefix, setting, path);
    if (why != NULL) {
        buffer_append_slice(source->reason, slice_text(why));
        ERR_clear_error();
    } else {
        tls_describe_error(source->reason);
    }
    return STATUS_INVALID;
}

int tls_tolerate(int good, X509_STORE_CTX *context)
{
    int error = X509_STORE_CTX_get_error(context);
    if (good == 0 &&
        (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED)) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    return good;
}

/* ---- one certificate ---- */

enum status tls_certificate_identity(const X509 *certificate, struct tls_identity *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    enum status status = STATUS_NOT_FOUND;
    static const char scheme[] = "ringdb:";
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
        struct slice text = slice_make(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
        if (text.length < strlen(scheme) || memcmp(text.data, scheme, strlen(scheme)) != 0)
            continue;
        status = status == STATUS_NOT_FOUND ? tls_identity_parse(text, out) : STATUS_INVALID;
        if (status != STATUS_OK)
            break;
    }
    GENERAL_NAMES_free(names);
    return status;
}

static uint64_t seconds_of(const ASN1_TIME *time)
{
    struct tm calendar;
    if (time == NULL || ASN1_TIME_to_tm(time, &calendar) != 1)
        return 0;
    time_t seconds = timegm(&calendar);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

/* What is wrong with the dates of the own certificate, or NULL. */
static const char *judge_dates(const X509 *certificate)
{
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return "the certificate is not valid yet; is the clock right?";
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return "the certificate has expired; make another one";
    return NULL;
}

/* ---- files ---- */

static int no_password(char *into, int size, int writing, void *context)
{
    (void)into, (void)size, (void)writing, (void)context;
    return 0;
}

static enum status load_key(const struct source *source, SSL_CTX *context)
{
    const char *path = source->files->key;
    struct stat facts;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return complain(source, "key-file", path, strerror(errno));
    if (fstat(fileno(file), &facts) != 0 || (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        fclose(file);
        return complain(source, "key-file", path,
                        "others than its owner may read it; run chmod 600 on it");
    }
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_password, NULL);
    fclose(file);
    if (key == NULL)
        return complain(source, "key-file", path, "it holds no private key without a password");
    int used = SSL_CTX_use_PrivateKey(context, key);
    EVP_PKEY_free(key);
    if (used != 1)
        return complain(source, "key-file", path, "it does not fit the certificate");
    return STATUS_OK;
}

static enum status load_own(const struct source *source, SSL_CTX *context, uint64_t *expire_s)
{
    const char *path = source->files->certificate;
    if (SSL_CTX_use_certificate_chain_file(context, path) != 1)
        return complain(source, "cert-file", path, NULL);
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    const char *wrong = judge_dates(certificate);
    if (wrong != NULL)
        return complain(source, "cert-file", path, wrong);
    *expire_s = seconds_of(X509_get0_notAfter(certificate));
    return load_key(source, context);
}

static enum status load_ca(const struct source *source, SSL_CTX *context)
{
    const char *path = source->files->ca;
    if (SSL_CTX_load_verify_file(context, path) != 1)
        return complain(source, "ca-cert-file", path, NULL);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (names == NULL)
        return complain(source, "ca-cert-file", path, NULL);
    SSL_CTX_set_client_CA_list(context, names); /* takes them */
    return STATUS_OK;
}

/* When the first of the CRLs that were just added is out of date. */
static void note_crl_dates(X509_STORE *store, uint64_t *due_s)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        uint64_t next_s = crl != NULL ? seconds_of(X509_CRL_get0_nextUpdate(crl)) : 0;
        if (next_s != 0 && (*due_s == 0 || next_s < *due_s))
            *due_s = next_s;
    }
}

static enum status load_crl(const struct source *source, SSL_CTX *context, uint64_t *due_s)
{
    const char *path = source->files->crl;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
        return complain(source, "crl-file", path, NULL);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    note_crl_dates(store, due_s);
    return STATUS_OK;
}

/* Would the others accept it, at either end of a connection? */
static enum status check_own_against_ca(const struct source *source, SSL_CTX *context)
{
    static const char *const roles[] = {"ssl_server", "ssl_client"};
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(context, &chain);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        X509_STORE_CTX *check = X509_STORE_CTX_new();
        bool good = check != NULL &&
                    X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context),
                                        SSL_CTX_get0_certificate(context), chain) == 1 &&
                    X509_STORE_CTX_set_default(check, roles[i]) == 1;
        if (good) {
            X509_STORE_CTX_set_verify_cb(check, tls_tolerate);
            good = X509_verify_cert(check) == 1;
        }
        int error = check != NULL ? X509_STORE_CTX_get_error(check) : X509_V_ERR_OUT_OF_MEM;
        X509_STORE_CTX_free(check);
        if (!good)
            return complain(source, "cert-file", source->files->certificate,
                            X509_verify_cert_error_string(error));
    }
    return STATUS_OK;
}

static enum status check_own_identity(const struct source *source, SSL_CTX *context,
                                      const struct tls_identity *self)
{
    char wanted[TLS_IDENTITY_TEXT_MAX], found[TLS_IDENTITY_TEXT_MAX] = "no node";
    char why[2 * TLS_IDENTITY_TEXT_MAX + 64];
    struct tls_identity identity = {0};
    enum status status = tls_certificate_identity(SSL_CTX_get0_certificate(context), &identity);
    if (status == STATUS_OK)
        tls_identity_format(&identity, found);
    tls_identity_format(self, wanted);
    if (strcmp(found, wanted) == 0)
        return STATUS_OK;
    snprintf(why, sizeof why, "the certificate is of %s, and this node is %s", found, wanted);
    return complain(source, "cert-file", source->files->certificate, why);
}

/* ---- both kinds of connections ---- */

static SSL_CTX *make_context(int version_min)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (context == NULL)
        return NULL;
    if (SSL_CTX_set_min_proto_version(context, version_min) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS_12) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_verify_depth(context, CHAIN_MAX);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

static enum status load_clients(const struct tls_params *params, struct tls *tls,
                                struct buffer *reason)
{
    struct source source = {.prefix = "tls", .files = &params->clients, .reason = reason};
    tls->clients = make_context(TLS1_2_VERSION);
    tls->auth_clients = params->auth_clients;
    if (tls->clients == NULL)
        return complain(&source, "cert-file", params->clients.certificate, NULL);
    enum status status = load_own(&source, tls->clients, &tls->facts.clients_expire_s);
    if (status == STATUS_OK && is_named(params->clients.ca))
        status = load_ca(&source, tls->clients);
    if (status == STATUS_OK && is_named(params->clients.crl))
        status = load_crl(&source, tls->clients, &tls->facts.crl_due_s);
    return status;
}

static enum status load_cluster(const struct tls_params *params, struct tls *tls,
                                struct buffer *reason)
{
    struct source source = {.prefix = "tls-cluster", .files = &params->cluster, .reason = reason};
    tls->cluster = make_context(TLS1_3_VERSION);
    if (tls->cluster == NULL)
        return complain(&source, "cert-file", params->cluster.certificate, NULL);
    enum status status = load_own(&source, tls->cluster, &tls->facts.cluster_expire_s);
    if (status == STATUS_OK)
        status = load_ca(&source, tls->cluster);
    if (status == STATUS_OK && is_named(params->cluster.crl))
        status = load_crl(&source, tls->cluster, &tls->facts.crl_due_s);
    if (status == STATUS_OK)
        status = check_own_against_ca(&source, tls->cluster);
    if (status == STATUS_OK)
        status = check_own_identity(&source, tls->cluster, &params->self);
    return status;
}

enum status tls_load(const struct tls_params *params, struct tls **out, struct buffer *reason)
{
    struct tls *tls = memory_new(1, sizeof *tls);
    enum status status = STATUS_OK;
    assert(params->self.node != 0);
    assert(!params->for_clients || params->auth_clients == TLS_AUTH_NO ||
           is_named(params->clients.ca));
    tls->self = params->self;
    ERR_clear_error();
    if (params->for_clients)
        status = load_clients(params, tls, reason);
    if (status == STATUS_OK && params->for_cluster)
        status = load_cluster(params, tls, reason);
    if (status != STATUS_OK) {
        tls_free(tls);
        return status;
    }
    *out = tls;
    return STATUS_OK;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->clients);
    SSL_CTX_free(tls->cluster);
    free(tls);
}
