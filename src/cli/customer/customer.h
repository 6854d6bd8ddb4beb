/* `planlift customer` (contract 8). */
#ifndef PL_CLI_CUSTOMER_H
#define PL_CLI_CUSTOMER_H

/* argv[0] is "customer". Returns the exit code. */
int pl_cli_customer(int argc, char **argv);

#endif
