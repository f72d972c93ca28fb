#include "cluster_in_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/unit/replica/memory_store.h"
#include "base/memory.h"
#include "node/node.h"
#include "node/store_side.h"
#include "ring/planner.h"
#include "wire/frame.h"

enum {
    NODES = 3,
    PARTITIONS = 16,
    CLIENT = 1,
    START_MS = 3000,    /* of made-up time until links and clocks have settled */
    ROUNDS_MAX = 100000 /* of one cluster_ask(); more is a bug */
};

/* What waits for the loop side of a node. */
struct letter {
    struct event event;
    size_t offset; /* of its bytes */
    size_t length;
};

struct mailbox {
    struct letter *letters;
    size_t count, capacity;
    struct buffer bytes;
};

struct machine {
    node_id self;
    struct node *node;
    struct store_side *side;
    struct memory_store store;
    struct store_port port;
    struct effects effects;
    struct store_output output;
    struct buffer replies;      /* of reads */
    struct mailbox inbox, work; /* work: what is handled in this round */
    struct buffer writes;       /* frames for the store side: the next group */
};

struct cluster {
    struct ring *ring;
    struct settings settings;
    struct machine machines[NODES];
    struct instant now;
    struct buffer shown; /* to the client */
};

/* ---- what is counted ---- */

struct task {
    struct machine *machine;
    const struct cluster *cluster;
    const struct event *event; /* NULL: of the store side */
    enum { TASK_WRITE, TASK_READ, TASK_COMMITTED } store_task;
    struct slice frame;
};

static void do_task(const struct task *task)
{
    struct machine *m = task->machine;
    if (task->event != NULL)
        node_step(m->node, task->event, &m->effects);
    else if (task->store_task == TASK_WRITE)
        store_side_write(m->side, task->frame, task->cluster->now, &m->output);
    else if (task->store_task == TASK_READ)
        store_side_read(&m->port, task->cluster->ring, task->frame, task->cluster->now,
                        &m->replies);
    else
        store_side_committed(m->side, task->cluster->now, &m->output);
}

/* Two functions with one body; the empty statements keep the compiler from making them one. */
__attribute__((noinline)) static void coordinator_work(const struct task *task)
{
    __asm__ volatile("" ::"r"(1));
    do_task(task);
}

__attribute__((noinline)) static void replica_work(const struct task *task)
{
    __asm__ volatile("" ::"r"(2));
    do_task(task);
}

static struct cluster_allocations allocations;
static uint64_t *allocates; /* of whoever works now; NULL: nobody does */

static void work(const struct task *task)
{
    bool coordinates = task->machine->self == 1;
    allocates = coordinates ? &allocations.coordinator : &allocations.replica;
    if (coordinates)
        coordinator_work(task);
    else
        replica_work(task);
    allocates = NULL;
}

struct cluster_allocations cluster_allocations_take(void)
{
    struct cluster_allocations taken = allocations;
    allocations = (struct cluster_allocations){0};
    return taken;
}

static void count_allocation(void)
{
    if (allocates != NULL)
        ++*allocates;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    count_allocation();
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t size)
{
    count_allocation();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    count_allocation();
    return __real_realloc(old, bytes);
}

/* ---- carrying things around ---- */

static void post(struct mailbox *box, struct event event, struct slice bytes)
{
    if (box->count == box->capacity) {
        box->capacity = box->capacity == 0 ? 64 : box->capacity * 2;
        box->letters = memory_resize(box->letters, box->capacity, sizeof *box->letters);
    }
    box->letters[box->count++] =
        (struct letter){.event = event, .offset = box->bytes.length, .length = bytes.length};
    buffer_append_slice(&box->bytes, bytes);
}

/* Frames for the same receiver that follow each other are one event, as from one read. */
static void post_frames(struct mailbox *box, struct event event, struct slice bytes)
{
    struct letter *last = box->count == 0 ? NULL : &box->letters[box->count - 1];
    if (last != NULL && last->event.kind == event.kind && last->event.link == event.link &&
        last->offset + last->length == box->bytes.length) {
        buffer_append_slice(&box->bytes, bytes);
        last->length += bytes.length;
        return;
    }
    post(box, event, bytes);
}

/* A link is named by both ends alike: the one who dialed, times 16, and whom it dialed. */
static struct machine *other_end(struct cluster *cluster, const struct machine *self, link_id link)
{
    node_id dialer = (node_id)(link / 16), dialed = (node_id)(link % 16);
    return &cluster->machines[(dialer == self->self ? dialed : dialer) - 1];
}

static void connect_nodes(struct cluster *cluster, struct machine *from, node_id to)
{
    link_id link = from->self * 16u + to;
    post(&from->inbox, (struct event){.kind = EVENT_LINK_UP, .link = link, .node = to},
         slice_make(NULL, 0));
    post(&cluster->machines[to - 1].inbox, (struct event){.kind = EVENT_LINK_UP, .link = link},
         slice_make(NULL, 0));
}

static void read_now(struct cluster *cluster, struct machine *m, struct slice frame)
{
    buffer_clear(&m->replies);
    work(&(struct task){.machine = m, .cluster = cluster, .store_task = TASK_READ, .frame = frame});
    post_frames(&m->inbox, (struct event){.kind = EVENT_STORE_FRAMES}, buffer_slice(&m->replies));
}

static void carry_out(struct cluster *cluster, struct machine *m, const struct effect *effect)
{
    struct slice bytes = effect_bytes(&m->effects, effect);
    switch (effect->kind) {
    case EFFECT_DIAL:
        connect_nodes(cluster, m, effect->node);
        break;
    case EFFECT_LINK_SEND:
        post_frames(&other_end(cluster, m, effect->link)->inbox,
                    (struct event){.kind = EVENT_LINK_FRAMES, .link = effect->link}, bytes);
        break;
    case EFFECT_LINK_CLOSE: /* of two links between the same nodes one is closed */
        post(&other_end(cluster, m, effect->link)->inbox,
             (struct event){.kind = EVENT_LINK_DOWN, .link = effect->link}, slice_make(NULL, 0));
        break;
    case EFFECT_CLIENT_SEND:
        buffer_append_slice(&cluster->shown, bytes);
        break;
    case EFFECT_STORE_WRITE:
        buffer_append_slice(&m->writes, bytes);
        break;
    case EFFECT_STORE_READ:
        read_now(cluster, m, bytes);
        break;
    default:
        break;
    }
}

static void step(struct cluster *cluster, struct machine *m, struct event event)
{
    event.now = cluster->now;
    effects_clear(&m->effects);
    work(&(struct task){.machine = m, .cluster = cluster, .event = &event});
    for (size_t i = 0; i < m->effects.count; i++)
        carry_out(cluster, m, &m->effects.items[i]);
}

/* All that has come until now. */
static bool open_mail(struct cluster *cluster, struct machine *m)
{
    struct mailbox taken = m->inbox;
    m->inbox = m->work;
    m->work = taken;
    m->inbox.count = 0;
    buffer_clear(&m->inbox.bytes);
    for (size_t i = 0; i < m->work.count; i++) {
        struct event event = m->work.letters[i].event;
        event.bytes =
            slice_make(m->work.bytes.data + m->work.letters[i].offset, m->work.letters[i].length);
        step(cluster, m, event);
    }
    return m->work.count > 0;
}

static void hand_over(struct machine *m, struct buffer *frames)
{
    if (frames->length > 0)
        post_frames(&m->inbox, (struct event){.kind = EVENT_STORE_FRAMES}, buffer_slice(frames));
    buffer_clear(frames);
}

static void commit(struct cluster *cluster, struct machine *m)
{
    assert(!m->output.discard);
    hand_over(m, &m->output.early);
    memory_store_apply(&m->store, buffer_slice(&m->output.batch));
    buffer_clear(&m->output.batch);
    work(&(struct task){.machine = m, .cluster = cluster, .store_task = TASK_COMMITTED});
    hand_over(m, &m->output.late);
    store_output_clear(&m->output);
}

/* What waits for the store side is one group, as in the real one. */
static bool write_group(struct cluster *cluster, struct machine *m)
{
    if (m->writes.length == 0)
        return false;
    struct buffer group = m->writes;
    m->writes = (struct buffer){0};
    for (size_t at = 0; at < group.length;) {
        struct frame frame;
        size_t used;
        struct slice rest = slice_make(group.data + at, group.length - at);
        enum status status = frame_open(rest, &frame, &used);
        assert(status == STATUS_OK);
        (void)status;
        work(&(struct task){.machine = m,
                            .cluster = cluster,
                            .store_task = TASK_WRITE,
                            .frame = slice_make(rest.data, used)});
        at += used;
    }
    commit(cluster, m);
    buffer_deinit(&group);
    return true;
}

static void settle(struct cluster *cluster)
{
    bool busy = true;
    for (int round = 0; busy; round++) {
        assert(round < ROUNDS_MAX);
        busy = false;
        for (int i = 0; i < NODES; i++)
            busy = open_mail(cluster, &cluster->machines[i]) || busy;
        for (int i = 0; i < NODES; i++)
            busy = write_group(cluster, &cluster->machines[i]) || busy;
    }
}

static void pass_ms(struct cluster *cluster, uint64_t ms)
{
    cluster->now.mono_us += ms * 1000;
    cluster->now.wall_ms += ms;
    for (int i = 0; i < NODES; i++) {
        if (node_deadline_us(cluster->machines[i].node) <= cluster->now.mono_us)
            post(&cluster->machines[i].inbox, (struct event){.kind = EVENT_TICK},
                 slice_make(NULL, 0));
    }
    settle(cluster);
}

/* ---- making it ---- */

static struct ring *make_ring(void)
{
    struct planner_report report;
    struct ring *ring = ring_new();
    memcpy(ring->cluster_id, "sixteen bytes id", sizeof ring->cluster_id);
    memset(ring->secret, 1, sizeof ring->secret);
    ring->generation = 1;
    ring->tag.epoch = 1;
    ring->seed = 1;
    ring->partition_count = PARTITIONS;
    ring->region_count = 1;
    ring->owner_count = NODES;
    ring->regions[0] = (struct ring_region){.name = "local", .replicas = NODES};
    ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    ring->keyspace_count = 1;
    ring->members = memory_resize(ring->members, NODES, sizeof *ring->members);
    for (unsigned i = 0; i < NODES; i++) {
        struct ring_member *member = &ring->members[ring->member_count++];
        *member = (struct ring_member){.id = i + 1, .storage_incarnation = 1, .weight = 1};
        snprintf(member->rack, sizeof member->rack, "r%u", i);
        snprintf(member->client.host, sizeof member->client.host, "127.0.0.1");
        snprintf(member->peer.host, sizeof member->peer.host, "127.0.0.1");
        member->client.port = (uint16_t)(7001 + i);
        member->peer.port = (uint16_t)(8001 + i);
    }
    enum status status = planner_place(ring, NULL, &report);
    assert(status == STATUS_OK);
    (void)status;
    return ring;
}

static void make_machine(struct cluster *cluster, struct machine *m, node_id self)
{
    m->self = self;
    m->port = memory_store_port(&m->store);
    m->node = node_new(&(struct node_params){.self = self,
                                             .storage_incarnation = 1,
                                             .boot_epoch = 1,
                                             .random_seed = self,
                                             .ring = cluster->ring,
                                             .settings = &cluster->settings});
    m->side = store_side_new(&(struct store_side_params){.self = self,
                                                         .storage_incarnation = 1,
                                                         .boot_epoch = 1,
                                                         .ring = cluster->ring,
                                                         .settings = &cluster->settings,
                                                         .port = &m->port});
    post(&m->inbox, (struct event){.kind = EVENT_START}, slice_make(NULL, 0));
    enum status status = store_side_open(m->side, 1, &m->output);
    assert(status == STATUS_OK);
    (void)status;
    commit(cluster, m);
}

struct cluster *cluster_new(void)
{
    struct cluster *cluster = memory_new(1, sizeof *cluster);
    cluster->now = (struct instant){.mono_us = 1000000, .wall_ms = 1700000000000};
    cluster->ring = make_ring();
    settings_defaults(&cluster->settings);
    for (unsigned i = 0; i < NODES; i++)
        make_machine(cluster, &cluster->machines[i], i + 1);
    post(&cluster->machines[0].inbox,
         (struct event){.kind = EVENT_CLIENT_OPEN, .connection = CLIENT},
         slice_text("127.0.0.1:1"));
    settle(cluster);
    for (int ms = 0; ms < START_MS; ms += 10)
        pass_ms(cluster, 10);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    for (int i = 0; i < NODES; i++) {
        struct machine *m = &cluster->machines[i];
        node_free(m->node);
        store_side_free(m->side);
        memory_store_deinit(&m->store);
        effects_deinit(&m->effects);
        store_output_deinit(&m->output);
        buffer_deinit(&m->replies);
        buffer_deinit(&m->writes);
        buffer_deinit(&m->inbox.bytes);
        buffer_deinit(&m->work.bytes);
        free(m->inbox.letters);
        free(m->work.letters);
    }
    buffer_deinit(&cluster->shown);
    ring_free(cluster->ring);
    free(cluster);
}

struct slice cluster_ask(struct cluster *cluster, struct slice bytes)
{
    buffer_clear(&cluster->shown);
    post(&cluster->machines[0].inbox,
         (struct event){.kind = EVENT_CLIENT_BYTES, .connection = CLIENT}, bytes);
    settle(cluster);
    return buffer_slice(&cluster->shown);
}
