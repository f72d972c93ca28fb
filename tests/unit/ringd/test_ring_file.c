#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ringd/ring_file.h"
#include "ringd/ring_plan.h"
#include "config_scratch.h"

static struct ring *make_ring(void)
{
    static const struct ring_random random = {
        .cluster_id = "0123456789abcde", .seed = 42, .secret = "a secret"};
    static const struct ring_address client = {.host = "127.0.0.1", .port = 1};
    static const struct ring_address peer = {.host = "127.0.0.1", .port = 2};
    return ring_plan_one_node(7, &client, &peer, &random);
}

static struct register_value *make_value(void)
{
    struct ring *ring = make_ring();
    struct register_value *value = register_value_first(ring);
    ring_free(ring);
    return value;
}

/* A node that joins starts from what was agreed on by then. */
static void a_later_value_is_read_back_whole(void **state)
{
    struct config_scratch scratch;
    struct register_value *value = make_value(), *back = NULL;
    struct buffer reason = {0};
    (void)state;
    config_scratch_init(&scratch);
    const char *path = config_scratch_file(&scratch, "ring");
    value->seq = 12;
    value->ring->last_id = 9;
    assert_int_equal(ring_file_write(path, value, &reason), STATUS_OK);
    assert_int_equal(ring_file_read(path, &back, &reason), STATUS_OK);
    assert_int_equal(back->seq, 12);
    assert_int_equal(ring_last_id(back->ring), 9);
    register_value_free(back);
    register_value_free(value);
    config_scratch_deinit(&scratch);
}

static void what_is_written_is_read_back(void **state)
{
    struct config_scratch scratch;
    struct register_value *value = make_value(), *back = NULL;
    struct buffer reason = {0};
    struct stat found;
    (void)state;
    config_scratch_init(&scratch);
    const char *path = config_scratch_file(&scratch, "ring");
    assert_int_equal(ring_file_write(path, value, &reason), STATUS_OK);
    assert_int_equal(ring_file_read(path, &back, &reason), STATUS_OK);
    assert_true(ring_digest(back->ring) == ring_digest(value->ring));
    assert_int_equal(back->seq, 0);
    assert_int_equal(reason.length, 0);
    /* It holds the cluster's secret. */
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0077, 0);
    register_value_free(back);
    register_value_free(value);
    config_scratch_deinit(&scratch);
}

static void any_damage_is_noticed(void **state)
{
    struct config_scratch scratch;
    struct ring *ring = make_ring();
    struct register_value *back = NULL;
    struct buffer content = {0}, reason = {0};
    (void)state;
    config_scratch_init(&scratch);
    ring_encode(ring, &content);
    for (size_t length = 0; length < content.length; length += 7) {
        FILE *file = fopen(config_scratch_file(&scratch, "ring"), "we");
        assert_non_null(file);
        assert_int_equal(fwrite(content.data, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(ring_file_read(config_scratch_file(&scratch, "ring"), &back, &reason),
                         STATUS_CORRUPT);
    }
    for (size_t at = 0; at < content.length; at += 11) {
        FILE *file = fopen(config_scratch_file(&scratch, "ring"), "we");
        assert_non_null(file);
        content.data[at] ^= 0x10;
        assert_int_equal(fwrite(content.data, 1, content.length, file), content.length);
        content.data[at] ^= 0x10;
        assert_int_equal(fclose(file), 0);
        assert_int_equal(ring_file_read(config_scratch_file(&scratch, "ring"), &back, &reason),
                         STATUS_CORRUPT);
    }
    assert_null(back);
    buffer_deinit(&content);
    buffer_deinit(&reason);
    ring_free(ring);
    config_scratch_deinit(&scratch);
}

static void a_missing_file_is_told_from_a_damaged_one(void **state)
{
    struct config_scratch scratch;
    struct register_value *back = NULL;
    struct buffer reason = {0};
    (void)state;
    config_scratch_init(&scratch);
    assert_int_equal(ring_file_read(config_scratch_file(&scratch, "none"), &back, &reason),
                     STATUS_NOT_FOUND);
    assert_true(reason.length > 0);
    buffer_deinit(&reason);
    config_scratch_deinit(&scratch);
}

static void a_write_that_fails_keeps_the_old_ring(void **state)
{
    struct config_scratch scratch;
    struct register_value *value = make_value(), *back = NULL;
    struct buffer reason = {0};
    (void)state;
    config_scratch_init(&scratch);
    assert_int_equal(ring_file_write(config_scratch_file(&scratch, "ring"), value, &reason),
                     STATUS_OK);
    /* A directory where the temporary file would be: the write cannot even begin. */
    assert_int_equal(mkdir(config_scratch_file(&scratch, "ring.tmp"), 0700), 0);
    assert_int_equal(ring_file_write(config_scratch_file(&scratch, "ring"), value, &reason),
                     STATUS_IO);
    assert_true(reason.length > 0);
    assert_int_equal(ring_file_read(config_scratch_file(&scratch, "ring"), &back, &reason),
                     STATUS_OK);
    register_value_free(back);
    register_value_free(value);
    buffer_deinit(&reason);
    config_scratch_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_later_value_is_read_back_whole),
        cmocka_unit_test(any_damage_is_noticed),
        cmocka_unit_test(a_missing_file_is_told_from_a_damaged_one),
        cmocka_unit_test(a_write_that_fails_keeps_the_old_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
