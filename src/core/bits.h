/* Sets of small numbers as words of bits: the services and families of a catalogue. */
#ifndef PL_CORE_BITS_H
#define PL_CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words for a set of numbers below count. */
static inline size_t pl_bits_words(size_t count)
{
    return count / 64 + (count % 64 != 0);
}

static inline void pl_bits_add(uint64_t *bits, size_t number)
{
    bits[number / 64] |= (uint64_t)1 << (number % 64);
}

static inline bool pl_bits_has(const uint64_t *bits, size_t number)
{
    return (bits[number / 64] >> (number % 64) & 1) != 0;
}

/* Have the two sets a number in common? */
static inline bool pl_bits_meet(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if ((a[i] & b[i]) != 0) {
            return true;
        }
    }
    return false;
}

#endif
