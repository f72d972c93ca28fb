/*
 * options.h - the command line of ringd: what to do, and settings that override the file.
 *
 *     ringd [--config FILE] [--NAME VALUE ...]           serve
 *     ringd --init [--ring-file FILE] [--storage-incarnation N] [settings]
 *                                                        initialise the data directory
 *     ringd --plan-ring --ring-file FILE --replication R --node N ... [--partitions P]
 *                                                      [--keyspace K ...]
 *     ringd --check-config | --print-config | --print-settings [settings]
 *     ringd --version | --help
 *
 * Every setting is also an option, as `--name value` or `--name=value`. The command
 * line overrides the file, wherever --config stands.
 */
#ifndef RINGD_OPTIONS_H
#define RINGD_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/ring.h"
#include "ringd/config.h"

enum action {
    ACTION_SERVE,
    ACTION_INIT,
    ACTION_PLAN_RING,
    ACTION_CHECK_CONFIG,
    ACTION_PRINT_CONFIG,
    ACTION_PRINT_SETTINGS, /* for the manual */
    ACTION_VERSION,
    ACTION_HELP
};

/* Texts are borrowed from argv. */
struct options {
    enum action action;
    const char *config_file;      /* NULL: none */
    const char *ring_file;        /* NULL: none */
    uint16_t storage_incarnation; /* of the store to initialise; 0: as the ring says */
    const char *replication;
    uint32_t partition_count;
    const char *nodes[RING_MEMBERS_MAX];
    size_t node_count;
    const char *keyspaces[RING_KEYSPACES_MAX];
    size_t keyspace_count;
};

/*
 * Read the command line, then the file it names, into `options` and `config` (initialised by the
 * caller), and check all settings. STATUS_INVALID: each problem is one line in `problems`.
 */
MUST_USE enum status options_parse(int argc, const char *const *argv, struct options *options,
                                   struct config *config, struct buffer *problems);

/* The text of --help. */
extern const char OPTIONS_HELP[];

#endif
