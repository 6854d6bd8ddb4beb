/* The last words of a service that fails: exit_reason= and one word (contract 8). */
#ifndef PL_EXIT_REASON_H
#define PL_EXIT_REASON_H

#include <stdbool.h>

/* Where Kubernetes reads why a container ended. Never made where it does not exist. */
#define PL_TERMINATION_LOG "/dev/termination-log"

/* Write "exit_reason=<word>" to standard error and to PL_TERMINATION_LOG, as far as they take it.
 * The caller ends the process right afterwards. Safe in a signal handler; does not allocate. */
void pl_exit_reason_tell(const char *word);

/* The same with another termination log. */
void pl_exit_reason_tell_to(const char *word, const char *termination_log);

/* Would a short line to standard error go through? Asked for at most timeout_ms, so that a process
 * whose reader is stuck can end all the same. Safe in a signal handler. */
bool pl_exit_can_tell(int timeout_ms);

#endif
