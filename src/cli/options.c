/* Command lines by table, on getopt_long. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CODE 256 /* what getopt_long returns for options without a letter */
#define HELP_CODE 'h'
#define MEANING_WIDTH 88
#define FORM_BYTES 64
#define CODES_BYTES 512

static const struct pl_option help = {
    .letter = HELP_CODE, .name = "help", .meaning = "show this text"};

int pl_options_wrong(const char *command, const char *reason, const char *word)
{
    (void)fprintf(stderr, "%s: %s%s\nTry '%s --help'.\n", command, reason, word, command);
    return 2;
}

/* ---- the help -------------------------------------------------------------------------------- */

/* "  -c, --config FILE" */
static size_t put_form(const struct pl_option *option, char form[FORM_BYTES])
{
    char letter[5] = "    ";

    if (option->letter != '\0') {
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter); /* fits */
    }
    (void)snprintf(form, FORM_BYTES, "  %s--%s%s%s", letter, option->name,
                   option->argument == NULL ? "" : " ",
                   option->argument == NULL ? "" : option->argument); /* fits */
    return strlen(form);
}

/* The meaning, wrapped beside the forms. */
static void print_meaning(const char *meaning, size_t indent)
{
    size_t width = MEANING_WIDTH - indent;

    while (strlen(meaning) > width) {
        size_t len = width;

        while (len > 0 && meaning[len] != ' ') {
            len--;
        }
        (void)printf("%.*s\n%*s", (int)len, meaning, (int)indent, "");
        meaning += len + 1;
    }
    (void)printf("%s\n", meaning);
}

static void print_option(const struct pl_option *option, size_t indent)
{
    char form[FORM_BYTES];

    (void)put_form(option, form);
    (void)printf("%-*s", (int)indent, form);
    print_meaning(option->meaning, indent);
}

/* Its failure shows at the flush. */
static int print_help(const struct pl_usage *usage)
{
    char form[FORM_BYTES];
    char codes[CODES_BYTES];
    size_t indent = put_form(&help, form);

    for (size_t i = 0; i < usage->option_count; i++) {
        size_t len = put_form(&usage->options[i], form);

        indent = len > indent ? len : indent;
    }
    (void)printf("Usage: %s %s\n\n%s\n\n", usage->command, usage->operands, usage->about);
    for (size_t i = 0; i < usage->option_count; i++) {
        print_option(&usage->options[i], indent + 2);
    }
    print_option(&help, indent + 2);
    if (usage->examples != NULL) {
        (void)printf("\nExamples:\n%s\n", usage->examples);
    }
    (void)snprintf(codes, sizeof(codes), "%s.", usage->exit_codes); /* fits */
    (void)printf("\nExit codes: ");
    print_meaning(codes, strlen("Exit codes: "));
    if (usage->print_more != NULL) {
        (void)putchar('\n');
        usage->print_more(stdout);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* A whole number within the bounds, and nothing else. */
static bool read_number(const char *text, int64_t least, int64_t most, int64_t *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return (*text == '-' || (*text >= '0' && *text <= '9')) && *end == '\0' && errno == 0 &&
           *ret_number >= least && *ret_number <= most;
}

static bool take_value(const struct pl_option *option, const char *text)
{
    int64_t number = 0;
    bool is_good = true;

    if (option->is_given != NULL) {
        *option->is_given = true;
    } else if (option->text != NULL) {
        *option->text = text;
    } else if (option->number != NULL) {
        is_good = read_number(text, INT32_MIN, INT32_MAX, &number);
        *option->number = (struct pl_optional_int){true, (int32_t)number};
    } else {
        is_good = read_number(text, INT64_MIN, INT64_MAX, &number);
        *option->large_number = (struct pl_optional_long){true, number};
    }
    return is_good;
}

static struct option as_getopt(const struct pl_option *option, int code)
{
    return (struct option){option->name, option->argument == NULL ? no_argument : required_argument,
                           NULL, code};
}

/* The tables that getopt_long wants. */
static void fill_tables(const struct pl_usage *usage, struct option *names, char *letters)
{
    size_t count = 0;

    *letters++ = ':'; /* a missing argument is told from an unknown option */
    for (; count < usage->option_count; count++) {
        const struct pl_option *option = &usage->options[count];

        names[count] = as_getopt(option, FIRST_CODE + (int)count);
        if (option->letter != '\0') {
            *letters++ = option->letter;
            if (option->argument != NULL) {
                *letters++ = ':';
            }
        }
    }
    names[count++] = as_getopt(&help, HELP_CODE);
    names[count] = (struct option){NULL, 0, NULL, 0};
    *letters++ = HELP_CODE;
    *letters = '\0';
}

static const struct pl_option *find_option(const struct pl_usage *usage, int code)
{
    for (size_t i = 0; i < usage->option_count; i++) {
        if (code == FIRST_CODE + (int)i || code == usage->options[i].letter) {
            return &usage->options[i];
        }
    }
    return NULL;
}

int pl_options_parse(const struct pl_usage *usage, int argc, char **argv, int *ret_operand)
{
    struct option names[PL_OPTIONS_MOST + 2];
    char letters[2 * PL_OPTIONS_MOST + 3];
    int code;

    assert(usage->option_count <= PL_OPTIONS_MOST);
    fill_tables(usage, names, letters);
    opterr = 0;
    optind = 0; /* starts anew, also after another table */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): called before there are threads */
    while ((code = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        const struct pl_option *option = find_option(usage, code);

        if (code == HELP_CODE) {
            return print_help(usage);
        }
        if (code == ':') {
            return pl_options_wrong(usage->command, "a value is missing behind ", argv[optind - 1]);
        }
        if (option == NULL) {
            return pl_options_wrong(usage->command, "there is no option ", argv[optind - 1]);
        }
        if (!take_value(option, optarg)) {
            char reason[FORM_BYTES];

            (void)snprintf(reason, sizeof(reason), "--%s wants a whole number, not ",
                           option->name); /* fits */
            return pl_options_wrong(usage->command, reason, optarg);
        }
    }
    if (ret_operand != NULL) {
        *ret_operand = optind;
    } else if (optind < argc) {
        return pl_options_wrong(usage->command, "no use for ", argv[optind]);
    }
    return PL_GO_ON;
}

/* ---- parts of a subcommand ------------------------------------------------------------------- */

static void print_parts(FILE *out, const char *command, const struct pl_subcommand *parts,
                        size_t count)
{
    (void)fprintf(out, "Usage: %s SUBCOMMAND [OPTIONS]\n\n", command);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "  %-10s %s\n", parts[i].name, parts[i].meaning);
    }
    (void)fprintf(out, "\n%s SUBCOMMAND --help explains each.\n", command);
}

int pl_subcommand_run(const char *command, const struct pl_subcommand *parts, size_t count,
                      int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, parts[i].name) == 0) {
            return parts[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_parts(stdout, command, parts, count);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (*name != '\0') {
        (void)fprintf(stderr, "%s: there is no subcommand %s\n", command, name);
    }
    print_parts(stderr, command, parts, count);
    return 2;
}
