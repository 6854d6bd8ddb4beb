/* `planlift explain`. */
#ifndef PL_CLI_EXPLAIN_H
#define PL_CLI_EXPLAIN_H

/* argv[0] is "explain". Returns the exit code. */
int pl_cli_explain(int argc, char **argv);

#endif
