#include "ringd/password_worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "ringd/password_hash.h"
#include "wire/password_job.h"

enum { NICENESS = 5 };

struct password_worker {
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool ending;
    struct password_job jobs[PASSWORD_JOBS_MAX]; /* a ring */
    unsigned first, count;
    struct buffer results;
    void (*wake)(void *context);
    void *context;
};

/* false: it is to end. */
static bool wait_for_job(struct password_worker *worker, struct password_job *out)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->count == 0 && !worker->ending)
        pthread_cond_wait(&worker->changed, &worker->lock);
    bool goes_on = !worker->ending;
    if (goes_on) {
        struct password_job *job = &worker->jobs[worker->first];
        *out = *job;
        explicit_bzero(job, sizeof *job);
        worker->first = (worker->first + 1) % PASSWORD_JOBS_MAX;
        worker->count--;
    }
    pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

static void *work(void *argument)
{
    struct password_worker *worker = argument;
    struct password_job job;
    /* Of this thread alone, as Linux has it; without it the hashes are as dear as all else. */
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    while (wait_for_job(worker, &job)) {
        struct password_result result = {.ticket = job.ticket};
        result.status = password_hash_slowly(job.digest, job.cost, job.salt, result.hash);
        explicit_bzero(&job, sizeof job);
        pthread_mutex_lock(&worker->lock);
        password_result_encode(&result, &worker->results);
        pthread_mutex_unlock(&worker->lock);
        worker->wake(worker->context);
    }
    return NULL;
}

enum status password_worker_start(void (*wake)(void *context), void *context,
                                  struct password_worker **out)
{
    struct password_worker *worker = memory_new(1, sizeof *worker);
    sigset_t all, before;
    worker->wake = wake;
    worker->context = context;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        pthread_cond_destroy(&worker->changed);
        pthread_mutex_destroy(&worker->lock);
        free(worker);
        errno = error;
        return STATUS_IO;
    }
    *out = worker;
    return STATUS_OK;
}

void password_worker_stop(struct password_worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->ending = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    explicit_bzero(worker->jobs, sizeof worker->jobs);
    buffer_deinit(&worker->results);
    free(worker);
}

void password_worker_submit(struct password_worker *worker, struct slice bytes)
{
    struct password_job job;
    enum status status = password_job_decode(bytes, &job);
    assert(status == STATUS_OK); /* the own node has made it */
    pthread_mutex_lock(&worker->lock);
    assert(worker->count < PASSWORD_JOBS_MAX);
    worker->jobs[(worker->first + worker->count++) % PASSWORD_JOBS_MAX] = job;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    explicit_bzero(&job, sizeof job);
}

void password_worker_take(struct password_worker *worker, struct buffer *results)
{
    pthread_mutex_lock(&worker->lock);
    buffer_append_slice(results, buffer_slice(&worker->results));
    buffer_clear(&worker->results);
    pthread_mutex_unlock(&worker->lock);
}
