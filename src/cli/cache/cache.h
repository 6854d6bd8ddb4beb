/* `planlift cache` (contract 8). */
#ifndef PL_CLI_CACHE_H
#define PL_CLI_CACHE_H

/* argv[0] is "cache". Returns the exit code. */
int pl_cli_cache(int argc, char **argv);

/* The parts; argv[0] is the part's name. */
int pl_cli_cache_rebuild(int argc, char **argv);
int pl_cli_cache_verify(int argc, char **argv);

#endif
