/*
 * config_print.c - the settings as a file, as a list for the manual, and as accepted forms.
 */
#include "ringd/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void describe_choices(const struct config_setting *setting, struct buffer *out)
{
    buffer_append_slice(out, slice_text("one of"));
    for (size_t i = 0; setting->choices[i] != NULL; i++)
        buffer_printf(out, "%s %s", i == 0 ? "" : ",", setting->choices[i]);
}

static void describe_addresses(const struct config_setting *setting, struct buffer *out)
{
    if (setting->maximum == 1)
        buffer_append_slice(out, slice_text("HOST:PORT"));
    else
        buffer_printf(out,
                      "%" PRIu64 " to %" PRIu64 " times HOST:PORT, separated by blanks or commas",
                      setting->minimum, setting->maximum);
    if (setting->minimum == 0)
        buffer_append_slice(out, slice_text(" or empty"));
}

void config_describe(const struct config_setting *setting, struct buffer *out)
{
    char low[CONFIG_NUMBER_TEXT_MAX], high[CONFIG_NUMBER_TEXT_MAX];
    switch (setting->type) {
    case CONFIG_SIZE:
        buffer_printf(out, "a size from %s to %s", config_format_size(setting->minimum, low),
                      config_format_size(setting->maximum, high));
        break;
    case CONFIG_DURATION:
        buffer_printf(out, "a time with its unit from %s to %s",
                      config_format_duration(setting->minimum, low),
                      config_format_duration(setting->maximum, high));
        break;
    case CONFIG_NUMBER:
        buffer_printf(out, "a number from %" PRIu64 " to %" PRIu64, setting->minimum,
                      setting->maximum);
        break;
    case CONFIG_CHOICE:
        describe_choices(setting, out);
        break;
    case CONFIG_TEXT:
        buffer_printf(out, "a text of %" PRIu64 " to %" PRIu64 " bytes", setting->minimum,
                      setting->maximum);
        break;
    case CONFIG_ADDRESSES:
        describe_addresses(setting, out);
        break;
    }
}

void config_put_quoted(struct slice value, struct buffer *out)
{
    buffer_put_u8(out, '"');
    for (size_t i = 0; i < value.length; i++) {
        uint8_t byte = value.data[i];
        if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else if (byte < ' ' || byte == 0x7f)
            buffer_printf(out, "\\x%02x", byte);
        else
            buffer_put_u8(out, byte);
    }
    buffer_put_u8(out, '"');
}

void config_print(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++) {
        const struct config_setting *setting = &CONFIG_TABLE[i];
        struct buffer value = {0};
        bool found = config_get(config, setting->name, &value);
        buffer_printf(out, "%s ", setting->name);
        if (setting->type == CONFIG_TEXT || value.length == 0)
            config_put_quoted(buffer_slice(&value), out);
        else
            buffer_append_slice(out, buffer_slice(&value));
        buffer_printf(out, "  # %s\n",
                      found && config->origins[i] != NULL ? config->origins[i] : "default");
        buffer_deinit(&value);
    }
}

/* One sentence per line, as mdoc wants it, and no line longer than it needs to be. */
static void put_sentences(const char *text, struct buffer *out)
{
    enum { COLUMN_MAX = 78 };
    size_t column = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        bool ends_sentence = text[length - 1] == '.' && text[length] == ' ';
        if (column > 0 && column + 1 + length > COLUMN_MAX) {
            buffer_put_u8(out, '\n');
            column = 0;
        }
        buffer_printf(out, "%s%.*s", column > 0 ? " " : "", (int)length, text);
        column += length + (column > 0);
        text += length;
        text += strspn(text, " ");
        if (ends_sentence) {
            buffer_put_u8(out, '\n');
            column = 0;
        }
    }
    buffer_put_u8(out, '\n');
}

void config_print_mdoc(struct buffer *out)
{
    struct config defaults;
    config_init(&defaults);
    for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++) {
        const struct config_setting *setting = &CONFIG_TABLE[i];
        struct buffer text = {0};
        buffer_printf(out, ".It Ic %s\n", setting->name);
        put_sentences(setting->help, out);
        config_describe(setting, &text);
        buffer_append_slice(&text, slice_text("; the default is"));
        buffer_put_u8(&text, '\0');
        text.data[0] = (uint8_t)(text.data[0] - (text.data[0] >= 'a' ? 'a' - 'A' : 0));
        put_sentences((const char *)text.data, out);
        buffer_clear(&text);
        bool found = config_get(&defaults, setting->name, &text);
        if (found && text.length > 0)
            buffer_printf(out, ".Cm %.*s .\n", (int)text.length, (const char *)text.data);
        else
            buffer_append_slice(out, slice_text("empty.\n"));
        if (setting->at_run_time)
            buffer_append_slice(out, slice_text("It can be changed with\n.Ic CONFIG SET .\n"));
        buffer_printf(out, "Since %s.\n", setting->since);
        buffer_deinit(&text);
    }
    config_deinit(&defaults);
}
