#include "plan_sizes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "exchange.h"

/* What one node says of itself. */
struct holding {
    node_id node;
    uint32_t owned;
    double bytes; /* of its tables; below 0: it did not answer */
};

/* The tables' bytes in what INFO says; below 0: it does not say it. */
static double table_bytes(const struct exchange *exchange)
{
    static const char name[] = "store_table_bytes:";
    char reason[EXCHANGE_REASON_MAX];
    const struct resp_value *info = cluster_reply(exchange, reason);
    if (info == NULL || (info->type != RESP_TYPE_BULK && info->type != RESP_TYPE_VERBATIM))
        return -1;
    const char *at = memmem(info->text.data, info->text.length, name, sizeof name - 1);
    return at == NULL ? -1 : (double)strtoull(at + sizeof name - 1, NULL, 10);
}

static double mean_of_owners(const struct ring *ring, partition_id partition,
                             const struct holding *holdings, size_t count)
{
    double sum = 0;
    unsigned answering = 0;
    for (size_t i = 0; i < count; i++) {
        const struct holding *holding = &holdings[i];
        if (holding->bytes < 0 || !ring_owns(ring, holding->node, partition))
            continue;
        sum += holding->bytes / holding->owned;
        answering++;
    }
    return answering == 0 ? 0 : sum / answering;
}

static size_t ask_owners(const struct arguments *arguments, const struct ring *ring,
                         struct holding *holdings)
{
    struct exchange *exchanges = memory_new(ring->member_count, sizeof *exchanges);
    size_t count = 0;
    for (uint16_t i = 0; i < ring->member_count; i++) {
        struct holding *holding = &holdings[count];
        *holding = (struct holding){.node = ring->members[i].id};
        for (uint32_t p = 0; p < ring->partition_count; p++)
            holding->owned += ring_owns(ring, holding->node, (partition_id)p);
        if (holding->owned == 0)
            continue;
        exchanges[count].address = ring->members[i].client;
        exchange_ask_texts(&exchanges[count], (const char *const[]){"INFO", "persistence", NULL});
        count++;
    }
    exchange_run(exchanges, count, arguments->timeout_ms);
    for (size_t i = 0; i < count; i++) {
        holdings[i].bytes = table_bytes(&exchanges[i]);
        exchange_deinit(&exchanges[i]);
    }
    free(exchanges);
    return count;
}

void plan_sizes_ask(const struct arguments *arguments, const struct ring *ring,
                    struct plan_sizes *out)
{
    struct holding *holdings = memory_new(ring->member_count, sizeof *holdings);
    size_t count = ask_owners(arguments, ring, holdings);
    *out = (struct plan_sizes){.bytes = memory_new(ring->partition_count, sizeof *out->bytes)};
    for (uint32_t p = 0; p < ring->partition_count; p++)
        out->bytes[p] = mean_of_owners(ring, (partition_id)p, holdings, count);
    for (size_t i = 0; i < count; i++) {
        out->silent += holdings[i].bytes < 0;
        out->is_known |= holdings[i].bytes > 0;
    }
    free(holdings);
}

void plan_sizes_deinit(struct plan_sizes *sizes)
{
    free(sizes->bytes);
    *sizes = (struct plan_sizes){0};
}
