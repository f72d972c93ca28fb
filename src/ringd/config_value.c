#include "ringd/config_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first unit that divides is the one to write, so the powers of 1024 come largest first. */
static const struct unit SIZE_UNITS[] = {{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10},
                                         {"", 1},         {"b", 1},        {"g", 1000000000},
                                         {"m", 1000000},  {"k", 1000},     {NULL, 0}};
static const struct unit DURATION_UNITS[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};

/* The digits at the front of `text`; NULL when there are none or they are too many. */
static const char *parse_digits(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *next = text;
    for (; *next >= '0' && *next <= '9'; next++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*next - '0'), &value))
            return NULL;
    }
    if (next == text)
        return NULL;
    *out = value;
    return next;
}

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t value;
    const char *unit = parse_digits(text, &value);
    if (unit == NULL)
        return false;
    for (; units->name != NULL; units++) {
        if (strcasecmp(unit, units->name) == 0)
            return !__builtin_mul_overflow(value, units->factor, out);
    }
    return false;
}

static const char *format_with_unit(uint64_t value, const struct unit *units,
                                    char out[CONFIG_NUMBER_TEXT_MAX])
{
    while (units->factor > 1 && value % units->factor != 0)
        units++;
    if (value == 0)
        snprintf(out, CONFIG_NUMBER_TEXT_MAX, "0");
    else
        snprintf(out, CONFIG_NUMBER_TEXT_MAX, "%" PRIu64 "%s", value / units->factor, units->name);
    return out;
}

bool config_parse_number(const char *text, uint64_t *out)
{
    uint64_t value;
    const char *rest = parse_digits(text, &value);
    if (rest == NULL || *rest != '\0')
        return false;
    *out = value;
    return true;
}

bool config_parse_size(const char *text, uint64_t *out_bytes)
{
    uint64_t value;
    if (!parse_with_unit(text, SIZE_UNITS, &value))
        return false;
    *out_bytes = value;
    return true;
}

bool config_parse_duration(const char *text, uint64_t *out_ms)
{
    uint64_t value;
    if (!parse_with_unit(text, DURATION_UNITS, &value)) {
        if (strcmp(text, "0") != 0)
            return false;
        value = 0;
    }
    *out_ms = value;
    return true;
}

bool config_parse_flag(const char *text, bool *out)
{
    if (strcasecmp(text, "yes") == 0)
        *out = true;
    else if (strcasecmp(text, "no") == 0)
        *out = false;
    else
        return false;
    return true;
}

bool config_parse_addresses(const char *text, struct config_addresses *out)
{
    static const char separators[] = " \t,";
    struct config_addresses addresses = {0};
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        char one[ADDRESS_TEXT_MAX];
        size_t length = strcspn(text, separators);
        if (length >= sizeof one || addresses.count == CONFIG_ADDRESSES_MAX)
            return false;
        memcpy(one, text, length);
        one[length] = '\0';
        if (address_parse(one, &addresses.items[addresses.count]) != STATUS_OK)
            return false;
        addresses.count++;
        text += length;
    }
    *out = addresses;
    return true;
}

const char *config_format_size(uint64_t bytes, char out[CONFIG_NUMBER_TEXT_MAX])
{
    return format_with_unit(bytes, SIZE_UNITS, out);
}

const char *config_format_duration(uint64_t ms, char out[CONFIG_NUMBER_TEXT_MAX])
{
    return format_with_unit(ms, DURATION_UNITS, out);
}
