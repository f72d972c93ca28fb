#include "base/metric.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log_histogram.h"

uint64_t metric_value(const struct metric *metric, const void *values)
{
    const uint8_t *at = (const uint8_t *)values + metric->offset;
    switch ((enum metric_kind)metric->kind) {
    case METRIC_BOOL:
        return *(const bool *)at;
    case METRIC_U8:
        return *at;
    case METRIC_U16: {
        uint16_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    case METRIC_U32: {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    case METRIC_U64:
    case METRIC_I64:
        break;
    }
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void metric_put_value(const struct metric *metric, const void *values, struct buffer *out)
{
    uint64_t value = metric_value(metric, values);
    if (metric->kind == METRIC_I64)
        buffer_printf(out, "%" PRId64, (int64_t)value);
    else
        buffer_printf(out, "%" PRIu64, value);
}

/* ---- a page ---- */

static const char *const TYPES[] = {
    [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"};

static bool is_time(enum metric_unit unit)
{
    return unit == METRIC_SECONDS || unit == METRIC_MILLISECONDS || unit == METRIC_MICROSECONDS;
}

static unsigned long per_second(enum metric_unit unit)
{
    return unit == METRIC_MICROSECONDS ? 1000000 : unit == METRIC_MILLISECONDS ? 1000 : 1;
}

static unsigned decimals(enum metric_unit unit)
{
    return unit == METRIC_MICROSECONDS ? 6 : unit == METRIC_MILLISECONDS ? 3 : 0;
}

/* OpenMetrics names the family of a counter without what its samples end with. */
static int family_length(const struct metric_page *page)
{
    size_t length = strlen(page->name);
    if (page->open_metrics && page->type == METRIC_COUNTER)
        length -= strlen("_total");
    return (int)length;
}

void metric_page_family(struct metric_page *page, const char *name, enum metric_type type,
                        enum metric_unit unit, const char *help)
{
    page->name = name;
    page->type = type;
    page->unit = unit;
    int length = family_length(page);
    buffer_printf(page->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", length, name, help, length, name,
                  TYPES[type]);
    if (page->open_metrics && unit != METRIC_PLAIN)
        buffer_printf(page->out, "# UNIT %.*s %s\n", length, name,
                      is_time(unit) ? "seconds" : "bytes");
}

/* The value in the unit of the page, as a decimal that is exact. */
static void put_scaled(struct buffer *out, enum metric_unit unit, uint64_t value)
{
    unsigned long scale = per_second(unit);
    if (scale == 1)
        buffer_printf(out, "%" PRIu64, value);
    else
        buffer_printf(out, "%" PRIu64 ".%0*" PRIu64, value / scale, (int)decimals(unit),
                      value % scale);
}

static void put_name(struct metric_page *page, const char *suffix, const char *labels)
{
    buffer_printf(page->out, "%s%s", page->name, suffix);
    if (labels[0] != '\0')
        buffer_printf(page->out, "{%s}", labels);
    buffer_put_u8(page->out, ' ');
}

static void put_sample(struct metric_page *page, const char *suffix, const char *labels,
                       enum metric_unit unit, uint64_t value)
{
    put_name(page, suffix, labels);
    put_scaled(page->out, unit, value);
    buffer_put_u8(page->out, '\n');
}

void metric_page_number(struct metric_page *page, const char *labels, uint64_t value)
{
    put_sample(page, "", labels, page->unit, value);
}

void metric_page_signed(struct metric_page *page, const char *labels, int64_t value)
{
    put_name(page, "", labels);
    if (value < 0)
        buffer_put_u8(page->out, '-');
    put_scaled(page->out, page->unit, value < 0 ? -(uint64_t)value : (uint64_t)value);
    buffer_put_u8(page->out, '\n');
}

/* A whole number that is at most 2^bits - 1 is below 2^bits; so is a time, cut to microseconds. */
static void put_bucket(struct metric_page *page, const char *labels, unsigned bits, uint64_t count)
{
    uint64_t bound = (uint64_t)1 << bits;
    buffer_printf(page->out, "%s_bucket{%s%sle=\"", page->name, labels, labels[0] ? "," : "");
    put_scaled(page->out, page->unit, is_time(page->unit) ? bound : bound - 1);
    if (page->open_metrics && per_second(page->unit) == 1)
        buffer_printf(page->out, ".0"); /* the canonical form of a float */
    buffer_printf(page->out, "\"} %" PRIu64 "\n", count);
}

void metric_page_histogram(struct metric_page *page, const char *labels,
                           const struct log_histogram *histogram, unsigned first, unsigned last)
{
    assert(first <= last && last <= LOG_HISTOGRAM_TOP_BITS);
    for (unsigned bits = first; bits <= last; bits++)
        put_bucket(page, labels, bits, log_histogram_below(histogram, bits));
    buffer_printf(page->out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", page->name, labels,
                  labels[0] ? "," : "", histogram->count);
    put_sample(page, "_sum", labels, page->unit, histogram->sum);
    put_sample(page, "_count", labels, METRIC_PLAIN, histogram->count);
}

void metric_page_table(struct metric_page *page, const struct metric *table, size_t count,
                       const void *values)
{
    for (size_t i = 0; i < count; i++) {
        const struct metric *row = &table[i];
        if (row->name == NULL)
            continue; /* a field of INFO only */
        if (i == 0 || table[i - 1].name == NULL || strcmp(row->name, table[i - 1].name) != 0)
            metric_page_family(page, row->name, (enum metric_type)row->type,
                               (enum metric_unit)row->unit, row->help);
        if (row->kind == METRIC_I64)
            metric_page_signed(page, row->labels, (int64_t)metric_value(row, values));
        else
            metric_page_number(page, row->labels, metric_value(row, values));
    }
}

void metric_page_end(struct metric_page *page)
{
    if (page->open_metrics)
        buffer_append_slice(page->out, slice_text("# EOF\n"));
}

void metric_label(char labels[METRIC_LABELS_MAX], const char *name, const char *text)
{
    char escaped[METRIC_LABELS_MAX];
    size_t length = 0, used = strlen(labels);
    for (; *text != '\0' && length + 3 < sizeof escaped; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            escaped[length++] = '\\';
        escaped[length++] = *text == '\n' ? 'n' : *text;
    }
    escaped[length] = '\0';
    /* A label that does not fit is left out whole: half of one would spoil the page. */
    int needed = snprintf(NULL, 0, "%s%s=\"%s\"", used > 0 ? "," : "", name, escaped);
    if (used + (size_t)needed < METRIC_LABELS_MAX)
        snprintf(labels + used, METRIC_LABELS_MAX - used, "%s%s=\"%s\"", used > 0 ? "," : "", name,
                 escaped);
}
