/* What a schema registry says (Confluent REST API), and the one thing that is said to it. Answers
 * are bytes from outside: whatever they are, they are read or refused. */
#ifndef PL_WIRE_REGISTRY_ANSWER_H
#define PL_WIRE_REGISTRY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

/* Codes of refusals that mean something here; the first three digits are those of HTTP. */
enum {
    PL_REGISTRY_NO_SUBJECT = 40401,
    PL_REGISTRY_NO_VERSION = 40402,
    PL_REGISTRY_NO_SCHEMA = 40403
};

/* {"error_code": 40403, "message": "Schema not found"} */
struct pl_registry_refusal {
    int64_t code;
    struct pl_bytes message; /* cut, one line */
};

/* {"schema": "...", "id": 1, "schemaType": "AVRO", "references": [...]} */
struct pl_registry_schema {
    struct pl_bytes json;
    int64_t id; /* -1: not said */
    bool has_references;
};

/* The four below copy to the arena. Errors: PL_AGAIN: no such answer, so that whoever gave it is no
 * registry, or not well. */
PL_MUST_CHECK enum pl_status pl_registry_read_refusal(struct pl_bytes answer,
                                                      struct pl_arena *arena,
                                                      struct pl_registry_refusal *ret_refusal,
                                                      struct pl_error *error);
/* Also PL_BAD_DATA: a schema, but not one of Avro. */
PL_MUST_CHECK enum pl_status pl_registry_read_schema(struct pl_bytes answer, struct pl_arena *arena,
                                                     struct pl_registry_schema *ret_schema,
                                                     struct pl_error *error);
/* {"id": 1} */
PL_MUST_CHECK enum pl_status pl_registry_read_id(struct pl_bytes answer, uint32_t *ret_id,
                                                 struct pl_error *error);
/* [1, 2, 3] */
PL_MUST_CHECK enum pl_status pl_registry_read_versions(struct pl_bytes answer,
                                                       struct pl_arena *arena,
                                                       int64_t **ret_versions, size_t *ret_count,
                                                       struct pl_error *error);

/* Append the question that names a schema: {"schema": "..."}. json is valid UTF-8. */
void pl_registry_put_schema(struct pl_buffer *buffer, struct pl_bytes json);

#endif
