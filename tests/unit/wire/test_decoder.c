/* Unit tests of wire/decoder.c. */
#include "avro_fixture.h"

struct fixture {
    struct pl_arena schemas; /* lives as long as the source */
    struct pl_arena arena;
    struct schema_source source;
    struct pl_decoder *decoder;
    struct pl_buffer value;
    struct pl_event event;
    struct pl_request request;
    struct pl_refusal refusal;
    struct pl_error error;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    init_source(&fixture.source, &fixture.schemas);
    fixture.decoder = new_decoder(&fixture.source, &fixture.schemas);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pl_decoder_free(fixture->decoder);
    pl_arena_done(&fixture->schemas);
    pl_arena_done(&fixture->arena);
    pl_buffer_done(&fixture->value);
    return 0;
}

/* Decoded from a copy of exactly its size, so that a sanitizer sees a byte read too much. */
static enum pl_status decode_event(struct fixture *fixture, struct pl_bytes value)
{
    struct pl_bytes copy = pl_arena_copy(&fixture->arena, value);

    return pl_decode_event(fixture->decoder, copy, &fixture->arena, &fixture->event,
                           &fixture->refusal, &fixture->error);
}

static enum pl_status decode_request(struct fixture *fixture, struct pl_bytes value)
{
    struct pl_bytes copy = pl_arena_copy(&fixture->arena, value);

    return pl_decode_request(fixture->decoder, copy, &fixture->arena, &fixture->request,
                             &fixture->refusal, &fixture->error);
}

static void expect_refusal(struct fixture *fixture, struct pl_bytes value, enum pl_dead_letter code)
{
    assert_int_equal(decode_event(fixture, value), PL_BAD_DATA);
    assert_string_equal(pl_dead_letter_names[fixture->refusal.code], pl_dead_letter_names[code]);
    assert_true(strlen(fixture->refusal.message) > 0);
}

#define REFUSED(value, code) expect_refusal(fixture, PL_BYTES_LITERAL(value), PL_DEAD_LETTER_##code)

static void add(struct fixture *fixture, uint32_t id, const char *schema)
{
    add_schema(&fixture->source, id, quoted(schema, &fixture->schemas));
}

/* ---- the reasons, in order ------------------------------------------------------------------- */

static void values_without_a_frame_are_refused(void **state)
{
    struct fixture *fixture = *state;

    expect_refusal(fixture, PL_NULL_BYTES, PL_DEAD_LETTER_NULL_VALUE);
    REFUSED("", MALFORMED);
    REFUSED("\0\0\0\0", MALFORMED);
    REFUSED("\1\0\0\0\1", MALFORMED);
    REFUSED("{\"json\": 1}", MALFORMED);
    assert_int_equal(fixture->source.fetch_count, 0);
}

static void ids_are_asked_for_until_they_are_known(void **state)
{
    struct fixture *fixture = *state;

    REFUSED("\0\0\0\0\x09", UNKNOWN_SCHEMA);
    assert_string_equal(fixture->refusal.message, "no schema has the id 9");
    REFUSED("\0\0\0\0\x09", UNKNOWN_SCHEMA);
    REFUSED("\0\xff\xff\xff\xff", UNKNOWN_SCHEMA);
    assert_string_equal(fixture->refusal.message, "no schema has the id 4294967295");
    assert_int_equal(fixture->source.fetch_count, 2);
    assert_int_equal(pl_decoder_asked(fixture->decoder), 2);
    add(fixture, 9, "'string'");
    REFUSED("\0\0\0\0\x09", UNKNOWN_SCHEMA); /* not asked for anew */
    pl_decoder_ask_anew(fixture->decoder);
    assert_int_equal(pl_decoder_asked(fixture->decoder), 0);
    REFUSED("\0\0\0\0\x09", INCOMPATIBLE_SCHEMA);
    REFUSED("\0\0\0\0\x09", INCOMPATIBLE_SCHEMA);
    assert_int_equal(fixture->source.fetch_count, 3);
}

static void what_is_no_avro_schema_is_incompatible(void **state)
{
    struct fixture *fixture = *state;

    fixture->source.failure = PL_BAD_DATA;
    REFUSED("\0\0\0\0\x09", INCOMPATIBLE_SCHEMA);
    assert_string_equal(fixture->refusal.message, "schema 9: not now");
    fixture->source.failure = PL_OK;
    REFUSED("\0\0\0\0\x09", INCOMPATIBLE_SCHEMA); /* for ever */
    assert_int_equal(fixture->source.fetch_count, 1);
}

static void schemas_are_learnt_ahead(void **state)
{
    struct fixture *fixture = *state;
    struct pl_error *error = &fixture->error;

    add(fixture, 9, "'string'");
    assert_int_equal(pl_decoder_learn(fixture->decoder, PL_TOPIC_EVENTS, 1, error), PL_OK);
    assert_int_equal(pl_decoder_learn(fixture->decoder, PL_TOPIC_REQUESTS, 1, error), PL_BAD_DATA);
    assert_int_equal(pl_decoder_learn(fixture->decoder, PL_TOPIC_RESULTS, 3, error), PL_OK);
    assert_int_equal(pl_decoder_learn(fixture->decoder, PL_TOPIC_EVENTS, 9, error), PL_BAD_DATA);
    assert_non_null(strstr(error->text, "string"));
    assert_int_equal(pl_decoder_learn(fixture->decoder, PL_TOPIC_EVENTS, 8, error), PL_NOT_FOUND);
    fixture->source.failure = PL_AGAIN;
    put_license_assigned(&fixture->value);
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
}

static void a_source_that_is_away_is_no_refusal(void **state)
{
    struct fixture *fixture = *state;

    put_license_assigned(&fixture->value);
    fixture->source.failure = PL_AGAIN;
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_AGAIN);
    assert_string_equal(fixture->error.text, "not now");
    fixture->source.failure = PL_OK;
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
    fixture->source.failure = PL_AGAIN;
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
    assert_int_equal(fixture->source.fetch_count, 2);
}

static void unusable_schemas_are_incompatible(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 10, "no schema at all");
    add(fixture, 11,
        "{'type': 'record', 'name': 'SubscriptionEvent', 'namespace': 'planlift', 'fields': ["
        "{'name': 'next', 'type': ['null', 'SubscriptionEvent']}]}");
    add(fixture, 12, "{'type': 'record', 'name': 'Other', 'fields': []}");
    for (unsigned times = 0; times < 2; times++) {
        REFUSED("\0\0\0\0\x0a", INCOMPATIBLE_SCHEMA);
        assert_non_null(strstr(fixture->refusal.message, "schema 10: not JSON"));
        REFUSED("\0\0\0\0\x0b", INCOMPATIBLE_SCHEMA);
        assert_non_null(strstr(fixture->refusal.message, "contains itself"));
        REFUSED("\0\0\0\0\x0c", INCOMPATIBLE_SCHEMA);
        assert_non_null(strstr(fixture->refusal.message,
                               "record Other cannot be read as record SubscriptionEvent"));
        REFUSED("\0\0\0\0\x02", INCOMPATIBLE_SCHEMA);
        REFUSED("\0\0\0\0\x03", INCOMPATIBLE_SCHEMA);
    }
    assert_int_equal(fixture->source.fetch_count, 5);
}

static void too_large_a_schema_is_incompatible(void **state)
{
    struct fixture *fixture = *state;
    char *text = pl_arena_alloc(&fixture->schemas, PL_SCHEMA_MAX_BYTES + 1);
    struct pl_bytes own = fixture->source.items[0].json;

    memset(text, ' ', PL_SCHEMA_MAX_BYTES + 1);
    memcpy(text, own.data, own.len);
    add_schema(&fixture->source, 10, (struct pl_bytes){text, PL_SCHEMA_MAX_BYTES + 1});
    add_schema(&fixture->source, 11, (struct pl_bytes){text, PL_SCHEMA_MAX_BYTES});
    put_license_assigned(&fixture->value);
    fixture->value.data[4] = 10;
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_BAD_DATA);
    assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    fixture->value.data[4] = 11;
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
}

/* A request that has one more operation, and a boolean after it. */
#define NEWER_REQUEST                                                                              \
    "{'type': 'record', 'name': 'UpgradeRequest', 'namespace': 'planlift', 'fields': ["            \
    "{'name': 'operation', 'type': {'type': 'enum', 'name': 'Operation',"                          \
    " 'symbols': ['CANCEL', 'UPGRADE', 'CHECK']}},"                                                \
    "{'name': 'requestId', 'type': 'string'}, {'name': 'customerId', 'type': 'string'},"           \
    "{'name': 'partnerId', 'type': 'string'}, {'name': 'subscriptionId', 'type': 'string'},"       \
    "{'name': 'expectedVersion', 'type': ['int', 'null']},"                                        \
    "{'name': 'requestedBy', 'type': {'type': 'record', 'name': 'Requester', 'fields': ["          \
    "  {'name': 'role', 'type': 'string'}, {'name': 'userId', 'type': 'string'}]}},"               \
    "{'name': 'requestedAt', 'type': 'int'}, {'name': 'isUrgent', 'type': 'boolean'}]}"

static void bytes_come_before_symbols(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 10, NEWER_REQUEST);
    /* CANCEL is unknown here, but 2 is no boolean anywhere. */
    assert_int_equal(
        decode_request(fixture, PL_BYTES_LITERAL("\0\0\0\0\x0a\0\2r\2c\2p\2s\2\2g\2u\0\2")),
        PL_BAD_DATA);
    assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_MALFORMED);
    assert_int_equal(
        decode_request(fixture, PL_BYTES_LITERAL("\0\0\0\0\x0a\0\2r\2c\2p\2s\2\2g\2u\0\1")),
        PL_BAD_DATA);
    assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    assert_string_equal(fixture->refusal.message,
                        "enum Operation: symbol CANCEL is unknown and has no default");
}

static void another_schema_is_resolved(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_request *request = &fixture->request;

    add(fixture, 10, NEWER_REQUEST);
    for (unsigned times = 0; times < 2; times++) {
        assert_int_equal(
            decode_request(fixture, PL_BYTES_LITERAL("\0\0\0\0\x0a\2\2r\2c\2p\2s\0\x0d\2g\2u\3\1")),
            PL_OK);
        assert_text(request->request_id, "r");
        assert_null(request->order_id.data);
        assert_text(request->customer_id, "c");
        assert_text(request->partner_id, "p");
        assert_text(request->subscription_id, "s");
        assert_int_equal(request->operation, PL_OPERATION_UPGRADE);
        assert_null(request->target_offer_id.data);
        assert_false(request->quantity.is_set);
        assert_true(request->expected_version.is_set);
        assert_int_equal(request->expected_version.value, -7);
        assert_false(request->require_license_transfer);
        assert_text(request->requested_by_user_id, "u");
        assert_text(request->requested_by_role, "g");
        assert_int_equal(request->requested_at_ms, -2);
    }
    assert_int_equal(fixture->source.fetch_count, 1);
}

/* An id is known by its number alone; what it is good for depends on the topic. */
static void an_id_may_serve_both_inputs(void **state)
{
    struct fixture *fixture = *state;

    put_request(&fixture->value);
    assert_int_equal(decode_request(fixture, since_start(&fixture->value)), PL_OK);
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_BAD_DATA);
    assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    assert_int_equal(decode_request(fixture, since_start(&fixture->value)), PL_OK);
    assert_int_equal(fixture->source.fetch_count, 1);
}

static void many_ids_are_kept_apart(void **state)
{
    struct fixture *fixture = *state;

    for (uint32_t i = 0; i < 25; i++) {
        uint32_t id = (i * 7919 + 13) % 1009; /* in no order */

        add_schema(&fixture->source, id, fixture->source.items[0].json);
    }
    put_license_assigned(&fixture->value);
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 3; i < fixture->source.count; i++) {
            uint32_t id = fixture->source.items[i].id;

            fixture->value.data[3] = (char)(id >> 8);
            fixture->value.data[4] = (char)(id & 0xff);
            assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
        }
    }
    assert_int_equal(fixture->source.fetch_count, 25);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Every cut, every bit changed, a byte too many: refused as malformed, or another record; never
 * more, which the sanitizers watch. */
static void damage(struct fixture *fixture,
                   enum pl_status (*decode)(struct fixture *fixture, struct pl_bytes value))
{
    struct pl_bytes whole = since_start(&fixture->value);
    char *copy;

    assert_int_equal(decode(fixture, whole), PL_OK);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_equal(decode(fixture, (struct pl_bytes){whole.data, len}), PL_BAD_DATA);
        assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_MALFORMED);
    }
    copy = pl_arena_alloc(&fixture->schemas, whole.len + 1);
    memcpy(copy, whole.data, whole.len);
    copy[whole.len] = 0;
    assert_int_equal(decode(fixture, (struct pl_bytes){copy, whole.len + 1}), PL_BAD_DATA);
    assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_MALFORMED);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        enum pl_status status;

        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        status = decode(fixture, (struct pl_bytes){copy, whole.len});
        assert_true(status == PL_OK || status == PL_BAD_DATA);
        if (status == PL_BAD_DATA && bit >= (size_t)PL_FRAME_BYTES * 8) {
            assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_MALFORMED);
        }
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        pl_arena_reset(&fixture->arena);
    }
    assert_int_equal(decode(fixture, whole), PL_OK);
}

static void damaged_events_are_survived(void **state)
{
    struct fixture *fixture = *state;

    put_license_assigned(&fixture->value);
    damage(fixture, decode_event);
}

static void damaged_requests_are_survived(void **state)
{
    struct fixture *fixture = *state;

    put_request(&fixture->value);
    damage(fixture, decode_request);
}

/* The same by way of another schema, so that what is rewritten is damaged. */
static void damaged_requests_of_another_schema_are_survived(void **state)
{
    struct fixture *fixture = *state;
    struct pl_bytes value = PL_BYTES_LITERAL("\0\0\0\0\x0a\2\2r\2c\2p\2s\0\x0d\2g\2u\3\1");

    add(fixture, 10, NEWER_REQUEST);
    for (size_t bit = (size_t)PL_FRAME_BYTES * 8; bit < value.len * 8; bit++) {
        enum pl_status status;

        fixture->value.len = 0;
        pl_buffer_put(&fixture->value, value.data, value.len);
        fixture->value.data[bit / 8] = (char)(fixture->value.data[bit / 8] ^ 1 << bit % 8);
        status = decode_request(fixture, since_start(&fixture->value));
        assert_true(status == PL_OK || status == PL_BAD_DATA);
    }
}

/* A string of a gigabyte that is not there, a list of a billion items: refused at once. */
static void bombs_are_refused(void **state)
{
    struct fixture *fixture = *state;

    REFUSED("\0\0\0\0\1\x80\x80\x80\x80\x08", MALFORMED);
    REFUSED("\0\0\0\0\1\0\0\0\6\0\0\xfe\xff\xff\xff\x0f", MALFORMED);
    REFUSED("\0\0\0\0\1\0\0\0\6\0\0\xff\xff\xff\xff\x0f\0", MALFORMED);
}

/* Names of a letter or none, as many as a record may hold: a view for each that is not a repeat of
 * the one before. Returns what it took of the arena. */
static size_t decode_names(struct fixture *fixture, size_t count, const char *even, const char *odd)
{
    pl_arena_reset(&fixture->arena);
    fixture->value.len = 0;
    pl_put_frame(&fixture->value, EVENT_ID);
    put_text(&fixture->value, "e");
    put_text(&fixture->value, "c");
    pl_put_long(&fixture->value, 0);
    pl_put_long(&fixture->value, PL_EVENT_DELEGATED_ADMIN_CHANGED);
    put_text(&fixture->value, "p");
    pl_put_boolean(&fixture->value, true);
    pl_put_array_start(&fixture->value, count);
    for (size_t i = 0; i < count; i++) {
        put_text(&fixture->value, i % 2 == 0 ? even : odd);
    }
    pl_put_array_end(&fixture->value);
    assert_int_equal(decode_event(fixture, since_start(&fixture->value)), PL_OK);
    return fixture->arena.used_bytes - 2 * fixture->value.len; /* the test's copy, and its own */
}

static void long_lists_take_a_view_for_each_name(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_delegated_admin_changed *grant = &fixture->event.change.delegated_admin_changed;
    size_t taken;

    (void)decode_names(fixture, 1, "", ""); /* the schema is known from then on */
    taken = decode_names(fixture, 1000000, "", "");
    assert_int_equal(grant->service_families.count, 1);
    assert_true(taken < 1024);
    taken = decode_names(fixture, 500000, "a", "b");
    assert_int_equal(grant->service_families.count, 500000);
    assert_true(taken < 500000 * sizeof(struct pl_bytes) + 1024);
}

/* As many as a topic may hold: nothing is kept of any. */
static void unknown_ids_cost_nothing(void **state)
{
    struct fixture *fixture = *state;
    size_t before = fixture->arena.used_bytes;

    for (uint32_t id = 1000; id < 101000; id++) {
        fixture->value.len = 0;
        pl_put_frame(&fixture->value, id);
        assert_int_equal(pl_decode_event(fixture->decoder, since_start(&fixture->value),
                                         &fixture->arena, &fixture->event, &fixture->refusal,
                                         &fixture->error),
                         PL_BAD_DATA);
        assert_int_equal(fixture->refusal.code, PL_DEAD_LETTER_UNKNOWN_SCHEMA);
    }
    assert_int_equal(fixture->arena.used_bytes, before);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void own_schemas_are_looked_at(void **state)
{
    struct fixture *fixture = *state;
    struct pl_own_schemas schemas = load_own_schemas(&fixture->schemas);
    struct pl_own_schemas others[] = {schemas, schemas, schemas};

    others[0].event_json = schemas.request_json;
    others[1].request_json = PL_BYTES_LITERAL("{}");
    others[2].result_json = schemas.event_json;
    for (size_t i = 0; i < 3; i++) {
        struct pl_decoder *decoder = NULL;

        assert_int_equal(
            pl_decoder_new(&others[i], &fixture->source.port, &fixture->error, &decoder),
            PL_BAD_DATA);
        assert_null(decoder);
        assert_non_null(strstr(fixture->error.text, "schema of "));
    }
    pl_decoder_free(NULL);
}

/* A large rewritten body between small ones. */
static void a_large_record_of_another_schema_is_read(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 10, NEWER_REQUEST);
    for (size_t len = 10; len <= 1000000; len *= 10) {
        char *text = pl_arena_zalloc(&fixture->arena, len, 1);

        fixture->value.len = 0;
        pl_buffer_put(&fixture->value, "\0\0\0\0\x0a\2", 6);
        pl_put_string(&fixture->value, (struct pl_bytes){text, len});
        pl_buffer_put(&fixture->value, "\2c\2p\2s\0\x0d\2g\2u\3\1", 14);
        assert_int_equal(decode_request(fixture, since_start(&fixture->value)), PL_OK);
        assert_int_equal(fixture->request.request_id.len, len);
        assert_text(fixture->request.requested_by_role, "g");
        another_schema_is_resolved(state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_without_a_frame_are_refused),
        TEST(ids_are_asked_for_until_they_are_known),
        TEST(what_is_no_avro_schema_is_incompatible),
        TEST(schemas_are_learnt_ahead),
        TEST(a_source_that_is_away_is_no_refusal),
        TEST(unusable_schemas_are_incompatible),
        TEST(too_large_a_schema_is_incompatible),
        TEST(bytes_come_before_symbols),
        TEST(another_schema_is_resolved),
        TEST(an_id_may_serve_both_inputs),
        TEST(many_ids_are_kept_apart),
        TEST(damaged_events_are_survived),
        TEST(damaged_requests_are_survived),
        TEST(damaged_requests_of_another_schema_are_survived),
        TEST(bombs_are_refused),
        TEST(long_lists_take_a_view_for_each_name),
        TEST(unknown_ids_cost_nothing),
        TEST(own_schemas_are_looked_at),
        TEST(a_large_record_of_another_schema_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
