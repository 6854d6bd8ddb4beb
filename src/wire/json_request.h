/* REQUEST of contract section 9: an upgrade request as JSON. */
#ifndef PL_WIRE_JSON_REQUEST_H
#define PL_WIRE_JSON_REQUEST_H

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/model.h"
#include "wire/json_node.h"

/* Errors: PL_BAD_DATA: a bad line as in contract 9 (an empty customerId too; the other ids may be
 * empty, which is an answer of contract 6: invalid_request). */
PL_MUST_CHECK enum pl_status pl_json_request_read(const struct pl_json_node *node,
                                                  struct pl_arena *arena, struct pl_error *error,
                                                  struct pl_request *ret_request);

/* Append the request, in the field order of the record UpgradeRequest. */
void pl_json_request_write(const struct pl_request *request, struct pl_buffer *buffer);

#endif
