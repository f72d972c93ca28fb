#include "transfer_rates.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"

void transfer_rates_ask(const struct arguments *arguments, const struct ring *ring,
                        struct transfer_rates *out)
{
    char reason[EXCHANGE_REASON_MAX];
    struct exchange *exchanges = memory_new(ring->member_count, sizeof *exchanges);
    *out = (struct transfer_rates){
        .ring = ring,
        .bytes_per_second = memory_new(ring->member_count, sizeof *out->bytes_per_second)};
    for (uint16_t i = 0; i < ring->member_count; i++) {
        exchanges[i].address = ring->members[i].client;
        exchange_ask_texts(&exchanges[i],
                           (const char *const[]){"CONFIG", "GET", "transfer-rate", NULL});
    }
    exchange_run(exchanges, ring->member_count, arguments->timeout_ms);
    for (uint16_t i = 0; i < ring->member_count; i++) {
        const struct resp_value *reply = cluster_reply(&exchanges[i], reason);
        out->bytes_per_second[i] = strtoull(fields_text(reply, "transfer-rate", "0"), NULL, 10);
        exchange_deinit(&exchanges[i]);
    }
    free(exchanges);
}

void transfer_rates_deinit(struct transfer_rates *rates)
{
    free(rates->bytes_per_second);
    *rates = (struct transfer_rates){0};
}

double transfer_rates_seconds(const struct transfer_rates *rates, node_id node, double bytes)
{
    const struct ring_member *member = ring_member(rates->ring, node);
    uint64_t rate = rates->bytes_per_second[member - rates->ring->members];
    return rate == 0 ? 0 : bytes / (double)rate;
}
