/* Unit tests of io/redis_link.c, with a Redis that misbehaves. */
#include <hiredis/hiredis.h>

#include "fake_redis.h"
#include "io/redis_link.h"

struct fixture {
    struct fake_redis fake;
    struct pl_redis_url url;
    struct pl_redis_link link;
    struct pl_error error;
};

/* The limits are short, for the tests' sake. */
static void begin(struct fixture *fixture, const struct fake_turn *turns, size_t count)
{
    struct pl_redis_login login = {.url = &fixture->url};

    fixture->url = fake_start(&fixture->fake, turns, count);
    pl_redis_link_init(&fixture->link, &login, NULL);
    fixture->link.silence_limit_ms = 300;
    fixture->link.call_limit_ms = 1000;
}

static void end(struct fixture *fixture)
{
    pl_redis_link_done(&fixture->link);
    fake_stop(&fixture->fake);
}

/* Asks GET name; the answer as text, or the error. */
static enum pl_status get(struct fixture *fixture, const char *name, char *ret_text, size_t size)
{
    struct pl_redis_link *link = &fixture->link;
    struct redisReply *reply;
    enum pl_status status = pl_redis_link_open(link, &fixture->error);

    if (status == PL_OK) {
        pl_redis_link_command(link, "GET");
        pl_redis_link_add_text(link, name);
        status = pl_redis_link_send(link, &fixture->error);
    }
    if (status == PL_OK) {
        status = pl_redis_link_receive(link, REDIS_REPLY_STRING, &reply, &fixture->error);
    }
    if (status == PL_OK) {
        (void)snprintf(ret_text, size, "%s", reply->str);
        freeReplyObject(reply);
    }
    return status;
}

static void assert_gets(struct fixture *fixture, const char *name, const char *wanted)
{
    char text[64];

    assert_int_equal(get(fixture, name, text, sizeof(text)), PL_OK);
    assert_string_equal(text, wanted);
}

static void assert_fails(struct fixture *fixture, const char *said)
{
    char text[64];

    assert_int_equal(get(fixture, "x", text, sizeof(text)), PL_AGAIN);
    assert_non_null(strstr(fixture->error.text, said));
    assert_non_null(strstr(fixture->error.text, fixture->fake.path));
    assert_null(fixture->link.context);
}

static void one_connection_serves_many_calls(void **state)
{
    static const struct fake_turn turns[] = {
        {"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$1\r\nA\r\n", 0, false},
        {"*2\r\n$3\r\nGET\r\n$1\r\nb\r\n", "$2\r\nBB\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 2);
    assert_gets(&fixture, "a", "A");
    assert_gets(&fixture, "b", "BB");
    end(&fixture);
    assert_int_equal(fixture.fake.connections, 1);
}

static void a_silent_one_is_given_up_and_its_answer_never_taken(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "", 0, false},
                                             {"GET", "$3\r\nnew\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 2);
    assert_fails(&fixture, "did not answer within 0.3 s");
    assert_gets(&fixture, "b", "new");
    end(&fixture);
    assert_int_equal(fixture.fake.connections, 2);
}

static void one_that_trickles_is_given_up(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "$20\r\n12345678901234567890\r\n", 100, false},
                                             {"GET", "$1\r\nA\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 2);
    assert_fails(&fixture, "no whole answer within 1 s");
    assert_gets(&fixture, "a", "A");
    end(&fixture);
}

static void a_slow_one_is_waited_for(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "$1\r\nA\r\n", 50, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 1);
    assert_gets(&fixture, "a", "A");
    end(&fixture);
}

static void half_an_answer_is_none(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "$10\r\n12345", 0, true},
                                             {"GET", "$10\r\n12345", 0, false},
                                             {"GET", "$1\r\nA\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 3);
    assert_fails(&fixture, "closed the connection");
    assert_fails(&fixture, "did not answer within 0.3 s");
    assert_gets(&fixture, "a", "A");
    end(&fixture);
    assert_int_equal(fixture.fake.connections, 3);
}

/* As a server does that has a limit for idle clients, or was restarted: nothing is lost by it. */
static void one_that_was_closed_meanwhile_is_made_anew(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "$1\r\nA\r\n", 0, true},
                                             {"GET", "$1\r\nB\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 2);
    assert_gets(&fixture, "a", "A");
    fake_sleep_ms(50);
    assert_gets(&fixture, "b", "B");
    end(&fixture);
    assert_int_equal(fixture.fake.connections, 2);
}

static void an_answer_that_nobody_asked_for_is_never_taken(void **state)
{
    static const struct fake_turn turns[] = {{"GET", "$1\r\nA\r\n$5\r\nwrong\r\n", 0, false},
                                             {"GET", "$5\r\nright\r\n", 0, false}};
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, 2);
    assert_gets(&fixture, "a", "A");
    fake_sleep_ms(50);
    assert_gets(&fixture, "b", "right");
    end(&fixture);
}

static void errors_and_nonsense_are_told(void **state)
{
    static const struct fake_turn turns[] = {
        {"GET", "-LOADING Redis is loading\r\n", 0, false},
        {"GET", "*2\r\n$1\r\nA\r\n-OOM inside\r\n", 0, false},
        {"GET", ":1\r\n", 0, false},
        {"GET", "HTTP/1.1 400 Bad Request\r\n\r\n", 0, false},
        {"GET", "*-5\r\n", 0, false},
        {"GET", "$1\r\nA\r\n", 0, false},
    };
    struct fixture fixture;

    (void)state;
    begin(&fixture, turns, sizeof(turns) / sizeof(turns[0]));
    assert_fails(&fixture, "loading its data");
    assert_fails(&fixture, "full (OOM)");
    assert_fails(&fixture, "of another kind");
    assert_fails(&fixture, "is no Redis: check redis.url");
    assert_fails(&fixture, "is no Redis: check redis.url");
    assert_gets(&fixture, "a", "A");
    end(&fixture);
}

static void nobody_there_is_told(void **state)
{
    char path[] = "no-such-socket";
    const struct pl_redis_url nowhere = {.path = path};
    const struct pl_redis_login login = {.url = &nowhere};
    struct pl_redis_link link;
    struct pl_error error = {""};

    (void)state;
    pl_redis_link_init(&link, &login, NULL);
    assert_int_equal(pl_redis_link_open(&link, &error), PL_AGAIN);
    assert_non_null(strstr(error.text, "cannot be reached: No such file"));
    assert_null(link.context);
    pl_redis_link_done(&link);
}

static void it_logs_in_first(void **state)
{
    static const struct fake_turn turns[] = {{"secret\r\n", "+OK\r\n", 0, false},
                                             {"$1\r\n7\r\n", "+OK\r\n", 0, false},
                                             {"GET", "$1\r\nA\r\n", 0, false}};
    struct fixture fixture;
    struct pl_redis_url url = fake_start(&fixture.fake, turns, 3);
    struct pl_redis_login login = {.url = &url, .password = {.text = "secret"}};
    char user[] = "me";

    (void)state;
    url.user = user;
    url.database = 7;
    pl_redis_link_init(&fixture.link, &login, NULL);
    assert_gets(&fixture, "a", "A");
    end(&fixture);
    assert_string_equal(fixture.fake.received, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n"
                                               "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n"
                                               "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
}

static void a_refused_login_is_told(void **state)
{
    static const struct fake_turn turns[] = {
        {"secret\r\n", "-WRONGPASS invalid username-password pair\r\n", 0, false},
        {"secret\r\n", "-NOPERM no permissions to run 'auth'\r\n", 0, false}};
    struct fixture fixture;
    struct pl_redis_url url = fake_start(&fixture.fake, turns, 2);
    struct pl_redis_login login = {.url = &url, .password = {.text = "secret"}};

    (void)state;
    pl_redis_link_init(&fixture.link, &login, NULL);
    assert_fails(&fixture, "check redis.password");
    assert_fails(&fixture, "ACL"); /* and PL_AGAIN: another user may be set up meanwhile */
    assert_null(strstr(fixture.error.text, "secret"));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_serves_many_calls),
        cmocka_unit_test(a_silent_one_is_given_up_and_its_answer_never_taken),
        cmocka_unit_test(one_that_trickles_is_given_up),
        cmocka_unit_test(a_slow_one_is_waited_for),
        cmocka_unit_test(half_an_answer_is_none),
        cmocka_unit_test(one_that_was_closed_meanwhile_is_made_anew),
        cmocka_unit_test(an_answer_that_nobody_asked_for_is_never_taken),
        cmocka_unit_test(errors_and_nonsense_are_told),
        cmocka_unit_test(nobody_there_is_told),
        cmocka_unit_test(it_logs_in_first),
        cmocka_unit_test(a_refused_login_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
