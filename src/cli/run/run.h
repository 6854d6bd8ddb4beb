/* `planlift run`: the service (contract 8). */
#ifndef PL_CLI_RUN_H
#define PL_CLI_RUN_H

/* argv[0] is "run". Returns the exit code: 0 asked to stop or drained, 1 failed, 2 wrong use or
 * configuration. */
int pl_cli_run(int argc, char **argv);

#endif
