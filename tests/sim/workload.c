#include "sim/workload.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "causal/request_time.h"
#include "coordinator/level.h"
#include "ring/element_key.h"
#include "sim/contexts.h"
#include "sim/oracle.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"
#include "sim/oracle_tally.h"
#include "sim/spread.h"
#include "sim/world.h"

enum {
    SIBLING_WRITES_MAX = 300, /* of one key: the oracle compares each with each */
    APPENDED_BYTES_MAX = 40,
    WAIT_MS_MAX = 500,
    EXPIRE_SOON_MS = 8000,
    EXPIRE_LATE_MS = 3600000
};

struct words {
    struct buffer bytes;
    uint32_t count;
};

static void add_slice(struct words *words, struct slice word)
{
    buffer_printf(&words->bytes, "$%zu\r\n", word.length);
    buffer_append_slice(&words->bytes, word);
    buffer_append(&words->bytes, "\r\n", 2);
    words->count++;
}

static void add(struct words *words, const char *word)
{
    add_slice(words, slice_text(word));
}

static void add_number(struct words *words, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(words, text);
}

static void finish(struct words *words, struct buffer *out)
{
    buffer_printf(out, "*%u\r\n", words->count);
    buffer_append_slice(out, buffer_slice(&words->bytes));
    buffer_deinit(&words->bytes);
}

static uint32_t draw_weighted(struct random *random, const uint32_t *weights, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    uint64_t draw = random_below(random, sum);
    uint32_t i = 0;
    while (draw >= weights[i])
        draw -= weights[i++];
    return i;
}

/* Zipf's law with exponent 1: the i-th of `count` keys has weight 1/i. */
static uint32_t draw_key(struct random *random, const struct plan *plan, uint32_t count)
{
    enum { UNIT = 1 << 20 };
    uint64_t sum = 0;
    if (!plan->zipf)
        return (uint32_t)random_below(random, count);
    for (uint32_t i = 1; i <= count; i++)
        sum += UNIT / i;
    uint64_t draw = random_below(random, sum);
    uint32_t i = 1;
    while (draw >= UNIT / i)
        draw -= UNIT / i++;
    return i - 1;
}

/* `context` may be NULL. */
static void add_options(struct words *words, const struct command *command,
                        const struct buffer *context)
{
    char text[48];
    const char *const names[] = {"r", "w", "dw", "pr", "pw"};
    const uint8_t numbers[] = {command->r, command->w, command->dw, command->pr, command->pw};
    if (command->level == LEVEL_DEFAULT && command->timeout_ms == 0 && context == NULL &&
        command->identity == 0 &&
        command->r + command->w + command->dw + command->pr + command->pw + command->sloppy == 0)
        return;
    add(words, "WITH");
    for (unsigned i = 0; i < 5; i++) {
        if (numbers[i] == 0)
            continue;
        snprintf(text, sizeof text, "%s=%u", names[i], numbers[i]);
        add(words, text);
    }
    if (command->sloppy != SLOPPY_DEFAULT)
        add(words, command->sloppy == SLOPPY_YES ? "sloppy=yes" : "sloppy=no");
    if (command->level != LEVEL_DEFAULT) {
        snprintf(text, sizeof text, "cl=%s", level_name((enum level)command->level));
        add(words, text);
    }
    if (command->timeout_ms != 0) {
        snprintf(text, sizeof text, "timeout=%u", command->timeout_ms);
        add(words, text);
    }
    if (command->identity_ms != 0) { /* a UUID of version 7 */
        snprintf(text, sizeof text,
                 "id=%08" PRIx64 "-%04" PRIx64 "-7%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64,
                 command->identity_ms >> 16, command->identity_ms & 0xffff, command->identity >> 52,
                 command->identity >> 40 & 0xfff, command->identity & UINT64_C(0xffffffffff));
        add(words, text);
    } else if (command->identity != 0) {
        snprintf(text, sizeof text, "id=client-%016" PRIx64, command->identity);
        add(words, text);
    }
    if (context != NULL) {
        struct buffer word = {0};
        buffer_printf(&word, "context=%.*s", (int)context->length, (const char *)context->data);
        add_slice(words, buffer_slice(&word));
        buffer_deinit(&word);
    }
}

static void add_key(struct words *words, struct oracle *oracle, uint32_t key)
{
    add(words, oracle_key(oracle, key)->name);
}

/* A value that names its write, and is otherwise as long as drawn; at times the empty one. */
static void add_value(struct words *words, struct world *world, struct random *random,
                      struct write *write, uint32_t bytes_max)
{
    struct buffer value = {0};
    struct oracle_key *key = oracle_key(world->oracle, write->key);
    uint64_t wanted = spread_log(random, 1, bytes_max);
    if (write->kind != COMMAND_APPEND && key->empty_write == NULL && random_chance(random, 1, 20)) {
        key->empty_write = write;
    } else {
        buffer_printf(&value, "<%u>", write->number);
        while (value.length < wanted)
            buffer_put_u8(&value, (uint8_t)('a' + value.length % 26));
    }
    write->value_digest = hash64(buffer_slice(&value), 0);
    add_slice(words, buffer_slice(&value));
    buffer_deinit(&value);
}

static void take_key(struct command *command, uint32_t key)
{
    assert(command->key_count < COMMAND_KEYS_MAX);
    command->keys[command->key_count++] = key;
}

static struct write *take_write(struct world *world, struct command *command, uint32_t key)
{
    struct write *write = oracle_write(world->oracle, command->kind, key);
    write->has_id = command->identity != 0;
    command->writes[command->key_count] = write;
    take_key(command, key);
    return write;
}

/* Within the run, or not before it is over. */
static uint64_t time_to_live_ms(struct random *random)
{
    return random_chance(random, 2, 3) ? spread_log(random, 1, EXPIRE_SOON_MS) : EXPIRE_LATE_MS;
}

static void add_set(struct words *words, struct world *world, struct random *random,
                    struct command *command, uint32_t key, bool may_expire)
{
    struct write *write = take_write(world, command, key);
    add(words, command->kind == COMMAND_GETSET ? "GETSET" : "SET");
    add_key(words, world->oracle, key);
    add_value(words, world, random, write, world->plan.value_bytes_max);
    if (command->kind == COMMAND_SETNX)
        add(words, "NX");
    if (may_expire && random_chance(random, 1, 10)) {
        command->expire_at_ms = world_true_ms(world) + time_to_live_ms(random);
        add(words, "PXAT");
        add_number(words, command->expire_at_ms);
    }
}

static void add_several(struct words *words, struct world *world, struct random *random,
                        struct command *command, uint32_t count)
{
    add(words, command->kind == COMMAND_MSET ? "MSET" : "MGET");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t key = draw_key(random, &world->plan, world->plan.key_count);
        bool known = false;
        for (uint32_t j = 0; j < command->key_count; j++)
            known = known || command->keys[j] == key;
        if (known)
            continue;
        add_key(words, world->oracle, key);
        if (command->kind == COMMAND_MSET)
            add_value(words, world, random, take_write(world, command, key),
                      world->plan.value_bytes_max);
        else
            take_key(command, key);
    }
}

static void add_read(struct words *words, struct world *world, struct command *command,
                     uint32_t key)
{
    take_key(command, key);
    add(words, command->kind == COMMAND_RING_GET ? "RING.GET" : "GET");
    add_key(words, world->oracle, key);
}

/* Keys with one tag, so that they lie in one slot. */
static void add_msetnx(struct words *words, struct world *world, struct random *random,
                       struct command *command)
{
    uint32_t tag = (uint32_t)random_below(random, ORACLE_TAGS);
    add(words, "MSETNX");
    for (uint32_t i = 0; i < world->plan.key_count && command->key_count < 3; i++) {
        if (oracle_key_tag(i) != tag || random_chance(random, 1, 2))
            continue;
        add_key(words, world->oracle, i);
        add_value(words, world, random, take_write(world, command, i), world->plan.value_bytes_max);
    }
    if (command->key_count > 0)
        return;
    add_key(words, world->oracle, 0);
    add_value(words, world, random, take_write(world, command, 0), world->plan.value_bytes_max);
}

static void add_wait(struct words *words, struct world *world, struct random *random)
{
    add(words, "WAIT");
    add_number(words, random_below(random, world->ring->owner_count));
    add_number(words, spread_log(random, 1, WAIT_MS_MAX));
}

/*
 * Kinds whose value or amount names their write, or that leave none: those that the oracle can
 * count.
 */
static bool is_repeatable(enum command_kind kind)
{
    return kind == COMMAND_SET || kind == COMMAND_SETNX || kind == COMMAND_GETSET ||
           kind == COMMAND_APPEND || kind == COMMAND_DEL || kind == COMMAND_GETDEL ||
           kind == COMMAND_MSET || kind == COMMAND_MSETNX || kind == COMMAND_INCREMENT;
}

/* Some carry a time whose window is nearly over, so that they are folded soon. */
static void draw_id(const struct world *world, struct random *random, struct command *command)
{
    uint64_t now_ms = world_true_ms(world);
    bool counts = command->kind == COMMAND_INCREMENT;
    command->identity = random_below(random, UINT64_MAX) | 1;
    if (random_chance(random, counts ? 1 : 4, 5))
        return;
    command->identity_ms = random_chance(random, 1, 4)
                               ? now_ms
                               : now_ms - REQUEST_WINDOW_MS + spread_log(random, 200, 8000);
}

static void draw_numbers(struct world *world, struct random *random, struct command *command)
{
    uint8_t *const numbers[] = {&command->r, &command->w, &command->dw, &command->pr, &command->pw};
    for (unsigned i = 0; i < 5; i++)
        if (random_chance(random, 1, 4))
            *numbers[i] = (uint8_t)spread_even(random, 1, world->ring->owner_count);
}

static void add_one_key(struct words *words, struct world *world, struct random *random,
                        struct command *command, uint32_t key)
{
    struct oracle *oracle = world->oracle;
    bool expiries = world->plan.command_weight[COMMAND_EXPIRE_AT] > 0;
    switch (command->kind) {
    case COMMAND_SET:
    case COMMAND_SETNX:
        add_set(words, world, random, command, key, expiries);
        return;
    case COMMAND_GETSET:
        add_set(words, world, random, command, key, false);
        return;
    case COMMAND_APPEND: {
        struct write *write = take_write(world, command, key);
        add(words, "APPEND");
        add_key(words, oracle, key);
        add_value(words, world, random, write, APPENDED_BYTES_MAX);
        return;
    }
    case COMMAND_DEL:
        take_write(world, command, key);
        add(words, "DEL");
        add_key(words, oracle, key);
        return;
    case COMMAND_GETDEL:
        take_write(world, command, key);
        add(words, "GETDEL");
        add_key(words, oracle, key);
        return;
    case COMMAND_EXPIRE_AT:
        take_write(world, command, key);
        oracle_key(oracle, key)->expiry_writes++;
        if (command->expire_at_ms == 0)
            command->expire_at_ms = world_true_ms(world) + time_to_live_ms(random);
        add(words, "PEXPIREAT");
        add_key(words, oracle, key);
        add_number(words, command->expire_at_ms);
        return;
    case COMMAND_PERSIST:
        take_write(world, command, key);
        oracle_key(oracle, key)->expiry_writes++;
        add(words, "PERSIST");
        add_key(words, oracle, key);
        return;
    case COMMAND_EXISTS:
        take_key(command, key);
        add(words, "EXISTS");
        add_key(words, oracle, key);
        return;
    default:
        assert(command->kind == COMMAND_GET);
        add_read(words, world, command, key);
        return;
    }
}

/* A field that counts: it is never set, and its hash may be deleted in its place. */
static void add_tally_command(struct words *words, struct world *world, struct random *random,
                              struct command *command, uint32_t key)
{
    struct oracle *oracle = world->oracle;
    const char *field = oracle_tally_field_name(oracle_key(oracle, key));
    struct write *write = NULL;
    bool removes = command->kind == COMMAND_COUNTER_DEL || command->kind == COMMAND_COUNTER_SET;
    if (removes && random_chance(random, 1, 2)) {
        command->kind = COMMAND_HASH_CLEAR;
        take_write(world, command, oracle_tally_key(oracle));
        add(words, "DEL");
        add_key(words, oracle, oracle_tally_key(oracle));
        return;
    }
    if (removes)
        command->kind = COMMAND_COUNTER_DEL;
    if (command->kind == COMMAND_COUNTER_GET)
        take_key(command, key);
    else
        write = take_write(world, command, key);
    static const char *const names[][3] = {{"HGET", "HDEL", "HINCRBY"},
                                           {"ZSCORE", "ZREM", "ZINCRBY"}};
    bool sorted = oracle_tally_is_sorted(oracle);
    add(words, names[sorted][command->kind == COMMAND_COUNTER_GET ? 0 : removes ? 1 : 2]);
    add_key(words, oracle, oracle_tally_key(oracle));
    if (command->kind != COMMAND_INCREMENT || !sorted)
        add(words, field);
    if (command->kind != COMMAND_INCREMENT)
        return;
    struct buffer amount = {0};
    write->takes = random_chance(random, 1, 3);
    buffer_printf(&amount, "%s%u", write->takes ? "-" : "", write->number);
    buffer_put_u8(&amount, 0);
    add(words, (const char *)amount.data);
    if (sorted)
        add(words, field);
    buffer_deinit(&amount);
}

/* A key that counts: its strings and increments are numbers of their writes. */
static void add_counter_command(struct words *words, struct world *world, struct random *random,
                                struct command *command, uint32_t key)
{
    struct oracle *oracle = world->oracle;
    if (oracle_key(oracle, key)->writes_started >= COUNTER_EVENTS_MAX)
        command->kind = COMMAND_COUNTER_GET;
    if (oracle_key(oracle, key)->tally != TALLY_NONE) {
        add_tally_command(words, world, random, command, key);
        return;
    }
    if (command->kind == COMMAND_COUNTER_GET) {
        add(words, "GET");
        add_key(words, oracle, key);
        take_key(command, key);
        return;
    }
    struct write *write = take_write(world, command, key);
    write->takes = command->kind == COMMAND_INCREMENT && random_chance(random, 1, 3);
    add(words, command->kind == COMMAND_COUNTER_DEL   ? "DEL"
               : command->kind == COMMAND_COUNTER_SET ? "SET"
               : write->takes                         ? "DECRBY"
                                                      : "INCRBY");
    add_key(words, oracle, key);
    if (command->kind != COMMAND_COUNTER_DEL)
        add_number(words, write->number);
}

/* The number of the write, so that a score tells who set it. */
static void add_score(struct words *words, struct write *write)
{
    struct buffer score = {0};
    buffer_printf(&score, "%u", write->number);
    write->value_digest = hash64(buffer_slice(&score), 0);
    add_slice(words, buffer_slice(&score));
    buffer_deinit(&score);
}

static void add_range(struct words *words, const struct command *command)
{
    if (command->high == 0) {
        add(words, "-inf");
        add(words, "+inf");
    } else {
        add_number(words, command->low);
        add_number(words, command->high);
    }
    add(words, "WITHSCORES");
}

static void add_hash_words(struct words *words, struct oracle *oracle,
                           const struct command *command, uint32_t hash)
{
    static const char *const names[][3] = {
        [COMMAND_HASH_SET] = {"HSET", "SADD", "ZADD"},
        [COMMAND_HASH_GET] = {"HGET", "SISMEMBER", "ZSCORE"},
        [COMMAND_HASH_DEL] = {"HDEL", "SREM", "ZREM"},
        [COMMAND_HASH_ALL] = {"HGETALL", "SMEMBERS", "ZRANGEBYSCORE"},
        [COMMAND_HASH_CLEAR] = {"DEL", "DEL", "DEL"},
        [COMMAND_HASH_END] = {"PEXPIREAT", "PEXPIREAT", "PEXPIREAT"}};
    const struct oracle_key *asked = oracle_key(oracle, command->keys[0]);
    bool sorted = command->collection == COLLECTION_ZSET;
    add(words, names[command->kind][sorted ? 2 : command->collection == COLLECTION_SET ? 1 : 0]);
    add_key(words, oracle, oracle_hash_key(oracle, hash));
    if (sorted && command->kind == COMMAND_HASH_SET)
        add_score(words, command->writes[0]);
    if (asked->is_field)
        add(words, oracle_hash_field_name(asked));
    if (sorted && command->kind == COMMAND_HASH_ALL)
        add_range(words, command);
    if (command->kind == COMMAND_HASH_END)
        add_number(words, command->expire_at_ms);
}

static void add_hash_command(struct words *words, struct world *world, struct random *random,
                             struct command *command)
{
    struct oracle *oracle = world->oracle;
    uint32_t hash = (uint32_t)random_below(random, HASH_COUNT);
    bool whole = command->kind == COMMAND_HASH_ALL || command->kind == COMMAND_HASH_CLEAR ||
                 command->kind == COMMAND_HASH_END;
    uint32_t key =
        whole ? oracle_hash_key(oracle, hash)
              : oracle_hash_field(oracle, hash, (uint32_t)random_below(random, HASH_FIELDS));
    struct write *write = NULL;
    if (oracle_key(oracle, key)->writes_started >= HASH_WRITES_MAX)
        command->kind = whole ? COMMAND_HASH_ALL : COMMAND_HASH_GET;
    if (command->kind == COMMAND_HASH_GET || command->kind == COMMAND_HASH_ALL)
        take_key(command, key);
    else
        write = take_write(world, command, key);
    command->collection =
        whole ? oracle_hash_draw_type(hash, random) : oracle_key(oracle, key)->type;
    if (command->kind == COMMAND_HASH_ALL && command->collection == COLLECTION_ZSET &&
        random_chance(random, 1, 2)) {
        uint32_t newest = oracle_write_count(oracle);
        uint32_t back = (uint32_t)spread_log(random, 1, newest + 1);
        command->high = newest - (uint32_t)random_below(random, back) + 1;
        command->low = back < command->high ? command->high - back : 0;
    }
    if (command->kind == COMMAND_HASH_END)
        command->expire_at_ms = world_true_ms(world) + time_to_live_ms(random);
    add_hash_words(words, oracle, command, hash);
    if (command->kind == COMMAND_HASH_SET && command->collection == COLLECTION_HASH)
        add_value(words, world, random, write, world->plan.value_bytes_max);
}

static enum context_use draw_context_use(struct random *random)
{
    static const uint32_t weights[] = {[CONTEXT_NONE] = 30,
                                       [CONTEXT_FRESH] = 45,
                                       [CONTEXT_STALE] = 15,
                                       [CONTEXT_FORGED] = 5,
                                       [CONTEXT_FOREIGN] = 5};
    return (enum context_use)draw_weighted(random, weights, sizeof weights / sizeof weights[0]);
}

/* What the marks and the oracle are told of a write with a context. */
static void note_context(struct world *world, const struct command *command,
                         const struct buffer *context)
{
    bool good = command->context == CONTEXT_FRESH || command->context == CONTEXT_STALE;
    if (good)
        oracle_observe(world->oracle, command->writes[0], buffer_slice(context));
    if (good)
        marks_hit(world->marks, MARK_CONTEXT_WRITE);
    if (command->context == CONTEXT_STALE)
        marks_hit(world->marks, MARK_CONTEXT_STALE);
}

/*
 * Where siblings are kept: reads, blind writes, and writes with the contexts of good, lazy and
 * malicious clients. A delete always has a context: without one it would replace what its
 * read quorum saw, which nobody here can tell.
 */
static void add_sibling_command(struct words *words, struct world *world, struct random *random,
                                const struct contexts *contexts, struct command *command)
{
    uint32_t first = oracle_key_count(world->oracle, 0);
    uint32_t number = (uint32_t)random_below(random, oracle_key_count(world->oracle, 1));
    struct buffer context = {0};
    bool full = oracle_key(world->oracle, first + number)->writes_started >= SIBLING_WRITES_MAX;
    bool writes = !full && random_chance(random, 1, 2);
    command->kind = random_chance(random, 1, 3) ? COMMAND_GET : COMMAND_RING_GET;
    if (writes) {
        command->context = draw_context_use(random);
        if (command->context != CONTEXT_NONE &&
            !contexts_take(contexts, number, command->context, random, &context))
            command->context = CONTEXT_NONE;
        bool deletes = command->context != CONTEXT_NONE && random_chance(random, 1, 6);
        command->kind = deletes ? COMMAND_DEL : COMMAND_SET;
    }
    add_options(words, command, command->context == CONTEXT_NONE ? NULL : &context);
    if (command->kind == COMMAND_SET) {
        add_set(words, world, random, command, first + number, false);
    } else if (command->kind == COMMAND_DEL) {
        take_write(world, command, first + number);
        add(words, "DEL");
        add_key(words, world->oracle, first + number);
    } else {
        add_read(words, world, command, first + number);
    }
    if (command->context != CONTEXT_NONE)
        note_context(world, command, &context);
    buffer_deinit(&context);
}

static bool is_read(enum command_kind kind)
{
    return kind == COMMAND_GET || kind == COMMAND_MGET || kind == COMMAND_SCAN ||
           kind == COMMAND_EXISTS || kind == COMMAND_DBSIZE || kind == COMMAND_HASH_GET ||
           kind == COMMAND_HASH_ALL;
}

void workload_draw(struct world *world, struct random *random, keyspace_id keyspace,
                   uint64_t cursor, const struct contexts *contexts, struct command *command,
                   struct buffer *out)
{
    const struct plan *plan = &world->plan;
    struct words words = {0};
    *command = (struct command){0};
    command->kind =
        (enum command_kind)draw_weighted(random, plan->command_weight, COMMAND_KIND_COUNT);
    command->level = (uint8_t)draw_weighted(random, plan->level_weight, PLAN_LEVEL_COUNT);
    if (is_read(command->kind) && command->level == LEVEL_ANY)
        command->level = LEVEL_ONE; /* ANY is for writes */
    if (random_chance(random, plan->sloppy_percent, 100))
        command->sloppy = random_chance(random, 1, 10) ? SLOPPY_NO : SLOPPY_YES;
    command->timeout_ms = plan->request_timeout_ms;
    if (plan->numbers)
        draw_numbers(world, random, command);
    if (keyspace == 1) {
        if (command->level == LEVEL_ANY)
            command->level = LEVEL_ONE; /* it may become a read */
        add_sibling_command(&words, world, random, contexts, command);
        finish(&words, out);
        return;
    }
    if (plan->request_ids && is_repeatable(command->kind) && random_chance(random, 2, 3))
        draw_id(world, random, command);
    add_options(&words, command, NULL);
    if (command->kind == COMMAND_SCAN) {
        add(&words, "SCAN");
        add_number(&words, cursor);
        add(&words, "COUNT");
        add_number(&words, spread_log(random, 1, 100));
    } else if (command->kind == COMMAND_WAIT) {
        add_wait(&words, world, random);
    } else if (command->kind == COMMAND_DBSIZE) {
        add(&words, "DBSIZE");
    } else if (command->kind == COMMAND_MSETNX) {
        add_msetnx(&words, world, random, command);
    } else if (command->kind >= COMMAND_INCREMENT && command->kind <= COMMAND_COUNTER_DEL) {
        uint32_t first = oracle_key_total(world->oracle) - HASH_KEY_COUNT - COUNTER_KEY_COUNT;
        uint32_t fields = command->identity == 0 ? TALLY_FIELDS : 0; /* they take no id */
        uint32_t drawn = (uint32_t)random_below(random, COUNTER_KEY_COUNT + fields);
        add_counter_command(&words, world, random, command,
                            drawn < COUNTER_KEY_COUNT
                                ? first + drawn
                                : oracle_tally_sum(world->oracle, drawn - COUNTER_KEY_COUNT));
    } else if (command->kind >= COMMAND_HASH_SET && command->kind <= COMMAND_HASH_END) {
        add_hash_command(&words, world, random, command);
    } else if (command->kind == COMMAND_MSET || command->kind == COMMAND_MGET) {
        add_several(&words, world, random, command,
                    1 + (uint32_t)random_below(random, COMMAND_KEYS_MAX));
    } else {
        add_one_key(&words, world, random, command, draw_key(random, plan, plan->key_count));
    }
    finish(&words, out);
}

void workload_ask(struct world *world, struct random *random, uint32_t key,
                  const struct buffer *context, struct command *command, struct buffer *out)
{
    struct words words = {0};
    add_options(&words, command, command->context == CONTEXT_NONE ? NULL : context);
    if (command->kind >= COMMAND_INCREMENT && command->kind <= COMMAND_COUNTER_DEL)
        add_counter_command(&words, world, random, command, key);
    else if (command->kind == COMMAND_RING_GET)
        add_read(&words, world, command, key);
    else
        add_one_key(&words, world, random, command, key);
    if (command->context != CONTEXT_NONE)
        note_context(world, command, context);
    finish(&words, out);
}

static void last(struct words *words, struct command *command, enum command_kind kind)
{
    *command = (struct command){.kind = kind, .last = true, .level = LEVEL_QUORUM};
    command->timeout_ms = 20000;
    add_options(words, command, NULL);
}

void workload_last_get(struct world *world, uint32_t key, struct command *command,
                       struct buffer *out)
{
    struct words words = {0};
    const struct oracle_key *asked = oracle_key(world->oracle, key);
    last(&words, command,
         asked->counter != NULL ? COMMAND_COUNTER_GET
         : asked->keyspace == 1 ? COMMAND_RING_GET
                                : COMMAND_GET);
    if (asked->tally != TALLY_NONE) {
        uint32_t first = oracle_tally_key(world->oracle);
        uint32_t field = key == first ? 0 : (key - first - 1) / 2;
        command->kind = COMMAND_COUNTER_GET;
        add_tally_command(&words, world, NULL, command, oracle_tally_sum(world->oracle, field));
    } else if (asked->hash != 0) {
        command->kind = asked->is_field ? COMMAND_HASH_GET : COMMAND_HASH_ALL;
        take_key(command, key);
        command->collection =
            asked->is_field ? asked->type : oracle_hash_draw_type(asked->hash - 1, NULL);
        add_hash_words(&words, world->oracle, command, asked->hash - 1);
    } else {
        add_read(&words, world, command, key);
    }
    finish(&words, out);
}

void workload_last_keys(struct world *world, struct command *command, struct buffer *out)
{
    struct words words = {0};
    (void)world;
    last(&words, command, COMMAND_KEYS);
    add(&words, "KEYS");
    add(&words, "*");
    finish(&words, out);
}

void workload_select(keyspace_id keyspace, struct buffer *out)
{
    struct words words = {0};
    add(&words, "SELECT");
    add_number(&words, keyspace);
    finish(&words, out);
}
