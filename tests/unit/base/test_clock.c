/* Unit tests of base/clock.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void waiting_takes_as_long_as_it_says(void **state)
{
    int64_t before = pl_clock_ms();

    (void)state;
    pl_clock_wait(20);
    assert_true(pl_clock_ms() - before >= 19); /* either reading is cut to a whole number */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_takes_as_long_as_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
