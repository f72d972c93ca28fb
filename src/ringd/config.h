/*
 * config.h - the settings of ringd: one table for the file, the command line, CONFIG GET and
 * SET, and ringd.conf(5).
 *
 * A setting has a name, a type with limits, a place in struct config_values, and
 * one help text. Its default is what config_init() puts there. The table is in
 * config_table.c; a test compares the manual with it.
 *
 * Problems are gathered, not thrown at the first: each is one line in a buffer,
 * beginning with where it was found ("ringd.conf:12: ...").
 */
#ifndef RINGD_CONFIG_H
#define RINGD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "node/settings.h"
#include "ringd/config_value.h"

enum { CONFIG_TEXT_MAX = 1023, CONFIG_SETTINGS_MAX = 96 };

/* Paths; empty where there is none. */
struct config_tls {
    char certificate[CONFIG_TEXT_MAX + 1];
    char key[CONFIG_TEXT_MAX + 1];
    char ca[CONFIG_TEXT_MAX + 1];
    char crl[CONFIG_TEXT_MAX + 1];
};

struct config_values {
    struct settings settings;
    uint32_t node_id; /* 0: as the data directory says */
    char data_dir[CONFIG_TEXT_MAX + 1];
    struct config_addresses listen;
    struct config_addresses tls_listen;
    struct config_addresses peer_listen;
    struct config_addresses http_listen;    /* may be empty */
    uint32_t http_anywhere;                 /* 1: also beyond loopback */
    struct config_addresses advertise;      /* empty: the first of listen, or of tls_listen */
    struct config_addresses peer_advertise; /* likewise */
    char log_file[CONFIG_TEXT_MAX + 1];     /* empty: standard error */
    char audit_log[CONFIG_TEXT_MAX + 1];    /* empty: none */
    struct config_tls tls;                  /* what tls_listen needs */
    uint32_t tls_auth_clients;              /* enum tls_auth */
    struct config_tls tls_cluster_files;    /* what tls_cluster needs */
    uint32_t tls_cluster;                   /* 1: nodes speak TLS with each other */
    uint32_t log_level;                     /* enum log_level */
    uint32_t store_sync;                    /* enum store_sync */
    uint32_t store_read_threads;
    uint32_t store_write_buffer_bytes;
    uint32_t store_block_cache_bytes;
    uint32_t store_open_files_max;
    uint32_t free_space_min_bytes;
    uint32_t free_space_min_percent;
    uint32_t damage_times_max;
    uint32_t damaged_stores_max;
    uint32_t damaged_stores_mb_max;
};

enum config_type {
    CONFIG_SIZE,     /* uint32_t bytes */
    CONFIG_DURATION, /* uint32_t ms */
    CONFIG_NUMBER,   /* uint32_t */
    CONFIG_CHOICE,   /* uint32_t: index into choices */
    CONFIG_TEXT,     /* char[CONFIG_TEXT_MAX + 1] */
    CONFIG_ADDRESSES /* struct config_addresses; minimum and maximum count them */
};

struct config_setting {
    const char *name;
    enum config_type type;
    size_t offset; /* in struct config_values */
    uint64_t minimum;
    uint64_t maximum;
    const char *const *choices; /* CONFIG_CHOICE: NULL at the end */
    bool at_run_time;           /* CONFIG SET can change it */
    const char *since;          /* version that brought it */
    const char *help;           /* one or more whole sentences */
};

/* In the manual's order. */
extern const struct config_setting CONFIG_TABLE[];
extern const size_t CONFIG_TABLE_COUNT; /* at most CONFIG_SETTINGS_MAX */

struct config {
    struct config_values values;
    char *origins[CONFIG_SETTINGS_MAX]; /* where each value came from; NULL: the default */
};

/* Every setting at its default. */
void config_init(struct config *config);
void config_deinit(struct config *config);

/*
 * Set `name` to what `text` says; `origin` is copied.
 * STATUS_NOT_FOUND (no such setting), STATUS_INVALID: one problem was added, nothing changed.
 */
MUST_USE enum status config_set(struct config *config, const char *name, const char *text,
                                const char *origin, struct buffer *problems);

/*
 * Rules between settings, and that beyond loopback only who proves himself is listened to.
 * STATUS_INVALID: each broken rule added one problem.
 */
MUST_USE enum status config_check(const struct config *config, struct buffer *problems);

/*
 * For CONFIG GET and SET. Names may be in any case.
 * config_next() walks the names: NULL gives the first one, the last one gives NULL.
 */
const char *config_next(const char *name);
/* Append the value as a file would have it, without quotes. False: no such setting. */
bool config_get(const struct config *config, const char *name, struct buffer *value);
/*
 * As config_set(), for a running server, with the rules of config_check(). A setting
 * that needs a restart is STATUS_UNSUPPORTED. `reason` gets one sentence without a newline.
 */
MUST_USE enum status config_change(struct config *config, const char *name, struct slice text,
                                   struct buffer *reason);

/* What is accepted, for an error or the manual: "a size from 1kb to 512mb". */
void config_describe(const struct config_setting *setting, struct buffer *out);

/* In quotes as a file has it, on one line whatever it holds. */
void config_put_quoted(struct slice value, struct buffer *out);

/* A file with every setting that says where each value came from. It can be read back. */
void config_print(const struct config *config, struct buffer *out);
/* The list of settings for ringd.conf(5), with the defaults. */
void config_print_mdoc(struct buffer *out);

/* What other nodes and clients are told to connect to. */
const struct ring_address *config_client_address(const struct config_values *values);
const struct ring_address *config_peer_address(const struct config_values *values);

#endif
