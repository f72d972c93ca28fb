#include "client/ringdb.h"

static const struct ringdb_reply *get(const struct ringdb_reply *map, const char *name,
                                      enum ringdb_type type)
{
    const struct ringdb_reply *value = ringdb_reply_get(map, name);
    return value != NULL && value->type == type ? value : NULL;
}

static bool read_sibling(const struct ringdb_reply *row, struct ringdb_sibling *out)
{
    const struct ringdb_reply *value = get(row, "value", RINGDB_BULK);
    const struct ringdb_reply *time = get(row, "time", RINGDB_INTEGER);
    const struct ringdb_reply *ttl = get(row, "ttl", RINGDB_INTEGER);
    const struct ringdb_reply *node = get(row, "node", RINGDB_INTEGER);
    if (value == NULL || time == NULL || ttl == NULL || node == NULL)
        return false;
    *out = (struct ringdb_sibling){.value = value->text,
                                   .time_ms = time->integer,
                                   .ttl_ms = ttl->integer,
                                   .node = (uint32_t)node->integer};
    return true;
}

bool ringdb_siblings(const struct ringdb_reply *reply, struct ringdb_bytes *context,
                     struct ringdb_sibling *siblings, size_t max, size_t *count)
{
    const struct ringdb_reply *token = get(reply, "context", RINGDB_BULK);
    const struct ringdb_reply *rows = get(reply, "siblings", RINGDB_ARRAY);
    if (token == NULL || rows == NULL)
        return false;
    *context = token->text;
    *count = 0;
    for (size_t i = 0; i < rows->element_count && i < max; i++) {
        if (!read_sibling(&rows->elements[i], &siblings[i]))
            return false;
        ++*count;
    }
    return true;
}
