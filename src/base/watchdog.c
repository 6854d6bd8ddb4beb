/* The watchdog: a thread that ends a process whose loop never comes back. */
#include "base/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signals.h"
#include "planlift/arena.h"
#include "planlift/exit_reason.h"
#include "planlift/log.h"

#define STOP_MS 1000 /* a wait that takes so much longer than asked: the process stood still */
#define NEVER INT64_MIN

struct pl_watchdog {
    struct pl_watchdog_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t has_ended;
    bool is_ended;
    int64_t ticked_ms;  /* when the last wait ended */
    int64_t stopped_ms; /* when the process last went on after it stood still; or NEVER */
};

/* One tick, under the lock; false: the watchdog is to end. */
static bool wait_tick(struct pl_watchdog *watchdog)
{
    int64_t due_ms = watchdog->ticked_ms + watchdog->options.tick_ms;
    struct timespec due = {.tv_sec = (time_t)(due_ms / 1000),
                           .tv_nsec = (long)(due_ms % 1000) * 1000000};
    int result = 0;

    while (!watchdog->is_ended && result != ETIMEDOUT) {
        result = pthread_cond_timedwait(&watchdog->has_ended, &watchdog->lock, &due);
    }
    watchdog->ticked_ms = pl_clock_ms();
    if (watchdog->ticked_ms - due_ms >= STOP_MS) {
        watchdog->stopped_ms = watchdog->ticked_ms;
    }
    return !watchdog->is_ended;
}

/* No beat for a while, or, is_over, for too long; true: it was told. Without the lock, for to ask
 * may take a while. */
static bool judge(struct pl_watchdog *watchdog, const char *stage, bool is_over)
{
    const struct pl_watchdog_options *options = &watchdog->options;
    bool is_told = false;

    (void)pthread_mutex_unlock(&watchdog->lock); /* see watch() */
    if (options->is_excused != NULL && options->is_excused(options->self, stage)) {
        pl_health_excuse(options->health);
    } else if (is_over && pl_health_tick(options->health, &stage) > 0) { /* still none */
        is_told = true;
        options->on_hung(options->self, stage);
    }
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->ticked_ms = pl_clock_ms(); /* the time for that was not a stop */
    return is_told;
}

/* Asked first after two thirds: what has been waited for may just have come back, and the loop is
 * given the last third to do so as well. */
static void *watch(void *self)
{
    struct pl_watchdog *watchdog = self;
    unsigned limit = watchdog->options.limit_ticks;
    bool is_told = false;

    (void)pthread_mutex_lock(&watchdog->lock); /* cannot fail: not recursive, nor robust */
    while (wait_tick(watchdog)) {
        const char *stage;
        unsigned idle = pl_health_tick(watchdog->options.health, &stage);

        if (watchdog->options.on_tick != NULL) {
            watchdog->options.on_tick(watchdog->options.self);
        }
        if (!is_told && (idle >= limit || idle == limit - limit / 3)) {
            is_told = judge(watchdog, stage, idle >= limit);
        }
    }
    (void)pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* The condition's clock is the one that nobody can set. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes); /* none of these can fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void destroy(struct pl_watchdog *watchdog)
{
    (void)pthread_cond_destroy(&watchdog->has_ended); /* nobody waits any more */
    (void)pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}

enum pl_status pl_watchdog_new(const struct pl_watchdog_options *options,
                               struct pl_watchdog **ret_watchdog, struct pl_error *error)
{
    struct pl_watchdog *watchdog = calloc(1, sizeof(*watchdog));
    sigset_t before;
    int result;

    if (watchdog == NULL) {
        pl_out_of_memory(sizeof(*watchdog));
    }
    watchdog->options = *options;
    watchdog->ticked_ms = pl_clock_ms();
    watchdog->stopped_ms = NEVER;
    (void)pthread_mutex_init(&watchdog->lock, NULL); /* cannot fail with default attributes */
    init_condition(&watchdog->has_ended);
    pl_signals_hold(&before);
    result = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pl_signals_release(&before);
    if (result != 0) {
        destroy(watchdog);
        return pl_fail(error, PL_FATAL,
                       "no thread for the watchdog (error %d); raise the limit of "
                       "processes or threads",
                       result);
    }
    *ret_watchdog = watchdog;
    return PL_OK;
}

void pl_watchdog_free(struct pl_watchdog *watchdog)
{
    if (watchdog == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watchdog->lock); /* see watch() */
    watchdog->is_ended = true;
    (void)pthread_cond_signal(&watchdog->has_ended);
    (void)pthread_mutex_unlock(&watchdog->lock);
    (void)pthread_join(watchdog->thread, NULL); /* a thread of ours, joined once */
    destroy(watchdog);
}

void pl_watchdog_end_process(void *self, const char *stage)
{
    (void)self;
    if (pl_exit_can_tell(0)) {
        pl_log(ERROR, "hung", PL_F_TEXT("in", stage),
               PL_F_TEXT("reason", "a call that never came back"));
    }
    pl_exit_reason_tell("hung");
    _exit(1);
}

bool pl_watchdog_saw_a_stop(struct pl_watchdog *watchdog, int64_t within_ms)
{
    int64_t now = pl_clock_ms();
    bool has_stopped;

    (void)pthread_mutex_lock(&watchdog->lock); /* see watch() */
    /* Asked right after the process goes on, the watchdog may not have noticed yet. */
    has_stopped = now - watchdog->ticked_ms >= watchdog->options.tick_ms + STOP_MS ||
                  (watchdog->stopped_ms != NEVER && now - watchdog->stopped_ms <= within_ms);
    (void)pthread_mutex_unlock(&watchdog->lock);
    return has_stopped;
}
