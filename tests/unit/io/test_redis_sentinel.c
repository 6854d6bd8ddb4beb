/* Unit tests of io/redis_sentinel.c. */
#include <hiredis/hiredis.h>

#include "fake_redis.h"
#include "io/redis_sentinel.h"

#define ASKED "get-master-addr-by-name\r\n$3\r\nset\r\n"

struct fixture {
    struct fake_redis fake;
    struct pl_redis_place places[2]; /* the first one is nobody */
    char host[16];
    char master[4];
    struct pl_redis_url url;
    struct pl_redis_place found;
    size_t first;
    struct pl_error error;
};

static enum pl_status ask(struct fixture *fixture, const struct fake_turn *turns, size_t count)
{
    struct pl_redis_login login = {.url = &fixture->url, .password = {.text = "secret"}};
    enum pl_status status;

    memset(fixture, 0, sizeof(*fixture));
    (void)snprintf(fixture->host, sizeof(fixture->host), "127.0.0.1");
    (void)snprintf(fixture->master, sizeof(fixture->master), "set");
    fixture->places[0] = (struct pl_redis_place){fixture->host, 1};
    fixture->places[1] =
        (struct pl_redis_place){fixture->host, fake_start_on_port(&fixture->fake, turns, count)};
    fixture->url = (struct pl_redis_url){.kind = PL_REDIS_SENTINEL,
                                         .places = fixture->places,
                                         .place_count = 2,
                                         .master = fixture->master,
                                         .database = 3};
    status = pl_redis_sentinel_ask(&login, &fixture->first, &fixture->found, &fixture->error);
    fake_stop(&fixture->fake);
    return status;
}

static void the_first_that_knows_is_believed(void **state)
{
    static const struct fake_turn turns[] = {
        {ASKED, "*2\r\n$9\r\n127.0.0.5\r\n$4\r\n6400\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    assert_int_equal(ask(&fixture, turns, 1), PL_OK);
    assert_string_equal(fixture.found.host, "127.0.0.5");
    assert_int_equal(fixture.found.port, 6400);
    assert_int_equal(fixture.first, 1);
    assert_null(strstr(fixture.fake.received, "AUTH"));
    free(fixture.found.host);
}

static void one_that_wants_a_login_gets_it(void **state)
{
    static const struct fake_turn turns[] = {
        {ASKED, "-NOAUTH Authentication required.\r\n", 0, false},
        {"secret\r\n", "+OK\r\n", 0, false},
        {ASKED, "*2\r\n$1\r\nh\r\n$1\r\n7\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    assert_int_equal(ask(&fixture, turns, 3), PL_OK);
    assert_int_equal(fixture.found.port, 7);
    free(fixture.found.host);
}

static void what_is_no_address_is_told(void **state)
{
    static const struct fake_turn cases[] = {
        {ASKED, "*-1\r\n", 0, false},           {ASKED, "$-1\r\n", 0, false},
        {ASKED, "*1\r\n$1\r\nh\r\n", 0, false}, {ASKED, "*2\r\n$1\r\nh\r\n$1\r\n0\r\n", 0, false},
        {ASKED, "-IDONTKNOW\r\n", 0, false},    {ASKED, "", 0, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;

        assert_int_equal(ask(&fixture, &cases[i], 1), PL_AGAIN);
        assert_string_not_equal(fixture.error.text, "");
        if (i < 2) {
            assert_non_null(strstr(fixture.error.text, "knows no master set"));
        }
    }
}

static void a_replica_is_no_master(void **state)
{
    static const struct fake_turn turns[] = {
        {"ROLE\r\n", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", 0, false},
        {"ROLE\r\n", "*2\r\n$5\r\nslave\r\n$1\r\nh\r\n", 0, false}};
    struct fake_redis fake;
    struct pl_redis_url url = fake_start(&fake, turns, 2);
    struct pl_redis_login login = {.url = &url};
    struct pl_redis_link link;
    struct pl_error error = {""};

    (void)state;
    pl_redis_link_init(&link, &login, NULL);
    assert_int_equal(pl_redis_link_open(&link, &error), PL_OK);
    assert_int_equal(pl_redis_sentinel_check(&link, &error), PL_OK);
    assert_int_equal(pl_redis_sentinel_check(&link, &error), PL_AGAIN);
    assert_non_null(strstr(error.text, "is not the master"));
    assert_null(link.context);
    pl_redis_link_done(&link);
    fake_stop(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_knows_is_believed),
        cmocka_unit_test(one_that_wants_a_login_gets_it),
        cmocka_unit_test(what_is_no_address_is_told),
        cmocka_unit_test(a_replica_is_no_master),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
