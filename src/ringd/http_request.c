#include "ringd/http_request.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The part of a slice that is not read yet. */
struct cursor {
    struct slice rest;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static struct slice trim(struct slice text)
{
    while (text.length > 0 && is_blank(text.data[0]))
        text = slice_make(text.data + 1, text.length - 1);
    while (text.length > 0 && is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

/* Up to `end`, which is dropped; all of it when there is none. */
static struct slice take_until(struct cursor *cursor, uint8_t end)
{
    struct slice rest = cursor->rest;
    const uint8_t *at = rest.length == 0 ? NULL : memchr(rest.data, end, rest.length);
    size_t length = at == NULL ? rest.length : (size_t)(at - rest.data);
    size_t used = at == NULL ? length : length + 1;
    cursor->rest = slice_make(rest.data + used, rest.length - used);
    return slice_make(rest.data, length);
}

static bool equals(struct slice text, const char *other)
{
    return slice_equal(text, slice_text(other));
}

static bool equals_any_case(struct slice text, const char *other)
{
    return text.length == strlen(other) &&
           strncasecmp((const char *)text.data, other, text.length) == 0;
}

/* ---- the head ---- */

/* One of RFC 9110's token characters. */
static bool is_token(struct slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.data[i];
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && (byte == '\0' || strchr(others, byte) == NULL))
            return false;
    }
    return text.length > 0;
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return text.length > 0;
}

/* `GET /metrics?x=y HTTP/1.1` */
static bool parse_first_line(struct slice line, struct http_request *out, bool *has_host)
{
    struct cursor words = {line};
    struct slice method = take_until(&words, ' ');
    struct cursor target = {take_until(&words, ' ')};
    if (!is_token(method) || !is_printable(target.rest) || target.rest.data[0] != '/')
        return false;
    out->path = take_until(&target, '?');
    out->method = equals(method, "GET") ? HTTP_GET : HTTP_OTHER;
    if (equals(method, "HEAD"))
        out->method = HTTP_HEAD;
    out->stays = equals(words.rest, "HTTP/1.1");
    *has_host = !out->stays; /* 1.0 needs none */
    return out->stays || equals(words.rest, "HTTP/1.0");
}

static void parse_connection(struct slice value, struct http_request *out)
{
    struct cursor list = {value};
    while (list.rest.length > 0)
        if (equals_any_case(trim(take_until(&list, ',')), "close"))
            out->stays = false;
}

static bool parse_field(struct slice line, struct http_request *out, unsigned *hosts)
{
    struct cursor rest = {line};
    struct slice name = take_until(&rest, ':');
    struct slice value = trim(rest.rest);
    if (name.length == line.length || !is_token(name)) /* no colon, or a folded line */
        return false;
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < ' ' && value.data[i] != '\t')
            return false;
    if (equals_any_case(name, "host"))
        (*hosts)++;
    else if (equals_any_case(name, "connection"))
        parse_connection(value, out);
    else if (equals_any_case(name, "accept") && out->accept.length == 0)
        out->accept = value;
    else if (equals_any_case(name, "content-length"))
        return equals(value, "0");
    else if (equals_any_case(name, "transfer-encoding"))
        return false;
    return true;
}

static bool parse_lines(struct slice head, struct http_request *out)
{
    struct cursor lines = {head};
    bool needs_no_host = false;
    unsigned hosts = 0;
    for (bool first = true; lines.rest.length > 0; first = false) {
        struct slice line = take_until(&lines, '\n');
        if (line.length == 0 || line.data[line.length - 1] != '\r')
            return false;
        line.length--;
        if (first ? !parse_first_line(line, out, &needs_no_host) : !parse_field(line, out, &hosts))
            return false;
    }
    return hosts == 1 || (hosts == 0 && needs_no_host);
}

enum http_progress http_request_parse(struct slice input, struct http_request *out)
{
    size_t seen = input.length < HTTP_HEAD_BYTES_MAX ? input.length : (size_t)HTTP_HEAD_BYTES_MAX;
    const uint8_t *end = seen == 0 ? NULL : memmem(input.data, seen, "\r\n\r\n", 4);
    *out = (struct http_request){0};
    if (end == NULL)
        return input.length < HTTP_HEAD_BYTES_MAX ? HTTP_MORE : HTTP_TOO_LARGE;
    out->head_bytes = (size_t)(end - input.data) + 4;
    return parse_lines(slice_make(input.data, out->head_bytes - 2), out) ? HTTP_REQUEST : HTTP_BAD;
}

/* ---- what is accepted ---- */

/* `0.75` in thousandths; 0 when it is no such number. */
static unsigned parse_weight(struct slice text)
{
    unsigned weight = 0, unit = 1000;
    for (size_t i = 0; i < text.length && i < 5; i++) {
        if (i == 1 && text.data[i] == '.')
            continue;
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        weight += unit * (unsigned)(text.data[i] - '0');
        unit /= 10;
    }
    return weight < 1000 ? weight : 1000;
}

struct media_range {
    struct slice type;
    bool is_other_version; /* of OpenMetrics, than 1.0.0 */
    unsigned weight;       /* thousandths */
};

static struct media_range parse_range(struct slice text)
{
    struct cursor rest = {text};
    struct media_range range = {.type = trim(take_until(&rest, ';')), .weight = 1000};
    while (rest.rest.length > 0) {
        struct cursor parameter = {trim(take_until(&rest, ';'))};
        struct slice name = take_until(&parameter, '=');
        if (equals_any_case(name, "q"))
            range.weight = parse_weight(parameter.rest);
        else if (equals_any_case(name, "version"))
            range.is_other_version =
                !equals(parameter.rest, "1.0.0") && !equals(parameter.rest, "\"1.0.0\"");
    }
    return range;
}

bool http_prefers_open_metrics(struct slice accept)
{
    struct cursor list = {accept};
    unsigned open_metrics = 0, text = 0;
    while (list.rest.length > 0) {
        struct media_range range = parse_range(take_until(&list, ','));
        if (equals_any_case(range.type, "application/openmetrics-text") &&
            !range.is_other_version && range.weight > open_metrics)
            open_metrics = range.weight;
        else if (equals_any_case(range.type, "text/plain") && range.weight > text)
            text = range.weight;
    }
    return open_metrics > 0 && open_metrics >= text;
}
