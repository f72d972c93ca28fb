#include "causal/dot.h"

int actor_compare(const struct actor *a, const struct actor *b)
{
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    if (a->storage_incarnation != b->storage_incarnation)
        return a->storage_incarnation < b->storage_incarnation ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->boot_epoch != b->boot_epoch)
        return a->boot_epoch < b->boot_epoch ? -1 : 1;
    return (a->adopt_epoch > b->adopt_epoch) - (a->adopt_epoch < b->adopt_epoch);
}

int dot_compare(const struct dot *a, const struct dot *b)
{
    int order = actor_compare(&a->actor, &b->actor);
    return order != 0 ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

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
