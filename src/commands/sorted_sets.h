/*
 * sorted_sets.h - what the files of commands on sorted sets share.
 */
#ifndef COMMANDS_SORTED_SETS_H
#define COMMANDS_SORTED_SETS_H

#include "commands/sorted_select.h"

#define SORTED_NOT_A_RANGE "ERR min or max is not a float"

/* Of two arguments; false: the error is sent. */
bool sorted_parse_scores(struct call *call, uint32_t min, uint32_t max, struct sorted_wish *wish);
bool sorted_parse_members(struct call *call, uint32_t min, uint32_t max, struct sorted_wish *wish);
bool sorted_parse_ranks(struct call *call, uint32_t start, uint32_t stop, int64_t *first,
                        int64_t *last);

/* As Redis 7.0 writes it, with seventeen digits. */
void sorted_write_score(struct resp_writer writer, double score);

#define SORTED_ROW(word, number, what, cost, arguments, count, bits, key_bits)                     \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "sorted-set",                                                                     \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = arguments,                                                                       \
        .arity = count,                                                                            \
        .flags = bits,                                                                             \
        .categories = CATEGORY_SORTEDSET,                                                          \
        .keys = {{key_bits, 1, 0, 1}},                                                             \
        .start = start_##word,                                                                     \
    }

#endif
