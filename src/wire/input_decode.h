/* Bodies of planlift's own SubscriptionEvent and UpgradeRequest schemas into structs: the way back
 * of input_encode.c. */
#ifndef PL_WIRE_INPUT_DECODE_H
#define PL_WIRE_INPUT_DECODE_H

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/model.h"
#include "planlift/status.h"

/* Read a body that pl_body_check has passed by the own schema. All strings are views into body;
 * optional ones that are empty become null. Allocates for lists alone, a view for each name that is
 * not the same as the one before it.
 * Errors: PL_BAD_DATA: the body is not what was checked. */
PL_MUST_CHECK enum pl_status pl_event_decode_body(struct pl_bytes body, struct pl_arena *arena,
                                                  struct pl_error *error,
                                                  struct pl_event *ret_event);
PL_MUST_CHECK enum pl_status pl_request_decode_body(struct pl_bytes body, struct pl_error *error,
                                                    struct pl_request *ret_request);

#endif
