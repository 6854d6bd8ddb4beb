/* Confluent framing (contract 3): a zero byte, the schema id as 4 big-endian bytes, the body. */
#ifndef PL_WIRE_FRAME_H
#define PL_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "planlift/buffer.h"
#include "planlift/bytes.h"

#define PL_FRAME_BYTES 5

static inline void pl_put_frame(struct pl_buffer *buffer, uint32_t schema_id)
{
    unsigned char frame[PL_FRAME_BYTES] = {
        0,
        (unsigned char)(schema_id >> 24),
        (unsigned char)(schema_id >> 16),
        (unsigned char)(schema_id >> 8),
        (unsigned char)schema_id,
    };

    pl_buffer_put(buffer, frame, sizeof(frame));
}

/* Take a value apart; false when it is too short for a frame or does not begin with a zero byte. */
static inline bool pl_get_frame(struct pl_bytes value, uint32_t *ret_schema_id,
                                struct pl_bytes *ret_body)
{
    if (value.len < PL_FRAME_BYTES || value.data[0] != 0) {
        return false;
    }
    *ret_schema_id = 0;
    for (size_t i = 1; i < PL_FRAME_BYTES; i++) {
        *ret_schema_id = *ret_schema_id << 8 | (unsigned char)value.data[i];
    }
    *ret_body = (struct pl_bytes){value.data + PL_FRAME_BYTES, value.len - PL_FRAME_BYTES};
    return true;
}

#endif
