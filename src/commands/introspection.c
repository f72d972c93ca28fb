#include "commands/introspection.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/call.h"
#include "commands/environment.h"
#include "commands/session_state.h"

enum { SLOWER_THAN_US_DEFAULT = 10000, SLOW_MAX_DEFAULT = 128 };

void environment_init(struct environment *environment)
{
    *environment = (struct environment){.introspection = introspection_new(),
                                        .users = user_table_new(),
                                        .subscriptions = subscriptions_new()};
}

void environment_deinit(struct environment *environment)
{
    introspection_free(environment->introspection);
    user_table_free(environment->users);
    subscriptions_free(environment->subscriptions);
    environment->introspection = NULL;
    environment->users = NULL;
    environment->subscriptions = NULL;
}

struct introspection *introspection_new(void)
{
    struct introspection *introspection = memory_new(1, sizeof *introspection);
    introspection->slower_than_us = SLOWER_THAN_US_DEFAULT;
    introspection->slow_max = SLOW_MAX_DEFAULT;
    return introspection;
}

static void slow_entry_free(struct slow_entry *entry)
{
    if (entry == NULL)
        return;
    for (uint32_t i = 0; i < SLOW_ARGUMENTS_MAX; i++)
        buffer_deinit(&entry->arguments[i]);
    buffer_deinit(&entry->address);
    buffer_deinit(&entry->name);
    free(entry);
}

void introspection_slow_clear(struct introspection *introspection)
{
    for (uint32_t i = 0; i < SLOW_ENTRIES_MAX; i++) {
        slow_entry_free(introspection->slow[i]);
        introspection->slow[i] = NULL;
    }
    introspection->slow_count = 0;
}

void introspection_free(struct introspection *introspection)
{
    if (introspection == NULL)
        return;
    introspection_slow_clear(introspection);
    free(introspection);
}

void introspection_slow_resize(struct introspection *introspection, uint32_t maximum)
{
    introspection->slow_max = maximum < SLOW_ENTRIES_MAX ? maximum : SLOW_ENTRIES_MAX;
    if (introspection->slow_count > introspection->slow_max)
        introspection->slow_count = introspection->slow_max;
}

const struct slow_entry *introspection_slow(const struct introspection *introspection,
                                            uint32_t index)
{
    if (index >= introspection->slow_count)
        return NULL;
    uint32_t at = (introspection->slow_newest + SLOW_ENTRIES_MAX - index) % SLOW_ENTRIES_MAX;
    return introspection->slow[at];
}

static void copy_argument(struct slice from, struct buffer *to)
{
    size_t shown = from.length < SLOW_ARGUMENT_BYTES_MAX ? from.length : SLOW_ARGUMENT_BYTES_MAX;
    buffer_append(to, from.data, shown);
    if (shown < from.length)
        buffer_printf(to, "... (%zu more bytes)", from.length - shown);
}

static void add_slow(struct introspection *introspection, const struct call *call,
                     uint64_t duration_us, struct instant now)
{
    uint32_t at = (introspection->slow_newest + 1) % SLOW_ENTRIES_MAX;
    struct slow_entry *entry = memory_new(1, sizeof *entry);
    slow_entry_free(introspection->slow[at]);
    introspection->slow[at] = entry;
    introspection->slow_newest = at;
    if (introspection->slow_count < introspection->slow_max)
        introspection->slow_count++;
    entry->id = introspection->slow_next_id++;
    entry->wall_s = now.wall_ms / 1000;
    entry->duration_us = duration_us;
    entry->argument_count = call->argument_count;
    if (entry->argument_count > SLOW_ARGUMENTS_MAX)
        entry->argument_count = SLOW_ARGUMENTS_MAX;
    for (uint32_t i = 0; i < entry->argument_count; i++)
        copy_argument(call->arguments[i], &entry->arguments[i]);
    if (call->argument_count > SLOW_ARGUMENTS_MAX) {
        struct buffer *last = &entry->arguments[SLOW_ARGUMENTS_MAX - 1];
        buffer_clear(last);
        buffer_printf(last, "... (%u more arguments)",
                      call->argument_count - SLOW_ARGUMENTS_MAX + 1);
    }
    buffer_append_slice(&entry->address, slice_text((const char *)call->session->address.data));
    buffer_append_slice(&entry->name, buffer_slice(&call->session->name));
}

static unsigned latency_bucket(uint64_t microseconds)
{
    unsigned bucket = 0;
    while (bucket + 1 < LATENCY_BUCKETS && (uint64_t)1 << bucket < microseconds)
        bucket++;
    return bucket;
}

static void count_second(struct introspection *introspection, struct instant now)
{
    uint64_t second = now.mono_us / 1000000;
    if (second != introspection->second) {
        introspection->last_second_calls =
            second == introspection->second + 1 ? introspection->second_calls : 0;
        introspection->second = second;
        introspection->second_calls = 0;
    }
    introspection->second_calls++;
}

uint64_t introspection_calls_per_second(const struct introspection *introspection,
                                        struct instant now)
{
    uint64_t second = now.mono_us / 1000000;
    if (second == introspection->second)
        return introspection->last_second_calls;
    return second == introspection->second + 1 ? introspection->second_calls : 0;
}

void introspection_call(struct introspection *introspection, const struct call *call, bool failed,
                        struct instant now)
{
    uint64_t duration_us = now.mono_us - call->started.mono_us;
    count_second(introspection, now);
    if (call->number < COMMAND_COUNT) {
        struct command_counters *counters = &introspection->commands[call->number];
        counters->calls++;
        counters->failed += failed;
        counters->microseconds += duration_us;
        counters->latency[latency_bucket(duration_us)]++;
    }
    /* Not what waits on purpose, nor what may carry a password, or takes long by its hashing. */
    if (call->command->secret || call->command->flags & (COMMAND_BLOCKING | COMMAND_NO_AUTH))
        return;
    latency_monitor_note(&introspection->latency,
                         call->command->flags & COMMAND_FAST ? LATENCY_FAST_COMMAND
                                                             : LATENCY_COMMAND,
                         duration_us, now.wall_ms);
    if (introspection->slower_than_us >= 0 && introspection->slow_max > 0 &&
        duration_us >= (uint64_t)introspection->slower_than_us)
        add_slow(introspection, call, duration_us, now);
}

void introspection_error(struct introspection *introspection, struct slice reply)
{
    size_t length = 0;
    while (length + 1 < reply.length && length < ERROR_NAME_MAX && reply.data[length + 1] > ' ')
        length++;
    const char *name = (const char *)reply.data + 1;
    uint32_t at = 0;
    while (at < introspection->error_count &&
           !(strncmp(introspection->errors[at].name, name, length) == 0 &&
             introspection->errors[at].name[length] == '\0'))
        at++;
    if (at == introspection->error_count) {
        if (at == ERROR_KINDS_MAX)
            at--; /* the last kind takes what does not fit */
        else
            introspection->error_count++;
        if (introspection->errors[at].count == 0)
            memcpy(introspection->errors[at].name, name, length);
    }
    introspection->errors[at].count++;
}

void introspection_counters_clear(struct introspection *introspection)
{
    memset(introspection->commands, 0, sizeof introspection->commands);
    memset(introspection->errors, 0, sizeof introspection->errors);
    introspection->error_count = 0;
}

uint64_t introspection_percentile(const struct command_counters *counters, double percent)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += counters->latency[i];
        if (seen > 0 && (double)seen >= (double)counters->calls * percent / 100)
            return (uint64_t)1 << i;
    }
    return 0;
}
