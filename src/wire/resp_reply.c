/*
 * resp_reply.c - replies of the Redis protocol, as trees.
 *
 * The aggregates that are not complete form a stack of frames. A value that has
 * been read goes into the top frame; a frame that is full becomes a value
 * itself. So nothing recurses while reading, and a value that has been read
 * is never looked at again, however the bytes come.
 *
 * Invariants
 *   I1  a frame on the stack misses at least one element
 *   I2  elements grow with values that have arrived, never with announced ones
 *   I3  what is not in the caller's hands hangs in exactly one frame
 *   I4  reply_bytes <= reply_bytes_max
 */
#include "wire/resp_reply.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { DOUBLE_TEXT_MAX = 400 }; /* more than any double needs, in any notation */

/* An aggregate that is arriving. */
struct frame {
    struct resp_value value;
    size_t missing;  /* elements still to come, 1.. */
    size_t capacity; /* of value.elements */
    bool attribute;  /* to be thrown away once complete */
};

struct resp_reply_reader {
    struct resp_reply_limits limits;
    size_t scanned;       /* bytes of an incomplete line that hold no line end */
    size_t element_count; /* values of this reply so far */
    size_t reply_bytes;   /* bytes of this reply so far */
    bool broken;
    unsigned depth;
    struct frame frames[RESP_REPLY_DEPTH_MAX];
};

enum step { STEP_DONE, STEP_MORE, STEP_ERROR };

/* One item of the wire: a whole value, or the head of an aggregate that has elements. */
struct item {
    struct resp_value value;
    size_t wire_bytes;
    size_t missing; /* elements to come */
    bool attribute;
};

static bool has_text(enum resp_type type)
{
    return type <= RESP_TYPE_BIG_NUMBER;
}

static bool has_elements(enum resp_type type)
{
    return type >= RESP_TYPE_ARRAY;
}

/* Recursion is bounded by RESP_REPLY_DEPTH_MAX. */
static void value_deinit(struct resp_value *value)
{
    if (has_text(value->type))
        free((void *)value->text.data);
    if (!has_elements(value->type))
        return;
    for (size_t i = 0; i < value->element_count; i++)
        value_deinit(&value->elements[i]);
    free(value->elements);
}

void resp_value_free(struct resp_value *value)
{
    if (value == NULL)
        return;
    value_deinit(value);
    free(value);
}

struct resp_reply_reader *resp_reply_reader_new(const struct resp_reply_limits *limits)
{
    assert(limits->text_bytes_max >= 64);
    assert(limits->text_bytes_max <= limits->reply_bytes_max);
    struct resp_reply_reader *r = memory_new(1, sizeof *r);
    r->limits = *limits;
    return r;
}

void resp_reply_reader_free(struct resp_reply_reader *r)
{
    if (r == NULL)
        return;
    while (r->depth > 0)
        value_deinit(&r->frames[--r->depth].value);
    free(r);
}

/* A sign or none, then 1 to 19 digits, within 64 bits. */
static bool parse_integer(struct slice text, int64_t *out)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    size_t first = negative || (text.length > 0 && text.data[0] == '+') ? 1 : 0;
    if (text.length == first || text.length - first > 19)
        return false;
    uint64_t magnitude = 0; /* 19 digits always fit */
    for (size_t i = first; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        magnitude = magnitude * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

static bool is_text(struct slice text, const char *expected)
{
    return slice_equal(text, slice_text(expected));
}

/* strtod() would also take hexadecimal numbers, blanks and other spellings of infinity. */
static bool parse_double(struct slice text, double *out)
{
    char copy[DOUBLE_TEXT_MAX + 1];
    if (is_text(text, "inf") || is_text(text, "-inf")) {
        *out = text.length == 3 ? INFINITY : -INFINITY;
        return true;
    }
    if (is_text(text, "nan") || is_text(text, "-nan")) {
        *out = NAN;
        return true;
    }
    if (text.length == 0 || text.length > DOUBLE_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (memchr("0123456789+-.eE", text.data[i], 15) == NULL)
            return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    char *end = NULL;
    *out = strtod(copy, &end);
    return end == copy + text.length;
}

static bool is_big_number(struct slice text)
{
    size_t first = text.length > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    for (size_t i = first; i < text.length; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.length > first;
}

static void set_text(struct resp_value *value, enum resp_type type, struct slice text)
{
    value->type = type;
    value->text = slice_make(memory_copy(text.data, text.length), text.length);
}

/* The text of the line behind its type byte; its \r\n is not part of it. */
static enum step find_line(struct resp_reply_reader *r, struct slice input, struct slice *text)
{
    size_t limit = r->limits.text_bytes_max + 2; /* the type byte and \r */
    size_t window = input.length < limit ? input.length : limit;
    const uint8_t *end = memchr(input.data + r->scanned, '\r', window - r->scanned);
    if (end == NULL) {
        r->scanned = window;
        return window == limit ? STEP_ERROR : STEP_MORE;
    }
    size_t length = (size_t)(end - input.data);
    r->scanned = length;
    if (length + 1 == input.length)
        return STEP_MORE;
    r->scanned = 0;
    if (length == 0 || end[1] != '\n')
        return STEP_ERROR;
    *text = slice_make(input.data + 1, length - 1);
    return STEP_DONE;
}

static enum step read_bulk(struct resp_reply_reader *r, struct slice input, struct slice line,
                           enum resp_type type, struct item *item)
{
    int64_t length = 0;
    if (!parse_integer(line, &length))
        return STEP_ERROR;
    if (length == -1 && type == RESP_TYPE_BULK) {
        item->value.type = RESP_TYPE_NULL;
        return STEP_DONE;
    }
    size_t left = r->limits.reply_bytes_max - r->reply_bytes - item->wire_bytes;
    if (length < 0 || (uint64_t)length > r->limits.text_bytes_max || (uint64_t)length + 2 > left)
        return STEP_ERROR;
    struct slice text = slice_make(input.data + item->wire_bytes, (size_t)length);
    if (input.length - item->wire_bytes < text.length + 2)
        return STEP_MORE;
    if (text.data[text.length] != '\r' || text.data[text.length + 1] != '\n')
        return STEP_ERROR;
    item->wire_bytes += text.length + 2;
    if (type == RESP_TYPE_VERBATIM) {
        if (text.length < 4 || text.data[3] != ':')
            return STEP_ERROR;
        memcpy(item->value.format, text.data, 3);
        text = slice_make(text.data + 4, text.length - 4);
    }
    set_text(&item->value, type, text);
    return STEP_DONE;
}

static enum step read_head(struct resp_reply_reader *r, struct slice line, enum resp_type type,
                           struct item *item)
{
    int64_t count = 0;
    if (!parse_integer(line, &count))
        return STEP_ERROR;
    if (count == -1 && type == RESP_TYPE_ARRAY) {
        item->value.type = RESP_TYPE_NULL;
        return STEP_DONE;
    }
    uint64_t width = type == RESP_TYPE_MAP ? 2 : 1;
    if (count < 0 || (uint64_t)count > (r->limits.elements_max - r->element_count) / width)
        return STEP_ERROR;
    item->value.type = type;
    item->missing = (size_t)((uint64_t)count * width);
    return STEP_DONE;
}

static enum step read_by_type(struct resp_reply_reader *r, struct slice input, struct slice line,
                              struct item *item)
{
    struct resp_value *value = &item->value;
    bool good = true;
    switch (input.data[0]) {
    case '+':
        set_text(value, RESP_TYPE_SIMPLE, line);
        break;
    case '-':
        set_text(value, RESP_TYPE_ERROR, line);
        break;
    case ':':
        value->type = RESP_TYPE_INTEGER;
        good = parse_integer(line, &value->integer);
        break;
    case ',':
        value->type = RESP_TYPE_DOUBLE;
        good = parse_double(line, &value->real);
        break;
    case '#':
        value->type = RESP_TYPE_BOOLEAN;
        value->boolean = is_text(line, "t");
        good = value->boolean || is_text(line, "f");
        break;
    case '_':
        value->type = RESP_TYPE_NULL;
        good = line.length == 0;
        break;
    case '(':
        good = is_big_number(line);
        if (good)
            set_text(value, RESP_TYPE_BIG_NUMBER, line);
        break;
    case '$':
        return read_bulk(r, input, line, RESP_TYPE_BULK, item);
    case '!':
        return read_bulk(r, input, line, RESP_TYPE_ERROR, item);
    case '=':
        return read_bulk(r, input, line, RESP_TYPE_VERBATIM, item);
    case '*':
        return read_head(r, line, RESP_TYPE_ARRAY, item);
    case '%':
        return read_head(r, line, RESP_TYPE_MAP, item);
    case '~':
        return read_head(r, line, RESP_TYPE_SET, item);
    case '>':
        return read_head(r, line, RESP_TYPE_PUSH, item);
    case '|':
        item->attribute = true;
        return read_head(r, line, RESP_TYPE_MAP, item);
    default:
        return STEP_ERROR;
    }
    return good ? STEP_DONE : STEP_ERROR;
}

static enum step read_item(struct resp_reply_reader *r, struct slice input, struct item *item)
{
    struct slice line = {0};
    enum step step = find_line(r, input, &line);
    if (step != STEP_DONE)
        return step;
    item->wire_bytes = line.length + 3;
    if (item->wire_bytes > r->limits.reply_bytes_max - r->reply_bytes ||
        r->element_count == r->limits.elements_max)
        return STEP_ERROR;
    return read_by_type(r, input, line, item);
}

static void append_element(struct frame *frame, const struct resp_value *element)
{
    struct resp_value *list = &frame->value;
    if (list->element_count == frame->capacity) {
        size_t wanted = frame->capacity == 0 ? 4 : frame->capacity * 2;
        size_t whole = list->element_count + frame->missing;
        frame->capacity = wanted < whole ? wanted : whole;
        list->elements = memory_resize(list->elements, frame->capacity, sizeof *element);
    }
    list->elements[list->element_count++] = *element;
    frame->missing--;
}

/*
 * Put a complete value where it belongs. True: it, or what it completed, is the
 * whole reply and stands in `value`.
 */
static bool place(struct resp_reply_reader *r, struct resp_value *value)
{
    while (r->depth > 0) {
        struct frame *top = &r->frames[r->depth - 1];
        append_element(top, value);
        if (top->missing > 0)
            return false;
        r->depth--;
        *value = top->value;
        if (top->attribute) {
            value_deinit(value);
            return false;
        }
    }
    return true;
}

static bool push_frame(struct resp_reply_reader *r, const struct item *item)
{
    if (r->depth == RESP_REPLY_DEPTH_MAX)
        return false;
    r->frames[r->depth++] = (struct frame){
        .value = item->value, .missing = item->missing, .attribute = item->attribute};
    return true;
}

static enum resp_reply_progress break_off(struct resp_reply_reader *r)
{
    r->broken = true;
    return RESP_REPLY_ERROR;
}

enum resp_reply_progress resp_reply_reader_next(struct resp_reply_reader *r, struct slice input,
                                                size_t *offset, struct resp_value **out)
{
    assert(*offset <= input.length);
    if (r->broken)
        return RESP_REPLY_ERROR;
    while (*offset < input.length) {
        struct item item = {0};
        struct slice rest = slice_make(input.data + *offset, input.length - *offset);
        enum step step = read_item(r, rest, &item);
        if (step == STEP_MORE)
            return RESP_REPLY_MORE;
        if (step == STEP_ERROR)
            return break_off(r);
        *offset += item.wire_bytes;
        r->reply_bytes += item.wire_bytes;
        r->element_count++;
        if (item.missing > 0) {
            if (!push_frame(r, &item))
                return break_off(r);
            continue;
        }
        if (item.attribute || !place(r, &item.value))
            continue;
        r->reply_bytes = 0;
        r->element_count = 0;
        *out = memory_copy(&item.value, sizeof item.value);
        return RESP_REPLY_VALUE;
    }
    return RESP_REPLY_MORE;
}
