/* Unit tests of wire/result_headers.c. */
#include "avro_fixture.h"
#include "wire/result_headers.h"

static struct pl_result result_of(const char *customer_id, const char *request_id)
{
    return (struct pl_result){
        .request_id = pl_bytes_of(request_id),
        .customer_id = pl_bytes_of(customer_id),
        .outcome = PL_OUTCOME_LICENSES_ADDED,
        .decided_at_ms = INT64_C(1760000000123),
    };
}

/* Of the request: the trace, and headers that are nobody's business. */
static const struct pl_header request_headers[] = {{{"other", 5}, {"x", 1}},
                                                   {{"traceparent", 11}, {"00-4bf9-00f0-01", 15}},
                                                   {{"tracestate", 10}, {"vendor=1", 8}},
                                                   {{"Traceparent", 11}, {"no", 2}}};

static const struct pl_result_origin origin = {
    .topic = {"upgrade-requests", 16},
    .partition = 3,
    .offset = INT64_C(123456789012),
    .headers = request_headers,
    .header_count = 4,
};

static void assert_header(struct pl_header header, const char *name, const char *value)
{
    assert_text(header.name, name);
    assert_text(header.value, value);
}

static void a_result_has_nine_headers(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_result result = result_of("customer-1", "request-1");
    size_t count;
    const struct pl_header *headers = pl_result_headers(&result, &origin, &arena, &count);

    (void)state;
    assert_int_equal(count, 9);
    assert_header(headers[0], "ce_specversion", "1.0");
    assert_header(headers[1], "ce_source", "/planlift/customers/customer-1");
    assert_header(headers[2], "ce_id", "request-1");
    assert_header(headers[3], "ce_type", "planlift.licenses-added");
    assert_header(headers[4], "ce_time", "2025-10-09T08:53:20.123Z");
    assert_header(headers[5], "content-type", "application/avro");
    assert_header(headers[6], "planlift-source", "upgrade-requests/3/123456789012");
    assert_header(headers[7], "traceparent", "00-4bf9-00f0-01");
    assert_header(headers[8], "tracestate", "vendor=1");
    pl_arena_done(&arena);
}

static void a_trace_is_passed_on_as_it_is(void **state)
{
    static const struct pl_header odd[] = {{{"tracestate", 10}, {NULL, 0}},
                                           {{"traceparent", 11}, {"", 0}},
                                           {{"tracestate", 10}, {"b=2", 3}}};
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_result result = result_of("c", "r");
    struct pl_result_origin place = origin;
    size_t count;
    const struct pl_header *headers;

    (void)state;
    place.header_count = 0;
    (void)pl_result_headers(&result, &place, &arena, &count);
    assert_int_equal(count, 7);
    place.headers = odd;
    place.header_count = 3;
    headers = pl_result_headers(&result, &place, &arena, &count);
    assert_int_equal(count, 10);
    assert_text(headers[7].name, "tracestate");
    assert_null(headers[7].value.data);
    assert_header(headers[8], "traceparent", "");
    assert_non_null(headers[8].value.data);
    assert_header(headers[9], "tracestate", "b=2");
    pl_arena_done(&arena);
}

static void the_source_is_percent_encoded(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_result result = result_of("AZaz09-._~ /%\xc3\xa9\x7f", "r");
    size_t count;

    (void)state;
    assert_text(pl_result_headers(&result, &origin, &arena, &count)[1].value,
                "/planlift/customers/AZaz09-._~%20%2F%25%C3%A9%7F");
    result.customer_id = PL_BYTES_LITERAL("\0");
    assert_text(pl_result_headers(&result, &origin, &arena, &count)[1].value,
                "/planlift/customers/%00");
    pl_arena_done(&arena);
}

static void the_type_is_that_of_the_outcome(void **state)
{
    const char *types[] = {"planlift.eligible", "planlift.not-eligible", "planlift.upgraded",
                           "planlift.licenses-added", "planlift.refused"};

    (void)state;
    for (enum pl_outcome outcome = PL_OUTCOME_ELIGIBLE; outcome <= PL_OUTCOME_REFUSED; outcome++) {
        struct pl_arena arena = PL_ARENA_INIT;
        struct pl_result result = result_of("c", "r");
        size_t count;

        result.outcome = outcome;
        assert_text(pl_result_headers(&result, &origin, &arena, &count)[3].value, types[outcome]);
        pl_arena_done(&arena);
    }
}

static void without_a_request_id_the_place_stands_in(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_result result = result_of("c", "");
    const struct pl_result_origin edge = {.topic = PL_BYTES_LITERAL("t"), .offset = INT64_MAX};
    size_t count;

    (void)state;
    assert_text(pl_result_headers(&result, &origin, &arena, &count)[2].value,
                "upgrade-requests/3/123456789012");
    assert_text(pl_result_headers(&result, &edge, &arena, &count)[2].value,
                "t/0/9223372036854775807");
    pl_arena_done(&arena);
}

static void a_part_adds_its_number(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_result result = result_of("c", "r");
    size_t parts[] = {1, 9, 10, 123456};
    size_t count;
    const struct pl_header *whole = pl_result_headers(&result, &origin, &arena, &count);
    size_t bytes = pl_headers_bytes(whole, count);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct pl_header *headers = pl_result_part_headers(whole, count, parts[i], &arena);

        assert_header(headers[2], "ce_id", pl_arena_format(&arena, "r/%zu", parts[i]).data);
        assert_text(whole[2].value, "r");
        assert_header(headers[3], "ce_type", "planlift.licenses-added");
        assert_int_equal(pl_headers_bytes(headers, count),
                         bytes + pl_result_part_suffix_bytes(parts[i]));
    }
    pl_arena_done(&arena);
}

static void bytes_are_those_of_names_and_values(void **state)
{
    const struct pl_header headers[] = {
        {PL_BYTES_LITERAL("abc"), PL_BYTES_LITERAL("de")},
        {PL_BYTES_LITERAL("f"), PL_NULL_BYTES},
    };

    (void)state;
    assert_int_equal(pl_headers_bytes(headers, 2), 6);
    assert_int_equal(pl_headers_bytes(headers, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_has_nine_headers),
        cmocka_unit_test(a_trace_is_passed_on_as_it_is),
        cmocka_unit_test(the_source_is_percent_encoded),
        cmocka_unit_test(the_type_is_that_of_the_outcome),
        cmocka_unit_test(without_a_request_id_the_place_stands_in),
        cmocka_unit_test(a_part_adds_its_number),
        cmocka_unit_test(bytes_are_those_of_names_and_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
