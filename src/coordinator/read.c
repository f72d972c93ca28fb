/*
 * read.c - ask owners until the level is met, merge what they say, repair before the answer.
 *
 * Owners are asked in preference order. When one refuses or is silent for
 * `retry_ms`, the next is asked as well; whoever answers first counts.
 *
 * Repair: a read at a majority may meet a version that only one owner holds (of a
 * write that failed half-way). Before such a version is shown, it is written back
 * until as many owners hold it as the read asked, so a later read at that level
 * cannot miss it. Owners that already hold exactly the merged version count. One
 * that refuses, or is silent for `retry_ms`, is replaced by another owner.
 */
#include "coordinator/request_state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/scan.h"

/* ---- asking ------------------------------------------------------------------------------- */

static uint16_t question_type(const struct coordinated_request *c)
{
    switch ((enum key_request_kind)c->request.kind) {
    case KEY_SCAN:
        return MESSAGE_RANGE;
    case KEY_COUNT:
    case KEY_DIGEST:
        return MESSAGE_DIGEST;
    default:
        return MESSAGE_READ;
    }
}

static void encode_question(const struct coordinated_request *c, struct buffer *body)
{
    struct buffer keys = {0};
    struct message_read read = {.address = c->address,
                                .keyspace = c->request.keyspace,
                                .with_values = c->request.kind != KEY_COVERAGE,
                                .key_count = c->request.entry_count};
    struct message_range range = {.address = c->address,
                                  .keyspace = c->request.keyspace,
                                  .position = c->request.position,
                                  .limit = c->request.limit,
                                  .with_values = (c->request.flags & KEY_WITH_VALUES) != 0};
    struct message_digest digest = {.address = c->address, .keyspace = c->request.keyspace};
    switch (question_type(c)) {
    case MESSAGE_RANGE:
        message_range_encode(&range, body);
        break;
    case MESSAGE_DIGEST:
        message_digest_encode(&digest, body);
        break;
    default:
        for (uint16_t i = 0; i < c->request.entry_count; i++)
            buffer_put_bytes(&keys, c->request.entries[i].key);
        read.keys = buffer_slice(&keys);
        message_read_encode(&read, body);
    }
    buffer_deinit(&keys);
}

static bool may_ask(const struct coordinated_request *c, uint8_t owner)
{
    owner_mask bit = (owner_mask)1 << owner;
    if ((c->params.usable & bit) == 0 || ((c->open | c->failed | c->read.counted) & bit) != 0)
        return false;
    return c->request.kind != KEY_DIGEST || c->owners.nodes[owner] == c->params.self;
}

static void ask(struct coordinated_request *c, uint8_t owner, struct coordinated_output *out)
{
    struct buffer body = {0};
    encode_question(c, &body);
    request_send(c, owner, question_type(c), buffer_slice(&body), out);
    buffer_deinit(&body);
}

/* Ask the own replica first, then by preference, until the open ones would meet the level. */
static void ask_until_enough(struct coordinated_request *c, struct coordinated_output *out)
{
    uint8_t self = request_self_index(c);
    bool all = c->request.kind == KEY_COVERAGE;
    if (self < c->owners.primary_count && may_ask(c, self) &&
        (all || quorum_wants(&c->read, c->open, self)))
        ask(c, self, out);
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if (may_ask(c, i) && (all || quorum_wants(&c->read, c->open, i)))
            ask(c, i, out);
}

static void finish_coverage(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer encoded = {0};
    struct key_result result = {0};
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_read_result read;
        struct cell cell = {0};
        if (c->answers[i].length == 0 ||
            message_read_result_decode(buffer_slice(&c->answers[i]), &read) != STATUS_OK)
            continue;
        struct reader cells = reader_make(read.cells);
        struct reader reader = reader_make(reader_bytes(&cells));
        cell_decode(&reader, &cell);
        result.count += version_vector_covers(&cell.context, &c->request.dot);
        cell_deinit(&cell);
    }
    result.acks = quorum_counted(&c->read);
    key_result_encode(&result, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    buffer_deinit(&encoded);
}

void read_ask_more(struct coordinated_request *c, bool slow, uint64_t wall_ms,
                   struct coordinated_output *out)
{
    (void)wall_ms;
    if (c->answered)
        return;
    if (c->request.kind == KEY_COVERAGE) {
        if (slow || c->open == 0)
            finish_coverage(c, out);
        return;
    }
    if (slow) { /* one more, of those that could bring the level nearer */
        for (uint8_t i = 0; i < c->owners.primary_count; i++) {
            if (may_ask(c, i) && quorum_wants(&c->read, 0, i)) {
                ask(c, i, out);
                break;
            }
        }
        return;
    }
    ask_until_enough(c, out);
    if (!quorum_met_with(&c->read, c->open))
        request_fail(c, STATUS_UNAVAILABLE, &c->read, out);
}

void read_start(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    c->phase = PHASE_ASK;
    ask_until_enough(c, out);
    if (c->open == 0)
        read_ask_more(c, false, wall_ms, out);
    else if (c->request.kind != KEY_COVERAGE && !quorum_met_with(&c->read, c->open))
        request_fail(c, STATUS_UNAVAILABLE, &c->read, out);
}

/* ---- merging ------------------------------------------------------------------------------ */

/* The cell of entry `index` in an owner's answer; false when there is no answer. */
static bool answered_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                          struct cell *out)
{
    struct message_read_result read;
    if ((c->read.counted >> owner & 1) == 0)
        return false;
    enum status status = message_read_result_decode(buffer_slice(&c->answers[owner]), &read);
    assert(status == STATUS_OK); /* checked when it came */
    struct reader cells = reader_make(read.cells);
    struct slice encoded = {0};
    for (uint16_t i = 0; i <= index; i++)
        encoded = reader_bytes(&cells);
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, out);
    return true;
}

/* Merge the answers for one entry. Values borrow from the answers. */
static void merge_answers(const struct coordinated_request *c, uint16_t index, struct cell *out)
{
    *out = (struct cell){0};
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct cell cell = {0}, merged = {0};
        if (!answered_cell(c, i, index, &cell))
            continue;
        cell_merge(out, &cell, c->policy, &merged);
        cell_deinit(out);
        cell_deinit(&cell);
        *out = merged;
    }
}

/* False when the answer is too large to be sent on; the request is then over. */
static bool merge_all(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer encoded = {0};
    bool fits = true;
    for (uint16_t i = 0; i < c->request.entry_count && fits; i++) {
        struct cell cell;
        merge_answers(c, i, &cell);
        fits = cell_fits(&cell);
        buffer_clear(&encoded);
        if (fits)
            cell_encode(&cell, true, &encoded);
        buffer_put_bytes(&c->merged, buffer_slice(&encoded));
        cell_deinit(&cell);
    }
    buffer_deinit(&encoded);
    if (fits && c->merged.length <= MESSAGE_PAYLOAD_BYTES_MAX)
        return true;
    request_fail(c, STATUS_TOO_LARGE, &c->read, out);
    return false;
}

/* ---- repair ------------------------------------------------------------------------------- */

static bool holds_merged(const struct coordinated_request *c, uint8_t owner)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    bool same = true;
    for (uint16_t i = 0; i < c->request.entry_count && same; i++) {
        struct cell whole = {0}, held = {0};
        struct reader reader = reader_make(reader_bytes(&merged));
        cell_decode(&reader, &whole);
        same = answered_cell(c, owner, i, &held) && cell_same_version(&whole, &held);
        cell_deinit(&whole);
        cell_deinit(&held);
    }
    return same;
}

/* The merged cells, as MESSAGE_REPLICATE. */
static void encode_repair(const struct coordinated_request *c, struct buffer *body)
{
    struct buffer deliveries = {0};
    struct reader merged = reader_make(buffer_slice(&c->merged));
    for (uint16_t i = 0; i < c->request.entry_count; i++) {
        struct cell_delivery delivery = {.keyspace = c->request.keyspace,
                                         .key = c->request.entries[i].key,
                                         .cell = reader_bytes(&merged)};
        cell_delivery_encode(&delivery, &deliveries);
    }
    struct message_replicate replicate = {.address = c->address,
                                          .delivery_count = c->request.entry_count,
                                          .deliveries = buffer_slice(&deliveries)};
    message_replicate_encode(&replicate, body);
    buffer_deinit(&deliveries);
}

/* Write back to those in `owners` that can be asked and would bring the level nearer. */
static void repair_at(struct coordinated_request *c, owner_mask owners, owner_mask hoped,
                      uint8_t count_max, struct coordinated_output *out)
{
    struct buffer body = {0};
    encode_repair(c, &body);
    owners &= c->params.usable & ~(c->open | c->failed | c->write.counted);
    for (uint8_t i = 0; i < c->owners.primary_count && count_max > 0; i++) {
        if ((owners >> i & 1) == 0 || !quorum_wants(&c->write, hoped, i))
            continue;
        request_send(c, i, MESSAGE_REPLICATE, buffer_slice(&body), out);
        out->read_repairs += c->request.entry_count;
        hoped |= (owner_mask)1 << i;
        count_max--;
    }
    buffer_deinit(&body);
}

bool repair_start(struct coordinated_request *c, struct slice result,
                  struct coordinated_output *out)
{
    if (!c->read.repairs)
        return false;
    c->write = c->read;
    c->write.counted = 0;
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if (holds_merged(c, i))
            quorum_count(&c->write, i);
    if (quorum_met(&c->write))
        return false;
    c->phase = PHASE_REPAIR;
    c->open = 0;
    c->failed = 0;
    buffer_append_slice(&c->pending, result);
    repair_at(c, c->read.counted, 0, RING_OWNERS_MAX, out);
    repair_check(c, out);
    return true;
}

void repair_check(struct coordinated_request *c, struct coordinated_output *out)
{
    if (c->answered)
        return;
    if (quorum_met(&c->write)) {
        request_answer(c, buffer_slice(&c->pending), out);
        return;
    }
    if (!quorum_met_with(&c->write, c->open))
        repair_at(c, ~(owner_mask)0, c->open, RING_OWNERS_MAX, out);
    if (!quorum_met_with(&c->write, c->open))
        request_fail(c, STATUS_UNAVAILABLE, &c->write, out);
}

void repair_ask_one_more(struct coordinated_request *c, struct coordinated_output *out)
{
    repair_at(c, ~(owner_mask)0, 0, 1, out);
}

void repair_reply(struct coordinated_request *c, uint8_t owner, struct slice body,
                  struct coordinated_output *out)
{
    struct message_replicated replicated;
    if (message_replicated_decode(body, &replicated) == STATUS_OK &&
        replicated.status == STATUS_OK)
        quorum_count(&c->write, owner);
    else
        c->failed |= (owner_mask)1 << owner;
    repair_check(c, out);
}

/* ---- the level is met --------------------------------------------------------------------- */

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

/* An outcome for each visible version, or one for the winner. `outcomes` has room for all. */
static uint16_t visible_outcomes(const struct coordinated_request *c, const struct cell *cell,
                                 uint64_t wall_ms, struct key_outcome *outcomes)
{
    const struct sibling *seen = cell_visible(cell, wall_ms);
    uint16_t count = 0;
    if ((c->request.flags & KEY_SIBLINGS) == 0) {
        if (seen != NULL)
            outcomes[0] = (struct key_outcome){.visible = true,
                                               .expire_at_ms = seen->expire_at_ms,
                                               .value = seen->value};
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
    struct buffer encoded = {0};
    struct cell cell;
    struct reader merged = reader_make(buffer_slice(&c->merged));
    struct reader reader = reader_make(reader_bytes(&merged));
    cell_decode(&reader, &cell);
    struct key_result result = {.acks = quorum_counted(&c->read),
                                .needed = quorum_needed(&c->read),
                                .context = cell.context,
                                .time = cell_time_max(&cell)};
    result.outcomes = memory_new((size_t)cell.count + 1, sizeof *result.outcomes);
    result.outcome_count = visible_outcomes(c, &cell, wall_ms, result.outcomes);
    key_result_encode(&result, &encoded);
    if (!repair_start(c, buffer_slice(&encoded), out))
        request_answer(c, buffer_slice(&encoded), out);
    free(result.outcomes);
    cell_deinit(&cell);
    buffer_deinit(&encoded);
}

static void finish_digest(struct coordinated_request *c, struct slice body,
                          struct coordinated_output *out)
{
    struct buffer encoded = {0};
    struct message_digest_result digest;
    enum status status = message_digest_result_decode(body, &digest);
    assert(status == STATUS_OK); /* checked when it came */
    struct key_result result = {
        .acks = 1,
        .needed = 1,
        .count = c->request.kind == KEY_COUNT ? digest.keyspace_count : digest.count,
        .clock_digest = digest.clock_digest,
        .content_digest = digest.content_digest};
    key_result_encode(&result, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    buffer_deinit(&encoded);
}

static void finish_ask(struct coordinated_request *c, uint8_t last, uint64_t wall_ms,
                       struct coordinated_output *out)
{
    struct buffer encoded = {0};
    switch ((enum key_request_kind)c->request.kind) {
    case KEY_READ:
        if (merge_all(c, out))
            finish_read(c, wall_ms, out);
        break;
    case KEY_WRITE:
        if (merge_all(c, out))
            write_start(c, out);
        break;
    case KEY_SCAN:
        scan_merge(c, wall_ms, &encoded);
        request_answer(c, buffer_slice(&encoded), out);
        break;
    case KEY_COUNT:
    case KEY_DIGEST:
        finish_digest(c, buffer_slice(&c->answers[last]), out);
        break;
    case KEY_COVERAGE:
    case KEY_REQUEST_KIND_COUNT:
        assert(!"not finished by a quorum");
    }
    buffer_deinit(&encoded);
}

static bool is_every_cell_sound(struct slice cells, uint16_t count)
{
    struct reader list = reader_make(cells);
    bool sound = true;
    for (uint16_t i = 0; i < count && sound; i++) {
        struct cell cell = {0};
        struct reader reader = reader_make(reader_bytes(&list));
        cell_decode(&reader, &cell);
        sound = reader_end(&reader) == STATUS_OK;
        cell_deinit(&cell);
    }
    return sound;
}

/* Whether the body is a good answer to what was asked. */
static enum status judge(const struct coordinated_request *c, uint16_t type, struct slice body)
{
    struct message_read_result read;
    struct message_range_result range;
    struct message_digest_result digest;
    if (type != question_type(c) + 1)
        return STATUS_CORRUPT;
    if (type == MESSAGE_READ_RESULT) {
        if (message_read_result_decode(body, &read) != STATUS_OK)
            return STATUS_CORRUPT;
        if (read.status == STATUS_OK && (read.cell_count != c->request.entry_count ||
                                         !is_every_cell_sound(read.cells, read.cell_count)))
            return STATUS_CORRUPT;
        return read.status;
    }
    if (type == MESSAGE_RANGE_RESULT) {
        if (message_range_result_decode(body, &range) != STATUS_OK ||
            !scan_is_sound(&range, c->request.position))
            return STATUS_CORRUPT;
        return range.status;
    }
    if (message_digest_result_decode(body, &digest) != STATUS_OK)
        return STATUS_CORRUPT;
    return digest.status;
}

_Static_assert(MESSAGE_READ_RESULT == MESSAGE_READ + 1, "a result follows its question");
_Static_assert(MESSAGE_RANGE_RESULT == MESSAGE_RANGE + 1, "a result follows its question");
_Static_assert(MESSAGE_DIGEST_RESULT == MESSAGE_DIGEST + 1, "a result follows its question");

void read_reply(struct coordinated_request *c, uint8_t owner, uint16_t type, struct slice body,
                uint64_t wall_ms, struct coordinated_output *out)
{
    if (c->answered)
        return;
    enum status status = judge(c, type, body);
    if (status == STATUS_TOO_LARGE) { /* another owner that has less of it would hide the rest */
        request_fail(c, status, &c->read, out);
        return;
    }
    if (status != STATUS_OK) {
        c->failed |= (owner_mask)1 << owner;
        read_ask_more(c, false, wall_ms, out);
        return;
    }
    buffer_append_slice(&c->answers[owner], body);
    quorum_count(&c->read, owner);
    if (c->request.kind == KEY_COVERAGE) {
        if (c->open == 0)
            finish_coverage(c, out);
    } else if (quorum_met(&c->read)) {
        finish_ask(c, owner, wall_ms, out);
    }
}
