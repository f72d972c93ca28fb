/*
 * store_partitions.c - which partitions a database has records of, when nobody has it open.
 *
 *     store-partitions DATABASE PARTITIONS
 *
 * One line for each: its number, how many cells stand there, and how many other records. For system
 * tests: of a partition that has gone elsewhere, nothing is to be left. The names by expiry of
 * remembered requests are not counted: they stay until their time has come (replica_drop.h).
 */
#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring/position.h"
#include "wire/record.h"
#include "wire/record_expiry.h"
#include "wire/record_order.h"

struct counts {
    unsigned long cells, others;
};

static void fail_if(const char *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "store-partitions: %s\n", error);
    exit(1);
}

static unsigned long big_endian(const char *bytes, size_t count)
{
    unsigned long number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

/* The partition that a record belongs to; -1: to none. */
static long partition_of(const char *name, size_t length, unsigned long partitions)
{
    bool by_position = length > 8 && (name[0] == RECORD_CELL || name[0] == RECORD_ORDER);
    if (by_position)
        return ring_partition_of_position(big_endian(name + 1, 8), (uint32_t)partitions);
    if (length >= 3 && strchr("LMGRE", name[0]) != NULL)
        return (long)big_endian(name + 1, 2);
    if (length >= 4 && name[0] == RECORD_REQUEST && (name[1] == 'r' || name[1] == 'd'))
        return (long)big_endian(name + 2, 2);
    return -1;
}

static void count(const char *path, unsigned long partitions, struct counts *counts)
{
    char *error = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_readoptions_t *reads = leveldb_readoptions_create();
    leveldb_t *database = leveldb_open(options, path, &error);
    fail_if(error);
    leveldb_iterator_t *iterator = leveldb_create_iterator(database, reads);
    for (leveldb_iter_seek_to_first(iterator); leveldb_iter_valid(iterator);
         leveldb_iter_next(iterator)) {
        size_t length;
        const char *name = leveldb_iter_key(iterator, &length);
        long partition = length == 0 ? -1 : partition_of(name, length, partitions);
        if (partition < 0 || (unsigned long)partition >= partitions)
            continue;
        if (name[0] == RECORD_CELL)
            counts[partition].cells++;
        else
            counts[partition].others++;
    }
    leveldb_iter_get_error(iterator, &error);
    fail_if(error);
    leveldb_iter_destroy(iterator);
    leveldb_close(database);
    leveldb_readoptions_destroy(reads);
    leveldb_options_destroy(options);
}

int main(int argc, char **argv)
{
    unsigned long partitions = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (partitions < PARTITION_COUNT_MIN || partitions > PARTITION_COUNT_MAX ||
        (partitions & (partitions - 1)) != 0) {
        fprintf(stderr, "usage: store-partitions DATABASE PARTITIONS\n");
        return 2;
    }
    struct counts *counts = calloc(partitions, sizeof *counts);
    if (counts == NULL)
        fail_if("no memory");
    count(argv[1], partitions, counts);
    for (unsigned long i = 0; i < partitions; i++)
        if (counts[i].cells + counts[i].others > 0)
            printf("%lu %lu %lu\n", i, counts[i].cells, counts[i].others);
    free(counts);
    return 0;
}
