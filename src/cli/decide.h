/* `planlift decide`: decisions without Kafka or Redis (contract 9). */
#ifndef PL_CLI_DECIDE_H
#define PL_CLI_DECIDE_H

/* Lines from standard input, answers to standard output; argv[0] is "decide". Returns the exit
 * code: 0 done, 1 a bad line or a failed read or write, 2 wrong use or a refused catalogue. */
int pl_cli_decide(int argc, char **argv);

#endif
