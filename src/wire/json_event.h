/* Events of contract section 9: {"type": "LicenseAssigned", ...its fields}. */
#ifndef PL_WIRE_JSON_EVENT_H
#define PL_WIRE_JSON_EVENT_H

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/model.h"
#include "wire/json_node.h"

/* customer_id: whose event it is; borrowed. The line does not say it again.
 * Errors: PL_BAD_DATA: a bad line as in contract 9, what would be invalid_event included. */
PL_MUST_CHECK enum pl_status pl_json_event_read(const struct pl_json_node *node,
                                                struct pl_bytes customer_id, struct pl_arena *arena,
                                                struct pl_error *error, struct pl_event *ret_event);

/* Append the event. */
void pl_json_event_write(const struct pl_event *event, struct pl_buffer *buffer);

#endif
