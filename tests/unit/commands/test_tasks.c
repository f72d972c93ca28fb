/* RING.TASKS and RING.TRANSFERS: what they tell of a plan in each of its states. */
#include "commands/harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "membership/register_change.h"
#include "ring/change_plan.h"
#include "ring/ring_drive.h"
#include "ring/transition.h"

enum { LEAVER = 1 };

/* The register of the node around the session, and what its driver has found. */
static struct {
    struct register_value *value;
    uint64_t plan_id;
    bool is_asked;
    struct ring_wait wait, end_wait;
} node;

static void register_export(void *context, struct buffer *out)
{
    (void)context;
    register_value_encode(node.value, out);
}

static bool plan_wait(void *context, partition_id partition, struct ring_wait *out)
{
    (void)context;
    assert_non_null(ring_transition(node.value->ring, partition));
    *out = node.wait;
    return node.is_asked;
}

static bool plan_end_wait(void *context, struct ring_wait *out)
{
    (void)context;
    *out = node.end_wait;
    return node.is_asked;
}

static void change(enum register_change_kind kind, struct slice words)
{
    struct register_change wanted = {.kind = (uint8_t)kind,
                                     .plan_id = node.plan_id,
                                     .now_ms = 1700000000000,
                                     .member = {.id = 2},
                                     .user = "otto"};
    struct register_value *next;
    char reason[REGISTER_REASON_MAX];
    struct ballot id = {.round = node.value->seq + 1, .node = 1, .incarnation = 1};
    if (words.length > 0)
        memcpy(wanted.words, words.data, words.length);
    wanted.words_length = (uint16_t)words.length;
    assert_int_equal(register_change_apply(&wanted, id, node.value, &next, reason), STATUS_OK);
    assert_non_null(next);
    register_value_free(node.value);
    node.value = next;
}

static void begin_some(void)
{
    struct buffer steps = {0};
    struct ring_evidence none[1] = {0};
    assert_true(ring_drive_next(node.value->ring, &node.value->work, none, 2000, &steps) > 0);
    change(REGISTER_CHANGE_RING_STEPS, buffer_slice(&steps));
    buffer_deinit(&steps);
}

/* A plan by which the weight of node 1 is halved was committed at node 2. */
static struct client *setup(void **state)
{
    struct harness *harness = *state;
    struct ring_wish wish = {.node = LEAVER, .kind = RING_WISH_WEIGHT, .weight = 1};
    struct change_plan plan;
    char reason[RING_REASON_MAX];
    register_value_free(node.value);
    memset(&node, 0, sizeof node);
    node.value = register_value_first(harness->environment.ring);
    for (uint16_t i = 0; i < node.value->ring->member_count; i++)
        node.value->ring->members[i].weight = 8;
    assert_true(ring_wishes_put(&node.value->staged, &wish));
    assert_int_equal(change_plan_make(node.value->ring, &node.value->staged, &plan, reason),
                     STATUS_OK);
    node.plan_id = plan.id;
    change_plan_deinit(&plan);
    harness->environment.register_export = register_export;
    harness->environment.plan_wait = plan_wait;
    harness->environment.plan_end_wait = plan_end_wait;
    return harness_client(harness);
}

static const struct resp_value *field(const struct resp_value *row, const char *name)
{
    for (size_t i = 0; i + 1 < row->element_count; i += 2)
        if (slice_equal(row->elements[i].text, slice_text(name)))
            return &row->elements[i + 1];
    fail_msg("there is no field %s", name);
    return NULL;
}

static void assert_text(const struct resp_value *row, const char *name, const char *text)
{
    struct slice found = field(row, name)->text;
    if (!slice_equal(found, slice_text(text)))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, (int)found.length, (const char *)found.data,
                 text);
}

static void assert_number(const struct resp_value *row, const char *name, int64_t number)
{
    assert_int_equal(field(row, name)->integer, number);
}

static void assert_task(struct client *client, const char *task_state, int64_t percent,
                        const char *reason, const char *unblock)
{
    struct resp_value *all = client_value(client, "RING.TASKS LIST");
    char id[17];
    snprintf(id, sizeof id, "%016" PRIx64, node.plan_id);
    assert_int_equal(all->element_count, 1);
    const struct resp_value *row = &all->elements[0];
    assert_text(row, "id", id);
    assert_text(row, "state", task_state);
    assert_text(row, "user", "otto");
    assert_number(row, "node", 2);
    assert_number(row, "percent", percent);
    assert_text(row, "reason", reason);
    assert_text(row, "unblock", unblock);
    assert_int_equal(field(row, "waiting")->integer + field(row, "moving")->integer +
                         field(row, "done")->integer + field(row, "given_up")->integer,
                     field(row, "partitions")->integer);
    resp_value_free(all);
}

static void there_is_nothing_to_tell_before_the_first_plan(void **state)
{
    struct client *client = setup(state);
    assert_reply(client, "RING.TASKS LIST", "*0\r\n");
    assert_reply(client, "RING.TRANSFERS", "*0\r\n");
    assert_reply(client, "RING.TASKS SHOW 00000000000000ab",
                 "-ERR no task 00000000000000ab is kept\r\n");
}

static void a_task_says_what_it_waits_for(void **state)
{
    struct client *client = setup(state);
    change(REGISTER_CHANGE_PLAN_COMMIT, slice_make(NULL, 0));
    assert_task(client, "running", 0, "not known at this node", "");
    begin_some();
    node.is_asked = true;
    node.wait = (struct ring_wait){.kind = RING_WAIT_SILENT, .node = 3};
    assert_task(client, "running", 0, "node 3 does not answer",
                "start node 3, or ringctl cluster lost 3");
    node.wait = (struct ring_wait){.kind = RING_WAIT_INCOMPLETE, .node = 2};
    assert_task(client, "running", 0, "node 2 is being sent what it lacks", "");
    change(REGISTER_CHANGE_PLAN_ABORT, slice_make(NULL, 0));
    assert_task(client, "aborting", 100, "", "");
    change(REGISTER_CHANGE_PLAN_END, slice_make(NULL, 0));
    node.is_asked = false;
    assert_task(client, "aborted", 100, "", "");
}

static void a_paused_plan_says_how_it_goes_on(void **state)
{
    struct client *client = setup(state);
    change(REGISTER_CHANGE_PLAN_COMMIT, slice_make(NULL, 0));
    change(REGISTER_CHANGE_PLAN_PAUSE, slice_make(NULL, 0));
    node.is_asked = true;
    assert_task(client, "paused", 0, "the plan is paused", "ringctl cluster resume");
}

static void what_moves_comes_before_what_waits(void **state)
{
    struct client *client = setup(state);
    change(REGISTER_CHANGE_PLAN_COMMIT, slice_make(NULL, 0));
    begin_some();
    const struct ring *ring = node.value->ring;
    node.is_asked = true;
    node.wait = (struct ring_wait){.kind = RING_WAIT_BEHIND, .node = 3};
    struct resp_value *all = client_value(client, "RING.TRANSFERS");
    assert_true(all->element_count >= ring->transition_count + node.value->work.target_count);
    const struct resp_value *first = &all->elements[0],
                            *last = &all->elements[all->element_count - 1];
    assert_number(first, "partition", ring->transitions[0].partition);
    assert_text(first, "phase", "joint");
    assert_text(first, "state", "done"); /* the target has all: it is another that is behind */
    assert_text(first, "reason", "node 3 has not ended what it began before");
    node_id source = (node_id)field(first, "source")->integer;
    node_id target = (node_id)field(first, "target")->integer;
    assert_true(ring_leaves(ring, source, ring->transitions[0].partition));
    assert_true(ring_joins(ring, target, ring->transitions[0].partition));
    assert_text(last, "phase", "stable");
    assert_text(last, "state", "waiting");
    resp_value_free(all);
    node.is_asked = false;
    all = client_value(client, "RING.TRANSFERS");
    assert_text(&all->elements[0], "state", "running");
    assert_text(&all->elements[0], "reason", "not known at this node");
    resp_value_free(all);
}

static void a_task_is_shown_for_seven_days(void **state)
{
    struct client *client = setup(state);
    struct harness *harness = *state;
    change(REGISTER_CHANGE_PLAN_COMMIT, slice_make(NULL, 0));
    change(REGISTER_CHANGE_PLAN_ABORT, slice_make(NULL, 0));
    change(REGISTER_CHANGE_PLAN_END, slice_make(NULL, 0));
    harness->now.wall_ms = 1700000000000 + PLAN_TASK_KEPT_MS;
    assert_task(client, "aborted", 100, "", "");
    harness->now.wall_ms++;
    assert_reply(client, "RING.TASKS LIST", "*0\r\n");
}

static int teardown(void **state)
{
    register_value_free(node.value);
    node.value = NULL;
    return harness_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(there_is_nothing_to_tell_before_the_first_plan),
        TEST(a_task_says_what_it_waits_for),
        TEST(a_paused_plan_says_how_it_goes_on),
        TEST(what_moves_comes_before_what_waits),
        TEST(a_task_is_shown_for_seven_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
