/* Ids to positions: a hash table that is filled once and then only read. */
#ifndef PL_CORE_ID_INDEX_H
#define PL_CORE_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"

#define PL_NO_POSITION UINT32_MAX

/* Open addressing, at most half full. */
struct pl_id_index {
    struct pl_bytes *ids; /* by position */
    uint32_t *slots;      /* position + 1, or 0: free */
    uint64_t slot_mask;
};

/* Room for positions 0 to count - 1, all in the arena. */
void pl_id_index_init(struct pl_id_index *index, size_t count, struct pl_arena *arena);

/* The id is borrowed. False, and nothing is added, if the id is there already. */
bool pl_id_index_add(struct pl_id_index *index, struct pl_bytes id, uint32_t position);

/* Position of an id, or PL_NO_POSITION. */
uint32_t pl_id_index_find(const struct pl_id_index *index, struct pl_bytes id);

#endif
