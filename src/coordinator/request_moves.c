/*
 * request_moves.c - a request whose partition gets another tag on its way.
 *
 * A replica answers only who goes by its tag (T1), so what was counted under one tag says nothing
 * under another. A read begins anew. So does a write that was not minted; one that was is sent
 * again, the same cells with the new tag, and counted afresh (T2): it is not minted twice.
 *
 * This node may hear of the tag before those it asks, or after. What fails for that reason alone is
 * held, and tried again now and then until its deadline, so that a change which is on its way
 * through the cluster costs clients time and no error.
 */
#include "coordinator/request_state.h"

#include "ring/transition.h"

bool moves_is_stale(const struct coordinated_request *c)
{
    struct ring_tag tag = ring_tag_of(c->params.ring, c->address.partition);
    return ring_tag_compare(tag, c->address.tag) != 0;
}

void moves_note(struct coordinated_request *c, enum status status)
{
    /* Where nothing has moved, who is not ready has another reason. */
    bool moves = ring_tag_compare(c->address.tag, c->params.ring->tag) != 0;
    if (status == STATUS_STALE_TAG || (status == STATUS_NOT_READY && moves))
        c->tag_refused = true;
}

bool moves_hold(struct coordinated_request *c, enum status status)
{
    if (!c->tag_refused || c->answered ||
        (status != STATUS_UNAVAILABLE && status != STATUS_UNCERTAIN && status != STATUS_STALE_TAG))
        return false;
    c->held = true;
    return true;
}

void moves_begin_anew(struct coordinated_request *c, struct coordinated_output *out)
{
    request_answer(c, buffer_slice(&c->bytes), out);
    out->anew = true;
    c->phase = PHASE_OVER;
    c->open = 0;
}

void moves_go_on(struct coordinated_request *c, struct coordinated_output *out)
{
    if (c->answered) { /* those who lack it get it by log sync */
        c->phase = PHASE_OVER;
        c->open = 0;
    } else if (c->phase == PHASE_REPLICATE) {
        out->moved = true;
    } else if (c->phase != PHASE_MINT || c->open == 0) {
        moves_begin_anew(c, out);
    } /* else the own store says whether it has minted it */
}
