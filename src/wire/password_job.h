/*
 * password_job.h - what a node asks its host to hash slowly, and what comes back.
 *
 * A slow hash takes tens of milliseconds, so the loop side does not make it: EFFECT_PASSWORD_HASH
 * carries a job to whoever drives the node, and EVENT_PASSWORD_HASHED brings one or more results,
 * in any order. A job has one result. Both have a fixed size, and stay inside a process.
 *
 *     job     u64 ticket, u8 cost, 16 B salt, 32 B digest
 *     result  u64 ticket, u8 status, 32 B hash
 */
#ifndef WIRE_PASSWORD_JOB_H
#define WIRE_PASSWORD_JOB_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    PASSWORD_SALT_BYTES = 16,
    PASSWORD_HASH_BYTES = 32,
    PASSWORD_JOB_BYTES = 57,
    PASSWORD_RESULT_BYTES = 41,
    PASSWORD_JOBS_MAX = 64,    /* of one node at once; it refuses more */
    PASSWORD_WAITERS_MAX = 512 /* for these */
};

struct password_job {
    uint64_t ticket;
    uint8_t cost; /* log2 of scrypt's N; r = 8, p = 1 */
    uint8_t salt[PASSWORD_SALT_BYTES];
    uint8_t digest[PASSWORD_HASH_BYTES]; /* SHA-256 of the password */
};

struct password_result {
    uint64_t ticket;
    enum status status; /* STATUS_OK, or STATUS_OVERLOADED: there is no hash */
    uint8_t hash[PASSWORD_HASH_BYTES];
};

void password_job_encode(const struct password_job *job, struct buffer *out);
/* STATUS_CORRUPT: that is none. */
MUST_USE enum status password_job_decode(struct slice bytes, struct password_job *out);
void password_result_encode(const struct password_result *result, struct buffer *out);
/* Fails the reader. */
void password_result_decode(struct reader *reader, struct password_result *out);

#endif
