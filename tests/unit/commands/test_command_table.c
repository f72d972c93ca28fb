/*
 * test_command_table.c - the rows of the table keep its rules, and what is made from them agrees.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command_table.h"
#include "commands/manual.h"
#include "commands/subscriptions.h"
#include "commands/syntax.h"

/* Calls `look` for every row, subcommands too. */
static void each_row(void (*look)(const struct command *row, void *data), void *data)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        look(command_at(i), data);
        const struct command *inner = command_at(i)->subcommands;
        for (; inner != NULL && inner->name != NULL; inner++)
            look(inner, data);
    }
}

static void check_row(const struct command *row, void *data)
{
    struct syntax syntax;
    (void)data;
    if (row->name == NULL || row->group == NULL || row->since == NULL || row->summary == NULL ||
        row->complexity == NULL || row->syntax == NULL || row->arity == 0)
        fail_msg("%s: a field is missing", row->name);
    if (syntax_parse(row->syntax, &syntax) != STATUS_OK)
        fail_msg("%s: syntax", row->name);
    if (row->start == NULL && row->subcommands == NULL && strcmp(row->name, "with") != 0)
        fail_msg("%s: nothing to run", row->name);
    if ((row->flags & COMMAND_WRITE) && (row->flags & COMMAND_READONLY))
        fail_msg("%s: reads and writes", row->name);
    if ((row->flags & COMMAND_WRITE) && !command_has_keys(row))
        fail_msg("%s: writes no key", row->name);
    if (row->container != NULL && command_find(slice_text(row->container)) < 0)
        fail_msg("%s: container", row->name);
    if (row->summary[strlen(row->summary) - 1] != '.')
        fail_msg("%s: the summary is no sentence", row->name);
}

static void rows_are_complete(void **state)
{
    (void)state;
    each_row(check_row, NULL);
}

static void rows_are_sorted_and_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = command_at(i)->name;
        char upper[32] = {0};
        if (i > 0)
            assert_true(strcmp(command_at(i - 1)->name, name) < 0);
        for (size_t k = 0; name[k] != '\0'; k++)
            upper[k] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - 32 : name[k]);
        assert_int_equal(command_find(slice_text(name)), i);
        assert_int_equal(command_find(slice_text(upper)), i);
        assert_int_equal(command_find(slice_make(name, strlen(name) + 1)), -1);
        assert_int_equal(command_find_again(slice_text(upper), (int)i), i);
        assert_int_equal(command_find_again(slice_text(name), (int)i - 1), i);
        assert_int_equal(command_find_again(slice_text(name), (int)i + 1), i);
        assert_int_equal(command_find_again(slice_make(name, strlen(name) + 1), (int)i), -1);
        assert_null(command_absent_reason(slice_text(name)));
    }
    assert_int_equal(command_find(slice_text("")), -1);
    assert_int_equal(command_find(slice_text("zzz")), -1);
    assert_int_equal(command_find(slice_text("ge")), -1);
    assert_string_equal(command_find_full(slice_text("client|list"))->name, "list");
    assert_null(command_find_full(slice_text("client|nosuch")));
    assert_null(command_find_full(slice_text("get|list")));
}

static void send_words(struct client *client, const struct command *row, uint32_t count)
{
    struct slice words[16];
    uint32_t at = 0;
    if (row->container != NULL)
        words[at++] = slice_text(row->container);
    words[at++] = slice_text(row->name);
    while (at < count)
        words[at++] = slice_text("1");
    client_words(client, count, words);
}

static void expect_arity_error(struct client *client, const struct command *row, uint32_t count)
{
    struct buffer name = {0}, expected = {0};
    command_full_name(row, &name);
    buffer_printf(&expected, "-ERR wrong number of arguments for '%.*s' command\r\n",
                  (int)name.length, (const char *)name.data);
    buffer_put_u8(&expected, 0);
    send_words(client, row, count);
    assert_replies(client, (const char *)expected.data);
    buffer_deinit(&name);
    buffer_deinit(&expected);
}

static void check_arity(const struct command *row, void *data)
{
    struct client *client = data;
    uint32_t least = (uint32_t)(row->arity < 0 ? -row->arity : row->arity);
    uint32_t own = row->container != NULL ? 2 : 1;
    if (least > own)
        expect_arity_error(client, row, least - 1);
    if (row->arity > 0 && row->subcommands == NULL)
        expect_arity_error(client, row, least + 1);
}

static void every_command_checks_its_arity(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    each_row(check_arity, client);
    assert_int_equal(harness->requests_seen, 0);
}

static void check_answer(const struct command *row, void *data)
{
    struct harness *harness = data;
    uint32_t least = (uint32_t)(row->arity < 0 ? -row->arity : row->arity);
    struct client *client = &harness->clients[0];
    struct resp_reply_limits limits = {
        .text_bytes_max = 1 << 20, .elements_max = 1 << 20, .reply_bytes_max = 1 << 24};
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    struct resp_value *value = NULL;
    size_t offset = 0;
    if (strcmp(row->name, "quit") == 0 || strcmp(row->name, "reset") == 0)
        return resp_reply_reader_free(reader);
    send_words(client, row, least);
    if (resp_reply_reader_next(reader, buffer_slice(&client->replies), &offset, &value) !=
            RESP_REPLY_VALUE ||
        offset != client->replies.length)
        fail_msg("%s: not one reply", row->name);
    buffer_clear(&client->replies);
    resp_value_free(value);
    resp_reply_reader_free(reader);
    /* Whoever listens would get messages beside the next replies. */
    subscriptions_remove_all(harness->environment.subscriptions, client->session);
}

static void every_command_answers_with_one_value(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    each_row(check_answer, harness);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    each_row(check_answer, harness);
    assert_int_equal(harness->environment.sessions != NULL, 1);
}

static void command_describes_every_row(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *all = client_value(client, "COMMAND");
    struct resp_value *docs = client_value(client, "COMMAND DOCS");
    struct resp_value *list = client_value(client, "COMMAND LIST");
    char count[32];
    snprintf(count, sizeof count, ":%u\r\n", COMMAND_COUNT);
    assert_reply(client, "COMMAND COUNT", count);
    assert_int_equal(all->element_count, COMMAND_COUNT);
    assert_int_equal(docs->element_count, 2 * COMMAND_COUNT);
    assert_int_equal(list->element_count, COMMAND_COUNT);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct resp_value *entry = value_get(docs, command_at(i)->name);
        assert_non_null(entry);
        assert_true(value_is(value_get(entry, "summary"), command_at(i)->summary));
        assert_true(value_is(value_get(entry, "group"), command_at(i)->group));
        assert_int_equal(all->elements[i].element_count, 10);
        assert_true(value_is(&all->elements[i].elements[0], command_at(i)->name));
    }
    resp_value_free(all);
    resp_value_free(docs);
    resp_value_free(list);
}

static void docs_have_the_arguments_as_a_tree(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *docs = client_value(client, "COMMAND DOCS set nosuch");
    assert_int_equal(docs->element_count, 2);
    const struct resp_value *arguments = value_get(value_get(docs, "set"), "arguments");
    assert_int_equal(arguments->element_count, 5);
    assert_true(value_is(value_get(&arguments->elements[0], "name"), "key"));
    assert_true(value_is(value_get(&arguments->elements[0], "type"), "key"));
    assert_true(value_is(value_get(&arguments->elements[2], "type"), "oneof"));
    const struct resp_value *expiry = value_get(&arguments->elements[4], "arguments");
    assert_true(value_is(value_get(&expiry->elements[0], "name"), "seconds"));
    assert_true(value_is(value_get(&expiry->elements[0], "token"), "EX"));
    resp_value_free(docs);
    docs = client_value(client, "COMMAND DOCS client|setname");
    assert_non_null(value_get(docs, "client|setname"));
    resp_value_free(docs);
}

static void keys_are_found_behind_with(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "COMMAND GETKEYS WITH r=1 MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_reply(client, "COMMAND GETKEYS WITH r=1 w=2", "-ERR Invalid command specified\r\n");
    assert_reply(client, "COMMAND GETKEYSANDFLAGS WITH r=1 GET a",
                 "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n");
    assert_reply(client, "COMMAND GETKEYS MEMORY USAGE a", "*1\r\n$1\r\na\r\n");
}

static void help_lists_the_subcommands(void **state)
{
    struct client *client = harness_client(*state);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        char line[64];
        if (command_at(i)->subcommands == NULL)
            continue;
        snprintf(line, sizeof line, "%s HELP", command_at(i)->name);
        struct resp_value *value = client_value(client, line);
        assert_int_equal(value->type, RESP_TYPE_ARRAY);
        assert_true(value->element_count >= 5 && value->element_count % 2 == 1);
        resp_value_free(value);
    }
}

/* A name that is written twice, or of a command that is offered, would mislead. */
static void absent_commands_are_named_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < commands_absent_count; i++) {
        const char *names = commands_absent[i].names;
        while (*names != '\0') {
            size_t length = strcspn(names, " ");
            struct slice name = slice_make(names, length);
            assert_true(length > 0);
            assert_int_equal(command_find(name), -1);
            assert_ptr_equal(command_absent_reason(name), commands_absent[i].reason);
            names += length + (names[length] == ' ');
        }
    }
    assert_null(command_absent_reason(slice_text("JSON.GET")));
    assert_null(command_absent_reason(slice_text("")));
    assert_non_null(command_absent_reason(slice_text("lpush")));
}

/* The page in the source tree is the one that the table gives: `make update-commands-page`. */
static void the_manual_is_up_to_date(void **state)
{
    const char *source = getenv("srcdir");
    char path[4096];
    struct buffer page = {0}, file = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/man/ringdb-commands.7", source != NULL ? source : ".");
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    size_t got;
    while ((got = fread(buffer_reserve(&file, 65536), 1, 65536, in)) > 0)
        file.length += got;
    fclose(in);
    manual_write(&page);
    assert_true(slice_equal(buffer_slice(&page), buffer_slice(&file)));
    buffer_deinit(&page);
    buffer_deinit(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(rows_are_sorted_and_found),
        TEST(every_command_checks_its_arity),
        TEST(every_command_answers_with_one_value),
        TEST(command_describes_every_row),
        TEST(docs_have_the_arguments_as_a_tree),
        TEST(keys_are_found_behind_with),
        TEST(help_lists_the_subcommands),
        cmocka_unit_test(absent_commands_are_named_once),
        cmocka_unit_test(the_manual_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
