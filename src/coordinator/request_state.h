/*
 * request_state.h - the inside of a coordinated request, shared by request.c, read.c, read_merge.c,
 * read_hints.c, read_fetch.c, read_repair.c, scan.c, write.c, fallbacks.c and request_moves.c.
 */
#ifndef COORDINATOR_REQUEST_STATE_H
#define COORDINATOR_REQUEST_STATE_H

#include "coordinator/request.h"
#include "ring/preference_list.h"
#include "wire/message.h"

enum request_phase {
    PHASE_ASK,       /* owners are asked for cells, ranges, coverage or a digest */
    PHASE_GIVE,      /* hints that a sloppy read met are given to the owners that answered */
    PHASE_FETCH,     /* values are fetched that were named and not sent */
    PHASE_REPAIR,    /* the merged answer is written back */
    PHASE_MINT,      /* the own store side makes the new versions */
    PHASE_REPLICATE, /* the other owners store them */
    PHASE_OVER       /* answered, nothing open */
};

/* A body that is mostly smaller is built on the stack, or in the request: see buffer_on(). */
enum { SMALL_BODY_BYTES = 512 };

struct coordinated_request {
    struct coordinate_params params;
    struct buffer bytes; /* the encoded request; what `request` borrows from */
    struct key_request request;
    struct key_contexts contexts;
    struct preference_list owners;
    struct replica_address address;
    struct ring_tag mint_tag; /* under which it was minted */
    enum merge_policy policy;
    enum request_phase phase;
    bool answered;
    struct quorum read;
    struct quorum write;     /* of the replication, or of the repair */
    owner_mask open;         /* asked in this phase, not answered */
    owner_mask failed;       /* in this phase */
    struct buffer replicate; /* PHASE_REPLICATE: what was sent, for who is next or is told anew */
    uint8_t stands_for[PREFERENCE_LIST_MAX]; /* of a fallback that was asked: the owner's index */
    uint8_t order[RING_OWNERS_MAX];          /* owners by rank, the best first */
    owner_mask full;                         /* asked for values too */
    owner_mask slow; /* were silent for so long that another one was asked */
    /* One for each owner that was read, behind this struct: there may be 16, and mostly are 3. */
    uint8_t answer_count;      /* the ring may move on, and `owners` with it */
    struct buffer *answers;    /* bodies of PHASE_ASK */
    struct buffer *fetched;    /* bodies of PHASE_FETCH, each as bytes */
    struct buffer *lookups;    /* of a write with an id: bodies of PHASE_ASK */
    struct buffer lookup;      /* what they said, for the replica that mints */
    struct buffer merged;      /* from PHASE_FETCH to minting: one encoded cell for each key */
    struct buffer minted;      /* the encoded result, while the level is not met */
    struct buffer pending;     /* the encoded result that waits for the repair */
    uint64_t retry_us;         /* when one more owner is asked */
    struct buffer walk_repair; /* KEY_ELEMENTS_WALK: what was merged, as MESSAGE_REPLICATE */
    uint16_t walk_repair_cells;
    owner_mask walk_holders;  /* of all that was merged */
    uint64_t speculate_us;    /* before that, within a budget; UINT64_MAX: not (any more) */
    owner_mask speculative;   /* asked then */
    struct read_hints *hints; /* of a sloppy read: read_hints.c; else NULL */
    bool compound;            /* an answer of PHASE_ASK was, in the sense of struct cells_found */
    bool agreed;              /* all counted owners answered what is in `merged` */
    bool unseen_increments;   /* an owner counts what the strings written do not cover */
    bool tag_refused;         /* who was asked goes by another tag */
    bool held;                /* it failed because of that, and may yet go on */
};

/* request.c: for read.c and write.c */
void request_send(struct coordinated_request *c, uint8_t holder, uint16_t type, struct slice body,
                  struct coordinated_output *out);
/* One body to several of them. */
void request_send_all(struct coordinated_request *c, owner_mask holders, uint16_t type,
                      struct slice body, struct coordinated_output *out);
void request_answer(struct coordinated_request *c, struct slice result,
                    struct coordinated_output *out);
/* The status, with the acks and needs of `quorum`. */
void request_fail(struct coordinated_request *c, enum status status, const struct quorum *quorum,
                  struct coordinated_output *out);
uint8_t request_self_index(const struct coordinated_request *c); /* owner_count when none */

/* request_moves.c */
/* Whether a refusal is one of a replica that goes by another tag (T1); it is noted. */
void moves_note(struct coordinated_request *c, enum status status);
/* Whether a failure with that status is not told yet, for the request may begin anew. */
bool moves_hold(struct coordinated_request *c, enum status status);
bool moves_is_stale(const struct coordinated_request *c);
/* Instead of an answer: the same request is to be started as a new one. */
void moves_begin_anew(struct coordinated_request *c, struct coordinated_output *out);
/* At a later time, or when the tag has moved here. */
void moves_go_on(struct coordinated_request *c, struct coordinated_output *out);

/* read.c */
void read_start(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);
void read_reply(struct coordinated_request *c, uint8_t owner, uint16_t type, struct slice body,
                uint64_t wall_ms, struct coordinated_output *out);
/* An asked owner will not answer: ask another. */
void read_ask_more(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);
/* Those asked take longer than they use to, or are silent for long: ask one more, if allowed. */
void read_speculate(struct coordinated_request *c, bool allowed, struct coordinated_output *out);
void read_retry(struct coordinated_request *c, bool allowed, uint64_t wall_ms,
                struct coordinated_output *out);
/* Ask these owners anew, whether or not the level needs all of them. */
void read_ask_these(struct coordinated_request *c, owner_mask owners, uint64_t wall_ms,
                    struct coordinated_output *out);
/* Whether nothing more is waited for, and the level is met. */
bool read_is_complete(const struct coordinated_request *c);
/* Go on with what was answered; complete. `last` answered last. */
void read_finish_ask(struct coordinated_request *c, uint8_t last, uint64_t wall_ms,
                     struct coordinated_output *out);

/* Ask the next owner, whether the level needs it or not; false: there is none. */
bool read_ask_any(struct coordinated_request *c, struct coordinated_output *out);
/* The level is met by answers with cells. */
void read_met(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);
/* Whether this is a write that must not act twice. */
bool request_has_id(const struct coordinated_request *c);

/* read_merge.c */
/*
 * The owner's cell of entry `index`, values borrowed; false when it is not counted. Here and below
 * `out` is empty, and all zero or made by cell_on().
 */
bool read_answered_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                        struct cell *out);
/* As it was first answered, without what was fetched. The owner is counted. */
void read_first_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                     struct cell *out);
/* The answers of counted owners for entry `index`, merged; values borrow from the answers. */
void read_merge_owners(const struct coordinated_request *c, uint16_t index, struct cell *out);
/* The encoded cell of entry `index`; false: not counted, or more of it was fetched. */
bool read_encoded_cell(const struct coordinated_request *c, uint8_t owner, uint16_t index,
                       struct slice *out);
/* What the cells of an answer are. */
struct cells_found {
    uint64_t omitted_bytes; /* of values that were named and not sent */
    bool compound;          /* one of them omits values, or has more than one version */
};
bool read_cells_are_sound(const struct message_read_result *read, struct cells_found *found);
/* Whether a counted owner answered the same bytes, of cells that are not compound. */
bool read_is_known(const struct coordinated_request *c, struct slice body);
/* The level is met: merge, fetch what is missing, then answer or write. */
void read_gathered(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);

/* repeat.c */
/* The level is met by lookups: may it be minted, was it before, or who else is to be asked? */
void repeat_gathered(struct coordinated_request *c, uint64_t wall_ms,
                     struct coordinated_output *out);
/* Whether the body is a good answer to a lookup; `read` gets what it says of the cells. */
enum status repeat_judge(const struct coordinated_request *c, struct slice body, struct slice *read,
                         struct cells_found *found);

/* read_hints.c */
/* Whether this is a sloppy read that fallbacks may take part in. */
bool hints_may_count(const struct coordinated_request *c);
void hints_free(struct coordinated_request *c);
/* Ask the fallbacks that keep hints. */
void hints_ask(struct coordinated_request *c, struct coordinated_output *out);
/* Owners have answered or are lost: who stands in for whom now? */
void hints_recount(struct coordinated_request *c);
/* Whether an owner has answered, and no fallback is waited for. */
bool hints_are_in(const struct coordinated_request *c);
/* Whether an owner has answered or may yet. */
bool hints_may_be_met(const struct coordinated_request *c);
/* Fallbacks may stand in for owners that are silent, and are themselves done without. */
void hints_wait_no_longer(struct coordinated_request *c);
void hints_reply(struct coordinated_request *c, uint8_t fallback, struct slice body);
/* Give hints that are news to the owners that answered; false: there are none (any more). */
bool hints_give(struct coordinated_request *c, struct coordinated_output *out);
void hints_given_to(struct coordinated_request *c, uint8_t owner, struct slice body,
                    uint64_t wall_ms, struct coordinated_output *out);
void hints_not_given_to(struct coordinated_request *c, uint64_t wall_ms,
                        struct coordinated_output *out);
void hints_give_up_silent(struct coordinated_request *c, uint64_t wall_ms,
                          struct coordinated_output *out);

/* read_fetch.c */
void fetch_start(struct coordinated_request *c, struct coordinated_output *out);
void fetch_reply(struct coordinated_request *c, uint8_t owner, struct slice body, uint64_t wall_ms,
                 struct coordinated_output *out);
/* An asked owner will not answer. */
void fetch_failed(struct coordinated_request *c, uint8_t owner, uint64_t wall_ms,
                  struct coordinated_output *out);
/* Those asked are silent: do without them if that can be. */
void fetch_slow(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);

/* read_repair.c */
void repair_reply(struct coordinated_request *c, uint8_t owner, struct slice body,
                  struct coordinated_output *out);
void repair_check(struct coordinated_request *c, struct coordinated_output *out);
/* An owner is slow to store what was written back: write it to another one as well. */
void repair_ask_one_more(struct coordinated_request *c, struct coordinated_output *out);
/* Whether what the read quorum answered is not held by enough owners; then the repair starts. */
bool repair_start(struct coordinated_request *c, struct slice result,
                  struct coordinated_output *out);

/* write.c */
void write_start(struct coordinated_request *c, struct coordinated_output *out);
void write_minted(struct coordinated_request *c, struct slice body, struct coordinated_output *out);
void write_reply(struct coordinated_request *c, uint8_t holder, struct slice body,
                 struct coordinated_output *out);
/* What was minted goes to all replicas under the tag of now, and nobody is counted yet. */
void write_send_anew(struct coordinated_request *c, struct coordinated_output *out);
void write_check(struct coordinated_request *c, struct coordinated_output *out);

/* fallbacks.c */
/* Whether fallbacks may be counted by what the request does now. */
bool fallbacks_may_count(const struct coordinated_request *c);
/* A holder has stored the write: count it, or let it take the place of its stand-in. */
void fallbacks_count(struct coordinated_request *c, uint8_t holder);
/* Whether the level is met once all that were asked have stored the write. */
bool fallbacks_may_be_met(const struct coordinated_request *c);
/* Ask fallbacks to stand in for lost owners until it may be met, if they can bring that about. */
void fallbacks_replace_lost(struct coordinated_request *c, struct coordinated_output *out);
/* Those asked are slow: ask one more fallback, if the level wants a copy. */
void fallbacks_ask_one_more(struct coordinated_request *c, struct coordinated_output *out);

#endif
