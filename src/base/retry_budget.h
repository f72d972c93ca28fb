/*
 * retry_budget.h - how many questions may be asked beyond those that requests need.
 *
 * Asking once more helps while a few answers are late, and makes it worse when all are, for
 * then everything is asked twice. So each request earns a share of an extra question, and an extra
 * one is asked only when it was earned. A floor by time keeps a quiet node able to retry.
 * Source: reference "algorithms" 4.4, 4.5; the budget is that of Twitter's Finagle (RetryBudget).
 */
#ifndef BASE_RETRY_BUDGET_H
#define BASE_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* A plain value; all zero earns nothing. */
struct retry_budget {
    uint32_t percent;    /* of requests */
    uint32_t per_second; /* whatever is asked */
    uint32_t saved_max;  /* extra questions that can be saved up */
    uint64_t saved;      /* in millionths */
    uint64_t filled_us;  /* until when per_second was given */
};

struct retry_budget retry_budget_make(uint32_t percent, uint32_t per_second, uint32_t saved_max);
/* A request begins. */
void retry_budget_earn(struct retry_budget *budget);
bool retry_budget_allows(struct retry_budget *budget, uint64_t now_us);
/* An extra question was asked; it was allowed. */
void retry_budget_spend(struct retry_budget *budget);

#endif
