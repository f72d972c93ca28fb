#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BUFFER_BYTES_MIN = 128 };

struct slice slice_text(const char *text)
{
    return slice_make(text, strlen(text));
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

void buffer_grow(struct buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity < BUFFER_BYTES_MIN ? BUFFER_BYTES_MIN : buffer->capacity * 2;
    if (capacity < buffer->length + extra)
        capacity = buffer->length + extra;
    uint8_t *old = buffer->lent ? NULL : buffer->data;
    uint8_t *grown = memory_resize(old, capacity, 1);
    if (buffer->lent && buffer->length > 0)
        memcpy(grown, buffer->data, buffer->length);
    *buffer = (struct buffer){.data = grown, .length = buffer->length, .capacity = capacity};
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (length == 0)
        return;
    memmove(buffer->data, buffer->data + length, buffer->length - length);
    buffer->length -= length;
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    char *to = (char *)buffer_reserve(buffer, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(to, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

void buffer_put_long_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t *to = buffer_reserve(buffer, 10);
    size_t length = 0;
    while (value >= 0x80) {
        to[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[length++] = (uint8_t)value;
    buffer->length += length;
}

uint64_t reader_long_varint(struct reader *reader)
{
    const uint8_t *from = reader->next;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && !reader->failed && from < reader->end; shift += 7) {
        uint8_t byte = *from++;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break; /* more than 64 bits, or not the shortest form */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            reader->next = from;
            return value;
        }
    }
    reader->failed = true;
    return 0;
}
