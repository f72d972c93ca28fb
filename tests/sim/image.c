#include "sim/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

struct store_iterator {
    struct image *image;
    struct ordered_map view;
    struct ordered_map_cursor cursor;
    enum status error;
};

static void apply(struct ordered_map *map, struct slice batch)
{
    struct reader reader = reader_make(batch);
    enum store_operation operation;
    struct slice key, value;
    while (store_batch_next(&reader, &operation, &key, &value)) {
        if (operation == STORE_PUT)
            ordered_map_put(map, key, value);
        else
            ordered_map_remove(map, key);
    }
}

static bool read_fails(struct image *image)
{
    if (image->closed)
        return true;
    if (image->read_errors_ppm == 0 ||
        !random_chance(&image->random, image->read_errors_ppm, 1000000))
        return false;
    image->read_error_count++;
    return true;
}

/* What this record, or after it any, is answered with. */
static enum status rot_of(struct image *image, struct slice key)
{
    if (image->rot_ppm > 0 && hash64(key, image->rot_seed) % 1000000 < image->rot_ppm)
        image->damaged = true;
    return image->damaged ? STATUS_CORRUPT : STATUS_OK;
}

static enum status port_get(void *context, struct slice key, struct buffer *out)
{
    struct image *image = context;
    struct slice value;
    if (read_fails(image))
        return STATUS_IO;
    if (image->damaged)
        return STATUS_CORRUPT;
    if (!ordered_map_get(&image->visible, key, &value))
        return STATUS_NOT_FOUND;
    if (rot_of(image, key) != STATUS_OK)
        return STATUS_CORRUPT;
    buffer_append_slice(out, value);
    return STATUS_OK;
}

static struct store_iterator *port_iterator_new(void *context)
{
    struct image *image = context;
    struct store_iterator *iterator = memory_new(1, sizeof *iterator);
    iterator->image = image;
    ordered_map_assign(&iterator->view, &image->visible);
    return iterator;
}

static void port_iterator_free(struct store_iterator *iterator)
{
    if (iterator == NULL)
        return;
    ordered_map_deinit(&iterator->view);
    free(iterator);
}

/* A failure ends the walk; seeking again does not make it forgotten. */
static bool step_fails(struct store_iterator *iterator)
{
    if (iterator->error == STATUS_OK && read_fails(iterator->image))
        iterator->error = STATUS_IO;
    if (iterator->error == STATUS_OK && iterator->image->damaged)
        iterator->error = STATUS_CORRUPT;
    return iterator->error != STATUS_OK;
}

/* After every move. */
static void settle(struct store_iterator *iterator)
{
    if (iterator->error == STATUS_OK && ordered_map_valid(&iterator->cursor))
        iterator->error = rot_of(iterator->image, ordered_map_key(&iterator->cursor));
}

static void port_seek(struct store_iterator *iterator, struct slice key)
{
    if (!step_fails(iterator))
        ordered_map_seek(&iterator->view, key, &iterator->cursor);
    settle(iterator);
}

static void port_seek_before(struct store_iterator *iterator, struct slice key)
{
    if (!step_fails(iterator))
        ordered_map_seek_before(&iterator->view, key, &iterator->cursor);
    settle(iterator);
}

static void port_next(struct store_iterator *iterator)
{
    if (!step_fails(iterator))
        ordered_map_next(&iterator->cursor);
    settle(iterator);
}

static void port_previous(struct store_iterator *iterator)
{
    if (!step_fails(iterator))
        ordered_map_previous(&iterator->cursor);
    settle(iterator);
}

static bool port_valid(const struct store_iterator *iterator)
{
    return iterator->error == STATUS_OK && ordered_map_valid(&iterator->cursor);
}

static struct slice port_key(const struct store_iterator *iterator)
{
    return ordered_map_key(&iterator->cursor);
}

static struct slice port_value(const struct store_iterator *iterator)
{
    return ordered_map_value(&iterator->cursor);
}

static enum status port_error(const struct store_iterator *iterator)
{
    return iterator->error;
}

void image_init(struct image *image, uint64_t seed)
{
    *image = (struct image){.random = random_make(seed)};
}

static void drop_unsynced(struct image *image)
{
    for (size_t i = 0; i < image->unsynced_count; i++)
        buffer_deinit(&image->unsynced[i]);
    image->unsynced_count = 0;
}

void image_deinit(struct image *image)
{
    drop_unsynced(image);
    free(image->unsynced);
    ordered_map_deinit(&image->visible);
    ordered_map_deinit(&image->synced);
    image->rot_ppm = 0;
    image->damaged = false;
}

struct store_port image_port(struct image *image)
{
    return (struct store_port){.context = image,
                               .get = port_get,
                               .iterator_new = port_iterator_new,
                               .iterator_free = port_iterator_free,
                               .seek = port_seek,
                               .seek_before = port_seek_before,
                               .next = port_next,
                               .previous = port_previous,
                               .valid = port_valid,
                               .key = port_key,
                               .value = port_value,
                               .error = port_error};
}

void image_write(struct image *image, struct slice batch, bool show)
{
    if (image->unsynced_count == image->unsynced_capacity) {
        image->unsynced_capacity = image->unsynced_capacity == 0 ? 4 : image->unsynced_capacity * 2;
        image->unsynced =
            memory_resize(image->unsynced, image->unsynced_capacity, sizeof *image->unsynced);
    }
    struct buffer *copy = &image->unsynced[image->unsynced_count++];
    *copy = (struct buffer){0};
    buffer_append_slice(copy, batch);
    if (show)
        apply(&image->visible, batch);
}

void image_sync(struct image *image, size_t count)
{
    assert(count <= image->unsynced_count);
    for (size_t i = 0; i < count; i++) {
        apply(&image->synced, buffer_slice(&image->unsynced[i]));
        buffer_deinit(&image->unsynced[i]);
    }
    image->unsynced_count -= count;
    memmove(image->unsynced, image->unsynced + count,
            image->unsynced_count * sizeof *image->unsynced);
    ordered_map_assign(&image->visible, &image->synced);
    for (size_t i = 0; i < image->unsynced_count; i++)
        apply(&image->visible, buffer_slice(&image->unsynced[i]));
}

void image_crash(struct image *image, size_t keep)
{
    assert(keep <= image->unsynced_count);
    for (size_t i = 0; i < keep; i++)
        apply(&image->synced, buffer_slice(&image->unsynced[i]));
    drop_unsynced(image);
    ordered_map_assign(&image->visible, &image->synced);
}

void image_wipe(struct image *image)
{
    drop_unsynced(image);
    ordered_map_deinit(&image->visible);
    ordered_map_deinit(&image->synced);
    image->rot_ppm = 0;
    image->damaged = false;
}
