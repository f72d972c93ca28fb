/*
 * store_trim.c - when the logs of this node's replicas lose records.
 *
 * What all owners have goes with a checkpoint, so a busy log is trimmed when there is enough to
 * cut, and any other once it has rested for a round of collecting. When all logs together take
 * more room than they may, those that take more than their share are cut down to it.
 */
#include "node/store_side_state.h"
#include "replica/replica_trim.h"

enum {
    TRIM_RECORDS_MIN = 1024, /* of a busy log */
    TRIM_RECORDS_MAX = 4096  /* of one log, in one step */
};

static uint64_t all_log_bytes(const struct store_side *side)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < side->replica_count; i++)
        bytes += side->replicas[i].log_bytes;
    return bytes;
}

bool store_has_log(const struct replica *replica)
{
    return replica->log_first <= replica->log_position;
}

enum status store_trim(struct store_side *side, uint32_t index, const struct stability *stability,
                       struct instant now, bool *more)
{
    struct replica *replica = &side->replicas[index];
    struct log_care *care = &side->log_cares[index];
    struct trim_limits limits = {.bytes_max = UINT64_MAX,
                                 .kept_from = store_log_kept_from(side, index, now),
                                 .budget = TRIM_RECORDS_MAX};
    uint32_t trimmed = 0;
    bool rests = care->seen_position == replica->log_position;
    bool is_long = replica->log_position + 1 - replica->log_first >= TRIM_RECORDS_MIN;
    care->seen_position = replica->log_position;
    *more = false;
    if (all_log_bytes(side) > side->settings.log_bytes_max)
        limits.bytes_max = side->settings.log_bytes_max / side->replica_count;
    bool above = replica->log_bytes > limits.bytes_max;
    if (replica->state != REPLICA_ACTIVE || !store_has_log(replica) ||
        (!rests && !is_long && !above))
        return STATUS_OK;
    enum status status = replica_trim(replica, stability, &limits, &side->context, &trimmed);
    *more = trimmed == TRIM_RECORDS_MAX;
    return status;
}
