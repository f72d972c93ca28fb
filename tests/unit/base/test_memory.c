#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void new_memory_is_zeroed(void **state)
{
    uint8_t *memory = memory_new(1000, 3);
    (void)state;
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(memory[i], 0);
    free(memory);
}

static void nothing_is_still_an_address(void **state)
{
    void *none = memory_new(0, 8), *small = memory_new(8, 0), *copy = memory_copy(NULL, 0);
    (void)state;
    assert_non_null(none);
    assert_non_null(small);
    assert_non_null(copy);
    none = memory_resize(none, 0, 8);
    assert_non_null(none);
    free(none);
    free(small);
    free(copy);
}

static void resizing_keeps_what_was_there(void **state)
{
    uint32_t *numbers = memory_resize(NULL, 4, sizeof *numbers);
    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        numbers[i] = i;
    numbers = memory_resize(numbers, 100000, sizeof *numbers);
    numbers[99999] = 7;
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(numbers[i], i);
    free(numbers);
}

static void a_copy_is_separate_and_ends_with_a_nul(void **state)
{
    char bytes[] = {'a', '\0', 'b'};
    char *copy = memory_copy(bytes, sizeof bytes);
    (void)state;
    bytes[0] = 'x';
    assert_memory_equal(copy, "a\0b\0", 4);
    free(copy);
}

/* Run in a child: ask for more than any machine has, with standard error in `pipe_end`. */
static void ask_for_too_much(int pipe_end)
{
    volatile size_t half = SIZE_MAX / 2 + 1; /* times 2 wraps to 0, which would succeed */
    if (dup2(pipe_end, STDERR_FILENO) == STDERR_FILENO)
        free(memory_resize(NULL, half, 2));
    _exit(1);
}

/* A caller never sees NULL and never a block smaller than it asked for. */
static void too_much_ends_the_process_with_one_line(void **state)
{
    int ends[2], status = 0;
    char text[256] = {0};
    size_t length = 0;
    ssize_t got;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        ask_for_too_much(ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    assert_ptr_equal(strstr(text, "out of memory"), text);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(nothing_is_still_an_address),
        cmocka_unit_test(resizing_keeps_what_was_there),
        cmocka_unit_test(a_copy_is_separate_and_ends_with_a_nul),
        cmocka_unit_test(too_much_ends_the_process_with_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
