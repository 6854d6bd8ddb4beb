/* Unit tests of config/config.c (contract 8, Configuration). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static const char *const nothing[] = {NULL};

/* A temporary file with this content; its name is to be removed and freed. */
static char *new_file(const char *content)
{
    char *name = strdup("config-test-XXXXXX");
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(close(fd), 0);
    return name;
}

static void drop_file(char *name)
{
    assert_int_equal(unlink(name), 0);
    free(name);
}

static enum pl_status load_text(const char *content, const char *const *environment,
                                struct pl_config **ret_config, struct pl_error *error)
{
    char *name = new_file(content);
    enum pl_status status = pl_config_load(name, environment, ret_config, error);

    drop_file(name);
    return status;
}

static void defaults_are_those_of_the_contract(void **state)
{
    struct pl_config *config;

    (void)state;
    assert_int_equal(pl_config_load(NULL, nothing, &config, NULL), PL_OK);
    assert_string_equal(pl_config_text(config, PL_SETTING_TOPIC_REQUESTS), "upgrade-requests");
    assert_string_equal(pl_config_text(config, PL_SETTING_TOPIC_EVENTS), "subscription-events");
    assert_string_equal(pl_config_text(config, PL_SETTING_TOPIC_RESULTS), "upgrade-results");
    assert_string_equal(pl_config_text(config, PL_SETTING_TOPIC_STATE), "subscription-state");
    assert_string_equal(pl_config_text(config, PL_SETTING_PARTITIONER), "murmur2_random");
    assert_int_equal(pl_config_number(config, PL_SETTING_RESULT_MAX_ACCOUNTS), 1000);
    assert_int_equal(pl_config_number(config, PL_SETTING_TOPIC_PARTITIONS), 12);
    assert_int_equal(pl_config_number(config, PL_SETTING_TOPIC_REPLICATION_FACTOR), -1);
    assert_null(pl_config_text(config, PL_SETTING_SLOT));
    pl_config_free(config);
}

static void a_file_has_lines_blanks_and_comments(void **state)
{
    static const char content[] = "# a comment\n\n  group.id = g 1 \nkafka.sasl.password=a=b\n"
                                  "\t# another\nbatch.max.records=7\nkafka.x=1\nkafka.x=2";
    struct pl_config *config;

    (void)state;
    assert_int_equal(load_text(content, nothing, &config, NULL), PL_OK);
    assert_string_equal(pl_config_text(config, PL_SETTING_GROUP_ID), "g 1");
    assert_int_equal(pl_config_number(config, PL_SETTING_BATCH_MAX_RECORDS), 7);
    assert_string_equal(pl_config_kafka_value(config, "sasl.password"), "a=b");
    assert_string_equal(pl_config_kafka_value(config, "x"), "2");
    pl_config_free(config);
}

static void the_environment_wins(void **state)
{
    static const char *const environment[] = {"HOME=/",
                                              "PLANLIFT_GROUP_ID=from environment",
                                              "PLANLIFT_KAFKA_LOG__LEVEL=6",
                                              "PLANLIFT_KAFKA_BOOTSTRAP_SERVERS=h:1,h:2",
                                              "PLANLIFT_SERVICE_HOST=10.0.0.1",
                                              "PLANLIFT_PORT_9090_TCP=tcp://10.0.0.1:9090",
                                              NULL};
    struct pl_config *config;

    (void)state;
    assert_int_equal(load_text("group.id=from file\ntopic.state=s\n", environment, &config, NULL),
                     PL_OK);
    assert_string_equal(pl_config_text(config, PL_SETTING_GROUP_ID), "from environment");
    assert_string_equal(pl_config_text(config, PL_SETTING_TOPIC_STATE), "s");
    assert_string_equal(pl_config_kafka_value(config, "log_level"), "6");
    assert_string_equal(pl_config_kafka_value(config, "bootstrap.servers"), "h:1,h:2");
    pl_config_free(config);
}

static void a_value_may_be_in_a_file(void **state)
{
    char variable[128];
    const char *environment[] = {variable, NULL, NULL};
    char *name = new_file("secret\n\n");
    struct pl_config *config;
    struct pl_error error;

    (void)state;
    (void)snprintf(variable, sizeof(variable), "PLANLIFT_REDIS_PASSWORD_FILE=%s", name);
    assert_int_equal(pl_config_load(NULL, environment, &config, NULL), PL_OK);
    assert_string_equal(pl_config_text(config, PL_SETTING_REDIS_PASSWORD), "secret\n");
    assert_string_equal(pl_config_file(config, PL_SETTING_REDIS_PASSWORD), name);
    assert_null(pl_config_file(config, PL_SETTING_REDIS_URL));
    pl_config_free(config);

    (void)snprintf(variable, sizeof(variable), "PLANLIFT_KAFKA_SASL_PASSWORD_FILE=%s", name);
    assert_int_equal(pl_config_load(NULL, environment, &config, NULL), PL_OK);
    assert_string_equal(pl_config_kafka_file(config, "sasl.password"), name);
    assert_null(pl_config_kafka_file(config, "sasl.username"));
    pl_config_free(config);
    (void)snprintf(variable, sizeof(variable), "PLANLIFT_REDIS_PASSWORD_FILE=%s", name);

    environment[1] = "PLANLIFT_REDIS_PASSWORD=x";
    assert_int_equal(pl_config_load(NULL, environment, &config, &error), PL_BAD_DATA);
    assert_non_null(strstr(error.text, "PLANLIFT_REDIS_PASSWORD_FILE"));
    drop_file(name);
    environment[1] = NULL;
    assert_int_equal(pl_config_load(NULL, environment, &config, &error), PL_BAD_DATA);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    static const struct {
        const char *content;
        const char *named;
    } cases[] = {{"grup.id=x", "\"group.id\""},
                 {"redis.pasword=x", "\"redis.password\""},
                 {"no equals sign", ":1"},
                 {"\ngroup.id", ":2"},
                 {"kafka.group.id=x", "kafka.group.id"},
                 {"kafka.acks=1", "kafka.acks"},
                 {"kafka.transactional.id=x", "kafka.transactional.id"},
                 {"kafka.isolation.level=read_uncommitted", "kafka.isolation.level"},
                 {"batch.max.records=0", "batch.max.records"},
                 {"batch.max.records=1x", "batch.max.records"},
                 {"result.max.accounts=99999999999999999999", "result.max.accounts"},
                 {"log.level=loud", "log.level"},
                 {"log.level=info|warn", "log.level"},
                 {"partitioner=random", "partitioner"},
                 {"topic.state=upgrade-results", "topic.state"},
                 {"group.id=", "group.id"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_config *config;
        struct pl_error error = {""};

        assert_int_equal(load_text(cases[i].content, nothing, &config, &error), PL_BAD_DATA);
        assert_non_null(strstr(error.text, cases[i].named));
    }
}

static void set_to_nothing_is_unset(void **state)
{
    struct pl_config *config;

    (void)state;
    assert_int_equal(load_text("slot=\ncatalogue.path=\n", nothing, &config, NULL), PL_OK);
    assert_null(pl_config_text(config, PL_SETTING_SLOT));
    assert_null(pl_config_text(config, PL_SETTING_CATALOGUE_PATH));
    pl_config_free(config);
}

static void a_variable_that_is_no_setting_is_refused(void **state)
{
    static const char *const environment[] = {"PLANLIFT_GROUPID=x", NULL};
    struct pl_config *config;
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(pl_config_load(NULL, environment, &config, &error), PL_BAD_DATA);
    assert_non_null(strstr(error.text, "PLANLIFT_GROUPID"));
    assert_non_null(strstr(error.text, "\"group.id\""));
}

static void each_value_knows_where_it_was_set(void **state)
{
    static const char *const environment[] = {"PLANLIFT_TOPIC_STATE=s", "PLANLIFT_SLOT=", NULL};
    struct pl_config *config;
    const char *const(*pairs)[2];

    (void)state;
    assert_int_equal(load_text("topic.state=t\ngroup.id=g\n\nkafka.a=1\nkafka.b=1\nkafka.a=2\n",
                               environment, &config, NULL),
                     PL_OK);
    assert_string_equal(pl_config_name(PL_SETTING_TOPIC_STATE), "topic.state");
    assert_string_equal(pl_config_origin(config, PL_SETTING_TOPIC_STATE), "PLANLIFT_TOPIC_STATE");
    assert_non_null(strstr(pl_config_origin(config, PL_SETTING_GROUP_ID), ":2"));
    assert_null(pl_config_origin(config, PL_SETTING_TOPIC_EVENTS));
    assert_null(pl_config_origin(config, PL_SETTING_SLOT)); /* set to nothing is unset */
    assert_int_equal(pl_config_kafka(config, &pairs), 2);
    assert_non_null(strstr(pl_config_kafka_origin(config, 0), ":6"));
    assert_non_null(strstr(pl_config_kafka_origin(config, 1), ":5"));
    assert_true(pl_config_is_secret(PL_SETTING_REDIS_PASSWORD));
    assert_false(pl_config_is_secret(PL_SETTING_GROUP_ID));
    pl_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(a_file_has_lines_blanks_and_comments),
        cmocka_unit_test(the_environment_wins),
        cmocka_unit_test(a_value_may_be_in_a_file),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(set_to_nothing_is_unset),
        cmocka_unit_test(a_variable_that_is_no_setting_is_refused),
        cmocka_unit_test(each_value_knows_where_it_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
