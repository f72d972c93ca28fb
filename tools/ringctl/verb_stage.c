/*
 * verb_stage.c - changes of nodes that store data: they are staged, and nothing moves before a plan
 * of them is committed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "fields.h"
#include "plan_base.h"
#include "verbs.h"

enum { WORDS_MAX = 6 };

static void print_staged(const struct arguments *arguments, const struct resp_value *reply,
                         const char *staged, const char *next_step)
{
    struct report *report = report_new();
    report_fact(report, "staged", REPORT_TEXT, "%s", staged);
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64,
                fields_integer(reply, "known_by", 0));
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, fields_integer(reply, "members", 0));
    report_fact(report, "next_step", REPORT_TEXT, "%s", next_step);
    verb_print(arguments, report);
}

/* RING.PLAN STAGE `change` and the operands of the verb. */
static enum exit_code stage(const struct arguments *arguments, const char *change)
{
    struct slice words[WORDS_MAX] = {slice_text("RING.PLAN"), slice_text("STAGE"),
                                     slice_text(change)};
    struct exchange exchange;
    struct buffer staged = {0};
    size_t count = 3;
    buffer_printf(&staged, "%s", change);
    for (size_t i = 0; i < arguments->operand_count; i++) {
        words[count++] = slice_text(arguments->operands[i]);
        buffer_printf(&staged, " %s", arguments->operands[i]);
    }
    if (arguments->repeat_racks)
        words[count++] = slice_text("repeat-racks");
    enum exit_code code = plan_base_change(arguments, words, count, &exchange);
    if (code == EXIT_OK) {
        buffer_put_u8(&staged, 0);
        print_staged(arguments, exchange.replies[0], (const char *)staged.data,
                     "ringctl cluster plan: what it would do; nothing has moved");
        exchange_deinit(&exchange);
    }
    buffer_deinit(&staged);
    return code;
}

enum exit_code verb_cluster_replace(const struct arguments *arguments)
{
    return stage(arguments, "replace");
}

enum exit_code verb_cluster_weight(const struct arguments *arguments)
{
    return stage(arguments, "weight");
}

enum exit_code verb_cluster_rack(const struct arguments *arguments)
{
    return stage(arguments, "rack");
}

/* Who stores nothing goes at once; what others own first goes to others. */
static enum exit_code remove_member(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.MEMBER"), slice_text("REMOVE"),
                            slice_text(arguments->operands[0])};
    enum exit_code code = plan_base_change(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *made = exchange.replies[0];
    struct report *report = report_new();
    report_fact(report, "left", REPORT_NUMBER, "%" PRId64, fields_integer(made, "id", 0));
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64, fields_integer(made, "known_by", 0));
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, fields_integer(made, "members", 0));
    report_fact(report, "next_step", REPORT_TEXT,
                "the node ends by itself; its data directory is of no use any more");
    verb_print(arguments, report);
    exchange_deinit(&exchange);
    return EXIT_OK;
}

enum exit_code verb_cluster_leave(const struct arguments *arguments)
{
    struct register_value *base;
    enum exit_code code = plan_base_load(arguments, &base);
    if (code != EXIT_OK)
        return code;
    char *end;
    unsigned long long id = strtoull(arguments->operands[0], &end, 10);
    const struct ring_member *member =
        *end == '\0' && id <= UINT32_MAX ? ring_member(base->ring, (node_id)id) : NULL;
    bool stores = member != NULL && member->role == MEMBER_DATA;
    register_value_free(base);
    return stores ? stage(arguments, "leave") : remove_member(arguments);
}

enum exit_code verb_cluster_clear(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.PLAN"), slice_text("CLEAR")};
    enum exit_code code = plan_base_change(arguments, words, 2, &exchange);
    if (code != EXIT_OK)
        return code;
    print_staged(arguments, exchange.replies[0], "nothing",
                 "who is joining stays; ringctl cluster leave ID makes it a member no more");
    exchange_deinit(&exchange);
    return EXIT_OK;
}
