/*
 * password_worker.h - one thread that makes the slow hashes which the node asks for.
 *
 * One, because a login may cost others no more than a part of one processor, however many there
 * are; it runs at a lower priority than the threads that serve. At most PASSWORD_JOBS_MAX jobs are
 * there at once, which the node sees to. Digests are wiped when their hash is made.
 */
#ifndef RINGD_PASSWORD_WORKER_H
#define RINGD_PASSWORD_WORKER_H

#include "base/bytes.h"
#include "base/status.h"

struct password_worker;

/*
 * `wake` is called in the worker's thread when a result is there, and must not call back.
 * STATUS_IO: there is no thread to be had; errno says why.
 */
MUST_USE enum status password_worker_start(void (*wake)(void *context), void *context,
                                           struct password_worker **out);
/* Ends after the job under way; the others get no result. Accepts NULL. */
void password_worker_stop(struct password_worker *worker);

/* Of the thread that owns the loop. A job as wire/password_job.h says; it is copied. */
void password_worker_submit(struct password_worker *worker, struct slice job);
/* Append the results that are there. */
void password_worker_take(struct password_worker *worker, struct buffer *results);

#endif
