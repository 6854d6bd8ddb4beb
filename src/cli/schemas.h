/* Where schemas come from (contract 3): the ones compiled in, a folder with a manifest, or a schema
 * registry. */
#ifndef PL_CLI_SCHEMAS_H
#define PL_CLI_SCHEMAS_H

#include "cli/settings.h"
#include "planlift/codec.h"
#include "planlift/health.h"
#include "planlift/metrics.h"

struct pl_schemas;

/* path NULL: the ones compiled in. Everything is read and checked now. Errors: PL_BAD_DATA,
 * PL_NOT_FOUND: the text names the file and the reason. Owns: free with pl_schemas_free. */
PL_MUST_CHECK enum pl_status pl_schemas_load(const char *path, struct pl_error *error,
                                             struct pl_schemas **ret_schemas);

/* The same as the settings say: where they name a registry it is asked as schemas are needed, and
 * health and metrics (NULL: nobody asks) told how it stands. Borrows the settings. Errors as
 * above. */
PL_MUST_CHECK enum pl_status pl_schemas_open(const struct pl_settings *settings,
                                             const struct pl_world *world, struct pl_health *health,
                                             struct pl_metrics *metrics, struct pl_error *error,
                                             struct pl_schemas **ret_schemas);
void pl_schemas_free(struct pl_schemas *schemas);

/* What the service does at its start: all versions of the topics' schemas are read, so that the
 * registry may be away afterwards, and planlift's own found or registered. Inputs that cannot be
 * read by those are warned of. Nothing to do without a registry. Errors: PL_AGAIN (the registry is
 * away: try again), PL_FATAL with the remedy. */
PL_MUST_CHECK enum pl_status pl_schemas_start(struct pl_schemas *schemas,
                                              struct pl_decoder *decoder, struct pl_error *error);

/* A registry that was away when it was last asked: is it back? For the service's readiness. */
void pl_schemas_look(struct pl_schemas *schemas);

/* Planlift's own three with their embedded ids. */
struct pl_own_schemas pl_schemas_own(void);

/* The id that records of planlift's own for a topic (an input or the results) are framed with. What
 * a registry said once is not asked again. Errors: PL_AGAIN, PL_FATAL with the remedy. */
PL_MUST_CHECK enum pl_status pl_schemas_own_id(struct pl_schemas *schemas, enum pl_topic topic,
                                               uint32_t *ret_id, struct pl_error *error);

/* Borrows from the schemas. */
struct pl_schema_source pl_schemas_source(struct pl_schemas *schemas);

#endif
