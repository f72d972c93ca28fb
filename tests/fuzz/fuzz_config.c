/*
 * fuzz_config.c - whatever a configuration file says, what is taken of it can be printed and read
 * back, and says the same.
 *
 * `include` is left out: a target opens no file. Every refusal must be one line of text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ringd/config.h"
#include "ringd/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words behind the name, as one value. */
static char *joined_value(struct buffer *words, size_t count)
{
    char *value = (char *)words->data + strlen((char *)words->data) + 1;
    char *end = value + strlen(value);
    for (size_t i = 2; i < count; i++) {
        *end = ' ';
        end += strlen(end);
    }
    return value;
}

static void take_line(struct config *config, struct slice line, struct buffer *problems)
{
    struct buffer words = {0};
    size_t count = 0;
    const char *problem = NULL;
    enum status status = config_file_split(line, &words, &count, &problem);
    assert(status == STATUS_OK || problem != NULL);
    if (status == STATUS_OK && count > 1 && strcasecmp((const char *)words.data, "include") != 0) {
        const char *name = (const char *)words.data;
        const char *value = joined_value(&words, count);
        size_t before = problems->length;
        status = config_set(config, name, value, "fuzz", problems);
        assert((status == STATUS_OK) == (problems->length == before));
    }
    buffer_deinit(&words);
}

static void take_text(struct config *config, struct slice text, struct buffer *problems)
{
    while (text.length > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.length);
        size_t length = newline == NULL ? text.length : (size_t)(newline - text.data);
        take_line(config, slice_make(text.data, length), problems);
        size_t used = newline == NULL ? length : length + 1;
        text = slice_make(text.data + used, text.length - used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config first, second;
    struct buffer problems = {0}, printed = {0}, again = {0};
    config_init(&first);
    config_init(&second);
    take_text(&first, slice_make(data, size), &problems);
    size_t before = problems.length;
    assert((config_check(&first, &problems) == STATUS_OK) == (problems.length == before));
    for (size_t i = 0; i < problems.length; i++)
        assert(problems.data[i] == '\n' || (problems.data[i] >= ' ' && problems.data[i] != 0x7f));

    buffer_clear(&problems);
    config_print(&first, &printed);
    take_text(&second, buffer_slice(&printed), &problems);
    assert(problems.length == 0);
    for (const char *name = config_next(NULL); name != NULL; name = config_next(name)) {
        struct buffer value = {0};
        assert(config_get(&first, name, &value));
        buffer_clear(&again);
        assert(config_get(&second, name, &again));
        assert(slice_equal(buffer_slice(&value), buffer_slice(&again)));
        buffer_deinit(&value);
    }
    buffer_deinit(&problems);
    buffer_deinit(&printed);
    buffer_deinit(&again);
    config_deinit(&first);
    config_deinit(&second);
    return 0;
}
