/* Ids to positions, by XXH3 and linear probing. */
#include "id_index.h"

#include <xxhash.h>

void pl_id_index_init(struct pl_id_index *index, size_t count, struct pl_arena *arena)
{
    size_t slot_count = 2;

    while (slot_count < 2 * count) {
        slot_count *= 2;
    }
    index->ids = pl_arena_zalloc(arena, count, sizeof(*index->ids));
    index->slots = pl_arena_zalloc(arena, slot_count, sizeof(*index->slots));
    index->slot_mask = slot_count - 1;
}

/* The slot that holds the id, or the free one where it belongs. */
static uint32_t *find_slot(const struct pl_id_index *index, struct pl_bytes id)
{
    uint64_t place = XXH3_64bits(id.data, id.len) & index->slot_mask;

    while (index->slots[place] != 0 && !pl_bytes_equal(index->ids[index->slots[place] - 1], id)) {
        place = (place + 1) & index->slot_mask;
    }
    return &index->slots[place];
}

bool pl_id_index_add(struct pl_id_index *index, struct pl_bytes id, uint32_t position)
{
    uint32_t *slot = find_slot(index, id);

    if (*slot != 0) {
        return false;
    }
    index->ids[position] = id;
    *slot = position + 1;
    return true;
}

uint32_t pl_id_index_find(const struct pl_id_index *index, struct pl_bytes id)
{
    return *find_slot(index, id) - 1; /* a free slot's 0 wraps to PL_NO_POSITION */
}
