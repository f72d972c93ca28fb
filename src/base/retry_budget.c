#include "base/retry_budget.h"

#include <assert.h>

enum { WHOLE = 1000000 };

struct retry_budget retry_budget_make(uint32_t percent, uint32_t per_second, uint32_t saved_max)
{
    return (struct retry_budget){.percent = percent,
                                 .per_second = per_second,
                                 .saved_max = saved_max,
                                 .saved = (uint64_t)saved_max * WHOLE};
}

static void add(struct retry_budget *budget, uint64_t more)
{
    uint64_t most = (uint64_t)budget->saved_max * WHOLE;
    budget->saved += more;
    if (budget->saved > most)
        budget->saved = most;
}

void retry_budget_earn(struct retry_budget *budget)
{
    add(budget, (uint64_t)budget->percent * (WHOLE / 100));
}

bool retry_budget_allows(struct retry_budget *budget, uint64_t now_us)
{
    uint64_t since_us = now_us - budget->filled_us;
    budget->filled_us = now_us;
    if (since_us > WHOLE * (uint64_t)60) /* a minute fills any */
        since_us = WHOLE * (uint64_t)60;
    add(budget, since_us * budget->per_second);
    return budget->saved >= WHOLE;
}

void retry_budget_spend(struct retry_budget *budget)
{
    assert(budget->saved >= WHOLE);
    budget->saved -= WHOLE;
}
