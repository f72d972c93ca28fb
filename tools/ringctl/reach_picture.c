#include "reach_picture.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "fields.h"

void reach_picture_init(struct reach_picture *picture, const struct cluster *cluster)
{
    *picture = (struct reach_picture){.cluster = cluster};
    picture->rows = memory_new(cluster->member_count, sizeof *picture->rows);
}

void reach_picture_deinit(struct reach_picture *picture)
{
    free(picture->rows);
    *picture = (struct reach_picture){0};
}

static size_t index_of(const struct cluster *cluster, int64_t id)
{
    size_t i = 0;
    while (i < cluster->member_count && cluster->members[i].id != id)
        i++;
    return i;
}

void reach_picture_take(struct reach_picture *picture, size_t by, const struct resp_value *reports)
{
    for (size_t i = 0; i < fields_count(reports); i++) {
        const struct resp_value *report = fields_at(reports, i);
        size_t of = index_of(picture->cluster, fields_integer(report, "node", 0));
        int64_t age_ms = fields_integer(report, "age_ms", -1);
        if (of == picture->cluster->member_count || age_ms < 0)
            continue;
        struct reach_row *row = &picture->rows[of];
        bool direct = of == by;
        bool says = fields_count(fields_get(report, "reaches")) +
                        fields_count(fields_get(report, "misses")) >
                    0;
        if (!direct && (!says || row->direct || (row->report != NULL && row->age_ms <= age_ms)))
            continue;
        *row = (struct reach_row){.report = report, .age_ms = age_ms, .direct = direct};
    }
}

static bool names(const struct resp_value *list, int64_t id)
{
    for (size_t i = 0; i < fields_count(list); i++) {
        const struct resp_value *item = fields_at(list, i);
        if (item->type == RESP_TYPE_INTEGER ? item->integer == id
                                            : fields_integer(item, "node", 0) == id)
            return true;
    }
    return false;
}

enum reach_said reach_picture_says(const struct reach_picture *picture, size_t from, size_t to)
{
    const struct resp_value *report = picture->rows[from].report;
    int64_t id = picture->cluster->members[to].id;
    if (report == NULL)
        return REACH_SAYS_NOTHING;
    if (names(fields_get(report, "misses"), id))
        return REACH_SAYS_NO;
    return names(fields_get(report, "reaches"), id) ? REACH_SAYS_YES : REACH_SAYS_NOTHING;
}

int64_t reach_picture_seconds(const struct reach_picture *picture, size_t from, size_t to)
{
    const struct resp_value *misses = fields_get(picture->rows[from].report, "misses");
    for (size_t i = 0; i < fields_count(misses); i++)
        if (fields_integer(fields_at(misses, i), "node", 0) == picture->cluster->members[to].id)
            return fields_integer(fields_at(misses, i), "seconds", 0);
    return 0;
}

enum reach_said reach_picture_says_back(const struct reach_picture *picture, size_t from, size_t to)
{
    enum reach_said back = reach_picture_says(picture, to, from);
    bool older = picture->rows[to].age_ms >= 1000 * reach_picture_seconds(picture, from, to);
    return back == REACH_SAYS_YES && older ? REACH_SAYS_NOTHING : back;
}

bool reach_picture_is_broken(const struct reach_picture *picture, size_t from, size_t to)
{
    return reach_picture_says(picture, from, to) == REACH_SAYS_NO &&
           (from < to || reach_picture_says_back(picture, from, to) != REACH_SAYS_NO);
}

const char *reach_picture_kind(const struct reach_picture *picture, size_t from, size_t to)
{
    enum reach_said back = reach_picture_says_back(picture, from, to);
    return back == REACH_SAYS_NO ? "cut" : back == REACH_SAYS_YES ? "one way" : "unconfirmed";
}

uint32_t reach_picture_reached_by(const struct reach_picture *picture, size_t to,
                                  struct buffer *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < picture->cluster->member_count; i++)
        if (i != to && reach_picture_says(picture, i, to) == REACH_SAYS_YES)
            buffer_printf(out, "%s%" PRIu32, count++ == 0 ? "" : " ",
                          picture->cluster->members[i].id);
    return count;
}
