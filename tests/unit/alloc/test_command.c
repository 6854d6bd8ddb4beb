/* Whole commands, with one allocation after the other failing (fail_malloc.c): each run ends as if
 * nothing had happened, or with status 1 and exit_reason=out_of_memory, and has then said nothing
 * that it would not have said otherwise. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"

#define MOST_RUNS 900
#define RUN_TIMEOUT_S 20
#define OUTPUT_MAX_BYTES ((size_t)64 * 1024)

/* Both are set by CMake. */
static const char planlift[] = PLANLIFT_BINARY;
static const char fail_malloc[] = PLANLIFT_FAIL_MALLOC;

struct command {
    const char *arguments[4];
    const char *environment[3];
    const char *input; /* a file */
    int status;        /* when nothing fails */
};

static const struct command decide = {
    .arguments = {"decide"}, .input = "tests/unit/alloc/lines.ndjson", .status = 1};
static const struct command check = {
    .arguments = {"catalogue", "check", "catalogue/csp.json"}, .input = "/dev/null", .status = 0};
/* Ends once all settings are read, for one of them is unknown. */
static const struct command run = {
    .arguments = {"run", "--config", "tests/unit/alloc/settings.conf"},
    .environment = {"PLANLIFT_REDIS_PASSWORD_FILE=tests/unit/alloc/CMakeLists.txt",
                    "PLANLIFT_NONSENSE=1"},
    .input = "/dev/null",
    .status = 2};

/* ---- one run --------------------------------------------------------------------------------- */

struct output {
    char *text; /* with a NUL behind it */
    size_t len;
};

struct ended {
    int status; /* -1: by a signal */
    struct output out, err, count;
};

/* A file without a name. */
static int open_scratch(void)
{
    FILE *file = tmpfile();
    int copy;

    assert_non_null(file);
    copy = dup(fileno(file));
    assert_true(copy >= 0);
    assert_int_equal(fclose(file), 0);
    return copy;
}

static struct output read_all(int file)
{
    struct output output = {.text = calloc(1, OUTPUT_MAX_BYTES)};
    ssize_t count;

    assert_non_null(output.text);
    count = pread(file, output.text, OUTPUT_MAX_BYTES - 1, 0);
    assert_true(count >= 0);
    output.len = (size_t)count;
    assert_int_equal(close(file), 0);
    return output;
}

/* files: standard output, standard error, and COUNT_FILE. */
static pid_t start(const struct command *command, const char *setting, const int files[3])
{
    char preload[1024];
    char limit[32];
    char *arguments[8] = {(char *)(uintptr_t)planlift};
    char *environment[8] = {preload, (char *)(uintptr_t)setting, limit};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;

    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", fail_malloc);
    (void)snprintf(limit, sizeof(limit), "LC_ALL=C");
    for (size_t i = 0; i < 4 && command->arguments[i] != NULL; i++) {
        arguments[i + 1] = (char *)(uintptr_t)command->arguments[i];
    }
    for (size_t i = 0; i < 3 && command->environment[i] != NULL; i++) {
        environment[i + 3] = (char *)(uintptr_t)command->environment[i];
    }
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, command->input, O_RDONLY, 0), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, files[i], 1 + i), 0);
    }
    assert_int_equal(posix_spawn(&pid, planlift, &actions, NULL, arguments, environment), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    return pid;
}

static struct ended run_with(const struct command *command, const char *setting)
{
    const int files[3] = {open_scratch(), open_scratch(), open_scratch()};
    pid_t pid = start(command, setting, files);
    int status = 0;

    (void)alarm(RUN_TIMEOUT_S); /* ends this test if it hangs */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)alarm(0);
    return (struct ended){WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(files[0]),
                          read_all(files[1]), read_all(files[2])};
}

static void forget(struct ended *ended)
{
    free(ended->out.text);
    free(ended->err.text);
    free(ended->count.text);
}

/* ---- judging it ------------------------------------------------------------------------------ */

static bool starts_with(const struct output *whole, const struct output *start)
{
    return whole->len >= start->len && memcmp(whole->text, start->text, start->len) == 0;
}

static bool is_same(const struct output *a, const struct output *b)
{
    return a->len == b->len && starts_with(a, b);
}

/* What is said from the first blank on: a line of the log begins with the time. */
static struct output without_time(const struct output *output)
{
    char *blank = strchr(output->text, ' ');
    size_t skipped = blank == NULL ? 0 : (size_t)(blank - output->text);

    return (struct output){output->text + skipped, output->len - skipped};
}

static bool is_right(const struct ended *ended, const struct ended *good)
{
    struct output said = without_time(&ended->err);
    struct output expected = without_time(&good->err);

    return ended->status == good->status && is_same(&ended->out, &good->out) &&
           is_same(&said, &expected);
}

static bool is_out_of_memory(const struct ended *ended, const struct ended *good)
{
    static const char last_line[] = "exit_reason=out_of_memory\n";
    const struct output *err = &ended->err;
    size_t len = sizeof(last_line) - 1;

    return ended->status == 1 && starts_with(&good->out, &ended->out) && err->len >= len &&
           memcmp(err->text + err->len - len, last_line, len) == 0;
}

/* ---- all runs -------------------------------------------------------------------------------- */

static unsigned long count_allocations(const struct command *command, struct ended *ret_good)
{
    unsigned long count;

    *ret_good = run_with(command, "FAIL_MALLOC_COUNT=3");
    count = strtoul(ret_good->count.text, NULL, 10);
    assert_true(count > 5);
    return count;
}

static void sweep_command(const struct command *command)
{
    struct ended good;
    unsigned long count = count_allocations(command, &good);
    struct sweep sweep = sweep_of(count, MOST_RUNS);
    unsigned long n;
    unsigned runs = 0;
    unsigned out_of_memory = 0;

    assert_int_equal(good.status, command->status);
    for (; (n = sweep_next(&sweep)) != 0; runs++) {
        char setting[64];
        struct ended ended;

        (void)snprintf(setting, sizeof(setting), "FAIL_MALLOC_AT=%lu", n);
        ended = run_with(command, setting);
        if (is_out_of_memory(&ended, &good)) {
            out_of_memory++;
        } else if (!is_right(&ended, &good)) {
            fail_msg("%s, allocation %lu of %lu: status %d\n%s\n%s", command->arguments[0], n,
                     count, ended.status, ended.out.text, ended.err.text);
        }
        forget(&ended);
    }
    print_message("%s: %u of %lu allocations failed, %u times the memory was needed\n",
                  command->arguments[0], runs, count, out_of_memory);
    assert_true(out_of_memory > 5);
    forget(&good);
}

static void deciding(void **state)
{
    (void)state;
    sweep_command(&decide);
}

static void checking_a_catalogue(void **state)
{
    (void)state;
    sweep_command(&check);
}

static void reading_the_settings(void **state)
{
    (void)state;
    sweep_command(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deciding),
        cmocka_unit_test(checking_a_catalogue),
        cmocka_unit_test(reading_the_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
