/*
 * load.c - one thread that asks servers of several kinds for the same: peer-load.
 *
 *     peer-load --protocol resp|memcached|etcd --hosts H:P,... [option value ...]
 *
 * Closed loop: each of --clients connections keeps --pipeline operations open. Open loop (--rate):
 * operations are due at moments drawn beforehand, and time counts from then. Prints one line of
 * JSON. Keys and values are those of ringbench (workload.h), keys drawn evenly.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "histogram.h"
#include "peers/lane.h"
#include "workload.h"

enum { HOSTS_MAX = 16, CLIENTS_MAX = 1024, VALUE_BYTES_MAX = 1 << 20, READ_BYTES = 1 << 16 };

struct options {
    const struct lane_protocol *protocol;
    struct sockaddr_in hosts[HOSTS_MAX];
    unsigned host_count;
    unsigned clients, pipeline, reads; /* reads: percent */
    double rate, seconds, warmup;
    unsigned wait_copies;
    uint64_t keys, seed;
    size_t value_bytes;
    bool loads; /* each key once, and end */
};

struct load {
    struct options options;
    struct lane *lanes;
    int epoll;
    struct random random;
    uint64_t start_ns, end_ns; /* of what is measured */
    uint64_t next_due_ns;      /* of the open loop */
    uint64_t loaded;           /* of --load: keys asked for so far */
    struct histogram times[2]; /* of reads, writes */
    uint64_t good, bad, late;  /* late: due, and every lane was full */
    char reason[LANE_REASON_BYTES];
    char *value;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "peer-load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

/* ---- lanes ---- */

void lane_note(struct lane *lane, struct slice why)
{
    if (lane->reason[0] == '\0')
        snprintf(lane->reason, sizeof lane->reason, "%.*s", (int)why.length,
                 (const char *)why.data);
}

struct lane_operation *lane_find(struct lane *lane, uint32_t token)
{
    for (uint32_t i = 0; i < lane->open_count; i++)
        if (lane->open[i].token == token)
            return &lane->open[i];
    return NULL;
}

void lane_end(struct lane *lane, struct lane_operation *operation, const char *why)
{
    struct load *load = lane->load;
    uint64_t ended_ns = now_ns();
    if (why != NULL)
        lane_note(lane, slice_text(why));
    if (why != NULL && load->reason[0] == '\0')
        snprintf(load->reason, sizeof load->reason, "%s", lane->reason);
    bool counts = operation->due_ns != 0 && ended_ns >= load->start_ns && ended_ns < load->end_ns;
    load->bad += why != NULL;
    if (why == NULL && counts) {
        load->good++;
        histogram_add(&load->times[operation->writes], ended_ns - operation->due_ns);
    }
    uint32_t behind = (uint32_t)(&lane->open[lane->open_count] - operation) - 1;
    memmove(operation, operation + 1, behind * sizeof *operation);
    lane->open_count--;
}

static void connect_lane(struct load *load, struct lane *lane, unsigned number)
{
    const struct options *o = &load->options;
    const struct sockaddr_in *host = &o->hosts[number % o->host_count];
    int on = 1;
    lane->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (lane->socket < 0 || connect(lane->socket, (const struct sockaddr *)host, sizeof *host) < 0)
        die("port %d: %s", ntohs(host->sin_port), strerror(errno));
    setsockopt(lane->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(lane->socket, F_SETFL, O_NONBLOCK);
    lane->load = load;
    lane->wait_copies = o->wait_copies;
    o->protocol->greet(lane);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = lane};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, lane->socket, &event) < 0)
        die("epoll: %s", strerror(errno));
}

static void ask(struct load *load, struct lane *lane, uint64_t due_ns)
{
    const struct options *o = &load->options;
    char key[KEY_BYTES_MAX];
    bool writes = o->loads || random_below(&load->random, 100) >= o->reads;
    uint64_t number = o->loads ? load->loaded++ : random_below(&load->random, o->keys);
    size_t length = workload_key(number, key);
    if (writes)
        workload_value(&load->random, load->value, o->value_bytes);
    uint32_t token = lane->next_token;
    if (!o->protocol->ask(lane, writes, slice_make(key, length),
                          slice_make(load->value, o->value_bytes)))
        die("the server takes no more bytes on a connection");
    lane->next_token++;
    lane->open[lane->open_count++] =
        (struct lane_operation){.token = token, .writes = writes, .due_ns = due_ns};
}

static bool is_all_asked(const struct load *load)
{
    return load->options.loads && load->loaded == load->options.keys;
}

static void fill(struct load *load, struct lane *lane)
{
    while (load->options.rate == 0 && lane->open_count < load->options.pipeline &&
           !is_all_asked(load))
        ask(load, lane, now_ns());
}

static void send_out(struct load *load, struct lane *lane)
{
    if (lane->out.length == 0)
        return;
    ssize_t sent = send(lane->socket, lane->out.data, lane->out.length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        die("the server has gone: %s", strerror(errno));
    if (sent > 0)
        buffer_consume(&lane->out, (size_t)sent);
    struct epoll_event event = {.events = EPOLLIN | (lane->out.length > 0 ? EPOLLOUT : 0u),
                                .data.ptr = lane};
    if (sent < 0 || lane->out.length > 0)
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, lane->socket, &event);
}

static void read_in(struct load *load, struct lane *lane)
{
    uint8_t *to = buffer_reserve(&lane->in, READ_BYTES);
    ssize_t got = recv(lane->socket, to, READ_BYTES, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        die("the server has closed a connection%s%s", lane->reason[0] == '\0' ? "" : ": ",
            lane->reason);
    if (got > 0)
        lane->in.length += (size_t)got;
    if (!load->options.protocol->take(lane))
        die("%s", lane->reason);
}

/* ---- the loops ---- */

/* Exponential gaps: as of many users who know nothing of each other. */
static void ask_what_is_due(struct load *load)
{
    const struct options *o = &load->options;
    uint64_t now = now_ns();
    while (o->rate > 0 && load->next_due_ns <= now) {
        struct lane *emptiest = &load->lanes[0];
        for (unsigned i = 1; i < o->clients; i++)
            if (load->lanes[i].open_count < emptiest->open_count)
                emptiest = &load->lanes[i];
        if (emptiest->open_count == LANE_OPEN_MAX) {
            load->late++; /* asked once there is room; its time counts from when it was due */
            return;
        }
        ask(load, emptiest, load->next_due_ns);
        double chance = (double)(random_below(&load->random, 1u << 30) + 1) / (1u << 30);
        load->next_due_ns += (uint64_t)(-log(chance) / o->rate * 1e9) + 1;
    }
}

static int wait_ms(const struct load *load)
{
    if (load->options.rate == 0)
        return 100;
    uint64_t now = now_ns();
    return load->next_due_ns > now + 1000000 ? (int)((load->next_due_ns - now) / 1000000) : 0;
}

static bool is_over(const struct load *load)
{
    if (!load->options.loads)
        return now_ns() >= load->end_ns;
    for (unsigned i = 0; i < load->options.clients; i++)
        if (load->lanes[i].open_count > 0)
            return false;
    return true;
}

static void run(struct load *load)
{
    struct epoll_event events[CLIENTS_MAX];
    for (unsigned i = 0; i < load->options.clients; i++)
        fill(load, &load->lanes[i]);
    while (!is_over(load)) {
        ask_what_is_due(load);
        for (unsigned i = 0; i < load->options.clients; i++)
            send_out(load, &load->lanes[i]);
        int count = epoll_wait(load->epoll, events, CLIENTS_MAX, wait_ms(load));
        for (int i = 0; i < count; i++) {
            struct lane *lane = events[i].data.ptr;
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
                read_in(load, lane);
            if ((events[i].events & EPOLLOUT) != 0) {
                struct epoll_event only_in = {.events = EPOLLIN, .data.ptr = lane};
                epoll_ctl(load->epoll, EPOLL_CTL_MOD, lane->socket, &only_in);
            }
            fill(load, lane);
        }
    }
}

/* ---- options and the report ---- */

static void read_hosts(struct options *o, char *text)
{
    char *save = NULL;
    for (char *word = strtok_r(text, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
        char *colon = strrchr(word, ':');
        struct sockaddr_in *host = &o->hosts[o->host_count];
        if (colon == NULL || o->host_count == HOSTS_MAX)
            die("--hosts %s: want at most %d addresses of the form 127.0.0.1:7001", word,
                HOSTS_MAX);
        *colon = '\0';
        host->sin_family = AF_INET;
        host->sin_port = htons((uint16_t)atoi(colon + 1));
        if (inet_pton(AF_INET, word, &host->sin_addr) != 1)
            die("--hosts %s: not an IPv4 address", word);
        o->host_count++;
    }
}

static const struct lane_protocol *find_protocol(const char *name)
{
    const struct lane_protocol *all[] = {&lane_resp, &lane_memcached, &lane_etcd};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    die("--protocol %s: resp, memcached or etcd", name);
}

static void read_option(struct options *o, const char *name, char *value)
{
    if (strcmp(name, "--protocol") == 0)
        o->protocol = find_protocol(value);
    else if (strcmp(name, "--hosts") == 0)
        read_hosts(o, value);
    else if (strcmp(name, "--clients") == 0)
        o->clients = (unsigned)atoi(value);
    else if (strcmp(name, "--pipeline") == 0)
        o->pipeline = (unsigned)atoi(value);
    else if (strcmp(name, "--reads") == 0)
        o->reads = (unsigned)atoi(value);
    else if (strcmp(name, "--rate") == 0)
        o->rate = atof(value);
    else if (strcmp(name, "--seconds") == 0)
        o->seconds = atof(value);
    else if (strcmp(name, "--warmup") == 0)
        o->warmup = atof(value);
    else if (strcmp(name, "--wait") == 0)
        o->wait_copies = (unsigned)atoi(value);
    else if (strcmp(name, "--keys") == 0)
        o->keys = strtoull(value, NULL, 10);
    else if (strcmp(name, "--value-size") == 0)
        o->value_bytes = strtoull(value, NULL, 10);
    else if (strcmp(name, "--seed") == 0)
        o->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "--load") == 0)
        o->loads = atoi(value) != 0;
    else
        die("%s: no such option; the head of load.c has them", name);
}

static struct options read_options(int argc, char **argv)
{
    struct options o = {.clients = 51,
                        .pipeline = 1,
                        .seconds = 2,
                        .warmup = 0.5,
                        .keys = 100000,
                        .seed = 1,
                        .value_bytes = 100};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            die("%s needs a value", argv[i]);
        read_option(&o, argv[i], argv[i + 1]);
    }
    if (o.protocol == NULL || o.host_count == 0 || o.clients == 0 || o.clients > CLIENTS_MAX ||
        o.pipeline == 0 || o.pipeline >= LANE_OPEN_MAX || o.reads > 100 || o.keys == 0 ||
        o.value_bytes == 0 || o.value_bytes > VALUE_BYTES_MAX || o.rate < 0 || o.seconds <= 0)
        die("a value is out of its range, or --protocol or --hosts is missing");
    return o;
}

static void report_times(const char *name, const struct histogram *times)
{
    printf(", \"%s\": {\"count\": %" PRIu64, name, times->count);
    printf(", \"p50_us\": %.1f", (double)histogram_percentile(times, 50) / 1e3);
    printf(", \"p99_us\": %.1f", (double)histogram_percentile(times, 99) / 1e3);
    printf(", \"p999_us\": %.1f}", (double)histogram_percentile(times, 99.9) / 1e3);
}

/* The reason is a server's text: without what JSON would have to escape. */
static void report(struct load *load)
{
    for (char *c = load->reason; *c != '\0'; c++)
        if (*c < ' ' || *c == '"' || *c == '\\')
            *c = ' ';
    printf("{\"operations\": %" PRIu64 ", \"seconds\": %.3f, \"rate\": %.1f", load->good,
           load->options.seconds, (double)load->good / load->options.seconds);
    report_times("get", &load->times[0]);
    report_times("set", &load->times[1]);
    printf(", \"errors\": %" PRIu64 ", \"late\": %" PRIu64 ", \"reason\": \"%s\"}\n", load->bad,
           load->late, load->reason);
}

int main(int argc, char **argv)
{
    struct load *load = memory_new(1, sizeof *load);
    load->options = read_options(argc, argv);
    load->random = random_make(load->options.seed);
    load->value = memory_new(load->options.value_bytes, 1);
    load->lanes = memory_new(load->options.clients, sizeof *load->lanes);
    load->epoll = epoll_create1(0);
    if (load->epoll < 0)
        die("epoll: %s", strerror(errno));
    for (unsigned i = 0; i < load->options.clients; i++)
        connect_lane(load, &load->lanes[i], i);
    uint64_t begin_ns = now_ns();
    load->next_due_ns = begin_ns;
    load->start_ns = begin_ns + (uint64_t)(load->options.warmup * 1e9);
    load->end_ns = load->start_ns + (uint64_t)(load->options.seconds * 1e9);
    run(load);
    report(load);
    return load->bad > 0 ? 1 : 0;
}
