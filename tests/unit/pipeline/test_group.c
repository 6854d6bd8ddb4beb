/* Unit tests of pipeline/group.c: what the group gives and takes is noted. */
#include "fixture.h"

static void poll_group(struct fixture *fixture, bool is_idle, bool is_rebalance)
{
    bool found_idle = !is_idle;
    bool found_rebalance = !is_rebalance;

    assert_int_equal(
        pl_poll_group(&fixture->run, 0, &found_idle, &found_rebalance, &fixture->error), PL_OK);
    assert_int_equal(found_idle, is_idle);
    assert_int_equal(found_rebalance, is_rebalance);
}

static void what_is_given_is_owned(void **state)
{
    const int32_t one[] = {1};
    struct fixture *fixture = *state;
    struct pl_run *run = &fixture->run;

    open_restored_run(fixture);
    pl_fake_assign(&fixture->process, one, 1);
    poll_group(fixture, true, true); /* all is taken first */
    assert_int_equal(run->owned_count, 0);
    poll_group(fixture, true, true);
    assert_true(run->is_member);
    assert_int_equal(run->owned_count, 1);
    assert_false(run->partitions[0].is_owned);
    assert_true(run->partitions[1].is_owned);
    assert_false(run->is_restored); /* the first thing to do with it */
}

static void what_was_taken_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct pl_run *run = &fixture->run;

    (void)send_grant(fixture, "c1");
    open_restored_run(fixture);
    poll_group(fixture, false, false);
    assert_int_equal(run->inbox.count, 1);
    pl_fake_leave(&fixture->process);
    poll_group(fixture, true, true);
    assert_int_equal(run->inbox.count, 0);
    assert_int_equal(run->owned_count, 0);
    assert_false(run->is_member);
    assert_false(run->partitions[0].is_owned || run->partitions[1].is_owned);
    assert_int_equal(fixture->process.held_records, 0);
}

static void records_gather_in_the_order_they_come(void **state)
{
    struct fixture *fixture = *state;
    struct pl_run *run = &fixture->run;

    (void)send_grant(fixture, "c1");
    (void)send_grant(fixture, "c1");
    open_restored_run(fixture);
    poll_group(fixture, false, false);
    poll_group(fixture, false, false);
    poll_group(fixture, true, false);
    assert_int_equal(run->inbox.count, 2);
    assert_int_equal(run->inbox.records[0].offset, 0);
    assert_int_equal(run->inbox.records[1].offset, 1);
}

static void serving_ends_what_takes_long_where_it_must(void **state)
{
    struct fixture *fixture = *state;

    open_restored_run(fixture);
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_OK);
    fixture->process.is_stopped = true;
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_ABORT);
    assert_string_equal(fixture->error.text, "asked to stop");
    fixture->process.is_stopped = false;
    pl_fake_assign_all(&fixture->process);
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_ABORT); /* taken */
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_ABORT); /* given */
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_OK);
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_POLL, .times = 1, .status = PL_FENCED});
    assert_int_equal(pl_serve_group(&fixture->run, 0, &fixture->error), PL_FENCED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_is_given_is_owned),
        WITH_FIXTURE(what_was_taken_is_dropped),
        WITH_FIXTURE(records_gather_in_the_order_they_come),
        WITH_FIXTURE(serving_ends_what_takes_long_where_it_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
