/* Questions to a schema registry and what their answers mean. */
#include "cli/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/schema_tree.h"

#define PATH_BYTES 1024

struct pl_registry {
    struct pl_registry_http *http;
    struct pl_health *health;
    struct pl_metrics *metrics;
    struct pl_arena arena; /* of one question */
    bool is_away;
};

/* ---- life ------------------------------------------------------------------------------------ */

enum pl_status pl_registry_new(const struct pl_registry_options *options, struct pl_health *health,
                               struct pl_metrics *metrics, struct pl_registry **ret_registry,
                               struct pl_error *error)
{
    struct pl_registry *registry = calloc(1, sizeof(*registry));
    enum pl_status status;

    if (registry == NULL) {
        pl_out_of_memory(sizeof(*registry));
    }
    registry->health = health;
    registry->metrics = metrics;
    status = pl_registry_http_new(options, &registry->http, error);
    if (status != PL_OK) {
        pl_registry_free(registry);
        return status;
    }
    *ret_registry = registry;
    return PL_OK;
}

void pl_registry_free(struct pl_registry *registry)
{
    if (registry != NULL) {
        pl_registry_http_free(registry->http);
        pl_arena_done(&registry->arena);
        free(registry);
    }
}

bool pl_registry_is_away(const struct pl_registry *registry)
{
    return registry->is_away;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static const char *place_of(const struct pl_registry *registry)
{
    return pl_registry_http_place(registry->http);
}

/* "schema registry at http://...: " before a text that says what is wrong with its answer. */
static enum pl_status blame(const struct pl_registry *registry, enum pl_status status,
                            struct pl_error *error)
{
    return status == PL_OK ? PL_OK
                           : pl_fail_at(error, status, "schema registry at %s", place_of(registry));
}

/* Ask; *ret_refusal has the code 0 where the answer is none. */
static enum pl_status ask(struct pl_registry *registry, const char *path, struct pl_bytes body,
                          struct pl_bytes *ret_answer, struct pl_registry_refusal *ret_refusal,
                          struct pl_error *error)
{
    struct pl_registry_answer answer;
    enum pl_status status;

    pl_arena_reset(&registry->arena);
    ret_refusal->code = 0;
    pl_health_beat(registry->health, "asking the schema registry");
    status = pl_registry_http_ask(registry->http, path, body, &answer, error);
    pl_health_beat(registry->health, "the schema registry has answered");
    if (status != PL_OK) {
        return status;
    }
    if (answer.is_cut) { /* a registry's begin so; anything else may be whatever it likes */
        status = answer.status == 200 && answer.body.len > 0 && answer.body.data[0] == '{'
                     ? PL_BAD_DATA
                     : PL_AGAIN;
        return blame(registry, pl_fail(error, status, "the answer to %s has no end", path), error);
    }
    *ret_answer = answer.body;
    if (answer.status >= 300) {
        status = pl_registry_read_refusal(answer.body, &registry->arena, ret_refusal, error);
        if (status != PL_OK) {
            return pl_fail(error, status,
                           "%s is no schema registry (HTTP %ld to %s): check the path of "
                           "schema.registry.url",
                           place_of(registry), answer.status, path);
        }
    }
    return PL_OK;
}

/* The registry has answered, or has not: for readiness and metrics. */
static enum pl_status tell_health(struct pl_registry *registry, enum pl_status status,
                                  const struct pl_error *error)
{
    registry->is_away = status == PL_AGAIN;
    pl_metrics_add_registry_question(registry->metrics, status != PL_AGAIN);
    pl_health_set(registry->health, PL_CONDITION_REGISTRY, status != PL_AGAIN, error->text);
    return status;
}

/* A refusal that the question does not expect. */
static enum pl_status unexpected(const struct pl_registry *registry, const char *path,
                                 const struct pl_registry_refusal *refusal, struct pl_error *error)
{
    return pl_fail(error, PL_AGAIN, "the schema registry at %s refuses %s: %.*s (%" PRId64 ")",
                   place_of(registry), path, (int)refusal->message.len, refusal->message.data,
                   refusal->code);
}

/* ---- schemas --------------------------------------------------------------------------------- */

static enum pl_status get_schema(struct pl_registry *registry, const char *path,
                                 int64_t not_found_code, struct pl_arena *arena,
                                 struct pl_registry_schema *ret_schema, struct pl_error *error)
{
    struct pl_registry_refusal refusal = {.code = 0};
    struct pl_bytes answer = PL_NULL_BYTES;
    enum pl_status status = ask(registry, path, PL_NULL_BYTES, &answer, &refusal, error);

    if (status != PL_OK) {
        return status;
    }
    if (refusal.code == not_found_code) {
        return pl_fail(error, PL_NOT_FOUND, "the schema registry at %s has nothing at %s",
                       place_of(registry), path);
    }
    if (refusal.code != 0) {
        return unexpected(registry, path, &refusal, error);
    }
    return blame(registry, pl_registry_read_schema(answer, arena, ret_schema, error), error);
}

/* A schema that refers to others, with those put in, as one text. Not every registry does so
 * (Apicurio does not). Confluent's goes on to name them all the same: only the text tells. */
static enum pl_status resolve(struct pl_registry *registry, uint32_t id, struct pl_arena *arena,
                              struct pl_registry_schema *schema, struct pl_error *error)
{
    const struct pl_bytes referring = schema->json;
    struct pl_error unused;
    char path[PATH_BYTES];
    enum pl_status status;

    (void)snprintf(path, sizeof(path), "/schemas/ids/%" PRIu32 "?format=resolved", id); /* fits */
    status = get_schema(registry, path, PL_REGISTRY_NO_SCHEMA, arena, schema, error);
    if (status == PL_OK && pl_bytes_equal(schema->json, referring) &&
        pl_schema_check(referring, &unused) != PL_OK) {
        return pl_fail(error, PL_BAD_DATA,
                       "schema %" PRIu32 " refers to other schemas, and the schema registry at %s "
                       "does not put them in (format=resolved): register it as one schema that "
                       "defines all its types",
                       id, place_of(registry));
    }
    return status;
}

enum pl_status pl_registry_fetch(struct pl_registry *registry, uint32_t id, struct pl_arena *arena,
                                 struct pl_bytes *ret_json, struct pl_error *error)
{
    struct pl_registry_schema schema = {.id = -1};
    char path[PATH_BYTES];
    enum pl_status status;

    (void)snprintf(path, sizeof(path), "/schemas/ids/%" PRIu32, id); /* fits */
    status = get_schema(registry, path, PL_REGISTRY_NO_SCHEMA, arena, &schema, error);
    if (status == PL_OK && schema.has_references) {
        status = resolve(registry, id, arena, &schema, error);
    }
    if (status == PL_OK) {
        *ret_json = schema.json;
    }
    return tell_health(registry, status, error);
}

/* ---- subjects -------------------------------------------------------------------------------- */

/* "/subjects/<subject><rest>", the name percent-encoded; false: it does not fit. */
static bool put_subject_path(char path[PATH_BYTES], const char *subject, const char *rest)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    int len = snprintf(path, PATH_BYTES, "/subjects/");

    for (const char *c = subject; *c != '\0' && len < PATH_BYTES - 4; c++) {
        len += snprintf(path + len, (size_t)(PATH_BYTES - len),
                        strchr(plain, *c) != NULL ? "%c" : "%%%02X", (unsigned char)*c);
    }
    return snprintf(path + len, (size_t)(PATH_BYTES - len), "%s", rest) < PATH_BYTES - len;
}

enum pl_status pl_registry_versions(struct pl_registry *registry, const char *subject,
                                    struct pl_arena *arena, int64_t **ret_versions,
                                    size_t *ret_count, struct pl_error *error)
{
    struct pl_registry_refusal refusal = {.code = 0};
    struct pl_bytes answer = PL_NULL_BYTES;
    char path[PATH_BYTES];
    enum pl_status status = put_subject_path(path, subject, "/versions")
                                ? ask(registry, path, PL_NULL_BYTES, &answer, &refusal, error)
                                : pl_fail(error, PL_BAD_DATA, "%s: too long a name", subject);

    *ret_count = 0;
    if (status == PL_OK && refusal.code == 0) {
        status =
            blame(registry,
                  pl_registry_read_versions(answer, arena, ret_versions, ret_count, error), error);
    } else if (status == PL_OK && refusal.code != PL_REGISTRY_NO_SUBJECT) {
        status = unexpected(registry, path, &refusal, error);
    }
    return tell_health(registry, status, error);
}

enum pl_status pl_registry_version(struct pl_registry *registry, const char *subject,
                                   int64_t version, struct pl_arena *arena,
                                   struct pl_registry_schema *ret_schema, struct pl_error *error)
{
    struct pl_registry_schema schema = {.id = -1};
    char path[PATH_BYTES];
    char rest[64];
    enum pl_status status = PL_BAD_DATA;

    (void)snprintf(rest, sizeof(rest), "/versions/%" PRId64, version); /* fits */
    if (put_subject_path(path, subject, rest)) {
        status = get_schema(registry, path, PL_REGISTRY_NO_VERSION, arena, &schema, error);
    }
    if (status == PL_OK && (schema.id < 0 || schema.id > UINT32_MAX)) {
        status =
            blame(registry, pl_fail(error, PL_AGAIN, "the answer to %s has no id", path), error);
    }
    if (status == PL_OK && schema.has_references) {
        status = pl_registry_fetch(registry, (uint32_t)schema.id, arena, &schema.json, error);
    }
    if (status == PL_OK) {
        *ret_schema = schema;
    }
    return tell_health(registry, status, error);
}

/* ---- planlift's own -------------------------------------------------------------------------- */

static enum pl_status refuse_own(const struct pl_registry *registry, const char *subject,
                                 bool may_register, const struct pl_registry_refusal *refusal,
                                 struct pl_error *error)
{
    if (!may_register &&
        (refusal->code == PL_REGISTRY_NO_SUBJECT || refusal->code == PL_REGISTRY_NO_SCHEMA)) {
        return pl_fail(error, PL_FATAL,
                       "the schema registry at %s has not planlift's schema under the subject %s: "
                       "register it (schemas/), or set schema.registry.auto.register=true",
                       place_of(registry), subject);
    }
    if (refusal->code / 100 == 409 || refusal->code == 409) {
        return pl_fail(error, PL_FATAL,
                       "planlift's schema is not compatible with those under the subject %s of the "
                       "schema registry at %s: %.*s; remove what does not belong there, or let the "
                       "topic have another name",
                       subject, place_of(registry), (int)refusal->message.len,
                       refusal->message.data);
    }
    return unexpected(registry, subject, refusal, error);
}

enum pl_status pl_registry_own_id(struct pl_registry *registry, const char *subject,
                                  struct pl_bytes json, bool may_register, uint32_t *ret_id,
                                  struct pl_error *error)
{
    struct pl_buffer body = {NULL, 0, 0};
    struct pl_registry_refusal refusal = {.code = 0};
    struct pl_bytes answer = PL_NULL_BYTES;
    char path[PATH_BYTES];
    enum pl_status status;

    if (!put_subject_path(path, subject, may_register ? "/versions" : "")) {
        return pl_fail(error, PL_BAD_DATA, "%s: too long a name", subject);
    }
    pl_registry_put_schema(&body, json);
    status = ask(registry, path, pl_buffer_since(&body, 0), &answer, &refusal, error);
    pl_buffer_done(&body);
    if (status == PL_OK && refusal.code != 0) {
        status = refuse_own(registry, subject, may_register, &refusal, error);
    } else if (status == PL_OK) {
        status = blame(registry, pl_registry_read_id(answer, ret_id, error), error);
    }
    return tell_health(registry, status, error);
}
