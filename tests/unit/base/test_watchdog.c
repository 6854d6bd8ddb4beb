/* Unit tests of base/watchdog.c. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/watchdog.h"
#include "child.h"

#define TICK_MS 5

/* What the watchdog found; waited for. */
struct finding {
    unsigned excuses; /* so many times it is excused */
    unsigned asked;
    struct pl_health *health;
    pthread_mutex_t lock;
    pthread_cond_t is_told;
    unsigned count;
    const char *stage;
};

static void note(void *self, const char *stage)
{
    struct finding *finding = self;

    (void)pthread_mutex_lock(&finding->lock);
    finding->count++;
    finding->stage = stage;
    (void)pthread_cond_signal(&finding->is_told);
    (void)pthread_mutex_unlock(&finding->lock);
}

static bool excuse(void *self, const char *stage)
{
    struct finding *finding = self;

    (void)stage;
    finding->asked++;
    if (finding->excuses == 0) {
        return false;
    }
    finding->excuses--;
    return true;
}

static void await_finding(struct finding *finding)
{
    (void)pthread_mutex_lock(&finding->lock);
    while (finding->count == 0) {
        (void)pthread_cond_wait(&finding->is_told, &finding->lock);
    }
    (void)pthread_mutex_unlock(&finding->lock);
}

static struct pl_watchdog *watch(struct pl_health *health, unsigned limit, int tick_ms,
                                 struct finding *finding)
{
    const struct pl_watchdog_options options = {.health = health,
                                                .limit_ticks = limit,
                                                .tick_ms = tick_ms,
                                                .on_hung = note,
                                                .self = finding};
    struct pl_watchdog *watchdog = NULL;

    *finding = (struct finding){.count = 0};
    assert_int_equal(pthread_mutex_init(&finding->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&finding->is_told, NULL), 0);
    assert_int_equal(pl_watchdog_new(&options, &watchdog, NULL), PL_OK);
    return watchdog;
}

static void wait_ms(int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    assert_int_equal(nanosleep(&time, NULL), 0);
}

static void a_loop_that_does_not_come_back_is_told_once(void **state)
{
    struct pl_health *health = pl_health_new(3);
    struct finding finding;
    struct pl_watchdog *watchdog;

    (void)state;
    pl_health_beat(health, "committing");
    watchdog = watch(health, 3, TICK_MS, &finding);
    await_finding(&finding);
    assert_string_equal(finding.stage, "committing");
    wait_ms(20 * TICK_MS); /* it would tell again by now */
    pl_watchdog_free(watchdog);
    assert_int_equal(finding.count, 1);
    pl_health_free(health);
}

/* The limit of ticks is far off, however slow this machine is just now. */
static void a_loop_that_goes_on_is_left_alone(void **state)
{
    struct pl_health *health = pl_health_new(1000);
    struct finding finding;
    struct pl_watchdog *watchdog = watch(health, 1000, 1, &finding);

    (void)state;
    for (int i = 0; i < 200; i++) {
        pl_health_beat(health, "polling");
        wait_ms(1);
    }
    assert_true(pl_health_is_alive(health));
    pl_watchdog_free(watchdog);
    assert_int_equal(finding.count, 0);
    pl_health_free(health);
}

static void it_ends_at_once_when_asked_to(void **state)
{
    struct pl_health *health = pl_health_new(3);
    struct finding finding;

    (void)state;
    pl_watchdog_free(NULL);
    for (int i = 0; i < 20; i++) { /* a tick would last for ever */
        pl_watchdog_free(watch(health, 3, 1000000, &finding));
    }
    pl_health_free(health);
}

static void what_has_a_reason_is_waited_for(void **state)
{
    struct pl_health *health = pl_health_new(3);
    struct finding finding = {.excuses = 5};
    const struct pl_watchdog_options options = {.health = health,
                                                .limit_ticks = 3,
                                                .tick_ms = TICK_MS,
                                                .is_excused = excuse,
                                                .on_hung = note,
                                                .self = &finding};
    struct pl_watchdog *watchdog = NULL;

    (void)state;
    assert_int_equal(pthread_mutex_init(&finding.lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&finding.is_told, NULL), 0);
    pl_health_beat(health, "waiting for Kafka");
    assert_int_equal(pl_watchdog_new(&options, &watchdog, NULL), PL_OK);
    await_finding(&finding);
    assert_string_equal(finding.stage, "waiting for Kafka");
    pl_watchdog_free(watchdog);
    assert_int_equal(finding.excuses, 0);
    assert_int_equal(finding.asked, 5 + 2); /* at last after two thirds, and at the end */
    assert_int_equal(finding.count, 1);
    pl_health_free(health);
}

static bool beat_meanwhile(void *self, const char *stage)
{
    struct finding *finding = self;

    (void)stage;
    pl_health_beat(finding->health, "back");
    finding->asked++;
    return false;
}

/* It came back just while the watchdog asked. */
static void what_comes_back_at_the_last_moment_is_let_go_on(void **state)
{
    struct finding finding = {.health = pl_health_new(2)};
    const struct pl_watchdog_options options = {.health = finding.health,
                                                .limit_ticks = 2,
                                                .tick_ms = 1,
                                                .is_excused = beat_meanwhile,
                                                .on_hung = note,
                                                .self = &finding};
    struct pl_watchdog *watchdog = NULL;

    (void)state;
    assert_int_equal(pthread_mutex_init(&finding.lock, NULL), 0);
    assert_int_equal(pl_watchdog_new(&options, &watchdog, NULL), PL_OK);
    wait_ms(200);
    pl_watchdog_free(watchdog);
    assert_true(finding.asked > 1);
    assert_int_equal(finding.count, 0);
    pl_health_free(finding.health);
}

/* ---- ending the process ---------------------------------------------------------------------- */

static void hang(const void *argument)
{
    const struct pl_watchdog_options options = {.health = pl_health_new(2),
                                                .limit_ticks = 2,
                                                .tick_ms = TICK_MS,
                                                .on_hung = pl_watchdog_end_process};
    struct pl_watchdog *watchdog = NULL;

    (void)argument;
    pl_health_beat(options.health, "a call that hangs");
    if (pl_watchdog_new(&options, &watchdog, NULL) == PL_OK) {
        for (;;) {
            wait_ms(1000);
        }
    }
}

static void a_hung_process_ends_with_its_reason(void **state)
{
    struct child child = run_in_child(hang, NULL);
    static const char last[] = "\nexit_reason=hung\n";

    (void)state;
    assert_int_equal(child.exit_status, 1);
    assert_non_null(strstr(child.text, " hung in=\"a call that hangs\""));
    assert_true(child.len > sizeof(last));
    assert_string_equal(child.text + child.len - (sizeof(last) - 1), last);
}

/* ---- a process that stands still ------------------------------------------------------------- */

/* Stopped for longer than the limit, then gone on: hung by the clock, not by the ticks. */
static void live_through_a_stop(const void *argument)
{
    struct pl_health *health = pl_health_new(60);
    struct finding finding;
    struct pl_watchdog *watchdog = watch(health, 60, 50, &finding);
    bool was_stopped = pl_watchdog_saw_a_stop(watchdog, 60000);
    int status = was_stopped ? 3 : 0;

    (void)argument;
    (void)raise(SIGSTOP);
    if (!pl_watchdog_saw_a_stop(watchdog, 60000)) { /* asked right away, and later */
        status = 4;
    }
    wait_ms(200);
    if (!pl_watchdog_saw_a_stop(watchdog, 60000)) {
        status = 5;
    }
    if (pl_watchdog_saw_a_stop(watchdog, 1)) { /* it is longer ago than that */
        status = 6;
    }
    pl_watchdog_free(watchdog);
    _exit(finding.count > 0 ? 7 : status);
}

static void a_stopped_process_is_not_hung(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        live_through_a_stop(NULL);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    wait_ms(3500); /* its limit is 60 ticks of 50 ms */
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_does_not_come_back_is_told_once),
        cmocka_unit_test(a_loop_that_goes_on_is_left_alone),
        cmocka_unit_test(it_ends_at_once_when_asked_to),
        cmocka_unit_test(what_has_a_reason_is_waited_for),
        cmocka_unit_test(what_comes_back_at_the_last_moment_is_let_go_on),
        cmocka_unit_test(a_hung_process_ends_with_its_reason),
        cmocka_unit_test(a_stopped_process_is_not_hung),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
