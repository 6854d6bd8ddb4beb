/* Time and chance of the simulated processes. The linker puts these functions in the place of those
 * of libc and libuuid (--wrap) in every object of planlift, so that src/io/world.c and whoever
 * else looks at a clock runs as it is. Outside of a simulation, for example in the driver, the real
 * ones are called. */
#include <errno.h>
#include <time.h>

#include <uuid/uuid.h>

#include "sim.h"

/* NOLINTBEGIN(readability-identifier-naming): the linker names them */
int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __real_nanosleep(const struct timespec *time, struct timespec *ret_left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *ret_left);
void __real_uuid_generate_random(uuid_t ret_id);
void __wrap_uuid_generate_random(uuid_t ret_id);
/* NOLINTEND(readability-identifier-naming) */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    const struct sim *sim = sim_current();
    int64_t ms;

    if (sim == NULL) {
        return __real_clock_gettime(clock, ret_time);
    }
    ms = clock == CLOCK_REALTIME ? sim->world.wall_ms : sim->world.monotonic_ms;
    ret_time->tv_sec = (time_t)(ms / 1000);
    ret_time->tv_nsec = (long)(ms % 1000) * 1000000;
    return 0;
}

static bool is_signalled(void *self)
{
    const struct sim_process *process = self;

    return process->stop != 0;
}

/* SIGTERM interrupts it, as it does the real one (but not librdkafka's waits, nor hiredis's). */
int __wrap_nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    const struct sim *sim = sim_current();
    int64_t ms = (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;

    if (sim == NULL) {
        return __real_nanosleep(time, ret_left);
    }
    if (sim_self()->stop != 0) { /* the signal has been already */
        (void)sim_wait_until(sim_now(sim) + ms);
    } else if (sim_wait_for(sim_now(sim) + ms, is_signalled, sim_self())) {
        errno = EINTR;
        return -1;
    }
    return 0;
}

void __wrap_uuid_generate_random(uuid_t ret_id)
{
    struct sim *sim = sim_current();

    if (sim == NULL) {
        __real_uuid_generate_random(ret_id);
        return;
    }
    for (size_t i = 0; i < sizeof(uuid_t); i++) {
        ret_id[i] = (unsigned char)sim_below(sim, 256);
    }
}
