/* Unit tests of cli/options.c. */
#include "base/child.h"
#include "cli/options.h"

/* What the options of the tests are read into. */
struct given {
    bool flag;
    const char *text;
    struct pl_optional_int number;
    struct pl_optional_long large;
    int code;
    int operand;
};

static void parse_into(struct given *given, int argc, char **argv)
{
    const struct pl_option options[] = {
        {.letter = 'f', .name = "flag", .meaning = "sets it", .is_given = &given->flag},
        {.letter = 't', .name = "text", .argument = "T", .meaning = "a text", .text = &given->text},
        {.name = "number",
         .argument = "N",
         .meaning = "a number whose meaning is so long that it goes on beside the forms of the "
                    "options in a second line",
         .number = &given->number},
        {.name = "large",
         .argument = "N",
         .meaning = "a large one",
         .large_number = &given->large}};
    const struct pl_usage usage = {.command = "planlift test",
                                   .operands = "[OPTIONS] WORD",
                                   .about = "What it does.",
                                   .options = options,
                                   .option_count = sizeof(options) / sizeof(options[0]),
                                   .examples = "  planlift test --flag",
                                   .exit_codes = "0 done, 2 wrong use"};

    given->code = pl_options_parse(&usage, argc, argv, &given->operand);
}

/* Words parted by blanks, the first being the subcommand. */
static struct given parse(const char *line)
{
    static char text[256];
    static char *argv[16];
    struct given given = {.code = 99};
    char *rest = NULL;
    int argc = 0;

    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    parse_into(&given, argc, argv);
    return given;
}

/* The same in a child: what it says on standard output and error. */
static void parse_aloud(const void *line)
{
    struct given given;

    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* a failure shows as missing text */
    given = parse(line);
    _exit(given.code == PL_GO_ON ? 99 : given.code);
}

static void options_are_read_wherever_they_stand(void **state)
{
    struct given given = parse("test a --text=x b -f --number -7 --large 9000000000 c");

    (void)state;
    assert_int_equal(given.code, PL_GO_ON);
    assert_true(given.flag);
    assert_string_equal(given.text, "x");
    assert_true(given.number.is_set);
    assert_int_equal(given.number.value, -7);
    assert_true(given.large.is_set);
    assert_int_equal(given.large.value, 9000000000);
    assert_int_equal(given.operand, 7); /* a, b and c stand behind the options now */
}

static void what_is_not_given_is_unset(void **state)
{
    struct given given = parse("test");

    (void)state;
    assert_int_equal(given.code, PL_GO_ON);
    assert_false(given.flag || given.number.is_set || given.large.is_set);
    assert_null(given.text);
    assert_int_equal(given.operand, 1);
}

static void names_may_be_cut_short(void **state)
{
    struct given given = parse("test --num 3 --te y");

    (void)state;
    assert_int_equal(given.code, PL_GO_ON);
    assert_int_equal(given.number.value, 3);
    assert_string_equal(given.text, "y");
}

static void wrong_use_is_named(void **state)
{
    static const struct {
        const char *line;
        const char *named;
    } cases[] = {{"test --nonsense", "there is no option --nonsense"},
                 {"test -x", "there is no option -x"},
                 {"test --flag=yes", "there is no option --flag=yes"},
                 {"test --text", "a value is missing behind --text"},
                 {"test --number x", "--number wants a whole number, not x"},
                 {"test --number 1.5", "not 1.5"},
                 {"test --number 2147483648", "not 2147483648"},
                 {"test --number +1", "not +1"},
                 {"test --large 9223372036854775808", "not 9223372036854775808"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct child child = run_in_child(parse_aloud, cases[i].line);

        assert_int_equal(child.exit_status, 2);
        assert_non_null(strstr(child.text, cases[i].named));
        assert_non_null(strstr(child.text, "Try 'planlift test --help'"));
    }
}

static void help_is_made_of_the_table(void **state)
{
    struct child child = run_in_child(parse_aloud, "test --help");

    (void)state;
    assert_int_equal(child.exit_status, 0);
    assert_string_equal(
        child.text,
        "Usage: planlift test [OPTIONS] WORD\n\nWhat it does.\n\n"
        "  -f, --flag      sets it\n"
        "  -t, --text T    a text\n"
        "      --number N  a number whose meaning is so long that it goes on beside the forms of\n"
        "                  the options in a second line\n"
        "      --large N   a large one\n"
        "  -h, --help      show this text\n"
        "\nExamples:\n  planlift test --flag\n"
        "\nExit codes: 0 done, 2 wrong use.\n");
}

static void print_more(FILE *out)
{
    (void)fputs("More.\n", out);
}

/* A subcommand without options and operands. */
static void parse_bare(const void *word)
{
    static const struct pl_usage usage = {.command = "planlift bare",
                                          .operands = "",
                                          .about = "What it does.",
                                          .exit_codes = "0 done",
                                          .print_more = print_more};
    char command[] = "bare";
    char operand[16];
    char *argv[] = {command, operand, NULL};
    int code;

    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* a failure shows as missing text */
    (void)snprintf(operand, sizeof(operand), "%s", (const char *)word);
    code = pl_options_parse(&usage, *operand == '\0' ? 1 : 2, argv, NULL);
    _exit(code == PL_GO_ON ? 99 : code);
}

static void operands_are_refused_where_none_are_taken(void **state)
{
    struct child child = run_in_child(parse_bare, "more");

    (void)state;
    assert_int_equal(child.exit_status, 2);
    assert_non_null(strstr(child.text, "planlift bare: no use for more\n"));
    assert_int_equal(run_in_child(parse_bare, "").exit_status, 99);
}

static void more_stands_at_the_end_of_the_help(void **state)
{
    struct child child = run_in_child(parse_bare, "--help");

    (void)state;
    assert_int_equal(child.exit_status, 0);
    assert_non_null(strstr(child.text, "Exit codes: 0 done.\n\nMore.\n"));
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int first_part(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[0], "first") == 0 && strcmp(argv[1], "x") == 0 ? 11 : 12;
}

static void run_part(const void *word)
{
    static const struct pl_subcommand parts[] = {{"first", first_part, "the first"}};
    char command[] = "test";
    char operand[] = "x";
    char part[16];
    char *argv[] = {command, part, operand, NULL};

    (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* a failure shows as missing text */
    (void)snprintf(part, sizeof(part), "%s", (const char *)word);
    _exit(pl_subcommand_run("planlift test", parts, 1, *part == '\0' ? 1 : 3, argv));
}

static void parts_are_found_by_name(void **state)
{
    struct child child;

    (void)state;
    assert_int_equal(run_in_child(run_part, "first").exit_status, 11);
    child = run_in_child(run_part, "second");
    assert_int_equal(child.exit_status, 2);
    assert_non_null(strstr(child.text, "there is no subcommand second"));
    assert_non_null(strstr(child.text, "first      the first"));
    assert_int_equal(run_in_child(run_part, "").exit_status, 2);
    child = run_in_child(run_part, "--help");
    assert_int_equal(child.exit_status, 0);
    assert_non_null(strstr(child.text, "first      the first"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_wherever_they_stand),
        cmocka_unit_test(what_is_not_given_is_unset),
        cmocka_unit_test(names_may_be_cut_short),
        cmocka_unit_test(wrong_use_is_named),
        cmocka_unit_test(help_is_made_of_the_table),
        cmocka_unit_test(operands_are_refused_where_none_are_taken),
        cmocka_unit_test(more_stands_at_the_end_of_the_help),
        cmocka_unit_test(parts_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
