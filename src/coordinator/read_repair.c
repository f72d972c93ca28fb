/*
 * read_repair.c - what a majority was asked for is held by one before it is shown.
 *
 * A read at a majority may meet a version that only one owner holds (of a
 * write that failed half-way). Before such a version is shown, it is written back
 * until as many owners hold it as the read asked, so a later read at that level
 * cannot miss it. Owners that already hold exactly the merged version count. One
 * that refuses, or is silent for `retry_ms`, is replaced by another owner. While the partition
 * moves, as many of each set of owners must hold it: the next read may ask the other one.
 * Source: Attiya, Bar-Noy, Dolev, "Sharing Memory Robustly in Message-Passing Systems", JACM 1995.
 */
#include "coordinator/collection.h"
#include "coordinator/request_state.h"

static bool holds_merged(const struct coordinated_request *c, uint8_t owner)
{
    struct reader merged = reader_make(buffer_slice(&c->merged));
    bool same = true;
    if (c->request.kind == KEY_ELEMENTS_WALK)
        return (c->walk_holders >> owner & 1) != 0;
    if ((c->read.counted >> owner & 1) == 0)
        return false;
    if (c->agreed)
        return true;
    for (uint16_t i = 0; i < c->request.entry_count && same; i++) {
        struct cell whole = {0}, held = {0};
        struct slice wanted = reader_bytes(&merged), answered;
        if (read_encoded_cell(c, owner, i, &answered) && slice_equal(answered, wanted))
            continue; /* the same bytes are the same cell */
        struct reader reader = reader_make(wanted);
        cell_decode(&reader, &whole);
        same = read_answered_cell(c, owner, i, &held) && cell_same_version(&whole, &held);
        cell_deinit(&whole);
        cell_deinit(&held);
    }
    return same;
}

/* The merged cells, as MESSAGE_REPLICATE. */
static void encode_repair(const struct coordinated_request *c, struct buffer *body)
{
    struct buffer deliveries = {0}, name = {0};
    if (c->request.kind == KEY_ELEMENTS_WALK) {
        buffer_append_slice(body, buffer_slice(&c->walk_repair));
        return;
    }
    struct reader merged = reader_make(buffer_slice(&c->merged));
    for (uint16_t i = 0; i < c->request.entry_count; i++) {
        struct cell_delivery delivery = {.keyspace = collection_keyspace(c, i),
                                         .key = collection_name(c, i, &name),
                                         .cell = reader_bytes(&merged)};
        cell_delivery_encode(&delivery, &deliveries);
    }
    struct message_replicate replicate = {.address = c->address,
                                          .delivery_count = c->request.entry_count,
                                          .deliveries = buffer_slice(&deliveries)};
    message_replicate_encode(&replicate, body);
    buffer_deinit(&deliveries);
    buffer_deinit(&name);
}

/* Write back to those in `owners` that can be asked and would bring the level nearer. */
static void repair_at(struct coordinated_request *c, owner_mask owners, owner_mask hoped,
                      uint8_t count_max, struct coordinated_output *out)
{
    struct buffer body = {0};
    encode_repair(c, &body);
    owners &= c->params.usable & ~(c->open | c->failed | c->write.counted);
    for (uint8_t i = 0; i < preference_list_replicas(&c->owners) && count_max > 0; i++) {
        if ((owners >> i & 1) == 0 || !quorum_wants(&c->write, hoped, i))
            continue;
        request_send(c, i, MESSAGE_REPLICATE, buffer_slice(&body), out);
        out->read_repairs +=
            c->request.kind == KEY_ELEMENTS_WALK ? c->walk_repair_cells : c->request.entry_count;
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
    quorum_write_back(&c->write, &c->read, &c->owners);
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if (holds_merged(c, i))
            quorum_count(&c->write, i);
    /* Stand-ins take the places of owners that cannot be written to. */
    c->write.counted |= c->read.counted & ~quorum_owners(&c->read);
    if (quorum_met(&c->write))
        return false;
    c->phase = PHASE_REPAIR;
    c->open = 0;
    c->failed = 0;
    buffer_append_slice(&c->pending, result);
    repair_at(c, c->read.counted, 0, RING_REPLICAS_MAX, out);
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
        repair_at(c, ~(owner_mask)0, c->open, RING_REPLICAS_MAX, out);
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
    enum status status = message_replicated_decode(body, &replicated);
    if (status == STATUS_OK)
        status = (enum status)replicated.status;
    moves_note(c, status);
    if (status == STATUS_OK)
        quorum_count(&c->write, owner);
    else
        c->failed |= (owner_mask)1 << owner;
    repair_check(c, out);
}
