#include "commands/geo_grid.h"

#include <math.h>

enum { STEPS_MAX = 26, LETTER_BITS = 5 };

static const double LATITUDE_MAX = 85.05112878;
static const double LONGITUDE_MAX = 180;
static const double EARTH_RADIUS_M = 6372797.560856;
static const double MERCATOR_MAX = 20037726.37; /* half of the equator, nearly */

static double radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

static double degrees(double radians)
{
    return radians / (M_PI / 180.0);
}

/* ---- cells --------------------------------------------------------------------------------- */

/* Of a grid with 2^steps rows and columns. What lies on the upper edge is in a row above them. */
struct grid_cell {
    uint32_t row, column;
    uint8_t steps;
};

struct bounds {
    double min, max;
};

static uint64_t spread(uint32_t bits)
{
    uint64_t out = bits;
    out = (out | out << 16) & UINT64_C(0x0000ffff0000ffff);
    out = (out | out << 8) & UINT64_C(0x00ff00ff00ff00ff);
    out = (out | out << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    out = (out | out << 2) & UINT64_C(0x3333333333333333);
    return (out | out << 1) & UINT64_C(0x5555555555555555);
}

static uint32_t gather(uint64_t bits)
{
    bits &= UINT64_C(0x5555555555555555);
    bits = (bits | bits >> 1) & UINT64_C(0x3333333333333333);
    bits = (bits | bits >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    bits = (bits | bits >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    bits = (bits | bits >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(bits | bits >> 16);
}

static uint64_t number_of(struct grid_cell cell)
{
    return spread(cell.row) | spread(cell.column) << 1;
}

static uint32_t index_of(double value, double edge, uint8_t steps)
{
    double part = (value + edge) / (edge + edge);
    part *= (double)(UINT64_C(1) << steps);
    return (uint32_t)part;
}

static struct grid_cell cell_at(const struct geo_point *point, double latitude_max, uint8_t steps)
{
    return (struct grid_cell){.row = index_of(point->latitude, latitude_max, steps),
                              .column = index_of(point->longitude, LONGITUDE_MAX, steps),
                              .steps = steps};
}

static struct bounds bounds_of(uint32_t index, double edge, uint8_t steps)
{
    double cells = (double)(UINT64_C(1) << steps), length = edge + edge;
    return (struct bounds){.min = -edge + (index * 1.0 / cells) * length,
                           .max = -edge + ((index + UINT64_C(1)) * 1.0 / cells) * length};
}

static double middle_of(struct bounds bounds, double edge)
{
    double middle = (bounds.min + bounds.max) / 2;
    return middle > edge ? edge : middle < -edge ? -edge : middle;
}

/* Round the globe, and from the north end to the south end. */
static struct grid_cell neighbour(struct grid_cell cell, int up, int right)
{
    uint32_t mask = (UINT32_C(1) << cell.steps) - 1;
    if (up != 0)
        cell.row = (cell.row + (uint32_t)up) & mask;
    if (right != 0)
        cell.column = (cell.column + (uint32_t)right) & mask;
    return cell;
}

bool geo_point_is_valid(const struct geo_point *point)
{
    return point->longitude >= -LONGITUDE_MAX && point->longitude <= LONGITUDE_MAX &&
           point->latitude >= -LATITUDE_MAX && point->latitude <= LATITUDE_MAX;
}

uint64_t geo_number(const struct geo_point *point)
{
    return number_of(cell_at(point, LATITUDE_MAX, STEPS_MAX));
}

struct geo_point geo_point_of(uint64_t number)
{
    return (struct geo_point){
        .longitude =
            middle_of(bounds_of(gather(number >> 1), LONGITUDE_MAX, STEPS_MAX), LONGITUDE_MAX),
        .latitude = middle_of(bounds_of(gather(number), LATITUDE_MAX, STEPS_MAX), LATITUDE_MAX)};
}

void geo_text(const struct geo_point *point, char out[GEO_TEXT_LENGTH])
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t number = number_of(cell_at(point, 90, STEPS_MAX));
    for (unsigned i = 0; i < GEO_TEXT_LENGTH - 1; i++)
        out[i] = letters[number >> (2 * STEPS_MAX - (i + 1) * LETTER_BITS) & 0x1f];
    out[GEO_TEXT_LENGTH - 1] = letters[0]; /* there are no bits left for it */
}

double geo_distance_m(const struct geo_point *a, const struct geo_point *b)
{
    double latitude_a = radians(a->latitude), latitude_b = radians(b->latitude);
    double u = sin((latitude_b - latitude_a) / 2);
    double v = sin((radians(b->longitude) - radians(a->longitude)) / 2);
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(u * u + cos(latitude_a) * cos(latitude_b) * v * v));
}

/* ---- areas --------------------------------------------------------------------------------- */

/* What the area reaches at most, up and down the widest side of it. */
static void box_of(const struct geo_area *area, struct bounds *longitudes, struct bounds *latitudes)
{
    double height = area->unit_m * (area->is_box ? area->height / 2 : area->radius);
    double width = area->unit_m * (area->is_box ? area->width / 2 : area->radius);
    double latitude = area->center.latitude, longitude = area->center.longitude;
    double up = degrees(height / EARTH_RADIUS_M);
    double widest = latitude < 0 ? latitude - up : latitude + up; /* towards its pole */
    double right = degrees(width / EARTH_RADIUS_M / cos(radians(widest)));
    *longitudes = (struct bounds){longitude - right, longitude + right};
    *latitudes = (struct bounds){latitude - up, latitude + up};
}

/* So that nine cells cover the circle around the area nearly always. */
static uint8_t steps_for(double radius_m, double latitude)
{
    int steps = 1;
    if (radius_m == 0)
        return STEPS_MAX;
    for (; radius_m < MERCATOR_MAX; radius_m *= 2)
        steps++;
    steps -= 2;
    if (latitude > 66 || latitude < -66) /* meridians are nearer there */
        steps -= latitude > 80 || latitude < -80 ? 2 : 1;
    return (uint8_t)(steps < 1 ? 1 : steps > STEPS_MAX ? STEPS_MAX : steps);
}

static bool reaches_too_far(struct grid_cell cell, struct bounds longitudes,
                            struct bounds latitudes)
{
    uint8_t steps = cell.steps;
    return bounds_of(neighbour(cell, 1, 0).row, LATITUDE_MAX, steps).max < latitudes.max ||
           bounds_of(neighbour(cell, -1, 0).row, LATITUDE_MAX, steps).min > latitudes.min ||
           bounds_of(neighbour(cell, 0, 1).column, LONGITUDE_MAX, steps).max < longitudes.max ||
           bounds_of(neighbour(cell, 0, -1).column, LONGITUDE_MAX, steps).min > longitudes.min;
}

static struct geo_range range_of(struct grid_cell cell)
{
    unsigned shift = 2u * (STEPS_MAX - cell.steps);
    uint64_t number = number_of(cell);
    return (struct geo_range){.first = number << shift, .end = (number + 1) << shift};
}

unsigned geo_cover(const struct geo_area *area, struct geo_range ranges[GEO_RANGES_MAX])
{
    /* Up and right; the four that touch a side come before those that touch a corner. */
    static const int ways[GEO_RANGES_MAX][2] = {{0, 0}, {1, 0},  {-1, 0}, {0, 1},  {0, -1},
                                                {1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
    struct bounds longitudes, latitudes;
    unsigned count = 0;
    double radius =
        area->is_box
            ? sqrt((area->width / 2) * (area->width / 2) + (area->height / 2) * (area->height / 2))
            : area->radius;
    uint8_t steps = steps_for(radius * area->unit_m, area->center.latitude);
    struct grid_cell middle = cell_at(&area->center, LATITUDE_MAX, steps);
    box_of(area, &longitudes, &latitudes);
    if (steps > 1 && reaches_too_far(middle, longitudes, latitudes))
        middle = cell_at(&area->center, LATITUDE_MAX, --steps);
    struct bounds rows = bounds_of(middle.row, LATITUDE_MAX, steps);
    struct bounds columns = bounds_of(middle.column, LONGITUDE_MAX, steps);
    bool all = steps < 2; /* of so few cells none is left out */
    for (unsigned i = 0; i < GEO_RANGES_MAX; i++) {
        int up = ways[i][0], right = ways[i][1];
        if (!all && ((up < 0 && rows.min < latitudes.min) || (up > 0 && rows.max > latitudes.max) ||
                     (right < 0 && columns.min < longitudes.min) ||
                     (right > 0 && columns.max > longitudes.max)))
            continue;
        struct geo_range range = range_of(neighbour(middle, up, right));
        /* Two columns are all there are: the one to the right is the one to the left. */
        if (count > 1 && range.first == ranges[count - 1].first)
            continue;
        ranges[count++] = range;
    }
    return count;
}

bool geo_area_has(const struct geo_area *area, const struct geo_point *point, double *distance_m)
{
    const struct geo_point *center = &area->center;
    *distance_m = geo_distance_m(center, point);
    if (!area->is_box)
        return *distance_m <= area->radius * area->unit_m;
    struct geo_point beside = {.longitude = center->longitude, .latitude = point->latitude};
    struct geo_point above = {.longitude = point->longitude, .latitude = center->latitude};
    return geo_distance_m(point, &beside) <= area->width * area->unit_m / 2 &&
           geo_distance_m(point, &above) <= area->height * area->unit_m / 2;
}
