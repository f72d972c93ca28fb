#include "causal/dot.h"

void actor_encode(const struct actor *actor, struct buffer *out)
{
    buffer_put_varint(out, actor->node);
    buffer_put_varint(out, actor->storage_incarnation);
    buffer_put_varint(out, actor->kind);
    buffer_put_varint(out, actor->boot_epoch);
    buffer_put_varint(out, actor->adopt_epoch);
}

void actor_decode(struct reader *reader, struct actor *out)
{
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
