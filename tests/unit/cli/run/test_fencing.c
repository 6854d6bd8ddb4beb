/* Unit tests of cli/fencing.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/run/fencing.h"

#define ID "group-0"
#define LAST_FOLDER "/tmp" /* where there is no other */
#define PATH_BYTES 300

static void set_variable(const char *name, const char *value)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there are no threads */
    assert_int_equal(value == NULL ? unsetenv(name) : setenv(name, value, 1), 0);
}

/* A folder of the test's own, which $RUNTIME_DIRECTORY names. */
static int set_up(void **state)
{
    static char folder[PATH_BYTES];

    (void)snprintf(folder, sizeof(folder), "%s/planlift-fencing-XXXXXX", LAST_FOLDER);
    assert_non_null(mkdtemp(folder));
    set_variable("RUNTIME_DIRECTORY", folder);
    set_variable("TMPDIR", "/nowhere");
    *state = folder;
    return 0;
}

/* rmdir: nothing else was made in it. */
static int tear_down(void **state)
{
    char path[PATH_BYTES * 2];

    (void)snprintf(path, sizeof(path), "%s/planlift-fenced-" ID, (const char *)*state);
    (void)unlink(path); /* it may have been taken over */
    assert_int_equal(rmdir(*state), 0);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As a process at its start. */
static struct pl_fencing recall(int64_t now)
{
    struct pl_fencing fencing;

    pl_fencing_recall(ID, now, &fencing);
    return fencing;
}

static void fence_one_that_was_not_warned(void)
{
    struct pl_fencing fencing = recall(now_ms());

    assert_false(pl_fencing_is_fight(&fencing, now_ms()));
    pl_fencing_note(&fencing);
}

/* ---- who takes it for a fight ---------------------------------------------------------------- */

static void the_restart_of_one_that_was_fenced(void **state)
{
    struct pl_fencing restarted;

    (void)state;
    fence_one_that_was_not_warned();
    restarted = recall(now_ms() + 1000);
    assert_true(pl_fencing_is_fight(&restarted, now_ms() + 2000));
    assert_true(pl_fencing_is_fight(&restarted, now_ms() + 50000));
    assert_false(pl_fencing_is_fight(&restarted, now_ms() + 61000));
}

static void only_one_process_is_its_restart(void **state)
{
    struct pl_fencing first;
    struct pl_fencing second;

    (void)state;
    fence_one_that_was_not_warned();
    first = recall(now_ms() + 10);
    second = recall(now_ms() + 10);
    assert_true(pl_fencing_is_fight(&first, now_ms() + 20));
    assert_false(pl_fencing_is_fight(&second, now_ms() + 20));
}

/* The one that is fenced was there before: it does not stand in for anybody. */
static void not_the_one_that_started_earlier(void **state)
{
    struct pl_fencing earlier = recall(now_ms());

    (void)state;
    fence_one_that_was_not_warned();
    assert_false(pl_fencing_is_fight(&earlier, now_ms() + 10));
}

static void not_after_a_minute(void **state)
{
    struct pl_fencing late;

    (void)state;
    fence_one_that_was_not_warned();
    late = recall(now_ms() + 61000);
    assert_false(pl_fencing_is_fight(&late, now_ms() + 61000));
}

static void a_clock_that_was_set_back_is_no_fight(void **state)
{
    struct pl_fencing restarted;

    (void)state;
    fence_one_that_was_not_warned();
    restarted = recall(now_ms() - 3600000);
    assert_false(pl_fencing_is_fight(&restarted, now_ms() - 3600000));
}

static void again_and_again(void **state)
{
    (void)state;
    fence_one_that_was_not_warned();
    for (int i = 0; i < 3; i++) {
        struct pl_fencing restarted = recall(now_ms());

        assert_true(pl_fencing_is_fight(&restarted, now_ms()));
        pl_fencing_note(&restarted);
    }
}

/* ---- where it is remembered ------------------------------------------------------------------ */

static void slots_and_groups_are_apart(void **state)
{
    static const char *const ids[] = {"group-1", "group-00", "group", "a/b-0", "a%2Fb-0", "../x-0"};
    const char *folder = *state;
    struct pl_fencing fencing;

    fence_one_that_was_not_warned();
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        pl_fencing_recall(ids[i], now_ms(), &fencing);
        assert_false(pl_fencing_is_fight(&fencing, now_ms()));
        assert_memory_equal(fencing.path, folder, strlen(folder));
        assert_null(strchr(fencing.path + strlen(folder) + 1, '/'));
        pl_fencing_note(&fencing);
    }
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        pl_fencing_recall(ids[i], now_ms(), &fencing);
        assert_true(pl_fencing_is_fight(&fencing, now_ms()));
    }
}

static void a_long_id_is_known_by_its_end(void **state)
{
    char id[1000];
    struct pl_fencing fencing;

    (void)state;
    memset(id, '/', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    for (int i = 0; i < 2; i++) {
        id[sizeof(id) - 2] = (char)('0' + i);
        pl_fencing_recall(id, now_ms(), &fencing);
        assert_false(pl_fencing_is_fight(&fencing, now_ms()));
        pl_fencing_note(&fencing);
    }
    for (int i = 0; i < 2; i++) {
        id[sizeof(id) - 2] = (char)('0' + i);
        pl_fencing_recall(id, now_ms(), &fencing);
        assert_true(pl_fencing_is_fight(&fencing, now_ms()));
    }
}

static void folders_in_their_order(void **state)
{
    char list[PATH_BYTES * 2];
    struct pl_fencing fencing;

    (void)snprintf(list, sizeof(list), "%s:/other", (const char *)*state);
    set_variable("RUNTIME_DIRECTORY", list); /* systemd's, with two */
    (void)snprintf(list, sizeof(list), "%s/planlift-fenced-" ID, (const char *)*state);
    fencing = recall(now_ms());
    assert_string_equal(fencing.path, list);
    set_variable("RUNTIME_DIRECTORY", NULL);
    fencing = recall(now_ms());
    assert_string_equal(fencing.path, "/nowhere/planlift-fenced-" ID);
    pl_fencing_note(&fencing); /* cannot be: nothing is remembered, nothing happens */
    set_variable("TMPDIR", "not/absolute");
    fencing = recall(now_ms());
    assert_string_equal(fencing.path, LAST_FOLDER "/planlift-fenced-" ID);
}

/* Somebody else's doing in a folder that all may write to. */
static void what_is_no_file_is_not_believed(void **state)
{
    char path[PATH_BYTES * 2];
    char target[PATH_BYTES * 2];
    struct pl_fencing fencing;

    (void)snprintf(path, sizeof(path), "%s/planlift-fenced-" ID, (const char *)*state);
    (void)snprintf(target, sizeof(target), "%s/target", (const char *)*state);
    assert_int_equal(symlink(target, path), 0);
    fencing = recall(now_ms());
    assert_false(pl_fencing_is_fight(&fencing, now_ms()));
    pl_fencing_note(&fencing);
    assert_int_equal(access(target, F_OK), -1); /* not written through the link */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    fencing = recall(now_ms());
    assert_false(pl_fencing_is_fight(&fencing, now_ms()));
    pl_fencing_note(&fencing);
    assert_int_equal(rmdir(path), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_restart_of_one_that_was_fenced),
        CASE(only_one_process_is_its_restart),
        CASE(not_the_one_that_started_earlier),
        CASE(not_after_a_minute),
        CASE(a_clock_that_was_set_back_is_no_fight),
        CASE(again_and_again),
        CASE(slots_and_groups_are_apart),
        CASE(a_long_id_is_known_by_its_end),
        CASE(folders_in_their_order),
        CASE(what_is_no_file_is_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
