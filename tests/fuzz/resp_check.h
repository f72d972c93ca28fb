/*
 * resp_check.h - what must hold for any bytes that reach the two RESP parsers.
 *
 * Shared by the fuzz target and by the unit tests. A transcript is everything a
 * parser said about its input, as bytes, so that two runs can be compared. The
 * input is fed in pieces, each time in memory of exactly the size of what the
 * parser may look at and at a new address: a byte read too far or a pointer kept
 * too long is seen by the address sanitizer.
 */
#ifndef TESTS_FUZZ_RESP_CHECK_H
#define TESTS_FUZZ_RESP_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/resp_reader.h"
#include "wire/resp_reply.h"
#include "wire/resp_writer.h"

/* How an input is cut: one piece of `first` bytes, then pieces of `step` (0: all the rest). */
struct resp_cut {
    size_t first;
    size_t step;
};

/* The part of an input that has arrived and is not consumed. */
struct resp_feed {
    struct slice input;
    size_t arrived;
    uint8_t *held;
    size_t held_length;
};

static inline void resp_feed_keep(struct resp_feed *feed, size_t from, size_t length,
                                  struct slice more)
{
    uint8_t *fresh = malloc(length + more.length + (length + more.length == 0));
    if (fresh == NULL)
        abort();
    if (length > 0)
        memcpy(fresh, feed->held + from, length);
    if (more.length > 0)
        memcpy(fresh + length, more.data, more.length);
    free(feed->held);
    feed->held = fresh;
    feed->held_length = length + more.length;
}

/* Drop `consumed` bytes and let the next `piece` arrive (0: the rest); false at the end. */
static inline bool resp_feed_next(struct resp_feed *feed, size_t consumed, size_t piece)
{
    size_t left = feed->input.length - feed->arrived;
    if (left == 0)
        return false;
    if (piece == 0 || piece > left)
        piece = left;
    resp_feed_keep(feed, consumed, feed->held_length - consumed,
                   slice_make(feed->input.data + feed->arrived, piece));
    feed->arrived += piece;
    return true;
}

static inline void resp_note_request(struct buffer *out, const struct resp_request *request)
{
    buffer_printf(out, "request of %u bytes:", (unsigned)request->wire_bytes);
    for (uint32_t i = 0; i < request->argument_count; i++) {
        buffer_printf(out, " [%zu] ", request->arguments[i].length);
        buffer_append_slice(out, request->arguments[i]);
    }
    buffer_printf(out, "\n");
}

/* An error text goes to the client as it is: it must be one clean line. */
static inline void resp_note_error(struct buffer *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p >= 0x7f)
            abort();
    buffer_printf(out, "error: %s\n", text);
}

static inline void resp_transcript_requests(struct slice input, const struct resp_limits *limits,
                                            struct resp_cut cut, struct buffer *out)
{
    struct resp_feed feed = {.input = input};
    struct resp_reader *reader = resp_reader_new(limits);
    struct resp_request request;
    enum resp_reader_progress progress = RESP_READER_MORE;
    size_t offset = 0;
    size_t piece = cut.first;
    while (progress != RESP_READER_ERROR && resp_feed_next(&feed, offset, piece)) {
        struct slice held = slice_make(feed.held, feed.held_length);
        offset = 0;
        while ((progress = resp_reader_next(reader, held, &offset, &request)) ==
               RESP_READER_REQUEST)
            resp_note_request(out, &request);
        piece = cut.step;
    }
    if (progress == RESP_READER_ERROR)
        resp_note_error(out, resp_reader_error(reader));
    resp_reader_free(reader);
    free(feed.held);
}

static inline void resp_note_value(struct buffer *out, const struct resp_value *value)
{
    buffer_printf(out, "(%d%s ", (int)value->type, value->format);
    switch (value->type) {
    case RESP_TYPE_SIMPLE:
    case RESP_TYPE_ERROR:
    case RESP_TYPE_BULK:
    case RESP_TYPE_VERBATIM:
    case RESP_TYPE_BIG_NUMBER:
        buffer_append_slice(out, value->text);
        break;
    case RESP_TYPE_INTEGER:
        buffer_printf(out, "%lld", (long long)value->integer);
        break;
    case RESP_TYPE_DOUBLE:
        buffer_printf(out, "%a", value->real);
        break;
    case RESP_TYPE_BOOLEAN:
        buffer_printf(out, "%s", value->boolean ? "true" : "false");
        break;
    case RESP_TYPE_NULL:
        break;
    case RESP_TYPE_ARRAY:
    case RESP_TYPE_MAP:
    case RESP_TYPE_SET:
    case RESP_TYPE_PUSH:
        for (size_t i = 0; i < value->element_count; i++)
            resp_note_value(out, &value->elements[i]);
        break;
    }
    buffer_printf(out, ")");
}

static inline void resp_transcript_replies(struct slice input,
                                           const struct resp_reply_limits *limits,
                                           struct resp_cut cut, struct buffer *out)
{
    struct resp_feed feed = {.input = input};
    struct resp_reply_reader *reader = resp_reply_reader_new(limits);
    struct resp_value *value = NULL;
    enum resp_reply_progress progress = RESP_REPLY_MORE;
    size_t offset = 0;
    size_t piece = cut.first;
    while (progress != RESP_REPLY_ERROR && resp_feed_next(&feed, offset, piece)) {
        struct slice held = slice_make(feed.held, feed.held_length);
        offset = 0;
        while ((progress = resp_reply_reader_next(reader, held, &offset, &value)) ==
               RESP_REPLY_VALUE) {
            resp_note_value(out, value);
            buffer_printf(out, "\n");
            resp_value_free(value);
        }
        piece = cut.step;
    }
    if (progress == RESP_REPLY_ERROR)
        buffer_printf(out, "error\n");
    resp_reply_reader_free(reader);
    free(feed.held);
}

/* Low enough that small inputs reach every limit. */
static const struct resp_limits resp_check_limits = {.arguments_max = 50,
                                                     .bulk_bytes_max = 300,
                                                     .inline_bytes_max = 128,
                                                     .request_bytes_max = 600,
                                                     .authenticated = true};
static const struct resp_reply_limits resp_check_reply_limits = {
    .text_bytes_max = 128, .elements_max = 50, .reply_bytes_max = 600};

/* The claim that is fuzzed: `cut` makes no difference to either parser. */
static inline bool resp_same_in_pieces(struct slice input, struct resp_cut cut)
{
    struct resp_cut uncut = {.first = 0, .step = 0};
    struct buffer whole[2] = {{0}, {0}};
    struct buffer pieces[2] = {{0}, {0}};
    resp_transcript_requests(input, &resp_check_limits, uncut, &whole[0]);
    resp_transcript_requests(input, &resp_check_limits, cut, &pieces[0]);
    resp_transcript_replies(input, &resp_check_reply_limits, uncut, &whole[1]);
    resp_transcript_replies(input, &resp_check_reply_limits, cut, &pieces[1]);
    bool same = slice_equal(buffer_slice(&whole[0]), buffer_slice(&pieces[0])) &&
                slice_equal(buffer_slice(&whole[1]), buffer_slice(&pieces[1]));
    for (int i = 0; i < 2; i++) {
        buffer_deinit(&whole[i]);
        buffer_deinit(&pieces[i]);
    }
    return same;
}

#endif
