/* Unit tests of wire/json_line.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/json.h"

#define STATE "{\"customerId\":\"c\",\"version\":3}"
#define REQUEST                                                                                    \
    "{\"requestId\":\"r\",\"customerId\":\"c\",\"partnerId\":\"p\",\"subscriptionId\":\"s\","      \
    "\"operation\":\"CHECK\",\"requestedBy\":{\"userId\":\"u\",\"role\":\"x\"},\"requestedAt\":1}"
#define EVENT "{\"type\":\"CustomerErased\"}"

static void accept(const char *text, struct pl_arena *arena, struct pl_decide_line *ret_line)
{
    struct pl_error error = {""};

    if (pl_decide_line_parse(pl_bytes_of(text), arena, &error, ret_line) != PL_OK) {
        fail_msg("%s", error.text);
    }
}

static void refuse(const char *text, const char *message)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_decide_line line;

    assert_int_equal(pl_decide_line_parse(pl_bytes_of(text), &arena, &error, &line), PL_BAD_DATA);
    assert_string_equal(error.text, message);
    pl_arena_done(&arena);
}

static void requests_and_events_are_told_apart(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_decide_line line;

    (void)state;
    accept("{\"customer\":" STATE ",\"request\":" REQUEST ",\"now\":-9}", &arena, &line);
    assert_true(line.is_request);
    assert_int_equal(line.customer.version, 3);
    assert_int_equal(line.now_ms, -9);
    assert_true(pl_bytes_equal(line.request.request_id, PL_BYTES_LITERAL("r")));

    accept("{\"customer\":" STATE ",\"event\":" EVENT ",\"request\":null}", &arena, &line);
    assert_false(line.is_request);
    assert_int_equal(line.customer.version, 3);
    assert_int_equal(line.event.kind, PL_EVENT_CUSTOMER_ERASED);
    assert_true(pl_bytes_equal(line.event.customer_id, PL_BYTES_LITERAL("c")));
    pl_arena_done(&arena);
}

static void a_null_customer_is_the_empty_one(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_decide_line line;

    (void)state;
    accept("{\"customer\":null,\"request\":" REQUEST ",\"now\":9}", &arena, &line);
    pl_decide_line_write(NULL, &line.customer, &arena, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, "{\"customer\":{\"customerId\":\"c\",\"version\":0,"
                                     "\"subscriptions\":[],\"delegatedAdmin\":[]}}");
    pl_buffer_done(&buffer);
    pl_arena_done(&arena);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    refuse("[]", "must be an object, not an array");
    refuse("{\"request\":" REQUEST ",\"now\":9}", "customer: is missing");
    refuse("{\"customer\":7,\"request\":" REQUEST ",\"now\":9}",
           "customer: must be an object, not an integer");
    refuse("{\"customer\":" STATE "}", "must have exactly one of request and event");
    refuse("{\"customer\":" STATE ",\"event\":" EVENT ",\"request\":" REQUEST ",\"now\":9}",
           "must have exactly one of request and event");
    refuse("{\"customer\":" STATE ",\"request\":[],\"now\":9}",
           "request: must be an object, not an array");
    refuse("{\"customer\":" STATE ",\"request\":" REQUEST "}", "now: is missing");
    refuse("{\"customer\":" STATE ",\"request\":" REQUEST ",\"now\":9.5}",
           "now: must be an integer, not a number with a fraction or an exponent");
    refuse("{\"customer\":null,\"event\":" EVENT "}", "customer: must be an object, not null");
    refuse("{\"customer\":{\"customerId\":\"d\",\"version\":3},\"request\":" REQUEST ",\"now\":9}",
           "request.customerId: is not that of the customer");
    refuse("{\"customer\":" STATE ",\"event\":{\"type\":\"LicenseRemoved\","
           "\"subscriptionId\":\"s\",\"userId\":\"\"}}",
           "event: userId must not be empty");
}

static void what_is_not_json_says_where(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_decide_line line;

    (void)state;
    assert_int_equal(
        pl_decide_line_parse(PL_BYTES_LITERAL("{\"customer\":}"), &arena, &error, &line),
        PL_BAD_DATA);
    assert_int_equal(strncmp(error.text, "not JSON: column 13: ", 21), 0);
    pl_arena_done(&arena);
}

static void a_line_out_has_the_result_first(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_result result = {.request_id = PL_BYTES_LITERAL("r")};
    struct pl_customer customer;

    (void)state;
    pl_customer_init(&customer, PL_BYTES_LITERAL("c"));
    pl_decide_line_write(&result, &customer, &arena, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_int_equal(strncmp(buffer.data, "{\"result\":{\"requestId\":\"r\",", 27), 0);
    assert_non_null(strstr(buffer.data, "\"parts\":1},\"customer\":{\"customerId\":\"c\","));
    pl_buffer_done(&buffer);
    pl_arena_done(&arena);
}

static void an_erased_customer_is_null(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_decide_line_write(NULL, NULL, &arena, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, "{\"customer\":null}");
    pl_buffer_done(&buffer);
}

static void errors_are_valid_json_whatever_they_quote(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_decide_error_write("near '\"\xc3\xab\n'", &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, "{\"error\":\"near '\\\"\xc3\xab\\n'\"}");
    buffer.len = 0;
    pl_decide_error_write("cut \xc3", &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, "{\"error\":\"cut ?\"}");
    pl_buffer_done(&buffer);
}

static void a_request_may_be_a_line_by_itself(void **state)
{
    static const char whole_line[] = "{\"request\":" REQUEST "}";
    static const char *const bad[] = {"", "x", "[]", "{}", whole_line};
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    struct pl_request request;

    (void)state;
    assert_int_equal(
        pl_request_line_parse(PL_BYTES_LITERAL(REQUEST "\r"), &arena, &error, &request), PL_OK);
    assert_true(pl_bytes_equal(request.request_id, PL_BYTES_LITERAL("r")));
    assert_int_equal(request.requested_at_ms, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(pl_request_line_parse(pl_bytes_of(bad[i]), &arena, &error, &request),
                         PL_BAD_DATA);
    }
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_events_are_told_apart),
        cmocka_unit_test(a_null_customer_is_the_empty_one),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(what_is_not_json_says_where),
        cmocka_unit_test(a_line_out_has_the_result_first),
        cmocka_unit_test(an_erased_customer_is_null),
        cmocka_unit_test(a_request_may_be_a_line_by_itself),
        cmocka_unit_test(errors_are_valid_json_whatever_they_quote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
