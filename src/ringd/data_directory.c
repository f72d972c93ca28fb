#include "ringd/data_directory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ringd/ring_file.h"

enum { RING_PATH_MAX = PATH_MAX + 8 };

static const char *ring_path(const char *path, char out[RING_PATH_MAX])
{
    snprintf(out, RING_PATH_MAX, "%s/ring", path);
    return out;
}

bool data_directory_exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 || errno != ENOENT;
}

static bool same_owner(const struct identity *a, const struct identity *b)
{
    return memcmp(a->cluster_id, b->cluster_id, sizeof a->cluster_id) == 0 && a->node == b->node &&
           a->storage_incarnation == b->storage_incarnation;
}

/* The store of `wanted` is in `path` when this returns STATUS_OK. */
static enum status make_store(const char *path, const struct identity *wanted,
                              const struct leveldb_store_params *store, struct buffer *reason)
{
    char ring[RING_PATH_MAX], why[STORE_REASON_MAX] = "";
    struct identity found;
    enum status status = identity_read(path, &found, why);
    if (status == STATUS_OK) {
        if (same_owner(&found, wanted) && !data_directory_exists(ring_path(path, ring)))
            return STATUS_OK; /* all that is missing is the ring */
        buffer_printf(reason, "%s already is the data directory of node %" PRIu32, path,
                      found.node);
        return STATUS_INVALID;
    }
    if (status == STATUS_NOT_FOUND)
        status = identity_initialise(path, store, wanted, why);
    if (status != STATUS_OK)
        buffer_append_slice(reason, slice_text(why));
    return status;
}

enum status data_directory_initialise(const char *path, const struct register_value *value,
                                      node_id node, uint16_t storage_incarnation,
                                      const struct leveldb_store_params *store,
                                      struct buffer *reason)
{
    char file[RING_PATH_MAX];
    const struct ring *ring = value->ring;
    const struct ring_member *member = ring_member(ring, node);
    if (member == NULL) {
        buffer_printf(reason, "node %" PRIu32 " is no member of the ring", node);
        return STATUS_INVALID;
    }
    if (storage_incarnation == 0)
        storage_incarnation = member->storage_incarnation;
    if (storage_incarnation < member->storage_incarnation) {
        buffer_printf(reason,
                      "the ring has storage incarnation %u of node %" PRIu32
                      " already; give it a higher one",
                      (unsigned)member->storage_incarnation, node);
        return STATUS_INVALID;
    }
    struct identity identity = {.node = node, .storage_incarnation = storage_incarnation};
    memcpy(identity.cluster_id, ring->cluster_id, sizeof identity.cluster_id);
    enum status status = make_store(path, &identity, store, reason);
    if (status != STATUS_OK)
        return status;
    return ring_file_write(ring_path(path, file), value, reason);
}

/* Why a node with that identity cannot run by that ring; NULL when it can. */
static const char *mismatch(const struct identity *identity, const struct ring *ring)
{
    const struct ring_member *member = ring_member(ring, identity->node);
    if (memcmp(identity->cluster_id, ring->cluster_id, sizeof ring->cluster_id) != 0)
        return "its ring is of another cluster";
    if (member == NULL)
        return "it is no member of its ring";
    if (member->storage_incarnation > identity->storage_incarnation)
        return "its ring names a later incarnation of its store";
    return NULL;
}

enum status data_directory_read(const char *path, node_id node, struct register_value **value,
                                struct identity *identity, struct buffer *reason)
{
    char file[RING_PATH_MAX], why[STORE_REASON_MAX] = "";
    struct register_value *found = NULL;
    enum status status = identity_read(path, identity, why);
    if (status != STATUS_OK) {
        buffer_append_slice(reason, slice_text(why));
        return status;
    }
    if (node != 0 && node != identity->node) {
        buffer_printf(reason, "%s is the data directory of node %" PRIu32 ", not of node %" PRIu32,
                      path, identity->node, node);
        return STATUS_INVALID;
    }
    status = ring_file_read(ring_path(path, file), &found, reason);
    if (status == STATUS_NOT_FOUND)
        buffer_append_slice(reason, slice_text("; ringd --init with the cluster's ring file puts "
                                               "it back"));
    if (status != STATUS_OK)
        return status;
    const char *difference = mismatch(identity, found->ring);
    if (difference != NULL) {
        buffer_printf(reason, "node %" PRIu32 " cannot start from %s: %s", identity->node, path,
                      difference);
        register_value_free(found);
        return STATUS_INVALID;
    }
    *value = found;
    return STATUS_OK;
}
