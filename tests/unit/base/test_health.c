/* Unit tests of base/health.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/health.h"

#define LIMIT_S 10U
#define ROUNDS 20000

static unsigned tick(struct pl_health *health)
{
    const char *stage;

    return pl_health_tick(health, &stage);
}

static void meet_all(struct pl_health *health)
{
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        pl_health_set(health, (enum pl_condition)i, true, NULL);
    }
}

/* ---- beats ----------------------------------------------------------------------------------- */

static void seconds_without_a_beat_are_counted(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);

    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(tick(health), i);
    }
    pl_health_beat(health, "polling");
    assert_int_equal(tick(health), 0);
    assert_int_equal(tick(health), 1);
    for (int i = 0; i < 1000; i++) {
        pl_health_beat(health, "polling");
    }
    assert_int_equal(tick(health), 0);
    pl_health_free(health);
}

static void an_excuse_begins_the_count_anew(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);

    (void)state;
    for (unsigned i = 0; i < LIMIT_S; i++) {
        (void)tick(health);
    }
    assert_false(pl_health_is_alive(health));
    pl_health_excuse(health);
    assert_true(pl_health_is_alive(health));
    assert_int_equal(tick(health), 1);
    pl_health_free(health);
}

static void the_last_stage_is_told(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);
    const char *stage;

    (void)state;
    (void)pl_health_tick(health, &stage);
    assert_string_equal(stage, "starting");
    pl_health_beat(health, "polling");
    pl_health_beat(health, "committing");
    (void)pl_health_tick(health, &stage);
    assert_string_equal(stage, "committing");
    (void)pl_health_tick(health, &stage);
    assert_string_equal(stage, "committing");
    pl_health_free(health);
}

static void alive_until_the_limit_is_near(void **state)
{
    const unsigned limits[][2] = {{30, 25}, {31, 26}, {6, 5}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct pl_health *health = pl_health_new(limits[i][0]);

        for (unsigned j = 1; j < limits[i][1]; j++) {
            (void)tick(health);
            assert_true(pl_health_is_alive(health));
        }
        (void)tick(health);
        assert_false(pl_health_is_alive(health));
        pl_health_beat(health, "back");
        (void)tick(health);
        assert_true(pl_health_is_alive(health));
        pl_health_free(health);
    }
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void a_service_that_has_not_begun_is_not_ready(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);
    char text[1024];

    (void)state;
    assert_false(pl_health_is_ready(health, text, sizeof(text)));
    assert_string_equal(text,
                        "kafka: not reached yet\n"
                        "redis: not reached yet\n"
                        "assigned: the group has not given us our share of the partitions yet\n"
                        "restored: the state of our partitions is not restored yet\n");
    meet_all(health);
    assert_true(pl_health_is_ready(health, text, sizeof(text)));
    assert_string_equal(text, "");
    pl_health_free(health);
}

static void each_condition_counts_by_itself(void **state)
{
    static const char *const names[] = {"slot",     "kafka",    "redis",       "registry",
                                        "assigned", "restored", "dead_letters"};
    struct pl_health *health = pl_health_new(LIMIT_S);
    char text[1024];
    char wanted[64];

    (void)state;
    assert_int_equal(sizeof(names) / sizeof(names[0]), PL_CONDITION_COUNT);
    meet_all(health);
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        enum pl_condition condition = (enum pl_condition)i;

        assert_string_equal(pl_condition_name(condition), names[i]);
        pl_health_set(health, condition, false, "first");
        pl_health_set(health, condition, false, "because");
        assert_false(pl_health_is_ready(health, text, sizeof(text)));
        (void)snprintf(wanted, sizeof(wanted), "%s: because\n", names[i]);
        assert_string_equal(text, wanted);
        pl_health_set(health, condition, true, "unused");
        assert_true(pl_health_is_ready(health, text, sizeof(text)));
    }
    pl_health_free(health);
}

static void a_reason_is_one_line(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);
    char text[1024];

    (void)state;
    meet_all(health);
    pl_health_set(health, PL_CONDITION_REDIS, false, "a\nb\r\nc\n");
    assert_false(pl_health_is_ready(health, text, sizeof(text)));
    assert_string_equal(text, "redis: a b  c \n");
    pl_health_free(health);
}

static void texts_end_where_the_space_does(void **state)
{
    struct pl_health *health = pl_health_new(LIMIT_S);
    char reason[1000];
    char text[4096];
    char guarded[12];

    (void)state;
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        pl_health_set(health, (enum pl_condition)i, false, reason);
    }
    assert_false(pl_health_is_ready(health, text, sizeof(text)));
    assert_in_range(strlen(text), PL_CONDITION_COUNT * 300, PL_CONDITION_COUNT * 340);
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (size_t size = 1; size < sizeof(guarded); size++) {
        memset(guarded, '#', sizeof(guarded));
        assert_false(pl_health_is_ready(health, guarded, size));
        assert_int_equal(strlen(guarded), size - 1);
        assert_int_equal(guarded[size], '#');
        assert_memory_equal(guarded, "slot: xxxxxxx", size - 1);
    }
    pl_health_free(health);
}

static void none_is_always_well(void **state)
{
    char text[16] = "x";

    (void)state;
    pl_health_beat(NULL, "polling");
    pl_health_set(NULL, PL_CONDITION_KAFKA, false, "away");
    assert_true(pl_health_is_alive(NULL));
    assert_true(pl_health_is_ready(NULL, text, sizeof(text)));
    assert_string_equal(text, "");
    pl_health_free(NULL);
}

/* ---- threads --------------------------------------------------------------------------------- */

struct shared {
    struct pl_health *health;
    atomic_bool is_over;
};

/* As the watchdog does. */
static void *count_ticks(void *argument)
{
    struct shared *shared = argument;
    uintptr_t foreign = 0;

    while (!atomic_load(&shared->is_over)) {
        const char *stage;

        (void)pl_health_tick(shared->health, &stage);
        foreign +=
            strcmp(stage, "one") != 0 && strcmp(stage, "two") != 0 && strcmp(stage, "starting") != 0
                ? 1
                : 0;
    }
    return (void *)foreign;
}

/* As the HTTP port does; a reason is never seen half changed. */
static void *ask(void *argument)
{
    struct shared *shared = argument;
    uintptr_t torn = 0;
    char text[1024];

    while (!atomic_load(&shared->is_over)) {
        (void)pl_health_is_alive(shared->health);
        if (!pl_health_is_ready(shared->health, text, sizeof(text))) {
            torn += strcmp(text, "redis: aaaaaaaa\n") != 0 && strcmp(text, "redis: bbbbbbbb\n") != 0
                        ? 1
                        : 0;
        }
    }
    return (void *)torn;
}

static void three_threads_share_it(void **state)
{
    struct shared shared = {.health = pl_health_new(LIMIT_S)};
    void *(*const runs[])(void *argument) = {count_ticks, ask};
    pthread_t threads[2];

    (void)state;
    atomic_init(&shared.is_over, false);
    meet_all(shared.health);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, runs[i], &shared), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        pl_health_beat(shared.health, i % 2 == 0 ? "one" : "two");
        pl_health_set(shared.health, PL_CONDITION_REDIS, i % 3 == 0,
                      i % 2 == 0 ? "aaaaaaaa" : "bbbbbbbb");
    }
    atomic_store(&shared.is_over, true);
    for (size_t i = 0; i < 2; i++) {
        void *faults = NULL;

        assert_int_equal(pthread_join(threads[i], &faults), 0);
        assert_null(faults);
    }
    pl_health_free(shared.health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_without_a_beat_are_counted),
        cmocka_unit_test(an_excuse_begins_the_count_anew),
        cmocka_unit_test(the_last_stage_is_told),
        cmocka_unit_test(alive_until_the_limit_is_near),
        cmocka_unit_test(a_service_that_has_not_begun_is_not_ready),
        cmocka_unit_test(each_condition_counts_by_itself),
        cmocka_unit_test(a_reason_is_one_line),
        cmocka_unit_test(texts_end_where_the_space_does),
        cmocka_unit_test(none_is_always_well),
        cmocka_unit_test(three_threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
