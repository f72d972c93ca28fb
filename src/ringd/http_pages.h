/*
 * http_pages.h - what is read over HTTP: /metrics, /healthz and /readyz.
 *
 *   /metrics   every number of commands/metrics.h and ringd/host_metrics.h, as Prometheus text
 *              0.0.4, or as OpenMetrics 1.0 for who prefers it
 *   /healthz   200 while the loop turns and the store is not given up: else restart it
 *   /readyz    200 when clients that come now are served; else 503 and lines that say why
 */
#ifndef RINGD_HTTP_PAGES_H
#define RINGD_HTTP_PAGES_H

#include <stdbool.h>

#include "node/node.h"
#include "ringd/host_metrics.h"
#include "ringd/http_server.h"

/* What a page shows; all of one moment. */
struct http_sources {
    struct node *node;
    struct instant now;
    struct host_view host;
    bool ending; /* no new clients are taken */
};

/* Fill in the page for `request`, which was made with 404. */
void http_pages_make(const struct http_sources *sources, const struct http_request *request,
                     struct http_page *page);

#endif
