#include "commands/latency_monitor.h"

#include <assert.h>
#include <inttypes.h>

const char *latency_kind_name(unsigned kind)
{
    assert(kind < LATENCY_KIND_COUNT);
    if (kind >= LATENCY_STAGE)
        return request_stage_name((enum request_stage)(kind - LATENCY_STAGE));
    return kind == LATENCY_COMMAND ? "command" : "fast-command";
}

unsigned latency_kind_find(struct slice name)
{
    unsigned kind = 0;
    while (kind < LATENCY_KIND_COUNT && !slice_equal(name, slice_text(latency_kind_name(kind))))
        kind++;
    return kind;
}

const struct latency_sample *latency_event_sample(const struct latency_event *event, uint32_t index)
{
    assert(index < event->count);
    return &event->samples[(event->next + LATENCY_SAMPLES_MAX - event->count + index) %
                           LATENCY_SAMPLES_MAX];
}

void latency_event_reset(struct latency_event *event)
{
    *event = (struct latency_event){0};
}

void latency_monitor_add(struct latency_monitor *monitor, unsigned kind, uint64_t took_us,
                         uint64_t wall_ms)
{
    struct latency_event *event = &monitor->events[kind];
    struct latency_sample sample = {.wall_s = wall_ms / 1000, .took_ms = took_us / 1000};
    struct latency_sample *last =
        &event->samples[(event->next + LATENCY_SAMPLES_MAX - 1) % LATENCY_SAMPLES_MAX];
    if (sample.took_ms > event->worst_ms)
        event->worst_ms = sample.took_ms;
    if (event->count > 0 && last->wall_s == sample.wall_s) {
        if (sample.took_ms > last->took_ms)
            last->took_ms = sample.took_ms;
        return;
    }
    event->samples[event->next] = sample;
    event->next = (event->next + 1) % LATENCY_SAMPLES_MAX;
    if (event->count < LATENCY_SAMPLES_MAX)
        event->count++;
}

/* ---- the report ---- */

static const char *advice_on(unsigned kind)
{
    static const char *const stages[] = {
        [REQUEST_STAGE_GATHER] =
            "Owners were slow to answer reads: see ringd_peer_read_seconds, and "
            "ringctl net matrix.",
        [REQUEST_STAGE_MINT] =
            "The own store was slow to make versions: a read that a write needs, "
            "or a long queue; see ringd_store_queue_frames.",
        [REQUEST_STAGE_QUORUM] = "Copies took long to be synced: see ringd_store_commit_seconds of "
                                 "all nodes, and the network between them.",
        [REQUEST_STAGE_FORWARD] = "Other owners took long to coordinate: see their stages."};
    if (kind >= LATENCY_STAGE)
        return stages[kind - LATENCY_STAGE];
    return "SLOWLOG GET shows the commands; the stages below say where the time of keys went.";
}

static void report_event(const struct latency_event *event, unsigned kind, struct buffer *out)
{
    uint64_t sum_ms = 0;
    for (uint32_t i = 0; i < event->count; i++)
        sum_ms += latency_event_sample(event, i)->took_ms;
    uint64_t first_s = latency_event_sample(event, 0)->wall_s;
    uint64_t last_s = latency_event_sample(event, event->count - 1)->wall_s;
    uint64_t span_s = last_s > first_s ? last_s - first_s : 0; /* a clock may be set back */
    buffer_printf(out,
                  "%s: slow in %" PRIu32 " s of %" PRIu64 " s, %" PRIu64
                  " ms in the mean of these, %" PRIu64 " ms at worst.\n  %s\n",
                  latency_kind_name(kind), event->count, span_s + 1, sum_ms / event->count,
                  event->worst_ms, advice_on(kind));
}

void latency_monitor_report(const struct latency_monitor *monitor, struct buffer *out)
{
    bool found = false;
    for (unsigned kind = 0; kind < LATENCY_KIND_COUNT; kind++) {
        if (monitor->events[kind].count == 0)
            continue;
        found = true;
        report_event(&monitor->events[kind], kind, out);
    }
    if (!found && monitor->threshold_ms > 0)
        buffer_printf(out, "Nothing took %" PRIu64 " ms or longer at this node.\n",
                      monitor->threshold_ms);
    if (monitor->threshold_ms == 0)
        buffer_append_slice(
            out, slice_text("Events are not recorded: CONFIG SET "
                            "latency-monitor-threshold MS begins that. LATENCY HISTOGRAM "
                            "shows times per command, SLOWLOG GET the slowest "
                            "requests.\n"));
}
