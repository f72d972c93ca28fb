/*
 * bytes_inline.h - the bodies of what bytes.h declares and a node calls hundreds of times for each
 * request: there a call costs more than the work. Included by bytes.h, and by nobody else.
 */
#ifndef BASE_BYTES_INLINE_H
#define BASE_BYTES_INLINE_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* bytes.c: the rare ways. */
void buffer_grow(struct buffer *buffer, size_t extra);
void buffer_put_long_varint(struct buffer *buffer, uint64_t value);
uint64_t reader_long_varint(struct reader *reader);

static inline void buffer_deinit(struct buffer *buffer)
{
    if (buffer->data != NULL && !buffer->lent)
        free(buffer->data);
    *buffer = (struct buffer){0};
}

static inline void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (__builtin_expect(buffer->data == NULL || buffer->capacity - buffer->length < extra, 0))
        buffer_grow(buffer, extra);
    return buffer->data + buffer->length;
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    memcpy(buffer_reserve(buffer, length), bytes, length);
    buffer->length += length;
}

static inline void buffer_append_slice(struct buffer *buffer, struct slice slice)
{
    buffer_append(buffer, slice.data, slice.length);
}

/* Of a number as it is in memory, and back. */
static inline uint16_t bytes_big_endian_u16(uint16_t value)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap16(value);
}

static inline uint32_t bytes_big_endian_u32(uint32_t value)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap32(value);
}

static inline uint64_t bytes_big_endian_u64(uint64_t value)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap64(value);
}

/*
 * Two instructions each. Written with shifts they are that alone, but where several stand in a row
 * gcc 12 joins the bytes of all to wider stores, with three instructions for each byte.
 */
static inline void bytes_store_u16(uint8_t *to, uint16_t value)
{
    value = bytes_big_endian_u16(value);
    memcpy(to, &value, sizeof value);
}

static inline void bytes_store_u32(uint8_t *to, uint32_t value)
{
    value = bytes_big_endian_u32(value);
    memcpy(to, &value, sizeof value);
}

static inline void bytes_store_u64(uint8_t *to, uint64_t value)
{
    value = bytes_big_endian_u64(value);
    memcpy(to, &value, sizeof value);
}

static inline void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    *buffer_reserve(buffer, 1) = value;
    buffer->length += 1;
}

static inline void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    bytes_store_u16(buffer_reserve(buffer, 2), value);
    buffer->length += 2;
}

static inline void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    bytes_store_u32(buffer_reserve(buffer, 4), value);
    buffer->length += 4;
}

static inline void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    bytes_store_u64(buffer_reserve(buffer, 8), value);
    buffer->length += 8;
}

static inline void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    if (__builtin_expect(value < 0x80, 1)) /* most are */
        buffer_put_u8(buffer, (uint8_t)value);
    else
        buffer_put_long_varint(buffer, value);
}

static inline void buffer_put_bytes(struct buffer *buffer, struct slice slice)
{
    buffer_put_varint(buffer, slice.length);
    buffer_append(buffer, slice.data, slice.length);
}

static inline void buffer_set_u32(struct buffer *buffer, size_t offset, uint32_t value)
{
    assert(offset + 4 <= buffer->length);
    bytes_store_u32(buffer->data + offset, value);
}

static inline void buffer_set_u64(struct buffer *buffer, size_t offset, uint64_t value)
{
    assert(offset + 8 <= buffer->length);
    bytes_store_u64(buffer->data + offset, value);
}

static inline struct reader reader_make(struct slice slice)
{
    const uint8_t *first = slice.length == 0 ? (const uint8_t *)"" : slice.data;
    return (struct reader){.next = first, .end = first + slice.length, .failed = false};
}

static inline size_t reader_left(const struct reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->next);
}

/* Where `width` bytes are read from, or NULL. */
static inline const uint8_t *reader_skip(struct reader *reader, size_t width)
{
    const uint8_t *from = reader->next;
    if (__builtin_expect(reader->failed || (size_t)(reader->end - from) < width, 0)) {
        reader->failed = true;
        return NULL;
    }
    reader->next = from + width;
    return from;
}

static inline struct slice reader_take(struct reader *reader, size_t length)
{
    const uint8_t *from = reader_skip(reader, length);
    return from == NULL ? slice_make(NULL, 0) : slice_make(from, length);
}

static inline uint16_t bytes_load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return bytes_big_endian_u16(value);
}

static inline uint32_t bytes_load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return bytes_big_endian_u32(value);
}

static inline uint64_t bytes_load_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return bytes_big_endian_u64(value);
}

static inline uint8_t reader_u8(struct reader *reader)
{
    const uint8_t *from = reader_skip(reader, 1);
    return from == NULL ? 0 : *from;
}

static inline uint16_t reader_u16(struct reader *reader)
{
    const uint8_t *from = reader_skip(reader, 2);
    return from == NULL ? 0 : bytes_load_u16(from);
}

static inline uint32_t reader_u32(struct reader *reader)
{
    const uint8_t *from = reader_skip(reader, 4);
    return from == NULL ? 0 : bytes_load_u32(from);
}

static inline uint64_t reader_u64(struct reader *reader)
{
    const uint8_t *from = reader_skip(reader, 8);
    return from == NULL ? 0 : bytes_load_u64(from);
}

/* Most are one byte. */
static inline uint64_t reader_varint(struct reader *reader)
{
    if (__builtin_expect(!reader->failed && reader->next < reader->end && *reader->next < 0x80, 1))
        return *reader->next++;
    return reader_long_varint(reader);
}

static inline uint64_t reader_varint_max(struct reader *reader, uint64_t maximum)
{
    uint64_t value = reader_varint(reader);
    if (value <= maximum)
        return value;
    reader->failed = true;
    return 0;
}

static inline struct slice reader_bytes(struct reader *reader)
{
    uint64_t length = reader_varint(reader);
    return reader_take(reader, length);
}

static inline enum status reader_end(const struct reader *reader)
{
    return reader->failed || reader->next != reader->end ? STATUS_CORRUPT : STATUS_OK;
}

#endif
