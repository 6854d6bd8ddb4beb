/* `planlift submit` (contract 8). */
#ifndef PL_CLI_SUBMIT_H
#define PL_CLI_SUBMIT_H

/* argv[0] is "submit". Returns the exit code. */
int pl_cli_submit(int argc, char **argv);

#endif
