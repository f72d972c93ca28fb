/*
 * verb_keyspace_change.c - making and changing keyspaces; RING.KEYSPACE does the work.
 *
 * The node answers when the members that are up have the change on their disks, which takes longer
 * than a question: it gets the time that a change may take.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "fields.h"
#include "verbs.h"

enum { CHANGE_TIMEOUT_MS = 15000 };

static void add_text(struct report *report, const struct resp_value *map, const char *name)
{
    report_fact(report, name, REPORT_TEXT, "%s", fields_text(map, name, "?"));
}

/* A number of which 0 means that none is set. */
static void add_limit(struct report *report, const struct resp_value *map, const char *name)
{
    int64_t value = fields_integer(map, name, 0);
    report_fact(report, name, REPORT_NUMBER, value == 0 ? NULL : "%" PRId64, value);
}

static void add_keyspace(struct report *report, const struct resp_value *map)
{
    add_text(report, map, "name");
    report_fact(report, "number", REPORT_NUMBER, "%" PRId64, fields_integer(map, "number", -1));
    add_text(report, map, "policy");
    add_text(report, map, "read_level");
    add_text(report, map, "write_level");
    report_fact(report, "sloppy", REPORT_FLAG, "%s", fields_text(map, "sloppy", "no"));
    add_limit(report, map, "default_ttl_ms");
    add_limit(report, map, "value_size_max");
    add_limit(report, map, "siblings_max");
}

enum exit_code verb_keyspace_show(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.KEYSPACE"), slice_text("SHOW"),
                            slice_text(arguments->operands[0])};
    enum exit_code code = cluster_ask_first(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    struct report *report = report_new();
    add_keyspace(report, exchange.replies[0]);
    exchange_deinit(&exchange);
    verb_print(arguments, report);
    return EXIT_OK;
}

/* Print what came of it, and how far it is known. */
static void print_made(const struct arguments *arguments, const struct resp_value *made)
{
    int64_t known = fields_integer(made, "known_by", 0);
    int64_t members = fields_integer(made, "members", 0);
    struct report *report = report_new();
    add_keyspace(report, made);
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64, known);
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, members);
    verb_print(arguments, report);
    if (known < members)
        verb_complain("%" PRId64 " of %" PRId64
                      " nodes have it; the others take it as soon as they "
                      "are up, see: ringctl status",
                      known, members);
}

static enum exit_code change(const struct arguments *arguments, const char *what)
{
    struct arguments patient = *arguments;
    struct exchange exchange;
    struct slice words[3 + SETTINGS_MAX] = {slice_text("RING.KEYSPACE"), slice_text(what),
                                            slice_text(arguments->operands[0])};
    if (patient.timeout_ms < CHANGE_TIMEOUT_MS)
        patient.timeout_ms = CHANGE_TIMEOUT_MS;
    for (size_t i = 0; i < arguments->setting_count; i++)
        words[3 + i] = slice_text(arguments->settings[i]);
    enum exit_code code =
        cluster_ask_first(&patient, words, 3 + arguments->setting_count, &exchange);
    if (code != EXIT_OK)
        return code;
    print_made(arguments, exchange.replies[0]);
    exchange_deinit(&exchange);
    return EXIT_OK;
}

enum exit_code verb_keyspace_create(const struct arguments *arguments)
{
    return change(arguments, "CREATE");
}

enum exit_code verb_keyspace_set(const struct arguments *arguments)
{
    if (arguments->setting_count == 0) {
        verb_complain("keyspace set needs something to set; see: ringctl keyspace set --help");
        return EXIT_USAGE;
    }
    return change(arguments, "SET");
}
