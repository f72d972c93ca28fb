#include "net/tls_session.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- OpenSSL's view of the connection: session->input and session->sealed ---- */

static int bio_read(BIO *bio, char *into, size_t room, size_t *got)
{
    struct tls_session *session = BIO_get_data(bio);
    struct slice *input = &session->input;
    BIO_clear_retry_flags(bio);
    if (input->length == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *got = room < input->length ? room : input->length;
    memcpy(into, input->data, *got);
    *input = slice_make(input->data + *got, input->length - *got);
    return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written)
{
    struct tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buffer_append(&session->sealed, bytes, length);
    *written = length;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* all that TLS 1.2 and 1.3 ask for */
}

static BIO_METHOD *method; /* made once, never changed, as OpenSSL's own ones */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ringdb connection");
    if (method != NULL && BIO_meth_set_read_ex(method, bio_read) == 1 &&
        BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_control) == 1)
        return;
    BIO_meth_free(method);
    method = NULL;
}

static BIO *make_bio(struct tls_session *session)
{
    if (pthread_once(&method_once, make_method) != 0 || method == NULL)
        return NULL;
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- who is there ---- */

static bool fail(struct tls_session *session, const char *why)
{
    if (session->failure[0] == '\0') /* the first one is the cause */
        snprintf(session->failure, sizeof session->failure, "%s", why);
    return false;
}

/* Whether a certificate that is in order is also of one who may be here. */
static bool judge_identity(struct tls_session *session, const X509 *certificate)
{
    struct tls_identity identity = {0};
    enum status status = tls_certificate_identity(certificate, &identity);
    if (session->role == TLS_ACCEPT_CLIENT)
        return status == STATUS_NOT_FOUND ||
               fail(session, "the certificate is of a node; clients have their own");
    if (status == STATUS_NOT_FOUND)
        return fail(session, "the certificate names no node; a client's is not for this port");
    if (status != STATUS_OK)
        return fail(session, "the certificate names no node in the form ringdb://CLUSTER/node/N");
    if (memcmp(identity.cluster_id, session->self.cluster_id, sizeof identity.cluster_id) != 0)
        return fail(session, "the certificate is of a node of another cluster");
    if (identity.node == session->self.node)
        return fail(session, "the certificate is of this very node; each needs its own");
    session->node = identity.node;
    return true;
}

static int on_verify(int good, X509_STORE_CTX *context)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = SSL_get_app_data(ssl);
    good = tls_tolerate(good, context);
    if (good == 0 || X509_STORE_CTX_get_error_depth(context) > 0)
        return good;
    if (judge_identity(session, X509_STORE_CTX_get_current_cert(context)))
        return 1;
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

/* What an operator can do about it, for the usual causes. */
static const char *advice(int verdict)
{
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "; give it a new one";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "; is the clock right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "; its CA is not in the ca-cert-file here";
    case X509_V_ERR_INVALID_PURPOSE:
        return "; its extended key usage is for something else";
    default:
        return "";
    }
}

static void describe_verdict(struct tls_session *session, long verdict)
{
    char text[TLS_FAILURE_MAX];
    snprintf(text, sizeof text, "the other side's certificate: %s%s",
             X509_verify_cert_error_string(verdict), advice((int)verdict));
    fail(session, text);
}

static void describe_failure(struct tls_session *session)
{
    long verdict = SSL_get_verify_result(session->ssl);
    unsigned long error = ERR_peek_last_error();
    struct buffer text = {0};
    if (session->failure[0] == '\0' && verdict != X509_V_OK)
        describe_verdict(session, verdict);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
        switch (ERR_GET_REASON(error)) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_BAD_RECORD_TYPE:
            fail(session, "it does not speak TLS; this port takes nothing else");
            break;
        case SSL_R_UNSUPPORTED_PROTOCOL:
            fail(session, session->role == TLS_ACCEPT_CLIENT
                              ? "it speaks an old TLS only; 1.2 is the least here"
                              : "it speaks an old TLS only; 1.3 is the least between nodes");
            break;
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            fail(session, "it has shown no certificate");
            break;
        default:
            break;
        }
    }
    tls_describe_error(&text);
    buffer_put_u8(&text, '\0');
    fail(session, (const char *)text.data);
    buffer_deinit(&text);
}

/* ---- one session ---- */

static int verify_mode(enum tls_role role, enum tls_auth auth_clients)
{
    if (role == TLS_ACCEPT_CLIENT && auth_clients == TLS_AUTH_NO)
        return SSL_VERIFY_NONE;
    if (role == TLS_ACCEPT_CLIENT && auth_clients == TLS_AUTH_OPTIONAL)
        return SSL_VERIFY_PEER;
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

/* Go on with the handshake as far as the bytes at hand allow. */
static enum status shake_hands(struct tls_session *session)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        session->established = true;
        return STATUS_OK;
    }
    if (SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ)
        return STATUS_NOT_FOUND;
    describe_failure(session);
    return STATUS_IO;
}

struct tls_session *tls_session_new(const struct tls *tls, enum tls_role role)
{
    struct tls_session *session = memory_new(1, sizeof *session);
    SSL_CTX *context = role == TLS_ACCEPT_CLIENT ? tls->clients : tls->cluster;
    assert(context != NULL);
    session->role = role;
    session->self = tls->self;
    session->ssl = SSL_new(context);
    BIO *bio = session->ssl != NULL ? make_bio(session) : NULL;
    if (bio == NULL) {
        tls_session_free(session);
        return NULL;
    }
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_app_data(session->ssl, session);
    SSL_set_verify(session->ssl, verify_mode(role, tls->auth_clients), on_verify);
    if (role != TLS_DIAL_PEER) {
        SSL_set_accept_state(session->ssl);
        return session;
    }
    SSL_set_connect_state(session->ssl);
    if (shake_hands(session) == STATUS_IO) {
        tls_session_free(session);
        return NULL;
    }
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    buffer_deinit(&session->sealed);
    free(session);
}

static enum status read_plain(struct tls_session *session, uint8_t *into, size_t room, size_t *got)
{
    size_t total = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        size_t count = 0;
        ERR_clear_error();
        int result = SSL_read_ex(session->ssl, into + total, room - total, &count);
        total += count;
        if (result == 1)
            continue;
        int why = SSL_get_error(session->ssl, result);
        status = why == SSL_ERROR_WANT_READ ? STATUS_NOT_FOUND : STATUS_IO;
        if (why == SSL_ERROR_ZERO_RETURN)
            session->ended = true;
        else if (status == STATUS_IO)
            describe_failure(session);
    }
    *got = total;
    /* What came whole before the end is told first; the end shows again at the next read. */
    return total > 0 ? STATUS_OK : status;
}

enum status tls_session_open(struct tls_session *session, struct slice sealed, uint8_t *into,
                             size_t room, size_t *got)
{
    enum status status = STATUS_OK;
    assert(room >= sealed.length + TLS_HELD_BYTES_MAX);
    *got = 0;
    if (session->ended || session->failure[0] != '\0')
        return STATUS_IO;
    session->input = sealed;
    if (!session->established)
        status = shake_hands(session);
    if (status == STATUS_OK)
        status = read_plain(session, into, room, got);
    session->input = slice_make(NULL, 0);
    return status;
}

enum status tls_session_seal(struct tls_session *session, struct slice plain)
{
    size_t written = 0;
    assert(session->established);
    ERR_clear_error();
    if (SSL_write_ex(session->ssl, plain.data, plain.length, &written) == 1) {
        assert(written == plain.length);
        return STATUS_OK;
    }
    describe_failure(session);
    return STATUS_IO;
}

void tls_session_end(struct tls_session *session)
{
    ERR_clear_error();
    if (session->established && session->failure[0] == '\0' && SSL_shutdown(session->ssl) < 0)
        describe_failure(session);
}

static SSL_CTX *rules_for(const struct tls_session *session, const struct tls *tls)
{
    return session->role == TLS_ACCEPT_CLIENT ? tls->clients : tls->cluster;
}

bool tls_session_is_current(const struct tls_session *session, const struct tls *tls)
{
    return SSL_get_SSL_CTX(session->ssl) == rules_for(session, tls);
}

bool tls_session_verify(struct tls_session *session, const struct tls *tls)
{
    SSL_CTX *context = rules_for(session, tls);
    X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    if (context == NULL || certificate == NULL ||
        (session->role == TLS_ACCEPT_CLIENT && tls->auth_clients == TLS_AUTH_NO))
        return true;
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    int verdict = X509_V_ERR_OUT_OF_MEM;
    if (check != NULL &&
        X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(context), certificate,
                            SSL_get_peer_cert_chain(session->ssl)) == 1 &&
        X509_STORE_CTX_set_default(check, session->role == TLS_DIAL_PEER ? "ssl_server"
                                                                         : "ssl_client") == 1) {
        X509_STORE_CTX_set_verify_cb(check, tls_tolerate);
        verdict = X509_verify_cert(check) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(check);
    }
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    if (verdict != X509_V_OK)
        describe_verdict(session, verdict);
    return verdict == X509_V_OK && judge_identity(session, certificate);
}
