/*
 * verb_keyspace.c - which keyspaces there are, and what one of them keeps of a key.
 */
#include <inttypes.h>

#include "cluster.h"
#include "fields.h"
#include "verbs.h"

static const struct report_column KEYSPACE_COLUMNS[] = {
    {"name", REPORT_TEXT}, {"number", REPORT_NUMBER}, {"policy", REPORT_TEXT}};

static const struct report_column SIBLING_COLUMNS[] = {{"time_ms", REPORT_NUMBER},
                                                       {"ttl_ms", REPORT_NUMBER},
                                                       {"node", REPORT_NUMBER},
                                                       {"bytes", REPORT_NUMBER},
                                                       {"value", REPORT_TEXT}};

enum {
    KEYSPACE_COLUMN_COUNT = sizeof KEYSPACE_COLUMNS / sizeof *KEYSPACE_COLUMNS,
    SIBLING_COLUMN_COUNT = sizeof SIBLING_COLUMNS / sizeof *SIBLING_COLUMNS
};

enum exit_code verb_keyspace_list(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.STATUS")};
    enum exit_code code = cluster_ask_first(arguments, words, 1, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *rows = fields_get(exchange.replies[0], "keyspaces");
    struct report *report = report_new();
    struct report_table *table =
        report_table(report, "keyspaces", KEYSPACE_COLUMNS, KEYSPACE_COLUMN_COUNT);
    for (size_t i = 0; i < fields_count(rows); i++) {
        const struct resp_value *row = fields_at(rows, i);
        report_cell(table, "%s", fields_text(row, "name", "?"));
        report_cell(table, "%" PRId64, fields_integer(row, "number", -1));
        report_cell(table, "%s", fields_text(row, "policy", "?"));
    }
    exchange_deinit(&exchange);
    verb_print(arguments, report);
    return EXIT_OK;
}

/* Any bytes as plain text, so that one form shows what the other shows. */
static void add_value(struct report_table *table, const struct resp_value *value)
{
    struct buffer text = {0};
    bool is_text = value != NULL && value->type == RESP_TYPE_BULK;
    struct slice bytes = is_text ? value->text : slice_make(NULL, 0);
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t byte = bytes.data[i];
        if (byte >= ' ' && byte <= '~' && byte != '\\')
            buffer_put_u8(&text, byte);
        else
            buffer_printf(&text, "\\x%02x", byte);
    }
    report_cell(table, "%zu", bytes.length);
    report_cell(table, is_text ? "%.*s" : NULL, (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

enum exit_code verb_key_siblings(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.GET"), slice_text(arguments->operands[0])};
    enum exit_code code = cluster_ask_first_in(arguments, words, 2, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *rows = fields_get(exchange.replies[0], "siblings");
    struct report *report = report_new();
    report_fact(report, "key", REPORT_TEXT, "%s", arguments->operands[0]);
    report_fact(report, "keyspace", REPORT_NUMBER, "%u", (unsigned)arguments->keyspace);
    report_fact(report, "count", REPORT_NUMBER, "%zu", fields_count(rows));
    report_fact(report, "context", REPORT_TEXT, "%s",
                fields_text(exchange.replies[0], "context", "?"));
    struct report_table *table =
        report_table(report, "siblings", SIBLING_COLUMNS, SIBLING_COLUMN_COUNT);
    for (size_t i = 0; i < fields_count(rows); i++) {
        const struct resp_value *row = fields_at(rows, i);
        report_cell(table, "%" PRId64, fields_integer(row, "time", 0));
        report_cell(table, "%" PRId64, fields_integer(row, "ttl", -1));
        report_cell(table, "%" PRId64, fields_integer(row, "node", 0));
        add_value(table, fields_get(row, "value"));
    }
    exchange_deinit(&exchange);
    verb_print(arguments, report);
    return EXIT_OK;
}
