/*
 * resp_reader.c - requests of the Redis protocol, read once in whatever pieces they come.
 *
 * Everything about the request under way is kept as offsets from its first
 * byte, because the input may lie at another address in the next call:
 *
 *     *2\r\n$3\r\nGET\r\n$3\r\nkey\r\n
 *     |          |              |
 *     start      spans[0]       parsed: all before it is dealt with
 *
 * A line whose end has not arrived is remembered by `scanned`, the number of
 * its bytes that are known to hold no line end. Slices are made of the spans
 * when the request is complete.
 *
 * Invariants
 *   I1  whatever the pieces, the results are the same: a decision depends on
 *       the bytes up to a certain one, never on how many lie behind it
 *   I2  spans grow with arguments that have arrived, never with announced ones
 *   I3  start + parsed never lies behind the input
 */
#include "wire/resp_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { SMALL_COUNT = 16 };

/* Where an argument lies: 32 bits suffice because request_bytes_max has no more. */
struct span {
    uint32_t offset;
    uint32_t length;
};

struct resp_reader {
    struct resp_limits limits;
    size_t parsed;
    size_t scanned;
    uint32_t declared_count; /* arguments that the header announced; 0: no header yet */
    uint32_t count;          /* arguments that have arrived */
    uint32_t bulk_length;    /* of the argument that is arriving */
    bool in_bulk;            /* its header has been read */
    uint32_t span_capacity;
    struct span *spans;     /* small_spans, or on the heap for this request */
    struct slice *slices;   /* small_slices, or on the heap for this request */
    struct buffer unquoted; /* the words of an inline command */
    char error[80];         /* "" while there is none */
    struct span small_spans[SMALL_COUNT];
    struct slice small_slices[SMALL_COUNT];
};

enum step { STEP_DONE, STEP_SKIPPED, STEP_MORE, STEP_ERROR };

/* The two kinds of header lines and how their errors are called. */
struct header_kind {
    const char *invalid;
    const char *too_long;
};

static const struct header_kind multibulk_header = {"invalid multibulk length",
                                                    "too big mbulk count string"};
static const struct header_kind bulk_header = {"invalid bulk length", "too big bulk count string"};

const struct resp_limits resp_limits_before_login = {
    .arguments_max = 10,
    .bulk_bytes_max = 16384,
    .inline_bytes_max = 65536,
    .request_bytes_max = 1048576,
    .authenticated = false,
};

static void check_limits(const struct resp_limits *limits)
{
    assert(limits->arguments_max >= 1);
    /* A header that read_number() takes at once must not be longer than a line may be. */
    assert(limits->inline_bytes_max >= 64);
    assert(limits->inline_bytes_max <= limits->request_bytes_max);
}

struct resp_reader *resp_reader_new(const struct resp_limits *limits)
{
    check_limits(limits);
    struct resp_reader *r = memory_new(1, sizeof *r);
    r->limits = *limits;
    r->spans = r->small_spans;
    r->slices = r->small_slices;
    r->span_capacity = SMALL_COUNT;
    return r;
}

/* Give back what the last request needed beyond the ordinary. */
static void release_large(struct resp_reader *r)
{
    if (r->spans != r->small_spans)
        free(r->spans);
    if (r->slices != r->small_slices)
        free(r->slices);
    buffer_deinit(&r->unquoted);
    r->spans = r->small_spans;
    r->slices = r->small_slices;
    r->span_capacity = SMALL_COUNT;
}

void resp_reader_free(struct resp_reader *r)
{
    if (r == NULL)
        return;
    release_large(r);
    free(r);
}

void resp_reader_set_limits(struct resp_reader *r, const struct resp_limits *limits)
{
    check_limits(limits);
    r->limits = *limits;
}

const char *resp_reader_error(const struct resp_reader *r)
{
    return r->error[0] == '\0' ? NULL : r->error;
}

static enum step fail(struct resp_reader *r, const char *what)
{
    snprintf(r->error, sizeof r->error, "ERR Protocol error: %s", what);
    return STEP_ERROR;
}

/* The byte comes from outside: what is not plain ASCII is shown as a number. */
static enum step fail_expected_bulk(struct resp_reader *r, uint8_t got)
{
    char what[40];
    bool printable = got >= 0x20 && got < 0x7f;
    snprintf(what, sizeof what,
             printable ? "expected '$', got '%c'" : "expected '$', got '\\x%02x'", got);
    return fail(r, what);
}

static enum step fail_argument_count(struct resp_reader *r)
{
    return fail(r, r->limits.authenticated ? "invalid multibulk length"
                                           : "unauthenticated multibulk length");
}

static enum step fail_bulk_length(struct resp_reader *r)
{
    return fail(r, r->limits.authenticated ? "invalid bulk length" : "unauthenticated bulk length");
}

static void grow_spans(struct resp_reader *r)
{
    struct span *old = r->spans == r->small_spans ? NULL : r->spans;
    r->spans = memory_resize(old, (size_t)r->span_capacity * 2, sizeof *r->spans);
    if (old == NULL)
        memcpy(r->spans, r->small_spans, sizeof r->small_spans);
    r->span_capacity *= 2;
}

static inline void add_span(struct resp_reader *r, size_t offset, size_t length)
{
    if (r->count == r->span_capacity)
        grow_spans(r);
    r->spans[r->count++] = (struct span){(uint32_t)offset, (uint32_t)length};
}

/*
 * The one way to write an integer: no plus, no spaces, no leading zeros, no
 * "-0". False for anything else and for what does not fit 32 bits with its sign:
 * no limit is that large.
 */
static bool parse_number(const uint8_t *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    size_t first = negative ? 1 : 0;
    if (length == first || length - first > 10 || (text[first] == '0' && length != 1))
        return false;
    int64_t value = 0;
    for (size_t i = first; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    if (value > INT32_MAX)
        return false;
    *out = negative ? -value : value;
    return true;
}

/* A header line whose end may not have arrived, or that is not plain digits. */
static enum step read_header_slowly(struct resp_reader *r, const uint8_t *line, size_t available,
                                    const struct header_kind *kind, int64_t *out)
{
    size_t limit = (size_t)r->limits.inline_bytes_max + 1;
    size_t window = available < limit ? available : limit;
    const uint8_t *end = NULL;
    if (r->scanned < window)
        end = memchr(line + r->scanned, '\r', window - r->scanned);
    if (end == NULL) {
        r->scanned = window;
        return window == limit ? fail(r, kind->too_long) : STEP_MORE;
    }
    size_t length = (size_t)(end - line);
    r->scanned = length;
    if (length + 1 == available)
        return STEP_MORE;
    if (end[1] != '\n' || !parse_number(line + 1, length - 1, out))
        return fail(r, kind->invalid);
    r->scanned = 0;
    r->parsed += length + 2;
    return STEP_DONE;
}

/* Read a type byte, a number and \r\n at `parsed`, and step over them. */
static inline enum step read_header(struct resp_reader *r, const uint8_t *line, size_t available,
                                    const struct header_kind *kind, int64_t *out)
{
    /* Nearly every header: up to eight digits, and all of it has arrived. */
    size_t at = 1;
    uint32_t value = 0;
    while (at < available && at <= 8 && (uint8_t)(line[at] - '0') <= 9)
        value = value * 10 + (uint32_t)(line[at++] - '0');
    if (at >= 2 && available - at >= 2 && line[at] == '\r' && line[at + 1] == '\n' &&
        (line[1] != '0' || at == 2)) {
        *out = value;
        r->scanned = 0;
        r->parsed += at + 2;
        return STEP_DONE;
    }
    return read_header_slowly(r, line, available, kind, out);
}

static enum step read_argument_count(struct resp_reader *r, const uint8_t *start, size_t available)
{
    int64_t value = 0;
    enum step step = read_header(r, start, available, &multibulk_header, &value);
    if (step != STEP_DONE)
        return step;
    if (value <= 0)
        return STEP_SKIPPED;
    if (value > r->limits.arguments_max)
        return fail_argument_count(r);
    r->declared_count = (uint32_t)value;
    return STEP_DONE;
}

static enum step read_bulk_length(struct resp_reader *r, const uint8_t *start, size_t available)
{
    const uint8_t *line = start + r->parsed;
    int64_t value = 0;
    if (available == r->parsed)
        return STEP_MORE;
    if (line[0] != '$')
        return fail_expected_bulk(r, line[0]);
    enum step step = read_header(r, line, available - r->parsed, &bulk_header, &value);
    if (step != STEP_DONE)
        return step;
    if (value < 0)
        return fail(r, bulk_header.invalid);
    if (value > r->limits.bulk_bytes_max)
        return fail_bulk_length(r);
    if ((uint64_t)r->parsed + (uint64_t)value + 2 > r->limits.request_bytes_max)
        return fail(r, "too big request");
    r->bulk_length = (uint32_t)value;
    r->in_bulk = true;
    return STEP_DONE;
}

static enum step read_multibulk(struct resp_reader *r, const uint8_t *start, size_t available)
{
    if (r->declared_count == 0) {
        enum step step = read_argument_count(r, start, available);
        if (step != STEP_DONE)
            return step;
    }
    while (r->count < r->declared_count) {
        if (!r->in_bulk) {
            enum step step = read_bulk_length(r, start, available);
            if (step != STEP_DONE)
                return step;
        }
        size_t length = r->bulk_length;
        if (available - r->parsed < length + 2)
            return STEP_MORE;
        const uint8_t *bulk = start + r->parsed;
        if (bulk[length] != '\r' || bulk[length + 1] != '\n')
            return fail(r, "expected CRLF after a bulk");
        add_span(r, r->parsed, length);
        r->parsed += length + 2;
        r->in_bulk = false;
    }
    return STEP_DONE;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape in double quotes means; `*next` is behind the backslash. */
static uint8_t unescape(const uint8_t **next, const uint8_t *end)
{
    const uint8_t *p = *next;
    if (end - p >= 3 && p[0] == 'x' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
        *next = p + 3;
        return (uint8_t)(hex_digit(p[1]) * 16 + hex_digit(p[2]));
    }
    *next = p + 1;
    switch (*p) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return *p;
    }
}

/*
 * Copy what stands in quotes to `to`; `*next` is behind the opening one. The
 * closing one must end the word. False: it is missing, or more follows it.
 */
static bool copy_quoted(const uint8_t **next, const uint8_t *end, uint8_t quote, uint8_t **to)
{
    const uint8_t *p = *next;
    while (p < end && *p != quote) {
        uint8_t c = *p++;
        if (c == '\\' && p < end) {
            if (quote == '"')
                c = unescape(&p, end);
            else if (*p == '\'')
                c = *p++;
        }
        *(*to)++ = c;
    }
    if (p == end || (p + 1 < end && !is_blank(p[1])))
        return false;
    *next = p + 1;
    return true;
}

/* Copy one word to `to`; false when its quotes are unbalanced. Quotes may begin inside a word. */
static bool copy_word(const uint8_t **next, const uint8_t *end, uint8_t **to)
{
    while (*next < end) {
        uint8_t c = **next;
        /* As Redis: vertical tab and form feed separate words only after a blank. */
        if (c == ' ' || c == '\t' || c == '\r')
            return true;
        (*next)++;
        if (c == '"' || c == '\'')
            return copy_quoted(next, end, c, to);
        *(*to)++ = c;
    }
    return true;
}

static enum step split_line(struct resp_reader *r, const uint8_t *line, const uint8_t *end)
{
    /* A word never grows by losing its quotes. */
    uint8_t *to = buffer_reserve(&r->unquoted, (size_t)(end - line));
    for (;;) {
        while (line < end && is_blank(*line))
            line++;
        if (line == end)
            break;
        if (r->count == r->limits.arguments_max)
            return fail_argument_count(r);
        const uint8_t *word = to;
        if (!copy_word(&line, end, &to))
            return fail(r, "unbalanced quotes in request");
        if ((size_t)(to - word) > r->limits.bulk_bytes_max)
            return fail_bulk_length(r);
        add_span(r, (size_t)(word - r->unquoted.data), (size_t)(to - word));
    }
    return r->count == 0 ? STEP_SKIPPED : STEP_DONE;
}

static enum step read_inline(struct resp_reader *r, const uint8_t *start, size_t available)
{
    /* The first byte of a TLS record; without this a ClientHello would wait for a line end. */
    if (start[0] == 0x16)
        return fail(r, "TLS handshake on a port without TLS");
    size_t limit = (size_t)r->limits.inline_bytes_max + 1;
    size_t window = available < limit ? available : limit;
    const uint8_t *end = NULL;
    if (r->scanned < window)
        end = memchr(start + r->scanned, '\n', window - r->scanned);
    if (end == NULL) {
        r->scanned = window;
        return window == limit ? fail(r, "too big inline request") : STEP_MORE;
    }
    r->scanned = 0;
    r->parsed = (size_t)(end - start) + 1;
    if (end > start && end[-1] == '\r')
        end--;
    return end == start ? STEP_SKIPPED : split_line(r, start, end);
}

/*
 * A web page can make a browser send us a form. Its first line is `POST / HTTP/1.1`
 * and its body would be read as commands; a GET is caught by its Host header.
 */
static bool is_http(struct slice name)
{
    return (name.length == 4 && strncasecmp((const char *)name.data, "post", 4) == 0) ||
           (name.length == 5 && strncasecmp((const char *)name.data, "host:", 5) == 0);
}

static void fill_request(struct resp_reader *r, const uint8_t *base, struct resp_request *out)
{
    if (r->count > SMALL_COUNT)
        r->slices = memory_resize(NULL, r->count, sizeof *r->slices);
    for (uint32_t i = 0; i < r->count; i++)
        r->slices[i] = slice_make(base + r->spans[i].offset, r->spans[i].length);
    out->arguments = r->slices;
    out->argument_count = r->count;
    out->wire_bytes = (uint32_t)r->parsed;
}

/* The request is finished or skipped: the next one starts behind it. */
static void start_next(struct resp_reader *r, size_t *offset)
{
    *offset += r->parsed;
    r->parsed = 0;
    r->declared_count = 0;
    r->count = 0;
}

enum resp_reader_progress resp_reader_next(struct resp_reader *r, struct slice input,
                                           size_t *offset, struct resp_request *out)
{
    assert(*offset <= input.length);
    assert(r->parsed <= input.length - *offset); /* I3: the caller kept what it had to */
    if (r->error[0] != '\0')
        return RESP_READER_ERROR;
    if (r->count == 0 && (r->span_capacity != SMALL_COUNT || r->unquoted.data != NULL))
        release_large(r);
    while (*offset < input.length) {
        const uint8_t *start = input.data + *offset;
        size_t available = input.length - *offset;
        bool multibulk = start[0] == '*';
        enum step step =
            multibulk ? read_multibulk(r, start, available) : read_inline(r, start, available);
        if (step == STEP_MORE)
            return RESP_READER_MORE;
        if (step == STEP_DONE) {
            fill_request(r, multibulk ? start : r->unquoted.data, out);
            if (is_http(out->arguments[0]))
                step = fail(r, "this port does not speak HTTP");
        }
        if (step == STEP_ERROR)
            return RESP_READER_ERROR;
        start_next(r, offset);
        if (step == STEP_DONE)
            return RESP_READER_REQUEST;
    }
    return RESP_READER_MORE;
}
