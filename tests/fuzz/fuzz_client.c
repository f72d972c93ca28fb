/*
 * fuzz_client.c - any bytes of a client, at a whole node: it is answered in whole replies, and what
 * it has left in the store can be opened again.
 *
 * The first byte of the input says in which pieces the rest arrives. The client is logged in: what
 * a stranger may send is less. Commands that end connections or change users are among what comes.
 */
#include "whole_node.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/resp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void claim_whole_replies(struct slice sent)
{
    static const struct resp_reply_limits limits = {
        .text_bytes_max = 64 << 20, .elements_max = 1 << 20, .reply_bytes_max = 64 << 20};
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    enum resp_reply_progress progress = RESP_REPLY_MORE;
    struct resp_value *value = NULL;
    size_t offset = 0, whole = 0;
    while ((progress = resp_reply_reader_next(reader, sent, &offset, &value)) == RESP_REPLY_VALUE) {
        resp_value_free(value);
        whole = offset;
    }
    assert(progress == RESP_REPLY_MORE && whole == sent.length);
    resp_reply_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ANSWERED_MS = 30000, TICKS = 300 };
    struct whole_node whole;
    if (size < 2)
        return 0;
    size_t piece = data[0] == 0 ? size : data[0];
    whole_node_init(&whole, 1);
    for (size_t at = 1; at < size && !whole.client_closed; at += piece)
        whole_node_say(&whole, slice_make(data + at, size - at < piece ? size - at : piece));
    whole_node_pass(&whole, ANSWERED_MS, TICKS);
    claim_whole_replies(buffer_slice(&whole.sent));
    whole_node_reopen_store(&whole);
    whole_node_deinit(&whole);
    return 0;
}
