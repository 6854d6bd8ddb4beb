/* Growing byte buffer. */
#include "planlift/buffer.h"

#include <stdint.h>
#include <stdlib.h>

#include "planlift/arena.h"

void pl_buffer_reserve(struct pl_buffer *buffer, size_t size)
{
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    char *data;

    if (size > SIZE_MAX / 4 || buffer->len > SIZE_MAX / 4) {
        pl_out_of_memory(size);
    }
    while (capacity - buffer->len < size) {
        capacity *= 2;
    }
    if (capacity == buffer->capacity) {
        return;
    }
    data = realloc(buffer->data, capacity);
    if (data == NULL) {
        pl_out_of_memory(capacity);
    }
    buffer->data = data;
    buffer->capacity = capacity;
}

void pl_buffer_done(struct pl_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct pl_buffer){NULL, 0, 0};
}
