/* Unit tests of config/reference.c: each setting is on the page and in the help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/reference.h"
#include "config/table.h"

static char *text_of(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void every_setting_is_on_the_page(void **state)
{
    char *page = text_of(pl_config_reference);

    (void)state;
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        assert_non_null(strstr(page, pl_setting_rows[i].name));
        assert_non_null(strstr(page, pl_setting_rows[i].meaning));
    }
    for (size_t i = 0; pl_kafka_forced[i] != NULL; i++) {
        assert_non_null(strstr(page, pl_kafka_forced[i]));
    }
    assert_non_null(strstr(page, "| `log.level`<br>`PLANLIFT_LOG_LEVEL` | debug, info, warn, "
                                 "error | `info` | "));
    free(page);
}

static void the_help_fits_a_terminal(void **state)
{
    char *help = text_of(pl_config_help);

    (void)state;
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        assert_non_null(strstr(help, pl_setting_rows[i].name));
    }
    for (const char *line = help; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_true(strcspn(line, "\n") <= 100);
    }
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_on_the_page),
        cmocka_unit_test(the_help_fits_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
