/*
 * test_command_facts.c - the client repeats what its table calls a read, so the table must not
 * claim that of anything that the server calls a write.
 */
#include "client/command_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "commands/command_table.h"

static struct ringdb_command_facts facts_of(const char *name)
{
    return ringdb_command_facts(ringdb_text(name));
}

static void no_write_of_the_server_is_a_read_here(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at(i);
        if (command->flags & COMMAND_WRITE)
            assert_false(facts_of(command->name).read_only);
        for (const struct command *inner = command->subcommands;
             inner != NULL && inner->name != NULL; inner++) {
            if (inner->flags & COMMAND_WRITE)
                assert_false(facts_of(command->name).read_only);
        }
    }
}

static void every_read_of_the_server_is_one_here(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at(i);
        if ((command->flags & COMMAND_READONLY) && facts_of(command->name).refused == NULL &&
            !facts_of(command->name).read_only)
            fail_msg("%s only reads", command->name);
    }
}

static void keys_stand_where_the_server_has_them(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at(i);
        struct key_walk walk = key_walk_make(command, NULL, 3);
        struct ringdb_command_facts facts = facts_of(command->name);
        if (facts.refused != NULL || strcmp(command->name, "ring.locate") == 0)
            continue; /* RING.LOCATE is about a key and reads none */
        if (command->subcommands != NULL && facts.key > 0)
            continue; /* OBJECT and MEMORY: of their subcommands */
        assert_int_equal(facts.key, key_walk_next(&walk) ? walk.position : 0);
    }
    assert_int_equal(facts_of("object").key, 2);
}

static void case_does_not_matter_and_unknown_is_a_write(void **state)
{
    (void)state;
    assert_true(facts_of("GeT").read_only);
    assert_false(facts_of("getx").read_only);
    assert_false(facts_of("ge").read_only);
    assert_int_equal(facts_of("nosuch").key, 1);
    assert_false(ringdb_command_facts(ringdb_bytes("get\0", 4)).read_only);
    assert_non_null(facts_of("MULTI").refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_write_of_the_server_is_a_read_here),
        cmocka_unit_test(every_read_of_the_server_is_one_here),
        cmocka_unit_test(keys_stand_where_the_server_has_them),
        cmocka_unit_test(case_does_not_matter_and_unknown_is_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
