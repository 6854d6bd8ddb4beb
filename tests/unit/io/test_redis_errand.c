/* Unit tests of io/redis_errand.c, on two nodes of a cluster that say what a script tells them. */
#include <hiredis/hiredis.h>

#include "fake_redis.h"
#include "io/redis_errand.h"

#define KEY PL_BYTES_LITERAL("foo")
#define GET "foo\r\n"

static enum pl_status send_get(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                               struct pl_error *error)
{
    pl_redis_link_command(link, "GET");
    pl_redis_link_add(link, errand->key);
    return pl_redis_link_send(link, error);
}

static enum pl_status take_get(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                               struct pl_error *error)
{
    struct redisReply *reply;
    enum pl_status status = pl_redis_link_receive(link, REDIS_REPLY_STRING, &reply, error);

    if (status == PL_OK) {
        (void)snprintf(errand->item, 32, "%s", reply->str);
        freeReplyObject(reply);
    }
    return status;
}

struct fixture {
    struct fake_redis fakes[2];
    char answers[2][4][64]; /* "%d" in a turn's answer is the other node's port */
    struct fake_turn turns[2][4];
    struct pl_redis_nodes *nodes;
    char got[2][32];
    struct pl_error error;
};

/* The script of each node: so many turns. */
static void begin(struct fixture *fixture, const struct fake_turn *const scripts[2],
                  const size_t counts[2])
{
    char host[] = "127.0.0.1";
    struct pl_redis_place places[2] = {{host, 0}, {host, 0}};
    const struct pl_redis_url url = {.kind = PL_REDIS_CLUSTER, .places = places, .place_count = 1};

    memset(fixture->turns, 0, sizeof(fixture->turns));
    fixture->error.text[0] = '\0';
    for (int node = 0; node < 2; node++) {
        memcpy(fixture->turns[node], scripts[node], counts[node] * sizeof(struct fake_turn));
        places[node].port =
            fake_start_on_port(&fixture->fakes[node], fixture->turns[node], counts[node]);
    }
    for (int node = 0; node < 2; node++) { /* nobody is connected yet */
        for (size_t i = 0; i < counts[node]; i++) {
            const char *place = strstr(scripts[node][i].answer, ":PORT");

            if (place != NULL) {
                (void)snprintf(fixture->answers[node][i], 64, "%.*s:%d\r\n",
                               (int)(place - scripts[node][i].answer), scripts[node][i].answer,
                               places[1 - node].port);
                fixture->turns[node][i].answer = fixture->answers[node][i];
            }
        }
    }
    fixture->nodes = pl_redis_nodes_new(&url, NULL);
}

static void end(struct fixture *fixture)
{
    pl_redis_nodes_free(fixture->nodes);
    fake_stop(&fixture->fakes[0]);
    fake_stop(&fixture->fakes[1]);
}

static enum pl_status run(struct fixture *fixture, size_t count)
{
    struct pl_redis_errand errands[2] = {{send_get, take_get, KEY, fixture->got[0], NULL, NULL},
                                         {send_get, take_get, KEY, fixture->got[1], NULL, NULL}};

    return pl_redis_errands_run(fixture->nodes, errands, count, &fixture->error);
}

static void a_moved_key_is_followed_and_found_at_once_from_then_on(void **state)
{
    static const struct fake_turn first[] = {{GET, "-MOVED 12182 127.0.0.1:PORT", 0, false}};
    static const struct fake_turn second[] = {{GET, "$1\r\nA\r\n", 0, false},
                                              {GET, "$1\r\nB\r\n", 0, false}};
    const struct fake_turn *const scripts[] = {first, second};
    struct fixture fixture;

    (void)state;
    begin(&fixture, scripts, (const size_t[]){1, 2});
    assert_int_equal(run(&fixture, 1), PL_OK);
    assert_string_equal(fixture.got[0], "A");
    assert_int_equal(run(&fixture, 1), PL_OK);
    assert_string_equal(fixture.got[0], "B");
    end(&fixture);
}

static void a_key_under_way_is_asked_for_once(void **state)
{
    static const struct fake_turn first[] = {{GET, "-ASK 12182 :PORT", 0, false},
                                             {GET, "$1\r\nB\r\n", 0, false}};
    static const struct fake_turn second[] = {{"ASKING\r\n", "+OK\r\n", 0, false},
                                              {GET, "$1\r\nA\r\n", 0, false}};
    const struct fake_turn *const scripts[] = {first, second};
    struct fixture fixture;

    (void)state;
    begin(&fixture, scripts, (const size_t[]){2, 2});
    assert_int_equal(run(&fixture, 1), PL_OK);
    assert_string_equal(fixture.got[0], "A");
    assert_int_equal(run(&fixture, 1), PL_OK);
    assert_string_equal(fixture.got[0], "B");
    end(&fixture);
}

static void nodes_that_send_us_round_are_given_up(void **state)
{
    static const struct fake_turn first[] = {{GET, "-MOVED 12182 127.0.0.1:PORT", 0, false},
                                             {GET, "-MOVED 12182 127.0.0.1:PORT", 0, false},
                                             {GET, "-MOVED 12182 127.0.0.1:PORT", 0, false}};
    const struct fake_turn *const scripts[] = {first, first};
    struct fixture fixture;

    (void)state;
    begin(&fixture, scripts, (const size_t[]){3, 3});
    assert_int_not_equal(run(&fixture, 1), PL_OK);
    assert_non_null(strstr(fixture.error.text, "elsewhere in its cluster"));
    end(&fixture);
}

/* The second answer of one that failed must not be taken for that of a later command. */
static void a_failure_ends_all_that_is_under_way(void **state)
{
    static const struct fake_turn first[] = {
        {GET "*2\r\n$3\r\nGET\r\n$3\r\nfoo\r\n", "-NOPERM no\r\n$1\r\nX\r\n", 0, false},
        {GET, "$1\r\nA\r\n", 0, false}};
    static const struct fake_turn second[] = {{GET, "", 0, false}};
    const struct fake_turn *const scripts[] = {first, second};
    struct fixture fixture;

    (void)state;
    begin(&fixture, scripts, (const size_t[]){2, 1});
    assert_int_equal(run(&fixture, 2), PL_NOT_FOUND);
    assert_non_null(strstr(fixture.error.text, "NOPERM"));
    assert_int_equal(run(&fixture, 1), PL_OK);
    assert_string_equal(fixture.got[0], "A");
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_key_is_followed_and_found_at_once_from_then_on),
        cmocka_unit_test(a_key_under_way_is_asked_for_once),
        cmocka_unit_test(nodes_that_send_us_round_are_given_up),
        cmocka_unit_test(a_failure_ends_all_that_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
