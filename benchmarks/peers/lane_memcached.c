/*
 * lane_memcached.c - memcached's text protocol: set and get.
 */
#include "lane.h"

#include <stdlib.h>
#include <string.h>

static void greet(struct lane *lane)
{
    (void)lane;
}

static bool ask(struct lane *lane, bool writes, struct slice key, struct slice value)
{
    struct buffer *out = &lane->out;
    buffer_printf(out, writes ? "set %.*s 0 0 %zu\r\n" : "get %.*s\r\n", (int)key.length,
                  (const char *)key.data, value.length);
    if (writes) {
        buffer_append_slice(out, value);
        buffer_append(out, "\r\n", 2);
    }
    return true;
}

static bool begins_with(struct slice line, const char *word)
{
    return line.length >= strlen(word) && memcmp(line.data, word, strlen(word)) == 0;
}

/* The value that a line "VALUE key flags bytes" announces, with its line end. */
static size_t announced(struct slice line)
{
    size_t at = line.length;
    while (at > 0 && line.data[at - 1] != ' ')
        at--;
    return strtoul((const char *)line.data + at, NULL, 10) + 2;
}

static bool take(struct lane *lane)
{
    size_t offset = 0;
    for (;;) {
        struct slice rest = slice_make(lane->in.data + offset, lane->in.length - offset);
        const uint8_t *end = rest.length == 0 ? NULL : memchr(rest.data, '\n', rest.length);
        if (end == NULL)
            break;
        struct slice line = slice_make(rest.data, (size_t)(end - rest.data));
        size_t used = line.length + 1;
        if (lane->open_count == 0) {
            lane_note(lane, slice_text("an answer that nobody asked for"));
            return false;
        }
        if (begins_with(line, "VALUE ")) {
            used += announced(line);
            if (used > rest.length)
                break;
        } else if (begins_with(line, "STORED") || begins_with(line, "END")) {
            lane_end(lane, &lane->open[0], NULL);
        } else {
            lane_note(lane, line);
            lane_end(lane, &lane->open[0], "the server answered with an error");
        }
        offset += used;
    }
    buffer_consume(&lane->in, offset);
    return true;
}

const struct lane_protocol lane_memcached = {"memcached", greet, ask, take};
