/* Time, chance and a helper thread from the operating system. */
#include "io/world.h"

#include <time.h>

#include <uuid/uuid.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

static int64_t monotonic_ms(void *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC);
}

static void random_id(void *self, unsigned char ret_id[16])
{
    (void)self;
    uuid_generate_random(ret_id);
}

static void wait_ms(void *self, int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)self;
    (void)nanosleep(&time, NULL); /* a signal may end it early: the loop looks at should_stop */
}

static bool should_stop(void *self)
{
    const struct pl_system_world *world = self;

    return world->stop != NULL && *world->stop != 0;
}

static void launch(void *self, void (*job)(void *arg), void *arg)
{
    const struct pl_system_world *world = self;

    pl_worker_launch(world->worker, job, arg);
}

static bool await(void *self, int timeout_ms)
{
    const struct pl_system_world *world = self;

    return pl_worker_await(world->worker, timeout_ms);
}

struct pl_world pl_system_world_port(struct pl_system_world *world)
{
    static const struct pl_world_ops ops = {.now_ms = now_ms,
                                            .monotonic_ms = monotonic_ms,
                                            .random_id = random_id,
                                            .wait_ms = wait_ms,
                                            .should_stop = should_stop,
                                            .launch = launch,
                                            .await = await};

    return (struct pl_world){&ops, world};
}
