#include "ringd/information.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void put(struct buffer *out, const char *name, uint64_t value)
{
    buffer_printf(out, "%s:%" PRIu64 "\r\n", name, value);
}

static void put_time(struct buffer *out, const char *name, struct timeval time)
{
    buffer_printf(out, "%s:%ld.%06ld\r\n", name, (long)time.tv_sec, (long)time.tv_usec);
}

/* Resident bytes of this process; 0 where the system does not tell. */
static uint64_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    int fields = fscanf(file, "%lu %lu", &total, &resident);
    fclose(file);
    return fields == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void put_memory(struct buffer *out)
{
    struct rusage usage;
    put(out, "used_memory_rss", resident_bytes());
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        put(out, "used_memory_peak_rss", (uint64_t)usage.ru_maxrss * 1024);
}

static void put_cpu(struct buffer *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    put_time(out, "used_cpu_sys", usage.ru_stime);
    put_time(out, "used_cpu_user", usage.ru_utime);
}

static void put_store(const struct store_engine_stats *store, struct buffer *out)
{
    static const char *const states[] = {[STORE_SERVING] = "serving",
                                         [STORE_REOPENING] = "reopening",
                                         [STORE_QUARANTINED] = "quarantined"};
    buffer_printf(out, "store_state:%s\r\n", states[store->state]);
    put(out, "store_boot_epoch", store->boot_epoch);
    put(out, "store_stalled", store->stalled);
    put(out, "store_free_space_low", store->free_space_low);
    put(out, "store_free_bytes", store->free_bytes);
    put(out, "store_groups", store->groups);
    put(out, "store_frames", store->frames);
    put(out, "store_group_largest", store->group_largest);
    put(out, "store_batch_bytes", store->batch_bytes);
    put(out, "store_sync_us", store->sync_us);
    put(out, "store_sync_us_max", store->sync_us_max);
    put(out, "store_read_frames", store->read_frames);
    put(out, "store_gets", store->counts.gets);
    put(out, "store_iterator_steps", store->counts.iterator_steps);
    put(out, "store_corrupt_records", store->counts.corrupt_records);
    put(out, "store_overloaded", store->overloaded);
    put(out, "store_reopens", store->reopens);
    put(out, "store_level0_files", store->level0_files);
    put(out, "store_table_bytes", store->table_bytes);
    put(out, "store_write_queue_frames", store->write_queue_frames);
    put(out, "store_read_queue_frames", store->read_queue_frames);
}

static void put_damage(const struct quarantine_history *damage, struct buffer *out)
{
    put(out, "store_damage_times", damage->times);
    put(out, "store_damage_last_ms", damage->last_ms);
    buffer_printf(out, "store_damage_reason:%s\r\n", damage->why);
}

static void put_network(const struct loop_statistics *loop, struct buffer *out)
{
    put(out, "total_net_input_bytes", loop->client_read_bytes);
    put(out, "total_net_output_bytes", loop->client_write_bytes);
    put(out, "total_net_repl_input_bytes", loop->link_read_bytes);
    put(out, "total_net_repl_output_bytes", loop->link_write_bytes);
    put(out, "total_reads_processed", loop->client_read_calls);
    put(out, "total_writes_processed", loop->client_write_calls);
    put(out, "peer_reads_processed", loop->link_read_calls);
    put(out, "peer_writes_processed", loop->link_write_calls);
    put(out, "rejected_connections", loop->clients_refused);
    put(out, "client_output_buffer_limit_disconnections", loop->clients_closed_output);
    put(out, "peer_connections", loop->links_open);
    put(out, "peer_connections_opened", loop->links_opened);
    put(out, "peer_output_limit_disconnections", loop->links_closed_output);
    put(out, "peer_corrupt_disconnections", loop->links_closed_corrupt);
    put(out, "peer_connects_failed", loop->dials_failed);
    put(out, "accepts_failed", loop->accepts_failed);
    put(out, "tls_handshakes_failed", loop->tls_handshakes_failed);
    put(out, "store_frames_refused", loop->store_frames_refused);
    put(out, "eventloop_cycles", loop->turns);
    put(out, "eventloop_events", loop->steps);
    put(out, "eventloop_us_max", loop->turn_us_max);
}

void information_append(const char *section, const struct loop_statistics *loop,
                        const struct store_engine_stats *store,
                        const struct quarantine_history *damage, const char *config_file,
                        struct buffer *out)
{
    if (strcmp(section, "server") == 0) {
        put(out, "process_id", (uint64_t)getpid());
        buffer_printf(out, "config_file:%s\r\n", config_file);
    } else if (strcmp(section, "clients") == 0) {
        put(out, "connected_clients", loop->clients_open);
    } else if (strcmp(section, "memory") == 0) {
        put_memory(out);
    } else if (strcmp(section, "persistence") == 0) {
        put_store(store, out);
        put_damage(damage, out);
    } else if (strcmp(section, "stats") == 0) {
        put_network(loop, out);
    } else if (strcmp(section, "cpu") == 0) {
        put_cpu(out);
    }
}
