/* `planlift results` (contract 8). */
#ifndef PL_CLI_RESULTS_H
#define PL_CLI_RESULTS_H

/* argv[0] is "results". Returns the exit code. */
int pl_cli_results(int argc, char **argv);

#endif
