#include "node_tls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of the line `name`, up to its end; an empty slice: there is none. */
static struct slice line_of(struct slice info, const char *name)
{
    size_t length = strlen(name);
    struct slice rest = info;
    while (rest.length > length) {
        const uint8_t *end = memchr(rest.data, '\n', rest.length);
        size_t line = end != NULL ? (size_t)(end - rest.data) : rest.length;
        if (line > length && memcmp(rest.data, name, length) == 0 && rest.data[length] == ':') {
            size_t value = line - length - 1;
            if (value > 0 && rest.data[line - 1] == '\r')
                value--;
            return slice_make(rest.data + length + 1, value);
        }
        if (end == NULL)
            break;
        rest = slice_make(end + 1, rest.length - line - 1);
    }
    return slice_make(NULL, 0);
}

static void copy_text(struct slice info, const char *name, char *out, size_t room)
{
    struct slice value = line_of(info, name);
    snprintf(out, room, "%.*s", (int)value.length, (const char *)value.data);
}

static int64_t number_of(struct slice info, const char *name, int64_t otherwise)
{
    char text[24];
    char *end;
    copy_text(info, name, text, sizeof text);
    long long value = strtoll(text, &end, 10);
    return *text == '\0' || *end != '\0' ? otherwise : value;
}

void node_tls_read(const struct resp_value *info, struct node_tls *out)
{
    struct slice text = slice_make(NULL, 0);
    if (info != NULL && (info->type == RESP_TYPE_BULK || info->type == RESP_TYPE_VERBATIM))
        text = info->text;
    *out = (struct node_tls){.for_clients = number_of(text, "tls_clients", 0) != 0,
                             .for_cluster = number_of(text, "tls_cluster", 0) != 0};
    out->cert_days = number_of(text, "tls_cert_expires_days", NODE_TLS_DAYS_NONE);
    out->cluster_cert_days = number_of(text, "tls_cluster_cert_expires_days", NODE_TLS_DAYS_NONE);
    out->crl_days = number_of(text, "tls_crl_due_days", NODE_TLS_DAYS_NONE);
    out->reloads = number_of(text, "tls_reloads", 0);
    copy_text(text, "tls_auth_clients", out->auth_clients, sizeof out->auth_clients);
    copy_text(text, "tls_reload_problem", out->problem, sizeof out->problem);
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
