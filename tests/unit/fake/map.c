/* A sorted array of pairs. */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

static size_t position_of(const struct pl_fake_map *map, struct pl_bytes key)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pl_bytes_compare(map->pairs[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_at(const struct pl_fake_map *map, size_t position, struct pl_bytes key)
{
    return position < map->count && pl_bytes_compare(map->pairs[position].key, key) == 0;
}

/* Key and value in one block, which begins at the key. */
static struct pl_fake_pair new_pair(struct pl_bytes key, struct pl_bytes value)
{
    char *block = malloc(key.len + value.len + 1);

    if (block == NULL) {
        pl_out_of_memory(key.len + value.len);
    }
    if (key.len > 0) {
        memcpy(block, key.data, key.len);
    }
    if (value.len > 0) {
        memcpy(block + key.len, value.data, value.len);
    }
    return (struct pl_fake_pair){{block, key.len}, {block + key.len, value.len}};
}

static void free_pair(struct pl_fake_pair *pair)
{
    union {
        const char *view;
        void *block;
    } key = {pair->key.data};

    free(key.block);
}

static void remove_at(struct pl_fake_map *map, size_t position)
{
    free_pair(&map->pairs[position]);
    map->count--;
    memmove(&map->pairs[position], &map->pairs[position + 1],
            (map->count - position) * sizeof(*map->pairs));
}

static void insert_at(struct pl_fake_map *map, size_t position, struct pl_fake_pair pair)
{
    if (map->count == map->capacity) {
        map->capacity = map->capacity == 0 ? 16 : map->capacity * 2;
        map->pairs = realloc(map->pairs, map->capacity * sizeof(*map->pairs));
        if (map->pairs == NULL) {
            pl_out_of_memory(map->capacity * sizeof(*map->pairs));
        }
    }
    memmove(&map->pairs[position + 1], &map->pairs[position],
            (map->count - position) * sizeof(*map->pairs));
    map->pairs[position] = pair;
    map->count++;
}

struct pl_bytes pl_fake_map_get(const struct pl_fake_map *map, struct pl_bytes key)
{
    size_t position = position_of(map, key);

    return has_at(map, position, key) ? map->pairs[position].value : PL_NULL_BYTES;
}

void pl_fake_map_put(struct pl_fake_map *map, struct pl_bytes key, struct pl_bytes value)
{
    size_t position = position_of(map, key);
    bool is_there = has_at(map, position, key);
    struct pl_fake_pair pair;

    if (pl_bytes_is_null(value)) {
        if (is_there) {
            remove_at(map, position);
        }
        return;
    }
    pair = new_pair(key, value); /* before the old one goes: value may be a view of it */
    if (is_there) {
        free_pair(&map->pairs[position]);
        map->pairs[position] = pair;
    } else {
        insert_at(map, position, pair);
    }
}

bool pl_fake_map_equal(const struct pl_fake_map *a, const struct pl_fake_map *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (pl_bytes_compare(a->pairs[i].key, b->pairs[i].key) != 0 ||
            pl_bytes_compare(a->pairs[i].value, b->pairs[i].value) != 0) {
            return false;
        }
    }
    return true;
}

void pl_fake_map_copy(const struct pl_fake_map *from, struct pl_fake_map *to)
{
    pl_fake_map_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        pl_fake_map_put(to, from->pairs[i].key, from->pairs[i].value);
    }
}

void pl_fake_map_clear(struct pl_fake_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free_pair(&map->pairs[i]);
    }
    free(map->pairs);
    *map = (struct pl_fake_map){NULL, 0, 0};
}
