/*
 * metric.h - numbers with a name, a type, a unit and a help text, and the forms they are read in.
 *
 * A row of a table describes one number: its family and labels for a page of metrics, its field
 * for INFO, and where the value lies in a struct that its owner fills in. So a number has one
 * name in each form, and both forms show the same value.
 *
 *     # HELP ringd_hints_pending Writes kept here for owners that could not be reached.
 *     # TYPE ringd_hints_pending gauge
 *     ringd_hints_pending 12
 *
 * A page is text 0.0.4, or OpenMetrics 1.0 which names a counter's family without its `_total`,
 * tells units and ends with a line of its own. All rows of a family stand together.
 *
 * Histograms are told at powers of two, where the counts are exact. Times are microseconds
 * inside and in INFO, and seconds on a page.
 * Sources: Prometheus "Exposition formats" and "Metric and label naming"; OpenMetrics 1.0.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct log_histogram; /* base/log_histogram.h */

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

/* What the stored number counts; a page tells all times in seconds. */
enum metric_unit {
    METRIC_PLAIN,
    METRIC_BYTES,
    METRIC_SECONDS,
    METRIC_MILLISECONDS,
    METRIC_MICROSECONDS
};

/* How the value lies in memory. */
enum metric_kind { METRIC_BOOL, METRIC_U8, METRIC_U16, METRIC_U32, METRIC_U64, METRIC_I64 };

/* The kind of a member, as a constant. */
#define METRIC_KIND_OF(value)                                                                      \
    _Generic((value), bool                                                                         \
             : METRIC_BOOL, uint8_t                                                                \
             : METRIC_U8, uint16_t                                                                 \
             : METRIC_U16, uint32_t                                                                \
             : METRIC_U32, uint64_t                                                                \
             : METRIC_U64, int64_t                                                                 \
             : METRIC_I64)

struct metric {
    const char *name;   /* of its family, with the unit; a counter's ends with _total */
    const char *labels; /* as on the page, without braces: `state="up"`; "": none */
    const char *help;   /* of the family: one sentence */
    const char *field;  /* of INFO; NULL: none */
    uint8_t section;    /* of INFO; what the numbers mean is the table's */
    uint8_t type;       /* enum metric_type, not METRIC_HISTOGRAM */
    uint8_t unit;       /* enum metric_unit */
    uint8_t kind;       /* enum metric_kind */
    size_t offset;      /* of the value in the struct that is read */
};

/* The stored value; one below zero as its two's complement. */
uint64_t metric_value(const struct metric *metric, const void *values);
/* As INFO shows it, in decimal. */
void metric_put_value(const struct metric *metric, const void *values, struct buffer *out);

/* A page as it is written. Families come one after the other. */
struct metric_page {
    struct buffer *out;
    bool open_metrics;
    const char *name; /* of the family under way */
    enum metric_type type;
    enum metric_unit unit;
};

enum { METRIC_LABELS_MAX = 512 };

/* HELP and TYPE of a family. `name` lives until the next one begins. */
void metric_page_family(struct metric_page *page, const char *name, enum metric_type type,
                        enum metric_unit unit, const char *help);
/* One number of the family, as it is stored: in its unit. */
void metric_page_number(struct metric_page *page, const char *labels, uint64_t value);
void metric_page_signed(struct metric_page *page, const char *labels, int64_t value);
/* Of a histogram with buckets up to 2^`first` .. 2^`last` - 1. */
void metric_page_histogram(struct metric_page *page, const char *labels,
                           const struct log_histogram *histogram, unsigned first, unsigned last);
/* All rows of a table; those of one family stand together in it. */
void metric_page_table(struct metric_page *page, const struct metric *table, size_t count,
                       const void *values);
void metric_page_end(struct metric_page *page);

/* `name="text"`, escaped, after a comma when `labels` has others. Cut at METRIC_LABELS_MAX. */
void metric_label(char labels[METRIC_LABELS_MAX], const char *name, const char *text);

#endif
