#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct servers *servers, const char *address, size_t length)
{
    if (servers->count == SERVERS_MAX || length >= SERVER_ADDRESS_MAX)
        return;
    char *place = servers->addresses[servers->count];
    snprintf(place, SERVER_ADDRESS_MAX, "%.*s", (int)length, address);
    for (size_t i = 0; i < servers->count; i++) {
        if (strcmp(servers->addresses[i], place) == 0)
            return;
    }
    servers->count++;
}

/* The addresses in a list of slots. */
static void add_owners(struct servers *servers, const struct ringdb_reply *slots)
{
    for (size_t i = 0; i < slots->element_count; i++) {
        const struct ringdb_reply *range = &slots->elements[i];
        for (size_t k = 2; range->type == RINGDB_ARRAY && k < range->element_count; k++) {
            const struct ringdb_reply *owner = &range->elements[k];
            char address[SERVER_ADDRESS_MAX];
            if (owner->type != RINGDB_ARRAY || owner->element_count < 2 ||
                owner->elements[0].type != RINGDB_BULK || owner->elements[1].type != RINGDB_INTEGER)
                continue;
            const char *host = owner->elements[0].text.data;
            bool brackets = strchr(host, ':') != NULL;
            int length = snprintf(address, sizeof address, "%s%.255s%s:%d", brackets ? "[" : "",
                                  host, brackets ? "]" : "", (int)owner->elements[1].integer);
            add(servers, address, (size_t)length);
        }
    }
}

static bool is_here(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
           strncmp(address, "[::1]:", 6) == 0;
}

static void execute(struct ringdb *client, const char *first, const char *second,
                    struct ringdb_result *out)
{
    struct ringdb_bytes words[] = {ringdb_text(first), ringdb_text(second)};
    struct ringdb_call call = {
        .arguments = words, .argument_count = second == NULL ? 1 : 2, .read_only = true};
    ringdb_execute(client, &call, out);
}

/* The process id that the node tells; 0: none. */
static int process_of(const char *address, const char *user, const char *password)
{
    struct ringdb *client;
    struct ringdb_result result;
    char message[RINGDB_MESSAGE_MAX];
    int process = 0;
    struct ringdb_options options = {
        .hosts = address, .user = user, .password = password, .direct = true, .timeout_ms = 2000};
    if (ringdb_new(&options, &client, message) != RINGDB_ERROR_NONE)
        return 0;
    execute(client, "INFO", "server", &result);
    if (result.outcome == RINGDB_OK && result.reply->type <= RINGDB_VERBATIM) {
        const char *line = strstr(result.reply->text.data, "process_id:");
        process = line == NULL ? 0 : atoi(line + strlen("process_id:"));
    }
    ringdb_result_free(&result);
    ringdb_free(client);
    return process;
}

bool servers_find(const char *hosts, const char *user, const char *password, struct servers *out,
                  char *message)
{
    struct ringdb *client;
    struct ringdb_result result;
    struct ringdb_options options = {
        .hosts = hosts, .user = user, .password = password, .timeout_ms = 3000};
    *out = (struct servers){0};
    if (ringdb_new(&options, &client, message) != RINGDB_ERROR_NONE)
        return false;
    execute(client, "RING.SLOTS", NULL, &result);
    bool answers = result.outcome == RINGDB_OK || result.error == RINGDB_ERROR_SERVER;
    if (result.outcome == RINGDB_OK && result.reply->type == RINGDB_ARRAY)
        add_owners(out, result.reply);
    if (!answers)
        snprintf(message, RINGDB_MESSAGE_MAX, "%s", result.message);
    ringdb_result_free(&result);
    ringdb_free(client);
    for (bool no_ring = out->count == 0; no_ring && *hosts != '\0';) {
        size_t length = strcspn(hosts, ",");
        add(out, hosts, length);
        hosts += length + (hosts[length] == ',');
    }
    for (size_t i = 0; answers && i < out->count; i++) {
        out->processes[i] =
            is_here(out->addresses[i]) ? process_of(out->addresses[i], user, password) : 0;
        out->local_count += out->processes[i] > 0;
    }
    return answers;
}

/* The text of a file in /proc; "" when it cannot be read. */
static const char *read_file(int process, const char *name, char *out, size_t bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(out, 1, bytes - 1, file);
    if (file != NULL)
        fclose(file);
    out[length] = '\0';
    return out;
}

static uint64_t number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

struct server_usage servers_usage(const struct servers *servers)
{
    struct server_usage usage = {0};
    char text[4096];
    uint64_t ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
    for (size_t i = 0; i < servers->count; i++) {
        unsigned long long user = 0, system = 0;
        if (servers->processes[i] == 0)
            continue;
        /* The name in parentheses may hold anything; utime and stime are fields 14 and 15. */
        const char *rest =
            strrchr(read_file(servers->processes[i], "stat", text, sizeof text), ')');
        if (rest != NULL &&
            sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                   &system) == 2)
            usage.cpu_us += (user + system) * 1000000 / ticks_per_second;
        read_file(servers->processes[i], "status", text, sizeof text);
        usage.memory_bytes += number_behind(text, "RssAnon:") * 1024;
        read_file(servers->processes[i], "io", text, sizeof text);
        usage.written_bytes += number_behind(text, "\nwrite_bytes: ");
    }
    return usage;
}
