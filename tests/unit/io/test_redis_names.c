/* Unit tests of io/redis_names.c. */
#include "fake_redis.h"
#include "io/redis_names.h"

/* Names that came, each with a blank behind it. */
struct names {
    char text[256];
};

static void take(void *self, struct pl_bytes name)
{
    struct names *names = self;
    size_t len = strlen(names->text);

    (void)snprintf(names->text + len, sizeof(names->text) - len, "%.*s ", (int)name.len, name.data);
}

static enum pl_status ask(const struct fake_turn *turns, size_t count, struct names *names,
                          struct pl_error *error)
{
    struct fake_redis fake;
    struct pl_redis_url url = fake_start(&fake, turns, count);
    enum pl_status status =
        pl_redis_names(&url, NULL, PL_BYTES_LITERAL("planlift:{g:p3}"), take, names, error);

    fake_stop(&fake);
    return status;
}

static void names_come_until_the_cursor_is_back(void **state)
{
    static const struct fake_turn turns[] = {
        {"HSCAN\r\n$15\r\nplanlift:{g:p3}\r\n$1\r\n0\r\n$5\r\nCOUNT\r\n$4\r\n1000\r\n",
         "*2\r\n$2\r\n17\r\n*4\r\n$1\r\n#\r\n$2\r\ncp\r\n$3\r\nh/c\r\n$0\r\n\r\n", 0, false},
        {"$2\r\n17\r\n$5\r\nCOUNT\r\n$4\r\n1000\r\n",
         "*2\r\n$1\r\n0\r\n*2\r\n$3\r\nh/d\r\n$1\r\nx\r\n", 0, false}};
    struct names names = {""};
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(ask(turns, 2, &names, &error), PL_OK);
    assert_string_equal(names.text, "# h/c h/d ");
}

static void a_hash_that_is_not_there_has_none(void **state)
{
    static const struct fake_turn turns[] = {{"1000\r\n", "*2\r\n$1\r\n0\r\n*0\r\n", 0, false}};
    struct names names = {""};
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(ask(turns, 1, &names, &error), PL_OK);
    assert_string_equal(names.text, "");
}

static void what_goes_wrong_is_told(void **state)
{
    static const struct fake_turn cases[] = {
        {"1000\r\n", "-NOPERM this user has no permissions to run the 'hscan' command\r\n", 0,
         false},
        {"1000\r\n", "*1\r\n$1\r\n0\r\n", 0, false},
        {"1000\r\n", "*2\r\n$1\r\n0\r\n$1\r\n0\r\n", 0, false},
        {"1000\r\n", "*2\r\n$30\r\n000000000000000000000000000000\r\n*0\r\n", 0, false},
        {"1000\r\n", "", 0, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct names names = {""};
        struct pl_error error = {""};

        assert_int_equal(ask(&cases[i], 1, &names, &error), PL_AGAIN);
        assert_true(error.text[0] != '\0');
        assert_string_equal(names.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_until_the_cursor_is_back),
        cmocka_unit_test(a_hash_that_is_not_there_has_none),
        cmocka_unit_test(what_goes_wrong_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
