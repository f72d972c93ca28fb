#include "node_tls.h"

#include <inttypes.h>

#include "info_text.h"

void node_tls_read(const struct resp_value *info, struct node_tls *out)
{
    node_tls_parse(info_text_of(info), out);
}

void node_tls_parse(struct slice text, struct node_tls *out)
{
    *out = (struct node_tls){.for_clients = info_text_number(text, "tls_clients", 0) != 0,
                             .for_cluster = info_text_number(text, "tls_cluster", 0) != 0};
    out->cert_days = info_text_number(text, "tls_cert_expires_days", NODE_TLS_DAYS_NONE);
    out->cluster_cert_days =
        info_text_number(text, "tls_cluster_cert_expires_days", NODE_TLS_DAYS_NONE);
    out->crl_days = info_text_number(text, "tls_crl_due_days", NODE_TLS_DAYS_NONE);
    out->reloads = info_text_number(text, "tls_reloads", 0);
    info_text_copy(text, "tls_auth_clients", out->auth_clients, sizeof out->auth_clients);
    info_text_copy(text, "tls_reload_problem", out->problem, sizeof out->problem);
}

bool node_tls_is_degraded(const struct node_tls *tls)
{
    return tls->cert_days < 0 || tls->cluster_cert_days < 0 || tls->problem[0] != '\0';
}

static void describe_days(uint32_t node, const char *what, int64_t days, const char *advice,
                          struct buffer *sentences)
{
    if (days >= NODE_TLS_WARN_DAYS)
        return;
    if (sentences->length > 0)
        buffer_put_u8(sentences, '\n');
    if (days < 0)
        buffer_printf(sentences, "node %" PRIu32 ": its %s has run out: %s", node, what, advice);
    else
        buffer_printf(sentences, "node %" PRIu32 ": its %s runs out in %" PRId64 " days: %s", node,
                      what, days, advice);
}

void node_tls_describe(const struct node_tls *tls, uint32_t node, struct buffer *sentences)
{
    static const char renew[] = "put a new one in its place, then: ringctl tls reload";
    static const char sign[] = "sign it anew (ringca renew-crl), then: ringctl tls reload";
    describe_days(node, "tls-cert-file", tls->cert_days, renew, sentences);
    describe_days(node, "tls-cluster-cert-file", tls->cluster_cert_days, renew, sentences);
    describe_days(node, "CRL", tls->crl_days, sign, sentences);
    if (tls->problem[0] == '\0')
        return;
    if (sentences->length > 0)
        buffer_put_u8(sentences, '\n');
    buffer_printf(sentences, "node %" PRIu32 ": its last tls reload failed: %s", node,
                  tls->problem);
}
