#include "settings_compare.h"

#include <string.h>

#include "fields.h"

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool setting_is_own(const char *name)
{
    static const char *const own[] = {"node-id",
                                      "data-dir",
                                      "listen",
                                      "tls-listen",
                                      "peer-listen",
                                      "advertise",
                                      "peer-advertise",
                                      "http-listen",
                                      "log-file",
                                      "audit-log",
                                      "tls-cert-file",
                                      "tls-key-file",
                                      "tls-ca-cert-file",
                                      "tls-crl-file",
                                      "tls-cluster-cert-file",
                                      "tls-cluster-key-file",
                                      "tls-cluster-ca-cert-file",
                                      "tls-cluster-crl-file",
                                      NULL};
    /* What Redis calls settings that are compared under their own names, and what follows the ring.
     */
    static const char *const again[] = {"client-query-buffer-limit",
                                        "cluster-enabled",
                                        "databases",
                                        "maxclients",
                                        "port",
                                        "proto-max-bulk-len",
                                        NULL};
    return is_one_of(name, own) || is_one_of(name, again);
}

bool setting_must_agree(const char *name)
{
    static const char *const names[] = {"max-clock-skew", "request-timeout-max", "store-sync",
                                        "tls-cluster", NULL};
    return is_one_of(name, names);
}

void setting_values_take(const char *name, const struct resp_value *const *replies, size_t count,
                         struct setting_values *out)
{
    size_t most = 0, say = 0;
    out->name = name;
    out->usual = NULL;
    for (size_t i = 0; i < count; i++) {
        out->values[i] = fields_text(replies[i], name, NULL);
        say += out->values[i] != NULL;
    }
    for (size_t i = 0; i < count && most < say; i++) {
        size_t same = 0;
        for (size_t j = 0; out->values[i] != NULL && j < count; j++)
            same += out->values[j] != NULL && strcmp(out->values[i], out->values[j]) == 0;
        if (same > most) {
            most = same;
            out->usual = out->values[i];
        }
    }
    out->others = say - most;
}
