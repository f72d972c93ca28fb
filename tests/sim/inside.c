#include "sim/inside.h"

#include "node/node_state.h"
#include "node/register_state.h"

const struct register_value *inside_value(const struct node *node)
{
    return node->config->known;
}

void inside_change(struct node *node, struct instant now, const struct register_change *change,
                   struct effects *out)
{
    node->out = out;
    node->now = now;
    (void)node_register_change(node, change);
    node->out = NULL;
}
