/* Unit tests of cli/text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/text.h"
#include "io/world.h"

#define NOW INT64_C(1800000000000)

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"1970-01-01T00:00:00Z", 0},
                 {"1970-01-01", 0},
                 {"2000-02-29T12:30:45Z", 951827445000},
                 {"2000-02-29T12:30:45.6Z", 951827445600},
                 {"2000-02-29T12:30:45.6789Z", 951827445678},
                 {"2000-02-29t12:30z", 951827400000},
                 {"2000-02-29 14:30:45+02:00", 951827445000},
                 {"2000-02-29T09:00:45-03:30", 951827445000},
                 {"2026-11-22", 1795305600000},
                 {"2100-03-01", 4107542400000},
                 {"0s", NOW},
                 {"90s", NOW - 90000},
                 {"15m", NOW - 900000},
                 {"2h", NOW - 7200000},
                 {"7d", NOW - 604800000},
                 {"2147483647d", 0}}; /* longer ago than time is */

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_error error = {""};
        int64_t ms = -1;

        assert_int_equal(pl_time_parse(cases[i].text, NOW, &ms, &error), PL_OK);
        assert_true(ms == cases[i].ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "now",
                                        "5",
                                        "-5m",
                                        "m",
                                        "1.5h",
                                        "99999999999d",
                                        "2026-13-01",
                                        "2026-00-10",
                                        "2026-02-29",
                                        "2100-02-29",
                                        "2026-02-03T04:05:06",
                                        "2026-02-03T24:00:00Z",
                                        "2026-02-03T04:60Z",
                                        "2026-02-03T04:05:60Z",
                                        "2026-02-03T04:05:06Zx",
                                        "2026-02-03T04:05:06+2:00",
                                        "2026-02-03T",
                                        "1969-12-31",
                                        "26-02-03"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pl_error error = {""};
        int64_t ms;

        assert_int_equal(pl_time_parse(texts[i], NOW, &ms, &error), PL_BAD_DATA);
        assert_non_null(strstr(error.text, "is no time"));
    }
}

static void numbers_are_whole_and_bounded(void **state)
{
    int64_t number = -1;

    (void)state;
    assert_true(pl_number_parse(PL_BYTES_LITERAL("0"), 9, &number) && number == 0);
    assert_true(pl_number_parse(PL_BYTES_LITERAL("007"), 9, &number) && number == 7);
    assert_false(pl_number_parse(PL_BYTES_LITERAL("10"), 9, &number));
    assert_true(pl_number_parse(PL_BYTES_LITERAL("9223372036854775807"), INT64_MAX, &number));
    assert_true(number == INT64_MAX);
    assert_false(pl_number_parse(PL_BYTES_LITERAL("9223372036854775808"), INT64_MAX, &number));
    assert_false(pl_number_parse(PL_BYTES_LITERAL("-1"), 9, &number));
    assert_false(pl_number_parse(PL_BYTES_LITERAL("1 "), 9, &number));
    assert_false(pl_number_parse(PL_BYTES_LITERAL(""), 9, &number));
    assert_false(pl_number_parse(PL_NULL_BYTES, 9, &number));
}

static void places_are_topic_partition_offset(void **state)
{
    static const char *const none[] = {
        "",    "t",     "t/1",    "t/1/",    "t//1",           "/1/1",
        "t/x", "t/1/x", "t/1/-1", "a/t/1/1", "t/2147483648/1", "t/1/9223372036854775808"};
    struct pl_bytes topic;
    int32_t partition;
    int64_t offset;

    (void)state;
    assert_true(
        pl_place_parse(PL_BYTES_LITERAL("upgrade-requests.dlq/3/17"), &topic, &partition, &offset));
    assert_true(pl_bytes_equal(topic, PL_BYTES_LITERAL("upgrade-requests.dlq")));
    assert_int_equal(partition, 3);
    assert_int_equal(offset, 17);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(pl_place_parse(pl_bytes_of(none[i]), &topic, &partition, &offset));
    }
}

static void a_uuid_is_text_of_its_own(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_system_world system = {.stop = NULL};
    struct pl_world world = pl_system_world_port(&system);
    struct pl_bytes one = pl_uuid_new(&world, &arena);
    struct pl_bytes other = pl_uuid_new(&world, &arena);

    (void)state;
    assert_int_equal(one.len, 36);
    for (size_t i = 0; i < one.len; i++) {
        bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        assert_true(is_hyphen ? one.data[i] == '-'
                              : strchr("0123456789abcdef", one.data[i]) != NULL);
    }
    assert_false(pl_bytes_equal(one, other));
    pl_arena_done(&arena);
}

static void bytes_become_json(void **state)
{
    static const struct {
        struct pl_bytes bytes;
        const char *as_text;
        const char *as_base64;
    } cases[] = {{{"", 0}, "\"\"", "\"\""},
                 {{"f", 1}, "\"f\"", "\"Zg==\""},
                 {{"fo", 2}, "\"fo\"", "\"Zm8=\""},
                 {{"foo", 3}, "\"foo\"", "\"Zm9v\""},
                 {{"foobar", 6}, "\"foobar\"", "\"Zm9vYmFy\""},
                 {{"\xff\xfe\xfd", 3}, "null", "\"//79\""},
                 {{"\0a", 2}, "\"\\u0000a\"", "\"AGE=\""},
                 {{NULL, 0}, "null", "null"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_buffer buffer = {NULL, 0, 0};

        pl_json_put_bytes(&buffer, cases[i].bytes);
        assert_true(pl_bytes_equal(pl_buffer_since(&buffer, 0), pl_bytes_of(cases[i].as_text)));
        buffer.len = 0;
        pl_json_put_base64(&buffer, cases[i].bytes);
        assert_true(pl_bytes_equal(pl_buffer_since(&buffer, 0), pl_bytes_of(cases[i].as_base64)));
        pl_buffer_done(&buffer);
    }
}

static void what_is_not_utf8_becomes_ascii(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_bytes good = PL_BYTES_LITERAL("caf\xc3\xa9");

    (void)state;
    assert_ptr_equal(pl_text_utf8(good, &arena).data, good.data);
    assert_true(pl_bytes_equal(pl_text_utf8(PL_BYTES_LITERAL("caf\xe9!"), &arena),
                               PL_BYTES_LITERAL("caf?!")));
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(places_are_topic_partition_offset),
        cmocka_unit_test(a_uuid_is_text_of_its_own),
        cmocka_unit_test(bytes_become_json),
        cmocka_unit_test(what_is_not_utf8_becomes_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
