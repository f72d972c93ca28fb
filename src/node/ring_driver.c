#include "node/ring_driver.h"

#include <stdlib.h>

#include "base/memory.h"
#include "membership/plan_drive.h"
#include "node/register_state.h"
#include "wire/message_ring.h"

enum driver_state { DRIVER_IDLE, DRIVER_ASKING, DRIVER_PROPOSING };

struct ring_driver {
    enum driver_state state;
    uint64_t due_us;         /* when to go on; UINT64_MAX: not before something changes */
    uint64_t changed_us;     /* the last change of the register */
    uint32_t pause_ms;       /* after a round that ends with nothing */
    bool pauses;             /* after such a one, now */
    bool has_news;           /* came in the round under way */
    struct plan_round round; /* under way */
    struct plan_round shown; /* the last that was over */
    request_id request;      /* of those that were asked */
    uint64_t ticket;         /* of the change that was proposed */
};

struct ring_driver *ring_driver_new(void)
{
    struct ring_driver *driver = memory_new(1, sizeof *driver);
    driver->due_us = UINT64_MAX;
    return driver;
}

void ring_driver_free(struct ring_driver *driver)
{
    if (driver == NULL)
        return;
    plan_round_deinit(&driver->round);
    plan_round_deinit(&driver->shown);
    free(driver);
}

/* Stewards before this one that it reaches; -1: it is none, with the store that it has. */
static int turn_of(const struct node *node)
{
    const struct node_register *reg = node->config;
    const struct steward_set *stewards = &reg->known->stewards;
    int before = 0;
    if (steward_set_find(stewards, node->self, reg->incarnation) < 0)
        return -1;
    for (uint8_t i = 0; i < stewards->count; i++)
        before += stewards->items[i].node < node->self &&
                  peers_is_up(node->peers, stewards->items[i].node);
    return before;
}

static bool may_drive(const struct node *node)
{
    const struct node_register *reg = node->config;
    return reg->is_open && lineage_is_confirmed(node) && plan_is_driven(reg->known) &&
           turn_of(node) >= 0;
}

/* ---- its end, and the next ---- */

static void rest(struct node *node, uint32_t ms)
{
    struct ring_driver *driver = node->driver;
    driver->state = DRIVER_IDLE;
    driver->pauses = false;
    driver->due_us = register_after_ms(node, ms);
}

static void rest_longer(struct node *node)
{
    struct ring_driver *driver = node->driver;
    rest(node, driver->has_news ? RING_DRIVER_SOON_MS : driver->pause_ms);
    driver->pauses = true;
    driver->pause_ms = 2 * driver->pause_ms < RING_DRIVER_PAUSE_MAX_MS ? 2 * driver->pause_ms
                                                                       : RING_DRIVER_PAUSE_MAX_MS;
}

static void end_asking(struct node *node)
{
    struct pending *pending = pending_find(node, node->driver->request);
    if (node->driver->state == DRIVER_ASKING && pending != NULL)
        pending_remove(node, pending);
}

void ring_driver_follow(struct node *node)
{
    struct ring_driver *driver = node->driver;
    driver->changed_us = node->now.mono_us;
    driver->pause_ms = RING_DRIVER_PAUSE_MIN_MS;
    if (driver->state == DRIVER_PROPOSING)
        return; /* that change is over soon, and goes on from here */
    end_asking(node);
    if (plan_is_driven(node->config->known))
        rest(node, RING_DRIVER_SOON_MS);
    else
        driver->due_us = UINT64_MAX;
}

static void propose(struct node *node)
{
    struct ring_driver *driver = node->driver;
    struct register_change change;
    const struct register_value *known = node->config->known;
    end_asking(node);
    plan_round_deinit(&driver->shown);
    driver->shown = driver->round;
    driver->round = (struct plan_round){0};
    if (!plan_round_is_of(&driver->shown, known) ||
        !plan_round_propose(&driver->shown, known, node->now.wall_ms, &change)) {
        rest_longer(node);
        return;
    }
    driver->ticket = node_register_change(node, &change);
    if (driver->ticket == 0) {
        rest(node, RING_DRIVER_FAILED_MS);
        return;
    }
    driver->state = DRIVER_PROPOSING;
    driver->due_us = register_after_ms(node, RING_DRIVER_LOOK_MS);
}

static void look_at_change(struct node *node)
{
    struct ring_driver *driver = node->driver;
    struct change_outcome outcome;
    if (!node_register_take(node, driver->ticket, &outcome)) {
        driver->due_us = register_after_ms(node, RING_DRIVER_LOOK_MS);
        return;
    }
    if (outcome.status != STATUS_OK)
        log_line(&node->log, LOG_DEBUG, "a step of the plan was not made reason=\"%s\"",
                 outcome.reason);
    if (plan_is_driven(node->config->known)) {
        rest(node, outcome.status == STATUS_OK ? RING_DRIVER_SOON_MS : RING_DRIVER_FAILED_MS);
    } else {
        driver->state = DRIVER_IDLE;
        driver->due_us = UINT64_MAX;
    }
}

/* ---- asking ---- */

static bool all_have_told(const struct node *node)
{
    const struct ring *ring = node->config->known->ring;
    for (uint16_t i = 0; i < ring->member_count; i++) {
        const struct plan_heard *heard = &node->driver->round.heard[i];
        if (heard->asked && !heard->told && peers_is_up(node->peers, ring->members[i].id))
            return false;
    }
    return true;
}

static void ask(struct node *node)
{
    struct ring_driver *driver = node->driver;
    const struct register_value *known = node->config->known;
    uint64_t deadline_us = register_after_ms(node, RING_DRIVER_ASK_MS);
    struct ring_testimony own;
    plan_round_deinit(&driver->round);
    plan_round_begin(known, &driver->round);
    node_evidence(node, &own);
    plan_round_note(&driver->round, known, node->self, &own);
    ring_testimony_deinit(&own);
    struct pending *pending =
        pending_add(node, PENDING_RING_ROUND, &(struct origin){0}, deadline_us);
    driver->request = pending->id;
    driver->state = DRIVER_ASKING;
    driver->has_news = false;
    driver->due_us = deadline_us;
    for (uint16_t i = 0; i < known->ring->member_count; i++) {
        node_id id = known->ring->members[i].id;
        if (id != node->self && driver->round.heard[i].asked && peers_is_up(node->peers, id))
            node_send_link(node, peers_link(node->peers, id), MESSAGE_RING_ASK, pending->id,
                           RING_DRIVER_ASK_MS, slice_make(NULL, 0));
    }
    if (all_have_told(node))
        propose(node);
}

void ring_driver_told(struct node *node, struct pending *pending, node_id from, struct slice body)
{
    struct ring_driver *driver = node->driver;
    const struct register_value *known = node->config->known;
    struct ring_testimony testimony;
    if (driver->state != DRIVER_ASKING || pending->id != driver->request ||
        !plan_round_is_of(&driver->round, known))
        return; /* of an earlier round */
    if (message_ring_told_decode(body, &testimony) == STATUS_OK)
        plan_round_note(&driver->round, known, from, &testimony);
    else
        node->statistics.frames_refused++;
    ring_testimony_deinit(&testimony);
    if (all_have_told(node))
        propose(node);
}

/* ---- time ---- */

void ring_driver_news(struct node *node)
{
    struct ring_driver *driver = node->driver;
    uint64_t soon_us = register_after_ms(node, RING_DRIVER_SOON_MS);
    driver->has_news = driver->state == DRIVER_ASKING;
    if (driver->state == DRIVER_IDLE && driver->pauses && driver->due_us > soon_us)
        driver->due_us = soon_us;
}

static uint64_t turn_us(const struct node *node)
{
    return node->driver->changed_us + (uint64_t)turn_of(node) * RING_DRIVER_TURN_MS * 1000;
}

void ring_driver_tick(struct node *node)
{
    struct ring_driver *driver = node->driver;
    if (node->now.mono_us < driver->due_us)
        return;
    switch (driver->state) {
    case DRIVER_ASKING:
        propose(node);
        break;
    case DRIVER_PROPOSING:
        look_at_change(node);
        break;
    case DRIVER_IDLE:
        if (!plan_is_driven(node->config->known))
            driver->due_us = UINT64_MAX;
        else if (!may_drive(node))
            rest(node, RING_DRIVER_PAUSE_MAX_MS); /* it may become one who may */
        else if (node->now.mono_us < turn_us(node))
            driver->due_us = turn_us(node);
        else
            ask(node);
    }
}

uint64_t ring_driver_deadline_us(const struct node *node)
{
    return node->driver->due_us;
}

/* ---- for commands ---- */

bool ring_driver_wait(void *context, partition_id partition, struct ring_wait *out)
{
    const struct node *node = context;
    const struct register_value *known = node->config->known;
    if (!plan_round_is_of(&node->driver->shown, known))
        return false;
    *out = plan_round_wait(&node->driver->shown, known, partition);
    return true;
}

bool ring_driver_end_wait(void *context, struct ring_wait *out)
{
    const struct node *node = context;
    const struct register_value *known = node->config->known;
    if (!plan_round_is_of(&node->driver->shown, known))
        return false;
    *out = plan_round_end_wait(&node->driver->shown, known);
    return true;
}
