/* Limits of control groups, in a tree of files as the kernel shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringd/memory_limit.h"

static char root[64];

static void put(const char *group, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s/memory.max", root, group);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    char path[128];
    (void)state;
    snprintf(root, sizeof root, "/tmp/ringdb-unit-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/a", root);
    if (mkdir(path, 0700) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/a/b", root);
    return mkdir(path, 0700);
}

static int end(void **state)
{
    static const char *const names[] = {"/a/b/memory.max", "/a/b", "/a/memory.max", "/a",
                                        "/memory.max",     ""};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s%s", root, names[i]);
        (void)remove(path);
    }
    return 0;
}

static void the_least_limit_of_all_groups_around_counts(void **state)
{
    (void)state;
    put("/a/b", "4096\n");
    put("/a", "max\n");
    assert_int_equal(memory_group_limit(root, "/a/b"), 4096);
    put("/a", "1024\n");
    assert_int_equal(memory_group_limit(root, "/a/b"), 1024);
    put("", "512\n");
    assert_int_equal(memory_group_limit(root, "/a/b"), 512);
    assert_int_equal(memory_group_limit(root, "/"), 512);
    assert_int_equal(memory_group_limit(root, ""), 512);
}

static void no_file_and_no_number_are_no_limit(void **state)
{
    (void)state;
    put("/a", "max\n");
    assert_true(memory_group_limit(root, "/a/b") == UINT64_MAX);
    assert_true(memory_group_limit(root, "/gone") == UINT64_MAX);
}

static void this_machine_has_memory(void **state)
{
    (void)state;
    assert_true(memory_machine_bytes() > 0);
    assert_in_range(memory_limit_bytes(), 1, memory_machine_bytes());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_least_limit_of_all_groups_around_counts, begin, end),
        cmocka_unit_test_setup_teardown(no_file_and_no_number_are_no_limit, begin, end),
        cmocka_unit_test(this_machine_has_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
