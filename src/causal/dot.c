#include "causal/dot.h"

/* Nearly every actor is five numbers of one byte each, which are then written and read at once. */
enum { SHORT_BYTES = 5, SHORT_END = 0x80 };

void actor_encode(const struct actor *actor, struct buffer *out)
{
    uint32_t all = actor->node | actor->storage_incarnation | actor->kind | actor->boot_epoch |
                   actor->adopt_epoch;
    if (all < SHORT_END) {
        uint8_t *to = buffer_reserve(out, SHORT_BYTES);
        to[0] = (uint8_t)actor->node;
        to[1] = (uint8_t)actor->storage_incarnation;
        to[2] = (uint8_t)actor->kind;
        to[3] = (uint8_t)actor->boot_epoch;
        to[4] = (uint8_t)actor->adopt_epoch;
        out->length += SHORT_BYTES;
        return;
    }
    buffer_put_varint(out, actor->node);
    buffer_put_varint(out, actor->storage_incarnation);
    buffer_put_varint(out, actor->kind);
    buffer_put_varint(out, actor->boot_epoch);
    buffer_put_varint(out, actor->adopt_epoch);
}

void actor_decode(struct reader *reader, struct actor *out)
{
    const uint8_t *from = reader->next;
    if (reader_left(reader) >= SHORT_BYTES &&
        (from[0] | from[1] | from[2] | from[3] | from[4]) < SHORT_END) {
        *out = (struct actor){from[0], from[1], from[2], from[3], from[4]};
        reader->next += SHORT_BYTES;
        return;
    }
    *out = (struct actor){0};
    struct actor actor = {0};
    actor.node = (node_id)reader_varint_max(reader, UINT32_MAX);
    actor.storage_incarnation = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    actor.kind = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    actor.boot_epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    actor.adopt_epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    if (!reader->failed)
        *out = actor;
}

void dot_encode(const struct dot *dot, struct buffer *out)
{
    actor_encode(&dot->actor, out);
    buffer_put_varint(out, dot->sequence);
}

void dot_decode(struct reader *reader, struct dot *out)
{
    *out = (struct dot){0};
    struct dot dot = {0};
    actor_decode(reader, &dot.actor);
    dot.sequence = reader_varint(reader);
    if (dot.sequence == 0)
        reader->failed = true;
    if (!reader->failed)
        *out = dot;
}
