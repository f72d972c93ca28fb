#include "json.h"

#include <stdint.h>
#include <string.h>

/*
 * Length of the UTF-8 character that begins at `text`; 0 when none does. Surrogates, overlong
 * forms and what lies above U+10FFFF are none. Source: RFC 3629, section 4.
 */
static size_t character_length(const uint8_t *text)
{
    uint8_t first = text[0];
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 1)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
    high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) /* the NUL at the end stops here */
            return 0;
    }
    return length;
}

static void write_string(FILE *out, const char *text)
{
    const uint8_t *next = (const uint8_t *)text;
    fputc('"', out);
    while (*next != '\0') {
        size_t length = character_length(next);
        if (length == 0) {
            fputs("\\ufffd", out);
            length = 1;
        } else if (*next == '"' || *next == '\\') {
            fprintf(out, "\\%c", *next);
        } else if (*next < 0x20 || *next == 0x7f) {
            fprintf(out, "\\u%04x", *next);
        } else {
            fwrite(next, 1, length, out);
        }
        next += length;
    }
    fputc('"', out);
}

/* Everything that stands before a value. */
static void lead(struct json *json, const char *name)
{
    if (json->follows)
        fputc(',', json->out);
    if (json->depth > 0)
        fprintf(json->out, "\n%*s", 2 * json->depth, "");
    if (name != NULL) {
        write_string(json->out, name);
        fputs(": ", json->out);
    }
    json->follows = true;
}

void json_open(struct json *json, const char *name, char bracket)
{
    lead(json, name);
    fputc(bracket, json->out);
    json->depth++;
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    json->depth--;
    if (json->follows)
        fprintf(json->out, "\n%*s", 2 * json->depth, "");
    fputc(bracket, json->out);
    if (json->depth == 0)
        fputc('\n', json->out);
    json->follows = true;
}

void json_string(struct json *json, const char *name, const char *text)
{
    lead(json, name);
    if (text == NULL)
        fputs("null", json->out);
    else
        write_string(json->out, text);
}

void json_literal(struct json *json, const char *name, const char *text)
{
    lead(json, name);
    fputs(text, json->out);
}
