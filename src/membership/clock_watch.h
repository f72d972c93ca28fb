/*
 * clock_watch.h - is the clock of this machine right? Compared with those of the peers.
 *
 * Everything is measured against the own monotonic clock, which nobody sets: a clock is
 * how far its wall time stands above it (its base). So a jump of the own wall clock
 * shows at the next judgement, before any peer was asked again, and does not spoil what is
 * known of the others.
 *
 * A peer's base is known as an interval, from heartbeats that are echoed:
 *
 *     own      sent ------------------------------ received
 *     peer            arrived ---- held ---- left (wall)
 *
 * Its wall clock was read no earlier than sent + held and no later than received. The
 * middle of the interval is the offset of the NTP formula, its width the round trip. Of the last
 * CLOCK_SAMPLES samples of a peer the narrowest counts, each widened by
 * CLOCK_DRIFT_PPM of its age; a new one that contradicts it means that a clock was set, and
 * what was known before is forgotten.
 *
 * The agreed time is the lower median of the own clock and those of the peers that are
 * up: with an even number the earlier one of the middle pair, because a time in the future
 * cannot be undone once it is stored, and one in the past can. While fewer than
 * three clocks are there, the time last agreed on counts as one more; so of two, the one that
 * jumped is known. Two that differ from the start cannot tell who is wrong: then the one ahead
 * is called skewed, for its versions would be refused by the other. One alone is right, also
 * when the other members have left.
 *
 * Skewed means: surely further than half of max_skew_ms from the agreed time, in
 * the best case that the intervals allow. It ends below a quarter (hysteresis).
 *
 * Sources: reference "algorithms" 3.6; Mills, RFC 5905, section 8 (offset and round trip),
 * section 10 (the sample of the least round trip); Marzullo, Owicki, "Maintaining the time in a
 * distributed system", PODC 1983 (clocks as intervals).
 */
#ifndef MEMBERSHIP_CLOCK_WATCH_H
#define MEMBERSHIP_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/log.h"
#include "ring/ring.h"

enum {
    CLOCK_SAMPLES = 8,
    CLOCK_DRIFT_PPM = 1000, /* two clocks drift apart by no more, also while a time service slews */
    CLOCK_WARN_MS = 100     /* a line in the log from here on, or from the limit if that is lower */
};

struct clock_watch;

struct clock_watch_params {
    const struct ring *ring; /* outlives it */
    node_id self;
    uint32_t max_skew_ms;
    uint32_t patience_ms; /* after the start, for the first comparison */
    struct log_sink log;
};

struct clock_watch *clock_watch_new(const struct clock_watch_params *params);
/* The members of the ring have changed. */
void clock_watch_follow_ring(struct clock_watch *watch);
void clock_watch_free(struct clock_watch *watch);

void clock_watch_start(struct clock_watch *watch, uint64_t now_us);

/* A heartbeat that was answered. Times in us are of monotonic clocks: own, own, the peer's. */
struct clock_exchange {
    uint64_t sent_us;
    uint64_t received_us;
    uint64_t held_us; /* between its arrival at the peer and the answer */
    uint64_t wall_ms; /* the peer's wall clock when the answer left */
};

/* Ignored when it cannot be: an answer before the question, or a year beyond 10000. */
void clock_watch_exchange(struct clock_watch *watch, node_id node,
                          const struct clock_exchange *exchange);
/* The peer is down: its clock does not count any more. */
void clock_watch_forget(struct clock_watch *watch, node_id node);

enum clock_verdict {
    CLOCK_TRUSTED,    /* also when there is nobody to compare with */
    CLOCK_UNCOMPARED, /* just started, and no peer has been heard yet */
    CLOCK_SKEWED
};

struct clock_judgement {
    enum clock_verdict verdict;
    uint32_t clocks;         /* that were compared, the own one included */
    int64_t offset_ms;       /* of the own wall clock from the agreed time; above 0: ahead */
    uint32_t uncertainty_ms; /* of offset_ms, either way */
    int64_t own_base_us;     /* own wall clock - own monotonic clock */
    int64_t agreed_base_us;  /* agreed time - own monotonic clock: the least that it can be, so that
                                who goes by it sees no expiry before its time */
    uint64_t number;         /* how many judgements there were; the last one holds until the next */
};

/*
 * Judge the own clock now; logs when the verdict changes. Cheap when nothing has changed.
 * The answer holds until the next call.
 */
const struct clock_judgement *clock_watch_judge(struct clock_watch *watch, uint64_t now_us,
                                                uint64_t wall_ms);

struct clock_estimate {
    int64_t offset_ms; /* of the peer's wall clock from the own one; above 0: the peer is ahead */
    uint32_t uncertainty_ms;
};

/* false: the peer is down, or has not been compared yet. */
bool clock_watch_peer(const struct clock_watch *watch, node_id node, uint64_t now_us,
                      uint64_t wall_ms, struct clock_estimate *out);

#endif
