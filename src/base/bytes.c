#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer->data == NULL || buffer->capacity - buffer->length < extra) {
        size_t capacity = buffer->capacity < 32 ? 32 : buffer->capacity * 2;
        if (capacity < buffer->length + extra)
            capacity = buffer->length + extra;
        buffer->data = memory_resize(buffer->data, capacity, 1);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    memcpy(buffer_reserve(buffer, length), bytes, length);
    buffer->length += length;
}

void buffer_append_slice(struct buffer *buffer, struct slice slice)
{
    buffer_append(buffer, slice.data, slice.length);
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

static void store_big_endian(uint8_t *to, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        to[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static void put_big_endian(struct buffer *buffer, uint64_t value, unsigned width)
{
    store_big_endian(buffer_reserve(buffer, width), value, width);
    buffer->length += width;
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    put_big_endian(buffer, value, 1);
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    put_big_endian(buffer, value, 2);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    put_big_endian(buffer, value, 4);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    put_big_endian(buffer, value, 8);
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
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

void buffer_put_bytes(struct buffer *buffer, struct slice slice)
{
    buffer_put_varint(buffer, slice.length);
    buffer_append_slice(buffer, slice);
}

void buffer_set_u32(struct buffer *buffer, size_t offset, uint32_t value)
{
    assert(offset + 4 <= buffer->length);
    store_big_endian(buffer->data + offset, value, 4);
}

void buffer_set_u64(struct buffer *buffer, size_t offset, uint64_t value)
{
    assert(offset + 8 <= buffer->length);
    store_big_endian(buffer->data + offset, value, 8);
}

struct reader reader_make(struct slice slice)
{
    const uint8_t *first = slice.length == 0 ? (const uint8_t *)"" : slice.data;
    return (struct reader){.next = first, .end = first + slice.length, .failed = false};
}

size_t reader_left(const struct reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->next);
}

struct slice reader_take(struct reader *reader, size_t length)
{
    if (reader_left(reader) < length) {
        reader->failed = true;
        return slice_make(NULL, 0);
    }
    struct slice taken = slice_make(reader->next, length);
    reader->next += length;
    return taken;
}

static uint64_t read_big_endian(struct reader *reader, unsigned width)
{
    struct slice bytes = reader_take(reader, width);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.length; i++)
        value = value << 8 | bytes.data[i];
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)read_big_endian(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t reader_u64(struct reader *reader)
{
    return read_big_endian(reader, 8);
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = reader_u8(reader);
        if (reader->failed)
            return 0;
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break; /* more than 64 bits, or not the shortest form */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->failed = true;
    return 0;
}

uint64_t reader_varint_max(struct reader *reader, uint64_t maximum)
{
    uint64_t value = reader_varint(reader);
    if (value > maximum) {
        reader->failed = true;
        return 0;
    }
    return value;
}

struct slice reader_bytes(struct reader *reader)
{
    uint64_t length = reader_varint(reader);
    if (length > reader_left(reader)) {
        reader->failed = true;
        return slice_make(NULL, 0);
    }
    return reader_take(reader, (size_t)length);
}

enum status reader_end(const struct reader *reader)
{
    return reader->failed || reader->next != reader->end ? STATUS_CORRUPT : STATUS_OK;
}
