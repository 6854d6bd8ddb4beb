/* Unit tests of config/source.c: names of variables; reading is tested with config.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/source.h"

struct taken {
    const char *name, *value;
    int count;
};

static enum pl_status take(void *self, const char *name, const char *value, const char *where,
                           struct pl_error *error)
{
    struct taken *taken = self;

    assert_string_equal(name, taken->name);
    assert_string_equal(value, taken->value);
    assert_non_null(where);
    taken->count++;
    return taken->count > 1 ? pl_fail(error, PL_BAD_DATA, "no more") : PL_OK;
}

static void a_variable_is_named_after_its_setting(void **state)
{
    static const char *const names[][2] = {
        {"group.id", "PLANLIFT_GROUP_ID"},
        {"kafka.log_level", "PLANLIFT_KAFKA_LOG__LEVEL"},
        {"topic.replication.factor", "PLANLIFT_TOPIC_REPLICATION_FACTOR"}};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct taken taken = {names[i][0], "a=b", 0};
        const struct pl_config_taker taker = {take, &taken};
        char variable[PL_VARIABLE_MOST];
        char entry[PL_VARIABLE_MOST + 8];
        const char *const environment[] = {entry, NULL};

        pl_source_variable(names[i][0], variable);
        assert_string_equal(variable, names[i][1]);
        (void)snprintf(entry, sizeof(entry), "%s=a=b", variable);
        assert_int_equal(pl_source_environment(environment, &taker, NULL), PL_OK);
        assert_int_equal(taken.count, 1);
    }
}

static void a_long_name_is_cut(void **state)
{
    char name[2 * PL_VARIABLE_MOST];
    char variable[PL_VARIABLE_MOST];

    (void)state;
    memset(name, '_', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    pl_source_variable(name, variable);
    assert_true(strlen(variable) < PL_VARIABLE_MOST);
}

static void what_the_taker_says_ends_the_reading(void **state)
{
    static const char *const environment[] = {"PLANLIFT_A=1", "PLANLIFT_A=1", "PLANLIFT_B=2", NULL};
    struct taken taken = {"a", "1", 0};
    const struct pl_config_taker taker = {take, &taken};
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(pl_source_environment(environment, &taker, &error), PL_BAD_DATA);
    assert_string_equal(error.text, "no more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_named_after_its_setting),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(what_the_taker_says_ends_the_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
