/*
 * repeat.c - a write with a request id: what a read quorum knows of it, before anything is minted.
 *
 * The lookup reads the keys, and asks each owner for the record of the request and whether
 * its clock covers what its cells have seen. Either an owner knows the request: then its
 * record goes to the own replica instead of a new version. Or each event that the merged
 * cells cover was absorbed by one of those asked, and none of them knows the id: then it is not
 * part of them. Or neither: then more owners are asked, and when there are none the
 * answer is that it cannot be told. The own replica checks again when it mints.
 *
 * This bounds the effect, whatever r and w are. That the first *answer* is given needs a read
 * quorum that meets the first attempt's owners (r + w > n).
 * Source: reference "algorithms" 4.6; tests/models/request_ids.py.
 */
#include "coordinator/request_state.h"

#include <assert.h>

#include "wire/message_lookup.h"

static bool found_by(const struct coordinated_request *c, uint8_t owner,
                     struct message_lookup_result *out)
{
    if ((c->read.counted >> owner & 1) == 0)
        return false;
    enum status status = message_lookup_result_decode(buffer_slice(&c->lookups[owner]), out);
    assert(status == STATUS_OK); /* checked when it came */
    return true;
}

struct knowledge {
    bool conflict; /* of another command */
    bool in_part;
    struct slice record; /* whole; empty: nobody has it */
};

static struct knowledge gather(const struct coordinated_request *c)
{
    struct knowledge out = {0};
    bool answered = false;
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_lookup_result found;
        struct request_record record;
        if (!found_by(c, c->order[i], &found) || found.state == REQUEST_NOT_KNOWN)
            continue;
        enum status status = request_record_decode(found.record, &record);
        assert(status == STATUS_OK); /* checked when it came */
        out.conflict = out.conflict || record.stamp.identity.digest != c->request.identity.digest;
        out.in_part = out.in_part || found.state == REQUEST_KNOWN_IN_PART;
        /* One that has the answer is better than one that a version alone has told of. */
        bool better = out.record.length == 0 || (!answered && record.result.length > 0);
        if (found.state == REQUEST_KNOWN && better) {
            out.record = found.record;
            answered = record.result.length > 0;
        }
    }
    return out;
}

/* What entry `index` was vouched for: the contexts that their owners' clocks cover, joined. */
static void join_vouched(const struct coordinated_request *c, uint16_t index,
                         struct version_vector *out)
{
    *out = (struct version_vector){0};
    for (uint8_t i = 0; i < c->owners.primary_count; i++) {
        struct message_lookup_result found;
        struct cell cell = {0};
        if (!found_by(c, i, &found) || found.covered.data[index] == 0)
            continue;
        read_first_cell(c, i, index, &cell);
        version_vector_join(out, &cell.context);
        cell_deinit(&cell);
    }
}

/* Whether what is vouched for covers all that the answers have seen; `vectors` gets the former. */
static bool is_covered(const struct coordinated_request *c, struct buffer *vectors)
{
    bool covered = true;
    for (uint16_t i = 0; i < c->request.entry_count && covered; i++) {
        struct version_vector vouched;
        join_vouched(c, i, &vouched);
        for (uint8_t owner = 0; owner < c->owners.primary_count; owner++) {
            struct cell cell = {0};
            if (!read_answered_cell(c, owner, i, &cell))
                continue;
            covered = covered && version_vector_descends(&vouched, &cell.context);
            cell_deinit(&cell);
        }
        version_vector_encode(&vouched, vectors);
        version_vector_deinit(&vouched);
    }
    return covered;
}

static void go_on_with(struct coordinated_request *c, const struct mint_lookup *lookup,
                       uint64_t wall_ms, struct coordinated_output *out)
{
    buffer_clear(&c->lookup);
    mint_lookup_encode(lookup, &c->lookup);
    read_gathered(c, wall_ms, out);
}

void repeat_gathered(struct coordinated_request *c, uint64_t wall_ms,
                     struct coordinated_output *out)
{
    struct buffer vectors = {0};
    struct knowledge known = gather(c);
    if (known.conflict) {
        request_fail(c, STATUS_REQUEST_CONFLICT, &c->write, out);
    } else if (known.record.length > 0) {
        go_on_with(c, &(struct mint_lookup){.record = known.record}, wall_ms, out);
    } else if (!known.in_part && is_covered(c, &vectors)) {
        go_on_with(c,
                   &(struct mint_lookup){.vector_count = c->request.entry_count,
                                         .vectors = buffer_slice(&vectors)},
                   wall_ms, out);
    } else {
        c->phase = PHASE_ASK;
        if (!read_ask_any(c, out) && c->open == 0)
            request_fail(c, STATUS_REQUEST_UNKNOWN, &c->read, out);
    }
    buffer_deinit(&vectors);
}

enum status repeat_judge(const struct coordinated_request *c, struct slice body, struct slice *read,
                         struct cells_found *found)
{
    struct message_lookup_result lookup;
    struct message_read_result answer;
    if (message_lookup_result_decode(body, &lookup) != STATUS_OK)
        return STATUS_CORRUPT;
    *read = lookup.read;
    enum status status = message_read_result_decode(lookup.read, &answer);
    if (status != STATUS_OK || answer.status != STATUS_OK)
        return status != STATUS_OK ? status : answer.status;
    return answer.cell_count == c->request.entry_count && read_cells_are_sound(&answer, found)
               ? STATUS_OK
               : STATUS_CORRUPT;
}
