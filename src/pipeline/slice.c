/* A slice of a restore: pieces of a state log, gathered and written to the cache at once. */
#include "pipeline/slice.h"

#include <inttypes.h>

#define FULL_BYTES ((size_t)1 << 20)
#define FIRST_CAPACITY 1024

void pl_slice_add(struct pl_slice *slice, struct pl_bytes field, struct pl_bytes value)
{
    if (slice->count == slice->capacity) {
        size_t capacity = slice->capacity == 0 ? FIRST_CAPACITY : slice->capacity * 2;

        slice->writes = pl_arena_grow(slice->arena, slice->writes, slice->count, capacity,
                                      sizeof(*slice->writes));
        slice->capacity = capacity;
    }
    slice->writes[slice->count++] = (struct pl_cache_write){pl_arena_copy(slice->arena, field),
                                                            pl_arena_copy(slice->arena, value)};
    slice->bytes += field.len + value.len;
}

bool pl_slice_is_full(const struct pl_slice *slice)
{
    return slice->bytes >= FULL_BYTES;
}

void pl_slice_drop(struct pl_slice *slice)
{
    pl_arena_reset(slice->arena);
    slice->writes = NULL;
    slice->count = slice->capacity = slice->bytes = 0;
}

enum pl_status pl_slice_write(struct pl_slice *slice, struct pl_bytes expected,
                              struct pl_bytes checkpoint, struct pl_error *error)
{
    struct pl_cache_update update = {.partition = slice->partition,
                                     .expected = expected,
                                     .checkpoint = checkpoint,
                                     .writes = slice->writes,
                                     .write_count = slice->count};
    enum pl_status status = slice->cache->ops->update(slice->cache->self, &update, 1, error);

    pl_slice_drop(slice);
    if (status == PL_OK && !update.is_applied) {
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " was changed by somebody else meanwhile",
                       slice->partition);
    }
    return status;
}
