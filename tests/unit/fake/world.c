/* Time and chance. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_WALL_MS INT64_C(1790000000000)
#define FIRST_MONOTONIC_MS INT64_C(5000)      /* not 0: a machine has been up for a while */
#define MESSAGE_LIMIT ((size_t)1000000 - 512) /* planlift's default */

const char *const pl_fake_call_names[PL_FAKE_CALL_COUNT] = {
#define X(name) #name,
    PL_FAKE_CALLS(X)
#undef X
};

struct pl_fake_later {
    struct pl_fake_later *next;
    int64_t due_ms;
    pl_fake_later_fn *fn;
    void *self;
    const void *data;
};

void pl_fake_world_init(struct pl_fake_world *world, int32_t partition_count,
                        int32_t dlq_partition_count, uint64_t seed)
{
    *world = (struct pl_fake_world){.monotonic_ms = FIRST_MONOTONIC_MS,
                                    .wall_ms = FIRST_WALL_MS,
                                    .random = seed * 2 + 1, /* never 0 */
                                    .broker = {.world = world,
                                               .partition_count = partition_count,
                                               .dlq_partition_count = dlq_partition_count,
                                               .transaction_timeout_ms = 10000}};
    memset(world->broker.group_offsets, -1, sizeof(world->broker.group_offsets));
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        world->broker.message_limits[topic] = MESSAGE_LIMIT;
        world->broker.broker_limits[topic] = SIZE_MAX;
    }
    world->hashes = pl_arena_zalloc(&world->arena, (size_t)partition_count, sizeof(*world->hashes));
}

void pl_fake_world_done(struct pl_fake_world *world)
{
    pl_fake_flush_hashes(world);
    pl_arena_done(&world->arena);
}

static void move_clocks(struct pl_fake_world *world, int64_t monotonic_ms)
{
    if (!world->is_wall_stopped) {
        world->wall_ms += monotonic_ms - world->monotonic_ms;
    }
    world->monotonic_ms = monotonic_ms;
}

void pl_fake_advance(struct pl_fake_world *world, int64_t ms)
{
    int64_t end_ms = world->monotonic_ms + ms;

    while (world->later != NULL && world->later->due_ms <= end_ms) {
        struct pl_fake_later *later = world->later;

        world->later = later->next;
        move_clocks(world, later->due_ms);
        later->fn(later->self, later->data);
    }
    move_clocks(world, end_ms);
}

int64_t pl_fake_advance_to_next(struct pl_fake_world *world, int64_t most_ms)
{
    int64_t ms = most_ms;

    if (world->later != NULL && world->later->due_ms - world->monotonic_ms < ms) {
        ms = world->later->due_ms - world->monotonic_ms;
    }
    pl_fake_advance(world, ms);
    return ms;
}

void pl_fake_after(struct pl_fake_world *world, int64_t ms, pl_fake_later_fn *fn, void *self,
                   const void *data, size_t data_size)
{
    struct pl_fake_later *later = pl_arena_alloc(&world->arena, sizeof(*later));
    struct pl_fake_later **link = &world->later;

    *later = (struct pl_fake_later){
        .due_ms = world->monotonic_ms + ms,
        .fn = fn,
        .self = self,
        .data = pl_arena_copy(&world->arena, (struct pl_bytes){data, data_size}).data};
    while (*link != NULL && (*link)->due_ms <= later->due_ms) {
        link = &(*link)->next;
    }
    later->next = *link;
    *link = later;
}

uint64_t pl_fake_random(struct pl_fake_world *world)
{
    /* splitmix64: the same numbers everywhere, and good ones from any seed. */
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t pl_fake_random_below(struct pl_fake_world *world, uint32_t bound)
{
    return (uint32_t)((pl_fake_random(world) >> 32) * bound >> 32);
}

int32_t pl_fake_partition_of(const struct pl_fake_world *world, struct pl_bytes key)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (unsigned char)key.data[i]) * 16777619U;
    }
    return (int32_t)(hash % (uint32_t)world->broker.partition_count);
}

void pl_fake_flush_hashes(struct pl_fake_world *world)
{
    for (int32_t partition = 0; partition < world->broker.partition_count; partition++) {
        pl_fake_map_clear(&world->hashes[partition]);
    }
}
