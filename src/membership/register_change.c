#include "membership/register_change.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "membership/member_change.h"
#include "membership/register_plan.h"
#include "membership/user_rules.h"

static struct ring_keyspace *find_name(struct ring *ring, const char *name)
{
    for (uint16_t i = 0; i < ring->keyspace_count; i++)
        if (strcmp(ring->keyspaces[i].name, name) == 0)
            return &ring->keyspaces[i];
    return NULL;
}

static bool is_used_up(const struct ring *ring, uint16_t number)
{
    return ring->keyspace_drops[number] >= RING_KEYSPACE_DROPS_MAX;
}

static bool find_free_number(const struct ring *ring, uint16_t *out)
{
    for (uint16_t number = 0; number < RING_KEYSPACES_MAX; number++) {
        if (ring_keyspace_numbered(ring, number) == NULL && !is_used_up(ring, number)) {
            *out = number;
            return true;
        }
    }
    return false;
}

static void insert(struct ring *ring, const struct ring_keyspace *keyspace)
{
    uint16_t at = ring->keyspace_count++;
    for (; at > 0 && ring->keyspaces[at - 1].number > keyspace->number; at--)
        ring->keyspaces[at] = ring->keyspaces[at - 1];
    ring->keyspaces[at] = *keyspace;
}

static enum status create(const struct register_change *change, struct ring *ring,
                          char reason[REGISTER_REASON_MAX])
{
    struct ring_keyspace keyspace = change->keyspace;
    const struct ring_keyspace *other = find_name(ring, keyspace.name);
    if (other != NULL) {
        snprintf(reason, REGISTER_REASON_MAX, "there is a keyspace %s already, number %u",
                 other->name, other->number);
        return STATUS_INVALID;
    }
    if (ring->keyspace_count == RING_KEYSPACES_MAX ||
        (change->any_number && !find_free_number(ring, &keyspace.number))) {
        snprintf(reason, REGISTER_REASON_MAX,
                 "there are %d keyspaces already, the most there can be", RING_KEYSPACES_MAX);
        return STATUS_INVALID;
    }
    if (keyspace.number >= RING_KEYSPACES_MAX) {
        snprintf(reason, REGISTER_REASON_MAX, "a keyspace has a number from 0 to %d",
                 RING_KEYSPACES_MAX - 1);
        return STATUS_INVALID;
    }
    other = ring_keyspace_numbered(ring, keyspace.number);
    if (other != NULL) {
        snprintf(reason, REGISTER_REASON_MAX, "keyspace number %u is taken by %s", other->number,
                 other->name);
        return STATUS_INVALID;
    }
    if (is_used_up(ring, keyspace.number)) {
        snprintf(reason, REGISTER_REASON_MAX,
                 "keyspace number %u was used by %d keyspaces, the most there can be: take another",
                 keyspace.number, RING_KEYSPACE_DROPS_MAX);
        return STATUS_INVALID;
    }
    insert(ring, &keyspace);
    return STATUS_OK;
}

static enum status drop(const struct register_change *change, struct ring *ring,
                        char reason[REGISTER_REASON_MAX])
{
    struct ring_keyspace *keyspace = find_name(ring, change->keyspace.name);
    if (keyspace == NULL) {
        snprintf(reason, REGISTER_REASON_MAX, "there is no keyspace %s", change->keyspace.name);
        return STATUS_INVALID;
    }
    if (keyspace->number == 0) {
        snprintf(reason, REGISTER_REASON_MAX,
                 "keyspace %s has number 0, which connections begin with: it cannot be dropped",
                 keyspace->name);
        return STATUS_INVALID;
    }
    ring->keyspace_drops[keyspace->number]++;
    ring->keyspace_count--;
    memmove(keyspace, keyspace + 1,
            (size_t)(ring->keyspaces + ring->keyspace_count - keyspace) * sizeof *keyspace);
    /* What the bytes do not show may not differ either. */
    memset(&ring->keyspaces[ring->keyspace_count], 0, sizeof *keyspace);
    return STATUS_OK;
}

static enum status set(const struct register_change *change, struct ring *ring,
                       char reason[REGISTER_REASON_MAX])
{
    const struct ring_keyspace *wanted = &change->keyspace;
    struct ring_keyspace *keyspace = find_name(ring, wanted->name);
    if (keyspace == NULL) {
        snprintf(reason, REGISTER_REASON_MAX, "there is no keyspace %s", wanted->name);
        return STATUS_INVALID;
    }
    if ((change->fields & KEYSPACE_READ_LEVEL) != 0)
        keyspace->read_level = wanted->read_level;
    if ((change->fields & KEYSPACE_WRITE_LEVEL) != 0)
        keyspace->write_level = wanted->write_level;
    if ((change->fields & KEYSPACE_SLOPPY) != 0)
        keyspace->sloppy = wanted->sloppy;
    if ((change->fields & KEYSPACE_DEFAULT_TTL) != 0)
        keyspace->default_ttl_ms = wanted->default_ttl_ms;
    if ((change->fields & KEYSPACE_VALUE_BYTES_MAX) != 0)
        keyspace->value_bytes_max = wanted->value_bytes_max;
    if ((change->fields & KEYSPACE_SIBLINGS_MAX) != 0)
        keyspace->siblings_max = wanted->siblings_max;
    return STATUS_OK;
}

static struct slice words_of(const struct register_change *change)
{
    return slice_make(change->words, change->words_length);
}

static enum status set_user(const struct register_change *change, struct user_set *users,
                            char reason[REGISTER_REASON_MAX])
{
    struct slice name = slice_text(change->user);
    const struct user *present = user_set_find(users, name);
    struct user user;
    if (present != NULL)
        user_copy(present, &user);
    else if (slice_equal(name, slice_text(USER_DEFAULT_NAME)))
        user_init_default(&user);
    else
        user_init(&user, change->user);
    enum status status = user_apply_rules(&user, words_of(change), reason);
    if (status == STATUS_OK && present == NULL && users->count == USERS_MAX) {
        snprintf(reason, REGISTER_REASON_MAX, "there are %d users already, the most there can be",
                 USERS_MAX);
        status = STATUS_INVALID;
    }
    if (status == STATUS_OK)
        user_set_put(users, &user);
    else
        user_deinit(&user);
    return status;
}

static bool names_a_user(const struct register_change *change, const struct user_set *users)
{
    struct slice name;
    for (size_t at = 0; user_next_word(words_of(change), &at, &name);)
        if (user_set_find(users, name) != NULL)
            return true;
    return false;
}

static enum status drop_users(const struct register_change *change, struct user_set *users,
                              char reason[REGISTER_REASON_MAX])
{
    struct slice name;
    for (size_t at = 0; user_next_word(words_of(change), &at, &name);) {
        if (slice_equal(name, slice_text(USER_DEFAULT_NAME))) {
            snprintf(reason, REGISTER_REASON_MAX, "The 'default' user cannot be removed");
            return STATUS_INVALID;
        }
        (void)user_set_remove(users, name);
    }
    return STATUS_OK;
}

/* Whether the value names an earlier store of that node, and no change of stewards is under way. */
static bool may_return(const struct register_value *value, const struct steward *steward)
{
    for (uint8_t i = 0; i < value->stewards.count; i++)
        if (value->stewards.items[i].node == steward->node)
            return value->coming.count == 0 &&
                   value->stewards.items[i].incarnation < steward->incarnation;
    return false;
}

static void name_coming(struct register_value *next, const struct steward *steward)
{
    next->coming = next->stewards;
    for (uint8_t i = 0; i < next->coming.count; i++)
        if (next->coming.items[i].node == steward->node)
            next->coming.items[i] = *steward;
}

/* In the order in which they were wished. */
static enum status put_wishes(const struct register_change *change, const struct ring *ring,
                              struct ring_wishes *staged, char reason[REGISTER_REASON_MAX])
{
    struct reader reader = reader_make(words_of(change));
    while (reader_left(&reader) > 0) {
        struct ring_wish wish;
        ring_wish_decode(&reader, &wish);
        if (reader.failed) {
            snprintf(reason, REGISTER_REASON_MAX, "what is to be staged cannot be read");
            return STATUS_INVALID;
        }
        if (ring_wish_check(ring, &wish, reason) != STATUS_OK)
            return STATUS_INVALID;
        if (!ring_wishes_put(staged, &wish)) {
            snprintf(reason, REGISTER_REASON_MAX,
                     "%d changes are staged, the most there can be: commit a plan, or clear",
                     RING_WISHES_MAX);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* All of them are staged already. */
static bool stages_nothing(const struct register_change *change, const struct register_value *value)
{
    struct buffer before = {0}, after = {0};
    struct ring_wishes staged;
    char reason[REGISTER_REASON_MAX];
    ring_wishes_copy(&value->staged, &staged);
    bool taken = put_wishes(change, value->ring, &staged, reason) == STATUS_OK;
    ring_wishes_encode(&value->staged, &before);
    ring_wishes_encode(&staged, &after);
    bool same = taken && slice_equal(buffer_slice(&before), buffer_slice(&after));
    buffer_deinit(&before);
    buffer_deinit(&after);
    ring_wishes_deinit(&staged);
    return same;
}

/* Whether the change leaves the value as it is. */
static bool is_idle(const struct register_change *change, const struct register_value *value)
{
    switch ((enum register_change_kind)change->kind) {
    case REGISTER_CHANGE_NONE:
        return true;
    case REGISTER_CHANGE_STEWARD_RETURN:
        return !may_return(value, &change->steward);
    case REGISTER_CHANGE_STEWARDS_SETTLE:
        return value->coming.count == 0;
    case REGISTER_CHANGE_USER_DROP:
        return !names_a_user(change, &value->users);
    case REGISTER_CHANGE_STAGE:
        return stages_nothing(change, value);
    case REGISTER_CHANGE_STAGE_CLEAR:
        return value->staged.count == 0;
    case REGISTER_CHANGE_KEYSPACE_CREATE:
    case REGISTER_CHANGE_KEYSPACE_SET:
    case REGISTER_CHANGE_KEYSPACE_DROP:
    case REGISTER_CHANGE_USER_SET:
    case REGISTER_CHANGE_MEMBER_ADD:
    case REGISTER_CHANGE_MEMBER_REMOVE:
        break;
    case REGISTER_CHANGE_RING_STEPS:
    case REGISTER_CHANGE_PLAN_COMMIT:
    case REGISTER_CHANGE_PLAN_PAUSE:
    case REGISTER_CHANGE_PLAN_RESUME:
    case REGISTER_CHANGE_PLAN_ABORT:
    case REGISTER_CHANGE_PLAN_LOSE:
    case REGISTER_CHANGE_PLAN_RETIRE:
    case REGISTER_CHANGE_PLAN_STEWARD:
    case REGISTER_CHANGE_PLAN_END:
        return register_plan_is_idle(change, value);
    }
    return false;
}

static enum status add_member(const struct register_change *change, struct ring *ring,
                              char reason[REGISTER_REASON_MAX])
{
    char region[RING_NAME_MAX + 1] = "";
    if (change->words_length <= RING_NAME_MAX)
        memcpy(region, change->words, change->words_length);
    return member_add(ring, &change->member, region, reason);
}

/* What was staged for it cannot be had any more, and would stand in the way of every plan. */
static enum status remove_member(node_id id, struct register_value *next,
                                 char reason[REGISTER_REASON_MAX])
{
    enum status status = member_remove(next->ring, id, reason);
    if (status == STATUS_OK)
        (void)ring_wishes_forget(&next->staged, id);
    return status;
}

static enum status make(const struct register_change *change, struct register_value *next,
                        char reason[REGISTER_REASON_MAX])
{
    switch ((enum register_change_kind)change->kind) {
    case REGISTER_CHANGE_KEYSPACE_CREATE:
        return create(change, next->ring, reason);
    case REGISTER_CHANGE_KEYSPACE_SET:
        return set(change, next->ring, reason);
    case REGISTER_CHANGE_KEYSPACE_DROP:
        return drop(change, next->ring, reason);
    case REGISTER_CHANGE_STEWARD_RETURN:
        name_coming(next, &change->steward);
        break;
    case REGISTER_CHANGE_STEWARDS_SETTLE:
        next->stewards = next->coming;
        next->coming = (struct steward_set){0};
        break;
    case REGISTER_CHANGE_USER_SET:
        return set_user(change, &next->users, reason);
    case REGISTER_CHANGE_USER_DROP:
        return drop_users(change, &next->users, reason);
    case REGISTER_CHANGE_MEMBER_ADD:
        return add_member(change, next->ring, reason);
    case REGISTER_CHANGE_MEMBER_REMOVE:
        return remove_member(change->member.id, next, reason);
    case REGISTER_CHANGE_RING_STEPS:
    case REGISTER_CHANGE_PLAN_COMMIT:
    case REGISTER_CHANGE_PLAN_PAUSE:
    case REGISTER_CHANGE_PLAN_RESUME:
    case REGISTER_CHANGE_PLAN_ABORT:
    case REGISTER_CHANGE_PLAN_LOSE:
    case REGISTER_CHANGE_PLAN_RETIRE:
    case REGISTER_CHANGE_PLAN_STEWARD:
    case REGISTER_CHANGE_PLAN_END:
        return register_plan_make(change, next, reason);
    case REGISTER_CHANGE_STAGE:
        return put_wishes(change, next->ring, &next->staged, reason);
    case REGISTER_CHANGE_STAGE_CLEAR:
        ring_wishes_deinit(&next->staged);
        break;
    case REGISTER_CHANGE_NONE:
        break;
    }
    return STATUS_OK;
}

enum status register_change_apply(const struct register_change *change, struct ballot id,
                                  const struct register_value *value, struct register_value **out,
                                  char reason[REGISTER_REASON_MAX])
{
    enum status status = STATUS_OK;
    *out = NULL;
    if (is_idle(change, value) || register_value_holds(value, id))
        return STATUS_OK;
    struct register_value *next = register_value_copy(value);
    status = make(change, next, reason);
    if (status == STATUS_OK)
        status = ring_validate(next->ring, reason);
    if (status != STATUS_OK) {
        register_value_free(next);
        return STATUS_INVALID;
    }
    next->seq++;
    register_value_note(next, id);
    *out = next;
    return STATUS_OK;
}
