/* Unit tests of config/table.c: what holds of every row, finding, checking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/table.h"

static void every_row_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        const struct pl_setting_row *row = &pl_setting_rows[i];
        enum pl_setting setting;
        int64_t number = 0;

        assert_true(i == 0 || strcmp(pl_setting_rows[i - 1].name, row->name) < 0);
        assert_int_equal(pl_setting_find(row->name, &setting, NULL), PL_OK);
        assert_int_equal(setting, i);
        assert_true(strlen(row->meaning) > 0);
        assert_true(strchr(row->meaning, '|') == NULL); /* it stands in a table */
        if (row->value != NULL) {
            assert_int_equal(pl_setting_check(setting, row->value, &number, NULL), PL_OK);
        }
    }
}

static void an_unknown_name_is_told_with_the_nearest(void **state)
{
    static const char *const cases[][2] = {{"grup.id", "group.id"},
                                           {"redis.uri", "redis.url"},
                                           {"topic.request", "topic.requests"},
                                           {"schema.registry.uri", "schema.registry.url"},
                                           {"result.max.account", "result.max.accounts"}};
    char long_name[1000];
    enum pl_setting setting;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_error error = {""};

        assert_int_equal(pl_setting_find(cases[i][0], &setting, &error), PL_BAD_DATA);
        assert_non_null(strstr(error.text, cases[i][0]));
        assert_non_null(strstr(error.text, cases[i][1]));
    }
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(pl_setting_find(long_name, &setting, NULL), PL_BAD_DATA);
    assert_int_equal(pl_setting_find("", &setting, NULL), PL_BAD_DATA);
}

static void a_value_is_of_its_type(void **state)
{
    static const struct {
        enum pl_setting setting;
        const char *value;
        enum pl_status status;
    } cases[] = {{PL_SETTING_BATCH_MAX_RECORDS, "1", PL_OK},
                 {PL_SETTING_BATCH_MAX_RECORDS, "1000000", PL_OK},
                 {PL_SETTING_BATCH_MAX_RECORDS, "0", PL_BAD_DATA},
                 {PL_SETTING_BATCH_MAX_RECORDS, "1000001", PL_BAD_DATA},
                 {PL_SETTING_BATCH_MAX_RECORDS, "1 ", PL_BAD_DATA},
                 {PL_SETTING_BATCH_MAX_RECORDS, "", PL_BAD_DATA},
                 {PL_SETTING_BATCH_MAX_RECORDS, "99999999999999999999", PL_BAD_DATA},
                 {PL_SETTING_TOPIC_REPLICATION_FACTOR, "-1", PL_OK},
                 {PL_SETTING_LOG_LEVEL, "debug", PL_OK},
                 {PL_SETTING_LOG_LEVEL, "error", PL_OK},
                 {PL_SETTING_LOG_LEVEL, "erro", PL_BAD_DATA},
                 {PL_SETTING_LOG_LEVEL, "debug, info", PL_BAD_DATA},
                 {PL_SETTING_LOG_LEVEL, "", PL_BAD_DATA},
                 {PL_SETTING_GROUP_ID, "", PL_BAD_DATA},
                 {PL_SETTING_SLOT, "", PL_OK},
                 {PL_SETTING_REDIS_PASSWORD, "anything", PL_OK}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_error error = {""};
        int64_t number = 0;

        assert_int_equal(pl_setting_check(cases[i].setting, cases[i].value, &number, &error),
                         cases[i].status);
        assert_true(cases[i].status == PL_OK ||
                    strstr(error.text, pl_setting_rows[cases[i].setting].name) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(an_unknown_name_is_told_with_the_nearest),
        cmocka_unit_test(a_value_is_of_its_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
