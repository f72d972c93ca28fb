/*
 * put_lines.c - write "KEY VALUE" lines from standard input; say of each what became of it.
 *
 *     put_lines [--append] [--tls CA-FILE CERT-FILE KEY-FILE] HOST:PORT[,HOST:PORT...] <lines
 *
 * With --append the values are appended to what the keys hold. Repeating that would append
 * twice, so each call carries a request id, the key; servers carry out the same id once, and
 * the client may repeat whatever it has no answer to. Up to 64 calls are under way at once. The
 * loop below is what any event loop does: wait for what the client wants, tell it what happened,
 * and call ringdb_advance() last.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <ringdb.h>

enum { OPEN_MAX = 64, LINE_MAX_BYTES = 256, POLLS_MAX = 64 };

struct line {
    char text[LINE_MAX_BYTES]; /* "KEY\0VALUE" */
    int in_use;
};

static void print_outcome(void *context, struct ringdb_result *result)
{
    static const char *const outcomes[] = {"OK", "FAILED", "UNCERTAIN"};
    struct line *line = context;
    printf("%s %s %s\n", outcomes[result->outcome], line->text, result->message);
    line->in_use = 0;
}

/* Read a line and submit it. 0: there are no more. */
static int submit_line(struct ringdb *client, struct line *line, int appends)
{
    if (fgets(line->text, sizeof line->text, stdin) == NULL)
        return 0;
    line->text[strcspn(line->text, "\n")] = '\0';
    char *blank = strchr(line->text, ' ');
    if (blank == NULL)
        return 1;
    *blank = '\0';
    struct ringdb_bytes words[] = {ringdb_text(appends ? "APPEND" : "SET"), ringdb_text(line->text),
                                   ringdb_text(blank + 1)};
    struct ringdb_call call = {.arguments = words,
                               .argument_count = 3,
                               .level = "QUORUM",
                               .request_id = ringdb_text(appends ? line->text : NULL),
                               .timeout_ms = appends ? 20000 : 5000,
                               .done = print_outcome,
                               .done_context = line};
    char message[RINGDB_MESSAGE_MAX];
    line->in_use = ringdb_submit(client, &call, ringdb_now_us(), message) == RINGDB_ERROR_NONE;
    if (!line->in_use)
        printf("FAILED %s %s\n", line->text, message);
    return 1;
}

static int wait_ms(const struct ringdb *client)
{
    uint64_t now_us = ringdb_now_us(), due_us = ringdb_deadline_us(client);
    if (due_us == UINT64_MAX)
        return -1;
    return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

/* One turn of the loop. */
static void turn(struct ringdb *client)
{
    struct pollfd polls[POLLS_MAX];
    size_t count = ringdb_wait_count(client);
    for (size_t i = 0; i < count && i < POLLS_MAX; i++) {
        struct ringdb_wait wait = ringdb_wait_at(client, i);
        polls[i].fd = wait.fd;
        polls[i].events = (short)((wait.events & RINGDB_WAIT_READ ? POLLIN : 0) |
                                  (wait.events & RINGDB_WAIT_WRITE ? POLLOUT : 0));
    }
    if (poll(polls, count, wait_ms(client)) > 0) {
        for (size_t i = 0; i < count; i++) {
            unsigned events = (polls[i].revents & ~POLLOUT ? RINGDB_WAIT_READ : 0) |
                              (polls[i].revents & (POLLOUT | POLLERR) ? RINGDB_WAIT_WRITE : 0);
            if (events != 0)
                ringdb_ready(client, polls[i].fd, events, ringdb_now_us());
        }
    }
    ringdb_advance(client, ringdb_now_us());
}

int main(int argc, char **argv)
{
    static struct line lines[OPEN_MAX];
    char message[RINGDB_MESSAGE_MAX];
    struct ringdb *client;
    int more = 1;
    struct ringdb_options options = {.hosts = argv[argc - 1]};
    int appends = argc > 2 && strcmp(argv[1], "--append") == 0;
    char **rest = argv + 1 + appends;
    if (argc - appends == 6 && strcmp(rest[0], "--tls") == 0) {
        options.tls = true;
        options.tls_ca_file = rest[1];
        options.tls_cert_file = rest[2];
        options.tls_key_file = rest[3];
    } else if (argc - appends != 2) {
        fprintf(stderr, "usage: put_lines [--append] [--tls CA-FILE CERT-FILE KEY-FILE] "
                        "HOST:PORT[,HOST:PORT...] <lines\n");
        return 2;
    }
    if (ringdb_new(&options, &client, message) != RINGDB_ERROR_NONE) {
        fprintf(stderr, "put_lines: %s\n", message);
        return 1;
    }
    while (more || ringdb_open_calls(client) > 0) {
        for (int i = 0; i < OPEN_MAX && more; i++)
            more = lines[i].in_use || submit_line(client, &lines[i], appends);
        ringdb_advance(client, ringdb_now_us());
        turn(client);
        fflush(stdout);
    }
    ringdb_free(client);
    return 0;
}
