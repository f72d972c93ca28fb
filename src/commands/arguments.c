#include "commands/arguments.h"

#include <string.h>

enum { SHOWN_BYTES_MAX = 128 };

bool slice_is_word(struct slice slice, const char *word)
{
    size_t i = 0;
    for (; i < slice.length && word[i] != '\0'; i++) {
        uint8_t a = slice.data[i], b = (uint8_t)word[i];
        if (a >= 'A' && a <= 'Z')
            a = (uint8_t)(a + 32);
        if (b >= 'A' && b <= 'Z')
            b = (uint8_t)(b + 32);
        if (a != b)
            return false;
    }
    return i == slice.length && word[i] == '\0';
}

bool parse_unsigned(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.length == 0 || (text.length > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool parse_integer(struct slice text, int64_t *out)
{
    uint64_t magnitude;
    bool negative = text.length > 0 && text.data[0] == '-';
    if (negative)
        text = slice_make(text.data + 1, text.length - 1);
    if (!parse_unsigned(text, &magnitude) || (negative && magnitude == 0))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool is_plain_word(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    }
    return true;
}

static uint8_t fold(uint8_t byte, bool ignore_case)
{
    return ignore_case && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* One pattern item at `*at` against one byte; `*at` moves behind the item. */
static bool item_matches(struct slice pattern, size_t *at, uint8_t byte, bool ignore_case)
{
    const uint8_t *p = pattern.data;
    size_t end = pattern.length, i = *at;
    bool hit = false;
    if (p[i] == '?') {
        hit = true;
    } else if (p[i] == '[') {
        bool negated = ++i < end && p[i] == '^';
        if (negated)
            i++;
        /* A class that is never closed ends with the pattern. */
        for (; i < end && p[i] != ']'; i++) {
            if (p[i] == '\\' && i + 1 < end) {
                i++;
                hit = hit || fold(p[i], ignore_case) == byte;
            } else if (i + 2 < end && p[i + 1] == '-') {
                uint8_t low = fold(p[i], ignore_case), high = fold(p[i + 2], ignore_case);
                if (low > high) {
                    uint8_t swap = low;
                    low = high;
                    high = swap;
                }
                hit = hit || (byte >= low && byte <= high);
                i += 2;
            } else {
                hit = hit || fold(p[i], ignore_case) == byte;
            }
        }
        hit = hit != negated;
        if (i >= end)
            i = end - 1;
    } else {
        if (p[i] == '\\' && i + 1 < end)
            i++;
        hit = fold(p[i], ignore_case) == byte;
    }
    *at = i + 1;
    return hit;
}

/*
 * Only the last star seen can need another try: whatever an earlier one could
 * take, a later one can take too.
 */
bool glob_matches(struct slice pattern, struct slice text, bool ignore_case)
{
    size_t at = 0, next = 0, star_at = 0, star_next = 0;
    bool starred = false;
    while (next < text.length) {
        if (at < pattern.length && pattern.data[at] == '*') {
            starred = true;
            star_at = ++at;
            star_next = next;
            continue;
        }
        if (at < pattern.length &&
            item_matches(pattern, &at, fold(text.data[next], ignore_case), ignore_case)) {
            next++;
            continue;
        }
        if (!starred)
            return false;
        at = star_at;
        next = ++star_next;
    }
    while (at < pattern.length && pattern.data[at] == '*')
        at++;
    return at == pattern.length;
}

bool parse_option(struct slice word, struct slice *name, struct slice *value)
{
    const uint8_t *equals = word.length > 0 ? memchr(word.data, '=', word.length) : NULL;
    if (equals == NULL)
        return false;
    *name = slice_make(word.data, (size_t)(equals - word.data));
    *value = slice_make(equals + 1, word.length - name->length - 1);
    return true;
}

int argument_shown(struct slice text)
{
    return text.length > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : (int)text.length;
}
