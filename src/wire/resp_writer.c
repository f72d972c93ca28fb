/*
 * resp_writer.c - replies of the Redis protocol, version 2 or 3.
 *
 * Each value reserves the most it can need once and is then written byte by
 * byte behind the buffer's length.
 */
#include "wire/resp_writer.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES_MAX = 1 + 20 + 2, /* a type, -2^63, CRLF */
    DOUBLE_BYTES_MAX = 32,         /* "-1.2345678901234567e-300" and what layouts add */
    DOUBLE_DIGITS_MAX = DBL_DECIMAL_DIG,
};

static uint8_t *write_decimal(uint8_t *to, uint64_t value)
{
    uint8_t digits[20];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

static uint8_t *write_crlf(uint8_t *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + 2;
}

static void end_at(struct buffer *out, const uint8_t *end)
{
    out->length = (size_t)(end - out->data);
}

static void put_header(struct buffer *out, char type, uint64_t count)
{
    uint8_t *to = buffer_reserve(out, HEADER_BYTES_MAX);
    *to++ = (uint8_t)type;
    end_at(out, write_crlf(write_decimal(to, count)));
}

/* A line of one type byte and text that is known to hold no line end. */
static void put_line(struct buffer *out, char type, struct slice text)
{
    uint8_t *to = buffer_reserve(out, text.length + 3);
    *to++ = (uint8_t)type;
    if (text.length > 0)
        memcpy(to, text.data, text.length);
    end_at(out, write_crlf(to + text.length));
}

/* A client must not be able to forge a reply by what an error quotes. */
static void put_clean_line(struct buffer *out, char type, struct slice text)
{
    size_t first = out->length + 1;
    put_line(out, type, text);
    for (size_t i = first; i < first + text.length; i++)
        if (out->data[i] == '\r' || out->data[i] == '\n')
            out->data[i] = ' ';
}

void resp_writer_simple(struct resp_writer writer, struct slice text)
{
    put_clean_line(writer.out, '+', text);
}

void resp_writer_error(struct resp_writer writer, struct slice text)
{
    put_clean_line(writer.out, '-', text);
}

void resp_writer_integer(struct resp_writer writer, int64_t value)
{
    uint8_t *to = buffer_reserve(writer.out, HEADER_BYTES_MAX);
    *to++ = ':';
    if (value < 0)
        *to++ = '-';
    /* Negated as unsigned: -2^63 has no positive counterpart. */
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    end_at(writer.out, write_crlf(write_decimal(to, magnitude)));
}

void resp_writer_bulk(struct resp_writer writer, struct slice bytes)
{
    uint8_t *to = buffer_reserve(writer.out, HEADER_BYTES_MAX + bytes.length + 2);
    *to++ = '$';
    to = write_crlf(write_decimal(to, bytes.length));
    if (bytes.length > 0)
        memcpy(to, bytes.data, bytes.length);
    end_at(writer.out, write_crlf(to + bytes.length));
}

void resp_writer_null(struct resp_writer writer)
{
    if (writer.version == RESP_VERSION_3)
        buffer_append(writer.out, "_\r\n", 3);
    else
        buffer_append(writer.out, "$-1\r\n", 5);
}

void resp_writer_null_array(struct resp_writer writer)
{
    if (writer.version == RESP_VERSION_3)
        buffer_append(writer.out, "_\r\n", 3);
    else
        buffer_append(writer.out, "*-1\r\n", 5);
}

void resp_writer_boolean(struct resp_writer writer, bool value)
{
    if (writer.version == RESP_VERSION_3)
        buffer_append(writer.out, value ? "#t\r\n" : "#f\r\n", 4);
    else
        resp_writer_integer(writer, value);
}

/*
 * The shortest decimal digits that read back as `value` (finite, positive):
 * 0.d1d2d3... times ten to *point. Returns their count.
 *
 * Fifteen digits always survive the way through a double, so a shorter answer
 * shows as zeros at the end of fifteen. Below DBL_MIN fewer do; there all
 * lengths are tried. Seventeen always suffice.
 */
static int shortest_digits(double value, char digits[DOUBLE_DIGITS_MAX], int *point)
{
    char text[DOUBLE_BYTES_MAX];
    int precision = value < DBL_MIN ? 1 : DBL_DIG;
    for (;; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (precision == DOUBLE_DIGITS_MAX || strtod(text, NULL) == value)
            break;
    }
    int count = 0;
    const char *exponent = strchr(text, 'e');
    for (const char *p = text; p < exponent; p++)
        if (*p >= '0' && *p <= '9') /* steps over the locale's decimal point */
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    *point = atoi(exponent + 1) + 1;
    return count;
}

static uint8_t *write_zeros(uint8_t *to, int count)
{
    memset(to, '0', (size_t)count);
    return to + count;
}

static uint8_t *write_digits(uint8_t *to, const char *digits, int count)
{
    memcpy(to, digits, (size_t)count);
    return to + count;
}

/* `count` digits, of which `point` stand before the decimal point, in Redis' layout. */
static uint8_t *write_layout(uint8_t *to, const char *digits, int count, int point)
{
    int exponent = point - 1;       /* of d.ddd */
    int last_place = point - count; /* power of ten of the last digit */
    if (last_place >= 0 && last_place <= 7) {
        to = write_digits(to, digits, count);
        return write_zeros(to, last_place);
    }
    if (last_place < 0 && (last_place > -7 || abs(exponent) < 4)) {
        if (point <= 0) {
            *to++ = '0';
            *to++ = '.';
            to = write_zeros(to, -point);
            return write_digits(to, digits, count);
        }
        to = write_digits(to, digits, point);
        *to++ = '.';
        return write_digits(to, digits + point, count - point);
    }
    *to++ = (uint8_t)digits[0];
    if (count > 1) {
        *to++ = '.';
        to = write_digits(to, digits + 1, count - 1);
    }
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    return write_decimal(to, (uint64_t)abs(exponent));
}

/* `to` has room for DOUBLE_BYTES_MAX. */
static uint8_t *write_double(uint8_t *to, double value)
{
    if (isnan(value)) {
        memcpy(to, "nan", 3);
        return to + 3;
    }
    if (signbit(value)) {
        *to++ = '-';
        value = -value;
    }
    if (isinf(value)) {
        memcpy(to, "inf", 3);
        return to + 3;
    }
    /* As Redis: whole numbers that a double holds exactly are never shown with an exponent. */
    if (value < 4503599627370496.0 && value == (double)(uint64_t)value)
        return write_decimal(to, (uint64_t)value);
    char digits[DOUBLE_DIGITS_MAX];
    int point = 0;
    int count = shortest_digits(value, digits, &point);
    return write_layout(to, digits, count, point);
}

void resp_writer_double(struct resp_writer writer, double value)
{
    uint8_t text[DOUBLE_BYTES_MAX];
    resp_writer_double_text(writer, slice_make(text, (size_t)(write_double(text, value) - text)));
}

void resp_writer_double_text(struct resp_writer writer, struct slice text)
{
    if (writer.version == RESP_VERSION_3)
        put_line(writer.out, ',', text);
    else
        resp_writer_bulk(writer, text);
}

static bool is_decimal_integer(struct slice digits)
{
    size_t first = digits.length > 0 && digits.data[0] == '-' ? 1 : 0;
    for (size_t i = first; i < digits.length; i++)
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
    return digits.length > first;
}

void resp_writer_big_number(struct resp_writer writer, struct slice digits)
{
    assert(is_decimal_integer(digits));
    if (writer.version == RESP_VERSION_3)
        put_line(writer.out, '(', digits);
    else
        resp_writer_bulk(writer, digits);
}

void resp_writer_verbatim(struct resp_writer writer, const char *format, struct slice text)
{
    assert(strlen(format) == 3);
    if (writer.version == RESP_VERSION_2) {
        resp_writer_bulk(writer, text);
        return;
    }
    put_header(writer.out, '=', (uint64_t)text.length + 4);
    buffer_append(writer.out, format, 3);
    buffer_append(writer.out, ":", 1);
    buffer_append_slice(writer.out, text);
    buffer_append(writer.out, "\r\n", 2);
}

void resp_writer_array(struct resp_writer writer, size_t element_count)
{
    put_header(writer.out, '*', element_count);
}

void resp_writer_map(struct resp_writer writer, size_t pair_count)
{
    if (writer.version == RESP_VERSION_3)
        put_header(writer.out, '%', pair_count);
    else
        put_header(writer.out, '*', (uint64_t)pair_count * 2);
}

void resp_writer_set(struct resp_writer writer, size_t element_count)
{
    put_header(writer.out, writer.version == RESP_VERSION_3 ? '~' : '*', element_count);
}

void resp_writer_push(struct resp_writer writer, size_t element_count)
{
    put_header(writer.out, writer.version == RESP_VERSION_3 ? '>' : '*', element_count);
}
