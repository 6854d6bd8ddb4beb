/* Unit tests of io/redis_url.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/redis.h"
#include "io/redis_tls.h"

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
        assert_int_equal(url.place_count, cases[i].url.host == NULL ? 0 : 1);
        if (url.place_count == 1) {
            assert_string_equal(url.places[0].host, cases[i].url.host);
            assert_int_equal(url.places[0].port, cases[i].url.port);
        }
        assert_text_or_null(url.path, cases[i].url.path);
        assert_text_or_null(url.user, cases[i].url.user);
        assert_text_or_null(url.password, cases[i].url.password);
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
                                        "redis://h,i",
                                        "redis://h/1/2",
                                        "redis://h?cacert=f",
                                        "redis+sentinel://h:1,h:2",
                                        "redis+sentinel://h:1,h:2/",
                                        "redis+sentinel://h:1,,h:2/m",
                                        "redis+sentinel://h/m/x",
                                        "redis+cluster://h:1/1",
                                        "redis+cluster://",
                                        "redis+other://h",
                                        "rediss://h?other=f",
                                        "rediss://h?cert=f",
                                        "rediss+sentinel://h?cacert=/f"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_redis_url url = {.database = -7};
        struct pl_error error = {""};

        assert_int_equal(pl_redis_url_parse(cases[i], &url, &error), PL_BAD_DATA);
        assert_int_equal(url.database, -7); /* written only on success */
        assert_string_not_equal(error.text, "");
    }
}

static void several_places_are_taken_apart(void **state)
{
    struct pl_redis_url url;

    (void)state;
    assert_int_equal(
        pl_redis_url_parse("redis+sentinel://u:p@a,[::1]:7,c:9/my%20set/3", &url, NULL), PL_OK);
    assert_int_equal(url.kind, PL_REDIS_SENTINEL);
    assert_int_equal(url.place_count, 3);
    assert_string_equal(url.places[0].host, "a");
    assert_int_equal(url.places[0].port, 26379);
    assert_string_equal(url.places[1].host, "::1");
    assert_int_equal(url.places[1].port, 7);
    assert_int_equal(url.places[2].port, 9);
    assert_string_equal(url.master, "my set");
    assert_int_equal(url.database, 3);
    assert_string_equal(url.password, "p");
    pl_redis_url_done(&url);
    assert_int_equal(pl_redis_url_parse("redis+cluster://a,b:2/", &url, NULL), PL_OK);
    assert_int_equal(url.kind, PL_REDIS_CLUSTER);
    assert_int_equal(url.places[0].port, 6379);
    assert_int_equal(url.places[1].port, 2);
    pl_redis_url_done(&url);
}

/* Taken where hiredis has TLS, else refused by name. */
static void tls_is_there_or_told(void **state)
{
    static const char text[] = "rediss+cluster://a,b?cacert=/c%61.pem&cert=x&key=y";
    struct pl_redis_url url;
    struct pl_error error = {""};

    (void)state;
    if (!pl_redis_tls_is_built()) {
        assert_int_equal(pl_redis_url_parse(text, &url, &error), PL_BAD_DATA);
        assert_non_null(strstr(error.text, "no TLS for Redis"));
        return;
    }
    assert_int_equal(pl_redis_url_parse(text, &url, &error), PL_OK);
    assert_true(url.is_tls);
    assert_string_equal(url.ca, "/ca.pem");
    assert_string_equal(url.certificate, "x");
    assert_string_equal(url.key, "y");
    pl_redis_url_done(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken_apart),
        cmocka_unit_test(several_places_are_taken_apart),
        cmocka_unit_test(tls_is_there_or_told),
        cmocka_unit_test(bad_ones_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
