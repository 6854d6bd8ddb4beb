/* Unit tests of base/exit_reason.c. */
#include <fcntl.h>
#include <sys/stat.h>

#include "child.h"
#include "planlift/exit_reason.h"

struct telling {
    const char *word;
    const char *log;
};

static void tell(const void *argument)
{
    const struct telling *telling = argument;

    pl_exit_reason_tell_to(telling->word, telling->log);
}

/* A folder of this test's own. */
static void make_folder(char *ret_path, size_t size)
{
    const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets any */

    (void)snprintf(ret_path, size, "%s/planlift-exit-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(ret_path));
}

static void in_folder(const char *folder, const char *name, char *ret_path, size_t size)
{
    assert_in_range(snprintf(ret_path, size, "%s/%s", folder, name), 1, size - 1);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void read_file(const char *path, char *ret_text, size_t size)
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    ret_text[fread(ret_text, 1, size - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void the_line_goes_to_both(void **state)
{
    char folder[256];
    char log[300];
    char text[300];
    struct telling telling = {"hung", log};
    struct child child;

    (void)state;
    make_folder(folder, sizeof(folder));
    in_folder(folder, "log", log, sizeof(log));
    write_file(log, "what an earlier container said, and more of it than we say\n");
    child = run_in_child(tell, &telling);
    assert_int_equal(child.exit_status, 0);
    assert_string_equal(child.text, "exit_reason=hung\n");
    read_file(log, text, sizeof(text));
    assert_string_equal(text, "exit_reason=hung\n");
    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* rmdir finds the folder empty: no log was made. */
static void a_log_that_is_not_there_is_not_made(void **state)
{
    char folder[256];
    char log[300];
    struct telling telling = {"fenced", log};
    struct child child;

    (void)state;
    make_folder(folder, sizeof(folder));
    in_folder(folder, "log", log, sizeof(log));
    child = run_in_child(tell, &telling);
    assert_string_equal(child.text, "exit_reason=fenced\n");
    assert_int_equal(rmdir(folder), 0);
}

/* A folder, a pipe that nobody reads, a name that is too long: none of them stops the line. */
static void a_log_that_cannot_be_written_is_left_alone(void **state)
{
    char folder[256];
    char pipe_path[300];
    char long_path[5000];
    const char *const paths[] = {folder, pipe_path, long_path, ""};

    (void)state;
    make_folder(folder, sizeof(folder));
    in_folder(folder, "pipe", pipe_path, sizeof(pipe_path));
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct telling telling = {"failed", paths[i]};
        struct child child = run_in_child(tell, &telling);

        assert_int_equal(child.exit_status, 0);
        assert_string_equal(child.text, "exit_reason=failed\n");
    }
    assert_int_equal(unlink(pipe_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_word_is_cut_to_a_line(void **state)
{
    char word[500];
    struct telling telling = {word, ""};
    struct child child;

    (void)state;
    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    child = run_in_child(tell, &telling);
    assert_int_equal(child.len, 64);
    assert_int_equal(child.text[63], '\n');
}

/* ---- nobody reads ---------------------------------------------------------------------------- */

/* Standard error becomes a pipe that is full, and stays so. */
static void fill_stderr(void)
{
    static const char block[4096];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], block, sizeof(block)) > 0) {
    }
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
}

static void tell_to_a_full_pipe(const void *argument)
{
    fill_stderr();
    if (pl_exit_can_tell(0) || pl_exit_can_tell(10)) {
        _exit(3);
    }
    tell(argument);
    _exit(4);
}

static void a_reader_that_is_stuck_does_not_keep_the_process(void **state)
{
    struct telling telling = {"hung", ""};

    (void)state;
    assert_int_equal(run_in_child(tell_to_a_full_pipe, &telling).exit_status, 4);
}

static void tell_nobody(const void *argument)
{
    (void)close(STDERR_FILENO);
    if (pl_exit_can_tell(0)) {
        _exit(3);
    }
    tell(argument);
    _exit(4);
}

static void a_closed_stderr_is_no_trouble(void **state)
{
    struct telling telling = {"hung", ""};

    (void)state;
    assert_int_equal(run_in_child(tell_nobody, &telling).exit_status, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_goes_to_both),
        cmocka_unit_test(a_log_that_is_not_there_is_not_made),
        cmocka_unit_test(a_log_that_cannot_be_written_is_left_alone),
        cmocka_unit_test(a_word_is_cut_to_a_line),
        cmocka_unit_test(a_reader_that_is_stuck_does_not_keep_the_process),
        cmocka_unit_test(a_closed_stderr_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
