/* How the service tells that it lives and is ready: written by the loop's thread, read by the
 * watchdog's and the HTTP port's. */
#ifndef PL_HEALTH_H
#define PL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

/* What must be so for the service to be ready. Each is met or not, with the reason why not. */
enum pl_condition {
    PL_CONDITION_SLOT,        /* no other process fights for our slot (I10) */
    PL_CONDITION_KAFKA,       /* Kafka answered when it was last asked */
    PL_CONDITION_REDIS,       /* Redis answered when it was last asked, and is fit for use */
    PL_CONDITION_REGISTRY,    /* the schema registry answered when it was last asked */
    PL_CONDITION_ASSIGNED,    /* the group has told us our share of the partitions, if only none */
    PL_CONDITION_RESTORED,    /* every partition of the share is as it must be, and started */
    PL_CONDITION_DEAD_LETTERS /* not so many dead letters that we rather wait for a person */
};
enum { PL_CONDITION_COUNT = PL_CONDITION_DEAD_LETTERS + 1 };

/* Name of a condition as /readyz and the log have it, for example "dead_letters". */
const char *pl_condition_name(enum pl_condition condition);

struct pl_health; /* all calls may come from any thread; NULL is taken for one that nobody asks */

/* Health of a service that has not begun: Kafka, Redis, assigned and restored are not met. limit_s:
 * seconds without a beat after which it counts as hung; after five sixths of them it is no longer
 * alive (later than what the slowest call may take while Kafka is away). Owns: free with
 * pl_health_free, once no other thread uses it. */
struct pl_health *pl_health_new(unsigned limit_s);
void pl_health_free(struct pl_health *health);

/* ---- written by the loop --------------------------------------------------------------------- */

/* The loop goes on. stage: what it does next, for the log if it never comes back; a string literal,
 * or another one that outlives the process's threads. Costs a few nanoseconds: call it before and
 * after whatever might not return. */
void pl_health_beat(struct pl_health *health, const char *stage);

/* A condition is met, or is not for this reason (copied, cut after some 300 bytes; one line,
 * without personal data (I14); unused where is_met). Setting it again as it is changes nothing. */
void pl_health_set(struct pl_health *health, enum pl_condition condition, bool is_met,
                   const char *reason);

/* ---- read ------------------------------------------------------------------------------------ */

/* Count one second of the watchdog's: seconds so far without a beat, and the stage of the last one.
 * Thread: the watchdog's alone. */
unsigned pl_health_tick(struct pl_health *health, const char **ret_stage);

/* Count anew: that there was no beat has a reason. Thread: the watchdog's alone. */
void pl_health_excuse(struct pl_health *health);

/* Has there been a beat within five sixths of the limit, as the watchdog counts? */
bool pl_health_is_alive(struct pl_health *health);

bool pl_health_is_met(struct pl_health *health, enum pl_condition condition);

/* Are all conditions met? Where not, text has a line "name: reason\n" for each that is not, cut to
 * size. */
bool pl_health_is_ready(struct pl_health *health, char *ret_text, size_t size);

#endif
