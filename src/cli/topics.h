/* `planlift topics create` (contract 2, 8). */
#ifndef PL_CLI_TOPICS_H
#define PL_CLI_TOPICS_H

/* argv[0] is "topics". Returns the exit code. */
int pl_cli_topics(int argc, char **argv);

#endif
