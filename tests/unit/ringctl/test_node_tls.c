#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "ringctl/node_tls.h"

static struct node_tls read_text(const char *text)
{
    struct node_tls tls;
    struct resp_value info = {.type = RESP_TYPE_BULK, .text = slice_text(text)};
    node_tls_read(&info, &tls);
    return tls;
}

static const char *described(const struct node_tls *tls, struct buffer *out)
{
    buffer_clear(out);
    node_tls_describe(tls, 7, out);
    buffer_put_u8(out, '\0');
    return (const char *)out->data;
}

static void lines_are_found_wherever_they_stand(void **state)
{
    struct node_tls tls = read_text("# TLS\r\ntls_clients:1\r\ntls_cluster:0\r\n"
                                    "tls_auth_clients:optional\r\ntls_cert_expires_days:29\r\n"
                                    "tls_crl_due_days:-3\r\ntls_reloads:12\r\n"
                                    "tls_reload_problem:file: it is gone\r\n");
    (void)state;
    assert_true(tls.for_clients);
    assert_false(tls.for_cluster);
    assert_string_equal(tls.auth_clients, "optional");
    assert_int_equal(tls.cert_days, 29);
    assert_int_equal(tls.cluster_cert_days, NODE_TLS_DAYS_NONE);
    assert_int_equal(tls.crl_days, -3);
    assert_int_equal(tls.reloads, 12);
    assert_string_equal(tls.problem, "file: it is gone");
}

/* The node may be older, refuse, or be no node at all. */
static void what_is_not_there_is_no_trouble(void **state)
{
    static const char *const texts[] = {"",
                                        "tls_clients",
                                        "tls_clients:",
                                        "tls_cert_expires_days:x",
                                        "xtls_cert_expires_days:1\r\n",
                                        "\n\n\n"};
    struct buffer out = {0};
    struct node_tls tls;
    struct resp_value error = {.type = RESP_TYPE_ERROR, .text = slice_text("tls_clients:1")};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tls = read_text(texts[i]);
        assert_false(node_tls_is_degraded(&tls));
        assert_string_equal(described(&tls, &out), "");
    }
    node_tls_read(&error, &tls);
    assert_false(tls.for_clients);
    node_tls_read(NULL, &tls);
    assert_false(node_tls_is_degraded(&tls));
    buffer_deinit(&out);
}

static void what_runs_out_is_told_with_the_next_step(void **state)
{
    struct buffer out = {0};
    (void)state;
    struct node_tls tls = read_text("tls_cert_expires_days:30\r\n");
    assert_string_equal(described(&tls, &out), "");
    tls = read_text("tls_cert_expires_days:6\r\ntls_cluster_cert_expires_days:-1\r\n");
    assert_true(node_tls_is_degraded(&tls));
    assert_non_null(strstr(described(&tls, &out), "node 7: its tls-cert-file runs out in 6 days"));
    assert_non_null(strstr((char *)out.data, "\nnode 7: its tls-cluster-cert-file has run out"));
    assert_non_null(strstr((char *)out.data, "ringctl tls reload"));
    tls = read_text("tls_reload_problem:why\r\n");
    assert_true(node_tls_is_degraded(&tls));
    assert_non_null(strstr(described(&tls, &out), "its last tls reload failed: why"));
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_found_wherever_they_stand),
        cmocka_unit_test(what_is_not_there_is_no_trouble),
        cmocka_unit_test(what_runs_out_is_told_with_the_next_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
