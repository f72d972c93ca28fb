#include "run.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "client/ringdb.h"
#include "ring/slot.h"

enum {
    LOAD_OPEN = 512,        /* requests at once while loading */
    LOAD_REPEATS_MAX = 100, /* of one key */
    DRAIN_SECONDS = 15,     /* for answers after the end */
    EVENTS_MAX = 256,
    RATE_SLOTS = 8192 /* open loop: requests at once; what is due beyond waits, and its time runs */
};

struct bench;

/* A place for one operation. */
struct slot {
    struct bench *bench;
    struct slot *next_free;
    enum operation_kind kind;
    bool writes;     /* the second half of a read-modify-write */
    uint64_t number; /* of the key */
    uint64_t began_ns;
    unsigned repeats; /* while loading */
};

struct bench {
    const struct bench_options *options;
    const volatile bool *stop;
    struct ringdb *client;
    int epoll;
    struct slot *slots, *free;
    size_t slot_count, open;
    struct workload workload;
    struct random values;
    char *value;
    struct measure *measure; /* NULL: nothing is measured now */
    bool issues;             /* an answer brings the next request */
    uint64_t issued;
    uint64_t due_ns, end_ns; /* open loop: the next arrival; when to stop */
    uint64_t loaded, load_next;
    char failure[RINGDB_MESSAGE_MAX]; /* loading cannot go on */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the loop ---- */

static void watch(void *context, int fd, unsigned events)
{
    struct bench *bench = context;
    struct epoll_event event = {.data.fd = fd};
    event.events = ((events & RINGDB_WAIT_READ) != 0 ? (uint32_t)EPOLLIN : 0u) |
                   ((events & RINGDB_WAIT_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0u);
    if (events == 0)
        (void)epoll_ctl(bench->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(bench->epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT)
        (void)epoll_ctl(bench->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* One turn; waits no longer than to `until_ns`. */
static void turn(struct bench *bench, uint64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    ringdb_advance(bench->client, ringdb_now_us());
    uint64_t due_us = ringdb_deadline_us(bench->client);
    if (due_us < until_ns / 1000)
        until_ns = due_us * 1000;
    uint64_t now = now_ns();
    uint64_t left_ns = until_ns > now ? until_ns - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(left_ns / 1000000000),
                            .tv_nsec = (long)(left_ns % 1000000000)};
    int count = epoll_pwait2(bench->epoll, events, EVENTS_MAX, &wait, NULL);
    uint64_t now_us = ringdb_now_us();
    for (int i = 0; i < count; i++) {
        unsigned ready = ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 ? RINGDB_WAIT_READ : 0) |
                         ((events[i].events & (EPOLLOUT | EPOLLERR)) != 0 ? RINGDB_WAIT_WRITE : 0);
        ringdb_ready(bench->client, events[i].data.fd, ready, now_us);
    }
}

/* ---- operations ---- */

static struct slot *take_slot(struct bench *bench)
{
    struct slot *slot = bench->free;
    if (slot != NULL) {
        bench->free = slot->next_free;
        bench->open++;
    }
    return slot;
}

static void give_slot(struct slot *slot)
{
    slot->next_free = slot->bench->free;
    slot->bench->free = slot;
    slot->bench->open--;
}

static void done(void *context, struct ringdb_result *result);

static bool submit(struct slot *slot, const struct ringdb_bytes *words, size_t count)
{
    struct bench *bench = slot->bench;
    const struct bench_options *options = bench->options;
    bool reads = slot->kind == OPERATION_READ || slot->kind == OPERATION_SCAN ||
                 (slot->kind == OPERATION_READ_MODIFY_WRITE && !slot->writes);
    struct ringdb_call call = {.arguments = words,
                               .argument_count = count,
                               .level = options->level,
                               .r = reads ? options->r : NULL,
                               .w = reads ? NULL : options->w,
                               .timeout_ms = options->timeout_ms,
                               .done = done,
                               .done_context = slot};
    return ringdb_submit(bench->client, &call, ringdb_now_us(), NULL) == RINGDB_ERROR_NONE;
}

static bool submit_write(struct slot *slot, struct ringdb_bytes key)
{
    struct bench *bench = slot->bench;
    size_t bytes = bench->options->value_bytes;
    workload_value(&bench->values, bench->value, bytes);
    struct ringdb_bytes words[] = {ringdb_text("SET"), key, ringdb_bytes(bench->value, bytes)};
    return submit(slot, words, 3);
}

static bool submit_scan(struct slot *slot, struct ringdb_bytes key)
{
    char cursor[24], count[8];
    uint64_t position = (uint64_t)ring_slot(slice_make(key.data, key.length)) << 50;
    snprintf(cursor, sizeof cursor, "%" PRIu64, position);
    snprintf(count, sizeof count, "%u", workload_scan_length(&slot->bench->workload));
    struct ringdb_bytes words[] = {ringdb_text("SCAN"), ringdb_text(cursor), ringdb_text("COUNT"),
                                   ringdb_text(count)};
    return submit(slot, words, 4);
}

static bool send_operation(struct slot *slot)
{
    char text[KEY_BYTES_MAX];
    struct ringdb_bytes key = ringdb_bytes(text, workload_key(slot->number, text));
    struct ringdb_bytes get[] = {ringdb_text("GET"), key};
    switch (slot->kind) {
    case OPERATION_READ:
        return submit(slot, get, 2);
    case OPERATION_READ_MODIFY_WRITE:
        return slot->writes ? submit_write(slot, key) : submit(slot, get, 2);
    case OPERATION_SCAN:
        return submit_scan(slot, key);
    default:
        return submit_write(slot, key);
    }
}

static void count_error(struct slot *slot, const char *name, bool uncertain)
{
    if (slot->bench->measure != NULL && slot->began_ns >= slot->bench->measure->began_ns)
        measure_error(slot->bench->measure, name, uncertain);
}

/* Draw and send the workload's next operation. */
static void begin(struct slot *slot, uint64_t began_ns)
{
    struct bench *bench = slot->bench;
    slot->kind = workload_next_kind(&bench->workload);
    slot->writes = false;
    slot->began_ns = began_ns;
    slot->number = workload_next_key(&bench->workload, slot->kind);
    bench->issued++;
    if (send_operation(slot))
        return;
    count_error(slot, "memory", false);
    if (slot->kind == OPERATION_INSERT)
        workload_insert_ended(&bench->workload, slot->number);
    give_slot(slot);
}

static bool may_issue(const struct bench *bench)
{
    return bench->issues &&
           (bench->options->operations_max == 0 || bench->issued < bench->options->operations_max);
}

static void measure_result(struct slot *slot, const struct ringdb_result *result, uint64_t now)
{
    struct measure *m = slot->bench->measure;
    if (m == NULL || slot->began_ns < m->began_ns)
        return; /* of the warm-up */
    if (now > m->ended_ns)
        m->ended_ns = now;
    if (result->outcome != RINGDB_OK) {
        measure_error(
            m, result->reply != NULL ? result->reply->text.data : ringdb_error_name(result->error),
            result->outcome == RINGDB_UNCERTAIN);
        return;
    }
    measure_ok(m, slot->kind, now - slot->began_ns);
    if (slot->kind == OPERATION_READ)
        m->misses += result->reply->type == RINGDB_NULL;
    else if (slot->kind == OPERATION_SCAN)
        m->scanned += result->reply->type == RINGDB_ARRAY && result->reply->element_count == 2
                          ? result->reply->elements[1].element_count
                          : 0;
    else
        m->value_bytes += slot->bench->options->value_bytes + 24;
}

static void done(void *context, struct ringdb_result *result)
{
    struct slot *slot = context;
    struct bench *bench = slot->bench;
    uint64_t now = now_ns();
    if (slot->kind == OPERATION_READ_MODIFY_WRITE && !slot->writes &&
        result->outcome == RINGDB_OK) {
        slot->writes = true;
        if (send_operation(slot))
            return;
        count_error(slot, "memory", false);
    } else {
        measure_result(slot, result, now);
    }
    if (slot->kind == OPERATION_INSERT)
        workload_insert_ended(&bench->workload, slot->number);
    if (bench->options->rate == 0 && may_issue(bench))
        begin(slot, now);
    else
        give_slot(slot);
}

/* ---- loading ---- */

static void load_done(void *context, struct ringdb_result *result);

static bool load_send(struct slot *slot)
{
    struct bench *bench = slot->bench;
    char text[KEY_BYTES_MAX];
    size_t bytes = bench->options->value_bytes;
    workload_value(&bench->values, bench->value, bytes);
    struct ringdb_bytes words[] = {ringdb_text("SET"),
                                   ringdb_bytes(text, workload_key(slot->number, text)),
                                   ringdb_bytes(bench->value, bytes)};
    struct ringdb_call call = {.arguments = words,
                               .argument_count = 3,
                               .level = bench->options->level,
                               .done = load_done,
                               .done_context = slot};
    return ringdb_submit(bench->client, &call, ringdb_now_us(), bench->failure) ==
           RINGDB_ERROR_NONE;
}

static void load_next(struct slot *slot)
{
    struct bench *bench = slot->bench;
    if (bench->load_next == bench->options->keys || bench->failure[0] != '\0' || *bench->stop) {
        give_slot(slot);
        return;
    }
    slot->number = bench->load_next++;
    slot->repeats = 0;
    if (!load_send(slot))
        give_slot(slot);
}

/* A key is loaded with the same value again and again, so repeating an uncertain one is right. */
static void load_done(void *context, struct ringdb_result *result)
{
    struct slot *slot = context;
    struct bench *bench = slot->bench;
    if (result->outcome == RINGDB_OK) {
        bench->loaded++;
        load_next(slot);
        return;
    }
    if (++slot->repeats == LOAD_REPEATS_MAX ||
        (result->error != RINGDB_ERROR_CONNECTION && result->error != RINGDB_ERROR_TIMEOUT &&
         result->outcome != RINGDB_UNCERTAIN && slot->repeats == 3))
        snprintf(bench->failure, sizeof bench->failure, "%s", result->message);
    if (bench->failure[0] != '\0' || *bench->stop || !load_send(slot))
        give_slot(slot);
}

static void show_progress(const struct bench *bench, uint64_t began_ns, uint64_t now)
{
    double seconds = (double)(now - began_ns) / 1e9;
    if (!bench->options->quiet)
        fprintf(stderr, "loading: %3.0f %%  %" PRIu64 " of %" PRIu64 " keys  %.0f a second\n",
                100.0 * (double)bench->loaded / (double)bench->options->keys, bench->loaded,
                bench->options->keys, seconds > 0 ? (double)bench->loaded / seconds : 0);
}

static bool load(struct bench *bench, char *message)
{
    uint64_t began_ns = now_ns(), said_ns = began_ns;
    for (size_t i = 0; i < LOAD_OPEN; i++) {
        struct slot *slot = take_slot(bench);
        if (slot == NULL)
            break;
        load_next(slot);
    }
    while (bench->open > 0) {
        turn(bench, said_ns + 1000000000);
        uint64_t now = now_ns();
        if (now >= said_ns + 1000000000) {
            show_progress(bench, began_ns, now);
            said_ns = now;
        }
    }
    show_progress(bench, began_ns, now_ns());
    if (bench->failure[0] == '\0')
        return true;
    snprintf(message, RINGDB_MESSAGE_MAX, "loading failed: %.140s", bench->failure);
    return false;
}

/* ---- measuring ---- */

static void show_second(const struct bench *bench, const struct second *second, size_t number)
{
    if (bench->options->quiet || second == NULL)
        return;
    fprintf(bench->options->json ? stderr : stdout,
            "%5zu s %9" PRIu64 " op/s   p50 %8.3f  p99 %8.3f  max %8.3f ms   errors %" PRIu64 "\n",
            number, second->operations, (double)second->p50_ns / 1e6, (double)second->p99_ns / 1e6,
            (double)second->max_ns / 1e6, second->errors);
    fflush(stdout);
}

/* Open loop: begin what is due. The schedule never waits for anything. */
static void begin_due(struct bench *bench, uint64_t now)
{
    while (bench->due_ns <= now && bench->due_ns < bench->end_ns && may_issue(bench)) {
        struct slot *slot = take_slot(bench);
        if (slot == NULL)
            return; /* the due moment stays, and with it the time that counts */
        if (bench->measure != NULL && now - bench->due_ns > 1000000)
            bench->measure->late_starts++;
        begin(slot, bench->due_ns);
        double gap_s = -log(1 - random_unit(&bench->workload.random)) / bench->options->rate;
        bench->due_ns += (uint64_t)(gap_s * 1e9);
    }
}

static void begin_free(struct bench *bench)
{
    while (may_issue(bench) && bench->free != NULL)
        begin(take_slot(bench), now_ns());
}

static bool is_over(const struct bench *bench, uint64_t now)
{
    return now >= bench->end_ns || *bench->stop || (!may_issue(bench) && bench->open == 0);
}

/* Put on load for so long; a line for each second when something is measured. */
static void press(struct bench *bench, unsigned seconds)
{
    uint64_t began_ns = now_ns();
    uint64_t tick_ns = began_ns + 1000000000;
    bench->end_ns = began_ns + (uint64_t)seconds * 1000000000;
    bench->issues = true;
    if (bench->options->rate > 0 && bench->due_ns == 0)
        bench->due_ns = began_ns;
    for (uint64_t now = began_ns; !is_over(bench, now); now = now_ns()) {
        uint64_t until_ns = tick_ns;
        if (bench->options->rate > 0) {
            begin_due(bench, now);
            if (bench->free != NULL && bench->due_ns < until_ns)
                until_ns = bench->due_ns;
        } else {
            begin_free(bench);
        }
        turn(bench, until_ns);
        while (now_ns() >= tick_ns) {
            if (bench->measure != NULL) {
                const struct second *second = measure_second(bench->measure);
                show_second(bench, second, bench->measure->second_count);
            }
            tick_ns += 1000000000;
        }
    }
    bench->issues = false;
}

/* Wait for the answers that are still to come. */
static void drain(struct bench *bench)
{
    uint64_t end_ns = now_ns() + (uint64_t)DRAIN_SECONDS * 1000000000;
    while (bench->open > 0 && now_ns() < end_ns)
        turn(bench, end_ns);
}

static void measure_run(struct bench *bench, const struct servers *servers, struct measure *out)
{
    const struct bench_options *options = bench->options;
    if (options->warmup_seconds > 0)
        press(bench, options->warmup_seconds);
    bench->issued = 0;
    /* An open loop goes on with its schedule, or what is late now would be forgiven. */
    measure_init(out, options->seconds,
                 options->rate > 0 && bench->due_ns != 0 ? bench->due_ns : now_ns());
    out->usage_before = servers_usage(servers);
    bench->measure = out;
    if (!*bench->stop)
        press(bench, options->seconds);
    drain(bench);
    out->usage_after = servers_usage(servers);
    bench->measure = NULL;
}

/* ---- all of it ---- */

static bool make_client(struct bench *bench, const struct servers *servers, char *message)
{
    const struct bench_options *options = bench->options;
    size_t nodes = servers->count == 0 ? 1 : servers->count;
    unsigned connections =
        (options->rate > 0 ? 51 : options->clients + (unsigned)nodes - 1) / (unsigned)nodes;
    struct ringdb_options own = {.hosts = options->hosts,
                                 .user = options->user,
                                 .password = options->password,
                                 .region = options->region,
                                 .keyspace = options->keyspace,
                                 .connections_per_node = connections == 0 ? 1 : connections,
                                 .timeout_ms = 10000,
                                 .seed = options->seed + 1,
                                 .watch = watch,
                                 .watch_context = bench};
    if (own.connections_per_node > 1024)
        own.connections_per_node = 1024;
    return ringdb_new(&own, &bench->client, message) == RINGDB_ERROR_NONE;
}

static void make_slots(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    bench->slot_count =
        options->rate > 0 ? RATE_SLOTS : (size_t)options->clients * options->pipeline;
    if (options->loads && bench->slot_count < LOAD_OPEN)
        bench->slot_count = LOAD_OPEN;
    bench->slots = memory_new(bench->slot_count, sizeof *bench->slots);
}

/* The first `count` slots are free; they all were given back. */
static void free_slots(struct bench *bench, size_t count)
{
    assert(bench->open == 0 && count <= bench->slot_count);
    bench->free = NULL;
    for (size_t i = count; i > 0; i--) {
        struct slot *slot = &bench->slots[i - 1];
        *slot = (struct slot){.bench = bench, .next_free = bench->free};
        bench->free = slot;
    }
}

bool run(const struct bench_options *options, const struct servers *servers,
         const volatile bool *stop, struct measure *out, char *message)
{
    struct bench bench = {.options = options, .stop = stop, .values = random_make(options->seed)};
    uint64_t window = 2 * OPEN_OPERATIONS_MAX;
    bool *ended = memory_new(window, sizeof *ended);
    bench.epoll = epoll_create1(EPOLL_CLOEXEC);
    bench.value = memory_new(options->value_bytes, 1);
    make_slots(&bench);
    workload_init(&bench.workload, options->mix, options->distribution, options->theta,
                  options->keys, options->seed, ended, window);
    bool good = make_client(&bench, servers, message);
    if (good && options->loads) {
        free_slots(&bench, bench.slot_count < LOAD_OPEN ? bench.slot_count : LOAD_OPEN);
        good = load(&bench, message);
    }
    if (good && options->runs) {
        free_slots(&bench,
                   options->rate > 0 ? RATE_SLOTS : (size_t)options->clients * options->pipeline);
        measure_run(&bench, servers, out);
    }
    ringdb_free(bench.client); /* what is still open ends with it, unmeasured */
    close(bench.epoll);
    free(bench.slots);
    free(bench.value);
    free(ended);
    return good;
}
