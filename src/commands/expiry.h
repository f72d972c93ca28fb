/*
 * expiry.h - times of expiry as the words of a request give them.
 */
#ifndef COMMANDS_EXPIRY_H
#define COMMANDS_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/call.h"

struct expiry_unit {
    bool seconds;  /* else milliseconds */
    bool absolute; /* since 1970; else from now on */
};

/* The unit that EX, PX, EXAT or PXAT at `index` stands for; false: another word. */
bool expiry_unit_of(const struct call *call, uint32_t index, struct expiry_unit *out);

/*
 * A time that must lie in the future or, when absolute, after 1970, as for SET EX.
 * false: the error is sent.
 */
bool expiry_parse(struct call *call, uint32_t index, struct expiry_unit unit,
                  uint64_t *expire_at_ms);

#endif
