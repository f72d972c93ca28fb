#include "made_replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct resp_value *kept[64];
static size_t kept_count;

const struct resp_value *made_reply(const char *format, ...)
{
    static const struct resp_reply_limits limits = {1 << 20, 1 << 16, 1 << 20};
    char text[4096];
    struct resp_value *value = NULL;
    size_t offset = 0;
    struct buffer wire = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        if (*word == '*' || *word == ':')
            buffer_printf(&wire, "%s\r\n", word);
        else
            buffer_printf(&wire, "$%zu\r\n%s\r\n", strlen(word), word);
    }
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    assert_int_equal(resp_reply_reader_next(reader, buffer_slice(&wire), &offset, &value),
                     RESP_REPLY_VALUE);
    resp_reply_reader_free(reader);
    buffer_deinit(&wire);
    assert_true(kept_count < sizeof kept / sizeof *kept);
    kept[kept_count++] = value;
    return value;
}

void made_replies_free(void)
{
    while (kept_count > 0)
        resp_value_free(kept[--kept_count]);
}
