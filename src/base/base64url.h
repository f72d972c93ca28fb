/*
 * base64url.h - bytes as text that needs no quoting: A-Z a-z 0-9 - _, without padding.
 *
 * Each text stands for one byte string and each byte string has one text: bits that
 * carry nothing must be zero, so no change of a text goes unnoticed.
 * Source: RFC 4648, section 5.
 */
#ifndef BASE_BASE64URL_H
#define BASE_BASE64URL_H

#include "base/bytes.h"
#include "base/status.h"

/* Append the text of `bytes`: 4 characters for 3 bytes, rounded up. */
void base64url_encode(struct slice bytes, struct buffer *out);
/* Append the bytes. STATUS_INVALID: not such a text; `out` is as before. */
MUST_USE enum status base64url_decode(struct slice text, struct buffer *out);

#endif
