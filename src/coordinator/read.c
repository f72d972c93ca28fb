/*
 * read.c - ask owners until the level is met, and judge what they answer.
 *
 * Owners are asked in the order of their rank. The first is asked for the values, the others
 * for versions, with which short values come along: what of the rest the merged answer
 * needs is fetched then (read_fetch.c). When an owner refuses or is silent for
 * `retry_ms`, the next is asked as well; whoever answers first counts. Before that one
 * more is asked speculatively when those asked take longer than 99 of 100 of their answers did.
 * Both are extra work, which the caller's budgets bound.
 */
#include "coordinator/request_state.h"

#include <assert.h>

#include "coordinator/collection.h"
#include "coordinator/order.h"
#include "coordinator/scan.h"
#include "ring/element_key.h"
#include "wire/message_lookup.h"
#include "wire/message_order.h"

/* Shorter values come from all that are asked: they cost less than asking again would. */
enum { READ_INLINE_BYTES_MAX = 255 };

/* ---- asking ------------------------------------------------------------------------------- */

static inline uint16_t question_type(const struct coordinated_request *c)
{
    switch ((enum key_request_kind)c->request.kind) {
    case KEY_SCAN:
        return MESSAGE_RANGE;
    case KEY_COUNT:
    case KEY_DIGEST:
        return MESSAGE_DIGEST;
    case KEY_WRITE:
        return request_has_id(c) ? MESSAGE_LOOKUP : MESSAGE_READ;
    case KEY_ELEMENTS_WALK:
        return key_request_is_ordered(&c->request) ? MESSAGE_ORDER : MESSAGE_ELEMENTS;
    case KEY_COLLECTION_DELETE:
        return MESSAGE_COLLECTION_CLOCK;
    default:
        return MESSAGE_READ;
    }
}

static void encode_lookup(const struct coordinated_request *c, const struct message_read *read,
                          struct buffer *body)
{
    struct message_lookup lookup = {.address = read->address,
                                    .identity = c->request.identity,
                                    .keyspace = read->keyspace,
                                    .value_bytes_max = read->value_bytes_max,
                                    .key_count = read->key_count,
                                    .keys = read->keys};
    message_lookup_encode(&lookup, body);
}

static void encode_question(const struct coordinated_request *c, bool with_values,
                            struct buffer *body)
{
    uint8_t room[SMALL_BODY_BYTES];
    struct buffer keys = buffer_on(room, sizeof room), name = {0};
    struct message_read read = {.address = c->address,
                                .keyspace = c->request.keyspace,
                                .value_bytes_max = READ_INLINE_BYTES_MAX,
                                .key_count = c->request.entry_count};
    struct message_range range = {.address = c->address,
                                  .keyspace = c->request.keyspace,
                                  .position = c->request.position,
                                  .limit = c->request.limit,
                                  .with_values = (c->request.flags & KEY_WITH_VALUES) != 0};
    struct message_digest digest = {.address = c->address, .keyspace = c->request.keyspace};
    if (c->request.kind == KEY_COVERAGE)
        read.value_bytes_max = 0;
    else if (with_values)
        read.value_bytes_max = UINT32_MAX;
    if (key_request_is_collection(&c->request)) {
        read.keyspace = keyspace_of_elements(read.keyspace);
        read.value_bytes_max = UINT32_MAX;
    }
    switch (question_type(c)) {
    case MESSAGE_RANGE:
        message_range_encode(&range, body);
        break;
    case MESSAGE_DIGEST:
        message_digest_encode(&digest, body);
        break;
    case MESSAGE_ELEMENTS:
        collection_encode_walk(c, body);
        break;
    case MESSAGE_ORDER:
        order_encode(c, body);
        break;
    case MESSAGE_COLLECTION_CLOCK:
        collection_encode_clock(c, body);
        break;
    default:
        for (uint16_t i = 0; i < c->request.entry_count; i++) {
            const struct mutation *mutation = &c->request.entries[i].mutation;
            read.hidden = read.hidden ||
                          (c->request.kind == KEY_WRITE && mutation->operation == REGISTER_DELETE);
            buffer_put_bytes(&keys, collection_name(c, i, &name));
        }
        read.keys = buffer_slice(&keys);
        if (request_has_id(c))
            encode_lookup(c, &read, body);
        else
            message_read_encode(&read, body);
    }
    buffer_deinit(&keys);
    buffer_deinit(&name);
}

static bool may_ask(const struct coordinated_request *c, uint8_t owner)
{
    owner_mask bit = (owner_mask)1 << owner;
    if ((c->params.usable & bit) == 0 || ((c->open | c->failed | c->read.counted) & bit) != 0)
        return false;
    return c->request.kind != KEY_DIGEST || c->owners.nodes[owner] == c->params.self;
}

/* Values are asked of one at a time, and of another one when that one fails or is slow. */
static void ask(struct coordinated_request *c, uint8_t owner, struct coordinated_output *out)
{
    uint8_t room[SMALL_BODY_BYTES];
    struct buffer body = buffer_on(room, sizeof room);
    owner_mask coming = c->full & (c->open | c->read.counted) & ~c->slow;
    encode_question(c, coming == 0, &body);
    if (coming == 0)
        c->full |= (owner_mask)1 << owner;
    request_send(c, owner, question_type(c), buffer_slice(&body), out);
    buffer_deinit(&body);
}

/* Whether the owner brings the level nearer beside those in `hoped`, but for stand-ins. */
static bool is_wanted(const struct coordinated_request *c, owner_mask hoped, uint8_t owner)
{
    struct quorum owners = c->read;
    owners.counted &= quorum_owners(&c->read);
    return quorum_wants(&owners, hoped & quorum_owners(&c->read), owner);
}

/* Ask by rank until the open ones would meet the level. */
static void ask_until_enough(struct coordinated_request *c, struct coordinated_output *out)
{
    bool all = c->request.kind == KEY_COVERAGE;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        uint8_t owner = c->order[i];
        if (may_ask(c, owner) && (all || is_wanted(c, c->open, owner)))
            ask(c, owner, out);
    }
}

bool read_is_complete(const struct coordinated_request *c)
{
    return quorum_met(&c->read) && hints_are_in(c);
}

static bool may_be_met(const struct coordinated_request *c)
{
    return quorum_met_with(&c->read, c->open) && hints_may_be_met(c);
}

bool read_ask_any(struct coordinated_request *c, struct coordinated_output *out)
{
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        if (may_ask(c, c->order[i])) {
            ask(c, c->order[i], out);
            return true;
        }
    }
    return false;
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
        struct slice last = {0};
        for (uint16_t k = 0; k < read.cell_count; k++)
            last = reader_bytes(&cells);
        struct reader reader = reader_make(last);
        cell_decode_versions(&reader, &cell);
        result.count += version_vector_covers(&cell.context, &c->request.dot);
        cell_deinit(&cell);
    }
    result.acks = quorum_counted(&c->read);
    key_result_encode(&result, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    buffer_deinit(&encoded);
}

void read_ask_more(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    if (c->answered)
        return;
    if (c->request.kind == KEY_COVERAGE) {
        if (c->open == 0)
            finish_coverage(c, out);
        return;
    }
    if (request_has_id(c) && quorum_met(&c->read)) { /* an owner beyond the level has failed */
        repeat_gathered(c, wall_ms, out);
        return;
    }
    if (c->hints != NULL && read_is_complete(c)) {
        read_finish_ask(c, 0, wall_ms, out);
        return;
    }
    ask_until_enough(c, out);
    if (!may_be_met(c))
        request_fail(c, STATUS_UNAVAILABLE, &c->read, out);
}

void read_ask_these(struct coordinated_request *c, owner_mask owners, uint64_t wall_ms,
                    struct coordinated_output *out)
{
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if ((owners >> c->order[i] & 1) != 0 && may_ask(c, c->order[i]))
            ask(c, c->order[i], out);
    if (c->open == 0)
        read_ask_more(c, wall_ms, out);
    else if (!may_be_met(c))
        request_fail(c, STATUS_UNAVAILABLE, &c->read, out);
}

/* The best owner not asked yet that could bring the level nearer; primary_count: there is none. */
static uint8_t next_owner(const struct coordinated_request *c)
{
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if (may_ask(c, c->order[i]) && is_wanted(c, 0, c->order[i]))
            return c->order[i];
    return c->owners.primary_count;
}

void read_speculate(struct coordinated_request *c, bool allowed, struct coordinated_output *out)
{
    uint8_t owner = next_owner(c);
    if (c->answered || owner == c->owners.primary_count)
        return;
    if (!allowed) {
        coordinated_counts(out)->speculation_refused = 1;
        return;
    }
    c->slow |= c->open;
    c->speculative |= (owner_mask)1 << owner;
    ask(c, owner, out);
    coordinated_counts(out)->speculated = 1;
}

void read_retry(struct coordinated_request *c, bool allowed, uint64_t wall_ms,
                struct coordinated_output *out)
{
    uint8_t owner = next_owner(c);
    if (c->answered)
        return;
    hints_wait_no_longer(c);
    if (c->hints != NULL && read_is_complete(c)) {
        read_finish_ask(c, 0, wall_ms, out);
        return;
    }
    if (c->request.kind == KEY_COVERAGE) {
        finish_coverage(c, out);
        return;
    }
    if (owner == c->owners.primary_count)
        return;
    if (!allowed) {
        coordinated_counts(out)->retry_refused = 1;
        return;
    }
    c->slow |= c->open;
    ask(c, owner, out);
    coordinated_counts(out)->retried = 1;
}

/* When all that were asked have taken longer than they use to. */
static void plan_speculation(struct coordinated_request *c)
{
    uint32_t patience_us = 0;
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if ((c->open >> i & 1) != 0 && c->params.patience_us[i] > patience_us)
            patience_us = c->params.patience_us[i];
    if (patience_us > 0)
        c->speculate_us = c->params.now_us + patience_us;
}

/* One more than is needed, for what its answer tells of it. */
static void explore(struct coordinated_request *c, struct coordinated_output *out)
{
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        if ((c->params.explore >> i & 1) == 0 || !may_ask(c, i))
            continue;
        ask(c, i, out);
        coordinated_counts(out)->explored = 1;
        return;
    }
}

void read_start(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    c->phase = PHASE_ASK;
    ask_until_enough(c, out);
    if (hints_may_count(c))
        hints_ask(c, out);
    if (c->open == 0) {
        read_ask_more(c, wall_ms, out);
    } else if (c->request.kind != KEY_COVERAGE && !may_be_met(c)) {
        request_fail(c, STATUS_UNAVAILABLE, &c->read, out);
    } else if (question_type(c) == MESSAGE_READ && c->request.kind != KEY_COVERAGE) {
        plan_speculation(c);
        explore(c, out);
    }
}

/* ---- the level is met --------------------------------------------------------------------- */

static void finish_digest(struct coordinated_request *c, struct slice body,
                          struct coordinated_output *out)
{
    struct buffer encoded = {0};
    struct message_digest_result digest;
    enum status status = message_digest_result_decode(body, &digest);
    assert(status == STATUS_OK); /* checked when it came */
    struct key_result result = {.acks = 1,
                                .needed = 1,
                                .count = c->request.kind == KEY_COUNT ? digest.keyspace_count
                                                                      : digest.count,
                                .scan_done = digest.element_count == 0,
                                .clock_digest = digest.clock_digest,
                                .content_digest = digest.content_digest};
    key_result_encode(&result, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    buffer_deinit(&encoded);
}

void read_met(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out)
{
    if (request_has_id(c))
        repeat_gathered(c, wall_ms, out);
    else
        read_gathered(c, wall_ms, out);
}

void read_finish_ask(struct coordinated_request *c, uint8_t last, uint64_t wall_ms,
                     struct coordinated_output *out)
{
    struct buffer encoded = {0};
    if (hints_give(c, out))
        return;
    if (quorum_counted_fallbacks(&c->read) > 0)
        coordinated_counts(out)->sloppy_met = true;
    switch ((enum key_request_kind)c->request.kind) {
    case KEY_READ:
    case KEY_WRITE:
    case KEY_ELEMENTS_GET:
    case KEY_ELEMENTS_WRITE:
    case KEY_COLLECTION_DEADLINE:
        read_met(c, wall_ms, out);
        break;
    case KEY_SCAN:
        scan_merge(c, wall_ms, &encoded);
        request_answer(c, buffer_slice(&encoded), out);
        break;
    case KEY_COUNT:
    case KEY_DIGEST:
        finish_digest(c, buffer_slice(&c->answers[last]), out);
        break;
    case KEY_ELEMENTS_WALK:
        if (key_request_is_ordered(&c->request))
            order_walked(c, wall_ms, out);
        else
            collection_walked(c, wall_ms, out);
        break;
    case KEY_COLLECTION_DELETE:
        collection_clocks_gathered(c, out);
        break;
    case KEY_COVERAGE:
    case KEY_REQUEST_KIND_COUNT:
        assert(!"not finished by a quorum");
    }
    buffer_deinit(&encoded);
}

/* Whether the body is a good answer to what was asked; of a lookup `cells` gets the read. */
static enum status judge(const struct coordinated_request *c, uint16_t type, struct slice body,
                         struct slice *cells, struct cells_found *found)
{
    struct message_read_result read;
    struct message_range_result range;
    struct message_digest_result digest;
    if (type != question_type(c) + 1)
        return STATUS_CORRUPT;
    if (type == MESSAGE_LOOKUP_RESULT)
        return repeat_judge(c, body, cells, found);
    if (type == MESSAGE_READ_RESULT) {
        if (read_is_known(c, body))
            return STATUS_OK;
        if (message_read_result_decode(body, &read) != STATUS_OK)
            return STATUS_CORRUPT;
        if (read.status == STATUS_OK &&
            (read.cell_count != c->request.entry_count || !read_cells_are_sound(&read, found)))
            return STATUS_CORRUPT;
        return read.status;
    }
    if (type == MESSAGE_RANGE_RESULT) {
        if (message_range_result_decode(body, &range) != STATUS_OK ||
            !scan_is_sound(&range, c->request.position))
            return STATUS_CORRUPT;
        return range.status;
    }
    if (type == MESSAGE_ORDER_RESULT)
        return order_judge(c, body);
    if (type == MESSAGE_ELEMENTS_RESULT || type == MESSAGE_COLLECTION_CLOCK_RESULT)
        return collection_judge(c, type, body);
    if (message_digest_result_decode(body, &digest) != STATUS_OK)
        return STATUS_CORRUPT;
    return digest.status;
}

_Static_assert(MESSAGE_READ_RESULT == MESSAGE_READ + 1, "a result follows its question");
_Static_assert(MESSAGE_LOOKUP_RESULT == MESSAGE_LOOKUP + 1, "a result follows its question");
_Static_assert(MESSAGE_RANGE_RESULT == MESSAGE_RANGE + 1, "a result follows its question");
_Static_assert(MESSAGE_ELEMENTS_RESULT == MESSAGE_ELEMENTS + 1, "a result follows its question");
_Static_assert(MESSAGE_COLLECTION_CLOCK_RESULT == MESSAGE_COLLECTION_CLOCK + 1,
               "a result follows its question");
_Static_assert(MESSAGE_ORDER_RESULT == MESSAGE_ORDER + 1, "a result follows its question");
_Static_assert(MESSAGE_DIGEST_RESULT == MESSAGE_DIGEST + 1, "a result follows its question");

/* The level is met; without those that were asked speculatively too? */
static void note_speculation(const struct coordinated_request *c, struct coordinated_output *out)
{
    struct quorum without = c->read;
    if (c->speculative == 0)
        return;
    without.counted &= ~c->speculative;
    if (!quorum_met(&without))
        coordinated_counts(out)->speculation_won = true;
}

void read_reply(struct coordinated_request *c, uint8_t owner, uint16_t type, struct slice body,
                uint64_t wall_ms, struct coordinated_output *out)
{
    if (c->answered)
        return;
    struct slice read = body;
    struct cells_found found = {0};
    enum status status = judge(c, type, body, &read, &found);
    if (status == STATUS_TOO_LARGE) { /* another owner that has less of it would hide the rest */
        request_fail(c, status, &c->read, out);
        return;
    }
    if (status != STATUS_OK) {
        moves_note(c, status);
        c->failed |= (owner_mask)1 << owner;
        hints_recount(c);
        read_ask_more(c, wall_ms, out);
        return;
    }
    buffer_append_slice(&c->answers[owner], read);
    if (type == MESSAGE_LOOKUP_RESULT)
        buffer_append_slice(&c->lookups[owner], body);
    quorum_count(&c->read, owner);
    hints_recount(c);
    c->compound = c->compound || found.compound;
    if (c->request.kind != KEY_COVERAGE && found.omitted_bytes > 0)
        coordinated_counts(out)->omitted_bytes += found.omitted_bytes;
    if (c->request.kind == KEY_COVERAGE) {
        if (c->open == 0)
            finish_coverage(c, out);
    } else if (read_is_complete(c)) {
        note_speculation(c, out);
        read_finish_ask(c, owner, wall_ms, out);
    }
}
