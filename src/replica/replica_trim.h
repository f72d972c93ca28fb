/*
 * replica_trim.h - the log loses its oldest records when nobody needs them.
 *
 * A record is needed by an owner that lacks one of its dots, as far as the owners' reports say.
 * When one has been away for so long that the logs take more room than they may, they are cut all
 * the same. The dots stay known as trimmed (R3 of replica.h): a question that needs one is answered
 * STATUS_LOG_TRIMMED, and that owner gets the partition whole (replica_whole.h).
 *
 * What is cut was committed: the log is replayed from the checkpoint on, so one goes into the
 * batch whenever anything is cut. To keep these rare is left to the caller.
 * Source: reference "algorithms" A.3.
 */
#ifndef REPLICA_REPLICA_TRIM_H
#define REPLICA_REPLICA_TRIM_H

#include "replica/replica.h"

struct trim_limits {
    uint64_t bytes_max; /* of the log; beyond them what is needed goes too */
    uint64_t kept_from; /* log position; that and those above stay when they are needed */
    uint32_t budget;    /* records; not 0 */
};

/*
 * Cut off records that all owners have, oldest first, then more until the log is no longer than
 * it may be. `trimmed` gets how many went.
 * STATUS_CORRUPT, STATUS_IO: the log could not be read; what was cut before is well.
 */
MUST_USE enum status replica_trim(struct replica *replica, const struct stability *stability,
                                  const struct trim_limits *limits, struct replica_context *context,
                                  uint32_t *trimmed);

/* Whether dots of `missing` have no log record here. */
bool replica_needs_trimmed(const struct replica *replica, const struct clock *missing);

#endif
