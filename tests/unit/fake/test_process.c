/* Unit tests of fake/process.c, feed.c, txn.c and state_log.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/process.h"

struct fixture {
    struct pl_fake_world world;
    struct pl_fake_process process;
    struct pl_fake_process other;
    struct pl_error error;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    pl_fake_world_init(&fixture.world, 2, 1, 1);
    pl_fake_process_init(&fixture.process, &fixture.world, "id");
    pl_fake_process_init(&fixture.other, &fixture.world, "other");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->process.held_records, 0);
    pl_fake_process_done(&fixture->process);
    pl_fake_process_done(&fixture->other);
    pl_fake_world_done(&fixture->world);
    return 0;
}

static void append(struct fixture *fixture, enum pl_topic topic, int32_t partition,
                   const char *value)
{
    const struct pl_message record = {.topic = topic,
                                      .partition = partition,
                                      .key = PL_BYTES_LITERAL("k"),
                                      .value = pl_bytes_of(value)};

    (void)pl_fake_append(&fixture->world.broker, &record);
}

static struct pl_feed_event poll(struct pl_fake_process *process)
{
    const struct pl_feed feed = pl_fake_feed(process);
    struct pl_feed_event event;
    struct pl_error error;

    assert_int_equal(feed.ops->poll(feed.self, 100, &event, &error), PL_OK);
    return event;
}

static void assert_record(struct pl_fake_process *process, const char *value)
{
    const struct pl_feed feed = pl_fake_feed(process);
    struct pl_feed_event event = poll(process);

    assert_int_equal(event.kind, PL_FEED_RECORD);
    assert_int_equal(pl_bytes_compare(event.record.value, pl_bytes_of(value)), 0);
    feed.ops->release(feed.self, &event.record);
}

static enum pl_status start(struct pl_fake_process *process, int32_t partition, int64_t event,
                            int64_t request)
{
    const struct pl_feed feed = pl_fake_feed(process);
    const int64_t offsets[PL_INPUT_COUNT] = {event, request};
    struct pl_error error;

    return feed.ops->start(feed.self, partition, offsets, &error);
}

/* ---- feed ------------------------------------------------------------------------------------ */

static void records_come_as_sent_once_their_partition_is_started(void **state)
{
    struct fixture *fixture = *state;
    struct pl_feed feed = pl_fake_feed(&fixture->process);

    append(fixture, PL_TOPIC_EVENTS, 0, "a");
    append(fixture, PL_TOPIC_REQUESTS, 1, "b");
    append(fixture, PL_TOPIC_EVENTS, 0, "c");
    pl_fake_assign_all(&fixture->process);
    assert_int_equal(start(&fixture->process, 0, 0, 0), PL_AGAIN); /* not told yet */
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_ASSIGNED);
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_IDLE);
    assert_int_equal(start(&fixture->process, 0, 0, 0), PL_OK);
    assert_int_equal(start(&fixture->process, 1, 0, 0), PL_OK);
    assert_record(&fixture->process, "a");
    assert_record(&fixture->process, "b");
    assert_int_equal(feed.ops->stop(feed.self, &fixture->error), PL_OK);
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_IDLE);
    assert_int_equal(start(&fixture->process, 0, 0, 0), PL_OK);
    assert_record(&fixture->process, "a");
    assert_record(&fixture->process, "c");
}

static void records_of_partitions_may_come_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    char seen[3] = "";

    fixture->process.has_random_order = true;
    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    for (int i = 0; i < 100 && (seen[0] == '\0' || seen[1] == '\0'); i++) {
        struct pl_feed feed = pl_fake_feed(&fixture->process);
        struct pl_feed_event event;

        pl_fake_recreate(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 0));
        pl_fake_recreate(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 1));
        append(fixture, PL_TOPIC_EVENTS, 0, "a");
        append(fixture, PL_TOPIC_EVENTS, 1, "b");
        assert_int_equal(start(&fixture->process, 0, 0, 0), PL_OK);
        assert_int_equal(start(&fixture->process, 1, 0, 0), PL_OK);
        event = poll(&fixture->process);
        seen[event.record.partition] = 'x';
        feed.ops->release(feed.self, &event.record);
    }
    assert_string_equal(seen, "xx");
}

static void an_offset_that_the_log_no_longer_has_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct pl_feed feed = pl_fake_feed(&fixture->process);
    struct pl_feed_event event;

    append(fixture, PL_TOPIC_EVENTS, 0, "a");
    append(fixture, PL_TOPIC_EVENTS, 0, "b");
    pl_fake_delete_before(pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 0), 1);
    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    assert_int_equal(start(&fixture->process, 0, 0, 0), PL_OK);
    assert_int_equal(feed.ops->poll(feed.self, 0, &event, &fixture->error), PL_FATAL);
}

static void a_rebalance_moves_partitions(void **state)
{
    struct fixture *fixture = *state;
    const int32_t one[] = {1};
    struct pl_feed_event event;

    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    pl_fake_assign(&fixture->other, one, 1);
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_REVOKED);
    event = poll(&fixture->process);
    assert_int_equal(event.kind, PL_FEED_ASSIGNED);
    assert_int_equal(event.partition_count, 1);
    assert_int_equal(event.partitions[0], 0);
    event = poll(&fixture->other);
    assert_int_equal(event.kind, PL_FEED_ASSIGNED);
    assert_int_equal(event.partitions[0], 1);
    pl_fake_leave(&fixture->process);
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_REVOKED);
    assert_int_equal(poll(&fixture->process).kind, PL_FEED_IDLE);
    assert_int_equal(poll(&fixture->other).kind, PL_FEED_REVOKED);
    assert_int_equal(poll(&fixture->other).partition_count, 1);
}

static void waiting_takes_time(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_ms = fixture->world.monotonic_ms;

    (void)poll(&fixture->process);
    assert_int_equal(fixture->world.monotonic_ms, before_ms + 100);
}

static void drained_means_no_record_below_the_noted_ends(void **state)
{
    struct fixture *fixture = *state;
    struct pl_feed feed = pl_fake_feed(&fixture->process);
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");
    const struct pl_position all = {.partition = 0, .next = {1, 0}};
    bool is_drained = true;

    append(fixture, PL_TOPIC_EVENTS, 0, "a");
    pl_fake_note_drain_ends(&fixture->process);
    append(fixture, PL_TOPIC_EVENTS, 0, "later");
    assert_int_equal(feed.ops->drained(feed.self, &is_drained, &fixture->error), PL_OK);
    assert_false(is_drained);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, session, &all, 1), PL_OK);
    assert_int_equal(feed.ops->drained(feed.self, &is_drained, &fixture->error), PL_AGAIN);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(feed.ops->drained(feed.self, &is_drained, &fixture->error), PL_OK);
    assert_true(is_drained);
    assert_false(pl_fake_is_all_taken_in(&fixture->world));
}

/* ---- transactions ---------------------------------------------------------------------------- */

static enum pl_status commit_one(struct pl_fake_process *process, struct pl_error *error)
{
    const struct pl_txn txn = pl_fake_txn(process);
    const struct pl_message record = {
        .topic = PL_TOPIC_STATE, .key = PL_BYTES_LITERAL("k"), .value = PL_BYTES_LITERAL("v")};
    const struct pl_position position = {.partition = 0, .next = {1, 1}};
    enum pl_status status = txn.ops->begin(txn.self, error);

    if (status == PL_OK) {
        status = txn.ops->produce(txn.self, &record, error);
    }
    return status == PL_OK ? txn.ops->commit(txn.self, &position, 1, error) : status;
}

static void a_zombie_of_an_older_generation_commits_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, 0);
    const struct pl_txn txn = pl_fake_txn(&fixture->process);

    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_ABORT); /* no member */
    assert_int_equal(txn.ops->abort(txn.self, &fixture->error), PL_OK);
    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_OK);
    pl_fake_assign_all(&fixture->other);
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_ABORT);
    assert_int_equal(txn.ops->abort(txn.self, &fixture->error), PL_OK);
    assert_int_equal(pl_fake_next(log, 0)->offset, 2);
    assert_null(pl_fake_next(log, 3));
}

static void a_commit_of_unknown_outcome_is_settled_by_the_next_producer(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, 0);
    const struct pl_txn txn = pl_fake_txn(&fixture->process);
    int64_t offsets[PL_INPUT_COUNT];

    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_COMMIT, .times = 1, .status = PL_AGAIN});
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_AGAIN);
    assert_int_equal(txn.ops->abort(txn.self, &fixture->error), PL_OK);
    assert_int_equal(pl_fake_group_offsets(&fixture->world.broker, 0, offsets), PL_AGAIN);
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_OK);
    assert_int_equal(pl_fake_next(log, 0)->offset, 2); /* behind record and abort marker */
}

static void sizes_are_checked_here_or_by_the_broker(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_txn txn = pl_fake_txn(&fixture->process);
    const struct pl_message record = {.topic = PL_TOPIC_RESULTS,
                                      .key = PL_BYTES_LITERAL("key"),
                                      .value = PL_BYTES_LITERAL("value")};

    assert_int_equal(txn.ops->begin(txn.self, &fixture->error), PL_OK);
    fixture->world.broker.message_limits[PL_TOPIC_RESULTS] = 8;
    assert_int_equal(txn.ops->message_limit(txn.self, PL_TOPIC_RESULTS), 8);
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_OK);
    fixture->world.broker.message_limits[PL_TOPIC_RESULTS] = 7;
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_BAD_DATA);
    assert_int_equal(txn.ops->flush(txn.self, &fixture->error), PL_OK);
    fixture->world.broker.message_limits[PL_TOPIC_RESULTS] = 8;
    fixture->world.broker.broker_limits[PL_TOPIC_RESULTS] = 7;
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_OK);
    assert_int_equal(txn.ops->flush(txn.self, &fixture->error), PL_BAD_DATA);
}

static void state_offsets_tell_of_an_intruder(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_txn txn = pl_fake_txn(&fixture->process);
    const struct pl_message record = {.topic = PL_TOPIC_STATE, .key = PL_BYTES_LITERAL("k")};
    int64_t first = -1;
    int64_t last = -1;

    assert_int_equal(txn.ops->begin(txn.self, &fixture->error), PL_OK);
    assert_int_equal(txn.ops->state_offsets(txn.self, 0, &first, &last, &fixture->error),
                     PL_NOT_FOUND);
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_OK);
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_OK);
    assert_int_equal(txn.ops->state_offsets(txn.self, 0, &first, &last, &fixture->error), PL_OK);
    assert_int_equal(first, 0);
    assert_int_equal(last, 1);
    append(fixture, PL_TOPIC_STATE, 0, "intruder");
    assert_int_equal(txn.ops->produce(txn.self, &record, &fixture->error), PL_OK);
    assert_int_equal(txn.ops->state_offsets(txn.self, 0, &first, &last, &fixture->error), PL_ABORT);
}

/* ---- state log ------------------------------------------------------------------------------- */

static struct pl_state_event read_state(struct fixture *fixture)
{
    const struct pl_state_log log = pl_fake_state_log(&fixture->process);
    struct pl_state_event event;

    assert_int_equal(log.ops->read(log.self, 100, &event, &fixture->error), PL_OK);
    return event;
}

static void the_end_is_told_whenever_it_is_reached(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_state_log log = pl_fake_state_log(&fixture->process);
    struct pl_fake_broker *broker = &fixture->world.broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "somebody");
    const struct pl_message record = {.topic = PL_TOPIC_STATE, .key = PL_BYTES_LITERAL("k")};
    struct pl_state_event event;
    int64_t offset;
    int64_t first;
    int64_t end;

    append(fixture, PL_TOPIC_STATE, 0, "a");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_produce(broker, session, &record, &offset), PL_OK);
    assert_int_equal(log.ops->range(log.self, 0, &first, &end, &fixture->error), PL_OK);
    assert_int_equal(first, 0);
    assert_int_equal(end, 2); /* as read_uncommitted sees it */
    assert_int_equal(log.ops->open(log.self, 0, 0, &fixture->error), PL_OK);
    event = read_state(fixture);
    assert_int_equal(event.kind, PL_STATE_RECORD);
    assert_int_equal(pl_bytes_compare(event.value, PL_BYTES_LITERAL("a")), 0);
    event = read_state(fixture);
    assert_int_equal(event.kind, PL_STATE_END);
    assert_int_equal(event.offset, 1);
    assert_int_equal(read_state(fixture).kind, PL_STATE_IDLE);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    event = read_state(fixture);
    assert_int_equal(event.kind, PL_STATE_RECORD);
    assert_null(event.value.data);
    event = read_state(fixture);
    assert_int_equal(event.kind, PL_STATE_END);
    assert_int_equal(event.offset, 3); /* past the marker */
    log.ops->close(log.self);
}

/* ---- faults and death ------------------------------------------------------------------------ */

static void faults_are_counted_by_call(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_feed feed = pl_fake_feed(&fixture->process);
    const enum pl_status expected[] = {PL_OK, PL_OK,     PL_AGAIN, PL_AGAIN,
                                       PL_OK, PL_FENCED, PL_FENCED};

    (void)feed.ops->stop(feed.self, &fixture->error);
    pl_fake_fail(
        &fixture->process,
        (struct pl_fake_fault){.call = PL_FAKE_STOP, .after = 2, .times = 2, .status = PL_AGAIN});
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_STOP, .after = 5, .status = PL_FENCED});
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(feed.ops->stop(feed.self, &fixture->error), expected[i]);
        (void)poll(&fixture->process); /* another kind of call */
    }
    assert_string_equal(fixture->error.text, "STOP fails");
    pl_fake_forget_faults(&fixture->process);
    assert_int_equal(feed.ops->stop(feed.self, &fixture->error), PL_OK);
}

static void a_killed_process_does_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_cache cache = pl_fake_cache(&fixture->process);
    struct pl_cache_update updates[] = {{.checkpoint = PL_BYTES_LITERAL("a")}};

    pl_fake_assign_all(&fixture->process);
    (void)poll(&fixture->process);
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_OK);
    fixture->process.dies_at = fixture->process.call_count + 3;
    assert_int_equal(commit_one(&fixture->process, &fixture->error), PL_FATAL);
    assert_true(fixture->process.is_dead);
    assert_int_equal(cache.ops->update(cache.self, updates, 1, &fixture->error), PL_FATAL);
    assert_int_equal(fixture->world.hashes[0].count, 0);
    /* What it began at Kafka is still open. */
    assert_int_equal(pl_fake_stable_end(pl_fake_log(&fixture->world.broker, PL_TOPIC_STATE, 0)), 2);
}

static void an_endless_loop_is_ended(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_feed feed = pl_fake_feed(&fixture->process);

    fixture->process.call_limit = 10;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(feed.ops->stop(feed.self, &fixture->error), PL_OK);
    }
    assert_int_equal(feed.ops->stop(feed.self, &fixture->error), PL_FATAL);
    assert_true(fixture->process.is_over_call_limit);
}

static void count_calls(void *self, struct pl_fake_process *process, enum pl_fake_call call)
{
    unsigned *counts = self;

    counts[call] += process->calls[call] + 1;
}

static void the_hook_runs_before_each_call(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_feed feed = pl_fake_feed(&fixture->process);
    unsigned counts[PL_FAKE_CALL_COUNT] = {0};

    fixture->world.hook = count_calls;
    fixture->world.hook_self = counts;
    (void)feed.ops->stop(feed.self, &fixture->error);
    (void)feed.ops->stop(feed.self, &fixture->error);
    (void)poll(&fixture->process);
    assert_int_equal(counts[PL_FAKE_STOP], 1 + 2);
    assert_int_equal(counts[PL_FAKE_POLL], 1);
    assert_int_equal(fixture->process.call_count, 3);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown((test), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(records_come_as_sent_once_their_partition_is_started),
        WITH_FIXTURE(records_of_partitions_may_come_in_any_order),
        WITH_FIXTURE(an_offset_that_the_log_no_longer_has_is_fatal),
        WITH_FIXTURE(a_rebalance_moves_partitions),
        WITH_FIXTURE(waiting_takes_time),
        WITH_FIXTURE(drained_means_no_record_below_the_noted_ends),
        WITH_FIXTURE(a_zombie_of_an_older_generation_commits_nothing),
        WITH_FIXTURE(a_commit_of_unknown_outcome_is_settled_by_the_next_producer),
        WITH_FIXTURE(sizes_are_checked_here_or_by_the_broker),
        WITH_FIXTURE(state_offsets_tell_of_an_intruder),
        WITH_FIXTURE(the_end_is_told_whenever_it_is_reached),
        WITH_FIXTURE(faults_are_counted_by_call),
        WITH_FIXTURE(a_killed_process_does_nothing_more),
        WITH_FIXTURE(an_endless_loop_is_ended),
        WITH_FIXTURE(the_hook_runs_before_each_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
