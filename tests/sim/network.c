#include "sim/network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sim/machine.h"
#include "sim/spread.h"
#include "sim/world.h"
#include "wire/frame.h"

enum { DIAL_TIMEOUT_MAX_US = 3000000, RETRANSMIT_MAX_US = 1000000, PIECE_END = 1 << 8 };
static const uint64_t late_us = UINT64_C(3600000000);

/* A piece that has come, and waits for the end of a cut or for those before it. */
struct piece {
    uint32_t sequence; /* 0: out of order on purpose */
    bool is_end;
    struct buffer bytes;
};

struct pieces {
    struct piece *items;
    size_t count;
    size_t capacity;
};

/* From end `i` to the other one. */
struct direction {
    bool dead;            /* what is in flight will not arrive */
    struct buffer output; /* of the step under way */
    uint32_t sequence;    /* of the last piece sent */
    uint32_t expected;    /* at the receiver */
    uint64_t last_arrival_us;
    uint64_t earliest_us; /* the receiver has the connection from then on */
    uint64_t free_at_us;  /* when a slow path has sent what it has */
    uint64_t queued_bytes;
    struct pieces held;  /* by a cut */
    struct pieces early; /* came before their turn */
    struct buffer input; /* less than a frame */
};

struct end {
    struct machine *machine;
    uint32_t life;
    bool open; /* the process has the connection */
};

/* The link ids of its ends are made by link_end_id(): they differ, and 0 is none. */
struct link {
    bool is_ghost;
    struct end ends[2]; /* 0: who dialed */
    struct direction directions[2];
};

/* What a process knows of another one from its HELLO. */
struct acquaintance {
    uint32_t life; /* of the one that knows */
    uint16_t incarnation;
};

struct path {
    uint32_t cuts;
    uint64_t bytes_per_second;
};

struct network {
    struct world *world;
    struct random random;
    struct link **links; /* by index; NULL when both ends have gone */
    size_t link_count;
    size_t link_capacity;
    link_id *dirty; /* what the step under way has sent on */
    size_t dirty_count;
    size_t dirty_capacity;
    struct path paths[PLAN_NODES_MAX][PLAN_NODES_MAX];
    struct acquaintance known[PLAN_NODES_MAX][PLAN_NODES_MAX]; /* by whom, of whom */
    bool kind;
};

struct network *network_new(struct world *world)
{
    struct network *network = memory_new(1, sizeof *network);
    network->world = world;
    network->random = random_make(hash64(slice_text("network"), world->plan.seed));
    return network;
}

static void pieces_deinit(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        buffer_deinit(&pieces->items[i].bytes);
    free(pieces->items);
    *pieces = (struct pieces){0};
}

static void pieces_add(struct pieces *pieces, const struct piece *piece)
{
    if (pieces->count == pieces->capacity) {
        pieces->capacity = pieces->capacity * 2 + 4;
        pieces->items = memory_resize(pieces->items, pieces->capacity, sizeof *pieces->items);
    }
    pieces->items[pieces->count++] = *piece;
}

static void direction_deinit(struct direction *direction)
{
    buffer_deinit(&direction->output);
    buffer_deinit(&direction->input);
    pieces_deinit(&direction->held);
    pieces_deinit(&direction->early);
}

static void link_free(struct link *link)
{
    if (link == NULL)
        return;
    direction_deinit(&link->directions[0]);
    direction_deinit(&link->directions[1]);
    free(link);
}

void network_free(struct network *network)
{
    if (network == NULL)
        return;
    for (size_t i = 0; i < network->link_count; i++)
        link_free(network->links[i]);
    free(network->links);
    free(network->dirty);
    free(network);
}

/* ---- paths and links ---- */

static struct path *path_between(struct network *network, const struct machine *from,
                                 const struct machine *to)
{
    return &network->paths[from->index][to->index];
}

static uint64_t delay_us(struct network *network, const struct machine *from,
                         const struct machine *to)
{
    const struct plan *plan = &network->world->plan;
    uint64_t base_us = from->region == to->region ? plan->delay_us : plan->region_delay_us;
    return 1 + base_us + spread_tail(&network->random, plan->delay_tail_us);
}

static link_id link_end_id(size_t index, unsigned end)
{
    return 2 * (link_id)(index + 1) + end;
}

static size_t link_index(link_id id)
{
    return (size_t)(id / 2 - 1);
}

static struct link *link_by_id(struct network *network, link_id id)
{
    return id >= 2 && link_index(id) < network->link_count ? network->links[link_index(id)] : NULL;
}

static bool end_is_open(const struct end *end)
{
    return end->open && end->life == end->machine->life;
}

/* The end of `machine` on link `id`, or NULL when it has none (any longer). */
static struct link *own_link(struct network *network, const struct machine *machine, link_id id)
{
    struct link *link = link_by_id(network, id);
    if (link == NULL || link->ends[id % 2].machine != machine || !end_is_open(&link->ends[id % 2]))
        return NULL;
    return link;
}

static link_id link_add(struct network *network, struct machine *dialer, uint32_t dialer_life,
                        struct machine *acceptor)
{
    struct link *link = memory_new(1, sizeof *link);
    link->ends[0] = (struct end){.machine = dialer, .life = dialer_life, .open = true};
    link->ends[1] = (struct end){.machine = acceptor, .life = acceptor->life, .open = true};
    link->directions[0].expected = link->directions[1].expected = 1;
    if (network->link_count == network->link_capacity) {
        network->link_capacity = network->link_capacity * 2 + 16;
        network->links =
            memory_resize(network->links, network->link_capacity, sizeof *network->links);
    }
    network->links[network->link_count] = link;
    return link_end_id(network->link_count++, 0);
}

/* Let the process at the end `id` know a little later. */
static void tell_lost(struct network *network, link_id id, uint64_t after_us)
{
    const struct end *end = &link_by_id(network, id)->ends[id % 2];
    world_after(
        network->world, after_us,
        &(struct occurrence){
            .kind = AT_LINK_LOST, .machine = end->machine->index, .life = end->life, .id = id});
}

uint32_t network_open_count(const struct world *world)
{
    uint32_t count = 0;
    for (size_t i = 0; i < world->network->link_count; i++)
        count += world->network->links[i] != NULL;
    return count;
}

/* ---- sending ---- */

static void send_piece(struct network *network, link_id from_end, struct slice bytes, bool is_end,
                       bool in_order, uint64_t extra_us)
{
    struct world *world = network->world;
    struct link *link = link_by_id(network, from_end);
    struct direction *direction = &link->directions[from_end % 2];
    struct machine *from = link->ends[from_end % 2].machine;
    struct end *to = &link->ends[1 - from_end % 2];
    const struct path *path = path_between(network, from, to->machine);
    uint64_t start_us = world->now_us;
    if (path->bytes_per_second > 0) {
        start_us = direction->free_at_us > start_us ? direction->free_at_us : start_us;
        start_us += bytes.length * 1000000 / path->bytes_per_second;
        direction->free_at_us = start_us;
    }
    uint64_t arrival_us = start_us + delay_us(network, from, to->machine) + extra_us;
    if (in_order && arrival_us <= direction->last_arrival_us)
        arrival_us = direction->last_arrival_us + 1;
    if (in_order)
        direction->last_arrival_us = arrival_us;
    if (arrival_us <= direction->earliest_us)
        arrival_us = direction->earliest_us + 1;
    direction->queued_bytes += bytes.length;
    struct occurrence what = {.kind = AT_LINK_BYTES,
                              .machine = to->machine->index,
                              .life = to->life,
                              .id = from_end,
                              .detail = is_end ? PIECE_END : 0,
                              .peer = in_order ? ++direction->sequence : 0};
    buffer_append_slice(&what.bytes, bytes);
    if (!network->kind && bytes.length > 0 && world->plan.flip_ppm > 0 &&
        random_chance(&network->random, world->plan.flip_ppm, 1000000)) {
        uint64_t bit = random_below(&network->random, bytes.length * 8);
        what.bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        marks_hit(world->marks, MARK_BIT_FLIPPED);
    }
    world_after(world, arrival_us - world->now_us, &what);
}

static bool happens(struct network *network, uint32_t ppm)
{
    return ppm > 0 && random_chance(&network->random, ppm, 1000000);
}

/* Lose, double and reorder single frames. */
static void send_harshly(struct network *network, link_id from_end, struct slice bytes)
{
    const struct plan *plan = &network->world->plan;
    struct marks *marks = network->world->marks;
    struct frame frame;
    size_t used;
    while (bytes.length > 0) {
        enum status status = frame_parse(bytes, &frame, &used);
        assert(status == STATUS_OK);
        struct slice one = slice_make(bytes.data, used);
        bytes = slice_make(bytes.data + used, bytes.length - used);
        /* To forward is the one message that its handler may not see twice; TCP sees to that. */
        if (frame.type != MESSAGE_FORWARD && happens(network, plan->duplicate_ppm)) {
            marks_hit(marks, MARK_FRAME_DUPLICATED);
            send_piece(network, from_end, one, false, false,
                       random_below(&network->random, plan->reorder_us + 1000));
        }
        if (happens(network, plan->lose_ppm)) {
            marks_hit(marks, MARK_FRAME_LOST);
        } else if (happens(network, plan->reorder_ppm)) {
            marks_hit(marks, MARK_FRAME_REORDERED);
            send_piece(network, from_end, one, false, false,
                       random_below(&network->random, plan->reorder_us));
        } else {
            send_piece(network, from_end, one, false, true, 0);
        }
    }
}

/* Which paths the core takes can be seen by what it sends. */
static void count_frames(struct network *network, struct slice bytes)
{
    struct marks *marks = network->world->marks;
    struct frame frame;
    size_t used;
    while (bytes.length > 0 && frame_parse(bytes, &frame, &used) == STATUS_OK) {
        struct message_replicate replicate;
        if (frame.type == MESSAGE_FORWARD)
            marks_hit(marks, MARK_FORWARD);
        else if (frame.type == MESSAGE_SYNC_PAGE)
            marks_hit(marks, MARK_SYNC_PAGE);
        else if (frame.type == MESSAGE_FETCH)
            marks_hit(marks, MARK_READ_FETCH);
        if (frame.type == MESSAGE_REPLICATE || frame.type == MESSAGE_HINT)
            network->world->copies_sent++;
        if (frame.type == MESSAGE_REPLICATE &&
            message_replicate_decode(frame.body, &replicate) == STATUS_OK &&
            replicate.delivery_count > 1)
            marks_hit(marks, MARK_REPLICATE_MANY);
        bytes = slice_make(bytes.data + used, bytes.length - used);
    }
}

/* I9. */
static void check_ghost(struct network *network, const struct machine *machine, struct slice bytes)
{
    struct frame frame;
    size_t used;
    while (bytes.length > 0 && frame_parse(bytes, &frame, &used) == STATUS_OK) {
        /* It may hear that it is old, and nothing else. */
        if (frame.type != MESSAGE_HELLO && frame.type != MESSAGE_LINEAGE_JUDGED)
            world_fail(network->world, VERDICT_WRONG, "I9",
                       "n%u talks (type %u) to an old incarnation, or to another ring", machine->id,
                       frame.type);
        bytes = slice_make(bytes.data + used, bytes.length - used);
    }
}

static void flush_end(struct network *network, link_id from_end)
{
    struct world *world = network->world;
    const struct plan *plan = &world->plan;
    struct link *link = link_by_id(network, from_end);
    struct direction *direction = &link->directions[from_end % 2];
    const struct end *other = &link->ends[1 - from_end % 2];
    if (direction->output.length == 0)
        return;
    if (link->is_ghost) {
        check_ghost(network, link->ends[from_end % 2].machine, buffer_slice(&direction->output));
        buffer_clear(&direction->output);
        return;
    }
    if (!end_is_open(other) && other->machine->life != other->life &&
        other->machine->state != MACHINE_DOWN)
        tell_lost(network, from_end,
                  2 * delay_us(network, other->machine, link->ends[from_end % 2].machine));
    if (!direction->dead && direction->queued_bytes > plan->settings.peer_output_bytes_max) {
        marks_hit(world->marks, MARK_LINK_OVERFLOWED);
        link->directions[0].dead = link->directions[1].dead = true;
        tell_lost(network, from_end, 1);
        tell_lost(network, from_end ^ 1, 1000);
    }
    if (!direction->dead) {
        bool harsh = plan->lose_ppm + plan->duplicate_ppm + plan->reorder_ppm > 0;
        struct buffer output = direction->output;
        direction->output = (struct buffer){0};
        count_frames(network, buffer_slice(&output));
        if (harsh && !network->kind)
            send_harshly(network, from_end, buffer_slice(&output));
        else
            send_piece(network, from_end, buffer_slice(&output), false, true, 0);
        buffer_deinit(&output);
    }
    buffer_clear(&direction->output);
}

void network_send(struct machine *from, link_id id, struct slice bytes)
{
    struct network *network = from->world->network;
    struct link *link = own_link(network, from, id);
    if (link == NULL)
        return;
    if (network->dirty_count == network->dirty_capacity) {
        network->dirty_capacity = network->dirty_capacity * 2 + 16;
        network->dirty =
            memory_resize(network->dirty, network->dirty_capacity, sizeof *network->dirty);
    }
    if (link->directions[id % 2].output.length == 0)
        network->dirty[network->dirty_count++] = id;
    buffer_append_slice(&link->directions[id % 2].output, bytes);
}

void network_flush(struct machine *from)
{
    struct network *network = from->world->network;
    for (size_t i = 0; i < network->dirty_count; i++)
        if (own_link(network, from, network->dirty[i]) != NULL)
            flush_end(network, network->dirty[i]);
    network->dirty_count = 0;
}

static void drop_if_closed(struct network *network, size_t index)
{
    struct link *link = network->links[index];
    if (end_is_open(&link->ends[0]) || end_is_open(&link->ends[1]))
        return;
    link_free(link);
    network->links[index] = NULL;
}

/* Our bytes still go out, then the end; what comes in is thrown away. */
void network_close(struct machine *from, link_id id)
{
    struct network *network = from->world->network;
    struct link *link = own_link(network, from, id);
    if (link == NULL)
        return;
    flush_end(network, id);
    if (!link->directions[id % 2].dead)
        send_piece(network, id, slice_make(NULL, 0), true, true, 0);
    link->ends[id % 2].open = false;
    link->directions[1 - id % 2].dead = true;
    drop_if_closed(network, link_index(id));
}

/* ---- arriving ---- */

static void end_lost(struct network *network, link_id id)
{
    struct link *link = link_by_id(network, id);
    struct end *end = &link->ends[id % 2];
    if (!end_is_open(end))
        return;
    end->open = false;
    link->directions[1 - id % 2].dead = true;
    struct machine *machine = end->machine;
    drop_if_closed(network, link_index(id));
    machine_loop_event(machine, &(struct event){.kind = EVENT_LINK_DOWN, .link = id});
}

/* The bytes of whole frames; STATUS_CORRUPT when what follows is not a frame. */
static enum status whole_frames(struct slice bytes, size_t *length)
{
    struct frame frame;
    size_t used;
    *length = 0;
    for (;;) {
        struct slice rest = slice_make(bytes.data + *length, bytes.length - *length);
        enum status status = frame_parse(rest, &frame, &used);
        if (status == STATUS_NOT_FOUND)
            return STATUS_OK;
        if (status != STATUS_OK)
            return status;
        *length += used;
    }
}

static void note_hello(struct network *network, const struct link *link, unsigned from,
                       struct slice frames)
{
    struct frame frame;
    struct message_hello hello;
    size_t used;
    const struct end *to = &link->ends[1 - from];
    enum status status = frame_parse(frames, &frame, &used);
    if (link->is_ghost || status != STATUS_OK || frame.type != MESSAGE_HELLO ||
        message_hello_decode(frame.body, &hello) != STATUS_OK)
        return;
    network->known[to->machine->index][link->ends[from].machine->index] =
        (struct acquaintance){.life = to->life, .incarnation = hello.storage_incarnation};
}

/* The receiving adapter: frames go to the node, a broken one ends the connection. */
static void receive(struct network *network, link_id from_end, const struct piece *piece)
{
    link_id id = from_end ^ 1;
    struct link *link = link_by_id(network, id);
    struct machine *machine = link->ends[id % 2].machine;
    struct direction *direction = &link->directions[from_end % 2];
    size_t length;
    if (piece->is_end) {
        end_lost(network, id);
        return;
    }
    buffer_append_slice(&direction->input, buffer_slice(&piece->bytes));
    enum status status = whole_frames(buffer_slice(&direction->input), &length);
    if (length > 0) {
        struct buffer frames = {0};
        buffer_append(&frames, direction->input.data, length);
        buffer_consume(&direction->input, length);
        note_hello(network, link, from_end % 2, buffer_slice(&frames));
        machine_loop_event(
            machine,
            &(struct event){.kind = EVENT_LINK_FRAMES, .link = id, .bytes = buffer_slice(&frames)});
        buffer_deinit(&frames);
    }
    if (status != STATUS_OK && own_link(network, machine, id) != NULL) {
        marks_hit(network->world->marks, MARK_CORRUPT_CLOSED_LINK);
        network_close(machine, id);
        machine_loop_event(machine, &(struct event){.kind = EVENT_LINK_DOWN, .link = id});
    }
}

/* Whether pieces of this direction still reach the process of `id`. */
static bool still_receives(struct network *network, const struct machine *at, link_id from_end)
{
    struct link *link = own_link(network, at, from_end ^ 1);
    return link != NULL && !link->directions[from_end % 2].dead;
}

static void receive_in_turn(struct network *network, struct machine *at, link_id from_end,
                            const struct piece *piece)
{
    struct direction *direction = &link_by_id(network, from_end)->directions[from_end % 2];
    if (piece->sequence == 0) {
        receive(network, from_end, piece);
        return;
    }
    if (piece->sequence != direction->expected) {
        struct piece copy = *piece;
        copy.bytes = (struct buffer){0};
        buffer_append_slice(&copy.bytes, buffer_slice(&piece->bytes));
        pieces_add(&direction->early, &copy);
        return;
    }
    direction->expected++;
    receive(network, from_end, piece);
    for (size_t i = 0; still_receives(network, at, from_end) && i < direction->early.count;) {
        struct piece next = direction->early.items[i];
        if (next.sequence != direction->expected) {
            i++;
            continue;
        }
        direction->early.items[i] = direction->early.items[--direction->early.count];
        direction->expected++;
        receive(network, from_end, &next);
        buffer_deinit(&next.bytes);
        i = 0;
    }
}

void network_arrived(struct machine *at, const struct occurrence *what)
{
    struct network *network = at->world->network;
    if (!still_receives(network, at, what->id))
        return;
    struct link *link = link_by_id(network, what->id);
    struct direction *direction = &link->directions[what->id % 2];
    struct piece piece = {
        .sequence = what->peer, .is_end = (what->detail & PIECE_END) != 0, .bytes = what->bytes};
    if (path_between(network, link->ends[what->id % 2].machine, at)->cuts > 0) {
        piece.bytes = (struct buffer){0};
        buffer_append_slice(&piece.bytes, buffer_slice(&what->bytes));
        pieces_add(&direction->held, &piece);
        marks_hit(network->world->marks, MARK_BYTES_HELD_BY_CUT);
        return;
    }
    if (network->world->now_us - what->time_us >= late_us)
        marks_hit(network->world->marks, MARK_PACKET_LATE);
    direction->queued_bytes -= what->bytes.length;
    receive_in_turn(network, at, what->id, &piece);
}

void network_link_lost(struct machine *at, const struct occurrence *what)
{
    if (own_link(at->world->network, at, what->id) != NULL)
        end_lost(at->world->network, what->id);
}

/* ---- dialing and ending ---- */

void network_dial(struct machine *from, node_id to)
{
    struct world *world = from->world;
    assert(to >= 1 && to <= plan_machines(&world->plan) && to != from->id);
    struct machine *target = &world->machines[to - 1];
    world_after(
        world, delay_us(world->network, from, target),
        &(struct occurrence){
            .kind = AT_DIAL, .machine = from->index, .life = from->life, .peer = target->index});
}

void network_dial_arrived(struct world *world, const struct occurrence *what)
{
    struct network *network = world->network;
    struct machine *from = &world->machines[what->machine];
    struct machine *to = &world->machines[what->peer];
    if (from->life != what->life || from->state != MACHINE_UP)
        return;
    bool cut = path_between(network, from, to)->cuts + path_between(network, to, from)->cuts > 0;
    uint64_t back_us = delay_us(network, to, from);
    if (cut || to->state != MACHINE_UP) {
        if (cut)
            back_us = spread_even(&network->random, 1000, DIAL_TIMEOUT_MAX_US);
        marks_hit(world->marks, MARK_DIAL_FAILED);
        machine_event_after(from, back_us, EVENT_DIAL_FAILED, to->id, 0, slice_make(NULL, 0));
        return;
    }
    link_id id = link_add(network, from, what->life, to);
    struct link *link = link_by_id(network, id);
    link->directions[1].earliest_us = world->now_us + back_us;
    link->directions[1].last_arrival_us = world->now_us + back_us;
    machine_event_after(to, 0, EVENT_LINK_UP, 0, id + 1, slice_make(NULL, 0));
    machine_event_after(from, back_us, EVENT_LINK_UP, to->id, id, slice_make(NULL, 0));
}

void network_machine_gone(struct machine *machine, bool power_loss)
{
    struct network *network = machine->world->network;
    for (size_t i = 0; i < network->link_count; i++) {
        struct link *link = network->links[i];
        for (unsigned end = 0; link != NULL && end < 2; end++) {
            if (link->ends[end].machine != machine || !end_is_open(&link->ends[end]))
                continue;
            link->ends[end].open = false;
            link->directions[1 - end].dead = true;
            if (random_chance(&network->random, 1, 2))
                link->directions[end].dead = true;
            if (power_loss)
                marks_hit(machine->world->marks, MARK_LINK_HALF_OPEN);
            else
                tell_lost(network, link_end_id(i, 1 - end),
                          delay_us(network, machine, link->ends[1 - end].machine));
        }
        if (link != NULL)
            drop_if_closed(network, i);
    }
}

/* ---- faults ---- */

void network_cut(struct world *world, uint32_t from, uint32_t to)
{
    world->network->paths[from][to].cuts++;
}

/* What a cut held up is sent once more, each piece in its own time. */
static void release_held(struct network *network, size_t index, unsigned end)
{
    struct link *link = network->links[index];
    struct direction *direction = &link->directions[end];
    struct end *to = &link->ends[1 - end];
    uint64_t backoff_us = random_below(&network->random, RETRANSMIT_MAX_US);
    for (size_t i = 0; i < direction->held.count; i++) {
        const struct piece *piece = &direction->held.items[i];
        world_after(network->world,
                    backoff_us + delay_us(network, link->ends[end].machine, to->machine),
                    &(struct occurrence){.kind = AT_LINK_BYTES,
                                         .machine = to->machine->index,
                                         .life = to->life,
                                         .id = link_end_id(index, end),
                                         .detail = piece->is_end ? PIECE_END : 0,
                                         .peer = piece->sequence,
                                         .bytes = piece->bytes});
    }
    direction->held.count = 0;
}

void network_mend(struct world *world, uint32_t from, uint32_t to)
{
    struct network *network = world->network;
    assert(network->paths[from][to].cuts > 0);
    if (--network->paths[from][to].cuts > 0)
        return;
    for (size_t i = 0; i < network->link_count; i++)
        for (unsigned end = 0; network->links[i] != NULL && end < 2; end++)
            if (network->links[i]->ends[end].machine->index == from &&
                network->links[i]->ends[1 - end].machine->index == to)
                release_held(network, i, end);
}

bool network_is_cut(const struct world *world, uint32_t from, uint32_t to)
{
    return world->network->paths[from][to].cuts > 0;
}

bool network_is_whole(const struct world *world, uint32_t machine)
{
    uint32_t cuts = 0;
    for (uint32_t i = 0; i < plan_machines(&world->plan); i++)
        cuts += world->network->paths[i][machine].cuts + world->network->paths[machine][i].cuts;
    return cuts == 0;
}

static bool is_sent_by(const struct occurrence *what, const void *context)
{
    return what->kind == AT_LINK_BYTES && what->id == *(const link_id *)context;
}

/* What was on its way at the old pace: a link that is fast again has sent it at once. */
static void send_backlog(struct network *network, size_t index, unsigned end)
{
    struct link *link = network->links[index];
    struct direction *direction = &link->directions[end];
    link_id sender = link_end_id(index, end);
    uint64_t now_us = network->world->now_us;
    uint64_t arrival_us =
        now_us + delay_us(network, link->ends[end].machine, link->ends[1 - end].machine);
    if (direction->free_at_us <= now_us)
        return;
    direction->free_at_us = now_us;
    if (direction->last_arrival_us > arrival_us)
        direction->last_arrival_us = arrival_us;
    schedule_hasten(&network->world->schedule, arrival_us, is_sent_by, &sender);
}

void network_limit(struct world *world, uint32_t from, uint32_t to, uint64_t bytes_per_second)
{
    struct network *network = world->network;
    network->paths[from][to].bytes_per_second = bytes_per_second;
    for (size_t i = 0; bytes_per_second == 0 && i < network->link_count; i++)
        for (unsigned end = 0; network->links[i] != NULL && end < 2; end++)
            if (network->links[i]->ends[end].machine->index == from &&
                network->links[i]->ends[1 - end].machine->index == to)
                send_backlog(network, i, end);
}

void network_reset_one(struct world *world, uint64_t draw)
{
    struct network *network = world->network;
    uint32_t open = network_open_count(world);
    if (open == 0)
        return;
    uint64_t wanted = draw % open;
    size_t i = 0;
    while (network->links[i] == NULL || wanted-- > 0)
        i++;
    struct link *link = network->links[i];
    link->directions[0].dead = link->directions[1].dead = true;
    marks_hit(world->marks, MARK_LINK_RESET);
    for (unsigned end = 0; end < 2; end++)
        tell_lost(network, link_end_id(i, end),
                  delay_us(network, link->ends[1 - end].machine, link->ends[end].machine));
}

void network_ghost(struct machine *of, struct machine *at)
{
    struct world *world = of->world;
    struct network *network = world->network;
    const struct ring *ring = world->first_ring;
    const struct acquaintance *known = &network->known[at->index][of->index];
    struct message_hello hello = {.generation = ring->generation,
                                  .placement_digest = ring_placement_digest(ring),
                                  .tag = ring->tag,
                                  .node = of->id,
                                  .storage_incarnation = of->storage_incarnation,
                                  .boot_epoch = of->boot_epoch};
    struct buffer frame = {0};
    if (at->state != MACHINE_UP || at->paused)
        return;
    memcpy(hello.cluster_id, ring->cluster_id, sizeof hello.cluster_id);
    if (known->life == at->life && known->incarnation > 1) {
        hello.storage_incarnation = (uint16_t)(known->incarnation - 1);
        marks_hit(world->marks, MARK_GHOST_OLD_INCARNATION);
    } else {
        if (random_chance(&network->random, 1, 2))
            hello.cluster_id[0] ^= 1;
        else
            hello.tag.epoch++;
        marks_hit(world->marks, MARK_GHOST_OTHER_RING);
    }
    link_id id = link_add(network, of, 0, at);
    struct link *link = link_by_id(network, id);
    link->is_ghost = true;
    link->ends[0].open = false;
    machine_loop_event(at, &(struct event){.kind = EVENT_LINK_UP, .link = id + 1});
    size_t offset = frame_start(&frame, MESSAGE_HELLO, 0, 0);
    message_hello_encode(&hello, &frame);
    frame_finish(&frame, offset);
    if (own_link(network, at, id + 1) != NULL)
        send_piece(network, id, buffer_slice(&frame), false, true, 0);
    buffer_deinit(&frame);
}

void network_be_kind(struct world *world)
{
    world->network->kind = true;
}
