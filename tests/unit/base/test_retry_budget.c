#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/retry_budget.h"

static unsigned spend_all(struct retry_budget *budget, uint64_t now_us)
{
    unsigned count = 0;
    for (; retry_budget_allows(budget, now_us); count++)
        retry_budget_spend(budget);
    return count;
}

static void a_share_of_requests_is_earned(void **state)
{
    struct retry_budget budget = retry_budget_make(5, 0, 10);
    unsigned spent = spend_all(&budget, 1);
    (void)state;
    assert_int_equal(spent, 10);
    for (unsigned i = 0; i < 1000; i++) {
        retry_budget_earn(&budget);
        spent += spend_all(&budget, 1);
    }
    assert_int_equal(spent, 10 + 50);
}

static void no_more_is_saved_than_the_maximum(void **state)
{
    struct retry_budget budget = retry_budget_make(20, 10, 7);
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        retry_budget_earn(&budget);
    assert_int_equal(spend_all(&budget, UINT64_MAX / 2), 7);
}

static void a_quiet_node_earns_by_time(void **state)
{
    struct retry_budget budget = retry_budget_make(20, 10, 100);
    (void)state;
    (void)spend_all(&budget, 1);
    assert_int_equal(spend_all(&budget, 1 + 500 * 1000), 5);
    assert_int_equal(spend_all(&budget, 1 + 500 * 1000), 0);
    assert_int_equal(spend_all(&budget, 1 + 1000 * 1000), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_requests_is_earned),
        cmocka_unit_test(no_more_is_saved_than_the_maximum),
        cmocka_unit_test(a_quiet_node_earns_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
