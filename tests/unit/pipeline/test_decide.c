/* Unit tests of pipeline/decide.c: the items of a batch in order, each on what those before
 * left. */
#include "outcome.h"
#include "wire/utf8.h"

static int set_up_run(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    *state = fixture;
    return 0;
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown((test), set_up_run, tear_down)

static const struct pl_outgoing *outgoing_of(const struct fixture *fixture, size_t number)
{
    assert_true(number < fixture->batch.outgoing_count);
    return &fixture->batch.outgoing[number];
}

static struct pl_bytes outgoing_header(const struct pl_outgoing *outgoing, const char *name)
{
    for (size_t i = 0; i < outgoing->header_count; i++) {
        if (pl_bytes_equal(outgoing->headers[i].name, pl_bytes_of(name))) {
            return outgoing->headers[i].value;
        }
    }
    return PL_NULL_BYTES;
}

static struct pl_result decode_outgoing(struct fixture *fixture, size_t number)
{
    const struct pl_outgoing *outgoing = outgoing_of(fixture, number);
    struct pl_result_record record = {.part = 0};
    struct pl_refusal refusal = {.message = ""};
    struct pl_bytes value = {fixture->batch.outbox.data + outgoing->value_position,
                             outgoing->value_len};

    assert_false(outgoing->is_view);
    assert_int_equal(outgoing->topic, PL_TOPIC_RESULTS);
    assert_ok(fixture, pl_decode_result(fixture->parts->decoder, value, &fixture->arena, &record,
                                        &refusal, &fixture->error));
    return record.result;
}

static const struct pl_part *part_of(const struct fixture *fixture, int32_t partition)
{
    return fixture->batch.parts[partition];
}

/* ---- order ----------------------------------------------------------------------------------- */

/* Every record sees what those before it in the same batch did to its customer. */
static void records_of_one_customer_are_taken_in_order(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_ADD_LICENSES, "s");
    (void)send_request(fixture, "c1", "r3", PL_OPERATION_UPGRADE, "s");
    (void)send_licence(fixture, "c1", "s", "u", "name");
    (void)send_request(fixture, "c1", "r4", PL_OPERATION_UPGRADE, "s");
    decide_all(fixture);
    assert_int_equal(fixture->batch.outgoing_count, 4);
    assert_int_equal(decode_outgoing(fixture, 0).outcome, PL_OUTCOME_NOT_ELIGIBLE);
    assert_int_equal(decode_outgoing(fixture, 0).customer_version, 0);
    assert_int_equal(decode_outgoing(fixture, 1).outcome, PL_OUTCOME_LICENSES_ADDED);
    assert_int_equal(decode_outgoing(fixture, 1).customer_version, 2);
    assert_int_equal(decode_outgoing(fixture, 2).outcome, PL_OUTCOME_UPGRADED);
    assert_int_equal(decode_outgoing(fixture, 2).target.quantity, 105);
    assert_int_equal(decode_outgoing(fixture, 3).outcome, PL_OUTCOME_REFUSED);
    assert_int_equal(decode_outgoing(fixture, 3).errors.items[0].code,
                     PL_ERROR_SUBSCRIPTION_STATUS_NOT_ACTIVE);
    assert_int_equal(decode_outgoing(fixture, 3).customer_version, 5);
}

/* A result is what it was then, whatever the records after it do. */
static void a_result_shows_the_customer_as_it_was(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_ADD_LICENSES, "s");
    (void)send_subscription(fixture, "c1", "s", "premium", 9);
    decide_all(fixture);
    assert_text(decode_outgoing(fixture, 0).source.offer_id, "basic");
    assert_int_equal(decode_outgoing(fixture, 0).target.quantity, 105);
}

static void customers_do_not_touch_each_other(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_request(fixture, "c3", "r1", PL_OPERATION_UPGRADE, "s"); /* the same partition */
    (void)send_request(fixture, "c2", "r1", PL_OPERATION_UPGRADE, "s");
    decide_all(fixture);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(decode_outgoing(fixture, i).errors.items[0].code,
                         PL_ERROR_SUBSCRIPTION_NOT_FOUND);
    }
}

/* Without a partitioner a key may be anywhere, and means another history in each place. */
static void a_customer_in_two_partitions_is_two(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_REQUESTS, 1);

    fixture->world.has_any_partitioner = true;
    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_to(fixture, PL_TOPIC_REQUESTS, 0, PL_BYTES_LITERAL("c1"), log->entries[0]->value);
    decide_all(fixture);
    assert_int_equal(decode_outgoing(fixture, 0).outcome, PL_OUTCOME_ELIGIBLE);
    assert_int_equal(decode_outgoing(fixture, 1).outcome, PL_OUTCOME_NOT_ELIGIBLE);
}

/* ---- once ------------------------------------------------------------------------------------ */

static void a_repeat_gets_no_result(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    process_all(fixture);
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    decide_all(fixture);
    assert_int_equal(fixture->batch.outgoing_count, 0);
    assert_string_equal(results_text(fixture), "c1/r1 ELIGIBLE v2 0 accounts\n");
}

static void a_reused_id_is_a_dead_letter(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "t");
    decide_all(fixture);
    assert_int_equal(fixture->batch.outgoing_count, 2);
    assert_int_equal(outgoing_of(fixture, 1)->topic, PL_TOPIC_REQUESTS_DLQ);
    assert_text(outgoing_header(outgoing_of(fixture, 1), "planlift-error-code"),
                "request_id_reused");
}

static void the_memory_holds_sixty_four(void **state)
{
    struct fixture *fixture = *state;
    int answers = 0;

    fixture->run.batch_limit = 1000;
    for (int i = 0; i < 65; i++) {
        (void)send_request(fixture, "c1", numbered(fixture, "r", i), PL_OPERATION_CHECK, "s");
    }
    process_all(fixture);
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s"); /* the oldest remembered */
    (void)send_request(fixture, "c1", "r0", PL_OPERATION_CHECK, "s"); /* forgotten: new */
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s"); /* forgotten now */
    process_all(fixture);
    for (const char *line = results_text(fixture); *line != '\0'; answers++) {
        line = strchr(line, '\n') + 1;
    }
    assert_int_equal(answers, 65 + 2);
    assert_cache_is_current(fixture, 1);
}

static void an_erasure_forgets_the_answered_requests(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    process_all(fixture);
    (void)send_erasure(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "t");
    process_all(fixture);
    assert_string_equal(results_text(fixture),
                        "c1/r1 NOT_ELIGIBLE subscription_not_found v0 0 accounts\n"
                        "c1/r1 NOT_ELIGIBLE subscription_not_found v0 0 accounts\n");
    assert_string_equal(dead_letters_text(fixture), "");
    assert_cache_is_current(fixture, 1);
}

/* ---- where things go ------------------------------------------------------------------------- */

static void a_result_goes_where_its_request_was(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c2", "r1", PL_OPERATION_CHECK, "s");
    decide_all(fixture);
    assert_int_equal(outgoing_of(fixture, 0)->partition, 1);
    assert_int_equal(outgoing_of(fixture, 1)->partition, 0);
    assert_text(outgoing_of(fixture, 0)->key, "c1");
    assert_text(outgoing_header(outgoing_of(fixture, 0), "planlift-source"), "requests/1/0");
    assert_text(outgoing_header(outgoing_of(fixture, 1), "planlift-source"), "requests/0/0");
}

static void a_trace_goes_along(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_header headers[] = {
        {PL_BYTES_LITERAL("x"), PL_BYTES_LITERAL("other")},
        {PL_BYTES_LITERAL("traceparent"), PL_BYTES_LITERAL("00-1")},
        {PL_BYTES_LITERAL("tracestate"), PL_BYTES_LITERAL("a=\xff")},
    };
    struct pl_fake_entry *entry;

    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    entry = pl_fake_log(&fixture->world.broker, PL_TOPIC_REQUESTS, 1)->entries[0];
    entry->headers = headers;
    entry->header_count = 3;
    decide_all(fixture);
    assert_text(outgoing_header(outgoing_of(fixture, 0), "traceparent"), "00-1");
    assert_text(outgoing_header(outgoing_of(fixture, 0), "tracestate"), "a=\xff");
    assert_null(outgoing_header(outgoing_of(fixture, 0), "x").data);
}

/* Byte for byte, with its own headers, to the source partition modulo the DLQ's count. */
static void a_dead_letter_is_its_record(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_header header = {PL_BYTES_LITERAL("x"), PL_BYTES_LITERAL("its own")};
    struct pl_fake_entry *entry;
    const struct pl_outgoing *outgoing;

    (void)send_to(fixture, PL_TOPIC_EVENTS, 1, PL_BYTES_LITERAL("k\0"), PL_BYTES_LITERAL("no\0"));
    (void)send_to(fixture, PL_TOPIC_REQUESTS, 1, PL_NULL_BYTES, PL_NULL_BYTES);
    entry = pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 1)->entries[0];
    entry->headers = &header;
    entry->header_count = 1;
    decide_all(fixture);
    outgoing = outgoing_of(fixture, 0);
    assert_int_equal(outgoing->topic, PL_TOPIC_EVENTS_DLQ);
    assert_int_equal(outgoing->partition, 0);
    assert_true(outgoing->is_view);
    assert_bytes(outgoing->key, PL_BYTES_LITERAL("k\0"));
    assert_bytes(outgoing->value, PL_BYTES_LITERAL("no\0"));
    assert_text(outgoing_header(outgoing, "x"), "its own");
    assert_text(outgoing_header(outgoing, "planlift-error-code"), "malformed");
    assert_text(outgoing_header(outgoing, "planlift-partition"), "1");
    outgoing = outgoing_of(fixture, 1);
    assert_int_equal(outgoing->topic, PL_TOPIC_REQUESTS_DLQ);
    assert_null(outgoing->key.data);
    assert_null(outgoing->value.data);
}

static void a_large_result_goes_in_parts(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.result_max_accounts = 3;
    send_customer(fixture, "c1");
    for (int user = 0; user < 7; user++) {
        (void)send_licence(fixture, "c1", "s", numbered(fixture, "u", user), "name");
    }
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_UPGRADE, "s");
    decide_all(fixture);
    assert_int_equal(fixture->batch.outgoing_count, 3);
    assert_text(outgoing_header(outgoing_of(fixture, 2), "ce_id"), "r1/3");
    assert_int_equal(decode_outgoing(fixture, 1).affected_account_count, 3);
    assert_int_equal(decode_outgoing(fixture, 2).affected_account_count, 1);
}

/* ---- positions and state --------------------------------------------------------------------- */

/* I4: behind the last record handled, of each input, whatever became of it. */
static void positions_are_behind_what_was_handled(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_licence(fixture, "c1", "s", "", "a dead letter");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s"); /* a repeat */
    decide_all(fixture);
    assert_int_equal(part_of(fixture, 1)->progress.next[PL_TOPIC_EVENTS], 3);
    assert_int_equal(part_of(fixture, 1)->progress.next[PL_TOPIC_REQUESTS], 2);
    assert_null(part_of(fixture, 0));
    /* Nothing counts before the commit. */
    assert_int_equal(fixture->run.partitions[1].progress.next[PL_TOPIC_EVENTS], 0);
}

static void only_changed_customers_are_encoded(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    send_customer(fixture, "c3");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    process_all(fixture);
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s"); /* changes nothing */
    (void)send_grant(fixture, "c3");
    encode_all(fixture);
    assert_int_equal(part_of(fixture, 1)->changes.count, 1);
    assert_text(part_of(fixture, 1)->changes.items[0].field, "h/c3");
    assert_int_equal(part_of(fixture, 1)->progress.pieces, 3);
}

static void pieces_are_counted(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_licence(fixture, "c1", "s", "u", "name");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    encode_all(fixture);
    assert_int_equal(part_of(fixture, 1)->progress.pieces, 3); /* head, chunk, answered */
    assert_ok(fixture, pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error));
    pl_inbox_drop(&fixture->run, fixture->batch.count);
    assert_ok(fixture, pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error));
    (void)send_erasure(fixture, "c1");
    encode_all(fixture);
    assert_int_equal(part_of(fixture, 1)->progress.pieces, 0);
    assert_int_equal(part_of(fixture, 1)->changes.count, 3);
}

/* ---- what ends a batch early ----------------------------------------------------------------- */

static void a_result_that_is_too_large_names_its_record(void **state)
{
    struct fixture *fixture = *state;

    send_customer(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_request(fixture, "c1", "r2", PL_OPERATION_CHECK, "s");
    load_all(fixture);
    fixture->world.broker.message_limits[PL_TOPIC_RESULTS] = 100;
    assert_int_equal(pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error), PL_BAD_DATA);
    assert_int_equal(fixture->batch.count, 3);
}

static void headers_that_cannot_be_read_stop_the_batch(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_HEADERS, .status = PL_AGAIN});
    for (int is_letter = 0; is_letter < 2; is_letter++) {
        if (is_letter != 0) {
            (void)send_licence(fixture, "c1", "s", "", "a dead letter");
        } else {
            (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
        }
        load_all(fixture);
        assert_int_equal(pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error),
                         PL_AGAIN);
        assert_string_equal(fixture->error.text, "the headers of a record cannot be read");
        pl_inbox_drop(&fixture->run, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUN(records_of_one_customer_are_taken_in_order),
        WITH_RUN(a_result_shows_the_customer_as_it_was),
        WITH_RUN(customers_do_not_touch_each_other),
        WITH_RUN(a_customer_in_two_partitions_is_two),
        WITH_RUN(a_repeat_gets_no_result),
        WITH_RUN(a_reused_id_is_a_dead_letter),
        WITH_RUN(the_memory_holds_sixty_four),
        WITH_RUN(an_erasure_forgets_the_answered_requests),
        WITH_RUN(a_result_goes_where_its_request_was),
        WITH_RUN(a_trace_goes_along),
        WITH_RUN(a_dead_letter_is_its_record),
        WITH_RUN(a_large_result_goes_in_parts),
        WITH_RUN(positions_are_behind_what_was_handled),
        WITH_RUN(only_changed_customers_are_encoded),
        WITH_RUN(pieces_are_counted),
        WITH_RUN(a_result_that_is_too_large_names_its_record),
        WITH_RUN(headers_that_cannot_be_read_stop_the_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
