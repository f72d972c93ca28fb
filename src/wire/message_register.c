#include "wire/message_register.h"

#include "wire/message_parts.h"
#include "wire/record.h"

enum { ACCEPTOR = 'a', ROUND = 'r', VALUE = 'v', ASKED = 'n' };

int ballot_compare(struct ballot a, struct ballot b)
{
    if (a.round != b.round)
        return a.round < b.round ? -1 : 1;
    if (a.node != b.node)
        return a.node < b.node ? -1 : 1;
    return (a.incarnation > b.incarnation) - (a.incarnation < b.incarnation);
}

void ballot_encode(struct ballot ballot, struct buffer *out)
{
    buffer_put_varint(out, ballot.round);
    buffer_put_varint(out, ballot.node);
    buffer_put_varint(out, ballot.incarnation);
}

struct ballot ballot_decode(struct reader *reader)
{
    struct ballot ballot = {.round = reader_varint(reader)};
    ballot.node = (node_id)reader_varint_max(reader, UINT32_MAX);
    ballot.incarnation = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    /* Either nobody's or somebody's. */
    if ((ballot.round == 0) != (ballot.node == 0) ||
        (ballot.round == 0) != (ballot.incarnation == 0))
        reader->failed = true;
    return ballot;
}

/* A ballot that somebody made. */
static struct ballot get_ballot(struct reader *reader)
{
    struct ballot ballot = ballot_decode(reader);
    if (ballot_is_none(ballot))
        reader->failed = true;
    return ballot;
}

static struct slice get_rest(struct reader *reader)
{
    return reader_take(reader, reader_left(reader));
}

void message_register_known_encode(const struct message_register_known *known, struct buffer *out)
{
    buffer_put_varint(out, known->generation);
    buffer_put_varint(out, known->seq);
    buffer_put_u64(out, known->digest);
}

enum status message_register_known_decode(struct slice body, struct message_register_known *out)
{
    struct reader reader = reader_make(body);
    out->generation = reader_varint(&reader);
    out->seq = reader_varint(&reader);
    out->digest = reader_u64(&reader);
    return reader_end(&reader);
}

void message_register_prepare_encode(const struct message_register_prepare *prepare,
                                     struct buffer *out)
{
    ballot_encode(prepare->ballot, out);
}

enum status message_register_prepare_decode(struct slice body, struct message_register_prepare *out)
{
    struct reader reader = reader_make(body);
    out->ballot = get_ballot(&reader);
    return reader_end(&reader);
}

void message_register_promise_encode(const struct message_register_promise *promise,
                                     struct buffer *out)
{
    put_status(out, promise->status);
    ballot_encode(promise->ballot, out);
    buffer_put_varint(out, promise->incarnation);
    ballot_encode(promise->promised, out);
    ballot_encode(promise->accepted, out);
    buffer_append_slice(out, promise->value);
}

enum status message_register_promise_decode(struct slice body, struct message_register_promise *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->ballot = get_ballot(&reader);
    out->incarnation = (uint16_t)reader_varint_max(&reader, UINT16_MAX);
    out->promised = ballot_decode(&reader);
    out->accepted = ballot_decode(&reader);
    out->value = get_rest(&reader);
    if ((out->value.length == 0) != ballot_is_none(out->accepted))
        reader.failed = true;
    return reader_end(&reader);
}

void message_register_accept_encode(const struct message_register_accept *accept,
                                    struct buffer *out)
{
    ballot_encode(accept->ballot, out);
    buffer_append_slice(out, accept->value);
}

enum status message_register_accept_decode(struct slice body, struct message_register_accept *out)
{
    struct reader reader = reader_make(body);
    out->ballot = get_ballot(&reader);
    out->value = get_rest(&reader);
    return reader_end(&reader);
}

void message_register_accepted_encode(const struct message_register_accepted *accepted,
                                      struct buffer *out)
{
    put_status(out, accepted->status);
    ballot_encode(accepted->ballot, out);
    buffer_put_varint(out, accepted->incarnation);
    ballot_encode(accepted->promised, out);
}

enum status message_register_accepted_decode(struct slice body,
                                             struct message_register_accepted *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->ballot = get_ballot(&reader);
    out->incarnation = (uint16_t)reader_varint_max(&reader, UINT16_MAX);
    out->promised = ballot_decode(&reader);
    return reader_end(&reader);
}

void message_register_state_encode(const struct message_register_state *state, struct buffer *out)
{
    buffer_put_varint(out, state->accepted_seq);
    buffer_put_u8(out, state->asked);
    buffer_append_slice(out, state->value);
}

enum status message_register_state_decode(struct slice body, struct message_register_state *out)
{
    struct reader reader = reader_make(body);
    out->accepted_seq = reader_varint(&reader);
    uint8_t asked = reader_u8(&reader);
    out->asked = asked == 1;
    if (asked > 1)
        reader.failed = true;
    out->value = get_rest(&reader);
    return reader_end(&reader);
}

void message_register_reserve_encode(const struct message_register_reserve *reserve,
                                     struct buffer *out)
{
    buffer_put_varint(out, reserve->above);
}

enum status message_register_reserve_decode(struct slice body, struct message_register_reserve *out)
{
    struct reader reader = reader_make(body);
    out->above = reader_varint(&reader);
    return reader_end(&reader);
}

void message_register_reserved_encode(const struct message_register_reserved *reserved,
                                      struct buffer *out)
{
    put_status(out, reserved->status);
    buffer_put_varint(out, reserved->round);
}

enum status message_register_reserved_decode(struct slice body,
                                             struct message_register_reserved *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->round = reader_varint(&reader);
    return reader_end(&reader);
}

void message_register_learned_encode(const struct message_register_learned *learned,
                                     struct buffer *out)
{
    put_status(out, learned->status);
}

enum status message_register_learned_decode(struct slice body, struct message_register_learned *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    return reader_end(&reader);
}

/* ---- records ---- */

static void put_name(struct buffer *out, uint8_t which)
{
    buffer_put_u8(out, RECORD_REGISTER);
    buffer_put_u8(out, which);
}

void record_register_acceptor_name(struct buffer *out)
{
    put_name(out, ACCEPTOR);
}

void record_register_round_name(struct buffer *out)
{
    put_name(out, ROUND);
}

void record_register_value_name(struct buffer *out)
{
    put_name(out, VALUE);
}

void record_register_asked_name(struct buffer *out)
{
    put_name(out, ASKED);
}

static struct reader open_record(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    if (reader_u8(&reader) != RECORD_VERSION)
        reader.failed = true;
    return reader;
}

void register_acceptor_record_encode(const struct register_acceptor_record *record,
                                     struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    ballot_encode(record->promised, out);
    ballot_encode(record->accepted, out);
    buffer_append_slice(out, record->value);
}

enum status register_acceptor_record_decode(struct slice bytes,
                                            struct register_acceptor_record *out)
{
    struct reader reader = open_record(bytes);
    out->promised = get_ballot(&reader);
    out->accepted = ballot_decode(&reader);
    out->value = get_rest(&reader);
    if ((out->value.length == 0) != ballot_is_none(out->accepted) ||
        ballot_compare(out->accepted, out->promised) > 0)
        reader.failed = true;
    return reader_end(&reader);
}

void register_round_record_encode(uint64_t round, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_varint(out, round);
}

enum status register_round_record_decode(struct slice bytes, uint64_t *out)
{
    struct reader reader = open_record(bytes);
    *out = reader_varint(&reader);
    return reader_end(&reader);
}

void register_value_record_encode(struct slice value, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_append_slice(out, value);
}

enum status register_value_record_decode(struct slice bytes, struct slice *out)
{
    struct reader reader = open_record(bytes);
    *out = get_rest(&reader);
    return reader_end(&reader);
}
