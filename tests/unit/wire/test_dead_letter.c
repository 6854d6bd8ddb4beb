/* Unit tests of wire/dead_letter.c. */
#include "avro_fixture.h"
#include "wire/refusal.h"
#include "wire/utf8.h"

static void the_codes_are_those_of_the_contract(void **state)
{
    const char *codes[] = {"null_value",          "malformed",         "unknown_schema",
                           "incompatible_schema", "key_mismatch",      "wrong_partition",
                           "invalid_event",       "request_id_reused", "unprocessable"};

    (void)state;
    assert_int_equal(PL_DEAD_LETTER_COUNT, sizeof(codes) / sizeof(codes[0]));
    for (size_t i = 0; i < PL_DEAD_LETTER_COUNT; i++) {
        assert_string_equal(pl_dead_letter_names[i], codes[i]);
    }
}

static void the_headers_are_those_of_the_contract(void **state)
{
    const char *names[] = {"planlift-error-code", "planlift-error-message", "planlift-topic",
                           "planlift-partition",  "planlift-offset",        "planlift-time"};

    (void)state;
    assert_int_equal(PL_DEAD_LETTER_HEADER_COUNT, sizeof(names) / sizeof(names[0]));
    for (int i = 0; i < PL_DEAD_LETTER_HEADER_COUNT; i++) {
        assert_string_equal(pl_dead_letter_header_names[i], names[i]);
        assert_int_equal(pl_dead_letter_header_index(pl_bytes_of(names[i])), i);
    }
    assert_int_equal(pl_dead_letter_header_index(PL_BYTES_LITERAL("planlift-source")), -1);
    assert_int_equal(pl_dead_letter_header_index(PL_BYTES_LITERAL("")), -1);
}

static void a_refusal_is_filled_in(void **state)
{
    struct pl_refusal refusal;

    (void)state;
    assert_int_equal(pl_refuse(&refusal, PL_DEAD_LETTER_KEY_MISMATCH, "%d of %s", 3, "x"),
                     PL_BAD_DATA);
    assert_int_equal(refusal.code, PL_DEAD_LETTER_KEY_MISMATCH);
    assert_string_equal(refusal.message, "3 of x");
}

/* Cut within a character, a message stays text. */
static void a_long_message_is_cut(void **state)
{
    (void)state;
    for (int before = 250; before < 256; before++) {
        struct pl_refusal refusal;
        struct pl_bytes message;

        (void)pl_refuse(&refusal, PL_DEAD_LETTER_MALFORMED, "%*s%s", before, "",
                        "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
        message = pl_bytes_of(refusal.message);
        assert_true(message.len == 255 || before < 248);
        assert_true(pl_utf8_is_valid(message));
    }
}

static void assert_header(struct pl_header header, const char *name, const char *value)
{
    assert_text(header.name, name);
    assert_text(header.value, value);
}

static void ours_come_after_the_original_ones(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_refusal refusal = {PL_DEAD_LETTER_INVALID_EVENT, "quantity is negative"};
    const struct pl_header original[] = {
        {PL_BYTES_LITERAL("traceparent"), PL_BYTES_LITERAL("00-1")},
        {PL_BYTES_LITERAL("planlift-offset"), PL_BYTES_LITERAL("7")},
        {PL_BYTES_LITERAL("planlift-source"), PL_BYTES_LITERAL("kept")},
        {PL_BYTES_LITERAL("planlift-time"), PL_NULL_BYTES},
        {PL_BYTES_LITERAL("Planlift-Topic"), PL_NULL_BYTES},
        {PL_BYTES_LITERAL("traceparent"), PL_BYTES_LITERAL("00-2")},
    };
    const struct pl_header *headers;
    size_t count;

    (void)state;
    pl_dead_letter_headers(&refusal, PL_BYTES_LITERAL("subscription-events"), 11,
                           INT64_C(9007199254740993), 0, original, 6, &arena, &headers, &count);
    assert_int_equal(count, 10);
    assert_header(headers[0], "traceparent", "00-1");
    assert_header(headers[1], "planlift-source", "kept");
    assert_text(headers[2].name, "Planlift-Topic");
    assert_null(headers[2].value.data);
    assert_header(headers[3], "traceparent", "00-2");
    assert_header(headers[4], "planlift-error-code", "invalid_event");
    assert_header(headers[5], "planlift-error-message", "quantity is negative");
    assert_header(headers[6], "planlift-topic", "subscription-events");
    assert_header(headers[7], "planlift-partition", "11");
    assert_header(headers[8], "planlift-offset", "9007199254740993");
    assert_header(headers[9], "planlift-time", "1970-01-01T00:00:00.000Z");
    pl_arena_done(&arena);
}

static void older_ones_of_ours_are_replaced(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_refusal first = {PL_DEAD_LETTER_MALFORMED, "first"};
    const struct pl_refusal second = {PL_DEAD_LETTER_UNPROCESSABLE, "second"};
    const struct pl_header *headers = NULL;
    size_t count = 0;

    (void)state;
    pl_dead_letter_headers(&first, PL_BYTES_LITERAL("a"), 1, 2, 3, headers, count, &arena, &headers,
                           &count);
    assert_int_equal(count, 6);
    pl_dead_letter_headers(&second, PL_BYTES_LITERAL("b"), 4, 5, 6, headers, count, &arena,
                           &headers, &count);
    assert_int_equal(count, 6);
    assert_header(headers[0], "planlift-error-code", "unprocessable");
    assert_header(headers[1], "planlift-error-message", "second");
    assert_header(headers[2], "planlift-topic", "b");
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_codes_are_those_of_the_contract),
        cmocka_unit_test(the_headers_are_those_of_the_contract),
        cmocka_unit_test(a_refusal_is_filled_in),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(ours_come_after_the_original_ones),
        cmocka_unit_test(older_ones_of_ours_are_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
