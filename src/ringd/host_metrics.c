#include "ringd/host_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "ringd/memory_limit.h"

/* Buckets up to powers of two: 32 us to 17 s, of stages from 4 us on, 1 to 511 requests. */
enum { STAGE_FIRST = 2, COMMIT_FIRST = 5, COMMIT_LAST = 24, GROUP_LAST = 9 };

#define VIEW ((struct host_view *)0)
#define ROW(in, called, family, of_type, in_unit, label, member, text)                             \
    {                                                                                              \
        .name = (family), .labels = (label), .help = (text), .field = (called), .section = (in),   \
        .type = (of_type), .unit = (in_unit), .kind = METRIC_KIND_OF(VIEW->member),                \
        .offset = offsetof(struct host_view, member)                                               \
    }
#define GAUGE(in, field, name, member, text)                                                       \
    ROW(in, field, name, METRIC_GAUGE, METRIC_PLAIN, "", member, text)
#define BYTES(in, field, name, member, text)                                                       \
    ROW(in, field, name, METRIC_GAUGE, METRIC_BYTES, "", member, text)
#define COUNTER(in, field, name, member, text)                                                     \
    ROW(in, field, name, METRIC_COUNTER, METRIC_PLAIN, "", member, text)
#define BYTE_COUNTER(in, field, name, member, text)                                                \
    ROW(in, field, name, METRIC_COUNTER, METRIC_BYTES, "", member, text)
#define LABELED_COUNTER(in, field, name, label, member, text)                                      \
    ROW(in, field, name, METRIC_COUNTER, METRIC_PLAIN, label, member, text)
/* One of INFO alone; a page has it in another form. */
#define FIELD(in, called, member) ROW(in, called, NULL, METRIC_GAUGE, METRIC_PLAIN, "", member, "")

#define CALLS  "Read and write calls on sockets, by who is at the other end."
#define CLOSED "Connections of peers that this node has closed, by why."

const struct metric HOST_METRICS[] = {
    /* the process, under the names that all programs have for it */
    ROW(HOST_SECTION_NONE, NULL, "process_cpu_seconds_total", METRIC_COUNTER, METRIC_MICROSECONDS,
        "", usage.processor_us, "Processor time, of the system and of the program."),
    BYTES(HOST_MEMORY, "used_memory_rss", "process_resident_memory_bytes", usage.resident_bytes,
          "Memory that is resident."),
    BYTES(HOST_MEMORY, "used_memory", "ringd_own_memory_bytes", usage.own_bytes,
          "Of that, what is shared with no file and no other process."),
    FIELD(HOST_MEMORY, "used_memory_peak", usage.resident_bytes_max),
    BYTES(HOST_MEMORY, "used_memory_peak_rss", "ringd_resident_memory_max_bytes",
          usage.resident_bytes_max, "The most memory that was resident."),
    FIELD(HOST_MEMORY, "total_system_memory", usage.machine_bytes),
    BYTES(HOST_MEMORY, "memory_limit_bytes", "ringd_memory_limit_bytes", usage.limit_bytes,
          "Memory of the machine, or of the control group where that is less."),
    GAUGE(HOST_CLIENTS, "open_descriptors", "process_open_fds", usage.descriptors,
          "Open descriptors."),
    GAUGE(HOST_CLIENTS, "descriptors_max", "process_max_fds", usage.descriptors_max,
          "Descriptors that the system allows."),
    ROW(HOST_SECTION_NONE, NULL, "process_start_time_seconds", METRIC_GAUGE, METRIC_SECONDS, "",
        usage.start_time_s, "When the process started, since 1970."),
    /* the loop and its sockets */
    FIELD(HOST_CLIENTS, "connected_clients", loop.clients_open),
    BYTE_COUNTER(HOST_STATS, "total_net_input_bytes", "ringd_net_input_bytes_total",
                 loop.client_read_bytes, "Bytes from the sockets of clients."),
    BYTE_COUNTER(HOST_STATS, "total_net_output_bytes", "ringd_net_output_bytes_total",
                 loop.client_write_bytes, "Bytes to the sockets of clients."),
    BYTE_COUNTER(HOST_STATS, "total_net_repl_input_bytes", "ringd_net_peer_input_bytes_total",
                 loop.link_read_bytes, "Bytes from the sockets of other nodes."),
    BYTE_COUNTER(HOST_STATS, "total_net_repl_output_bytes", "ringd_net_peer_output_bytes_total",
                 loop.link_write_bytes, "Bytes to the sockets of other nodes."),
    LABELED_COUNTER(HOST_STATS, "total_reads_processed", "ringd_net_calls_total",
                    "call=\"read\",from=\"client\"", loop.client_read_calls, CALLS),
    LABELED_COUNTER(HOST_STATS, "total_writes_processed", "ringd_net_calls_total",
                    "call=\"write\",from=\"client\"", loop.client_write_calls, CALLS),
    LABELED_COUNTER(HOST_STATS, "peer_reads_processed", "ringd_net_calls_total",
                    "call=\"read\",from=\"peer\"", loop.link_read_calls, CALLS),
    LABELED_COUNTER(HOST_STATS, "peer_writes_processed", "ringd_net_calls_total",
                    "call=\"write\",from=\"peer\"", loop.link_write_calls, CALLS),
    COUNTER(HOST_STATS, "rejected_connections", "ringd_clients_refused_total", loop.clients_refused,
            "Clients that were refused because clients-max was reached."),
    COUNTER(HOST_STATS, "client_output_buffer_limit_disconnections",
            "ringd_clients_closed_output_total", loop.clients_closed_output,
            "Clients that were closed because they did not read their answers."),
    GAUGE(HOST_STATS, "peer_connections", "ringd_peer_connections", loop.links_open,
          "Open connections with other nodes."),
    COUNTER(HOST_STATS, "peer_connections_opened", "ringd_peer_connections_opened_total",
            loop.links_opened, "Connections with other nodes that were made, by either side."),
    LABELED_COUNTER(HOST_STATS, "peer_output_limit_disconnections",
                    "ringd_peer_connections_closed_total", "reason=\"output_limit\"",
                    loop.links_closed_output, CLOSED),
    LABELED_COUNTER(HOST_STATS, "peer_corrupt_disconnections",
                    "ringd_peer_connections_closed_total", "reason=\"corrupt\"",
                    loop.links_closed_corrupt, CLOSED),
    COUNTER(HOST_STATS, "peer_connects_failed", "ringd_peer_connects_failed_total",
            loop.dials_failed, "Attempts to connect to another node that failed."),
    COUNTER(HOST_STATS, "accepts_failed", "ringd_accepts_failed_total", loop.accepts_failed,
            "Connections that could not be accepted for want of descriptors or memory."),
    COUNTER(HOST_STATS, "tls_handshakes_failed", "ringd_tls_handshakes_failed_total",
            loop.tls_handshakes_failed, "TLS handshakes that failed or came too late."),
    COUNTER(HOST_STATS, "store_frames_refused", "ringd_store_frames_refused_total",
            loop.store_frames_refused, "Requests that the queues of the own store refused."),
    COUNTER(HOST_STATS, "eventloop_cycles", "ringd_loop_turns_total", loop.turns,
            "Turns of the loop."),
    COUNTER(HOST_STATS, "eventloop_events", "ringd_loop_steps_total", loop.steps,
            "Events that the loop gave to the node."),
    ROW(HOST_STATS, "eventloop_us_max", "ringd_loop_turn_max_seconds", METRIC_GAUGE,
        METRIC_MICROSECONDS, "", loop.turn_us_max, "The longest turn of the loop."),
    /* the store */
    FIELD(HOST_PERSISTENCE, "store_boot_epoch", store.boot_epoch),
    GAUGE(HOST_PERSISTENCE, "store_stalled", "ringd_store_stalled", store.stalled,
          "Whether client writes are refused because LevelDB has too many files of level 0."),
    GAUGE(HOST_PERSISTENCE, "store_free_space_low", "ringd_store_free_space_low",
          store.free_space_low,
          "Whether client writes are refused because the disk is almost full."),
    BYTES(HOST_PERSISTENCE, "store_free_bytes", "ringd_store_free_bytes", store.free_bytes,
          "Room on the file system of the data directory."),
    BYTES(HOST_PERSISTENCE, "store_free_floor_bytes", "ringd_store_free_floor_bytes",
          store.floor_bytes, "The room below which client writes are refused."),
    COUNTER(HOST_PERSISTENCE, "store_groups", "ringd_store_groups_total", store.groups,
            "Groups of writes that were committed, each with one sync."),
    COUNTER(HOST_PERSISTENCE, "store_frames", "ringd_store_frames_total", store.frames,
            "Requests to the store that may write."),
    GAUGE(HOST_PERSISTENCE, "store_group_largest", "ringd_store_group_max", store.group_largest,
          "The most requests that one group had."),
    BYTE_COUNTER(HOST_PERSISTENCE, "store_batch_bytes", "ringd_storage_write_bytes_total",
                 store.batch_bytes, "Bytes of batches that were committed."),
    ROW(HOST_PERSISTENCE, "store_sync_us", NULL, METRIC_COUNTER, METRIC_MICROSECONDS, "",
        store.sync_us, ""),
    ROW(HOST_PERSISTENCE, "store_sync_us_max", "ringd_store_commit_max_seconds", METRIC_GAUGE,
        METRIC_MICROSECONDS, "", store.sync_us_max, "The longest commit of a group."),
    COUNTER(HOST_PERSISTENCE, "store_read_frames", "ringd_store_read_frames_total",
            store.read_frames, "Requests to the store that only read."),
    COUNTER(HOST_PERSISTENCE, "store_gets", "ringd_leveldb_gets_total", store.counts.gets,
            "Values that LevelDB was asked for."),
    COUNTER(HOST_PERSISTENCE, "store_iterator_steps", "ringd_leveldb_iterator_steps_total",
            store.counts.iterator_steps, "Records that scans of LevelDB have passed."),
    COUNTER(HOST_PERSISTENCE, "store_corrupt_records", "ringd_store_corrupt_records_total",
            store.counts.corrupt_records, "Records whose checksum was wrong."),
    COUNTER(HOST_PERSISTENCE, "store_overloaded", "ringd_store_overloaded_total", store.overloaded,
            "Requests that a full queue of the store refused."),
    COUNTER(HOST_PERSISTENCE, "store_reopens", "ringd_store_reopens_total", store.reopens,
            "Times that LevelDB was opened again after a failed write."),
    GAUGE(HOST_PERSISTENCE, "store_level0_files", NULL, store.level0_files, ""),
    BYTES(HOST_PERSISTENCE, "store_table_bytes", "ringd_store_table_bytes", store.table_bytes,
          "Bytes of LevelDB's table files, without what was written last."),
    ROW(HOST_PERSISTENCE, "store_write_queue_frames", "ringd_store_queue_frames", METRIC_GAUGE,
        METRIC_PLAIN, "queue=\"write\"", store.write_queue_frames,
        "Requests that wait for the store."),
    ROW(HOST_PERSISTENCE, "store_read_queue_frames", "ringd_store_queue_frames", METRIC_GAUGE,
        METRIC_PLAIN, "queue=\"read\"", store.read_queue_frames,
        "Requests that wait for the store."),
    FIELD(HOST_PERSISTENCE, "store_damage_times", damage_times),
    FIELD(HOST_PERSISTENCE, "store_damage_last_ms", damage_last_ms),
};

const size_t HOST_METRICS_COUNT = sizeof HOST_METRICS / sizeof *HOST_METRICS;

/* ---- the process ---- */

static void take_memory(struct host_usage *out)
{
    unsigned long resident = 0, shared = 0;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    if (fscanf(file, "%*u %lu %lu", &resident, &shared) == 2 && resident >= shared) {
        out->resident_bytes = resident * page_bytes;
        out->own_bytes = (resident - shared) * page_bytes;
    }
    fclose(file);
}

/* Since Linux 6.2 the size of that directory is their number; before, they are counted. */
static uint64_t descriptors(void)
{
    struct stat status;
    uint64_t count = 0;
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
        return (uint64_t)status.st_size;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count - 1; /* the directory's own */
}

/* The moment the kernel started this process, from its uptime and the clock of now. */
static uint64_t start_time_s(void)
{
    unsigned long long booted = 0, ticks = 0;
    char line[256];
    FILE *file = fopen("/proc/stat", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "btime %llu", &booted) == 1)
            break;
    if (file != NULL)
        fclose(file);
    file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return 0;
    /* The second field is a name in parentheses; twenty fields after it comes the start. */
    int fields = fscanf(file,
                        "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                        "%*d %*d %*d %*d %*d %*d %llu",
                        &ticks);
    fclose(file);
    return fields == 1 ? booted + ticks / (unsigned long long)sysconf(_SC_CLK_TCK) : 0;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

void host_usage_take(struct host_usage *out)
{
    struct rusage usage;
    struct rlimit limit;
    *out = (struct host_usage){.descriptors = descriptors(),
                               .machine_bytes = memory_machine_bytes(),
                               .limit_bytes = memory_limit_bytes(),
                               .start_time_s = start_time_s()};
    take_memory(out);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        out->resident_bytes_max = (uint64_t)usage.ru_maxrss * 1024;
        out->system_us = microseconds(usage.ru_stime);
        out->user_us = microseconds(usage.ru_utime);
        out->processor_us = out->system_us + out->user_us;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        out->descriptors_max = limit.rlim_cur;
}

/* ---- families whose members come and go ---- */

static void write_engine(const struct store_engine_stats *store, struct metric_page *page)
{
    static const char *const states[] = {[STORE_SERVING] = "state=\"serving\"",
                                         [STORE_REOPENING] = "state=\"reopening\"",
                                         [STORE_QUARANTINED] = "state=\"quarantined\""};
    metric_page_family(page, "ringd_store_engine_state", METRIC_GAUGE, METRIC_PLAIN,
                       "What LevelDB is doing: 1 for the state that it is in.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        metric_page_number(page, states[i], (size_t)store->state == i);
    metric_page_family(page, "ringd_store_errors_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Commits and attempts to open LevelDB again that failed, by why.");
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        char labels[METRIC_LABELS_MAX] = "";
        metric_label(labels, "reason", status_name((enum status)i));
        if (store->errors[i] > 0)
            metric_page_number(page, labels, store->errors[i]);
    }
}

const char *host_stage(const struct host_view *view, unsigned index,
                       const struct log_histogram **times)
{
    const struct {
        const char *name;
        const struct log_histogram *times;
    } stages[] = {{"parse", &view->loop.parse_us},
                  {"queue", &view->store.queue_us},
                  {"merge", &view->store.merge_us},
                  {"get", &view->store.get_us},
                  {"commit", &view->store.commit_us}};
    if (index >= sizeof stages / sizeof *stages)
        return NULL;
    *times = stages[index].times;
    return stages[index].name;
}

static void write_stages(const struct host_view *view, struct metric_page *page)
{
    const struct log_histogram *times;
    const char *name;
    metric_page_family(page, "ringd_host_stage_seconds", METRIC_HISTOGRAM, METRIC_MICROSECONDS,
                       "Times of what requests go through in this process: parse is all that one "
                       "read from a client has brought, queue the wait of the first request of "
                       "those that the store takes together, merge what a group of writes takes "
                       "to become a batch, get one value of LevelDB, commit the write and sync of "
                       "a group.");
    for (unsigned i = 0; (name = host_stage(view, i, &times)) != NULL; i++) {
        char labels[METRIC_LABELS_MAX] = "";
        metric_label(labels, "stage", name);
        metric_page_histogram(page, labels, times, STAGE_FIRST, COMMIT_LAST);
    }
}

static void write_store_times(const struct store_engine_stats *store, struct metric_page *page)
{
    metric_page_family(page, "ringd_store_commit_seconds", METRIC_HISTOGRAM, METRIC_MICROSECONDS,
                       "Time to write and sync a group.");
    metric_page_histogram(page, "", &store->commit_us, COMMIT_FIRST, COMMIT_LAST);
    metric_page_family(page, "ringd_store_group_requests", METRIC_HISTOGRAM, METRIC_PLAIN,
                       "Requests that were committed together.");
    metric_page_histogram(page, "", &store->group_frames, 1, GROUP_LAST);
    metric_page_family(page, "ringd_leveldb_level_files", METRIC_GAUGE, METRIC_PLAIN,
                       "Table files of each level, as seen within 5 seconds.");
    for (unsigned i = 0; i < LEVELDB_LEVELS; i++) {
        char number[16], labels[METRIC_LABELS_MAX] = "";
        snprintf(number, sizeof number, "%u", i);
        metric_label(labels, "level", number);
        metric_page_number(page, labels, i == 0 ? store->level0_files : store->level_files[i]);
    }
}

static void write_expiry(struct metric_page *page, const char *of, uint64_t at_s)
{
    char labels[METRIC_LABELS_MAX] = "";
    metric_label(labels, "certificate", of);
    if (at_s > 0)
        metric_page_number(page, labels, at_s);
}

static void write_tls(const struct host_tls *tls, struct metric_page *page)
{
    metric_page_family(page, "ringd_tls_expiry_timestamp_seconds", METRIC_GAUGE, METRIC_SECONDS,
                       "When the certificate runs out, or the list of revoked ones, since 1970.");
    write_expiry(page, "clients", tls->facts.clients_expire_s);
    write_expiry(page, "cluster", tls->facts.cluster_expire_s);
    write_expiry(page, "crl", tls->facts.crl_due_s);
    metric_page_family(page, "ringd_tls_loaded_timestamp_seconds", METRIC_GAUGE, METRIC_SECONDS,
                       "When the certificates in use were read, since 1970.");
    if (tls->loaded_s > 0)
        metric_page_number(page, "", tls->loaded_s);
    metric_page_family(page, "ringd_tls_reloads_total", METRIC_COUNTER, METRIC_PLAIN,
                       "Times that certificates were read again.");
    metric_page_number(page, "result=\"ok\"", tls->reloads);
    metric_page_number(page, "result=\"failed\"", tls->failures);
    metric_page_family(page, "ringd_tls_reload_problem", METRIC_GAUGE, METRIC_PLAIN,
                       "Whether the last attempt to read them again has failed.");
    metric_page_number(page, "", tls->problem);
}

void host_metrics_write(const struct host_view *view, struct metric_page *page)
{
    metric_page_table(page, HOST_METRICS, HOST_METRICS_COUNT, view);
    write_engine(&view->store, page);
    write_store_times(&view->store, page);
    write_stages(view, page);
    write_tls(&view->tls, page);
}
