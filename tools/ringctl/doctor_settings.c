/*
 * doctor_settings.c - settings that should be the same at all members and are not.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "doctor.h"
#include "fields.h"
#include "settings_compare.h"

enum { NAMED_MAX = 5, VALUE_SHOWN_MAX = 64 };

static void find_difference(struct examination *e, const struct setting_values *setting)
{
    struct buffer others = {0};
    size_t named = 0;
    for (size_t i = 0; i < e->cluster->member_count && named < NAMED_MAX; i++) {
        const char *value = setting->values[i];
        if (value == NULL || strcmp(value, setting->usual) == 0)
            continue;
        buffer_printf(&others, "%snode %" PRIu32 " has \"%.*s\"", named++ == 0 ? "" : ", ",
                      e->cluster->members[i].id, VALUE_SHOWN_MAX, value);
    }
    if (setting->others > named)
        buffer_printf(&others, " and %zu more have others", setting->others - named);
    findings_add(e->findings,
                 setting_must_agree(setting->name) ? SEVERITY_WARNING : SEVERITY_NOTICE, "settings",
                 0, "%s is \"%.*s\" at most nodes, but %.*s", setting->name, VALUE_SHOWN_MAX,
                 setting->usual, (int)others.length, (const char *)others.data);
    findings_next(e->findings,
                  "if that is not meant: ringctl config set %s VALUE, and change it in the file of "
                  "that node",
                  setting->name);
    buffer_deinit(&others);
}

/* Compares what the first of them that says anything has. */
void doctor_settings(struct examination *e)
{
    size_t count = e->cluster->member_count;
    const struct resp_value *first = NULL;
    const struct resp_value **replies = memory_new(count, sizeof *replies);
    struct setting_values setting = {.values = memory_new(count, sizeof *setting.values)};
    for (size_t i = 0; i < count; i++) {
        replies[i] = e->patients[i].settings;
        first = first != NULL ? first : replies[i];
    }
    for (size_t i = 0; i + 1 < fields_count(first); i += 2) {
        const struct resp_value *name = fields_at(first, i);
        if (name->type != RESP_TYPE_BULK || setting_is_own((const char *)name->text.data))
            continue;
        setting_values_take((const char *)name->text.data, replies, count, &setting);
        if (setting.others > 0)
            find_difference(e, &setting);
    }
    free(setting.values);
    free(replies);
}
