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

/*
 * ZADD of `count` members, each with its score as text, in call->spare; call->work is not taken
 * yet. `changes`: members whose score changes are counted, too.
 */
void sorted_add(struct call *call, uint16_t flags, bool changes, uint32_t count);

/* As Redis 7.0 writes it, with seventeen digits. */
void sorted_write_score(struct resp_writer writer, double score);
/* Answer with what call->scratch has, as of a selection; sorted_reply() sorts it before. */
void sorted_show(struct call *call, bool with_scores);
void sorted_reply(struct call *call, bool with_scores);

#define SORTED_ROW(...) ELEMENTS_ROW("sorted-set", CATEGORY_SORTEDSET, __VA_ARGS__)

#endif
