/*
 * servers.h - the nodes that are measured, and what they cost when they run on this machine.
 *
 * CPU time, anonymous memory (mapped table files are none) and bytes written come from /proc, of
 * the process that a node names in INFO.
 */
#ifndef BENCHMARKS_SERVERS_H
#define BENCHMARKS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/ringdb.h"

enum { SERVERS_MAX = 64, SERVER_ADDRESS_MAX = 272 };

struct servers {
    size_t count;
    char addresses[SERVERS_MAX][SERVER_ADDRESS_MAX];
    int processes[SERVERS_MAX]; /* 0: not on this machine, or not known */
    size_t local_count;
};

/* What all local ones have used since they began. */
struct server_usage {
    uint64_t cpu_us;
    uint64_t memory_bytes; /* anonymous, resident, now */
    uint64_t written_bytes;
};

/*
 * `user` and `password` as for ringdb_options. False: nobody answers, and `message`
 * (RINGDB_MESSAGE_MAX) says why.
 */
bool servers_find(const char *hosts, const char *user, const char *password, struct servers *out,
                  char *message);
struct server_usage servers_usage(const struct servers *servers);

#endif
