/*
 * transfer_rates.h - how fast nodes let partitions come, as they say: their setting transfer-rate.
 */
#ifndef RINGCTL_TRANSFER_RATES_H
#define RINGCTL_TRANSFER_RATES_H

#include <stdint.h>

#include "arguments.h"
#include "ring/ring.h"

struct transfer_rates {
    const struct ring *ring;
    uint64_t *bytes_per_second; /* in the order of its members; 0: no limit, or no answer */
};

/* Ask all members. Release with transfer_rates_deinit(). */
void transfer_rates_ask(const struct arguments *arguments, const struct ring *ring,
                        struct transfer_rates *out);
void transfer_rates_deinit(struct transfer_rates *rates);
/* How long that much takes to come to `node`; 0: no limit is known. */
double transfer_rates_seconds(const struct transfer_rates *rates, node_id node, double bytes);

#endif
