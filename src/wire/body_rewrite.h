/* From a body of the writer's schema to one of the reader's, by a plan. */
#ifndef PL_WIRE_BODY_REWRITE_H
#define PL_WIRE_BODY_REWRITE_H

#include "planlift/buffer.h"
#include "planlift/dead_letter.h"
#include "wire/schema_match.h"

/* Append the reader's body to buffer. body must have passed pl_body_check with the plan's writer.
 * Writes at most the body's length, the plan's defaults and a byte for each optional field.
 * Errors: PL_BAD_DATA with *ret_refusal filled: incompatible_schema (an enum symbol without a
 * default, a union branch that the reader lacks), malformed (bytes for a string, not UTF-8). */
PL_MUST_CHECK enum pl_status pl_body_rewrite(const struct pl_plan *plan, struct pl_bytes body,
                                             struct pl_arena *arena, struct pl_buffer *buffer,
                                             struct pl_refusal *ret_refusal);

#endif
