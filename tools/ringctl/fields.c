#include "fields.h"

#include <stdlib.h>
#include <string.h>

static bool is_text(const struct resp_value *value)
{
    return value != NULL && (value->type == RESP_TYPE_BULK || value->type == RESP_TYPE_SIMPLE ||
                             value->type == RESP_TYPE_VERBATIM);
}

bool fields_is_list(const struct resp_value *value)
{
    return value != NULL && (value->type == RESP_TYPE_ARRAY || value->type == RESP_TYPE_MAP ||
                             value->type == RESP_TYPE_SET);
}

size_t fields_count(const struct resp_value *value)
{
    return fields_is_list(value) ? value->element_count : 0;
}

const struct resp_value *fields_at(const struct resp_value *value, size_t i)
{
    return i < fields_count(value) ? &value->elements[i] : NULL;
}

const struct resp_value *fields_get(const struct resp_value *map, const char *name)
{
    for (size_t i = 0; i + 1 < fields_count(map); i += 2) {
        const struct resp_value *key = &map->elements[i];
        if (is_text(key) && slice_equal(key->text, slice_text(name)))
            return &map->elements[i + 1];
    }
    return NULL;
}

const char *fields_text(const struct resp_value *map, const char *name, const char *otherwise)
{
    const struct resp_value *value = fields_get(map, name);
    return is_text(value) ? (const char *)value->text.data : otherwise;
}

int64_t fields_integer(const struct resp_value *map, const char *name, int64_t otherwise)
{
    const struct resp_value *value = fields_get(map, name);
    if (value != NULL && value->type == RESP_TYPE_INTEGER)
        return value->integer;
    return otherwise;
}

uint64_t fields_number(const struct resp_value *value)
{
    if (value != NULL && value->type == RESP_TYPE_INTEGER)
        return (uint64_t)value->integer;
    return is_text(value) ? strtoull((const char *)value->text.data, NULL, 0) : 0;
}
