/* Memory that is freed all at once: one arena per batch, reset after its commit or abort. */
#ifndef PL_ARENA_H
#define PL_ARENA_H

#include <stddef.h>

#include "planlift/bytes.h"
#include "planlift/compiler.h"

struct pl_arena_block;

/* In place; zero-initialise with PL_ARENA_INIT. Thread: one owner. */
struct pl_arena {
    struct pl_arena_block *first;   /* kept over a reset, the standard block size */
    struct pl_arena_block *current; /* allocations come from here */
    size_t used_bytes;              /* handed out since the last reset */
};

#define PL_ARENA_INIT                                                                              \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }

/* Memory for size bytes, aligned for any type, valid until reset or done. Never NULL: when the
 * system has no memory left the process ends (see pl_out_of_memory). */
void *pl_arena_alloc(struct pl_arena *arena, size_t size);

/* As pl_arena_alloc for count elements, all bytes zero; a product over SIZE_MAX ends the
 * process. */
void *pl_arena_zalloc(struct pl_arena *arena, size_t count, size_t element_size);

/* Grow an array from old_count to new_count elements, keeping the content; the old memory stays
 * valid until reset. */
void *pl_arena_grow(struct pl_arena *arena, const void *old, size_t old_count, size_t new_count,
                    size_t element_size);

/* A copy that lives as long as the arena; null stays null. */
struct pl_bytes pl_arena_copy(struct pl_arena *arena, struct pl_bytes bytes);

/* Formatted text as a view; a NUL follows its end. */
struct pl_bytes pl_arena_format(struct pl_arena *arena, const char *format, ...) PL_PRINTF(2, 3);

/* Forget everything; memory beyond a fixed bound goes back to the system (I13). */
void pl_arena_reset(struct pl_arena *arena);

/* Give all memory back; the arena may be used again. */
void pl_arena_done(struct pl_arena *arena);

/* The one answer to a failed allocation: say so and end the process with exit status 1. A crash at
 * any point is safe by design (nothing counts before the commit), so no code has a path for it. */
PL_NORETURN void pl_out_of_memory(size_t size);

#endif
