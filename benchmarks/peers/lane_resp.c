/*
 * lane_resp.c - the Redis protocol, version 2: SET and GET, and WAIT behind each SET when asked
 * for.
 *
 * A write with WAIT ends with the answer to that, which must count enough copies. It is sent
 * whether or not SET succeeds, so both answers come.
 */
#include "lane.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 5000 };

static void greet(struct lane *lane)
{
    (void)lane;
}

static bool ask(struct lane *lane, bool writes, struct slice key, struct slice value)
{
    struct buffer *out = &lane->out;
    if (!writes) {
        buffer_printf(out, "*2\r\n$3\r\nGET\r\n$%zu\r\n", key.length);
        buffer_append_slice(out, key);
        buffer_append(out, "\r\n", 2);
        return true;
    }
    buffer_printf(out, "*3\r\n$3\r\nSET\r\n$%zu\r\n", key.length);
    buffer_append_slice(out, key);
    buffer_printf(out, "\r\n$%zu\r\n", value.length);
    buffer_append_slice(out, value);
    buffer_append(out, "\r\n", 2);
    if (lane->wait_copies > 0)
        buffer_printf(out, "*3\r\n$4\r\nWAIT\r\n$1\r\n%u\r\n$4\r\n%u\r\n", lane->wait_copies,
                      WAIT_MS);
    return true;
}

/* The first reply, and whether it is whole. */
static bool next_reply(struct slice bytes, struct slice *line, size_t *used)
{
    const uint8_t *end = memchr(bytes.data, '\n', bytes.length);
    if (bytes.length == 0 || end == NULL)
        return false;
    *line = slice_make(bytes.data, (size_t)(end - bytes.data));
    *used = line->length + 1;
    if (bytes.data[0] == '$') {
        long length = strtol((const char *)bytes.data + 1, NULL, 10);
        if (length >= 0)
            *used += (size_t)length + 2;
    }
    return *used <= bytes.length;
}

static void end_with(struct lane *lane, struct slice line)
{
    struct lane_operation *operation = &lane->open[0];
    bool waits = operation->writes && lane->wait_copies > 0;
    if (line.data[0] == '-') {
        lane_note(lane, line);
        operation->failed = true;
    }
    if (waits && !operation->answered) {
        operation->answered = true;
    } else if (waits && strtoul((const char *)line.data + 1, NULL, 10) < lane->wait_copies) {
        lane_end(lane, operation, "WAIT counted too few copies");
    } else {
        lane_end(lane, operation, operation->failed ? "the server answered with an error" : NULL);
    }
}

static bool take(struct lane *lane)
{
    size_t offset = 0, used;
    struct slice line;
    while (next_reply(slice_make(lane->in.data + offset, lane->in.length - offset), &line, &used)) {
        if (lane->open_count == 0) {
            lane_note(lane, slice_text("an answer that nobody asked for"));
            return false;
        }
        end_with(lane, line);
        offset += used;
    }
    buffer_consume(&lane->in, offset);
    return true;
}

const struct lane_protocol lane_resp = {"resp", greet, ask, take};
