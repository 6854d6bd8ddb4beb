/* Unit tests of io/kafka_places.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/kafka_places.h"

#define PARTITIONS 4

static const struct pl_kafka_options options = {
    .topics = {[PL_TOPIC_EVENTS] = "events", [PL_TOPIC_REQUESTS] = "requests"}};

static int set_up(void **state)
{
    struct pl_places *places = calloc(1, sizeof(*places));

    assert_non_null(places);
    pl_places_init(places, &options, PARTITIONS);
    *state = places;
    return 0;
}

static int tear_down(void **state)
{
    pl_places_done(*state);
    free(*state);
    return 0;
}

/* Assign what is named; where both is set, the partition of the other input as well. */
static bool assign(struct pl_places *places, const char *topic, int32_t partition, bool both)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    bool is_good;

    rd_kafka_topic_partition_list_add(list, topic, partition);
    if (both) {
        rd_kafka_topic_partition_list_add(list, options.topics[PL_TOPIC_REQUESTS], partition);
    }
    is_good = pl_places_assign(places, list);
    rd_kafka_topic_partition_list_destroy(list);
    return is_good;
}

static bool takes(struct pl_places *places, const char *topic, int64_t offset)
{
    enum pl_topic input = PL_TOPIC_STATE;
    bool is_taken = pl_places_take(places, topic, 2, offset, &input);

    if (is_taken) {
        assert_string_equal(options.topics[input], topic);
    }
    return is_taken;
}

static void both_inputs_of_a_partition_are_ours(void **state)
{
    struct pl_places *places = *state;

    assert_true(assign(places, "events", 2, true));
    assert_int_equal(places->owned_count, 1);
    assert_int_equal(places->owned[0], 2);
    pl_places_forget(places);
    assert_int_equal(places->owned_count, 0);
}

static void what_cannot_be_worked_with_is_told(void **state)
{
    assert_false(assign(*state, "events", 2, false)); /* the customer had another writer */
    assert_false(assign(*state, "requests", 0, false));
    assert_false(assign(*state, "elsewhere", 2, true));
    assert_false(assign(*state, "events", PARTITIONS, true));
    assert_false(assign(*state, "events", -1, true));
}

static void only_what_is_ours_is_started(void **state)
{
    static const int64_t offsets[PL_INPUT_COUNT] = {7, 9};
    struct pl_places *places = *state;
    rd_kafka_topic_partition_list_t *list;

    assert_true(assign(places, "events", 2, true));
    assert_false(pl_places_start(places, 1, offsets));
    assert_true(pl_places_start(places, 2, offsets));
    list = pl_places_started(places);
    assert_int_equal(list->cnt, 2);
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        assert_string_equal(list->elems[input].topic, options.topics[input]);
        assert_int_equal(list->elems[input].partition, 2);
        assert_int_equal(list->elems[input].offset, offsets[input]);
    }
    rd_kafka_topic_partition_list_destroy(list);

    pl_places_stop(places);
    list = pl_places_started(places);
    assert_int_equal(list->cnt, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

static void a_record_is_taken_once_and_only_when_started(void **state)
{
    static const int64_t offsets[PL_INPUT_COUNT] = {7, 9};
    struct pl_places *places = *state;

    assert_true(assign(places, "events", 2, true));
    assert_false(takes(places, "events", 7));
    assert_true(pl_places_start(places, 2, offsets));
    assert_false(takes(places, "elsewhere", 7));
    assert_false(takes(places, "events", 6));
    assert_true(takes(places, "events", 7));
    assert_false(takes(places, "events", 7));
    assert_true(takes(places, "events", 12)); /* aborted records lie between */
    assert_false(takes(places, "events", 8));
    assert_true(takes(places, "requests", 9));
    pl_places_stop(places);
    assert_false(takes(places, "requests", 10));
}

#define WITH_PLACES(test) cmocka_unit_test_setup_teardown((test), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACES(both_inputs_of_a_partition_are_ours),
        WITH_PLACES(what_cannot_be_worked_with_is_told),
        WITH_PLACES(only_what_is_ours_is_started),
        WITH_PLACES(a_record_is_taken_once_and_only_when_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
