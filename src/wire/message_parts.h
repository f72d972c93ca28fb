/*
 * message_parts.h - what the bodies of several messages are made of; for wire/message*.c alone.
 */
#ifndef WIRE_MESSAGE_PARTS_H
#define WIRE_MESSAGE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

static inline void put_status(struct buffer *out, enum status status)
{
    buffer_put_u8(out, (uint8_t)status);
}

/* Fails the reader on what is no status. */
static inline enum status get_status(struct reader *reader)
{
    uint8_t status = reader_u8(reader);
    if (status >= STATUS_COUNT)
        reader->failed = true;
    return (enum status)status;
}

/* Fails the reader on anything but 0 and 1. */
static inline bool get_bool(struct reader *reader)
{
    uint8_t value = reader_u8(reader);
    if (value > 1)
        reader->failed = true;
    return value == 1;
}

#endif
