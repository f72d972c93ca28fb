/*
 * bytes.h - borrowed bytes, owned bytes, and reading and writing of both.
 *
 * A `slice` is borrowed, a `buffer` is owned. A `reader` walks a slice and
 * remembers the first failure, so a decoder reads all its fields and asks once.
 * Integers are big-endian, so that encoded keys sort as their numbers do;
 * `varint` is LEB128, 1 to 10 bytes, and only its shortest form is accepted.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Borrowed bytes: valid as long as their owner says. `data` may be NULL when `length` is 0. */
struct slice {
    const uint8_t *data;
    size_t length;
};

static inline struct slice slice_make(const void *data, size_t length)
{
    struct slice slice = {.data = data, .length = length};
    return slice;
}

/* The characters of `text` without its NUL. */
struct slice slice_text(const char *text);
bool slice_equal(struct slice a, struct slice b);
/* As memcmp() with the shorter one first among equals: <0, 0, >0. */
int slice_compare(struct slice a, struct slice b);

/* Owned bytes that grow. All zero is a valid empty buffer. Release with buffer_deinit(). */
struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool lent; /* `data` is the array that buffer_on() was given */
};

/*
 * An empty buffer that begins in an array of the caller, for bytes that are needed within one
 * function and are few nearly always: those cost no allocation, more of them move out. It is
 * released as any other, and never copied into another struct.
 */
static inline struct buffer buffer_on(void *room, size_t room_bytes)
{
    struct buffer buffer = {.data = room, .capacity = room_bytes, .lent = true};
    return buffer;
}

static inline void buffer_deinit(struct buffer *buffer); /* leaves a valid empty buffer */
static inline void buffer_clear(struct buffer *buffer);  /* keeps the memory */
/* Make room for `extra` more bytes and return where they go; the length is not changed. */
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t extra);
static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
static inline void buffer_append_slice(struct buffer *buffer, struct slice slice);
/* Remove `length` bytes from the front; `length` is at most buffer->length. O(bytes left). */
void buffer_consume(struct buffer *buffer, size_t length);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_make(buffer->data, buffer->length);
}

static inline void buffer_put_u8(struct buffer *buffer, uint8_t value);
static inline void buffer_put_u16(struct buffer *buffer, uint16_t value);
static inline void buffer_put_u32(struct buffer *buffer, uint32_t value);
static inline void buffer_put_u64(struct buffer *buffer, uint64_t value);
static inline void buffer_put_varint(struct buffer *buffer, uint64_t value);
/* A varint length, then the bytes. */
static inline void buffer_put_bytes(struct buffer *buffer, struct slice slice);

/* Overwrite four bytes at `offset`, which must have been written before. */
static inline void buffer_set_u32(struct buffer *buffer, size_t offset, uint32_t value);
static inline void buffer_set_u64(struct buffer *buffer, size_t offset, uint64_t value);

/* Walks borrowed bytes. After a failure every read gives 0 or an empty slice. */
struct reader {
    const uint8_t *next;
    const uint8_t *end;
    bool failed;
};

static inline struct reader reader_make(struct slice slice);
static inline uint8_t reader_u8(struct reader *reader);
static inline uint16_t reader_u16(struct reader *reader);
static inline uint32_t reader_u32(struct reader *reader);
static inline uint64_t reader_u64(struct reader *reader);
static inline uint64_t reader_varint(struct reader *reader);
/* A varint that must not exceed `maximum`. */
static inline uint64_t reader_varint_max(struct reader *reader, uint64_t maximum);
/* A varint length and as many bytes, borrowed from what is read. */
static inline struct slice reader_bytes(struct reader *reader);
/* Exactly `length` bytes, borrowed. */
static inline struct slice reader_take(struct reader *reader, size_t length);
static inline size_t reader_left(const struct reader *reader);
/* STATUS_OK when nothing failed and nothing is left over, else STATUS_CORRUPT. */
MUST_USE static inline enum status reader_end(const struct reader *reader);

#include "base/bytes_inline.h"

#endif
