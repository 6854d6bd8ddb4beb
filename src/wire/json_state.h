/* STATE of contract section 9: a whole customer as JSON, both ways. */
#ifndef PL_WIRE_JSON_STATE_H
#define PL_WIRE_JSON_STATE_H

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/customer.h"
#include "wire/json_node.h"

/* Read a customer, sorted or not; all of it counts as loaded, and as not stored.
 * Errors: PL_BAD_DATA: a bad line as in contract 9, *ret_customer is then undefined. */
PL_MUST_CHECK enum pl_status pl_json_state_read(const struct pl_json_node *node,
                                                struct pl_arena *arena, struct pl_error *error,
                                                struct pl_customer *ret_customer);

/* Append a customer, sorted; every piece must be loaded. */
void pl_json_state_write(const struct pl_customer *customer, struct pl_arena *arena,
                         struct pl_buffer *buffer);

#endif
