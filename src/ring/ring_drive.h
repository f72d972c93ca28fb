/*
 * ring_drive.h - which steps a committed plan can take next.
 *
 * A pure function of the ring, of what is left of the plan and of the evidence: whoever drives has
 * nothing to remember, so any steward goes on where another one was lost, at every step. Two who
 * drive at once propose the same, or what the register leaves out (ring_steps.h).
 *
 * What can be finished comes first, then what can be switched, then what can begin, each by
 * partition: the first two free room for the third. A partition begins when each of its joining
 * owners joins fewer than RING_DRIVE_IN others, and each leaving owner leaves fewer than
 * RING_DRIVE_OUT. Two who drive by rings of different age may begin more between them; that costs
 * load and nothing else.
 * Source: reference "algorithms" 1.8 (driver), 7.4.
 */
#ifndef RING_RING_DRIVE_H
#define RING_RING_DRIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ring/ring.h"
#include "ring/ring_change.h"
#include "ring/ring_work.h"

enum { RING_DRIVE_IN = 2, RING_DRIVE_OUT = 2 };

/*
 * Append as many steps as can be taken and fit into `bytes_max`; their number. `evidence` has an
 * item for each of ring->transitions, of replicas under the tag that the ring has. The ring takes
 * all of them: ring_steps_apply().
 */
uint32_t ring_drive_next(const struct ring *ring, const struct ring_work *work,
                         const struct ring_evidence *evidence, size_t bytes_max,
                         struct buffer *steps);
/*
 * Steps that give up all partitions that may be (JOINT), as many as fit; their number. What has
 * switched is finished as any other.
 */
uint32_t ring_drive_abort(const struct ring *ring, size_t bytes_max, struct buffer *steps);

#endif
