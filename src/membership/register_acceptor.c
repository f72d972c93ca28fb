#include "membership/register_acceptor.h"

#include <assert.h>

static void check_invariants(const struct register_acceptor *acceptor)
{
    assert(ballot_compare(acceptor->accepted, acceptor->promised) <= 0); /* A2 */
    assert(ballot_is_none(acceptor->accepted) == (acceptor->value.length == 0));
}

void register_acceptor_deinit(struct register_acceptor *acceptor)
{
    buffer_deinit(&acceptor->value);
    *acceptor = (struct register_acceptor){0};
}

enum status register_acceptor_prepare(struct register_acceptor *acceptor, struct ballot ballot)
{
    if (ballot_compare(ballot, acceptor->promised) <= 0)
        return STATUS_STALE_TAG;
    acceptor->promised = ballot;
    check_invariants(acceptor);
    return STATUS_OK;
}

enum status register_acceptor_accept(struct register_acceptor *acceptor, struct ballot ballot,
                                     struct slice value)
{
    assert(value.length > 0);
    if (ballot_compare(ballot, acceptor->promised) < 0)
        return STATUS_STALE_TAG;
    if (ballot_compare(ballot, acceptor->accepted) == 0)
        return slice_equal(value, buffer_slice(&acceptor->value)) ? STATUS_OK : STATUS_CORRUPT;
    acceptor->promised = acceptor->accepted = ballot;
    buffer_clear(&acceptor->value);
    buffer_append_slice(&acceptor->value, value);
    check_invariants(acceptor);
    return STATUS_OK;
}

void register_acceptor_save(const struct register_acceptor *acceptor, struct buffer *out)
{
    register_acceptor_record_encode(
        &(struct register_acceptor_record){.promised = acceptor->promised,
                                           .accepted = acceptor->accepted,
                                           .value = buffer_slice(&acceptor->value)},
        out);
}

enum status register_acceptor_load(struct register_acceptor *acceptor, struct slice record)
{
    struct register_acceptor_record loaded;
    enum status status = register_acceptor_record_decode(record, &loaded);
    if (status != STATUS_OK)
        return status;
    acceptor->promised = loaded.promised;
    acceptor->accepted = loaded.accepted;
    buffer_clear(&acceptor->value);
    buffer_append_slice(&acceptor->value, loaded.value);
    check_invariants(acceptor);
    return STATUS_OK;
}
