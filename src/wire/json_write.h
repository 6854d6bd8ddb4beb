/* Appending JSON to a buffer: UTF-8 on one line, escaped only where JSON or the line needs it. */
#ifndef PL_WIRE_JSON_WRITE_H
#define PL_WIRE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "planlift/buffer.h"
#include "planlift/bytes.h"

/* Before an element of an array, or a key: a comma, unless it is the first. Strings end in a quote,
 * so that a last byte [ or { can only be the opening one. */
static inline void pl_json_put_separator(struct pl_buffer *buffer)
{
    if (buffer->len > 0 && buffer->data[buffer->len - 1] != '[' &&
        buffer->data[buffer->len - 1] != '{') {
        pl_buffer_put_byte(buffer, ',');
    }
}

/* A key that needs no escapes, with its separator and colon. */
void pl_json_put_key(struct pl_buffer *buffer, const char *key);

/* The text must be strictly valid UTF-8 and not null. */
void pl_json_put_string(struct pl_buffer *buffer, struct pl_bytes text);

/* As pl_json_put_string; null where the text is null or empty (contract 3). */
void pl_json_put_optional(struct pl_buffer *buffer, struct pl_bytes text);

void pl_json_put_integer(struct pl_buffer *buffer, int64_t value);
void pl_json_put_bool(struct pl_buffer *buffer, bool value);
void pl_json_put_null(struct pl_buffer *buffer);
void pl_json_put_names(struct pl_buffer *buffer, struct pl_names names);

#endif
