/* A second pair of hands: one thread that does one job at a time beside the thread that owns it. */
#ifndef PL_BASE_WORKER_H
#define PL_BASE_WORKER_H

#include <stdbool.h>

#include "planlift/compiler.h"
#include "planlift/status.h"

struct pl_worker; /* all calls from the owner's thread */

/* Its thread takes no signals. Owns: free with pl_worker_free. Errors: PL_FATAL (no thread). */
PL_MUST_CHECK enum pl_status pl_worker_new(struct pl_worker **ret_worker, struct pl_error *error);

/* Waits for the end of a job. NULL: nothing. */
void pl_worker_free(struct pl_worker *worker);

/* Begin with job(arg). The one before must have ended, as pl_worker_await has said. */
void pl_worker_launch(struct pl_worker *worker, void (*job)(void *arg), void *arg);

/* Has the job ended, or was there none? Waits for it at most timeout_ms; negative: for as long as
 * it takes. Once it has, everything that it wrote is seen by the caller. */
bool pl_worker_await(struct pl_worker *worker, int timeout_ms);

#endif
