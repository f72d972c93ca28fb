#include "store/frame_queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/store_metrics.h"

static enum status push_text(struct frame_queue *queue, const char *text)
{
    return frame_queue_push(queue, slice_text(text));
}

/* Take and compare: the frames that are expected, one after the other with a blank between. */
static void expect_take(struct frame_queue *queue, size_t frames_max, size_t bytes_max,
                        const char *expected)
{
    struct buffer frames = {0};
    struct buffer text = {0};
    buffer_reserve(&frames, 1);
    size_t taken = frame_queue_take(queue, frames_max, bytes_max, 0, &frames);
    struct reader reader = reader_make(buffer_slice(&frames));
    size_t count = 0;
    for (; reader_left(&reader) > 0; count++) {
        if (count > 0)
            buffer_put_u8(&text, ' ');
        buffer_append_slice(&text, reader_bytes(&reader));
    }
    assert_int_equal(count, taken);
    assert_true(slice_equal(buffer_slice(&text), slice_text(expected)));
    buffer_deinit(&frames);
    buffer_deinit(&text);
}

static void gives_frames_in_their_order_up_to_the_bounds(void **state)
{
    struct frame_queue *queue = frame_queue_new(100, 1000);
    (void)state;
    expect_take(queue, 9, 99, "");
    assert_int_equal(push_text(queue, "a"), STATUS_OK);
    assert_int_equal(push_text(queue, "bb"), STATUS_OK);
    assert_int_equal(push_text(queue, ""), STATUS_OK);
    assert_int_equal(push_text(queue, "ccc"), STATUS_OK);
    assert_int_equal(push_text(queue, "dddd"), STATUS_OK);
    expect_take(queue, 1, 99, "a");
    expect_take(queue, 9, 4, "bb ");
    expect_take(queue, 9, 1, "ccc"); /* at least one */
    expect_take(queue, 9, 99, "dddd");
    expect_take(queue, 9, 99, "");
    frame_queue_free(queue);
}

static void refuses_the_frame_after_the_last_that_fits(void **state)
{
    struct frame_queue *queue = frame_queue_new(3, 1000);
    size_t frames;
    size_t bytes;
    (void)state;
    assert_int_equal(push_text(queue, "a"), STATUS_OK);
    assert_int_equal(push_text(queue, "b"), STATUS_OK);
    assert_int_equal(push_text(queue, "c"), STATUS_OK);
    assert_int_equal(push_text(queue, "d"), STATUS_OVERLOADED);
    frame_queue_size(queue, &frames, &bytes);
    assert_int_equal(frames, 3);
    assert_int_equal(bytes, 3);
    expect_take(queue, 1, 99, "a");
    assert_int_equal(push_text(queue, "e"), STATUS_OK);
    expect_take(queue, 9, 99, "b c e");
    frame_queue_free(queue);
}

static void refuses_the_byte_after_the_last_that_fits(void **state)
{
    struct frame_queue *queue = frame_queue_new(100, 10);
    (void)state;
    assert_int_equal(push_text(queue, "12345"), STATUS_OK);
    assert_int_equal(push_text(queue, "123456"), STATUS_OVERLOADED);
    assert_int_equal(push_text(queue, "12345"), STATUS_OK);
    assert_int_equal(push_text(queue, "1"), STATUS_OVERLOADED);
    expect_take(queue, 9, 99, "12345 12345");
    /* One that fits no queue of this size must not be stuck outside for ever. */
    assert_int_equal(push_text(queue, "12345678901"), STATUS_OK);
    assert_int_equal(push_text(queue, "1"), STATUS_OVERLOADED);
    expect_take(queue, 9, 1, "12345678901");
    frame_queue_free(queue);
}

static void close_lets_the_queued_ones_be_taken(void **state)
{
    struct frame_queue *queue = frame_queue_new(100, 1000);
    (void)state;
    assert_int_equal(push_text(queue, "a"), STATUS_OK);
    frame_queue_close(queue);
    assert_int_equal(push_text(queue, "b"), STATUS_NOT_READY);
    assert_false(frame_queue_done(queue));
    expect_take(queue, 9, 99, "a");
    assert_true(frame_queue_done(queue));
    frame_queue_free(queue);
}

/* What a take leaves behind waits anew; in an empty queue nothing does. */
static void each_take_counts_one_wait(void **state)
{
    static struct store_histogram waited;
    struct log_histogram seen;
    struct frame_queue *queue = frame_queue_new(100, 1000);
    (void)state;
    frame_queue_measure(queue, &waited);
    expect_take(queue, 9, 99, "");
    assert_int_equal(push_text(queue, "a"), STATUS_OK);
    assert_int_equal(push_text(queue, "b"), STATUS_OK);
    expect_take(queue, 1, 99, "a");
    expect_take(queue, 1, 99, "b");
    expect_take(queue, 1, 99, "");
    store_histogram_read(&waited, &seen);
    assert_int_equal(seen.count, 2);
    frame_queue_free(queue);
}

static void carries_large_frames_over_many_chunks(void **state)
{
    enum { FRAMES = 50, BYTES = 100000 };
    static uint8_t bytes[BYTES];
    struct frame_queue *queue = frame_queue_new(FRAMES, (size_t)FRAMES * BYTES);
    struct buffer taken = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < FRAMES; i++) {
            memset(bytes, (int)i, sizeof bytes);
            assert_int_equal(frame_queue_push(queue, slice_make(bytes, sizeof bytes)), STATUS_OK);
        }
        assert_int_equal(frame_queue_take(queue, FRAMES, SIZE_MAX, 0, &taken), FRAMES);
        struct reader reader = reader_make(buffer_slice(&taken));
        for (unsigned i = 0; i < FRAMES; i++) {
            struct slice frame = reader_bytes(&reader);
            assert_int_equal(frame.length, BYTES);
            assert_int_equal(frame.data[0], i);
            assert_int_equal(frame.data[BYTES - 1], i);
        }
        buffer_clear(&taken);
    }
    buffer_deinit(&taken);
    frame_queue_free(queue);
}

struct crew {
    struct frame_queue *queue;
    pthread_mutex_t lock;
    uint64_t sum;
    unsigned taken;
};

enum { PUSHERS = 3, TAKERS = 3, EACH = 5000 };

static void *push_numbers(void *context)
{
    struct crew *crew = context;
    for (uint64_t i = 1; i <= EACH; i++) {
        while (frame_queue_push(crew->queue, slice_make(&i, sizeof i)) != STATUS_OK)
            sched_yield();
    }
    return NULL;
}

static void *take_numbers(void *context)
{
    struct crew *crew = context;
    struct buffer frames = {0};
    while (!frame_queue_done(crew->queue)) {
        buffer_clear(&frames);
        size_t count = frame_queue_take(crew->queue, 7, 1000, 60000, &frames);
        if (count == 0)
            continue;
        struct reader reader = reader_make(buffer_slice(&frames));
        uint64_t sum = 0;
        while (reader_left(&reader) > 0) {
            uint64_t number;
            memcpy(&number, reader_bytes(&reader).data, sizeof number);
            sum += number;
        }
        pthread_mutex_lock(&crew->lock);
        crew->sum += sum;
        crew->taken += (unsigned)count;
        pthread_mutex_unlock(&crew->lock);
    }
    buffer_deinit(&frames);
    return NULL;
}

/* A full and an empty queue alternate; a lost wake-up would hang here for a minute. */
static void loses_and_doubles_nothing_between_threads(void **state)
{
    struct crew crew = {.queue = frame_queue_new(20, 1000), .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t pushers[PUSHERS];
    pthread_t takers[TAKERS];
    (void)state;
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&takers[i], NULL, take_numbers, &crew), 0);
    for (int i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&pushers[i], NULL, push_numbers, &crew), 0);
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i], NULL);
    frame_queue_close(crew.queue);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    assert_int_equal(crew.taken, PUSHERS * EACH);
    assert_int_equal(crew.sum, (uint64_t)PUSHERS * EACH * (EACH + 1) / 2);
    frame_queue_free(crew.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_frames_in_their_order_up_to_the_bounds),
        cmocka_unit_test(refuses_the_frame_after_the_last_that_fits),
        cmocka_unit_test(refuses_the_byte_after_the_last_that_fits),
        cmocka_unit_test(close_lets_the_queued_ones_be_taken),
        cmocka_unit_test(each_take_counts_one_wait),
        cmocka_unit_test(carries_large_frames_over_many_chunks),
        cmocka_unit_test(loses_and_doubles_nothing_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
