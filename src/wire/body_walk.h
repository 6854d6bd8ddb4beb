/* The bounded walk over a body by its writer's schema (contract 7, I12): nothing is allocated, and
 * the time is bounded by the body's length, whatever the schema and the counts in it say. */
#ifndef PL_WIRE_BODY_WALK_H
#define PL_WIRE_BODY_WALK_H

#include "wire/avro_binary.h"
#include "wire/schema_tree.h"

/* Check one value and go past it. The reader turns bad at the first thing that is wrong: cut short,
 * a varint of more than 64 bits, an int out of range, a length or count that is negative or more
 * than is left, an enum or union index out of range, a boolean neither 0 nor 1, a string or map key
 * that is not strictly valid UTF-8. Negative block counts are legal; the items must fill the size
 * that follows exactly. */
void pl_body_skip(const struct pl_avro_type *type, struct pl_reader *reader);

/* Check a whole body.
 * Errors: PL_BAD_DATA: something above, or bytes left over; the text says where. */
PL_MUST_CHECK enum pl_status pl_body_check(const struct pl_avro_type *type, struct pl_bytes body,
                                           struct pl_error *error);

#endif
