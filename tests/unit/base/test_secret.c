/* Unit tests of base/secret.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"

static void make_file(char *path, size_t size)
{
    const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): no thread yet */
    int fd;

    (void)snprintf(path, size, "%s/test-secret-XXXXXX", base == NULL ? "/tmp" : base);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void assert_read(const char *path, const char *wanted)
{
    struct pl_error error = {""};
    char *text = NULL;

    assert_int_equal(pl_secret_read_file(path, &text, &error), PL_OK);
    assert_string_equal(text, wanted);
    pl_secret_free(text);
}

static void one_newline_is_taken_off(void **state)
{
    char path[256];

    (void)state;
    make_file(path, sizeof(path));
    assert_read(path, "");
    write_file(path, "a b\n", 4);
    assert_read(path, "a b");
    write_file(path, "a\n\n", 3);
    assert_read(path, "a\n");
    write_file(path, "a\0b\n", 4);
    assert_read(path, "a");
    (void)unlink(path);
}

static void a_file_is_read_anew(void **state)
{
    char path[256];
    const struct pl_secret secret = {.text = "first", .file = path};
    struct pl_error error = {""};
    char *text = NULL;

    (void)state;
    make_file(path, sizeof(path));
    write_file(path, "second\n", 7);
    assert_int_equal(pl_secret_get(&secret, &text, &error), PL_OK);
    assert_string_equal(text, "second");
    pl_secret_free(text);
    (void)unlink(path);
    assert_int_equal(pl_secret_get(&secret, &text, &error), PL_AGAIN);
    assert_non_null(strstr(error.text, path));
}

static void a_text_is_the_secret_for_ever(void **state)
{
    const struct pl_secret secret = {.text = "text"};
    const struct pl_secret none = {.text = NULL};
    struct pl_error error = {""};
    char *text = NULL;

    (void)state;
    assert_int_equal(pl_secret_get(&secret, &text, &error), PL_OK);
    assert_string_equal(text, "text");
    pl_secret_free(text);
    assert_int_equal(pl_secret_get(&none, &text, &error), PL_OK);
    assert_null(text);
    pl_secret_free(text);
}

static void what_is_no_file_is_told(void **state)
{
    struct pl_error error = {""};
    char *text = NULL;

    (void)state;
    assert_int_equal(pl_secret_read_file("/nowhere/secret", &text, &error), PL_BAD_DATA);
    assert_non_null(strstr(error.text, "/nowhere/secret"));
    assert_int_equal(pl_secret_read_file("/", &text, &error), PL_BAD_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_newline_is_taken_off),
        cmocka_unit_test(a_file_is_read_anew),
        cmocka_unit_test(a_text_is_the_secret_for_ever),
        cmocka_unit_test(what_is_no_file_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
