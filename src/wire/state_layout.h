/* What the two directions of the state codec share: the ring of answered requests in segments, and
 * the directory of licence chunks as the shape of a binary tree. */
#ifndef PL_WIRE_STATE_LAYOUT_H
#define PL_WIRE_STATE_LAYOUT_H

#include "planlift/buffer.h"
#include "planlift/customer.h"

/* ---- answered requests ----------------------------------------------------------------------- */

/* How many of the ring's slots in a segment are in use when total requests were answered. */
static inline size_t pl_answered_in_segment(uint64_t total, uint32_t segment)
{
    uint64_t first = (uint64_t)segment * PL_ANSWERED_SEGMENT;

    if (total <= first) {
        return 0;
    }
    return total - first < PL_ANSWERED_SEGMENT ? (size_t)(total - first) : PL_ANSWERED_SEGMENT;
}

/* One more than the number of the newest request in a segment in use: tells whether a stored
 * segment is the one that the head knows (I2). Requests are numbered from 0; number n is in slot
 * n % 64. */
static inline uint64_t pl_answered_last(uint64_t total, uint32_t segment)
{
    uint64_t block = (total - 1) / PL_ANSWERED_SEGMENT; /* of the newest request of all */
    uint64_t back = (block - segment) % PL_ANSWERED_SEGMENTS;

    return back == 0 ? total : (block - back + 1) * PL_ANSWERED_SEGMENT;
}

/* ---- directory of chunks --------------------------------------------------------------------- */

/* The chunks are the leaves of a binary tree over the bits of the user hash. In preorder with a bit
 * for each node, 1 for one with children and 0 for a leaf, the shape takes two bits a chunk. A
 * leaf's start tells at which depth the next subtree hangs: the lowest bit set in the start of
 * that one. */

/* Depth of the subtree that starts at start, which is not 0. */
static inline unsigned pl_shape_depth_at(uint64_t start)
{
    unsigned depth = 64;

    while ((start & 1) == 0) {
        start >>= 1;
        depth--;
    }
    return depth;
}

struct pl_shape_writer {
    size_t bits;
    unsigned char byte;
};

static inline unsigned pl_shape_ones(const struct pl_chunk *chunk)
{
    return chunk->depth - (chunk->start == 0 ? 0 : pl_shape_depth_at(chunk->start));
}

static inline void pl_shape_count(struct pl_shape_writer *shape, const struct pl_chunk *chunk)
{
    shape->bits += pl_shape_ones(chunk) + 1;
}

static inline void pl_shape_put_bit(struct pl_shape_writer *shape, unsigned bit,
                                    struct pl_buffer *buffer)
{
    shape->byte = (unsigned char)(shape->byte | bit << (shape->bits % 8));
    shape->bits++;
    if (shape->bits % 8 == 0) {
        pl_buffer_put_byte(buffer, shape->byte);
        shape->byte = 0;
    }
}

static inline void pl_shape_put(struct pl_shape_writer *shape, const struct pl_chunk *chunk,
                                struct pl_buffer *buffer)
{
    for (unsigned i = pl_shape_ones(chunk); i > 0; i--) {
        pl_shape_put_bit(shape, 1, buffer);
    }
    pl_shape_put_bit(shape, 0, buffer);
}

static inline void pl_shape_flush(struct pl_shape_writer *shape, struct pl_buffer *buffer)
{
    if (shape->bits % 8 != 0) {
        pl_buffer_put_byte(buffer, shape->byte);
    }
}

#endif
