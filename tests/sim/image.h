/*
 * image.h - what is on one simulated disk, behind the store port.
 *
 * `visible` is what reads see, `synced` what a crash cannot take. Batches that
 * are written but not synced lie between them, in their order; a crash keeps
 * some first ones of them, as LevelDB's log does. The adapter of this
 * simulator syncs one batch at a time and shows it when it is synced; the
 * mutant ack-before-sync is what needs more than one.
 */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"
#include "replica/store_port.h"
#include "sim/ordered_map.h"

struct image {
    struct ordered_map visible;
    struct ordered_map synced;
    struct buffer *unsynced;
    size_t unsynced_count;
    size_t unsynced_capacity;
    struct random random;
    uint32_t read_errors_ppm; /* of gets and of iterator steps */
    uint64_t read_error_count;
    bool closed;       /* every read fails, as while a database is being reopened */
    uint64_t rot_seed; /* which records are rotten: */
    uint32_t rot_ppm;  /* so many of them */
    bool damaged;      /* one of them was read, and since then nothing is answered */
};

void image_init(struct image *image, uint64_t seed);
void image_deinit(struct image *image);
/* Lend the image to a store side. */
struct store_port image_port(struct image *image);

/* A batch is on its way to the disk; `show` it to reads before it is synced. */
void image_write(struct image *image, struct slice batch, bool show);
/* The oldest `count` unsynced batches are durable and visible. */
void image_sync(struct image *image, size_t count);
/* Power loss: the first `keep` unsynced batches turn out to be durable, the others are gone. */
void image_crash(struct image *image, size_t keep);
/* A new disk. */
void image_wipe(struct image *image);

#endif
