/* Unit tests of wire/trace.c, after the standard's own words on what is a traceparent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"

static struct pl_bytes id_in(const char *value)
{
    const struct pl_header headers[] = {{{"tracestate", 10}, {"traceparent", 11}},
                                        {{"traceparent", 11}, pl_bytes_of(value)},
                                        {{"Traceparent", 11}, {"00", 2}}};

    return pl_trace_id(headers, 3);
}

static void a_trace_id_is_found(void **state)
{
    static const char *const values[] = {
        "00-" ID "-00f067aa0ba902b7-01", "00-" ID "-00f067aa0ba902b7-00",
        "cc-" ID "-00f067aa0ba902b7-01", "01-" ID "-00f067aa0ba902b7-01-more",
        "01-" ID "-00f067aa0ba902b7-ff-"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct pl_bytes id = id_in(values[i]);

        assert_int_equal(id.len, PL_TRACE_ID_BYTES);
        assert_memory_equal(id.data, ID, PL_TRACE_ID_BYTES);
    }
}

static void what_is_not_one_is_no_trace(void **state)
{
    static const char *const values[] = {
        "",
        "00",
        "00-" ID "-00f067aa0ba902b7-0",
        "00-" ID "-00f067aa0ba902b7-01-",
        "00-" ID "-00f067aa0ba902b7-011",
        "01-" ID "-00f067aa0ba902b7-01.more",
        "ff-" ID "-00f067aa0ba902b7-01",
        "0G-" ID "-00f067aa0ba902b7-01",
        "00_" ID "-00f067aa0ba902b7-01",
        "00-" ID "_00f067aa0ba902b7-01",
        "00-" ID "-00f067aa0ba902b7_01",
        "00-" ID "-00f067aa0ba902b7-0x",
        "00-" ID "-0000000000000000-01",
        "00-" ID "-00f067aa0ba902B7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01"};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (!pl_bytes_is_null(id_in(values[i]))) {
            fail_msg("%s", values[i]);
        }
    }
}

static void none_or_two_are_no_trace(void **state)
{
    const struct pl_header header = {{"traceparent", 11},
                                     PL_BYTES_LITERAL("00-" ID "-00f067aa0ba902b7-01")};
    const struct pl_header two[] = {header, header};
    const struct pl_header without_value = {{"traceparent", 11}, PL_NULL_BYTES};

    (void)state;
    assert_true(pl_bytes_is_null(pl_trace_id(NULL, 0)));
    assert_true(pl_bytes_is_null(pl_trace_id(&without_value, 1)));
    assert_false(pl_bytes_is_null(pl_trace_id(two, 1)));
    assert_true(pl_bytes_is_null(pl_trace_id(two, 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_id_is_found),
        cmocka_unit_test(what_is_not_one_is_no_trace),
        cmocka_unit_test(none_or_two_are_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
