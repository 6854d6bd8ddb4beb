/* A subscription's licences in bounded chunks: a binary trie over the users' hashes, kept as the
 * list of its leaves (design I2). */
#include <assert.h>

#include <xxhash.h>

#include "customer_inner.h"

uint64_t pl_user_hash(struct pl_bytes user_id)
{
    return XXH3_64bits(user_id.data, user_id.len);
}

void pl_licences_init(struct pl_subscription *subscription, struct pl_arena *arena)
{
    subscription->licence_count = 0;
    subscription->chunks = pl_arena_zalloc(arena, 1, sizeof(*subscription->chunks));
    subscription->chunks[0].is_loaded = true;
    subscription->chunk_count = 1;
    subscription->chunk_capacity = 1;
}

/* ---- looking up ------------------------------------------------------------------------------ */

struct pl_chunk *pl_licences_chunk(const struct pl_subscription *subscription, uint64_t user_hash)
{
    size_t low = 0; /* the answer is in [low, high) */
    size_t high = subscription->chunk_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (subscription->chunks[middle].start <= user_hash) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &subscription->chunks[low];
}

/* Position of the first licence whose user is not below. */
static uint32_t licence_position(const struct pl_chunk *chunk, struct pl_bytes user_id)
{
    uint32_t low = 0;
    uint32_t high = chunk->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (pl_bytes_compare(chunk->licences[middle].user_id, user_id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_licence_at(const struct pl_chunk *chunk, uint32_t position, struct pl_bytes user_id)
{
    return position < chunk->count && pl_bytes_equal(chunk->licences[position].user_id, user_id);
}

const struct pl_licence *pl_licences_find(const struct pl_subscription *subscription,
                                          struct pl_bytes user_id)
{
    const struct pl_chunk *chunk = pl_licences_chunk(subscription, pl_user_hash(user_id));
    uint32_t position;

    assert(chunk->is_loaded);
    position = licence_position(chunk, user_id);
    return has_licence_at(chunk, position, user_id) ? &chunk->licences[position] : NULL;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

/* About the bytes that a licence takes in the store. */
static size_t licence_bytes(const struct pl_licence *licence)
{
    size_t bytes = licence->user_id.len + licence->user_principal_name.len +
                   licence->display_name.len + licence->assigned_by_group.len;

    for (size_t i = 0; i < licence->disabled_services.count; i++) {
        bytes += licence->disabled_services.items[i].len + 1;
    }
    return bytes;
}

/* A single licence is never too much: splitting would only part it from nothing. */
static bool is_too_much(size_t count, size_t bytes)
{
    return count > 1 && (count > PL_CHUNK_MAX_LICENCES || bytes > PL_CHUNK_MAX_BYTES);
}

static uint64_t hash_bit(unsigned depth)
{
    return (uint64_t)1 << (63 - depth);
}

/* A range of user hashes that is not made into chunks yet, and its licences, sorted by user. */
struct range {
    uint64_t start;
    unsigned depth;
    const struct pl_licence **licences;
    size_t count;
};

static bool should_cut(const struct range *range)
{
    size_t bytes = 0;

    for (size_t i = 0; i < range->count && i < PL_CHUNK_MAX_LICENCES; i++) {
        bytes += licence_bytes(range->licences[i]);
    }
    return range->depth < PL_CHUNK_MAX_DEPTH && is_too_much(range->count, bytes);
}

/* Those whose hash has the bit of this depth go behind the others, both still sorted by user.
 * spare: room for as many pointers. */
static struct range cut_range(struct range *low, const struct pl_licence **spare)
{
    uint64_t bit = hash_bit(low->depth);
    size_t stay = 0;
    size_t go = 0;

    for (size_t i = 0; i < low->count; i++) {
        if ((low->licences[i]->user_hash & bit) != 0) {
            spare[go++] = low->licences[i];
        } else {
            low->licences[stay++] = low->licences[i];
        }
    }
    for (size_t i = 0; i < go; i++) {
        low->licences[stay + i] = spare[i];
    }
    low->count = stay;
    low->depth++;
    return (struct range){.start = low->start | bit,
                          .depth = low->depth,
                          .licences = low->licences + stay,
                          .count = go};
}

struct chunk_list {
    struct pl_chunk *items;
    size_t count;
    size_t capacity;
};

/* A chunk that the store does not know yet; an empty one needs no store. */
static void add_chunk(struct chunk_list *chunks, const struct range *range, struct pl_arena *arena)
{
    struct pl_licence *licences =
        pl_arena_alloc(arena, (range->count + 1) * sizeof(*licences)); /* one more will fit */

    for (size_t i = 0; i < range->count; i++) {
        licences[i] = *range->licences[i];
    }
    if (chunks->count == chunks->capacity) {
        size_t capacity = chunks->capacity == 0 ? 2 : chunks->capacity * 2;

        chunks->items =
            pl_arena_grow(arena, chunks->items, chunks->count, capacity, sizeof(*chunks->items));
        chunks->capacity = capacity;
    }
    chunks->items[chunks->count++] = (struct pl_chunk){.start = range->start,
                                                       .depth = (uint8_t)range->depth,
                                                       .is_loaded = true,
                                                       .is_dirty = range->count > 0,
                                                       .licences = licences,
                                                       .count = (uint32_t)range->count,
                                                       .capacity = (uint32_t)range->count + 1};
}

/* Make a range into chunks, split as deep as the bounds ask for, in order of their starts. */
static struct chunk_list make_chunks(struct range range, struct pl_arena *arena)
{
    struct range waiting[PL_CHUNK_MAX_DEPTH + 1]; /* upper halves, the next one last */
    const struct pl_licence **spare = NULL;
    size_t waiting_count = 0;
    struct chunk_list chunks = {NULL, 0, 0};

    for (;;) {
        while (should_cut(&range)) {
            if (spare == NULL) {
                spare = pl_arena_alloc(arena, range.count * sizeof(const struct pl_licence *));
            }
            waiting[waiting_count++] = cut_range(&range, spare);
        }
        add_chunk(&chunks, &range, arena);
        if (waiting_count == 0) {
            return chunks;
        }
        range = waiting[--waiting_count];
    }
}

void pl_licences_fill(struct pl_subscription *subscription, const struct pl_licence **licences,
                      size_t count, struct pl_arena *arena)
{
    struct chunk_list chunks;

    assert(subscription->licence_count == 0 && subscription->chunk_count == 1);
    chunks = make_chunks((struct range){.licences = licences, .count = count}, arena);
    subscription->chunks = chunks.items;
    subscription->chunk_count = chunks.count;
    subscription->chunk_capacity = chunks.capacity;
    subscription->licence_count = count;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void drop_chunk(struct pl_customer *customer, const struct pl_subscription *subscription,
                       const struct pl_chunk *chunk, struct pl_arena *arena)
{
    if (chunk->revision > 0) {
        pl_pieces_add(&customer->dropped, pl_chunk_piece(subscription, chunk), arena);
    }
}

/* Put other chunks in the place of one. */
static void replace_chunk(struct pl_subscription *subscription, size_t position,
                          const struct chunk_list *chunks, struct pl_arena *arena)
{
    size_t count = subscription->chunk_count + chunks->count - 1;

    if (count > subscription->chunk_capacity) {
        size_t capacity = 2 * count;

        subscription->chunks = pl_arena_grow(arena, subscription->chunks, subscription->chunk_count,
                                             capacity, sizeof(*subscription->chunks));
        subscription->chunk_capacity = capacity;
    }
    memmove(&subscription->chunks[position + chunks->count], &subscription->chunks[position + 1],
            (subscription->chunk_count - position - 1) * sizeof(*subscription->chunks));
    memcpy(&subscription->chunks[position], chunks->items,
           chunks->count * sizeof(*subscription->chunks));
    subscription->chunk_count = count;
}

static bool should_split(const struct pl_chunk *chunk)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < chunk->count; i++) {
        bytes += licence_bytes(&chunk->licences[i]);
    }
    return chunk->depth < PL_CHUNK_MAX_DEPTH && is_too_much(chunk->count, bytes);
}

static void split_chunk(struct pl_customer *customer, struct pl_subscription *subscription,
                        struct pl_chunk *chunk, struct pl_arena *arena)
{
    struct range range = {
        .start = chunk->start,
        .depth = chunk->depth,
        .licences = pl_arena_alloc(arena, chunk->count * sizeof(const struct pl_licence *)),
        .count = chunk->count};
    struct chunk_list chunks;

    for (uint32_t i = 0; i < chunk->count; i++) {
        range.licences[i] = &chunk->licences[i];
    }
    drop_chunk(customer, subscription, chunk, arena);
    chunks = make_chunks(range, arena);
    replace_chunk(subscription, (size_t)(chunk - subscription->chunks), &chunks, arena);
}

static void insert_licence(struct pl_chunk *chunk, uint32_t position, struct pl_arena *arena)
{
    if (chunk->count == chunk->capacity) {
        uint32_t capacity = chunk->capacity == 0 ? 4 : 2 * chunk->capacity;

        chunk->licences =
            pl_arena_grow(arena, chunk->licences, chunk->count, capacity, sizeof(*chunk->licences));
        chunk->capacity = capacity;
    }
    memmove(&chunk->licences[position + 1], &chunk->licences[position],
            (chunk->count - position) * sizeof(*chunk->licences));
    chunk->count++;
}

void pl_licences_put(struct pl_customer *customer, struct pl_subscription *subscription,
                     const struct pl_licence *licence, struct pl_arena *arena)
{
    uint64_t user_hash = pl_user_hash(licence->user_id);
    struct pl_chunk *chunk = pl_licences_chunk(subscription, user_hash);
    uint32_t position;

    assert(chunk->is_loaded);
    position = licence_position(chunk, licence->user_id);
    if (!has_licence_at(chunk, position, licence->user_id)) {
        insert_licence(chunk, position, arena);
        subscription->licence_count++;
    }
    chunk->licences[position] = *licence;
    chunk->licences[position].user_hash = user_hash;
    chunk->is_dirty = true;
    customer->is_dirty = true;
    if (should_split(chunk)) {
        split_chunk(customer, subscription, chunk, arena);
    }
}

void pl_licences_clear(struct pl_customer *customer, struct pl_subscription *subscription,
                       struct pl_arena *arena)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        drop_chunk(customer, subscription, &subscription->chunks[i], arena);
    }
    pl_licences_init(subscription, arena);
    customer->is_dirty = true;
}

void pl_licences_remove(struct pl_customer *customer, struct pl_subscription *subscription,
                        struct pl_bytes user_id, struct pl_arena *arena)
{
    struct pl_chunk *chunk = pl_licences_chunk(subscription, pl_user_hash(user_id));
    uint32_t position;

    assert(chunk->is_loaded);
    position = licence_position(chunk, user_id);
    if (!has_licence_at(chunk, position, user_id)) {
        return;
    }
    if (subscription->licence_count == 1) {
        pl_licences_clear(customer, subscription, arena);
        return;
    }
    chunk->count--;
    memmove(&chunk->licences[position], &chunk->licences[position + 1],
            (chunk->count - position) * sizeof(*chunk->licences));
    chunk->is_dirty = true;
    subscription->licence_count--;
    customer->is_dirty = true;
}

/* ---- all of them ----------------------------------------------------------------------------- */

const struct pl_licence **pl_licences_list(const struct pl_subscription *subscription,
                                           struct pl_arena *arena)
{
    const struct pl_licence **list =
        pl_arena_alloc(arena, subscription->licence_count * sizeof(const struct pl_licence *));
    size_t count = 0;

    for (size_t i = 0; i < subscription->chunk_count; i++) {
        const struct pl_chunk *chunk = &subscription->chunks[i];

        assert(chunk->is_loaded && count + chunk->count <= subscription->licence_count);
        for (uint32_t j = 0; j < chunk->count; j++) {
            list[count++] = &chunk->licences[j];
        }
    }
    assert(count == subscription->licence_count);
    return list;
}

/* Two neighbouring runs into one. */
static void merge_runs(const struct pl_licence *const *left, size_t left_count,
                       const struct pl_licence *const *right, size_t right_count,
                       const struct pl_licence **out)
{
    while (left_count > 0 && right_count > 0) {
        if (pl_bytes_compare((*left)->user_id, (*right)->user_id) < 0) {
            *out++ = *left++;
            left_count--;
        } else {
            *out++ = *right++;
            right_count--;
        }
    }
    for (; left_count > 0; left_count--) {
        *out++ = *left++;
    }
    for (; right_count > 0; right_count--) {
        *out++ = *right++;
    }
}

/* Merge sorted runs by pairs until one is left. ends: where each run ends; used up. */
static const struct pl_licence **merge_all(const struct pl_licence **list, size_t *ends,
                                           size_t run_count, struct pl_arena *arena)
{
    const struct pl_licence **from = list;
    const struct pl_licence **into =
        run_count > 1
            ? pl_arena_alloc(arena, ends[run_count - 1] * sizeof(const struct pl_licence *))
            : NULL;

    while (run_count > 1) {
        const struct pl_licence **merged = into;
        size_t start = 0;
        size_t merged_count = 0;

        for (size_t i = 0; i < run_count; i += 2) {
            size_t middle = ends[i];
            size_t end = i + 1 < run_count ? ends[i + 1] : middle;

            merge_runs(from + start, middle - start, from + middle, end - middle, into + start);
            ends[merged_count++] = end;
            start = end;
        }
        run_count = merged_count;
        into = from;
        from = merged;
    }
    return from;
}

void pl_licences_sorted(const struct pl_subscription *subscription, struct pl_arena *arena,
                        const struct pl_licence *const **ret_sorted)
{
    const struct pl_licence **list = pl_licences_list(subscription, arena);
    size_t *ends = pl_arena_alloc(arena, subscription->chunk_count * sizeof(*ends));
    size_t end = 0;

    for (size_t i = 0; i < subscription->chunk_count; i++) { /* each chunk is a sorted run */
        end += subscription->chunks[i].count;
        ends[i] = end;
    }
    *ret_sorted = merge_all(list, ends, subscription->chunk_count, arena);
}
