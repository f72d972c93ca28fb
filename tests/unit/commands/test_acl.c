/*
 * test_acl.c - users at the command layer: who gets in, what is checked, and what changes under
 * way.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "commands/command_table.h"
#include "commands/user_table.h"
#include "membership/register_value.h"

/* The register of the node around the sessions: changes are made at once. */
static struct {
    struct register_value *value;
    struct harness *harness;
    struct change_outcome outcome;
    uint64_t rounds;
    unsigned changes;
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
        node.changes++;
    }
    return node.rounds;
}

/* As in a node, the change comes into force while the call that wants it sleeps. */
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

/* Between two commands the value comes into force, as between two steps of a node. */
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

static struct client *log_in(struct harness *harness, const char *name, const char *password)
{
    struct client *client = harness_client(harness);
    char command[128];
    snprintf(command, sizeof command, "AUTH %s %s", name, password);
    assert_reply(client, command, "+OK\r\n");
    return client;
}

#define NOAUTH    "-NOAUTH Authentication required.\r\n"
#define WRONGPASS "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
#define NO_KEY    "-NOPERM No permissions to access a key\r\n"

/* ---- who gets in ---- */

static void only_the_right_password_lets_in(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one >two +@all ~*");
    set_user(admin, "bob >one +@all ~*");
    assert_reply(client, "AUTH alice three", WRONGPASS);
    assert_reply(client, "AUTH alice on", WRONGPASS);
    assert_reply(client, "AUTH nobody one", WRONGPASS);
    assert_reply(client, "AUTH bob one", WRONGPASS); /* who is off */
    assert_reply(client, "ACL WHOAMI", "$7\r\ndefault\r\n");
    assert_reply(client, "AUTH alice two", "+OK\r\n");
    assert_reply(client, "ACL WHOAMI", "$5\r\nalice\r\n");
    assert_reply(client, "AUTH alice three", WRONGPASS);
    assert_reply(client, "ACL WHOAMI", "$5\r\nalice\r\n"); /* a failure changes nothing */
    assert_reply(client, "RESET", "+RESET\r\n");
    assert_reply(client, "ACL WHOAMI", "$7\r\ndefault\r\n");
    set_user(admin, "alice <two");
    assert_reply(client, "AUTH alice two", WRONGPASS);
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    assert_int_equal(harness->statistics.acl_denied_logins, 6);
    end();
}

static void without_a_password_nothing_but_a_login_is_answered(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "default >top");
    assert_reply(admin, "ACL WHOAMI", "$7\r\ndefault\r\n"); /* who is in stays in */
    struct client *client = harness_client(harness);
    assert_reply(client, "PING", NOAUTH);
    assert_reply(client, "GET k", NOAUTH);
    assert_reply(client, "INFO", NOAUTH);
    assert_reply(client, "ACL SETUSER default nopass", NOAUTH);
    assert_reply(client, "WITH cl=ONE GET k", NOAUTH);
    assert_reply(client, "NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
    client_command(client, "HELLO 3");
    buffer_put_u8(&client->replies, 0);
    assert_non_null(strstr((char *)client->replies.data, "-NOAUTH HELLO must be called with"));
    buffer_clear(&client->replies);
    assert_reply(client, "HELLO 3 AUTH default bottom", WRONGPASS);
    assert_reply(client, "PING", NOAUTH);
    assert_reply(client, "AUTH bottom", WRONGPASS);
    client_command(client, "HELLO 3 AUTH default top SETNAME me");
    buffer_clear(&client->replies);
    assert_reply(client, "CLIENT GETNAME", "$2\r\nme\r\n");
    assert_reply(client, "RESET", "+RESET\r\n");
    assert_reply(client, "PING", NOAUTH);
    assert_reply(client, "AUTH top", "+OK\r\n");
    assert_reply(client, "PING", "+PONG\r\n");
    end();
}

/* A login and what it allows may come in one piece. */
static void a_pipeline_goes_on_as_the_user_that_it_became(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "default off");
    set_user(admin, "alice on >one +@all ~*");
    struct client *client = harness_client(harness);
    client_raw(client, "GET k\r\nAUTH alice one\r\nGET k\r\n");
    assert_replies(client, NOAUTH "+OK\r\n$-1\r\n");
    end();
}

static void requests_are_small_before_a_login(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    struct buffer large = {0};
    buffer_printf(&large, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%u\r\n", 16385);
    for (unsigned i = 0; i < 16385; i++)
        buffer_put_u8(&large, 'v');
    buffer_append(&large, "\r\n", 2);
    set_user(admin, "default >top");
    struct client *client = harness_client(harness);
    client_bytes(client, large.data, large.length);
    assert_replies(client, "-ERR Protocol error: unauthenticated bulk length\r\n");
    assert_true(client->closed);
    client = harness_client(harness);
    client_raw(client, "AUTH top\r\n");
    client_bytes(client, large.data, large.length);
    assert_replies(client, "+OK\r\n+OK\r\n");
    buffer_deinit(&large);
    end();
}

/* I4: from another machine nobody is let in without a password, also not as who needs none. */
static void a_stranger_needs_a_password(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *stranger = harness_client(harness);
    session_distrust(stranger->session);
    assert_reply(admin, "SET k v", "+OK\r\n");
    assert_reply(stranger, "GET k", NOAUTH);
    assert_reply(stranger, "ACL SETUSER default >own", NOAUTH);
    assert_reply(stranger, "AUTH default anything", WRONGPASS);
    client_command(stranger, "AUTH anything");
    buffer_put_u8(&stranger->replies, 0);
    assert_non_null(strstr((char *)stranger->replies.data, "-WRONGPASS the default user has no "));
    buffer_clear(&stranger->replies);
    set_user(admin, "guest on nopass +@all ~*");
    assert_reply(stranger, "AUTH guest x", WRONGPASS);
    assert_reply(stranger, "GET k", NOAUTH);
    set_user(admin, "guest resetpass >pw");
    assert_reply(stranger, "AUTH guest pw", "+OK\r\n");
    assert_reply(stranger, "GET k", "$1\r\nv\r\n");
    assert_reply(stranger, "RESET", "+RESET\r\n");
    assert_reply(stranger, "GET k", NOAUTH);
    set_user(admin, "default >top");
    assert_reply(stranger, "AUTH top", "+OK\r\n");
    assert_reply(stranger, "GET k", "$1\r\nv\r\n");
    end();
}

/* It came while nobody was known, and must not become the open user when he is. */
static void a_stranger_from_before_users_are_known_is_one_still(void **state)
{
    struct harness *harness = setup(state);
    user_table_forget(&harness->environment);
    struct client *stranger = harness_client(harness);
    session_distrust(stranger->session);
    in_force();
    assert_reply(stranger, "GET k", NOAUTH);
    end();
}

/* A node whose store is not open yet does not know whom it may let in. */
static void nobody_is_let_in_before_users_are_known(void **state)
{
    struct harness *harness = setup(state);
    user_table_forget(&harness->environment);
    struct client *client = harness_client(harness);
    const char *loading = "-LOADING the store is being opened, and users are not known yet\r\n";
    assert_reply(client, "GET k", loading);
    assert_reply(client, "SET k v", loading);
    assert_reply(client, "CONFIG GET *", loading);
    assert_reply(client, "AUTH default x", loading);
    assert_reply(client, "ACL LIST", loading);
    assert_reply(client, "ACL WHOAMI", loading);
    client_command(client, "INFO server");
    assert_int_equal(client->replies.data[0], '$');
    buffer_clear(&client->replies);
    in_force();
    assert_reply(client, "SET k v", "+OK\r\n");
    end();
}

/* ---- what is checked ---- */

static void commands_are_checked(void **state)
{
    static const struct {
        const char *rules, *command;
        bool allowed;
    } cases[] = {
        {"-@all", "GET k", false},
        {"-@all +get", "GET k", true},
        {"-@all +get", "STRLEN k", false},
        {"-@all +get", "WITH cl=ONE GET k", true},
        {"-@all +get", "WITH cl=ONE STRLEN k", false},
        {"-@all +@read", "MGET k l", true},
        {"-@all +@read", "SET k v", false},
        {"-@all +@write -set", "SET k v", false},
        {"-@all +@write -set", "SETNX k v", true},
        {"+@all -@dangerous", "KEYS *", false},
        {"+@all -@dangerous", "CONFIG GET save", false},
        {"+@all -@admin", "ACL LIST", false},
        {"+@all -@admin", "ACL WHOAMI", true},
        {"+@all -@admin", "RING.KEYSPACE CREATE x", false},
        {"+@all -@admin", "RING.REPAIR STATUS", false},
        {"+@all -@admin", "RING.SLOTS", true},
        {"-@all +config|get", "CONFIG GET save", true},
        {"-@all +config|get", "CONFIG SET save x", false},
        {"+@all -config|set", "CONFIG SET save x", false},
        {"+@all -config|set", "CONFIG GET save", true},
        {"-@all +client -client|kill", "CLIENT ID", true},
        {"-@all +client -client|kill", "CLIENT KILL ID 99", false},
        {"-@all", "AUTH alice one", true}, /* as by Redis */
        {"-@all", "RESET", true},
    };
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    set_user(admin, "alice on >one ~*");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char rules[64];
        snprintf(rules, sizeof rules, "alice -@all %s", cases[i].rules);
        set_user(admin, rules);
        assert_reply(client, "AUTH alice one", "+OK\r\n");
        client_command(client, cases[i].command);
        bool refused =
            client->replies.length > 7 && memcmp(client->replies.data, "-NOPERM", 7) == 0;
        if (refused == cases[i].allowed)
            fail_msg("%s: %s", cases[i].rules, cases[i].command);
        buffer_clear(&client->replies);
    }
    set_user(admin, "alice -@all");
    assert_reply(client, "AUTH alice one", "+OK\r\n");
    assert_reply(client, "get k",
                 "-NOPERM User alice has no permissions to run the 'get' command\r\n");
    assert_reply(client, "config GET *",
                 "-NOPERM User alice has no permissions to run the 'config|get' command\r\n");
    end();
}

static void keys_are_checked_for_what_is_done_to_them(void **state)
{
    static const struct {
        const char *command;
        bool allowed;
    } cases[] = {
        /* ~rw:* %R~r:* %W~w:* */
        {"GET rw:1", true},
        {"GET r:1", true},
        {"GET w:1", false},
        {"GET x", false},
        {"SET rw:1 v", true},
        {"SET r:1 v", false},
        {"SET w:1 v", true},
        {"SET w:1 v GET", false},
        {"SET rw:1 v GET", true},
        {"INCR w:1", false},
        {"INCR rw:2", true},
        {"DEL w:1", true},
        {"DEL w:1 r:1", false},
        {"DEL w:1 rw:1 x", false},
        {"MGET r:1 rw:1", true},
        {"MGET r:1 w:1", false},
        {"MSET w:1 a rw:1 b", true},
        {"MSET w:1 a r:1 b", false},
        {"COPY r:1 w:9", true},
        {"COPY w:1 rw:1", false},
        {"COPY r:1 r:2", false},
        {"RENAME rw:1 w:1", true},
        {"RENAME r:1 w:1", false},
        {"BITOP AND w:2 r:1 rw:1", true},
        {"BITOP AND r:2 r:1", false},
        {"BITOP AND w:2 r:1 x", false},
        {"EXISTS r:1 w:1", true},
        {"EXISTS x", false},
        {"TTL r:1", true},
        {"EXPIRE w:1 5", true},
        {"EXPIRE r:1 5", false},
        {"GETDEL w:1", false},
        {"BITFIELD r:1 GET u8 0", true},
        {"BITFIELD r:1 SET u8 0 1", false},
        {"BITFIELD w:1 SET u8 0 1", false},
        {"BITFIELD rw:7 SET u8 0 1", true},
        {"RING.GET r:1", true},
        {"RING.GET w:1", false},
        {"OBJECT ENCODING x", false},
        {"WITH cl=ONE GET x", false},
        {"PING", true},
        {"SCAN 0", true},
        {"DBSIZE", true},
    };
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~rw:* %R~r:* %W~w:*");
    struct client *client = log_in(harness, "alice", "one");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_reply(admin, "MSET rw:1 a r:1 b w:1 c x d", "+OK\r\n");
        client_command(client, cases[i].command);
        buffer_put_u8(&client->replies, 0);
        bool refused = strcmp((char *)client->replies.data, NO_KEY) == 0;
        if (refused == cases[i].allowed)
            fail_msg("%s: %s", cases[i].command, (char *)client->replies.data);
        buffer_clear(&client->replies);
        if (!cases[i].allowed) /* and nothing was done */
            assert_reply(admin, "MGET rw:1 r:1 w:1 x",
                         "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n");
    }
    assert_true(harness->statistics.acl_denied_keys > 10);
    end();
}

/* The table says of each command which arguments are keys: none is forgotten. */
static void every_command_that_takes_a_key_says_where(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *row = command_at(i);
        unsigned count = 0;
        for (const struct command *inner = row->subcommands; inner != NULL && inner->name != NULL;
             inner++)
            count++;
        assert_true(count <= USER_SUBCOMMANDS_MAX);
        bool takes_key = strncmp(row->syntax, "key", 3) == 0 || strstr(row->syntax, " key") != NULL;
        /* Administration alone looks at keys without reading them. */
        if (takes_key && (row->flags & (COMMAND_READONLY | COMMAND_WRITE)) != 0 &&
            !command_has_keys(row))
            fail_msg("%s takes a key and names none", row->name);
    }
}

/* ---- changes under way ---- */

static void a_changed_user_goes_by_the_new_rules_at_once(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    struct client *client = log_in(harness, "alice", "one");
    assert_reply(client, "SET k v", "+OK\r\n");
    set_user(admin, "alice -set");
    assert_reply(client, "SET k v",
                 "-NOPERM User alice has no permissions to run the 'set' command\r\n");
    set_user(admin, "alice +set resetkeys ~a*");
    assert_reply(client, "SET k v", NO_KEY);
    assert_reply(client, "SET a v", "+OK\r\n");
    set_user(admin, "alice off resetpass"); /* who is in stays in, as by Redis */
    assert_reply(client, "SET a v", "+OK\r\n");
    set_user(admin, "bob on nopass"); /* another user is nothing to her */
    assert_reply(client, "SET a v", "+OK\r\n");
    assert_int_equal(harness->closed_by_command, 0);
    end();
}

static void a_dropped_user_is_nobody_and_closed(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    set_user(admin, "bob on >two +@all ~*");
    struct client *alice = log_in(harness, "alice", "one"), *bob = log_in(harness, "bob", "two");
    assert_reply(admin, "ACL DELUSER alice nobody", ":1\r\n");
    in_force();
    assert_int_equal(harness->closed_by_command, 2);
    assert_reply(alice, "GET k", NOAUTH); /* should anything still arrive */
    assert_true(alice->closed);
    assert_reply(bob, "GET k", "$-1\r\n");
    assert_reply(bob, "AUTH alice one", WRONGPASS);
    assert_reply(admin, "ACL USERS", "*2\r\n$3\r\nbob\r\n$7\r\ndefault\r\n");
    assert_reply(admin, "ACL DELUSER nobody", ":0\r\n");
    assert_reply(admin, "ACL DELUSER default", "-ERR The 'default' user cannot be removed\r\n");
    end();
}

static bool not_yet(void *context, uint64_t ticket, struct change_outcome *out)
{
    (void)context, (void)ticket, (void)out;
    return false;
}

static void who_drops_himself_hears_of_it(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    struct client *alice = log_in(harness, "alice", "one");
    harness->environment.change_take = not_yet;
    client_command(alice, "ACL DELUSER alice");
    assert_int_equal(alice->replies.length, 0);
    in_force();
    assert_int_equal(harness->closed_by_command, 0);
    harness->environment.change_take = change_take;
    harness_advance_ms(harness, 100);
    client_tick(alice);
    assert_replies(alice, ":1\r\n");
    assert_true(alice->closed);
    end();
}

/* What a later version has agreed on is not guessed at. */
static void a_user_with_unknown_rules_is_not_let_in(void **state)
{
    static const char *const rules[] = {"+@all -newcommand", "+@newcategory", "level:cl=SERIAL"};
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on nopass +@all ~*");
    struct client *alice = log_in(harness, "alice", "x");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct register_change change = {.kind = REGISTER_CHANGE_USER_SET, .user = "alice"};
        change.words_length = (uint16_t)strlen(rules[i]);
        memcpy(change.words, rules[i], change.words_length);
        (void)change_start(NULL, &change);
        in_force();
        struct client *client = harness_client(harness);
        assert_reply(client, "AUTH alice x", WRONGPASS);
        if (i == 0)
            assert_reply(alice, "GET k", NOAUTH);
        set_user(admin, "alice reset on nopass");
        assert_reply(client, "AUTH alice x", "+OK\r\n");
    }
    end();
}

/* ---- levels: keyspace, user, connection, request ---- */

struct layers {
    const char *keyspace, *user, *session, *request; /* NULL: says nothing */
    enum level level;                                /* of the request that goes out */
    uint8_t w;
};

static void say(char *out, size_t size, const char *before, const char *option, const char *after)
{
    snprintf(out, size, "%s%s%s", before, option == NULL ? "" : option, after);
}

static void the_stronger_layer_binds(void **state)
{
    static const struct layers cases[] = {
        {NULL, NULL, NULL, NULL, LEVEL_DEFAULT, 0},
        {"ONE", NULL, NULL, NULL, LEVEL_ONE, 0},
        {NULL, "cl=TWO", NULL, NULL, LEVEL_TWO, 0},
        {NULL, NULL, "cl=THREE", NULL, LEVEL_THREE, 0},
        {NULL, NULL, NULL, "cl=ALL", LEVEL_ALL, 0},
        {"ONE", "cl=TWO", NULL, NULL, LEVEL_TWO, 0},
        {"ONE", NULL, "cl=THREE", NULL, LEVEL_THREE, 0},
        {"ONE", NULL, NULL, "cl=ALL", LEVEL_ALL, 0},
        {NULL, "cl=TWO", "cl=THREE", NULL, LEVEL_THREE, 0},
        {NULL, "cl=TWO", NULL, "cl=ALL", LEVEL_ALL, 0},
        {NULL, NULL, "cl=THREE", "cl=ALL", LEVEL_ALL, 0},
        {"ONE", "cl=TWO", "cl=THREE", NULL, LEVEL_THREE, 0},
        {"ONE", "cl=TWO", NULL, "cl=ALL", LEVEL_ALL, 0},
        {"ONE", NULL, "cl=THREE", "cl=ALL", LEVEL_ALL, 0},
        {NULL, "cl=TWO", "cl=THREE", "cl=ALL", LEVEL_ALL, 0},
        {"ONE", "cl=TWO", "cl=THREE", "cl=ALL", LEVEL_ALL, 0},
        /*
         * Within a layer a number binds stronger than a name; a name undoes weaker layers' numbers.
         */
        {"ONE", "w=2", NULL, NULL, LEVEL_ONE, 2},
        {"ONE", "w=2", "w=3", NULL, LEVEL_ONE, 3},
        {"ONE", "w=2", "cl=THREE", NULL, LEVEL_THREE, 0},
        {"ONE", "w=2", NULL, "cl=ALL", LEVEL_ALL, 0},
        {"ONE", "w=2", NULL, "w=1", LEVEL_ONE, 1},
        {"ONE", "w=2", "w=3", "w=1", LEVEL_ONE, 1},
        {NULL, "cl=TWO", "w=3", NULL, LEVEL_TWO, 3},
        {"ONE", "cl=TWO", "w=3", "cl=ALL", LEVEL_ALL, 0},
    };
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct layers *layers = &cases[i];
        enum level keyspace_level = LEVEL_DEFAULT;
        char command[128];
        harness->client_count = 1;
        if (layers->keyspace != NULL)
            assert_int_equal(level_parse(slice_text(layers->keyspace), &keyspace_level), STATUS_OK);
        harness->ring->keyspaces[0].write_level = (uint8_t)keyspace_level;
        snprintf(command, sizeof command, "alice resetlevel%s%s",
                 layers->user == NULL ? "" : " level:", layers->user == NULL ? "" : layers->user);
        set_user(admin, command);
        struct client *client = log_in(harness, "alice", "one");
        if (layers->session != NULL) {
            say(command, sizeof command, "RING.SESSION ", layers->session, "");
            assert_reply(client, command, "+OK\r\n");
        }
        if (layers->request != NULL)
            say(command, sizeof command, "WITH ", layers->request, " SET k v");
        else
            snprintf(command, sizeof command, "SET k v");
        assert_reply(client, command, "+OK\r\n");
        assert_int_equal(harness->last_options.level, layers->level);
        assert_int_equal(harness->last_options.w, layers->w);
        session_free(client->session);
        buffer_deinit(&client->replies);
        *client = (struct client){0};
    }
    end();
}

static void a_level_is_what_this_ring_can_meet(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    assert_reply(
        admin, "ACL SETUSER alice level:w=4",
        "-ERR Error in ACL SETUSER modifier 'level:w=4': w=4 cannot be met: a partition has "
        "3 owners\r\n");
    assert_reply(admin, "ACL SETUSER alice level:speed=1",
                 "-ERR Error in ACL SETUSER modifier 'level:speed=1': unknown option 'speed'\r\n");
    assert_reply(
        admin, "ACL SETUSER alice level:id=x",
        "-ERR Error in ACL SETUSER modifier 'level:id=x': an id is of one request: give it "
        "with WITH\r\n");
    assert_reply(
        admin, "ACL SETUSER alice level:cl=SERIAL",
        "-ERR Error in ACL SETUSER modifier 'level:cl=SERIAL': the consistency level SERIAL "
        "is not offered yet\r\n");
    assert_int_equal(node.changes, 0);
    set_user(admin, "alice level:sloppy=yes level:timeout=90 level:r=1");
    struct resp_value *reply = client_value(admin, "ACL GETUSER alice");
    assert_true(value_is(value_get(reply, "level"), "sloppy=yes timeout=90 r=1"));
    resp_value_free(reply);
    end();
}

/* ---- showing ---- */

static void users_are_shown_as_redis_shows_them(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on nopass ~a* %R~b* +@read -mget level:cl=ONE");
    assert_reply(admin, "ACL LIST",
                 "*2\r\n$93\r\nuser alice on nopass sanitize-payload ~a* %R~b* resetchannels -@all "
                 "+@read -mget level:cl=ONE\r\n"
                 "$51\r\nuser default on nopass sanitize-payload ~* &* +@all\r\n");
    assert_reply(
        admin, "ACL GETUSER alice",
        "*14\r\n$5\r\nflags\r\n*3\r\n$2\r\non\r\n$6\r\nnopass\r\n$16\r\nsanitize-payload\r\n"
        "$9\r\npasswords\r\n*0\r\n$8\r\ncommands\r\n$18\r\n-@all +@read -mget\r\n"
        "$4\r\nkeys\r\n$9\r\n~a* %R~b*\r\n$8\r\nchannels\r\n$0\r\n\r\n"
        "$9\r\nselectors\r\n*0\r\n$5\r\nlevel\r\n$6\r\ncl=ONE\r\n");
    assert_reply(admin, "ACL GETUSER nobody", "$-1\r\n");
    assert_reply(admin, "ACL DRYRUN alice SET a v",
                 "$54\r\nUser alice has no permissions to run the 'set' command\r\n");
    assert_reply(admin, "ACL DRYRUN alice GET c",
                 "$51\r\nUser alice has no permissions to access the 'c' key\r\n");
    assert_reply(admin, "ACL DRYRUN alice WITH cl=ONE GET a", "+OK\r\n");
    assert_reply(admin, "ACL GENPASS 16", "$4\r\n0102\r\n");
    end();
}

static void refusals_are_logged_and_bounded(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +get ~a*");
    struct client *alice = log_in(harness, "alice", "one");
    client_command(alice, "GET x");
    client_command(alice, "GET x");
    client_command(alice, "DEL a");
    client_command(alice, "AUTH alice secret-guess");
    struct resp_value *log = client_value(admin, "ACL LOG");
    assert_int_equal(log->element_count, 3);
    const struct resp_value *newest = &log->elements[0], *oldest = &log->elements[2];
    assert_true(value_is(value_get(newest, "reason"), "auth"));
    assert_true(value_is(value_get(newest, "object"), "AUTH"));
    assert_true(value_is(value_get(newest, "username"), "alice"));
    assert_true(value_is(value_get(&log->elements[1], "reason"), "command"));
    assert_true(value_is(value_get(&log->elements[1], "object"), "del"));
    assert_true(value_is(value_get(oldest, "reason"), "key"));
    assert_true(value_is(value_get(oldest, "object"), "x"));
    assert_int_equal(value_get(oldest, "count")->integer, 2);
    resp_value_free(log);
    client_command(admin, "ACL LOG 128");
    buffer_put_u8(&admin->replies, 0);
    assert_null(strstr((char *)admin->replies.data, "secret-guess"));
    buffer_clear(&admin->replies);
    for (unsigned i = 0; i < ACL_LOG_MAX + 50; i++) {
        char command[32];
        snprintf(command, sizeof command, "GET y%u", i);
        client_command(alice, command);
    }
    log = client_value(admin, "ACL LOG 1000");
    assert_int_equal(log->element_count, ACL_LOG_MAX);
    assert_true(value_is(value_get(&log->elements[0], "object"), "y177"));
    resp_value_free(log);
    assert_reply(admin, "ACL LOG RESET", "+OK\r\n");
    assert_reply(admin, "ACL LOG", "*0\r\n");
    end();
}

/* Passwords are in nothing that a node shows. */
static void passwords_are_shown_nowhere(void **state)
{
    static const char *const shown[] = {"SLOWLOG GET 100", "CLIENT LIST", "INFO everything",
                                        "ACL LIST",        "ACL LOG",     "CONFIG GET *"};
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness), *client = harness_client(harness);
    assert_reply(admin, "CONFIG SET slowlog-log-slower-than 0", "+OK\r\n");
    set_user(admin, "alice on >hush-hush +@all ~*");
    assert_reply(client, "AUTH alice hush-hush", "+OK\r\n");
    client_command(client, "HELLO 2 AUTH alice hush-hush");
    client_command(client, "AUTH alice hush-hush-not");
    client_command(admin, "ACL SETUSER alice >hush-hush ~");
    client_command(admin, "PING marker");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        buffer_clear(&admin->replies);
        client_command(admin, shown[i]);
        buffer_put_u8(&admin->replies, 0);
        assert_null(strstr((char *)admin->replies.data, "hush"));
        if (i == 0)
            assert_non_null(strstr((char *)admin->replies.data, "marker"));
        if (i == 1)
            assert_non_null(strstr((char *)admin->replies.data, "user=alice"));
    }
    buffer_clear(&admin->replies);
    assert_reply(
        admin, "CONFIG SET requirepass hush",
        "-ERR CONFIG SET failed (possibly related to argument 'requirepass') - passwords are "
        "of users, and users of the whole cluster: use ACL SETUSER default >password\r\n");
    end();
}

static void connections_are_closed_by_their_user(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    (void)log_in(harness, "alice", "one");
    assert_reply(admin, "CLIENT KILL USER alice", ":1\r\n");
    assert_int_equal(harness->closed_by_command, 2);
    assert_reply(admin, "CLIENT KILL USER nobody", "-ERR No such user 'nobody'\r\n");
    end();
}

#define NO_CHANNEL "-NOPERM No permissions to access a channel\r\n"

static void channels_are_for_who_may_use_them(void **state)
{
    struct harness *harness = setup(state);
    struct client *admin = harness_client(harness);
    set_user(admin, "alice on >one +@all ~*");
    struct client *alice = log_in(harness, "alice", "one");
    assert_reply(alice, "SUBSCRIBE a", NO_CHANNEL);
    assert_reply(alice, "PSUBSCRIBE a", NO_CHANNEL);
    assert_reply(alice, "PUBLISH a x", NO_CHANNEL);
    assert_reply(alice, "SPUBLISH a x", NO_CHANNEL);
    assert_int_equal(harness->published, 0);
    assert_int_equal(harness->statistics.acl_denied_channels, 4);
    struct resp_value *log = client_value(admin, "ACL LOG 1");
    assert_true(value_is(value_get(&log->elements[0], "reason"), "channel"));
    resp_value_free(log);
    set_user(admin, "alice allchannels");
    assert_reply(alice, "PUBLISH a x", ":0\r\n");
    assert_reply(alice, "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    harness->closed_by_command = 0;
    set_user(admin, "alice -@hash"); /* who keeps the right goes on listening */
    assert_int_equal(harness->closed_by_command, 0);
    set_user(admin, "alice resetchannels");
    assert_int_equal(harness->closed_by_command, 2);
    end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_right_password_lets_in),
        TEST(without_a_password_nothing_but_a_login_is_answered),
        TEST(a_pipeline_goes_on_as_the_user_that_it_became),
        TEST(requests_are_small_before_a_login),
        TEST(a_stranger_needs_a_password),
        TEST(a_stranger_from_before_users_are_known_is_one_still),
        TEST(nobody_is_let_in_before_users_are_known),
        TEST(commands_are_checked),
        TEST(keys_are_checked_for_what_is_done_to_them),
        TEST(every_command_that_takes_a_key_says_where),
        TEST(a_changed_user_goes_by_the_new_rules_at_once),
        TEST(a_dropped_user_is_nobody_and_closed),
        TEST(who_drops_himself_hears_of_it),
        TEST(a_user_with_unknown_rules_is_not_let_in),
        TEST(the_stronger_layer_binds),
        TEST(a_level_is_what_this_ring_can_meet),
        TEST(users_are_shown_as_redis_shows_them),
        TEST(refusals_are_logged_and_bounded),
        TEST(passwords_are_shown_nowhere),
        TEST(connections_are_closed_by_their_user),
        TEST(channels_are_for_who_may_use_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
