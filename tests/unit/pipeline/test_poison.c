/* Unit tests of pipeline/poison.c: the record that keeps a batch from being committed is found, and
 * only that one is set aside. */
#include "outcome.h"

#define LIMIT 3000 /* of a message; a user's name of that length is too much */

/* Ten licences of ten customers, of which those in `bad` (bits) are too large. */
static void send_licences(struct fixture *fixture, unsigned bad)
{
    for (int i = 0; i < 10; i++) {
        const char *customer = numbered(fixture, "c", i);

        send_customer(fixture, customer);
        (void)send_licence(fixture, customer, "s", "u",
                           (bad >> i & 1) != 0 ? long_text(fixture, LIMIT) : "short");
    }
}

static void assert_licences(struct fixture *fixture, unsigned bad)
{
    const char *customers = customers_text(fixture);
    int refused = 0;

    for (int i = 0; i < 10; i++) {
        const char *line =
            strstr(customers, pl_arena_format(&fixture->arena, "{\"customerId\":\"c%d\"", i).data);
        const char *licence = line == NULL ? NULL : strstr(line, "\"licenses\":[{");
        bool has_licence = licence != NULL && licence < strchr(line, '\n');

        assert_non_null(line);
        assert_int_equal(has_licence, (bad >> i & 1) == 0);
        refused += (bad >> i & 1) != 0 ? 1 : 0;
    }
    for (const char *letter = dead_letters_text(fixture); *letter != '\0'; refused--) {
        assert_memory_equal(letter, "unprocessable events/", 21);
        letter = strchr(letter, '\n') + 1;
    }
    assert_int_equal(refused, 0);
}

static void try_too_large_states(unsigned bad, size_t batch_max_records, bool is_told_late)
{
    struct fixture *fixture = open_fixture();
    struct pl_fake_broker *broker = &fixture->world.broker;

    fixture->options.batch_max_records = batch_max_records;
    (is_told_late ? broker->broker_limits : broker->message_limits)[PL_TOPIC_STATE] = LIMIT;
    send_licences(fixture, bad);
    run_to_the_end(fixture);
    assert_licences(fixture, bad);
    assert_settled(fixture);
    close_fixture(fixture);
}

/* I9: whichever records they are, and whoever finds out, they alone are set aside. */
static void states_that_are_too_large_are_set_aside(void **state)
{
    static const unsigned bads[] = {1, 2, 0x200, 0x21, 0x300, 0x18, 0x3ff, 0x155, 0};
    static const size_t sizes[] = {1, 2, 7, 30, 100};

    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            try_too_large_states(bads[i], sizes[j], false);
            try_too_large_states(bads[i], sizes[j], true);
        }
    }
}

/* The head of a customer grows until it is too large: only what does not fit is refused. */
static void a_customer_may_grow_until_it_is_too_large(void **state)
{
    struct fixture *fixture = *state;
    int refused = 0;

    fixture->world.broker.message_limits[PL_TOPIC_STATE] = LIMIT;
    for (int i = 0; i < 100; i++) {
        (void)send_subscription(fixture, "c1", numbered(fixture, "subscription-", i), "basic", 1);
    }
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "subscription-3");
    run_to_the_end(fixture);
    for (const char *letter = dead_letters_text(fixture); *letter != '\0'; refused++) {
        assert_memory_equal(letter, "unprocessable events/", 21);
        letter = strchr(letter, '\n') + 1;
    }
    assert_in_range(refused, 1, 60);
    assert_non_null(strstr(results_text(fixture), numbered(fixture, "v", 100 - refused)));
    assert_settled(fixture);
}

static void a_result_that_is_too_large_is_set_aside(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_licence(fixture, "c1", "s", "u", long_text(fixture, LIMIT));
    send_customer(fixture, "c2");
    (void)send_request(fixture, "c2", "before", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_UPGRADE, "s");
    (void)send_request(fixture, "c1", "check", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_ADD_LICENSES, "s"); /* not reused */
    (void)send_request(fixture, "c2", "after", PL_OPERATION_UPGRADE, "s");
    fixture->world.broker.message_limits[PL_TOPIC_RESULTS] = LIMIT;
    run_to_the_end(fixture);
    assert_string_equal(results_text(fixture), "c2/before ELIGIBLE v2 0 accounts\n"
                                               "c2/after UPGRADED v2 0 accounts\n"
                                               "c1/check ELIGIBLE v3 0 accounts\n"
                                               "c1/r1 LICENSES_ADDED v3 0 accounts\n");
    assert_string_equal(dead_letters_text(fixture), "unprocessable requests/1/0\n");
    assert_settled(fixture);
}

static void the_search_goes_on_over_restarts(void **state)
{
    (void)state;
    for (unsigned died_after = 1; died_after < 12; died_after++) {
        struct fixture *fixture = open_fixture();

        fixture->world.broker.message_limits[PL_TOPIC_STATE] = LIMIT;
        send_licences(fixture, 0x24);
        pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_BEGIN,
                                                               .after = died_after,
                                                               .times = 1,
                                                               .status = PL_FATAL});
        (void)run_pipeline(fixture); /* it may have come to the end before */
        restart_process(fixture);
        run_to_the_end(fixture);
        assert_licences(fixture, 0x24);
        assert_settled(fixture);
        close_fixture(fixture);
    }
}

/* Trouble with Kafka or Redis while looking for the record makes no other record a dead letter. */
static void trouble_on_the_way_makes_no_dead_letter(void **state)
{
    static const struct pl_fake_fault faults[] = {
        {.call = PL_FAKE_FLUSH, .status = PL_ABORT},
        {.call = PL_FAKE_COMMIT, .status = PL_AGAIN},
        {.call = PL_FAKE_CACHE_READ, .status = PL_AGAIN},
        {.call = PL_FAKE_CACHE_UPDATE, .status = PL_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (unsigned after = 0; after < 10; after++) {
            struct fixture *fixture = open_fixture();
            struct pl_fake_fault fault = faults[i];

            fault.after = after;
            fault.times = 3;
            pl_fake_fail(&fixture->process, fault);
            fixture->world.broker.message_limits[PL_TOPIC_STATE] = LIMIT;
            send_licences(fixture, 0x40);
            run_to_the_end(fixture);
            assert_licences(fixture, 0x40);
            assert_settled(fixture);
            close_fixture(fixture);
        }
    }
}

/* Nobody but the operator can help then. */
static void a_dead_letter_that_is_too_large_ends_the_run(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_licence(fixture, "c1", "s", "", long_text(fixture, LIMIT));
    fixture->world.broker.broker_limits[PL_TOPIC_EVENTS_DLQ] = LIMIT;
    assert_int_equal(run_pipeline(fixture), PL_FATAL);
    assert_non_null(strstr(fixture->error.text, "the dead letter of events/1 offset 2"));
    assert_non_null(strstr(fixture->error.text, "max.message.bytes"));
}

static void a_progress_record_that_is_too_large_ends_the_run(void **state)
{
    struct fixture *fixture = *state;

    fixture->world.broker.message_limits[PL_TOPIC_STATE] = 10;
    assert_int_equal(run_pipeline(fixture), PL_FATAL);
    assert_non_null(strstr(fixture->error.text, "too large"));
}

/* Contract 7: it must fail twice alone, and the second record that does so counts from one. */
static void it_fails_twice_before_it_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct pl_batch batch = {.count = 1};
    struct pl_item item = {.kind = PL_ITEM_EVENT};

    send_customer(fixture, "c1");
    (void)send_licence(fixture, "c1", "s", "u", "name");
    open_restored_run(fixture);
    fill_inbox(fixture);
    batch.items = &item;
    for (size_t i = 0; i < 2; i++) {
        item.record = &fixture->run.inbox.records[i];
        assert_int_equal(pl_poison_search(&fixture->run, &batch, &fixture->error), PL_OK);
        assert_false(pl_poison_is(&fixture->run, item.record));
        assert_int_equal(pl_poison_search(&fixture->run, &batch, &fixture->error), PL_OK);
        assert_true(pl_poison_is(&fixture->run, item.record));
    }
    assert_false(pl_poison_is(&fixture->run, &fixture->run.inbox.records[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_that_are_too_large_are_set_aside),
        WITH_FIXTURE(a_customer_may_grow_until_it_is_too_large),
        WITH_FIXTURE(a_result_that_is_too_large_is_set_aside),
        cmocka_unit_test(the_search_goes_on_over_restarts),
        cmocka_unit_test(trouble_on_the_way_makes_no_dead_letter),
        WITH_FIXTURE(a_dead_letter_that_is_too_large_ends_the_run),
        WITH_FIXTURE(a_progress_record_that_is_too_large_ends_the_run),
        WITH_FIXTURE(it_fails_twice_before_it_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
