/* Unit tests of pipeline/positions.c: what cannot be gone on from is refused (contract 2). */
#include "recovery.h"

/* State was lost, or is of another topic: what the group has read can not be known any more. */
static void a_group_without_state_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_recreate(state_log(fixture));
    assert_recovery_fails(fixture, PL_FATAL, "ahead of what the state has taken in (0)");
}

static void a_group_offset_that_is_ahead_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    (void)send_grant(fixture, "c1");
    set_group_offset(fixture, 43);
    assert_recovery_fails(fixture, PL_FATAL,
                          "the group's offset of events/1 is 43, ahead of what the state has taken "
                          "in (42)");
    assert_non_null(strstr(fixture->error.text, "Set the group's offset back to 42"));
}

static void progress_beyond_the_end_of_the_log_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    pl_fake_recreate(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION));
    (void)send_grant(fixture, "c1");
    assert_recovery_fails(fixture, PL_FATAL,
                          "the state has taken in events/1 up to 42, but the log ends at 1");
}

static void a_log_that_begins_after_the_progress_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION);

    take_in_a_customer(fixture);
    pl_fake_delete_before(log, 42); /* all that was read may go */
    recover(fixture);
    close_run(fixture);
    restart_process(fixture);
    (void)send_grant(fixture, "c1");
    pl_fake_delete_before(log, 43);
    assert_recovery_fails(fixture, PL_FATAL, "events/1 begins at 43");
    assert_non_null(strstr(fixture->error.text, "only up to 42"));
}

/* ---- what is gone on from -------------------------------------------------------------------- */

/* The progress counts, and the caller is told whether the group's offsets must be brought up to
 * it. */
static void the_progress_is_gone_on_from(void **state)
{
    static const struct {
        int64_t committed[PL_INPUT_COUNT];
        bool is_behind;
    } cases[] = {
        {{-1, -1}, true}, {{0, 1}, true}, {{42, 0}, true}, {{41, 1}, true}, {{42, 1}, false}};
    struct fixture *fixture = *state;
    struct pl_partition *partition;

    take_in_a_customer(fixture);
    recover(fixture);
    partition = &fixture->run.partitions[PARTITION];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_behind = !cases[i].is_behind;

        assert_int_equal(pl_find_positions(&fixture->run, partition, cases[i].committed, &is_behind,
                                           &fixture->error),
                         PL_OK);
        assert_int_equal(is_behind, cases[i].is_behind);
        assert_int_equal(partition->progress.next[PL_TOPIC_EVENTS], 42);
        assert_int_equal(partition->progress.next[PL_TOPIC_REQUESTS], 1);
    }
}

static void without_state_the_earliest_record_is(void **state)
{
    static const int64_t none[PL_INPUT_COUNT] = {-1, -1};
    struct fixture *fixture = *state;
    struct pl_partition *partition;
    bool is_behind = false;

    (void)send_grant(fixture, "c1");
    (void)send_grant(fixture, "c1");
    pl_fake_delete_before(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, PARTITION), 1);
    open_run(fixture);
    partition = &fixture->run.partitions[PARTITION];
    partition->progress_offset = -1;
    assert_int_equal(pl_find_positions(&fixture->run, partition, none, &is_behind, &fixture->error),
                     PL_OK);
    assert_true(is_behind);
    assert_int_equal(partition->progress.next[PL_TOPIC_EVENTS], 1);
    assert_int_equal(partition->progress.next[PL_TOPIC_REQUESTS], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_group_without_state_is_refused),
        WITH_FIXTURE(a_group_offset_that_is_ahead_is_refused),
        WITH_FIXTURE(progress_beyond_the_end_of_the_log_is_refused),
        WITH_FIXTURE(a_log_that_begins_after_the_progress_is_refused),
        WITH_FIXTURE(the_progress_is_gone_on_from),
        WITH_FIXTURE(without_state_the_earliest_record_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
