/*
 * reach_schedule.c - when it is told whom this node reaches, and who reaches more owners than it
 * does.
 *
 * A report goes to all peers that are up, each interval and soon after something changed; each gets
 * those of others beside it that it does not hear itself (membership/reach_matrix.h).
 */
#include "node/node_state.h"
#include "ring/preference_list.h"
#include "wire/message_reach.h"

void reach_start(struct node *node)
{
    reach_matrix_start(node->reach, node->now.mono_us);
}

void reach_tick(struct node *node)
{
    struct buffer body = {0};
    if (node->now.mono_us < reach_matrix_deadline_us(node->reach))
        return;
    reach_matrix_renew(node->reach, node->now.mono_us);
    for (uint32_t i = 0; i < node->load_count; i++) {
        link_id link = peers_link(node->peers, node->loads[i].id);
        if (link == 0)
            continue;
        buffer_clear(&body);
        reach_matrix_report(node->reach, node->loads[i].id, node->now.mono_us, &body);
        node_send_link(node, link, MESSAGE_REACH, 0, 0, buffer_slice(&body));
    }
    buffer_deinit(&body);
}

void reach_peer_frame(struct node *node, struct slice body)
{
    if (reach_matrix_take(node->reach, body, node->now.mono_us) != STATUS_OK)
        node->statistics.frames_refused++;
}

uint64_t reach_deadline_us(const struct node *node)
{
    return reach_matrix_deadline_us(node->reach);
}

struct reach_view reach_between(void *context, node_id from, node_id to, struct instant now)
{
    const struct node *node = context;
    return reach_matrix_between(node->reach, from, to, now.mono_us);
}

uint64_t reach_age_ms(void *context, node_id from, struct instant now)
{
    const struct node *node = context;
    return reach_matrix_age_ms(node->reach, from, now.mono_us);
}

/* How many of the owners that node is known to reach, itself included. */
static uint8_t owners_reached(const struct node *node, node_id from,
                              const struct preference_list *owners)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < owners->primary_count; i++)
        count +=
            reach_matrix_between(node->reach, from, owners->nodes[i], node->now.mono_us).reach ==
            REACH_YES;
    return count;
}

static bool is_owner(const struct preference_list *owners, node_id id)
{
    for (uint8_t i = 0; i < owners->primary_count; i++)
        if (owners->nodes[i] == id)
            return true;
    return false;
}

node_id reach_who_has_more(const struct node *node, const struct preference_list *owners,
                           bool owners_alone, const node_id *tried, uint8_t tried_count)
{
    node_id best = 0;
    uint8_t most = owners_reached(node, node->self, owners);
    for (uint32_t i = 0; i < node->load_count; i++) {
        const struct peer_load *load = &node->loads[i];
        bool was_tried = false;
        for (uint8_t k = 0; k < tried_count; k++)
            was_tried = was_tried || tried[k] == load->id;
        if (was_tried || (owners_alone && !is_owner(owners, load->id)) ||
            !peers_is_up(node->peers, load->id) || load->drain.drains ||
            load->in_flight >= node->settings.peer_inflight_max)
            continue;
        uint8_t count = owners_reached(node, load->id, owners);
        if (count > most) {
            best = load->id;
            most = count;
        }
    }
    return best;
}
