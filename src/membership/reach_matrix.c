#include "membership/reach_matrix.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/roster.h"
#include "wire/message_reach.h"

_Static_assert((int)REACH_CELLS_MAX >= (int)RING_MEMBERS_MAX, "a report names every member");

/* `since_ms` of a cell counts back from made_us; of the own row it is set when a report is made. */
struct row {
    node_id id; /* who says so */
    bool known; /* there is a report */
    uint64_t life, number;
    uint64_t made_us;         /* by the own clock */
    struct reach_cell *cells; /* by rising node */
    uint32_t count;
};

struct own_path {
    node_id id;
    bool reached;
    uint64_t since_us; /* it became so */
};

struct reach_matrix {
    struct reach_matrix_params params;
    struct row *rows; /* of all members */
    uint32_t row_count;
    struct own_path *paths; /* to all other members */
    uint32_t path_count;
    uint64_t due_us;
    uint64_t number; /* of the own report */
};

/* ---- whom it is about --------------------------------------------------------------------- */

static void end_row(void *item, void *context)
{
    (void)context;
    free(((struct row *)item)->cells);
}

static void begin_path(void *item, const struct ring_member *member, void *context)
{
    (void)member;
    ((struct own_path *)item)->since_us = *(const uint64_t *)context;
}

void reach_matrix_follow_ring(struct reach_matrix *matrix, uint64_t now_us)
{
    static const struct roster_kind ROWS = {.size = sizeof(struct row), .end = end_row};
    static const struct roster_kind PATHS = {.size = sizeof(struct own_path), .begin = begin_path};
    const struct ring *ring = matrix->params.ring;
    matrix->rows = roster_follow(matrix->rows, &matrix->row_count, ring, 0, &ROWS, NULL);
    matrix->paths = roster_follow(matrix->paths, &matrix->path_count, ring, matrix->params.self,
                                  &PATHS, &now_us);
    matrix->due_us = now_us;
}

struct reach_matrix *reach_matrix_new(const struct reach_matrix_params *params)
{
    struct reach_matrix *matrix = memory_new(1, sizeof *matrix);
    matrix->params = *params;
    reach_matrix_follow_ring(matrix, 0);
    return matrix;
}

void reach_matrix_start(struct reach_matrix *matrix, uint64_t now_us)
{
    for (uint32_t i = 0; i < matrix->path_count; i++)
        matrix->paths[i].since_us = now_us;
    matrix->due_us = now_us;
}

void reach_matrix_free(struct reach_matrix *matrix)
{
    if (matrix == NULL)
        return;
    for (uint32_t i = 0; i < matrix->row_count; i++)
        end_row(&matrix->rows[i], NULL);
    free(matrix->rows);
    free(matrix->paths);
    free(matrix);
}

static int compare_row(const void *key, const void *item)
{
    node_id id = *(const node_id *)key, other = ((const struct row *)item)->id;
    return (id > other) - (id < other);
}

static struct row *find_row(const struct reach_matrix *matrix, node_id id)
{
    return bsearch(&id, matrix->rows, matrix->row_count, sizeof *matrix->rows, compare_row);
}

static int compare_cell(const void *key, const void *item)
{
    node_id id = *(const node_id *)key, other = ((const struct reach_cell *)item)->node;
    return (id > other) - (id < other);
}

static const struct reach_cell *find_cell(const struct row *row, node_id to)
{
    if (row->count == 0)
        return NULL;
    return bsearch(&to, row->cells, row->count, sizeof *row->cells, compare_cell);
}

static void set_cells(struct row *row, const struct reach_cell *cells, uint32_t count)
{
    if (row->count != count) {
        free(row->cells);
        row->cells = count == 0 ? NULL : memory_new(count, sizeof *row->cells);
        row->count = count;
    }
    if (count > 0)
        memcpy(row->cells, cells, count * sizeof *cells);
}

/* ---- the own row -------------------------------------------------------------------------- */

void reach_matrix_note(struct reach_matrix *matrix, node_id peer, bool reached, uint64_t now_us)
{
    uint64_t soon_us = now_us + REACH_SOON_MS * 1000;
    for (uint32_t i = 0; i < matrix->path_count; i++) {
        struct own_path *path = &matrix->paths[i];
        if (path->id != peer || path->reached == reached)
            continue;
        path->reached = reached;
        path->since_us = now_us;
        if (matrix->due_us > soon_us)
            matrix->due_us = soon_us;
    }
}

void reach_matrix_renew(struct reach_matrix *matrix, uint64_t now_us)
{
    struct reach_cell cells[REACH_CELLS_MAX];
    struct row *row = find_row(matrix, matrix->params.self);
    matrix->due_us = now_us + REACH_INTERVAL_MS * 1000;
    if (row == NULL)
        return; /* no member any more */
    for (uint32_t i = 0; i < matrix->path_count; i++) {
        const struct own_path *path = &matrix->paths[i];
        cells[i] = (struct reach_cell){path->id, path->reached, (now_us - path->since_us) / 1000};
    }
    set_cells(row, cells, matrix->path_count);
    row->known = true;
    row->life = matrix->params.life;
    row->number = ++matrix->number;
    row->made_us = now_us;
}

uint64_t reach_matrix_deadline_us(const struct reach_matrix *matrix)
{
    return matrix->due_us;
}

/* ---- reports ------------------------------------------------------------------------------ */

static uint64_t age_ms(const struct row *row, uint64_t now_us)
{
    return now_us <= row->made_us ? 0 : (now_us - row->made_us) / 1000;
}

static bool is_fresh(const struct row *row, uint64_t now_us)
{
    return row->known && age_ms(row, now_us) < REACH_STALE_MS;
}

static void put_row(const struct row *row, uint64_t now_us, struct buffer *out)
{
    node_id before = 0;
    reach_report_encode(&(struct reach_report){.node = row->id,
                                               .life = row->life,
                                               .number = row->number,
                                               .age_ms = age_ms(row, now_us),
                                               .count = row->count},
                        out);
    for (uint32_t i = 0; i < row->count; i++) {
        reach_cell_encode(&row->cells[i], before, out);
        before = row->cells[i].node;
    }
}

/* Whether `to` hears nothing from `from` itself, by its own report. */
static bool misses(const struct reach_matrix *matrix, node_id to, node_id from, uint64_t now_us)
{
    return reach_matrix_between(matrix, to, from, now_us).reach == REACH_NO;
}

void reach_matrix_report(const struct reach_matrix *matrix, node_id to, uint64_t now_us,
                         struct buffer *out)
{
    const struct row *own = find_row(matrix, matrix->params.self);
    if (own == NULL || !own->known)
        return;
    put_row(own, now_us, out);
    for (uint32_t i = 0; i < matrix->row_count; i++) {
        const struct row *row = &matrix->rows[i];
        if (row != own && row->id != to && is_fresh(row, now_us) &&
            misses(matrix, to, row->id, now_us))
            put_row(row, now_us, out);
    }
}

static bool is_newer(const struct reach_report *report, const struct row *row)
{
    if (!row->known || report->life != row->life)
        return !row->known || report->life > row->life;
    return report->number > row->number;
}

/* One report, and its cells. */
static void take_report(struct reach_matrix *matrix, struct reader *reader, uint64_t now_us)
{
    struct reach_cell cells[REACH_CELLS_MAX];
    struct reach_report report;
    node_id before = 0;
    reach_report_decode(reader, &report);
    for (uint32_t i = 0; i < report.count && !reader->failed; i++) {
        reach_cell_decode(reader, before, &cells[i]);
        before = cells[i].node;
    }
    struct row *row = find_row(matrix, report.node);
    if (reader->failed || row == NULL || row->id == matrix->params.self || !is_newer(&report, row))
        return; /* V1, V2; of a member that this node does not know yet, or any more */
    uint64_t age_us = report.age_ms > now_us / 1000 ? now_us : report.age_ms * 1000;
    row->known = true;
    row->life = report.life;
    row->number = report.number;
    row->made_us = now_us - age_us;
    set_cells(row, cells, report.count);
}

enum status reach_matrix_take(struct reach_matrix *matrix, struct slice body, uint64_t now_us)
{
    struct reader reader = reader_make(body);
    while (reader_left(&reader) > 0 && !reader.failed)
        take_report(matrix, &reader, now_us);
    return reader_end(&reader);
}

/* ---- what is known ------------------------------------------------------------------------ */

static struct reach_view own_view(const struct reach_matrix *matrix, node_id to, uint64_t now_us)
{
    for (uint32_t i = 0; i < matrix->path_count; i++) {
        const struct own_path *path = &matrix->paths[i];
        if (path->id == to && path->reached)
            return (struct reach_view){.reach = REACH_YES};
        if (path->id == to)
            return (struct reach_view){REACH_NO, (now_us - path->since_us) / 1000};
    }
    return (struct reach_view){.reach = REACH_UNKNOWN};
}

struct reach_view reach_matrix_between(const struct reach_matrix *matrix, node_id from, node_id to,
                                       uint64_t now_us)
{
    if (from == to)
        return (struct reach_view){.reach = REACH_YES};
    if (from == matrix->params.self)
        return own_view(matrix, to, now_us);
    const struct row *row = find_row(matrix, from);
    if (row == NULL || !is_fresh(row, now_us))
        return (struct reach_view){.reach = REACH_UNKNOWN};
    const struct reach_cell *cell = find_cell(row, to); /* NULL: V3 */
    if (cell == NULL)
        return (struct reach_view){.reach = REACH_UNKNOWN};
    if (cell->reached)
        return (struct reach_view){.reach = REACH_YES};
    return (struct reach_view){REACH_NO, cell->since_ms + age_ms(row, now_us)};
}

uint64_t reach_matrix_age_ms(const struct reach_matrix *matrix, node_id from, uint64_t now_us)
{
    const struct row *row = find_row(matrix, from);
    if (from == matrix->params.self)
        return 0;
    return row == NULL || !row->known ? UINT64_MAX : age_ms(row, now_us);
}
