/*
 * acl_log.h - what was refused to users at this node, for ACL LOG.
 *
 * The newest ACL_LOG_MAX entries; what repeats within a minute of its entry's last time is counted
 * there. It is of this node alone and gone with a restart. Names of users and keys are cut, and
 * no password is ever in it.
 */
#ifndef COMMANDS_ACL_LOG_H
#define COMMANDS_ACL_LOG_H

#include <stdint.h>

#include "base/bytes.h"
#include "membership/users.h"
#include "node/event.h"
#include "wire/resp_writer.h"

enum {
    ACL_LOG_MAX = 128,
    ACL_LOG_OBJECT_MAX = 128,
    ACL_LOG_CLIENT_MAX = 1024,
    ACL_LOG_SAME_MS = 60000
};

enum acl_reason { ACL_REASON_COMMAND, ACL_REASON_KEY, ACL_REASON_AUTH, ACL_REASON_CHANNEL };

struct acl_entry {
    uint64_t id, count;
    uint8_t reason;                  /* enum acl_reason */
    uint64_t created_ms, updated_ms; /* since 1970 */
    struct buffer object;            /* the command's name, the key, the channel, AUTH or HELLO */
    struct buffer user;              /* as it was given, for AUTH */
    struct buffer client;            /* as CLIENT INFO describes it */
};

/* All zero is empty. */
struct acl_log {
    uint32_t count;
    uint64_t next_id;
    struct acl_entry entries[ACL_LOG_MAX]; /* the newest first */
};

void acl_log_add(struct acl_log *log, enum acl_reason reason, struct slice object,
                 struct slice user, struct slice client, struct instant now);
void acl_log_clear(struct acl_log *log);
/* The newest ones, at most `maximum`, as an array. */
void acl_log_write(const struct acl_log *log, uint64_t maximum, struct instant now,
                   struct resp_writer writer);

#endif
