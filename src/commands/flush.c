/*
 * flush.c - FLUSHDB and FLUSHALL: all keys of a keyspace, or of all, are deleted in the whole ring.
 *
 * A walk over the ring at the level of the request, a few partitions at a time; the keys of a
 * page are then deleted as DEL does it. So a flush removes what was there when it began, and a key
 * that is written meanwhile stays, as beside any delete that has not seen it. It is not atomic, and
 * may be sent again: what is gone is not met any more.
 *
 * Unlike Redis, where a keyspace is replaced by an empty one. Here that is RING.KEYSPACE DROP:
 * it stops all commands in the keyspace, and a number may be given a thousand times in all, which
 * a test that begins with a flush uses up in a minute.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/types.h"
#include "ring/position.h"

enum {
    WINDOW_MAX = 16, /* partitions at a time */
    PAGE_KEYS = 128  /* of each of them */
};

/* Keys of one partition, in call->scratch. */
struct page {
    partition_id partition;
    bool done; /* it was the last one */
    uint64_t position;
    size_t offset;
    uint16_t key_count;
    uint8_t types[PAGE_KEYS]; /* enum collection_type, as the walk says */
};

struct flush {
    bool all;
    uint16_t at;      /* index of the keyspace in the ring, with `all` */
    uint32_t first;   /* partition of the window */
    uint32_t count;   /* partitions in it */
    uint64_t removed; /* keys, certainly */
    uint64_t unknown; /* perhaps */
    uint8_t failed_kind;
    struct key_result failure; /* the first one */
    struct page pages[WINDOW_MAX];
};

static void walk(struct call *call);

static uint32_t partition_count(const struct call *call)
{
    return call_environment(call)->ring->partition_count;
}

static void note_failure(struct flush *flush, uint8_t kind, const struct key_result *result)
{
    if (flush->failure.status != STATUS_OK)
        return;
    flush->failed_kind = kind;
    flush->failure = collection_page_failure(result);
}

static void reply_failure(struct call *call)
{
    struct flush *flush = call->work;
    struct buffer text = {0};
    if (flush->removed == 0 && flush->unknown == 0) {
        call_reply_failure(call, flush->failed_kind, &flush->failure);
        return;
    }
    call_failure_text(flush->failed_kind, &flush->failure, &text);
    call_reply_error(call,
                     "UNCERTAIN applied=%llu unknown=%llu keys, others are there still; the same "
                     "command goes on: %.*s",
                     (unsigned long long)flush->removed, (unsigned long long)flush->unknown,
                     (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

/* ---- keyspaces and partitions, one window after the other ---- */

static void open_window(struct call *call, uint32_t first)
{
    struct flush *flush = call->work;
    uint32_t left = partition_count(call) - first;
    flush->first = first;
    flush->count = left < WINDOW_MAX ? left : WINDOW_MAX;
    for (uint32_t i = 0; i < flush->count; i++) {
        flush->pages[i] = (struct page){.partition = (partition_id)(first + i)};
        flush->pages[i].position =
            ring_position_first(flush->pages[i].partition, partition_count(call));
    }
}

/* false: there is no other one. One that is made meanwhile is empty, or goes on as it is. */
static bool open_keyspace(struct call *call)
{
    struct flush *flush = call->work;
    const struct ring *ring = call_environment(call)->ring;
    if (flush->at >= ring->keyspace_count)
        return false;
    call->keyspace = ring_keyspace_id(ring, &ring->keyspaces[flush->at]);
    open_window(call, 0);
    return true;
}

static bool window_is_empty(const struct flush *flush)
{
    for (uint32_t i = 0; i < flush->count; i++)
        if (!flush->pages[i].done)
            return false;
    return true;
}

static void go_on(struct call *call)
{
    struct flush *flush = call->work;
    if (flush->failure.status != STATUS_OK) {
        reply_failure(call);
        return;
    }
    if (window_is_empty(flush)) {
        uint32_t next = flush->first + flush->count;
        if (next < partition_count(call)) {
            open_window(call, next);
        } else {
            flush->at++;
            if (!flush->all || !open_keyspace(call)) {
                call_reply_ok(call);
                return;
            }
        }
    }
    walk(call);
}

/* ---- one window: walk, delete ---- */

static void make_delete(struct call *call, uint32_t index, struct key_request *request)
{
    const struct flush *flush = call->work;
    const struct page *page = &flush->pages[index];
    struct key_entry *entries = call_entries(call, page->key_count == 0 ? 1 : page->key_count);
    struct reader keys = reader_make(
        slice_make(call->scratch.data + page->offset, call->scratch.length - page->offset));
    for (uint16_t i = 0; i < page->key_count; i++) {
        entries[i].key = reader_bytes(&keys);
        entries[i].mutation.operation = REGISTER_DELETE;
    }
    request->kind = KEY_WRITE;
    request->partition = page->partition;
    request->entry_count = page->key_count;
    request->entries = entries;
}

static void collect_delete(struct call *call, uint32_t index, const struct key_result *result)
{
    struct flush *flush = call->work;
    struct page *page = &flush->pages[index];
    struct reader keys = reader_make(
        slice_make(call->scratch.data + page->offset, call->scratch.length - page->offset));
    if (result->status != STATUS_OK || result->outcome_count != page->key_count) {
        bool unknown = result->status == STATUS_OK || key_status_is_uncertain(result->status);
        flush->unknown += unknown ? page->key_count : 0;
        note_failure(flush, KEY_WRITE, result);
        call_scatter_stop(call);
        return;
    }
    flush->removed += page->key_count;
    for (uint16_t i = 0; i < page->key_count; i++) {
        struct slice name = reader_bytes(&keys);
        uint8_t type = page->types[i], told = result->outcomes[i].collection;
        if (type == COLLECTION_NONE || (told != COLLECTION_NONE && told < type))
            type = told;
        if (type != COLLECTION_NONE)
            flag_name(call, name, call->keyspace, type);
    }
}

/* The flagged ones, which count as removed so far, are there; `perhaps`: without some elements. */
static void not_removed(struct call *call, bool perhaps)
{
    struct flush *flush = call->work;
    flush->removed -= flagged_count(call);
    if (perhaps)
        flush->unknown += flagged_count(call);
}

static void collect_collection(struct call *call, uint32_t index, const struct key_result *result)
{
    struct flush *flush = call->work;
    (void)index;
    if (result->status == STATUS_OK)
        return;
    flush->removed--;
    flush->unknown += key_status_is_uncertain(result->status);
    note_failure(flush, KEY_COLLECTION_DELETE, result);
}

static void take_removal(struct call *call)
{
    struct flush *flush = call->work;
    if (call->flagged_failure.status != STATUS_OK) {
        note_failure(flush, KEY_WRITE, &call->flagged_failure);
        not_removed(call, true);
    }
    go_on(call);
}

static void remove_collections(struct call *call)
{
    struct flush *flush = call->work;
    if (call->flagged_failure.status != STATUS_OK) {
        note_failure(flush, KEY_READ, &call->flagged_failure);
        not_removed(call, false);
        go_on(call);
    } else if (!flagged_delete(call, collect_collection, take_removal)) {
        go_on(call);
    }
}

static void look_at_collections(struct call *call)
{
    const struct flush *flush = call->work;
    if (flush->failure.status != STATUS_OK)
        not_removed(call, false);
    if (flush->failure.status != STATUS_OK || !flagged_look(call, remove_collections))
        go_on(call);
}

/* Those without keys move behind those that have some. */
static uint32_t gather_pages(struct flush *flush)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < flush->count; i++) {
        if (flush->pages[i].key_count == 0)
            continue;
        struct page page = flush->pages[i];
        flush->pages[i] = flush->pages[found];
        flush->pages[found++] = page;
    }
    return found;
}

static void delete_found(struct call *call)
{
    struct flush *flush = call->work;
    uint32_t found = gather_pages(flush);
    if (flush->failure.status != STATUS_OK || found == 0)
        go_on(call);
    else
        call_scatter(call, found, make_delete, collect_delete, look_at_collections);
}

static void make_walk(struct call *call, uint32_t index, struct key_request *request)
{
    const struct flush *flush = call->work;
    const struct page *page = &flush->pages[index];
    request->kind = KEY_SCAN;
    request->partition = page->partition;
    request->position = page->position;
    request->limit = PAGE_KEYS;
}

static void collect_walk(struct call *call, uint32_t index, const struct key_result *result)
{
    struct flush *flush = call->work;
    struct page *page = &flush->pages[index];
    bool leads_on =
        collection_page_leads_on(result, page->position) && result->outcome_count <= PAGE_KEYS &&
        (result->scan_done || ring_partition_of_position(result->next_position,
                                                         partition_count(call)) == page->partition);
    if (!leads_on) {
        note_failure(flush, KEY_SCAN, result);
        call_scatter_stop(call);
        return;
    }
    page->offset = call->scratch.length;
    page->key_count = result->outcome_count;
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        buffer_put_bytes(&call->scratch, result->outcomes[i].key);
        page->types[i] = result->outcomes[i].collection;
    }
    page->position = result->next_position;
    page->done = result->scan_done;
}

/* Pages that are done come last, so that what is asked has numbers in a row. */
static void walk(struct call *call)
{
    struct flush *flush = call->work;
    uint32_t open = 0;
    for (uint32_t i = 0; i < flush->count; i++) {
        flush->pages[i].key_count = 0;
        if (flush->pages[i].done)
            continue;
        struct page page = flush->pages[i];
        flush->pages[i] = flush->pages[open];
        flush->pages[open++] = page;
    }
    buffer_clear(&call->scratch);
    buffer_clear(&call->flagged);
    call_scatter(call, open, make_walk, collect_walk, delete_found);
}

/* ---- rows ---- */

static void start(struct call *call, bool all)
{
    struct flush *flush = call_work(call, sizeof *flush);
    bool option = call->argument_count == 2 &&
                  (call_argument_is(call, 1, "async") || call_argument_is(call, 1, "sync"));
    if (call->argument_count > 1 && !option) {
        call_reply_syntax_error(call);
        return;
    }
    if (call_environment(call)->settings->flush_commands == 0) {
        call_reply_error(call,
                         "ERR '%s' is switched off at this node: it deletes all keys in the whole "
                         "cluster; set flush-commands yes",
                         call->command->name);
        return;
    }
    call->times_each = true;
    flush->all = all;
    if (!all)
        open_window(call, 0);
    else if (!open_keyspace(call)) {
        call_reply_ok(call);
        return;
    }
    walk(call);
}

static void start_flushdb(struct call *call)
{
    start(call, false);
}

static void start_flushall(struct call *call)
{
    start(call, true);
}

const struct command command_flushdb = {
    .name = "flushdb",
    .group = "server",
    .since = "1.0.0",
    .summary = "Deletes all keys of the keyspace in the whole cluster, where the setting "
               "flush-commands allows it. ASYNC and SYNC are the same: the answer comes when the "
               "deletes have met their level. Keys that are written meanwhile may stay.",
    .complexity = "O(N) in the number of keys of the keyspace.",
    .syntax = "[ASYNC | SYNC]",
    .arity = -1,
    .access = ACCESS_RING,
    .flags = COMMAND_WRITE,
    .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
    .start = start_flushdb,
};

const struct command command_flushall = {
    .name = "flushall",
    .group = "server",
    .since = "1.0.0",
    .summary = "Deletes all keys of all keyspaces in the whole cluster; as FLUSHDB.",
    .complexity = "O(N) in the number of all keys.",
    .syntax = "[ASYNC | SYNC]",
    .arity = -1,
    .access = ACCESS_RING,
    .flags = COMMAND_WRITE,
    .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
    .start = start_flushall,
};
