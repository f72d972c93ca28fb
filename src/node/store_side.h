/*
 * store_side.h - the store side of a node: the replicas of its partitions.
 *
 * One thread owns a store side and runs this loop:
 *
 *     store_side_write()   once per waiting frame, up to a group's bounds
 *     hand over `early`    (a coordinator may send a new version while it is being synced)
 *     commit the batch     one atomic write, one sync
 *     store_side_committed() or store_side_failed()
 *     hand over `late`     only after a successful commit
 *
 * `early` and `late` are frames for the loop side (EVENT_STORE_FRAMES). What must
 * wait for a durable write is in `late`: a frame of `late` before its commit is a
 * broken promise, so the simulator checks that order.
 *
 * store_side_read() serves gets and scans from committed state only, keeps no
 * state, and may run on other threads at the same time.
 */
#ifndef NODE_STORE_SIDE_H
#define NODE_STORE_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/status.h"
#include "node/event.h"
#include "node/settings.h"
#include "replica/store_port.h"
#include "ring/ring.h"

struct store_side;

struct store_side_params {
    node_id self;
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    uint64_t life;                   /* random; of this process (wire/message_lineage.h) */
    bool unsynced;                   /* commits may be lost: they are shown to nobody */
    const struct ring *ring;         /* copied */
    const struct settings *settings; /* copied */
    const struct store_port *port;   /* copied; must outlive the store side */
    struct log_sink log;
};

struct store_output {
    struct buffer batch; /* store_port.h; empty when nothing is to be written */
    struct buffer early; /* frames */
    struct buffer late;  /* frames */
    bool discard; /* the state is in doubt: drop the batch and go on as after a failed commit */
};

void store_output_deinit(struct store_output *output);
void store_output_clear(struct store_output *output);

/* `params` is borrowed for the call. */
struct store_side *store_side_new(const struct store_side_params *params);
void store_side_free(struct store_side *side);

/*
 * Read the replicas' state from the store. Call first, and again after
 * store_side_failed() with the boot epoch that the reopened store has. Writes
 * what new partitions need into `out->batch`; commit it as any other group. `out->early`
 * tells the loop side the state of each partition.
 * STATUS_CORRUPT, STATUS_IO: the store cannot be used; nothing was changed.
 */
MUST_USE enum status store_side_open(struct store_side *side, uint32_t boot_epoch,
                                     struct store_output *out);

/*
 * Handle one frame of EFFECT_STORE_WRITE. In frames between the two sides `left_ms` is
 * the low half of the absolute deadline in ms of instant.mono_us, 0 for none: work past
 * it is refused before anything is done.
 */
void store_side_write(struct store_side *side, struct slice frame, struct instant now,
                      struct store_output *out);
/*
 * The batch of this group is durable. Answers that need the committed log are made
 * now and appended to `out->late`; hand that over afterwards.
 */
void store_side_committed(struct store_side *side, struct instant now, struct store_output *out);
/*
 * The batch of this group may or may not be in the store. Nothing of the group may
 * be acknowledged; the store side refuses everything until store_side_open().
 */
void store_side_failed(struct store_side *side);

/* Handle one frame of EFFECT_STORE_READ; replies are appended to `replies`. */
void store_side_read(const struct store_port *port, const struct ring *ring, struct slice frame,
                     struct instant now, struct buffer *replies);

/* Records of a clean end, to be committed and synced as the last batch (out->batch). */
void store_side_close(struct store_side *side, struct store_output *out);

#endif
