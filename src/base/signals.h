/* Signals: which thread takes them, being asked to stop, and the last words of a crash. */
#ifndef PL_BASE_SIGNALS_H
#define PL_BASE_SIGNALS_H

#include <signal.h>

/* Threads made until pl_signals_release take no signals but those of their own faults, so that the
 * others reach the main thread and end its waiting. ret_before: for pl_signals_release. */
void pl_signals_hold(sigset_t *ret_before);
void pl_signals_release(const sigset_t *before);

/* From now on SIGTERM, SIGINT and SIGALRM (an alarm that the caller sets) ask to stop, and a closed
 * pipe is a failed write like others, no SIGPIPE. Returns where the number of the first such signal
 * will stand, 0 until it comes; it lasts as long as the process. A call again starts anew. */
const volatile sig_atomic_t *pl_signals_catch_stop(void);

/* From now on SIGHUP, which would end the process, asks to read secrets anew. Returns where it
 * stands how often it has come. */
const volatile sig_atomic_t *pl_signals_catch_hangup(void);

/* From now on a fault of the program (SIGSEGV, SIGABRT, ...) writes exit_reason=crashed before the
 * process ends by that signal, with its core dump where those are on. Left to the sanitizers in
 * their builds. */
void pl_signals_tell_crash(void);

#endif
