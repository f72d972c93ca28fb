#include "coordinator/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/collection.h"
#include "coordinator/request_state.h"
#include "ring/transition.h"

void coordinated_output_clear(struct coordinated_output *output)
{
    output->send_count = 0;
    output->finished = output->again = output->anew = output->moved = false;
    output->read_repairs = 0;
    output->repeated = output->repeated_by_quorum = false;
    output->fetches = 0;
    output->hints_given = 0;
    output->sloppy_met = false;
    output->omitted_bytes = 0;
    output->speculated = output->speculation_refused = 0;
    output->retried = output->retry_refused = output->explored = 0;
    output->speculation_won = false;
    buffer_clear(&output->bodies);
    buffer_clear(&output->result);
}

void coordinated_output_deinit(struct coordinated_output *output)
{
    free(output->sends);
    buffer_deinit(&output->bodies);
    buffer_deinit(&output->result);
    *output = (struct coordinated_output){0};
}

uint8_t request_self_index(const struct coordinated_request *c)
{
    uint8_t i = 0;
    while (i < c->owners.primary_count && c->owners.nodes[i] != c->params.self)
        i++;
    return i;
}

/* The place in the preference list; its length when the node is not in it. */
static uint8_t holder_index(const struct coordinated_request *c, node_id node)
{
    uint8_t i = 0;
    while (i < c->owners.count && c->owners.nodes[i] != node)
        i++;
    return i;
}

static void add_send(struct coordinated_request *c, uint8_t holder, uint16_t type, size_t offset,
                     struct coordinated_output *out)
{
    if (out->send_count == out->send_capacity) {
        out->send_capacity = out->send_capacity == 0 ? 8 : out->send_capacity * 2;
        out->sends = memory_resize(out->sends, out->send_capacity, sizeof *out->sends);
    }
    out->sends[out->send_count++] =
        (struct coordinated_send){.to = c->owners.nodes[holder],
                                  .type = type,
                                  .offset = offset,
                                  .length = out->bodies.length - offset};
    c->open |= (owner_mask)1 << holder;
}

void request_send(struct coordinated_request *c, uint8_t holder, uint16_t type, struct slice body,
                  struct coordinated_output *out)
{
    size_t offset = out->bodies.length;
    buffer_append_slice(&out->bodies, body);
    add_send(c, holder, type, offset, out);
}

void request_send_all(struct coordinated_request *c, owner_mask holders, uint16_t type,
                      struct slice body, struct coordinated_output *out)
{
    size_t offset = out->bodies.length;
    buffer_append_slice(&out->bodies, body);
    for (uint8_t i = 0; i < c->owners.count; i++)
        if ((holders >> i & 1) != 0)
            add_send(c, i, type, offset, out);
}

void request_answer(struct coordinated_request *c, struct slice result,
                    struct coordinated_output *out)
{
    assert(!c->answered); /* C4 */
    c->answered = true;
    out->finished = true;
    buffer_append_slice(&out->result, result);
}

void request_fail(struct coordinated_request *c, enum status status, const struct quorum *quorum,
                  struct coordinated_output *out)
{
    struct buffer encoded = {0};
    if (moves_hold(c, status))
        return;
    if ((c->request.flags & KEY_AGAIN) != 0) /* C2: the first time was minted */
        status = STATUS_UNCERTAIN;
    struct key_result result =
        key_result_failed(status, quorum_counted(quorum), quorum_needed(quorum));
    result.hints = quorum_counted_fallbacks(quorum);
    /* C2: once the own store side was asked to mint, a failure is uncertain. */
    assert(c->phase != PHASE_REPLICATE || status == STATUS_UNCERTAIN);
    if (status == STATUS_UNAVAILABLE && c->phase == PHASE_ASK)
        result.acks = quorum_within_reach(quorum, c->params.usable & ~c->failed);
    key_result_encode(&result, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    buffer_deinit(&encoded);
}

static void check_invariants(const struct coordinated_request *c,
                             const struct coordinated_output *out)
{
    assert(!out->finished || c->answered);
    assert((c->open & c->failed) == 0);
    assert(c->phase != PHASE_OVER || c->answered);
}

/* Nothing is awaited any more once the answer is out and every asked owner has spoken. */
static void settle(struct coordinated_request *c, const struct coordinated_output *out)
{
    bool reads = c->phase == PHASE_ASK || c->phase == PHASE_GIVE || c->phase == PHASE_FETCH ||
                 c->phase == PHASE_REPAIR;
    if (c->answered && (c->open == 0 || reads))
        c->phase = PHASE_OVER;
    check_invariants(c, out);
}

bool request_has_id(const struct coordinated_request *c)
{
    return key_request_is_recorded(&c->request);
}

/* The region that LOCAL means: of the node that the client is connected to. */
static uint8_t local_region(const struct coordinated_request *c)
{
    return c->request.region > 0 ? (uint8_t)(c->request.region - 1) : c->params.home;
}

/* Siblings and a default time to live are of keys; nothing of both is known of elements. */
static bool has_collections(const struct coordinated_request *c)
{
    const struct ring_keyspace *keyspace = ring_keyspace(c->params.ring, c->request.keyspace);
    bool grows = c->request.kind == KEY_ELEMENTS_WRITE; /* what is there may be read and deleted */
    return keyspace->policy != KEYSPACE_SIBLINGS && (keyspace->default_ttl_ms == 0 || !grows);
}

/* Refuse early what cannot be met; STATUS_OK when it may be tried. */
static enum status preflight(struct coordinated_request *c)
{
    const struct request_options *options = &c->request.options;
    bool writes = key_request_writes(&c->request);
    uint8_t home = local_region(c);
    if (c->bytes.length > MESSAGE_PAYLOAD_BYTES_MAX)
        return STATUS_TOO_LARGE;
    if (key_request_is_collection(&c->request) && !has_collections(c))
        return STATUS_UNSUPPORTED;
    if (c->request.kind == KEY_COVERAGE || c->request.kind == KEY_COUNT ||
        c->request.kind == KEY_DIGEST) {
        struct request_options one = {.level = LEVEL_ONE};
        return quorum_init(&c->read, &c->owners, home, &one, QUORUM_READ);
    }
    struct request_options strict = *options;
    if (!hints_may_count(c))
        strict.sloppy = SLOPPY_NO; /* other reads ask owners alone */
    enum status status = quorum_init(&c->read, &c->owners, home, &strict, QUORUM_READ);
    if (status == STATUS_OK && writes)
        status = quorum_init(&c->write, &c->owners, home, options, QUORUM_WRITE);
    if (status != STATUS_OK)
        return status;
    if ((c->request.flags & KEY_AGAIN) != 0)
        quorum_cover(&c->read, &c->write); /* what others were promised, W is promised to replace */
    c->params.usable &=
        quorum_holders(writes ? &c->write : &c->read) | c->owners.other_set; /* a read's repair */
    if (writes && request_self_index(c) == c->owners.primary_count)
        return STATUS_NOT_OWNER;
    if (writes && !c->params.self_ready)
        return STATUS_NOT_READY;
    if ((!writes || key_request_needs_read(&c->request)) &&
        !quorum_met_with(&c->read, c->params.usable))
        return STATUS_UNAVAILABLE;
    if (writes && !quorum_met_with(&c->write, c->params.usable))
        return STATUS_UNAVAILABLE;
    return STATUS_OK;
}

/* What the request was refused for, when it could not be met: a write may lack its read first. */
static const struct quorum *refused_quorum(const struct coordinated_request *c)
{
    bool by_write =
        key_request_writes(&c->request) &&
        (!key_request_needs_read(&c->request) || quorum_met_with(&c->read, c->params.usable));
    return by_write ? &c->write : &c->read;
}

/* As the caller ranks them, or the own replica first, then by preference. */
static void rank_owners(struct coordinated_request *c)
{
    uint8_t self = request_self_index(c), count = 0;
    if (c->params.order != NULL) {
        memcpy(c->order, c->params.order, c->owners.primary_count);
        c->params.order = NULL;
        return;
    }
    if (self < c->owners.primary_count)
        c->order[count++] = self;
    for (uint8_t i = 0; i < c->owners.primary_count; i++)
        if (i != self)
            c->order[count++] = i;
}

static enum merge_policy policy_of(const struct ring *ring, keyspace_id keyspace)
{
    const struct ring_keyspace *found = ring_keyspace(ring, keyspace);
    return found != NULL && found->policy == KEYSPACE_SIBLINGS ? MERGE_SIBLINGS : MERGE_LWW;
}

enum { ANSWER_ROOMS = 3, ANSWER_ROOM_BYTES = 256 };

/* What a small request keeps of its bodies, in its own block. */
struct request_rooms {
    uint8_t bytes[SMALL_BODY_BYTES];
    uint8_t replicate[SMALL_BODY_BYTES];
    uint8_t minted[128];
    uint8_t answers[ANSWER_ROOMS][ANSWER_ROOM_BYTES]; /* of three owners, as most partitions have */
    uint8_t merged[ANSWER_ROOM_BYTES];
};

/* All zero but for the rooms. */
static struct coordinated_request *allocate(uint8_t owner_count)
{
    size_t cleared =
        sizeof(struct coordinated_request) + (size_t)3 * owner_count * sizeof(struct buffer);
    struct coordinated_request *c = memory_resize(NULL, 1, cleared + sizeof(struct request_rooms));
    struct request_rooms *rooms = (struct request_rooms *)((uint8_t *)c + cleared);
    memset(c, 0, cleared);
    c->bytes = buffer_on(rooms->bytes, sizeof rooms->bytes);
    c->replicate = buffer_on(rooms->replicate, sizeof rooms->replicate);
    c->minted = buffer_on(rooms->minted, sizeof rooms->minted);
    c->merged = buffer_on(rooms->merged, sizeof rooms->merged);
    c->answers = (struct buffer *)(c + 1);
    for (uint8_t i = 0; i < ANSWER_ROOMS && i < owner_count; i++)
        c->answers[i] = buffer_on(rooms->answers[i], ANSWER_ROOM_BYTES);
    return c;
}

struct coordinated_request *coordinated_request_new(const struct coordinate_params *params,
                                                    const struct key_request *request,
                                                    uint64_t wall_ms,
                                                    struct coordinated_output *out)
{
    uint8_t owner_count = params->owners->primary_count;
    struct coordinated_request *c = allocate(owner_count);
    c->answer_count = owner_count;
    c->fetched = c->answers + owner_count;
    c->lookups = c->fetched + owner_count;
    c->owners = *params->owners;
    c->params = *params;
    c->params.owners = NULL;
    key_request_encode(request, &c->bytes);
    struct reader reader = reader_make(buffer_slice(&c->bytes));
    enum status status = key_request_decode(&reader, &c->request, &c->contexts);
    assert(status == STATUS_OK); /* it was encoded here */
    c->address = (struct replica_address){.partition = request->partition,
                                          .tag = ring_tag_of(params->ring, request->partition)};
    rank_owners(c);
    c->policy = policy_of(params->ring, request->keyspace);
    c->retry_us = params->now_us + (uint64_t)params->retry_ms * 1000;
    c->speculate_us = UINT64_MAX;
    uint8_t self = request_self_index(c);
    if (!params->self_ready && request->kind != KEY_DIGEST && self < c->owners.primary_count)
        c->params.usable &= ~((owner_mask)1 << self);
    status =
        ring_keyspace(params->ring, request->keyspace) == NULL ? STATUS_NO_KEYSPACE : preflight(c);
    if (status != STATUS_OK)
        request_fail(c, status, refused_quorum(c), out);
    else if (key_request_needs_read(&c->request))
        read_start(c, wall_ms, out);
    else
        write_start(c, out);
    settle(c, out);
    return c;
}

void coordinated_request_free(struct coordinated_request *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < c->answer_count; i++) {
        buffer_deinit(&c->answers[i]);
        buffer_deinit(&c->fetched[i]);
        buffer_deinit(&c->lookups[i]);
    }
    hints_free(c);
    buffer_deinit(&c->lookup);
    buffer_deinit(&c->walk_repair);
    buffer_deinit(&c->replicate);
    buffer_deinit(&c->merged);
    buffer_deinit(&c->minted);
    buffer_deinit(&c->pending);
    key_contexts_free(&c->contexts);
    buffer_deinit(&c->bytes);
    free(c);
}

/* Whether the holder's answer was awaited; it is not any more. */
static bool close_holder(struct coordinated_request *c, uint8_t holder)
{
    if (holder >= c->owners.count || (c->open >> holder & 1) == 0)
        return false;
    c->open &= ~((owner_mask)1 << holder);
    return true;
}

void coordinated_request_reply(struct coordinated_request *c, node_id from, uint16_t type,
                               struct slice body, uint64_t wall_ms, struct coordinated_output *out)
{
    uint8_t holder = holder_index(c, from);
    if (c->phase == PHASE_OVER)
        return;
    bool is_owner = holder < c->owners.primary_count;
    bool is_replica = holder < preference_list_replicas(&c->owners);
    if (type == MESSAGE_HINTED && c->phase == PHASE_REPLICATE) {
        if (!is_replica && close_holder(c, holder))
            write_reply(c, holder, body, out);
        settle(c, out);
        return;
    }
    if (type == MESSAGE_HINT_READ_RESULT && c->phase == PHASE_ASK && c->hints != NULL) {
        if (!is_replica && close_holder(c, holder)) {
            hints_reply(c, holder, body);
            read_ask_more(c, wall_ms, out);
        }
        settle(c, out);
        return;
    }
    if (!is_owner && !(is_replica && type == MESSAGE_REPLICATED))
        return;
    if (type == MESSAGE_MINTED && c->phase == PHASE_MINT && from == c->params.self) {
        write_minted(c, body, out);
    } else if (type == MESSAGE_REPLICATED && c->phase == PHASE_REPLICATE) {
        if (close_holder(c, holder))
            write_reply(c, holder, body, out);
    } else if (type == MESSAGE_REPLICATED && c->phase == PHASE_GIVE) {
        if (close_holder(c, holder))
            hints_given_to(c, holder, body, wall_ms, out);
    } else if (type == MESSAGE_REPLICATED && c->phase == PHASE_REPAIR) {
        if (close_holder(c, holder))
            repair_reply(c, holder, body, out);
    } else if (type == MESSAGE_FETCH_RESULT && c->phase == PHASE_FETCH) {
        if (close_holder(c, holder))
            fetch_reply(c, holder, body, wall_ms, out);
    } else if (c->phase == PHASE_ASK &&
               (type == MESSAGE_READ_RESULT || type == MESSAGE_LOOKUP_RESULT ||
                type == MESSAGE_RANGE_RESULT || type == MESSAGE_DIGEST_RESULT ||
                type == MESSAGE_ELEMENTS_RESULT || type == MESSAGE_ORDER_RESULT ||
                type == MESSAGE_COLLECTION_CLOCK_RESULT)) {
        if (close_holder(c, holder))
            read_reply(c, holder, type, body, wall_ms, out);
    }
    settle(c, out);
}

void coordinated_request_refused(struct coordinated_request *c, node_id node, enum status status,
                                 uint64_t wall_ms, struct coordinated_output *out)
{
    uint8_t holder = holder_index(c, node);
    if (c->phase == PHASE_OVER || holder >= c->owners.count)
        return;
    c->params.usable &= ~((owner_mask)1 << holder); /* C5: whether or not it was its turn yet */
    if (c->phase == PHASE_ASK)
        hints_recount(c);
    if (!close_holder(c, holder))
        return;
    c->failed |= (owner_mask)1 << holder;
    switch (c->phase) {
    case PHASE_ASK:
        read_ask_more(c, wall_ms, out);
        break;
    case PHASE_GIVE:
        hints_not_given_to(c, wall_ms, out);
        break;
    case PHASE_FETCH:
        fetch_failed(c, holder, wall_ms, out);
        break;
    case PHASE_REPAIR:
        repair_check(c, out);
        break;
    case PHASE_MINT: /* the frame never reached the store side, so nothing was minted */
        request_fail(c, status, &c->write, out);
        break;
    case PHASE_REPLICATE:
        write_check(c, out);
        break;
    case PHASE_OVER:
        break;
    }
    settle(c, out);
}

/* Whether another holder can take the place of one that is silent. */
static bool is_retried(const struct coordinated_request *c)
{
    return c->held || c->phase == PHASE_ASK || c->phase == PHASE_GIVE || c->phase == PHASE_FETCH ||
           c->phase == PHASE_REPAIR || (!c->answered && fallbacks_may_count(c));
}

void coordinated_request_tick(struct coordinated_request *c, uint64_t now_us, uint64_t wall_ms,
                              const struct coordinate_allowance *allowed,
                              struct coordinated_output *out)
{
    if (c->phase == PHASE_OVER)
        return;
    if (now_us >= c->params.deadline_us) {
        c->tag_refused = false; /* nothing is held any longer */
        bool minting = c->phase == PHASE_MINT || c->phase == PHASE_REPLICATE;
        if (!c->answered)
            request_fail(c, minting ? STATUS_UNCERTAIN : STATUS_TIMEOUT,
                         minting ? &c->write : &c->read, out);
        c->phase = PHASE_OVER;
        c->open = 0;
    } else if (c->held && now_us >= c->retry_us) {
        c->retry_us = now_us + (uint64_t)c->params.retry_ms * 1000;
        moves_go_on(c, out);
    } else if (c->phase == PHASE_ASK && now_us >= c->speculate_us && now_us < c->retry_us) {
        c->speculate_us = UINT64_MAX;
        read_speculate(c, allowed->speculate, out);
    } else if (is_retried(c) && now_us >= c->retry_us) {
        c->retry_us = now_us + (uint64_t)c->params.retry_ms * 1000;
        c->speculate_us = UINT64_MAX;
        if (c->phase == PHASE_ASK)
            read_retry(c, allowed->retry, wall_ms, out);
        else if (c->phase == PHASE_GIVE)
            hints_give_up_silent(c, wall_ms, out);
        else if (c->phase == PHASE_FETCH)
            fetch_slow(c, wall_ms, out);
        else if (c->phase == PHASE_REPAIR)
            repair_ask_one_more(c, out);
        else
            fallbacks_ask_one_more(c, out);
    }
    settle(c, out);
}

uint64_t coordinated_request_deadline_us(const struct coordinated_request *c)
{
    uint64_t deadline_us = c->params.deadline_us;
    if (is_retried(c) && c->retry_us < deadline_us)
        deadline_us = c->retry_us;
    if (c->phase == PHASE_ASK && c->speculate_us < deadline_us)
        deadline_us = c->speculate_us;
    return deadline_us;
}

const struct key_request *coordinated_request_asked(const struct coordinated_request *c)
{
    return &c->request;
}

bool coordinated_request_is_held(const struct coordinated_request *c)
{
    return c->held && c->phase != PHASE_OVER;
}

bool coordinated_request_done(const struct coordinated_request *c)
{
    return c->phase == PHASE_OVER;
}

bool coordinated_request_waits_for(const struct coordinated_request *c, node_id node)
{
    uint8_t holder = holder_index(c, node);
    return c->phase != PHASE_OVER && holder < c->owners.count && (c->open >> holder & 1) != 0;
}

void coordinated_request_follow(struct coordinated_request *c, struct coordinated_output *out)
{
    if (c->phase != PHASE_OVER && moves_is_stale(c))
        moves_go_on(c, out);
    settle(c, out);
}

void coordinated_request_send_anew(struct coordinated_request *c, owner_mask usable,
                                   struct coordinated_output *out)
{
    c->params.usable = usable;
    write_send_anew(c, out);
    settle(c, out);
}

bool coordinated_request_is_from_before(const struct coordinated_request *c, partition_id partition,
                                        struct ring_tag tag)
{
    bool minted = c->phase == PHASE_MINT || c->phase == PHASE_REPLICATE;
    return minted && c->address.partition == partition && ring_tag_compare(c->mint_tag, tag) != 0;
}
