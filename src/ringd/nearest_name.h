/*
 * nearest_name.h - which known name was probably meant by an unknown one.
 *
 * Distance is the least number of characters to insert, delete or replace.
 * Source: Wagner and Fischer, "The String-to-String Correction Problem", JACM 1974.
 */
#ifndef RINGD_NEAREST_NAME_H
#define RINGD_NEAREST_NAME_H

#include <stddef.h>

enum { NEAREST_NAME_MAX = 64 /* longer names have no nearest one */ };

/* The distance of two names of at most NEAREST_NAME_MAX bytes. */
size_t nearest_name_distance(const char *a, const char *b);

/*
 * The nearest of `count` names, the first one among equals; NULL when even that
 * differs in more than a third of its characters. `name_at` gives the i-th name.
 */
const char *nearest_name_find(const char *wanted, const char *(*name_at)(size_t i), size_t count);

#endif
