/*
 * geo.c - GEOADD, and places that are named: members of sorted sets, whose scores are numbers of
 * cells on the globe (geo_grid.h). So they merge as scores do: of two places the newer is shown.
 */
#include "commands/geo.h"

#include <stdio.h>

#include "causal/score.h"
#include "ring/element_key.h"

bool geo_parse_point(struct call *call, uint32_t index, struct geo_point *out)
{
    if (!score_parse(call_argument(call, index), &out->longitude) ||
        !score_parse(call_argument(call, index + 1), &out->latitude)) {
        call_reply_error(call, NOT_A_FLOAT);
        return false;
    }
    if (geo_point_is_valid(out))
        return true;
    call_reply_error(call, "ERR invalid longitude,latitude pair %f,%f", out->longitude,
                     out->latitude);
    return false;
}

bool geo_parse_unit(struct call *call, uint32_t index, double *unit_m)
{
    static const struct {
        const char *word;
        double meters;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (call_argument_is(call, index, units[i].word)) {
            *unit_m = units[i].meters;
            return true;
        }
    }
    call_reply_error(call, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

struct geo_point geo_point_of_score(double score)
{
    const double end = 18446744073709551616.0; /* 2^64 */
    return geo_point_of(score >= 0 && score < end ? (uint64_t)score : 0);
}

/* Seventeen digits behind the point, without zeros at the end. */
static void write_degrees(struct resp_writer writer, double degrees)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%.17f", degrees);
    while (text[length - 1] == '0')
        length--;
    if (text[length - 1] == '.')
        length--;
    resp_writer_double_text(writer, slice_make(text, (size_t)length));
}

void geo_write_point(struct resp_writer writer, const struct geo_point *point)
{
    resp_writer_array(writer, 2);
    write_degrees(writer, point->longitude);
    write_degrees(writer, point->latitude);
}

void geo_write_distance(struct resp_writer writer, double distance)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%.4f", distance);
    resp_writer_bulk(writer, slice_make(text, (size_t)length));
}

/* ---- GEOADD ---- */

/* Members in call->spare, each with its score as text, which stands in call->scratch. */
static bool put_places(struct call *call, uint32_t first, uint32_t count)
{
    size_t at = 0;
    buffer_clear(&call->scratch);
    buffer_clear(&call->spare);
    for (uint32_t i = 0; i < count; i++) {
        struct geo_point point;
        if (!geo_parse_point(call, first + 3 * i, &point))
            return false;
        buffer_printf(&call->scratch, "%llu", (unsigned long long)geo_number(&point));
        buffer_put_u8(&call->scratch, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice member = call_argument(call, first + 3 * i + 2);
        struct slice score = slice_text((const char *)call->scratch.data + at);
        at += score.length + 1;
        buffer_append(&call->spare, &member, sizeof member);
        buffer_append(&call->spare, &score, sizeof score);
    }
    return true;
}

static void start_geoadd(struct call *call)
{
    uint16_t flags = 0;
    bool changes = false;
    uint32_t at = 2;
    for (bool is = true; is && at < call->argument_count; at += is) {
        is = true;
        if (call_argument_is(call, at, "nx"))
            flags |= MUTATION_IF_ABSENT;
        else if (call_argument_is(call, at, "xx"))
            flags |= MUTATION_IF_PRESENT;
        else if (call_argument_is(call, at, "ch"))
            changes = true;
        else
            is = false;
    }
    const uint16_t both = MUTATION_IF_ABSENT | MUTATION_IF_PRESENT;
    uint32_t words = call->argument_count - at;
    if (words == 0 || words % 3 != 0 || (flags & both) == both) {
        call_reply_syntax_error(call);
        return;
    }
    if (put_places(call, at, words / 3))
        sorted_add(call, flags, changes, words / 3);
}

/* ---- members that are named ---- */

static void ask_members(struct call *call, uint32_t count, element_take *take)
{
    elements_ask_arguments(call, (struct element_ask){.kind = KEY_ELEMENTS_GET,
                                                      .type = COLLECTION_ZSET,
                                                      .step = 1,
                                                      .count = count,
                                                      .take = take});
}

static struct geo_point point_of(const struct key_outcome *outcome)
{
    return geo_point_of_score(score_of_value(outcome->value));
}

static void take_positions(struct call *call, const struct key_result *result)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, result->outcome_count - 1u);
    for (uint16_t i = 1; i < result->outcome_count; i++) {
        struct geo_point point = point_of(&result->outcomes[i]);
        if (result->outcomes[i].visible)
            geo_write_point(writer, &point);
        else
            resp_writer_null_array(writer);
    }
    call_finish(call);
}

static void take_texts(struct call *call, const struct key_result *result)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, result->outcome_count - 1u);
    for (uint16_t i = 1; i < result->outcome_count; i++) {
        struct geo_point point = point_of(&result->outcomes[i]);
        char text[GEO_TEXT_LENGTH];
        geo_text(&point, text);
        if (result->outcomes[i].visible)
            resp_writer_bulk(writer, slice_make(text, sizeof text));
        else
            resp_writer_null(writer);
    }
    call_finish(call);
}

static void take_distance(struct call *call, const struct key_result *result)
{
    double unit_m = 1;
    struct geo_point a = point_of(&result->outcomes[1]), b = point_of(&result->outcomes[2]);
    if (call->argument_count == 5 && !geo_parse_unit(call, 4, &unit_m))
        return;
    if (!result->outcomes[1].visible || !result->outcomes[2].visible)
        resp_writer_null(call_writer(call));
    else
        geo_write_distance(call_writer(call), geo_distance_m(&a, &b) / unit_m);
    call_finish(call);
}

/* Of no member Redis answers with an empty list; a request names one element at least. */
static void start_named(struct call *call, element_take *take)
{
    if (call->argument_count > 2) {
        ask_members(call, call->argument_count - 2, take);
        return;
    }
    resp_writer_array(call_writer(call), 0);
    call_finish(call);
}

static void start_geopos(struct call *call)
{
    start_named(call, take_positions);
}

static void start_geohash(struct call *call)
{
    start_named(call, take_texts);
}

static void start_geodist(struct call *call)
{
    double unit_m;
    if (call->argument_count > 5)
        call_reply_syntax_error(call);
    else if (call->argument_count < 5 || geo_parse_unit(call, 4, &unit_m))
        ask_members(call, 2, take_distance);
}

/* ---- rows ---- */

#define OF_MEMBERS "O(N) in the number of members that are named."
#define READ_KEY   (KEY_FLAG_RO | KEY_FLAG_ACCESS)

GEO_ROW(geoadd, "3.2.0",
        "Sets places of members of a sorted set; how many are new. Of two places the newer is "
        "shown.",
        OF_MEMBERS, "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        -5, COMMAND_WRITE | COMMAND_DENYOOM, KEY_FLAG_RW | KEY_FLAG_UPDATE);
GEO_ROW(geopos, "3.2.0", "Longitudes and latitudes of members.", OF_MEMBERS,
        "key [member [member ...]]", -2, COMMAND_READONLY, READ_KEY);
GEO_ROW(geohash, "3.2.0", "Places of members as texts of geohash.org.", OF_MEMBERS,
        "key [member [member ...]]", -2, COMMAND_READONLY, READ_KEY);
GEO_ROW(geodist, "3.2.0", "How far two members are from each other.", "O(1)",
        "key member1 member2 [M | KM | FT | MI]", -4, COMMAND_READONLY, READ_KEY);
