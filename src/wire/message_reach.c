#include "wire/message_reach.h"

void reach_report_encode(const struct reach_report *report, struct buffer *out)
{
    buffer_put_varint(out, report->node);
    buffer_put_varint(out, report->life);
    buffer_put_varint(out, report->number);
    buffer_put_varint(out, report->age_ms);
    buffer_put_varint(out, report->count);
}

void reach_cell_encode(const struct reach_cell *cell, node_id before, struct buffer *out)
{
    buffer_put_varint(out, (uint64_t)(cell->node - before) * 2 + cell->reached);
    if (!cell->reached)
        buffer_put_varint(out, cell->since_ms);
}

void reach_report_decode(struct reader *reader, struct reach_report *out)
{
    out->node = (node_id)reader_varint_max(reader, UINT32_MAX);
    out->life = reader_varint(reader);
    out->number = reader_varint(reader);
    out->age_ms = reader_varint(reader);
    out->count = (uint32_t)reader_varint_max(reader, REACH_CELLS_MAX);
}

void reach_cell_decode(struct reader *reader, node_id before, struct reach_cell *out)
{
    uint64_t item = reader_varint_max(reader, 2 * (uint64_t)UINT32_MAX + 1);
    uint64_t node = before + item / 2;
    if (item / 2 == 0 || node > UINT32_MAX)
        reader->failed = true;
    *out = (struct reach_cell){.node = (node_id)node, .reached = item % 2 == 1};
    if (!out->reached)
        out->since_ms = reader_varint(reader);
}
