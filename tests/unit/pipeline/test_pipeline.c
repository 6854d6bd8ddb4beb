/* Unit tests of pipeline/pipeline.c: how batches are gathered, waiting, stopping and draining. That
 * nothing is lost or done twice is test_story.c's. */
#include "outcome.h"

/* Transactions that were committed to a partition. */
static int commits_of(struct fixture *fixture, int32_t partition)
{
    const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, partition);
    int commits = 0;

    for (int64_t offset = 0; offset < log->end; offset++) {
        commits += log->entries[offset]->kind == PL_FAKE_ENTRY_COMMIT_MARKER ? 1 : 0;
    }
    return commits;
}

/* ---- gathering a batch ----------------------------------------------------------------------- */

static void a_backlog_goes_in_full_batches(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.batch_max_records = 3;
    for (int i = 0; i < 10; i++) {
        (void)send_grant(fixture, "c1");
    }
    run_to_the_end(fixture);
    assert_int_equal(commits_of(fixture, place_of(fixture, "c1")), 1 + 4);
    assert_settled(fixture);
}

static void send_second(void *self, const void *data)
{
    (void)data;
    (void)send_grant(self, "c1");
}

/* Two records 20 ms apart. Returns how many transactions they made. */
static int commits_of_two_apart(struct fixture *fixture, int wait_ms)
{
    fixture->options.batch_max_wait_ms = wait_ms;
    (void)send_grant(fixture, "c1");
    pl_fake_after(&fixture->world, 20, send_second, fixture, "", 1);
    run_to_the_end(fixture);
    assert_settled(fixture);
    return commits_of(fixture, place_of(fixture, "c1")) - 1;
}

static void a_lone_record_goes_at_once(void **state)
{
    assert_int_equal(commits_of_two_apart(*state, 0), 2);
}

static void a_batch_waits_for_more_if_it_is_to(void **state)
{
    assert_int_equal(commits_of_two_apart(*state, 50), 1);
}

static void but_not_longer_than_that(void **state)
{
    assert_int_equal(commits_of_two_apart(*state, 19), 2);
}

/* I13: requests of about 1 MB each; 8 MB are enough for a batch. */
static void a_batch_of_large_requests_is_cut(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = {.customer_id = PL_BYTES_LITERAL("c1"),
                                 .partner_id = PL_BYTES_LITERAL(PARTNER),
                                 .subscription_id = PL_BYTES_LITERAL("s"),
                                 .operation = PL_OPERATION_CHECK,
                                 .order_id = pl_bytes_of(long_text(fixture, 900000)),
                                 .requested_by_role = PL_BYTES_LITERAL("ADMIN_AGENT")};

    send_customer(fixture, "c1");
    for (int i = 0; i < 30; i++) {
        request.request_id = pl_bytes_of(numbered(fixture, "r", i));
        fixture->buffer.len = 0;
        pl_request_encode(REQUEST_ID, &request, &fixture->buffer);
        (void)send_to(fixture, PL_TOPIC_REQUESTS, place_of(fixture, "c1"), request.customer_id,
                      since_start(&fixture->buffer));
    }
    run_to_the_end(fixture);
    assert_int_equal(commits_of(fixture, place_of(fixture, "c1")), 1 + 3);
    for (int i = 0; i < 30; i++) {
        assert_non_null(strstr(results_text(fixture), numbered(fixture, "c1/r", i)));
    }
    assert_settled(fixture);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void mend_schemas(void *self, const void *data)
{
    struct fixture *fixture = self;

    (void)data;
    fixture->parts->source.failure = PL_OK;
}

static void schemas_that_are_away_are_waited_for(void **state)
{
    struct fixture *fixture = *state;

    fixture->parts->source.failure = PL_AGAIN;
    pl_fake_after(&fixture->world, 60000, mend_schemas, fixture, "", 1);
    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    run_to_the_end(fixture);
    assert_string_equal(results_text(fixture), "c1/r1 ELIGIBLE v2 0 accounts\n");
    assert_string_equal(dead_letters_text(fixture), "");
    assert_settled(fixture);
}

/* What can be read goes on; what waits is in its way only where it comes first. */
static void what_came_before_an_unknown_schema_is_taken_in(void **state)
{
    struct fixture *fixture = *state;
    int64_t offsets[PL_INPUT_COUNT];

    send_customer(fixture, "c1");
    run_to_the_end(fixture); /* the events' schema is known now */
    restart_process(fixture);
    fixture->parts->source.failure = PL_AGAIN;
    (void)send_grant(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    fixture->process.stops_at_ms = fixture->world.monotonic_ms + 60000;
    assert_int_equal(run_pipeline(fixture), PL_OK);
    assert_int_equal(pl_fake_group_offsets(&fixture->world.broker, 1, offsets), PL_OK);
    assert_int_equal(offsets[PL_TOPIC_EVENTS], 3);
    assert_int_equal(offsets[PL_TOPIC_REQUESTS], 0);
    assert_string_equal(results_text(fixture), "");
    assert_settled(fixture);
}

/* Whatever is tried for ever is not tried without a pause. */
static void what_fails_for_ever_is_not_tried_without_a_pause(void **state)
{
    static const struct pl_fake_fault faults[] = {
        {.call = PL_FAKE_COMMITTED, .status = PL_AGAIN},
        {.call = PL_FAKE_STATE_RANGE, .status = PL_AGAIN},
        {.call = PL_FAKE_BEGIN, .after = 1, .status = PL_ABORT},
        {.call = PL_FAKE_PRODUCE, .after = PARTITIONS, .status = PL_ABORT},
        {.call = PL_FAKE_FLUSH, .after = 1, .status = PL_ABORT},
        {.call = PL_FAKE_STATE_OFFSETS, .after = PARTITIONS, .status = PL_ABORT},
        {.call = PL_FAKE_COMMIT, .after = 1, .status = PL_ABORT},
        {.call = PL_FAKE_COMMIT, .after = 1, .status = PL_AGAIN},
        {.call = PL_FAKE_CACHE_READ, .status = PL_AGAIN},
        {.call = PL_FAKE_CACHE_UPDATE, .status = PL_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct fixture *fixture = open_fixture();
        struct pl_fake_fault fault = faults[i];

        pl_fake_fail(&fixture->process, fault);
        send_customer(fixture, "c1");
        fixture->process.stops_at_ms = fixture->world.monotonic_ms + 30000;
        assert_int_equal(run_pipeline(fixture), PL_OK);
        assert_in_range(fixture->process.calls[fault.call], 20, 2000);
        close_fixture(fixture);
    }
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void stop(void *self, const void *data)
{
    struct fixture *fixture = self;

    (void)data;
    fixture->process.is_stopped = true;
}

/* A transaction of somebody else's hangs, so that the state log cannot be read to its end. */
static void it_stops_in_the_middle_of_a_recovery(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");
    const struct pl_message message = {.topic = PL_TOPIC_STATE, .key = PL_BYTES_LITERAL("k")};
    int64_t offset;
    int64_t before_ms;

    broker->transaction_timeout_ms = 1000000;
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    pl_fake_after(&fixture->world, 5000, stop, fixture, "", 1);
    before_ms = fixture->world.monotonic_ms;
    assert_int_equal(run_pipeline(fixture), PL_OK);
    assert_in_range(fixture->world.monotonic_ms - before_ms, 5000, 6000);
}

static void it_stops_while_something_is_away(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_ms = fixture->world.monotonic_ms;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_CACHE_READ, .status = PL_AGAIN});
    pl_fake_after(&fixture->world, 5000, stop, fixture, "", 1);
    assert_int_equal(run_pipeline(fixture), PL_OK);
    assert_in_range(fixture->world.monotonic_ms - before_ms, 5000, 7000);
}

/* ---- draining -------------------------------------------------------------------------------- */

static enum pl_status drain(struct fixture *fixture)
{
    fixture->options.drain = true;
    pl_fake_note_drain_ends(&fixture->process);
    return run_pipeline(fixture);
}

static void it_ends_when_all_is_drained(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_ms = fixture->world.monotonic_ms;

    fixture->options.batch_max_records = 2;
    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    assert_int_equal(drain(fixture), PL_OK);
    assert_false(fixture->process.is_stopped); /* by itself */
    assert_true(fixture->world.monotonic_ms - before_ms < 1000);
    assert_string_equal(results_text(fixture), "c1/r1 ELIGIBLE v2 0 accounts\n");
    assert_settled(fixture);
}

static void nothing_to_drain_is_drained(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(drain(fixture), PL_OK);
    assert_false(fixture->process.is_stopped);
}

static void draining_survives_that_the_group_cannot_be_asked(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_DRAINED, .times = 5, .status = PL_AGAIN});
    assert_int_equal(drain(fixture), PL_OK);
    assert_false(fixture->process.is_stopped);
    assert_settled(fixture);
}

/* A member without partitions waits until the others have drained all. */
static void a_member_that_owns_nothing_waits_for_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    const struct pl_position all[PARTITIONS] = {{0, {0, 0}}, {1, {2, 0}}};
    struct pl_fake_session other = pl_fake_open_producer(broker, "other");

    send_customer(fixture, "c1");
    pl_fake_assign(&fixture->process, NULL, 0);
    assert_int_equal(pl_fake_begin(broker, other), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, other, all, PARTITIONS), PL_OK);
    pl_fake_end_later(broker, other, true, 7000);
    assert_int_equal(drain(fixture), PL_OK);
    assert_false(fixture->process.is_stopped);
    assert_int_equal(fixture->process.calls[PL_FAKE_BEGIN], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_backlog_goes_in_full_batches),
        WITH_FIXTURE(a_lone_record_goes_at_once),
        WITH_FIXTURE(a_batch_waits_for_more_if_it_is_to),
        WITH_FIXTURE(but_not_longer_than_that),
        WITH_FIXTURE(a_batch_of_large_requests_is_cut),
        WITH_FIXTURE(schemas_that_are_away_are_waited_for),
        WITH_FIXTURE(what_came_before_an_unknown_schema_is_taken_in),
        cmocka_unit_test(what_fails_for_ever_is_not_tried_without_a_pause),
        WITH_FIXTURE(it_stops_in_the_middle_of_a_recovery),
        WITH_FIXTURE(it_stops_while_something_is_away),
        WITH_FIXTURE(it_ends_when_all_is_drained),
        WITH_FIXTURE(nothing_to_drain_is_drained),
        WITH_FIXTURE(draining_survives_that_the_group_cannot_be_asked),
        WITH_FIXTURE(a_member_that_owns_nothing_waits_for_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
