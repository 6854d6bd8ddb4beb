/* The embedded schema registry: the schemas compiled in, or a folder with a manifest (contract
 * 3). */
#ifndef PL_CLI_SCHEMAS_H
#define PL_CLI_SCHEMAS_H

#include "planlift/codec.h"

struct pl_schemas;

/* path NULL: the ones compiled in. Everything is read and checked now. Errors: PL_BAD_DATA,
 * PL_NOT_FOUND: the text names the file and the reason. Owns: free with pl_schemas_free. */
PL_MUST_CHECK enum pl_status pl_schemas_load(const char *path, struct pl_error *error,
                                             struct pl_schemas **ret_schemas);
void pl_schemas_free(struct pl_schemas *schemas);

/* Planlift's own three, as they are compiled in. */
struct pl_own_schemas pl_schemas_own(void);

/* Borrows from the schemas. */
struct pl_schema_source pl_schemas_source(struct pl_schemas *schemas);

#endif
