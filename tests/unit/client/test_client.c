/*
 * test_client.c - routing, retries, deadlines and outcomes, judged by what the servers applied.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/fake_server.h"
#include "client/ringdb.h"

/* slots 12182 and 5061: one in each half */
#define HIGH_KEY "foo"
#define LOW_KEY  "bar"

struct fixture {
    struct fake_server servers[2];
    char slots[1024], hosts[80];
    struct ringdb *client;
    uint64_t now_us;
    unsigned open;
    struct ringdb_result results[16]; /* without replies */
    char texts[16][64];               /* the replies' texts */
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.now_us = 1000000};
    for (int i = 0; i < 2; i++)
        fake_server_start(&fixture.servers[i]);
    fake_slots(fixture.slots, sizeof fixture.slots, &fixture.servers[0], &fixture.servers[1]);
    fixture.servers[0].slots = fixture.servers[1].slots = fixture.slots;
    snprintf(fixture.hosts, sizeof fixture.hosts, "%s,%s", fixture.servers[0].address,
             fixture.servers[1].address);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ringdb_free(f->client);
    for (int i = 0; i < 2; i++)
        fake_server_deinit(&f->servers[i]);
    return 0;
}

static void begin(struct fixture *f, struct ringdb_options options)
{
    char message[RINGDB_MESSAGE_MAX];
    if (options.hosts == NULL)
        options.hosts = f->hosts;
    options.seed = 1;
    assert_int_equal(ringdb_new(&options, &f->client, message), RINGDB_ERROR_NONE);
}

struct slot {
    struct fixture *fixture;
    size_t index;
};

static void take(void *context, struct ringdb_result *result)
{
    struct slot *slot = context;
    struct fixture *f = slot->fixture;
    f->results[slot->index] = *result;
    f->results[slot->index].reply = NULL;
    f->texts[slot->index][0] = '\0';
    if (result->reply != NULL && result->reply->type <= RINGDB_BULK)
        snprintf(f->texts[slot->index], sizeof f->texts[0], "%s",
                 (const char *)result->reply->text.data);
    f->open--;
}

/* Submit "SET key value" or "GET key" as call number `index`. */
static void submit(struct fixture *f, size_t index, struct ringdb_call options, const char *command,
                   const char *key, const char *value)
{
    static struct slot slots[16];
    struct ringdb_bytes words[] = {ringdb_text(command), ringdb_text(key), ringdb_text(value)};
    slots[index] = (struct slot){.fixture = f, .index = index};
    options.arguments = words;
    options.argument_count = value == NULL ? 2 : 3;
    options.done = take;
    options.done_context = &slots[index];
    assert_int_equal(ringdb_submit(f->client, &options, f->now_us, NULL), RINGDB_ERROR_NONE);
    f->open++;
}

static void finish(struct fixture *f)
{
    fake_run(f->client, f->servers, 2, &f->open, &f->now_us, 1000);
}

static void run_one(struct fixture *f, struct ringdb_call options, const char *command,
                    const char *key, const char *value)
{
    submit(f, 0, options, command, key, value);
    finish(f);
}

static void assert_result(const struct fixture *f, size_t index, enum ringdb_outcome outcome,
                          enum ringdb_error error)
{
    assert_int_equal(f->results[index].outcome, outcome);
    assert_int_equal(f->results[index].error, error);
    assert_int_equal(f->results[index].message[0] == '\0', outcome == RINGDB_OK);
}

static void calls_go_to_the_first_owner_once_the_ring_is_known(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    run_one(f, (struct ringdb_call){0}, "GET", LOW_KEY, NULL); /* and the ring is asked for */
    f->open = 1;
    for (int i = 0; i < 100 && f->client != NULL; i++) {
        struct ringdb_state known;
        ringdb_state(f->client, &known);
        if (known.ring_known)
            break;
        submit(f, 1, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
        f->open--;
        finish(f);
    }
    f->open = 0;
    assert_string_equal(ringdb_route(f->client, ringdb_text(LOW_KEY)), f->servers[0].address);
    assert_string_equal(ringdb_route(f->client, ringdb_text(HIGH_KEY)), f->servers[1].address);
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    run_one(f, (struct ringdb_call){0}, "SET", HIGH_KEY, "2");
    assert_int_equal(fake_server_applied(&f->servers[0], LOW_KEY), 1);
    assert_int_equal(fake_server_applied(&f->servers[1], HIGH_KEY), 1);
    run_one(f, (struct ringdb_call){0}, "GET", HIGH_KEY, NULL);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_string_equal(f->texts[0], "2");
}

static void the_own_region_s_owner_is_first(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.region = "eu"});
    run_one(f, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
}

static void pipelined_calls_each_get_their_own_reply(void **state)
{
    struct fixture *f = *state;
    char value[8];
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address});
    f->servers[0].slots = NULL;
    f->servers[0].piece = 1;
    for (size_t i = 0; i < 8; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", i);
        snprintf(value, sizeof value, "v%zu", i);
        submit(f, i, (struct ringdb_call){0}, "SET", key, value);
        submit(f, i + 8, (struct ringdb_call){0}, "GET", key, NULL);
    }
    finish(f);
    for (size_t i = 0; i < 8; i++) {
        snprintf(value, sizeof value, "v%zu", i);
        assert_string_equal(f->texts[i], "OK");
        assert_string_equal(f->texts[i + 8], value);
    }
    assert_int_equal(f->servers[0].accepted, 1);
}

static void a_node_that_is_down_costs_no_outcome(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    fake_server_stop(&f->servers[0]);
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_int_equal(fake_server_applied(&f->servers[1], LOW_KEY), 1);
}

static void without_any_node_a_call_fails_definitely_when_its_time_is_up(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    fake_server_stop(&f->servers[0]);
    fake_server_stop(&f->servers[1]);
    uint64_t began_us = f->now_us;
    run_one(f, (struct ringdb_call){.timeout_ms = 700}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_FAILED, RINGDB_ERROR_CONNECTION);
    assert_in_range(f->now_us - began_us, 690000, 800000);
    assert_int_equal(f->results[0].attempts, 0);
}

static void calls_wait_for_a_node_that_comes_back(void **state)
{
    struct fixture *f = *state;
    unsigned none = 1;
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address});
    fake_server_stop(&f->servers[0]);
    submit(f, 0, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    for (int i = 0; i < 20; i++) {
        ringdb_advance(f->client, f->now_us);
        f->now_us += 20000;
    }
    assert_int_equal(f->open, none);
    fake_server_restart(&f->servers[0]);
    finish(f);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_int_equal(fake_server_applied(&f->servers[0], LOW_KEY), 1);
}

static void definite_errors_are_tried_again(void **state)
{
    static const char *const codes[] = {
        "NOREPLICAS not enough owners reachable: need 2, can reach 1",
        "OVERLOADED too many requests are under way", "TRYAGAIN the ring has changed meanwhile",
        "LOADING the owners' replicas are being rebuilt", "CLOCKSKEW x"};
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char key[8];
        snprintf(key, sizeof key, "e%zu", i);
        f->servers[0].refusal = f->servers[1].refusal = codes[i];
        f->servers[0].refusals = f->servers[1].refusals = 1;
        run_one(f, (struct ringdb_call){0}, "SET", key, "1");
        assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
        assert_true(f->results[0].attempts >= 2);
        assert_int_equal(
            fake_server_applied(&f->servers[0], key) + fake_server_applied(&f->servers[1], key), 1);
    }
}

static void what_stays_refused_fails_with_the_server_s_words(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    f->servers[0].refusal = f->servers[1].refusal = "NOREPLICAS no";
    f->servers[0].refusals = f->servers[1].refusals = 1000;
    run_one(f, (struct ringdb_call){.timeout_ms = 300}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_FAILED, RINGDB_ERROR_SERVER);
    assert_string_equal(f->texts[0], "NOREPLICAS no");
    assert_true(f->results[0].attempts > 2);
    f->servers[0].refusal = f->servers[1].refusal = "WRONGTYPE x";
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_FAILED, RINGDB_ERROR_SERVER);
    assert_int_equal(f->results[0].attempts, 1);
}

/* Else clients would double the work of servers that can not do what they have. */
static void when_all_is_refused_few_calls_are_tried_again(void **state)
{
    enum { ROUNDS = 40, CALLS = 12 };
    struct fixture *f = *state;
    uint64_t start_us = f->now_us, again = 0;
    begin(f, (struct ringdb_options){0});
    f->servers[0].refusal = f->servers[1].refusal = "OVERLOADED no";
    f->servers[0].refusals = f->servers[1].refusals = 1000000;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CALLS; i++)
            submit(f, i, (struct ringdb_call){.timeout_ms = 200}, "SET", LOW_KEY, "1");
        finish(f);
        for (size_t i = 0; i < CALLS; i++) {
            assert_result(f, i, RINGDB_FAILED, RINGDB_ERROR_SERVER);
            again += f->results[i].attempts - 1;
        }
    }
    uint64_t seconds = (f->now_us - start_us) / 1000000 + 1;
    assert_in_range(again, 100, 100 + ROUNDS * CALLS / 10 + 10 * seconds);
    f->servers[0].refusals = f->servers[1].refusals = 0;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "2");
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
}

static void an_uncertain_write_is_not_repeated(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    f->servers[0].refusal = f->servers[1].refusal = "UNCERTAIN w=1/2 sent";
    f->servers[0].refusals = f->servers[1].refusals = 1;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_SERVER);
    assert_string_equal(f->texts[0], "UNCERTAIN w=1/2 sent");
    assert_int_equal(f->results[0].attempts, 1);
}

static void a_lost_answer_makes_a_write_uncertain_and_a_read_repeat(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    f->servers[0].loses_answers = f->servers[1].loses_answers = true;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_CONNECTION);
    assert_int_equal(fake_server_applied(&f->servers[0], LOW_KEY) +
                         fake_server_applied(&f->servers[1], LOW_KEY),
                     1);
    f->servers[0].loses_answers = f->servers[1].loses_answers = false;
    run_one(f, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
}

/* The id makes a repetition safe, so the outcome becomes known. */
static void a_write_with_an_id_is_repeated_until_it_is_known(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address});
    f->servers[0].slots = NULL;
    f->servers[0].loses_answers = true;
    submit(f, 0, (struct ringdb_call){.request_id = ringdb_text("r1")}, "SET", LOW_KEY, "1");
    for (int i = 0; i < 5000 && f->servers[0].sets < 2; i++) {
        unsigned none = 0;
        fake_run(f->client, f->servers, 1, &none, &f->now_us, 0);
        ringdb_advance(f->client, f->now_us += 100);
        while (fake_server_step(&f->servers[0]))
            continue;
        for (size_t k = 0; k < ringdb_wait_count(f->client); k++)
            ringdb_ready(f->client, ringdb_wait_at(f->client, k).fd, RINGDB_WAIT_READ, f->now_us);
    }
    f->servers[0].loses_answers = false;
    finish(f);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_true(f->results[0].attempts >= 3);
    assert_int_equal(fake_server_applied(&f->servers[0], LOW_KEY), 1);
}

/* An earlier attempt may have been applied: a later definite error does not undo that. */
static void doubt_survives_a_later_definite_error(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){0});
    f->servers[0].refusal = f->servers[1].refusal = "UNCERTAIN w=1/2 sent";
    f->servers[0].refusals = f->servers[1].refusals = 1;
    submit(f, 0, (struct ringdb_call){.request_id = ringdb_text("r2")}, "SET", LOW_KEY, "1");
    for (int i = 0; i < 1000 && f->servers[0].refusals + f->servers[1].refusals == 2; i++) {
        ringdb_advance(f->client, f->now_us);
        for (size_t k = 0; k < ringdb_wait_count(f->client); k++)
            ringdb_ready(f->client, ringdb_wait_at(f->client, k).fd,
                         RINGDB_WAIT_READ | RINGDB_WAIT_WRITE, f->now_us);
        fake_server_step(&f->servers[0]);
        fake_server_step(&f->servers[1]);
    }
    f->servers[0].refusal = f->servers[1].refusal = "DISKFULL no";
    f->servers[0].refusals = f->servers[1].refusals = 10;
    finish(f);
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_SERVER);
    assert_string_equal(f->texts[0], "DISKFULL no");
}

static void silence_ends_with_the_deadline(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.connect_timeout_ms = 400});
    f->servers[0].silent = f->servers[1].silent = true;
    uint64_t began_us = f->now_us;
    submit(f, 0, (struct ringdb_call){.timeout_ms = 500}, "SET", LOW_KEY, "1");
    submit(f, 1, (struct ringdb_call){.timeout_ms = 600}, "GET", LOW_KEY, NULL);
    finish(f);
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_TIMEOUT);
    assert_int_equal(f->results[1].outcome, RINGDB_FAILED);
    assert_in_range(f->now_us - began_us, 590000, 700000);
}

/* Nobody greets: the write never left, and that is known. */
static void a_write_that_was_never_written_fails_definitely(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.connect_timeout_ms = 100});
    f->servers[0].mute = f->servers[1].mute = true;
    run_one(f, (struct ringdb_call){.timeout_ms = 450}, "SET", LOW_KEY, "1");
    assert_int_equal(f->results[0].outcome, RINGDB_FAILED);
    assert_int_equal(f->results[0].attempts, 0);
}

static void a_late_reply_is_not_given_to_the_next_call(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address, .connect_timeout_ms = 5000});
    f->servers[0].slots = NULL;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "old");
    f->servers[0].mute = true;
    run_one(f, (struct ringdb_call){.timeout_ms = 50}, "GET", LOW_KEY, NULL);
    assert_result(f, 0, RINGDB_FAILED, RINGDB_ERROR_TIMEOUT);
    assert_int_equal(ringdb_open_calls(f->client), 1); /* its reply is still awaited */
    f->servers[0].mute = false;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "new");
    assert_string_equal(f->texts[0], "OK");
    assert_int_equal(f->servers[0].accepted, 1);
    assert_int_equal(ringdb_open_calls(f->client), 0);
}

/* Its calls are shorter than the silence that shows it, and answers to early ones are still due. */
static void a_node_that_stands_still_is_left_alone(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.connect_timeout_ms = 400});
    for (int i = 0; i < 5; i++)
        run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_string_equal(ringdb_route(f->client, ringdb_text(LOW_KEY)), f->servers[0].address);
    f->servers[0].mute = true;
    unsigned late = 0;
    for (int i = 0; i < 20; i++) {
        run_one(f, (struct ringdb_call){.timeout_ms = 100}, "GET", LOW_KEY, NULL);
        late += f->results[0].outcome != RINGDB_OK;
    }
    assert_in_range(late, 1, 6);
    assert_string_equal(ringdb_route(f->client, ringdb_text(LOW_KEY)), f->servers[1].address);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
}

/* The last call of a program: nobody asks again, so no later call would notice the silence. */
static void an_answer_that_never_comes_is_not_awaited_for_ever(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){
                 .hosts = f->servers[0].address, .connect_timeout_ms = 5000, .timeout_ms = 1000});
    f->servers[0].slots = NULL;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    f->servers[0].mute = true;
    run_one(f, (struct ringdb_call){.timeout_ms = 50}, "SET", LOW_KEY, "2");
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_TIMEOUT);
    assert_int_equal(ringdb_open_calls(f->client), 1);
    uint64_t due_us = 0;
    for (int i = 0; i < 100 && ringdb_open_calls(f->client) > 0; i++) {
        due_us = ringdb_deadline_us(f->client);
        assert_true(due_us < UINT64_MAX); /* else a loop would sleep for ever */
        ringdb_advance(f->client, due_us);
    }
    assert_int_equal(ringdb_open_calls(f->client), 0);
    assert_in_range(due_us, f->now_us + 5500000, f->now_us + 6100000);
}

static void moved_is_followed(void **state)
{
    struct fixture *f = *state;
    char moved[64];
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address});
    f->servers[0].slots = NULL;
    snprintf(moved, sizeof moved, "MOVED 5061 127.0.0.1:%u", f->servers[1].port);
    f->servers[0].refusal = moved;
    f->servers[0].refusals = 1;
    run_one(f, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_int_equal(fake_server_applied(&f->servers[1], LOW_KEY), 1);
}

static void bounds_are_answered_at_once(void **state)
{
    struct fixture *f = *state;
    struct ringdb_bytes words[] = {ringdb_text("PING")};
    struct ringdb_call ping = {.arguments = words, .argument_count = 1};
    begin(f, (struct ringdb_options){.calls_max = 2});
    assert_int_equal(ringdb_submit(f->client, &ping, f->now_us, NULL), RINGDB_ERROR_NONE);
    assert_int_equal(ringdb_submit(f->client, &ping, f->now_us, NULL), RINGDB_ERROR_NONE);
    assert_int_equal(ringdb_submit(f->client, &ping, f->now_us, NULL), RINGDB_ERROR_BUSY);
}

static void freeing_cancels_and_keeps_the_difference(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address});
    f->servers[0].silent = true;
    submit(f, 0, (struct ringdb_call){0}, "SET", LOW_KEY, "1");
    submit(f, 1, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
    for (int i = 0; i < 1000 && f->servers[0].gets == 0; i++) {
        ringdb_advance(f->client, f->now_us);
        for (size_t k = 0; k < ringdb_wait_count(f->client); k++)
            ringdb_ready(f->client, ringdb_wait_at(f->client, k).fd,
                         RINGDB_WAIT_READ | RINGDB_WAIT_WRITE, f->now_us);
        fake_server_step(&f->servers[0]);
    }
    submit(f, 2, (struct ringdb_call){0}, "SET", HIGH_KEY, "1"); /* not written yet */
    ringdb_free(f->client);
    f->client = NULL;
    assert_int_equal(f->open, 0);
    assert_result(f, 0, RINGDB_UNCERTAIN, RINGDB_ERROR_CANCELLED);
    assert_result(f, 1, RINGDB_FAILED, RINGDB_ERROR_CANCELLED);
    assert_result(f, 2, RINGDB_FAILED, RINGDB_ERROR_CANCELLED);
}

static void a_direct_client_asks_one_node_and_fails_at_once(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.direct = true});
    run_one(f, (struct ringdb_call){0}, "GET", HIGH_KEY, NULL);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
    assert_int_equal(f->servers[0].slots_asked, 0);
    fake_server_stop(&f->servers[0]);
    uint64_t began_us = f->now_us;
    run_one(f, (struct ringdb_call){0}, "GET", HIGH_KEY, NULL);
    assert_result(f, 0, RINGDB_FAILED, RINGDB_ERROR_CONNECTION);
    assert_true(f->now_us - began_us < 100000);
    assert_int_equal(f->servers[1].accepted, 0);
}

static void several_connections_share_the_calls(void **state)
{
    struct fixture *f = *state;
    begin(f, (struct ringdb_options){.hosts = f->servers[0].address, .connections_per_node = 4});
    f->servers[0].slots = NULL;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 8; i++)
            submit(f, i, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
        finish(f);
    }
    assert_int_equal(f->servers[0].accepted, 4);
}

struct watched {
    unsigned events[1024];
};

static void watch(void *context, int fd, unsigned events)
{
    struct watched *watched = context;
    watched->events[fd] = events;
}

static void watch_tells_what_wait_at_tells(void **state)
{
    struct fixture *f = *state;
    static struct watched watched;
    unsigned open_fds = 0;
    memset(&watched, 0, sizeof watched);
    begin(f, (struct ringdb_options){.watch = watch, .watch_context = &watched});
    for (int i = 0; i < 5; i++) {
        run_one(f, (struct ringdb_call){0}, "SET", i % 2 ? LOW_KEY : HIGH_KEY, "1");
        for (size_t k = 0; k < ringdb_wait_count(f->client); k++) {
            struct ringdb_wait wait = ringdb_wait_at(f->client, k);
            assert_int_equal(watched.events[wait.fd], wait.events);
        }
    }
    ringdb_free(f->client);
    f->client = NULL;
    for (size_t i = 0; i < 1024; i++)
        open_fds += watched.events[i] != 0;
    assert_int_equal(open_fds, 0);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct ringdb *client = NULL;
    char message[RINGDB_MESSAGE_MAX];
    static const struct {
        struct ringdb_options options;
        enum ringdb_error error;
    } cases[] = {
        {{.hosts = NULL}, RINGDB_ERROR_INVALID},
        {{.hosts = ""}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:0"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:70000"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1x"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1,,b:2"}, RINGDB_ERROR_INVALID},
        {{.hosts = ":1"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1", .tls = true, .tls_cert_file = "only"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1", .tls = true, .tls_ca_file = "/nowhere"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1", .user = "u"}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1", .connections_per_node = 1025}, RINGDB_ERROR_INVALID},
        {{.hosts = "a:1", .reply_bytes_max = 1}, RINGDB_ERROR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ringdb_new(&cases[i].options, &client, message), cases[i].error);
        assert_null(client);
        assert_true(strlen(message) > 5);
    }
    assert_int_equal(
        ringdb_new(&(struct ringdb_options){.hosts = "h,[::1]:7,x:8"}, &client, message),
        RINGDB_ERROR_NONE);
    struct ringdb_state known;
    ringdb_state(client, &known);
    assert_int_equal(known.nodes, 3);
    ringdb_free(client);
}

static void a_keyspace_is_selected_before_any_call(void **state)
{
    struct fixture *f = *state;
    begin(f,
          (struct ringdb_options){.hosts = f->servers[0].address, .keyspace = 3, .direct = true});
    submit(f, 0, (struct ringdb_call){0}, "GET", LOW_KEY, NULL);
    for (int i = 0; i < 1000 && strcmp((const char *)f->servers[0].words.data != NULL
                                           ? (const char *)f->servers[0].words.data
                                           : "",
                                       "") == 0;
         i++) {
        ringdb_advance(f->client, f->now_us);
        for (size_t k = 0; k < ringdb_wait_count(f->client); k++)
            ringdb_ready(f->client, ringdb_wait_at(f->client, k).fd, RINGDB_WAIT_WRITE, f->now_us);
        fake_server_step(&f->servers[0]);
    }
    assert_true(slice_equal(buffer_slice(&f->servers[0].words), slice_text("SELECT 3")));
    assert_int_equal(f->servers[0].gets, 0);
    finish(f);
    assert_result(f, 0, RINGDB_OK, RINGDB_ERROR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    alarm(120);
    const struct CMUnitTest tests[] = {
        TEST(calls_go_to_the_first_owner_once_the_ring_is_known),
        TEST(the_own_region_s_owner_is_first),
        TEST(pipelined_calls_each_get_their_own_reply),
        TEST(a_node_that_is_down_costs_no_outcome),
        TEST(without_any_node_a_call_fails_definitely_when_its_time_is_up),
        TEST(calls_wait_for_a_node_that_comes_back),
        TEST(definite_errors_are_tried_again),
        TEST(what_stays_refused_fails_with_the_server_s_words),
        TEST(when_all_is_refused_few_calls_are_tried_again),
        TEST(an_uncertain_write_is_not_repeated),
        TEST(a_lost_answer_makes_a_write_uncertain_and_a_read_repeat),
        TEST(a_write_with_an_id_is_repeated_until_it_is_known),
        TEST(doubt_survives_a_later_definite_error),
        TEST(silence_ends_with_the_deadline),
        TEST(a_write_that_was_never_written_fails_definitely),
        TEST(a_late_reply_is_not_given_to_the_next_call),
        TEST(a_node_that_stands_still_is_left_alone),
        TEST(an_answer_that_never_comes_is_not_awaited_for_ever),
        TEST(moved_is_followed),
        TEST(bounds_are_answered_at_once),
        TEST(freeing_cancels_and_keeps_the_difference),
        TEST(a_direct_client_asks_one_node_and_fails_at_once),
        TEST(several_connections_share_the_calls),
        TEST(watch_tells_what_wait_at_tells),
        TEST(a_keyspace_is_selected_before_any_call),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
