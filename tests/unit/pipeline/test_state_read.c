/* Unit tests of pipeline/state_read.c: how far the state log is read, and whose it must be (design
 * I8). */
#include "recovery.h"

/* ---- to the very end ------------------------------------------------------------------------- */

static void what_is_acknowledged_and_not_yet_visible_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    int64_t before_ms;

    take_in_a_customer(fixture);
    open_restored_run(fixture);
    (void)send_grant(fixture, "c1");
    broker->marker_delay_ms = 3000;
    commit_all(fixture);
    close_run(fixture); /* before the cache hears of it */
    end_process(fixture);
    pl_fake_process_init(&fixture->process, &fixture->world, "group-1-1"); /* in another place */
    use_process(fixture, &fixture->process);
    pl_fake_assign_all(&fixture->process);
    before_ms = fixture->world.monotonic_ms;
    open_run(fixture);
    while (pl_recover(&fixture->run, &fixture->error) == PL_AGAIN) { /* offsets are not stable */
        pl_fake_advance(&fixture->world, 10);
    }
    assert_true(fixture->run.is_restored);
    assert_cache_is_current(fixture, PARTITION);
    assert_true(fixture->world.monotonic_ms > before_ms);
}

/* The group's offset marker is there before the state's: the end that read_committed sees would be
 * too early (reliability A2). */
static void the_end_is_that_of_read_uncommitted(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session;

    take_in_a_customer(fixture);
    session = pl_fake_open_producer(broker, "somebody");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    {
        const struct pl_message message = {
            .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("h/gone")};
        int64_t offset;

        assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    }
    pl_fake_end_later(broker, session, false, 2500);
    recover(fixture);
    assert_int_equal(fixture->run.partitions[PARTITION].next_offset, state_log(fixture)->end);
}

/* One that hangs for ever is said to be waited for. */
static void a_log_that_hangs_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");
    const struct pl_message message = {
        .topic = PL_TOPIC_STATE, .partition = PARTITION, .key = PL_BYTES_LITERAL("k")};
    int64_t offset;

    broker->transaction_timeout_ms = 1000000;
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_produce(broker, session, &message, &offset), PL_OK);
    assert_recovery_fails(fixture, PL_AGAIN, "says nothing more");
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_int_equal(pl_recover(&fixture->run, &fixture->error), PL_OK);
}

/* ---- record by record ------------------------------------------------------------------------ */

struct taken {
    int64_t count;
    int64_t first, last;
    int64_t fails_at; /* offset; -1: never */
};

static enum pl_status take(void *self, const struct pl_state_event *event, struct pl_error *error)
{
    struct taken *taken = self;

    taken->first = taken->count++ == 0 ? event->offset : taken->first;
    taken->last = event->offset;
    return event->offset == taken->fails_at ? pl_fail(error, PL_NOT_FOUND, "enough") : PL_OK;
}

static void put_records(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        put_state(fixture, PL_BYTES_LITERAL("k"), PL_BYTES_LITERAL("v"));
    }
}

static void a_span_is_read_to_its_end(void **state)
{
    const struct pl_state_span span = {PARTITION, 3, 10};
    struct fixture *fixture = *state;
    struct taken taken = {.fails_at = -1};
    int64_t position = -1;

    put_records(fixture, 10);
    open_run(fixture);
    assert_int_equal(pl_state_read(&fixture->run, &span, take, &taken, &position, &fixture->error),
                     PL_OK);
    assert_int_equal(taken.count, 7);
    assert_int_equal(taken.first, 3);
    assert_int_equal(taken.last, 9);
    assert_int_equal(position, 10);
}

static void who_takes_may_end_it(void **state)
{
    const struct pl_state_span span = {PARTITION, 0, 10};
    struct fixture *fixture = *state;
    struct taken taken = {.fails_at = 4};
    int64_t position = -1;

    put_records(fixture, 10);
    open_run(fixture);
    assert_int_equal(pl_state_read(&fixture->run, &span, take, &taken, &position, &fixture->error),
                     PL_NOT_FOUND);
    assert_int_equal(taken.count, 5);
    assert_int_equal(position, -1);
    assert_int_equal(fixture->process.reading, -1); /* closed all the same */
}

static void the_group_is_served_meanwhile(void **state)
{
    const struct pl_state_span span = {PARTITION, 0, 5000};
    struct fixture *fixture = *state;
    struct taken taken = {.fails_at = -1};
    int64_t position;
    unsigned polls;

    put_records(fixture, 5000);
    open_run(fixture);
    polls = fixture->process.calls[PL_FAKE_POLL];
    assert_int_equal(pl_state_read(&fixture->run, &span, take, &taken, &position, &fixture->error),
                     PL_OK);
    assert_true(fixture->process.calls[PL_FAKE_POLL] >= polls + 2);
    pl_fake_leave(&fixture->process);
    taken.count = 0;
    assert_int_equal(pl_state_read(&fixture->run, &span, take, &taken, &position, &fixture->error),
                     PL_ABORT);
    assert_in_range(taken.count, 1, 4999); /* it was ended in the middle */
}

/* ---- progress -------------------------------------------------------------------------------- */

static void the_state_of_another_group_is_refused(void **state)
{
    struct fixture *fixture = *state;

    take_in_a_customer(fixture);
    fixture->options.group_id = PL_BYTES_LITERAL("group-2");
    assert_recovery_fails(fixture, PL_FATAL, "another deployment (group.id group-1");
}

static void a_damaged_progress_record_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_PROGRESS_FIELD, PL_BYTES_LITERAL("\1 damaged for sure"));
    assert_recovery_fails(fixture, PL_FATAL, "state/1 offset 0");
}

static void progress_of_a_newer_planlift_is_fatal(void **state)
{
    struct fixture *fixture = *state;

    put_state(fixture, PL_PROGRESS_FIELD, newer_value(fixture));
    assert_recovery_fails(fixture, PL_FATAL, "newer planlift");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_is_acknowledged_and_not_yet_visible_is_waited_for),
        WITH_FIXTURE(the_end_is_that_of_read_uncommitted),
        WITH_FIXTURE(a_log_that_hangs_is_waited_for),
        WITH_FIXTURE(a_span_is_read_to_its_end),
        WITH_FIXTURE(who_takes_may_end_it),
        WITH_FIXTURE(the_group_is_served_meanwhile),
        WITH_FIXTURE(the_state_of_another_group_is_refused),
        WITH_FIXTURE(a_damaged_progress_record_is_fatal),
        WITH_FIXTURE(progress_of_a_newer_planlift_is_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
