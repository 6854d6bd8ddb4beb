/* Lists of stored pieces. */
#include "planlift/customer.h"

void pl_pieces_add(struct pl_pieces *pieces, struct pl_piece piece, struct pl_arena *arena)
{
    if (pieces->count == pieces->capacity) {
        size_t capacity = pieces->capacity == 0 ? 8 : pieces->capacity * 2;

        pieces->items =
            pl_arena_grow(arena, pieces->items, pieces->count, capacity, sizeof(*pieces->items));
        pieces->capacity = capacity;
    }
    pieces->items[pieces->count++] = piece;
}
