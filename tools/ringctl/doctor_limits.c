/*
 * doctor_limits.c - what runs out: descriptors, memory, clients, certificates.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "amounts.h"
#include "doctor.h"
#include "fields.h"
#include "info_text.h"
#include "node_tls.h"
#include "ringd/config_value.h"

enum {
    WARNING_PERCENT = 80,
    CRITICAL_PERCENT = 95,
    CERTIFICATE_CRITICAL_DAYS = 7,
    BUFFERS = 2 /* store-write-buffer: the one that fills and the one that is written */
};

/* What of `limit` is used, in percent; 0 when either is not known. */
static int64_t percent_of(int64_t used, int64_t limit)
{
    return used <= 0 || limit <= 0 ? 0 : (int64_t)((double)used * 100 / (double)limit);
}

static enum severity severity_of(int64_t percent)
{
    return percent >= CRITICAL_PERCENT ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static int64_t setting(const struct patient *patient, const char *name)
{
    return strtoll(fields_text(patient->settings, name, "0"), NULL, 10);
}

static int64_t setting_bytes(const struct patient *patient, const char *name)
{
    uint64_t bytes = 0;
    return config_parse_size(fields_text(patient->settings, name, "0"), &bytes) ? (int64_t)bytes
                                                                                : 0;
}

static void find_descriptors(struct examination *e, size_t i)
{
    const struct patient *patient = &e->patients[i];
    int64_t open = info_text_number(patient->info, "open_descriptors", 0);
    int64_t limit = info_text_number(patient->info, "descriptors_max", 0);
    int64_t wanted = setting(patient, "clients-max") + setting(patient, "store-open-files");
    int64_t percent = percent_of(open, limit);
    if (limit <= 0)
        return;
    if (percent >= WARNING_PERCENT)
        findings_add(e->findings, severity_of(percent), "descriptors", e->cluster->members[i].id,
                     "%" PRId64 " of the %" PRId64 " descriptors that the system allows are open",
                     open, limit);
    else if (limit < wanted)
        findings_add(e->findings, SEVERITY_NOTICE, "descriptors", e->cluster->members[i].id,
                     "the system allows %" PRId64 " descriptors, and clients-max with "
                     "store-open-files may need %" PRId64,
                     limit, wanted);
    else
        return;
    findings_next(e->findings, "raise the limit of its process (LimitNOFILE= of the unit, ulimit "
                               "-n) and start it again, or lower clients-max");
}

static void find_memory(struct examination *e, size_t i)
{
    const struct patient *patient = &e->patients[i];
    int64_t used = info_text_number(patient->info, "used_memory", 0);
    int64_t limit = info_text_number(patient->info, "memory_limit_bytes", 0);
    int64_t caches = setting_bytes(patient, "cell-cache-size") +
                     setting_bytes(patient, "store-block-cache") +
                     BUFFERS * setting_bytes(patient, "store-write-buffer");
    int64_t percent = percent_of(used, limit);
    char has[AMOUNT_TEXT_MAX], may[AMOUNT_TEXT_MAX];
    if (limit <= 0)
        return;
    amount_size((uint64_t)limit, may);
    if (percent >= WARNING_PERCENT)
        findings_add(e->findings, severity_of(percent), "memory", e->cluster->members[i].id,
                     "it has %s of the %s of memory that it may have",
                     amount_size((uint64_t)used, has), may);
    else if (percent_of(caches, limit) >= WARNING_PERCENT)
        findings_add(e->findings, SEVERITY_WARNING, "memory", e->cluster->members[i].id,
                     "its caches and write buffers may take %s, and it may have %s in all",
                     amount_size((uint64_t)caches, has), may);
    else
        return;
    findings_next(e->findings, "lower cell-cache-size, store-block-cache and store-write-buffer, "
                               "or give it more memory (MemoryMax= of the unit)");
}

static void find_clients(struct examination *e, size_t i)
{
    struct slice info = e->patients[i].info;
    int64_t clients = info_text_number(info, "connected_clients", 0);
    int64_t limit = info_text_number(info, "maxclients", 0);
    int64_t percent = percent_of(clients, limit);
    if (percent < WARNING_PERCENT)
        return;
    findings_add(e->findings, severity_of(percent), "clients", e->cluster->members[i].id,
                 "%" PRId64 " clients are connected, and clients-max is %" PRId64, clients, limit);
    findings_next(e->findings, "see who they are (CLIENT LIST), or raise clients-max");
}

static void find_days(struct examination *e, size_t i, const char *what, int64_t days,
                      const char *next_step)
{
    node_id id = e->cluster->members[i].id;
    if (days >= NODE_TLS_WARN_DAYS)
        return;
    if (days < 0)
        findings_add(e->findings, SEVERITY_CRITICAL, "certificate", id, "its %s has run out", what);
    else
        findings_add(e->findings,
                     days < CERTIFICATE_CRITICAL_DAYS ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                     "certificate", id, "its %s runs out in %" PRId64 " days", what, days);
    findings_next(e->findings, "%s", next_step);
}

static void find_certificates(struct examination *e, size_t i)
{
    static const char renew[] =
        "make a new one (ringca node), put it in its place, then: ringctl tls reload";
    static const char sign[] = "sign it anew (ringca renew-crl), then: ringctl tls reload";
    struct node_tls tls;
    node_tls_parse(e->patients[i].info, &tls);
    find_days(e, i, "certificate for clients (tls-cert-file)", tls.cert_days, renew);
    find_days(e, i, "certificate for other nodes (tls-cluster-cert-file)", tls.cluster_cert_days,
              renew);
    find_days(e, i, "list of revoked certificates (CRL)", tls.crl_days, sign);
    if (tls.problem[0] == '\0')
        return;
    findings_add(e->findings, SEVERITY_CRITICAL, "certificate", e->cluster->members[i].id,
                 "its last reload failed, and it goes by what it had before: %s", tls.problem);
    findings_next(e->findings, "make that good, then: ringctl tls reload");
}

void doctor_limits(struct examination *e)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        if (e->patients[i].status == NULL)
            continue;
        find_descriptors(e, i);
        find_memory(e, i);
        find_clients(e, i);
        find_certificates(e, i);
    }
}
