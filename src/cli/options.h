/* The command line of a subcommand: one table gives the parser and the help. */
#ifndef PL_CLI_OPTIONS_H
#define PL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "planlift/model.h"

#define PL_OPTIONS_MOST 24
#define PL_GO_ON (-1)

/* An option; the one target that is set says what it takes. */
struct pl_option {
    char letter;          /* '\0': it has none */
    const char *name;     /* without dashes; may be cut short where that is unambiguous */
    const char *argument; /* shown in the help: FILE; NULL: it takes none */
    const char *meaning;
    bool *is_given;
    const char **text;
    struct pl_optional_int *number;
    struct pl_optional_long *large_number;
};

/* What the help says of a subcommand. */
struct pl_usage {
    const char *command;  /* "planlift results" */
    const char *operands; /* shown behind the command: "[OPTIONS]", "check FILE" */
    const char *about;    /* lines of at most 88 columns, the last without a newline */
    const struct pl_option *options;
    size_t option_count;
    const char *examples;          /* likewise, indented; NULL: none */
    const char *exit_codes;        /* likewise: "0 done, 1 failed, ..." */
    void (*print_more)(FILE *out); /* what comes behind all that; NULL: nothing */
};

/* Parse argv, whose first is the subcommand's name; --help is every subcommand's. Operands may
 * stand anywhere; ret_operand is NULL where none may. Returns PL_GO_ON with the operands from
 * argv[*ret_operand] on; else the exit code: 0 the help was shown, 2 wrong use was complained
 * of. */
int pl_options_parse(const struct pl_usage *usage, int argc, char **argv, int *ret_operand);

/* "planlift results: <reason><word>", and where to look. Returns 2. */
int pl_options_wrong(const char *command, const char *reason, const char *word);

/* A part of a subcommand: `planlift dlq list`. */
struct pl_subcommand {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is its name; returns the exit code */
    const char *meaning;
};

/* Find and run the part that argv[1] names. Returns the exit code. */
int pl_subcommand_run(const char *command, const struct pl_subcommand *parts, size_t count,
                      int argc, char **argv);

#endif
