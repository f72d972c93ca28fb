/*
 * fuzz_peer.c - a member that says anything at all cannot end a node, nor leave what it cannot
 * read.
 *
 * The input is frames, from one peer that was let in, to a whole node of a ring of three:
 *
 *     u8 type, u8 request and pause, u16 length, body        and so on
 *
 * A type is that of the table below, so that the input's bytes are spent on types that there are.
 * Bytes that are no frame never come this far: the link's reader refuses them (fuzz_message.c and
 * test_frame.c). The request number is a small one or, so that answers reach who waits, one of
 * those that the node has asked with. Who holds a peer's
 * certificate can lie about data; the claim is that he ends nobody: no assertion fails, the node
 * comes to rest, and its store opens again.
 */
#include "whole_node.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t TYPES[] = {
    MESSAGE_HELLO,
    MESSAGE_HEARTBEAT,
    MESSAGE_FORWARD,
    MESSAGE_FORWARD_RESULT,
    MESSAGE_READ,
    MESSAGE_READ_RESULT,
    MESSAGE_RANGE,
    MESSAGE_RANGE_RESULT,
    MESSAGE_REPLICATE,
    MESSAGE_REPLICATED,
    MESSAGE_DIGEST,
    MESSAGE_DIGEST_RESULT,
    MESSAGE_SYNC_PULL,
    MESSAGE_SYNC_PAGE,
    MESSAGE_PARTITION_PULL,
    MESSAGE_PARTITION_PAGE,
    MESSAGE_STABILITY,
    MESSAGE_STABILITY_HEARD,
    MESSAGE_FETCH,
    MESSAGE_FETCH_RESULT,
    MESSAGE_LOOKUP,
    MESSAGE_LOOKUP_RESULT,
    MESSAGE_HINT,
    MESSAGE_HINTED,
    MESSAGE_HINT_READ,
    MESSAGE_HINT_READ_RESULT,
    MESSAGE_HINT_STATE,
    MESSAGE_LINEAGE,
    MESSAGE_LINEAGE_JUDGED,
    MESSAGE_LINEAGE_SHOWN,
    MESSAGE_REGISTER_KNOWN,
    MESSAGE_REGISTER_PULL,
    MESSAGE_REGISTER_VALUE,
    MESSAGE_REGISTER_PREPARE,
    MESSAGE_REGISTER_PROMISE,
    MESSAGE_REGISTER_ACCEPT,
    MESSAGE_REGISTER_ACCEPTED,
    MESSAGE_TREE_ROOT,
    MESSAGE_TREE_ROOT_RESULT,
    MESSAGE_TREE_NODES,
    MESSAGE_TREE_NODES_RESULT,
    MESSAGE_TREE_LEAF,
    MESSAGE_TREE_LEAF_RESULT,
    MESSAGE_TREE_REPAIR,
    MESSAGE_TREE_REPAIRED,
    MESSAGE_ELEMENTS,
    MESSAGE_ELEMENTS_RESULT,
    MESSAGE_COLLECTION_CLOCK,
    MESSAGE_COLLECTION_CLOCK_RESULT,
    MESSAGE_MINT,
    MESSAGE_MINTED,
    MESSAGE_SYNC_APPLY,
    MESSAGE_REGISTER_LEARN,
    MESSAGE_REACH,
    MESSAGE_RING_ASK,
    MESSAGE_RING_TOLD,
    MESSAGE_DRAIN,
    MESSAGE_DRAIN_HEARD,
    MESSAGE_ORDER,
    MESSAGE_ORDER_RESULT,
    MESSAGE_KEY_STATE,
    MESSAGE_KEY_STATE_RESULT,
    MESSAGE_RING_NEWS,
};

enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES, PEER = 2, FRAMES_MAX = 64 };

static void give_frame(struct whole_node *whole, uint8_t type, uint8_t flags, struct slice body)
{
    request_id request = (flags & 0x40) != 0 ? whole->asked[flags % WHOLE_NODE_ASKED_MAX]
                                             : (request_id)(flags & 0x3f);
    whole_node_frame(whole, PEER, TYPES[type % TYPE_COUNT], request, body);
    if ((flags & 0x80) != 0)
        whole_node_pass(whole, 1000, 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_make(slice_make(data, size));
    struct whole_node whole;
    whole_node_init(&whole, 3);
    whole_node_let_in(&whole, PEER);
    whole_node_say(&whole, slice_text("SET a b\r\nGET a\r\n"));
    for (unsigned i = 0; i < FRAMES_MAX && reader_left(&reader) >= 4 && !whole.left; i++) {
        uint8_t type = reader_u8(&reader), flags = reader_u8(&reader);
        size_t length = reader_u16(&reader);
        if (length > reader_left(&reader))
            length = reader_left(&reader);
        give_frame(&whole, type, flags, reader_take(&reader, length));
    }
    whole_node_pass(&whole, 10000, 100);
    whole_node_reopen_store(&whole);
    whole_node_deinit(&whole);
    return 0;
}
