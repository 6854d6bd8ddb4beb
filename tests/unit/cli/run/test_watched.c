/* Unit tests of cli/watched.c, on ports that end as they are told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/run/watched.h"

#define LIMIT_S 10U
#define TEXT_BYTES 1024

/* What is behind the watched ports. */
struct behind {
    struct pl_health *health;
    struct pl_watched watched;
    enum pl_status status; /* of every call but the looks */
    struct pl_feed_event event;
    enum pl_status kafka_look;
    enum pl_status redis_look;
    unsigned redis_looks;
    unsigned kafka_looks;
    int64_t now_ms;
    unsigned calls;
    const char *stage; /* of the last beat, as the call saw it */
    unsigned idle_s;
};

/* Each call: note the stage that a watchdog would tell if it never came back. */
static enum pl_status call(void *self, struct pl_error *error)
{
    struct behind *behind = self;

    behind->calls++;
    behind->idle_s = pl_health_tick(behind->health, &behind->stage);
    return behind->status == PL_OK ? PL_OK : pl_fail(error, behind->status, "it is away");
}

/* ---- the ports behind ------------------------------------------------------------------------ */

static enum pl_status poll(void *self, int timeout_ms, struct pl_feed_event *ret_event,
                           struct pl_error *error)
{
    const struct behind *behind = self;

    assert_int_equal(timeout_ms, 7);
    *ret_event = behind->event;
    return call(self, error);
}

static void release(void *self, struct pl_record *record)
{
    assert_non_null(record);
    (void)call(self, NULL);
}

static enum pl_status headers(void *self, const struct pl_record *record, struct pl_arena *arena,
                              const struct pl_header **ret_headers, size_t *ret_count)
{
    assert_non_null(record);
    assert_null(arena);
    *ret_headers = NULL;
    *ret_count = 3;
    return call(self, NULL);
}

static enum pl_status committed(void *self, const int32_t *partitions, size_t count,
                                int64_t (*ret_offsets)[PL_INPUT_COUNT], struct pl_error *error)
{
    assert_int_equal(partitions[0], 1);
    assert_int_equal(count, 1);
    ret_offsets[0][0] = 5;
    return call(self, error);
}

static enum pl_status log_range(void *self, enum pl_topic input, int32_t partition,
                                int64_t *ret_first, int64_t *ret_end, struct pl_error *error)
{
    struct behind *behind = self;

    *ret_first = 1;
    *ret_end = 2;
    if (input == PL_TOPIC_REQUESTS && partition == 0) {
        behind->kafka_looks++;
        return behind->kafka_look == PL_OK ? PL_OK
                                           : pl_fail(error, behind->kafka_look, "no broker");
    }
    return call(self, error);
}

static enum pl_status start(void *self, int32_t partition, const int64_t offsets[PL_INPUT_COUNT],
                            struct pl_error *error)
{
    assert_in_range(partition, 1, 3);
    assert_int_equal(offsets[0], 5);
    return call(self, error);
}

static enum pl_status stop(void *self, struct pl_error *error)
{
    return call(self, error);
}

static int32_t partition_of(void *self, struct pl_bytes key)
{
    (void)call(self, NULL);
    return (int32_t)key.len;
}

static enum pl_status drained(void *self, bool *ret_drained, struct pl_error *error)
{
    *ret_drained = true;
    return call(self, error);
}

static enum pl_status produce(void *self, const struct pl_message *message, struct pl_error *error)
{
    assert_non_null(message);
    return call(self, error);
}

static enum pl_status state_offsets(void *self, int32_t partition, int64_t *ret_first,
                                    int64_t *ret_last, struct pl_error *error)
{
    assert_int_equal(partition, 1);
    *ret_first = 8;
    *ret_last = 9;
    return call(self, error);
}

static enum pl_status commit(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    assert_null(positions);
    assert_int_equal(count, 0);
    return call(self, error);
}

static size_t message_limit(void *self, enum pl_topic topic)
{
    (void)call(self, NULL);
    return topic == PL_TOPIC_RESULTS ? 100 : 0;
}

static int32_t partition_count(void *self, enum pl_topic topic)
{
    (void)call(self, NULL);
    return topic == PL_TOPIC_RESULTS ? 12 : 0;
}

static enum pl_status range(void *self, int32_t partition, int64_t *ret_first, int64_t *ret_end,
                            struct pl_error *error)
{
    assert_int_equal(partition, 1);
    *ret_first = 3;
    *ret_end = 4;
    return call(self, error);
}

static enum pl_status stable_end(void *self, int32_t partition, int64_t *ret_end,
                                 struct pl_error *error)
{
    assert_int_equal(partition, 1);
    *ret_end = 5;
    return call(self, error);
}

static enum pl_status open_log(void *self, int32_t partition, int64_t from, struct pl_error *error)
{
    assert_int_equal(partition, 1);
    assert_int_equal(from, 3);
    return call(self, error);
}

static enum pl_status read_log(void *self, int timeout_ms, struct pl_state_event *ret_event,
                               struct pl_error *error)
{
    assert_int_equal(timeout_ms, 7);
    *ret_event = (struct pl_state_event){.kind = PL_STATE_END, .offset = 4};
    return call(self, error);
}

static void close_log(void *self)
{
    (void)call(self, NULL);
}

static enum pl_status read_cache(void *self, struct pl_cache_read *reads, size_t count,
                                 struct pl_arena *arena, struct pl_error *error)
{
    assert_null(reads);
    assert_null(arena);
    assert_int_equal(count, 0);
    return call(self, error);
}

static enum pl_status update_cache(void *self, struct pl_cache_update *updates, size_t count,
                                   struct pl_error *error)
{
    assert_null(updates);
    assert_int_equal(count, 0);
    return call(self, error);
}

static enum pl_status drop_cache(void *self, int32_t partition, struct pl_bytes expected,
                                 struct pl_error *error)
{
    assert_int_equal(partition, 1);
    assert_int_equal(expected.len, 8);
    return call(self, error);
}

static enum pl_status check_redis(void *self, struct pl_error *error)
{
    struct behind *behind = self;

    behind->redis_looks++;
    return behind->redis_look == PL_OK ? PL_OK : pl_fail(error, behind->redis_look, "Redis: no");
}

static int64_t monotonic_ms(void *self)
{
    const struct behind *behind = self;

    return behind->now_ms;
}

static bool has_lost_contact(void *self)
{
    return call(self, NULL) == PL_OK;
}

static enum pl_status unended(void *self, bool *ret_hangs, bool *ret_any, struct pl_error *error)
{
    assert_null(ret_hangs);
    *ret_any = true;
    return call(self, error);
}

static const struct pl_feed_ops feed_ops = {.poll = poll,
                                            .release = release,
                                            .headers = headers,
                                            .committed = committed,
                                            .log_range = log_range,
                                            .start = start,
                                            .stop = stop,
                                            .partition_of = partition_of,
                                            .drained = drained};
static const struct pl_txn_ops txn_ops = {.renew = stop, /* of the same form */
                                          .has_lost_contact = has_lost_contact,
                                          .unended = unended,
                                          .settle = commit,
                                          .begin = stop,
                                          .produce = produce,
                                          .flush = stop,
                                          .state_offsets = state_offsets,
                                          .commit = commit,
                                          .abort = stop,
                                          .message_limit = message_limit,
                                          .partition_count = partition_count};
static const struct pl_state_log_ops log_ops = {.range = range,
                                                .stable_end = stable_end,
                                                .open = open_log,
                                                .read = read_log,
                                                .close = close_log};
static const struct pl_cache_ops cache_ops = {
    .read = read_cache, .update = update_cache, .drop = drop_cache};
static const struct pl_world_ops world_ops = {.monotonic_ms = monotonic_ms};

/* ---- the calls in front ---------------------------------------------------------------------- */

static const int32_t one_partition[] = {1};
static const int64_t five[PL_INPUT_COUNT] = {5, 5};

static enum pl_status do_poll(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_feed feed = pl_watched_feed(watched);
    struct pl_feed_event event;

    return feed.ops->poll(feed.self, 7, &event, error);
}

static enum pl_status do_committed(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_feed feed = pl_watched_feed(watched);
    int64_t offsets[1][PL_INPUT_COUNT] = {{0, 0}};
    enum pl_status status = feed.ops->committed(feed.self, one_partition, 1, offsets, error);

    assert_int_equal(offsets[0][0], 5);
    return status;
}

static enum pl_status do_log_range(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_feed feed = pl_watched_feed(watched);
    int64_t first = 0;
    int64_t end = 0;
    enum pl_status status = feed.ops->log_range(feed.self, PL_TOPIC_EVENTS, 1, &first, &end, error);

    assert_int_equal(first * 10 + end, 12);
    return status;
}

static enum pl_status do_drained(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_feed feed = pl_watched_feed(watched);
    bool is_drained = false;
    enum pl_status status = feed.ops->drained(feed.self, &is_drained, error);

    assert_true(is_drained);
    return status;
}

static enum pl_status do_renew(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->renew(txn.self, error);
}

static enum pl_status do_begin(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->begin(txn.self, error);
}

static enum pl_status do_produce(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);
    const struct pl_message message = {.partition = 1};

    return txn.ops->produce(txn.self, &message, error);
}

static enum pl_status do_flush(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->flush(txn.self, error);
}

static enum pl_status do_commit(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->commit(txn.self, NULL, 0, error);
}

static enum pl_status do_settle(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->settle(txn.self, NULL, 0, error);
}

static enum pl_status do_unended(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);
    bool is_any = false;
    enum pl_status status = txn.ops->unended(txn.self, NULL, &is_any, error);

    assert_true(is_any);
    return status;
}

static enum pl_status do_abort(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_txn txn = pl_watched_txn(watched);

    return txn.ops->abort(txn.self, error);
}

static enum pl_status do_range(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_state_log log = pl_watched_state_log(watched);
    int64_t first = 0;
    int64_t end = 0;
    enum pl_status status = log.ops->range(log.self, 1, &first, &end, error);

    assert_int_equal(first * 10 + end, 34);
    return status;
}

static enum pl_status do_stable_end(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_state_log log = pl_watched_state_log(watched);
    int64_t end = 0;
    enum pl_status status = log.ops->stable_end(log.self, 1, &end, error);

    assert_int_equal(end, 5);
    return status;
}

static enum pl_status do_open_log(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_state_log log = pl_watched_state_log(watched);

    return log.ops->open(log.self, 1, 3, error);
}

static enum pl_status do_read_log(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_state_log log = pl_watched_state_log(watched);
    struct pl_state_event event = {.offset = 0};
    enum pl_status status = log.ops->read(log.self, 7, &event, error);

    assert_int_equal(event.offset, 4);
    return status;
}

static enum pl_status do_read_cache(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_cache cache = pl_watched_cache(watched);

    return cache.ops->read(cache.self, NULL, 0, NULL, error);
}

static enum pl_status do_update_cache(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_cache cache = pl_watched_cache(watched);

    return cache.ops->update(cache.self, NULL, 0, error);
}

static enum pl_status do_drop_cache(struct pl_watched *watched, struct pl_error *error)
{
    const struct pl_cache cache = pl_watched_cache(watched);

    return cache.ops->drop(cache.self, 1, PL_BYTES_LITERAL("expected"), error);
}

/* Each call of a server, whose readiness it tells, and how a watchdog would call it. */
struct judged {
    enum pl_status (*make)(struct pl_watched *watched, struct pl_error *error);
    enum pl_condition condition;
    const char *stage;
};

static const struct judged judged[] = {
    {do_poll, PL_CONDITION_KAFKA, "polling the consumer group"},
    {do_committed, PL_CONDITION_KAFKA, "asking for the group's offsets"},
    {do_log_range, PL_CONDITION_KAFKA, "asking for an input's range"},
    {do_drained, PL_CONDITION_KAFKA, "asking whether all is drained"},
    {do_renew, PL_CONDITION_KAFKA, "renewing the producer"},
    {do_begin, PL_CONDITION_KAFKA, "beginning a transaction"},
    {do_produce, PL_CONDITION_KAFKA, "producing"},
    {do_flush, PL_CONDITION_KAFKA, "waiting for delivery reports"},
    {do_commit, PL_CONDITION_KAFKA, "committing a transaction"},
    {do_abort, PL_CONDITION_KAFKA, "aborting a transaction"},
    {do_settle, PL_CONDITION_KAFKA, "settling a hanging transaction"},
    {do_unended, PL_CONDITION_KAFKA, "asking whether a transaction hangs"},
    {do_range, PL_CONDITION_KAFKA, "asking for the state topic's range"},
    {do_stable_end, PL_CONDITION_KAFKA, "asking for the state topic's stable end"},
    {do_open_log, PL_CONDITION_KAFKA, "opening the state topic"},
    {do_read_log, PL_CONDITION_KAFKA, "reading the state topic"},
    {do_read_cache, PL_CONDITION_REDIS, "reading from Redis"},
    {do_update_cache, PL_CONDITION_REDIS, "writing to Redis"},
    {do_drop_cache, PL_CONDITION_REDIS, "dropping a partition from Redis"}};

#define JUDGED_COUNT (sizeof(judged) / sizeof(judged[0]))

/* ---- set-up ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct behind *behind = calloc(1, sizeof(*behind));

    assert_non_null(behind);
    behind->health = pl_health_new(LIMIT_S);
    behind->now_ms = 1000000;
    behind->watched = (struct pl_watched){.health = behind->health,
                                          .feed = {&feed_ops, behind},
                                          .txn = {&txn_ops, behind},
                                          .state_log = {&log_ops, behind},
                                          .cache = {&cache_ops, behind},
                                          .world = {&world_ops, behind},
                                          .check_redis = check_redis,
                                          .redis = behind};
    pl_health_set(behind->health, PL_CONDITION_KAFKA, true, NULL); /* the start has reached them */
    pl_health_set(behind->health, PL_CONDITION_REDIS, true, NULL);
    *state = behind;
    return 0;
}

static int tear_down(void **state)
{
    struct behind *behind = *state;

    pl_health_free(behind->health);
    free(behind);
    return 0;
}

static void poll_event(struct behind *behind, struct pl_feed_event event)
{
    behind->event = event;
    assert_int_equal(do_poll(&behind->watched, NULL), PL_OK);
    behind->event = (struct pl_feed_event){.kind = PL_FEED_IDLE};
}

static void start_one(struct behind *behind, int32_t partition)
{
    const struct pl_feed feed = pl_watched_feed(&behind->watched);

    assert_int_equal(feed.ops->start(feed.self, partition, five, NULL), PL_OK);
}

static void stop_all(struct behind *behind)
{
    const struct pl_feed feed = pl_watched_feed(&behind->watched);

    assert_int_equal(feed.ops->stop(feed.self, NULL), PL_OK);
}

/* A member whose partitions are restored. */
static void make_ready(struct behind *behind)
{
    static const int32_t partitions[] = {1, 2, 3};

    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_ASSIGNED,
                                              .partitions = partitions,
                                              .partition_count = 3});
    for (int32_t partition = 1; partition <= 3; partition++) {
        start_one(behind, partition);
    }
}

static void assert_readiness(const struct behind *behind, const char *text)
{
    char found[TEXT_BYTES];

    assert_int_equal(pl_health_is_ready(behind->health, found, sizeof(found)), *text == '\0');
    assert_string_equal(found, text);
}

#define ANEW "assigned: the group is giving out the partitions anew\n"
#define RESTORING "restored: the state of our partitions is being restored\n"

/* ---- beats ----------------------------------------------------------------------------------- */

static void each_call_is_a_beat_with_its_name(void **state)
{
    struct behind *behind = *state;

    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        const char *stage;

        (void)pl_health_tick(behind->health, &stage);
        assert_int_equal(judged[i].make(&behind->watched, NULL), PL_OK);
        assert_string_equal(behind->stage, judged[i].stage);
        assert_int_equal(behind->idle_s, 0);
        /* And once it is back. */
        assert_int_equal(pl_health_tick(behind->health, &stage), 0);
        assert_string_equal(stage, "own work");
    }
    assert_int_equal(behind->calls, JUDGED_COUNT);
}

static void the_other_calls_only_pass(void **state)
{
    struct behind *behind = *state;
    const struct pl_feed feed = pl_watched_feed(&behind->watched);
    const struct pl_txn txn = pl_watched_txn(&behind->watched);
    const struct pl_state_log log = pl_watched_state_log(&behind->watched);
    const struct pl_header *found;
    struct pl_record record = {.partition = 1};
    size_t count = 0;
    int64_t first = 0;
    int64_t last = 0;

    feed.ops->release(feed.self, &record);
    assert_int_equal(feed.ops->headers(feed.self, &record, NULL, &found, &count), PL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(feed.ops->partition_of(feed.self, PL_BYTES_LITERAL("four")), 4);
    assert_int_equal(txn.ops->state_offsets(txn.self, 1, &first, &last, NULL), PL_OK);
    assert_int_equal(first * 10 + last, 89);
    assert_int_equal(txn.ops->message_limit(txn.self, PL_TOPIC_RESULTS), 100);
    assert_int_equal(txn.ops->partition_count(txn.self, PL_TOPIC_RESULTS), 12);
    log.ops->close(log.self);
    assert_string_equal(behind->stage, "closing the state topic");
    assert_int_equal(behind->calls, 7);
}

static void statuses_and_texts_pass(void **state)
{
    static const enum pl_status statuses[] = {PL_AGAIN, PL_NOT_FOUND, PL_BAD_DATA,
                                              PL_ABORT, PL_FENCED,    PL_FATAL};
    struct behind *behind = *state;

    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        for (size_t j = 0; j < sizeof(statuses) / sizeof(statuses[0]); j++) {
            struct pl_error error = {""};

            behind->status = statuses[j];
            assert_int_equal(judged[i].make(&behind->watched, &error), statuses[j]);
            assert_string_equal(error.text, "it is away");
            assert_int_equal(judged[i].make(&behind->watched, NULL), statuses[j]);
        }
    }
}

/* ---- Kafka and Redis ------------------------------------------------------------------------- */

/* Unmet by each call that says so, and met again by the same. */
static void away_until_the_same_call_works(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    assert_readiness(behind, "");
    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        struct pl_error error = {""};
        char wanted[64];

        (void)snprintf(wanted, sizeof(wanted), "%s: it is away\n",
                       pl_condition_name(judged[i].condition));
        behind->status = PL_AGAIN;
        assert_int_equal(judged[i].make(&behind->watched, &error), PL_AGAIN);
        assert_readiness(behind, wanted);
        behind->status = PL_OK;
        for (size_t j = 0; j < JUDGED_COUNT; j++) {
            if (j != i) {
                assert_int_equal(judged[j].make(&behind->watched, NULL), PL_OK);
                assert_readiness(behind, wanted);
            }
        }
        assert_int_equal(judged[i].make(&behind->watched, NULL), PL_OK);
        assert_readiness(behind, "");
    }
}

/* The watchdog may say so while a call does not come back. */
static void what_another_thread_said_is_over_with_the_next_call(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        pl_health_set(behind->health, judged[i].condition, false, "away");
        assert_int_equal(judged[i].make(&behind->watched, NULL), PL_OK);
        assert_readiness(behind, "");
    }
}

static void without_a_text_there_is_a_reason_too(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    behind->status = PL_AGAIN;
    assert_int_equal(do_drop_cache(&behind->watched, NULL), PL_AGAIN);
    assert_readiness(behind, "redis: no answer\n");
}

static void other_failures_say_nothing_of_them(void **state)
{
    static const enum pl_status statuses[] = {PL_NOT_FOUND, PL_BAD_DATA, PL_ABORT, PL_FENCED,
                                              PL_FATAL};
    struct behind *behind = *state;

    make_ready(behind);
    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        for (size_t j = 0; j < sizeof(statuses) / sizeof(statuses[0]); j++) {
            struct pl_error error = {""};

            behind->status = statuses[j];
            (void)judged[i].make(&behind->watched, &error);
            assert_readiness(behind, "");
        }
    }
}

static void where_it_failed_for_good_is_kept(void **state)
{
    struct behind *behind = *state;

    assert_null(behind->watched.fatal);
    for (size_t i = 0; i < JUDGED_COUNT; i++) {
        behind->watched.fatal = NULL;
        behind->status = PL_FATAL;
        (void)judged[i].make(&behind->watched, NULL);
        assert_string_equal(behind->watched.fatal, pl_condition_name(judged[i].condition));
    }
}

/* What failed may be a write; a recovery that worked has written, or needed not to. */
static void a_recovery_that_worked_clears_all(void **state)
{
    struct behind *behind = *state;
    struct pl_error error = {""};

    make_ready(behind);
    behind->status = PL_AGAIN;
    (void)do_update_cache(&behind->watched, &error);
    (void)do_commit(&behind->watched, &error);
    behind->status = PL_OK;
    stop_all(behind);
    (void)do_read_cache(&behind->watched, NULL);
    (void)do_committed(&behind->watched, NULL);
    start_one(behind, 1);
    start_one(behind, 2);
    assert_readiness(behind, "kafka: it is away\nredis: it is away\n" RESTORING);
    start_one(behind, 3);
    assert_readiness(behind, "");
}

/* ---- partitions ------------------------------------------------------------------------------ */

static void ready_once_every_partition_is_started(void **state)
{
    struct behind *behind = *state;
    static const int32_t partitions[] = {1, 2};

    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_ASSIGNED,
                                              .partitions = partitions,
                                              .partition_count = 2});
    assert_readiness(behind, RESTORING);
    stop_all(behind);
    start_one(behind, 1);
    assert_readiness(behind, RESTORING);
    stop_all(behind); /* from the start again */
    start_one(behind, 1);
    assert_readiness(behind, RESTORING);
    start_one(behind, 2);
    assert_readiness(behind, "");
    stop_all(behind);
    assert_readiness(behind, RESTORING);
}

static void a_start_that_fails_does_not_count(void **state)
{
    struct behind *behind = *state;
    const struct pl_feed feed = pl_watched_feed(&behind->watched);

    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_ASSIGNED,
                                              .partitions = one_partition,
                                              .partition_count = 1});
    behind->status = PL_AGAIN;
    assert_int_equal(feed.ops->start(feed.self, 1, five, NULL), PL_AGAIN);
    assert_readiness(behind, RESTORING);
}

static void a_member_without_partitions_is_ready(void **state)
{
    struct behind *behind = *state;

    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_ASSIGNED, .partition_count = 0});
    assert_readiness(behind, "");
}

static void partitions_that_are_taken_away(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_REVOKED});
    assert_readiness(behind, ANEW RESTORING);
    make_ready(behind);
    assert_readiness(behind, "");
}

/* ---- looks ----------------------------------------------------------------------------------- */

static void poll_idle(struct behind *behind, int after_ms)
{
    behind->now_ms += after_ms;
    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_IDLE});
}

static void while_idle_it_looks_now_and_then(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    for (int i = 0; i < 100; i++) {
        poll_idle(behind, 100);
    }
    assert_in_range(behind->redis_looks, 4, 6);
    assert_int_equal(behind->kafka_looks, behind->redis_looks);
    assert_readiness(behind, "");
}

static void it_does_not_look_while_there_is_work(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    behind->now_ms += 100000;
    poll_event(behind, (struct pl_feed_event){.kind = PL_FEED_RECORD});
    stop_all(behind);
    poll_idle(behind, 100000); /* a recovery talks with both itself */
    assert_int_equal(behind->redis_looks + behind->kafka_looks, 0);
}

static void a_look_finds_what_is_away_and_back(void **state)
{
    struct behind *behind = *state;

    make_ready(behind);
    behind->redis_look = PL_AGAIN;
    poll_idle(behind, 10000);
    assert_readiness(behind, "redis: Redis: no\n");
    behind->kafka_look = PL_FATAL; /* of whatever kind: the loop goes on */
    behind->redis_look = PL_FATAL;
    poll_idle(behind, 10000);
    assert_readiness(behind, "kafka: no broker\nredis: Redis: no\n");
    assert_null(behind->watched.fatal);
    behind->kafka_look = PL_OK;
    behind->redis_look = PL_NOT_FOUND; /* it answers, if not to that question */
    poll_idle(behind, 10000);
    assert_readiness(behind, "");
}

/* A full Redis answers, and takes no writes. */
static void a_look_does_not_hide_a_failed_write(void **state)
{
    struct behind *behind = *state;
    struct pl_error error = {""};

    make_ready(behind);
    behind->status = PL_AGAIN;
    (void)do_update_cache(&behind->watched, &error);
    behind->status = PL_OK;
    poll_idle(behind, 10000);
    assert_int_equal(behind->redis_looks, 1);
    assert_readiness(behind, "redis: it is away\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_call_is_a_beat_with_its_name),
        CASE(the_other_calls_only_pass),
        CASE(statuses_and_texts_pass),
        CASE(away_until_the_same_call_works),
        CASE(what_another_thread_said_is_over_with_the_next_call),
        CASE(without_a_text_there_is_a_reason_too),
        CASE(other_failures_say_nothing_of_them),
        CASE(where_it_failed_for_good_is_kept),
        CASE(a_recovery_that_worked_clears_all),
        CASE(ready_once_every_partition_is_started),
        CASE(a_start_that_fails_does_not_count),
        CASE(a_member_without_partitions_is_ready),
        CASE(partitions_that_are_taken_away),
        CASE(while_idle_it_looks_now_and_then),
        CASE(it_does_not_look_while_there_is_work),
        CASE(a_look_finds_what_is_away_and_back),
        CASE(a_look_does_not_hide_a_failed_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
