/*
 * element_sample.c - HRANDFIELD, SRANDMEMBER, ZRANDMEMBER, SPOP, and what OBJECT ENCODING and
 * MEMORY USAGE say of a collection.
 *
 * A sample of several is drawn from all elements, gathered page by page, so that each is as likely
 * as any other. One alone is drawn from a page behind a random place, which costs the same whatever
 * the collection holds: of so many all are as likely, of more nearly so, for a page spans many gaps
 * between places.
 * Source of the distinct sample: Knuth, TAOCP 2, 3.4.2, algorithm S.
 */
#include "commands/element_sample.h"

#include <stdlib.h>

#include "base/memory.h"
#include "causal/score.h"
#include "commands/arguments.h"
#include "commands/command_list.h"
#include "commands/elements.h"
#include "commands/sorted_sets.h"
#include "ring/element_key.h"

enum {
    ONE_OF = 100,              /* elements that a sample of one is drawn from */
    LISTPACK_FIELDS_MAX = 128, /* up to here Redis keeps a hash in one piece, */
    LISTPACK_BYTES_MAX = 64,   /* if no field and no value is longer */
    INTSET_MEMBERS_MAX = 512,
    POP_TRIES_MAX = 10,
    ELEMENT_OVERHEAD_BYTES = 80 /* a cell beside name and value: key, dot, time, checksum */
};

struct sample {
    struct element_work work;
    bool gathers; /* names and values into call->scratch */
    bool one, with_values;
    bool wrapped;   /* one: the walk has gone on at the first place */
    uint64_t began; /* one: at this place */
    int64_t wanted; /* below 0: so many, each drawn from all */
    uint64_t count, bytes;
    bool has_long_one, has_text, too_large;
    bool popped;
    uint8_t tries;
};

/* ---- the walk ------------------------------------------------------------------------------ */

/* Whether the walk has come to where it began. */
static bool is_around(const struct call *call, struct slice element)
{
    const struct sample *sample = call->work;
    return sample->wrapped &&
           element_place(element, call_environment(call)->ring->seed) >= sample->began;
}

static void take(struct call *call, const struct key_outcome *outcome)
{
    struct sample *sample = call->work;
    int64_t number;
    if (sample->one && (sample->count == ONE_OF || is_around(call, outcome->key))) {
        sample->work.walk.stop = true;
        return;
    }
    sample->count++;
    sample->bytes += outcome->key.length + outcome->value.length + ELEMENT_OVERHEAD_BYTES;
    sample->has_long_one = sample->has_long_one || outcome->key.length > LISTPACK_BYTES_MAX ||
                           outcome->value.length > LISTPACK_BYTES_MAX;
    sample->has_text = sample->has_text || !parse_integer(outcome->key, &number);
    if (!sample->gathers)
        return;
    buffer_put_bytes(&call->scratch, outcome->key);
    buffer_put_bytes(&call->scratch, sample->with_values ? outcome->value : slice_make(NULL, 0));
    sample->work.walk.stop = call->scratch.length > ELEMENTS_ANSWER_BYTES_MAX;
}

static void begin(struct call *call, uint8_t type, uint32_t argument, uint64_t place,
                  call_next *then)
{
    const struct sample *sample = call->work;
    elements_walk(call, &(struct element_walk){.type = type,
                                               .key = call_argument(call, argument),
                                               .place = place,
                                               .limit = sample->one ? ONE_OF : ELEMENTS_PAGE,
                                               .take = take,
                                               .then = then});
}

/* true: the answer is the error. */
static bool reply_failure(struct call *call)
{
    const struct sample *sample = call->work;
    if (elements_walk_failed(call))
        return true;
    if (sample->too_large)
        call_reply_error(call, "TOOLARGE the sample has more than %u bytes",
                         ELEMENTS_ANSWER_BYTES_MAX);
    return sample->too_large;
}

/* ---- samples ------------------------------------------------------------------------------- */

struct element {
    struct slice name, value;
};

static struct element *gathered(const struct call *call, uint64_t count)
{
    struct element *elements = memory_new(count, sizeof *elements);
    struct reader reader = reader_make(buffer_slice(&call->scratch));
    for (uint64_t i = 0; i < count; i++) {
        elements[i].name = reader_bytes(&reader);
        elements[i].value = reader_bytes(&reader);
    }
    return elements;
}

/* Indices into the elements; `drawn` of them. */
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

static void write_sample(struct call *call, const struct element *elements, const uint64_t *indices,
                         uint64_t drawn)
{
    const struct sample *sample = call->work;
    struct resp_writer writer = call_writer(call);
    bool pairs = sample->with_values && call_version(call) == RESP_VERSION_3;
    resp_writer_array(writer, sample->with_values && !pairs ? 2 * drawn : drawn);
    for (uint64_t i = 0; i < drawn; i++) {
        if (pairs)
            resp_writer_array(writer, 2);
        resp_writer_bulk(writer, elements[indices[i]].name);
        if (sample->with_values && sample->work.walk.type == COLLECTION_ZSET)
            sorted_write_score(writer, score_of_value(elements[indices[i]].value));
        else if (sample->with_values)
            resp_writer_bulk(writer, elements[indices[i]].value);
    }
    call_finish(call);
}

static bool answer_fits(const struct element *elements, const uint64_t *indices, uint64_t drawn)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < drawn && bytes <= ELEMENTS_ANSWER_BYTES_MAX; i++)
        bytes += elements[indices[i]].name.length + elements[indices[i]].value.length + 16;
    return bytes <= ELEMENTS_ANSWER_BYTES_MAX;
}

/* From the last place a sample of one goes on at the first; false: it is complete. */
static bool goes_around(struct call *call, call_next *then)
{
    struct sample *sample = call->work;
    if (!sample->one || sample->work.walk.failure.status != STATUS_OK || sample->count >= ONE_OF ||
        sample->wrapped || sample->began == 0)
        return false;
    sample->wrapped = true;
    begin(call, sample->work.walk.type, 1, 0, then);
    return true;
}

static void finish_random(struct call *call)
{
    struct sample *sample = call->work;
    uint64_t drawn;
    if (goes_around(call, finish_random))
        return;
    if (sample->wanted < -(int64_t)ELEMENTS_ANSWER_BYTES_MAX && sample->count > 0)
        sample->too_large = true; /* before so many are drawn */
    if (reply_failure(call))
        return;
    struct element *elements = gathered(call, sample->count);
    uint64_t *indices = draw(&call_environment(call)->random, sample, &drawn);
    sample->too_large = !answer_fits(elements, indices, drawn);
    if (reply_failure(call))
        ;
    else if (!sample->one)
        write_sample(call, elements, indices, drawn);
    else if (drawn == 0)
        call_reply_null(call);
    else
        call_reply_bulk(call, elements[indices[0]].name);
    free(elements);
    free(indices);
}

static void start_random(struct call *call, uint8_t type)
{
    struct sample parsed = {.gathers = true, .one = true, .wanted = 1};
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
    bool has_values = type != COLLECTION_SET;
    bool with_values = has_values && call->argument_count == 4;
    const char *word = type == COLLECTION_ZSET ? "withscores" : "withvalues";
    if (call->argument_count > (has_values ? 4 : 3) ||
        (with_values && !call_argument_is(call, 3, word))) {
        call_reply_syntax_error(call);
        return;
    }
    parsed.with_values = with_values;
    if (with_values && (parsed.wanted < -INT64_MAX / 2 || parsed.wanted > INT64_MAX / 2)) {
        call_reply_error(call, "ERR value is out of range");
        return;
    }
    if (!elements_keyspace_is_right(call, type))
        return;
    if (parsed.one)
        parsed.began = random_u64(&call_environment(call)->random);
    struct sample *sample = call_work(call, sizeof *sample);
    *sample = parsed;
    begin(call, type, 1, parsed.began, finish_random);
}

static void start_hrandfield(struct call *call)
{
    start_random(call, COLLECTION_HASH);
}

static void start_srandmember(struct call *call)
{
    start_random(call, COLLECTION_SET);
}

static void start_zrandmember(struct call *call)
{
    start_random(call, COLLECTION_ZSET);
}

/* ---- a sample that is removed --------------------------------------------------------------- */

/* Only those that this request has removed are shown, so none to two clients of one owner. */
static void take_popped(struct call *call, const struct key_result *result)
{
    struct sample *sample = call->work;
    const struct element_ask *ask = &sample->work.ask;
    uint64_t removed = 0;
    for (uint32_t i = 0; i < ask->count; i++)
        removed += result->outcomes[i + 1].written;
    sample->popped = removed > 0;
    if (sample->one && !sample->popped)
        return;
    struct resp_writer writer = call_writer(call);
    if (!sample->one)
        resp_writer_set(writer, removed);
    for (uint32_t i = 0; i < ask->count; i++)
        if (result->outcomes[i + 1].written)
            resp_writer_bulk(writer, ask->names[i]);
    call_finish(call);
}

static void draw_popped(struct call *call);

static void popped(struct call *call)
{
    struct sample *sample = call->work;
    if (!sample->one || sample->popped)
        return;
    if (++sample->tries == POP_TRIES_MAX) {
        call_reply_error(call, "TRYAGAIN others have removed each member that was drawn; nothing "
                               "was written");
        return;
    }
    draw_popped(call); /* another client has removed it meanwhile */
}

static void finish_pop(struct call *call)
{
    struct sample *sample = call->work;
    uint64_t drawn;
    if (goes_around(call, finish_pop) || reply_failure(call))
        return;
    struct element *elements = gathered(call, sample->count);
    uint64_t *indices = draw(&call_environment(call)->random, sample, &drawn);
    buffer_clear(&call->spare);
    for (uint64_t i = 0; i < drawn && drawn <= ELEMENTS_MAX; i++)
        buffer_append(&call->spare, &elements[indices[i]].name, sizeof elements->name);
    free(elements);
    free(indices);
    if (drawn == 0 && sample->one) {
        call_reply_null(call);
    } else if (drawn == 0) {
        resp_writer_set(call_writer(call), 0);
        call_finish(call);
    } else {
        elements_ask(call, &(struct element_ask){.kind = KEY_ELEMENTS_WRITE,
                                                 .type = COLLECTION_SET,
                                                 .key = call_argument(call, 1),
                                                 .names = (const struct slice *)call->spare.data,
                                                 .step = 1,
                                                 .count = drawn > ELEMENTS_MAX ? ELEMENTS_MAX + 1
                                                                               : (uint32_t)drawn,
                                                 .mutation = {.operation = REGISTER_DELETE},
                                                 .take = take_popped,
                                                 .then = popped});
    }
}

static void draw_popped(struct call *call)
{
    struct sample *sample = call->work;
    uint8_t tries = sample->tries;
    int64_t wanted = sample->wanted;
    bool one = sample->one;
    *sample = (struct sample){.gathers = true, .one = one, .wanted = wanted, .tries = tries};
    buffer_clear(&call->scratch);
    if (one)
        sample->began = random_u64(&call_environment(call)->random);
    begin(call, COLLECTION_SET, 1, sample->began, finish_pop);
}

static void start_spop(struct call *call)
{
    int64_t wanted = 1;
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return;
    }
    if (call->argument_count == 3 &&
        (!parse_integer(call_argument(call, 2), &wanted) || wanted < 0)) {
        call_reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    if (!elements_keyspace_is_right(call, COLLECTION_SET))
        return;
    struct sample *sample = call_work(call, sizeof *sample);
    sample->one = call->argument_count == 2;
    sample->wanted = wanted;
    draw_popped(call);
}

/* ---- what others say of a collection -------------------------------------------------------- */

static const char *encoding(const struct sample *sample)
{
    bool small = sample->count <= LISTPACK_FIELDS_MAX && !sample->has_long_one;
    if (sample->work.walk.type == COLLECTION_ZSET)
        return small ? "listpack" : "skiplist";
    if (sample->work.walk.type == COLLECTION_SET)
        return sample->count <= INTSET_MEMBERS_MAX && !sample->has_text ? "intset" : "hashtable";
    return small ? "listpack" : "hashtable";
}

static void finish_encoding(struct call *call)
{
    if (!reply_failure(call))
        call_reply_bulk(call, slice_text(encoding(call->work)));
}

void element_reply_encoding(struct call *call, uint8_t type, uint32_t argument)
{
    call_work(call, sizeof(struct sample));
    begin(call, type, argument, 0, finish_encoding);
}

static void finish_usage(struct call *call)
{
    const struct sample *sample = call->work;
    if (!reply_failure(call))
        call_reply_integer(call,
                           (int64_t)(sample->bytes + sample->count * sample->work.walk.key.length));
}

void element_reply_usage(struct call *call, uint8_t type, uint32_t argument)
{
    call_work(call, sizeof(struct sample));
    begin(call, type, argument, 0, finish_usage);
}

const struct command command_hrandfield = {
    .name = "hrandfield",
    .group = "hash",
    .since = "6.2.0",
    .summary = "Random elements, each as likely as any other; a count below 0 may give one several "
               "times. At most 32 MiB.",
    .complexity = "O(1) without a count, else O(N) in the number of fields of the hash.",
    .syntax = "key [count [WITHVALUES]]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_HASH,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_hrandfield,
};

const struct command command_zrandmember = {
    .name = "zrandmember",
    .group = "sorted-set",
    .since = "6.2.0",
    .summary = "Random members, each as likely as any other; a count below 0 may give one several "
               "times. At most 32 MiB.",
    .complexity = "O(1) without a count, else O(N) in the number of members of the sorted set.",
    .syntax = "key [count [WITHSCORES]]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_SORTEDSET,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_zrandmember,
};

const struct command command_srandmember = {
    .name = "srandmember",
    .group = "set",
    .since = "1.0.0",
    .summary = "Random members; a count below 0 may give one several times. At most 32 MiB.",
    .complexity = "O(1) without a count, else O(N) in the number of members of the set.",
    .syntax = "key [count]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_SET,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}},
    .start = start_srandmember,
};

const struct command command_spop = {
    .name = "spop",
    .group = "set",
    .since = "1.0.0",
    .summary = "Removes random members and shows them; at most 4095. Two owners may show one at "
               "the same time.",
    .complexity = "O(1) without a count, else O(N) in the number of members of the set.",
    .syntax = "key [count]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_SET,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE, 1, 0, 1}},
    .start = start_spop,
};
