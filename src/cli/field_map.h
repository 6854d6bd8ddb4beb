/* The fields that a state partition folds to: a growing table by name. */
#ifndef PL_CLI_FIELD_MAP_H
#define PL_CLI_FIELD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/bytes.h"

struct pl_map_field {
    uint64_t hash; /* of the name */
    struct pl_bytes name;
    bool is_live;           /* false: deleted */
    bool is_seen;           /* the owner's own mark */
    uint64_t digest;        /* of the value, where that is not kept */
    struct pl_buffer value; /* where it is */
};

/* In place; zero-initialise with the arena for names and fields, which are never let go of. */
struct pl_field_map {
    struct pl_arena *arena;
    struct pl_map_field **slots; /* open addressing, at most half full; NULL: free */
    size_t slot_count;
    struct pl_map_field **items; /* in the order they came */
    size_t count;
};

/* The field of that name, made (not live) where there is none yet. The name is copied. */
struct pl_map_field *pl_field_map_get(struct pl_field_map *map, struct pl_bytes name);
/* NULL: there is none. */
struct pl_map_field *pl_field_map_find(const struct pl_field_map *map, struct pl_bytes name);

/* Keep a value, or what tells it from others. null: the field is deleted. */
void pl_map_field_keep(struct pl_map_field *field, struct pl_bytes value);
void pl_map_field_digest(struct pl_map_field *field, struct pl_bytes value);
bool pl_map_field_has_digest(const struct pl_map_field *field, struct pl_bytes value);

/* Free tables and values; the arena is its owner's. */
void pl_field_map_done(struct pl_field_map *map);

#endif
