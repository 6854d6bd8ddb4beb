/* A slice of a restore: pieces of a state log, gathered and written to the cache at once. */
#ifndef PL_PIPELINE_SLICE_H
#define PL_PIPELINE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* In place; nothing to release but the arena, which is reset whenever the slice is empty again. */
struct pl_slice {
    const struct pl_cache *cache; /* borrowed */
    struct pl_arena *arena;       /* borrowed; of the slice alone */
    int32_t partition;
    struct pl_cache_write *writes;
    size_t count, capacity, bytes;
};

/* Copies both; value null: the piece goes. */
void pl_slice_add(struct pl_slice *slice, struct pl_bytes field, struct pl_bytes value);

/* Has enough gathered to be written? */
bool pl_slice_is_full(const struct pl_slice *slice);

/* Forget what has gathered. */
void pl_slice_drop(struct pl_slice *slice);

/* Write what has gathered where the cache has the expected checkpoint, which becomes the new one
 * (I3). The slice is empty afterwards, also on failure. Errors: PL_ABORT (somebody else has changed
 * it), PL_AGAIN (the outcome is unknown). */
PL_MUST_CHECK enum pl_status pl_slice_write(struct pl_slice *slice, struct pl_bytes expected,
                                            struct pl_bytes checkpoint, struct pl_error *error);

#endif
