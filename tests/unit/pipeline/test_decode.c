/* Unit tests of pipeline/decode.c: records to items, and the dead letters it makes itself. That
 * what the decoder refuses is refused is wire/decoder.c's. */
#include "outcome.h"

/* Decode what was sent last; it is the only one. */
static const struct pl_item *decode_one(struct fixture *fixture)
{
    decode_all(fixture);
    assert_int_equal(fixture->batch.count, 1);
    return &fixture->batch.items[0];
}

static void assert_refused(const struct pl_item *item, enum pl_dead_letter code, const char *text)
{
    assert_int_equal(item->kind, PL_ITEM_DEAD);
    assert_string_equal(pl_dead_letter_names[item->refusal->code], pl_dead_letter_names[code]);
    assert_non_null(strstr(item->refusal->message, text));
}

static int set_up_run(void **state)
{
    struct fixture *fixture = open_fixture();

    open_restored_run(fixture);
    *state = fixture;
    return 0;
}

#define WITH_RUN(test) cmocka_unit_test_setup_teardown((test), set_up_run, tear_down)

/* A licence of c1 in an event that says so, to another place. */
static void send_elsewhere(struct fixture *fixture, int32_t partition, struct pl_bytes key)
{
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 1);

    (void)send_licence(fixture, "c1", "s", "u", "name");
    (void)send_to(fixture, PL_TOPIC_EVENTS, partition, key, log->entries[log->end - 1]->value);
    log->entries[log->end - (partition == 1 ? 2 : 1)]->is_gone = true; /* the one in its place */
}

/* ---- items ----------------------------------------------------------------------------------- */

static void events_and_requests_become_items(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_item *items;

    (void)send_licence(fixture, "c1", "s", "u1", "name");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_ADD_LICENSES, "s");
    decode_all(fixture);
    items = fixture->batch.items;
    assert_int_equal(fixture->batch.count, 2);
    assert_int_equal(items[0].kind, PL_ITEM_EVENT);
    assert_int_equal(items[0].event.kind, PL_EVENT_LICENSE_ASSIGNED);
    assert_text(items[0].event.change.license_assigned.user_id, "u1");
    assert_int_equal(items[1].kind, PL_ITEM_REQUEST);
    assert_text(items[1].request.request_id, "r1");
    assert_ptr_equal(items[1].record, &fixture->run.inbox.records[1]);
}

static void no_more_than_the_limit_are_taken(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 5; i++) {
        (void)send_grant(fixture, "c1");
    }
    fixture->run.batch_limit = 3;
    decode_all(fixture);
    assert_int_equal(fixture->batch.count, 3);
    assert_int_equal(fixture->run.inbox.count, 5);
}

/* I13: a legal record may list so many names that it takes many times its size in memory. */
static void a_batch_is_cut_where_its_records_take_much_memory(void **state)
{
    enum { NAMES = 300000 };
    struct fixture *fixture = *state;
    struct pl_bytes *names = calloc(NAMES, sizeof(*names));
    struct pl_event event = {.customer_id = PL_BYTES_LITERAL("c1"),
                             .kind = PL_EVENT_DELEGATED_ADMIN_CHANGED,
                             .change.delegated_admin_changed = {
                                 .partner_id = PL_BYTES_LITERAL(PARTNER), .granted = true}};

    assert_non_null(names);
    for (int i = 0; i < NAMES; i++) {
        names[i] = pl_arena_format(&fixture->arena, "%06d", i);
    }
    event.change.delegated_admin_changed.service_families.items = names;
    event.change.delegated_admin_changed.service_families.count = NAMES;
    for (int i = 0; i < 5; i++) {
        (void)send_event(fixture, &event);
    }
    decode_all(fixture);
    assert_in_range(fixture->batch.count, 1, 3);
    assert_int_equal(fixture->run.inbox.count, 5);
    free(names);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void a_value_that_cannot_be_read(void **state)
{
    struct fixture *fixture = *state;

    (void)send_to(fixture, PL_TOPIC_EVENTS, 1, PL_BYTES_LITERAL("c1"), PL_NULL_BYTES);
    assert_refused(decode_one(fixture), PL_DEAD_LETTER_NULL_VALUE, "");
}

/* Contract 7: the value is looked at before the key. */
static void a_value_that_cannot_be_read_under_a_wrong_key(void **state)
{
    struct fixture *fixture = *state;

    (void)send_to(fixture, PL_TOPIC_REQUESTS, 1, PL_NULL_BYTES, PL_BYTES_LITERAL("x"));
    assert_refused(decode_one(fixture), PL_DEAD_LETTER_MALFORMED, "");
}

static void a_key_that_is_null(void **state)
{
    send_elsewhere(*state, 1, PL_NULL_BYTES);
    assert_refused(decode_one(*state), PL_DEAD_LETTER_KEY_MISMATCH, "is null");
}

static void a_key_that_is_empty(void **state)
{
    send_elsewhere(*state, 1, PL_BYTES_LITERAL(""));
    assert_refused(decode_one(*state), PL_DEAD_LETTER_KEY_MISMATCH, "is empty");
}

static void a_key_of_another_customer(void **state)
{
    static const char *const keys[] = {"c2", "c", "c11", "C1"};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct fixture *fixture = open_fixture();

        open_restored_run(fixture);
        send_elsewhere(fixture, 1, pl_bytes_of(keys[i]));
        assert_refused(decode_one(fixture), PL_DEAD_LETTER_KEY_MISMATCH, "is not the customerId");
        close_fixture(fixture);
    }
}

static void a_record_in_the_wrong_partition(void **state)
{
    send_elsewhere(*state, 0, PL_BYTES_LITERAL("c1"));
    assert_refused(decode_one(*state), PL_DEAD_LETTER_WRONG_PARTITION,
                   "the key belongs in partition 1, the record is in 0");
}

/* Contract 2, partitioner none. */
static void any_partition_is_right_without_a_partitioner(void **state)
{
    struct fixture *fixture = *state;

    fixture->world.has_any_partitioner = true;
    send_elsewhere(fixture, 0, PL_BYTES_LITERAL("c1"));
    assert_int_equal(decode_one(fixture)->kind, PL_ITEM_EVENT);
}

static void an_event_that_is_not_well_formed(void **state)
{
    struct fixture *fixture = *state;

    (void)send_licence(fixture, "c1", "", "u", "name");
    assert_refused(decode_one(fixture), PL_DEAD_LETTER_INVALID_EVENT,
                   "subscriptionId must not be empty");
}

/* Contract 7: the place is looked at before the event's own fields. */
static void an_invalid_event_in_the_wrong_partition(void **state)
{
    struct fixture *fixture = *state;
    struct pl_fake_log *log = pl_fake_log(&fixture->world.broker, PL_TOPIC_EVENTS, 1);

    (void)send_licence(fixture, "c1", "", "u", "name");
    (void)send_to(fixture, PL_TOPIC_EVENTS, 0, PL_BYTES_LITERAL("c1"), log->entries[0]->value);
    log->entries[0]->is_gone = true;
    assert_refused(decode_one(fixture), PL_DEAD_LETTER_WRONG_PARTITION, "");
}

/* A request is never invalid in shape: it is answered with error 0 (contract 6). */
static void a_request_with_empty_fields_is_a_request(void **state)
{
    struct fixture *fixture = *state;

    (void)send_request(fixture, "c1", "", PL_OPERATION_CHECK, "");
    assert_int_equal(decode_one(fixture)->kind, PL_ITEM_REQUEST);
}

/* ---- poison (I9) ----------------------------------------------------------------------------- */

static void the_record_that_was_found_is_refused(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++) {
        (void)send_grant(fixture, "c1");
        (void)send_request(fixture, "c1", numbered(fixture, "r", i), PL_OPERATION_CHECK, "s");
    }
    fixture->run.poison = (struct pl_poison){2, PL_TOPIC_REQUESTS, 1, 1};
    decode_all(fixture);
    for (size_t i = 0; i < 6; i++) {
        const struct pl_item *item = &fixture->batch.items[i];

        assert_int_equal(item->kind == PL_ITEM_DEAD,
                         item->record->topic == PL_TOPIC_REQUESTS && item->record->offset == 1);
    }
    assert_refused(&fixture->batch.items[3], PL_DEAD_LETTER_UNPROCESSABLE, "nothing was changed");
}

static void a_dead_letter_keeps_its_own_reason(void **state)
{
    struct fixture *fixture = *state;

    (void)send_licence(fixture, "c1", "s", "", "name");
    fixture->run.poison = (struct pl_poison){2, PL_TOPIC_EVENTS, 1, 0};
    assert_refused(decode_one(fixture), PL_DEAD_LETTER_INVALID_EVENT, "userId");
}

/* ---- schemas that cannot be fetched ---------------------------------------------------------- */

static void what_cannot_be_read_now_waits(void **state)
{
    struct fixture *fixture = *state;

    (void)send_grant(fixture, "c1");
    fixture->parts->source.failure = PL_AGAIN;
    fill_inbox(fixture);
    assert_int_equal(pl_decode_batch(&fixture->run, &fixture->batch, &fixture->error), PL_AGAIN);
    fixture->parts->source.failure = PL_OK;
    assert_int_equal(pl_decode_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_int_equal(fixture->batch.items[0].kind, PL_ITEM_EVENT);
}

static void what_came_before_goes_on(void **state)
{
    struct fixture *fixture = *state;

    (void)send_grant(fixture, "c1");
    decode_all(fixture); /* the events' schema is known now */
    pl_inbox_drop(&fixture->run, 1);
    (void)send_grant(fixture, "c1");
    (void)send_grant(fixture, "c1");
    (void)send_request(fixture, "c1", "r1", PL_OPERATION_CHECK, "s");
    (void)send_grant(fixture, "c1");
    fixture->parts->source.failure = PL_AGAIN;
    decode_all(fixture);
    assert_int_equal(fixture->batch.count, 2); /* order is kept: nothing overtakes the request */
}

/* A clock that goes on by two seconds whenever it is looked at. */
static int64_t slow_monotonic_ms(void *self)
{
    struct pl_fake_process *process = self;

    return process->world->monotonic_ms += 2000;
}

static void send_of_schema(struct fixture *fixture, char id)
{
    const char value[] = {0, 0, 0, 1, id};

    (void)send_to(fixture, PL_TOPIC_EVENTS, 1, PL_BYTES_LITERAL("c1"),
                  (struct pl_bytes){value, sizeof(value)});
}

/* Five seconds of asking for schemas are enough for a batch; the third question is past them. What
 * needs no question takes none of the time. */
static void a_batch_is_cut_where_schemas_take_long(void **state)
{
    struct fixture *fixture = *state;
    struct pl_world_ops slow = *fixture->options.world.ops;

    for (char id = 1; id <= 5; id++) {
        send_of_schema(fixture, id);
        send_of_schema(fixture, id);
    }
    fill_inbox(fixture);
    slow.monotonic_ms = slow_monotonic_ms;
    fixture->options.world.ops = &slow;
    assert_int_equal(pl_decode_batch(&fixture->run, &fixture->batch, &fixture->error), PL_OK);
    assert_int_equal(fixture->batch.count, 5);
    assert_refused(&fixture->batch.items[4], PL_DEAD_LETTER_UNKNOWN_SCHEMA, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUN(events_and_requests_become_items),
        WITH_RUN(no_more_than_the_limit_are_taken),
        WITH_RUN(a_batch_is_cut_where_its_records_take_much_memory),
        WITH_RUN(a_value_that_cannot_be_read),
        WITH_RUN(a_value_that_cannot_be_read_under_a_wrong_key),
        WITH_RUN(a_key_that_is_null),
        WITH_RUN(a_key_that_is_empty),
        cmocka_unit_test(a_key_of_another_customer),
        WITH_RUN(a_record_in_the_wrong_partition),
        WITH_RUN(any_partition_is_right_without_a_partitioner),
        WITH_RUN(an_event_that_is_not_well_formed),
        WITH_RUN(an_invalid_event_in_the_wrong_partition),
        WITH_RUN(a_request_with_empty_fields_is_a_request),
        WITH_RUN(the_record_that_was_found_is_refused),
        WITH_RUN(a_dead_letter_keeps_its_own_reason),
        WITH_RUN(what_cannot_be_read_now_waits),
        WITH_RUN(what_came_before_goes_on),
        WITH_RUN(a_batch_is_cut_where_schemas_take_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
