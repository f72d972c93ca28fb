#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ringd/data_directory.h"
#include "ringd/ring_file.h"
#include "ringd/ring_plan.h"
#include "config_scratch.h"

struct fixture {
    struct config_scratch scratch;
    struct ring *ring;
    struct leveldb_store_params store;
    struct buffer reason;
    char path[2 * SCRATCH_PATH_MAX];
};

static struct ring *make_ring(char cluster)
{
    static const char *const nodes[] = {"id=1,client=h:1,peer=h:2", "id=2,client=h:3,peer=h:4"};
    struct ring_plan plan = {.replication = "eu:2",
                             .partition_count = 16,
                             .nodes = nodes,
                             .node_count = 2,
                             .random = {.cluster_id = {(uint8_t)cluster}, .seed = 5}};
    struct planner_report report;
    struct buffer problems = {0};
    struct ring *ring = NULL;
    assert_int_equal(ring_plan_make(&plan, &ring, &report, &problems), STATUS_OK);
    return ring;
}

static void init(struct fixture *f)
{
    *f = (struct fixture){.ring = make_ring('a')};
    config_scratch_init(&f->scratch);
    leveldb_store_params_init(&f->store);
    strcpy(f->path, config_scratch_file(&f->scratch, "data"));
}

static void deinit(struct fixture *f)
{
    ring_free(f->ring);
    buffer_deinit(&f->reason);
    config_scratch_deinit(&f->scratch);
}

static enum status initialise_incarnation(struct fixture *f, node_id node, uint16_t incarnation)
{
    buffer_clear(&f->reason);
    struct register_value *value = register_value_first(f->ring);
    enum status status =
        data_directory_initialise(f->path, value, node, incarnation, &f->store, &f->reason);
    register_value_free(value);
    assert_true((status == STATUS_OK) == (f->reason.length == 0));
    return status;
}

static void write_ring(struct fixture *f, const char *file, const struct ring *ring)
{
    struct register_value *value = register_value_first(ring);
    assert_int_equal(ring_file_write(file, value, &f->reason), STATUS_OK);
    register_value_free(value);
}

static enum status initialise(struct fixture *f, node_id node)
{
    return initialise_incarnation(f, node, 0);
}

static enum status read_back(struct fixture *f, node_id node, struct identity *identity)
{
    struct register_value *value = NULL;
    buffer_clear(&f->reason);
    enum status status = data_directory_read(f->path, node, &value, identity, &f->reason);
    assert_true((status == STATUS_OK) == (f->reason.length == 0));
    assert_true((status == STATUS_OK) == (value != NULL));
    if (value != NULL)
        assert_true(ring_digest(value->ring) == ring_digest(f->ring));
    register_value_free(value);
    return status;
}

static void an_initialised_directory_is_its_nodes(void **state)
{
    struct fixture f;
    struct identity identity;
    (void)state;
    init(&f);
    assert_false(data_directory_exists(f.path));
    assert_int_equal(initialise(&f, 2), STATUS_OK);
    assert_true(data_directory_exists(f.path));
    assert_int_equal(read_back(&f, 0, &identity), STATUS_OK);
    assert_int_equal(identity.node, 2);
    assert_int_equal(identity.cluster_id[0], 'a');
    assert_int_equal(read_back(&f, 2, &identity), STATUS_OK);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_INVALID);
    deinit(&f);
}

/* A lost store comes back under a number that none of its dots has. */
static void a_later_incarnation_than_the_rings_is_taken(void **state)
{
    struct fixture f;
    struct identity identity;
    (void)state;
    init(&f);
    f.ring->members[1].storage_incarnation = 3;
    assert_int_equal(initialise_incarnation(&f, 2, 2), STATUS_INVALID);
    assert_false(data_directory_exists(f.path));
    assert_int_equal(initialise_incarnation(&f, 2, 5), STATUS_OK);
    assert_int_equal(read_back(&f, 2, &identity), STATUS_OK);
    assert_int_equal(identity.storage_incarnation, 5);
    deinit(&f);
}

static void only_members_can_be_initialised(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(initialise(&f, 3), STATUS_INVALID);
    assert_false(data_directory_exists(f.path));
    deinit(&f);
}

static void a_used_directory_is_not_initialised_again(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(initialise(&f, 1), STATUS_OK);
    assert_int_equal(initialise(&f, 1), STATUS_INVALID);
    assert_int_equal(initialise(&f, 2), STATUS_INVALID);
    deinit(&f);
}

static void foreign_files_are_left_alone(void **state)
{
    struct fixture f;
    struct identity identity;
    (void)state;
    init(&f);
    assert_int_equal(mkdir(f.path, 0700), 0);
    assert_int_equal(read_back(&f, 0, &identity), STATUS_NOT_FOUND);
    config_scratch_write(&f.scratch, "data/letters", "dear");
    assert_int_equal(initialise(&f, 1), STATUS_INVALID);
    assert_int_equal(unlink(config_scratch_file(&f.scratch, "data/letters")), 0);
    assert_int_equal(initialise(&f, 1), STATUS_OK);
    deinit(&f);
}

/* As after a crash between the store and the ring. */
static void a_missing_ring_is_put_back_by_the_same_ring(void **state)
{
    struct fixture f;
    struct identity identity;
    (void)state;
    init(&f);
    assert_int_equal(initialise(&f, 1), STATUS_OK);
    assert_int_equal(unlink(config_scratch_file(&f.scratch, "data/ring")), 0);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_NOT_FOUND);
    assert_int_equal(initialise(&f, 2), STATUS_INVALID);
    ring_free(f.ring);
    f.ring = make_ring('b');
    assert_int_equal(initialise(&f, 1), STATUS_INVALID);
    ring_free(f.ring);
    f.ring = make_ring('a');
    assert_int_equal(initialise(&f, 1), STATUS_OK);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_OK);
    deinit(&f);
}

static void a_ring_that_does_not_fit_is_refused(void **state)
{
    static const struct ring_random random = {.cluster_id = {'a'}, .seed = 5};
    static const struct ring_address client = {.host = "h", .port = 1};
    static const struct ring_address peer = {.host = "h", .port = 2};
    struct fixture f;
    struct identity identity;
    (void)state;
    init(&f);
    assert_int_equal(initialise(&f, 1), STATUS_OK);
    const char *file = config_scratch_file(&f.scratch, "data/ring");
    struct ring *other = make_ring('b');
    write_ring(&f, file, other);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_INVALID);
    ring_free(other);
    /* The right cluster, but this node is no member any longer. */
    other = ring_plan_one_node(9, &client, &peer, &random);
    buffer_clear(&f.reason);
    write_ring(&f, file, other);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_INVALID);
    ring_free(other);
    /* A member, whose store is a newer one than this. */
    other = make_ring('a');
    other->members[0].storage_incarnation = 2;
    buffer_clear(&f.reason);
    write_ring(&f, file, other);
    assert_int_equal(read_back(&f, 1, &identity), STATUS_INVALID);
    ring_free(other);
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_initialised_directory_is_its_nodes),
        cmocka_unit_test(a_later_incarnation_than_the_rings_is_taken),
        cmocka_unit_test(only_members_can_be_initialised),
        cmocka_unit_test(a_used_directory_is_not_initialised_again),
        cmocka_unit_test(foreign_files_are_left_alone),
        cmocka_unit_test(a_missing_ring_is_put_back_by_the_same_ring),
        cmocka_unit_test(a_ring_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
