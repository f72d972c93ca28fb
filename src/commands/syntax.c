#include "commands/syntax.h"

#include <string.h>

#include "commands/arguments.h"

struct parser {
    struct syntax *out;
    const char *at;
    bool failed;
};

static const char *const integer_names[] = {
    "seconds",        "milliseconds", "count",    "offset",   "start",    "end",
    "index",          "cursor",       "timeout",  "slot",     "numlocal", "numreplicas",
    "destination-db", "client-id",    "protover", "keyspace", "version",
};

static const char *const key_names[] = {"key", "newkey", "source", "destination"};

const char *syntax_type_name(enum syntax_type type)
{
    static const char *const names[] = {"string",    "integer",    "key",   "pattern",
                                        "unix-time", "pure-token", "oneof", "block"};
    return names[type];
}

static bool is_one_of(struct slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(word, slice_text(words[i])))
            return true;
    }
    return false;
}

static bool is_token(struct slice word)
{
    return word.data[0] >= 'A' && word.data[0] <= 'Z';
}

static enum syntax_type type_of(struct slice word)
{
    if (is_token(word))
        return SYNTAX_PURE_TOKEN;
    if (is_one_of(word, key_names, sizeof key_names / sizeof key_names[0]))
        return SYNTAX_KEY;
    if (is_one_of(word, integer_names, sizeof integer_names / sizeof integer_names[0]))
        return SYNTAX_INTEGER;
    if (slice_equal(word, slice_text("pattern")))
        return SYNTAX_PATTERN;
    if (word.length > 9 && memcmp(word.data, "unix-time", 9) == 0)
        return SYNTAX_UNIX_TIME;
    return SYNTAX_STRING;
}

static uint8_t add_node(struct parser *parser, enum syntax_type type, struct slice name)
{
    struct syntax *out = parser->out;
    if (out->count == SYNTAX_NODES_MAX) {
        parser->failed = true;
        return 0;
    }
    out->nodes[out->count] = (struct syntax_node){.type = type, .name = name};
    return out->count++;
}

static void skip_spaces(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static bool take(struct parser *parser, const char *sign)
{
    size_t length = strlen(sign);
    skip_spaces(parser);
    if (strncmp(parser->at, sign, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static struct slice take_word(struct parser *parser)
{
    skip_spaces(parser);
    size_t length = strcspn(parser->at, " []<>|");
    struct slice word = slice_make(parser->at, length);
    parser->at += length;
    return word;
}

static bool at_sequence_end(struct parser *parser)
{
    skip_spaces(parser);
    return *parser->at == '\0' || *parser->at == ']' || *parser->at == '>' || *parser->at == '|';
}

static uint8_t parse_choice(struct parser *parser, const char *end);

/*
 * A word of its own, or WORD with the argument that it names: TOKEN name and
 * TOKEN <a | b> are one argument with a token.
 */
static uint8_t parse_word(struct parser *parser)
{
    struct slice word = take_word(parser);
    uint8_t node = 0;
    if (word.length == 0) {
        parser->failed = true;
        return 0;
    }
    if (!is_token(word))
        return add_node(parser, type_of(word), word);
    if (take(parser, "<")) {
        node = parse_choice(parser, ">");
    } else if (!at_sequence_end(parser) && *parser->at != '[' && *parser->at != '.') {
        struct slice name = take_word(parser);
        if (is_token(name))
            parser->at = (const char *)name.data;
        else
            node = add_node(parser, type_of(name), name);
    }
    if (node == 0)
        node = add_node(parser, SYNTAX_PURE_TOKEN, word);
    parser->out->nodes[node].token = word;
    return node;
}

static bool same_part(const struct syntax *syntax, uint8_t a, uint8_t b)
{
    const struct syntax_node *left = &syntax->nodes[a], *right = &syntax->nodes[b];
    return left->type == right->type && slice_equal(left->name, right->name) &&
           slice_equal(left->token, right->token);
}

/*
 * `key value [key value ...]`: when the optional part repeats the last `parts` ones,
 * those become one argument that may stand more than once.
 */
static bool merge_repetition(struct parser *parser, uint8_t *list, uint8_t group)
{
    struct syntax *syntax = parser->out;
    struct syntax_node *inner = &syntax->nodes[group];
    uint8_t parts = 0, length = 0, at, skipped;
    bool is_block = inner->type == SYNTAX_BLOCK;
    if (!inner->optional || !inner->multiple)
        return false;
    for (at = is_block ? inner->first_child : group; at != 0;
         at = is_block ? syntax->nodes[at].next : 0)
        parts++;
    for (at = *list; at != 0; at = syntax->nodes[at].next)
        length++;
    if (parts == 0 || length < parts)
        return false;
    uint8_t *link = list;
    for (skipped = 0; skipped < length - parts; skipped++)
        link = &syntax->nodes[*link].next;
    uint8_t left = *link, right = is_block ? inner->first_child : group;
    for (uint8_t i = 0; i < parts; i++) {
        if (!same_part(syntax, left, right))
            return false;
        left = syntax->nodes[left].next;
        right = syntax->nodes[right].next;
    }
    inner->optional = false;
    *link = group;
    return true;
}

static void append(struct syntax *syntax, uint8_t *list, uint8_t node)
{
    uint8_t *link = list;
    while (*link != 0)
        link = &syntax->nodes[*link].next;
    *link = node;
}

/* Arguments up to a closing sign; the list's first one. */
static uint8_t parse_sequence(struct parser *parser)
{
    struct syntax *syntax = parser->out;
    uint8_t list = 0;
    while (!parser->failed && !at_sequence_end(parser)) {
        uint8_t node;
        if (take(parser, "...")) {
            if (list == 0 || !at_sequence_end(parser)) {
                parser->failed = true;
                return 0;
            }
            /* All before it may stand more than once: one argument, or a block. */
            node = list;
            if (syntax->nodes[list].next != 0) {
                node = add_node(parser, SYNTAX_BLOCK, slice_text("data"));
                syntax->nodes[node].first_child = list;
            }
            syntax->nodes[node].multiple = true;
            return node;
        }
        if (take(parser, "[")) {
            node = parse_choice(parser, "]");
            syntax->nodes[node].optional = true;
        } else if (take(parser, "<")) {
            node = parse_choice(parser, ">");
        } else {
            node = parse_word(parser);
        }
        if (!parser->failed && !merge_repetition(parser, &list, node))
            append(syntax, &list, node);
    }
    return list;
}

/* One argument as it is, several as a block. */
static uint8_t wrap(struct parser *parser, uint8_t list)
{
    if (list == 0) {
        parser->failed = true;
        return 0;
    }
    if (parser->out->nodes[list].next == 0)
        return list;
    uint8_t block = add_node(parser, SYNTAX_BLOCK, slice_text("data"));
    parser->out->nodes[block].first_child = list;
    return block;
}

static uint8_t parse_choice(struct parser *parser, const char *end)
{
    uint8_t first = wrap(parser, parse_sequence(parser));
    uint8_t choice = first;
    while (!parser->failed && take(parser, "|")) {
        if (choice == first) {
            choice = add_node(parser, SYNTAX_ONE_OF, slice_text("choice"));
            parser->out->nodes[choice].first_child = first;
        }
        append(parser->out, &parser->out->nodes[choice].first_child,
               wrap(parser, parse_sequence(parser)));
    }
    if (!take(parser, end))
        parser->failed = true;
    return parser->failed ? 0 : choice;
}

enum status syntax_parse(const char *line, struct syntax *out)
{
    struct parser parser = {.out = out, .at = line};
    out->count = 0;
    uint8_t root = add_node(&parser, SYNTAX_BLOCK, slice_text("arguments"));
    out->nodes[root].first_child = parse_sequence(&parser);
    if (parser.failed || *parser.at != '\0')
        return STATUS_INVALID;
    return STATUS_OK;
}
