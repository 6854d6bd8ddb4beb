/* Unit tests of cli/page.c. */
#include "cli/page.h"
#include "sheet.h"

static void a_heading_has_its_explanation_below(void **state)
{
    struct sheet *sheet = *state;

    pl_page_heading(&sheet->page, "1  Title", "What it shows.");
    pl_page_heading(&sheet->page, "2  Other", NULL);
    assert_string_equal(text_of(sheet), "\n1  Title\n   What it shows.\n\n2  Other\n");
}

static void a_fancy_heading_is_bold(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.is_fancy = true;
    pl_page_heading(&sheet->page, "Title", NULL);
    assert_string_equal(text_of(sheet), "\n\033[1mTitle\033[0m\n");
}

static void a_paragraph_wraps(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.width = 10;
    pl_page_text(&sheet->page, pl_bytes_of("to be or not\nto\033be"));
    assert_string_equal(text_of(sheet), "to be or\nnot\nto?be\n");
}

static void a_file_is_a_plain_page(void **state)
{
    FILE *file = tmpfile();
    struct pl_page page;

    (void)state;
    assert_non_null(file);
    page = pl_page_of(file);
    assert_ptr_equal(page.out, file);
    assert_false(page.is_fancy);
    assert_int_equal(page.width, 100);
    (void)fclose(file); /* nothing was written */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SHEET(a_heading_has_its_explanation_below),
        WITH_SHEET(a_fancy_heading_is_bold),
        WITH_SHEET(a_paragraph_wraps),
        WITH_SHEET(a_file_is_a_plain_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
