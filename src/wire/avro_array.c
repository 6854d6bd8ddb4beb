/* Reading arrays. A block says how many items it has: room for all of them is made at once. */
#include "wire/avro_array.h"

uint64_t pl_array_block(struct pl_reader *reader)
{
    int64_t count = pl_get_long(reader);

    if (count >= 0) {
        return (uint64_t)count;
    }
    (void)pl_get_long(reader); /* the block's size in bytes follows a negative count */
    return 0 - (uint64_t)count;
}

/* Twice as much as there was, so that blocks of single items do not copy again and again, or more
 * where the block needs it. */
static void grow(struct pl_array *array, const struct pl_reader *reader, struct pl_arena *arena)
{
    size_t most = pl_reader_left(reader);
    size_t wanted = array->left < most ? (size_t)array->left : most;

    wanted = wanted < array->count ? array->count : wanted;
    array->capacity = array->count + (wanted == 0 ? 1 : wanted);
    array->items =
        pl_arena_grow(arena, array->items, array->count, array->capacity, array->item_size);
}

void *pl_array_next(struct pl_array *array, struct pl_reader *reader, struct pl_arena *arena)
{
    if (array->left == 0) {
        array->left = pl_array_block(reader);
    }
    if (array->left == 0 || reader->is_bad) {
        return NULL;
    }
    if (array->count == array->capacity) {
        grow(array, reader, arena);
    }
    array->left--;
    return memset((char *)array->items + array->count++ * array->item_size, 0, array->item_size);
}

struct pl_names pl_get_names(struct pl_reader *reader, struct pl_arena *arena)
{
    struct pl_array array = {.item_size = sizeof(struct pl_bytes)};
    struct pl_bytes *name;

    while ((name = pl_array_next(&array, reader, arena)) != NULL) {
        *name = pl_get_string(reader);
    }
    return (struct pl_names){array.items, array.count};
}
