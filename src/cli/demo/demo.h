/* `planlift demo` (contract 8): the main job shown. */
#ifndef PL_CLI_DEMO_H
#define PL_CLI_DEMO_H

/* argv[0] is "demo". Returns the exit code. */
int pl_cli_demo(int argc, char **argv);

#endif
