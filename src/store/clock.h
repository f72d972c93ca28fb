/*
 * clock.h - the time of this machine, as the store's threads hand it to the core.
 */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include "node/event.h"

struct instant clock_now(void);
/* Its monotonic time alone, for measuring. */
uint64_t clock_mono_us(void);

#endif
