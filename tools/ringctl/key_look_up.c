#include "key_look_up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "exchange.h"
#include "fields.h"

/* Of a set the elements alone come, of a hash the values too. */
#define SET_PAGE  "1000"
#define HASH_PAGE "100"

/* Ask one thing about each key whose answer is wanted; exchanges that ask nothing are empty. */
static void run(const struct key_tops *tops, const struct arguments *arguments,
                struct exchange *exchanges)
{
    struct exchange *asking = memory_new(tops->count, sizeof *asking);
    size_t *places = memory_new(tops->count, sizeof *places);
    size_t count = 0;
    for (size_t i = 0; i < tops->count; i++) {
        if (exchanges[i].asked == 0)
            continue;
        places[count] = i;
        asking[count++] = exchanges[i];
    }
    exchange_run(asking, count, arguments->timeout_ms);
    for (size_t k = 0; k < count; k++)
        exchanges[places[k]] = asking[k];
    free(places);
    free(asking);
}

static struct exchange about(const struct top_key *key, const struct arguments *arguments)
{
    return (struct exchange){.address = arguments->address, .keyspace = key->keyspace};
}

static const struct resp_value *reply_of(const struct exchange *exchange)
{
    return exchange->asked > 0 && exchange->status == STATUS_OK ? exchange->replies[0] : NULL;
}

static void take_type(struct top_key *key, const struct resp_value *reply)
{
    bool is_text = reply != NULL && reply->type == RESP_TYPE_SIMPLE;
    const char *type = is_text ? (const char *)reply->text.data : "";
    snprintf(key->type, sizeof key->type, "%.*s", KEY_TYPE_MAX - 1,
             strcmp(type, "none") == 0 ? "" : type);
}

static void take_size(struct top_key *key, const struct resp_value *reply)
{
    const struct resp_value *cursor = fields_at(reply, 0), *page = fields_at(reply, 1);
    if (reply != NULL && reply->type == RESP_TYPE_INTEGER)
        key->size = reply->integer;
    else if (cursor != NULL && fields_is_list(page))
        key->elements = key_tops_estimate(fields_count(page) / (*key->type == 's' ? 1 : 2),
                                          fields_number(cursor));
}

static void ask_size(struct exchange *exchange, const struct top_key *key)
{
    const char *command = strcmp(key->type, "string") == 0 ? "STRLEN"
                          : strcmp(key->type, "hash") == 0 ? "HSCAN"
                          : strcmp(key->type, "set") == 0  ? "SSCAN"
                          : strcmp(key->type, "zset") == 0 ? "ZSCAN"
                                                           : NULL;
    struct slice words[] = {slice_text(command == NULL ? "" : command), key->key, slice_text("0"),
                            slice_text("COUNT"),
                            slice_text(*key->type == 'h' ? HASH_PAGE : SET_PAGE)};
    if (command != NULL)
        exchange_ask(exchange, words, *command == 'S' && command[1] == 'T' ? 2 : 5);
}

void key_look_up(struct key_tops *tops, const struct arguments *arguments)
{
    struct exchange *exchanges = memory_new(tops->count + 1, sizeof *exchanges);
    for (size_t i = 0; i < tops->count; i++) {
        struct slice words[] = {slice_text("TYPE"), tops->keys[i].key};
        exchanges[i] = about(&tops->keys[i], arguments);
        if (tops->keys[i].length == tops->keys[i].key.length)
            exchange_ask(&exchanges[i], words, 2);
    }
    run(tops, arguments, exchanges);
    for (size_t i = 0; i < tops->count; i++) {
        take_type(&tops->keys[i], reply_of(&exchanges[i]));
        exchange_deinit(&exchanges[i]);
        exchanges[i] = about(&tops->keys[i], arguments);
        ask_size(&exchanges[i], &tops->keys[i]);
    }
    run(tops, arguments, exchanges);
    for (size_t i = 0; i < tops->count; i++) {
        take_size(&tops->keys[i], reply_of(&exchanges[i]));
        exchange_deinit(&exchanges[i]);
    }
    free(exchanges);
}
