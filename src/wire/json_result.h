/* RESULT of contract section 9: an upgrade result as JSON, never split. */
#ifndef PL_WIRE_JSON_RESULT_H
#define PL_WIRE_JSON_RESULT_H

#include "planlift/buffer.h"
#include "planlift/model.h"

/* Append the result, in the field order of the record UpgradeResult. */
void pl_json_result_write(const struct pl_result *result, struct pl_buffer *buffer);

#endif
