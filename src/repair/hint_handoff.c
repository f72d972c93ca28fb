#include "repair/hint_handoff.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "ring/roster.h"
#include "ring/transition.h"

enum {
    LOOK_EVERY_US = 500 * 1000, /* while something is owed and no lane is busy */
    PAGE_BYTES_MIN = 4 << 10,
    PAGE_BYTES_MAX = 256 << 10,
    PAGE_COUNT_MAX = 512,
    RATE_SHARE_MIN = 128, /* of the highest rate */
    RATE_STEPS = 16,
    QUICK_US = 50 * 1000,
    SLOW_US = 200 * 1000,
    PAUSE_MIN_MS = 500,
    PAUSE_MAX_MS = 30 * 1000,
    PASS_PAUSE_MAX_MS = 600 * 1000,
    CLOCK_SLACK_MS = 1000 /* the two sides of a node may differ so much in their time */
};

/* What one owner lacks of one partition. */
struct owed {
    uint64_t cells;
    uint64_t bytes;
    uint64_t oldest_ms;
    uint64_t not_before_us; /* of the next pass */
    uint32_t pause_ms;      /* before the next pass, if the last one brought nothing away */
};

struct held {
    partition_id partition;
    uint64_t cells;
    uint64_t bytes;
    struct owed owed[]; /* one for each owner, in the ring's order */
};

enum lane_state { LANE_IDLE, LANE_PAGE, LANE_DELIVERY, LANE_DROP };

struct lane {
    node_id target;
    bool up;
    bool pressed;
    bool begun; /* it has delivered since it came up */
    enum lane_state state;
    uint64_t serial;      /* of the action under way */
    uint64_t deadline_us; /* of its answer */
    uint64_t next_us;     /* idle: not before */
    uint32_t pause_ms;
    enum status refusal; /* of the last page; OK: none */
    uint64_t rate;
    uint64_t fastest_us; /* answer to a page; 0: none yet */
    /* the pass over one partition */
    bool in_pass;
    partition_id partition;
    bool progressed;
    uint64_t pass_began_ms;
    uint64_t left_oldest_ms; /* of what the pass leaves behind; UINT64_MAX: nothing */
    struct buffer after;     /* the name of the last record dealt with */
    struct buffer alone_to;  /* up to this one records go one by one; empty: they need not */
    /* the page under way */
    struct buffer last;
    struct buffer marks;
    uint32_t count;
    uint64_t bytes;
    bool done; /* it is the last one */
    uint64_t sent_us;
    uint64_t delivered_cells, delivered_bytes, refused_cells;
};

struct hint_handoff {
    struct hint_handoff_params params;
    struct random random;
    struct lane *lanes; /* one for each member, this one included */
    uint32_t lane_count;
    struct held **held; /* ascending by partition */
    uint32_t held_count, held_capacity;
    uint64_t look_us; /* when idle lanes look for work next */
    uint32_t busy;    /* lanes that are not idle */
};

/* ---- output ------------------------------------------------------------------------------- */

void hint_output_clear(struct hint_output *output)
{
    output->count = 0;
    buffer_clear(&output->bodies);
}

void hint_output_deinit(struct hint_output *output)
{
    free(output->actions);
    buffer_deinit(&output->bodies);
    *output = (struct hint_output){0};
}

/* The body is what was appended to `bodies` since `offset`. */
static void want(struct hint_output *out, enum hint_want what, struct lane *lane, size_t offset)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity == 0 ? 4 : out->capacity * 2;
        out->actions = memory_resize(out->actions, out->capacity, sizeof *out->actions);
    }
    out->actions[out->count++] = (struct hint_action){.want = what,
                                                      .target = lane->target,
                                                      .serial = ++lane->serial,
                                                      .offset = offset,
                                                      .length = out->bodies.length - offset};
}

/* ---- life --------------------------------------------------------------------------------- */

static uint64_t rate_min(const struct hint_handoff *handoff)
{
    uint64_t rate = handoff->params.rate_bytes_max / RATE_SHARE_MIN;
    return rate < PAGE_BYTES_MIN ? PAGE_BYTES_MIN : rate;
}

static void begin_lane(void *item, const struct ring_member *member, void *context)
{
    const struct hint_handoff *handoff = context;
    struct lane *lane = item;
    lane->up = member->id == handoff->params.self;
    lane->rate = rate_min(handoff);
}

static void end_lane(void *item, void *context)
{
    struct hint_handoff *handoff = context;
    struct lane *lane = item;
    handoff->busy -= lane->state != LANE_IDLE;
    buffer_deinit(&lane->after);
    buffer_deinit(&lane->alone_to);
    buffer_deinit(&lane->last);
    buffer_deinit(&lane->marks);
}

void hint_handoff_follow_ring(struct hint_handoff *handoff)
{
    static const struct roster_kind LANES = {sizeof(struct lane), begin_lane, end_lane};
    handoff->lanes = roster_follow(handoff->lanes, &handoff->lane_count, handoff->params.ring, 0,
                                   &LANES, handoff);
}

struct hint_handoff *hint_handoff_new(const struct hint_handoff_params *params)
{
    struct hint_handoff *handoff = memory_new(1, sizeof *handoff);
    handoff->params = *params;
    handoff->random = random_make(params->random_seed);
    handoff->look_us = UINT64_MAX;
    hint_handoff_follow_ring(handoff);
    return handoff;
}

void hint_handoff_free(struct hint_handoff *handoff)
{
    if (handoff == NULL)
        return;
    for (uint32_t i = 0; i < handoff->lane_count; i++)
        end_lane(&handoff->lanes[i], handoff);
    for (uint32_t i = 0; i < handoff->held_count; i++)
        free(handoff->held[i]);
    free(handoff->held);
    free(handoff->lanes);
    free(handoff);
}

static struct lane *lane_of(struct hint_handoff *handoff, node_id target)
{
    for (uint32_t i = 0; i < handoff->lane_count; i++)
        if (handoff->lanes[i].target == target)
            return &handoff->lanes[i];
    return NULL;
}

/* ---- what is owed ------------------------------------------------------------------------- */

/* Where the partition is in `held`, or would be. */
static uint32_t held_index(const struct hint_handoff *handoff, partition_id partition)
{
    uint32_t low = 0, high = handoff->held_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (handoff->held[middle]->partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct held *find_held(const struct hint_handoff *handoff, partition_id partition)
{
    uint32_t i = held_index(handoff, partition);
    return i < handoff->held_count && handoff->held[i]->partition == partition ? handoff->held[i]
                                                                               : NULL;
}

/* The place of an owner; owner_count when it is none. */
static uint8_t owner_index(const struct hint_handoff *handoff, partition_id partition, node_id node)
{
    const node_id *owners = ring_owners(handoff->params.ring, partition);
    uint8_t i = 0;
    while (i < handoff->params.ring->owner_count && owners[i] != node)
        i++;
    return i;
}

static struct owed *owed_to(const struct hint_handoff *handoff, const struct held *held,
                            node_id target)
{
    uint8_t i = owner_index(handoff, held->partition, target);
    return i < handoff->params.ring->owner_count ? (struct owed *)&held->owed[i] : NULL;
}

static void forget_held(struct hint_handoff *handoff, uint32_t index)
{
    free(handoff->held[index]);
    handoff->held_count--;
    for (uint32_t i = index; i < handoff->held_count; i++)
        handoff->held[i] = handoff->held[i + 1];
}

static struct held *insert_held(struct hint_handoff *handoff, uint32_t index,
                                partition_id partition)
{
    uint8_t owners = handoff->params.ring->owner_count;
    struct held *held = memory_new(1, sizeof *held + owners * sizeof held->owed[0]);
    held->partition = partition;
    if (handoff->held_count == handoff->held_capacity) {
        handoff->held_capacity = handoff->held_capacity * 2 + 8;
        handoff->held = memory_resize(handoff->held, handoff->held_capacity, sizeof *handoff->held);
    }
    for (uint32_t i = handoff->held_count++; i > index; i--)
        handoff->held[i] = handoff->held[i - 1];
    handoff->held[index] = held;
    return held;
}

static void look_at(struct hint_handoff *handoff, uint64_t when_us)
{
    if (handoff->held_count > 0 && when_us < handoff->look_us)
        handoff->look_us = when_us;
}

void hint_handoff_counts(struct hint_handoff *handoff, const struct message_hint_counts *counts,
                         uint64_t now_us)
{
    uint32_t index = held_index(handoff, counts->partition);
    struct held *held = find_held(handoff, counts->partition);
    if (counts->cells == 0) {
        if (held != NULL)
            forget_held(handoff, index);
        if (handoff->held_count == 0)
            handoff->look_us = UINT64_MAX;
        return;
    }
    if (held == NULL)
        held = insert_held(handoff, index, counts->partition);
    held->cells = counts->cells;
    held->bytes = counts->bytes;
    for (uint8_t i = 0; i < handoff->params.ring->owner_count; i++)
        held->owed[i].cells = held->owed[i].bytes = 0;
    for (uint8_t i = 0; i < counts->debt_count; i++) {
        struct owed *owed = owed_to(handoff, held, counts->debts[i].target);
        if (owed == NULL)
            continue;
        owed->cells = counts->debts[i].cells;
        owed->bytes = counts->debts[i].bytes;
        if (counts->debts[i].oldest_ms > owed->oldest_ms)
            owed->oldest_ms = counts->debts[i].oldest_ms; /* a pass may know better */
    }
    for (uint8_t i = 0; i < handoff->params.ring->owner_count; i++)
        if (held->owed[i].cells == 0)
            held->owed[i] = (struct owed){0};
    look_at(handoff, now_us + LOOK_EVERY_US);
}

/* ---- lanes -------------------------------------------------------------------------------- */

static void set_state(struct hint_handoff *handoff, struct lane *lane, enum lane_state state)
{
    handoff->busy += (state != LANE_IDLE) - (lane->state != LANE_IDLE);
    lane->state = state;
}

static void end_pass(struct hint_handoff *handoff, struct lane *lane)
{
    lane->in_pass = false;
    buffer_clear(&lane->after);
    buffer_clear(&lane->alone_to);
    set_state(handoff, lane, LANE_IDLE);
}

void hint_handoff_peer_up(struct hint_handoff *handoff, node_id peer, uint64_t now_us)
{
    struct lane *lane = lane_of(handoff, peer);
    uint64_t delay_us = (uint64_t)handoff->params.delay_ms * 1000;
    lane->up = true;
    lane->pressed = false;
    lane->begun = false;
    lane->refusal = STATUS_OK;
    lane->pause_ms = 0;
    lane->next_us = now_us + random_below(&handoff->random, delay_us + 1);
    look_at(handoff, lane->next_us);
}

void hint_handoff_peer_down(struct hint_handoff *handoff, node_id peer)
{
    struct lane *lane = lane_of(handoff, peer);
    lane->up = false;
    end_pass(handoff, lane);
}

void hint_handoff_peer_pressed(struct hint_handoff *handoff, node_id peer, bool pressed,
                               uint64_t now_us)
{
    struct lane *lane = lane_of(handoff, peer);
    lane->pressed = pressed;
    if (!pressed)
        look_at(handoff, lane->next_us > now_us ? lane->next_us : now_us);
}

/* The owner will not have it now. */
static void back_off(struct hint_handoff *handoff, struct lane *lane, enum status reason,
                     uint64_t now_us)
{
    lane->pause_ms = lane->pause_ms == 0 ? PAUSE_MIN_MS : lane->pause_ms * 2;
    if (lane->pause_ms > PAUSE_MAX_MS)
        lane->pause_ms = PAUSE_MAX_MS;
    lane->refusal = reason;
    lane->rate = lane->rate / 2 > rate_min(handoff) ? lane->rate / 2 : rate_min(handoff);
    lane->next_us = now_us + (uint64_t)lane->pause_ms * 1000;
    end_pass(handoff, lane);
    look_at(handoff, lane->next_us);
}

static void ask_for_page(struct hint_handoff *handoff, struct lane *lane, uint64_t now_us,
                         struct hint_output *out)
{
    uint64_t bytes = lane->rate / RATE_STEPS;
    bool alone = lane->alone_to.length > 0;
    struct message_hints_scan scan = {.partition = lane->partition,
                                      .target = lane->target,
                                      .after = buffer_slice(&lane->after),
                                      .bytes_max = bytes < PAGE_BYTES_MIN   ? PAGE_BYTES_MIN
                                                   : bytes > PAGE_BYTES_MAX ? PAGE_BYTES_MAX
                                                                            : (uint32_t)bytes,
                                      .count_max = alone ? 1 : PAGE_COUNT_MAX};
    size_t offset = out->bodies.length;
    message_hints_scan_encode(&scan, &out->bodies);
    want(out, HINT_WANT_PAGE, lane, offset);
    set_state(handoff, lane, LANE_PAGE);
    lane->deadline_us = now_us + (uint64_t)handoff->params.timeout_ms * 1000;
}

/* The partition of which a pass is due, in turn; held_count when there is none. */
static uint32_t next_partition(const struct hint_handoff *handoff, const struct lane *lane,
                               uint64_t now_us)
{
    uint32_t count = handoff->held_count;
    uint32_t first = held_index(handoff, lane->partition);
    if (first < count && handoff->held[first]->partition == lane->partition)
        first++; /* the one of the last pass comes last */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = (first + i) % count;
        const struct owed *owed = owed_to(handoff, handoff->held[index], lane->target);
        if (owed != NULL && owed->cells > 0 && owed->not_before_us <= now_us)
            return index;
    }
    return count;
}

/* Whether the lane goes on, or begins with a partition. */
static bool start(struct hint_handoff *handoff, struct lane *lane, uint64_t now_us,
                  uint64_t wall_ms, struct hint_output *out)
{
    if (lane->state != LANE_IDLE || !lane->up || lane->pressed || lane->next_us > now_us)
        return false;
    if (!lane->in_pass) {
        uint32_t index = next_partition(handoff, lane, now_us);
        if (index == handoff->held_count)
            return false;
        lane->in_pass = true;
        lane->partition = handoff->held[index]->partition;
        lane->progressed = false;
        lane->pass_began_ms = wall_ms > CLOCK_SLACK_MS ? wall_ms - CLOCK_SLACK_MS : 0;
        lane->left_oldest_ms = UINT64_MAX;
    }
    lane->begun = true;
    ask_for_page(handoff, lane, now_us, out);
    return true;
}

static bool is_overdue(const struct lane *lane, uint64_t now_us)
{
    return lane->state != LANE_IDLE && lane->deadline_us <= now_us;
}

void hint_handoff_tick(struct hint_handoff *handoff, uint64_t now_us, uint64_t wall_ms,
                       struct hint_output *out)
{
    uint64_t next_us = UINT64_MAX;
    for (uint32_t i = 0; handoff->busy > 0 && i < handoff->lane_count; i++)
        if (is_overdue(&handoff->lanes[i], now_us))
            back_off(handoff, &handoff->lanes[i], STATUS_TIMEOUT, now_us);
    if (handoff->look_us > now_us)
        return;
    handoff->look_us = UINT64_MAX;
    for (uint32_t i = 0; i < handoff->lane_count; i++) {
        struct lane *lane = &handoff->lanes[i];
        bool waits = !start(handoff, lane, now_us, wall_ms, out) && lane->state == LANE_IDLE &&
                     lane->up && lane->next_us > now_us;
        if (waits && lane->next_us < next_us)
            next_us = lane->next_us;
    }
    if (next_us > now_us + LOOK_EVERY_US)
        next_us = now_us + LOOK_EVERY_US;
    look_at(handoff, next_us);
}

uint64_t hint_handoff_deadline_us(const struct hint_handoff *handoff)
{
    uint64_t deadline_us = handoff->look_us;
    for (uint32_t i = 0; handoff->busy > 0 && i < handoff->lane_count; i++) {
        const struct lane *lane = &handoff->lanes[i];
        if (lane->state != LANE_IDLE && lane->deadline_us < deadline_us)
            deadline_us = lane->deadline_us;
    }
    return deadline_us;
}

/* ---- one page ----------------------------------------------------------------------------- */

/* All records of the partition were dealt with. */
static void finish_pass(struct hint_handoff *handoff, struct lane *lane, uint64_t now_us)
{
    struct held *held = find_held(handoff, lane->partition);
    struct owed *owed = held == NULL ? NULL : owed_to(handoff, held, lane->target);
    if (owed != NULL) {
        uint64_t oldest_ms =
            lane->left_oldest_ms < lane->pass_began_ms ? lane->left_oldest_ms : lane->pass_began_ms;
        if (oldest_ms > owed->oldest_ms)
            owed->oldest_ms = oldest_ms;
        owed->pause_ms = lane->progressed      ? 0
                         : owed->pause_ms == 0 ? PAUSE_MIN_MS
                                               : owed->pause_ms * 2;
        if (owed->pause_ms > PASS_PAUSE_MAX_MS)
            owed->pause_ms = PASS_PAUSE_MAX_MS;
        owed->not_before_us = now_us + (uint64_t)owed->pause_ms * 1000;
    }
    end_pass(handoff, lane);
}

/* The records of the page are dealt with, or (`again`) are to be asked for once more. */
static void go_on(struct hint_handoff *handoff, struct lane *lane, bool again, uint64_t now_us)
{
    if (!again) {
        buffer_clear(&lane->after);
        buffer_append_slice(&lane->after, buffer_slice(&lane->last));
        if (slice_compare(buffer_slice(&lane->after), buffer_slice(&lane->alone_to)) >= 0)
            buffer_clear(&lane->alone_to);
    }
    set_state(handoff, lane, LANE_IDLE);
    lane->next_us = lane->sent_us + lane->bytes * 1000000 / lane->rate;
    if (lane->done && !again)
        finish_pass(handoff, lane, now_us);
    look_at(handoff, lane->next_us > now_us ? lane->next_us : now_us);
}

/* The lane that waits for this answer in this state, or NULL. */
static struct lane *awaited(struct hint_handoff *handoff, const struct hint_answer *answer,
                            enum lane_state state)
{
    struct lane *lane = lane_of(handoff, answer->target);
    bool awaits = lane != NULL && lane->state == state && lane->serial == answer->serial;
    return awaits ? lane : NULL;
}

void hint_handoff_page(struct hint_handoff *handoff, const struct hint_answer *answer,
                       uint64_t now_us, struct hint_output *out)
{
    struct lane *lane = awaited(handoff, answer, LANE_PAGE);
    struct message_hints_page page;
    enum status status = answer->status;
    if (lane == NULL)
        return;
    if (status == STATUS_OK)
        status = message_hints_page_decode(answer->body, &page);
    if (status == STATUS_OK)
        status = page.status;
    if (status != STATUS_OK) {
        back_off(handoff, lane, status, now_us);
        return;
    }
    buffer_clear(&lane->marks);
    buffer_append_slice(&lane->marks, page.marks);
    buffer_clear(&lane->last);
    buffer_append_slice(&lane->last, page.last);
    lane->count = page.count;
    lane->bytes = page.deliveries.length;
    lane->done = page.done;
    lane->sent_us = now_us;
    if (page.count == 0) {
        go_on(handoff, lane, false, now_us);
        return;
    }
    struct message_replicate replicate = {
        .address = {.partition = lane->partition,
                    .tag = ring_tag_of(handoff->params.ring, lane->partition)},
        .delivery_count = (uint16_t)page.count,
        .deliveries = page.deliveries};
    size_t offset = out->bodies.length;
    message_replicate_encode(&replicate, &out->bodies);
    want(out, HINT_WANT_DELIVERY, lane, offset);
    set_state(handoff, lane, LANE_DELIVERY);
    lane->deadline_us = now_us + (uint64_t)handoff->params.timeout_ms * 1000;
}

static void adapt_rate(const struct hint_handoff *handoff, struct lane *lane, uint64_t answer_us)
{
    uint64_t rate_max = handoff->params.rate_bytes_max;
    if (lane->fastest_us == 0 || answer_us < lane->fastest_us)
        lane->fastest_us = answer_us;
    else
        lane->fastest_us += lane->fastest_us / 64; /* paths change */
    if (answer_us <= QUICK_US || answer_us <= 2 * lane->fastest_us)
        lane->rate += rate_max / RATE_STEPS;
    else if (answer_us > SLOW_US && answer_us > 4 * lane->fastest_us)
        lane->rate /= 2;
    if (lane->rate > rate_max)
        lane->rate = rate_max;
    if (lane->rate < rate_min(handoff))
        lane->rate = rate_min(handoff);
}

/* Something in the page, and not the owner's condition, is why it refuses. */
static bool is_about_page(enum status status)
{
    return status == STATUS_TOO_LARGE || status == STATUS_INVALID || status == STATUS_CORRUPT ||
           status == STATUS_NO_KEYSPACE;
}

/* D3: find the record that is refused by sending them one by one; leave it for a later pass. */
static void page_refused(struct hint_handoff *handoff, struct lane *lane, enum status status,
                         uint64_t now_us)
{
    struct reader reader = reader_make(buffer_slice(&lane->marks));
    struct hint_mark mark;
    lane->refusal = status;
    if (lane->count > 1) {
        buffer_clear(&lane->alone_to);
        buffer_append_slice(&lane->alone_to, buffer_slice(&lane->last));
        go_on(handoff, lane, true, now_us);
        return;
    }
    hint_mark_decode(&reader, &mark);
    if (mark.first_ms < lane->left_oldest_ms)
        lane->left_oldest_ms = mark.first_ms;
    lane->refused_cells++;
    log_line(&handoff->params.log, LOG_WARN,
             "an owner refuses a hint, which is kept node=%u partition=%u reason=%s", lane->target,
             lane->partition, status_name(status));
    go_on(handoff, lane, false, now_us);
}

void hint_handoff_delivered(struct hint_handoff *handoff, const struct hint_answer *answer,
                            uint64_t now_us, struct hint_output *out)
{
    struct lane *lane = awaited(handoff, answer, LANE_DELIVERY);
    if (lane == NULL)
        return;
    if (is_about_page(answer->status)) {
        page_refused(handoff, lane, answer->status, now_us);
        return;
    }
    if (answer->status != STATUS_OK) {
        back_off(handoff, lane, answer->status, now_us);
        return;
    }
    adapt_rate(handoff, lane, now_us - lane->sent_us);
    lane->pause_ms = 0;
    lane->refusal = STATUS_OK;
    struct message_hints_drop drop = {.partition = lane->partition,
                                      .target = lane->target,
                                      .count = lane->count,
                                      .marks = buffer_slice(&lane->marks)};
    size_t offset = out->bodies.length;
    message_hints_drop_encode(&drop, &out->bodies);
    want(out, HINT_WANT_DROP, lane, offset); /* D1 */
    set_state(handoff, lane, LANE_DROP);
    lane->deadline_us = now_us + (uint64_t)handoff->params.timeout_ms * 1000;
}

void hint_handoff_dropped(struct hint_handoff *handoff, const struct hint_answer *answer,
                          uint64_t now_us)
{
    struct lane *lane = awaited(handoff, answer, LANE_DROP);
    struct message_hints_dropped dropped;
    enum status status = answer->status;
    if (lane == NULL)
        return;
    if (status == STATUS_OK)
        status = message_hints_dropped_decode(answer->body, &dropped);
    if (status == STATUS_OK)
        status = dropped.status;
    if (status != STATUS_OK) {
        back_off(handoff, lane, status, now_us);
        return;
    }
    lane->progressed = lane->progressed || dropped.count > 0;
    lane->delivered_cells += dropped.count;
    lane->delivered_bytes += lane->bytes;
    go_on(handoff, lane, false, now_us);
}

/* ---- for operators ------------------------------------------------------------------------ */

static enum hint_lane_state state_of(const struct lane *lane, uint64_t now_us)
{
    if (!lane->up)
        return HINT_LANE_OUT_OF_REACH;
    if (lane->pressed)
        return HINT_LANE_PRESSED;
    if (lane->refusal != STATUS_OK)
        return HINT_LANE_REFUSED;
    if (!lane->begun && lane->next_us > now_us)
        return HINT_LANE_STARTING;
    return HINT_LANE_DELIVERING;
}

void hint_handoff_view(const struct hint_handoff *handoff, node_id target, uint64_t now_us,
                       struct hint_lane_view *out)
{
    *out = (struct hint_lane_view){0};
    const struct lane *lane = lane_of((struct hint_handoff *)handoff, target);
    if (lane == NULL)
        return;
    for (uint32_t i = 0; i < handoff->held_count; i++) {
        const struct owed *owed = owed_to(handoff, handoff->held[i], target);
        if (owed == NULL || owed->cells == 0)
            continue;
        out->cells += owed->cells;
        out->bytes += owed->bytes;
        if (out->oldest_ms == 0 || owed->oldest_ms < out->oldest_ms)
            out->oldest_ms = owed->oldest_ms;
    }
    out->state = out->cells == 0 ? HINT_LANE_IDLE : state_of(lane, now_us);
    out->refusal = lane->refusal;
    out->rate_bytes = lane->rate;
    out->wait_ms = lane->next_us > now_us ? (lane->next_us - now_us) / 1000 : 0;
    out->delivered_cells = lane->delivered_cells;
    out->delivered_bytes = lane->delivered_bytes;
}

void hint_handoff_totals(const struct hint_handoff *handoff, struct hint_totals *out)
{
    *out = (struct hint_totals){.partitions = handoff->held_count};
    for (uint32_t i = 0; i < handoff->held_count; i++) {
        const struct held *held = handoff->held[i];
        out->cells += held->cells;
        out->bytes += held->bytes;
        for (uint8_t j = 0; j < handoff->params.ring->owner_count; j++) {
            const struct owed *owed = &held->owed[j];
            if (owed->cells > 0 && (out->oldest_ms == 0 || owed->oldest_ms < out->oldest_ms))
                out->oldest_ms = owed->oldest_ms;
        }
    }
    for (uint32_t i = 0; i < handoff->lane_count; i++) {
        out->delivered_cells += handoff->lanes[i].delivered_cells;
        out->delivered_bytes += handoff->lanes[i].delivered_bytes;
        out->refused_cells += handoff->lanes[i].refused_cells;
    }
}
