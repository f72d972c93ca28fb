#include "client/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_AHEAD_BYTES = 64 << 10 }; /* of the socket at once, as without TLS */

static const char CIPHERS_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct ringdb_tls {
    SSL_CTX *context;
    BIO_METHOD *method;
    bool insecure;
};

/* ---- the socket: OpenSSL's own BIO would raise SIGPIPE ---- */

static int descriptor(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool is_waiting(ssize_t count)
{
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static int bio_read(BIO *bio, char *into, size_t room, size_t *got)
{
    ssize_t count = recv(descriptor(bio), into, room, 0);
    BIO_clear_retry_flags(bio);
    if (is_waiting(count))
        BIO_set_retry_read(bio);
    *got = count > 0 ? (size_t)count : 0;
    return count > 0;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written)
{
    ssize_t count = send(descriptor(bio), bytes, length, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (is_waiting(count))
        BIO_set_retry_write(bio);
    *written = count > 0 ? (size_t)count : 0;
    return count > 0;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "libringdb");
    if (method != NULL && BIO_meth_set_read_ex(method, bio_read) == 1 &&
        BIO_meth_set_write_ex(method, bio_write) == 1 &&
        BIO_meth_set_ctrl(method, bio_control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- the options ---- */

static const char *reason(void)
{
    unsigned long error = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(error);
    if (error != 0 && ERR_SYSTEM_ERROR(error))
        text = strerror(ERR_GET_REASON(error));
    return text != NULL ? text : "no reason was given";
}

static int no_password(char *into, int size, int writing, void *context)
{
    (void)into, (void)size, (void)writing, (void)context;
    return 0;
}

static enum ringdb_error refuse(const char *option, const char *path, char *message)
{
    snprintf(message, RINGDB_MESSAGE_MAX, "%s %.80s: %.48s", option, path, reason());
    ERR_clear_error();
    return RINGDB_ERROR_INVALID;
}

static enum ringdb_error load(SSL_CTX *context, const struct ringdb_options *options, char *message)
{
    const char *ca = options->tls_ca_file, *certificate = options->tls_cert_file;
    if (ca != NULL && SSL_CTX_load_verify_file(context, ca) != 1)
        return refuse("tls_ca_file", ca, message);
    if (ca == NULL && SSL_CTX_set_default_verify_paths(context) != 1)
        return refuse("tls_ca_file", "of the system", message);
    if (certificate == NULL)
        return RINGDB_ERROR_NONE;
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return refuse("tls_cert_file", certificate, message);
    if (SSL_CTX_use_PrivateKey_file(context, options->tls_key_file, SSL_FILETYPE_PEM) != 1)
        return refuse("tls_key_file", options->tls_key_file, message);
    return RINGDB_ERROR_NONE;
}

static bool set_up(SSL_CTX *context, bool insecure)
{
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS_12) != 1)
        return false;
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD_BYTES);
    return true;
}

enum ringdb_error ringdb_tls_new(const struct ringdb_options *options,
                                 const struct ringdb_memory *memory, struct ringdb_tls **out,
                                 char *message)
{
    ERR_clear_error();
    if ((options->tls_cert_file == NULL) != (options->tls_key_file == NULL)) {
        snprintf(message, RINGDB_MESSAGE_MAX, "tls_cert_file and tls_key_file need each other");
        return RINGDB_ERROR_INVALID;
    }
    struct ringdb_tls *tls = ringdb_memory_new(memory, sizeof *tls);
    enum ringdb_error error = RINGDB_ERROR_MEMORY;
    snprintf(message, RINGDB_MESSAGE_MAX, "there is no memory for TLS");
    if (tls == NULL)
        return error;
    tls->insecure = options->tls_insecure;
    tls->method = make_method();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->method != NULL && tls->context != NULL && set_up(tls->context, tls->insecure))
        error = load(tls->context, options, message);
    if (error != RINGDB_ERROR_NONE) {
        ringdb_tls_free(tls, memory);
        return error;
    }
    message[0] = '\0';
    *out = tls;
    return RINGDB_ERROR_NONE;
}

void ringdb_tls_free(struct ringdb_tls *tls, const struct ringdb_memory *memory)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    ringdb_memory_free(memory, tls);
}

/* ---- one connection ---- */

/* The server's certificate must be for `host`, which is a number or a name. */
static bool expect(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1)
        return true;
    ERR_clear_error(); /* no number */
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *ringdb_tls_begin(const struct ringdb_tls *tls, int fd, const char *host)
{
    SSL *ssl = SSL_new(tls->context);
    BIO *bio = ssl != NULL ? BIO_new(tls->method) : NULL;
    if (bio == NULL || !expect(ssl, host)) {
        BIO_free(bio);
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    return ssl;
}

static enum ringdb_tls_step judge(const SSL *ssl, int result, char why[RINGDB_TLS_WHY_MAX])
{
    int error = errno;
    long verdict = SSL_get_verify_result(ssl);
    int kind = SSL_get_error(ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return RINGDB_TLS_WAIT;
    if (verdict != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
        snprintf(why, RINGDB_TLS_WHY_MAX, "its certificate: %s",
                 X509_verify_cert_error_string(verdict));
    else if (kind == SSL_ERROR_SSL &&
             ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        snprintf(why, RINGDB_TLS_WHY_MAX, "TLS: %s", reason());
    else if (kind == SSL_ERROR_SYSCALL && error != 0)
        snprintf(why, RINGDB_TLS_WHY_MAX, "%s", strerror(error));
    else
        snprintf(why, RINGDB_TLS_WHY_MAX, "it closed the connection");
    ERR_clear_error();
    return RINGDB_TLS_CLOSED;
}

enum ringdb_tls_step ringdb_tls_shake_hands(SSL *ssl, char why[RINGDB_TLS_WHY_MAX])
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(ssl);
    return result == 1 ? RINGDB_TLS_DONE : judge(ssl, result, why);
}

enum ringdb_tls_step ringdb_tls_send(SSL *ssl, const uint8_t *bytes, size_t length, size_t *sent,
                                     char why[RINGDB_TLS_WHY_MAX])
{
    *sent = 0;
    while (*sent < length) {
        size_t written = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(ssl, bytes + *sent, length - *sent, &written);
        if (result != 1)
            return judge(ssl, result, why);
        *sent += written;
    }
    return RINGDB_TLS_DONE;
}

enum ringdb_tls_step ringdb_tls_receive(SSL *ssl, uint8_t *room, size_t length, size_t *got,
                                        char why[RINGDB_TLS_WHY_MAX])
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(ssl, room, length, got);
    return result == 1 ? RINGDB_TLS_DONE : judge(ssl, result, why);
}
