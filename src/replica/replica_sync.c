/*
 * replica_sync.c - what does another replica lack? The log answers.
 *
 * The difference of the two clocks says how many dots are missing; the log is
 * walked from its newest record down until all are found, so the cost follows
 * what is missing and not what is stored. Each record names the cell that holds
 * the dot's effect today: that cell is sent once, with all the dots it satisfies.
 *
 * A walk that needs several pages keeps two positions: `top`, where it began, and
 * `before`, where it goes on. Records above `top` came later or were too young;
 * their dots are taken off the count of missing ones, and a later walk brings them.
 * What was trimmed off the log is known by its dots: a question that needs one of them is
 * answered STATUS_LOG_TRIMMED at once (replica_whole.h).
 * Source: reference "algorithms" A.3.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/table.h"
#include "replica/replica.h"
#include "replica/replica_requests.h"
#include "replica/replica_trim.h"

enum { LOG_RECORDS_PER_PAGE_MAX = 20000 };

/* One cell of the page. */
struct page_cell {
    UT_hash_handle hh;
    keyspace_id keyspace;
    struct buffer name;   /* keyspace and key: what the table finds it by */
    struct buffer record; /* as stored; empty when there is none */
    struct clock dots;
};

struct walk {
    const struct replica *replica;
    const struct sync_question *question;
    struct replica_context *context;
    uint64_t settled_before_ms; /* records written later are young */
    uint64_t top;               /* 0 until the first record that is not young was met */
    struct clock missing;
    uint64_t missing_count;
    size_t page_bytes;
    size_t bytes;
    uint32_t records;
    struct page_cell *page;
};

static void free_page(struct walk *walk)
{
    struct page_cell *cell, *next;
    HASH_ITER(hh, walk->page, cell, next)
    {
        HASH_DEL(walk->page, cell);
        buffer_deinit(&cell->name);
        buffer_deinit(&cell->record);
        clock_deinit(&cell->dots);
        free(cell);
    }
}

static enum status add_to_page(struct walk *walk, const struct log_record *record,
                               const struct clock *dots)
{
    struct buffer name = {0};
    struct page_cell *cell = NULL;
    enum status status = STATUS_OK;
    buffer_put_u16(&name, record->keyspace);
    buffer_append_slice(&name, record->key);
    HASH_FIND(hh, walk->page, name.data, name.length, cell);
    if (cell == NULL) {
        cell = memory_new(1, sizeof *cell);
        cell->keyspace = record->keyspace;
        cell->name = name;
        HASH_ADD_KEYPTR(hh, walk->page, cell->name.data, cell->name.length, cell);
        status = replica_load_cell(walk->context, record->keyspace, record->key, &cell->record);
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK; /* superseded and gone: its dots travel with the empty cell */
        walk->bytes += cell->record.length + cell->name.length + 32;
    } else {
        buffer_deinit(&name);
    }
    clock_join(&cell->dots, dots);
    return status;
}

/* Take one log record into account. */
static enum status visit(struct walk *walk, uint64_t position, struct slice bytes)
{
    struct log_record record;
    struct clock rest = {0};
    struct clock found = {0};
    enum status status = log_record_decode(bytes, &record);
    if (status == STATUS_OK) {
        clock_difference(&record.dots, &walk->missing, &rest);
        clock_difference(&record.dots, &rest, &found);
        uint64_t count = clock_dot_count(&found);
        assert(count <= walk->missing_count); /* R3: each dot was logged once */
        walk->missing_count -= count;
        bool young =
            record.written_ms > walk->settled_before_ms && (walk->question->flags & SYNC_ALL) == 0;
        if (walk->top == 0 && !young)
            walk->top = position;
        if (count > 0 && walk->top != 0 && position <= walk->top)
            status = add_to_page(walk, &record, &found);
    }
    clock_deinit(&found);
    clock_deinit(&rest);
    clock_deinit(&record.dots);
    return status;
}

/*
 * Walk down over positions (until, from]; stops when nothing is missing or a page is full. It
 * touches records that are there and no others: beside them lie names of trimmed ones, and a store
 * may have to pass each of these.
 */
static enum status walk_down(struct walk *walk, uint64_t from, uint64_t until, uint64_t *stopped)
{
    *stopped = from + 1;
    if (from <= until || walk->missing_count == 0)
        return STATUS_OK;
    const struct store_port *port = walk->context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    uint64_t expected = from;
    record_log_name(walk->replica->partition, from, &name);
    port->seek(iterator, buffer_slice(&name));
    while (status == STATUS_OK && expected > until && walk->missing_count > 0 &&
           walk->bytes < walk->page_bytes && walk->records < LOG_RECORDS_PER_PAGE_MAX) {
        partition_id partition = 0;
        uint64_t position = 0;
        if (expected < from)
            port->previous(iterator);
        if (!port->valid(iterator)) {
            status = port->error(iterator);
            if (status == STATUS_OK)
                status = STATUS_CORRUPT; /* the log has a hole */
            break;
        }
        status = record_log_name_decode(port->key(iterator), &partition, &position);
        if (status != STATUS_OK || partition != walk->replica->partition || position != expected) {
            status = STATUS_CORRUPT;
            break;
        }
        status = visit(walk, position, port->value(iterator));
        walk->records++;
        expected--;
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    *stopped = expected + 1;
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status;
}

/* Whether the cell itself names these dots: whoever stores it takes its live ones for seen (R2). */
static bool are_live(const struct clock *dots, struct slice encoded)
{
    struct cell cell;
    struct clock live = {0};
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    for (uint32_t i = 0; i < cell.count; i++)
        clock_add(&live, &cell.siblings[i].dot);
    bool all = reader_end(&reader) == STATUS_OK && clock_descends(&live, dots);
    clock_deinit(&live);
    cell_deinit(&cell);
    return all;
}

static enum status append_page(struct walk *walk, struct sync_answer *out,
                               struct buffer *deliveries)
{
    struct page_cell *cell, *next;
    struct buffer dots = {0};
    struct buffer requests = {0};
    struct buffer empty = {0};
    enum status status = STATUS_OK;
    cell_encode(&(struct cell){0}, true, &empty);
    HASH_ITER(hh, walk->page, cell, next)
    {
        struct cell_delivery delivery = {.keyspace = cell->keyspace};
        delivery.key = slice_make(cell->name.data + 2, cell->name.length - 2);
        delivery.cell = buffer_slice(&empty);
        if (cell->record.length > 0)
            status = record_cell_open(buffer_slice(&cell->record), &delivery.cell);
        if (status != STATUS_OK)
            break;
        buffer_clear(&dots);
        if (!are_live(&cell->dots, delivery.cell))
            clock_encode(&cell->dots, &dots);
        delivery.dots = buffer_slice(&dots);
        buffer_clear(&requests);
        status = replica_requests_of(walk->replica, &cell->dots, walk->context, &requests);
        if (status != STATUS_OK)
            break;
        delivery.requests = buffer_slice(&requests);
        cell_delivery_encode(&delivery, deliveries);
        out->delivery_count++;
    }
    buffer_deinit(&dots);
    buffer_deinit(&requests);
    buffer_deinit(&empty);
    return status;
}

enum status replica_sync_answer(const struct replica *replica, const struct sync_question *question,
                                uint32_t settle_ms, size_t page_bytes,
                                struct replica_context *context, struct sync_answer *out,
                                struct buffer *deliveries)
{
    struct walk walk = {.replica = replica,
                        .question = question,
                        .context = context,
                        .settled_before_ms =
                            context->wall_ms > settle_ms ? context->wall_ms - settle_ms : 0,
                        .page_bytes = page_bytes};
    enum status status = STATUS_OK;
    uint64_t stopped = replica->log_position + 1;
    *out = (struct sync_answer){.address = {.partition = replica->partition, .tag = replica->tag}};
    clock_difference(&replica->clock, &question->clock, &walk.missing);
    walk.missing_count = clock_dot_count(&walk.missing);
    if (replica_needs_trimmed(replica, &walk.missing)) {
        clock_deinit(&walk.missing);
        return STATUS_LOG_TRIMMED;
    }
    bool resumes = question->top != 0 && question->top <= replica->log_position &&
                   question->before >= replica->log_first && question->before <= question->top + 1;
    if (resumes) {
        walk.top = question->top;
        status = walk_down(&walk, replica->log_position, question->top, &stopped);
        if (stopped > question->top + 1)
            resumes = false; /* nothing is missing, or too much came since: begin again next time */
        else
            stopped = question->before;
    }
    if (status == STATUS_OK && (resumes || question->top == 0))
        status = walk_down(&walk, stopped - 1, replica->log_first - 1, &stopped);
    out->complete = walk.missing_count == 0;
    if (!out->complete && stopped > replica->log_first && (resumes || question->top == 0)) {
        out->before = stopped;
        out->top = walk.top != 0 ? walk.top : stopped - 1;
    } else if (status == STATUS_OK && !out->complete && stopped <= replica->log_first &&
               question->top == 0) {
        status = STATUS_CORRUPT; /* R3: a dot of the clock has no record */
    }
    if (status == STATUS_OK)
        status = append_page(&walk, out, deliveries);
    free_page(&walk);
    clock_deinit(&walk.missing);
    return status;
}
