/*
 * tls_keeper.h - TLS as the settings name it: read at the start, and again while the node runs.
 *
 * Reading again is all or nothing. When every file is good, new connections go by the new ones
 * and open ones stay, unless their certificate is revoked or its CA is not trusted any more. When
 * one is not, everything stays as it was, and the problem is shown until a reload succeeds.
 *
 * Certificates that run out within TLS_WARN_DAYS are logged twice a day; one that has run out is
 * an error.
 */
#ifndef RINGD_TLS_KEEPER_H
#define RINGD_TLS_KEEPER_H

#include <ev.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/status.h"
#include "net/tls.h"
#include "ring/ring.h"
#include "ringd/config.h"

struct loop; /* net/loop.h */

enum { TLS_WARN_DAYS = 30, TLS_LOG_INTERVAL_S = 12 * 3600 };

struct tls_keeper {
    const struct config_values *values;
    struct tls_identity self;
    struct log_sink log;
    struct loop *loop;
    struct tls *tls; /* NULL: neither tls-listen nor tls-cluster is set */
    struct ev_timer timer;
    uint64_t loaded_s; /* since 1970 */
    uint64_t reloads;
    uint64_t reload_failures;
    struct buffer problem; /* of the last reload; empty when it was good */
};

/*
 * Read what tls-listen and tls-cluster need of the node `self` of `ring`. `values` are borrowed.
 * STATUS_INVALID: one sentence was appended to `reason`, and there is nothing to release.
 */
MUST_USE enum status tls_keeper_init(struct tls_keeper *keeper, const struct config_values *values,
                                     const struct ring *ring, node_id self,
                                     const struct log_sink *log, struct buffer *reason);
/* After its loop is freed. All zero is fine. */
void tls_keeper_deinit(struct tls_keeper *keeper);

/* The loop that was made with keeper->tls, for what follows. */
void tls_keeper_attach(struct tls_keeper *keeper, struct loop *loop);
/* Before that loop is freed. */
void tls_keeper_detach(struct tls_keeper *keeper);

/*
 * Read all files again; one line is logged. STATUS_UNSUPPORTED: there is no TLS to reload.
 * STATUS_INVALID: nothing has changed. Both append one sentence to `reason`.
 */
MUST_USE enum status tls_keeper_reload(struct tls_keeper *keeper, struct buffer *reason);

/* The lines of INFO tls. */
void tls_keeper_information(const struct tls_keeper *keeper, struct buffer *out);

#endif
