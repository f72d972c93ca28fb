/*
 * replica_trim.c - the log loses its oldest records when nobody needs them.
 *
 * A record is needed by an owner that lacks one of its dots. When an owner has been away for so
 * long that the logs take more room than they may, they are cut all the same; the dots are
 * remembered, and that owner gets the partition whole (replica_whole.c).
 */
#include "replica/replica_cells.h"

enum status replica_trim(struct replica *replica, const struct stability *stability,
                         uint64_t bytes_max, uint32_t budget, struct replica_context *context,
                         uint32_t *trimmed)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    *trimmed = 0;
    record_log_name(replica->partition, replica->log_first, &name);
    for (port->seek(iterator, buffer_slice(&name)); port->valid(iterator) && *trimmed < budget;
         port->next(iterator)) {
        struct log_record record;
        partition_id partition;
        uint64_t position;
        status = record_log_name_decode(port->key(iterator), &partition, &position);
        if (status == STATUS_NOT_FOUND ||
            (status == STATUS_OK && partition != replica->partition)) {
            status = STATUS_OK;
            break;
        }
        if (status == STATUS_OK && position < replica->log_first)
            continue; /* cut by the present group */
        if (status == STATUS_OK && position > replica->log_first)
            status = STATUS_CORRUPT;
        if (status != STATUS_OK)
            break;
        status = log_record_decode(port->value(iterator), &record);
        bool goes = status == STATUS_OK && (replica->log_bytes > bytes_max ||
                                            stability_everywhere(stability, &record.dots));
        if (goes) {
            store_batch_delete(context->batch, port->key(iterator));
            clock_join(&replica->trimmed, &record.dots);
            replica->log_bytes -= port->key(iterator).length + port->value(iterator).length;
            replica->log_first++;
            (*trimmed)++;
        }
        clock_deinit(&record.dots);
        if (!goes)
            break;
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    if (*trimmed > 0)
        replica_checkpoint(replica, context); /* replaying begins behind what is gone */
    return status;
}
