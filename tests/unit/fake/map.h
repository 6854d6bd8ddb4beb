/* A map from bytes to bytes, in the order of the keys: a Redis hash, a compacted log folded up. */
#ifndef PL_TESTS_FAKE_MAP_H
#define PL_TESTS_FAKE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "planlift/bytes.h"

struct pl_fake_pair {
    struct pl_bytes key;
    struct pl_bytes value;
};

/* In place; zero-initialise. Keys and values are copies of its own. */
struct pl_fake_map {
    struct pl_fake_pair *pairs; /* sorted by key */
    size_t count;
    size_t capacity;
};

/* Null if there is none. Borrowed until the next change. */
struct pl_bytes pl_fake_map_get(const struct pl_fake_map *map, struct pl_bytes key);

/* Set or overwrite; value null: remove. */
void pl_fake_map_put(struct pl_fake_map *map, struct pl_bytes key, struct pl_bytes value);

/* Same keys, same values. */
bool pl_fake_map_equal(const struct pl_fake_map *a, const struct pl_fake_map *b);

/* Replace the content of `to` by a copy of `from`'s. */
void pl_fake_map_copy(const struct pl_fake_map *from, struct pl_fake_map *to);

void pl_fake_map_clear(struct pl_fake_map *map); /* frees all; may be used again */

#endif
