/*
 * read_fetch.c - bring the values that the merged answer needs and nobody has sent.
 *
 * Each missing value is asked of one owner that holds it, by rank, and of nobody else. An owner
 * that cannot give what it has named is as one that never answered: its answer is
 * withdrawn, and the read goes on with the others. A version that was seen and is then
 * withdrawn was never shown, so this takes nothing back.
 */
#include "coordinator/request_state.h"

#include <assert.h>

#include "wire/message_fetch.h"

/* The first owner by rank that has named this version of entry `index`. */
static uint8_t holder_of(const struct coordinated_request *c, uint16_t index, const struct dot *dot)
{
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct cell cell = {0};
        if (!read_answered_cell(c, c->order[i], index, &cell))
            continue;
        bool holds = cell_find(&cell, dot) != NULL;
        cell_deinit(&cell);
        if (holds)
            return c->order[i];
    }
    assert(!"a merged version comes from an answer");
    return 0;
}

/* Whether anything is missing that `owner` is to send; `keys` gets the list for its question. */
static bool list_missing(const struct coordinated_request *c, uint8_t owner, struct buffer *keys)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    struct buffer dots = {0};
    bool any = false;
    for (uint16_t i = 0; i < c->request.entry_count; i++) {
        struct cell cell;
        struct reader reader = reader_make(reader_bytes(&merged));
        struct fetch_key key = {.key = c->request.entries[i].key};
        cell_decode_versions(&reader, &cell);
        buffer_clear(&dots);
        for (uint32_t s = 0; s < cell.count; s++) {
            if (cell.siblings[s].omitted_bytes == 0 ||
                holder_of(c, i, &cell.siblings[s].dot) != owner)
                continue;
            dot_encode(&cell.siblings[s].dot, &dots);
            key.dot_count++;
        }
        key.dots = buffer_slice(&dots);
        fetch_key_encode(&key, keys);
        any = any || key.dot_count > 0;
        cell_deinit(&cell);
    }
    buffer_deinit(&dots);
    return any;
}

void fetch_start(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer keys = {0}, body = {0};
    c->phase = PHASE_FETCH;
    c->open = 0; /* who was asked and has not answered is not needed */
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        buffer_clear(&keys);
        buffer_clear(&body);
        if ((c->read.counted >> i & 1) == 0 || !list_missing(c, i, &keys))
            continue;
        struct message_fetch fetch = {.address = c->address,
                                      .keyspace = c->request.keyspace,
                                      .key_count = c->request.entry_count,
                                      .keys = buffer_slice(&keys)};
        message_fetch_encode(&fetch, &body);
        request_send(c, i, MESSAGE_FETCH, buffer_slice(&body), out);
        out->fetches++;
    }
    assert(c->open != 0);
    buffer_deinit(&keys);
    buffer_deinit(&body);
}

/* Whether the owner still names a version that the merged answer lacks the value of. */
static bool owes_values(const struct coordinated_request *c, uint8_t owner)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    bool owes = false;
    for (uint16_t i = 0; i < c->request.entry_count && !owes; i++) {
        struct cell cell, held = {0};
        struct reader reader = reader_make(reader_bytes(&merged));
        cell_decode_versions(&reader, &cell);
        read_answered_cell(c, owner, i, &held);
        for (uint32_t s = 0; s < cell.count && !owes; s++) {
            const struct sibling *named = cell_find(&held, &cell.siblings[s].dot);
            owes = cell.siblings[s].omitted_bytes > 0 && named != NULL &&
                   named->omitted_bytes > 0 && holder_of(c, i, &named->dot) == owner;
        }
        cell_deinit(&cell);
        cell_deinit(&held);
    }
    return owes;
}

static void go_on(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    if (c->open != 0)
        return;
    if (read_is_complete(c)) {
        read_met(c, wall_ms, out);
        return;
    }
    c->phase = PHASE_ASK;
    read_ask_more(c, wall_ms, out);
}

static void withdraw(struct coordinated_request *c, uint8_t owner)
{
    owner_mask bit = (owner_mask)1 << owner;
    c->open &= ~bit;
    c->failed |= bit;
    c->read.counted &= ~bit;
    buffer_clear(&c->answers[owner]);
    buffer_clear(&c->lookups[owner]);
    buffer_clear(&c->fetched[owner]);
    hints_recount(c);
}

void fetch_failed(struct coordinated_request *c, uint8_t owner, uint64_t wall_ms,
                  struct coordinated_output *out)
{
    withdraw(c, owner);
    go_on(c, wall_ms, out);
}

void fetch_reply(struct coordinated_request *c, uint8_t owner, struct slice body, uint64_t wall_ms,
                 struct coordinated_output *out)
{
    struct message_read_result read;
    struct cells_found found;
    enum status status = message_read_result_decode(body, &read);
    if (status == STATUS_OK)
        status = (enum status)read.status;
    moves_note(c, status);
    if (status != STATUS_OK || read.cell_count != c->request.entry_count ||
        !read_cells_are_sound(&read, &found)) {
        fetch_failed(c, owner, wall_ms, out);
        return;
    }
    buffer_put_bytes(&c->fetched[owner], body);
    if (owes_values(c, owner))
        withdraw(c, owner);
    go_on(c, wall_ms, out);
}

void fetch_slow(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    owner_mask others = c->read.counted & ~c->open;
    owner_mask askable = c->params.usable & ~(c->failed | c->open);
    struct quorum rest = c->read;
    rest.counted = others;
    if (!quorum_met_with(&rest, askable))
        return; /* without them there is no answer: wait */
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if ((c->open >> i & 1) != 0)
            withdraw(c, i);
    go_on(c, wall_ms, out);
}
