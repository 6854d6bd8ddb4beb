/* A schema registry that speaks the Confluent REST API: questions asked over HTTP, answers read.
 * How it stands is told to the service's readiness. Thread: one owner. */
#ifndef PL_CLI_REGISTRY_H
#define PL_CLI_REGISTRY_H

#include <stdbool.h>

#include "io/registry_http.h"
#include "planlift/arena.h"
#include "planlift/health.h"
#include "planlift/metrics.h"
#include "wire/registry_answer.h"

struct pl_registry;

/* Errors: PL_BAD_DATA (the URL). Borrows options' texts, health and metrics (NULL: nobody asks).
 * Owns: free with pl_registry_free. */
PL_MUST_CHECK enum pl_status pl_registry_new(const struct pl_registry_options *options,
                                             struct pl_health *health, struct pl_metrics *metrics,
                                             struct pl_registry **ret_registry,
                                             struct pl_error *error);
void pl_registry_free(struct pl_registry *registry);

/* Whether the last question had no answer. */
bool pl_registry_is_away(const struct pl_registry *registry);

/* In the four below PL_AGAIN: the registry cannot be asked now, or what answers is none. All texts
 * are in the arena. */

/* The schema of an id. Errors: PL_NOT_FOUND (the registry says that there is none), PL_BAD_DATA (no
 * schema of Avro's, or one beyond all bounds). */
PL_MUST_CHECK enum pl_status pl_registry_fetch(struct pl_registry *registry, uint32_t id,
                                               struct pl_arena *arena, struct pl_bytes *ret_json,
                                               struct pl_error *error);

/* The versions of a subject; none where there is no such subject. */
PL_MUST_CHECK enum pl_status pl_registry_versions(struct pl_registry *registry, const char *subject,
                                                  struct pl_arena *arena, int64_t **ret_versions,
                                                  size_t *ret_count, struct pl_error *error);

/* One of them: its id is that of a schema. Errors: PL_NOT_FOUND, PL_BAD_DATA as in
 * pl_registry_fetch. */
PL_MUST_CHECK enum pl_status pl_registry_version(struct pl_registry *registry, const char *subject,
                                                 int64_t version, struct pl_arena *arena,
                                                 struct pl_registry_schema *ret_schema,
                                                 struct pl_error *error);

/* The id of a schema of planlift's own under a subject, registered if it is not, or (may_register
 * false) only looked up. Errors: PL_FATAL with the remedy: it is incompatible with those that are
 * registered, or not there to be looked up. */
PL_MUST_CHECK enum pl_status pl_registry_own_id(struct pl_registry *registry, const char *subject,
                                                struct pl_bytes json, bool may_register,
                                                uint32_t *ret_id, struct pl_error *error);

#endif
