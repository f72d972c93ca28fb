#include "node/event.h"

#include <stdlib.h>

#include "base/memory.h"

void effects_deinit(struct effects *effects)
{
    free(effects->items);
    buffer_deinit(&effects->bytes);
    *effects = (struct effects){0};
}

void effects_clear(struct effects *effects)
{
    effects->count = 0;
    buffer_clear(&effects->bytes);
}

struct slice effect_bytes(const struct effects *effects, const struct effect *effect)
{
    if (effect->length == 0)
        return slice_make(NULL, 0);
    return slice_make(effects->bytes.data + effect->offset, effect->length);
}

struct effect *effects_add(struct effects *effects, enum effect_kind kind)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
        effects->items = memory_resize(effects->items, effects->capacity, sizeof *effects->items);
    }
    struct effect *effect = &effects->items[effects->count++];
    *effect = (struct effect){.kind = kind, .offset = effects->bytes.length};
    return effect;
}

struct effect *effects_add_bytes(struct effects *effects, enum effect_kind kind, struct slice bytes)
{
    struct effect *effect = effects_add(effects, kind);
    buffer_append_slice(&effects->bytes, bytes);
    effect->length = bytes.length;
    return effect;
}
