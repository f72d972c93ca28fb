#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void measure_init(struct measure *m, unsigned seconds, uint64_t began_ns)
{
    *m = (struct measure){.began_ns = began_ns, .ended_ns = began_ns};
    m->second_capacity = seconds;
    m->seconds = memory_new(seconds, sizeof *m->seconds);
}

void measure_deinit(struct measure *m)
{
    free(m->seconds);
}

void measure_ok(struct measure *m, enum operation_kind kind, uint64_t time_ns)
{
    histogram_add(&m->times[kind], time_ns);
    histogram_add(&m->second_times, time_ns);
}

void measure_error(struct measure *m, const char *name, bool uncertain)
{
    char class[ERROR_CLASS_BYTES];
    size_t i = 0;
    snprintf(class, sizeof class, "%.*s", (int)strcspn(name, " "), name);
    while (i < m->class_count && strcmp(m->classes[i].name, class) != 0)
        i++;
    if (i == ERROR_CLASSES_MAX) {
        i = ERROR_CLASSES_MAX - 1;
        strcpy(m->classes[i].name, "others");
    } else if (i == m->class_count) {
        m->class_count++;
        strcpy(m->classes[i].name, class);
    }
    m->classes[i].failed += !uncertain;
    m->classes[i].uncertain += uncertain;
    m->second_errors++;
}

const struct second *measure_second(struct measure *m)
{
    if (m->second_count == m->second_capacity)
        return NULL;
    struct second *second = &m->seconds[m->second_count++];
    *second = (struct second){.operations = m->second_times.count,
                              .errors = m->second_errors,
                              .p50_ns = histogram_percentile(&m->second_times, 50),
                              .p99_ns = histogram_percentile(&m->second_times, 99),
                              .max_ns = m->second_times.maximum};
    m->second_times = (struct histogram){0};
    m->second_errors = 0;
    return second;
}

uint64_t measure_operations(const struct measure *m)
{
    uint64_t count = 0;
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        count += m->times[i].count;
    return count;
}

uint64_t measure_errors(const struct measure *m, bool uncertain_only)
{
    uint64_t count = 0;
    for (size_t i = 0; i < m->class_count; i++)
        count += m->classes[i].uncertain + (uncertain_only ? 0 : m->classes[i].failed);
    return count;
}

double measure_elapsed_s(const struct measure *m)
{
    return (double)(m->ended_ns - m->began_ns) / 1e9;
}

size_t measure_worst_second(const struct measure *m)
{
    size_t worst = SIZE_MAX;
    for (size_t i = 0; i < m->second_count; i++) {
        if (worst == SIZE_MAX || m->seconds[i].operations < m->seconds[worst].operations)
            worst = i;
    }
    return worst;
}
