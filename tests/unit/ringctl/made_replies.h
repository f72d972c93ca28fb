/*
 * made_replies.h - what a node might have said, for what ringctl makes of it.
 */
#ifndef TESTS_UNIT_RINGCTL_MADE_REPLIES_H
#define TESTS_UNIT_RINGCTL_MADE_REPLIES_H

#include "wire/resp_reply.h"

/*
 * A reply in version 2 of the protocol; each word is an element: "*2" and ":7" as they stand, any
 * other one a string. It lasts until made_replies_free().
 */
const struct resp_value *made_reply(const char *format, ...) __attribute__((format(printf, 1, 2)));
void made_replies_free(void);

#endif
