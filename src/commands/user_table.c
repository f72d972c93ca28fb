#include "commands/user_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/client_list.h"
#include "commands/session_state.h"

/* ---- the table ---- */

static void drop_items(struct user_rights **items, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        user_rights_free(items[i]);
    free(items);
}

/* Of all in `set`, and of `default` in its place when it is not there. */
static struct user_rights **make_items(const struct user_set *set, const struct ring *ring,
                                       uint16_t *count)
{
    struct user_rights **items = memory_new(set->count + 1u, sizeof(struct user_rights *));
    struct user standard;
    bool placed = user_set_find(set, slice_text(USER_DEFAULT_NAME)) != NULL;
    user_init_default(&standard);
    *count = 0;
    for (uint16_t i = 0; i < set->count; i++) {
        if (!placed && strcmp(set->items[i].name, USER_DEFAULT_NAME) > 0) {
            items[(*count)++] = user_rights_new(&standard, ring);
            placed = true;
        }
        items[(*count)++] = user_rights_new(&set->items[i], ring);
    }
    if (!placed)
        items[(*count)++] = user_rights_new(&standard, ring);
    user_deinit(&standard);
    return items;
}

struct user_table *user_table_new(void)
{
    struct user_table *table = memory_new(1, sizeof *table);
    table->items = make_items(&table->set, NULL, &table->count);
    table->known = true;
    return table;
}

void user_table_free(struct user_table *table)
{
    if (table == NULL)
        return;
    drop_items(table->items, table->count);
    user_set_deinit(&table->set);
    acl_log_clear(&table->log);
    free(table);
}

const struct user_rights *user_table_find(const struct user_table *table, struct slice name)
{
    uint16_t low = 0, high = table->known ? table->count : 0;
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        int order = slice_compare(slice_text(table->items[middle]->user.name), name);
        if (order == 0)
            return table->items[middle];
        if (order < 0)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    return NULL;
}

static const struct user_rights *find_default(const struct user_table *table)
{
    return user_table_find(table, slice_text(USER_DEFAULT_NAME));
}

/* ---- connections ---- */

static void become(struct session *session, const struct user_rights *rights, bool logged_in)
{
    session->rights = rights;
    session->logged_in = logged_in;
    session->is_free = logged_in && rights->all_commands && rights->all_keys; /* I3 */
    session_limit_requests(session);
}

void session_log_out(struct session *session)
{
    const struct user_rights *rights = find_default(session->environment->users);
    bool open = rights != NULL && rights->understood && !session->stranger && /* I4 */
                (rights->user.flags & (USER_ON | USER_NOPASS)) == (USER_ON | USER_NOPASS);
    become(session, rights, open);
}

void session_distrust(struct session *session)
{
    session->stranger = true;
    session_log_out(session);
}

const char *session_user_name(const struct session *session)
{
    return session->rights != NULL ? session->rights->user.name : USER_DEFAULT_NAME;
}

void user_table_forget(struct environment *environment)
{
    environment->users->known = false;
    for (struct session *session = environment->sessions; session != NULL; session = session->next)
        become(session, NULL, false);
}

/* Who has dropped himself is owed the reply, and the connection is closed behind it. */
static bool waits_for_change(const struct session *session)
{
    const struct command *last = session->last_command;
    return last != NULL && last->container != NULL && strcmp(last->container, "acl") == 0 &&
           session_deadline_us(session) != UINT64_MAX;
}

/* By the new table: what `session` was under the old one. */
static void follow(struct environment *environment, struct session *session)
{
    struct user_table *table = environment->users;
    if (session->rights == NULL) {
        if (!session->expelled)
            session_log_out(session); /* it came before anybody was known */
        return;
    }
    const struct user_rights *rights =
        user_table_find(table, slice_text(session->rights->user.name));
    if (rights != NULL && rights->understood) {
        become(session, rights, session->logged_in);
        if (session->listener.first == NULL || (rights->user.flags & USER_ALL_CHANNELS) != 0)
            return; /* else it would go on listening to what it may not */
    } else {
        become(session, NULL, false); /* I2 */
    }
    session->expelled = true;
    if (!waits_for_change(session) && environment->client_close != NULL)
        environment->client_close(environment->node, session->id);
}

void user_table_take(struct environment *environment, const struct user_set *set)
{
    struct user_table *table = environment->users;
    struct user_rights **old = table->items;
    uint16_t old_count = table->count;
    if (table->known && user_set_equal(&table->set, set))
        return;
    table->known = true;
    table->items = make_items(set, environment->ring, &table->count);
    user_set_deinit(&table->set);
    user_set_copy(set, &table->set);
    for (struct session *session = environment->sessions; session != NULL; session = session->next)
        follow(environment, session);
    drop_items(old, old_count);
    for (uint16_t i = 0; i < table->count; i++)
        if (user_is_unsalted(&table->items[i]->user))
            log_line(&environment->log, LOG_WARN,
                     "a user's passwords are kept without salt: set one of them again user=%s",
                     table->items[i]->user.name);
    for (uint16_t i = 0; i < table->count; i++)
        if (!table->items[i]->understood)
            log_line(&environment->log, LOG_ERROR,
                     "a user has rules that this version does not know, and cannot log in here "
                     "user=%s",
                     table->items[i]->user.name);
}

/* ---- logging in ---- */

bool user_has_password(const struct user *user, const uint8_t hash[USER_HASH_BYTES])
{
    unsigned found = 0;
    for (unsigned i = 0; i < USER_PASSWORDS_MAX; i++) {
        unsigned difference = 0;
        for (unsigned k = 0; k < USER_HASH_BYTES; k++)
            difference |= (unsigned)(user->passwords[i][k] ^ hash[k]);
        found |= (unsigned)(difference == 0) & (unsigned)(i < user->password_count);
    }
    return found != 0;
}

void session_note_denied(struct session *session, enum acl_reason reason, struct slice object,
                         struct slice user)
{
    struct buffer client = {0};
    struct node_statistics *statistics = session->environment->statistics;
    uint64_t *const counters[] = {[ACL_REASON_COMMAND] = &statistics->acl_denied_commands,
                                  [ACL_REASON_KEY] = &statistics->acl_denied_keys,
                                  [ACL_REASON_AUTH] = &statistics->acl_denied_logins,
                                  [ACL_REASON_CHANNEL] = &statistics->acl_denied_channels};
    ++*counters[reason];
    client_describe(session, session->now, &client);
    acl_log_add(&session->environment->users->log, reason, object, user, buffer_slice(&client),
                session->now);
    buffer_deinit(&client);
}

void session_become(struct session *session, const struct user_rights *rights)
{
    become(session, rights, true);
}

/* ---- permission ---- */

/* Of what tells how a node comes up: I1. */
static bool may_run_early(const struct command *command)
{
    return (command->flags & (COMMAND_LOADING | COMMAND_NO_AUTH)) != 0 &&
           (command->flags & (COMMAND_ADMIN | COMMAND_WRITE)) == 0;
}

static bool refuse_command(struct call *call)
{
    struct buffer name = {0};
    const char *user = session_user_name(call->session);
    command_full_name(call->command, &name);
    session_note_denied(call->session, ACL_REASON_COMMAND, buffer_slice(&name), slice_text(user));
    call_reply_error(call, "NOPERM User %s has no permissions to run the '%.*s' command", user,
                     (int)name.length, (const char *)name.data);
    buffer_deinit(&name);
    return false;
}

bool session_may_run(struct call *call)
{
    struct session *session = call->session;
    const struct user_rights *rights = session->rights;
    if (call->number == COMMAND_COUNT)
        return true; /* it has its error already */
    if (!session->environment->users->known) {
        if (may_run_early(call->command))
            return true;
        call_reply_error(call, "LOADING the store is being opened, and users are not known yet");
        return false;
    }
    if (!session->logged_in) {
        if ((call->command->flags & COMMAND_NO_AUTH) != 0)
            return true;
        call_reply_error(call, "NOAUTH Authentication required.");
        return false;
    }
    if (!user_may_run(rights, call->number, call->command))
        return refuse_command(call);
    const struct slice *denied =
        user_denied_key(rights, call->command, call->arguments, call->argument_count);
    if (denied == NULL)
        return true;
    session_note_denied(session, ACL_REASON_KEY, *denied, slice_text(session_user_name(session)));
    call_reply_error(call, "NOPERM No permissions to access a key");
    return false;
}

bool session_may_use_channel(struct call *call, struct slice channel)
{
    struct session *session = call->session;
    if (session->rights == NULL || (session->rights->user.flags & USER_ALL_CHANNELS) != 0)
        return true; /* NULL: a command that needs no login, or nobody is known */
    session_note_denied(session, ACL_REASON_CHANNEL, channel,
                        slice_text(session_user_name(session)));
    call_reply_error(call, "NOPERM No permissions to access a channel");
    return false;
}
