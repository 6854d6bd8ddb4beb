/* Arena: blocks in a chain, handed out front to back, freed all at once. */
#include "planlift/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "planlift/exit_reason.h"

/* Small enough to be cheap to keep, large enough that a batch needs few. */
#define BLOCK_BYTES ((size_t)256 * 1024)
/* Blocks kept over a reset (I13): memory of a rare huge batch goes back to the system. */
#define KEPT_BYTES ((size_t)16 * 1024 * 1024)

struct pl_arena_block {
    struct pl_arena_block *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) char data[];
};

void pl_out_of_memory(size_t size)
{
    static const char text[] = "planlift: out of memory\n";

    (void)size;
    /* Nothing that could allocate again; a failed write changes nothing about leaving. */
    if (pl_exit_can_tell(0)) {
        ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)written;
    }
    pl_exit_reason_tell("out_of_memory");
    _exit(1);
}

static struct pl_arena_block *new_block(size_t least)
{
    size_t size = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    struct pl_arena_block *block;

    if (size > SIZE_MAX - sizeof(*block)) {
        pl_out_of_memory(least);
    }
    block = malloc(sizeof(*block) + size);
    if (block == NULL) {
        pl_out_of_memory(least);
    }
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

/* Move on to a block with room, reusing the ones that an earlier reset kept. */
static struct pl_arena_block *next_block(struct pl_arena *arena, size_t size)
{
    struct pl_arena_block *current = arena->current;
    struct pl_arena_block *block = current == NULL ? arena->first : current->next;

    if (block == NULL || block->size < size) {
        struct pl_arena_block *fresh = new_block(size);

        fresh->next = block;
        if (current == NULL) {
            arena->first = fresh;
        } else {
            current->next = fresh;
        }
        block = fresh;
    }
    arena->current = block;
    return block;
}

void *pl_arena_alloc(struct pl_arena *arena, size_t size)
{
    struct pl_arena_block *block = arena->current;
    size_t need;
    void *memory;

    if (size > SIZE_MAX / 2) {
        pl_out_of_memory(size);
    }
    need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (block == NULL || block->size - block->used < need) {
        block = next_block(arena, need);
    }
    memory = block->data + block->used;
    block->used += need;
    arena->used_bytes += need;
    return memory;
}

void *pl_arena_zalloc(struct pl_arena *arena, size_t count, size_t element_size)
{
    void *memory;

    if (element_size != 0 && count > SIZE_MAX / element_size) {
        pl_out_of_memory(count);
    }
    memory = pl_arena_alloc(arena, count * element_size);
    memset(memory, 0, count * element_size);
    return memory;
}

void *pl_arena_grow(struct pl_arena *arena, const void *old, size_t old_count, size_t new_count,
                    size_t element_size)
{
    void *memory;

    if (element_size != 0 && new_count > SIZE_MAX / element_size) {
        pl_out_of_memory(new_count);
    }
    memory = pl_arena_alloc(arena, new_count * element_size);
    if (old_count > 0) {
        memcpy(memory, old, old_count * element_size);
    }
    return memory;
}

struct pl_bytes pl_arena_copy(struct pl_arena *arena, struct pl_bytes bytes)
{
    char *copy;

    if (pl_bytes_is_null(bytes)) {
        return bytes;
    }
    copy = pl_arena_alloc(arena, bytes.len);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return (struct pl_bytes){copy, bytes.len};
}

struct pl_bytes pl_arena_format(struct pl_arena *arena, const char *format, ...)
{
    va_list arguments;
    char *text;
    int len;

    va_start(arguments, format);
    len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return PL_BYTES_LITERAL("");
    }
    text = pl_arena_alloc(arena, (size_t)len + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)len + 1, format, arguments); /* the length is known to fit */
    va_end(arguments);
    return (struct pl_bytes){text, (size_t)len};
}

static void free_chain(struct pl_arena_block *block)
{
    while (block != NULL) {
        struct pl_arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void pl_arena_reset(struct pl_arena *arena)
{
    struct pl_arena_block **link = &arena->first;
    size_t kept = 0;

    while (*link != NULL && kept + (*link)->size <= KEPT_BYTES) {
        (*link)->used = 0;
        kept += (*link)->size;
        link = &(*link)->next;
    }
    free_chain(*link);
    *link = NULL;
    arena->current = arena->first;
    arena->used_bytes = 0;
}

void pl_arena_done(struct pl_arena *arena)
{
    free_chain(arena->first);
    *arena = (struct pl_arena)PL_ARENA_INIT;
}
