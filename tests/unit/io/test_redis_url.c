/* Unit tests of io/redis_url.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/redis.h"

static void assert_text_or_null(const char *found, const char *wanted)
{
    if (wanted == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found, wanted);
}

/* As struct pl_redis_url, of literals. */
struct wanted {
    const char *host, *path, *user, *password;
    int port, database;
};

static void good_ones_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        struct wanted url;
    } cases[] = {
        {"redis://h", {.host = "h", .port = 6379}},
        {"redis://h/", {.host = "h", .port = 6379}},
        {"redis://h:1", {.host = "h", .port = 1}},
        {"redis://h.example:65535/15", {.host = "h.example", .port = 65535, .database = 15}},
        {"redis://[::1]:7", {.host = "::1", .port = 7}},
        {"redis://[fe80::1]/2", {.host = "fe80::1", .port = 6379, .database = 2}},
        {"redis://:pw@h", {.host = "h", .port = 6379, .password = "pw"}},
        {"redis://u@h", {.host = "h", .port = 6379, .user = "u"}},
        {"redis://u:pw@h:1", {.host = "h", .port = 1, .user = "u", .password = "pw"}},
        {"redis://u:a@b:c@h", {.host = "h", .port = 6379, .user = "u", .password = "a@b:c"}},
        {"redis://u%40:p%2Fw%25@h", {.host = "h", .port = 6379, .user = "u@", .password = "p/w%"}},
        {"unix:///run/redis.sock", {.path = "/run/redis.sock"}},
        {"unix:///run/redis.sock?db=3", {.path = "/run/redis.sock", .database = 3}},
        {"unix://u:p@/run/r", {.path = "/run/r", .user = "u", .password = "p"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_redis_url url;

        assert_int_equal(pl_redis_url_parse(cases[i].text, &url, NULL), PL_OK);
        assert_text_or_null(url.host, cases[i].url.host);
        assert_text_or_null(url.path, cases[i].url.path);
        assert_text_or_null(url.user, cases[i].url.user);
        assert_text_or_null(url.password, cases[i].url.password);
        assert_int_equal(url.port, cases[i].url.port);
        assert_int_equal(url.database, cases[i].url.database);
        pl_redis_url_done(&url);
    }
}

static void bad_ones_are_refused_with_a_reason(void **state)
{
    static const char *const cases[] = {"",
                                        "h:6379",
                                        "http://h",
                                        "redis://",
                                        "redis://:6379",
                                        "redis://h:",
                                        "redis://h:x",
                                        "redis://h:65536",
                                        "redis://h:-1",
                                        "redis://h/x",
                                        "redis://h/-1",
                                        "unix://run/redis.sock",
                                        "unix:///run/r?database=1",
                                        "unix:///run/r?db=",
                                        "rediss://h",
                                        "redis+sentinel://h:1,h:2/m",
                                        "redis+cluster://h:1"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_redis_url url = {.port = -7};
        struct pl_error error = {""};

        assert_int_equal(pl_redis_url_parse(cases[i], &url, &error), PL_BAD_DATA);
        assert_int_equal(url.port, -7); /* written only on success */
        assert_string_not_equal(error.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken_apart),
        cmocka_unit_test(bad_ones_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
