/* Which allocations fail in a sweep: every one of the first, then one in so many at random, about
 * as many as asked for. SWEEP_SEED gives another choice, SWEEP_ALL all of them. */
#ifndef PL_TESTS_ALLOC_SWEEP_H
#define PL_TESTS_ALLOC_SWEEP_H

#include <stdint.h>
#include <stdlib.h>

/* A sanitizer makes everything many times slower. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PL_SWEEP_PART 8
#else
#define PL_SWEEP_PART 1
#endif

#define PL_SWEEP_FIRST (200 / PL_SWEEP_PART)

struct sweep {
    unsigned long count;  /* of allocations */
    unsigned long number; /* of the one that is to fail, from 1; 0: before the first */
    unsigned long step;
    uint32_t seed;
};

static inline struct sweep sweep_of(unsigned long count, unsigned long runs)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): tests have one thread */
    const char *seed = getenv("SWEEP_SEED");
    unsigned long step = getenv("SWEEP_ALL") != NULL ? 1 : count / (runs / PL_SWEEP_PART) * 2 + 1;
    /* NOLINTEND(concurrency-mt-unsafe) */

    return (struct sweep){count, 0, step, seed == NULL ? 1 : (uint32_t)strtoul(seed, NULL, 10)};
}

/* Go on to the next; 0: there is none. */
static inline unsigned long sweep_next(struct sweep *sweep)
{
    sweep->number++;
    if (sweep->number > PL_SWEEP_FIRST) {
        sweep->seed = sweep->seed * 1664525U + 1013904223U; /* as good as any for a choice */
        sweep->number += (sweep->seed >> 8) % sweep->step;
    }
    return sweep->number > sweep->count ? 0 : sweep->number;
}

#endif
