/*
 * store_lose.c - takes the cells of some keys out of a database that nobody has open.
 *
 *     store-lose DATABASE KEY...
 *
 * For system tests: the disk then lacks what its replica's clock says is there, and no checksum
 * is wrong. Prints how many cells are gone.
 */
#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/record.h"

static void fail_if(const char *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "store-lose: %s\n", error);
    exit(1);
}

static int is_wanted(const char *name, size_t length, char **keys)
{
    struct cell_name parts;
    if (record_cell_name_decode(slice_make(name, length), &parts) != STATUS_OK)
        return 0;
    for (; *keys != NULL; keys++)
        if (slice_equal(parts.key, slice_text(*keys)))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    char *error = NULL;
    int removed = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: store-lose DATABASE KEY...\n");
        return 2;
    }
    leveldb_options_t *options = leveldb_options_create();
    leveldb_readoptions_t *reads = leveldb_readoptions_create();
    leveldb_writeoptions_t *writes = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(writes, 1);
    leveldb_t *database = leveldb_open(options, argv[1], &error);
    fail_if(error);
    leveldb_iterator_t *iterator = leveldb_create_iterator(database, reads);
    for (leveldb_iter_seek_to_first(iterator); leveldb_iter_valid(iterator);
         leveldb_iter_next(iterator)) {
        size_t length;
        const char *name = leveldb_iter_key(iterator, &length);
        if (!is_wanted(name, length, argv + 2))
            continue;
        leveldb_delete(database, writes, name, length, &error);
        fail_if(error);
        removed++;
    }
    leveldb_iter_get_error(iterator, &error);
    fail_if(error);
    leveldb_iter_destroy(iterator);
    leveldb_close(database);
    leveldb_writeoptions_destroy(writes);
    leveldb_readoptions_destroy(reads);
    leveldb_options_destroy(options);
    printf("%d\n", removed);
    return 0;
}
