#include "commands/elements.h"

#include "commands/arguments.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum { SCAN_COUNT_DEFAULT = 10, SORTED_ROOM_BYTES = 8 };

static const char *plural(uint8_t type)
{
    return type == COLLECTION_HASH ? "hashes" : type == COLLECTION_SET ? "sets" : "sorted sets";
}

static const char *element_word(uint8_t type)
{
    return type == COLLECTION_HASH ? "field" : "member";
}

bool elements_keyspace_is_right(struct call *call, uint8_t type)
{
    const struct ring_keyspace *keyspace =
        ring_keyspace(call_environment(call)->ring, call->keyspace);
    if (keyspace != NULL && keyspace->policy == KEYSPACE_SIBLINGS)
        call_reply_error(call, "ERR a keyspace that keeps siblings has no %s", plural(type));
    else if (keyspace != NULL && keyspace->default_ttl_ms != 0)
        call_reply_error(call, "ERR a keyspace with a default time to live has no %s",
                         plural(type));
    else
        return true;
    return false;
}

/* Whether another type was in the way that a look has shown to be none; else it is answered. */
static bool goes_on(struct call *call, uint8_t type)
{
    struct element_work *work = call->work;
    struct type_seen seen = type_seen(call);
    struct key_result wrong = {.status = STATUS_WRONG_TYPE};
    const struct key_result *failure = seen.failure;
    if (failure == NULL && (seen.string || (seen.type != COLLECTION_NONE && seen.type != type)))
        failure = &wrong;
    if (failure == NULL) {
        work->seen = true;
        work->empty = seen.type == COLLECTION_NONE;
        return true;
    }
    work->refused = *failure;
    return false;
}

/* ---- named elements ---- */

static void make_ask(struct call *call, uint32_t index, struct key_request *request)
{
    const struct element_work *work = call->work;
    const struct element_ask *ask = &work->ask;
    struct key_entry *entries = call_entries(call, ask->count + 1);
    (void)index;
    entries[0].key = ask->key;
    for (uint32_t i = 0; i < ask->count; i++) {
        struct mutation *mutation = &entries[i + 1].mutation;
        entries[i + 1].key = ask->names[i * ask->step];
        *mutation = ask->mutation;
        if (ask->removes != NULL && ask->removes[i])
            mutation->operation = REGISTER_DELETE;
        if (ask->step == 2)
            mutation->value = ask->names[i * ask->step + 1];
    }
    request->kind = ask->kind;
    request->flags |= work->seen ? KEY_TYPE_SEEN : 0;
    if ((work->empty || ask->begins) && ask->kind == KEY_ELEMENTS_WRITE)
        request->flags |= KEY_NEW_LIFE;
    request->collection = ask->type;
    request->partition = call_partition(call, ask->key);
    request->entry_count = (uint16_t)(ask->count + 1);
    request->entries = entries;
}

/* WAIT asks for the last element that was written; those before it have travelled with it. */
static void note_write(struct call *call, const struct element_ask *ask,
                       const struct key_result *result)
{
    uint32_t last = ask->count;
    bool whole = result->outcome_count == ask->count + 1;
    while (whole && last > 1 && !result->outcomes[last].written)
        last--;
    call_note_element(call, ask->key, ask->type, ask->names[(last - 1) * ask->step], result,
                      whole ? &result->outcomes[last] : NULL);
}

static void ask_again(struct call *call);

static void give(struct call *call, const struct key_result *result)
{
    struct element_work *work = call->work;
    const struct element_ask *ask = &work->ask;
    if (result->status == STATUS_OK) {
        ask->take(call, result);
    } else if (ask->fail != NULL) {
        ask->fail(call, result);
    } else {
        work->over = true;
        call_reply_failure(call, ask->kind == KEY_ELEMENTS_WRITE ? KEY_WRITE : KEY_READ, result);
    }
}

static void collect_ask(struct call *call, uint32_t index, const struct key_result *result)
{
    struct element_work *work = call->work;
    const struct element_ask *ask = &work->ask;
    struct key_result wrong = {.status = ask->kind == KEY_ELEMENTS_WRITE ? STATUS_UNCERTAIN
                                                                         : STATUS_CORRUPT};
    (void)index;
    work->refused = (struct key_result){0};
    if (result->status == STATUS_WRONG_TYPE && !work->seen) {
        work->refused.status = STATUS_WRONG_TYPE;
        return;
    }
    if (ask->kind == KEY_ELEMENTS_WRITE)
        note_write(call, ask, result);
    bool whole = result->status != STATUS_OK || result->outcome_count == ask->count + 1;
    give(call, whole ? result : &wrong);
}

static void go_on(struct call *call)
{
    struct element_work *work = call->work;
    if (!work->over && work->ask.then != NULL)
        work->ask.then(call);
}

static void looked_for_ask(struct call *call)
{
    struct element_work *work = call->work;
    if (goes_on(call, work->ask.type)) {
        ask_again(call);
        return;
    }
    give(call, &work->refused);
    go_on(call);
}

static void asked(struct call *call)
{
    struct element_work *work = call->work;
    if (work->refused.status == STATUS_WRONG_TYPE && !work->seen)
        type_look(call, work->ask.key, looked_for_ask);
    else
        go_on(call);
}

static void ask_again(struct call *call)
{
    call_scatter(call, 1, make_ask, collect_ask, asked);
}

static bool check_sizes(struct call *call, const struct element_ask *ask)
{
    uint32_t maximum = call_value_bytes_max(call);
    if (ask->count > ELEMENTS_MAX) {
        call_reply_error(call, "TOOLARGE '%s' takes at most %u %ss; nothing was written",
                         call->command->name, ELEMENTS_MAX, element_word(ask->type));
        return false;
    }
    uint32_t room = ask->type == COLLECTION_ZSET ? SORTED_ROOM_BYTES : 0;
    for (uint32_t i = 0; i < ask->count; i++) {
        struct slice name = ask->names[i * ask->step];
        name.length += room; /* its score stands before it in the index */
        if (!element_key_fits(ask->key, name)) {
            call_reply_error(call,
                             "TOOLARGE a key and the name of a %s have at most %u bytes "
                             "together; nothing was written",
                             element_word(ask->type),
                             ELEMENT_KEY_BYTES_MAX - ELEMENT_KEY_OVERHEAD - room);
            return false;
        }
        if (ask->step == 2 && ask->names[i * ask->step + 1].length > maximum) {
            call_reply_error(call, "TOOLARGE a value has at most %u bytes; nothing was written",
                             maximum);
            return false;
        }
    }
    return true;
}

bool elements_ask(struct call *call, const struct element_ask *ask)
{
    struct element_work *work = call->work;
    if (!elements_keyspace_is_right(call, ask->type) || !check_sizes(call, ask))
        return false;
    work->ask = *ask;
    work->seen = work->empty = work->over = false;
    ask_again(call);
    return true;
}

void elements_ask_arguments(struct call *call, struct element_ask ask)
{
    call_work(call, sizeof(struct element_work));
    ask.key = call_argument(call, 1);
    ask.names = call->arguments + 2;
    elements_ask(call, &ask);
}

void elements_take_new(struct call *call, const struct key_result *result)
{
    int64_t count = 0;
    for (uint16_t i = 1; i < result->outcome_count; i++)
        count += !result->outcomes[i].visible;
    call_reply_integer(call, count);
}

void elements_take_removed(struct call *call, const struct key_result *result)
{
    int64_t count = 0;
    for (uint16_t i = 1; i < result->outcome_count; i++)
        count += result->outcomes[i].written;
    call_reply_integer(call, count);
}

void elements_take_presence(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, result->outcomes[1].visible);
}

/* ---- walks ---- */

static void make_ordered(struct call *call, const struct element_walk *walk,
                         struct key_request *request)
{
    struct key_entry *entries = call_entries(call, 2);
    entries[0].key = walk->key;
    entries[1].key = walk->from;
    request->kind = KEY_ELEMENTS_WALK;
    request->flags |= KEY_ORDERED;
    request->collection = walk->type;
    request->partition = call_partition(call, walk->key);
    request->entry_count = 2;
    request->entries = entries;
    request->position = walk->reversed;
    request->limit = walk->limit;
}

static void make_page(struct call *call, uint32_t index, struct key_request *request)
{
    const struct element_work *work = call->work;
    const struct element_walk *walk = &work->walk;
    (void)index;
    request->flags |= work->seen ? KEY_TYPE_SEEN : 0;
    if (walk->ordered) {
        make_ordered(call, walk, request);
        return;
    }
    collection_make_walk(call, walk->key, walk->type, walk->place, walk->limit, request);
}

static void collect_page(struct call *call, uint32_t index, const struct key_result *result)
{
    struct element_work *work = call->work;
    struct element_walk *walk = &work->walk;
    if (walk->ordered ? result->status != STATUS_OK
                      : !collection_page_leads_on(result, walk->place)) {
        walk->failure = collection_page_failure(result);
        return;
    }
    walk->counts = walk->ordered && result->count != 0;
    for (uint16_t i = 0; i < result->outcome_count && !walk->stop; i++)
        walk->take(call, &result->outcomes[i]);
    walk->place = result->next_position;
    walk->done = result->scan_done;
    if (!walk->done && !walk->one_page && !walk->stop)
        call_repeat(call, index);
}

static void paged(struct call *call);

static void looked_for_walk(struct call *call)
{
    struct element_work *work = call->work;
    work->walk.failure = (struct key_result){0};
    if (goes_on(call, work->walk.type)) {
        call_scatter(call, 1, make_page, collect_page, paged);
        return;
    }
    work->walk.failure = work->refused;
    work->walk.then(call);
}

static void paged(struct call *call)
{
    struct element_work *work = call->work;
    if (work->walk.failure.status == STATUS_WRONG_TYPE && !work->seen)
        type_look(call, work->walk.key, looked_for_walk);
    else
        work->walk.then(call);
}

void elements_walk(struct call *call, const struct element_walk *walk)
{
    struct element_work *work = call->work;
    work->walk = *walk;
    work->seen = false;
    call_scatter(call, 1, make_page, collect_page, paged);
}

bool elements_walk_failed(struct call *call)
{
    const struct element_work *work = call->work;
    const struct element_walk *walk = &work->walk;
    if (walk->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &walk->failure);
    else if (call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX && !walk->one_page)
        call_reply_error(call, "TOOLARGE the %s has more than %u bytes; walk it with %s",
                         walk->type == COLLECTION_ZSET ? "sorted set"
                                                       : collection_type_name(walk->type),
                         ELEMENTS_ANSWER_BYTES_MAX,
                         walk->type == COLLECTION_HASH  ? "HSCAN"
                         : walk->type == COLLECTION_SET ? "SSCAN"
                                                        : "ZSCAN");
    else
        return false;
    return true;
}

/* ---- all of them ---- */

static void take_listed(struct call *call, const struct key_outcome *outcome)
{
    struct element_list *list = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (list->names)
        resp_writer_bulk(writer, outcome->key);
    if (list->values)
        resp_writer_bulk(writer, outcome->value);
    list->count++;
    list->work.walk.stop = call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX;
}

void elements_list(struct call *call, uint8_t type, bool names, bool values, call_next *then)
{
    if (!elements_keyspace_is_right(call, type))
        return;
    struct element_list *list = call_work(call, sizeof *list);
    list->names = names;
    list->values = values;
    elements_walk(call, &(struct element_walk){.type = type,
                                               .key = call_argument(call, 1),
                                               .limit = ELEMENTS_PAGE,
                                               .take = take_listed,
                                               .then = then});
}

void elements_reply_count(struct call *call)
{
    const struct element_list *list = call->work;
    if (!elements_walk_failed(call))
        call_reply_integer(call, (int64_t)list->count);
}

/* ---- cursors ---- */

static void finish_scan(struct call *call)
{
    const struct element_scan *scan = call->work;
    if (elements_walk_failed(call))
        return;
    struct resp_writer writer = call_writer(call);
    struct buffer cursor = {0};
    buffer_printf(&cursor, "%llu",
                  scan->work.walk.done ? 0 : (unsigned long long)scan->work.walk.place);
    resp_writer_array(writer, 2);
    resp_writer_bulk(writer, buffer_slice(&cursor));
    resp_writer_array(writer, scan->shown);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    buffer_deinit(&cursor);
    call_finish(call);
}

/* false: the error is sent. */
static bool parse_scan_option(struct call *call, uint32_t at, struct element_scan *scan,
                              uint32_t *limit)
{
    int64_t count;
    if (at + 1 < call->argument_count && call_argument_is(call, at, "match")) {
        scan->has_pattern = true;
        scan->pattern = call_argument(call, at + 1);
        return true;
    }
    if (at + 1 >= call->argument_count || !call_argument_is(call, at, "count")) {
        call_reply_syntax_error(call);
        return false;
    }
    if (!parse_integer(call_argument(call, at + 1), &count)) {
        call_reply_not_an_integer(call);
        return false;
    }
    if (count < 1) {
        call_reply_syntax_error(call);
        return false;
    }
    *limit = count < SCAN_LIMIT_MAX ? (uint32_t)count : SCAN_LIMIT_MAX;
    return true;
}

void elements_scan(struct call *call, uint8_t type,
                   void (*take)(struct call *call, const struct key_outcome *outcome))
{
    struct element_walk walk = {.type = type,
                                .key = call_argument(call, 1),
                                .limit = SCAN_COUNT_DEFAULT,
                                .one_page = true,
                                .take = take,
                                .then = finish_scan};
    struct element_scan *scan = call_work(call, sizeof *scan);
    struct slice cursor = call_argument(call, 2);
    while (cursor.length > 1 && cursor.data[0] == '0')
        cursor = slice_make(cursor.data + 1, cursor.length - 1);
    if (!parse_unsigned(cursor, &walk.place)) {
        call_reply_error(call, "ERR invalid cursor");
        return;
    }
    for (uint32_t at = 3; at < call->argument_count; at += 2)
        if (!parse_scan_option(call, at, scan, &walk.limit))
            return;
    if (elements_keyspace_is_right(call, type))
        elements_walk(call, &walk);
}
