/*
 * server.h - one running node: data directory, store, core and loop put together.
 *
 * server_new() stops at the first part that cannot start, and starts nothing that
 * outlives a failure. Order of an end: no new connections, requests under way are
 * answered (loop_drain()), the store finishes its queue and is marked clean. A second
 * signal ends the process at once, as kill -9 does: acknowledged data is safe.
 */
#ifndef RINGD_SERVER_H
#define RINGD_SERVER_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/status.h"
#include "ringd/config.h"
#include "ringd/rebuild.h"

struct log_file; /* ringd/log_file.h */
struct server;

struct server_params {
    struct config *config;   /* borrowed; server_config_set() changes it */
    const char *config_file; /* borrowed; for INFO, may be empty */
    struct log_file *log;    /* borrowed; reopened on SIGHUP, when TLS is read again too */
    struct log_file *audit;  /* likewise; NULL: there is none */
};

/*
 * Open the data directory (a missing one is initialised as a ring of one node), listen and start
 * the store. Any other status than STATUS_OK: one sentence was appended to `reason`, or one
 * line was logged by the part that failed.
 */
MUST_USE enum status server_new(const struct server_params *params, struct server **out,
                                struct buffer *reason);

/*
 * Serve until SIGTERM or SIGINT, then end cleanly. STATUS_OK: everything is
 * closed. STATUS_CORRUPT: the store is damaged, and nothing was answered from it since that was
 * found; server_damage() says more. Otherwise the data is safe, and the next start treats this end
 * as a crash.
 */
MUST_USE enum status server_run(struct server *server);
const struct ring *server_ring(const struct server *server);
const struct rebuild_cause *server_damage(const struct server *server);
void server_free(struct server *server); /* after server_run(), or without it; NULL is fine */

/*
 * What commands ask of the host; `server` is a struct server.
 * server_config_set() takes effect in the loop and in the node at once.
 */
bool server_config_get(void *server, const char *name, struct buffer *value);
enum status server_config_set(void *server, const char *name, struct slice value,
                              struct buffer *reason);
/* As tls_keeper_reload(). */
enum status server_tls_reload(void *server, struct buffer *reason);
void server_information(void *server, const char *section, struct buffer *out);
struct log_histogram;
const char *server_stage(void *server, unsigned index, struct log_histogram *out);

/* The parameters of the store's database that the configuration names. */
struct leveldb_store_params;
void server_store_params(const struct config_values *values, struct leveldb_store_params *out);

#endif
