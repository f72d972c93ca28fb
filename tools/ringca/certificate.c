#include "certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stddef.h>

enum { SERIAL_BITS = 127, SLACK_S = 300 /* a clock that is a little behind takes it too */ };

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    /* Random, so that two CAs of one name never give one number twice. */
    bool good = number != NULL &&
                BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good;
}

static bool set_name(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"RingDB",
                                      -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1;
}

static bool add(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool add_extensions(X509 *certificate, const struct certificate_request *request,
                           X509 *issuer)
{
    static const char *const usages[] = {[CERTIFICATE_NODE] = "serverAuth,clientAuth",
                                         [CERTIFICATE_SERVER] = "serverAuth",
                                         [CERTIFICATE_CLIENT] = "clientAuth"};
    bool is_ca = request->kind == CERTIFICATE_CA;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    return add(certificate, &context, NID_basic_constraints,
               is_ca ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           add(certificate, &context, NID_key_usage,
               is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
           add(certificate, &context, NID_subject_key_identifier, "hash") &&
           add(certificate, &context, NID_authority_key_identifier, "keyid:always") &&
           (is_ca || add(certificate, &context, NID_ext_key_usage, usages[request->kind])) &&
           (request->alternatives == NULL ||
            add(certificate, &context, NID_subject_alt_name, request->alternatives));
}

static bool fill(const struct certificate_request *request, const struct certified_key *issuer,
                 const struct certified_key *made)
{
    X509 *certificate = made->certificate;
    bool is_ca = request->kind == CERTIFICATE_CA;
    X509 *by = is_ca ? certificate : issuer->certificate;
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -SLACK_S) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), request->days, 0, NULL) != NULL &&
           set_name(certificate, request->name) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(by)) == 1 &&
           X509_set_pubkey(certificate, made->key) == 1 &&
           add_extensions(certificate, request, by) &&
           X509_sign(certificate, is_ca ? made->key : issuer->key, EVP_sha256()) > 0;
}

const char *certify(const struct certificate_request *request, const struct certified_key *issuer,
                    struct certified_key *out)
{
    struct certified_key made = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    if (made.key != NULL && made.certificate != NULL && fill(request, issuer, &made)) {
        *out = made;
        return NULL;
    }
    certified_key_deinit(&made);
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    return why != NULL ? why : "OpenSSL gave no reason";
}

void certified_key_deinit(struct certified_key *pair)
{
    EVP_PKEY_free(pair->key);
    X509_free(pair->certificate);
    *pair = (struct certified_key){0};
}

int crl_names(X509_CRL *crl, const X509 *certificate)
{
    X509_REVOKED *found = NULL;
    return X509_CRL_get0_by_serial(crl, &found, X509_get0_serialNumber(certificate)) == 1;
}

static bool copy_revoked(X509_CRL *crl, const X509_CRL *before)
{
    STACK_OF(X509_REVOKED) *all = before != NULL ? X509_CRL_get_REVOKED((X509_CRL *)before) : NULL;
    for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
        X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(all, i));
        if (copy == NULL || X509_CRL_add0_revoked(crl, copy) != 1) {
            X509_REVOKED_free(copy);
            return false;
        }
    }
    return true;
}

static bool add_revoked(X509_CRL *crl, const X509 *certificate, ASN1_TIME *now)
{
    if (certificate == NULL)
        return true;
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(certificate));
    bool good = revoked != NULL && serial != NULL &&
                X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
                X509_REVOKED_set_revocationDate(revoked, now) == 1 &&
                X509_CRL_add0_revoked(crl, revoked) == 1;
    ASN1_INTEGER_free(serial);
    if (!good)
        X509_REVOKED_free(revoked);
    return good;
}

/* A list with a higher number replaces one with a lower. */
static bool set_number(X509_CRL *crl, const X509_CRL *before)
{
    ASN1_INTEGER *last =
        before != NULL ? X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL) : NULL;
    ASN1_INTEGER *next = ASN1_INTEGER_new();
    bool good = next != NULL &&
                ASN1_INTEGER_set(next, last != NULL ? ASN1_INTEGER_get(last) + 1 : 1) == 1 &&
                X509_CRL_add1_ext_i2d(crl, NID_crl_number, next, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_INTEGER_free(last);
    ASN1_INTEGER_free(next);
    return good;
}

static bool add_issuer(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool good = extension != NULL && X509_CRL_add_ext(crl, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

X509_CRL *crl_make(const struct certified_key *issuer, const X509_CRL *before, const X509 *revoked,
                   int days)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    ASN1_TIME *next = X509_time_adj_ex(NULL, days, 0, NULL);
    bool good = crl != NULL && now != NULL && next != NULL &&
                X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) == 1 &&
                X509_CRL_set1_lastUpdate(crl, now) == 1 &&
                X509_CRL_set1_nextUpdate(crl, next) == 1 && copy_revoked(crl, before) &&
                add_revoked(crl, revoked, now) && set_number(crl, before) &&
                add_issuer(crl, issuer->certificate) && X509_CRL_sort(crl) == 1 &&
                X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0;
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    if (good)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}
