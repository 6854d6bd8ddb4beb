/* Unit tests of pipeline/settle.c: what a broker that crashed left without an end is rolled back,
 * and handled again. */
#include "recovery.h"

/* The process commits once more, and Kafka crashes before the markers are there. Its cache has
 * heard of it all the same. */
static void commit_and_crash(struct fixture *fixture)
{
    fixture->world.broker.marker_delay_ms = 60000;
    (void)send_grant(fixture, "c1");
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    open_restored_run(fixture);
    commit_all(fixture);
    assert_int_equal(pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_true(pl_fake_lose_markers(&fixture->world.broker) > 0);
    fixture->world.broker.marker_delay_ms = 0;
}

static void settle_and_recover(struct fixture *fixture)
{
    assert_ok(fixture, pl_settle(&fixture->run, &fixture->error));
    assert_true(fixture->run.is_settled);
    assert_ok(fixture, pl_recover(&fixture->run, &fixture->error));
}

static void assert_nothing_hangs(struct fixture *fixture)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        int32_t count = pl_fake_partition_count(&fixture->world.broker, (enum pl_topic)topic);

        for (int32_t partition = 0; partition < count; partition++) {
            const struct pl_fake_log *log =
                pl_fake_log(&fixture->world.broker, (enum pl_topic)topic, partition);

            assert_int_equal(pl_fake_stable_end(log), log->end);
        }
    }
}

/* Whether or not the same process goes on: it is rolled back and done again, once. */
static void what_hangs_is_rolled_back_and_done_again(void **state)
{
    static const bool restarts[] = {false, true};

    (void)state;
    for (size_t i = 0; i < sizeof(restarts) / sizeof(restarts[0]); i++) {
        struct fixture *fixture = open_fixture();
        struct pl_fake_log *results =
            pl_fake_log(&fixture->world.broker, PL_TOPIC_RESULTS, PARTITION);

        take_in_a_customer(fixture);
        commit_and_crash(fixture);
        if (restarts[i]) {
            close_run(fixture);
            restart_process(fixture);
            open_run(fixture);
        }
        assert_true(pl_fake_stable_end(results) < results->end);
        fixture->process.has_lost_contact = true;
        settle_and_recover(fixture);
        assert_int_equal(fixture->process.calls[PL_FAKE_SETTLE], 1);
        assert_nothing_hangs(fixture);
        assert_cache_is_current(fixture, PARTITION);
        assert_offsets_agree(fixture, PARTITION);
        close_run(fixture);
        restart_process(fixture);
        run_to_the_end(fixture);
        assert_settled(fixture);
        assert_non_null(strstr(results_text(fixture), "r2"));
        close_fixture(fixture);
    }
}

/* The state was never anything: nothing is taken in yet. */
static void a_first_start_that_hangs(void **state)
{
    struct fixture *fixture = *state;

    (void)send_grant(fixture, "c1");
    fixture->world.broker.marker_delay_ms = 60000;
    open_run(fixture);
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
    assert_int_equal(pl_fake_lose_markers(&fixture->world.broker), 1);
    fixture->world.broker.marker_delay_ms = 0;
    close_run(fixture);
    restart_process(fixture);
    run_to_the_end(fixture);
    assert_settled(fixture);
}

/* What cannot be rolled back without a doubt is waited for, and said. */
static void what_may_not_be_rolled_back_is_waited_for(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    commit_and_crash(fixture);
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_SETTLE, .times = 2, .status = PL_AGAIN});
    for (int tries = 0; tries < 2; tries++) {
        fixture->process.has_lost_contact = tries == 0;
        assert_int_equal(pl_settle(&fixture->run, &fixture->error), PL_AGAIN);
        assert_non_null(strstr(fixture->error.text, "SETTLE fails"));
        assert_false(fixture->run.is_settled);
    }
    settle_and_recover(fixture);
}

/* Stable offsets, and a state log that hangs all the same. */
static void a_state_log_that_hangs_alone(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session;
    const struct pl_message message = {
        .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("h/c1")};
    int64_t offset;

    take_in_a_customer(fixture);
    session = pl_fake_open_producer(broker, "group-1-0");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    broker->marker_delay_ms = 60000;
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_int_equal(pl_fake_lose_markers(broker), 1);
    broker->marker_delay_ms = 0;
    open_run(fixture);
    settle_and_recover(fixture);
    assert_nothing_hangs(fixture);
    assert_cache_is_current(fixture, PARTITION);
}

/* What a transaction of the same producer has aborted since is no longer in the outputs, but what
 * was to be committed is still pending. */
static void offsets_that_hang_alone(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    const struct pl_position position = {PARTITION, {41, 1}};
    struct pl_fake_session session;
    int64_t offsets[PL_INPUT_COUNT];

    take_in_a_customer(fixture);
    session = pl_fake_open_producer(broker, "group-1-0");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, session, &position, 1), PL_OK);
    broker->marker_delay_ms = 60000;
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(pl_fake_lose_markers(broker), 1);
    broker->marker_delay_ms = 0;
    assert_int_equal(pl_fake_group_offsets(broker, PARTITION, offsets), PL_AGAIN);
    open_run(fixture);
    settle_and_recover(fixture);
    assert_offsets_agree(fixture, PARTITION);
}

/* Where nothing was lost nobody asks; where something was, once. */
static void it_is_looked_at_once_for_each_loss_of_contact(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    open_run(fixture);
    for (unsigned losses = 1; losses <= 2; losses++) {
        for (int tries = 0; tries < 3; tries++) {
            assert_ok(fixture, pl_settle(&fixture->run, &fixture->error));
            assert_int_equal(fixture->process.calls[PL_FAKE_UNENDED], losses);
        }
        fixture->process.has_lost_contact = true;
    }
}

/* Its partitions went to another process before it could look: only it can end what it began. */
static void a_member_that_owns_nothing_settles_too(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    commit_and_crash(fixture);
    close_run(fixture);
    restart_process(fixture);
    open_run(fixture);
    for (int32_t number = 0; number < PARTITIONS; number++) {
        fixture->run.partitions[number].is_owned = false;
    }
    fixture->run.owned_count = 0;
    assert_ok(fixture, pl_settle(&fixture->run, &fixture->error));
    assert_nothing_hangs(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_hangs_is_rolled_back_and_done_again),
        WITH_FIXTURE(a_first_start_that_hangs),
        WITH_FIXTURE(what_may_not_be_rolled_back_is_waited_for),
        WITH_FIXTURE(a_state_log_that_hangs_alone),
        WITH_FIXTURE(offsets_that_hang_alone),
        WITH_FIXTURE(it_is_looked_at_once_for_each_loss_of_contact),
        WITH_FIXTURE(a_member_that_owns_nothing_settles_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
