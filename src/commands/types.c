#include "commands/types.h"

#include <assert.h>

#include "causal/deadline.h"
#include "ring/element_key.h"

enum { TRIES_MAX = 3, REMOVED_AT_ONCE_MAX = 100 };

const char *collection_type_name(uint8_t type)
{
    return type == COLLECTION_HASH   ? "hash"
           : type == COLLECTION_SET  ? "set"
           : type == COLLECTION_ZSET ? "zset"
                                     : "none";
}

static struct key_entry *entries_of(struct call *call, struct slice key,
                                    struct key_request *request)
{
    struct key_entry *entry = call_entries(call, 1);
    entry->key = key;
    request->partition = call_partition(call, key);
    request->collection = COLLECTION_HASH;
    request->entry_count = 1;
    request->entries = entry;
    return entry;
}

void collection_make_walk(struct call *call, struct slice key, uint8_t type, uint64_t place,
                          uint32_t limit, struct key_request *request)
{
    entries_of(call, key, request);
    request->kind = KEY_ELEMENTS_WALK;
    request->collection = type;
    request->position = place;
    request->limit = limit;
}

bool collection_page_leads_on(const struct key_result *result, uint64_t place)
{
    return result->status == STATUS_OK && (result->scan_done || result->next_position > place);
}

struct key_result collection_page_failure(const struct key_result *result)
{
    return (struct key_result){.status =
                                   result->status == STATUS_OK ? STATUS_CORRUPT : result->status,
                               .acks = result->acks,
                               .needed = result->needed};
}

static struct flagged_key *flagged(const struct call *call, uint32_t index)
{
    assert(index < flagged_count(call));
    return (struct flagged_key *)call->flagged.data + index;
}

/* ---- the one key of a call ---- */

static void make_look(struct call *call, uint32_t index, struct key_request *request)
{
    (void)index;
    request->keyspace = call->check.keyspace;
    request->flags |= KEY_TYPE_SEEN; /* in the order in which one hides the others */
    collection_make_walk(call, call->check.key, call->check.type, call->check.place, 1, request);
}

/* A string that has come meanwhile is none of its elements: the write may be tried again. */
static void collect_look(struct call *call, uint32_t index, const struct key_result *result)
{
    struct type_check *check = &call->check;
    check->string = result->status == STATUS_WRONG_TYPE;
    if (check->string)
        return;
    if (!collection_page_leads_on(result, check->place)) {
        check->failure = collection_page_failure(result);
        return;
    }
    check->present = result->outcome_count > 0;
    check->place = result->next_position;
    if (check->present)
        return;
    if (result->scan_done) {
        uint8_t next = collection_type_after(check->type);
        if (next == COLLECTION_NONE)
            return;
        check->type = next;
        check->place = 0;
    }
    call_repeat(call, index);
}

static void begin_look(struct call *call, uint8_t type, call_next *then)
{
    struct type_check *check = &call->check;
    check->type = type;
    check->place = 0;
    check->present = check->string = false;
    check->failure = (struct key_result){0};
    call_scatter(call, 1, make_look, collect_look, then);
}

void type_look(struct call *call, struct slice key, call_next *then)
{
    call->check.key = key;
    call->check.keyspace = call->keyspace;
    begin_look(call, COLLECTION_HASH, then);
}

struct type_seen type_seen(const struct call *call)
{
    const struct type_check *check = &call->check;
    return (struct type_seen){.string = check->string,
                              .type = check->present ? check->type : COLLECTION_NONE,
                              .failure =
                                  check->failure.status != STATUS_OK ? &check->failure : NULL};
}

/* ---- until when elements live ---- */

/* GETEX does, too, and is of strings alone. */
static bool changes_end(const struct mutation *mutation)
{
    return (mutation->flags & MUTATION_RETURN_OLD) == 0 &&
           (mutation->operation == REGISTER_EXPIRE || mutation->operation == REGISTER_PERSIST);
}

static void make_deadline(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = entries_of(call, call->check.key, request);
    (void)index;
    entry->mutation = call->check.mutation;
    request->kind = KEY_COLLECTION_DEADLINE;
    request->flags |= KEY_TYPE_SEEN;
    request->collection = call->check.type;
    request->keyspace = call->check.keyspace;
}

static void collect_deadline(struct call *call, uint32_t index, const struct key_result *result)
{
    struct type_check *check = &call->check;
    struct key_result wrong = {.status = STATUS_UNCERTAIN};
    (void)index;
    check->failure = (struct key_result){0};
    bool whole = result->outcome_count == 1;
    call_note_write(call, check->keyspace, check->key, result, whole ? &result->outcomes[0] : NULL);
    if (result->status == STATUS_OK && whole)
        check->number = result->outcomes[0].number;
    else
        check->failure = collection_page_failure(result->status == STATUS_OK ? &wrong : result);
}

static void removed_ended(struct call *call)
{
    struct buffer text = {0};
    if (call->flagged_failure.status == STATUS_OK) {
        call->check.take(call, &(struct key_outcome){.written = true, .number = 1});
        return;
    }
    call_failure_text(KEY_WRITE, &call->flagged_failure, &text);
    call_reply_error(call, "UNCERTAIN what the key held may be removed in part: %.*s",
                     (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

static void finish_deadline(struct call *call)
{
    struct type_check *check = &call->check;
    if (check->failure.status == STATUS_WRONG_TYPE && ++check->tries < TRIES_MAX)
        call_write_in(call, check->keyspace, check->key, &check->mutation, check->take);
    else if (check->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_WRITE, &check->failure);
    else if (check->number == DEADLINE_HAS_PASSED)
        key_remove(call, check->key, removed_ended);
    else
        check->take(call, &(struct key_outcome){.written = true, .number = check->number});
}

static void decide(struct call *call)
{
    struct type_check *check = &call->check;
    struct key_outcome outcome = {.collection = check->present ? check->type : COLLECTION_NONE,
                                  .expire_at_ms = check->expire_at_ms};
    bool reads = check->kind == KEY_READ;
    bool refuses = (check->mutation.flags & MUTATION_IF_ABSENT) != 0;
    const uint16_t asks = MUTATION_IF_ABSENT | MUTATION_RETURN_OLD;
    bool replaces =
        check->mutation.operation == REGISTER_SET && (check->mutation.flags & asks) == 0;
    if (check->failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_READ, &check->failure);
    } else if (check->present && (reads ? call->takes_collections : refuses)) {
        check->take(call, &outcome);
    } else if (check->present && !reads && replaces) { /* XX and KEEPTTL: there is something */
        check->mutation.flags &= (uint16_t) ~(MUTATION_IF_PRESENT | MUTATION_KEEP_EXPIRY);
        call_write_in(call, check->keyspace, check->key, &check->mutation, check->take);
    } else if (check->present && changes_end(&check->mutation) && call->request_id.length > 0) {
        call_reply_error(call,
                         "ERR an id is not offered for '%s' of a collection; nothing was "
                         "written",
                         call->command->name);
    } else if (check->present && !reads && changes_end(&check->mutation)) {
        call_scatter(call, 1, make_deadline, collect_deadline, finish_deadline);
    } else if (check->present) {
        call_reply_error(call, "%s", call->type_text != NULL ? call->type_text : WRONG_TYPE);
    } else if (!check->string && changes_end(&check->mutation)) { /* of nothing */
        check->take(call, &outcome);
    } else if (!reads && ++check->tries == TRIES_MAX) {
        call_reply_error(call, WRONG_TYPE);
    } else if (reads) {
        check->take(call, &outcome);
    } else {
        call_write_in(call, check->keyspace, check->key, &check->mutation, check->take);
    }
}

bool type_check_begins(struct call *call, const struct key_result *result)
{
    struct type_check *check = &call->check;
    bool read = call->asked_kind == KEY_READ && result->status == STATUS_OK &&
                result->outcome_count == 1 && !result->outcomes[0].visible &&
                result->outcomes[0].collection != COLLECTION_NONE;
    bool write = call->asked_kind == KEY_WRITE && result->status == STATUS_WRONG_TYPE;
    bool taken = call->asked_kind == KEY_WRITE && result->status == STATUS_OK &&
                 result->outcome_count == 1 && !result->outcomes[0].visible &&
                 result->outcomes[0].collection != COLLECTION_NONE &&
                 call->asked_mutation.operation == REGISTER_DELETE &&
                 (call->asked_mutation.flags & MUTATION_RETURN_OLD) != 0; /* GETDEL of nothing */
    if (!read && !write && !taken)
        return false;
    check->kind = write ? KEY_WRITE : KEY_READ;
    check->key = call->asked_key;
    check->keyspace = call->asked_keyspace;
    check->mutation = call->asked_mutation;
    check->take = call->take;
    check->expire_at_ms = write ? 0 : result->outcomes[0].expire_at_ms;
    begin_look(call, write ? COLLECTION_HASH : result->outcomes[0].collection, decide);
    return true;
}

/* ---- a string that is set in the place of a collection ---- */

static void collect_replaced(struct call *call, uint32_t index, const struct key_result *result)
{
    (void)index;
    if (result->status != STATUS_OK)
        call->flagged_failure = collection_page_failure(result);
}

static void finish_replaced(struct call *call)
{
    struct type_check *check = &call->check;
    struct key_outcome outcome = {.written = true, .number = check->number};
    struct buffer text = {0};
    if (call->flagged_failure.status == STATUS_OK) {
        check->take(call, &outcome);
        return;
    }
    call_failure_text(KEY_WRITE, &call->flagged_failure, &text);
    call_reply_error(
        call, "UNCERTAIN the value is written, and hides a collection that is there still: %.*s",
        (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

bool replaced_removal_begins(struct call *call, const struct key_outcome *outcome)
{
    struct type_check *check = &call->check;
    if (call->asked_kind != KEY_WRITE || outcome->collection == COLLECTION_NONE ||
        !outcome->written || call->asked_mutation.operation != REGISTER_SET)
        return false;
    struct flagged_key key = {
        .key = call->asked_key, .keyspace = call->asked_keyspace, .present = true};
    check->take = call->take;
    check->number = outcome->number;
    buffer_clear(&call->flagged);
    buffer_append(&call->flagged, &key, sizeof key);
    return flagged_delete(call, collect_replaced, finish_replaced);
}

/* ---- many keys ---- */

void flag_name(struct call *call, struct slice key, keyspace_id keyspace, uint8_t type)
{
    struct flagged_key flagged_key = {.key = key, .keyspace = keyspace, .type = type};
    buffer_append(&call->flagged, &flagged_key, sizeof flagged_key);
}

void flag_key(struct call *call, uint32_t argument, uint8_t type, bool counted)
{
    flag_name(call, call_argument(call, argument), call->keyspace, type);
    flagged(call, flagged_count(call) - 1)->counted = counted;
}

void flag_replaced(struct call *call, uint32_t argument)
{
    flag_key(call, argument, COLLECTION_HASH, true);
    flagged(call, flagged_count(call) - 1)->present = true;
}

uint32_t flagged_count(const struct call *call)
{
    return (uint32_t)(call->flagged.length / sizeof(struct flagged_key));
}

const struct flagged_key *flagged_key(const struct call *call, uint32_t index)
{
    return flagged(call, index);
}

static void make_flagged_look(struct call *call, uint32_t index, struct key_request *request)
{
    const struct flagged_key *key = flagged(call, index);
    request->keyspace = key->keyspace;
    request->flags |= KEY_TYPE_SEEN;
    collection_make_walk(call, key->key, key->type, key->place, 1, request);
}

static void collect_flagged_look(struct call *call, uint32_t index, const struct key_result *result)
{
    struct flagged_key *key = flagged(call, index);
    if (result->status == STATUS_WRONG_TYPE) /* a string by now, which is there as well */
        return;
    if (!collection_page_leads_on(result, key->place)) {
        call->flagged_failure = collection_page_failure(result);
        call_scatter_stop(call);
        return;
    }
    key->present = result->outcome_count > 0;
    key->place = result->next_position;
    if (key->present)
        return;
    if (result->scan_done) {
        uint8_t next = collection_type_after(key->type);
        if (next == COLLECTION_NONE)
            return;
        key->type = next;
        key->place = 0;
    }
    call_repeat(call, index);
}

bool flagged_look(struct call *call, call_next *then)
{
    if (flagged_count(call) == 0)
        return false;
    call_scatter(call, flagged_count(call), make_flagged_look, collect_flagged_look, then);
    return true;
}

/* ---- deletes ---- */

/*
 * Fields and members that count, page by page and key by key: their names are listed, and they are
 * removed. An increment that comes meanwhile stays, as one that the delete has not seen.
 */

static void make_removal(struct call *call, uint32_t index, struct key_request *request)
{
    struct collection_removal *removal = &call->removal;
    const struct flagged_key *key = flagged(call, removal->at);
    struct reader names = reader_make(buffer_slice(&removal->names));
    (void)index;
    request->keyspace = key->keyspace;
    request->flags |= KEY_HIDDEN;
    if (removal->name_count == 0) {
        collection_make_walk(call, key->key, collection_counts_of(removal->type), key->place,
                             REMOVED_AT_ONCE_MAX, request);
        return;
    }
    struct key_entry *entries = call_entries(call, removal->name_count + 1);
    entries[0].key = key->key;
    for (uint32_t i = 1; i <= removal->name_count; i++) {
        entries[i].key = reader_bytes(&names);
        entries[i].mutation.operation = REGISTER_DELETE;
    }
    request->kind = KEY_ELEMENTS_WRITE;
    request->collection = removal->type;
    request->partition = call_partition(call, key->key);
    request->entry_count = (uint16_t)(removal->name_count + 1);
    request->entries = entries;
}

static void take_names(struct collection_removal *removal, struct flagged_key *key,
                       const struct key_result *result)
{
    buffer_clear(&removal->names);
    removal->name_count = 0;
    for (uint16_t i = 0; i < result->outcome_count && i < KEY_ENTRIES_MAX - 1; i++) {
        buffer_put_bytes(&removal->names, result->outcomes[i].key);
        removal->name_count++;
    }
    key->place = result->next_position;
    key->listed = result->scan_done;
}

static void collect_removal(struct call *call, uint32_t index, const struct key_result *result)
{
    struct collection_removal *removal = &call->removal;
    struct flagged_key *key = flagged(call, removal->at);
    bool lists = removal->name_count == 0;
    if (lists ? !collection_page_leads_on(result, key->place) : result->status != STATUS_OK) {
        call->flagged_failure = collection_page_failure(result);
        return;
    }
    if (lists)
        take_names(removal, key, result);
    else
        removal->name_count = 0;
    for (uint16_t i = 0; !lists && i < result->outcome_count; i++)
        key->reduced = key->reduced || result->outcomes[i].written;
    if (removal->name_count == 0 && key->listed) {
        key->place = 0;
        key->listed = false;
        removal->at += removal->type == COLLECTION_ZSET;
        removal->type = removal->type == COLLECTION_HASH ? COLLECTION_ZSET : COLLECTION_HASH;
    }
    if (removal->at < flagged_count(call))
        call_repeat(call, index);
}

static void make_delete(struct call *call, uint32_t index, struct key_request *request)
{
    const struct flagged_key *key = flagged(call, index);
    request->keyspace = key->keyspace;
    entries_of(call, key->key, request);
    request->kind = KEY_COLLECTION_DELETE;
}

static void delete_flagged(struct call *call)
{
    struct collection_removal *removal = &call->removal;
    if (call->flagged_failure.status != STATUS_OK)
        removal->then(call);
    else
        call_scatter(call, flagged_count(call), make_delete, removal->collect, removal->then);
}

bool flagged_delete(struct call *call, call_collect *collect, call_next *then)
{
    struct collection_removal *removal = &call->removal;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < flagged_count(call); i++) {
        struct flagged_key *key = flagged(call, i);
        if (!key->present)
            continue;
        key->place = 0;
        *flagged(call, kept++) = *key;
    }
    call->flagged.length = kept * sizeof(struct flagged_key);
    if (kept == 0)
        return false;
    removal->name_count = 0;
    removal->at = 0;
    removal->type = COLLECTION_HASH;
    removal->collect = collect;
    removal->then = then;
    call_scatter(call, 1, make_removal, collect_removal, delete_flagged);
    return true;
}

/* ---- a key that is removed by another command ---- */

static void make_key_delete(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = entries_of(call, call->check.key, request);
    (void)index;
    entry->mutation.operation = REGISTER_DELETE;
    request->kind = KEY_WRITE;
    request->collection = COLLECTION_NONE;
    request->keyspace = call->check.keyspace;
}

static void collect_key_delete(struct call *call, uint32_t index, const struct key_result *result)
{
    struct type_check *check = &call->check;
    (void)index;
    if (result->status != STATUS_OK || result->outcome_count != 1) {
        call->flagged_failure = collection_page_failure(result);
        return;
    }
    call_note_write(call, check->keyspace, check->key, result, &result->outcomes[0]);
    uint8_t type = result->outcomes[0].collection;
    if (type != COLLECTION_NONE)
        flag_name(call, check->key, check->keyspace, type);
}

static void remove_elements(struct call *call)
{
    bool failed = call->flagged_failure.status != STATUS_OK;
    if (failed || !flagged_delete(call, collect_replaced, call->check.then))
        call->check.then(call);
}

static void removed_string(struct call *call)
{
    bool failed = call->flagged_failure.status != STATUS_OK;
    if (failed || !flagged_look(call, remove_elements))
        call->check.then(call);
}

void key_remove(struct call *call, struct slice key, call_next *then)
{
    call->check.key = key;
    call->check.keyspace = call->keyspace;
    call->check.then = then;
    call->flagged_failure = (struct key_result){0};
    buffer_clear(&call->flagged);
    call_scatter(call, 1, make_key_delete, collect_key_delete, removed_string);
}
