/*
 * lane_etcd.c - etcd's own interface, gRPC over HTTP/2 without TLS: Put, and linearizable Range.
 *
 * Each operation is a stream: HEADERS and DATA there; back HEADERS, DATA and, at the end, trailers.
 * A call that fails has no DATA, so the trailers need not be read, and what is sent needs no table
 * of header fields: each is written out. Sources: RFC 9113 (frames, windows), RFC 7541 6 (fields),
 * the gRPC protocol over HTTP/2, etcd's rpc.proto.
 */
#include "lane.h"

#include <stdio.h>
#include <string.h>

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW = 8
};

enum {
    FLAG_ACK = 1,
    FLAG_END_STREAM = 1,
    FLAG_END_HEADERS = 4,
    HEAD_BYTES = 9,
    SETTING_INITIAL_WINDOW = 4,
    WINDOW_AT_START = 65535,
    STREAM_WINDOW = 1 << 24,
    READ_WINDOW = 1 << 30,
    TELL_READ_BYTES = 1 << 26
};

static void put_head(struct buffer *out, size_t length, enum frame_type type, unsigned flags,
                     uint32_t stream)
{
    buffer_put_u8(out, (uint8_t)(length >> 16));
    buffer_put_u16(out, (uint16_t)length);
    buffer_put_u8(out, (uint8_t)type);
    buffer_put_u8(out, (uint8_t)flags);
    buffer_put_u32(out, stream);
}

static void put_window(struct buffer *out, uint32_t more)
{
    put_head(out, 4, FRAME_WINDOW, 0, 0);
    buffer_put_u32(out, more);
}

static void greet(struct lane *lane)
{
    buffer_append_slice(&lane->out, slice_text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    put_head(&lane->out, 6, FRAME_SETTINGS, 0, 0);
    buffer_put_u16(&lane->out, SETTING_INITIAL_WINDOW);
    buffer_put_u32(&lane->out, STREAM_WINDOW);
    put_window(&lane->out, READ_WINDOW);
    lane->send_window = WINDOW_AT_START;
    lane->next_token = 1; /* streams of a client are odd */
}

/* A header field that is put into no table; `index`: of its name in the static one, or 0. */
static void put_field(struct buffer *out, uint8_t index, const char *name, const char *value)
{
    if (index > 15) { /* four bits of a prefix, and what is above them */
        buffer_put_u8(out, 15);
        buffer_put_u8(out, (uint8_t)(index - 15));
    } else {
        buffer_put_u8(out, index);
    }
    if (index == 0) {
        buffer_put_u8(out, (uint8_t)strlen(name));
        buffer_append_slice(out, slice_text(name));
    }
    buffer_put_u8(out, (uint8_t)strlen(value));
    buffer_append_slice(out, slice_text(value));
}

static void put_fields(struct buffer *out, bool writes)
{
    enum { INDEX_AUTHORITY = 1, INDEX_PATH = 4, INDEX_CONTENT_TYPE = 31 };
    buffer_put_u8(out, 0x83); /* :method POST, */
    buffer_put_u8(out, 0x86); /* :scheme http: these two are in the static table */
    put_field(out, INDEX_PATH, NULL, writes ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range");
    put_field(out, INDEX_AUTHORITY, NULL, "localhost");
    put_field(out, INDEX_CONTENT_TYPE, NULL, "application/grpc");
    put_field(out, 0, "te", "trailers");
}

/* A field of type bytes, by its number. */
static void put_member(struct buffer *out, uint8_t number, struct slice bytes)
{
    buffer_put_u8(out, (uint8_t)(number << 3 | 2));
    buffer_put_bytes(out, bytes);
}

static bool ask(struct lane *lane, bool writes, struct slice key, struct slice value)
{
    uint8_t fields_room[256], body_room[2048];
    struct buffer fields = buffer_on(fields_room, sizeof fields_room);
    struct buffer body = buffer_on(body_room, sizeof body_room);
    put_member(&body, 1, key);
    if (writes)
        put_member(&body, 2, value);
    size_t sent = 5 + body.length; /* behind a flag for compression, and the length */
    bool fits = sent <= lane->send_window;
    if (fits) {
        put_fields(&fields, writes);
        put_head(&lane->out, fields.length, FRAME_HEADERS, FLAG_END_HEADERS, lane->next_token);
        buffer_append_slice(&lane->out, buffer_slice(&fields));
        put_head(&lane->out, sent, FRAME_DATA, FLAG_END_STREAM, lane->next_token);
        buffer_put_u8(&lane->out, 0);
        buffer_put_u32(&lane->out, (uint32_t)body.length);
        buffer_append_slice(&lane->out, buffer_slice(&body));
        lane->send_window -= (uint32_t)sent;
        lane->next_token++; /* the loop adds another one */
    }
    buffer_deinit(&fields);
    buffer_deinit(&body);
    return fits;
}

static void note_data(struct lane *lane, uint32_t stream, size_t length)
{
    struct lane_operation *operation = lane_find(lane, stream);
    if (operation != NULL)
        operation->answered = true;
    lane->read_bytes += length;
    if (lane->read_bytes >= TELL_READ_BYTES) {
        put_window(&lane->out, (uint32_t)lane->read_bytes);
        lane->read_bytes = 0;
    }
}

static void end_stream(struct lane *lane, uint32_t stream, bool reset)
{
    struct lane_operation *operation = lane_find(lane, stream);
    if (operation != NULL)
        lane_end(lane, operation, operation->answered && !reset ? NULL : "etcd refused a call");
}

static bool take_frame(struct lane *lane, unsigned type, unsigned flags, uint32_t stream,
                       struct slice body)
{
    struct reader reader = reader_make(body);
    switch (type) {
    case FRAME_DATA:
        note_data(lane, stream, body.length);
        break;
    case FRAME_HEADERS:
        if ((flags & FLAG_END_STREAM) != 0)
            end_stream(lane, stream, false);
        break;
    case FRAME_RESET:
        end_stream(lane, stream, true);
        break;
    case FRAME_SETTINGS:
        if ((flags & FLAG_ACK) == 0)
            put_head(&lane->out, 0, FRAME_SETTINGS, FLAG_ACK, 0);
        break;
    case FRAME_PING:
        if ((flags & FLAG_ACK) == 0) {
            put_head(&lane->out, body.length, FRAME_PING, FLAG_ACK, 0);
            buffer_append_slice(&lane->out, body);
        }
        break;
    case FRAME_WINDOW:
        if (stream == 0)
            lane->send_window += reader_u32(&reader);
        break;
    case FRAME_GOAWAY:
        lane_note(lane, slice_text("etcd ended the connection"));
        return false;
    default:
        break; /* what asks for nothing */
    }
    return true;
}

static bool take(struct lane *lane)
{
    size_t offset = 0;
    bool good = true;
    while (good && lane->in.length - offset >= HEAD_BYTES) {
        const uint8_t *head = lane->in.data + offset;
        size_t length = (size_t)head[0] << 16 | bytes_load_u16(head + 1);
        if (lane->in.length - offset - HEAD_BYTES < length)
            break;
        good = take_frame(lane, head[3], head[4], bytes_load_u32(head + 5) & 0x7fffffff,
                          slice_make(head + HEAD_BYTES, length));
        offset += HEAD_BYTES + length;
    }
    buffer_consume(&lane->in, offset);
    return good;
}

const struct lane_protocol lane_etcd = {"etcd", greet, ask, take};
