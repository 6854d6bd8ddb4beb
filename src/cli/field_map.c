/* Fields by name: open addressing, doubled when half full. */
#include "cli/field_map.h"

#include <stdlib.h>

#include "planlift/customer.h"

#define FIRST_SLOTS 64

/* XXH3, whatever it is the hash of. */
static uint64_t hash_of(struct pl_bytes bytes)
{
    return pl_user_hash(bytes);
}

/* The slot that holds the name, or the free one where it belongs. */
static struct pl_map_field **find_slot(const struct pl_field_map *map, uint64_t hash,
                                       struct pl_bytes name)
{
    size_t place = (size_t)hash & (map->slot_count - 1);

    while (map->slots[place] != NULL && (map->slots[place]->hash != hash ||
                                         pl_bytes_compare(map->slots[place]->name, name) != 0)) {
        place = (place + 1) & (map->slot_count - 1);
    }
    return &map->slots[place];
}

static void grow(struct pl_field_map *map)
{
    size_t slot_count = map->slot_count == 0 ? FIRST_SLOTS : map->slot_count * 2;
    struct pl_map_field **slots = calloc(slot_count, sizeof(struct pl_map_field *));
    struct pl_map_field **items =
        realloc(map->items, slot_count / 2 * sizeof(struct pl_map_field *));

    if (slots == NULL || items == NULL) {
        pl_out_of_memory(slot_count * sizeof(struct pl_map_field *));
    }
    free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    map->items = items;
    for (size_t i = 0; i < map->count; i++) {
        *find_slot(map, map->items[i]->hash, map->items[i]->name) = map->items[i];
    }
}

struct pl_map_field *pl_field_map_get(struct pl_field_map *map, struct pl_bytes name)
{
    uint64_t hash = hash_of(name);
    struct pl_map_field **slot;
    struct pl_map_field *field;

    if (map->count >= map->slot_count / 2) {
        grow(map);
    }
    slot = find_slot(map, hash, name);
    if (*slot != NULL) {
        return *slot;
    }
    field = pl_arena_zalloc(map->arena, 1, sizeof(*field));
    field->hash = hash;
    field->name = pl_arena_copy(map->arena, name);
    map->items[map->count++] = field;
    *slot = field;
    return field;
}

struct pl_map_field *pl_field_map_find(const struct pl_field_map *map, struct pl_bytes name)
{
    return map->slot_count == 0 ? NULL : *find_slot(map, hash_of(name), name);
}

void pl_map_field_keep(struct pl_map_field *field, struct pl_bytes value)
{
    field->is_live = !pl_bytes_is_null(value);
    field->value.len = 0;
    pl_buffer_put(&field->value, value.data, value.len);
}

void pl_map_field_digest(struct pl_map_field *field, struct pl_bytes value)
{
    field->is_live = !pl_bytes_is_null(value);
    field->digest = hash_of(value);
}

bool pl_map_field_has_digest(const struct pl_map_field *field, struct pl_bytes value)
{
    return field->is_live && !pl_bytes_is_null(value) && field->digest == hash_of(value);
}

void pl_field_map_done(struct pl_field_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        pl_buffer_done(&map->items[i]->value);
    }
    free(map->slots);
    free(map->items);
    *map = (struct pl_field_map){.arena = map->arena};
}
