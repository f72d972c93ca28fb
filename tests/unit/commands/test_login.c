/*
 * test_login.c - passwords at the command layer: slow hashes that nobody waits for but who logs in.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "commands/login.h"
#include "commands/session_state.h"
#include "commands/user_table.h"
#include "membership/register_value.h"
#include "membership/user_rules.h"

#define WRONGPASS "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

/* The register of the node around the sessions: changes are made at once. */
static struct {
    struct register_value *value;
    struct harness *harness;
    struct change_outcome outcome;
    uint64_t rounds;
} node;

static uint64_t change_start(void *context, const struct register_change *change)
{
    struct register_value *next = NULL;
    (void)context;
    node.outcome = (struct change_outcome){.known_by = 1, .members = 1};
    node.outcome.status = register_change_apply(change, (struct ballot){++node.rounds, 1, 1},
                                                node.value, &next, node.outcome.reason);
    if (next != NULL) {
        register_value_free(node.value);
        node.value = next;
    }
    return node.rounds;
}

static bool change_take(void *context, uint64_t ticket, struct change_outcome *out)
{
    (void)context;
    assert_true(ticket == node.rounds);
    *out = node.outcome;
    return true;
}

static struct harness *setup(void **state)
{
    struct harness *harness = *state;
    memset(&node, 0, sizeof node);
    node.value = register_value_first(harness->ring);
    node.harness = harness;
    harness->environment.change_start = change_start;
    harness->environment.change_take = change_take;
    return harness;
}

static void end(void)
{
    register_value_free(node.value);
    node.value = NULL;
}

static void in_force(void)
{
    user_table_take(&node.harness->environment, &node.value->users);
}

static void set_user(struct client *admin, const char *rules)
{
    char command[1024];
    snprintf(command, sizeof command, "ACL SETUSER %s", rules);
    assert_reply(admin, command, "+OK\r\n");
    in_force();
}

static const struct user *find(const char *name)
{
    return user_set_find(&node.value->users, slice_text(name));
}

/* The host has made the hash that `client` waits for. */
static void hash_is_there(struct harness *harness, struct client *client)
{
    harness->hashes.is_over = true;
    session_wake(client->session);
    client_tick(client);
}

/* SHA-256 of nothing that anybody knows: what the harness takes for the hash of a password. */
static void digest_text(struct harness *harness, const char *password, char out[65])
{
    uint8_t digest[USER_HASH_BYTES];
    harness->environment.hash_password(slice_text(password), digest);
    for (unsigned i = 0; i < USER_HASH_BYTES; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

/* ---- who waits ---- */

static void a_login_waits_for_its_hash_and_holds_nobody_else_up(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    harness->hashes.wait = true;
    client_raw(client, "AUTH alice one\r\nACL WHOAMI\r\n");
    assert_replies(client, "");
    assert_int_equal(session_deadline_us(client->session), UINT64_MAX); /* it is woken */
    assert_reply(admin, "PING", "+PONG\r\n");
    hash_is_there(harness, client);
    assert_replies(client, "+OK\r\n$5\r\nalice\r\n");
    end();
}

/* How large a request may be is not known before the login is decided. */
static void what_comes_behind_a_login_is_read_as_the_user(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    struct buffer bytes = {0};
    set_user(admin, "default >top");
    harness->hashes.wait = true;
    buffer_printf(&bytes, "AUTH top\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16385\r\n");
    for (unsigned i = 0; i < 16385; i++)
        buffer_put_u8(&bytes, 'v');
    buffer_printf(&bytes, "\r\n");
    struct client *client = harness_client(harness);
    client_bytes(client, bytes.data, bytes.length);
    assert_replies(client, "");
    assert_true(client->paused);
    hash_is_there(harness, client);
    assert_replies(client, "+OK\r\n+OK\r\n");
    assert_false(client->paused);
    buffer_deinit(&bytes);
    end();
}

static void a_login_that_cannot_be_hashed_is_refused_and_leaves_all_as_it_was(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    harness->hashes.full = true;
    assert_reply(client, "AUTH alice one",
                 "-OVERLOADED too many logins wait at this node: try again\r\n");
    assert_reply(admin, "ACL SETUSER alice >two",
                 "-OVERLOADED too many passwords are hashed at this node: try again; nothing was "
                 "changed\r\n");
    harness->hashes.full = false;
    harness->hashes.failed = true;
    assert_reply(client, "AUTH alice one",
                 "-OVERLOADED this node has no memory to check a password: try again\r\n");
    assert_reply(admin, "ACL SETUSER alice >two",
                 "-OVERLOADED this node has no memory to hash a password: nothing was changed\r\n");
    assert_reply(client, "ACL WHOAMI", "$7\r\ndefault\r\n");
    assert_int_equal(harness->statistics.acl_denied_logins, 0);
    assert_int_equal(find("alice")->password_count, 1);
    end();
}

/* ---- what is compared ---- */

static void nobody_is_as_slow_as_somebody(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    set_user(admin, "bare on +@all ~*");
    const char *const names[] = {"alice", "bare", "nobody"};
    for (unsigned i = 0; i < 3; i++) {
        char command[64];
        uint32_t before = harness->hashes.count;
        snprintf(command, sizeof command, "AUTH %s wrong", names[i]);
        assert_reply(client, command, WRONGPASS);
        assert_int_equal(harness->hashes.count, before + 1);
        assert_int_equal(harness->hashes.cost, USER_COST_DEFAULT);
    }
    end();
}

static void users_are_looked_at_again_when_the_hash_is_there(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    harness->hashes.wait = true;
    client_command(client, "AUTH alice one");
    harness->hashes.wait = false;
    assert_reply(admin, "ACL DELUSER alice", ":1\r\n");
    in_force();
    hash_is_there(harness, client);
    assert_replies(client, WRONGPASS);
    set_user(admin, "bob on >two +@all ~*");
    harness->hashes.wait = true;
    client_command(client, "AUTH bob two");
    uint8_t hash[USER_HASH_BYTES];
    memcpy(hash, harness->hashes.hash, sizeof hash);
    harness->hashes.wait = false;
    set_user(admin, "bob off");
    memcpy(harness->hashes.hash, hash, sizeof hash);
    hash_is_there(harness, client);
    assert_replies(client, WRONGPASS);
    end();
}

/* A pool of connections does not cost a slow hash for each; a right that is gone is gone at once.
 */
static void a_password_that_was_right_is_known_for_a_while(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one >two +@all ~*");
    uint32_t before = harness->hashes.count;
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    assert_int_equal(harness->hashes.count, before + 1);
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    assert_int_equal(harness->hashes.count, before + 1);
    assert_reply(client, "AUTH alice two", "+OK\r\n");
    assert_int_equal(harness->hashes.count, before + 2);
    assert_reply(client, "AUTH alice three", WRONGPASS);
    assert_reply(client, "AUTH alice three", WRONGPASS);
    assert_int_equal(harness->hashes.count, before + 4); /* what was wrong is not kept */
    set_user(admin, "alice <one");
    assert_reply(client, "AUTH alice one", WRONGPASS);
    before = harness->hashes.count;
    harness_advance_ms(harness, LOGIN_CACHE_MS);
    assert_reply(client, "AUTH alice two", "+OK\r\n");
    assert_int_equal(harness->hashes.count, before + 1);
    end();
}

static void the_passwords_that_are_remembered_are_few(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    char command[64];
    for (unsigned i = 0; i <= LOGIN_CACHE_MAX; i++) {
        snprintf(command, sizeof command, "u%u on >pw%u +@all", i, i);
        set_user(admin, command);
        snprintf(command, sizeof command, "AUTH u%u pw%u", i, i);
        assert_reply(client, command, "+OK\r\n");
        harness_advance_ms(harness, 1);
    }
    uint32_t before = harness->hashes.count;
    assert_reply(client, command, "+OK\r\n"); /* the newest */
    assert_int_equal(harness->hashes.count, before);
    assert_reply(client, "AUTH u0 pw0", "+OK\r\n"); /* the oldest has given way */
    assert_int_equal(harness->hashes.count, before + 1);
    end();
}

/* ---- what is kept ---- */

static void passwords_are_kept_with_salt_and_a_cost(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one >two >one +@all ~*");
    const struct user *alice = find("alice");
    assert_int_equal(alice->password_count, 2);
    assert_int_equal(alice->cost, USER_COST_DEFAULT);
    assert_memory_not_equal(alice->salt, (uint8_t[USER_SALT_BYTES]){0}, USER_SALT_BYTES);
    client_command(admin, "ACL GETUSER alice");
    buffer_put_u8(&admin->replies, 0);
    char *shown = strstr((char *)admin->replies.data, "scrypt:14:"), word[128], command[256];
    assert_non_null(shown);
    snprintf(word, sizeof word, "%.*s", 7 + 3 + 32 + 1 + 64, shown);
    buffer_clear(&admin->replies);
    /* What is shown can be given to another user, and takes the password along. */
    snprintf(command, sizeof command, "bob on #%s +@all", word);
    set_user(admin, command);
    assert_reply(harness_client(harness), "AUTH bob one", "+OK\r\n");
    snprintf(command, sizeof command, "alice !%s", word);
    set_user(admin, command);
    assert_reply(harness_client(harness), "AUTH alice one", WRONGPASS);
    assert_reply(harness_client(harness), "AUTH alice two", "+OK\r\n");
    end();
}

/* As other tools give it: the SHA-256 of a password. */
static void a_digest_is_salted_too(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    char digest[65], command[128];
    digest_text(harness, "one", digest);
    snprintf(command, sizeof command, "alice on #%s +@all", digest);
    set_user(admin, command);
    assert_int_equal(find("alice")->cost, USER_COST_DEFAULT);
    assert_reply(harness_client(harness), "AUTH alice one", "+OK\r\n");
    set_user(admin, "alice >one"); /* the same */
    assert_int_equal(find("alice")->password_count, 1);
    snprintf(command, sizeof command, "alice !%s", digest);
    set_user(admin, command);
    assert_int_equal(find("alice")->password_count, 0);
    assert_int_equal(find("alice")->cost, 0);
    assert_reply(harness_client(harness), "AUTH alice one", WRONGPASS);
    end();
}

static void users_of_before_there_was_salt_log_in_and_get_it(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    char one[65], two[65], rules[256], reason[USER_REASON_MAX];
    struct user user;
    digest_text(harness, "one", one);
    digest_text(harness, "two", two);
    snprintf(rules, sizeof rules, "on #%s #%s +@all", one, two);
    user_init(&user, "alice");
    assert_int_equal(user_apply_rules(&user, slice_text(rules), reason), STATUS_OK);
    assert_true(user_is_unsalted(&user));
    user_set_put(&node.value->users, &user);
    in_force();
    assert_reply(harness_client(harness), "AUTH alice two", "+OK\r\n");
    assert_reply(harness_client(harness), "AUTH alice three", WRONGPASS);
    set_user(admin, "alice +@all"); /* nothing about passwords */
    assert_true(user_is_unsalted(find("alice")));
    set_user(admin, "alice >three <one");
    assert_int_equal(find("alice")->cost, USER_COST_DEFAULT);
    assert_int_equal(find("alice")->password_count, 2);
    assert_reply(harness_client(harness), "AUTH alice one", WRONGPASS);
    assert_reply(harness_client(harness), "AUTH alice two", "+OK\r\n");
    assert_reply(harness_client(harness), "AUTH alice three", "+OK\r\n");
    end();
}

static void what_is_changed_meanwhile_is_not_lost(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *other = harness_client(harness);
    harness->hashes.wait = true;
    client_command(admin, "ACL SETUSER alice on >one +@all");
    assert_replies(admin, "");
    uint8_t hash[USER_HASH_BYTES];
    memcpy(hash, harness->hashes.hash, sizeof hash);
    struct user user;
    char reason[USER_REASON_MAX];
    const char *foreign = "#scrypt:14:ffffffffffffffffffffffffffffffff:"
                          "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    user_init(&user, "alice");
    assert_int_equal(user_apply_rule(&user, slice_text(foreign), reason), STATUS_OK);
    user_set_put(&node.value->users, &user);
    in_force();
    hash_is_there(harness, admin);
    buffer_put_u8(&admin->replies, 0);
    assert_non_null(strstr((char *)admin->replies.data, "have another salt"));
    buffer_clear(&admin->replies);
    assert_int_equal(find("alice")->password_count, 1);
    assert_int_equal(find("alice")->flags, 0);
    assert_reply(other, "PING", "+PONG\r\n");
    end();
}

static void a_node_without_hashes_says_so(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    harness->environment.hash_start = NULL;
    assert_reply(admin, "ACL SETUSER alice >one",
                 "-ERR Error in ACL SETUSER modifier '>one': this node has no hash for "
                 "passwords\r\n");
    assert_reply(admin, "AUTH alice one", "-ERR this node cannot check passwords\r\n");
    end();
}

/* ---- failures ---- */

static void fail_logins(struct client *client, const char *name, unsigned times)
{
    char command[64];
    snprintf(command, sizeof command, "AUTH %s wrong", name);
    for (unsigned i = 0; i < times; i++)
        assert_reply(client, command, WRONGPASS);
}

static void an_address_may_fail_so_often_in_a_minute(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    harness->settings.login_failures_max = 5;
    set_user(admin, "alice on >one >two +@all ~*");
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    fail_logins(client, "alice", 2);
    fail_logins(client, "nobody", 3);
    uint32_t before = harness->hashes.count;
    const char *limited = "-OVERLOADED too many logins from this address have failed: the password "
                          "was not looked at; try again in 12000 ms\r\n";
    assert_reply(client, "AUTH alice wrong", limited);
    assert_reply(client, "AUTH alice two", limited);
    assert_reply(client, "HELLO 3 AUTH nobody x", limited);
    assert_int_equal(harness->hashes.count, before); /* guesses cost nothing any more */
    assert_int_equal(harness->statistics.acl_denied_logins, 5);
    assert_int_equal(harness->statistics.acl_limited_logins, 3);
    /* What was right a while ago goes on: a pool is not locked out by who guesses beside it. */
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    harness_advance_ms(harness, 12000);
    assert_reply(client, "AUTH alice two", "+OK\r\n");
    fail_logins(client, "alice", 1);
    assert_reply(client, "AUTH alice wrong", limited);
    harness->settings.login_failures_max = 0;
    fail_logins(client, "alice", 20);
    end();
}

static void a_user_may_fail_so_often_from_wherever(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    harness->settings.login_failures_max = 0;
    harness->settings.login_user_failures_max = 5;
    set_user(admin, "alice on >one +@all ~*");
    set_user(admin, "bob on >one +@all ~*");
    fail_logins(client, "alice", 5);
    assert_reply(client, "AUTH alice one",
                 "-OVERLOADED too many logins of this user have failed: the password was not "
                 "looked at; try again in 12000 ms\r\n");
    assert_reply(client, "AUTH bob one", "+OK\r\n");
    end();
}

/* ---- the audit log ---- */

static char audited[4096];

static void write_audit(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    size_t length = strlen(audited);
    snprintf(audited + length, sizeof audited - length, "%s\n", line);
}

static void logins_and_administration_are_written_down(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    audited[0] = '\0';
    harness->environment.audit = (struct log_sink){.write = write_audit};
    harness->settings.login_failures_max = 1;
    set_user(admin, "alice on >canary +@all -@admin ~*");
    assert_reply(client, "AUTH alice canary", "+OK\r\n");
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_reply(client, "ACL SETUSER alice +@all",
                 "-NOPERM User alice has no permissions to run the 'acl|setuser' command\r\n");
    assert_reply(client, "AUTH canary canary", WRONGPASS);
    client_command(client, "AUTH canary canary");
    buffer_clear(&client->replies);
    client_command(admin, "CONFIG GET a\n\"b");
    buffer_clear(&admin->replies);
    const char *address = (const char *)client->session->address.data;
    const char *own = (const char *)admin->session->address.data;
    char expected[4096];
    snprintf(expected, sizeof expected,
             "command outcome=ok user=default address=%s name=acl|setuser arguments=\"alice\"\n"
             "login outcome=ok user=alice address=%s\n"
             "command outcome=NOPERM user=alice address=%s name=acl|setuser arguments=\"alice\"\n"
             "login outcome=wrong user=(unknown) address=%s\n"
             "login outcome=limited user=(unknown) address=%s\n"
             "command outcome=ok user=default address=%s name=config|get "
             "arguments=\"a\\x0a\\\"b\"\n",
             own, address, address, address, address, own);
    assert_string_equal(audited, expected);
    assert_null(strstr(audited, "canary"));
    end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_waits_for_its_hash_and_holds_nobody_else_up),
        TEST(what_comes_behind_a_login_is_read_as_the_user),
        TEST(a_login_that_cannot_be_hashed_is_refused_and_leaves_all_as_it_was),
        TEST(nobody_is_as_slow_as_somebody),
        TEST(users_are_looked_at_again_when_the_hash_is_there),
        TEST(a_password_that_was_right_is_known_for_a_while),
        TEST(the_passwords_that_are_remembered_are_few),
        TEST(passwords_are_kept_with_salt_and_a_cost),
        TEST(a_digest_is_salted_too),
        TEST(users_of_before_there_was_salt_log_in_and_get_it),
        TEST(what_is_changed_meanwhile_is_not_lost),
        TEST(a_node_without_hashes_says_so),
        TEST(an_address_may_fail_so_often_in_a_minute),
        TEST(a_user_may_fail_so_often_from_wherever),
        TEST(logins_and_administration_are_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
