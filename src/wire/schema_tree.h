/* An Avro schema as a tree: what a body is walked by, and what two schemas are matched by. */
#ifndef PL_WIRE_SCHEMA_TREE_H
#define PL_WIRE_SCHEMA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

/* Bounds of a writer's schema (contract 3). Depth counts the records, arrays, maps and unions that
 * lie one inside the other, also through references. */
#define PL_SCHEMA_MAX_BYTES ((size_t)1024 * 1024)
#define PL_SCHEMA_MAX_DEPTH 32

/* Kind, name in a schema. The kinds up to STRING are Avro's primitive types. */
#define PL_AVRO_KINDS(X)                                                                           \
    X(NULL, "null")                                                                                \
    X(BOOLEAN, "boolean")                                                                          \
    X(INT, "int")                                                                                  \
    X(LONG, "long")                                                                                \
    X(FLOAT, "float")                                                                              \
    X(DOUBLE, "double")                                                                            \
    X(BYTES, "bytes")                                                                              \
    X(STRING, "string")                                                                            \
    X(RECORD, "record")                                                                            \
    X(ENUM, "enum")                                                                                \
    X(FIXED, "fixed")                                                                              \
    X(ARRAY, "array")                                                                              \
    X(MAP, "map")                                                                                  \
    X(UNION, "union")

enum pl_avro_kind {
#define X(name, text) PL_AVRO_##name,
    PL_AVRO_KINDS(X)
#undef X
};
enum { PL_AVRO_KIND_COUNT = PL_AVRO_UNION + 1, PL_AVRO_PRIMITIVE_COUNT = PL_AVRO_STRING + 1 };
extern const char *const pl_avro_kind_names[PL_AVRO_KIND_COUNT];

struct pl_avro_type;

/* A type for messages, in the arena: "long", "enum Channel". */
const char *pl_avro_label(const struct pl_avro_type *type, struct pl_arena *arena);

struct pl_avro_field {
    struct pl_bytes name;
    const struct pl_avro_type *type;
    struct pl_bytes default_value; /* Avro binary; null: none, or not of the simple kinds below */
};

/* A type; several places of a tree may share one. Logical types play no part: they change nothing
 * about the bytes. */
struct pl_avro_type {
    enum pl_avro_kind kind;
    unsigned depth;            /* of the tree below, itself included; 0: primitive, enum or fixed */
    bool is_empty;             /* every value is encoded in no bytes at all */
    bool is_open;              /* only while it is parsed: using it now would be a recursion */
    struct pl_bytes full_name; /* RECORD, ENUM, FIXED */
    struct pl_bytes name;      /* the same without namespace: schemas are matched by it */
    size_t count;              /* RECORD fields, ENUM symbols, UNION branches */
    const struct pl_avro_field *fields;
    const struct pl_avro_type **steps; /* RECORD: types of the fields that are not empty, in order:
                                          a walk never spends time on what takes no bytes */
    size_t step_count;
    const struct pl_bytes *symbols;
    int64_t default_symbol; /* ENUM: index, -1: none */
    const struct pl_avro_type **branches;
    const struct pl_avro_type *items; /* ARRAY items, MAP values */
    uint64_t size;                    /* FIXED */
};

/* Parse a schema's JSON. As lenient as other readers (names are not checked for their letters,
 * attributes not known are ignored, a simple name is also looked for without a namespace), but what
 * is not Avro is refused: unknown or repeated names, unions directly in unions, missing parts.
 * Field defaults are kept where they are null, a boolean, a whole number, a string, an enum symbol
 * or an empty list; for a union they belong to its first branch. error must not be NULL.
 * Errors: PL_BAD_DATA: not an Avro schema, recursive, or beyond the bounds above; the text says
 * where.
 * Owns: the tree lives in the arena, text is only read. */
PL_MUST_CHECK enum pl_status pl_schema_parse(struct pl_bytes text, struct pl_arena *arena,
                                             struct pl_error *error,
                                             const struct pl_avro_type **ret_type);

/* Whether a text is an Avro schema at all, be it one beyond the bounds: what is written in such a
 * one is a dead letter, no fault of who configured it. Errors: PL_BAD_DATA. */
PL_MUST_CHECK enum pl_status pl_schema_check(struct pl_bytes text, struct pl_error *error);

#endif
