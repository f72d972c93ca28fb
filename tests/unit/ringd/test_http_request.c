#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "ringd/http_request.h"

#define HOST "Host: a\r\n"

static enum http_progress parse(const char *text, struct http_request *out)
{
    return http_request_parse(slice_text(text), out);
}

static void assert_bad(const char *text)
{
    struct http_request request;
    if (parse(text, &request) != HTTP_BAD)
        fail_msg("not refused: %s", text);
}

static void a_request_is_read(void **state)
{
    struct http_request request;
    (void)state;
    assert_int_equal(
        parse("GET /metrics?a=/b HTTP/1.1\r\nhost: a\r\nACCEPT:\t text/plain \r\n\r\nnext",
              &request),
        HTTP_REQUEST);
    assert_int_equal(request.method, HTTP_GET);
    assert_true(slice_equal(request.path, slice_text("/metrics")));
    assert_true(slice_equal(request.accept, slice_text("text/plain")));
    assert_true(request.stays);
    assert_int_equal(request.head_bytes, 61);
    assert_int_equal(parse("HEAD / HTTP/1.1\r\n" HOST "\r\n", &request), HTTP_REQUEST);
    assert_int_equal(request.method, HTTP_HEAD);
    assert_int_equal(parse("BREW / HTTP/1.1\r\n" HOST "\r\n", &request), HTTP_REQUEST);
    assert_int_equal(request.method, HTTP_OTHER);
}

static void a_connection_stays_unless_somebody_says_otherwise(void **state)
{
    struct http_request request;
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &request), HTTP_REQUEST);
    assert_false(request.stays);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n", &request),
                     HTTP_REQUEST);
    assert_false(request.stays);
    assert_int_equal(parse("GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", &request),
                     HTTP_REQUEST);
    assert_true(request.stays);
}

/* What two readers could take for different things is refused. */
static void what_could_be_read_in_two_ways_is_bad(void **state)
{
    (void)state;
    assert_bad("GET / HTTP/1.1\r\n\r\n");
    assert_bad("GET / HTTP/1.1\r\n" HOST HOST "\r\n");
    assert_bad("GET / HTTP/2.0\r\n" HOST "\r\n");
    assert_bad("GET  / HTTP/1.1\r\n" HOST "\r\n");
    assert_bad("GET /a b HTTP/1.1\r\n" HOST "\r\n");
    assert_bad("GET metrics HTTP/1.1\r\n" HOST "\r\n");
    assert_bad("GET http://a/ HTTP/1.1\r\n" HOST "\r\n");
    assert_bad("GET\r\n" HOST "\r\n");
    assert_bad("\r\nGET / HTTP/1.1\r\n" HOST "\r\n");
    assert_bad("GET / HTTP/1.1\n" HOST "\r\n\r\n");
    assert_bad("GET / HTTP/1.1\r\n" HOST "folded:\r\n line\r\n\r\n");
    assert_bad("GET / HTTP/1.1\r\n" HOST "name : value\r\n\r\n");
    assert_bad("GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n");
    assert_bad("GET / HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n");
    assert_bad("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    assert_bad("POST / HTTP/1.1\r\n" HOST "Content-Length: 0, 3\r\n\r\nabc");
    assert_bad("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_bad("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

static void an_endless_head_is_too_large(void **state)
{
    static char text[HTTP_HEAD_BYTES_MAX + 1];
    struct http_request request;
    const char *head = "GET / HTTP/1.1\r\n" HOST "X: ";
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, head, strlen(head));
    assert_int_equal(http_request_parse(slice_make(text, HTTP_HEAD_BYTES_MAX - 1), &request),
                     HTTP_MORE);
    assert_int_equal(http_request_parse(slice_make(text, HTTP_HEAD_BYTES_MAX), &request),
                     HTTP_TOO_LARGE);
    memcpy(text + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_request_parse(slice_make(text, HTTP_HEAD_BYTES_MAX), &request),
                     HTTP_REQUEST);
    memcpy(text + HTTP_HEAD_BYTES_MAX - 4, "a\r\n\r\n", 5);
    assert_int_equal(http_request_parse(slice_make(text, HTTP_HEAD_BYTES_MAX + 1), &request),
                     HTTP_TOO_LARGE);
}

/* However it is cut and whatever is wrong in it: no byte past the input, and the same outcome. */
static void any_bytes_are_read_within_bounds(void **state)
{
    static const char good[] = "GET /metrics HTTP/1.1\r\n" HOST "Accept: a;q=0.5\r\n\r\n";
    struct random random = random_make(7);
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct http_request request;
        size_t length = random_below(&random, sizeof good);
        uint8_t *copy = malloc(length + (length == 0));
        assert_non_null(copy);
        memcpy(copy, good, length);
        for (unsigned flips = random_below(&random, 4); flips > 0 && length > 0; flips--)
            copy[random_below(&random, (uint32_t)length)] = (uint8_t)random_below(&random, 256);
        if (http_request_parse(slice_make(copy, length), &request) == HTTP_REQUEST) {
            assert_true(request.head_bytes <= length);
            assert_true(request.path.data >= copy && request.path.length > 0);
            assert_true(request.path.data + request.path.length <= copy + length);
            (void)http_prefers_open_metrics(request.accept);
        }
        free(copy);
    }
    for (size_t cut = 0; cut < sizeof good - 1; cut++) {
        struct http_request request;
        assert_int_equal(http_request_parse(slice_make(good, cut), &request), HTTP_MORE);
    }
}

static void open_metrics_is_for_who_prefers_it(void **state)
{
    static const struct {
        const char *accept;
        bool open_metrics;
    } cases[] = {
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"application/openmetrics-text", true},
        {"application/openmetrics-text; version=1.0.0", true},
        {"application/openmetrics-text; version=0.0.1", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=0.5,text/plain", false},
        {"text/plain;q=0.5,application/openmetrics-text;q=0.5", true},
        /* Prometheus 2.42 */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         true},
        {"application/openmetrics-text;q=x,,;", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (http_prefers_open_metrics(slice_text(cases[i].accept)) != cases[i].open_metrics)
            fail_msg("accept: %s", cases[i].accept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(a_connection_stays_unless_somebody_says_otherwise),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_bad),
        cmocka_unit_test(an_endless_head_is_too_large),
        cmocka_unit_test(any_bytes_are_read_within_bounds),
        cmocka_unit_test(open_metrics_is_for_who_prefers_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
