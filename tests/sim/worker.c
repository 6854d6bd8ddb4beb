/* planlift's helper thread (src/base/worker.c) as a second coroutine of the process. The linker
 * finds these functions first. Outside of a simulation nobody has one. */
#include "base/worker.h"

#include <assert.h>
#include <string.h>

#include "sim.h"

#define FOR_EVER (INT64_MAX / 2)

struct pl_worker {
    void (*job)(void *arg); /* NULL: none, or it has ended */
    void *arg;
};

static bool has_job(void *self)
{
    const struct pl_worker *worker = self;

    return worker->job != NULL;
}

static bool has_none(void *self)
{
    return !has_job(self);
}

static void work(void *self)
{
    struct pl_worker *worker = self;

    for (;;) {
        while (!has_job(worker)) {
            (void)sim_wait_for(FOR_EVER, has_job, worker);
        }
        worker->job(worker->arg);
        worker->job = NULL;
    }
}

/* Lives as long as the schedule, as the coroutine does. */
enum pl_status pl_worker_new(struct pl_worker **ret_worker, struct pl_error *error)
{
    struct pl_worker *worker = pl_arena_zalloc(&sim_current()->world.arena, 1, sizeof(*worker));

    (void)error;
    sim_start_helper(work, worker);
    *ret_worker = worker;
    return PL_OK;
}

void pl_worker_free(struct pl_worker *worker)
{
    if (worker != NULL) {
        (void)pl_worker_await(worker, -1);
    }
}

void pl_worker_launch(struct pl_worker *worker, void (*job)(void *arg), void *arg)
{
    assert(worker->job == NULL);
    worker->job = job;
    worker->arg = arg;
    sim_yield();
}

bool pl_worker_await(struct pl_worker *worker, int timeout_ms)
{
    if (timeout_ms == 0 || !has_job(worker)) {
        return !has_job(worker);
    }
    return sim_wait_for(timeout_ms < 0 ? FOR_EVER : sim_now(sim_current()) + timeout_ms, has_none,
                        worker);
}
