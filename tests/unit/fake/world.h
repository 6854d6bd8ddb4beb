/* The one state that all fakes share: time, chance, what is to happen later, the little Kafka and
 * the little Redis. A world has any number of processes (process.h), each with ports of its own.
 *
 * Nothing here depends on the real clock, on addresses or on threads: the same seed and the same
 * calls give the same history. Time stands still but for pl_fake_advance, which the ports' waiting
 * calls use; whatever a message in flight, a marker or a timeout does comes out of the list of
 * later events, in the order of their times. So a simulation needs nothing more than a scheduler in
 * `hook`, which runs before each call that a process makes of its ports. */
#ifndef PL_TESTS_FAKE_WORLD_H
#define PL_TESTS_FAKE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fake/broker.h"
#include "fake/map.h"
#include "planlift/arena.h"

/* The calls that a process makes of its ports; those without one here cannot fail. */
#define PL_FAKE_CALLS(X)                                                                           \
    X(POLL)                                                                                        \
    X(HEADERS)                                                                                     \
    X(COMMITTED)                                                                                   \
    X(LOG_RANGE)                                                                                   \
    X(START)                                                                                       \
    X(STOP)                                                                                        \
    X(DRAINED)                                                                                     \
    X(RENEW)                                                                                       \
    X(UNENDED)                                                                                     \
    X(SETTLE)                                                                                      \
    X(BEGIN)                                                                                       \
    X(PRODUCE)                                                                                     \
    X(FLUSH)                                                                                       \
    X(STATE_OFFSETS)                                                                               \
    X(COMMIT)                                                                                      \
    X(ABORT)                                                                                       \
    X(STATE_RANGE)                                                                                 \
    X(STATE_OPEN)                                                                                  \
    X(STATE_READ)                                                                                  \
    X(CACHE_READ)                                                                                  \
    X(CACHE_UPDATE)                                                                                \
    X(CACHE_DROP)

enum pl_fake_call {
#define X(name) PL_FAKE_##name,
    PL_FAKE_CALLS(X)
#undef X
};
#define PL_FAKE_ONE(name) +1
enum { PL_FAKE_CALL_COUNT = 0 PL_FAKE_CALLS(PL_FAKE_ONE) };

/* For messages, for example "CACHE_UPDATE". */
extern const char *const pl_fake_call_names[PL_FAKE_CALL_COUNT];

struct pl_fake_process;

/* Something that happens at a time. */
typedef void pl_fake_later_fn(void *self, const void *data);
struct pl_fake_later;

struct pl_fake_world {
    struct pl_arena arena; /* lives as long as the world */
    int64_t monotonic_ms;
    int64_t wall_ms;
    bool is_wall_stopped; /* the wall clock stands still: results are the same whenever decided */
    uint64_t random;
    struct pl_fake_later *later; /* sorted by time, then by when they were asked for */
    struct pl_fake_broker broker;
    struct pl_fake_map *hashes;        /* the little Redis: a hash for each partition */
    bool has_any_partitioner;          /* a key may be in any partition */
    struct pl_fake_process *processes; /* all of them, linked by next */
    /* Before each call of a process; may do anything but call that process's ports. */
    void (*hook)(void *self, struct pl_fake_process *process, enum pl_fake_call call);
    void *hook_self;
};

/* All topics but the DLQs have partition_count partitions. */
void pl_fake_world_init(struct pl_fake_world *world, int32_t partition_count,
                        int32_t dlq_partition_count, uint64_t seed);
void pl_fake_world_done(struct pl_fake_world *world);

/* Let time go on; what is due on the way happens at its own time. */
void pl_fake_advance(struct pl_fake_world *world, int64_t ms);

/* Let time go on to the next thing that happens, but at most so far. Returns how far it went. */
int64_t pl_fake_advance_to_next(struct pl_fake_world *world, int64_t most_ms);

/* In ms from now, call fn. data_size bytes are copied; what they point to must stay. */
void pl_fake_after(struct pl_fake_world *world, int64_t ms, pl_fake_later_fn *fn, void *self,
                   const void *data, size_t data_size);

/* The next number of the seed's sequence; below a bound. */
uint64_t pl_fake_random(struct pl_fake_world *world);
uint32_t pl_fake_random_below(struct pl_fake_world *world, uint32_t bound);

/* The partition that a key belongs in. */
int32_t pl_fake_partition_of(const struct pl_fake_world *world, struct pl_bytes key);

/* Redis loses everything. */
void pl_fake_flush_hashes(struct pl_fake_world *world);

#endif
