/* Signals: which thread takes them, being asked to stop, and the last words of a crash. */
#include "base/signals.h"

#include <stdbool.h>
#include <stddef.h>

#include "planlift/exit_reason.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

void pl_signals_hold(sigset_t *ret_before)
{
    sigset_t held;

    (void)sigfillset(&held); /* these calls cannot fail with such arguments */
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        (void)sigdelset(&held, faults[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &held, ret_before);
}

void pl_signals_release(const sigset_t *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL); /* as above */
}

static volatile sig_atomic_t stop_signal;

static void ask_to_stop(int signal_number)
{
    if (stop_signal == 0) {
        stop_signal = signal_number;
    }
}

const volatile sig_atomic_t *pl_signals_catch_stop(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};

    stop_signal = 0;
    (void)sigfillset(&action.sa_mask);       /* one at a time: the first counts */
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGALRM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    return &stop_signal;
}

static volatile sig_atomic_t hangups;

static void count_hangup(int signal_number)
{
    (void)signal_number;
    hangups = (hangups + 1) & 0xFFFF; /* which no two looks are apart */
}

const volatile sig_atomic_t *pl_signals_catch_hangup(void)
{
    struct sigaction action = {.sa_handler = count_hangup, .sa_flags = SA_RESTART};

    (void)sigfillset(&action.sa_mask);      /* cannot fail */
    (void)sigaction(SIGHUP, &action, NULL); /* nor this */
    return &hangups;
}

/* The default action is back when this runs, and takes the raised signal once we return: so the
 * core dump shows the place of the fault. */
static void on_fault(int signal_number)
{
    pl_exit_reason_tell("crashed");
    (void)raise(signal_number);
}

void pl_signals_tell_crash(void)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};

    if (IS_SANITIZED) {
        return;
    }
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        (void)sigaction(faults[i], &action, NULL); /* cannot fail for these */
    }
}
