/* Time, chance and a helper thread from the operating system. */
#include "io/world.h"

#include <time.h>

#include <uuid/uuid.h>

#include "base/clock.h"

static int64_t now_ms(void *self)
{
    struct timespec now;

    (void)self;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void *self)
{
    (void)self;
    return pl_clock_ms();
}

static void random_id(void *self, unsigned char ret_id[16])
{
    (void)self;
    uuid_generate_random(ret_id);
}

static void wait_ms(void *self, int ms)
{
    (void)self;
    pl_clock_wait(ms);
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
