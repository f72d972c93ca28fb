/*
 * plan_base.h - what a plan follows from, as the first node knows it: the register, without
 * secrets.
 *
 * ringctl makes the plan itself, so that no node stands still for a large one.
 */
#ifndef RINGCTL_PLAN_BASE_H
#define RINGCTL_PLAN_BASE_H

#include "arguments.h"
#include "membership/register_value.h"

struct exchange; /* exchange.h */

/*
 * Ask the first node. When it fails, one line on standard error has said why. The caller owns
 * `*out`, for register_value_free().
 */
MUST_USE enum exit_code plan_base_load(const struct arguments *arguments,
                                       struct register_value **out);

/* What the verbs that change the register ask: the time that a change may take is waited. */
MUST_USE enum exit_code plan_base_change(const struct arguments *arguments,
                                         const struct slice *words, size_t count,
                                         struct exchange *out);

#endif
