#include "commands/acl_log.h"

#include <string.h>

static const char *const reason_names[] = {[ACL_REASON_COMMAND] = "command",
                                           [ACL_REASON_KEY] = "key",
                                           [ACL_REASON_AUTH] = "auth",
                                           [ACL_REASON_CHANNEL] = "channel"};

static struct slice cut(struct slice text, size_t maximum)
{
    return slice_make(text.data, text.length < maximum ? text.length : maximum);
}

static void entry_deinit(struct acl_entry *entry)
{
    buffer_deinit(&entry->object);
    buffer_deinit(&entry->user);
    buffer_deinit(&entry->client);
    *entry = (struct acl_entry){0};
}

void acl_log_clear(struct acl_log *log)
{
    for (uint32_t i = 0; i < log->count; i++)
        entry_deinit(&log->entries[i]);
    log->count = 0;
}

static void move_to_front(struct acl_log *log, uint32_t at)
{
    struct acl_entry entry = log->entries[at];
    memmove(&log->entries[1], &log->entries[0], at * sizeof log->entries[0]);
    log->entries[0] = entry;
}

static bool is_same(const struct acl_entry *entry, enum acl_reason reason, struct slice object,
                    struct slice user, struct instant now)
{
    return entry->reason == reason && now.wall_ms - entry->updated_ms < ACL_LOG_SAME_MS &&
           slice_equal(buffer_slice(&entry->object), object) &&
           slice_equal(buffer_slice(&entry->user), user);
}

void acl_log_add(struct acl_log *log, enum acl_reason reason, struct slice object,
                 struct slice user, struct slice client, struct instant now)
{
    uint32_t at = 0;
    object = cut(object, ACL_LOG_OBJECT_MAX);
    user = cut(user, ACL_LOG_OBJECT_MAX);
    while (at < log->count && !is_same(&log->entries[at], reason, object, user, now))
        at++;
    if (at == log->count) {
        if (log->count == ACL_LOG_MAX)
            entry_deinit(&log->entries[--at]); /* the oldest gives way */
        else
            log->count++;
        struct acl_entry *entry = &log->entries[at];
        *entry = (struct acl_entry){
            .id = log->next_id++, .reason = (uint8_t)reason, .created_ms = now.wall_ms};
        buffer_append_slice(&entry->object, object);
        buffer_append_slice(&entry->user, user);
    }
    struct acl_entry *entry = &log->entries[at];
    entry->count++;
    entry->updated_ms = now.wall_ms;
    buffer_clear(&entry->client);
    buffer_append_slice(&entry->client, cut(client, ACL_LOG_CLIENT_MAX));
    move_to_front(log, at);
}

static void write_text(struct resp_writer writer, const char *name, struct slice value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, value);
}

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)value);
}

static void write_age(struct resp_writer writer, const struct acl_entry *entry, struct instant now)
{
    struct buffer age = {0};
    uint64_t ms = now.wall_ms > entry->updated_ms ? now.wall_ms - entry->updated_ms : 0;
    buffer_printf(&age, "%llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
    write_text(writer, "age-seconds", buffer_slice(&age));
    buffer_deinit(&age);
}

void acl_log_write(const struct acl_log *log, uint64_t maximum, struct instant now,
                   struct resp_writer writer)
{
    uint32_t count = maximum < log->count ? (uint32_t)maximum : log->count;
    resp_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct acl_entry *entry = &log->entries[i];
        resp_writer_map(writer, 10);
        write_number(writer, "count", entry->count);
        write_text(writer, "reason", slice_text(reason_names[entry->reason]));
        write_text(writer, "context", slice_text("toplevel"));
        write_text(writer, "object", buffer_slice(&entry->object));
        write_text(writer, "username", buffer_slice(&entry->user));
        write_age(writer, entry, now);
        write_text(writer, "client-info", buffer_slice(&entry->client));
        write_number(writer, "entry-id", entry->id);
        write_number(writer, "timestamp-created", entry->created_ms);
        write_number(writer, "timestamp-last-updated", entry->updated_ms);
    }
}
