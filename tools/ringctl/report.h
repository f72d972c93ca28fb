/*
 * report.h - what a verb has to say, once: facts and tables, printed as text or as JSON.
 *
 * Names are those of the JSON form (a_b); the text form shows them as "a b". So the two forms
 * cannot tell different things. Texts come from other machines: what could steer a
 * terminal is shown as \xHH.
 */
#ifndef RINGCTL_REPORT_H
#define RINGCTL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum report_type {
    REPORT_TEXT,
    REPORT_NUMBER,
    REPORT_FLAG,    /* "yes" or "no"; true or false in JSON */
    REPORT_NUMBERS, /* separated by blanks; an array in JSON */
    REPORT_TEXTS,   /* separated by newlines; an array in JSON */
};

struct report_column {
    const char *name;
    enum report_type type;
};

struct report;
struct report_table; /* belongs to its report */

struct report *report_new(void);
void report_free(struct report *report);

/* `format` may be NULL: nothing is known. */
void report_fact(struct report *report, const char *name, enum report_type type, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* `columns` is borrowed as long as the report lives. */
struct report_table *report_table(struct report *report, const char *name,
                                  const struct report_column *columns, size_t count);
/* The next cell, row by row; the type is the column's. `format` as above. */
void report_cell(struct report_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Draw the eye to the latest cell: something is wrong there. */
void report_alarm(struct report_table *table);

/* Facts and tables in the order in which they were added. */
void report_print_text(const struct report *report, FILE *out, bool colors);
void report_print_json(const struct report *report, FILE *out);

#endif
