/*
 * test_server.c - INFO, CONFIG, SLOWLOG, LATENCY and their like.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

/* A host with two settings, of which one can be changed. */
struct host {
    char timeout[16];
    unsigned sets, rewrites;
};

static struct host host;

static const char *config_next(const char *name)
{
    if (name == NULL)
        return "request-timeout";
    return strcmp(name, "request-timeout") == 0 ? "maxmemory" : NULL;
}

static bool config_get(void *context, const char *name, struct buffer *value)
{
    struct host *h = context;
    buffer_printf(value, "%s", strcmp(name, "maxmemory") == 0 ? "777" : h->timeout);
    return true;
}

static enum status config_set(void *context, const char *name, struct slice value,
                              struct buffer *reason)
{
    struct host *h = context;
    if (strcmp(name, "maxmemory") == 0 || value.length >= sizeof h->timeout) {
        buffer_printf(reason, "not now");
        return STATUS_INVALID;
    }
    snprintf(h->timeout, sizeof h->timeout, "%.*s", (int)value.length, (const char *)value.data);
    h->sets++;
    return STATUS_OK;
}

static enum status config_rewrite(void *context, struct buffer *reason)
{
    (void)reason;
    ((struct host *)context)->rewrites++;
    return STATUS_OK;
}

static void host_information(void *context, const char *section, struct buffer *out)
{
    (void)context;
    if (strcmp(section, "memory") == 0)
        buffer_printf(out, "used_memory:123\r\nused_memory_human:123B\r\n");
    if (strcmp(section, "server") == 0)
        buffer_printf(out, "process_id:42\r\n");
}

static struct client *client_of_a_host(struct harness *harness)
{
    struct environment *environment = &harness->environment;
    host = (struct host){.timeout = "5s"};
    environment->host = &host;
    environment->config_next = config_next;
    environment->config_get = config_get;
    environment->config_set = config_set;
    environment->config_rewrite = config_rewrite;
    environment->host_information = host_information;
    return harness_client(harness);
}

static void config_get_joins_host_and_table(void **state)
{
    struct client *client = client_of_a_host(*state);
    assert_reply(client, "CONFIG GET request-timeout",
                 "*2\r\n$15\r\nrequest-timeout\r\n$2\r\n5s\r\n");
    assert_reply(client, "CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$3\r\n777\r\n");
    assert_reply(client, "CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    assert_reply(client, "CONFIG GET databases", "*2\r\n$9\r\ndatabases\r\n$1\r\n4\r\n");
    assert_reply(client, "CONFIG GET nosuch", "*0\r\n");
    struct resp_value *value = client_value(client, "CONFIG GET *");
    static const char *const names[] = {"save",
                                        "appendonly",
                                        "databases",
                                        "maxmemory",
                                        "timeout",
                                        "replica-read-only",
                                        "slave-read-only",
                                        "notify-keyspace-events",
                                        "proto-max-bulk-len",
                                        "request-timeout"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(value_get(value, names[i]));
    for (size_t i = 0; i < value->element_count; i += 2) { /* each name once */
        for (size_t k = i + 2; k < value->element_count; k += 2)
            assert_false(slice_equal(value->elements[i].text, value->elements[k].text));
    }
    resp_value_free(value);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    assert_reply(client, "CONFIG GET save", "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
}

static void config_set_is_all_or_nothing(void **state)
{
    struct client *client = client_of_a_host(*state);
    assert_reply(client, "CONFIG SET request-timeout 7s slowlog-max-len 10", "+OK\r\n");
    assert_string_equal(host.timeout, "7s");
    assert_reply(client, "CONFIG SET request-timeout 9s maxmemory 5",
                 "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - not "
                 "now\r\n");
    assert_string_equal(host.timeout, "7s");
    assert_reply(client, "CONFIG SET request-timeout 9s nosuch 5",
                 "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
    assert_reply(client, "CONFIG SET slowlog-max-len 5 slowlog-max-len 6",
                 "-ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - "
                 "duplicate parameter\r\n");
    assert_reply(client, "CONFIG GET slowlog-max-len",
                 "*2\r\n$15\r\nslowlog-max-len\r\n$2\r\n10\r\n");
    assert_reply(client, "CONFIG SET appendonly yes", "+OK\r\n");
    assert_reply(client, "CONFIG SET appendonly no",
                 "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - can't set "
                 "immutable config\r\n");
    assert_reply(client, "CONFIG SET cluster-mode sometimes",
                 "-ERR CONFIG SET failed (possibly related to argument 'cluster-mode') - argument "
                 "is not a value for it\r\n");
    assert_int_equal(host.sets, 3); /* set, tried, put back */
}

static void config_rewrite_is_the_host_s(void **state)
{
    struct harness *harness = *state;
    struct client *client = client_of_a_host(harness);
    assert_reply(client, "CONFIG REWRITE", "+OK\r\n");
    assert_int_equal(host.rewrites, 1);
    harness->environment.config_rewrite = NULL;
    assert_reply(client, "CONFIG REWRITE", "-ERR The server is running without a config file\r\n");
}

static void info_has_what_clients_rely_on(void **state)
{
    struct harness *harness = *state;
    struct client *client = client_of_a_host(harness);
    client_command(client, "GET none");
    client_command(client, "SET a 1");
    client_command(client, "GET a");
    buffer_clear(&client->replies);
    struct resp_value *value = client_value(client, "INFO");
    const char *text = (const char *)value->text.data;
    static const char *const lines[] = {
        "# Server\r\nprocess_id:42\r\nredis_version:7.2.4\r\n",
        "\r\nredis_mode:standalone\r\n",
        "\r\nringdb_version:0.1.0\r\n",
        "\r\ntcp_port:7001\r\n",
        "\r\nuptime_in_seconds:3\r\n",
        "\r\n\r\n# Clients\r\nconnected_clients:1\r\n",
        "\r\nmaxclients:10000\r\n",
        "\r\n# Memory\r\nused_memory:123\r\n",
        "\r\nused_memory_rss:0\r\n",
        "\r\nloading:0\r\n",
        "\r\ntotal_connections_received:1\r\n",
        "\r\ntotal_commands_processed:3\r\n",
        "\r\nkeyspace_hits:1\r\nkeyspace_misses:1\r\n",
        "\r\nexpired_keys:0\r\n",
        "\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n",
        "\r\n# CPU\r\n",
        "\r\n# Modules\r\n",
        "\r\ncluster_enabled:1\r\n",
        "\r\n# Keyspace\r\n",
        ("\r\n# Ring\r\nring_node_id:1\r\nring_region:eu\r\nring_epoch:7\r\nring_members:5\r\n"
         "ring_members_up:5\r\n"),
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(text, lines[i]) == NULL)
            fail_msg("INFO lacks %s", lines[i]);
    }
    assert_null(strstr(text, "\nprocess_id:0"));
    assert_null(strstr(text, "# Commandstats"));
    resp_value_free(value);
    value = client_value(client, "INFO commandstats cluster");
    text = (const char *)value->text.data;
    assert_int_equal(strncmp(text, "# Commandstats\r\ncmdstat_get:calls=2,usec=0,", 43), 0);
    assert_non_null(strstr(text, "\r\n\r\n# Cluster\r\ncluster_enabled:1\r\n"));
    assert_null(strstr(text, "# Server"));
    resp_value_free(value);
    value = client_value(client, "INFO nosuch");
    assert_int_equal(value->text.length, 0);
    resp_value_free(value);
}

static void info_waits_for_nobody(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->manual = true;
    memset(harness->down, true, sizeof harness->down);
    struct resp_value *value = client_value(client, "INFO all");
    assert_non_null(strstr((const char *)value->text.data, "ring_partitions_below_quorum:"));
    assert_int_equal(harness->pending_count, 0);
    resp_value_free(value);
}

static void operations_per_second_are_those_of_the_last_second(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    for (int i = 0; i < 5; i++)
        client_command(client, "PING");
    buffer_clear(&client->replies);
    harness_advance_ms(harness, 1000);
    struct resp_value *value = client_value(client, "INFO stats");
    assert_non_null(strstr((const char *)value->text.data, "\ninstantaneous_ops_per_sec:5\r"));
    resp_value_free(value);
    harness_advance_ms(harness, 5000);
    value = client_value(client, "INFO stats");
    assert_non_null(strstr((const char *)value->text.data, "\ninstantaneous_ops_per_sec:0\r"));
    resp_value_free(value);
}

static void run_slowly(struct harness *harness, struct client *client, const char *words,
                       uint64_t milliseconds)
{
    harness->manual = true;
    client_command(client, words);
    harness_advance_ms(harness, milliseconds);
    harness_answer_all(harness);
    harness->manual = false;
    buffer_clear(&client->replies);
}

static void slow_requests_are_kept(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    client_command(client, "CLIENT SETNAME me");
    run_slowly(harness, client, "GET fast", 9);
    assert_reply(client, "SLOWLOG LEN", ":0\r\n");
    run_slowly(harness, client, "GET slow", 11);
    run_slowly(harness, client, "GET slower", 20);
    run_slowly(harness, client, "AUTH default secret", 0);
    assert_reply(client, "SLOWLOG LEN", ":2\r\n");
    assert_reply(client, "SLOWLOG GET 1",
                 "*1\r\n*6\r\n:1\r\n:1700000000\r\n:20000\r\n*2\r\n$3\r\nGET\r\n$6\r\nslower\r\n"
                 "$15\r\n127.0.0.1:40001\r\n$2\r\nme\r\n");
    assert_reply(client, "CONFIG SET slowlog-max-len 1", "+OK\r\n");
    assert_reply(client, "SLOWLOG LEN", ":1\r\n");
    assert_reply(client, "SLOWLOG RESET", "+OK\r\n");
    assert_reply(client, "SLOWLOG GET", "*0\r\n");
    assert_reply(client, "CONFIG SET slowlog-log-slower-than -1", "+OK\r\n");
    run_slowly(harness, client, "GET slow", 1000);
    assert_reply(client, "SLOWLOG LEN", ":0\r\n");
}

/* Passwords would be in it, and WAIT is slow on purpose. */
static void the_slow_log_leaves_out_what_it_must(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "CONFIG SET slowlog-log-slower-than 0", "+OK\r\n");
    client_command(client, "AUTH default secret");
    client_command(client, "HELLO 2 AUTH default secret");
    client_command(client, "WAIT 0 0");
    buffer_clear(&client->replies);
    assert_reply(client, "SLOWLOG LEN", ":1\r\n"); /* CONFIG SET itself */
}

static void long_arguments_are_cut_in_the_slow_log(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer line = {0};
    buffer_printf(&line, "MGET");
    for (int i = 0; i < 40; i++)
        buffer_printf(&line, " %0200d", i);
    buffer_put_u8(&line, 0);
    run_slowly(harness, client, (const char *)line.data, 20);
    struct resp_value *value = client_value(client, "SLOWLOG GET");
    const struct resp_value *arguments = &value->elements[0].elements[3];
    assert_int_equal(arguments->element_count, 32);
    assert_int_equal(arguments->elements[1].text.length, 128 + strlen("... (72 more bytes)"));
    assert_true(value_is(&arguments->elements[31], "... (10 more arguments)"));
    resp_value_free(value);
    buffer_deinit(&line);
}

static void the_slow_log_is_a_ring(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "CONFIG SET slowlog-max-len 1024", "+OK\r\n");
    for (int i = 0; i < 1100; i++)
        run_slowly(harness, client, "GET slow", 10);
    assert_reply(client, "SLOWLOG LEN", ":1024\r\n");
    struct resp_value *value = client_value(client, "SLOWLOG GET -1");
    assert_int_equal(value->element_count, 1024);
    for (size_t i = 0; i < value->element_count; i++)
        assert_int_equal(value->elements[i].elements[0].integer, 1099 - (int64_t)i);
    resp_value_free(value);
}

static void latency_histograms_add_up(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    run_slowly(harness, client, "GET a", 1);
    run_slowly(harness, client, "GET a", 1);
    run_slowly(harness, client, "GET a", 100);
    assert_reply(client, "LATENCY HISTOGRAM get set nosuch",
                 "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n"
                 "*4\r\n:1024\r\n:2\r\n:131072\r\n:3\r\n");
    assert_reply(client, "LATENCY LATEST", "*0\r\n");
    struct resp_value *value = client_value(client, "INFO latencystats");
    assert_non_null(strstr((const char *)value->text.data,
                           "latency_percentiles_usec_get:p50=1024.000,p99=131072.000,"));
    resp_value_free(value);
    assert_reply(client, "CONFIG RESETSTAT", "+OK\r\n");
    assert_reply(client, "LATENCY HISTOGRAM get", "*0\r\n");
}

/* The stages of key requests are the node's; here are the commands. */
static void slow_commands_are_events(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    run_slowly(harness, client, "GET a", 50);
    assert_reply(client, "LATENCY LATEST", "*0\r\n");
    assert_reply(client, "CONFIG SET latency-monitor-threshold 10", "+OK\r\n");
    run_slowly(harness, client, "GET a", 9);
    run_slowly(harness, client, "GET a", 30);
    run_slowly(harness, client, "SET a b", 20);
    assert_reply(client, "LATENCY LATEST",
                 "*2\r\n*4\r\n$7\r\ncommand\r\n:1700000000\r\n:20\r\n:20\r\n"
                 "*4\r\n$12\r\nfast-command\r\n:1700000000\r\n:30\r\n:30\r\n");
    harness_advance_ms(harness, 1000);
    run_slowly(harness, client, "GET a", 15);
    assert_reply(client, "LATENCY HISTORY fast-command",
                 "*2\r\n*2\r\n:1700000000\r\n:30\r\n*2\r\n:1700000001\r\n:15\r\n");
    assert_reply(client, "LATENCY HISTORY nosuch", "*0\r\n");
    assert_reply(client, "LATENCY RESET nosuch", ":0\r\n");
    assert_reply(client, "LATENCY RESET fast-command", ":1\r\n");
    assert_reply(client, "LATENCY HISTORY fast-command", "*0\r\n");
    assert_reply(client, "LATENCY RESET", ":1\r\n");
    assert_reply(client, "LATENCY DOCTOR",
                 "$43\r\nNothing took 10 ms or longer at this node.\n\r\n");
    assert_reply(client, "CONFIG SET latency-monitor-threshold -1",
                 "-ERR CONFIG SET failed (possibly related to argument "
                 "'latency-monitor-threshold') - argument is not a value for it\r\n");
}

static void time_is_the_adapter_s(void **state)
{
    struct client *client = harness_client(*state);
    harness_advance_ms(*state, 7);
    assert_reply(client, "TIME", "*2\r\n$10\r\n1700000000\r\n$4\r\n7000\r\n");
}

static void memory_stats_are_the_host_s_numbers(void **state)
{
    struct client *client = client_of_a_host(*state);
    assert_reply(client, "MEMORY STATS", "*2\r\n$11\r\nused_memory\r\n:123\r\n");
}

static void lolwut_draws_the_ring(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *value = client_value(client, "LOLWUT VERSION 5");
    const char *text = (const char *)value->text.data;
    assert_non_null(strstr(text, "RingDB ver. 0.1.0\n"));
    assert_non_null(strchr(text, 'a')); /* nodes 1, 2, 3 serve the first owners seen from eu */
    assert_non_null(strchr(text, 'b'));
    assert_non_null(strchr(text, 'c'));
    resp_value_free(value);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_get_joins_host_and_table),
        TEST(config_set_is_all_or_nothing),
        TEST(config_rewrite_is_the_host_s),
        TEST(info_has_what_clients_rely_on),
        TEST(info_waits_for_nobody),
        TEST(operations_per_second_are_those_of_the_last_second),
        TEST(slow_requests_are_kept),
        TEST(the_slow_log_leaves_out_what_it_must),
        TEST(long_arguments_are_cut_in_the_slow_log),
        TEST(the_slow_log_is_a_ring),
        TEST(latency_histograms_add_up),
        TEST(slow_commands_are_events),
        TEST(time_is_the_adapter_s),
        TEST(memory_stats_are_the_host_s_numbers),
        TEST(lolwut_draws_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
