#include "report.h"

#include <inttypes.h>
#include <stdarg.h>

#include "ringctl/json.h"

static const struct {
    const char *text, *json;
    double percent;
} PERCENTILES[] = {{"p50", "p50_ms", 50},
                   {"p90", "p90_ms", 90},
                   {"p99", "p99_ms", 99},
                   {"p99.9", "p99_9_ms", 99.9},
                   {"p99.99", "p99_99_ms", 99.99}};

enum { PERCENTILE_COUNT = sizeof PERCENTILES / sizeof *PERCENTILES };

static const char *const distribution_names[] = {"zipfian", "latest", "uniform"};

static double to_ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double per(double what, double count)
{
    return count > 0 ? what / count : 0;
}

/* What the nodes used during the run, by operation. */
struct cost {
    double cpu_us, memory_mb, written_per_byte;
};

static struct cost cost_of(const struct measure *m)
{
    const struct server_usage *before = &m->usage_before, *after = &m->usage_after;
    return (struct cost){
        .cpu_us = per((double)(after->cpu_us - before->cpu_us), (double)measure_operations(m)),
        .memory_mb = (double)after->memory_bytes / 1e6,
        .written_per_byte =
            per((double)(after->written_bytes - before->written_bytes), (double)m->value_bytes)};
}

/* ---- text ---- */

static void text_load(FILE *out, const struct bench_options *o, const struct servers *servers)
{
    fprintf(out, "workload %c (%s), %" PRIu64 " keys, %zu-byte values, level %s, %zu nodes: ",
            o->mix->letter, distribution_names[o->distribution], o->keys, o->value_bytes,
            o->level == NULL ? "default" : o->level, servers->count);
    if (o->rate > 0)
        fprintf(out, "open loop, %g a second\n", o->rate);
    else
        fprintf(out, "closed loop, %u clients x %u\n", o->clients, o->pipeline);
}

static void text_times(FILE *out, const struct measure *m)
{
    fprintf(out, "%-18s %10s %9s", "ms", "count", "mean");
    for (size_t i = 0; i < PERCENTILE_COUNT; i++)
        fprintf(out, " %9s", PERCENTILES[i].text);
    fprintf(out, " %9s\n", "max");
    for (size_t kind = 0; kind < OPERATION_COUNT; kind++) {
        const struct histogram *times = &m->times[kind];
        if (times->count == 0)
            continue;
        fprintf(out, "%-18s %10" PRIu64 " %9.3f", operation_names[kind], times->count,
                histogram_mean(times) / 1e6);
        for (size_t i = 0; i < PERCENTILE_COUNT; i++)
            fprintf(out, " %9.3f", to_ms(histogram_percentile(times, PERCENTILES[i].percent)));
        fprintf(out, " %9.3f\n", to_ms(times->maximum));
    }
}

static void text_counts(FILE *out, const struct measure *m)
{
    for (size_t i = 0; i < m->class_count; i++)
        fprintf(out, "error %s: %" PRIu64 " failed, %" PRIu64 " uncertain\n", m->classes[i].name,
                m->classes[i].failed, m->classes[i].uncertain);
    if (m->misses > 0)
        fprintf(out, "%" PRIu64 " reads found no value\n", m->misses);
    if (m->times[OPERATION_SCAN].count > 0)
        fprintf(out, "%.1f keys by scan\n",
                per((double)m->scanned, (double)m->times[OPERATION_SCAN].count));
    if (m->late_starts > 0)
        fprintf(out,
                "%" PRIu64 " requests began over 1 ms late; their times count from when "
                "they were due\n",
                m->late_starts);
}

void report_text(FILE *out, const struct bench_options *options, const struct servers *servers,
                 const struct measure *m)
{
    size_t worst = measure_worst_second(m);
    struct cost cost = cost_of(m);
    fputc('\n', out);
    text_load(out, options, servers);
    fprintf(out,
            "%.0f op/s: %" PRIu64 " operations in %.2f s, %" PRIu64 " errors (%" PRIu64
            " uncertain)\n",
            per((double)measure_operations(m), measure_elapsed_s(m)), measure_operations(m),
            measure_elapsed_s(m), measure_errors(m, false), measure_errors(m, true));
    text_times(out, m);
    if (worst != SIZE_MAX)
        fprintf(out, "worst second: number %zu with %" PRIu64 " op/s, p99 %.3f ms, max %.3f ms\n",
                worst + 1, m->seconds[worst].operations, to_ms(m->seconds[worst].p99_ns),
                to_ms(m->seconds[worst].max_ns));
    text_counts(out, m);
    if (servers->local_count == 0) {
        fprintf(out, "nodes: not on this machine, so their cost is not known\n");
        return;
    }
    fprintf(out, "%zu nodes here: %.1f CPU us per operation, %.0f MB resident anonymous memory",
            servers->local_count, cost.cpu_us, cost.memory_mb);
    if (m->value_bytes > 0)
        fprintf(out, ", %.1f bytes to disk per byte written", cost.written_per_byte);
    fputc('\n', out);
}

/* ---- JSON ---- */

static void number(struct json *json, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void number(struct json *json, const char *name, const char *format, ...)
{
    char text[40];
    va_list rest;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    json_literal(json, name, text);
}

static void json_options(struct json *json, const struct bench_options *o)
{
    char letter[2] = {o->mix->letter, '\0'};
    json_open(json, "options", '{');
    json_string(json, "workload", letter);
    json_string(json, "distribution", distribution_names[o->distribution]);
    number(json, "theta", "%g", o->theta);
    json_string(json, "level", o->level);
    number(json, "keys", "%" PRIu64, o->keys);
    number(json, "value_bytes", "%zu", o->value_bytes);
    number(json, "rate", "%g", o->rate);
    number(json, "clients", "%u", o->clients);
    number(json, "pipeline", "%u", o->pipeline);
    number(json, "seconds", "%u", o->seconds);
    number(json, "seed", "%" PRIu64, o->seed);
    json_close(json, '}');
}

static void json_times(struct json *json, const struct measure *m)
{
    json_open(json, "latency", '[');
    for (size_t kind = 0; kind < OPERATION_COUNT; kind++) {
        const struct histogram *times = &m->times[kind];
        if (times->count == 0)
            continue;
        json_open(json, NULL, '{');
        json_string(json, "operation", operation_names[kind]);
        number(json, "count", "%" PRIu64, times->count);
        number(json, "mean_ms", "%.4f", histogram_mean(times) / 1e6);
        for (size_t i = 0; i < PERCENTILE_COUNT; i++)
            number(json, PERCENTILES[i].json, "%.4f",
                   to_ms(histogram_percentile(times, PERCENTILES[i].percent)));
        number(json, "max_ms", "%.4f", to_ms(times->maximum));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_second(struct json *json, const char *name, const struct measure *m, size_t index)
{
    const struct second *second = &m->seconds[index];
    json_open(json, name, '{');
    number(json, "second", "%zu", index + 1);
    number(json, "operations", "%" PRIu64, second->operations);
    number(json, "errors", "%" PRIu64, second->errors);
    number(json, "p50_ms", "%.4f", to_ms(second->p50_ns));
    number(json, "p99_ms", "%.4f", to_ms(second->p99_ns));
    number(json, "max_ms", "%.4f", to_ms(second->max_ns));
    json_close(json, '}');
}

static void json_errors(struct json *json, const struct measure *m)
{
    json_open(json, "errors", '[');
    for (size_t i = 0; i < m->class_count; i++) {
        json_open(json, NULL, '{');
        json_string(json, "class", m->classes[i].name);
        number(json, "failed", "%" PRIu64, m->classes[i].failed);
        number(json, "uncertain", "%" PRIu64, m->classes[i].uncertain);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_servers(struct json *json, const struct servers *servers, const struct measure *m)
{
    struct cost cost = cost_of(m);
    json_open(json, "servers", '{');
    number(json, "nodes", "%zu", servers->count);
    number(json, "local_nodes", "%zu", servers->local_count);
    if (servers->local_count > 0) {
        number(json, "cpu_us_per_operation", "%.3f", cost.cpu_us);
        number(json, "resident_anonymous_bytes", "%" PRIu64, m->usage_after.memory_bytes);
        number(json, "written_bytes_per_byte", "%.3f", cost.written_per_byte);
    }
    json_close(json, '}');
}

void report_json(FILE *out, const struct bench_options *options, const struct servers *servers,
                 const struct measure *m)
{
    struct json json = {.out = out};
    size_t worst = measure_worst_second(m);
    json_open(&json, NULL, '{');
    json_options(&json, options);
    number(&json, "operations", "%" PRIu64, measure_operations(m));
    number(&json, "elapsed_s", "%.4f", measure_elapsed_s(m));
    number(&json, "operations_per_second", "%.2f",
           per((double)measure_operations(m), measure_elapsed_s(m)));
    json_times(&json, m);
    json_errors(&json, m);
    number(&json, "errors_total", "%" PRIu64, measure_errors(m, false));
    number(&json, "uncertain_total", "%" PRIu64, measure_errors(m, true));
    number(&json, "misses", "%" PRIu64, m->misses);
    number(&json, "scanned_keys", "%" PRIu64, m->scanned);
    number(&json, "late_starts", "%" PRIu64, m->late_starts);
    if (worst != SIZE_MAX)
        json_second(&json, "worst_second", m, worst);
    json_servers(&json, servers, m);
    json_open(&json, "per_second", '[');
    for (size_t i = 0; i < m->second_count; i++)
        json_second(&json, NULL, m, i);
    json_close(&json, ']');
    json_close(&json, '}');
}
