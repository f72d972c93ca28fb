/*
 * geo_grid.h - places on the globe as cells of a grid, and areas as ranges of their numbers.
 *
 * The globe is halved 26 times each way, latitudes from -85.05 to 85.05 degrees. The number of a
 * cell has the bits of its row and column in turn, so a coarser cell is a range of numbers, and a
 * place is a score of a sorted set. An area is looked for in the coarser cell of its middle and its
 * eight neighbours, of a size that covers it; what is in these cells and not in the area is left
 * out by its distance. Numbers, texts and distances are those of Redis 7.0, bit by bit.
 *
 * Sources: Niemeyer, geohash.org, 2008 (cells); Sinnott, "Virtues of the Haversine", Sky and
 * Telescope 68(2), 1984 (distances).
 */
#ifndef COMMANDS_GEO_GRID_H
#define COMMANDS_GEO_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { GEO_RANGES_MAX = 9, GEO_TEXT_LENGTH = 11 };

struct geo_point {
    double longitude, latitude; /* degrees */
};

/* A circle, or a box with sides along the meridians; lengths are in a unit of `unit_m` meters. */
struct geo_area {
    struct geo_point center;
    bool is_box;
    double radius;
    double width, height;
    double unit_m;
};

/* Numbers from `first` on, below `end`. */
struct geo_range {
    uint64_t first, end;
};

/* Whether it can have a number. */
bool geo_point_is_valid(const struct geo_point *point);
uint64_t geo_number(const struct geo_point *point);
/* The middle of the cell. */
struct geo_point geo_point_of(uint64_t number);
/* The text of the cell, as geohash.org has it; the last letter is '0'. */
void geo_text(const struct geo_point *point, char out[GEO_TEXT_LENGTH]);
double geo_distance_m(const struct geo_point *a, const struct geo_point *b);
/* Where to look, in the order of Redis; returns how many ranges. */
unsigned geo_cover(const struct geo_area *area, struct geo_range ranges[GEO_RANGES_MAX]);
/* Whether the area has the point; then how far that is from the middle. */
bool geo_area_has(const struct geo_area *area, const struct geo_point *point, double *distance_m);

#endif
