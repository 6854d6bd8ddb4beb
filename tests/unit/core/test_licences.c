/* Unit tests of core/licences.c. */
#include "fixture.h"

/* Licences in sorted order, no repeats, each in the chunk of its hash. Returns their number. */
static uint64_t check_chunk(const struct pl_chunk *chunk)
{
    size_t bytes = 0;

    assert_int_equal(chunk->is_dirty && !chunk->is_loaded, 0);
    for (uint32_t i = 0; i < chunk->count; i++) {
        const struct pl_licence *licence = &chunk->licences[i];

        assert_true(licence->user_hash == pl_user_hash(licence->user_id));
        assert_true(licence->user_hash >= chunk->start);
        if (chunk->depth > 0) {
            assert_true((licence->user_hash - chunk->start) >> (64 - chunk->depth) == 0);
        }
        if (i > 0) {
            assert_true(pl_bytes_compare(chunk->licences[i - 1].user_id, licence->user_id) < 0);
        }
        bytes += licence->user_id.len + licence->user_principal_name.len;
    }
    assert_true(chunk->count <= PL_CHUNK_MAX_LICENCES || chunk->depth == PL_CHUNK_MAX_DEPTH);
    assert_true(bytes <= PL_CHUNK_MAX_BYTES || chunk->count == 1 ||
                chunk->depth == PL_CHUNK_MAX_DEPTH);
    return chunk->count;
}

/* The directory covers every hash once, and holds as many licences as it says. */
static void check_directory(const struct pl_subscription *subscription)
{
    uint64_t start = 0;
    uint64_t count = 0;

    assert_true(subscription->chunk_count >= 1);
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        const struct pl_chunk *chunk = &subscription->chunks[i];

        assert_true(chunk->start == start);
        assert_true(chunk->depth <= PL_CHUNK_MAX_DEPTH);
        assert_true(i == 0 || start != 0); /* not round yet */
        start += chunk->depth == 0 ? 0 : (uint64_t)1 << (64 - chunk->depth);
        count += check_chunk(chunk);
    }
    assert_true(start == 0); /* round: 2^64 */
    assert_true(count == subscription->licence_count);
}

static struct pl_bytes user(struct fixture *fixture, unsigned number)
{
    return pl_arena_format(&fixture->arena, "user-%06u", number);
}

static void put(struct fixture *fixture, const char *subscription_id, unsigned number)
{
    assign(fixture, subscription_id, user(fixture, number).data, "");
}

static void twenty_five_thousand_licences_are_put_found_and_removed(void **state)
{
    enum { COUNT = 25000 };
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");
    const struct pl_licence *const *sorted;

    for (unsigned i = 0; i < COUNT; i++) {
        put(fixture, "a", (i * 7919) % COUNT); /* every number once, in disorder */
    }
    check_directory(subscription);
    assert_int_equal(subscription->licence_count, COUNT);
    assert_true(subscription->chunk_count > COUNT / PL_CHUNK_MAX_LICENCES);
    pl_licences_sorted(subscription, &fixture->arena, &sorted);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_true(pl_bytes_equal(sorted[i]->user_id, user(fixture, i)));
        assert_ptr_equal(pl_licences_find(subscription, user(fixture, i)), sorted[i]);
    }
    assert_null(pl_licences_find(subscription, user(fixture, COUNT)));
    for (unsigned i = 0; i < COUNT; i += 2) {
        pl_licences_remove(&fixture->customer, subscription, user(fixture, i), &fixture->arena);
    }
    check_directory(subscription);
    assert_int_equal(subscription->licence_count, COUNT / 2);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(pl_licences_find(subscription, user(fixture, i)) != NULL, i % 2);
    }
}

static void putting_again_overwrites(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");

    assign(fixture, "a", "u", "x");
    subscription->chunks[0].is_dirty = false;
    fixture->customer.is_dirty = false;
    assign(fixture, "a", "u", "z y");
    assert_int_equal(subscription->licence_count, 1);
    assert_string_equal(licences_text(&fixture->arena, subscription), "u [y z]");
    assert_true(subscription->chunks[0].is_dirty);
    assert_true(fixture->customer.is_dirty);
}

static void users_are_sorted_by_bytes(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "a", "basic");
    assign(fixture, "a", "user", "");
    assign(fixture, "a", "\xf0\x9f\x98\x80", "");
    assign(fixture, "a", "User", "");
    assign(fixture, "a", "\xef\xbf\xae", "");
    assign(fixture, "a", "user-1", "");
    assert_string_equal(licences_text(&fixture->arena, find(fixture, "a")),
                        "User []; user []; user-1 []; \xef\xbf\xae []; \xf0\x9f\x98\x80 []");
}

static void the_thirty_third_licence_splits(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");

    for (unsigned i = 0; i < PL_CHUNK_MAX_LICENCES; i++) {
        put(fixture, "a", i);
    }
    assert_int_equal(subscription->chunk_count, 1);
    subscription->chunks[0].revision = 4; /* as if stored */
    put(fixture, "a", PL_CHUNK_MAX_LICENCES);
    check_directory(subscription);
    assert_true(subscription->chunk_count >= 2);
    assert_int_equal(fixture->customer.dropped.count, 1);
    assert_int_equal(fixture->customer.dropped.items[0].chunk_depth, 0);
    assert_int_equal(fixture->customer.dropped.items[0].ordinal, subscription->ordinal);
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        assert_int_equal(subscription->chunks[i].revision, 0);
        assert_true(subscription->chunks[i].is_loaded);
        assert_int_equal(subscription->chunks[i].is_dirty, subscription->chunks[i].count > 0);
    }
}

static void long_licences_split_sooner_but_never_a_single_one(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");
    char *long_name = pl_arena_zalloc(&fixture->arena, 1, PL_CHUNK_MAX_BYTES + 1);
    struct pl_licence licence = {.user_principal_name = {long_name, PL_CHUNK_MAX_BYTES + 1}};

    memset(long_name, 'x', PL_CHUNK_MAX_BYTES + 1);
    licence.user_id = user(fixture, 1);
    pl_licences_put(&fixture->customer, subscription, &licence, &fixture->arena);
    assert_int_equal(subscription->chunk_count, 1);
    for (unsigned i = 2; i < 20; i++) {
        licence.user_id = user(fixture, i);
        pl_licences_put(&fixture->customer, subscription, &licence, &fixture->arena);
        check_directory(subscription);
    }
    assert_true(subscription->chunk_count >= 19);
}

static void many_disabled_services_count_as_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");
    struct pl_bytes *ids = pl_arena_zalloc(&fixture->arena, 2000, sizeof(*ids));
    struct pl_licence licence = {.disabled_services = {ids, 2000}};

    for (unsigned i = 0; i < 2000; i++) {
        ids[i] = user(fixture, i); /* eleven bytes each */
    }
    licence.user_id = PL_BYTES_LITERAL("one");
    pl_licences_put(&fixture->customer, subscription, &licence, &fixture->arena);
    assert_int_equal(subscription->chunk_count, 1);
    licence.user_id = PL_BYTES_LITERAL("two");
    pl_licences_put(&fixture->customer, subscription, &licence, &fixture->arena);
    assert_true(subscription->chunk_count >= 2);
    check_directory(subscription);
}

static void the_last_licence_leaves_one_clean_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");
    size_t stored = 0;

    for (unsigned i = 0; i < 100; i++) {
        put(fixture, "a", i);
    }
    for (size_t i = 0; i < subscription->chunk_count; i += 2) { /* every second one is stored */
        subscription->chunks[i].revision = 1;
        stored++;
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(fixture->customer.dropped.count, 0);
        pl_licences_remove(&fixture->customer, subscription, user(fixture, i), &fixture->arena);
    }
    assert_int_equal(fixture->customer.dropped.count, stored);
    assert_int_equal(subscription->chunk_count, 1);
    assert_int_equal(subscription->chunks[0].revision, 0);
    assert_true(subscription->chunks[0].is_loaded);
    assert_false(subscription->chunks[0].is_dirty);
    check_directory(subscription);
}

static void removing_an_absent_user_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");

    assign(fixture, "a", "u", "");
    subscription->chunks[0].is_dirty = false;
    fixture->customer.is_dirty = false;
    pl_licences_remove(&fixture->customer, subscription, PL_BYTES_LITERAL("U"), &fixture->arena);
    assert_int_equal(subscription->licence_count, 1);
    assert_false(subscription->chunks[0].is_dirty);
    assert_false(fixture->customer.is_dirty);
}

static void clearing_drops_chunks_that_are_not_loaded_too(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");

    for (unsigned i = 0; i < 100; i++) {
        put(fixture, "a", i);
    }
    assert_true(subscription->chunk_count > 2);
    subscription->chunks[0].revision = 1;
    subscription->chunks[1].revision = 2;
    subscription->chunks[1].is_loaded = false;
    subscription->chunks[1].is_dirty = false;
    pl_licences_clear(&fixture->customer, subscription, &fixture->arena);
    assert_int_equal(fixture->customer.dropped.count, 2);
    assert_int_equal(subscription->licence_count, 0);
    check_directory(subscription);
    pl_licences_clear(&fixture->customer, subscription, &fixture->arena);
    assert_int_equal(fixture->customer.dropped.count, 2); /* not twice */
}

static void filling_gives_what_putting_would(void **state)
{
    static const unsigned counts[] = {0, 1, 32, 33, 1000};
    struct fixture *fixture = *state;

    add_subscription(fixture, "put", "basic");
    add_subscription(fixture, "fill", "basic");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct pl_subscription *by_put = find(fixture, "put");
        struct pl_subscription *by_fill = find(fixture, "fill");
        const struct pl_licence *const *sorted;
        const struct pl_licence **copy;

        for (unsigned j = 0; j < counts[i]; j++) {
            put(fixture, "put", j);
        }
        pl_licences_sorted(by_put, &fixture->arena, &sorted);
        copy = pl_arena_zalloc(&fixture->arena, counts[i] + 1, sizeof(const struct pl_licence *));
        for (unsigned j = 0; j < counts[i]; j++) {
            copy[j] = sorted[j];
        }
        pl_licences_init(by_fill, &fixture->arena);
        pl_licences_fill(by_fill, copy, counts[i], &fixture->arena);
        check_directory(by_fill);
        assert_int_equal(by_fill->chunk_count, by_put->chunk_count);
        for (size_t j = 0; j < by_put->chunk_count; j++) {
            assert_true(by_fill->chunks[j].start == by_put->chunks[j].start);
            assert_int_equal(by_fill->chunks[j].depth, by_put->chunks[j].depth);
            assert_int_equal(by_fill->chunks[j].count, by_put->chunks[j].count);
            assert_int_equal(by_fill->chunks[j].revision, 0);
        }
        assert_string_equal(licences_text(&fixture->arena, by_fill),
                            licences_text(&fixture->arena, by_put));
    }
}

/* Hashes that cannot be told apart: splitting ends at the greatest depth. */
static void equal_hashes_stay_together(void **state)
{
    enum { COUNT = 100 };
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");
    struct pl_licence *licences = pl_arena_zalloc(&fixture->arena, COUNT, sizeof(*licences));
    const struct pl_licence *list[COUNT];
    uint64_t hash = UINT64_C(0xf0f0f0f0f0f0f0f0);
    const struct pl_chunk *chunk;

    for (unsigned i = 0; i < COUNT; i++) {
        licences[i] = (struct pl_licence){.user_hash = hash, .user_id = user(fixture, i)};
        list[i] = &licences[i];
    }
    pl_licences_fill(subscription, list, COUNT, &fixture->arena);
    assert_int_equal(subscription->chunk_count, PL_CHUNK_MAX_DEPTH + 1);
    chunk = pl_licences_chunk(subscription, hash);
    assert_int_equal(chunk->depth, PL_CHUNK_MAX_DEPTH);
    assert_int_equal(chunk->count, COUNT);
    assert_true(chunk->start == (hash & ~(uint64_t)0xffff));
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        if (&subscription->chunks[i] != chunk) {
            assert_int_equal(subscription->chunks[i].count, 0);
            assert_false(subscription->chunks[i].is_dirty); /* an empty one needs no store */
        }
    }
}

static void the_chunk_of_a_hash_is_the_one_whose_range_holds_it(void **state)
{
    struct fixture *fixture = *state;
    struct pl_subscription *subscription = add_subscription(fixture, "a", "basic");

    for (unsigned i = 0; i < 500; i++) {
        put(fixture, "a", i);
    }
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        struct pl_chunk *chunk = &subscription->chunks[i];
        uint64_t last = i + 1 < subscription->chunk_count ? chunk[1].start - 1 : UINT64_MAX;

        assert_ptr_equal(pl_licences_chunk(subscription, chunk->start), chunk);
        assert_ptr_equal(pl_licences_chunk(subscription, last), chunk);
    }
}

/* ---- a store that follows -------------------------------------------------------------------- */

/* Names of stored chunks, as the state codec would keep them. */
struct store {
    struct pl_piece pieces[4096];
    size_t count;
};

static size_t store_position(const struct store *store, const struct pl_piece *piece)
{
    size_t i = 0;

    while (i < store->count && (store->pieces[i].ordinal != piece->ordinal ||
                                store->pieces[i].chunk_depth != piece->chunk_depth ||
                                store->pieces[i].chunk_start != piece->chunk_start)) {
        i++;
    }
    return i;
}

/* Delete what is dropped, then write what is dirty. */
static void commit(struct fixture *fixture, struct store *store)
{
    struct pl_customer *customer = &fixture->customer;
    size_t stored_chunks = 0;

    for (size_t i = 0; i < customer->dropped.count; i++) {
        size_t position = store_position(store, &customer->dropped.items[i]);

        assert_true(position < store->count); /* stored, and dropped once only */
        store->pieces[position] = store->pieces[--store->count];
    }
    customer->dropped.count = 0;
    for (size_t i = 0; i < customer->subscription_count; i++) {
        struct pl_subscription *subscription = &customer->subscriptions[i];

        for (size_t j = 0; j < subscription->chunk_count; j++) {
            struct pl_chunk *chunk = &subscription->chunks[j];
            struct pl_piece piece = pl_chunk_piece(subscription, chunk);
            size_t position = store_position(store, &piece);

            assert_int_equal(position<store->count, chunk->revision> 0);
            if (chunk->is_dirty) {
                assert_true(position < sizeof(store->pieces) / sizeof(store->pieces[0]));
                store->count += position == store->count;
                store->pieces[position] = piece;
                chunk->revision++;
                chunk->is_dirty = false;
            }
            stored_chunks += chunk->revision > 0;
        }
        check_directory(subscription);
    }
    assert_int_equal(store->count, stored_chunks); /* nothing is left behind */
}

static void the_store_never_keeps_or_loses_a_chunk(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = pl_arena_zalloc(&fixture->arena, 1, sizeof(*store));
    uint64_t seed = 42;

    add_subscription(fixture, "a", "basic");
    add_subscription(fixture, "b", "basic");
    for (int step = 0; step < 6000; step++) {
        const char *id = random_below(&seed, 2) == 0 ? "a" : "b";
        bool is_growing = step / 1000 % 2 == 0; /* by turns, so that all go and come again */
        unsigned number = random_below(&seed, 300);

        if (random_below(&seed, 500) == 0) {
            pl_licences_clear(&fixture->customer, find(fixture, id), &fixture->arena);
        } else if (random_below(&seed, 100) < (is_growing ? 90U : 10U)) {
            put(fixture, id, number);
        } else {
            pl_licences_remove(&fixture->customer, find(fixture, id), user(fixture, number),
                               &fixture->arena);
        }
        if (random_below(&seed, 10) == 0) {
            commit(fixture, store);
        }
        if (random_below(&seed, 2000) == 0) {
            pl_licences_clear(&fixture->customer, find(fixture, "a"), &fixture->arena);
            pl_licences_clear(&fixture->customer, find(fixture, "b"), &fixture->arena);
            commit(fixture, store);
            assert_int_equal(store->count, 0);
        }
    }
    commit(fixture, store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(twenty_five_thousand_licences_are_put_found_and_removed),
        WITH_FIXTURE(putting_again_overwrites),
        WITH_FIXTURE(users_are_sorted_by_bytes),
        WITH_FIXTURE(the_thirty_third_licence_splits),
        WITH_FIXTURE(long_licences_split_sooner_but_never_a_single_one),
        WITH_FIXTURE(many_disabled_services_count_as_bytes),
        WITH_FIXTURE(the_last_licence_leaves_one_clean_chunk),
        WITH_FIXTURE(removing_an_absent_user_changes_nothing),
        WITH_FIXTURE(clearing_drops_chunks_that_are_not_loaded_too),
        WITH_FIXTURE(filling_gives_what_putting_would),
        WITH_FIXTURE(equal_hashes_stay_together),
        WITH_FIXTURE(the_chunk_of_a_hash_is_the_one_whose_range_holds_it),
        WITH_FIXTURE(the_store_never_keeps_or_loses_a_chunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
