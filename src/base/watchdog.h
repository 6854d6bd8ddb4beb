/* The watchdog: a thread that ends a process whose loop never comes back. */
#ifndef PL_BASE_WATCHDOG_H
#define PL_BASE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "planlift/compiler.h"
#include "planlift/health.h"
#include "planlift/status.h"

struct pl_watchdog;

struct pl_watchdog_options {
    struct pl_health *health; /* borrowed until the watchdog is freed */
    unsigned limit_ticks;     /* so many without a beat are too many */
    int tick_ms;              /* 1000 but in tests */
    /* Both are called in the watchdog's thread with the stage of the last beat. Is there a reason
     * for that it has not come back, so that the count may begin again? Asked after two thirds of
     * the limit and at its end. May be NULL: no. */
    bool (*is_excused)(void *self, const char *stage);
    /* Called every tick. May be NULL. Must not wait. */
    void (*on_tick)(void *self);
    /* Called once; the watchdog rests afterwards. */
    void (*on_hung)(void *self, const char *stage);
    void *self;
};

/* It counts its own waits rather than the time, so a process that was stopped (SIGSTOP, a frozen
 * machine) is not taken for hung when it goes on. Errors: PL_FATAL (no thread to be had).
 * Owns: free with pl_watchdog_free. */
PL_MUST_CHECK enum pl_status pl_watchdog_new(const struct pl_watchdog_options *options,
                                             struct pl_watchdog **ret_watchdog,
                                             struct pl_error *error);
void pl_watchdog_free(struct pl_watchdog *watchdog); /* NULL: nothing */

/* on_hung for a service: logs the stage, says exit_reason=hung and ends the process with 1, without
 * anything that could hang as well. self is not used. */
PL_NORETURN void pl_watchdog_end_process(void *self, const char *stage);

/* Did the whole process stand still for a second or more, and go on within the last within_ms? */
bool pl_watchdog_saw_a_stop(struct pl_watchdog *watchdog, int64_t within_ms);

#endif
