#include "ringd/tls_keeper.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "net/loop.h"

enum { DAY_S = 24 * 3600 };

static uint64_t now_s(void)
{
    return (uint64_t)time(NULL);
}

static struct tls_files files_of(const struct config_tls *paths)
{
    return (struct tls_files){
        .certificate = paths->certificate, .key = paths->key, .ca = paths->ca, .crl = paths->crl};
}

static enum status load(const struct tls_keeper *keeper, struct tls **out, struct buffer *reason)
{
    const struct config_values *values = keeper->values;
    struct tls_params params = {.for_clients = values->tls_listen.count > 0,
                                .auth_clients = (enum tls_auth)values->tls_auth_clients,
                                .clients = files_of(&values->tls),
                                .for_cluster = values->tls_cluster != 0,
                                .cluster = files_of(&values->tls_cluster_files),
                                .self = keeper->self};
    if (params.for_clients || params.for_cluster)
        return tls_load(&params, out, reason);
    *out = NULL;
    return STATUS_OK;
}

enum status tls_keeper_init(struct tls_keeper *keeper, const struct config_values *values,
                            const struct ring *ring, node_id self, const struct log_sink *log,
                            struct buffer *reason)
{
    *keeper = (struct tls_keeper){.values = values, .self = {.node = self}, .log = *log};
    memcpy(keeper->self.cluster_id, ring->cluster_id, sizeof ring->cluster_id);
    keeper->loaded_s = now_s();
    return load(keeper, &keeper->tls, reason);
}

void tls_keeper_deinit(struct tls_keeper *keeper)
{
    assert(keeper->loop == NULL);
    tls_free(keeper->tls);
    buffer_deinit(&keeper->problem);
    *keeper = (struct tls_keeper){0};
}

/* Whole days until `at_s`; less than 0 once it is over. */
static int64_t days_until(uint64_t at_s)
{
    int64_t left_s = (int64_t)at_s - (int64_t)now_s();
    return left_s >= 0 ? left_s / DAY_S : left_s / DAY_S - 1;
}

static void log_expiry(const struct tls_keeper *keeper, const char *setting, uint64_t expire_s,
                       const char *advice)
{
    int64_t days = expire_s != 0 ? days_until(expire_s) : INT64_MAX;
    if (days >= TLS_WARN_DAYS)
        return;
    log_line(&keeper->log, days < 1 ? LOG_ERROR : LOG_WARN,
             days < 0 ? "has run out setting=%s days=%" PRId64 " advice=\"%s\""
                      : "runs out soon setting=%s days=%" PRId64 " advice=\"%s\"",
             setting, days, advice);
}

static void log_all_expiries(const struct tls_keeper *keeper)
{
    static const char renew[] = "put a new certificate in its place, then: ringctl tls reload";
    const struct tls_facts *facts = &keeper->tls->facts;
    log_expiry(keeper, "tls-cert-file", facts->clients_expire_s, renew);
    log_expiry(keeper, "tls-cluster-cert-file", facts->cluster_expire_s, renew);
    log_expiry(keeper, "crl-file", facts->crl_due_s,
               "have the CA sign its CRL anew, then: ringctl tls reload");
}

static void on_timer(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    log_all_expiries(timer->data);
}

void tls_keeper_attach(struct tls_keeper *keeper, struct loop *loop)
{
    keeper->loop = loop;
    if (keeper->tls == NULL)
        return;
    ev_timer_init(&keeper->timer, on_timer, TLS_LOG_INTERVAL_S, TLS_LOG_INTERVAL_S);
    keeper->timer.data = keeper;
    ev_timer_start(loop_ev(loop), &keeper->timer);
    log_all_expiries(keeper);
}

void tls_keeper_detach(struct tls_keeper *keeper)
{
    if (keeper->loop != NULL && keeper->tls != NULL)
        ev_timer_stop(loop_ev(keeper->loop), &keeper->timer);
    keeper->loop = NULL;
}

static void take(struct tls_keeper *keeper, struct tls *fresh)
{
    loop_set_tls(keeper->loop, fresh);
    tls_free(keeper->tls);
    keeper->tls = fresh;
    keeper->loaded_s = now_s();
    keeper->reloads++;
    log_line(&keeper->log, LOG_INFO, "loaded certificates, keys and CRLs again");
    log_all_expiries(keeper);
}

enum status tls_keeper_reload(struct tls_keeper *keeper, struct buffer *reason)
{
    struct tls *fresh = NULL;
    if (keeper->tls == NULL) {
        buffer_append_slice(reason, slice_text("neither tls-listen nor tls-cluster is set"));
        return STATUS_UNSUPPORTED;
    }
    buffer_clear(&keeper->problem);
    enum status status = load(keeper, &fresh, &keeper->problem);
    if (status == STATUS_OK) {
        take(keeper, fresh);
        return STATUS_OK;
    }
    keeper->reload_failures++;
    buffer_append_slice(reason, buffer_slice(&keeper->problem));
    log_line(&keeper->log, LOG_ERROR,
             "could not load certificates again, the old ones stay "
             "reason=\"%.*s\"",
             (int)keeper->problem.length, (const char *)keeper->problem.data);
    return status;
}

static void put_days(struct buffer *out, const char *name, uint64_t at_s)
{
    if (at_s == 0)
        return;
    buffer_printf(out, "%s_time:%" PRIu64 "\r\n%s_days:%" PRId64 "\r\n", name, at_s, name,
                  days_until(at_s));
}

void tls_keeper_information(const struct tls_keeper *keeper, struct buffer *out)
{
    static const char *const auths[] = {
        [TLS_AUTH_REQUIRED] = "yes", [TLS_AUTH_OPTIONAL] = "optional", [TLS_AUTH_NO] = "no"};
    const struct tls *tls = keeper->tls;
    buffer_printf(out, "tls_clients:%d\r\ntls_cluster:%d\r\n", tls != NULL && tls->clients != NULL,
                  tls != NULL && tls->cluster != NULL);
    if (tls == NULL)
        return;
    if (tls->clients != NULL)
        buffer_printf(out, "tls_auth_clients:%s\r\n", auths[tls->auth_clients]);
    put_days(out, "tls_cert_expires", tls->facts.clients_expire_s);
    put_days(out, "tls_cluster_cert_expires", tls->facts.cluster_expire_s);
    put_days(out, "tls_crl_due", tls->facts.crl_due_s);
    buffer_printf(out,
                  "tls_loaded_time:%" PRIu64 "\r\ntls_reloads:%" PRIu64
                  "\r\ntls_reload_failures:%" PRIu64 "\r\ntls_reload_problem:%.*s\r\n",
                  keeper->loaded_s, keeper->reloads, keeper->reload_failures,
                  (int)keeper->problem.length, (const char *)keeper->problem.data);
}
