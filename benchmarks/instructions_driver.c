/*
 * instructions_driver.c - what benchmarks/instructions runs under callgrind.
 *
 *     instructions-driver OPERATIONS [--list]
 *
 * Runs the phases one after the other on one cluster in memory; phase_ends() is called at the
 * end of each, so that callgrind can dump what the phase has cost, and what it has allocated is
 * printed. --list prints the names of the phases.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_in_memory.h"

enum { VALUE_BYTES = 100, KEYS = 500, PIPELINE_MAX = 16 };

struct phase {
    const char *name; /* NULL: warming up, not told */
    bool reads;
    unsigned pipeline;
};

static const struct phase PHASES[] = {
    {NULL, false, 16},
    {NULL, true, 16},
    {"set pipeline 1", false, 1},
    {"set pipeline 16", false, 16},
    {"get pipeline 1", true, 1},
    {"get pipeline 16", true, 16},
};

enum { PHASE_COUNT = sizeof PHASES / sizeof *PHASES };

/* callgrind dumps when it sees this called. */
__attribute__((noinline)) static void phase_ends(const char *name)
{
    __asm__ volatile("" ::"r"(name) : "memory");
}

static void add_request(struct buffer *out, bool reads, unsigned number)
{
    char key[32], value[VALUE_BYTES + 1];
    memset(value, 'x', VALUE_BYTES);
    value[VALUE_BYTES] = '\0';
    snprintf(value, 16, "%015u", number);
    value[15] = 'x';
    snprintf(key, sizeof key, "user%020u", number % KEYS);
    if (reads)
        buffer_printf(out, "*2\r\n$3\r\nGET\r\n$24\r\n%s\r\n", key);
    else
        buffer_printf(out, "*3\r\n$3\r\nSET\r\n$24\r\n%s\r\n$%d\r\n%s\r\n", key, VALUE_BYTES,
                      value);
}

/* Every reply must be the good one, or the figures mean nothing. */
static void check(struct slice replies, bool reads, unsigned count)
{
    const char *start = reads ? "$100\r\n" : "+OK\r\n";
    size_t length = reads ? strlen(start) + VALUE_BYTES + 2 : strlen(start);
    bool good = replies.length == length * count;
    for (unsigned i = 0; good && i < count; i++)
        good = memcmp(replies.data + i * length, start, strlen(start)) == 0;
    if (!good) {
        fprintf(stderr, "instructions-driver: unexpected reply: %.*s\n",
                replies.length < 100 ? (int)replies.length : 100, (const char *)replies.data);
        exit(1);
    }
}

static void run(struct cluster *cluster, const struct phase *phase, unsigned operations)
{
    struct buffer requests = {0};
    for (unsigned done = 0; done < operations; done += phase->pipeline) {
        buffer_clear(&requests);
        for (unsigned i = 0; i < phase->pipeline; i++)
            add_request(&requests, phase->reads, done + i);
        check(cluster_ask(cluster, buffer_slice(&requests)), phase->reads, phase->pipeline);
    }
    buffer_deinit(&requests);
    phase_ends(phase->name);
    struct cluster_allocations made = cluster_allocations_take();
    printf("allocations of the coordinator: %" PRIu64 "\n", made.coordinator);
    printf("allocations of the replica: %" PRIu64 "\n", made.replica);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < PHASE_COUNT; i++)
            printf("%s\n", PHASES[i].name == NULL ? "-" : PHASES[i].name);
        return 0;
    }
    unsigned operations = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (operations < KEYS || operations % PIPELINE_MAX != 0) {
        fprintf(stderr,
                "usage: instructions-driver OPERATIONS|--list (a multiple of %d, at least "
                "%d)\n",
                PIPELINE_MAX, KEYS);
        return 2;
    }
    struct cluster *cluster = cluster_new();
    phase_ends("start");
    cluster_allocations_take();
    for (int i = 0; i < PHASE_COUNT; i++)
        run(cluster, &PHASES[i], operations);
    cluster_free(cluster);
    return 0;
}
