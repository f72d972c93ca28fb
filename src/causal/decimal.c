#include "causal/decimal.h"

#include <string.h>

enum {
    FRACTION_DIGITS = 17,
    WHOLE_DIGITS = 21,
    DIGITS_KEPT = 64,      /* of a text; more than any number that is kept has */
    EXPONENT_LIMIT = 99999 /* further ones lead out of every range all the same */
};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* The digits of a text as one whole number times a power of ten. */
struct digits {
    uint8_t kept[DIGITS_KEPT];
    int count;    /* significant ones, of which at most DIGITS_KEPT are kept */
    int exponent; /* of the last one counted */
    bool any;     /* there was a digit at all */
};

static void take_digit(struct digits *digits, uint8_t digit, bool behind_point)
{
    digits->any = true;
    if (digits->count > 0 || digit != 0) {
        if (digits->count < DIGITS_KEPT)
            digits->kept[digits->count] = digit;
        if (digits->count < EXPONENT_LIMIT)
            digits->count++;
        else
            digits->exponent++;
    }
    if (behind_point && digits->exponent > -EXPONENT_LIMIT)
        digits->exponent--;
}

static bool parse_exponent(const uint8_t **next, const uint8_t *end, int *out)
{
    bool negative = false;
    int value = 0;
    if (*next < end && (**next == '-' || **next == '+'))
        negative = *(*next)++ == '-';
    if (*next == end || !is_digit(**next))
        return false;
    for (; *next < end && is_digit(**next); (*next)++)
        if (value < EXPONENT_LIMIT)
            value = value * 10 + (**next - '0');
    *out = negative ? -value : value;
    return true;
}

static bool is_word(const uint8_t *text, size_t length, const char *word)
{
    if (length != strlen(word))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return true;
}

/* Round to units of 10^-17; false: beyond DECIMAL_MAX. */
static bool assemble(const struct digits *digits, decimal *out)
{
    int wanted = digits->count + digits->exponent + FRACTION_DIGITS; /* digits of the result */
    decimal value = 0;
    *out = 0;
    if (digits->count == 0 || wanted < 0)
        return true;
    if (wanted > WHOLE_DIGITS + FRACTION_DIGITS + 1)
        return false;
    for (int i = 0; i < wanted; i++) {
        if (value > DECIMAL_MAX / 10)
            return false;
        value = value * 10 + (i < digits->count && i < DIGITS_KEPT ? digits->kept[i] : 0);
    }
    if (wanted < digits->count && digits->kept[wanted] >= 5)
        value++;
    *out = value;
    return value <= DECIMAL_MAX;
}

enum decimal_text decimal_parse(struct slice text, decimal *out)
{
    const uint8_t *next = text.data;
    const uint8_t *end = text.length == 0 ? next : next + text.length;
    struct digits digits = {.count = 0};
    bool negative = false;
    int exponent = 0;
    *out = 0;
    if (next < end && (*next == '-' || *next == '+'))
        negative = *next++ == '-';
    if (is_word(next, (size_t)(end - next), "inf") ||
        is_word(next, (size_t)(end - next), "infinity"))
        return DECIMAL_TEXT_TOO_LARGE;
    for (; next < end && is_digit(*next); next++)
        take_digit(&digits, (uint8_t)(*next - '0'), false);
    if (next < end && *next == '.')
        for (next++; next < end && is_digit(*next); next++)
            take_digit(&digits, (uint8_t)(*next - '0'), true);
    if (!digits.any)
        return DECIMAL_TEXT_BAD;
    if (next < end && (*next | 0x20) == 'e') {
        next++;
        if (!parse_exponent(&next, end, &exponent))
            return DECIMAL_TEXT_BAD;
    }
    if (next != end)
        return DECIMAL_TEXT_BAD;
    digits.exponent += exponent;
    if (!assemble(&digits, out)) {
        *out = 0;
        return DECIMAL_TEXT_TOO_LARGE;
    }
    if (negative)
        *out = -*out;
    return DECIMAL_TEXT_OK;
}

bool decimal_to_integer(decimal number, int64_t *out)
{
    decimal whole = number / DECIMAL_ONE;
    if (number % DECIMAL_ONE != 0 || whole > INT64_MAX || whole < INT64_MIN)
        return false;
    *out = (int64_t)whole;
    return true;
}

void decimal_format(decimal number, struct buffer *out)
{
    char text[48];
    size_t at = sizeof text;
    bool negative = number < 0;
    decimal_magnitude left = negative ? -(decimal_magnitude)number : (decimal_magnitude)number;
    bool shown = false; /* a digit of the fraction that is not a zero at its end */
    for (int digit = 0; digit <= FRACTION_DIGITS || left != 0; digit++) {
        char byte = (char)('0' + (int)(left % 10));
        left /= 10;
        shown = shown || byte != '0' || digit >= FRACTION_DIGITS;
        if (digit == FRACTION_DIGITS && at < sizeof text)
            text[--at] = '.';
        if (shown)
            text[--at] = byte;
    }
    if (negative)
        text[--at] = '-';
    buffer_append(out, text + at, sizeof text - at);
}
