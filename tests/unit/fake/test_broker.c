/* Unit tests of fake/broker.c: what Kafka promises, and where it is slow to keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake/broker.h"
#include "fake/world.h"

static int set_up(void **state)
{
    static struct pl_fake_world world;

    pl_fake_world_init(&world, 2, 3, 1);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    pl_fake_world_done(*state);
    return 0;
}

static struct pl_message message(const char *key, const char *value)
{
    return (struct pl_message){.topic = PL_TOPIC_STATE,
                               .partition = 1,
                               .key = pl_bytes_of(key),
                               .value = value == NULL ? PL_NULL_BYTES : pl_bytes_of(value)};
}

static int64_t append(struct pl_fake_broker *broker, const char *key, const char *value)
{
    const struct pl_message record = message(key, value);

    return pl_fake_append(broker, &record);
}

static int64_t produce(struct pl_fake_broker *broker, struct pl_fake_session session,
                       const char *key, const char *value)
{
    const struct pl_message record = message(key, value);
    int64_t offset = -1;

    assert_int_equal(pl_fake_produce(broker, session, &record, &offset), PL_OK);
    return offset;
}

/* The visible records as "key=value key=value", a tombstone as "key". */
static const char *visible(struct pl_fake_broker *broker)
{
    static char text[256];
    const struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);
    const struct pl_fake_entry *entry = pl_fake_next(log, 0);

    text[0] = '\0';
    for (; entry != NULL; entry = pl_fake_next(log, entry->offset + 1)) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s%s%.*s",
                       text[0] == '\0' ? "" : " ", (int)entry->key.len, entry->key.data,
                       pl_bytes_is_null(entry->value) ? "" : "=", (int)entry->value.len,
                       pl_bytes_is_null(entry->value) ? "" : entry->value.data);
    }
    return text;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void a_transaction_is_seen_when_it_has_its_marker(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    const struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(append(broker, "a", "0"), 0);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(produce(broker, session, "b", "1"), 1);
    assert_int_equal(produce(broker, session, "c", "2"), 2);
    assert_int_equal(append(broker, "d", "3"), 3);
    assert_string_equal(visible(broker), "a=0"); /* nothing past an open one */
    assert_int_equal(log->end, 4);
    assert_int_equal(pl_fake_stable_end(log), 1);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_string_equal(visible(broker), "a=0 b=1 c=2 d=3");
    assert_int_equal(log->end, 5); /* the marker */
    assert_int_equal(pl_fake_stable_end(log), 5);
    assert_int_equal(log->entries[4]->kind, PL_FAKE_ENTRY_COMMIT_MARKER);
}

static void an_aborted_one_leaves_a_gap(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_string_equal(visible(broker), "");
    assert_int_equal(append(broker, "b", "2"), 2);
    assert_string_equal(visible(broker), "b=2");
}

static void markers_may_be_late(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");
    const struct pl_position position = {.partition = 1, .next = {5, 6}};
    int64_t offsets[PL_INPUT_COUNT];

    broker->marker_delay_ms = 50;
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_add_offsets(broker, session, &position, 1), PL_OK);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_string_equal(visible(broker), "");
    assert_int_equal(pl_fake_group_offsets(broker, 1, offsets), PL_AGAIN);
    assert_int_equal(pl_fake_group_offsets(broker, 0, offsets), PL_OK); /* none pending there */
    pl_fake_advance(world, 50);
    assert_string_equal(visible(broker), "a=1");
    assert_int_equal(pl_fake_group_offsets(broker, 1, offsets), PL_OK);
    assert_int_equal(offsets[PL_TOPIC_EVENTS], 5);
    assert_int_equal(offsets[PL_TOPIC_REQUESTS], 6);
}

static void the_next_transaction_waits_for_the_markers_of_the_last(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    broker->marker_delay_ms = 50;
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_string_equal(visible(broker), "a=1");
    assert_int_equal(produce(broker, session, "b", "2"), 2);
    pl_fake_advance(world, 50); /* the first one's markers, again: nothing happens */
    assert_string_equal(visible(broker), "a=1");
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    pl_fake_advance(world, 50);
    assert_string_equal(visible(broker), "a=1");
}

/* ---- fencing --------------------------------------------------------------------------------- */

static void who_opens_the_id_again_fences_the_other(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_session old = pl_fake_open_producer(broker, "id");
    struct pl_fake_session other = pl_fake_open_producer(broker, "other");
    struct pl_fake_session session;
    const struct pl_message record = message("x", "x");
    int64_t offset;

    assert_int_equal(pl_fake_begin(broker, old), PL_OK);
    (void)produce(broker, old, "a", "1");
    session = pl_fake_open_producer(broker, "id");
    assert_int_equal(append(broker, "b", "2"), 2); /* after the abort marker */
    assert_string_equal(visible(broker), "b=2");
    assert_int_equal(pl_fake_produce(broker, old, &record, &offset), PL_FENCED);
    assert_int_equal(pl_fake_add_offsets(broker, old, NULL, 0), PL_FENCED);
    assert_int_equal(pl_fake_end(broker, old, true), PL_FENCED);
    assert_int_equal(pl_fake_begin(broker, old), PL_FENCED);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_begin(broker, other), PL_OK); /* not touched by it */
}

static void one_that_takes_too_long_is_aborted(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    pl_fake_advance(world, broker->transaction_timeout_ms - 1);
    assert_int_equal(pl_fake_stable_end(pl_fake_log(broker, PL_TOPIC_STATE, 1)), 0);
    pl_fake_advance(world, 1);
    assert_int_equal(pl_fake_stable_end(pl_fake_log(broker, PL_TOPIC_STATE, 1)), 2);
    assert_string_equal(visible(broker), "");
    assert_int_equal(pl_fake_end(broker, session, true), PL_FENCED);
}

static void one_that_ended_in_time_is_not(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    pl_fake_advance(world, broker->transaction_timeout_ms - 1);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    pl_fake_advance(world, 1); /* the first one's timeout */
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_string_equal(visible(broker), "a=1");
}

/* KAFKA-17754: the flaw that I7 is there for. */
static void a_late_end_ends_the_next_transaction_of_the_same_epoch(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    pl_fake_end_later(broker, session, true, 100);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "b", "2");
    pl_fake_advance(world, 100);
    assert_string_equal(visible(broker), "a=1 b=2");
    assert_int_equal(pl_fake_end(broker, session, false), PL_FENCED);
}

static void a_late_end_of_an_older_epoch_does_nothing(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "1");
    pl_fake_end_later(broker, session, true, 100);
    session = pl_fake_open_producer(broker, "id");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "b", "2");
    pl_fake_advance(world, 100);
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_string_equal(visible(broker), "");
}

/* ---- offsets --------------------------------------------------------------------------------- */

static void offsets_count_when_the_transaction_does(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");
    const struct pl_position first = {.partition = 0, .next = {3, -1}};
    const struct pl_position second = {.partition = 0, .next = {7, 9}};
    int64_t offsets[PL_INPUT_COUNT];

    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, session, &first, 1), PL_OK);
    assert_int_equal(pl_fake_group_offsets(broker, 0, offsets), PL_AGAIN);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(pl_fake_group_offsets(broker, 0, offsets), PL_OK);
    assert_int_equal(offsets[0], 3);
    assert_int_equal(offsets[1], -1);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, session, &second, 1), PL_OK);
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    assert_int_equal(pl_fake_group_offsets(broker, 0, offsets), PL_OK);
    assert_int_equal(offsets[0], 3);
    assert_int_equal(broker->offsets_went_back, 0);
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    assert_int_equal(pl_fake_add_offsets(broker, session, &(struct pl_position){0, {2, -1}}, 1),
                     PL_OK);
    assert_int_equal(pl_fake_end(broker, session, true), PL_OK);
    assert_int_equal(broker->offsets_went_back, 1);
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void compaction_keeps_the_newest_of_each_key(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);

    (void)append(broker, "a", "1");
    (void)append(broker, "b", "2");
    (void)append(broker, "a", "3");
    (void)append(broker, "b", NULL);
    (void)append(broker, "c", "4");
    pl_fake_compact(log, true);
    assert_string_equal(visible(broker), "a=3 b c=4");
    pl_fake_compact(log, false);
    assert_string_equal(visible(broker), "a=3 c=4");
    assert_int_equal(append(broker, "a", "5"), 5); /* offsets stay */
}

static void compaction_leaves_open_and_aborted_ones_alone(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);
    struct pl_fake_session session = pl_fake_open_producer(broker, "id");

    (void)append(broker, "a", "1");
    assert_int_equal(pl_fake_begin(broker, session), PL_OK);
    (void)produce(broker, session, "a", "2");
    pl_fake_compact(log, true);
    assert_int_equal(pl_fake_end(broker, session, false), PL_OK);
    pl_fake_compact(log, true);
    assert_string_equal(visible(broker), "a=1");
}

static void compaction_may_leave_the_newest_alone(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);

    (void)append(broker, "a", "1");
    (void)append(broker, "a", "2");
    (void)append(broker, "a", "3");
    assert_int_equal(pl_fake_compact_before(log, 2, true), 1);
    assert_string_equal(visible(broker), "a=2 a=3");
    assert_int_equal(pl_fake_compact_before(log, 99, true), 1); /* not past the end */
    assert_string_equal(visible(broker), "a=3");
}

/* ---- request by request ---------------------------------------------------------------------- */

static struct pl_fake_session ask_producer(struct pl_fake_broker *broker)
{
    struct pl_fake_session session;

    assert_int_equal(pl_fake_ask_producer(broker, "id", &session), PL_FAKE_DONE);
    return session;
}

static void a_transaction_begins_with_what_is_added_first(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_session session = ask_producer(broker);
    const struct pl_message record = message("a", "1");
    int64_t offset;

    assert_int_equal(pl_fake_produce(broker, session, &record, &offset), PL_FENCED);
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_INVALID_STATE);
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 1), PL_FAKE_DONE);
    assert_int_equal(produce(broker, session, "a", "1"), 0);
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_DONE);
    assert_string_equal(visible(broker), "a=1");
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_DONE); /* said again */
    assert_int_equal(pl_fake_ask_end(broker, session, false), PL_FAKE_INVALID_STATE);
}

static void a_partition_that_was_added_gets_its_marker(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    const struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 0);
    struct pl_fake_session session = ask_producer(broker);

    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 0), PL_FAKE_DONE);
    assert_int_equal(pl_fake_ask_end(broker, session, false), PL_FAKE_DONE);
    assert_int_equal(log->end, 1);
    assert_int_equal(log->entries[0]->kind, PL_FAKE_ENTRY_ABORT_MARKER);
}

static void nobody_is_kept_waiting_for_markers(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = ask_producer(broker);
    struct pl_fake_session next;

    broker->marker_delay_ms = 100;
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 1), PL_FAKE_DONE);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_DONE);
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_CONCURRENT);
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 0), PL_FAKE_CONCURRENT);
    assert_int_equal(pl_fake_ask_group(broker, session), PL_FAKE_CONCURRENT);
    assert_int_equal(pl_fake_ask_producer(broker, "id", &next), PL_FAKE_CONCURRENT);
    assert_string_equal(visible(broker), "");
    pl_fake_advance(world, 200);
    assert_string_equal(visible(broker), "a=1");
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 0), PL_FAKE_DONE);
}

/* At once, though it is told so only when the markers are there. */
static void asking_again_fences_who_asked_before(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = ask_producer(broker);
    struct pl_fake_session next;

    broker->marker_delay_ms = 100;
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 1), PL_FAKE_DONE);
    (void)produce(broker, session, "a", "1");
    assert_int_equal(pl_fake_ask_producer(broker, "id", &next), PL_FAKE_CONCURRENT);
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_OLD_EPOCH);
    assert_int_equal(pl_fake_ask_group(broker, session), PL_FAKE_OLD_EPOCH);
    pl_fake_advance(world, 200);
    next = ask_producer(broker);
    assert_string_equal(visible(broker), "");
    assert_int_equal(pl_fake_ask_partition(broker, session, PL_TOPIC_STATE, 1), PL_FAKE_OLD_EPOCH);
    assert_int_equal(pl_fake_ask_partition(broker, next, PL_TOPIC_STATE, 1), PL_FAKE_DONE);
    assert_int_equal(pl_fake_ask_end(broker, next, true), PL_FAKE_DONE);
}

static void one_that_takes_too_long_is_counted(void **state)
{
    struct pl_fake_world *world = *state;
    struct pl_fake_broker *broker = &world->broker;
    struct pl_fake_session session = ask_producer(broker);

    assert_int_equal(pl_fake_ask_group(broker, session), PL_FAKE_DONE);
    pl_fake_advance(world, broker->transaction_timeout_ms + 1);
    assert_int_equal(broker->timeouts, 1);
    assert_int_equal(broker->producers[session.producer].timed_out_epoch, session.epoch);
    assert_int_equal(pl_fake_ask_end(broker, session, true), PL_FAKE_OLD_EPOCH);
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void logs_can_be_cut_at_both_ends(void **state)
{
    struct pl_fake_broker *broker = &((struct pl_fake_world *)*state)->broker;
    struct pl_fake_log *log = pl_fake_log(broker, PL_TOPIC_STATE, 1);

    (void)append(broker, "a", "1");
    (void)append(broker, "b", "2");
    (void)append(broker, "c", "3");
    pl_fake_delete_before(log, 1);
    assert_string_equal(visible(broker), "b=2 c=3");
    pl_fake_truncate(log, 2);
    assert_string_equal(visible(broker), "b=2");
    assert_int_equal(append(broker, "d", "4"), 2);
    assert_string_equal(visible(broker), "b=2 d=4");
    pl_fake_recreate(log);
    assert_string_equal(visible(broker), "");
    assert_int_equal(append(broker, "e", "5"), 0);
    assert_string_equal(visible(broker), "e=5");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown((test), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(a_transaction_is_seen_when_it_has_its_marker),
        WITH_WORLD(an_aborted_one_leaves_a_gap),
        WITH_WORLD(markers_may_be_late),
        WITH_WORLD(the_next_transaction_waits_for_the_markers_of_the_last),
        WITH_WORLD(who_opens_the_id_again_fences_the_other),
        WITH_WORLD(one_that_takes_too_long_is_aborted),
        WITH_WORLD(one_that_ended_in_time_is_not),
        WITH_WORLD(a_late_end_ends_the_next_transaction_of_the_same_epoch),
        WITH_WORLD(a_late_end_of_an_older_epoch_does_nothing),
        WITH_WORLD(offsets_count_when_the_transaction_does),
        WITH_WORLD(compaction_keeps_the_newest_of_each_key),
        WITH_WORLD(compaction_leaves_open_and_aborted_ones_alone),
        WITH_WORLD(compaction_may_leave_the_newest_alone),
        WITH_WORLD(a_transaction_begins_with_what_is_added_first),
        WITH_WORLD(a_partition_that_was_added_gets_its_marker),
        WITH_WORLD(nobody_is_kept_waiting_for_markers),
        WITH_WORLD(asking_again_fences_who_asked_before),
        WITH_WORLD(one_that_takes_too_long_is_counted),
        WITH_WORLD(logs_can_be_cut_at_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
