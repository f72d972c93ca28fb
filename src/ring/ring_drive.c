#include "ring/ring_drive.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/ring_steps.h"
#include "ring/transition.h"

/* Partitions that each member joins and leaves now; in the order of ring->members. */
struct traffic {
    uint16_t *in, *out;
};

struct drive {
    const struct ring *ring;
    struct traffic traffic;
    size_t bytes_max;
    struct buffer *steps;
    size_t start; /* of the steps in the buffer */
    uint32_t count;
};

/* False: there is no room for it, and nothing was put. */
static bool put(struct drive *drive, const struct ring_step *step)
{
    struct buffer bytes = {0};
    ring_step_encode(step, drive->ring->owner_count, &bytes);
    bool fits = drive->steps->length - drive->start + bytes.length <= drive->bytes_max;
    if (fits)
        buffer_append_slice(drive->steps, buffer_slice(&bytes));
    drive->count += fits;
    buffer_deinit(&bytes);
    return fits;
}

static struct ring_step step_of(const struct ring *ring, enum ring_step_kind kind,
                                partition_id partition)
{
    return (struct ring_step){
        .kind = (uint8_t)kind, .partition = partition, .from = ring_tag_of(ring, partition)};
}

/* ---- those that have begun ---- */

static void go_on(struct drive *drive, enum ring_step_kind kind,
                  const struct ring_evidence *evidence)
{
    const struct ring *ring = drive->ring;
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        partition_id partition = ring->transitions[i].partition;
        bool may = kind == RING_STEP_FINISH ? ring_may_finish(ring, partition, &evidence[i])
                                            : ring_may_switch(ring, partition, &evidence[i]);
        if (!may)
            continue;
        struct ring_step step = step_of(ring, kind, partition);
        step.evidence = evidence[i];
        if (!put(drive, &step))
            return;
    }
}

/* ---- those that begin ---- */

static bool is_in(const struct ring *ring, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

/* Members of `row` that are not in `other`: each place in ring->members. */
static uint8_t places_of(const struct ring *ring, const node_id *row, const node_id *other,
                         size_t out[RING_OWNERS_MAX])
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (!is_in(ring, other, row[i]))
            out[count++] = (size_t)(ring_member(ring, row[i]) - ring->members);
    return count;
}

static void count_move(const struct ring *ring, partition_id partition, const node_id *coming,
                       struct traffic *traffic)
{
    const node_id *owners = ring_owners(ring, partition);
    size_t places[RING_OWNERS_MAX];
    for (uint8_t i = places_of(ring, coming, owners, places); i > 0; i--)
        traffic->in[places[i - 1]]++;
    for (uint8_t i = places_of(ring, owners, coming, places); i > 0; i--)
        traffic->out[places[i - 1]]++;
}

static bool has_room(const struct drive *drive, const struct ring_target *target)
{
    const node_id *owners = ring_owners(drive->ring, target->partition);
    size_t places[RING_OWNERS_MAX];
    for (uint8_t i = places_of(drive->ring, target->owners, owners, places); i > 0; i--)
        if (drive->traffic.in[places[i - 1]] >= RING_DRIVE_IN)
            return false;
    for (uint8_t i = places_of(drive->ring, owners, target->owners, places); i > 0; i--)
        if (drive->traffic.out[places[i - 1]] >= RING_DRIVE_OUT)
            return false;
    return true;
}

static void begin(struct drive *drive, const struct ring_work *work)
{
    const struct ring *ring = drive->ring;
    for (uint32_t i = 0; i < ring->transition_count; i++)
        count_move(ring, ring->transitions[i].partition, ring->transitions[i].owners,
                   &drive->traffic);
    for (uint32_t i = 0; i < work->target_count; i++) {
        const struct ring_target *target = &work->targets[i];
        if (ring_transition(ring, target->partition) != NULL || !has_room(drive, target))
            continue;
        struct ring_step step = step_of(ring, RING_STEP_BEGIN, target->partition);
        memcpy(step.owners, target->owners, ring->owner_count * sizeof step.owners[0]);
        if (!put(drive, &step))
            return;
        count_move(ring, target->partition, target->owners, &drive->traffic);
    }
}

uint32_t ring_drive_next(const struct ring *ring, const struct ring_work *work,
                         const struct ring_evidence *evidence, size_t bytes_max,
                         struct buffer *steps)
{
    struct drive drive = {.ring = ring,
                          .traffic = {.in = memory_new(ring->member_count, sizeof(uint16_t)),
                                      .out = memory_new(ring->member_count, sizeof(uint16_t))},
                          .bytes_max = bytes_max,
                          .steps = steps,
                          .start = steps->length};
    go_on(&drive, RING_STEP_FINISH, evidence);
    go_on(&drive, RING_STEP_SWITCH, evidence);
    if (!work->paused)
        begin(&drive, work);
    free(drive.traffic.in);
    free(drive.traffic.out);
    return drive.count;
}

uint32_t ring_drive_abort(const struct ring *ring, size_t bytes_max, struct buffer *steps)
{
    struct drive drive = {
        .ring = ring, .bytes_max = bytes_max, .steps = steps, .start = steps->length};
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        struct ring_step step = step_of(ring, RING_STEP_ABORT, ring->transitions[i].partition);
        if (step.from.phase == RING_JOINT && !put(&drive, &step))
            break;
    }
    return drive.count;
}
