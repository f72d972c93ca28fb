/*
 * oracle_siblings.c - where concurrent values are kept: who replaces whom, by plain sets.
 *
 * A write observes what its context covers, a blind one nothing. So for each key:
 *
 *   a version leaves a cell only for one that observed it and that the cell has absorbed, and
 *   does not stand in a cell that has absorbed one that observed it
 *   a read must see each version that was promised before, or something that observed it
 *   RING.GET shows, and its context covers, the same versions: what is covered and not shown
 *   is a tombstone or was observed by something that is covered as well; nothing that is made
 *   later is covered
 *
 * This is the rule of models/cells.py with real contexts. Vectors are only asked whether they
 * cover an event; nothing here merges.
 */
#include <assert.h>
#include <inttypes.h>

#include "base/hash.h"
#include "sim/contexts.h"
#include "sim/oracle_state.h"

void oracle_observe(struct oracle *oracle, struct write *write, struct slice token)
{
    const struct oracle_key *key = &oracle->keys[write->key];
    struct context_place place = {.ring = oracle->world->ring,
                                  .mac = contexts_mac,
                                  .keyspace = key->keyspace,
                                  .key = slice_text(key->name)};
    hybrid_time time;
    const char *why;
    if (context_token_decode(&place, token, &write->observed, &time, &why) != STATUS_OK)
        world_fail(oracle->world, VERDICT_WRONG, "context", "a context of %s %s", key->name, why);
    write->has_context = true;
}

/* ---- who observed whom ---- */

static bool observed(const struct oracle *oracle, const struct version *later,
                     const struct version *earlier)
{
    const struct write *write = oracle_find_write(oracle, later->write);
    if (later == earlier)
        return false;
    if (later->kind == SIBLING_TOMBSTONE)
        return version_vector_covers(&later->observed, &earlier->dot);
    return write != NULL && write->has_context &&
           version_vector_covers(&write->observed, &earlier->dot);
}

/* One that observed the version, of those that `absorbed` covers; NULL for `absorbed`: of all. */
static const struct version *find_observer(const struct oracle *oracle,
                                           const struct version *version,
                                           const struct version_vector *absorbed)
{
    const struct oracle_key *key = &oracle->keys[version->key];
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *other = key->versions[i];
        if ((absorbed == NULL || version_vector_covers(absorbed, &other->dot)) &&
            observed(oracle, other, version))
            return other;
    }
    return NULL;
}

/*
 * Whether a delete that all owners have, and that was collected, has replaced the version: no
 * cell covers that delete any more, and a disk may still bring back what it replaced.
 */
static bool was_deleted(const struct oracle *oracle, const struct version *version)
{
    const struct oracle_key *key = &oracle->keys[version->key];
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *other = key->versions[i];
        if (other->collected && observed(oracle, other, version) &&
            (other->kind == SIBLING_TOMBSTONE || was_deleted(oracle, other)))
            return true;
    }
    return false;
}

/* ---- cells ---- */

static void fail_cell(struct oracle *oracle, const struct machine *machine,
                      const struct oracle_key *key, const struct version *version, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, "I3",
               "n%u %s (keyspace %u): %s: dot=%u.%u.%u:%" PRIu64 " write=<%u>", machine->id,
               key->name, key->keyspace, what, version->dot.actor.node,
               version->dot.actor.storage_incarnation, version->dot.actor.boot_epoch,
               version->dot.sequence, version->write);
}

/* Whether the delete can have made the cell: it replaced all that it saw, and nothing else. */
static bool explains(const struct oracle *oracle, const struct write *write,
                     const struct cell *before, const struct cell *after)
{
    if (write->kind != COMMAND_DEL || !write->has_context ||
        (write->outcome != OUTCOME_OPEN && write->outcome != OUTCOME_UNCERTAIN) ||
        !version_vector_descends(&after->context, &write->observed))
        return false;
    for (uint32_t i = 0; i < before->count; i++) {
        const struct dot *dot = &before->siblings[i].dot;
        bool gone = cell_find(after, dot) == NULL;
        bool covered = version_vector_covers(&write->observed, dot);
        const struct version *version = oracle_find_version(oracle, &oracle->keys[write->key], dot);
        if ((gone && !covered && find_observer(oracle, version, &after->context) == NULL) ||
            (covered && !gone))
            return false;
    }
    return true;
}

/*
 * A tombstone names no write: find the deletes that can have made it, and what they saw together.
 * The cell covers all of that and shows none of it, so whatever takes the tombstone in has lost it
 * too; one of them alone may be another than made it, which had seen less.
 */
static void find_makers(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, struct version *tombstone,
                        const struct cell *before, const struct cell *after)
{
    bool found = false;
    for (uint32_t i = 0; i < oracle->write_count; i++) {
        const struct write *write = oracle->writes[i];
        if (write->key != tombstone->key || !explains(oracle, write, before, after))
            continue;
        version_vector_join(&tombstone->observed, &write->observed);
        found = true;
    }
    tombstone->explained = found;
    if (!found)
        fail_cell(oracle, machine, key, tombstone, "a tombstone that no delete can have made");
}

void oracle_siblings_stored(struct oracle *oracle, const struct machine *machine,
                            const struct oracle_key *key, const struct cell *before,
                            const struct cell *after)
{
    struct world *world = oracle->world;
    for (uint32_t i = 0; i < after->count; i++) {
        struct version *version = oracle_find_version(oracle, key, &after->siblings[i].dot);
        if (version->kind == SIBLING_TOMBSTONE && !version->explained)
            find_makers(oracle, machine, key, version, before, after);
        if (find_observer(oracle, version, &after->context) != NULL)
            fail_cell(oracle, machine, key, version, "a replaced version is alive");
    }
    for (uint32_t i = 0; i < before->count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &before->siblings[i].dot);
        if (cell_find(after, &version->dot) != NULL)
            continue;
        marks_hit(world->marks, MARK_SIBLING_REPLACED);
        if (version->kind == SIBLING_TOMBSTONE && version->collected)
            continue; /* elsewhere already; what comes from there covers it */
        if (find_observer(oracle, version, &after->context) == NULL &&
            !was_deleted(oracle, version))
            fail_cell(oracle, machine, key, version, "a version vanished that nothing observed");
    }
    if (after->count > world->plan.settings.siblings_max * world->ring->owner_count)
        world_fail(world, VERDICT_WRONG, "I7", "n%u %s has %u siblings", machine->id, key->name,
                   after->count);
}

/* ---- reads ---- */

/* Whether a read that was sent then, and asks so many owners, must know of the version. */
static bool must_know(const struct oracle *oracle, const struct version *version,
                      const struct command *command, uint8_t read_owners)
{
    if (version->excused)
        return false;
    if (version->acked && version->acked_us < command->start_us &&
        oracle_meets(oracle, version, read_owners))
        return true;
    return version->read_us != 0 && version->read_us < command->start_us &&
           read_owners > oracle->world->ring->owner_count / 2;
}

static bool is_quorum_read(const struct oracle *oracle, const struct command *command)
{
    return oracle_read_owners(oracle, command) > oracle->world->ring->owner_count / 2;
}

static void note_read(struct version *version, uint64_t now_us)
{
    if (version->read_us == 0)
        version->read_us = now_us;
}

static struct version *find_value(const struct oracle_key *key, struct slice value)
{
    uint64_t digest = hash64(value, 0);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->kind != SIBLING_TOMBSTONE && key->versions[i]->value_digest == digest)
            return key->versions[i];
    return NULL;
}

void oracle_siblings_got(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, const struct resp_value *reply)
{
    struct oracle_key *key = &oracle->keys[command->keys[0]];
    uint8_t read_owners = oracle_read_owners(oracle, command);
    struct version *shown = NULL;
    if (reply->type == RESP_TYPE_BULK && (shown = find_value(key, reply->text)) == NULL) {
        oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                           "a value that no version has");
        return;
    }
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (!must_know(oracle, version, command, read_owners))
            continue;
        marks_hit(oracle->world->marks, MARK_READ_FLOOR_CHECKED);
        if (shown != NULL && observed(oracle, version, shown))
            oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                               "a value was shown that a promised write has replaced");
        if (version->kind != SIBLING_TOMBSTONE && oracle_is_above(version, shown) &&
            find_observer(oracle, version, NULL) == NULL)
            oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                               "a promised value was not seen");
    }
    if (shown != NULL && is_quorum_read(oracle, command))
        note_read(shown, oracle->world->now_us);
}

/* The value called `name` in a map of version 2. */
static const struct resp_value *field(const struct resp_value *map, const char *name)
{
    for (size_t i = 0; map->type == RESP_TYPE_ARRAY && i + 1 < map->element_count; i += 2)
        if (map->elements[i].type == RESP_TYPE_BULK &&
            slice_equal(map->elements[i].text, slice_text(name)))
            return &map->elements[i + 1];
    return NULL;
}

struct slice oracle_siblings_context(const struct resp_value *reply)
{
    const struct resp_value *token = field(reply, "context");
    return token != NULL && token->type == RESP_TYPE_BULK ? token->text : slice_make(NULL, 0);
}

/* The version that a row of RING.GET shows; NULL: none is like it. */
static const struct version *shown_in(const struct oracle_key *key, const struct resp_value *row)
{
    const struct resp_value *value = field(row, "value"), *time = field(row, "time");
    const struct resp_value *ttl = field(row, "ttl"), *node = field(row, "node");
    if (value == NULL || time == NULL || ttl == NULL || node == NULL ||
        value->type != RESP_TYPE_BULK || time->type != RESP_TYPE_INTEGER ||
        ttl->type != RESP_TYPE_INTEGER || node->type != RESP_TYPE_INTEGER)
        return NULL;
    const struct version *version = find_value(key, value->text);
    if (version == NULL || (uint64_t)time->integer != hybrid_time_ms(version->time) ||
        (node_id)node->integer != version->dot.actor.node || ttl->integer != -1)
        return NULL;
    return version;
}

static bool is_shown(const struct version *version, const struct version *const *shown,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (shown[i] == version)
            return true;
    return false;
}

/*
 * What is wrong with one version, given what was shown and what the context covers; NULL: nothing.
 */
static const char *judge(const struct oracle *oracle, const struct command *command,
                         const struct version *version, bool shown,
                         const struct version_vector *covered)
{
    bool is_covered = version_vector_covers(covered, &version->dot);
    bool is_observed = find_observer(oracle, version, covered) != NULL;
    if (version->collected && !shown)
        return NULL; /* what replaced it was collected too */
    if (shown && !is_covered)
        return "the context does not cover a value that was shown";
    if (shown && is_observed)
        return "a value was shown beside what replaced it";
    if (is_covered && !shown && !is_observed && version->kind != SIBLING_TOMBSTONE)
        return "the context covers a value that was neither shown nor replaced";
    if (!is_covered && must_know(oracle, version, command, oracle_read_owners(oracle, command)))
        return "a promised version was not seen";
    return NULL;
}

void oracle_siblings_shown(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, const struct resp_value *reply)
{
    enum { SHOWN_MAX = 1024 };
    struct oracle_key *key = &oracle->keys[command->keys[0]];
    const struct resp_value *rows = field(reply, "siblings");
    const struct version *shown[SHOWN_MAX];
    struct write reader = {.key = command->keys[0]};
    const char *wrong = rows == NULL || rows->type != RESP_TYPE_ARRAY ? "no siblings" : NULL;
    size_t count = wrong == NULL ? rows->element_count : 0;
    assert(count <= SHOWN_MAX);
    oracle_observe(oracle, &reader, oracle_siblings_context(reply));
    for (size_t i = 0; i < count && wrong == NULL; i++) {
        shown[i] = shown_in(key, &rows->elements[i]);
        if (shown[i] == NULL)
            wrong = "a value that no version has";
        else if (i > 0 && !oracle_is_above(shown[i - 1], shown[i]))
            wrong = "the newest is not the first";
    }
    for (uint32_t i = 0; i < key->version_count && wrong == NULL; i++) {
        const struct version *version = key->versions[i];
        wrong = judge(oracle, command, version, is_shown(version, shown, count), &reader.observed);
        if (wrong != NULL)
            world_note(oracle->world, "it is about dot=%u.%u.%u:%" PRIu64 " write=<%u>",
                       version->dot.actor.node, version->dot.actor.storage_incarnation,
                       version->dot.actor.boot_epoch, version->dot.sequence, version->write);
    }
    if (wrong != NULL)
        oracle_fail_answer(oracle, machine, command, command->keys[0], "siblings", wrong);
    for (uint32_t i = 0; i < key->version_count && is_quorum_read(oracle, command); i++)
        if (version_vector_covers(&reader.observed, &key->versions[i]->dot))
            note_read(key->versions[i], oracle->world->now_us);
    marks_hit(oracle->world->marks, MARK_RING_GET);
    version_vector_join(&key->given, &reader.observed);
    version_vector_deinit(&reader.observed);
}

void oracle_siblings_not_deleted(struct oracle *oracle, const struct machine *machine,
                                 const struct command *command)
{
    const struct oracle_key *key = &oracle->keys[command->keys[0]];
    uint8_t read_owners = oracle_read_owners(oracle, command);
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind != SIBLING_TOMBSTONE &&
            version_vector_covers(&command->writes[0]->observed, &version->dot) &&
            must_know(oracle, version, command, read_owners) &&
            find_observer(oracle, version, NULL) == NULL)
            oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                               "a delete missed a value that it saw");
    }
}

/* ---- the end ---- */

void oracle_siblings_end(struct oracle *oracle, const struct machine *owner,
                         const struct oracle_key *key, const struct cell *cell)
{
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        bool alive = cell_find(cell, &version->dot) != NULL;
        if (version->acked && !version->excused && !alive && !version->collected &&
            find_observer(oracle, version, &cell->context) == NULL)
            fail_cell(oracle, owner, key, version, "a promised value is gone at the end");
    }
}
