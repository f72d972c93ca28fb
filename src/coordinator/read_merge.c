/*
 * read_merge.c - the answers of the counted owners as one cell for each key.
 *
 * An owner's answer is what it said first, merged with what it brought later when values
 * were fetched. Merged cells may omit values until all that are needed have come.
 */
#include "coordinator/collection.h"
#include "coordinator/request_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "causal/deadline.h"

/* The encoded cell of entry `index` in an encoded struct message_read_result. */
static struct slice find_cell(struct slice body, uint16_t index)
{
    struct message_read_result read;
    enum status status = message_read_result_decode(body, &read);
    assert(status == STATUS_OK); /* checked when it came */
    struct reader cells = reader_make(read.cells);
    struct slice encoded = {0};
    for (uint16_t i = 0; i <= index; i++)
        encoded = reader_bytes(&cells);
    return encoded;
}

static void decode_cell(struct slice body, uint16_t index, struct cell *out)
{
    struct reader reader = reader_make(find_cell(body, index));
    cell_decode_versions_on(&reader, out);
}

bool read_encoded_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                       struct slice *out)
{
    if ((c->read.counted >> owner & 1) == 0 || c->fetched[owner].length > 0)
        return false;
    *out = find_cell(buffer_slice(&c->answers[owner]), index);
    return true;
}

void read_first_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                     struct cell *out)
{
    decode_cell(buffer_slice(&c->answers[owner]), index, out);
}

bool read_answered_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                        struct cell *out)
{
    if ((c->read.counted >> owner & 1) == 0)
        return false;
    decode_cell(buffer_slice(&c->answers[owner]), index, out);
    struct reader fetched = reader_make(buffer_slice(&c->fetched[owner]));
    while (reader_left(&fetched) > 0) {
        struct cell before = *out, more = {0};
        decode_cell(reader_bytes(&fetched), index, &more);
        cell_merge(&before, &more, collection_policy(c, index), out);
        cell_deinit(&before);
        cell_deinit(&more);
    }
    return true;
}

bool read_cells_are_sound(const struct message_read_result *read, struct cells_found *found)
{
    struct reader list = reader_make(read->cells);
    bool sound = true;
    *found = (struct cells_found){0};
    for (uint16_t i = 0; i < read->cell_count && sound; i++) {
        struct cell_room room;
        struct cell cell = cell_on(&room);
        struct reader reader = reader_make(reader_bytes(&list));
        cell_decode_versions_on(&reader, &cell);
        sound = reader_end(&reader) == STATUS_OK;
        found->omitted_bytes += cell_omitted_bytes(&cell);
        found->compound = found->compound || cell.count > 1 || cell_omits_values(&cell);
        cell_deinit(&cell);
    }
    return sound;
}

/* The answer of the first counted owner; false: there is none. */
static bool first_answer(const struct coordinated_request *c, uint8_t *owner)
{
    *owner = 0;
    while (*owner < c->owners.primary_count && (c->read.counted >> *owner & 1) == 0)
        ++*owner;
    return *owner < c->owners.primary_count;
}

bool read_is_known(const struct coordinated_request *c, struct slice body)
{
    uint8_t owner;
    return !c->compound && first_answer(c, &owner) &&
           slice_equal(body, buffer_slice(&c->answers[owner]));
}

/*
 * Whether all counted owners answered the same, and cells that a merge of them with each other
 * leaves as they are; `cells` gets those.
 */
static bool owners_agree(const struct coordinated_request *c, struct slice *cells)
{
    struct message_read_result read;
    uint8_t first;
    if (c->compound || !first_answer(c, &first))
        return false;
    struct slice answer = buffer_slice(&c->answers[first]);
    for (uint8_t i = first; i < c->owners.primary_count; i++)
        if ((c->read.counted >> i & 1) != 0 &&
            (c->fetched[i].length > 0 || !slice_equal(buffer_slice(&c->answers[i]), answer)))
            return false;
    enum status status = message_read_result_decode(answer, &read);
    assert(status == STATUS_OK); /* checked when it came */
    *cells = read.cells;
    return true;
}

/* Owners agree nearly always: one that answers the same bytes as the one before adds nothing. */
void read_merge_owners(const struct coordinated_request *c, uint16_t index, struct cell *out)
{
    struct slice before = {0};
    bool is_first = true;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct cell cell = {0}, merged = {0};
        struct slice encoded = {0};
        if (read_encoded_cell(c, i, index, &encoded) && before.length > 0 &&
            slice_equal(encoded, before))
            continue;
        if (!read_answered_cell(c, i, index, is_first ? out : &cell))
            continue;
        before = encoded;
        if (is_first && out->count < 2) { /* what a merge with nothing leaves as it is */
            is_first = false;
            continue;
        }
        is_first = false;
        cell_merge(out, &cell, collection_policy(c, index), &merged);
        cell_deinit(out);
        cell_deinit(&cell);
        *out = merged;
    }
}

/* False when the answer is too large to be sent on; the request is then over. */
static bool merge_all(struct coordinated_request *c, bool *omits, struct coordinated_output *out)
{
    uint8_t room[SMALL_BODY_BYTES];
    struct buffer encoded = buffer_on(room, sizeof room);
    struct slice cells;
    bool fits = true;
    *omits = false;
    buffer_clear(&c->merged);
    c->agreed = owners_agree(c, &cells);
    if (c->agreed) { /* nearly always */
        buffer_append_slice(&c->merged, cells);
        return true;
    }
    for (uint16_t i = 0; i < c->request.entry_count && fits; i++) {
        struct cell_room cell_room;
        struct cell cell = cell_on(&cell_room);
        read_merge_owners(c, i, &cell);
        fits = cell_fits(&cell);
        *omits = *omits || cell_omits_values(&cell);
        buffer_clear(&encoded);
        if (fits)
            cell_encode_versions(&cell, UINT64_MAX, &encoded);
        buffer_put_bytes(&c->merged, buffer_slice(&encoded));
        cell_deinit(&cell);
    }
    buffer_deinit(&encoded);
    if (fits && c->merged.length <= MESSAGE_PAYLOAD_BYTES_MAX)
        return true;
    request_fail(c, STATUS_TOO_LARGE, &c->read, out);
    return false;
}

/* ---- what the reader is told ---------------------------------------------------------------- */

static struct key_outcome outcome_of(const struct sibling *sibling)
{
    return (struct key_outcome){.visible = true,
                                .expire_at_ms = sibling->expire_at_ms,
                                .value = sibling->value,
                                .dot = sibling->dot,
                                .time = sibling->time};
}

/* The newest first, in the order by which the winner is chosen. */
static int compare_outcomes(const void *a, const void *b)
{
    const struct key_outcome *x = a, *y = b;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return dot_compare(&y->dot, &x->dot);
}

/*
 * An outcome for each visible version, or one for what the key shows. `outcomes` has room for
 * all, and `text` takes a value that had to be made.
 */
static uint16_t visible_outcomes(const struct coordinated_request *c, const struct cell *cell,
                                 uint64_t wall_ms, struct buffer *text,
                                 struct key_outcome *outcomes)
{
    struct sibling shown;
    bool visible = cell_shown(cell, wall_ms, text, &shown);
    uint16_t count = 0;
    if ((c->request.flags & KEY_SIBLINGS) == 0) {
        if (visible)
            outcomes[0] = (struct key_outcome){
                .visible = true, .expire_at_ms = shown.expire_at_ms, .value = shown.value};
        return 1;
    }
    if (visible && cell_has_counter(cell)) { /* a string and what is added to it are one value */
        outcomes[0] = outcome_of(&shown);
        return 1;
    }
    for (uint32_t i = 0; i < cell->count; i++)
        if (sibling_is_visible(&cell->siblings[i], wall_ms))
            outcomes[count++] = outcome_of(&cell->siblings[i]);
    if (count > 1)
        qsort(outcomes, count, sizeof *outcomes, compare_outcomes);
    return count;
}

static void finish_read(struct coordinated_request *c, uint64_t wall_ms,
                        struct coordinated_output *out)
{
    uint8_t room[SMALL_BODY_BYTES];
    struct key_outcome few[2] = {{0}};
    struct buffer encoded = buffer_on(room, sizeof room), text = {0};
    struct cell_room cell_room;
    struct cell cell = cell_on(&cell_room);
    struct reader merged = reader_make(buffer_slice(&c->merged));
    struct reader reader = reader_make(reader_bytes(&merged));
    cell_decode_on(&reader, &cell);
    struct key_result result = {.acks = quorum_counted(&c->read),
                                .needed = quorum_needed(&c->read),
                                .hints = quorum_counted_fallbacks(&c->read),
                                .context = cell.context,
                                .time = cell_time_max(&cell)};
    result.outcomes = few;
    if (cell.count >= sizeof few / sizeof few[0])
        result.outcomes = memory_new((size_t)cell.count + 1, sizeof *result.outcomes);
    result.outcome_count = visible_outcomes(c, &cell, wall_ms, &text, result.outcomes);
    if (result.outcome_count == 1 && !result.outcomes[0].visible) {
        struct deadline deadline;
        cell_deadline(&cell, wall_ms, &deadline);
        result.outcomes[0].collection = collection_beside(c, 0);
        result.outcomes[0].expire_at_ms = deadline.expire_at_ms;
    }
    key_result_encode(&result, &encoded);
    if (!repair_start(c, buffer_slice(&encoded), out))
        request_answer(c, buffer_slice(&encoded), out);
    if (result.outcomes != few)
        free(result.outcomes);
    cell_deinit(&cell);
    buffer_deinit(&encoded);
    buffer_deinit(&text);
}

void read_gathered(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    bool omits;
    if (!merge_all(c, &omits, out))
        return;
    if (omits)
        fetch_start(c, out);
    else if (c->request.kind == KEY_READ)
        finish_read(c, wall_ms, out);
    else if (c->request.kind == KEY_ELEMENTS_GET)
        collection_got(c, wall_ms, out);
    else if (collection_forbids(c, wall_ms))
        request_fail(c, STATUS_WRONG_TYPE, &c->read, out);
    else
        write_start(c, out);
}
