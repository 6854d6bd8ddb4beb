/* Bodies of planlift's own UpgradeResult schema into structs: the way back of result_encode.c. */
#ifndef PL_WIRE_RESULT_DECODE_H
#define PL_WIRE_RESULT_DECODE_H

#include "planlift/codec.h"

/* Read a body that pl_body_check has passed by the own schema. All strings are views into body;
 * optional ones that are empty become null. Allocates at most a fixed multiple of the body's size.
 * Errors: PL_BAD_DATA: an error code that contract 6 does not have, or a part that is not one of
 * its parts; or the body is not what was checked. */
PL_MUST_CHECK enum pl_status pl_result_decode_body(struct pl_bytes body, struct pl_arena *arena,
                                                   struct pl_error *error,
                                                   struct pl_result_record *ret_record);

#endif
