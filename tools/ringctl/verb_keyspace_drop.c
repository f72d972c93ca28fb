/*
 * verb_keyspace_drop.c - a keyspace and all its keys, gone for good.
 *
 * There is no way back, so it says first how much goes and has the operator type the name, unless
 * --yes says that this was done. The number of keys is counted by the nodes; their bytes are
 * estimated by some of them, and count one copy of each value.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster.h"
#include "fields.h"
#include "verbs.h"

#define SAMPLE_KEYS "100"

enum { DROP_TIMEOUT_MS = 15000 };

/* What goes, as far as it could be found out; -1: it could not. */
struct extent {
    int64_t number;
    int64_t keys;
    int64_t value_bytes;
};

/* The reply of a command of the exchange; NULL when there is none or it is an error. */
static const struct resp_value *reply_at(const struct exchange *exchange, size_t i)
{
    if (exchange->status != STATUS_OK || exchange->replies[i] == NULL ||
        exchange->replies[i]->type == RESP_TYPE_ERROR)
        return NULL;
    return exchange->replies[i];
}

/* The mean length of some keys and their values, times how many there are. */
static void estimate_bytes(const struct arguments *arguments, const struct resp_value *keys,
                           struct extent *out)
{
    struct exchange exchange = {.address = arguments->address,
                                .keyspace = (keyspace_id)out->number};
    uint64_t sum = 0, count = 0;
    for (size_t i = 0; i < fields_count(keys); i++)
        exchange_ask(&exchange, (struct slice[]){slice_text("STRLEN"), fields_at(keys, i)->text},
                     2);
    if (exchange.asked > 0)
        exchange_run(&exchange, 1, arguments->timeout_ms);
    for (size_t i = 0; i < exchange.asked; i++) {
        const struct resp_value *reply = reply_at(&exchange, i);
        if (reply == NULL || reply->type != RESP_TYPE_INTEGER || reply->integer < 0)
            continue;
        sum += (uint64_t)reply->integer + fields_at(keys, i)->text.length;
        count++;
    }
    if (count > 0)
        out->value_bytes = (int64_t)((double)sum / (double)count * (double)out->keys);
    exchange_deinit(&exchange);
}

static void measure(const struct arguments *arguments, struct extent *out)
{
    struct exchange exchange = {.address = arguments->address,
                                .keyspace = (keyspace_id)out->number};
    exchange_ask_texts(&exchange, (const char *const[]){"DBSIZE", NULL});
    exchange_ask_texts(&exchange, (const char *const[]){"SCAN", "0", "COUNT", SAMPLE_KEYS, NULL});
    exchange_run(&exchange, 1, arguments->timeout_ms);
    const struct resp_value *size = reply_at(&exchange, 0);
    const struct resp_value *page = reply_at(&exchange, 1);
    if (size != NULL && size->type == RESP_TYPE_INTEGER)
        out->keys = size->integer;
    if (out->keys == 0)
        out->value_bytes = 0;
    else if (out->keys > 0 && fields_count(page) == 2)
        estimate_bytes(arguments, fields_at(page, 1), out);
    exchange_deinit(&exchange);
}

static enum exit_code find(const struct arguments *arguments, struct extent *out)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.KEYSPACE"), slice_text("SHOW"),
                            slice_text(arguments->operands[0])};
    enum exit_code code = cluster_ask_first(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    *out = (struct extent){
        .number = fields_integer(exchange.replies[0], "number", 0), .keys = -1, .value_bytes = -1};
    exchange_deinit(&exchange);
    measure(arguments, out);
    return EXIT_OK;
}

static void describe(const struct extent *extent, char text[96])
{
    if (extent->keys < 0)
        snprintf(text, 96, "its keys, which could not be counted now");
    else if (extent->value_bytes < 0)
        snprintf(text, 96, "its %" PRId64 " %s", extent->keys, extent->keys == 1 ? "key" : "keys");
    else
        snprintf(text, 96, "its %" PRId64 " %s, about %" PRId64 " bytes", extent->keys,
                 extent->keys == 1 ? "key" : "keys", extent->value_bytes);
}

/* Whether the operator types the name. */
static enum exit_code confirm(const struct arguments *arguments, const struct extent *extent)
{
    char what[96], line[RING_NAME_MAX + 2] = "";
    const char *name = arguments->operands[0];
    describe(extent, what);
    if (arguments->yes)
        return EXIT_OK;
    if (isatty(STDIN_FILENO) != 1) {
        verb_complain(
            "keyspace drop would remove %s and %s for good, and nobody can be asked here: "
            "give --yes; nothing was changed",
            name, what);
        return EXIT_USAGE;
    }
    fprintf(stderr,
            "Keyspace %s (number %" PRId64 ") and %s will be gone for good, on all nodes.\n"
            "Type its name to drop it: ",
            name, extent->number, what);
    if (fgets(line, sizeof line, stdin) != NULL)
        line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, name) == 0)
        return EXIT_OK;
    verb_complain("the name was not typed; nothing was changed");
    return EXIT_FAILED;
}

static void add_number(struct report *report, const char *name, int64_t value)
{
    report_fact(report, name, REPORT_NUMBER, value < 0 ? NULL : "%" PRId64, value);
}

static void print_dropped(const struct arguments *arguments, const struct extent *extent,
                          const struct resp_value *reply)
{
    int64_t known = fields_integer(reply, "known_by", 0);
    int64_t members = fields_integer(reply, "members", 0);
    struct report *report = report_new();
    report_fact(report, "dropped", REPORT_TEXT, "%s", arguments->operands[0]);
    add_number(report, "number", extent->number);
    add_number(report, "keys", extent->keys);
    add_number(report, "bytes_about", extent->value_bytes);
    add_number(report, "known_by", known);
    add_number(report, "members", members);
    report_fact(report, "next_step", REPORT_TEXT,
                "ringctl gc status: how many of its keys are left on each node's disk");
    verb_print(arguments, report);
    if (known < members)
        verb_complain("%" PRId64 " of %" PRId64 " nodes have heard of it; the others serve it "
                      "until they do, see: ringctl status",
                      known, members);
}

enum exit_code verb_keyspace_drop(const struct arguments *arguments)
{
    struct arguments patient = *arguments;
    struct exchange exchange;
    struct extent extent;
    struct slice words[] = {slice_text("RING.KEYSPACE"), slice_text("DROP"),
                            slice_text(arguments->operands[0])};
    enum exit_code code = find(arguments, &extent);
    if (code == EXIT_OK)
        code = confirm(arguments, &extent);
    if (code != EXIT_OK)
        return code;
    if (patient.timeout_ms < DROP_TIMEOUT_MS)
        patient.timeout_ms = DROP_TIMEOUT_MS;
    code = cluster_ask_first(&patient, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    print_dropped(arguments, &extent, exchange.replies[0]);
    exchange_deinit(&exchange);
    return EXIT_OK;
}
