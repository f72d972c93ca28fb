#include "commands/set_user.h"

#include <stdlib.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/change_call.h"
#include "commands/options.h"
#include "commands/session_state.h"
#include "commands/user_rights.h"
#include "commands/user_table.h"
#include "membership/user_rules.h"

/* A password that is to be hashed: '#' to be added, '!' to be taken away. */
struct password_rule {
    uint8_t sign;
    uint8_t digest[USER_HASH_BYTES];
};

/* The words so far are in the call's scratch. */
struct work {
    uint32_t next; /* the argument to look at */
    uint64_t ticket;
    uint8_t cost; /* of what is hashed */
    uint8_t salt[USER_SALT_BYTES];
    uint8_t count, at; /* of passwords; `at` is hashed now */
    struct password_rule passwords[USER_PASSWORDS_MAX + 1];
};

static void go_on(struct call *call);

/* ---- errors ---- */

/* Of an error that begins with "ERR ". */
static const char *text_behind_code(struct buffer *error)
{
    buffer_put_u8(error, 0);
    return (const char *)error->data + strlen("ERR ");
}

/* As by Redis the rule is repeated, to whoever has sent it and to nobody else. */
static bool refuse_rule(struct call *call, struct slice rule, const char *why)
{
    call_reply_error(call, "ERR Error in ACL SETUSER modifier '%.*s': %s", argument_shown(rule),
                     (const char *)rule.data, why);
    return false;
}

/* ---- rules ---- */

/* Whether the option is one of RING.SESSION, with a value that this ring can meet. */
static bool option_is_known(struct call *call, struct slice rule, struct buffer *reason)
{
    static const char level[] = "level:";
    size_t length = sizeof level - 1;
    struct request_options ignored = {0};
    if (rule.length <= length || !slice_is_word(slice_make(rule.data, length), level))
        return true;
    struct slice option = slice_make(rule.data + length, rule.length - length);
    if (!option_is(option))
        return true; /* user_rules.h has the text */
    const uint8_t *equals = memchr(option.data, '=', option.length);
    if (slice_is_word(slice_make(option.data, (size_t)(equals - option.data)), "traceparent")) {
        buffer_printf(reason, "ERR a traceparent is of one request: give it with WITH");
        return false;
    }
    return option_parse(option, call_environment(call)->ring, &ignored, reason) == STATUS_OK;
}

/* false: the error is sent. `shown` is the client's rule. */
static bool take_word(struct call *call, struct slice word, struct slice shown, struct user *user)
{
    char why[USER_REASON_MAX];
    if (user_apply_rule(user, word, why) != STATUS_OK)
        return refuse_rule(call, shown, why);
    if (call->scratch.length > 0)
        buffer_put_u8(&call->scratch, ' ');
    buffer_append_slice(&call->scratch, word);
    return true;
}

/* What is wrong with a rule shows at `user`, before anybody is asked. false: the error is sent. */
static bool take_rule(struct call *call, struct slice rule, struct user *user)
{
    struct buffer reason = {0};
    bool taken = false;
    if (rule.length > 0 && (rule.data[0] == '+' || rule.data[0] == '-') &&
        !user_rule_is_known(rule))
        refuse_rule(call, rule, "Unknown command or category name in ACL");
    else if (!option_is_known(call, rule, &reason))
        refuse_rule(call, rule, text_behind_code(&reason));
    else
        taken = take_word(call, rule, rule, user);
    buffer_deinit(&reason);
    return taken;
}

/* ---- passwords ---- */

/* Whether the rule has a password that is to be hashed. */
static bool read_password_rule(const struct environment *environment, struct slice rule,
                               struct password_rule *out)
{
    uint8_t first = rule.length == 0 ? 0 : rule.data[0];
    struct slice rest = slice_make(rule.data + 1, rule.length - 1);
    out->sign = first == '>' || first == '#' ? '#' : '!';
    if (first == '#' || first == '!')
        return user_read_digest(rest, out->digest);
    if ((first != '>' && first != '<') || environment->hash_password == NULL)
        return first == '>' || first == '<';
    environment->hash_password(rest, out->digest);
    return true;
}

/* What the user has without salt is taken away, to be added with it. false: the error is sent. */
static bool give_salt(struct call *call, struct slice rule, struct user *user)
{
    struct work *work = call->work;
    struct buffer word = {0};
    bool good = true;
    while (good && user_is_unsalted(user)) {
        struct password_rule *kept = &work->passwords[work->count++];
        kept->sign = '#';
        memcpy(kept->digest, user->passwords[0], USER_HASH_BYTES);
        buffer_clear(&word);
        buffer_put_u8(&word, '!');
        for (unsigned i = 0; i < USER_HASH_BYTES; i++)
            buffer_printf(&word, "%02x", kept->digest[i]);
        good = take_word(call, buffer_slice(&word), rule, user);
    }
    buffer_deinit(&word);
    return good;
}

/* false: the error is sent. */
static bool choose_salt(struct call *call, struct slice rule, const struct user *user)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    work->cost = user->cost;
    memcpy(work->salt, user->salt, sizeof work->salt);
    if (user->cost != 0)
        return true;
    work->cost = USER_COST_DEFAULT;
    if (environment->random_bytes != NULL &&
        environment->random_bytes(work->salt, sizeof work->salt))
        return true;
    return refuse_rule(call, rule, "this node has no random numbers for a salt");
}

/* The passwords that it takes are to be hashed next. false: the error is sent. */
static bool take_password(struct call *call, struct slice rule,
                          const struct password_rule *password, struct user *user)
{
    struct work *work = call->work;
    if (call_environment(call)->hash_start == NULL)
        return refuse_rule(call, rule, "this node has no hash for passwords");
    work->count = work->at = 0;
    if (!give_salt(call, rule, user) || !choose_salt(call, rule, user))
        return false;
    work->passwords[work->count++] = *password;
    return true;
}

/* The hash is there or not yet; false: the call sleeps, or the error is sent. */
static bool take_hash(struct call *call, struct user *user)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    const struct password_rule *password = &work->passwords[work->at];
    uint8_t hash[USER_HASH_BYTES];
    struct buffer word = {0};
    enum status status = environment->hash_take(environment->node, work->ticket, hash);
    if (status == STATUS_NOT_READY) {
        call_sleep(call, UINT64_MAX, go_on);
        return false;
    }
    work->ticket = 0;
    work->at++;
    if (status != STATUS_OK) {
        call_reply_error(call, "OVERLOADED this node has no memory to hash a password: nothing was "
                               "changed");
        return false;
    }
    buffer_put_u8(&word, password->sign);
    user_write_password(work->cost, work->salt, hash, &word);
    bool taken = take_word(call, buffer_slice(&word), call_argument(call, work->next - 1), user);
    buffer_deinit(&word);
    return taken;
}

/* false: the call sleeps, or the error is sent. */
static bool hash_next(struct call *call, struct user *user)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    if (work->ticket == 0)
        work->ticket = environment->hash_start(environment->node, call->session->id, work->cost,
                                               work->salt, work->passwords[work->at].digest);
    if (work->ticket != 0)
        return take_hash(call, user);
    call_reply_error(call, "OVERLOADED too many passwords are hashed at this node: try again; "
                           "nothing was changed");
    return false;
}

/* ---- the change ---- */

bool set_user_take_words(struct call *call, const struct buffer *words,
                         struct register_change *change)
{
    if (words->length > sizeof change->words) {
        call_reply_error(call,
                         "TOOLARGE one change of users has at most %d bytes of rules or "
                         "names; nothing was changed",
                         REGISTER_WORDS_BYTES_MAX);
        return false;
    }
    if (words->length > 0)
        memcpy(change->words, words->data, words->length);
    change->words_length = (uint16_t)words->length;
    return true;
}

static void reply_set(struct call *call, const struct change_outcome *outcome)
{
    (void)outcome;
    call_reply_ok(call);
}

/* The user as this node knows it, or a new one. */
static void begin_user(const struct call *call, const char *name, struct user *out)
{
    const struct user_rights *present =
        user_table_find(call_environment(call)->users, slice_text(name));
    if (present != NULL)
        user_copy(&present->user, out);
    else
        user_init(out, name);
}

static bool take_name(struct call *call, struct slice name, struct register_change *change)
{
    if (!user_name_is_valid(name)) {
        call_reply_error(call, name.length > USER_NAME_BYTES_MAX
                                   ? "ERR the name of a user has at most 64 bytes"
                                   : "ERR Usernames can't contain spaces or null characters");
        return false;
    }
    memcpy(change->user, name.data, name.length);
    return true;
}

/* false: the call sleeps, or the error is sent. */
static bool take_rules(struct call *call, struct user *user)
{
    struct work *work = call->work;
    for (;;) {
        struct password_rule password;
        if (work->at < work->count) {
            if (!hash_next(call, user))
                return false;
            continue;
        }
        if (work->next == call->argument_count)
            return true;
        struct slice rule = call_argument(call, work->next++);
        bool taken = read_password_rule(call_environment(call), rule, &password)
                         ? take_password(call, rule, &password, user)
                         : take_rule(call, rule, user);
        if (!taken)
            return false;
    }
}

/* After each hash by the user as it is then. */
static void go_on(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_USER_SET};
    struct user user;
    char why[USER_REASON_MAX];
    call->session->unblocked = false; /* an answer is owed */
    if (!call_environment(call)->users->known) {
        call_reply_error(call, "LOADING the store is being opened, and users are not known yet");
        return;
    }
    if (!take_name(call, call_argument(call, 2), &change))
        return;
    begin_user(call, change.user, &user);
    if (user_apply_rules(&user, buffer_slice(&call->scratch), why) != STATUS_OK) {
        call_reply_error(call, "ERR the user has been changed meanwhile; nothing was changed by "
                               "this: try again");
    } else if (take_rules(call, &user) && set_user_take_words(call, &call->scratch, &change)) {
        free(call->work);
        call->work = NULL;
        change_call_start(call, &change, reply_set);
    }
    user_deinit(&user);
}

void set_user_start(struct call *call)
{
    struct work *work = call_work(call, sizeof *work);
    work->next = 3;
    go_on(call);
}
