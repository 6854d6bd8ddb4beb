/* Unit tests of base/metrics.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/metrics.h"

#define BATCHES 2000

static void batches_add_up(void **state)
{
    struct pl_metrics *metrics = pl_metrics_new();
    struct pl_counts counts = {.repeats = 2, .affected_accounts = 7};
    struct pl_metrics_view view;

    (void)state;
    counts.requests[PL_OPERATION_UPGRADE][PL_OUTCOME_REFUSED] = 3;
    counts.refusals[PL_ERROR_CODE_COUNT - 1] = 4;
    counts.events[PL_EVENT_CUSTOMER_ERASED] = 5;
    counts.dead_letters[PL_TOPIC_REQUESTS][PL_DEAD_LETTER_UNPROCESSABLE] = 6;
    pl_metrics_add_batch(metrics, &counts, 5000);
    pl_metrics_add_batch(metrics, &counts, 1);
    pl_metrics_add_failed_transaction(metrics);
    pl_metrics_read(metrics, &view);
    assert_int_equal(view.counts.requests[PL_OPERATION_UPGRADE][PL_OUTCOME_REFUSED], 6);
    assert_int_equal(view.counts.refusals[PL_ERROR_CODE_COUNT - 1], 8);
    assert_int_equal(view.counts.events[PL_EVENT_CUSTOMER_ERASED], 10);
    assert_int_equal(view.counts.dead_letters[PL_TOPIC_REQUESTS][PL_DEAD_LETTER_UNPROCESSABLE], 12);
    assert_int_equal(view.counts.repeats, 4);
    assert_int_equal(view.counts.affected_accounts, 14);
    assert_int_equal(view.batches.count, 2);
    assert_true(view.batches.sum == 5001);
    assert_int_equal(view.batches.buckets[0], 1);  /* up to 1 */
    assert_int_equal(view.batches.buckets[11], 1); /* up to 5000 */
    assert_int_equal(view.failed_transactions, 1);
    pl_metrics_view_done(&view);
    pl_metrics_free(metrics);
}

static void a_lap_is_in_its_bucket(void **state)
{
    struct pl_metrics *metrics = pl_metrics_new();
    struct pl_metrics_view view;
    int64_t now = pl_metrics_clock(metrics);

    (void)state;
    assert_true(pl_metrics_lap(metrics, PL_STAGE_COMMIT, now - 3000000000) >= now); /* 3 s ago */
    (void)pl_metrics_lap(metrics, PL_STAGE_COMMIT, now - 3600 * INT64_C(1000000000));
    pl_metrics_read(metrics, &view);
    assert_int_equal(view.stages[PL_STAGE_COMMIT].buckets[pl_stage_bound_count - 1], 1);
    assert_int_equal(view.stages[PL_STAGE_COMMIT].buckets[pl_stage_bound_count], 1);
    assert_int_equal(view.stages[PL_STAGE_COMMIT].count, 2);
    assert_int_equal(view.stages[PL_STAGE_DECODE].count, 0);
    pl_metrics_view_done(&view);
    pl_metrics_free(metrics);
}

static void bounds_rise_and_fit(void **state)
{
    (void)state;
    assert_true(pl_stage_bound_count < PL_BUCKETS_MOST && pl_batch_bound_count < PL_BUCKETS_MOST);
    for (size_t i = 1; i < pl_stage_bound_count; i++) {
        assert_true(pl_stage_bounds[i - 1] < pl_stage_bounds[i]);
    }
    for (size_t i = 1; i < pl_batch_bound_count; i++) {
        assert_true(pl_batch_bounds[i - 1] < pl_batch_bounds[i]);
    }
}

static void a_partition_goes_through_its_life(void **state)
{
    struct pl_metrics *metrics = pl_metrics_new();
    const int32_t share[] = {2};
    const int64_t next[PL_INPUT_COUNT] = {10, 20};
    const struct pl_position position = {.partition = 2, .next = {-1, 25}};
    struct pl_metrics_view view;

    (void)state;
    pl_metrics_set_partitions(metrics, 3);
    pl_metrics_set_share(metrics, share, 1);
    pl_metrics_set_catch_up(metrics, 2, 99);
    pl_metrics_add_rebuild(metrics);
    pl_metrics_read(metrics, &view);
    assert_false(view.partitions[0].is_owned);
    assert_true(view.partitions[2].is_owned && !view.partitions[2].is_current);
    assert_int_equal(view.partitions[2].catch_up_records, 99);
    assert_int_equal(view.partitions[2].next[PL_TOPIC_EVENTS], -1);
    assert_int_equal(view.rebuilds, 1);
    pl_metrics_view_done(&view);

    pl_metrics_start(metrics, 2, next);
    pl_metrics_commit(metrics, &position, 1);
    pl_metrics_set_end(metrics, 2, PL_TOPIC_REQUESTS, 30);
    pl_metrics_read(metrics, &view);
    assert_true(view.partitions[2].is_current);
    assert_int_equal(view.partitions[2].catch_up_records, 0);
    assert_int_equal(view.partitions[2].next[PL_TOPIC_EVENTS], 10);
    assert_int_equal(view.partitions[2].next[PL_TOPIC_REQUESTS], 25);
    assert_int_equal(view.partitions[2].end[PL_TOPIC_REQUESTS], 30);
    pl_metrics_view_done(&view);

    pl_metrics_stop(metrics);
    pl_metrics_read(metrics, &view);
    assert_true(view.partitions[2].is_owned && !view.partitions[2].is_current);
    pl_metrics_view_done(&view);
    pl_metrics_set_share(metrics, NULL, 0);
    pl_metrics_read(metrics, &view);
    assert_false(view.partitions[2].is_owned);
    pl_metrics_view_done(&view);
    pl_metrics_free(metrics);
}

static void without_metrics_nothing_is_counted(void **state)
{
    const struct pl_counts counts = {.repeats = 1};

    (void)state;
    pl_metrics_add_batch(NULL, &counts, 1);
    assert_int_equal(pl_metrics_clock(NULL), 0);
    assert_int_equal(pl_metrics_lap(NULL, PL_STAGE_LOAD, 0), 0);
    pl_metrics_set_share(NULL, NULL, 0);
    pl_metrics_stop(NULL);
    pl_metrics_commit(NULL, NULL, 0);
    pl_metrics_free(NULL);
}

/* What a loop's thread does while another one reads. */
static void *work(void *self)
{
    const struct pl_counts counts = {.repeats = 1};

    for (int i = 0; i < BATCHES; i++) {
        pl_metrics_add_batch(self, &counts, 1);
        (void)pl_metrics_lap(self, PL_STAGE_FLUSH, pl_metrics_clock(self));
    }
    return NULL;
}

static void it_is_read_while_it_is_written(void **state)
{
    struct pl_metrics *metrics = pl_metrics_new();
    struct pl_metrics_view view = {.counts = {.repeats = 0}};
    pthread_t threads[2];

    (void)state;
    pl_metrics_set_partitions(metrics, 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, metrics), 0);
    }
    for (int i = 0; i < 100; i++) {
        uint64_t before = view.counts.repeats;

        pl_metrics_read(metrics, &view);
        assert_true(view.counts.repeats >= before && view.counts.repeats == view.batches.count);
        pl_metrics_view_done(&view);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pl_metrics_read(metrics, &view);
    assert_int_equal(view.counts.repeats, 2 * BATCHES);
    pl_metrics_view_done(&view);
    pl_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_add_up),
        cmocka_unit_test(a_lap_is_in_its_bucket),
        cmocka_unit_test(bounds_rise_and_fit),
        cmocka_unit_test(a_partition_goes_through_its_life),
        cmocka_unit_test(without_metrics_nothing_is_counted),
        cmocka_unit_test(it_is_read_while_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
