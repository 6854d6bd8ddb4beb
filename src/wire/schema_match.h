/* Schema resolution, decided once for two schemas: a plan to turn bodies of the writer's schema
 * into bodies of the reader's (Avro 1.11 specification, "Schema Resolution"). */
#ifndef PL_WIRE_SCHEMA_MATCH_H
#define PL_WIRE_SCHEMA_MATCH_H

#include "wire/schema_tree.h"

enum pl_plan_kind {
    PL_PLAN_COPY,   /* the writer's bytes are the reader's */
    PL_PLAN_TEXT,   /* bytes become a string, if they are UTF-8 */
    PL_PLAN_ENUM,   /* another index for the symbol */
    PL_PLAN_CHOOSE, /* the writer has a union: by its branch */
    PL_PLAN_WRAP,   /* the reader has a union: always its branch `branch` */
    PL_PLAN_RECORD,
    PL_PLAN_ARRAY
};

struct pl_plan;

struct pl_plan_field {             /* of the reader's record */
    const struct pl_plan *plan;    /* NULL: the writer has no such field */
    struct pl_bytes default_value; /* then: in Avro binary */
};

struct pl_plan_step { /* of the writer's record: a field that takes bytes, or is read */
    const struct pl_avro_type *type;
    size_t slot; /* index of the reader's field; PL_PLAN_SKIP: it has none */
};

#define PL_PLAN_SKIP SIZE_MAX

struct pl_plan {
    enum pl_plan_kind kind;
    const struct pl_avro_type *writer;
    const int64_t *symbols;              /* ENUM: the reader's by the writer's; -1: none */
    const struct pl_plan **alternatives; /* CHOOSE: by the writer's branch; NULL: not readable */
    int64_t branch;                      /* WRAP */
    const struct pl_plan *inner;         /* WRAP; ARRAY: of its items */
    struct pl_plan_field *fields;        /* RECORD: the reader's, in its order */
    size_t field_count;
    struct pl_plan_step *steps; /* RECORD: the writer's, in its order */
    size_t step_count;
};

/* Match a writer's schema with one of planlift's own (which have no float, double, bytes, fixed or
 * map). Names are compared without their namespace. Where only some of the writer's enum symbols or
 * union branches can be read, the schemas match: records decide (contract 7).
 * Errors: PL_BAD_DATA: no body at all could be read; the text says which field is in the way.
 * Owns: the plan lives in the arena and borrows both trees. */
PL_MUST_CHECK enum pl_status pl_schema_match(const struct pl_avro_type *writer,
                                             const struct pl_avro_type *reader,
                                             struct pl_arena *arena, struct pl_error *error,
                                             const struct pl_plan **ret_plan);

#endif
