/*
 * identity_text.h - the text form of an identity, for the file and for the record in the database.
 *
 *     ringdb identity 1
 *     cluster_id=00112233445566778899aabbccddeeff
 *     node_id=3
 *     storage_incarnation=1
 *     boot_epoch=7
 *     session=21
 *     clean=no
 *     next_boot_epoch=8            while a change is under way; file only
 *     next_session=22
 *     next_clean=no
 *     store_files=9                after a clean end; file only
 *     store_bytes=1048576
 *     store_digest=0123456789abcdef
 *     checksum=0123456789abcdef    XXH3-64 of the lines above
 *
 * There is one form only: text that does not come out the same when it is
 * written again is damaged.
 */
#ifndef STORE_IDENTITY_TEXT_H
#define STORE_IDENTITY_TEXT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"
#include "store/identity.h"
#include "store/inventory.h"

struct identity_text {
    struct identity now;
    bool changing; /* then `next` is what the other half may hold already; same node and cluster */
    struct identity next;
    bool counted; /* then `inventory` holds */
    struct inventory inventory;
};

void identity_text_encode(const struct identity_text *text, struct buffer *out);

/* STATUS_CORRUPT: damaged. STATUS_UNSUPPORTED: whole, but of another format number. */
MUST_USE enum status identity_text_decode(struct slice bytes, struct identity_text *out);

#endif
