/* Unit tests of wire/time_text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "planlift/codec.h"

static void assert_time(int64_t ms, const char *expected)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_bytes text = pl_time_text(ms, &arena);

    assert_int_equal(text.len, 24);
    assert_memory_equal(text.data, expected, 24);
    pl_arena_done(&arena);
}

static void instants_are_written_in_utc(void **state)
{
    (void)state;
    assert_time(0, "1970-01-01T00:00:00.000Z");
    assert_time(-1, "1969-12-31T23:59:59.999Z");
    assert_time(INT64_C(1760000000123), "2025-10-09T08:53:20.123Z");
    assert_time(INT64_C(951782400000), "2000-02-29T00:00:00.000Z");
    assert_time(INT64_C(4107542399999), "2100-02-28T23:59:59.999Z");
    assert_time(INT64_C(4107542400000), "2100-03-01T00:00:00.000Z");
}

static void years_of_more_than_four_digits_are_clamped(void **state)
{
    (void)state;
    assert_time(INT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
    assert_time(INT64_C(253402300800000), "9999-12-31T23:59:59.999Z");
    assert_time(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_time(INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z");
    assert_time(INT64_C(-62167219200001), "0000-01-01T00:00:00.000Z");
    assert_time(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

/* Against the C library, an odd number of days and seconds apart, over the whole range. */
static void the_calendar_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (time_t second = INT64_C(-62167219200); second < INT64_C(253402300800);
         second += 86400 * 13 + 3607) {
        struct tm parts;
        char expected[40];

        assert_non_null(gmtime_r(&second, &parts));
        assert_true(strftime(expected, sizeof(expected), "-%m-%dT%H:%M:%S.000Z", &parts) == 20);
        {
            struct pl_arena arena = PL_ARENA_INIT;
            struct pl_bytes text = pl_time_text((int64_t)second * 1000, &arena);
            int year = (text.data[0] - '0') * 1000 + (text.data[1] - '0') * 100 +
                       (text.data[2] - '0') * 10 + text.data[3] - '0';

            assert_int_equal(year, parts.tm_year + 1900);
            assert_memory_equal(text.data + 4, expected, 20);
            pl_arena_done(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_are_written_in_utc),
        cmocka_unit_test(years_of_more_than_four_digits_are_clamped),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
