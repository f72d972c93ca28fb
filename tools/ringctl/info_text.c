#include "info_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice info_text_of(const struct resp_value *reply)
{
    if (reply != NULL && (reply->type == RESP_TYPE_BULK || reply->type == RESP_TYPE_VERBATIM))
        return reply->text;
    return slice_make(NULL, 0);
}

struct slice info_text_line(struct slice info, const char *name)
{
    size_t length = strlen(name);
    struct slice rest = info;
    while (rest.length > length) {
        const uint8_t *end = memchr(rest.data, '\n', rest.length);
        size_t line = end != NULL ? (size_t)(end - rest.data) : rest.length;
        if (line > length && memcmp(rest.data, name, length) == 0 && rest.data[length] == ':') {
            size_t value = line - length - 1;
            if (value > 0 && rest.data[line - 1] == '\r')
                value--;
            return slice_make(rest.data + length + 1, value);
        }
        if (end == NULL)
            break;
        rest = slice_make(end + 1, rest.length - line - 1);
    }
    return slice_make(NULL, 0);
}

void info_text_copy(struct slice info, const char *name, char *out, size_t room)
{
    struct slice value = info_text_line(info, name);
    snprintf(out, room, "%.*s", (int)value.length, (const char *)value.data);
}

int64_t info_text_number(struct slice info, const char *name, int64_t otherwise)
{
    char text[24];
    char *end;
    info_text_copy(info, name, text, sizeof text);
    long long value = strtoll(text, &end, 10);
    return *text == '\0' || *end != '\0' ? otherwise : value;
}
