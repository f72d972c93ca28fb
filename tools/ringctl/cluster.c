#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fields.h"
#include "net/address.h"
#include "verbs.h"

/* What a node that is no ringd, or another version of it, is told. */
static enum exit_code not_understood(const struct arguments *arguments, const char *what)
{
    char text[ADDRESS_TEXT_MAX];
    verb_complain("the answer of %s to %s is not understood; is it a ringd of another version? "
                  "See: ringctl version",
                  address_format(&arguments->address, text), what);
    return EXIT_FAILED;
}

const struct resp_value *cluster_reply(const struct exchange *exchange,
                                       char reason[EXCHANGE_REASON_MAX])
{
    if (exchange->status != STATUS_OK) {
        snprintf(reason, EXCHANGE_REASON_MAX, "%s", exchange->reason);
        return NULL;
    }
    const struct resp_value *reply = exchange->replies[0];
    if (reply->type == RESP_TYPE_ERROR) {
        snprintf(reason, EXCHANGE_REASON_MAX, "it says: %s", (const char *)reply->text.data);
        return NULL;
    }
    return reply;
}

/* Run the one question of `exchange` to the first node. */
static enum exit_code ask(const struct arguments *arguments, struct exchange *exchange)
{
    char text[ADDRESS_TEXT_MAX];
    exchange_run(exchange, 1, arguments->timeout_ms);
    address_format(&arguments->address, text);
    if (exchange->status != STATUS_OK) {
        verb_complain("%s cannot be asked: %s. Is ringd running there? Name another node with "
                      "-h HOST -p PORT",
                      text, exchange->reason);
        return EXIT_UNREACHABLE;
    }
    for (size_t i = 0; i < exchange->asked; i++) {
        if (exchange->replies[i]->type == RESP_TYPE_ERROR) {
            verb_complain("%s refuses; it says: %s", text,
                          (const char *)exchange->replies[i]->text.data);
            return EXIT_FAILED;
        }
    }
    return EXIT_OK;
}

enum exit_code cluster_ask_first(const struct arguments *arguments, const struct slice *words,
                                 size_t count, struct exchange *out)
{
    *out = (struct exchange){.address = arguments->address};
    exchange_ask(out, words, count);
    enum exit_code code = ask(arguments, out);
    if (code != EXIT_OK)
        exchange_deinit(out);
    return code;
}

enum exit_code cluster_ask_first_in(const struct arguments *arguments, const struct slice *words,
                                    size_t count, struct exchange *out)
{
    *out = (struct exchange){.address = arguments->address, .keyspace = arguments->keyspace};
    exchange_ask(out, words, count);
    enum exit_code code = ask(arguments, out);
    if (code != EXIT_OK)
        exchange_deinit(out);
    return code;
}

static bool read_member(const struct resp_value *row, struct cluster_member *out)
{
    int64_t id = fields_integer(row, "id", 0);
    if (id < 1 || id > UINT32_MAX ||
        address_parse(fields_text(row, "client", ""), &out->client) != STATUS_OK)
        return false;
    out->id = (node_id)id;
    snprintf(out->role, sizeof out->role, "%s", fields_text(row, "role", "data"));
    out->stores_nothing = strcmp(out->role, "data") != 0;
    snprintf(out->region, sizeof out->region, "%s", fields_text(row, "region", ""));
    snprintf(out->rack, sizeof out->rack, "%s", fields_text(row, "rack", ""));
    return true;
}

static bool read_status(const struct resp_value *status, struct cluster *out)
{
    const struct resp_value *members = fields_get(status, "members");
    snprintf(out->id, sizeof out->id, "%s", fields_text(status, "cluster_id", ""));
    snprintf(out->replication, sizeof out->replication, "%s",
             fields_text(status, "replication", ""));
    out->epoch = fields_integer(status, "epoch", 0);
    out->member_count = fields_count(members);
    if (out->member_count == 0 || out->member_count > RING_MEMBERS_MAX)
        return false;
    out->members = memory_new(out->member_count, sizeof *out->members);
    for (size_t i = 0; i < out->member_count; i++) {
        if (!read_member(fields_at(members, i), &out->members[i]))
            return false;
    }
    return true;
}

/* The index of the member that an element of a list of owners names. False: there is none. */
static bool read_owner(const struct cluster *cluster, const struct resp_value *value, uint16_t *out)
{
    uint64_t id = fields_number(value);
    for (size_t i = 0; i < cluster->member_count; i++) {
        if (cluster->members[i].id == id) {
            *out = (uint16_t)i;
            return true;
        }
    }
    return false;
}

/* One row; false: it has not so many members. */
static bool read_owners(const struct cluster *cluster, const struct resp_value *list, uint16_t *out)
{
    if (fields_count(list) != cluster->owner_count)
        return false;
    for (uint32_t i = 0; i < cluster->owner_count; i++)
        if (!read_owner(cluster, fields_at(list, i), &out[i]))
            return false;
    return true;
}

static bool read_show(const struct resp_value *show, struct cluster *out)
{
    const struct resp_value *first = fields_get(fields_at(show, 0), "owners");
    out->partition_count = (uint32_t)fields_count(show);
    out->owner_count = (uint32_t)fields_count(first);
    if (out->partition_count == 0 || out->partition_count > PARTITION_COUNT_MAX ||
        out->owner_count == 0 || out->owner_count > RING_OWNERS_MAX)
        return false;
    out->owners = memory_new((size_t)out->partition_count * out->owner_count, sizeof *out->owners);
    out->coming = memory_new((size_t)out->partition_count * out->owner_count, sizeof *out->coming);
    for (uint32_t p = 0; p < out->partition_count; p++) {
        size_t at = (size_t)p * out->owner_count;
        const struct resp_value *coming = fields_get(fields_at(show, p), "coming");
        if (!read_owners(out, fields_get(fields_at(show, p), "owners"), out->owners + at))
            return false;
        memcpy(out->coming + at, out->owners + at, out->owner_count * sizeof *out->coming);
        if (fields_count(coming) > 0 && !read_owners(out, coming, out->coming + at))
            return false;
    }
    return true;
}

enum exit_code cluster_load(const struct arguments *arguments, struct cluster *out)
{
    struct exchange exchange = {.address = arguments->address};
    *out = (struct cluster){0};
    exchange_ask_texts(&exchange, (const char *const[]){"RING.STATUS", NULL});
    exchange_ask_texts(&exchange, (const char *const[]){"RING.SHOW", NULL});
    enum exit_code code = ask(arguments, &exchange);
    if (code == EXIT_OK && !read_status(exchange.replies[0], out))
        code = not_understood(arguments, "RING.STATUS");
    else if (code == EXIT_OK && !read_show(exchange.replies[1], out))
        code = not_understood(arguments, "RING.SHOW");
    exchange_deinit(&exchange);
    if (code != EXIT_OK)
        cluster_deinit(out);
    return code;
}

void cluster_deinit(struct cluster *cluster)
{
    free(cluster->members);
    free(cluster->owners);
    free(cluster->coming);
    *cluster = (struct cluster){0};
}

void cluster_ask_all_these(const struct cluster *cluster, const struct arguments *arguments,
                           const char *const *const commands[], size_t count, struct exchange *out)
{
    for (size_t i = 0; i < cluster->member_count; i++) {
        out[i] = (struct exchange){.address = cluster->members[i].client};
        for (size_t k = 0; k < count; k++)
            exchange_ask_texts(&out[i], commands[k]);
    }
    exchange_run(out, cluster->member_count, arguments->timeout_ms);
}

void cluster_ask_all(const struct cluster *cluster, const struct arguments *arguments,
                     const char *command, struct exchange *out)
{
    const char *const words[] = {command, NULL};
    const char *const *const commands[] = {words};
    cluster_ask_all_these(cluster, arguments, commands, 1, out);
}

void cluster_forget(const struct cluster *cluster, struct exchange *exchanges)
{
    for (size_t i = 0; i < cluster->member_count; i++)
        exchange_deinit(&exchanges[i]);
}
