/* Unit tests of io/registry_http.c, with servers that misbehave. */
#include "fake_http.h"
#include "io/registry_http.h"
#include "io/world.h"

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"

struct fixture {
    struct fake_http fake;
    struct pl_system_world system;
    struct pl_registry_http *http;
    struct pl_registry_answer answer;
    struct pl_error error;
};

static enum pl_status make(struct fixture *fixture, const char *url, const char *user_info)
{
    struct pl_registry_options options = {.url = url,
                                          .user_info = {.text = user_info},
                                          .world = pl_system_world_port(&fixture->system)};

    return pl_registry_http_new(&options, &fixture->http, &fixture->error);
}

static void begin(struct fixture *fixture, const char *const *answers, size_t count)
{
    memset(fixture, 0, sizeof(*fixture));
    fake_http_start(&fixture->fake, answers, count);
    assert_int_equal(make(fixture, fixture->fake.url, NULL), PL_OK);
    pl_registry_http_limit(fixture->http, 500);
}

static void end(struct fixture *fixture)
{
    pl_registry_http_free(fixture->http);
    fake_http_stop(&fixture->fake);
}

static enum pl_status ask(struct fixture *fixture, struct pl_bytes body)
{
    return pl_registry_http_ask(fixture->http, "/subjects", body, &fixture->answer,
                                &fixture->error);
}

static void assert_fails(const char *answer, const char *said)
{
    struct fixture fixture;

    begin(&fixture, &answer, 1);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_AGAIN);
    assert_non_null(strstr(fixture.error.text, said));
    assert_non_null(strstr(fixture.error.text, fixture.fake.url));
    end(&fixture);
}

static void questions_and_answers(void **state)
{
    static const char *const answers[] = {OK "Content-Length: 2\r\n\r\n[]",
                                          "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno",
                                          OK "\r\n"};
    struct fixture fixture;

    (void)state;
    begin(&fixture, answers, 3);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
    assert_int_equal(fixture.answer.status, 200);
    assert_true(pl_bytes_equal(fixture.answer.body, PL_BYTES_LITERAL("[]")));
    assert_int_equal(ask(&fixture, PL_BYTES_LITERAL("{\"schema\":1}")), PL_OK);
    assert_int_equal(fixture.answer.status, 404);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
    assert_int_equal(fixture.answer.body.len, 0);
    end(&fixture);
    assert_non_null(strstr(fixture.fake.received, "GET /subjects HTTP/1.1"));
    assert_non_null(strstr(fixture.fake.received, "POST /subjects HTTP/1.1"));
    assert_non_null(strstr(fixture.fake.received, "Content-Type: application/vnd.schemaregistry"));
    assert_non_null(strstr(fixture.fake.received, "\r\n\r\n{\"schema\":1}"));
}

static void what_is_no_answer_is_told(void **state)
{
    (void)state;
    assert_fails("HTTP/1.1 500 X\r\nConnection: close\r\n\r\n", "HTTP 500");
    assert_fails("HTTP/1.1 429 X\r\nConnection: close\r\n\r\n", "HTTP 429");
    assert_fails("HTTP/1.1 401 X\r\nConnection: close\r\n\r\n", "basic.auth.user.info");
    assert_fails("HTTP/1.1 302 X\r\nConnection: close\r\nLocation: http://x\r\n\r\n", "moved");
    assert_fails(OK "Content-Length: 9\r\n\r\n{", "cannot be asked");
    assert_fails("", "cannot be asked");
    assert_fails("\x15\x03", "cannot be asked");
    assert_fails(NULL, "cannot be asked"); /* too slow */
}

static void an_answer_without_end_is_cut(void **state)
{
    size_t size = (size_t)9 * 1024 * 1024;
    char *text = malloc(size + 1);
    const char *answer = text;
    struct fixture fixture;
    size_t head;

    (void)state;
    assert_non_null(text);
    memset(text, '{', size);
    head = (size_t)snprintf(text, size, "%s", OK "\r\n");
    text[head] = '{';
    text[size] = '\0';
    begin(&fixture, &answer, 1);
    pl_registry_http_limit(fixture.http, 20000);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
    assert_true(fixture.answer.is_cut);
    assert_true(fixture.answer.body.len <= (size_t)8 * 1024 * 1024);
    end(&fixture);
    free(text);
}

static void the_next_place_is_asked(void **state)
{
    static const char *const fails[] = {"HTTP/1.1 503 X\r\nConnection: close\r\n\r\n"};
    static const char *const works[] = {OK "\r\n[1]", OK "\r\n[2]"};
    struct fake_http away;
    struct fixture fixture;
    char urls[200];

    (void)state;
    fake_http_start(&away, fails, 1);
    begin(&fixture, works, 2);
    pl_registry_http_free(fixture.http);
    (void)snprintf(urls, sizeof(urls), "%s/, %s/", away.url, fixture.fake.url);
    assert_int_equal(make(&fixture, urls, NULL), PL_OK);
    for (int i = 0; i < 2; i++) { /* the second time it is the first to be asked */
        assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
        assert_string_equal(pl_registry_http_place(fixture.http), fixture.fake.url);
    }
    end(&fixture);
    fake_http_stop(&away);
}

static void users_of_the_url_and_of_the_setting(void **state)
{
    static const char *const answers[] = {OK "\r\n", OK "\r\n"};
    struct fixture fixture;
    char url[200];

    (void)state;
    begin(&fixture, answers, 2);
    (void)snprintf(url, sizeof(url), "http://us%%65r:p%%3Aw@%.60s", fixture.fake.url + 7);
    pl_registry_http_free(fixture.http);
    assert_int_equal(make(&fixture, url, NULL), PL_OK);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
    assert_null(strstr(pl_registry_http_place(fixture.http), "p%3Aw"));
    pl_registry_http_free(fixture.http);
    assert_int_equal(make(&fixture, url, "other:word"), PL_OK);
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_OK);
    end(&fixture);
    assert_non_null(strstr(fixture.fake.received, "Basic dXNlcjpwOnc=")); /* user:p:w */
    assert_non_null(strstr(fixture.fake.received, "Basic b3RoZXI6d29yZA=="));
}

static void urls_are_checked(void **state)
{
    static const char *const bad[] = {"",          "host:8081",  "ftp://host",
                                      "http://",   "http://a?b", "http://a#b",
                                      "http://a,", ",http://a",  "http://a,b:1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture fixture = {.http = NULL};

        assert_int_equal(make(&fixture, bad[i], NULL), PL_BAD_DATA);
        assert_non_null(strstr(fixture.error.text, "schema.registry.url"));
    }
}

static void a_stop_ends_a_question(void **state)
{
    static const char *const never[] = {NULL};
    static const volatile sig_atomic_t stop = 1;
    struct fixture fixture;

    (void)state;
    begin(&fixture, never, 1);
    pl_registry_http_limit(fixture.http, 60000);
    fixture.system.stop = &stop;
    assert_int_equal(ask(&fixture, PL_NULL_BYTES), PL_AGAIN);
    assert_non_null(strstr(fixture.error.text, "asked to stop"));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_and_answers),
        cmocka_unit_test(what_is_no_answer_is_told),
        cmocka_unit_test(an_answer_without_end_is_cut),
        cmocka_unit_test(the_next_place_is_asked),
        cmocka_unit_test(users_of_the_url_and_of_the_setting),
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(a_stop_ends_a_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
