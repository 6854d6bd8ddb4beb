/* Signals: which thread takes them, and what is said when one of them ends the process. */
#ifndef PL_BASE_SIGNALS_H
#define PL_BASE_SIGNALS_H

#include <signal.h>

/* Threads made until pl_signals_release take no signals but those of their own faults, so that the
 * others reach the main thread and end its waiting. ret_before: for pl_signals_release. */
void pl_signals_hold(sigset_t *ret_before);
void pl_signals_release(const sigset_t *before);

/* From now on a fault of the program (SIGSEGV, SIGABRT, ...) writes exit_reason=crashed before the
 * process ends by that signal, with its core dump where those are on. Left to the sanitizers in
 * their builds. */
void pl_signals_tell_crash(void);

#endif
