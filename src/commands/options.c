#include "commands/options.h"

#include <string.h>

#include "commands/arguments.h"

enum { TIMEOUT_MS_MAX = 3600 * 1000 };

static const char *const option_names[OPTION_COUNT] = {"cl", "r",  "w",      "pr",
                                                       "pw", "dw", "sloppy", "timeout"};

/* Understood, and refused until what they promise can be kept. */
static const char *const options_later[] = {"n", "region"};

/* Levels that the manual names and that are not offered yet. */
static const char *const levels_later[] = {"SERIAL", "LOCAL_SERIAL"};

static const char *const sloppy_names[SLOPPY_COUNT] = {
    [SLOPPY_DEFAULT] = "default", [SLOPPY_NO] = "no", [SLOPPY_YES] = "yes"};

bool option_is(struct slice word)
{
    return word.length > 1 && word.data[0] != '=' && memchr(word.data, '=', word.length) != NULL;
}

static bool has_name(struct slice word, const char *name, struct slice *value)
{
    const struct slice begin = slice_text(name);
    if (word.length < begin.length || !slice_is_word(slice_make(word.data, begin.length), name))
        return false;
    *value = slice_make(word.data + begin.length, word.length - begin.length);
    return true;
}

bool option_is_context(struct slice word, struct slice *token)
{
    return has_name(word, "context=", token);
}

bool option_is_id(struct slice word, struct slice *id)
{
    return has_name(word, "id=", id);
}

const char *option_name(unsigned index)
{
    return option_names[index];
}

/* The option of this name that counts owners; NULL when it is none. */
static uint8_t *owners_option(struct request_options *options, const char *name)
{
    const struct {
        const char *name;
        uint8_t *count;
    } known[] = {{"r", &options->r},
                 {"w", &options->w},
                 {"pr", &options->pr},
                 {"pw", &options->pw},
                 {"dw", &options->dw}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].count;
    return NULL;
}

static void write_owners(uint8_t count, struct buffer *out)
{
    if (count == OWNERS_UNSET)
        buffer_printf(out, "default");
    else if (count == OWNERS_QUORUM)
        buffer_printf(out, "quorum");
    else if (count == OWNERS_ALL)
        buffer_printf(out, "all");
    else
        buffer_printf(out, "%u", count);
}

void option_value(const struct request_options *options, unsigned index, struct buffer *out)
{
    struct request_options copy = *options;
    const char *name = option_names[index];
    const uint8_t *owners = owners_option(&copy, name);
    if (owners != NULL)
        write_owners(*owners, out);
    else if (strcmp(name, "cl") == 0)
        buffer_printf(out, "%s", copy.level == LEVEL_DEFAULT ? "default" : level_name(copy.level));
    else if (strcmp(name, "sloppy") == 0)
        buffer_printf(out, "%s", sloppy_names[copy.sloppy]);
    else if (copy.timeout_ms == 0)
        buffer_printf(out, "default");
    else
        buffer_printf(out, "%u", copy.timeout_ms);
}

/* Owners that the level asks for by number; 0: it follows from how many there are. */
static uint8_t owners_of_level(enum level level)
{
    return level >= LEVEL_ONE && level <= LEVEL_THREE ? (uint8_t)(1 + level - LEVEL_ONE) : 0;
}

static enum status parse_level(struct slice value, const struct ring *ring, uint8_t *out,
                               struct buffer *reason)
{
    enum level level = LEVEL_DEFAULT;
    for (size_t i = 0; i < sizeof levels_later / sizeof levels_later[0]; i++) {
        if (slice_is_word(value, levels_later[i])) {
            buffer_printf(reason, "ERR the consistency level %s is not offered yet",
                          levels_later[i]);
            return STATUS_UNSUPPORTED;
        }
    }
    if (!slice_is_word(value, "default") && level_parse(value, &level) != STATUS_OK) {
        buffer_printf(reason, "ERR unknown consistency level '%.*s'",
                      value.length > 64 ? 64 : (int)value.length, (const char *)value.data);
        return STATUS_INVALID;
    }
    if (owners_of_level(level) > ring->owner_count) {
        buffer_printf(reason, "ERR cl=%s cannot be met: a partition has %u owner%s",
                      level_name(level), ring->owner_count, ring->owner_count == 1 ? "" : "s");
        return STATUS_INVALID;
    }
    *out = (uint8_t)level;
    return STATUS_OK;
}

static enum status parse_owners(const char *name, struct slice value, const struct ring *ring,
                                uint8_t *out, struct buffer *reason)
{
    uint64_t count;
    if (slice_is_word(value, "quorum")) {
        *out = OWNERS_QUORUM;
    } else if (slice_is_word(value, "all")) {
        *out = OWNERS_ALL;
    } else if (slice_is_word(value, "default")) {
        *out = OWNERS_UNSET;
    } else if (!parse_unsigned(value, &count) || count == 0) {
        buffer_printf(reason, "ERR %s must be a number from 1, quorum or all", name);
        return STATUS_INVALID;
    } else if (count > ring->owner_count) {
        buffer_printf(reason, "ERR %s=%llu cannot be met: a partition has %u owner%s", name,
                      (unsigned long long)count, ring->owner_count,
                      ring->owner_count == 1 ? "" : "s");
        return STATUS_INVALID;
    } else {
        *out = (uint8_t)count;
    }
    return STATUS_OK;
}

static enum status parse_sloppy(struct slice value, uint8_t *out, struct buffer *reason)
{
    for (uint8_t i = 0; i < SLOPPY_COUNT; i++) {
        if (slice_is_word(value, sloppy_names[i])) {
            *out = i;
            return STATUS_OK;
        }
    }
    buffer_printf(reason, "ERR sloppy must be yes or no");
    return STATUS_INVALID;
}

static enum status parse_timeout(struct slice value, uint32_t *out, struct buffer *reason)
{
    uint64_t timeout_ms = 0;
    if (!slice_is_word(value, "default") &&
        (!parse_unsigned(value, &timeout_ms) || timeout_ms == 0 || timeout_ms > TIMEOUT_MS_MAX)) {
        buffer_printf(reason, "ERR timeout must be milliseconds from 1 to %u", TIMEOUT_MS_MAX);
        return STATUS_INVALID;
    }
    *out = (uint32_t)timeout_ms;
    return STATUS_OK;
}

/* `digits` lower case hexadecimal digits, not all of them zero unless that is allowed. */
static bool is_hex(const uint8_t *text, size_t digits, bool zero_allowed)
{
    bool zero = true;
    for (size_t i = 0; i < digits; i++) {
        bool decimal = text[i] >= '0' && text[i] <= '9';
        if (!decimal && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
        zero = zero && text[i] == '0';
    }
    return zero_allowed || !zero;
}

/*
 * 00-<trace id, 32>-<parent id, 16>-<flags, 2>. Checked and not used further.
 * Source: W3C Recommendation "Trace Context", section 3.2.
 */
static bool is_traceparent(struct slice value)
{
    const uint8_t *text = value.data;
    return value.length == 55 && text[2] == '-' && text[35] == '-' && text[52] == '-' &&
           text[0] == '0' && text[1] == '0' && is_hex(text + 3, 32, false) &&
           is_hex(text + 36, 16, false) && is_hex(text + 53, 2, true);
}

enum status option_parse(struct slice word, const struct ring *ring,
                         struct request_options *options, struct buffer *reason)
{
    const uint8_t *equals = memchr(word.data, '=', word.length);
    struct slice name = slice_make(word.data, (size_t)(equals - word.data));
    struct slice value = slice_make(equals + 1, word.length - name.length - 1);
    if (slice_is_word(name, "cl"))
        return parse_level(value, ring, &options->level, reason);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        uint8_t *owners = owners_option(options, option_names[i]);
        if (owners != NULL && slice_is_word(name, option_names[i]))
            return parse_owners(option_names[i], value, ring, owners, reason);
    }
    if (slice_is_word(name, "sloppy"))
        return parse_sloppy(value, &options->sloppy, reason);
    if (slice_is_word(name, "timeout"))
        return parse_timeout(value, &options->timeout_ms, reason);
    if (slice_is_word(name, "traceparent")) {
        if (is_traceparent(value))
            return STATUS_OK;
        buffer_printf(reason, "ERR traceparent must be 00-TRACEID-PARENTID-FLAGS in lower case");
        return STATUS_INVALID;
    }
    if (slice_is_word(name, "context")) {
        buffer_printf(reason, "ERR a context is of one request: give it with WITH");
        return STATUS_INVALID;
    }
    if (slice_is_word(name, "id")) {
        buffer_printf(reason, "ERR an id is of one request: give it with WITH");
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < sizeof options_later / sizeof options_later[0]; i++) {
        if (slice_is_word(name, options_later[i])) {
            buffer_printf(reason, "ERR the option '%s' is not offered yet", options_later[i]);
            return STATUS_UNSUPPORTED;
        }
    }
    buffer_printf(reason, "ERR unknown option '%.*s'", name.length > 64 ? 64 : (int)name.length,
                  (const char *)name.data);
    return STATUS_INVALID;
}
