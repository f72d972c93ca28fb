#include "ringd/information.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void put_time(struct buffer *out, const char *name, uint64_t time_us)
{
    buffer_printf(out, "%s:%" PRIu64 ".%06" PRIu64 "\r\n", name, time_us / 1000000,
                  time_us % 1000000);
}

/* The rows of the table that have a field in this section. */
static void put_rows(const struct host_view *view, enum host_section section, struct buffer *out)
{
    for (size_t i = 0; i < HOST_METRICS_COUNT; i++) {
        const struct metric *row = &HOST_METRICS[i];
        if (row->section != section || row->field == NULL)
            continue;
        buffer_printf(out, "%s:", row->field);
        metric_put_value(row, view, out);
        buffer_append_slice(out, slice_text("\r\n"));
    }
}

static void put_persistence(const struct host_view *view, const char *damage_reason,
                            struct buffer *out)
{
    static const char *const states[] = {[STORE_SERVING] = "serving",
                                         [STORE_REOPENING] = "reopening",
                                         [STORE_QUARANTINED] = "quarantined"};
    buffer_printf(out, "store_state:%s\r\n", states[view->store.state]);
    put_rows(view, HOST_PERSISTENCE, out);
    buffer_printf(out, "store_damage_reason:%s\r\n", damage_reason);
}

void information_append(const char *section, const struct host_view *view,
                        const char *damage_reason, const char *config_file, struct buffer *out)
{
    if (strcmp(section, "server") == 0) {
        buffer_printf(out, "process_id:%ld\r\nconfig_file:%s\r\n", (long)getpid(), config_file);
    } else if (strcmp(section, "clients") == 0) {
        put_rows(view, HOST_CLIENTS, out);
    } else if (strcmp(section, "memory") == 0) {
        put_rows(view, HOST_MEMORY, out);
    } else if (strcmp(section, "persistence") == 0) {
        put_persistence(view, damage_reason, out);
    } else if (strcmp(section, "stats") == 0) {
        put_rows(view, HOST_STATS, out);
    } else if (strcmp(section, "cpu") == 0) {
        put_time(out, "used_cpu_sys", view->usage.system_us);
        put_time(out, "used_cpu_user", view->usage.user_us);
    }
}
