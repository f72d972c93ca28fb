/*
 * task_reply.h - what RING.TASKS and RING.TRANSFERS answer: committed plans, and what they move.
 *
 * Both come from the register as this node knows it, so all nodes answer alike but for `waits_for`
 * and `reason`: those are what a steward has found when it last asked the nodes concerned, since
 * the register changed last. Where this node has not asked, `reason` is "not known at this node".
 *
 * RING.TASKS LIST -> array, the newest first, of maps:
 *     id            bulk     16 hexadecimal digits: the id of the plan
 *     kind          bulk     "plan"
 *     state         bulk     running | paused | aborting | finished | aborted
 *     node          integer  at which it was committed
 *     user          bulk     who committed it
 *     started_ms    integer  since 1970
 *     ended_ms      integer  0: it is not over
 *     partitions    integer  that were to get other owners
 *     waiting       integer  of these, that have not begun
 *     moving        integer  of these, that have begun and are not over
 *     given_up      integer  of these, that stay where they were because it was aborted
 *     done          integer  of these, that are where they were to go
 *     percent       integer  0..100: of partitions, those done or given up; 100 once it is over
 *     joins         integer  nodes that came to own something
 *     leaves        integer  nodes that were to be members no more
 *     waits_for     integer  the node that holds it up; 0: nobody, or it is not known
 *     reason        bulk     why it does not end now, one sentence; "" once it is over
 *     unblock       bulk     the command that helps, "" where time alone does
 *
 * RING.TASKS SHOW id -> the same map; an error when no such task is kept. Tasks that are over are
 * kept for seven days, 32 at most.
 *
 * RING.TRANSFERS -> array of maps, one for each owner that a partition gets: those that move by
 * partition, then those that wait by partition. What is done is in no row.
 *     partition     integer
 *     source        integer  the owner that leaves for it; 0: none does
 *     target        integer  the owner that joins
 *     task          bulk     id of the plan; "" when no plan is under way
 *     phase         bulk     stable (it waits) | joint | switched
 *     state         bulk     waiting (has not begun) | running | done (the target is complete, and
 *                            the partition waits for something else)
 *     waits_for     integer  the node that holds it up; 0: nobody, or it is not known
 *     reason        bulk     why it does not go on now, one sentence; "" when nothing is known to
 * Bytes, rate and time left are the target's to tell, who pulls: it is asked for them.
 *
 * RING.PLAN COMMIT id, ABORT id, PAUSE id, RESUME id, LOST id node -> map of id (bulk), seq,
 * known_by, members (integers), as RING.PLAN STAGE. "ERR plan ID is no longer true: ..." and other
 * refusals say that nothing was changed.
 */
#ifndef COMMANDS_TASK_REPLY_H
#define COMMANDS_TASK_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "membership/register_value.h"

struct call; /* commands/call.h */

/* The register as this node knows it; NULL: it has none, and the call was answered. */
struct register_value *task_register(struct call *call);
/* The argument as the id of a plan; false: it is none, and the call was answered. */
bool task_id_take(struct call *call, uint32_t at, uint64_t *out);

#endif
