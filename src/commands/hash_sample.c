/*
 * hash_sample.c - HRANDFIELD, and what OBJECT ENCODING and MEMORY USAGE say of a hash.
 *
 * A sample is drawn from all fields, gathered page by page, so that each is as likely as any other:
 * a look behind a random place would favour fields with a wide gap before them.
 * Source of the distinct sample: Knuth, TAOCP 2, 3.4.2, algorithm S.
 */
#include "commands/hash_sample.h"

#include <stdlib.h>

#include "base/memory.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum {
    SAMPLE_BYTES_MAX = 32 << 20, /* of what is gathered, and of an answer */
    PAGE_FIELDS = 1000,
    LISTPACK_FIELDS_MAX = 128, /* up to here Redis keeps a hash in one piece, */
    LISTPACK_BYTES_MAX = 64,   /* if no field and no value is longer */
    FIELD_OVERHEAD_BYTES = 80  /* a cell beside field and value: key, dot, time, checksum */
};

struct sample {
    uint32_t argument; /* that names the key */
    uint64_t place;
    bool gathers; /* fields and values into call->scratch */
    bool one, with_values;
    int64_t wanted; /* below 0: so many, each drawn from all */
    uint64_t count, bytes;
    bool has_long_one, too_large;
    struct key_result failure;
};

/* ---- the walk ------------------------------------------------------------------------------ */

static void make_page(struct call *call, uint32_t index, struct key_request *request)
{
    const struct sample *sample = call->work;
    (void)index;
    collection_make_walk(call, call_argument(call, sample->argument), sample->place, PAGE_FIELDS,
                         request);
}

static void collect_page(struct call *call, uint32_t index, const struct key_result *result)
{
    struct sample *sample = call->work;
    if (!collection_page_leads_on(result, sample->place)) {
        sample->failure = collection_page_failure(result);
        return;
    }
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        const struct key_outcome *outcome = &result->outcomes[i];
        sample->count++;
        sample->bytes += outcome->key.length + outcome->value.length + FIELD_OVERHEAD_BYTES;
        sample->has_long_one = sample->has_long_one || outcome->key.length > LISTPACK_BYTES_MAX ||
                               outcome->value.length > LISTPACK_BYTES_MAX;
        if (!sample->gathers)
            continue;
        buffer_put_bytes(&call->scratch, outcome->key);
        buffer_put_bytes(&call->scratch,
                         sample->with_values ? outcome->value : slice_make(NULL, 0));
    }
    sample->place = result->next_position;
    sample->too_large = call->scratch.length > SAMPLE_BYTES_MAX;
    if (!result->scan_done && !sample->too_large)
        call_repeat(call, index);
}

static struct sample *begin(struct call *call, uint32_t argument)
{
    struct sample *sample = call_work(call, sizeof *sample);
    sample->argument = argument;
    return sample;
}

/* true: the answer is the error. */
static bool reply_failure(struct call *call)
{
    const struct sample *sample = call->work;
    if (sample->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &sample->failure);
    else if (sample->too_large)
        call_reply_error(call, "TOOLARGE the hash or the sample has more than %u bytes",
                         SAMPLE_BYTES_MAX);
    else
        return false;
    return true;
}

/* ---- HRANDFIELD ---------------------------------------------------------------------------- */

struct field {
    struct slice name, value;
};

static struct field *gathered(const struct call *call, uint64_t count)
{
    struct field *fields = memory_new(count, sizeof *fields);
    struct reader reader = reader_make(buffer_slice(&call->scratch));
    for (uint64_t i = 0; i < count; i++) {
        fields[i].name = reader_bytes(&reader);
        fields[i].value = reader_bytes(&reader);
    }
    return fields;
}

/* Indices into the fields; `drawn` of them. */
static uint64_t *draw(struct random *random, const struct sample *sample, uint64_t *drawn)
{
    uint64_t wanted = sample->wanted < 0 ? (uint64_t)-sample->wanted : (uint64_t)sample->wanted;
    uint64_t taken = 0;
    bool repeats = sample->wanted < 0;
    *drawn = sample->count == 0 ? 0 : repeats || wanted < sample->count ? wanted : sample->count;
    uint64_t *indices = memory_new(*drawn + 1, sizeof *indices);
    for (uint64_t i = 0; repeats && i < *drawn; i++)
        indices[i] = random_below(random, sample->count);
    for (uint64_t i = 0; !repeats && taken < *drawn; i++)
        if (random_below(random, sample->count - i) < *drawn - taken)
            indices[taken++] = i;
    return indices;
}

static void write_fields(struct call *call, const struct field *fields, const uint64_t *indices,
                         uint64_t drawn)
{
    const struct sample *sample = call->work;
    struct resp_writer writer = call_writer(call);
    bool pairs = sample->with_values && call_version(call) == RESP_VERSION_3;
    resp_writer_array(writer, sample->with_values && !pairs ? 2 * drawn : drawn);
    for (uint64_t i = 0; i < drawn; i++) {
        if (pairs)
            resp_writer_array(writer, 2);
        resp_writer_bulk(writer, fields[indices[i]].name);
        if (sample->with_values)
            resp_writer_bulk(writer, fields[indices[i]].value);
    }
    call_finish(call);
}

static bool answer_fits(const struct field *fields, const uint64_t *indices, uint64_t drawn)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < drawn && bytes <= SAMPLE_BYTES_MAX; i++)
        bytes += fields[indices[i]].name.length + fields[indices[i]].value.length + 16;
    return bytes <= SAMPLE_BYTES_MAX;
}

static void finish_random(struct call *call)
{
    struct sample *sample = call->work;
    uint64_t drawn;
    if (sample->wanted < -(int64_t)SAMPLE_BYTES_MAX && sample->count > 0)
        sample->too_large = true; /* before so many are drawn */
    if (reply_failure(call))
        return;
    struct field *fields = gathered(call, sample->count);
    uint64_t *indices = draw(&call_environment(call)->random, sample, &drawn);
    sample->too_large = !answer_fits(fields, indices, drawn);
    if (reply_failure(call))
        ;
    else if (!sample->one)
        write_fields(call, fields, indices, drawn);
    else if (drawn == 0)
        call_reply_null(call);
    else
        call_reply_bulk(call, fields[indices[0]].name);
    free(fields);
    free(indices);
}

static void start_hrandfield(struct call *call)
{
    struct sample parsed = {.argument = 1, .gathers = true, .one = true, .wanted = 1};
    if (call->argument_count > 2) {
        parsed.one = false;
        if (!parse_integer(call_argument(call, 2), &parsed.wanted)) {
            call_reply_not_an_integer(call);
            return;
        }
        if (parsed.wanted == INT64_MIN) {
            call_reply_error(call, "ERR value is out of range, value must between "
                                   "-9223372036854775807 and 9223372036854775807");
            return;
        }
    }
    if (call->argument_count > 4 ||
        (call->argument_count == 4 && !call_argument_is(call, 3, "withvalues"))) {
        call_reply_syntax_error(call);
        return;
    }
    parsed.with_values = call->argument_count == 4;
    if (parsed.with_values && (parsed.wanted < -INT64_MAX / 2 || parsed.wanted > INT64_MAX / 2)) {
        call_reply_error(call, "ERR value is out of range");
        return;
    }
    if (!hash_keyspace_is_right(call))
        return;
    *begin(call, 1) = parsed;
    call_scatter(call, 1, make_page, collect_page, finish_random);
}

/* ---- what others say of a hash -------------------------------------------------------------- */

static void finish_encoding(struct call *call)
{
    const struct sample *sample = call->work;
    bool small = sample->count <= LISTPACK_FIELDS_MAX && !sample->has_long_one;
    if (!reply_failure(call))
        call_reply_bulk(call, slice_text(small ? "listpack" : "hashtable"));
}

void hash_reply_encoding(struct call *call, uint32_t argument)
{
    begin(call, argument);
    call_scatter(call, 1, make_page, collect_page, finish_encoding);
}

static void finish_usage(struct call *call)
{
    const struct sample *sample = call->work;
    if (!reply_failure(call))
        call_reply_integer(call,
                           (int64_t)(sample->bytes +
                                     sample->count * call_argument(call, sample->argument).length));
}

void hash_reply_usage(struct call *call, uint32_t argument)
{
    begin(call, argument);
    call_scatter(call, 1, make_page, collect_page, finish_usage);
}

const struct command command_hrandfield = {
    .name = "hrandfield",
    .group = "hash",
    .since = "6.2.0",
    .summary = "Random fields, each as likely as any other; a count below 0 may give one several "
               "times. At most 32 MiB.",
    .complexity = "O(N) in the number of fields of the hash.",
    .syntax = "key [count [WITHVALUES]]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_HASH,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_hrandfield,
};
