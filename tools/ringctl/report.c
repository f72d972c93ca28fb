#include "report.h"

#include <assert.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "json.h"

enum { ITEMS_MAX = 32, NAME_COLUMN_MAX = 64 };

struct value {
    char *text; /* NULL: not known */
    bool alarm;
};

struct report_table {
    const struct report_column *columns;
    size_t column_count;
    struct value *cells;
    size_t cell_count, capacity;
};

/* A fact, or a table when `table` is set. */
struct item {
    const char *name;
    enum report_type type;
    struct value fact;
    struct report_table *table;
};

struct report {
    struct item items[ITEMS_MAX];
    size_t count;
};

struct report *report_new(void)
{
    return memory_new(1, sizeof(struct report));
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    for (size_t i = 0; i < report->count; i++) {
        struct report_table *table = report->items[i].table;
        free(report->items[i].fact.text);
        for (size_t j = 0; table != NULL && j < table->cell_count; j++)
            free(table->cells[j].text);
        if (table != NULL)
            free(table->cells);
        free(table);
    }
    free(report);
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (format == NULL)
        return NULL;
    if (vasprintf(&text, format, arguments) < 0)
        abort(); /* no memory (base/memory.h) */
    return text;
}

static struct item *add_item(struct report *report, const char *name)
{
    assert(report->count < ITEMS_MAX);
    struct item *item = &report->items[report->count++];
    item->name = name;
    return item;
}

void report_fact(struct report *report, const char *name, enum report_type type, const char *format,
                 ...)
{
    va_list arguments;
    struct item *item = add_item(report, name);
    item->type = type;
    va_start(arguments, format);
    item->fact.text = format_text(format, arguments);
    va_end(arguments);
}

struct report_table *report_table(struct report *report, const char *name,
                                  const struct report_column *columns, size_t count)
{
    struct item *item = add_item(report, name);
    item->table = memory_new(1, sizeof *item->table);
    item->table->columns = columns;
    item->table->column_count = count;
    return item->table;
}

void report_cell(struct report_table *table, const char *format, ...)
{
    va_list arguments;
    if (table->cell_count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
        table->cells = memory_resize(table->cells, table->capacity, sizeof *table->cells);
    }
    va_start(arguments, format);
    table->cells[table->cell_count++] = (struct value){.text = format_text(format, arguments)};
    va_end(arguments);
}

void report_alarm(struct report_table *table)
{
    assert(table->cell_count > 0);
    table->cells[table->cell_count - 1].alarm = true;
}

/* ---- text ---- */

/* "a_b" as "a b". */
static const char *title(const char *name, char out[NAME_COLUMN_MAX])
{
    snprintf(out, NAME_COLUMN_MAX, "%s", name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '_')
            *c = ' ';
    }
    return out;
}

/* Lines after the first stand under it. */
static void print_fact(FILE *out, const char *name, const char *text, int width)
{
    char shown[NAME_COLUMN_MAX];
    fprintf(out, "%-*s  ", width, title(name, shown));
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fprintf(out, "\n%*s  ", width, "");
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('\n', out);
}

static void print_table(const struct report_table *table, FILE *out, bool colors)
{
    struct libscols_table *drawn = scols_new_table();
    if (drawn == NULL)
        abort(); /* no memory (base/memory.h) */
    scols_table_set_stream(drawn, out);
    scols_table_enable_colors(drawn, colors);
    scols_table_enable_nowrap(drawn, 1);
    scols_table_set_column_separator(drawn, "  ");
    for (size_t i = 0; i < table->column_count; i++) {
        char name[NAME_COLUMN_MAX];
        int flags = table->columns[i].type == REPORT_NUMBER ? SCOLS_FL_RIGHT : 0;
        scols_table_new_column(drawn, title(table->columns[i].name, name), 0, flags);
    }
    for (size_t i = 0; i < table->cell_count; i += table->column_count) {
        struct libscols_line *line = scols_table_new_line(drawn, NULL);
        for (size_t j = 0; j < table->column_count; j++) {
            const struct value *cell = &table->cells[i + j];
            scols_line_set_data(line, j, cell->text == NULL ? "-" : cell->text);
            if (cell->alarm && colors)
                scols_cell_set_color(scols_line_get_cell(line, j), "red");
        }
    }
    scols_print_table(drawn);
    scols_unref_table(drawn);
}

void report_print_text(const struct report *report, FILE *out, bool colors)
{
    int width = 0;
    for (size_t i = 0; i < report->count; i++) {
        int length = (int)strlen(report->items[i].name);
        if (report->items[i].table == NULL && length > width)
            width = length;
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct item *item = &report->items[i];
        bool after_table = i > 0 && report->items[i - 1].table != NULL;
        if (i > 0 && (after_table || item->table != NULL))
            fputc('\n', out);
        if (item->table == NULL)
            print_fact(out, item->name, item->fact.text == NULL ? "-" : item->fact.text, width);
        else
            print_table(item->table, out, colors);
    }
}

/* ---- JSON ---- */

static void print_array(struct json *json, const char *name, const char *text, bool numbers)
{
    const char *separators = numbers ? " " : "\n";
    char *copy = memory_copy(text, strlen(text));
    char *rest = NULL;
    json_open(json, name, '[');
    for (char *word = strtok_r(copy, separators, &rest); word != NULL;
         word = strtok_r(NULL, separators, &rest)) {
        if (numbers)
            json_literal(json, NULL, word);
        else
            json_string(json, NULL, word);
    }
    json_close(json, ']');
    free(copy);
}

static void print_value(struct json *json, const char *name, enum report_type type,
                        const char *text)
{
    if (text == NULL)
        json_string(json, name, NULL);
    else if (type == REPORT_TEXT)
        json_string(json, name, text);
    else if (type == REPORT_NUMBER)
        json_literal(json, name, text);
    else if (type == REPORT_FLAG)
        json_literal(json, name, strcmp(text, "yes") == 0 ? "true" : "false");
    else
        print_array(json, name, text, type == REPORT_NUMBERS);
}

void report_print_json(const struct report *report, FILE *out)
{
    struct json json = {.out = out};
    json_open(&json, NULL, '{');
    for (size_t i = 0; i < report->count; i++) {
        const struct item *item = &report->items[i];
        const struct report_table *table = item->table;
        if (table == NULL) {
            print_value(&json, item->name, item->type, item->fact.text);
            continue;
        }
        json_open(&json, item->name, '[');
        for (size_t j = 0; j < table->cell_count; j++) {
            const struct report_column *column = &table->columns[j % table->column_count];
            if (j % table->column_count == 0)
                json_open(&json, NULL, '{');
            print_value(&json, column->name, column->type, table->cells[j].text);
            if ((j + 1) % table->column_count == 0)
                json_close(&json, '}');
        }
        json_close(&json, ']');
    }
    json_close(&json, '}');
}
