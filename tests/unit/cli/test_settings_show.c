/* Unit tests of cli/settings_show.c: secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/settings_show.h"

static void secrets_are_masked(void **state)
{
    static const struct {
        const char *value;
        bool is_secret;
        const char *shown;
    } cases[] = {
        {"hunter2", true, "****"},
        {"", true, ""},
        {"plain", false, "plain"},
        {"redis://localhost:6379/0", true, "redis://localhost:6379/0"},
        {"redis://:hunter2@localhost:6379", true, "redis://:****@localhost:6379"},
        {"redis://user:hunter2@localhost/1", true, "redis://user:****@localhost/1"},
        {"redis://user:a/b@c:d?@localhost/1", true, "redis://user:****@localhost/1"},
        {"redis://hunter2@localhost", true, "redis://****@localhost"},
        {"redis+sentinel://u:p@h1:1,h2:2/master", true, "redis+sentinel://u:****@h1:1,h2:2/master"},
        {"unix:///run/redis.sock", true, "unix:///run/redis.sock"},
        {"unix://u:p@/run/redis.sock?db=1", true, "unix://u:****@/run/redis.sock?db=1"},
        {"https://u:p@registry:8081/x", false, "https://u:****@registry:8081/x"},
        {"host1:9092,host2:9092", false, "host1:9092,host2:9092"},
        {"user@host", false, "user@host"}};
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_bytes shown = pl_settings_mask(cases[i].value, cases[i].is_secret, &arena);

        assert_true(pl_bytes_equal(shown, pl_bytes_of(cases[i].shown)));
    }
    pl_arena_done(&arena);
}

static void secrets_of_kafka_are_known_by_name(void **state)
{
    static const char *const secret[] = {"sasl.password",
                                         "ssl.key.password",
                                         "ssl.keystore.password",
                                         "ssl.key.pem",
                                         "sasl.oauthbearer.client.secret",
                                         "sasl.oauthbearer.config"};
    static const char *const open[] = {
        "bootstrap.servers",   "sasl.username",  "security.protocol",     "ssl.ca.location",
        "ssl.certificate.pem", "sasl.mechanism", "transaction.timeout.ms"};

    (void)state;
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
        assert_true(pl_settings_is_kafka_secret(secret[i]));
    }
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        assert_false(pl_settings_is_kafka_secret(open[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(secrets_of_kafka_are_known_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
