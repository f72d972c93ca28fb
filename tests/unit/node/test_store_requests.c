/*
 * test_store_requests.c - requests with ids, from the coordinator's machine down to three stores.
 *
 * Each attempt is a coordinated request whose owners are store sides in memory. An owner that is
 * not in `reach` hears nothing. What an owner was sent and did not hear can be delivered later.
 */
#include "store_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/request.h"
#include "wire/message_lookup.h"

enum { OWNERS = 3, ALL = 7, LATE_MAX = 64 };

struct cluster {
    struct ring *ring;
    struct store_host hosts[OWNERS];
    struct preference_list owners; /* of the key's partition */
    struct coordinated_output output;
    struct buffer late[LATE_MAX]; /* replicate bodies that an owner did not hear */
    uint8_t late_to[LATE_MAX];
    unsigned late_count;
    struct buffer bytes;
    struct key_result result;
    bool repeated;
};

static void init_cluster(struct cluster *cluster)
{
    *cluster = (struct cluster){.ring = store_host_ring("eu:3")};
    for (uint8_t i = 0; i < OWNERS; i++) {
        store_host_init(&cluster->hosts[i], cluster->ring, i + 1u, 1);
        store_host_open(&cluster->hosts[i]);
        store_host_forget(&cluster->hosts[i]);
    }
}

static void deinit_cluster(struct cluster *cluster)
{
    for (uint8_t i = 0; i < OWNERS; i++)
        store_host_deinit(&cluster->hosts[i]);
    for (unsigned i = 0; i < cluster->late_count; i++)
        buffer_deinit(&cluster->late[i]);
    key_result_deinit(&cluster->result);
    buffer_deinit(&cluster->bytes);
    coordinated_output_deinit(&cluster->output);
    ring_free(cluster->ring);
}

/* All answers of a frame to the own store side; `reply` is called for each. */
static void give(struct cluster *cluster, struct coordinated_request *request, uint8_t owner,
                 uint16_t type, struct slice body)
{
    struct store_host *host = &cluster->hosts[owner];
    struct buffer replies = {0};
    store_host_forget(host);
    if (type == MESSAGE_READ || type == MESSAGE_FETCH) {
        struct buffer bytes = {0};
        size_t offset = frame_start(&bytes, type, 1, 0);
        buffer_append_slice(&bytes, body);
        frame_finish(&bytes, offset);
        store_side_read(&host->port, host->ring, buffer_slice(&bytes), host->now, &replies);
        buffer_deinit(&bytes);
    } else {
        store_host_write(host, type, body);
        store_host_commit(host);
        buffer_append_slice(&replies, buffer_slice(&host->early));
        buffer_append_slice(&replies, buffer_slice(&host->late));
    }
    for (size_t offset = 0; request != NULL && offset < replies.length;) {
        struct frame frame;
        size_t used;
        assert_int_equal(
            frame_open(slice_make(replies.data + offset, replies.length - offset), &frame, &used),
            STATUS_OK);
        coordinated_request_reply(request, owner + 1u, frame.type, frame.body, STORE_HOST_WALL_MS,
                                  &cluster->output);
        offset += used;
    }
    buffer_deinit(&replies);
}

static void keep_late(struct cluster *cluster, uint8_t owner, struct slice body)
{
    assert_true(cluster->late_count < LATE_MAX);
    cluster->late_to[cluster->late_count] = owner;
    buffer_append_slice(&cluster->late[cluster->late_count++], body);
}

static void deliver_late(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->late_count; i++) {
        give(cluster, NULL, cluster->late_to[i], MESSAGE_REPLICATE,
             buffer_slice(&cluster->late[i]));
        buffer_deinit(&cluster->late[i]);
    }
    cluster->late_count = 0;
}

/* Carry one request out at `coordinator`; owners in `reach` read, those in `stores` store. */
static enum status attempt(struct cluster *cluster, uint8_t coordinator, unsigned reach,
                           unsigned stores, const char *id, struct mutation mutation)
{
    struct key_entry entry = {.key = slice_text("k"), .mutation = mutation};
    struct key_request write = {.kind = KEY_WRITE,
                                .partition = store_host_partition(&cluster->hosts[0], "k"),
                                .options = {.level = LEVEL_QUORUM},
                                .entry_count = 1,
                                .entries = &entry};
    struct coordinate_params params = {.ring = cluster->ring,
                                       .self = coordinator + 1u,
                                       .self_ready = true,
                                       .deadline_us = 1000000,
                                       .retry_ms = 2000};
    struct coordinated_output *out = &cluster->output;
    if (id != NULL)
        write.identity = (struct request_identity){
            .id = slice_text(id), .digest = mutation.value.length + mutation.operation * 1000u};
    preference_list_build(cluster->ring, write.partition, 0, &cluster->owners);
    params.owners = &cluster->owners;
    for (uint8_t i = 0; i < OWNERS; i++)
        if (((reach | stores) >> (cluster->owners.nodes[i] - 1) & 1) != 0)
            params.usable |= 1u << i;
    key_result_deinit(&cluster->result);
    buffer_clear(&cluster->bytes);
    cluster->repeated = false;
    bool finished = false;
    struct coordinated_request *request =
        coordinated_request_new(&params, &write, STORE_HOST_WALL_MS, out);
    struct buffer sends[64] = {{0}};
    uint16_t types[64];
    node_id to[64];
    unsigned sent = 0, done = 0;
    for (;;) {
        for (uint32_t i = 0; i < out->send_count; i++, sent++) {
            assert_true(sent < 64);
            types[sent] = out->sends[i].type;
            to[sent] = out->sends[i].to;
            buffer_append(&sends[sent], out->bodies.data + out->sends[i].offset,
                          out->sends[i].length);
        }
        cluster->repeated = cluster->repeated || out->counts.repeated;
        if (out->finished) {
            finished = true;
            buffer_append_slice(&cluster->bytes, buffer_slice(&out->result));
        }
        coordinated_output_clear(out);
        if (done == sent)
            break;
        uint8_t owner = (uint8_t)(to[done] - 1);
        bool heard = (types[done] == MESSAGE_REPLICATE ? stores : reach) >> owner & 1;
        if (heard || owner == coordinator)
            give(cluster, request, owner, types[done], buffer_slice(&sends[done]));
        else if (types[done] == MESSAGE_REPLICATE)
            keep_late(cluster, owner, buffer_slice(&sends[done]));
        else
            coordinated_request_refused(request, to[done], STATUS_UNAVAILABLE, STORE_HOST_WALL_MS,
                                        out);
        done++;
    }
    if (!finished) {
        coordinated_request_tick(request, 1000000, STORE_HOST_WALL_MS,
                                 &(struct coordinate_allowance){.retry = true}, out);
        assert_true(out->finished);
        buffer_append_slice(&cluster->bytes, buffer_slice(&out->result));
        coordinated_output_clear(out);
    }
    for (unsigned i = 0; i < sent; i++)
        buffer_deinit(&sends[i]);
    coordinated_request_free(request);
    struct reader reader = reader_make(buffer_slice(&cluster->bytes));
    assert_int_equal(key_result_decode(&reader, &cluster->result), STATUS_OK);
    return cluster->result.status;
}

static struct mutation append(const char *value)
{
    return (struct mutation){.operation = REGISTER_APPEND, .value = slice_text(value)};
}

static struct mutation getset(const char *value)
{
    return (struct mutation){
        .operation = REGISTER_SET, .flags = MUTATION_RETURN_OLD, .value = slice_text(value)};
}

static void assert_values(struct cluster *cluster, const char *a, const char *b, const char *c)
{
    const char *values[] = {a, b, c};
    for (int i = 0; i < OWNERS; i++)
        store_host_assert_value(&cluster->hosts[i], "k", values[i]);
}

/* Give an owner the cell of another one as a read repair does: without records. */
static void repair(struct cluster *cluster, uint8_t from, uint8_t to)
{
    struct buffer keys = {0}, body = {0}, deliveries = {0}, bytes = {0}, replies = {0};
    struct store_host *host = &cluster->hosts[from];
    struct replica_address address = store_host_address(host, store_host_partition(host, "k"));
    struct message_read_result result;
    struct frame frame;
    buffer_put_bytes(&keys, slice_text("k"));
    message_read_encode(&(struct message_read){.address = address,
                                               .value_bytes_max = UINT32_MAX,
                                               .key_count = 1,
                                               .keys = buffer_slice(&keys)},
                        &body);
    size_t offset = frame_start(&bytes, MESSAGE_READ, 1, 0);
    buffer_append_slice(&bytes, buffer_slice(&body));
    frame_finish(&bytes, offset);
    store_side_read(&host->port, host->ring, buffer_slice(&bytes), host->now, &replies);
    assert_true(store_host_find(&replies, MESSAGE_READ_RESULT, 0, &frame));
    assert_int_equal(message_read_result_decode(frame.body, &result), STATUS_OK);
    struct reader cells = reader_make(result.cells);
    cell_delivery_encode(
        &(struct cell_delivery){.key = slice_text("k"), .cell = reader_bytes(&cells)}, &deliveries);
    buffer_clear(&body);
    message_replicate_encode(&(struct message_replicate){.address = address,
                                                         .delivery_count = 1,
                                                         .deliveries = buffer_slice(&deliveries)},
                             &body);
    give(cluster, NULL, to, MESSAGE_REPLICATE, buffer_slice(&body));
    buffer_deinit(&keys);
    buffer_deinit(&body);
    buffer_deinit(&deliveries);
    buffer_deinit(&bytes);
    buffer_deinit(&replies);
}

static unsigned count_records(const struct store_host *host, char kind)
{
    struct store_iterator *iterator = host->port.iterator_new(host->port.context);
    const uint8_t name[] = {'Q', (uint8_t)kind};
    unsigned count = 0;
    for (host->port.seek(iterator, slice_make(name, 2));
         host->port.valid(iterator) && memcmp(host->port.key(iterator).data, name, 2) == 0;
         host->port.next(iterator))
        count++;
    host->port.iterator_free(iterator);
    return count;
}

static void sent_again_it_acts_once_and_gives_its_first_answer(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    for (uint8_t coordinator = 0; coordinator < OWNERS; coordinator++) {
        assert_int_equal(attempt(&cluster, coordinator, ALL, ALL, "id", append("ab")), STATUS_OK);
        assert_int_equal(cluster.result.outcomes[0].number, 2);
        assert_true(cluster.result.outcomes[0].written);
        assert_int_equal(cluster.repeated, coordinator > 0);
        assert_values(&cluster, "ab", "ab", "ab");
    }
    /* Later writes do not change what was answered then. */
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, NULL, append("c")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 1, ALL, ALL, "id", append("ab")), STATUS_OK);
    assert_int_equal(cluster.result.outcomes[0].number, 2);
    assert_int_equal(attempt(&cluster, 2, ALL, ALL, "other", getset("new")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "other", getset("new")), STATUS_OK);
    assert_true(slice_equal(cluster.result.outcomes[0].value, slice_text("abc")));
    assert_values(&cluster, "new", "new", "new");
    deinit_cluster(&cluster);
}

static void an_id_that_was_given_to_another_command_is_refused(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "id", append("ab")), STATUS_OK);
    for (uint8_t coordinator = 0; coordinator < OWNERS; coordinator++)
        assert_int_equal(attempt(&cluster, coordinator, ALL, ALL, "id", append("other")),
                         STATUS_REQUEST_CONFLICT);
    assert_values(&cluster, "ab", "ab", "ab");
    deinit_cluster(&cluster);
}

/* Nobody within reach knows it, and none of what they hold can be built on it: it is made anew. */
static void an_attempt_that_is_stuck_at_one_owner_does_not_act_twice(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "id", append("x")), STATUS_UNCERTAIN);
    assert_values(&cluster, "x", NULL, NULL);
    assert_int_equal(attempt(&cluster, 1, 6, 6, "id", append("x")), STATUS_OK);
    assert_false(cluster.repeated);
    deliver_late(&cluster);
    repair(&cluster, 1, 0);
    repair(&cluster, 0, 2);
    assert_values(&cluster, "x", "x", "x");
    assert_int_equal(attempt(&cluster, 2, ALL, ALL, NULL, append("y")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 1, ALL, ALL, "id", append("x")), STATUS_OK);
    assert_values(&cluster, "xy", "xy", "xy");
    deinit_cluster(&cluster);
}

/* An attempt that is repeated at its own owner brings the first one to its level. */
static void an_attempt_that_met_too_few_is_completed_by_the_next(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "id", append("x")), STATUS_UNCERTAIN);
    assert_int_equal(attempt(&cluster, 1, 3, 3, "id", append("x")), STATUS_OK);
    assert_true(cluster.repeated);
    assert_values(&cluster, "x", "x", NULL);
    deinit_cluster(&cluster);
}

/* What is built on it hides it: then only who has absorbed it can tell. */
static void what_nobody_within_reach_can_tell_is_not_minted(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "id", append("x")), STATUS_UNCERTAIN);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, NULL, append("y")), STATUS_OK);
    assert_values(&cluster, "xy", "xy", "xy");
    assert_int_equal(attempt(&cluster, 1, 6, 6, "id", append("x")), STATUS_REQUEST_UNKNOWN);
    assert_values(&cluster, "xy", "xy", "xy");
    /* Asked on its own authority, one beyond the level may know. */
    assert_int_equal(attempt(&cluster, 1, ALL, ALL, "id", append("x")), STATUS_OK);
    assert_int_equal(cluster.result.outcomes[0].number, 1);
    assert_values(&cluster, "xy", "xy", "xy");
    deinit_cluster(&cluster);
}

/* Its first copy came by read repair, which knows no records: the version itself names it. */
static void a_version_that_was_repaired_brings_its_request_along(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "id", append("xyz")), STATUS_UNCERTAIN);
    repair(&cluster, 0, 1);
    assert_int_equal(attempt(&cluster, 1, 6, 6, NULL, append("!")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 2, 6, 6, "id", append("xyz")), STATUS_OK);
    assert_true(cluster.repeated);
    assert_int_equal(cluster.result.outcomes[0].number, 3); /* as its own version says */
    assert_values(&cluster, "xyz", "xyz!", "xyz!");
    /* What it returned is known to its own owner alone. */
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "gs", getset("new")), STATUS_UNCERTAIN);
    repair(&cluster, 0, 1);
    assert_int_equal(attempt(&cluster, 2, 6, 6, "gs", getset("new")), STATUS_REQUEST_DONE);
    assert_int_equal(attempt(&cluster, 2, 5, 5, "gs", getset("new")), STATUS_OK);
    assert_true(slice_equal(cluster.result.outcomes[0].value, slice_text("xyz")) ||
                slice_equal(cluster.result.outcomes[0].value, slice_text("xyz!")));
    deinit_cluster(&cluster);
}

/* Cell and record are one batch: after kill -9 both are there, or neither. */
static void a_crash_leaves_no_version_without_its_record(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    assert_int_equal(attempt(&cluster, 0, ALL, 1, "id", append("x")), STATUS_UNCERTAIN);
    store_host_restart(&cluster.hosts[0]);
    assert_int_equal(attempt(&cluster, 0, 3, 3, "id", append("x")), STATUS_OK);
    assert_true(cluster.repeated);
    assert_values(&cluster, "x", "x", NULL);
    deinit_cluster(&cluster);
}

static void what_is_remembered_is_bounded_and_forgotten_when_its_window_is_over(void **state)
{
    struct cluster cluster;
    char id[16];
    (void)state;
    init_cluster(&cluster);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "id%d", i);
        assert_int_equal(attempt(&cluster, 0, ALL, ALL, id, append("x")), STATUS_OK);
    }
    for (int i = 0; i < OWNERS; i++) {
        assert_int_equal(count_records(&cluster.hosts[i], 'r'), 20);
        assert_int_equal(count_records(&cluster.hosts[i], 'e'), 20);
        assert_int_equal(count_records(&cluster.hosts[i], 'd'), 20);
        cluster.hosts[i].now.wall_ms += REQUEST_WINDOW_MS;
        cluster.hosts[i].now.mono_us += REQUEST_WINDOW_MS * 1000ull;
        store_host_set(&cluster.hosts[i], "another", "write");
        store_host_set(&cluster.hosts[i], "another", "write");
        assert_int_equal(count_records(&cluster.hosts[i], 'r'), 0);
        assert_int_equal(count_records(&cluster.hosts[i], 'e'), 0);
        assert_int_equal(count_records(&cluster.hosts[i], 'd'), 0);
    }
    deinit_cluster(&cluster);
}

/* Other ids are taken for new ones then. */
static void an_id_that_carries_its_time_is_not_taken_for_new_after_its_window(void **state)
{
    struct cluster cluster;
    char id[40], late[40];
    (void)state;
    init_cluster(&cluster);
    snprintf(id, sizeof id, "%08llx-%04llx-7abc-8def-0123456789ab",
             (unsigned long long)STORE_HOST_WALL_MS >> 16,
             (unsigned long long)STORE_HOST_WALL_MS & 0xffff);
    snprintf(late, sizeof late, "%08llx-%04llx-7abc-8def-0123456789ab",
             (unsigned long long)(STORE_HOST_WALL_MS + 3 * REQUEST_WINDOW_MS) >> 16,
             (unsigned long long)(STORE_HOST_WALL_MS + 3 * REQUEST_WINDOW_MS) & 0xffff);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, id, append("x")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 1, ALL, ALL, id, append("x")), STATUS_OK);
    assert_true(cluster.repeated);
    for (int i = 0; i < OWNERS; i++) {
        cluster.hosts[i].now.wall_ms += REQUEST_WINDOW_MS;
        cluster.hosts[i].now.mono_us += REQUEST_WINDOW_MS * 1000ull;
        store_host_set(&cluster.hosts[i], "another", "write");
        store_host_set(&cluster.hosts[i], "another", "write");
    }
    assert_int_equal(attempt(&cluster, 2, ALL, ALL, id, append("x")), STATUS_REQUEST_TOO_OLD);
    assert_int_equal(attempt(&cluster, 2, ALL, ALL, late, append("x")), STATUS_REQUEST_AHEAD);
    assert_values(&cluster, "x", "x", "x");
    deinit_cluster(&cluster);
}

static void at_the_limit_no_new_request_with_an_id_is_begun(void **state)
{
    struct cluster cluster;
    (void)state;
    init_cluster(&cluster);
    struct store_host *host = &cluster.hosts[0];
    host->settings.request_ids_max = 2;
    store_side_free(host->side);
    host->side = store_side_new(&(struct store_side_params){.self = host->self,
                                                            .storage_incarnation = 1,
                                                            .boot_epoch = 2,
                                                            .ring = cluster.ring,
                                                            .settings = &host->settings,
                                                            .port = &host->port});
    host->boot_epoch = 2;
    store_host_open(host);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "a", append("a")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "b", append("b")), STATUS_OK);
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "c", append("c")), STATUS_OVERLOADED);
    assert_values(&cluster, "ab", "ab", "ab");
    assert_int_equal(attempt(&cluster, 0, ALL, ALL, "a", append("a")), STATUS_OK);
    assert_true(cluster.repeated);
    /* What others accepted is taken in any case. */
    assert_int_equal(attempt(&cluster, 1, ALL, ALL, "c", append("c")), STATUS_OK);
    assert_values(&cluster, "abc", "abc", "abc");
    assert_int_equal(count_records(host, 'r'), 3);
    deinit_cluster(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_again_it_acts_once_and_gives_its_first_answer),
        cmocka_unit_test(an_id_that_was_given_to_another_command_is_refused),
        cmocka_unit_test(an_attempt_that_is_stuck_at_one_owner_does_not_act_twice),
        cmocka_unit_test(an_attempt_that_met_too_few_is_completed_by_the_next),
        cmocka_unit_test(what_nobody_within_reach_can_tell_is_not_minted),
        cmocka_unit_test(a_version_that_was_repaired_brings_its_request_along),
        cmocka_unit_test(a_crash_leaves_no_version_without_its_record),
        cmocka_unit_test(what_is_remembered_is_bounded_and_forgotten_when_its_window_is_over),
        cmocka_unit_test(an_id_that_carries_its_time_is_not_taken_for_new_after_its_window),
        cmocka_unit_test(at_the_limit_no_new_request_with_an_id_is_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
