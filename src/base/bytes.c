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

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

static void grow(struct buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity < BUFFER_BYTES_MIN ? BUFFER_BYTES_MIN : buffer->capacity * 2;
    if (capacity < buffer->length + extra)
        capacity = buffer->length + extra;
    buffer->data = memory_resize(buffer->data, capacity, 1);
    buffer->capacity = capacity;
}

/* Inlined into the writers below; they are the most called functions of a node. */
static inline uint8_t *reserve(struct buffer *buffer, size_t extra)
{
    if (__builtin_expect(buffer->data == NULL || buffer->capacity - buffer->length < extra, 0))
        grow(buffer, extra);
    return buffer->data + buffer->length;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    return reserve(buffer, extra);
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    memcpy(reserve(buffer, length), bytes, length);
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

/* Compilers make one instruction of each of these. */
static inline void store_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void store_u32(uint8_t *to, uint32_t value)
{
    store_u16(to, (uint16_t)(value >> 16));
    store_u16(to + 2, (uint16_t)value);
}

static inline void store_u64(uint8_t *to, uint64_t value)
{
    store_u32(to, (uint32_t)(value >> 32));
    store_u32(to + 4, (uint32_t)value);
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    *reserve(buffer, 1) = value;
    buffer->length += 1;
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    store_u16(reserve(buffer, 2), value);
    buffer->length += 2;
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    store_u32(reserve(buffer, 4), value);
    buffer->length += 4;
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    store_u64(reserve(buffer, 8), value);
    buffer->length += 8;
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    if (__builtin_expect(value < 0x80, 1)) { /* most are */
        buffer_put_u8(buffer, (uint8_t)value);
        return;
    }
    uint8_t *to = reserve(buffer, 10);
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
    buffer_append(buffer, slice.data, slice.length);
}

void buffer_set_u32(struct buffer *buffer, size_t offset, uint32_t value)
{
    assert(offset + 4 <= buffer->length);
    store_u32(buffer->data + offset, value);
}

void buffer_set_u64(struct buffer *buffer, size_t offset, uint64_t value)
{
    assert(offset + 8 <= buffer->length);
    store_u64(buffer->data + offset, value);
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

/* Where `width` bytes are read from, or NULL. */
static inline const uint8_t *take(struct reader *reader, size_t width)
{
    const uint8_t *from = reader->next;
    if (__builtin_expect(reader->failed || (size_t)(reader->end - from) < width, 0)) {
        reader->failed = true;
        return NULL;
    }
    reader->next = from + width;
    return from;
}

static inline uint16_t load_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t load_u32(const uint8_t *from)
{
    return (uint32_t)load_u16(from) << 16 | load_u16(from + 2);
}

uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *from = take(reader, 1);
    return from == NULL ? 0 : *from;
}

uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *from = take(reader, 2);
    return from == NULL ? 0 : load_u16(from);
}

uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *from = take(reader, 4);
    return from == NULL ? 0 : load_u32(from);
}

uint64_t reader_u64(struct reader *reader)
{
    const uint8_t *from = take(reader, 8);
    return from == NULL ? 0 : (uint64_t)load_u32(from) << 32 | load_u32(from + 4);
}

static uint64_t long_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *from = take(reader, 1);
        if (from == NULL)
            return 0;
        if ((shift == 63 && *from > 1) || (shift > 0 && *from == 0))
            break; /* more than 64 bits, or not the shortest form */
        value |= (uint64_t)(*from & 0x7f) << shift;
        if ((*from & 0x80) == 0)
            return value;
    }
    reader->failed = true;
    return 0;
}

/* Most are one byte. */
static inline uint64_t varint(struct reader *reader)
{
    if (__builtin_expect(!reader->failed && reader->next < reader->end && *reader->next < 0x80, 1))
        return *reader->next++;
    return long_varint(reader);
}

uint64_t reader_varint(struct reader *reader)
{
    return varint(reader);
}

uint64_t reader_varint_max(struct reader *reader, uint64_t maximum)
{
    uint64_t value = varint(reader);
    if (value > maximum) {
        reader->failed = true;
        return 0;
    }
    return value;
}

struct slice reader_bytes(struct reader *reader)
{
    uint64_t length = varint(reader);
    if (__builtin_expect(reader->failed || length > (uint64_t)(reader->end - reader->next), 0)) {
        reader->failed = true;
        return slice_make(NULL, 0);
    }
    struct slice taken = slice_make(reader->next, (size_t)length);
    reader->next += length;
    return taken;
}

enum status reader_end(const struct reader *reader)
{
    return reader->failed || reader->next != reader->end ? STATUS_CORRUPT : STATUS_OK;
}
