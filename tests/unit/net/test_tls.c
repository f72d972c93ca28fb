#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authority.h"
#include "net/stream.h"
#include "net/tls_session.h"

/* ---- making and joining ---- */

static struct tls *load_node(struct authority *authority, node_id node, const char *file)
{
    struct buffer reason = {0};
    struct tls *tls = NULL;
    struct tls_params params = {.for_cluster = true,
                                .cluster = authority_files(authority, file, "cluster"),
                                .self = authority_identity(node)};
    enum status status = tls_load(&params, &tls, &reason);
    if (status != STATUS_OK)
        fail_msg("%.*s", (int)reason.length, (const char *)reason.data);
    return tls;
}

static struct tls *load_server(struct authority *authority, enum tls_auth auth)
{
    struct buffer reason = {0};
    struct tls *tls = NULL;
    struct tls_params params = {.for_clients = true,
                                .auth_clients = auth,
                                .clients = authority_files(authority, "server", "clients"),
                                .self = authority_identity(1)};
    assert_int_equal(tls_load(&params, &tls, &reason), STATUS_OK);
    return tls;
}

/* Why the files of `params` are refused; for strstr(). */
static const char *why_refused(const struct tls_params *params, struct buffer *reason)
{
    struct tls *tls = NULL;
    buffer_clear(reason);
    assert_int_equal(tls_load(params, &tls, reason), STATUS_INVALID);
    assert_null(tls);
    buffer_put_u8(reason, '\0');
    return (const char *)reason->data;
}

/* Give `to` what `from` has to say, `piece` bytes at a time. */
static enum status pass(struct tls_session *from, struct tls_session *to, size_t piece,
                        struct buffer *plain)
{
    static uint8_t into[STREAM_READ_BYTES];
    enum status status = STATUS_NOT_FOUND;
    while (from->sealed.length > 0 && status != STATUS_IO) {
        size_t length = from->sealed.length < piece ? from->sealed.length : piece;
        size_t got = 0;
        status =
            tls_session_open(to, slice_make(from->sealed.data, length), into, sizeof into, &got);
        assert_true(status == STATUS_OK || got == 0);
        if (plain != NULL)
            buffer_append(plain, into, got);
        buffer_consume(&from->sealed, length);
    }
    return status;
}

/* Until nobody has anything to say, or somebody gives up. */
static void join(struct tls_session *a, struct tls_session *b, size_t piece)
{
    while (a->sealed.length + b->sealed.length > 0) {
        (void)!pass(a, b, piece, NULL);
        (void)!pass(b, a, piece, NULL);
    }
}

struct pair {
    struct authority authority;
    struct tls *one;
    struct tls *two;
    struct tls_session *dialer; /* node 1 */
    struct tls_session *server; /* node 2 */
};

static void pair_init(struct pair *pair)
{
    *pair = (struct pair){0};
    authority_init(&pair->authority);
    authority_issue_node(&pair->authority, 1);
    authority_issue_node(&pair->authority, 2);
    pair->one = load_node(&pair->authority, 1, "node-1");
    pair->two = load_node(&pair->authority, 2, "node-2");
    pair->dialer = tls_session_new(pair->one, TLS_DIAL_PEER);
    pair->server = tls_session_new(pair->two, TLS_ACCEPT_PEER);
    assert_non_null(pair->dialer);
    assert_non_null(pair->server);
}

static void pair_deinit(struct pair *pair)
{
    tls_session_free(pair->dialer);
    tls_session_free(pair->server);
    tls_free(pair->one);
    tls_free(pair->two);
    authority_deinit(&pair->authority);
}

/* ---- nodes ---- */

static void two_nodes_learn_who_the_other_is(void **state)
{
    static const size_t pieces[] = {100000, 1, 7};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct pair pair;
        pair_init(&pair);
        assert_false(pair.server->established);
        join(pair.dialer, pair.server, pieces[i]);
        assert_true(pair.dialer->established);
        assert_true(pair.server->established);
        assert_int_equal(pair.dialer->node, 2);
        assert_int_equal(pair.server->node, 1);
        assert_string_equal(pair.dialer->failure, "");
        assert_string_equal(SSL_get_version(pair.server->ssl), "TLSv1.3");
        pair_deinit(&pair);
    }
}

static void what_is_sealed_is_opened_in_order(void **state)
{
    enum { LENGTH = 300000 };
    struct pair pair;
    struct buffer plain = {0};
    uint8_t *bytes = malloc(LENGTH);
    (void)state;
    pair_init(&pair);
    join(pair.dialer, pair.server, 100000);
    for (size_t i = 0; i < LENGTH; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(tls_session_seal(pair.dialer, slice_make(bytes, LENGTH)), STATUS_OK);
    assert_true(pair.dialer->sealed.length > LENGTH);
    (void)!pass(pair.dialer, pair.server, STREAM_SEALED_READ_BYTES, &plain);
    assert_int_equal(plain.length, LENGTH);
    assert_memory_equal(plain.data, bytes, LENGTH);
    buffer_deinit(&plain);
    free(bytes);
    pair_deinit(&pair);
}

static void a_changed_byte_ends_the_session(void **state)
{
    struct pair pair;
    struct buffer plain = {0};
    (void)state;
    pair_init(&pair);
    join(pair.dialer, pair.server, 100000);
    assert_int_equal(tls_session_seal(pair.dialer, slice_text("secret")), STATUS_OK);
    pair.dialer->sealed.data[pair.dialer->sealed.length - 1] ^= 1;
    assert_int_equal(pass(pair.dialer, pair.server, 100000, &plain), STATUS_IO);
    assert_int_equal(plain.length, 0);
    assert_string_not_equal(pair.server->failure, "");
    buffer_deinit(&plain);
    pair_deinit(&pair);
}

static void the_end_is_told_after_what_came_before_it(void **state)
{
    uint8_t into[STREAM_READ_BYTES];
    struct pair pair;
    size_t got = 0;
    (void)state;
    pair_init(&pair);
    join(pair.dialer, pair.server, 100000);
    assert_int_equal(tls_session_seal(pair.dialer, slice_text("last")), STATUS_OK);
    tls_session_end(pair.dialer);
    assert_int_equal(
        tls_session_open(pair.server, buffer_slice(&pair.dialer->sealed), into, sizeof into, &got),
        STATUS_OK);
    assert_int_equal(got, 4);
    assert_int_equal(tls_session_open(pair.server, slice_make(NULL, 0), into, sizeof into, &got),
                     STATUS_IO);
    assert_string_equal(pair.server->failure, "");
    pair_deinit(&pair);
}

/*
 * Who shows the certificate in NAME, whatever it claims by itself, is refused by node 2 on its
 * peer port, with `why`, and never taken for a node.
 */
static void assert_no_peer(struct authority *authority, const char *name, const char *ca,
                           const char *why)
{
    struct tls *two = load_node(authority, 2, "node-2");
    struct tls_session *server = tls_session_new(two, TLS_ACCEPT_PEER);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (name != NULL) {
        struct tls_files files = authority_files(authority, name, ca);
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, files.certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM), 1);
    }
    struct tls bad = {.cluster = context, .self = authority_identity(77)};
    struct tls_session *dialer = tls_session_new(&bad, TLS_DIAL_PEER);
    SSL_set_verify(dialer->ssl, SSL_VERIFY_NONE, NULL);
    join(dialer, server, 100000);
    assert_false(server->established);
    if (strstr(server->failure, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", server->failure, why);
    tls_session_free(dialer);
    tls_session_free(server);
    SSL_CTX_free(context);
    tls_free(two);
}

static void only_a_node_of_the_cluster_is_a_peer(void **state)
{
    struct authority a, other;
    char uri[TLS_IDENTITY_TEXT_MAX + 4];
    (void)state;
    authority_init(&a);
    authority_init(&other);
    authority_issue_node(&a, 2);
    authority_issue(&a, &a.clients_ca, "client", CERTIFICATE_CLIENT, NULL, 10);
    assert_no_peer(&a, "client", "clients", "its CA is not in the ca-cert-file");
    /* Even if one CA signs everything. */
    authority_issue(&a, &a.cluster_ca, "client-of-one-ca", CERTIFICATE_CLIENT, NULL, 10);
    assert_no_peer(&a, "client-of-one-ca", "cluster", "names no node");
    authority_issue(&a, &a.cluster_ca, "server-only", CERTIFICATE_SERVER, authority_uri(1, uri),
                    10);
    assert_no_peer(&a, "server-only", "cluster", "extended key usage");
    authority_issue(&a, &a.cluster_ca, "expired", CERTIFICATE_NODE, authority_uri(1, uri), -1);
    assert_no_peer(&a, "expired", "cluster", "expired; give it a new one");
    authority_issue(&a, &a.cluster_ca, "two-names", CERTIFICATE_NODE,
                    "URI:ringdb://c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1/node/1,"
                    "URI:ringdb://c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1/node/3",
                    10);
    assert_no_peer(&a, "two-names", "cluster", "names no node in the form");
    authority_issue(&a, &a.cluster_ca, "other-cluster", CERTIFICATE_NODE,
                    "URI:ringdb://00112233445566778899aabbccddeeff/node/1", 10);
    assert_no_peer(&a, "other-cluster", "cluster", "another cluster");
    assert_no_peer(&a, "node-2", "cluster", "this very node");
    assert_no_peer(&a, NULL, "cluster", "shown no certificate");
    /* The same name, signed by somebody else. */
    authority_issue_node(&other, 1);
    struct tls_files files = authority_files(&other, "node-1", "cluster");
    assert_int_equal(link(files.certificate, authority_path(&a, "stranger.crt")), 0);
    assert_int_equal(link(files.key, authority_path(&a, "stranger.key")), 0);
    assert_no_peer(&a, "stranger", "cluster", "its CA is not in the ca-cert-file");
    authority_deinit(&a);
    authority_deinit(&other);
}

static void nodes_speak_tls_13_only(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair);
    tls_session_free(pair.dialer);
    assert_int_equal(SSL_CTX_set_min_proto_version(pair.one->cluster, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(pair.one->cluster, TLS1_2_VERSION), 1);
    pair.dialer = tls_session_new(pair.one, TLS_DIAL_PEER);
    join(pair.dialer, pair.server, 100000);
    assert_false(pair.server->established);
    assert_non_null(strstr(pair.server->failure, "1.3 is the least between nodes"));
    pair_deinit(&pair);
}

static void bytes_that_are_not_tls_are_called_so(void **state)
{
    static const char *const texts[] = {"*1\r\n$4\r\nPING\r\n", "GET / HTTP/1.1\r\n\r\n",
                                        "PING\r\nPING\r\n"};
    uint8_t into[STREAM_READ_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pair pair;
        size_t got = 0;
        pair_init(&pair);
        assert_int_equal(
            tls_session_open(pair.server, slice_text(texts[i]), into, sizeof into, &got),
            STATUS_IO);
        assert_non_null(strstr(pair.server->failure, "does not speak TLS"));
        pair_deinit(&pair);
    }
}

/* ---- clients ---- */

static bool client_gets_in(struct authority *authority, enum tls_auth auth, const char *name,
                           int version, const char **why)
{
    static char failure[TLS_FAILURE_MAX];
    struct tls *tls = load_server(authority, auth);
    struct tls_session *server = tls_session_new(tls, TLS_ACCEPT_CLIENT);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    SSL_CTX_set_security_level(context, 0); /* so that it offers old versions at all */
    if (name != NULL) {
        struct tls_files files = authority_files(authority, name, "clients");
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, files.certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, files.key, SSL_FILETYPE_PEM), 1);
    }
    struct tls client_tls = {.cluster = context, .self = authority_identity(77)};
    struct tls_session *client = tls_session_new(&client_tls, TLS_DIAL_PEER);
    SSL_set_verify(client->ssl, SSL_VERIFY_NONE, NULL);
    join(client, server, 100000);
    bool in = server->established;
    memcpy(failure, server->failure, sizeof failure);
    *why = failure;
    tls_session_free(client);
    tls_session_free(server);
    SSL_CTX_free(context);
    tls_free(tls);
    return in;
}

static void clients_get_in_as_the_setting_says(void **state)
{
    struct authority a;
    char uri[TLS_IDENTITY_TEXT_MAX + 4];
    const char *why;
    (void)state;
    authority_init(&a);
    authority_issue(&a, &a.clients_ca, "server", CERTIFICATE_SERVER, "DNS:localhost", 10);
    authority_issue(&a, &a.clients_ca, "good", CERTIFICATE_CLIENT, NULL, 10);
    authority_issue(&a, &a.cluster_ca, "strange", CERTIFICATE_CLIENT, NULL, 10);
    authority_issue(&a, &a.clients_ca, "node", CERTIFICATE_NODE, authority_uri(3, uri), 10);
    assert_true(client_gets_in(&a, TLS_AUTH_REQUIRED, "good", TLS1_3_VERSION, &why));
    assert_true(client_gets_in(&a, TLS_AUTH_REQUIRED, "good", TLS1_2_VERSION, &why));
    assert_false(client_gets_in(&a, TLS_AUTH_REQUIRED, "good", TLS1_1_VERSION, &why));
    assert_non_null(strstr(why, "1.2 is the least"));
    assert_false(client_gets_in(&a, TLS_AUTH_REQUIRED, NULL, TLS1_3_VERSION, &why));
    assert_non_null(strstr(why, "no certificate"));
    assert_false(client_gets_in(&a, TLS_AUTH_REQUIRED, "strange", TLS1_3_VERSION, &why));
    assert_false(client_gets_in(&a, TLS_AUTH_REQUIRED, "node", TLS1_3_VERSION, &why));
    assert_non_null(strstr(why, "is of a node"));
    assert_true(client_gets_in(&a, TLS_AUTH_OPTIONAL, NULL, TLS1_3_VERSION, &why));
    assert_true(client_gets_in(&a, TLS_AUTH_OPTIONAL, "good", TLS1_3_VERSION, &why));
    assert_false(client_gets_in(&a, TLS_AUTH_OPTIONAL, "strange", TLS1_3_VERSION, &why));
    assert_true(client_gets_in(&a, TLS_AUTH_NO, "strange", TLS1_3_VERSION, &why));
    authority_deinit(&a);
}

/* ---- files ---- */

static void files_that_do_not_fit_are_refused(void **state)
{
    struct authority a;
    struct buffer reason = {0};
    char uri[TLS_IDENTITY_TEXT_MAX + 4];
    (void)state;
    authority_init(&a);
    authority_issue_node(&a, 1);
    authority_issue_node(&a, 2);
    authority_issue(&a, &a.clients_ca, "wrong-ca", CERTIFICATE_NODE, authority_uri(1, uri), 10);
    authority_issue(&a, &a.cluster_ca, "expired", CERTIFICATE_NODE, authority_uri(1, uri), -1);
    authority_issue(&a, &a.cluster_ca, "client", CERTIFICATE_CLIENT, authority_uri(1, uri), 10);
    struct tls_params params = {.for_cluster = true,
                                .cluster = authority_files(&a, "node-2", "cluster"),
                                .self = authority_identity(1)};
    assert_non_null(strstr(why_refused(&params, &reason), "/node/2, and this node is"));
    params.cluster = authority_files(&a, "wrong-ca", "cluster");
    assert_non_null(strstr(why_refused(&params, &reason), "tls-cluster-cert-file"));
    params.cluster = authority_files(&a, "expired", "cluster");
    assert_non_null(strstr(why_refused(&params, &reason), "has expired"));
    params.cluster = authority_files(&a, "client", "cluster");
    assert_non_null(strstr(why_refused(&params, &reason), "purpose"));
    params.cluster = authority_files(&a, "node-1", "cluster");
    params.cluster.key = authority_path(&a, "node-2.key");
    assert_non_null(strstr(why_refused(&params, &reason), "does not fit the certificate"));
    params.cluster.key = authority_path(&a, "node-1.crt");
    assert_int_equal(chmod(params.cluster.key, 0600), 0);
    assert_non_null(strstr(why_refused(&params, &reason), "no private key"));
    params.cluster.key = authority_path(&a, "absent");
    assert_non_null(strstr(why_refused(&params, &reason), "No such file"));
    params.cluster.key = authority_path(&a, "node-1.key");
    assert_int_equal(chmod(params.cluster.key, 0640), 0);
    assert_non_null(strstr(why_refused(&params, &reason), "chmod 600"));
    assert_int_equal(chmod(params.cluster.key, 0600), 0);
    params.cluster.crl = authority_path(&a, "node-1.crt");
    assert_non_null(strstr(why_refused(&params, &reason), "tls-cluster-crl-file"));
    buffer_deinit(&reason);
    authority_deinit(&a);
}

/* Somebody is just writing it: every beginning of a file is refused, and never half used. */
static void a_file_that_is_cut_off_is_refused(void **state)
{
    struct authority a;
    struct buffer reason = {0};
    struct stat facts;
    (void)state;
    authority_init(&a);
    authority_issue_node(&a, 1);
    struct tls_params params = {.for_cluster = true,
                                .cluster = authority_files(&a, "node-1", "cluster"),
                                .self = authority_identity(1)};
    const char *const paths[] = {params.cluster.certificate, params.cluster.key, params.cluster.ca};
    for (size_t i = 0; i < 3; i++) {
        char whole[4096], copy[STORE_PATH_MAX];
        snprintf(copy, sizeof copy, "%s", paths[i]);
        FILE *file = fopen(copy, "r");
        size_t length = fread(whole, 1, sizeof whole, file);
        fclose(file);
        assert_int_equal(stat(copy, &facts), 0);
        for (size_t cut = 0; cut < length - 2; cut += 41) {
            assert_int_equal(truncate(copy, (off_t)cut), 0);
            assert_non_null(strstr(why_refused(&params, &reason), "tls-cluster-"));
        }
        file = fopen(copy, "w");
        assert_int_equal(fwrite(whole, 1, length, file), length);
        fclose(file);
    }
    struct tls *tls = load_node(&a, 1, "node-1");
    assert_in_range(tls->facts.cluster_expire_s, 1, UINT64_MAX);
    tls_free(tls);
    buffer_deinit(&reason);
    authority_deinit(&a);
}

/* ---- what changes ---- */

static struct tls *load_with_crl(struct authority *authority)
{
    struct buffer reason = {0};
    struct tls *tls = NULL;
    struct tls_params params = {.for_cluster = true,
                                .cluster = authority_files(authority, "node-2", "cluster"),
                                .self = authority_identity(2)};
    params.cluster.crl = authority_path(authority, "cluster.crl");
    assert_int_equal(tls_load(&params, &tls, &reason), STATUS_OK);
    return tls;
}

static void an_open_session_is_held_against_new_rules(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair);
    join(pair.dialer, pair.server, 100000);
    authority_issue_node(&pair.authority, 3);
    assert_true(tls_session_verify(pair.server, pair.two));
    assert_true(tls_session_is_current(pair.server, pair.two));
    /* Another node's revocation does not concern it. */
    authority_revoke(&pair.authority, &pair.authority.cluster_ca, "cluster", "node-3", 10);
    struct tls *first = load_with_crl(&pair.authority);
    assert_false(tls_session_is_current(pair.server, first));
    assert_true(tls_session_verify(pair.server, first));
    authority_revoke(&pair.authority, &pair.authority.cluster_ca, "cluster", "node-1", 10);
    struct tls *second = load_with_crl(&pair.authority);
    assert_false(tls_session_verify(pair.server, second));
    assert_non_null(strstr(pair.server->failure, "revoked"));
    tls_free(first);
    tls_free(second);
    pair_deinit(&pair);
}

static bool node_1_gets_in(struct pair *pair, struct tls *two)
{
    struct tls_session *dialer = tls_session_new(pair->one, TLS_DIAL_PEER);
    struct tls_session *server = tls_session_new(two, TLS_ACCEPT_PEER);
    join(dialer, server, 100000);
    bool in = server->established;
    tls_session_free(dialer);
    tls_session_free(server);
    return in;
}

/* That nobody signed it anew must neither stop a cluster nor let a revoked node in again. */
static void a_crl_that_is_out_of_date_still_counts(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair);
    authority_issue_node(&pair.authority, 3);
    authority_revoke(&pair.authority, &pair.authority.cluster_ca, "cluster", "node-3", -1);
    struct tls *old = load_with_crl(&pair.authority);
    assert_true(node_1_gets_in(&pair, old));
    assert_in_range(old->facts.crl_due_s, 1, UINT64_MAX);
    authority_revoke(&pair.authority, &pair.authority.cluster_ca, "cluster", "node-1", -1);
    struct tls *revoked = load_with_crl(&pair.authority);
    assert_false(node_1_gets_in(&pair, revoked));
    tls_free(old);
    tls_free(revoked);
    pair_deinit(&pair);
}

static void a_ca_without_a_crl_has_revoked_nothing(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair);
    authority_issue(&pair.authority, &pair.authority.clients_ca, "x", CERTIFICATE_CLIENT, NULL, 10);
    authority_revoke(&pair.authority, &pair.authority.clients_ca, "cluster", "x", 10);
    struct tls *tls = load_with_crl(&pair.authority);
    assert_true(node_1_gets_in(&pair, tls));
    tls_free(tls);
    pair_deinit(&pair);
}

/* Old and new CA are both trusted for a while; then the old one is not. */
static void a_ca_is_changed_in_two_steps(void **state)
{
    struct pair pair;
    struct authority next;
    (void)state;
    pair_init(&pair);
    join(pair.dialer, pair.server, 100000);
    authority_init(&next);
    authority_issue_node(&next, 2);
    char command[3 * STORE_PATH_MAX];
    snprintf(command, sizeof command, "cat %s/cluster-ca.crt >>%s/cluster-ca.crt",
             pair.authority.dir, next.dir);
    assert_int_equal(system(command), 0);
    struct tls *both = load_node(&next, 2, "node-2");
    assert_true(tls_session_verify(pair.server, both));
    assert_int_equal(unlink(authority_path(&next, "cluster-ca.crt")), 0);
    FILE *file = fopen(authority_path(&next, "cluster-ca.crt"), "w");
    assert_int_equal(PEM_write_X509(file, next.cluster_ca.certificate), 1);
    fclose(file);
    struct tls *only_new = load_node(&next, 2, "node-2");
    assert_false(tls_session_verify(pair.server, only_new));
    tls_free(both);
    tls_free(only_new);
    authority_deinit(&next);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes_learn_who_the_other_is),
        cmocka_unit_test(what_is_sealed_is_opened_in_order),
        cmocka_unit_test(a_changed_byte_ends_the_session),
        cmocka_unit_test(the_end_is_told_after_what_came_before_it),
        cmocka_unit_test(only_a_node_of_the_cluster_is_a_peer),
        cmocka_unit_test(nodes_speak_tls_13_only),
        cmocka_unit_test(bytes_that_are_not_tls_are_called_so),
        cmocka_unit_test(clients_get_in_as_the_setting_says),
        cmocka_unit_test(files_that_do_not_fit_are_refused),
        cmocka_unit_test(a_file_that_is_cut_off_is_refused),
        cmocka_unit_test(an_open_session_is_held_against_new_rules),
        cmocka_unit_test(a_crl_that_is_out_of_date_still_counts),
        cmocka_unit_test(a_ca_without_a_crl_has_revoked_nothing),
        cmocka_unit_test(a_ca_is_changed_in_two_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
