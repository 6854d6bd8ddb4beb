/* `planlift dlq` (contract 8). */
#ifndef PL_CLI_DLQ_H
#define PL_CLI_DLQ_H

/* argv[0] is "dlq". Returns the exit code. */
int pl_cli_dlq(int argc, char **argv);

/* The parts; argv[0] is the part's name. */
int pl_cli_dlq_list(int argc, char **argv);
int pl_cli_dlq_show(int argc, char **argv);
int pl_cli_dlq_replay(int argc, char **argv);

#endif
