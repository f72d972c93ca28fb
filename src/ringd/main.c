/*
 * main.c - ringd(8): does what the command line says and turns the outcome into an exit code.
 *
 *   0  ended cleanly      2   wrong command line or settings
 *   1  failed             70  out of memory (base/memory.h)   74  the disk failed (store/)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <config.h>

#include "base/bytes.h"
#include "ringd/config.h"
#include "ringd/data_directory.h"
#include "ringd/log_file.h"
#include "ringd/options.h"
#include "ringd/ring_file.h"
#include "ringd/ring_plan.h"
#include "ringd/server.h"
#include "store/leveldb_store.h"

enum { EXIT_USAGE = 2, SERVE_AGAIN = -1 };

/* Each line of `problems` on standard error, after the program's name. */
static void complain(const struct buffer *problems)
{
    struct slice rest = buffer_slice(problems);
    while (rest.length > 0) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.length);
        size_t length = newline == NULL ? rest.length : (size_t)(newline - rest.data);
        size_t used = newline == NULL ? length : length + 1;
        fprintf(stderr, "ringd: %.*s\n", (int)length, (const char *)rest.data);
        rest = slice_make(rest.data + used, rest.length - used);
    }
}

static int print(const struct buffer *text)
{
    bool good = fwrite(text->data, 1, text->length, stdout) == text->length;
    return fflush(stdout) == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int print_text(const char *text)
{
    struct buffer copy = {0};
    buffer_append_slice(&copy, slice_text(text));
    int code = print(&copy);
    buffer_deinit(&copy);
    return code;
}

static int print_config(const struct config *config)
{
    struct buffer text = {0};
    config_print(config, &text);
    int code = print(&text);
    buffer_deinit(&text);
    return code;
}

static int print_settings(void)
{
    struct buffer text = {0};
    config_print_mdoc(&text);
    int code = print(&text);
    buffer_deinit(&text);
    return code;
}

static int plan_ring(const struct options *options, struct buffer *problems)
{
    struct ring_plan plan = {.replication = options->replication,
                             .partition_count = options->partition_count,
                             .nodes = options->nodes,
                             .node_count = options->node_count,
                             .keyspaces = options->keyspaces,
                             .keyspace_count = options->keyspace_count};
    struct planner_report report;
    struct ring *ring = NULL;
    struct buffer text = {0};
    int code = EXIT_FAILURE;
    if (ring_random_draw(&plan.random, problems) != STATUS_OK)
        return EXIT_FAILURE;
    enum status status = ring_plan_make(&plan, &ring, &report, problems);
    if (status != STATUS_OK)
        return status == STATUS_INVALID ? EXIT_USAGE : EXIT_FAILURE;
    struct register_value *value = register_value_first(ring);
    if (ring_file_write(options->ring_file, value, problems) == STATUS_OK) {
        ring_plan_describe(ring, &report, &text);
        code = print(&text);
    }
    register_value_free(value);
    ring_free(ring);
    buffer_deinit(&text);
    return code;
}

/* What to initialise from: the file's, or the ring of this node alone. */
static struct register_value *value_to_begin_with(const struct options *options,
                                                  const struct config_values *values, node_id node,
                                                  struct buffer *problems)
{
    struct register_value *value = NULL;
    struct ring_random random;
    if (options->ring_file != NULL)
        return ring_file_read(options->ring_file, &value, problems) == STATUS_OK ? value : NULL;
    if (ring_random_draw(&random, problems) != STATUS_OK)
        return NULL;
    struct ring *ring = ring_plan_one_node(node, config_client_address(values),
                                           config_peer_address(values), &random);
    value = register_value_first(ring);
    ring_free(ring);
    return value;
}

static int initialise(const struct options *options, const struct config_values *values,
                      struct buffer *problems)
{
    struct leveldb_store_params store;
    node_id node = values->node_id;
    if (node == 0 && options->ring_file != NULL) {
        buffer_printf(problems, "--init with a ring file needs the node-id of this node");
        return EXIT_USAGE;
    }
    if (node == 0)
        node = 1;
    struct register_value *value = value_to_begin_with(options, values, node, problems);
    if (value == NULL)
        return EXIT_FAILURE;
    server_store_params(values, &store);
    enum status status = data_directory_initialise(values->data_dir, value, node,
                                                   options->storage_incarnation, &store, problems);
    register_value_free(value);
    return status == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SERVE_AGAIN: the store was damaged, and a new one has taken its place. */
static int serve_once(const struct server_params *params, struct buffer *problems)
{
    struct server *server = NULL;
    struct rebuild_cause damage = {0};
    struct ring *ring = NULL;
    enum status status = server_new(params, &server, problems);
    if (status == STATUS_OK) {
        status = server_run(server);
        damage = *server_damage(server);
        if (damage.found)
            ring = ring_copy(server_ring(server));
    }
    server_free(server);
    if (damage.found) {
        struct log_sink log =
            log_file_sink(params->log, (enum log_level)params->config->values.log_level);
        status = rebuild_store(&params->config->values, ring, &damage, &log, problems);
        ring_free(ring);
        return status == STATUS_OK ? SERVE_AGAIN : EXIT_FAILURE;
    }
    return status == STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int serve(const struct options *options, struct config *config, struct buffer *problems)
{
    struct server_params params = {
        .config = config, .config_file = options->config_file != NULL ? options->config_file : ""};
    int code;
    if (log_file_open(config->values.log_file, &params.log) != STATUS_OK) {
        buffer_printf(problems, "could not open the log file %s: %s", config->values.log_file,
                      strerror(errno));
        return EXIT_FAILURE;
    }
    if (config->values.audit_log[0] != '\0' &&
        log_file_open(config->values.audit_log, &params.audit) != STATUS_OK) {
        buffer_printf(problems, "could not open the audit log %s: %s", config->values.audit_log,
                      strerror(errno));
        log_file_close(params.log);
        return EXIT_FAILURE;
    }
    do
        code = serve_once(&params, problems);
    while (code == SERVE_AGAIN);
    log_file_close(params.audit);
    log_file_close(params.log);
    return code;
}

static int run(const struct options *options, struct config *config, struct buffer *problems)
{
    switch (options->action) {
    case ACTION_HELP:
        return print_text(OPTIONS_HELP);
    case ACTION_VERSION:
        return print_text("ringd " PACKAGE_VERSION "\n");
    case ACTION_CHECK_CONFIG:
        return print_text("the configuration is good\n");
    case ACTION_PRINT_CONFIG:
        return print_config(config);
    case ACTION_PRINT_SETTINGS:
        return print_settings();
    case ACTION_PLAN_RING:
        return plan_ring(options, problems);
    case ACTION_INIT:
        return initialise(options, &config->values, problems);
    case ACTION_SERVE:
        return serve(options, config, problems);
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct config config;
    struct buffer problems = {0};
    int code = EXIT_USAGE;
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    config_init(&config);
    if (options_parse(argc, (const char *const *)argv, &options, &config, &problems) == STATUS_OK)
        code = run(&options, &config, &problems);
    complain(&problems);
    config_deinit(&config);
    buffer_deinit(&problems);
    return code;
}
