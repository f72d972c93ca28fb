#include "commands/login.h"

#include <inttypes.h>
#include <string.h>

#include "commands/audit.h"
#include "commands/session_state.h"
#include "commands/user_table.h"

struct work {
    struct slice name;
    const char *command;
    call_next *then;
    uint64_t ticket;
    uint8_t digest[USER_HASH_BYTES]; /* of the password */
    uint8_t cost;                    /* of the hash under way */
    uint8_t salt[USER_SALT_BYTES];
};

static void look(struct call *call);

/* ---- what was right before ---- */

/* SHA-256 of a key, then of parts that are always as long, so none can be taken for another. */
static void cache_digest(const struct environment *environment, const struct work *work,
                         uint8_t out[USER_HASH_BYTES])
{
    const struct login_cache *cache = &environment->users->logins;
    struct buffer bytes = {0};
    buffer_append(&bytes, cache->key, sizeof cache->key);
    buffer_put_u8(&bytes, work->cost);
    buffer_append(&bytes, work->salt, sizeof work->salt);
    buffer_append(&bytes, work->digest, sizeof work->digest);
    environment->hash_password(buffer_slice(&bytes), out);
    buffer_deinit(&bytes);
}

/* false: this node has no secret. */
static bool has_key(const struct environment *environment)
{
    struct login_cache *cache = &environment->users->logins;
    if (!cache->has_key && environment->random_bytes != NULL)
        cache->has_key = environment->random_bytes(cache->key, sizeof cache->key);
    return cache->has_key;
}

/* NULL: it is not known. */
static const uint8_t *cache_find(const struct call *call, const struct work *work)
{
    const struct environment *environment = call_environment(call);
    const struct login_cache *cache = &environment->users->logins;
    uint8_t digest[USER_HASH_BYTES];
    if (!has_key(environment))
        return NULL;
    cache_digest(environment, work, digest);
    for (unsigned i = 0; i < LOGIN_CACHE_MAX; i++)
        if (cache->entries[i].until_us > call_now(call).mono_us &&
            memcmp(cache->entries[i].digest, digest, sizeof digest) == 0)
            return cache->entries[i].hash;
    return NULL;
}

/* In the place of what would be forgotten first. */
static void cache_keep(const struct call *call, const struct work *work,
                       const uint8_t hash[USER_HASH_BYTES])
{
    const struct environment *environment = call_environment(call);
    struct login_cache *cache = &environment->users->logins;
    unsigned oldest = 0;
    if (!has_key(environment))
        return;
    for (unsigned i = 1; i < LOGIN_CACHE_MAX; i++)
        if (cache->entries[i].until_us < cache->entries[oldest].until_us)
            oldest = i;
    cache->entries[oldest].until_us = call_now(call).mono_us + (uint64_t)LOGIN_CACHE_MS * 1000;
    cache_digest(environment, work, cache->entries[oldest].digest);
    memcpy(cache->entries[oldest].hash, hash, USER_HASH_BYTES);
}

/* ---- the decision ---- */

/* Without the port. */
static struct slice host_of(const struct session *session)
{
    const char *text = (const char *)session->address.data, *colon = strrchr(text, ':');
    return slice_make(text, colon != NULL ? (size_t)(colon - text) : strlen(text));
}

/* A name that is nobody's may be a password in the wrong place: it is not written down. */
static const char *name_for_logs(const struct user_rights *rights)
{
    return rights != NULL ? rights->user.name : "(unknown)";
}

static void note_failure(struct call *call, const struct user_rights *rights)
{
    const struct environment *environment = call_environment(call);
    const struct settings *settings = environment->settings;
    struct user_table *users = environment->users;
    uint64_t now_us = call_now(call).mono_us;
    login_limits_failed(&users->failed_addresses, host_of(call->session),
                        settings->login_failures_max, now_us);
    if (rights != NULL)
        login_limits_failed(&users->failed_users, slice_text(rights->user.name),
                            settings->login_user_failures_max, now_us);
    log_line(&environment->log, LOG_WARN, "a login failed user=%s address=%s",
             name_for_logs(rights), (const char *)call->session->address.data);
    audit_login(call->session, name_for_logs(rights), "wrong");
}

/* true: there were too many failures, and the error is sent. */
static bool is_limited(struct call *call, const struct user_rights *rights)
{
    const struct environment *environment = call_environment(call);
    const struct settings *settings = environment->settings;
    const struct user_table *users = environment->users;
    uint64_t now_us = call_now(call).mono_us;
    uint64_t address_ms = login_limits_wait_ms(&users->failed_addresses, host_of(call->session),
                                               settings->login_failures_max, now_us);
    uint64_t user_ms =
        rights == NULL ? 0
                       : login_limits_wait_ms(&users->failed_users, slice_text(rights->user.name),
                                              settings->login_user_failures_max, now_us);
    uint64_t wait_ms = address_ms > user_ms ? address_ms : user_ms;
    if (wait_ms == 0)
        return false;
    environment->statistics->acl_limited_logins++;
    audit_login(call->session, name_for_logs(rights), "limited");
    call_reply_error(call,
                     "OVERLOADED too many logins %s have failed: the password was not looked at; "
                     "try again in %" PRIu64 " ms",
                     address_ms >= user_ms ? "from this address" : "of this user", wait_ms);
    return true;
}

static void end(struct call *call, const struct user_rights *rights, bool right)
{
    const struct work *work = call->work;
    if (right && (rights->user.flags & USER_ON) != 0 && rights->understood) {
        session_become(call->session, rights);
        audit_login(call->session, rights->user.name, "ok");
        work->then(call);
        return;
    }
    note_failure(call, rights);
    session_note_denied(call->session, ACL_REASON_AUTH, slice_text(work->command), work->name);
    call_reply_error(call, "WRONGPASS invalid username-password pair or user is disabled.");
}

static bool has_salt(const struct user *user, const struct work *work)
{
    return user->cost == work->cost && memcmp(user->salt, work->salt, sizeof work->salt) == 0;
}

static void hash_slowly(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    work->ticket = environment->hash_start(environment->node, call->session->id, work->cost,
                                           work->salt, work->digest);
    if (work->ticket == 0)
        call_reply_error(call, "OVERLOADED too many logins wait at this node: try again");
    else
        look(call);
}

/* By the users as they are now. */
static void decide(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    const struct user_rights *rights = user_table_find(environment->users, work->name);
    const struct user nobody = {0}; /* as slow as somebody */
    const struct user *user = rights != NULL ? &rights->user : &nobody;
    if (!environment->users->known) {
        call_reply_error(call, "LOADING the store is being opened, and users are not known yet");
        return;
    }
    if ((user->flags & USER_NOPASS) != 0 && !call->session->stranger) { /* I4 of user_table.h */
        end(call, rights, true);
        return;
    }
    if (environment->hash_start == NULL) {
        call_reply_error(call, "ERR this node cannot check passwords");
        return;
    }
    if (user_is_unsalted(user)) {
        if (is_limited(call, rights))
            return;
        end(call, rights, user_has_password(user, work->digest));
        return;
    }
    work->cost = user->cost != 0 ? user->cost : USER_COST_DEFAULT;
    memcpy(work->salt, user->salt, sizeof work->salt);
    const uint8_t *known = user->cost != 0 ? cache_find(call, work) : NULL;
    if (known != NULL && user_has_password(user, known))
        end(call, rights, true);
    else if (!is_limited(call, rights))
        hash_slowly(call);
}

static void look(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call->work;
    uint8_t hash[USER_HASH_BYTES];
    call->session->unblocked = false; /* an answer is owed */
    enum status status = environment->hash_take(environment->node, work->ticket, hash);
    call->session->is_logging_in = status == STATUS_NOT_READY;
    if (status == STATUS_NOT_READY) {
        call_sleep(call, UINT64_MAX, look);
        return;
    }
    if (status != STATUS_OK) {
        call_reply_error(call, "OVERLOADED this node has no memory to check a password: try again");
        return;
    }
    const struct user_rights *rights = user_table_find(environment->users, work->name);
    if (rights != NULL && rights->user.password_count > 0 && !has_salt(&rights->user, work)) {
        decide(call); /* the passwords have changed meanwhile */
        return;
    }
    bool right = rights != NULL && user_has_password(&rights->user, hash);
    if (right)
        cache_keep(call, work, hash);
    end(call, rights, right);
}

void login_start(struct call *call, struct slice name, struct slice password, const char *command,
                 call_next *then)
{
    const struct environment *environment = call_environment(call);
    struct work *work = call_work(call, sizeof *work);
    work->name = name;
    work->command = command;
    work->then = then;
    if (environment->hash_password != NULL)
        environment->hash_password(password, work->digest);
    decide(call);
}
