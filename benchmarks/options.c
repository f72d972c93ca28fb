#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_DEFAULT = 51, SECONDS_DEFAULT = 10, KEYS_DEFAULT = 100000, VALUE_DEFAULT = 100 };

#define THETA_DEFAULT 0.99

struct row {
    const char *name, *value, *summary;
};

static const struct row ROWS[] = {
    {"hosts", "H:P,...", "nodes to begin with (default: 127.0.0.1:6379)"},
    {"user", "NAME", "log in as this user; the password is in REDISCLI_AUTH"},
    {"workload", "a..f|w",
     "of YCSB: a half reads, b 95 % reads, c reads, d newest, e scans,\n"
     "f read-modify-writes; w only writes (default: a)"},
    {"distribution", "NAME", "zipfian, latest or uniform (default: the workload's)"},
    {"theta", "NUMBER", "skew of zipfian and latest (default: 0.99)"},
    {"clients", "N", "closed loop: how many ask at once (default: 51)"},
    {"pipeline", "N", "closed loop: requests that each has open (default: 1)"},
    {"rate", "N", "open loop: N requests a second, whatever the answers do"},
    {"seconds", "N", "how long to measure (default: 10)"},
    {"warmup", "N", "seconds before that, which do not count (default: 1)"},
    {"operations", "N", "end after so many"},
    {"keys", "N", "keys that are loaded (default: 100000)"},
    {"value-size", "BYTES", "of each value (default: 100)"},
    {"level", "LEVEL", "consistency level, such as QUORUM (default: the keyspace's)"},
    {"r", "N", "owners that a read asks"},
    {"w", "N", "owners that a write waits for"},
    {"region", "NAME", "whose nodes are near"},
    {"keyspace", "N", "its number (default: 0)"},
    {"timeout", "MS", "of each request"},
    {"seed", "N", "of all random choices (default: 1)"},
    {"chart", "FILE.svg", "draw latency and throughput over time"},
    {"no-load", NULL, "the keys are there already"},
    {"load-only", NULL, "load the keys and end"},
    {"json", NULL, "one JSON object in place of text"},
    {"quiet", NULL, "no lines for seconds and no progress"},
    {"help", NULL, "this text"},
    {"version", NULL, "the version"},
};

enum {
    ROW_COUNT = sizeof ROWS / sizeof *ROWS,
};

void options_print_help(void)
{
    printf("usage: ringbench --hosts H:P,... [--workload a..f|w] [--rate N] [--seconds N] ...\n"
           "\nMeasures a RingDB cluster with the workloads of YCSB.\n\noptions:\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", ROWS[i].name, ROWS[i].value == NULL ? "" : " ",
                 ROWS[i].value == NULL ? "" : ROWS[i].value);
        const char *line = ROWS[i].summary;
        for (bool first = true; line != NULL; first = false) {
            const char *end = strchr(line, '\n');
            int length = end == NULL ? (int)strlen(line) : (int)(end - line);
            printf("  %-22s  %.*s\n", first ? left : "", length, line);
            line = end == NULL ? NULL : end + 1;
        }
    }
    printf("\nexit status: 0 ok, 1 failed, 2 usage, 3 unreachable\n");
}

static bool complain(const char *name, const char *value, const char *what)
{
    fprintf(stderr, "ringbench: --%s %s: %s; see: ringbench --help\n", name, value, what);
    return false;
}

static bool parse_number(const char *name, const char *text, uint64_t least, uint64_t most,
                         uint64_t *out)
{
    char *end;
    char what[80];
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= least &&
        value <= most) {
        *out = value;
        return true;
    }
    snprintf(what, sizeof what, "a number from %llu to %llu is wanted", (unsigned long long)least,
             (unsigned long long)most);
    return complain(name, text, what);
}

static bool parse_unsigned(const char *name, const char *text, unsigned least, unsigned most,
                           unsigned *out)
{
    uint64_t value;
    if (!parse_number(name, text, least, most, &value))
        return false;
    *out = (unsigned)value;
    return true;
}

static bool parse_real(const char *name, const char *text, double least, double most, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < least || value > most)
        return complain(name, text, "the number is out of range");
    *out = value;
    return true;
}

static bool parse_distribution(const char *text, enum distribution *out)
{
    static const char *const names[] = {"zipfian", "latest", "uniform"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum distribution)i;
            return true;
        }
    }
    return complain("distribution", text, "zipfian, latest or uniform is wanted");
}

static bool parse_theta(const char *text, double *out)
{
    if (!parse_real("theta", text, 0.01, 10, out))
        return false;
    return *out != 1 || complain("theta", text, "exactly 1 is not offered; take 0.999");
}

static bool parse_row(const char *name, const char *value, struct bench_options *out,
                      bool *distribution_given)
{
    uint64_t number = 0;
    if (strcmp(name, "hosts") == 0)
        out->hosts = value;
    else if (strcmp(name, "user") == 0)
        out->user = value;
    else if (strcmp(name, "level") == 0)
        out->level = value;
    else if (strcmp(name, "r") == 0)
        out->r = value;
    else if (strcmp(name, "w") == 0)
        out->w = value;
    else if (strcmp(name, "region") == 0)
        out->region = value;
    else if (strcmp(name, "chart") == 0)
        out->chart = value;
    else if (strcmp(name, "no-load") == 0)
        out->loads = false;
    else if (strcmp(name, "load-only") == 0)
        out->runs = false;
    else if (strcmp(name, "json") == 0)
        out->json = true;
    else if (strcmp(name, "quiet") == 0)
        out->quiet = true;
    else if (strcmp(name, "help") == 0)
        out->help = true;
    else if (strcmp(name, "version") == 0)
        out->version = true;
    else if (strcmp(name, "workload") == 0)
        out->mix = strlen(value) == 1 ? workload_find(value[0]) : NULL;
    else if (strcmp(name, "distribution") == 0)
        return *distribution_given = true, parse_distribution(value, &out->distribution);
    else if (strcmp(name, "theta") == 0)
        return parse_theta(value, &out->theta);
    else if (strcmp(name, "clients") == 0)
        return parse_unsigned(name, value, 1, CLIENTS_MAX, &out->clients);
    else if (strcmp(name, "pipeline") == 0)
        return parse_unsigned(name, value, 1, 1024, &out->pipeline);
    else if (strcmp(name, "rate") == 0)
        return parse_real(name, value, 0.1, RATE_MAX, &out->rate);
    else if (strcmp(name, "seconds") == 0)
        return parse_unsigned(name, value, 1, SECONDS_MAX, &out->seconds);
    else if (strcmp(name, "warmup") == 0)
        return parse_unsigned(name, value, 0, SECONDS_MAX, &out->warmup_seconds);
    else if (strcmp(name, "operations") == 0)
        return parse_number(name, value, 1, UINT64_MAX / 2, &out->operations_max);
    else if (strcmp(name, "keys") == 0)
        return parse_number(name, value, 1, (uint64_t)1 << 40, &out->keys);
    else if (strcmp(name, "timeout") == 0)
        return parse_unsigned(name, value, 1, 3600 * 1000, &out->timeout_ms);
    else if (strcmp(name, "seed") == 0)
        return parse_number(name, value, 0, UINT64_MAX, &out->seed);
    else if (strcmp(name, "value-size") == 0) {
        bool good = parse_number(name, value, 1, VALUE_BYTES_MAX, &number);
        out->value_bytes = (size_t)number;
        return good;
    } else if (strcmp(name, "keyspace") == 0) {
        bool good = parse_number(name, value, 0, UINT16_MAX, &number);
        out->keyspace = (uint16_t)number;
        return good;
    }
    return out->mix != NULL || complain(name, value, "a letter from a to f, or w, is wanted");
}

bool options_parse(int argc, char **argv, struct bench_options *out)
{
    struct option longs[ROW_COUNT + 1] = {{0}};
    bool distribution_given = false;
    int index = 0;
    const char *password = getenv("REDISCLI_AUTH");
    *out =
        (struct bench_options){.hosts = "127.0.0.1:6379",
                               .password = password == NULL || *password == '\0' ? NULL : password,
                               .mix = workload_find('a'),
                               .theta = THETA_DEFAULT,
                               .clients = CLIENTS_DEFAULT,
                               .pipeline = 1,
                               .seconds = SECONDS_DEFAULT,
                               .warmup_seconds = 1,
                               .keys = KEYS_DEFAULT,
                               .value_bytes = VALUE_DEFAULT,
                               .loads = true,
                               .runs = true,
                               .seed = 1};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        longs[i].name = ROWS[i].name;
        longs[i].has_arg = ROWS[i].value == NULL ? no_argument : required_argument;
    }
    for (int code; (code = getopt_long(argc, argv, "", longs, &index)) != -1;) {
        if (code != 0)
            return false; /* getopt has said why */
        if (!parse_row(ROWS[index].name, optarg, out, &distribution_given))
            return false;
    }
    if (optind < argc)
        return complain("", argv[optind], "only options are wanted");
    if (out->clients * out->pipeline > OPEN_OPERATIONS_MAX)
        return complain("pipeline", "", "clients times pipeline is too much");
    if (!distribution_given)
        out->distribution = out->mix->distribution;
    return true;
}
