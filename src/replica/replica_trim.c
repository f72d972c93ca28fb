#include "replica/replica_trim.h"

bool replica_needs_trimmed(const struct replica *replica, const struct clock *missing)
{
    struct clock rest = {0};
    clock_difference(missing, &replica->trimmed, &rest);
    bool needs = clock_dot_count(&rest) < clock_dot_count(missing);
    clock_deinit(&rest);
    return needs;
}

/* Cut the record off if it may go; false when it stays. */
static enum status cut(struct replica *replica, const struct stability *stability,
                       const struct trim_limits *limits, struct slice name, struct slice value,
                       struct replica_context *context, bool *goes)
{
    struct log_record record;
    enum status status = log_record_decode(value, &record);
    bool above = replica->log_bytes > limits->bytes_max && replica->log_first < limits->kept_from;
    *goes = status == STATUS_OK && (above || stability_everywhere(stability, &record.dots));
    if (*goes) {
        uint64_t bytes = name.length + value.length;
        store_batch_delete(context->batch, name);
        clock_join(&replica->trimmed, &record.dots);
        /* What a damaged checkpoint says may be less than what is there. */
        replica->log_bytes -= replica->log_bytes < bytes ? replica->log_bytes : bytes;
        replica->log_first++;
    }
    clock_deinit(&record.dots);
    return status;
}

enum status replica_trim(struct replica *replica, const struct stability *stability,
                         const struct trim_limits *limits, struct replica_context *context,
                         uint32_t *trimmed)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    bool goes = true;
    *trimmed = 0;
    record_log_name(replica->partition, replica->log_first, &name);
    for (port->seek(iterator, buffer_slice(&name)); port->valid(iterator); port->next(iterator)) {
        partition_id partition;
        uint64_t position;
        status = record_log_name_decode(port->key(iterator), &partition, &position);
        if (status == STATUS_NOT_FOUND ||
            (status == STATUS_OK && partition != replica->partition)) {
            status = STATUS_OK; /* the rest is not committed yet */
            break;
        }
        if (status == STATUS_OK && position != replica->log_first)
            status = STATUS_CORRUPT;
        if (status == STATUS_OK)
            status = cut(replica, stability, limits, port->key(iterator), port->value(iterator),
                         context, &goes);
        if (status != STATUS_OK)
            break;
        *trimmed += goes;
        /* No step behind the newest: a store may have to pass all that other logs have lost. */
        if (!goes || *trimmed == limits->budget || replica->log_first > replica->log_position)
            break;
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    if (*trimmed > 0)
        replica_checkpoint(replica, context);
    return status;
}
