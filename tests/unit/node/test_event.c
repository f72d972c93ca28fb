/*
 * test_event.c - effects keep their order, and each its own bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "node/event.h"

static void effects_keep_their_order_and_bytes(void **state)
{
    struct effects effects = {0};
    char text[16];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            snprintf(text, sizeof text, "bytes %u", i);
            if (i % 2 == 0)
                effects_add_bytes(&effects, EFFECT_LINK_SEND, slice_text(text))->link = i;
            else
                effects_add(&effects, EFFECT_DIAL)->node = i;
        }
        assert_int_equal(effects.count, 100);
        for (unsigned i = 0; i < 100; i++) {
            const struct effect *effect = &effects.items[i];
            snprintf(text, sizeof text, "bytes %u", i);
            assert_int_equal(effect->kind, i % 2 == 0 ? EFFECT_LINK_SEND : EFFECT_DIAL);
            assert_int_equal(i % 2 == 0 ? effect->link : effect->node, i);
            assert_true(slice_equal(effect_bytes(&effects, effect),
                                    i % 2 == 0 ? slice_text(text) : slice_text("")));
        }
        effects_clear(&effects);
        assert_int_equal(effects.count, 0);
    }
    effects_deinit(&effects);
}

static void an_effect_without_bytes_has_none(void **state)
{
    struct effects effects = {0};
    (void)state;
    effects_add(&effects, EFFECT_LINK_CLOSE)->link = 3;
    assert_int_equal(effect_bytes(&effects, &effects.items[0]).length, 0);
    effects_deinit(&effects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_keep_their_order_and_bytes),
        cmocka_unit_test(an_effect_without_bytes_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
