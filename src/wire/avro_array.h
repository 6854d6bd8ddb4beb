/* Arrays out of Avro's binary form into memory of an arena. */
#ifndef PL_WIRE_AVRO_ARRAY_H
#define PL_WIRE_AVRO_ARRAY_H

#include "planlift/arena.h"
#include "wire/avro_binary.h"

/* An array being read, in as many blocks as its writer liked: zero-initialise all but item_size. */
struct pl_array {
    void *items;
    size_t item_size;
    size_t count;
    size_t capacity;
    uint64_t left; /* of the block */
};

/* How many items the next block has; 0: the array ends here, or the reader is bad. */
uint64_t pl_array_block(struct pl_reader *reader);

/* Room for the next item, all zero; NULL at the array's end, or once the reader is bad. Each item
 * must take a byte at least, so that no more room is made than the bytes at hand can fill. */
void *pl_array_next(struct pl_array *array, struct pl_reader *reader, struct pl_arena *arena);

/* An array of strings, which are views into the bytes read; cut short once bad. */
struct pl_names pl_get_names(struct pl_reader *reader, struct pl_arena *arena);

#endif
