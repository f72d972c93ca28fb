/*
 * verb_plan.c - what the staged changes would do, and their id.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_base.h"
#include "plan_sizes.h"
#include "transfer_rates.h"
#include "ring/change_plan.h"
#include "verbs.h"

static const struct report_column STAGED[] = {
    {"change", REPORT_TEXT}, {"node", REPORT_NUMBER}, {"to", REPORT_TEXT}};
static const struct report_column NODES[] = {
    {"node", REPORT_NUMBER}, {"change", REPORT_TEXT},   {"region", REPORT_TEXT},
    {"rack", REPORT_TEXT},   {"before", REPORT_NUMBER}, {"after", REPORT_NUMBER},
    {"in", REPORT_NUMBER},   {"out", REPORT_NUMBER},    {"bytes_in", REPORT_NUMBER}};
static const struct report_column REGIONS[] = {{"region", REPORT_TEXT},
                                               {"replicas", REPORT_NUMBER},
                                               {"share_min_percent", REPORT_NUMBER},
                                               {"share_max_percent", REPORT_NUMBER}};

enum {
    STAGED_COLUMNS = sizeof STAGED / sizeof *STAGED,
    NODE_COLUMNS = sizeof NODES / sizeof *NODES,
    REGION_COLUMNS = sizeof REGIONS / sizeof *REGIONS
};

static void add_wish(struct report_table *table, const struct ring_wish *wish)
{
    static const char *const NAMES[] = {[RING_WISH_LEAVE] = "leave",
                                        [RING_WISH_REPLACE] = "replace",
                                        [RING_WISH_WEIGHT] = "weight",
                                        [RING_WISH_RACK] = "rack",
                                        [RING_WISH_REPEAT_RACKS] = "repeat racks"};
    report_cell(table, "%s", NAMES[wish->kind]);
    if (wish->node == 0)
        report_cell(table, NULL);
    else
        report_cell(table, "%" PRIu32, wish->node);
    if (wish->kind == RING_WISH_REPLACE)
        report_cell(table, "%" PRIu32, wish->by);
    else if (wish->kind == RING_WISH_WEIGHT)
        report_cell(table, "%" PRIu32, wish->weight);
    else if (wish->kind == RING_WISH_RACK)
        report_cell(table, "%s", wish->rack);
    else
        report_cell(table, NULL);
}

/* Who is joining has no wish, for it can be nothing else. */
static void add_staged(struct report *report, const struct register_value *base)
{
    struct report_table *table = report_table(report, "staged", STAGED, STAGED_COLUMNS);
    for (uint16_t i = 0; i < base->ring->member_count; i++) {
        const struct ring_member *member = &base->ring->members[i];
        if (member->role != MEMBER_JOINING)
            continue;
        report_cell(table, "join");
        report_cell(table, "%" PRIu32, member->id);
        report_cell(table, NULL);
    }
    for (uint32_t i = 0; i < base->staged.count; i++)
        add_wish(table, &base->staged.items[i]);
}

/* About how much the node will be sent. */
static double bytes_in(const struct ring *ring, const struct change_plan *plan, node_id node,
                       const struct plan_sizes *sizes)
{
    double bytes = 0;
    for (uint32_t i = 0; i < plan->changed_count; i++) {
        partition_id partition = plan->changed[i];
        const node_id *row = change_plan_owners(ring, plan, partition);
        if (ring_owns(ring, node, partition))
            continue;
        for (uint8_t k = 0; k < ring->owner_count; k++)
            if (row[k] == node)
                bytes += sizes->bytes[partition];
    }
    return bytes;
}

static const char *change_of(const struct change_plan_node *node)
{
    return node->joins ? "joins" : node->leaves ? "leaves" : NULL;
}

/* What all nodes together will be sent. */
struct amounts {
    double bytes;
    double seconds; /* at the least, as nodes limit it; 0: none does that is sent something */
};

static struct amounts add_nodes(struct report *report, const struct ring *ring,
                                const struct change_plan *plan, const struct plan_sizes *sizes,
                                const struct transfer_rates *rates)
{
    struct report_table *table = report_table(report, "nodes", NODES, NODE_COLUMNS);
    struct amounts sum = {0};
    for (uint16_t i = 0; i < plan->node_count; i++) {
        const struct change_plan_node *node = &plan->nodes[i];
        const struct ring_member *member = ring_member(ring, node->id);
        double bytes = bytes_in(ring, plan, node->id, sizes);
        double seconds = transfer_rates_seconds(rates, node->id, bytes);
        sum.bytes += bytes;
        sum.seconds = seconds > sum.seconds ? seconds : sum.seconds;
        report_cell(table, "%" PRIu32, node->id);
        report_cell(table, change_of(node) == NULL ? NULL : "%s", change_of(node));
        report_cell(table, "%s", ring->regions[member->region].name);
        report_cell(table, "%s", member->rack);
        report_cell(table, "%" PRIu32, node->before);
        report_cell(table, "%" PRIu32, node->after);
        report_cell(table, "%" PRIu32, node->in);
        report_cell(table, "%" PRIu32, node->out);
        report_cell(table, sizes->is_known ? "%.0f" : NULL, bytes);
    }
    return sum;
}

static void add_balance(struct report *report, const struct ring *ring,
                        const struct planner_report *placed)
{
    struct report_table *table = report_table(report, "balance", REGIONS, REGION_COLUMNS);
    for (uint8_t i = 0; i < ring->region_count; i++) {
        report_cell(table, "%s", ring->regions[i].name);
        report_cell(table, "%u", ring->regions[i].replicas);
        report_cell(table, "%.1f", placed->share_min_permille[i] / 10.0);
        report_cell(table, "%.1f", placed->share_max_permille[i] / 10.0);
    }
}

static void add_risk(struct report *report, const struct ring *ring, const struct change_plan *plan)
{
    const struct change_plan_rack *rack = &plan->worst;
    report_fact(report, "rack_repeats", REPORT_NUMBER, "%" PRIu32, plan->report.rack_repeats);
    report_fact(report, "worst_rack", REPORT_TEXT, "%s/%s", ring->regions[rack->region].name,
                rack->name);
    report_fact(report, "lost_with_it_before", REPORT_NUMBER, "%" PRIu32, rack->before);
    report_fact(report, "lost_with_it_during", REPORT_NUMBER, "%" PRIu32, rack->during);
    report_fact(report, "lost_with_it_after", REPORT_NUMBER, "%" PRIu32, rack->after);
}

static void print_plan(const struct arguments *arguments, const struct register_value *base,
                       const struct change_plan *plan, const char *relaxed)
{
    struct plan_sizes sizes;
    struct report *report = report_new();
    struct transfer_rates rates;
    plan_sizes_ask(arguments, base->ring, &sizes);
    transfer_rates_ask(arguments, base->ring, &rates);
    report_fact(report, "plan_id", REPORT_TEXT, "%016" PRIx64, plan->id);
    report_fact(report, "register_seq", REPORT_NUMBER, "%" PRIu64, base->seq);
    add_staged(report, base);
    struct amounts sum = add_nodes(report, base->ring, plan, &sizes, &rates);
    add_balance(report, base->ring, &plan->report);
    report_fact(report, "partitions_changed", REPORT_NUMBER, "%" PRIu32, plan->changed_count);
    report_fact(report, "moves", REPORT_NUMBER, "%" PRIu32, plan->moves);
    report_fact(report, "moves_minimum", REPORT_NUMBER, "%" PRIu32, plan->moves_lower_bound);
    report_fact(report, "bytes_about", REPORT_NUMBER, sizes.is_known ? "%.0f" : NULL, sum.bytes);
    report_fact(report, "seconds_about", REPORT_NUMBER,
                sizes.is_known && sum.seconds > 0 ? "%.0f" : NULL, sum.seconds);
    report_fact(report, "nodes_silent", REPORT_NUMBER, "%" PRIu32, sizes.silent);
    add_risk(report, base->ring, plan);
    report_fact(report, "relaxed", REPORT_TEXT, *relaxed == '\0' ? NULL : "%s", relaxed);
    report_fact(report, "next_step", REPORT_TEXT,
                "ringctl cluster commit %016" PRIx64
                ": begin it; ringctl cluster clear drops what is "
                "staged",
                plan->id);
    verb_print(arguments, report);
    transfer_rates_deinit(&rates);
    plan_sizes_deinit(&sizes);
}

enum exit_code verb_cluster_plan(const struct arguments *arguments)
{
    struct register_value *base;
    struct change_plan plan;
    char reason[RING_REASON_MAX] = "";
    enum exit_code code = plan_base_load(arguments, &base);
    if (code != EXIT_OK)
        return code;
    if (base->work.plan_id != 0) {
        verb_complain("plan %016" PRIx64
                      " is under way: ringctl tasks list shows how far it is, and "
                      "ringctl cluster abort gives it up",
                      base->work.plan_id);
        code = EXIT_FAILED;
    } else if (change_plan_make(base->ring, &base->staged, &plan, reason) == STATUS_OK) {
        print_plan(arguments, base, &plan, reason);
        change_plan_deinit(&plan);
    } else {
        verb_complain("there is no plan: %s", reason);
        code = EXIT_FAILED;
    }
    register_value_free(base);
    return code;
}
