/*
 * fake_store_side.h - a store side that speaks text and that a test can stop in the middle.
 *
 *     write "put KEY VALUE"   early "accepted KEY\n", after the commit "stored KEY\n"
 *     write "know KEY"        nothing to write; "known KEY\n" with the commit of its group
 *     write, after a failure  early "refused KEY\n"
 *     read "get KEY"          "KEY=VALUE\n", "KEY absent\n" or "KEY failed STATUS\n"
 *     open                    early "open BOOT-EPOCH\n"; the batch has the record "Mopen"
 *     close                   the batch has the record "Mclosed"
 *
 * It asserts what node/store_side.h promises to a store side: one thread at a time, a
 * commit for every group, nothing after a failure but refusals until open, and a higher
 * boot epoch then. There is one at a time in a program.
 */
#ifndef TESTS_STORE_FAKE_STORE_SIDE_H
#define TESTS_STORE_FAKE_STORE_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct fake_counts {
    unsigned opened;
    unsigned committed;
    unsigned failed;
    unsigned closed;
    uint32_t boot_epoch;
};

/* Forget counts and orders; for the start of a test. */
void fake_reset(void);
void fake_counts(struct fake_counts *out);

/* Stop the store thread in its next store_side_write(), until fake_release(). */
void fake_hold(void);
void fake_wait_until_held(void);
void fake_release(void);

/* What the coming calls of store_side_open() answer. */
void fake_open_status(enum status status);

#endif
