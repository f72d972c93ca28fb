/*
 * request.h - one key request on its way: who was asked, who answered, is the level met?
 *
 *     read    ask owners --> met --> (fetch values that are missing) -->
 *             (repair until a majority holds the answer) --> answer
 *             (sloppy: fallbacks stand in for owners; owners get what their hints tell first)
 *     write   (read first, when the change depends on the value) --> own replica mints
 *             --> send to all other owners at once --> level met --> answer; stragglers go on
 *             (sloppy: a fallback keeps a hint where the owners are too few)
 *     scan    ask owners for a range --> merge what all of them cover --> answer
 *
 * A plain SET reads nothing, and so may not see increments of its key that others have
 * acknowledged; these would be added to its value. The owners that store it tell of such, and
 * of any W one knows what other W have acknowledged. It is then not answered but done again
 * with KEY_AGAIN, as a request of its own: answers to one are never taken for the other's.
 *
 * A machine: events in, sends out. It is answered once (`finished`), and may be
 * released when nothing is open any more (`done`).
 *
 * Invariants, checked after every step:
 *   C1  a holder is counted once, however often it answers (quorum.h)
 *   C2  a definite failure is answered only when nothing was sent for minting
 *   C3  OK is answered to a write only when its level of holders said that they have it synced
 *   C4  the request is answered exactly once, at its deadline at the latest
 *   C5  a holder that was refused once is not sent to again
 *   C6  a fallback is sent hints, or asked for them, and only by a request that may count it
 *   C7  who is counted said so under the tag by which the request goes now
 * Source: Dynamo, SOSP 2007, 4.5; reference "algorithms" 4.3-4.5. Blocking repair
 * follows Attiya, Bar-Noy, Dolev (ABD), JACM 1995: a read writes back before it answers.
 */
#ifndef COORDINATOR_REQUEST_H
#define COORDINATOR_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "coordinator/key_request.h"
#include "coordinator/quorum.h"
#include "ring/ring.h"

struct coordinated_request;

struct coordinate_params {
    const struct ring *ring; /* outlives the request */
    node_id self;
    uint8_t home; /* region index of the node */
    /*
     * Of the partition, seen from `home`; of a request that is not sloppy without fallbacks, if you
     * like. Needed until coordinated_request_new() returns.
     */
    const struct preference_list *owners;
    bool self_ready; /* own replica of the partition answers reads and mints */
    owner_mask
        usable; /* holders that can be asked now, by index in the preference list; self too */
    uint64_t now_us;
    uint64_t deadline_us;
    uint32_t retry_ms; /* silence after which one more holder is asked */
    /*
     * Owners by their place in the preference list, the best first; NULL: the own replica, then
     * by preference. Needed until coordinated_request_new() returns.
     */
    const uint8_t *order;
    /*
     * Of a read: after how long another owner is worth asking within a budget, by the place of
     * the one that is silent; all 0: not before retry_ms.
     */
    uint32_t patience_us[RING_OWNERS_MAX];
    owner_mask keeping; /* of a read: fallbacks that say they keep hints of the partition */
    owner_mask explore; /* one of these may be asked beside those that a read needs */
};

/* What the budgets of the node have left: see base/retry_budget.h. */
struct coordinate_allowance {
    bool speculate; /* ask one more owner because those asked take longer than they use to */
    bool retry;     /* because they were silent for retry_ms */
};

struct coordinated_send {
    node_id to; /* self: to the own store side */
    uint16_t type;
    size_t offset; /* of the body in `bodies`; several may share one */
    size_t length;
};

/* What a step has done that is worth counting. */
struct coordinated_counts {
    bool repeated;           /* the answer is the first one of a request that was known */
    bool repeated_by_quorum; /* and one of those asked knew it, before it was to be minted */
    uint32_t read_repairs;   /* cells written back */
    uint32_t hints_given;    /* that fallbacks kept, to owners that a sloppy read asked */
    bool sloppy_met;         /* a read's level was met by a fallback in the place of an owner */
    uint32_t fetches;        /* owners asked for values that they had named */
    uint64_t omitted_bytes;  /* of values that were named and not sent */
    /* Owners asked beyond those needed, each 0 or 1, and whether the budget forbade it. */
    uint8_t speculated, speculation_refused, retried, retry_refused, explored;
    bool speculation_won; /* the level was met by an owner that was asked speculatively */
};

/* What a step wants. All zero is empty; cleared by the caller between steps. */
struct coordinated_output {
    struct coordinated_send *sends;
    uint32_t send_count;
    uint32_t send_capacity;
    struct buffer bodies;
    bool finished; /* by this step: `result` is an encoded struct key_result */
    bool again;    /* and it is no answer: `result` is a request to coordinate instead */
    bool anew;     /* likewise: `result` is this request, to be started as if it came now */
    /*
     * What was minted is to be sent under another tag: coordinated_request_send_anew(), with
     * answers that cannot be taken for those to what was sent before.
     */
    bool moved;
    struct buffer result;
    bool has_counts; /* most steps have none */
    struct coordinated_counts counts;
};

/* To count something in. */
static inline struct coordinated_counts *coordinated_counts(struct coordinated_output *output)
{
    output->has_counts = true;
    return &output->counts;
}

void coordinated_output_clear(struct coordinated_output *output);
void coordinated_output_deinit(struct coordinated_output *output);

/* Starts; `request` is copied. The first step's output is in `out`. */
struct coordinated_request *coordinated_request_new(const struct coordinate_params *params,
                                                    const struct key_request *request,
                                                    uint64_t wall_ms,
                                                    struct coordinated_output *out);
void coordinated_request_free(struct coordinated_request *request);

/* A reply frame's body came from `from`. Late and doubled ones are harmless. */
void coordinated_request_reply(struct coordinated_request *request, node_id from, uint16_t type,
                               struct slice body, uint64_t wall_ms, struct coordinated_output *out);
/*
 * What was sent to `node` will not be answered: link lost, or refused before it left
 * (`status`). To be called for every owner whose link is lost, asked or not (C5).
 */
void coordinated_request_refused(struct coordinated_request *request, node_id node,
                                 enum status status, uint64_t wall_ms,
                                 struct coordinated_output *out);
void coordinated_request_tick(struct coordinated_request *request, uint64_t now_us,
                              uint64_t wall_ms, const struct coordinate_allowance *allowed,
                              struct coordinated_output *out);

/*
 * The partition has another tag, or other owners, in the ring (T2 of tests/models/ring_change.py).
 * What was not minted begins anew (`anew`), what was is sent again (`moved`); what is being minted
 * goes on until the own store has answered.
 */
void coordinated_request_follow(struct coordinated_request *request,
                                struct coordinated_output *out);
/*
 * After `moved`: to all replicas of now, of which nobody is counted yet; `usable` as in the params,
 * by index in the preference list of now.
 */
void coordinated_request_send_anew(struct coordinated_request *request, owner_mask usable,
                                   struct coordinated_output *out);

/* What it is about; as long as it lives. */
const struct key_request *coordinated_request_asked(const struct coordinated_request *request);
uint64_t coordinated_request_deadline_us(const struct coordinated_request *request);
/* Whether it failed because others go by another tag, and waits to be tried again. */
bool coordinated_request_is_held(const struct coordinated_request *request);
bool coordinated_request_done(const struct coordinated_request *request);
/* Whether an answer of `node` is awaited: for counting what is in flight. */
bool coordinated_request_waits_for(const struct coordinated_request *request, node_id node);
/*
 * Whether it is a write to the partition that was minted, or may have been, under another tag
 * (T4 of tests/models/ring_change.py).
 */
bool coordinated_request_is_from_before(const struct coordinated_request *request,
                                        partition_id partition, struct ring_tag tag);

#endif
