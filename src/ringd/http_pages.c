#include "ringd/http_pages.h"

#include "base/metric.h"

static const char TEXT_METRICS[] = "text/plain; version=0.0.4; charset=utf-8";
static const char OPEN_METRICS[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

static void make_metrics(const struct http_sources *sources, const struct http_request *request,
                         struct http_page *page)
{
    struct metric_page metrics = {.out = &page->body,
                                  .open_metrics = http_prefers_open_metrics(request->accept)};
    page->status = 200;
    page->type = metrics.open_metrics ? OPEN_METRICS : TEXT_METRICS;
    node_metrics(sources->node, sources->now, &metrics);
    host_metrics_write(&sources->host, &metrics);
    metric_page_end(&metrics);
}

static void make_state(bool good, struct http_page *page)
{
    page->status = good ? 200 : 503;
    if (good)
        buffer_append_slice(&page->body, slice_text("ok\n"));
}

static void make_health(const struct http_sources *sources, struct http_page *page)
{
    bool given_up = sources->host.store.state == STORE_QUARANTINED;
    if (given_up)
        buffer_append_slice(&page->body, slice_text("the store is damaged\n"));
    make_state(!given_up, page);
}

static void make_readiness(const struct http_sources *sources, struct http_page *page)
{
    if (sources->ending)
        buffer_append_slice(&page->body, slice_text("the node is ending\n"));
    if (sources->host.store.state != STORE_SERVING)
        buffer_append_slice(&page->body, slice_text("the store cannot be written\n"));
    bool ready = node_is_ready(sources->node, sources->now, &page->body);
    make_state(ready && page->body.length == 0, page);
}

void http_pages_make(const struct http_sources *sources, const struct http_request *request,
                     struct http_page *page)
{
    if (slice_equal(request->path, slice_text("/metrics")))
        make_metrics(sources, request, page);
    else if (slice_equal(request->path, slice_text("/healthz")))
        make_health(sources, page);
    else if (slice_equal(request->path, slice_text("/readyz")))
        make_readiness(sources, page);
}
