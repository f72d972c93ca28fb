#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ringctl/report.h"

static const struct report_column COLUMNS[] = {{"node", REPORT_NUMBER},
                                               {"said_by", REPORT_NUMBERS},
                                               {"up", REPORT_FLAG},
                                               {"rack", REPORT_TEXT}};

static struct report *make_report(void)
{
    struct report *report = report_new();
    report_fact(report, "cluster_id", REPORT_TEXT, "%s", "c1");
    report_fact(report, "count", REPORT_NUMBER, "%d", 12);
    report_fact(report, "unknown", REPORT_NUMBER, NULL);
    report_fact(report, "risks", REPORT_TEXTS, "%s", "one\ntwo");
    report_fact(report, "none", REPORT_TEXTS, "%s", "");
    struct report_table *table = report_table(report, "nodes", COLUMNS, 4);
    report_cell(table, "%d", 1);
    report_cell(table, "%s", "2 3");
    report_cell(table, "yes");
    report_cell(table, "%s", "r\"1");
    report_cell(table, "%d", 10);
    report_cell(table, "%s", "");
    report_cell(table, "no");
    report_alarm(table);
    report_cell(table, NULL);
    return report;
}

static void json_has_types_and_nulls(void **state)
{
    char *written = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&written, &length);
    struct report *report = make_report();
    (void)state;
    report_print_json(report, out);
    fclose(out);
    assert_string_equal(written, "{\n"
                                 "  \"cluster_id\": \"c1\",\n"
                                 "  \"count\": 12,\n"
                                 "  \"unknown\": null,\n"
                                 "  \"risks\": [\n"
                                 "    \"one\",\n"
                                 "    \"two\"\n"
                                 "  ],\n"
                                 "  \"none\": [],\n"
                                 "  \"nodes\": [\n"
                                 "    {\n"
                                 "      \"node\": 1,\n"
                                 "      \"said_by\": [\n"
                                 "        2,\n"
                                 "        3\n"
                                 "      ],\n"
                                 "      \"up\": true,\n"
                                 "      \"rack\": \"r\\\"1\"\n"
                                 "    },\n"
                                 "    {\n"
                                 "      \"node\": 10,\n"
                                 "      \"said_by\": [],\n"
                                 "      \"up\": false,\n"
                                 "      \"rack\": null\n"
                                 "    }\n"
                                 "  ]\n"
                                 "}\n");
    free(written);
    report_free(report);
}

static void text_aligns_facts_and_columns(void **state)
{
    char *written = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&written, &length);
    struct report *report = make_report();
    (void)state;
    report_print_text(report, out, false);
    fclose(out);
    assert_string_equal(written, "cluster id  c1\n"
                                 "count       12\n"
                                 "unknown     -\n"
                                 "risks       one\n"
                                 "            two\n"
                                 "none        \n"
                                 "\n"
                                 "node  said by  up   rack\n"
                                 "   1  2 3      yes  r\"1\n"
                                 "  10           no   -\n");
    free(written);
    report_free(report);
}

static void facts_cannot_steer_the_terminal(void **state)
{
    char *written = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&written, &length);
    struct report *report = report_new();
    (void)state;
    report_fact(report, "key", REPORT_TEXT, "%s", "\033[2J\r\x7f");
    report_print_text(report, out, false);
    fclose(out);
    assert_string_equal(written, "key  \\x1b[2J\\x0d\\x7f\n");
    free(written);
    report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_types_and_nulls),
        cmocka_unit_test(text_aligns_facts_and_columns),
        cmocka_unit_test(facts_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
