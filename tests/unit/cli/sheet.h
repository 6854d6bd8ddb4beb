/* A page that is kept in memory, for the tests of what is shown. */
#ifndef PL_TESTS_CLI_SHEET_H
#define PL_TESTS_CLI_SHEET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/page.h"
#include "planlift/arena.h"

struct sheet {
    struct pl_arena arena;
    struct pl_page page;
    char *text;
    size_t len;
};

static inline int open_sheet(void **state)
{
    static struct sheet sheet;

    sheet = (struct sheet){.arena = PL_ARENA_INIT};
    sheet.page = (struct pl_page){open_memstream(&sheet.text, &sheet.len), false, 100};
    assert_non_null(sheet.page.out);
    *state = &sheet;
    return 0;
}

static inline int close_sheet(void **state)
{
    struct sheet *sheet = *state;

    (void)fclose(sheet->page.out); /* memory */
    free(sheet->text);
    pl_arena_done(&sheet->arena);
    return 0;
}

static inline const char *text_of(struct sheet *sheet)
{
    assert_int_equal(fflush(sheet->page.out), 0);
    return sheet->text;
}

#define WITH_SHEET(test) cmocka_unit_test_setup_teardown((test), open_sheet, close_sheet)

#endif
