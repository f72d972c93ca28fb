/*
 * machine.h - one simulated node: process, store thread, disk and clocks.
 *
 * The machine is the adapter between the core's two step functions and the
 * world. Its store thread keeps the order that node/store_side.h asks for:
 * `early` when the group was handled, `late` only when its batch is synced.
 *
 * A process has a life, counted up at each start. What was scheduled for an
 * earlier life is dropped; what comes while the process is paused waits. The
 * disk outlives the process, minus what was not synced.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/event.h"
#include "node/node.h"
#include "node/store_side.h"
#include "sim/damage.h"
#include "sim/image.h"
#include "sim/schedule.h"
#include "wire/message.h"

struct register_value;
struct world;

enum machine_state {
    MACHINE_DOWN,
    MACHINE_UP,      /* the store side may still be opening */
    MACHINE_STOPPING /* a clean end: no loop side any more, the store side writes its last batch */
};

/* What a power loss leaves of batches that were written and not synced. */
enum crash_keeps { CRASH_KEEPS_SOME, CRASH_KEEPS_NOTHING, CRASH_KEEPS_ALL };

enum { MACHINE_PATHS = 8 };

struct machine {
    struct world *world;
    uint32_t index;
    node_id id;
    uint8_t region;
    enum machine_state state;
    uint32_t life;
    struct node *loop;
    struct store_side *side;
    struct random random;

    /* identity, as the store keeps it */
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    bool clean; /* the last end was clean */

    /* clocks */
    int64_t wall_offset_ms;
    int32_t drift_ppm;
    uint64_t mono_lag_us; /* time that the monotonic clock stood still */
    bool paused;
    bool pause_stops_mono;
    uint64_t paused_since_us;
    uint64_t paused_total_us;
    struct occurrence **deferred;
    size_t deferred_count;
    size_t deferred_capacity;
    uint64_t timer_version;
    uint64_t timer_at_us; /* true time, UINT64_MAX for none */

    /* disk and store thread */
    struct image image;
    struct store_port port;
    struct buffer *queue; /* frames waiting for the store thread */
    size_t queue_count;
    size_t queue_capacity;
    struct store_output output; /* of the group under way */
    bool group_waiting;         /* AT_STORE_GROUP is scheduled */
    bool syncing;
    bool opened; /* the store side answers */
    uint32_t opens_failed;
    enum crash_keeps crash_keeps;
    bool away;            /* for weeks: nobody but absence.h ends that */
    uint64_t stall_us;    /* added to syncs and reads */
    uint32_t slow_factor; /* that syncs and reads take so many times as long; 0: once */
    uint32_t write_errors_ppm;
    enum status condition;
    uint32_t reads_waiting;
    uint8_t *replica_states;      /* enum replica_state by partition, as the store side told */
    uint64_t wiped_at_us;         /* of the last wipe, 0: never */
    bool loss_told;               /* the oracle knows that this disk has lost what it held */
    bool quarantine_waiting;      /* AT_STORE_QUARANTINE is scheduled */
    bool absent;                  /* not a member yet, or no more: nobody starts it */
    struct register_value *first; /* that it began from; NULL: the ring of the beginning */
    struct disk_copy copy;

    uint64_t noted[MACHINE_PATHS]; /* what its loop side has counted, that the marks have */
    link_id next_link;
    connection_id next_connection;
};

void machine_init(struct machine *machine, struct world *world, uint32_t index);
void machine_deinit(struct machine *machine);

/* The ring that its process starts with. */
const struct ring *machine_first_ring(const struct machine *machine);
/* Start the process; it must be down. */
void machine_start(struct machine *machine);
/* Power loss, or kill -9: nothing after this moment happens. `power_loss`: peers are not told. */
void machine_crash(struct machine *machine, bool power_loss);
/* SIGTERM: ends clean a little later unless a crash comes first. */
void machine_stop(struct machine *machine);
/* A new disk for a machine that is down. */
void machine_wipe(struct machine *machine);
/* What is on the disk is not to be trusted: a new store under a storage incarnation above both. */
void machine_quarantine_later(struct machine *machine, uint16_t above, struct slice why);
void machine_quarantine(struct machine *machine, uint16_t above);
/* It is no member any more: it ends for good, and is not started again. */
void machine_leave_later(struct machine *machine);
void machine_leave(struct machine *machine);
void machine_pause(struct machine *machine, bool stops_mono);
void machine_resume(struct machine *machine);

/*
 * Whether any of its replicas is not (yet) whole: it was wiped and is being rebuilt, or is not up.
 */
bool machine_is_damaged(const struct machine *machine);

/* Handle an occurrence of this process. */
void machine_handle(struct machine *machine, struct occurrence *what);
/*
 * Step the loop side with an event; only `kind`, `node`, `link`, `connection` and `bytes` are used.
 */
void machine_loop_event(struct machine *machine, const struct event *event);
struct register_change; /* membership/register_change.h */
/* It proposes the change, though no client may ask for it. */
void machine_change(struct machine *machine, const struct register_change *change);
/* Schedule a loop event `delay_us` from now. */
void machine_event_after(struct machine *machine, uint64_t delay_us, enum event_kind kind,
                         node_id node, uint64_t id, struct slice bytes);

/* The store takes new client writes (STATUS_OK), or why it does not. */
void machine_set_condition(struct machine *machine, enum status condition);
/* The wall clock jumps: from now on it is that much off. */
void machine_set_clock(struct machine *machine, int64_t offset_ms);
uint64_t machine_wall_ms(const struct machine *machine);

#endif
