#include "ringd/ring_file.h"

#include <errno.h>
#include <string.h>

#include "store/durable_file.h"

static enum status refuse(struct buffer *reason, const char *path, enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        buffer_printf(reason, "there is no ring in %s", path);
        break;
    case STATUS_CORRUPT:
        buffer_printf(reason, "%s is damaged or not a ring", path);
        break;
    case STATUS_UNSUPPORTED:
        buffer_printf(reason, "%s was written by a later version: upgrade this node", path);
        break;
    case STATUS_TOO_LARGE:
        buffer_printf(reason, "%s is too large for a ring", path);
        break;
    default:
        buffer_printf(reason, "could not read %s: %s", path, strerror(errno));
        break;
    }
    return status;
}

/* The value of a cluster in which nothing was agreed on yet is its ring alone. */
static enum status decode(struct slice bytes, struct register_value **out)
{
    struct ring *ring;
    if (ring_decode(bytes, &ring) != STATUS_OK)
        return register_value_decode(bytes, out);
    *out = register_value_first(ring);
    ring_free(ring);
    return STATUS_OK;
}

enum status ring_file_read(const char *path, struct register_value **out, struct buffer *reason)
{
    struct buffer content = {0};
    enum status status = durable_file_read(path, RING_FILE_BYTES_MAX, &content);
    if (status == STATUS_OK)
        status = decode(buffer_slice(&content), out);
    buffer_deinit(&content);
    return status == STATUS_OK ? STATUS_OK : refuse(reason, path, status);
}

enum status ring_file_write(const char *path, const struct register_value *value,
                            struct buffer *reason)
{
    struct buffer content = {0};
    if (value->seq == 0)
        ring_encode(value->ring, &content);
    else
        register_value_encode(value, &content);
    enum status status = durable_file_write(path, buffer_slice(&content));
    if (status != STATUS_OK)
        buffer_printf(reason, "could not write %s: %s", path, strerror(errno));
    buffer_deinit(&content);
    return status;
}
