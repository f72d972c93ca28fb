/*
 * owner_choice.c - which owners a request is sent to first, and what may be asked beyond need.
 *
 * Every read and every forwarded request that leaves is measured (coordinator/owner_rank.h),
 * also when its answer comes too late to be of use. An answer to a peer tells in the frame's
 * `left` how many questions this node has before it, and how long this one took.
 *
 * Reads are speculative, or explore, within one budget: at most READ_EXTRA_PERCENT of
 * reads and READ_EXTRA_SAVED more. What is asked again after silence has a budget of its own.
 */
#include <assert.h>

#include "node/node_state.h"

enum {
    READ_EXTRA_PERCENT = 5,
    READ_EXTRA_SAVED = 10,
    RETRY_PERCENT = 20,
    RETRY_PER_SECOND = 10,
    RETRY_SAVED = 100
};

void owner_choice_init(struct node *node)
{
    node->rank = owner_rank_new(node->ring, node->self);
    node->speculation = retry_budget_make(READ_EXTRA_PERCENT, 0, READ_EXTRA_SAVED);
    node->retries = retry_budget_make(RETRY_PERCENT, RETRY_PER_SECOND, RETRY_SAVED);
}

void owner_choice_deinit(struct node *node)
{
    owner_rank_free(node->rank);
}

/* ---- measuring ---------------------------------------------------------------------------- */

static bool lane_of_question(uint16_t type, enum rank_lane *lane)
{
    *lane = type == MESSAGE_READ ? RANK_READ : RANK_FORWARD;
    return type == MESSAGE_READ || type == MESSAGE_FORWARD;
}

void owner_choice_asked(struct node *node, node_id to, uint16_t type, request_id request)
{
    enum rank_lane lane;
    if (lane_of_question(type, &lane))
        owner_rank_asked(node->rank, to, lane, request, node->now.mono_us);
}

/* A refusal comes fast, and says nothing of the time that an answer takes. */
static bool is_refusal(enum status status)
{
    return status == STATUS_NOT_READY || status == STATUS_NOT_OWNER || status == STATUS_STALE_TAG ||
           status == STATUS_OVERLOADED || status == STATUS_CLOCK_SKEW || status == STATUS_IO ||
           status == STATUS_CORRUPT;
}

void owner_choice_answered(struct node *node, node_id from, const struct frame *frame)
{
    enum rank_lane lane;
    /* The status is the first byte of both kinds of answer. */
    if (!lane_of_question((uint16_t)(frame->type - 1), &lane) || frame->body.length == 0)
        return;
    if (is_refusal((enum status)frame->body.data[0]))
        owner_rank_refused(node->rank, from, lane, frame->request, node->now.mono_us);
    else
        owner_rank_answered(node->rank, from, lane, frame->request,
                            from == node->self ? 0 : frame->left_ms, node->now.mono_us);
}

_Static_assert(MESSAGE_READ_RESULT == MESSAGE_READ + 1, "an answer follows its question");
_Static_assert(MESSAGE_FORWARD_RESULT == MESSAGE_FORWARD + 1, "an answer follows its question");

void owner_choice_store_refused(struct node *node, request_id request)
{
    owner_rank_refused(node->rank, node->self, RANK_READ, request, node->now.mono_us);
}

void owner_choice_peer_down(struct node *node, node_id peer)
{
    owner_rank_lost(node->rank, peer);
}

uint32_t owner_choice_load(const struct node *node, uint64_t started_us)
{
    uint32_t queue = node->asked_count > 0 ? node->asked_count - 1 : 0; /* without this one */
    return owner_load_pack(queue, node->now.mono_us - started_us);
}

/* ---- choosing ----------------------------------------------------------------------------- */

void owner_choice_order(struct node *node, enum rank_lane lane,
                        const struct preference_list *owners, partition_id partition,
                        uint8_t order[RING_OWNERS_MAX])
{
    struct owner_facts facts;
    facts.unready = 0;
    for (uint8_t i = 0; i < owners->primary_count; i++) {
        const struct peer_load *load = node_load(node, owners->nodes[i]);
        bool unready = load == NULL ? !node_replica_ready(node, partition)
                                    : load->rebuilding || load->drain.drains;
        facts.in_flight[i] = load == NULL ? node->asked_count : load->in_flight;
        facts.unready |= (owner_mask)unready << i;
    }
    owner_rank_order(node->rank, lane, owners, node->home, &facts, node->now.mono_us, order);
}

void owner_choice_prepare(struct node *node, const struct key_request *request,
                          const struct preference_list *owners, struct coordinate_params *params,
                          uint8_t order[RING_OWNERS_MAX])
{
    if (!key_request_needs_read(request))
        return;
    owner_choice_order(node, RANK_READ, owners, request->partition, order);
    params->order = order;
    retry_budget_earn(&node->retries);
    retry_budget_earn(&node->speculation);
    for (uint8_t i = 0; i < owners->primary_count; i++)
        params->patience_us[i] =
            (uint32_t)owner_rank_patience_us(node->rank, owners->nodes[i], RANK_READ);
    if (retry_budget_allows(&node->speculation, node->now.mono_us))
        params->explore = owner_rank_candidates(node->rank, RANK_READ, owners, node->home,
                                                params->usable, node->now.mono_us);
}

struct coordinate_allowance owner_choice_allowance(struct node *node)
{
    uint64_t now_us = node->now.mono_us;
    return (struct coordinate_allowance){.speculate =
                                             retry_budget_allows(&node->speculation, now_us),
                                         .retry = retry_budget_allows(&node->retries, now_us)};
}

void owner_choice_count(struct node *node, const struct coordinated_counts *counts)
{
    struct node_statistics *statistics = &node->statistics;
    statistics->speculative_reads_sent += counts->speculated;
    statistics->speculative_reads_won += counts->speculation_won;
    statistics->speculative_reads_refused += counts->speculation_refused;
    statistics->exploring_reads_sent += counts->explored;
    statistics->read_retries_sent += counts->retried;
    statistics->read_retries_refused += counts->retry_refused;
    for (uint8_t i = 0; i < counts->speculated + counts->explored; i++)
        retry_budget_spend(&node->speculation);
    for (uint8_t i = 0; i < counts->retried; i++)
        retry_budget_spend(&node->retries);
}

void owner_choice_view(void *context, node_id id, struct instant now, struct owner_rank_view *out)
{
    const struct node *node = context;
    owner_rank_look(node->rank, id, now.mono_us, out);
}
