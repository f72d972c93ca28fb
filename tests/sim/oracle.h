/*
 * oracle.h - what must hold, judged from outside by plain sets of events.
 *
 * The oracle sees three things: what clients asked and were answered, every batch
 * on its way to a disk, and the disks. From batches it keeps a register of all
 * versions ever made, by dot; from answers it knows which writes were
 * promised, are in doubt, or must not exist. It uses the product's decoders and
 * the order of (time, dot), but none of its merging or counting.
 *
 *   I1  a dot names one version: key, value, time and expiry never differ
 *   I2  an acknowledged write is on the synced disks of as many owners as its level says
 *   I3  a live version leaves a cell only for one above it (last-writer-wins), or for one
 *       that observed it (where concurrent values are kept: oracle_siblings.c); contexts
 *       never shrink
 *   I8  one answer for each request, by its deadline (client.c)
 *   I10 every record decodes, and encodes to the same bytes
 *   and: nothing of a request that definitely failed exists; a read whose owners meet those
 *   of an acknowledged write sees it or something newer; quorum reads never go back;
 *   nothing is appended twice; an expired value is not shown, and dropped no sooner than it may
 *
 * The set of versions that must be live at the end is that of models/cells.py: all
 * events minus what later events have observed. Here a plain SET observes nothing where
 * siblings are kept, one with a context what that covers, and under last-writer-wins
 * everything below it.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "causal/cell.h"
#include "sim/command.h"
#include "wire/resp_reply.h"

struct count_sets;
struct counter_track;
struct machine;
struct oracle;
struct world;

enum outcome {
    OUTCOME_OPEN,
    OUTCOME_ACKED,
    OUTCOME_NOTHING,  /* answered: it wrote nothing */
    OUTCOME_FAILED,   /* a definite error: it wrote and will write nothing */
    OUTCOME_UNCERTAIN /* it may have written, or may still */
};

/* One key that a command may change. */
struct write {
    uint32_t number; /* its values carry it */
    enum command_kind kind;
    uint32_t key;
    enum outcome outcome;
    uint64_t start_us;
    uint64_t value_digest;         /* of COMMAND_SET and its like */
    const struct version *version; /* the first that carries its number */
    bool takes;                    /* COMMAND_INCREMENT: its number is taken away */
    bool has_context;
    bool has_id;                    /* it may be made twice, where nobody knows */
    struct version_vector observed; /* what its context covers */
};

/* One event, as first seen in a batch of the machine that made it. */
struct version {
    struct dot dot;
    uint32_t key;
    hybrid_time time;
    uint64_t expire_at_ms;
    uint8_t kind; /* enum sibling_kind */
    uint64_t value_digest;
    uint32_t write;      /* number in its value; 0: a tombstone */
    uint32_t base_write; /* COMMAND_APPEND: number that stands before its own; 0: none */
    uint64_t made_us;
    bool acked;
    uint64_t acked_us; /* when; and when a quorum read has shown or covered it, 0: never */
    uint64_t read_us;
    bool excused;            /* more of its copies were destroyed than were promised */
    struct count_sets *sets; /* of a counter: oracle_counter.h */
    uint8_t copies;          /* that its acknowledgement promised, all regions together */
    uint8_t certain;         /* of them at owners, where a read must find it */
    uint8_t destroyed;
    bool collected;    /* all owners had it when a cell that covered it gave up its context */
    bool dead;         /* resurrection.h */
    uint32_t machines; /* that have had it alive, by bits */
    bool explained;    /* oracle_siblings.c: a tombstone of which it is known what it saw */
    /* That; oracle_hash.c: what the cell in which it was made covered. */
    struct version_vector observed;
    struct clock beside; /* oracle_hash.c: of that, what stayed alive beside it */
    struct clock cut;    /* oracle_hash.c: what a cut removes */
    uint64_t floor_ms;   /* oracle_ends.c: the parts of a deadline (causal/deadline.h) */
    hybrid_time since;
    bool swept; /* it says that what was below its floor is gone, and nothing else */
};

enum tally_part { TALLY_NONE, TALLY_KEY, TALLY_SUM, TALLY_NAME };

struct oracle_key {
    keyspace_id keyspace;
    char name[32];
    uint8_t stored[48]; /* its name on the disk, when that is another one */
    uint8_t stored_length;
    uint32_t hash;         /* 1 + its number; 0: it belongs to none */
    bool is_field;         /* of the hash, or a member of a set; else it is the key of it */
    uint8_t type;          /* of a field or member: enum collection_type */
    enum tally_part tally; /* oracle_tally.h */
    uint64_t position;
    partition_id partition;
    struct version **versions;
    uint32_t version_count;
    uint32_t version_capacity;
    const struct version *read_floor; /* the newest that a quorum read has returned */
    struct write *empty_write;        /* the one that writes the empty value */
    struct version_vector given;      /* what contexts that were given cover, all together */
    uint32_t expiry_writes;           /* started: these give an old value a new dot */
    uint32_t writes_started;
    struct counter_track *counter; /* NULL: it is none */
};

struct oracle *oracle_new(struct world *world);
void oracle_free(struct oracle *oracle);

uint32_t oracle_key_count(const struct oracle *oracle, keyspace_id keyspace);
/* With those that count, which oracle_key_count() leaves out. */
uint32_t oracle_key_total(const struct oracle *oracle);
/*
 * Some keys of keyspace 0 share a slot: 0 .. ORACLE_TAGS-1 of their tag, or ORACLE_TAGS for none.
 */
enum { ORACLE_TAGS = 3 };
uint32_t oracle_key_tag(uint32_t index);
/* Keys of keyspace 0 come first, then those of keyspace 1; behind both, those that count, and
 * hashes with their fields. */
struct oracle_key *oracle_key(struct oracle *oracle, uint32_t index);
/* As records name it. */
struct slice oracle_key_name(const struct oracle_key *key);
/* How many writes were announced; their numbers begin with 1. */
uint32_t oracle_write_count(const struct oracle *oracle);
/* Announce a write; its number must be in the value. */
struct write *oracle_write(struct oracle *oracle, enum command_kind kind, uint32_t key);
/* The write goes out with a context that a node has given for its key. */
void oracle_observe(struct oracle *oracle, struct write *write, struct slice token);
/* The context in an answer to RING.GET; empty when there is none. */
struct slice oracle_siblings_context(const struct resp_value *reply);

/* ---- clients */
void oracle_sent(struct oracle *oracle, const struct machine *machine, struct command *command);
/* `machine` is sending this answer to the client now. */
void oracle_answered(struct oracle *oracle, const struct machine *machine,
                     const struct command *command, const struct resp_value *reply);
/* The version that an answered command on one key made, when its value names it; else NULL. */
const struct version *oracle_last_written(const struct command *command);
/* Equal answers have equal digests; never 0. */
uint64_t oracle_answer_digest(const struct resp_value *reply);
/* No answer will come. */
void oracle_unanswered(struct oracle *oracle, const struct command *command);

/* ---- stores */
/* A batch that `machine` is about to write over what it shows now. */
void oracle_batch(struct oracle *oracle, const struct machine *machine, struct slice batch);
void oracle_disk_lost(struct oracle *oracle, const struct machine *machine);
/* What it sends to a peer now. */
void oracle_tags_sent(struct oracle *oracle, const struct machine *machine, struct slice frames);

/* ---- the end: all machines are up and agree */
void oracle_check_end(struct oracle *oracle);
/*
 * The versions of the key that may be its value now; NULL stands for none. The first is the least.
 */
bool oracle_may_be_last(const struct oracle *oracle, uint32_t key, const struct version *version);

/* Hints on the disk of a machine, those set aside too. */
uint64_t oracle_hint_count(const struct machine *machine);

uint64_t oracle_command_count(const struct oracle *oracle);

#endif
