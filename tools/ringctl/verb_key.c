/*
 * verb_key.c - where a key lives; and the versions, which are as short.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <config.h>

#include "cluster.h"
#include "fields.h"
#include "verbs.h"

static const struct report_column PLACE_COLUMNS[] = {{"node", REPORT_NUMBER},
                                                     {"region", REPORT_TEXT},
                                                     {"role", REPORT_TEXT},
                                                     {"state", REPORT_TEXT}};

enum { PLACE_COLUMN_COUNT = sizeof PLACE_COLUMNS / sizeof *PLACE_COLUMNS };

/* The ids of a list of places, as a fact. */
static void add_ids(struct report *report, const char *name, const struct resp_value *places)
{
    struct buffer ids = {0};
    for (size_t i = 0; i < fields_count(places); i++)
        buffer_printf(&ids, "%s%" PRId64, i == 0 ? "" : " ",
                      fields_integer(fields_at(places, i), "id", 0));
    report_fact(report, name, REPORT_NUMBERS, "%.*s", (int)ids.length, (const char *)ids.data);
    buffer_deinit(&ids);
}

static void add_places(struct report_table *table, const char *role,
                       const struct resp_value *places)
{
    for (size_t i = 0; i < fields_count(places); i++) {
        const struct resp_value *place = fields_at(places, i);
        const char *state = fields_text(place, "state", "?");
        report_cell(table, "%" PRId64, fields_integer(place, "id", 0));
        report_cell(table, "%s", fields_text(place, "region", "?"));
        report_cell(table, "%s", role);
        report_cell(table, "%s", strcmp(state, "self") == 0 ? "up" : state);
        if (strcmp(state, "down") == 0)
            report_alarm(table);
    }
}

enum exit_code verb_key_locate(const struct arguments *arguments)
{
    char number[16];
    struct exchange exchange;
    snprintf(number, sizeof number, "%u", (unsigned)arguments->keyspace);
    struct slice words[] = {slice_text("RING.LOCATE"), slice_text(arguments->operands[0]),
                            slice_text(number)};
    enum exit_code code = cluster_ask_first(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *reply = exchange.replies[0];
    const struct resp_value *owners = fields_get(reply, "owners");
    const struct resp_value *fallbacks = fields_get(reply, "fallbacks");
    struct report *report = report_new();
    report_fact(report, "key", REPORT_TEXT, "%s", arguments->operands[0]);
    report_fact(report, "keyspace", REPORT_NUMBER, "%u", (unsigned)arguments->keyspace);
    report_fact(report, "slot", REPORT_NUMBER, "%" PRId64, fields_integer(reply, "slot", -1));
    report_fact(report, "partition", REPORT_NUMBER, "%" PRId64,
                fields_integer(reply, "partition", -1));
    report_fact(report, "position", REPORT_TEXT, "%s", fields_text(reply, "position", "?"));
    add_ids(report, "owners", owners);
    add_ids(report, "fallbacks", fallbacks);
    struct report_table *table = report_table(report, "places", PLACE_COLUMNS, PLACE_COLUMN_COUNT);
    add_places(table, "owner", owners);
    add_places(table, "fallback", fallbacks);
    exchange_deinit(&exchange);
    verb_print(arguments, report);
    return EXIT_OK;
}

enum exit_code verb_version(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.VERSION")};
    struct report *report = report_new();
    enum exit_code code = cluster_ask_first(arguments, words, 1, &exchange);
    report_fact(report, "ringctl", REPORT_TEXT, "%s", PACKAGE_VERSION);
    if (code == EXIT_OK) {
        report_fact(report, "ringd", REPORT_TEXT, "%s",
                    fields_text(exchange.replies[0], "ringdb", "?"));
        report_fact(report, "redis", REPORT_TEXT, "%s",
                    fields_text(exchange.replies[0], "redis", "?"));
        exchange_deinit(&exchange);
    } else {
        report_fact(report, "ringd", REPORT_TEXT, NULL);
        report_fact(report, "redis", REPORT_TEXT, NULL);
    }
    verb_print(arguments, report);
    return code;
}
