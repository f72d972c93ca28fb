/*
 * leaf_compare.h - what two owners may conclude when a range of their cells differs.
 *
 * One lists its cells' versions with its clock of the same moment; the other holds that
 * against its own cells and clock. Of a cell whose live values differ, each side is judged
 * by what it lacks. Version `d` is live in one cell and not in the other's:
 *
 *   the other's clock has not d             behind: log sync will bring it
 *   it has, and the other's cell covers d   superseded there, and log sync takes that here
 *   it has, no cell covers it, and this     corrupt: all that the other has seen is seen here,
 *     clock holds all that the other's has    and d still stands. The other lost it, or shows
 *                                             an older cell
 *   it has, and this clock lacks something  in flight: nothing can be said before clocks met
 *
 * A cell covers something only with a live version of its own: the newest event of a key is
 * always live until a purge takes all of it. Absence is never taken for a delete; so a
 * lost table file brings forced copies, and never spreads. One that was purged everywhere and
 * comes back on one damaged disk is kept, for nothing proves that it was deleted; so is one whose
 * successor has forgotten it, because what was beside that was purged: both stand then.
 *
 * Cells of keyspaces that are known to be dropped are left out (K5 of keyspace_drop.h).
 *
 * A corrupt cell is mended by a forced copy (replica_force()). It carries the hash of the
 * versions that were judged, and comes with the claim of the listing: it is used up to
 * TREE_CLAIM_MS_MAX later, while a purge waits longer than that, so what was deleted and
 * purged meanwhile cannot come back by it.
 *
 * Source: reference "algorithms" 6.3, modelled in tests/models/tree_exchange.py. Unlike there
 * the listing carries versions instead of hashes: one round trip less, and no state between.
 */
#ifndef REPLICA_LEAF_COMPARE_H
#define REPLICA_LEAF_COMPARE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "replica/replica.h"
#include "wire/message_tree.h"

enum {
    LEAF_CELLS_PER_LISTING = 512,
    LEAF_LISTING_BYTES = 128 << 10,
    LEAF_FORCED_BYTES = 1 << 20, /* of cells in one answer; one more may exceed it */
    TREE_CLAIM_MS_MAX = 4000
};

/* All read what is committed, so they run between groups, but for leaf_judge(). */

/*
 * Append the body of MESSAGE_TREE_LEAF for leaf `index`, `bits` deep, from record name
 * `from` (empty: its first cell) on, up to the bounds above.
 * STATUS_CORRUPT, STATUS_IO: cells could not be read; nothing was appended.
 */
struct leaf_range {
    uint8_t flags; /* enum tree_flags */
    uint8_t bits;
    uint32_t index;
    struct slice from;
};

MUST_USE enum status leaf_list(const struct replica *replica, const struct leaf_range *range,
                               uint64_t mono_ms, struct replica_context *context,
                               struct buffer *out);

/*
 * Answer a listing: append the body of MESSAGE_TREE_LEAF_RESULT, its status included.
 * It stops early when there is too much for one answer.
 */
void leaf_answer(const struct replica *replica, const struct message_tree_leaf *leaf,
                 uint64_t mono_ms, struct replica_context *context, struct buffer *out);

/*
 * Judge the answerer's listing back by the cells and the clock that are here now. Appends
 * forced copies for it, unless `dry_run`; `count` gets how many, `differences` is added to.
 */
MUST_USE enum status leaf_judge(const struct replica *replica, const struct tree_listing *back,
                                bool dry_run, struct replica_context *context,
                                struct tree_differences *differences, uint16_t *count,
                                struct buffer *forced);

/* Whether a listing of this replica may still be acted upon. */
bool leaf_claim_is_valid(const struct replica *replica, const struct tree_claim *claim,
                         uint64_t mono_ms);

#endif
