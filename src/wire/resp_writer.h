/*
 * resp_writer.h - replies of the Redis protocol, version 2 or 3, appended to a buffer.
 *
 * One call writes one value; a header (array, map, set, push) is followed by the
 * calls that write its elements. The caller writes the same calls for both
 * versions, and the writer turns what version 2 lacks into what Redis sends there:
 *
 *     call            version 3          version 2
 *     null            _                  $-1
 *     null_array      _                  *-1
 *     map of n        %n                 *2n
 *     set, push       ~n  >n             *n
 *     double          ,1.5               $3 1.5
 *     boolean         #t                 :1
 *     big_number      (123               $3 123
 *     verbatim        =8 txt:text        $4 text
 *
 * Writing cannot fail: a buffer grows as far as it must (base/memory.h).
 * Source: the Redis serialization protocol specification, redis.io/docs/reference/protocol-spec.
 */
#ifndef WIRE_RESP_WRITER_H
#define WIRE_RESP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum resp_version { RESP_VERSION_2 = 2, RESP_VERSION_3 = 3 };

/* A plain value; `out` is borrowed and may hold earlier bytes. */
struct resp_writer {
    struct buffer *out;
    enum resp_version version;
};

/* A short status such as OK. Carriage returns and line feeds in it become spaces. */
void resp_writer_simple(struct resp_writer writer, struct slice text);
/* `text` begins with its code: "ERR ...", "WRONGTYPE ...". Line ends in it become spaces. */
void resp_writer_error(struct resp_writer writer, struct slice text);
void resp_writer_integer(struct resp_writer writer, int64_t value);
/* Any bytes; the empty slice is the empty string, not null. */
void resp_writer_bulk(struct resp_writer writer, struct slice bytes);
/* Null in the place of a string. */
void resp_writer_null(struct resp_writer writer);
/* Null in the place of an array, which version 2 tells apart. */
void resp_writer_null_array(struct resp_writer writer);
void resp_writer_boolean(struct resp_writer writer, bool value);
/*
 * The shortest digits that read back as the same number, laid out as by Redis 7.2:
 * 3, 0.1, 1e+20, inf, -inf, nan, -0.
 */
void resp_writer_double(struct resp_writer writer, double value);
/* One whose text is chosen by the caller. */
void resp_writer_double_text(struct resp_writer writer, struct slice text);
/* `digits` is a decimal integer of any length: digits with a '-' before them or not. */
void resp_writer_big_number(struct resp_writer writer, struct slice digits);
/* `format` has three characters, such as "txt" or "mkd"; version 2 leaves it out. */
void resp_writer_verbatim(struct resp_writer writer, const char *format, struct slice text);

void resp_writer_array(struct resp_writer writer, size_t element_count);
/* Followed by `pair_count` keys, each with its value behind it. */
void resp_writer_map(struct resp_writer writer, size_t pair_count);
void resp_writer_set(struct resp_writer writer, size_t element_count);
/* Out of band data; the first element is a string that names its kind. */
void resp_writer_push(struct resp_writer writer, size_t element_count);

#endif
