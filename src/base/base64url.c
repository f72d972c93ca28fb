#include "base/base64url.h"

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(struct slice bytes, struct buffer *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        bits = bits << 8 | bytes.data[i];
        for (held += 8; held >= 6; held -= 6)
            buffer_put_u8(out, (uint8_t)DIGITS[bits >> (held - 6) & 63]);
    }
    if (held > 0)
        buffer_put_u8(out, (uint8_t)DIGITS[bits << (6 - held) & 63]);
}

/* 0..63; 64 when it is no digit. */
static uint32_t digit_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26u;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52u;
    return digit == '-' ? 62 : digit == '_' ? 63 : 64;
}

enum status base64url_decode(struct slice text, struct buffer *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    size_t before = out->length;
    bool good = text.length % 4 != 1; /* six bits alone are no byte */
    for (size_t i = 0; i < text.length && good; i++) {
        uint32_t value = digit_value(text.data[i]);
        good = value < 64;
        bits = bits << 6 | (value & 63);
        held += 6;
        if (held >= 8) {
            held -= 8;
            buffer_put_u8(out, (uint8_t)(bits >> held));
        }
    }
    if (good && (bits & ((1u << held) - 1)) == 0)
        return STATUS_OK;
    out->length = before;
    return STATUS_INVALID;
}
