/* Coroutines: a function on a stack of its own can be left in the middle and gone on with. */
#ifndef PL_TESTS_SIM_COROUTINE_H
#define PL_TESTS_SIM_COROUTINE_H

struct sim_coroutine;

/* Not started yet. Never freed: one that is not resumed any more is kill -9. */
struct sim_coroutine *sim_coroutine_new(void (*body)(void *self), void *self);

/* Go on with it until it pauses or body returns, after which it must not be resumed. Not from
 * within a coroutine. */
void sim_coroutine_resume(struct sim_coroutine *coroutine);

/* From within: back to whoever resumed it. */
void sim_coroutine_pause(struct sim_coroutine *coroutine);

#endif
