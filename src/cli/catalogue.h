/* Catalogue files for people: `planlift catalogue check`, and loading one for a subcommand. */
#ifndef PL_CLI_CATALOGUE_H
#define PL_CLI_CATALOGUE_H

#include "planlift/catalogue.h"
#include "planlift/status.h"

/* The catalogue of a file; path NULL: the shipped one, which is compiled in.
 * Errors: PL_NOT_FOUND (the file cannot be read), PL_BAD_DATA (contract 4 refuses it); the text
 * names the file, the place and the reason. Owns: free with pl_catalogue_free. */
PL_MUST_CHECK enum pl_status pl_cli_catalogue_load(const char *path, struct pl_error *error,
                                                   struct pl_catalogue **ret_catalogue);

/* `planlift catalogue check F`; argv[0] is "catalogue". Returns the exit code. */
int pl_cli_catalogue(int argc, char **argv);

#endif
