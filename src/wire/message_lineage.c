#include "wire/message_lineage.h"

#include <assert.h>

#include "wire/record.h"

void lineage_encode(const struct lineage *lineage, struct buffer *out)
{
    assert(lineage->count <= LINEAGE_LIVES_MAX);
    buffer_put_u16(out, lineage->storage_incarnation);
    buffer_put_u8(out, lineage->count);
    for (uint8_t i = 0; i < lineage->count; i++) {
        buffer_put_u64(out, lineage->lives[i].id);
        buffer_put_varint(out, lineage->lives[i].opened);
    }
    buffer_put_varint(out, lineage->commits);
}

/* Lives begin one after the other. */
static bool is_in_order(const struct lineage *lineage)
{
    for (uint8_t i = 0; i < lineage->count; i++) {
        uint64_t end = i + 1 < lineage->count ? lineage->lives[i + 1].opened : lineage->commits;
        if (lineage->lives[i].opened > end)
            return false;
    }
    return true;
}

void lineage_decode(struct reader *reader, struct lineage *out)
{
    *out = (struct lineage){0};
    out->storage_incarnation = reader_u16(reader);
    out->count = reader_u8(reader);
    if (out->count > LINEAGE_LIVES_MAX) {
        out->count = 0;
        reader->failed = true;
    }
    for (uint8_t i = 0; i < out->count; i++) {
        out->lives[i].id = reader_u64(reader);
        out->lives[i].opened = reader_varint(reader);
    }
    out->commits = reader_varint(reader);
    if (!is_in_order(out))
        reader->failed = true;
}

void lineage_witness_encode(const struct lineage_witness *witness, struct buffer *out)
{
    buffer_put_u32(out, witness->node);
    buffer_put_u16(out, witness->storage_incarnation);
    buffer_put_u64(out, witness->life);
    buffer_put_varint(out, witness->commits);
}

void lineage_witness_decode(struct reader *reader, struct lineage_witness *out)
{
    *out = (struct lineage_witness){0};
    out->node = reader_u32(reader);
    out->storage_incarnation = reader_u16(reader);
    out->life = reader_u64(reader);
    out->commits = reader_varint(reader);
    if (out->node == 0 || out->storage_incarnation == 0)
        reader->failed = true;
}

void message_lineage_judged_encode(const struct message_lineage_judged *judged, struct buffer *out)
{
    buffer_put_u8(out, judged->verdict);
    buffer_put_u16(out, judged->storage_incarnation);
    buffer_put_varint(out, judged->commits);
}

enum status message_lineage_judged_decode(struct slice body, struct message_lineage_judged *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_lineage_judged){0};
    out->verdict = reader_u8(&reader);
    out->storage_incarnation = reader_u16(&reader);
    out->commits = reader_varint(&reader);
    if (out->verdict > LINEAGE_FENCED)
        reader.failed = true;
    return reader_end(&reader);
}

void message_lineage_shown_encode(const struct message_lineage_shown *shown, struct buffer *out)
{
    buffer_put_varint(out, shown->commits);
    buffer_put_u8(out, shown->rebuilding);
}

enum status message_lineage_shown_decode(struct slice body, struct message_lineage_shown *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_lineage_shown){0};
    out->commits = reader_varint(&reader);
    uint8_t rebuilding = reader_u8(&reader);
    if (rebuilding > 1)
        reader.failed = true;
    out->rebuilding = rebuilding == 1;
    return reader_end(&reader);
}

void record_lineage_name(struct buffer *out)
{
    buffer_put_u8(out, RECORD_LINEAGE);
    buffer_put_u8(out, 'l');
}

void record_commits_name(struct buffer *out)
{
    buffer_put_u8(out, RECORD_LINEAGE);
    buffer_put_u8(out, 'c');
}

void record_witness_name(node_id node, struct buffer *out)
{
    buffer_put_u8(out, RECORD_LINEAGE);
    buffer_put_u8(out, 'n');
    buffer_put_u32(out, node);
}

static struct reader open_record(struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    if (reader_u8(&reader) != RECORD_VERSION)
        reader.failed = true;
    return reader;
}

void lineage_record_encode(const struct lineage *lineage, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    lineage_encode(lineage, out);
}

enum status lineage_record_decode(struct slice bytes, struct lineage *out)
{
    struct reader reader = open_record(bytes);
    lineage_decode(&reader, out);
    return reader_end(&reader);
}

void commits_record_encode(uint64_t commits, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u64(out, commits);
}

enum status commits_record_decode(struct slice bytes, uint64_t *out)
{
    struct reader reader = open_record(bytes);
    *out = reader_u64(&reader);
    return reader_end(&reader);
}

void witness_record_encode(const struct lineage_witness *witness, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    lineage_witness_encode(witness, out);
}

enum status witness_record_decode(struct slice bytes, struct lineage_witness *out)
{
    struct reader reader = open_record(bytes);
    lineage_witness_decode(&reader, out);
    return reader_end(&reader);
}
