/* Unit tests of cli/table.c. */
#include "cli/table.h"
#include "sheet.h"

#define BAR "\033[2m\xe2\x94\x82\033[0m"
#define DASH "\xe2\x94\x80"
#define ELLIPSIS "\xe2\x80\xa6"

static struct pl_cell cell(const char *text)
{
    return (struct pl_cell){pl_bytes_of(text), PL_TONE_PLAIN};
}

/* A table of one column and one cell. */
static void print_one(struct sheet *sheet, const char *heading, enum pl_fit fit, const char *text)
{
    const struct pl_column column = {heading, fit};
    const struct pl_cell only = cell(text);
    struct pl_table table = pl_table_of(&column, 1, &sheet->arena);

    pl_table_add(&table, &only);
    pl_table_print(&table, &sheet->page);
}

/* Columns that the lines of the tests take: é is one, 田 two, a combining accent none. */
static size_t shown_width(const char *line, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)line[i];

        if (byte == 0xe7) {
            width += 2;
        } else if (byte < 0x80 || byte == 0xc3) {
            width += 1;
        } /* else the rest of a character, or U+0301 */
    }
    return width;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct pl_column three[] = {
    {"Name", PL_FIT_WRAP}, {"Seats", PL_FIT_NUMBER}, {"Note", PL_FIT_CUT}};

static struct pl_table table_of_three(struct sheet *sheet)
{
    struct pl_table table = pl_table_of(three, 3, &sheet->arena);

    pl_table_add(&table, (const struct pl_cell[]){cell("basic"), cell("25"), cell("")});
    pl_table_add(&table, (const struct pl_cell[]){
                             cell("apps"), cell("3"), {pl_bytes_of("good"), PL_TONE_GOOD}});
    return table;
}

static void a_plain_table_has_no_escapes(void **state)
{
    struct sheet *sheet = *state;
    struct pl_table table = table_of_three(sheet);

    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), "Name   Seats  Note\n"
                                        "-----  -----  ----\n"
                                        "basic     25\n"
                                        "apps       3  good\n");
}

static void a_fancy_table_has_lines_and_tones(void **state)
{
    struct sheet *sheet = *state;
    struct pl_table table = table_of_three(sheet);

    sheet->page.is_fancy = true;
    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet),
                        "\033[2m\xe2\x94\x8c" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xac" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xac" DASH DASH DASH DASH DASH DASH "\xe2\x94\x90\033[0m\n" BAR
                        " \033[1mName\033[0m  " BAR " \033[1mSeats\033[0m " BAR
                        " \033[1mNote\033[0m " BAR "\n"
                        "\033[2m\xe2\x94\x9c" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xbc" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xbc" DASH DASH DASH DASH DASH DASH "\xe2\x94\xa4\033[0m\n" BAR
                        " basic " BAR "    25 " BAR "      " BAR "\n" BAR " apps  " BAR
                        "     3 " BAR " \033[32mgood\033[0m " BAR "\n"
                        "\033[2m\xe2\x94\x94" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xb4" DASH DASH DASH DASH DASH DASH DASH
                        "\xe2\x94\xb4" DASH DASH DASH DASH DASH DASH "\xe2\x94\x98\033[0m\n");
}

static void a_table_without_rows_is_not_printed(void **state)
{
    struct sheet *sheet = *state;
    struct pl_table table = pl_table_of(three, 3, &sheet->arena);

    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), "");
}

static void many_rows_are_kept_in_order(void **state)
{
    struct sheet *sheet = *state;
    const struct pl_column column = {"", PL_FIT_NUMBER};
    struct pl_table table = pl_table_of(&column, 1, &sheet->arena);
    char expected[1024] = "\n---\n";
    size_t len = strlen(expected);

    for (int i = 100; i < 200; i++) {
        struct pl_cell number = {pl_arena_format(&sheet->arena, "%d", i), PL_TONE_PLAIN};

        pl_table_add(&table, &number);
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%d\n", i);
    }
    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), expected);
}

/* ---- what is too long ------------------------------------------------------------------------ */

static void text_wraps_at_blanks(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.width = 11;
    print_one(sheet, "Text", PL_FIT_WRAP, "to be or    not to be, that is");
    assert_string_equal(text_of(sheet), "Text\n"
                                        "-----------\n"
                                        "to be or\n"
                                        "not to be,\n"
                                        "that is\n");
}

static void a_word_wraps_at_its_parts_and_else_anywhere(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.width = 10;
    print_one(sheet, "Id", PL_FIT_WRAP, "m365-business-basic abcdefghijklmn");
    assert_string_equal(text_of(sheet), "Id\n"
                                        "----------\n"
                                        "m365-\n"
                                        "business-\n"
                                        "basic\n"
                                        "abcdefghij\n"
                                        "klmn\n");
}

static void a_heading_wraps_before_it_widens_its_column(void **state)
{
    struct sheet *sheet = *state;

    print_one(sheet, "Accounts affected", PL_FIT_NUMBER, "12");
    assert_string_equal(text_of(sheet), "Accounts\n"
                                        "affected\n"
                                        "--------\n"
                                        "      12\n");
}

static void a_newline_starts_a_new_line(void **state)
{
    struct sheet *sheet = *state;

    print_one(sheet, "T", PL_FIT_WRAP, "one two\n\nthree");
    assert_string_equal(text_of(sheet), "T\n"
                                        "-------\n"
                                        "one two\n"
                                        "\n"
                                        "three\n");
}

static void an_ellipsis_ends_what_is_cut(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.width = 12;
    print_one(sheet, "T", PL_FIT_CUT, "to be or not to be\nthat");
    assert_string_equal(text_of(sheet), "T\n"
                                        "------------\n"
                                        "to be or ...\n");
}

static void a_fancy_ellipsis_takes_one_column(void **state)
{
    struct sheet *sheet = *state;

    sheet->page.is_fancy = true;
    sheet->page.width = 16;
    print_one(sheet, "T", PL_FIT_CUT, "to be or not to be");
    assert_non_null(strstr(text_of(sheet), BAR " to be or no" ELLIPSIS " " BAR "\n"));
}

static void columns_that_wrap_give_way_first(void **state)
{
    static const struct pl_column columns[] = {{"A", PL_FIT_CUT}, {"B", PL_FIT_WRAP}};
    struct sheet *sheet = *state;
    struct pl_table table = pl_table_of(columns, 2, &sheet->arena);

    sheet->page.width = 24;
    pl_table_add(&table,
                 (const struct pl_cell[]){cell("fifteen letters"), cell("some words here")});
    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), "A                B\n"
                                        "---------------  -------\n"
                                        "fifteen letters  some\n"
                                        "                 words\n"
                                        "                 here\n");
}

static void assert_no_line_is_wider(const char *text, size_t width)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        if (shown_width(text, (size_t)(end - text)) > width) {
            fail_msg("%zu: %.*s", width, (int)(end - text), text);
        }
    }
}

static void no_line_is_wider_than_the_page(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "caf\xc3\xa9 cr\xc3\xa8me",
        "e\xcc\x81t\xcc\x81 a",
        "\xe7\x94\xb0\xe7\x94\xb0\xe7\x94\xb0 \xe7\x94\xb0",
        "averyveryverylongwordindeedwithoutanyblank and-parts_of/it",
        "twelve"};
    struct sheet *sheet = *state;
    struct pl_table table = pl_table_of(three, 3, &sheet->arena);

    for (size_t i = 0; i < 7; i++) {
        pl_table_add(&table, (const struct pl_cell[]){cell(texts[i]), cell(texts[(i + 2) % 7]),
                                                      cell(texts[(i + 5) % 7])});
    }
    for (size_t width = 12; width <= 120; width++) {
        size_t start = sheet->len;

        sheet->page.width = width;
        pl_table_print(&table, &sheet->page);
        assert_no_line_is_wider(text_of(sheet) + start, width);
        assert_true(sheet->len > start);
    }
}

/* ---- characters ------------------------------------------------------------------------------ */

static void columns_stand_below_each_other_whatever_the_characters(void **state)
{
    static const struct pl_column columns[] = {{"N", PL_FIT_WRAP}, {"M", PL_FIT_WRAP}};
    struct sheet *sheet = *state;
    struct pl_table table = pl_table_of(columns, 2, &sheet->arena);

    pl_table_add(&table, (const struct pl_cell[]){cell("\xe7\x94\xb0\xe4\xb8\xad"), cell("|")});
    pl_table_add(&table, (const struct pl_cell[]){cell("\xc3\xa9"), cell("|")});
    pl_table_add(&table, (const struct pl_cell[]){cell("e\xcc\x81"), cell("|")});
    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), "N     M\n"
                                        "----  -\n"
                                        "\xe7\x94\xb0\xe4\xb8\xad  |\n"
                                        "\xc3\xa9     |\n"
                                        "e\xcc\x81     |\n");
}

static void what_would_steer_the_terminal_is_a_question_mark(void **state)
{
    struct sheet *sheet = *state;

    print_one(sheet, "T", PL_FIT_WRAP, "a\033[2Jb\rc\td\177e\xc2\x9bg");
    assert_string_equal(text_of(sheet), "T\n"
                                        "--------------\n"
                                        "a?[2Jb?c?d?e?g\n");
}

static void what_is_not_utf8_is_question_marks(void **state)
{
    struct sheet *sheet = *state;
    const struct pl_column column = {"T", PL_FIT_WRAP};
    const struct pl_cell only = {{"a\xff\xc3 \0z\xe7\x94", 8}, PL_TONE_PLAIN};
    struct pl_table table = pl_table_of(&column, 1, &sheet->arena);

    pl_table_add(&table, &only);
    pl_table_print(&table, &sheet->page);
    assert_string_equal(text_of(sheet), "T\n"
                                        "--------\n"
                                        "a?? ?z??\n");
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* A table of given widths whose rows come one by one. */
static void print_pieces(struct sheet *sheet)
{
    static const size_t widths[] = {6, 5, 8};

    for (int i = 0; i < 3; i++) {
        struct pl_table table = pl_table_of(three, 3, &sheet->arena);

        table.widths = widths;
        table.has_before = i > 0;
        table.has_after = i < 2;
        if (i < 2) {
            pl_table_add(&table, (const struct pl_cell[]){cell(i == 0 ? "a long one" : "b"),
                                                          cell("7"), cell("as long as this")});
        }
        pl_table_print(&table, &sheet->page);
    }
}

static void a_table_may_come_in_pieces(void **state)
{
    struct sheet *sheet = *state;

    print_pieces(sheet);
    assert_string_equal(text_of(sheet), "Name    Seats  Note\n"
                                        "------  -----  --------\n"
                                        "a long      7  as lo...\n"
                                        "one\n"
                                        "b           7  as lo...\n");
}

static void the_last_piece_closes_a_fancy_table(void **state)
{
    struct sheet *sheet = *state;
    const char *text;
    const char *bottom;

    sheet->page.is_fancy = true;
    print_pieces(sheet);
    text = text_of(sheet);
    bottom = strstr(text, "\xe2\x94\x94"); /* the lower left corner */
    assert_non_null(bottom);
    assert_null(strstr(bottom + 1, "\xe2\x94\x94"));
    assert_null(strstr(bottom, "\xe2\x94\x82")); /* no row behind it */
    assert_null(strstr(strstr(text, "Name") + 1, "Name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SHEET(a_plain_table_has_no_escapes),
        WITH_SHEET(a_fancy_table_has_lines_and_tones),
        WITH_SHEET(a_table_without_rows_is_not_printed),
        WITH_SHEET(many_rows_are_kept_in_order),
        WITH_SHEET(text_wraps_at_blanks),
        WITH_SHEET(a_word_wraps_at_its_parts_and_else_anywhere),
        WITH_SHEET(a_heading_wraps_before_it_widens_its_column),
        WITH_SHEET(a_newline_starts_a_new_line),
        WITH_SHEET(an_ellipsis_ends_what_is_cut),
        WITH_SHEET(a_fancy_ellipsis_takes_one_column),
        WITH_SHEET(columns_that_wrap_give_way_first),
        WITH_SHEET(no_line_is_wider_than_the_page),
        WITH_SHEET(columns_stand_below_each_other_whatever_the_characters),
        WITH_SHEET(what_would_steer_the_terminal_is_a_question_mark),
        WITH_SHEET(what_is_not_utf8_is_question_marks),
        WITH_SHEET(a_table_may_come_in_pieces),
        WITH_SHEET(the_last_piece_closes_a_fancy_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
