#include "ringd/rebuild.h"

#include "ringd/server.h"
#include "store/clock.h"
#include "store/quarantine.h"

enum status rebuild_store(const struct config_values *values, const struct ring *ring,
                          const struct rebuild_cause *cause, const struct log_sink *log,
                          struct buffer *reason)
{
    char why[STORE_REASON_MAX] = "";
    struct leveldb_store_params store;
    struct quarantine_report report;
    enum status status;
    if (ring->owner_count < 2) {
        buffer_printf(
            reason,
            "the store in %s is damaged (%s) and no other node has its data; put the data "
            "directory back from a backup",
            values->data_dir, cause->why);
        return STATUS_CORRUPT;
    }
    server_store_params(values, &store);
    store.log = *log;
    struct quarantine_params params = {.data_path = values->data_dir,
                                       .store = &store,
                                       .why = cause->why,
                                       .above = cause->above,
                                       .now_ms = clock_now().wall_ms,
                                       .times_max = values->damage_times_max,
                                       .keep_max = values->damaged_stores_max,
                                       .keep_bytes_max = (uint64_t)values->damaged_stores_mb_max
                                                         << 20};
    if (cause->majority_is_lost) {
        status = quarantine_hold(&params, why);
        buffer_append_slice(reason, slice_text(why));
        return status == STATUS_OK ? STATUS_CORRUPT : status;
    }
    status = quarantine_store(&params, &report, why);
    if (status != STATUS_OK) {
        buffer_append_slice(reason, slice_text(why));
        return status;
    }
    log_line(log, LOG_ERROR,
             "store was damaged and is rebuilt from the other owners storage_incarnation=%u "
             "set_aside=%s reason=\"%s\"",
             report.storage_incarnation, report.aside[0] == '\0' ? "-" : report.aside, cause->why);
    return STATUS_OK;
}
