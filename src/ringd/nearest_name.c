#include "ringd/nearest_name.h"

#include <assert.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

size_t nearest_name_distance(const char *a, const char *b)
{
    /* One row of the table: the distances of a's prefix to every prefix of b. */
    size_t row[NEAREST_NAME_MAX + 1];
    size_t columns = strlen(b);
    assert(strlen(a) <= NEAREST_NAME_MAX);
    assert(columns <= NEAREST_NAME_MAX);
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[columns];
}

const char *nearest_name_find(const char *wanted, const char *(*name_at)(size_t i), size_t count)
{
    const char *best = NULL;
    size_t best_distance = 0;
    if (strlen(wanted) > NEAREST_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = name_at(i);
        size_t distance = nearest_name_distance(wanted, name);
        if (distance <= strlen(name) / 3 && (best == NULL || distance < best_distance)) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}
