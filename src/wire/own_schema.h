/* Whether planlift's own schemas are those of contract section 3, as the codec relies on. */
#ifndef PL_WIRE_OWN_SCHEMA_H
#define PL_WIRE_OWN_SCHEMA_H

#include "wire/schema_tree.h"

enum pl_own_record { PL_OWN_EVENT, PL_OWN_REQUEST, PL_OWN_RESULT };
enum { PL_OWN_RECORD_COUNT = PL_OWN_RESULT + 1 };

/* Parse an own schema and compare names, order, types and defaults with the contract; docs,
 * aliases, logical types and further attributes are free.
 * Errors: PL_BAD_DATA: not so; the text says from where on.
 * Owns: the tree lives in the arena. */
PL_MUST_CHECK enum pl_status pl_own_schema_parse(enum pl_own_record record, struct pl_bytes text,
                                                 struct pl_arena *arena, struct pl_error *error,
                                                 const struct pl_avro_type **ret_type);

#endif
