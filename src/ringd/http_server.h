/*
 * http_server.h - a few HTTP/1.1 connections in the node's loop, for pages that only are read.
 *
 * GET and HEAD of whole pages, one request of a connection at a time. A page is made in memory
 * and its maker must be quick: the loop serves clients as well. Nothing is encrypted and nobody
 * logs in.
 *
 * Bounds: HTTP_CONNECTIONS_MAX connections, and for one more the one that has been quiet for
 * longest is closed, so that idle ones cannot keep a health check out; HTTP_HEAD_BYTES_MAX for a
 * request; HTTP_QUIET_MS without a byte moved, and a connection is closed.
 *
 * Own code, because libmicrohttpd would bring GnuTLS and seven more libraries into a process that
 * has OpenSSL, for three pages.
 */
#ifndef RINGD_HTTP_SERVER_H
#define RINGD_HTTP_SERVER_H

#include <ev.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/status.h"
#include "ringd/config_value.h"
#include "ringd/http_request.h"

enum { HTTP_CONNECTIONS_MAX = 32, HTTP_QUIET_MS = 30000 };

/* What a request is answered; made empty, with 404. */
struct http_page {
    unsigned status;
    const char *type; /* media type; lives for ever */
    struct buffer body;
};

struct http_server;

struct http_server_params {
    struct ev_loop *ev;
    struct log_sink log;
    struct config_addresses listen;
    /* Fill in the page of a GET or HEAD. */
    void (*make)(void *context, const struct http_request *request, struct http_page *page);
    void *context;
};

/*
 * Listen on all addresses; an empty list is fine.
 * STATUS_IO, STATUS_NOT_FOUND: one of them cannot be listened on; one line was logged.
 */
MUST_USE enum status http_server_new(const struct http_server_params *params,
                                     struct http_server **out);
/* Before its loop is destroyed. NULL is fine. */
void http_server_free(struct http_server *server);

uint16_t http_server_port(const struct http_server *server, size_t index);

#endif
