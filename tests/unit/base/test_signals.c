/* Unit tests of base/signals.c. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/signals.h"
#include "child.h"

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

static void no_core_dump(void)
{
    const struct rlimit none = {0, 0};

    assert_int_equal(setrlimit(RLIMIT_CORE, &none), 0);
}

static void fall_by(const void *argument)
{
    const int *number = argument;

    no_core_dump();
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        (void)signal(faults[i], SIG_DFL); /* cmocka's are not what is tested */
    }
    pl_signals_tell_crash();
    if (*number == SIGABRT) {
        abort();
    }
    (void)raise(*number);
}

/* The sanitizers' builds leave faults to them. */
static void a_fault_is_told_and_ends_as_it_would(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        struct child child = run_in_child(fall_by, &faults[i]);

        assert_int_equal(child.end_signal, faults[i]);
        assert_string_equal(child.text, MALLOC_MAY_FAIL ? "exit_reason=crashed\n" : "");
    }
}

static void fall_by_a_null_pointer(const void *argument)
{
    volatile int *const *nowhere = argument;

    no_core_dump();
    (void)signal(SIGSEGV, SIG_DFL);
    pl_signals_tell_crash();
    **nowhere = 1; /* NOLINT(clang-analyzer-core.NullDereference): that is the test */
}

static void a_real_fault_does_not_come_again_and_again(void **state)
{
    volatile int *nowhere = NULL;
    struct child child;

    (void)state;
    if (!MALLOC_MAY_FAIL) {
        return; /* the sanitizer tells it in its own way */
    }
    child = run_in_child(fall_by_a_null_pointer, &nowhere);
    assert_int_equal(child.end_signal, SIGSEGV);
    assert_string_equal(child.text, "exit_reason=crashed\n");
}

/* ---- being asked to stop --------------------------------------------------------------------- */

static void the_first_signal_that_asks_to_stop_is_told(void **state)
{
    static const int asking[] = {SIGTERM, SIGINT, SIGALRM};

    (void)state;
    for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
        const volatile sig_atomic_t *stop = pl_signals_catch_stop();

        assert_int_equal(*stop, 0);
        assert_int_equal(raise(asking[i]), 0);
        assert_int_equal(*stop, asking[i]);
        assert_int_equal(raise(SIGTERM), 0);
        assert_int_equal(*stop, asking[i]);
    }
}

static void a_closed_pipe_is_a_failed_write(void **state)
{
    int ends[2];

    (void)state;
    (void)pl_signals_catch_stop();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(close(ends[1]), 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *read_mask(void *argument)
{
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, argument), 0);
    return NULL;
}

static void threads_made_while_held_take_faults_only(void **state)
{
    sigset_t before;
    sigset_t now;
    sigset_t of_thread;
    pthread_t thread;

    (void)state;
    (void)sigfillset(&of_thread);
    pl_signals_hold(&before);
    assert_int_equal(pthread_create(&thread, NULL, read_mask, &of_thread), 0);
    pl_signals_release(&before);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(sigismember(&of_thread, SIGTERM));
    assert_true(sigismember(&of_thread, SIGINT));
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        assert_false(sigismember(&of_thread, faults[i]));
    }
    (void)read_mask(&now);
    assert_int_equal(sigismember(&now, SIGTERM), sigismember(&before, SIGTERM));
    assert_false(sigismember(&now, SIGTERM));
}

static void hangups_are_counted(void **state)
{
    const volatile sig_atomic_t *hangups = pl_signals_catch_hangup();
    int before = (int)*hangups;

    (void)state;
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(*hangups, before + 1);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(*hangups, before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_told_and_ends_as_it_would),
        cmocka_unit_test(a_real_fault_does_not_come_again_and_again),
        cmocka_unit_test(the_first_signal_that_asks_to_stop_is_told),
        cmocka_unit_test(a_closed_pipe_is_a_failed_write),
        cmocka_unit_test(hangups_are_counted),
        cmocka_unit_test(threads_made_while_held_take_faults_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
