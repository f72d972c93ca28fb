/*
 * http_request.h - the head of an HTTP/1 request: bytes in, a struct out.
 *
 * Only what a reader of three pages needs is understood: the method, the path, what the client
 * accepts, and whether the connection stays. A request with a body, an unknown version or a head
 * that could be read in two ways is bad, and ends its connection: so nobody behind a proxy can hide
 * one request in another.
 * Source: RFC 9112, sections 2 to 6; RFC 9110, section 12.5.1.
 */
#ifndef RINGD_HTTP_REQUEST_H
#define RINGD_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum { HTTP_HEAD_BYTES_MAX = 8 << 10 };

enum http_progress {
    HTTP_MORE, /* the head is not whole yet */
    HTTP_REQUEST,
    HTTP_BAD,      /* 400 */
    HTTP_TOO_LARGE /* 431: HTTP_HEAD_BYTES_MAX bytes without an end */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* Slices point into the input. */
struct http_request {
    enum http_method method;
    struct slice path;   /* without the query; begins with '/' */
    struct slice accept; /* of the first such line; empty: there is none */
    bool stays;          /* the connection may be used again */
    size_t head_bytes;   /* what belongs to this request */
};

/* Look at what has come so far. `out` counts for HTTP_REQUEST alone. Costs O(bytes). */
enum http_progress http_request_parse(struct slice input, struct http_request *out);

/* Whether `accept` prefers OpenMetrics 1.0 to the older text, or has both alike. */
bool http_prefers_open_metrics(struct slice accept);

#endif
