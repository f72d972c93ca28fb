/*
 * reply_reader.c - see the header.
 *
 * An item is a line with its payload: a whole value, or the head of an aggregate. Both passes
 * read items with read_item(), so they cannot disagree.
 *
 * Invariants
 *   I1  an aggregate on a stack misses at least one element
 *   I2  building takes exactly the values and the text bytes that finding has counted
 */
#include "client/reply_reader.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DOUBLE_TEXT_MAX = 400 };

struct item {
    struct ringdb_reply value;
    size_t wire_bytes;
    uint64_t elements; /* of an aggregate, to come */
    bool attribute;
};

/* What stands before a root. */
struct block {
    struct ringdb_memory memory;
    struct ringdb_reply values[];
};

static bool parse_integer(const char *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    size_t first = negative || (length > 0 && text[0] == '+') ? 1 : 0;
    uint64_t magnitude = 0;
    if (length == first || length - first > 19)
        return false;
    for (size_t i = first; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        magnitude = magnitude * 10 + (uint64_t)(text[i] - '0');
    }
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

static bool is_text(const char *text, size_t length, const char *expected)
{
    return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static bool parse_double(const char *text, size_t length, double *out)
{
    char copy[DOUBLE_TEXT_MAX + 1];
    if (is_text(text, length, "inf") || is_text(text, length, "-inf")) {
        *out = length == 3 ? INFINITY : -INFINITY;
        return true;
    }
    if (is_text(text, length, "nan") || is_text(text, length, "-nan")) {
        *out = NAN;
        return true;
    }
    if (length == 0 || length > DOUBLE_TEXT_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (memchr("0123456789+-.eE", text[i], 15) == NULL)
            return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *end = NULL;
    *out = strtod(copy, &end);
    return end == copy + length;
}

static bool is_big_number(const char *text, size_t length)
{
    size_t first = length > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    for (size_t i = first; i < length; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return length > first;
}

static enum ringdb_reply_progress as_text(struct item *item, enum ringdb_type type,
                                          const char *text, size_t length)
{
    item->value.type = type;
    item->value.text = ringdb_bytes(text, length);
    return REPLY_DONE;
}

static enum ringdb_reply_progress read_bulk(const uint8_t *bytes, size_t length, size_t bytes_max,
                                            const char *line, size_t line_length,
                                            enum ringdb_type type, struct item *item)
{
    int64_t announced = 0;
    if (!parse_integer(line, line_length, &announced))
        return REPLY_REFUSED;
    if (announced == -1 && type == RINGDB_BULK) {
        item->value.type = RINGDB_NULL;
        return REPLY_DONE;
    }
    if (announced < 0 || (uint64_t)announced > bytes_max)
        return REPLY_REFUSED;
    size_t text_bytes = (size_t)announced;
    if (length - item->wire_bytes < text_bytes + 2)
        return REPLY_MORE;
    const char *text = (const char *)bytes + item->wire_bytes;
    if (text[text_bytes] != '\r' || text[text_bytes + 1] != '\n')
        return REPLY_REFUSED;
    item->wire_bytes += text_bytes + 2;
    if (type != RINGDB_VERBATIM)
        return as_text(item, type, text, text_bytes);
    if (text_bytes < 4 || text[3] != ':')
        return REPLY_REFUSED;
    return as_text(item, type, text + 4, text_bytes - 4);
}

static enum ringdb_reply_progress read_head(const char *line, size_t line_length,
                                            enum ringdb_type type, struct item *item)
{
    int64_t count = 0;
    if (!parse_integer(line, line_length, &count))
        return REPLY_REFUSED;
    if (count == -1 && type == RINGDB_ARRAY) {
        item->value.type = RINGDB_NULL;
        return REPLY_DONE;
    }
    if (count < 0 || count > REPLY_VALUES_MAX)
        return REPLY_REFUSED;
    item->value.type = type;
    item->elements = (uint64_t)count * (type == RINGDB_MAP ? 2 : 1);
    return REPLY_DONE;
}

static enum ringdb_reply_progress checked(bool good)
{
    return good ? REPLY_DONE : REPLY_REFUSED;
}

/* `line` is what stands between the type byte and the line end, which are counted already. */
static enum ringdb_reply_progress read_by_type(const uint8_t *bytes, size_t length,
                                               size_t bytes_max, const char *line,
                                               size_t line_length, struct item *item)
{
    struct ringdb_reply *value = &item->value;
    switch (bytes[0]) {
    case '+':
        return as_text(item, RINGDB_SIMPLE, line, line_length);
    case '-':
        return as_text(item, RINGDB_ERROR, line, line_length);
    case '(':
        return is_big_number(line, line_length)
                   ? as_text(item, RINGDB_BIG_NUMBER, line, line_length)
                   : REPLY_REFUSED;
    case ':':
        value->type = RINGDB_INTEGER;
        return checked(parse_integer(line, line_length, &value->integer));
    case ',':
        value->type = RINGDB_DOUBLE;
        return checked(parse_double(line, line_length, &value->real));
    case '#':
        value->type = RINGDB_BOOLEAN;
        value->integer = is_text(line, line_length, "t");
        return checked(value->integer == 1 || is_text(line, line_length, "f"));
    case '_':
        value->type = RINGDB_NULL;
        return checked(line_length == 0);
    case '$':
        return read_bulk(bytes, length, bytes_max, line, line_length, RINGDB_BULK, item);
    case '!':
        return read_bulk(bytes, length, bytes_max, line, line_length, RINGDB_ERROR, item);
    case '=':
        return read_bulk(bytes, length, bytes_max, line, line_length, RINGDB_VERBATIM, item);
    case '*':
        return read_head(line, line_length, RINGDB_ARRAY, item);
    case '%':
        return read_head(line, line_length, RINGDB_MAP, item);
    case '~':
        return read_head(line, line_length, RINGDB_SET, item);
    case '>':
        return read_head(line, line_length, RINGDB_PUSH, item);
    case '|':
        item->attribute = true;
        return read_head(line, line_length, RINGDB_MAP, item);
    default:
        return REPLY_REFUSED;
    }
}

/* One item at `bytes`. `*line_scanned` bytes are known to hold no line end; it is kept up. */
static enum ringdb_reply_progress read_item(const uint8_t *bytes, size_t length, size_t bytes_max,
                                            size_t *line_scanned, struct item *item)
{
    size_t window = length < REPLY_LINE_MAX + 2 ? length : REPLY_LINE_MAX + 2;
    const uint8_t *end =
        window > *line_scanned ? memchr(bytes + *line_scanned, '\r', window - *line_scanned) : NULL;
    if (end == NULL) {
        *line_scanned = window;
        return window == REPLY_LINE_MAX + 2 ? REPLY_REFUSED : REPLY_MORE;
    }
    size_t line_end = (size_t)(end - bytes);
    *line_scanned = line_end;
    if (line_end + 1 == length)
        return REPLY_MORE;
    if (line_end == 0 || end[1] != '\n')
        return REPLY_REFUSED;
    item->wire_bytes = line_end + 2;
    return read_by_type(bytes, length, bytes_max, (const char *)bytes + 1, line_end - 1, item);
}

static bool has_text(enum ringdb_type type)
{
    return type <= RINGDB_BIG_NUMBER;
}

/* Count an item that is whole. True: the reply is complete with it. */
static bool close_items(struct ringdb_reply_reader *reader, bool attribute)
{
    while (!attribute && reader->depth > 0) {
        if (--reader->missing[reader->depth - 1] > 0)
            return false;
        attribute = reader->attribute[--reader->depth];
    }
    return !attribute;
}

enum ringdb_reply_progress ringdb_reply_find(struct ringdb_reply_reader *reader,
                                             const uint8_t *bytes, size_t length,
                                             size_t *wire_bytes, size_t *values, size_t *text_bytes)
{
    while (reader->scanned < length) {
        struct item item = {0};
        enum ringdb_reply_progress progress =
            read_item(bytes + reader->scanned, length - reader->scanned, reader->bytes_max,
                      &reader->line_scanned, &item);
        if (progress != REPLY_DONE)
            return progress;
        reader->line_scanned = 0;
        reader->scanned += item.wire_bytes;
        if (reader->scanned > reader->bytes_max || ++reader->values > REPLY_VALUES_MAX)
            return REPLY_REFUSED;
        if (has_text(item.value.type))
            reader->text_bytes += item.value.text.length + 1;
        if (item.elements > 0) {
            if (reader->depth == REPLY_DEPTH_MAX)
                return REPLY_REFUSED;
            reader->missing[reader->depth] = item.elements;
            reader->attribute[reader->depth++] = item.attribute;
            continue;
        }
        if (!close_items(reader, item.attribute))
            continue;
        *wire_bytes = reader->scanned;
        *values = reader->values;
        *text_bytes = reader->text_bytes;
        *reader = (struct ringdb_reply_reader){.bytes_max = reader->bytes_max};
        return REPLY_DONE;
    }
    return length > reader->bytes_max ? REPLY_REFUSED : REPLY_MORE;
}

/* An aggregate that is being filled. */
struct filling {
    struct ringdb_reply *next;
    uint64_t missing;
    bool attribute;
};

struct ringdb_reply *ringdb_reply_build(const struct ringdb_memory *memory, const uint8_t *bytes,
                                        size_t wire_bytes, size_t values, size_t text_bytes)
{
    struct filling stack[REPLY_DEPTH_MAX];
    unsigned depth = 0;
    size_t values_bytes = values * sizeof(struct ringdb_reply);
    struct block *block =
        ringdb_memory_resize(memory, NULL, sizeof *block + values_bytes + text_bytes);
    if (block == NULL)
        return NULL;
    block->memory = *memory;
    struct ringdb_reply *free_value = block->values + 1; /* of the aggregates' elements */
    char *free_text = (char *)block->values + values_bytes;
    struct ringdb_reply ignored; /* an attribute stands in nobody's place */
    for (size_t at = 0; at < wire_bytes;) {
        struct item item = {0};
        size_t line_scanned = 0;
        enum ringdb_reply_progress progress =
            read_item(bytes + at, wire_bytes - at, wire_bytes, &line_scanned, &item);
        assert(progress == REPLY_DONE);
        (void)progress;
        at += item.wire_bytes;
        struct ringdb_reply *place = item.attribute ? &ignored
                                     : depth == 0   ? block->values
                                                    : stack[depth - 1].next++;
        *place = item.value;
        if (has_text(item.value.type)) {
            memcpy(free_text, item.value.text.data, item.value.text.length);
            free_text[item.value.text.length] = '\0';
            place->text.data = free_text;
            free_text += item.value.text.length + 1;
        } else if (item.value.type >= RINGDB_ARRAY) {
            place->elements = free_value;
            place->element_count = (size_t)item.elements;
        }
        if (item.elements > 0) {
            stack[depth++] = (struct filling){
                .next = free_value, .missing = item.elements, .attribute = item.attribute};
            free_value += item.elements;
            continue;
        }
        for (bool attribute = item.attribute; !attribute && depth > 0;) {
            if (--stack[depth - 1].missing > 0)
                break;
            attribute = stack[--depth].attribute;
        }
    }
    assert(depth == 0);
    assert(free_value <= block->values + values);                           /* I2 */
    assert(free_text == (char *)block->values + values_bytes + text_bytes); /* I2 */
    return block->values;
}

void ringdb_reply_free(struct ringdb_reply *reply)
{
    if (reply == NULL)
        return;
    struct block *block = (struct block *)(void *)((char *)reply - offsetof(struct block, values));
    struct ringdb_memory memory = block->memory;
    ringdb_memory_free(&memory, block);
}

const struct ringdb_reply *ringdb_reply_get(const struct ringdb_reply *map, const char *name)
{
    size_t length = strlen(name);
    if (map == NULL || (map->type != RINGDB_MAP && map->type != RINGDB_ARRAY))
        return NULL;
    for (size_t i = 0; i + 1 < map->element_count; i += 2) {
        const struct ringdb_reply *key = &map->elements[i];
        if (key->type <= RINGDB_VERBATIM && key->text.length == length &&
            memcmp(key->text.data, name, length) == 0)
            return &map->elements[i + 1];
    }
    return NULL;
}
