/*
 * geo_search.c - GEOSEARCH, GEOSEARCHSTORE, GEORADIUS: the members of an area.
 *
 * An area is up to nine ranges of scores (geo_grid.h), which are selected one after the other; what
 * of them lies in the area is gathered. So the answer is of as many moments as there are pages.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/geo.h"
#include "commands/set_store.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum order { UNORDERED, ASCENDING, DESCENDING };
enum form { SEARCH, SEARCH_STORE, AROUND_POINT, AROUND_MEMBER };

struct geo_search {
    union { /* one after the other */
        struct sorted_selection selection;
        struct set_store store;
    };
    uint8_t form; /* enum form */
    struct slice key;
    struct geo_area area;
    bool from_member, from_point, by_radius, by_box;
    struct slice member;
    bool with_distance, with_number, with_point;
    bool any, stores_distance;
    uint8_t order;  /* enum order */
    uint64_t count; /* 0: all */
    struct geo_range ranges[GEO_RANGES_MAX];
    unsigned range_count, range;
    uint64_t found;
    struct slice names[2 * SET_STORED_AT_ONCE_MAX];
    bool removes[SET_STORED_AT_ONCE_MAX];
};

/* One that was found, in call->gathered: what is here, then its name with its length. */
struct found {
    double distance; /* in the unit that was asked for */
    uint64_t score;  /* its bits, as a double */
    struct slice member;
};

static void put_found(struct buffer *list, const struct found *found)
{
    uint64_t bits;
    memcpy(&bits, &found->distance, sizeof bits);
    buffer_put_u64(list, bits);
    buffer_put_u64(list, found->score);
    buffer_put_bytes(list, found->member);
}

static struct found *all_found(const struct call *call, uint64_t count)
{
    struct reader reader = reader_make(buffer_slice(&call->gathered));
    struct found *list = memory_new((size_t)count + 1, sizeof *list);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bits = reader_u64(&reader);
        memcpy(&list[i].distance, &bits, sizeof bits);
        list[i].score = reader_u64(&reader);
        list[i].member = reader_bytes(&reader);
    }
    return list;
}

static double score_of(const struct found *found)
{
    double score;
    memcpy(&score, &found->score, sizeof score);
    return score;
}

static int compare_up(const void *a, const void *b)
{
    const struct found *one = a, *other = b;
    return one->distance < other->distance ? -1 : one->distance > other->distance;
}

static int compare_down(const void *a, const void *b)
{
    return compare_up(b, a);
}

/* ---- answers ---- */

static void show(struct call *call, const struct found *list, uint64_t count)
{
    const struct geo_search *search = call->work;
    struct resp_writer writer = call_writer(call);
    unsigned more = (unsigned)search->with_distance + search->with_number + search->with_point;
    resp_writer_array(writer, count);
    for (uint64_t i = 0; i < count; i++) {
        struct geo_point point = geo_point_of_score(score_of(&list[i]));
        if (more > 0)
            resp_writer_array(writer, more + 1);
        resp_writer_bulk(writer, list[i].member);
        if (search->with_distance)
            geo_write_distance(writer, list[i].distance);
        if (search->with_number)
            resp_writer_integer(writer, (int64_t)score_of(&list[i]));
        if (search->with_point)
            geo_write_point(writer, &point);
    }
    call_finish(call);
}

static void store(struct call *call, const struct found *list, uint64_t count)
{
    struct geo_search *search = call->work;
    buffer_clear(&call->scratch);
    for (uint64_t i = 0; i < count; i++)
        sorted_append(&call->scratch,
                      search->stores_distance ? list[i].distance : score_of(&list[i]),
                      list[i].member);
    uint64_t kept = sorted_by_place(call);
    memset(&search->store, 0, sizeof search->store);
    search->store.names = search->names;
    search->store.removes = search->removes;
    set_store_begin(call, COLLECTION_ZSET, kept);
}

static void answer(struct call *call)
{
    struct geo_search *search = call->work;
    struct found *list = all_found(call, search->found);
    uint64_t count =
        search->count == 0 || search->found < search->count ? search->found : search->count;
    if (search->order != UNORDERED && search->found > 1)
        qsort(list, (size_t)search->found, sizeof *list,
              search->order == ASCENDING ? compare_up : compare_down);
    if (search->form == SEARCH_STORE)
        store(call, list, count);
    else
        show(call, list, count);
    free(list);
}

/* ---- ranges ---- */

static void select_range(struct call *call);

static bool has_enough(const struct geo_search *search)
{
    return search->any && search->found >= search->count;
}

static void gather(struct call *call)
{
    struct geo_search *search = call->work;
    struct found found;
    double score;
    size_t at = 0;
    while (!has_enough(search) && sorted_next(&call->scratch, &at, &score, &found.member)) {
        struct geo_point point = geo_point_of_score(score);
        if (!geo_area_has(&search->area, &point, &found.distance))
            continue;
        found.distance /= search->area.unit_m;
        memcpy(&found.score, &score, sizeof score);
        put_found(&call->gathered, &found);
        search->found++;
    }
    if (call->gathered.length > ELEMENTS_ANSWER_BYTES_MAX) {
        call_reply_error(call, "TOOLARGE what was found has more than %u bytes; ask for COUNT ANY",
                         ELEMENTS_ANSWER_BYTES_MAX);
        return;
    }
    search->range++;
    select_range(call);
}

static void select_range(struct call *call)
{
    struct geo_search *search = call->work;
    if (search->range == search->range_count || has_enough(search)) {
        answer(call);
        return;
    }
    const struct geo_range *range = &search->ranges[search->range];
    sorted_select(call,
                  &(struct sorted_wish){.key = search->key,
                                        .range = SORTED_BY_SCORE,
                                        .min = (double)range->first,
                                        .max = (double)range->end,
                                        .without_max = true,
                                        .keep = UINT64_MAX},
                  gather);
}

static void begin(struct call *call)
{
    struct geo_search *search = call->work;
    search->range_count = geo_cover(&search->area, search->ranges);
    select_range(call);
}

/* ---- from a member ---- */

/* There is no such member: a sorted set without it is another thing than none. */
static void looked_for_set(struct call *call)
{
    struct type_seen seen = type_seen(call);
    if (seen.failure != NULL)
        call_reply_failure(call, KEY_READ, seen.failure);
    else if (seen.type == COLLECTION_ZSET)
        call_reply_error(call, "ERR could not decode requested zset member");
    else
        answer(call);
}

static void take_member(struct call *call, const struct key_result *result)
{
    struct geo_search *search = call->work;
    search->from_point = result->outcomes[1].visible;
    if (search->from_point)
        search->area.center = geo_point_of_score(score_of_value(result->outcomes[1].value));
}

static void begin_at_member(struct call *call)
{
    struct geo_search *search = call->work;
    if (search->from_point)
        begin(call);
    else
        type_look(call, search->key, looked_for_set);
}

/* ---- words ---- */

static bool parse_length(struct call *call, uint32_t index, const char *what, double *out)
{
    if (score_parse(call_argument(call, index), out))
        return true;
    call_reply_error(call, "ERR need numeric %s", what);
    return false;
}

static bool parse_radius(struct call *call, uint32_t index, struct geo_area *area)
{
    if (!parse_length(call, index, "radius", &area->radius))
        return false;
    if (area->radius < 0) {
        call_reply_error(call, "ERR radius cannot be negative");
        return false;
    }
    return geo_parse_unit(call, index + 1, &area->unit_m);
}

static bool parse_box(struct call *call, uint32_t index, struct geo_area *area)
{
    if (!parse_length(call, index, "width", &area->width) ||
        !parse_length(call, index + 1, "height", &area->height))
        return false;
    if (area->width < 0 || area->height < 0) {
        call_reply_error(call, "ERR height or width cannot be negative");
        return false;
    }
    area->is_box = true;
    return geo_parse_unit(call, index + 2, &area->unit_m);
}

static bool parse_count(struct call *call, uint32_t index, uint64_t *count)
{
    int64_t value;
    if (!parse_integer(call_argument(call, index), &value)) {
        call_reply_not_an_integer(call);
        return false;
    }
    if (value <= 0) {
        call_reply_error(call, "ERR COUNT must be > 0");
        return false;
    }
    *count = (uint64_t)value;
    return true;
}

/* Words of GEOSEARCH alone. `at` goes to the last one; false: none, or the error is sent. */
static bool parse_area(struct call *call, uint32_t *at, uint32_t left, bool *failed)
{
    struct geo_search *search = call->work;
    if (left >= 2 && !search->from_point && call_argument_is(call, *at, "frommember")) {
        search->member = call_argument(call, *at + 1);
        search->from_member = true;
        *at += 1;
    } else if (left >= 3 && !search->from_member && call_argument_is(call, *at, "fromlonlat")) {
        *failed = !geo_parse_point(call, *at + 1, &search->area.center);
        search->from_point = true;
        *at += 2;
    } else if (left >= 3 && !search->by_box && call_argument_is(call, *at, "byradius")) {
        *failed = !parse_radius(call, *at + 1, &search->area);
        search->by_radius = true;
        *at += 2;
    } else if (left >= 4 && !search->by_radius && call_argument_is(call, *at, "bybox")) {
        *failed = !parse_box(call, *at + 1, &search->area);
        search->by_box = true;
        *at += 3;
    } else {
        return false;
    }
    return !*failed;
}

/* false: the error is sent. */
static bool parse_options(struct call *call, uint32_t at)
{
    struct geo_search *search = call->work;
    bool searches = search->form == SEARCH || search->form == SEARCH_STORE;
    bool may_store =
        call->command == &command_georadius || call->command == &command_georadiusbymember;
    for (; at < call->argument_count; at++) {
        uint32_t left = call->argument_count - at;
        bool failed = false;
        if (call_argument_is(call, at, "withdist")) {
            search->with_distance = true;
        } else if (call_argument_is(call, at, "withhash")) {
            search->with_number = true;
        } else if (call_argument_is(call, at, "withcoord")) {
            search->with_point = true;
        } else if (call_argument_is(call, at, "any")) {
            search->any = true;
        } else if (call_argument_is(call, at, "asc")) {
            search->order = ASCENDING;
        } else if (call_argument_is(call, at, "desc")) {
            search->order = DESCENDING;
        } else if (left >= 2 && call_argument_is(call, at, "count")) {
            if (!parse_count(call, ++at, &search->count))
                return false;
        } else if (search->form == SEARCH_STORE && call_argument_is(call, at, "storedist")) {
            search->stores_distance = true;
        } else if (left >= 2 && may_store &&
                   (call_argument_is(call, at, "store") ||
                    call_argument_is(call, at, "storedist"))) {
            call_reply_error(call, "ERR '%s' does not store; GEOSEARCHSTORE does",
                             call->command->name);
            return false;
        } else if (!searches || !parse_area(call, &at, left, &failed)) {
            if (!failed)
                call_reply_syntax_error(call);
            return false;
        }
    }
    return true;
}

/* What does not go together; false: the error is sent. */
static bool check(struct call *call)
{
    const struct geo_search *search = call->work;
    struct slice name = call_argument(call, 0);
    bool shows = search->with_distance || search->with_number || search->with_point;
    if (search->form == SEARCH_STORE && shows)
        call_reply_error(call, "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and "
                               "WITHCOORD options");
    else if (!search->from_member && !search->from_point)
        call_reply_error(call,
                         "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for "
                         "%.*s",
                         argument_shown(name), (const char *)name.data);
    else if (!search->by_radius && !search->by_box)
        call_reply_error(call, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                         argument_shown(name), (const char *)name.data);
    else if (search->any && search->count == 0)
        call_reply_error(call, "ERR the ANY argument requires COUNT argument");
    else
        return true;
    return false;
}

static void start(struct call *call, enum form form)
{
    struct geo_search *search = call_work(call, sizeof *search);
    uint32_t key = form == SEARCH_STORE ? 2 : 1, options = key + 1;
    buffer_clear(&call->gathered);
    search->form = (uint8_t)form;
    search->key = call_argument(call, key);
    search->area.unit_m = 1;
    if (form == AROUND_POINT) {
        search->from_point = search->by_radius = true;
        if (!geo_parse_point(call, 2, &search->area.center) ||
            !parse_radius(call, 4, &search->area))
            return;
        options = 6;
    } else if (form == AROUND_MEMBER) {
        search->from_member = search->by_radius = true;
        search->member = call_argument(call, 2);
        if (!parse_radius(call, 3, &search->area))
            return;
        options = 5;
    }
    if (!parse_options(call, options) || !check(call))
        return;
    if (search->count > 0 && search->order == UNORDERED && !search->any)
        search->order = ASCENDING; /* else it would be any of them */
    if (!search->from_member) {
        begin(call);
        return;
    }
    elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_GET,
                                             .type = COLLECTION_ZSET,
                                             .key = search->key,
                                             .names = &search->member,
                                             .step = 1,
                                             .count = 1,
                                             .take = take_member,
                                             .then = begin_at_member});
}

static void start_geosearch(struct call *call)
{
    start(call, SEARCH);
}

static void start_geosearchstore(struct call *call)
{
    start(call, SEARCH_STORE);
}

static void start_georadius(struct call *call)
{
    start(call, AROUND_POINT);
}

static void start_georadiusbymember(struct call *call)
{
    start(call, AROUND_MEMBER);
}

#define start_georadius_ro         start_georadius
#define start_georadiusbymember_ro start_georadiusbymember

/* ---- rows ---- */

#define OF_AREA                                                                                    \
    "O(N) in the members of up to nine cells around the area, which they cover; not in those "     \
    "elsewhere."
#define OPTIONS "[ASC | DESC] [COUNT count [ANY]]"
#define SHOWN   "[WITHCOORD] [WITHDIST] [WITHHASH]"
#define AREA                                                                                       \
    "<FROMMEMBER member | FROMLONLAT longitude latitude> "                                         \
    "<BYRADIUS radius unit | BYBOX width height unit>"
#define READ_KEY (KEY_FLAG_RO | KEY_FLAG_ACCESS)

GEO_ROW(geosearch, "6.2.0", "The members whose places lie in a circle or a box.", OF_AREA,
        "key " AREA " " OPTIONS " " SHOWN, -7, COMMAND_READONLY, READ_KEY);
GEO_ROW(georadius, "3.2.0", "Members around a place, as GEOSEARCH; it does not store.", OF_AREA,
        "key longitude latitude radius <M | KM | FT | MI> " SHOWN
        " [COUNT count [ANY]] [ASC | DESC]",
        -6, COMMAND_READONLY, READ_KEY);
GEO_ROW(georadius_ro, "3.2.10", "Members around a place, as GEOSEARCH.", OF_AREA,
        "key longitude latitude radius <M | KM | FT | MI> " SHOWN
        " [COUNT count [ANY]] [ASC | DESC]",
        -6, COMMAND_READONLY, READ_KEY);
GEO_ROW(georadiusbymember, "3.2.0", "Members around another one, as GEOSEARCH; it does not store.",
        OF_AREA, "key member radius <M | KM | FT | MI> " SHOWN " [COUNT count [ANY]] [ASC | DESC]",
        -5, COMMAND_READONLY, READ_KEY);
GEO_ROW(georadiusbymember_ro, "3.2.10", "Members around another one, as GEOSEARCH.", OF_AREA,
        "key member radius <M | KM | FT | MI> " SHOWN " [COUNT count [ANY]] [ASC | DESC]", -5,
        COMMAND_READONLY, READ_KEY);

const struct command command_geosearchstore = {
    .name = "geosearchstore",
    .group = "geo",
    .since = "6.2.0",
    .summary = "Stores what GEOSEARCH finds in the place of a key. Not atomic, as ZUNIONSTORE.",
    .complexity = OF_AREA,
    .syntax = "destination source " AREA " " OPTIONS " [STOREDIST]",
    .arity = -8,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_GEO,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, 0, 1}, {KEY_FLAG_RO | KEY_FLAG_ACCESS, 2, 0, 1}},
    .start = start_geosearchstore,
};
