/* The world port: the shared clock, the shared chance, whether to stop, and a helper whose job is
 * done as late as can be: when its end is awaited, or asked for a second time. */
#include <assert.h>

#include "process.h"

/* Enough that whatever waits for a retry has come round to it. */
#define IDLE_POLLS_DONE 20

static int64_t now_ms(void *self)
{
    const struct pl_fake_process *process = self;

    return process->world->wall_ms;
}

static int64_t monotonic_ms(void *self)
{
    const struct pl_fake_process *process = self;

    return process->world->monotonic_ms;
}

static void random_id(void *self, unsigned char ret_id[16])
{
    struct pl_fake_process *process = self;

    for (int i = 0; i < 16; i++) {
        ret_id[i] = (unsigned char)pl_fake_random_below(process->world, 256);
    }
}

static void wait_ms(void *self, int ms)
{
    struct pl_fake_process *process = self;

    pl_fake_advance(process->world, ms);
}

static bool should_stop(void *self)
{
    struct pl_fake_process *process = self;

    if (process->stops_when_done && process->idle_polls >= IDLE_POLLS_DONE &&
        pl_fake_is_all_taken_in(process->world)) {
        process->is_stopped = true;
    }
    if (process->stops_at_ms != 0 && process->world->monotonic_ms >= process->stops_at_ms) {
        process->is_stopped = true;
    }
    return process->is_stopped;
}

static void launch(void *self, void (*job)(void *arg), void *arg)
{
    struct pl_fake_process *process = self;

    assert(process->job == NULL);
    process->job = job;
    process->job_arg = arg;
    process->job_asked = 0;
}

static bool await(void *self, int timeout_ms)
{
    struct pl_fake_process *process = self;
    void (*job)(void *arg) = process->job;

    if (job == NULL) {
        return true;
    }
    if (timeout_ms >= 0 && process->job_asked++ == 0) {
        pl_fake_advance(process->world, timeout_ms);
        return false;
    }
    process->job = NULL;
    job(process->job_arg);
    return true;
}

struct pl_world pl_fake_clock(struct pl_fake_process *process)
{
    static const struct pl_world_ops ops = {.now_ms = now_ms,
                                            .monotonic_ms = monotonic_ms,
                                            .random_id = random_id,
                                            .wait_ms = wait_ms,
                                            .should_stop = should_stop,
                                            .launch = launch,
                                            .await = await};

    return (struct pl_world){&ops, process};
}
