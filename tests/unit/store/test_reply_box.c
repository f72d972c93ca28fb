#include "store/reply_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void count_wake(void *context)
{
    ++*(int *)context;
}

static void put_text(struct reply_box *box, const char *text)
{
    struct buffer frames = {0};
    buffer_append_slice(&frames, slice_text(text));
    reply_box_put(box, &frames);
    assert_int_equal(frames.length, 0);
    buffer_deinit(&frames);
}

static void wakes_once_until_it_is_emptied(void **state)
{
    struct reply_box box;
    struct buffer out = {0};
    int wakes = 0;
    (void)state;
    reply_box_init(&box, count_wake, &wakes);
    put_text(&box, "");
    assert_int_equal(wakes, 0);
    put_text(&box, "a");
    put_text(&box, "b");
    assert_int_equal(wakes, 1);
    reply_box_take(&box, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_text("ab")));
    put_text(&box, "c");
    assert_int_equal(wakes, 2);
    reply_box_take(&box, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_text("abc")));
    reply_box_take(&box, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_text("abc")));
    buffer_deinit(&out);
    reply_box_deinit(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_once_until_it_is_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
