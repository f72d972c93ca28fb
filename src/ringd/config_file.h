/*
 * config_file.h - reads settings from a file in the manner of redis.conf.
 *
 *   file     = *( blanks [ name 1*( blanks word ) ] blanks [ "#" anything ] newline )
 *   word     = characters without blanks, a quote or "#" in front
 *            / '"' with \n \r \t \\ \" \xHH '"'  / "'" with \' "'"
 *
 * A "#" begins a comment where a word could begin. Several words are one value,
 * joined by blanks. A later line overrides an earlier one. `include PATH` reads
 * another file in place; PATH is taken from the directory of the file that
 * includes, and may hold * ? [ ], which match in alphabetical order or nothing.
 */
#ifndef RINGD_CONFIG_FILE_H
#define RINGD_CONFIG_FILE_H

#include "base/bytes.h"
#include "base/status.h"
#include "ringd/config.h"

enum { CONFIG_FILE_BYTES_MAX = 1 << 20, CONFIG_INCLUDE_DEPTH_MAX = 8 };

/*
 * STATUS_INVALID: something was wrong; every wrong line has added one problem, and
 * the right ones are set.
 */
MUST_USE enum status config_file_load(struct config *config, const char *path,
                                      struct buffer *problems);

/*
 * Cut one line into words, which are appended to `words`, each with a NUL after it;
 * `count` gets their number. STATUS_INVALID: `problem` gets a borrowed text.
 */
MUST_USE enum status config_file_split(struct slice line, struct buffer *words, size_t *count,
                                       const char **problem);

#endif
