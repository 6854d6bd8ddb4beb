/* A growing run of bytes that its owner reuses: encoders append to it. */
#ifndef PL_BUFFER_H
#define PL_BUFFER_H

#include <stddef.h>
#include <string.h>

#include "planlift/bytes.h"

/* In place; zero-initialise. data moves when it grows, so remember positions, not pointers. */
struct pl_buffer {
    char *data;
    size_t len;
    size_t capacity;
};

/* Make room for size further bytes; out of memory ends the process (pl_out_of_memory). */
void pl_buffer_reserve(struct pl_buffer *buffer, size_t size);

/* Free the memory; the buffer may be used again. */
void pl_buffer_done(struct pl_buffer *buffer);

static inline void pl_buffer_put(struct pl_buffer *buffer, const void *data, size_t len)
{
    if (buffer->capacity - buffer->len < len) {
        pl_buffer_reserve(buffer, len);
    }
    if (len > 0) {
        memcpy(buffer->data + buffer->len, data, len);
        buffer->len += len;
    }
}

static inline void pl_buffer_put_byte(struct pl_buffer *buffer, unsigned char byte)
{
    pl_buffer_put(buffer, &byte, 1);
}

/* A view of what was appended since position; valid until the next append. */
static inline struct pl_bytes pl_buffer_since(const struct pl_buffer *buffer, size_t position)
{
    return (struct pl_bytes){buffer->data + position, buffer->len - position};
}

#endif
