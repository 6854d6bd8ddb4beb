/* Unit tests of pipeline/count.c: the story of story.h is counted as it came out, once, also where
 * transactions had to be done again. */
#include "story.h"

static void assert_counted(struct pl_metrics *metrics)
{
    struct pl_metrics_view view;
    const struct pl_counts *counts = &view.counts;

    pl_metrics_read(metrics, &view);
    assert_int_equal(counts->requests[PL_OPERATION_CHECK][PL_OUTCOME_ELIGIBLE], 1);
    assert_int_equal(counts->requests[PL_OPERATION_UPGRADE][PL_OUTCOME_UPGRADED], 1);
    assert_int_equal(counts->requests[PL_OPERATION_UPGRADE][PL_OUTCOME_REFUSED], 1);
    assert_int_equal(counts->requests[PL_OPERATION_ADD_LICENSES][PL_OUTCOME_LICENSES_ADDED], 2);
    assert_int_equal(counts->requests[PL_OPERATION_ADD_LICENSES][PL_OUTCOME_REFUSED], 1);
    assert_int_equal(counts->repeats, 1);
    assert_int_equal(counts->refusals[PL_ERROR_SUBSCRIPTION_NOT_FOUND], 2);
    assert_int_equal(counts->affected_accounts, 39);
    assert_int_equal(counts->events[PL_EVENT_CUSTOMER_ERASED], 2);
    assert_int_equal(counts->events[PL_EVENT_LICENSE_REMOVED], 1);
    assert_int_equal(counts->events[PL_EVENT_LICENSE_ASSIGNED], 42);
    assert_int_equal(counts->dead_letters[PL_TOPIC_EVENTS][PL_DEAD_LETTER_NULL_VALUE], 1);
    assert_int_equal(counts->dead_letters[PL_TOPIC_EVENTS][PL_DEAD_LETTER_MALFORMED], 1);
    assert_int_equal(counts->dead_letters[PL_TOPIC_EVENTS][PL_DEAD_LETTER_INVALID_EVENT], 1);
    assert_int_equal(counts->dead_letters[PL_TOPIC_REQUESTS][PL_DEAD_LETTER_REQUEST_ID_REUSED], 1);
    assert_true(view.batches.count > 7 && view.stages[PL_STAGE_DECIDE].count >= view.batches.count);
    pl_metrics_view_done(&view);
}

static void count_story(enum pl_fake_call call, enum pl_status status)
{
    struct fixture *fixture = open_story(STAGE_FRESH);
    struct pl_metrics *metrics = pl_metrics_new();

    fixture->options.metrics = metrics;
    if (status != PL_OK) {
        pl_fake_fail(
            &fixture->process,
            (struct pl_fake_fault){.call = call, .after = 3, .times = 1, .status = status});
    }
    run_to_the_end(fixture);
    assert_counted(metrics);
    close_fixture(fixture);
    pl_metrics_free(metrics);
}

static void each_is_counted(void **state)
{
    (void)state;
    count_story(PL_FAKE_COMMIT, PL_OK);
}

static void what_is_done_again_counts_once(void **state)
{
    (void)state;
    count_story(PL_FAKE_FLUSH, PL_ABORT);
    count_story(PL_FAKE_COMMIT, PL_ABORT);
    count_story(PL_FAKE_CACHE_UPDATE, PL_AGAIN);
}

static int open_all(void **state)
{
    (void)state;
    open_parts(&parts);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    close_parts(&parts);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_counted),
        cmocka_unit_test(what_is_done_again_counts_once),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
