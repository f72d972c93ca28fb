/*
 * marks.h - counters of rare paths: a run that never reached them has proved nothing about them.
 */
#ifndef SIM_MARKS_H
#define SIM_MARKS_H

#include <stdint.h>

enum mark {
    MARK_CRASH,
    MARK_CRASH_LOST_BATCH,
    MARK_CRASH_KEPT_BATCH,
    MARK_STOP,
    MARK_PAUSE,
    MARK_WIPE,
    MARK_REBUILT,
    MARK_QUARANTINE,
    MARK_ROT,
    MARK_ROLLBACK,
    MARK_ROLLBACK_NOTICED,
    MARK_OPEN_FAILED,
    MARK_WRITE_ERROR_LOST,
    MARK_WRITE_ERROR_KEPT,
    MARK_READ_ERROR,
    MARK_STORE_QUEUE_FULL,
    MARK_STORE_READS_FULL,
    MARK_GROUP_OF_MANY,
    MARK_GROUP_DISCARDED,
    MARK_DIAL_FAILED,
    MARK_LINK_RESET,
    MARK_LINK_HALF_OPEN,
    MARK_LINK_OVERFLOWED,
    MARK_GHOST_OLD_INCARNATION,
    MARK_GHOST_OTHER_RING,
    MARK_BYTES_HELD_BY_CUT,
    MARK_FRAME_LOST,
    MARK_FRAME_DUPLICATED,
    MARK_FRAME_REORDERED,
    MARK_PACKET_LATE, /* by an hour or more */
    MARK_BIT_FLIPPED,
    MARK_CORRUPT_CLOSED_LINK,
    MARK_CLOCK_JUMP,
    MARK_FORWARD,
    MARK_FORWARD_AROUND, /* a cut that others see less of */
    MARK_REPLICATE_MANY,
    MARK_SYNC_PAGE,
    MARK_READ_FETCH,
    MARK_COMMAND_OK,
    MARK_COMMAND_UNCERTAIN,
    MARK_COMMAND_UNAVAILABLE,
    MARK_COMMAND_OVERLOADED,
    MARK_COMMAND_CLOCK_SKEW,
    MARK_COMMAND_LOADING,
    MARK_COMMAND_DISK_FULL,
    MARK_COMMAND_OTHER_ERROR,
    MARK_CONNECTION_LOST,
    MARK_REQUEST_SENT_AGAIN,
    MARK_REQUEST_ANSWERED_AGAIN,
    MARK_REQUEST_UNKNOWN,
    MARK_CLIENT_PAUSED,
    MARK_VERSION_MINTED,
    MARK_TOMBSTONE_MINTED,
    MARK_TOMBSTONE_PURGED,
    MARK_PURGE_HELD_BACK,
    MARK_COUNTER_PURGED,
    MARK_LOG_TRIMMED,
    MARK_PARTITION_SENT_WHOLE,
    MARK_REQUESTS_SENT_WHOLE,
    MARK_MINTED_AFTER_UNCERTAIN,
    MARK_NEVER_COMMITTED_VERSION,
    MARK_CONCURRENT_VERSIONS,
    MARK_SIBLINGS_KEPT,
    MARK_SIBLING_REPLACED,
    MARK_SIBLING_LIMIT,
    MARK_RING_GET,
    MARK_CONTEXT_WRITE,
    MARK_CONTEXT_STALE,
    MARK_CONTEXT_REFUSED,
    MARK_EMPTY_VALUE,
    MARK_EXPIRED,
    MARK_EXPIRED_DROPPED,
    MARK_EXPIRY_EXTENDED,
    MARK_SAFE_TIME_HELD_BACK,
    MARK_READ_FLOOR_CHECKED,
    MARK_REGISTER_CHANGED,
    MARK_REGISTER_USER,
    MARK_REGISTER_REFUSED,
    MARK_REGISTER_UNAVAILABLE,
    MARK_REGISTER_UNCERTAIN,
    MARK_REGISTER_PROPOSED_AGAIN,
    MARK_REGISTER_JOINT,
    MARK_INCREMENT,
    MARK_COUNTERS_JOINED,
    MARK_COUNTER_RESET,
    MARK_RESET_BESIDE_INCREMENT,
    MARK_HASH_WALK,
    MARK_HASH_CUT,
    MARK_HASH_CUT_LEAVES, /* a value that was made before, and that it has not seen */
    MARK_HASH_CUT_COLLECTED,
    MARK_HASH_ENDED, /* the end of a hash has come where elements of it were */
    MARK_HASH_END_SWEPT,
    MARK_HASH_END_COLLECTED,
    MARK_HASH_END_LIFTED, /* by who began a new life of it */
    MARK_SET_WALK,
    MARK_SORTED_WALK,
    MARK_SORTED_RANGE,
    MARK_TYPES_AT_ONCE, /* a key got elements of two types that knew nothing of each other */
    MARK_WRONG_TYPE,    /* and the one that is hidden was refused */
    MARK_TALLY_CLEARED,
    MARK_INCREMENT_REPEATED, /* an id that was counted, or counted at two owners */
    MARK_INCREMENT_FOLDED,
    MARK_REQUEST_TOO_OLD,
    MARK_WRITE_AGAIN,
    MARK_COPY_DESTROYED,
    MARK_ACKED_AT_ONE_LOST,
    MARK_READ_SPECULATIVE,
    MARK_READ_SPECULATIVE_WON,
    MARK_READ_SPECULATIVE_REFUSED,
    MARK_READ_EXPLORING,
    MARK_READ_RETRIED,
    MARK_SLOPPY_WRITE, /* acknowledged by a hint that the level needed */
    MARK_SLOPPY_READ,  /* a fallback answered in the place of an owner */
    MARK_HINT_READ,    /* it was news, and given to owners */
    MARK_HINT_STORED,
    MARK_HINT_MERGED,
    MARK_HINT_REPEATED,
    MARK_HINT_REFUSED,
    MARK_HINT_DELIVERED,
    MARK_HINT_DESTROYED,
    MARK_TREE_EQUAL,
    MARK_TREE_DIFFERS,
    MARK_TREE_BEHIND,
    MARK_TREE_SUPERSEDED,
    MARK_TREE_IN_FLIGHT,
    MARK_TREE_CORRUPT,
    MARK_TREE_FORCED,
    MARK_TREE_REFUSED,
    MARK_SCRUB,
    MARK_SCRUB_WRONG,
    MARK_CELL_LOST,
    MARK_CELL_AGED,
    MARK_DROP, /* of a keyspace */
    MARK_DROP_MADE_AGAIN,
    MARK_MEMBER_JOINED,
    MARK_MEMBER_REMOVED,
    MARK_MEMBER_LEFT,
    MARK_MEMBER_FENCED,
    MARK_MEMBER_STAGED,
    MARK_MOVE_BEGUN, /* of a partition: JOINT */
    MARK_MOVE_SWITCHED,
    MARK_MOVE_FINISHED,
    MARK_MOVE_ABORTED, /* in JOINT */
    MARK_MOVE_LOST,    /* a store was declared lost */
    MARK_MOVE_SEALED, /* an owner goes by JOINT, and nothing counts there any more but for both sets
                       */
    MARK_MOVE_ADOPTED,
    MARK_MOVE_ADOPTED_AGAIN, /* by a node that has dropped a copy of it before */
    MARK_MOVE_DROPPED,       /* the last record of a copy went */
    MARK_MOVE_JOINT_WRITE,   /* acknowledged while its partition was in JOINT, and in SWITCHED */
    MARK_MOVE_SWITCHED_WRITE,
    MARK_MOVE_JOINT_READ,
    MARK_MOVE_SWITCHED_READ,
    MARK_NEW_STORE_ASKED, /* for the register, before it was used (T8) */
    MARK_PLAN_COMMITTED,
    MARK_PLAN_PAUSED,
    MARK_PLAN_ABORTED,
    MARK_PLAN_ENDED,
    MARK_DRIVER_CRASHED, /* between proposing a step and hearing that it was chosen */
    MARK_DRIVER_SECOND,  /* two proposed steps of the same value */
    MARK_DROP_REFUSED,   /* a command of a connection that had selected it */
    MARK_DROP_READ,      /* in the life in which it was written */
    MARK_DROP_CELL_REMOVED,
    MARK_DROP_HINT_REMOVED,
    MARK_SKETCH_WRITTEN, /* a PFADD or PFMERGE was acknowledged */
    MARK_SKETCH_READ,
    MARK_SKETCH_CONCURRENT, /* two versions of one stand beside each other */
    MARK_SLEEP,             /* of all hosts, for days */
    MARK_AWAY_SUSPENDED,    /* over a sleep */
    MARK_AWAY_OFF,
    MARK_AWAY_CUT,
    MARK_BACK_EMPTY,
    MARK_BACK_WITH_OLD_DISK,
    MARK_HINT_OLD, /* delivered days after what it holds was made */
    MARK_VERSION_DEAD,
    MARK_DELETE_JUDGED,
    MARK_COUNT
};

struct marks {
    uint64_t counts[MARK_COUNT];
};

static inline void marks_hit(struct marks *marks, enum mark mark)
{
    marks->counts[mark]++;
}

const char *mark_name(enum mark mark);

#endif
