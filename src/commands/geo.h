/*
 * geo.h - what the files of commands on places share.
 */
#ifndef COMMANDS_GEO_H
#define COMMANDS_GEO_H

#include "commands/command_list.h"
#include "commands/geo_grid.h"
#include "commands/sorted_sets.h"

/* Of the two arguments from `index` on; false: the error is sent. */
bool geo_parse_point(struct call *call, uint32_t index, struct geo_point *out);
/* M KM FT MI, in meters; false: the error is sent. */
bool geo_parse_unit(struct call *call, uint32_t index, double *unit_m);
/* The place that a score is; that of 0 when it is none. */
struct geo_point geo_point_of_score(double score);
/* Longitude and latitude, as Redis shows them. */
void geo_write_point(struct resp_writer writer, const struct geo_point *point);
void geo_write_distance(struct resp_writer writer, double distance);

#define GEO_ROW(...) ELEMENTS_ROW("geo", CATEGORY_GEO, __VA_ARGS__)

#endif
