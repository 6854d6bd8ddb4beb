/* Unit tests of base/worker.c. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/worker.h"

/* A job that ends when it is let go. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t is_opened;
    bool is_open;
    int done;         /* plain: the worker's promise is that it is seen after await */
    pthread_t thread; /* that did it */
    sigset_t blocked; /* of that thread */
};

static void pass(void *self)
{
    struct gate *gate = self;

    (void)pthread_mutex_lock(&gate->lock);
    while (!gate->is_open) {
        (void)pthread_cond_wait(&gate->is_opened, &gate->lock);
    }
    (void)pthread_mutex_unlock(&gate->lock);
    gate->done++;
    gate->thread = pthread_self();
    (void)pthread_sigmask(SIG_BLOCK, NULL, &gate->blocked);
}

static void set_open(struct gate *gate, bool is_open)
{
    (void)pthread_mutex_lock(&gate->lock);
    gate->is_open = is_open;
    (void)pthread_cond_signal(&gate->is_opened);
    (void)pthread_mutex_unlock(&gate->lock);
}

static struct pl_worker *new_worker(void)
{
    struct pl_worker *worker = NULL;
    struct pl_error error;

    assert_int_equal(pl_worker_new(&worker, &error), PL_OK);
    return worker;
}

static struct gate new_gate(void)
{
    return (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .is_opened = PTHREAD_COND_INITIALIZER};
}

static void test_a_job_is_done_beside_the_caller(void **state)
{
    struct gate gate = new_gate();
    struct pl_worker *worker = new_worker();

    (void)state;
    pl_worker_launch(worker, pass, &gate);
    assert_false(pl_worker_await(worker, 0));
    assert_false(pl_worker_await(worker, 5));
    set_open(&gate, true);
    assert_true(pl_worker_await(worker, -1));
    assert_int_equal(gate.done, 1);
    assert_false(pthread_equal(gate.thread, pthread_self()));
    assert_true(pl_worker_await(worker, 0));
    assert_true(pl_worker_await(worker, -1));
    pl_worker_free(worker);
}

static void test_one_job_after_the_other(void **state)
{
    struct gate gate = new_gate();
    struct pl_worker *worker = new_worker();

    (void)state;
    set_open(&gate, true);
    for (int i = 0; i < 1000; i++) {
        pl_worker_launch(worker, pass, &gate);
        assert_true(pl_worker_await(worker, 60000));
        assert_int_equal(gate.done, i + 1);
    }
    pl_worker_free(worker);
}

static void test_without_a_job_nothing_is_waited_for(void **state)
{
    struct pl_worker *worker = new_worker();

    (void)state;
    assert_true(pl_worker_await(worker, 0));
    assert_true(pl_worker_await(worker, -1));
    pl_worker_free(worker);
    pl_worker_free(NULL);
}

static void test_freeing_waits_for_the_job(void **state)
{
    struct gate gate = new_gate();
    struct pl_worker *worker = new_worker();

    (void)state;
    set_open(&gate, true);
    pl_worker_launch(worker, pass, &gate);
    pl_worker_free(worker);
    assert_int_equal(gate.done, 1);
}

static void test_signals_go_to_other_threads(void **state)
{
    struct gate gate = new_gate();
    struct pl_worker *worker = new_worker();

    (void)state;
    set_open(&gate, true);
    pl_worker_launch(worker, pass, &gate);
    pl_worker_free(worker);
    assert_int_equal(sigismember(&gate.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&gate.blocked, SIGINT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_is_done_beside_the_caller),
        cmocka_unit_test(test_one_job_after_the_other),
        cmocka_unit_test(test_without_a_job_nothing_is_waited_for),
        cmocka_unit_test(test_freeing_waits_for_the_job),
        cmocka_unit_test(test_signals_go_to_other_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
