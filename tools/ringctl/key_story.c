#include "key_story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "amounts.h"
#include "base/memory.h"
#include "fields.h"

/* An event, or an entry of a clock: "actor:number...". */
struct event {
    struct slice actor;
    uint64_t number;
    const char *rest; /* behind the number */
};

static bool parse_event(const char *text, struct event *out)
{
    const char *colon = strchr(text, ':');
    char *end;
    if (colon == NULL)
        return false;
    out->actor = slice_make(text, (size_t)(colon - text));
    out->number = strtoull(colon + 1, &end, 10);
    out->rest = end;
    return end != colon + 1;
}

static const char *event_of(const struct resp_value *version)
{
    return fields_text(version, "event", "");
}

/* A list of texts names the actor with this number or a higher one. */
static bool covers(const struct resp_value *list, const char *text)
{
    struct event wanted, entry;
    if (!parse_event(text, &wanted))
        return false;
    for (size_t i = 0; i < fields_count(list); i++) {
        const struct resp_value *item = fields_at(list, i);
        if (item->text.length > 0 && parse_event((const char *)item->text.data, &entry) &&
            slice_equal(entry.actor, wanted.actor) && entry.number >= wanted.number)
            return true;
    }
    return false;
}

/* The number lies in one of the ranges ",first-last,first-last". */
static bool in_ranges(const char *rest, uint64_t number)
{
    while (*rest == ',') {
        char *end;
        uint64_t first = strtoull(rest + 1, &end, 10);
        if (*end != '-')
            return false;
        uint64_t last = strtoull(end + 1, &end, 10);
        if (number >= first && number <= last)
            return true;
        rest = end;
    }
    return false;
}

/* The replica's clock has the event. */
static bool has_seen(const struct resp_value *clock, const char *text)
{
    struct event wanted, entry;
    if (!parse_event(text, &wanted))
        return false;
    for (size_t i = 0; i < fields_count(clock); i++) {
        const struct resp_value *item = fields_at(clock, i);
        if (item->text.length > 0 && parse_event((const char *)item->text.data, &entry) &&
            slice_equal(entry.actor, wanted.actor))
            return wanted.number <= entry.number || in_ranges(entry.rest, wanted.number);
    }
    return false;
}

static bool has_version(const struct key_holder *holder, const char *event)
{
    for (size_t i = 0; i < fields_count(holder->versions); i++)
        if (strcmp(event_of(fields_at(holder->versions, i)), event) == 0)
            return true;
    return false;
}

/* Nobody covers it without having it. */
static bool is_live(const struct key_story *story, const struct resp_value *version)
{
    for (size_t i = 0; i < story->holder_count; i++) {
        const struct key_holder *holder = &story->holders[i];
        if (covers(holder->covers, event_of(version)) && !has_version(holder, event_of(version)))
            return false;
    }
    return true;
}

static bool is_kind(const struct resp_value *version, const char *kind)
{
    return strcmp(fields_text(version, "kind", ""), kind) == 0;
}

/* What increments and deletes of collections leave stands beside values and competes with none. */
static bool competes(const struct resp_value *version)
{
    return is_kind(version, "string") || is_kind(version, "tombstone");
}

/* As cell_winner(): by time, then by the event. */
static int compare(const struct resp_value *a, const struct resp_value *b)
{
    static const char *const FIELDS[] = {"written_ms", "written_count", "node"};
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        int64_t of_a = fields_integer(a, FIELDS[i], 0), of_b = fields_integer(b, FIELDS[i], 0);
        if (of_a != of_b)
            return of_a < of_b ? -1 : 1;
    }
    return strcmp(event_of(a), event_of(b));
}

static const struct resp_value *shown_of(const struct resp_value *versions)
{
    const struct resp_value *best = NULL;
    for (size_t i = 0; i < fields_count(versions); i++) {
        const struct resp_value *version = fields_at(versions, i);
        if (competes(version) && (best == NULL || compare(version, best) > 0))
            best = version;
    }
    return best;
}

/* ---- who has what ---- */

static bool owns(const struct key_story *story, size_t member)
{
    const uint16_t *owners = cluster_owners(story->cluster, story->partition);
    for (uint32_t i = 0; i < story->cluster->owner_count; i++)
        if (owners[i] == member)
            return true;
    return false;
}

static struct key_holder *add_holder(struct key_story *story, size_t member, bool hint)
{
    const struct resp_value *explain = story->witnesses[member].explain;
    struct key_holder *holder = &story->holders[story->holder_count++];
    *holder = (struct key_holder){.member = member, .is_owner = owns(story, member)};
    holder->is_hint = hint;
    holder->covers = fields_get(explain, hint ? "hint_covers" : "covers");
    holder->versions = fields_get(explain, hint ? "hint_versions" : "versions");
    holder->shown = shown_of(holder->versions);
    return holder;
}

static void add_holders(struct key_story *story)
{
    const struct cluster *cluster = story->cluster;
    const uint16_t *owners = cluster_owners(cluster, story->partition);
    /* A member has a replica and a hint at most. */
    story->holders = memory_new(2 * cluster->member_count, sizeof *story->holders);
    for (uint32_t i = 0; i < cluster->owner_count; i++)
        add_holder(story, owners[i], false);
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct resp_value *explain = story->witnesses[i].explain;
        if (explain == NULL)
            continue;
        if (!owns(story, i) && strcmp(fields_text(explain, "replica", "none"), "none") != 0)
            add_holder(story, i, false);
        if (fields_count(fields_get(explain, "hint_for")) > 0)
            add_holder(story, i, true);
    }
}

/* ---- why one is behind ---- */

static void say(struct buffer *out, const char *text)
{
    buffer_printf(out, "%s", text);
}

/* What another member says of the one; NULL: nothing. */
static const struct resp_value *said_of(const struct key_witness *witness, node_id id)
{
    const struct resp_value *members = fields_get(witness->status, "members");
    for (size_t i = 0; i < fields_count(members); i++)
        if (fields_integer(fields_at(members, i), "id", -1) == (int64_t)id)
            return fields_at(members, i);
    return NULL;
}

/* How many of the others call it up; and of the rest, who heard it last. */
static size_t count_up(const struct key_story *story, size_t member, int64_t *silence_ms)
{
    size_t up = 0;
    *silence_ms = -1;
    for (size_t i = 0; i < story->cluster->member_count; i++) {
        const struct resp_value *said =
            said_of(&story->witnesses[i], story->cluster->members[member].id);
        if (i == member || said == NULL)
            continue;
        int64_t silence = fields_integer(said, "silence_ms", 0);
        up += strcmp(fields_text(said, "state", "down"), "up") == 0;
        if (*silence_ms < 0 || silence < *silence_ms)
            *silence_ms = silence;
    }
    return up;
}

static void explain_silence(const struct key_story *story, struct key_holder *holder)
{
    char amount[AMOUNT_TEXT_MAX];
    int64_t silence_ms;
    const struct cluster_member *member = &story->cluster->members[holder->member];
    size_t up = count_up(story, holder->member, &silence_ms);
    if (up > 0) {
        buffer_printf(&holder->why, "%s; %zu of the other nodes call it up",
                      story->witnesses[holder->member].reason, up);
        say(&holder->next_step, "ringctl net matrix");
        return;
    }
    say(&holder->why, "down");
    if (silence_ms >= 0)
        buffer_printf(&holder->why, ": no node has heard of it for %s",
                      amount_time((uint64_t)silence_ms, amount));
    buffer_printf(&holder->next_step, "start ringd on %s:%u", member->client.host,
                  member->client.port);
}

/* A member that has the version and calls the one down; its index, or member_count. */
static size_t cut_from(const struct key_story *story, const struct key_holder *holder)
{
    for (size_t i = 0; i < story->holder_count; i++) {
        const struct key_holder *other = &story->holders[i];
        const struct resp_value *said =
            said_of(&story->witnesses[other->member], story->cluster->members[holder->member].id);
        if (other->member != holder->member && !other->is_hint && said != NULL &&
            has_version(other, event_of(holder->lacks)) &&
            strcmp(fields_text(said, "state", "up"), "down") == 0)
            return other->member;
    }
    return story->cluster->member_count;
}

/* The member that keeps a hint for the one; or member_count. */
static size_t hint_for(const struct key_story *story, const struct key_holder *holder)
{
    for (size_t i = 0; i < story->cluster->member_count; i++) {
        const struct resp_value *list = fields_get(story->witnesses[i].explain, "hint_for");
        for (size_t j = 0; j < fields_count(list); j++)
            if (fields_number(fields_at(list, j)) == story->cluster->members[holder->member].id)
                return i;
    }
    return story->cluster->member_count;
}

static void explain_behind(const struct key_story *story, struct key_holder *holder)
{
    const struct key_witness *witness = &story->witnesses[holder->member];
    const struct resp_value *store = fields_get(witness->status, "store");
    const char *store_state = fields_text(store, "state", "serving");
    size_t cut = cut_from(story, holder), hint = hint_for(story, holder);
    size_t nobody = story->cluster->member_count;
    if (strcmp(fields_text(witness->explain, "replica", "none"), "rebuilding") == 0) {
        say(&holder->why, "its replica is being filled");
        if (store != NULL)
            buffer_printf(&holder->why, ", %" PRId64 " %% of its store are there",
                          fields_integer(store, "rebuilt_percent", 0));
        say(&holder->next_step, "wait; ringctl transfers says how long");
    } else if (strcmp(store_state, "serving") != 0) {
        buffer_printf(&holder->why, "its store is %s", store_state);
        say(&holder->next_step, "ringctl doctor");
    } else if (has_seen(fields_get(witness->explain, "clock"), event_of(holder->lacks))) {
        say(&holder->why, "it has had this version and lost it from its disk");
        buffer_printf(&holder->next_step, "ringctl repair run --partition %" PRIu32,
                      story->partition);
    } else if (cut != nobody) {
        buffer_printf(&holder->why, "node %" PRIu32 " has it and cannot reach this node",
                      story->cluster->members[cut].id);
        say(&holder->next_step, "ringctl net matrix");
    } else if (hint != nobody) {
        buffer_printf(&holder->why, "a hint for it waits at node %" PRIu32,
                      story->cluster->members[hint].id);
        say(&holder->next_step, "ringctl hints");
    } else {
        say(&holder->why, "it is on its way: owners bring each other up to date by their logs");
        say(&holder->next_step, "ask again; ringctl lag when it stays so");
    }
}

static void judge(const struct key_story *story, struct key_holder *holder)
{
    const struct key_witness *witness = &story->witnesses[holder->member];
    if (holder->is_hint)
        return; /* it is on its way to somebody, and has no duty to be complete */
    if (witness->explain == NULL) {
        holder->state = HOLDER_UNKNOWN;
        explain_silence(story, holder);
        return;
    }
    for (size_t i = 0; i < story->holder_count; i++)
        for (size_t j = 0; j < fields_count(story->holders[i].versions); j++) {
            const struct resp_value *version = fields_at(story->holders[i].versions, j);
            if (!is_live(story, version) || covers(holder->covers, event_of(version)))
                continue;
            if (holder->lacks == NULL || compare(version, holder->lacks) > 0)
                holder->lacks = version;
        }
    if (holder->lacks == NULL)
        return;
    holder->state = HOLDER_BEHIND;
    explain_behind(story, holder);
}

/* ---- why one won ---- */

/* The strongest competitor of the winner that anybody shows; whether the winner's holders know it.
 */
static const struct resp_value *find_rival(const struct key_story *story, bool *is_known)
{
    const struct resp_value *rival = NULL;
    *is_known = false;
    for (size_t i = 0; i < story->holder_count; i++)
        for (size_t j = 0; j < fields_count(story->holders[i].versions); j++) {
            const struct resp_value *version = fields_at(story->holders[i].versions, j);
            if (competes(version) && strcmp(event_of(version), event_of(story->winner)) != 0 &&
                (rival == NULL || compare(version, rival) > 0))
                rival = version;
        }
    for (size_t i = 0; rival != NULL && i < story->holder_count; i++) {
        const struct key_holder *holder = &story->holders[i];
        *is_known |= has_version(holder, event_of(story->winner)) &&
                     covers(holder->covers, event_of(rival)) &&
                     !has_version(holder, event_of(rival));
    }
    return rival;
}

static void explain_winner(struct key_story *story)
{
    bool is_known;
    struct buffer *out = &story->winner_by;
    if (story->winner == NULL) {
        say(out, strcmp(story->type, "none") == 0
                     ? "no node has a version of this key"
                     : "no value was set here; elements are cells of their own");
        return;
    }
    const struct resp_value *rival = find_rival(story, &is_known);
    const char *event = event_of(story->winner);
    int64_t ahead_ms = rival == NULL ? 0
                                     : fields_integer(story->winner, "written_ms", 0) -
                                           fields_integer(rival, "written_ms", 0);
    if (rival == NULL)
        buffer_printf(out, "%s is the only version that is left", event);
    else if (is_known)
        buffer_printf(
            out, "%s replaced %s, which some nodes still have; written %" PRId64 " ms after it",
            event, event_of(rival), ahead_ms);
    else if (story->keeps_siblings)
        buffer_printf(out,
                      "%s and %s are concurrent, and this keyspace keeps both; the later is "
                      "shown to clients that take one",
                      event, event_of(rival));
    else if (ahead_ms != 0)
        buffer_printf(out,
                      "%s and %s were written without knowing of each other; the later one "
                      "wins, by %" PRId64 " ms",
                      event, event_of(rival), ahead_ms);
    else
        buffer_printf(out,
                      "%s and %s were written without knowing of each other in the same ms; "
                      "the higher count or event wins, the same everywhere",
                      event, event_of(rival));
}

static void find_winner(struct key_story *story)
{
    for (size_t i = 0; i < story->holder_count; i++)
        for (size_t j = 0; j < fields_count(story->holders[i].versions); j++) {
            const struct resp_value *version = fields_at(story->holders[i].versions, j);
            bool is_first = true;
            for (size_t k = 0; k < i; k++)
                is_first &= !has_version(&story->holders[k], event_of(version));
            if (!competes(version) || !is_live(story, version))
                continue;
            story->values += is_first && is_kind(version, "string");
            if (story->winner == NULL || compare(version, story->winner) > 0)
                story->winner = version;
        }
}

/* Of whatever an owner shows beside strings. */
static const char *type_of(const struct key_story *story)
{
    if (story->winner != NULL && is_kind(story->winner, "string"))
        return "string";
    for (size_t i = 0; i < story->holder_count; i++) {
        const char *type =
            fields_text(story->witnesses[story->holders[i].member].explain, "collection", "none");
        if (strcmp(type, "none") != 0)
            return type;
    }
    return "none";
}

void key_story_make(struct key_story *story, const struct cluster *cluster,
                    const struct key_witness *witnesses, bool keeps_siblings)
{
    *story = (struct key_story){
        .cluster = cluster, .witnesses = witnesses, .keeps_siblings = keeps_siblings};
    for (size_t i = 0; i < cluster->member_count; i++) {
        int64_t partition = fields_integer(witnesses[i].explain, "partition", -1);
        if (partition >= 0 && partition < (int64_t)cluster->partition_count)
            story->partition = (uint32_t)partition;
    }
    add_holders(story);
    story->agreed = true;
    for (size_t i = 0; i < story->holder_count; i++) {
        judge(story, &story->holders[i]);
        story->agreed &= story->holders[i].state == HOLDER_CURRENT;
    }
    find_winner(story);
    story->type = type_of(story);
    explain_winner(story);
}

void key_story_deinit(struct key_story *story)
{
    for (size_t i = 0; i < story->holder_count; i++) {
        buffer_deinit(&story->holders[i].why);
        buffer_deinit(&story->holders[i].next_step);
    }
    free(story->holders);
    buffer_deinit(&story->winner_by);
    *story = (struct key_story){0};
}
