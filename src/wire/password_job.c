#include "wire/password_job.h"

#include <string.h>

#include "wire/message_parts.h"

_Static_assert(PASSWORD_JOB_BYTES == 8 + 1 + PASSWORD_SALT_BYTES + PASSWORD_HASH_BYTES,
               "a job is what its parts are");
_Static_assert(PASSWORD_RESULT_BYTES == 8 + 1 + PASSWORD_HASH_BYTES,
               "a result is what its parts are");

static void take(struct reader *reader, uint8_t *out, size_t length)
{
    struct slice bytes = reader_take(reader, length);
    if (!reader->failed)
        memcpy(out, bytes.data, length);
}

void password_job_encode(const struct password_job *job, struct buffer *out)
{
    buffer_put_u64(out, job->ticket);
    buffer_put_u8(out, job->cost);
    buffer_append(out, job->salt, sizeof job->salt);
    buffer_append(out, job->digest, sizeof job->digest);
}

enum status password_job_decode(struct slice bytes, struct password_job *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct password_job){0};
    out->ticket = reader_u64(&reader);
    out->cost = reader_u8(&reader);
    take(&reader, out->salt, sizeof out->salt);
    take(&reader, out->digest, sizeof out->digest);
    return reader_end(&reader);
}

void password_result_encode(const struct password_result *result, struct buffer *out)
{
    buffer_put_u64(out, result->ticket);
    put_status(out, result->status);
    buffer_append(out, result->hash, sizeof result->hash);
}

void password_result_decode(struct reader *reader, struct password_result *out)
{
    *out = (struct password_result){0};
    out->ticket = reader_u64(reader);
    out->status = get_status(reader);
    take(reader, out->hash, sizeof out->hash);
}
