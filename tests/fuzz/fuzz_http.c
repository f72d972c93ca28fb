/*
 * fuzz_http.c - the head of an HTTP request ends where its first empty line does: every shorter
 * part of it asks for more, and what follows changes nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ringd/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct slice part, const uint8_t *data, size_t length)
{
    return part.length == 0 || (part.data >= data && part.data + part.length <= data + length);
}

/* In memory of its own, so that a look past the end is seen. */
static enum http_progress parse_copy(const uint8_t *data, size_t size, struct http_request *out)
{
    uint8_t *copy = malloc(size + (size == 0));
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    enum http_progress progress = http_request_parse(slice_make(copy, size), out);
    if (progress == HTTP_REQUEST) {
        assert(out->head_bytes <= size && out->path.length > 0 && out->path.data[0] == '/');
        assert(is_inside(out->path, copy, out->head_bytes));
        assert(is_inside(out->accept, copy, out->head_bytes));
        (void)http_prefers_open_metrics(out->accept);
    }
    free(copy);
    return progress;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request, again;
    enum http_progress progress = parse_copy(data, size, &request);
    if (progress == HTTP_MORE || progress == HTTP_TOO_LARGE)
        return 0;
    assert(parse_copy(data, request.head_bytes - 1, &again) == HTTP_MORE);
    assert(parse_copy(data, request.head_bytes, &again) == progress);
    assert(again.method == request.method && again.stays == request.stays);
    assert(again.path.length == request.path.length && again.head_bytes == request.head_bytes);
    return 0;
}
