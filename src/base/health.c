/* Health: a beat counter that costs next to nothing, and a few conditions under a lock. */
#include "planlift/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

#define REASON_BYTES 320

struct condition {
    bool is_met;
    char reason[REASON_BYTES];
};

struct pl_health {
    unsigned limit_s;
    atomic_uint_fast64_t beats;
    _Atomic(const char *) stage;
    uint_fast64_t seen_beats; /* the watchdog's */
    atomic_uint idle_s;       /* seconds without a beat, as the watchdog counts */
    pthread_mutex_t lock;     /* of what follows */
    struct condition conditions[PL_CONDITION_COUNT];
};

static const char *const names[PL_CONDITION_COUNT] = {[PL_CONDITION_SLOT] = "slot",
                                                      [PL_CONDITION_KAFKA] = "kafka",
                                                      [PL_CONDITION_REDIS] = "redis",
                                                      [PL_CONDITION_REGISTRY] = "registry",
                                                      [PL_CONDITION_ASSIGNED] = "assigned",
                                                      [PL_CONDITION_RESTORED] = "restored",
                                                      [PL_CONDITION_DEAD_LETTERS] = "dead_letters"};

/* What a service that has not begun must still do; the others are met until something happens. */
static const char *const first_reasons[PL_CONDITION_COUNT] = {
    [PL_CONDITION_KAFKA] = "not reached yet",
    [PL_CONDITION_REDIS] = "not reached yet",
    [PL_CONDITION_ASSIGNED] = "the group has not given us our share of the partitions yet",
    [PL_CONDITION_RESTORED] = "the state of our partitions is not restored yet"};

const char *pl_condition_name(enum pl_condition condition)
{
    return names[condition];
}

/* One line, whatever the text is. */
static void put_reason(struct condition *condition, const char *reason)
{
    (void)snprintf(condition->reason, sizeof(condition->reason), "%s", reason); /* cut to fit */
    for (char *c = condition->reason; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\r') {
            *c = ' ';
        }
    }
}

struct pl_health *pl_health_new(unsigned limit_s)
{
    struct pl_health *health = calloc(1, sizeof(*health));

    if (health == NULL) {
        pl_out_of_memory(sizeof(*health));
    }
    health->limit_s = limit_s;
    atomic_init(&health->beats, 0);
    atomic_init(&health->stage, "starting");
    atomic_init(&health->idle_s, 0);
    (void)pthread_mutex_init(&health->lock, NULL); /* cannot fail with the default attributes */
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        health->conditions[i].is_met = first_reasons[i] == NULL;
        put_reason(&health->conditions[i], first_reasons[i] == NULL ? "" : first_reasons[i]);
    }
    return health;
}

void pl_health_free(struct pl_health *health)
{
    if (health != NULL) {
        (void)pthread_mutex_destroy(&health->lock); /* nobody holds it any more */
        free(health);
    }
}

/* ---- written by the loop --------------------------------------------------------------------- */

void pl_health_beat(struct pl_health *health, const char *stage)
{
    if (health != NULL) {
        atomic_store_explicit(&health->stage, stage, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&health->beats, 1, memory_order_relaxed);
    }
}

void pl_health_set(struct pl_health *health, enum pl_condition condition, bool is_met,
                   const char *reason)
{
    struct condition *changed;

    if (health == NULL) {
        return;
    }
    changed = &health->conditions[condition];
    (void)pthread_mutex_lock(&health->lock); /* cannot fail: it is not recursive, nor robust */
    changed->is_met = is_met;
    if (!is_met) {
        put_reason(changed, reason);
    }
    (void)pthread_mutex_unlock(&health->lock);
}

/* ---- read ------------------------------------------------------------------------------------ */

unsigned pl_health_tick(struct pl_health *health, const char **ret_stage)
{
    uint_fast64_t beats = atomic_load_explicit(&health->beats, memory_order_relaxed);
    unsigned idle_s = beats != health->seen_beats ? 0 : atomic_load(&health->idle_s) + 1;

    health->seen_beats = beats;
    atomic_store(&health->idle_s, idle_s);
    *ret_stage = atomic_load_explicit(&health->stage, memory_order_relaxed);
    return idle_s;
}

void pl_health_excuse(struct pl_health *health)
{
    atomic_store(&health->idle_s, 0);
}

bool pl_health_is_alive(struct pl_health *health)
{
    return health == NULL || atomic_load(&health->idle_s) < health->limit_s - health->limit_s / 6;
}

bool pl_health_is_met(struct pl_health *health, enum pl_condition condition)
{
    bool is_met;

    if (health == NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&health->lock); /* see above */
    is_met = health->conditions[condition].is_met;
    (void)pthread_mutex_unlock(&health->lock);
    return is_met;
}

bool pl_health_is_ready(struct pl_health *health, char *ret_text, size_t size)
{
    bool is_ready = true;
    size_t used = 0;

    ret_text[0] = '\0';
    if (health == NULL) {
        return true;
    }
    (void)pthread_mutex_lock(&health->lock); /* see above */
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        if (health->conditions[i].is_met) {
            continue;
        }
        is_ready = false;
        (void)snprintf(ret_text + used, size - used, "%s: %s\n", names[i], /* cut to fit */
                       health->conditions[i].reason);
        used += strlen(ret_text + used);
    }
    (void)pthread_mutex_unlock(&health->lock);
    return is_ready;
}
