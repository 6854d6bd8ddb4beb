/* Unit tests of base/status.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/status.h"

static void each_status_has_a_name_of_its_own(void **state)
{
    const char *names[] = {"ok", "again", "not_found", "bad_data", "abort", "fenced", "fatal"};

    (void)state;
    for (int status = PL_OK; status <= PL_FATAL; status++) {
        assert_string_equal(pl_status_name((enum pl_status)status), names[status]);
    }
}

static void a_failure_fills_the_text_and_returns_its_status(void **state)
{
    struct pl_error error = {"something older"};

    (void)state;
    assert_int_equal(pl_fail(&error, PL_AGAIN, "%s is %d", "x", 5), PL_AGAIN);
    assert_string_equal(error.text, "x is 5");
}

static void who_wants_no_text_gets_the_status(void **state)
{
    (void)state;
    assert_int_equal(pl_fail(NULL, PL_FATAL, "%d", 1), PL_FATAL);
    assert_int_equal(pl_fail_at(NULL, PL_FENCED, "%d", 1), PL_FENCED);
}

static void a_place_goes_before_the_text(void **state)
{
    struct pl_error error = {"it is gone"};

    (void)state;
    assert_int_equal(pl_fail_at(&error, PL_ABORT, "%s:%d", "file", 7), PL_ABORT);
    assert_string_equal(error.text, "file:7: it is gone");
    assert_int_equal(pl_fail_at(&error, PL_FATAL, "reading"), PL_FATAL);
    assert_string_equal(error.text, "reading: file:7: it is gone");
}

static void long_texts_are_cut(void **state)
{
    struct pl_error error;
    char text[2000];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(pl_fail(&error, PL_AGAIN, "%s", text), PL_AGAIN);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    assert_int_equal(pl_fail_at(&error, PL_AGAIN, "place"), PL_AGAIN);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    assert_memory_equal(error.text, "place: aaa", 10);
    assert_int_equal(pl_fail_at(&error, PL_AGAIN, "%s", text), PL_AGAIN);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    assert_int_equal(error.text[0], 'a');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_a_name_of_its_own),
        cmocka_unit_test(a_failure_fills_the_text_and_returns_its_status),
        cmocka_unit_test(who_wants_no_text_gets_the_status),
        cmocka_unit_test(a_place_goes_before_the_text),
        cmocka_unit_test(long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
