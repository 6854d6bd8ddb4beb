/* Records as tables of fields: one table reads a flat record from JSON and writes it back. */
#ifndef PL_WIRE_JSON_RECORD_H
#define PL_WIRE_JSON_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/model.h"
#include "wire/json_node.h"

/* What a member of the struct is, and which values its field may have. */
enum pl_json_kind {
    PL_JSON_ID,            /* struct pl_bytes, not empty */
    PL_JSON_TEXT,          /* struct pl_bytes */
    PL_JSON_OPTIONAL_TEXT, /* struct pl_bytes; "", null and missing are null */
    PL_JSON_NAMES,         /* struct pl_names; null and missing are none */
    PL_JSON_INT,           /* int32_t */
    PL_JSON_COUNT,         /* int32_t, not negative */
    PL_JSON_LONG,          /* int64_t */
    PL_JSON_VERSION,       /* int64_t, not negative */
    PL_JSON_OPTIONAL_INT,  /* struct pl_optional_int; null and missing are unset */
    PL_JSON_OPTIONAL_LONG, /* struct pl_optional_long; null and missing are unset */
    PL_JSON_BOOL,          /* bool */
    PL_JSON_FLAG,          /* bool; null and missing are false */
    PL_JSON_SYMBOL,        /* an enum */
    PL_JSON_DEFAULT_SYMBOL /* an enum; null and missing are the last of its symbols */
};

struct pl_json_field {
    const char *key;
    enum pl_json_kind kind;
    size_t offset;              /* in the struct */
    const char *const *symbols; /* of enums: the wire symbols by enumerator */
    int symbol_count;
};

/* The fields of a record, in the order of the contract. */
struct pl_json_record {
    const struct pl_json_field *fields;
    size_t count;
};

/* An entry of a table; the comparison of pointers makes a member of another type a compiler error:
 * PL_JSON_FIELD("quantity", PL_JSON_INT, struct pl_subscription, quantity, int32_t). */
#define PL_JSON_FIELD(name, field_kind, struct_type, member, member_type)                          \
    {                                                                                              \
        .key = (name), .kind = (field_kind),                                                       \
        .offset = offsetof(struct_type, member) +                                                  \
                  0 * sizeof((member_type *)NULL == &((struct_type *)NULL)->member)                \
    }
#define PL_JSON_ENUM(name, field_kind, struct_type, member, member_type, names)                    \
    {                                                                                              \
        .key = (name), .kind = (field_kind),                                                       \
        .offset = offsetof(struct_type, member) +                                                  \
                  0 * sizeof((member_type *)NULL == &((struct_type *)NULL)->member),               \
        .symbols = (names), .symbol_count = (int)(sizeof(names) / sizeof((names)[0]))              \
    }
#define PL_JSON_RECORD(fields)                                                                     \
    {                                                                                              \
        (fields), sizeof(fields) / sizeof((fields)[0])                                             \
    }

/* Fill the members that the table names from an object; unknown keys are ignored, texts are copied
 * to the arena. Errors: PL_BAD_DATA: not an object, or a field is missing or of a wrong value. */
PL_MUST_CHECK enum pl_status pl_json_record_read(const struct pl_json_record *record,
                                                 const struct pl_json_node *node,
                                                 struct pl_arena *arena, struct pl_error *error,
                                                 void *ret_struct);

/* Append the fields, without braces. */
void pl_json_record_write(const struct pl_json_record *record, const void *source,
                          struct pl_buffer *buffer);

/* Append an object of just these fields. */
void pl_json_record_write_object(const struct pl_json_record *record, const void *source,
                                 struct pl_buffer *buffer);

/* A value by itself: one of the symbols, or an array of strings (copied to the arena).
 * Errors: PL_BAD_DATA: missing, null, or another value. */
PL_MUST_CHECK enum pl_status pl_json_read_symbol(const struct pl_json_node *node,
                                                 const char *const *symbols, int count,
                                                 struct pl_error *error, int *ret_index);
PL_MUST_CHECK enum pl_status pl_json_read_list(const struct pl_json_node *node,
                                               struct pl_arena *arena, struct pl_error *error,
                                               struct pl_names *ret_names);

#endif
