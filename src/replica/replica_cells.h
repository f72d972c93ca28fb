/*
 * replica_cells.h - the inside of a replica, for the files that are one together.
 *
 * replica_put_cell() is the one place where a cell changes: all that is summed or indexed per
 * cell follows from what it was and what it becomes.
 */
#ifndef REPLICA_REPLICA_CELLS_H
#define REPLICA_REPLICA_CELLS_H

#include "causal/garbage.h"
#include "replica/replica.h"

/* Names and small records are built here, beside what they are for: see buffer_on(). */
enum { NAME_ROOM_BYTES = 128, RECORD_ROOM_BYTES = 512 };

/* The local cell and the bytes that its values borrow from. Not to be copied. */
struct local_cell {
    struct buffer record;
    struct cell cell;
    bool present;
    struct cell_room cell_room;
    uint8_t room[RECORD_ROOM_BYTES]; /* of a small record */
};

/* Nothing; what may be released without having been loaded. */
void local_cell_init(struct local_cell *local);
/* STATUS_OK with `present` false: surely absent. Release in any case. */
MUST_USE enum status local_cell_load(struct replica_context *context, keyspace_id keyspace,
                                     struct slice key, struct local_cell *local);
void local_cell_deinit(struct local_cell *local);

/* What a change of one cell does to the sums of its replica. */
struct cell_change {
    uint64_t digest_delta;
    int8_t count_delta;
    int8_t garbage_delta;
};

/*
 * Put `after` into the batch in the place of `before`, with its index records; an empty one
 * deletes the record.
 */
struct cell_change replica_put_cell(struct replica *replica, keyspace_id keyspace, struct slice key,
                                    const struct cell *before, const struct cell *after,
                                    struct replica_context *context);
/*
 * R1, R3, R5: cell, log and clock change together. `after` is NULL when the cell stays as it is;
 * without `new_dots` it is an event of this replica alone. `encoded` is `after` as bytes if the
 * caller has them, for other owners got them or sent them; else empty.
 */
void replica_record_event(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell *before, const struct cell *after, struct slice encoded,
                          const struct clock *new_dots, struct replica_context *context);
/* The dot of the next event that this replica makes. */
struct dot replica_next_dot(const struct replica *replica);
void replica_count_change(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell_change *change, const struct replica_context *context);

/* R2: live dots that the clock lacks go into `new_dots`; how many there are. */
uint32_t replica_add_unseen_dots(const struct replica *replica, const struct cell *cell,
                                 struct clock *new_dots);
bool replica_cell_is_too_far_ahead(const struct cell *cell, const struct replica_context *context);
/* `out` is empty; see cell_decode_on(). STATUS_CORRUPT; it is to be released also then. */
MUST_USE enum status replica_decode_cell(struct slice bytes, struct cell *out);
/*
 * What a delivery brings: a cell, and the dots that it satisfies beside those. STATUS_CORRUPT;
 * STATUS_CLOCK_SKEW. Both start empty, and are to be released also then.
 */
MUST_USE enum status replica_decode_delivery(const struct cell_delivery *delivery,
                                             const struct replica_context *context,
                                             struct cell *cell, struct clock *dots);

#endif
