#include "ring/ring_evidence.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ring/transition.h"

void ring_testimony_add(struct ring_testimony *testimony, const struct ring_holding *holding)
{
    assert(testimony->count == 0 ||
           testimony->holdings[testimony->count - 1].partition < holding->partition);
    if (testimony->count == testimony->capacity) {
        testimony->capacity = testimony->capacity == 0 ? 16 : 2 * testimony->capacity;
        testimony->holdings =
            memory_resize(testimony->holdings, testimony->capacity, sizeof *testimony->holdings);
    }
    testimony->holdings[testimony->count++] = *holding;
}

void ring_testimony_deinit(struct ring_testimony *testimony)
{
    free(testimony->holdings);
    *testimony = (struct ring_testimony){0};
}

const struct ring_holding *ring_testimony_of(const struct ring_testimony *testimony,
                                             partition_id partition)
{
    uint32_t low = 0, high = testimony->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (testimony->holdings[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < testimony->count && testimony->holdings[low].partition == partition;
    return found ? &testimony->holdings[low] : NULL;
}

bool ring_evidence_note(struct ring_evidence *evidence, const struct ring *ring, node_id node,
                        const struct ring_holding *holding)
{
    partition_id partition = holding->partition;
    if (partition >= ring->partition_count || !ring_replicates(ring, node, partition) ||
        ring_tag_compare(holding->tag, ring_tag_of(ring, partition)) != 0)
        return false;
    if ((holding->flags & RING_HOLDING_COMPLETE) != 0)
        node_set_add(&evidence->complete, node);
    if ((holding->flags & RING_HOLDING_QUIET) != 0)
        node_set_add(&evidence->goes_by, node);
    return true;
}
