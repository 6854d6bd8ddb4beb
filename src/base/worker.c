/* The helper thread. */
#include "base/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/signals.h"
#include "planlift/arena.h"

struct pl_worker {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows; pthread's calls on it cannot fail as they are used */
    pthread_cond_t has_job;
    pthread_cond_t has_ended;
    void (*job)(void *arg); /* NULL: none, or it has ended */
    void *arg;
    bool must_end;
};

static void *work(void *self)
{
    struct pl_worker *worker = self;

    (void)pthread_mutex_lock(&worker->lock);
    while (!worker->must_end) {
        if (worker->job == NULL) {
            (void)pthread_cond_wait(&worker->has_job, &worker->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&worker->lock);
        worker->job(worker->arg); /* nobody changes it before it is NULL */
        (void)pthread_mutex_lock(&worker->lock);
        worker->job = NULL;
        (void)pthread_cond_signal(&worker->has_ended);
    }
    (void)pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* The condition's clock is the one that nobody can set. */
static void init(struct pl_worker *worker)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&worker->has_ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_cond_init(&worker->has_job, NULL);
    (void)pthread_mutex_init(&worker->lock, NULL);
}

static void destroy(struct pl_worker *worker)
{
    (void)pthread_cond_destroy(&worker->has_job);
    (void)pthread_cond_destroy(&worker->has_ended);
    (void)pthread_mutex_destroy(&worker->lock);
    free(worker);
}

enum pl_status pl_worker_new(struct pl_worker **ret_worker, struct pl_error *error)
{
    struct pl_worker *worker = calloc(1, sizeof(*worker));
    sigset_t before;
    int result;

    if (worker == NULL) {
        pl_out_of_memory(sizeof(*worker));
    }
    init(worker);
    pl_signals_hold(&before);
    result = pthread_create(&worker->thread, NULL, work, worker);
    pl_signals_release(&before);
    if (result != 0) {
        destroy(worker);
        return pl_fail(error, PL_FATAL,
                       "no thread for sending (error %d); raise the limit of processes or threads",
                       result);
    }
    *ret_worker = worker;
    return PL_OK;
}

void pl_worker_free(struct pl_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    (void)pl_worker_await(worker, -1);
    (void)pthread_mutex_lock(&worker->lock);
    worker->must_end = true;
    (void)pthread_cond_signal(&worker->has_job);
    (void)pthread_mutex_unlock(&worker->lock);
    (void)pthread_join(worker->thread, NULL); /* a thread of ours, joined once */
    destroy(worker);
}

void pl_worker_launch(struct pl_worker *worker, void (*job)(void *arg), void *arg)
{
    (void)pthread_mutex_lock(&worker->lock);
    assert(worker->job == NULL);
    worker->job = job;
    worker->arg = arg;
    (void)pthread_cond_signal(&worker->has_job);
    (void)pthread_mutex_unlock(&worker->lock);
}

static struct timespec due_in(int timeout_ms)
{
    struct timespec due;

    (void)clock_gettime(CLOCK_MONOTONIC, &due); /* cannot fail for this clock */
    due.tv_sec += timeout_ms / 1000;
    due.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (due.tv_nsec >= 1000000000) {
        due.tv_sec++;
        due.tv_nsec -= 1000000000;
    }
    return due;
}

bool pl_worker_await(struct pl_worker *worker, int timeout_ms)
{
    struct timespec due = due_in(timeout_ms < 0 ? 0 : timeout_ms);
    int result = 0;
    bool has_ended;

    (void)pthread_mutex_lock(&worker->lock);
    while (worker->job != NULL && result != ETIMEDOUT) {
        result = timeout_ms < 0 ? pthread_cond_wait(&worker->has_ended, &worker->lock)
                                : pthread_cond_timedwait(&worker->has_ended, &worker->lock, &due);
    }
    has_ended = worker->job == NULL;
    (void)pthread_mutex_unlock(&worker->lock);
    return has_ended;
}
