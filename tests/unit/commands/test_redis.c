/*
 * test_redis.c - the same commands to this command layer and to redis-server: equal bytes.
 *
 * Debian's redis-tools bring the server's program under the name redis-check-rdb; its first
 * argument decides what it is. Skipped when neither is installed. It listens on a socket file only.
 */
#include "commands/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "commands/command_table.h"

enum { SKIPPED = 77, SECONDS_MAX = 60, LINE_MAX_BYTES = 1024, SHOWN_MAX = 600 };

struct redis {
    pid_t pid;
    int connection;
    char directory[64];
    struct resp_reply_reader *reader;
    struct buffer input;
};

static struct redis redis;
static const char *const programs[] = {"redis-server", "redis-check-rdb"};

/* The server tells when it is ready; until then this waits for its next line. */
static bool wait_until_ready(int output)
{
    FILE *lines = fdopen(output, "r");
    char line[LINE_MAX_BYTES];
    bool ready = false;
    while (!ready && fgets(line, sizeof line, lines) != NULL)
        ready = strstr(line, "ready to accept connections") != NULL ||
                strstr(line, "Ready to accept connections") != NULL;
    if (!ready)
        fclose(lines);
    return ready; /* open as long as the server may write */
}

static bool start_redis(void)
{
    int output[2];
    char path[sizeof redis.directory + 16];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(redis.directory, "/tmp/ringdb-redis-XXXXXX");
    if (pipe(output) != 0 || mkdtemp(redis.directory) == NULL)
        return false;
    snprintf(path, sizeof path, "%s/socket", redis.directory);
    redis.pid = fork();
    if (redis.pid == 0) {
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive a test that failed */
        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
            execlp(programs[i], "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                   "--dir", redis.directory, (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    if (redis.pid < 0 || !wait_until_ready(output[0]))
        return false;
    redis.connection = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(redis.connection, (struct sockaddr *)&address, sizeof address) == 0;
}

static void stop_redis(void)
{
    char path[sizeof redis.directory + 16];
    close(redis.connection);
    kill(redis.pid, SIGKILL);
    waitpid(redis.pid, NULL, 0);
    snprintf(path, sizeof path, "%s/socket", redis.directory);
    unlink(path);
    rmdir(redis.directory);
    buffer_deinit(&redis.input);
    resp_reply_reader_free(redis.reader);
}

static struct resp_reply_reader *new_reader(void)
{
    return resp_reply_reader_new(&(struct resp_reply_limits){
        .text_bytes_max = 1 << 20, .elements_max = 1 << 20, .reply_bytes_max = 1 << 24});
}

/* One reply of the server, as bytes and parsed. */
static struct resp_value *redis_reply(const char *line, struct buffer *bytes)
{
    struct resp_value *value = NULL;
    size_t offset = 0;
    buffer_clear(&redis.input);
    buffer_clear(bytes);
    assert_int_equal(write(redis.connection, line, strlen(line)), (ssize_t)strlen(line));
    assert_int_equal(write(redis.connection, "\r\n", 2), 2);
    for (;;) {
        ssize_t got = read(redis.connection, buffer_reserve(&redis.input, 65536), 65536);
        assert_true(got > 0);
        redis.input.length += (size_t)got;
        enum resp_reply_progress progress =
            resp_reply_reader_next(redis.reader, buffer_slice(&redis.input), &offset, &value);
        assert_int_not_equal(progress, RESP_REPLY_ERROR);
        if (progress == RESP_REPLY_VALUE)
            break;
    }
    assert_int_equal(offset, redis.input.length);
    buffer_append_slice(bytes, buffer_slice(&redis.input));
    return value;
}

static struct resp_value *our_reply(struct client *client, const char *line, struct buffer *bytes)
{
    struct resp_reply_reader *reader = new_reader();
    struct resp_value *value = NULL;
    size_t offset = 0;
    buffer_clear(bytes);
    client_raw(client, line);
    client_raw(client, "\r\n");
    buffer_append_slice(bytes, buffer_slice(&client->replies));
    buffer_clear(&client->replies);
    if (resp_reply_reader_next(reader, buffer_slice(bytes), &offset, &value) != RESP_REPLY_VALUE ||
        offset != bytes->length)
        fail_msg("%s: not one reply: %.*s", line, (int)bytes->length, (const char *)bytes->data);
    resp_reply_reader_free(reader);
    return value;
}

/* ---- comparing ---- */

static int compare_values(const void *a, const void *b)
{
    const struct resp_value *left = a, *right = b;
    return slice_compare(left->text, right->text);
}

static bool same_strings(struct resp_value *a, struct resp_value *b)
{
    if ((a->type != RESP_TYPE_ARRAY && a->type != RESP_TYPE_SET) || a->type != b->type ||
        a->element_count != b->element_count)
        return false;
    if (a->element_count == 0)
        return true;
    qsort(a->elements, a->element_count, sizeof a->elements[0], compare_values);
    qsort(b->elements, b->element_count, sizeof b->elements[0], compare_values);
    for (size_t i = 0; i < a->element_count; i++) {
        if (a->elements[i].type != b->elements[i].type ||
            !slice_equal(a->elements[i].text, b->elements[i].text))
            return false;
    }
    return true;
}

static bool same_set(struct resp_value *a, struct resp_value *b)
{
    bool is_scan = a->type == RESP_TYPE_ARRAY && a->element_count == 2 &&
                   a->elements[1].type == RESP_TYPE_ARRAY && b->type == RESP_TYPE_ARRAY &&
                   b->element_count == 2 && b->elements[1].type == RESP_TYPE_ARRAY;
    return is_scan ? same_strings(&a->elements[1], &b->elements[1]) : same_strings(a, b);
}

static void print_bytes(const char *who, const struct buffer *bytes)
{
    fprintf(stderr, "    %-7s", who);
    for (size_t i = 0; i < bytes->length && i < SHOWN_MAX; i++) {
        uint8_t byte = bytes->data[i];
        if (byte == '\r')
            fputs("\\r", stderr);
        else if (byte == '\n')
            fputs("\\n", stderr);
        else
            fputc(byte >= ' ' && byte < 127 ? byte : '.', stderr);
    }
    fputc('\n', stderr);
}

/* How many lines of the corpus are answered differently. */
static unsigned compare_line(struct client *client, char *line)
{
    char kind = '=';
    struct buffer ours = {0}, theirs = {0};
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#')
        return 0;
    if (strchr("~^", line[0]) != NULL && line[1] == ' ') {
        kind = line[0];
        line += 2;
    }
    struct resp_value *our_value = our_reply(client, line, &ours);
    struct resp_value *their_value = redis_reply(line, &theirs);
    bool same = (kind == '=' && slice_equal(buffer_slice(&ours), buffer_slice(&theirs))) ||
                (kind == '~' && our_value->type == their_value->type) ||
                (kind == '^' && same_set(our_value, their_value));
    if (!same) {
        fprintf(stderr, "%s\n", line);
        print_bytes("redis", &theirs);
        print_bytes("ringdb", &ours);
    }
    resp_value_free(our_value);
    resp_value_free(their_value);
    buffer_deinit(&ours);
    buffer_deinit(&theirs);
    return same ? 0 : 1;
}

/* Both servers have the same clock, so that times to live agree. */
static void set_clock(struct harness *harness)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    harness->now.wall_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

static void compare_corpus(struct harness *harness, const char *first)
{
    struct client *client = harness_client(harness);
    char line[LINE_MAX_BYTES];
    unsigned different = 0, count = 0;
    struct buffer bytes = {0};
    const char *source = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/unit/commands/corpus.txt", source != NULL ? source : ".");
    FILE *corpus = fopen(path, "re");
    assert_non_null(corpus);
    harness->settings.flush_commands = 1;
    resp_value_free(redis_reply(first, &bytes));
    resp_value_free(our_reply(client, first, &bytes));
    while (fgets(line, sizeof line, corpus) != NULL) {
        set_clock(harness);
        different += compare_line(client, line);
        count++;
    }
    fclose(corpus);
    buffer_deinit(&bytes);
    assert_true(count > 300);
    assert_int_equal(different, 0);
}

static void answers_as_redis_does_in_version_2(void **state)
{
    compare_corpus(*state, "FLUSHALL");
}

/* HELLO 2 within the corpus goes back; those lines are about errors and change nothing. */
static void answers_as_redis_does_in_version_3(void **state)
{
    struct buffer bytes = {0};
    resp_value_free(redis_reply("FLUSHALL", &bytes));
    resp_value_free(redis_reply("CLIENT SETNAME \"\"", &bytes));
    buffer_deinit(&bytes);
    compare_corpus(*state, "HELLO 3");
}

static bool is_offered_or_explained(struct slice name)
{
    const uint8_t *bar = memchr(name.data, '|', name.length);
    struct slice first =
        slice_make(name.data, bar == NULL ? name.length : (size_t)(bar - name.data));
    return command_find_full(name) != NULL || command_absent_reason(name) != NULL ||
           command_absent_reason(first) != NULL;
}

/* Whatever Redis has is either here or refused with a reason, which the manual lists, too. */
static void every_command_of_redis_is_offered_or_explained(void **state)
{
    struct buffer bytes = {0};
    struct resp_value *names = redis_reply("COMMAND LIST", &bytes);
    (void)state;
    unsigned missing = 0;
    assert_true(names->element_count > 300);
    for (size_t i = 0; i < names->element_count; i++) {
        struct slice name = names->elements[i].text;
        if (is_offered_or_explained(name))
            continue;
        fprintf(stderr, "%.*s is neither offered nor explained\n", (int)name.length,
                (const char *)name.data);
        missing++;
    }
    assert_int_equal(missing, 0);
    resp_value_free(names);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_as_redis_does_in_version_2, harness_setup,
                                        harness_teardown),
        cmocka_unit_test_setup_teardown(answers_as_redis_does_in_version_3, harness_setup,
                                        harness_teardown),
        cmocka_unit_test(every_command_of_redis_is_offered_or_explained),
    };
    alarm(SECONDS_MAX);
    signal(SIGPIPE, SIG_IGN);
    if (system("(command -v redis-server || command -v redis-check-rdb) >/dev/null 2>&1") != 0) {
        fprintf(stderr, "skipped: neither redis-server nor redis-check-rdb is installed\n");
        return SKIPPED;
    }
    redis.reader = new_reader();
    if (!start_redis()) {
        fprintf(stderr, "redis-server did not start\n");
        stop_redis();
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_redis();
    return failed;
}
