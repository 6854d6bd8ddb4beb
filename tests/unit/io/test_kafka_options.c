/* Unit tests of io/kafka_options.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/kafka.h"

static struct pl_kafka_options with(const char *const (*properties)[2])
{
    return (struct pl_kafka_options){.properties = properties, .property_count = 1};
}

static void what_is_set_is_found(void **state)
{
    static const char *const properties[][2] = {{"client.id", "me"}};
    struct pl_kafka_options options = with(properties);

    (void)state;
    assert_string_equal(pl_kafka_property(&options, "client.id"), "me");
    assert_null(pl_kafka_property(&options, "client"));
}

static void servers_go_by_two_names(void **state)
{
    static const char *const one[][2] = {{"bootstrap.servers", "a:1"}};
    static const char *const other[][2] = {{"metadata.broker.list", "b:2"}};
    static const char *const neither[][2] = {{"client.id", "me"}};
    struct pl_kafka_options options = with(one);

    (void)state;
    assert_string_equal(pl_kafka_servers(&options), "a:1");
    options = with(other);
    assert_string_equal(pl_kafka_servers(&options), "b:2");
    options = with(neither);
    assert_string_equal(pl_kafka_servers(&options), PL_KAFKA_DEFAULT_SERVERS);
}

static void mechanisms_go_by_two_names(void **state)
{
    static const char *const one[][2] = {{"sasl.mechanism", "PLAIN"}};
    static const char *const other[][2] = {{"sasl.mechanisms", "OAUTHBEARER"}};
    static const char *const neither[][2] = {{"client.id", "me"}};
    struct pl_kafka_options options = with(one);

    (void)state;
    assert_string_equal(pl_kafka_sasl_mechanism(&options), "PLAIN");
    options = with(other);
    assert_string_equal(pl_kafka_sasl_mechanism(&options), "OAUTHBEARER");
    options = with(neither);
    assert_string_equal(pl_kafka_sasl_mechanism(&options), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_found),
        cmocka_unit_test(servers_go_by_two_names),
        cmocka_unit_test(mechanisms_go_by_two_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
