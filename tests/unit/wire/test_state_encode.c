/* Unit tests of wire/state_encode.c: names, and what is written when. */
#include "state_fixture.h"

#define CUSTOMER PL_BYTES_LITERAL("c/1")

static void names_tell_the_piece(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_piece head = {.kind = PL_PIECE_HEAD};
    struct pl_piece answered = {.kind = PL_PIECE_ANSWERED, .segment = 7};
    struct pl_piece chunk = {.kind = PL_PIECE_CHUNK,
                             .ordinal = 12,
                             .chunk_depth = 3,
                             .chunk_start = UINT64_C(0xe000000000000000)};

    (void)state;
    assert_same_bytes(pl_state_field(&head, CUSTOMER, &arena), PL_BYTES_LITERAL("h/c/1"));
    assert_same_bytes(pl_state_field(&answered, CUSTOMER, &arena), PL_BYTES_LITERAL("a7/c/1"));
    assert_same_bytes(pl_state_field(&chunk, CUSTOMER, &arena),
                      PL_BYTES_LITERAL("l12.3.e000000000000000/c/1"));
    pl_arena_done(&arena);
}

static struct store *new_store(void)
{
    struct store *store = calloc(1, sizeof(*store));

    assert_non_null(store);
    return store;
}

static void free_store(struct store *store)
{
    pl_arena_done(&store->arena);
    free(store);
}

static void nothing_is_written_of_an_untouched_customer(void **state)
{
    struct store *store = new_store();
    struct pl_customer customer;

    (void)state;
    pl_customer_init(&customer, CUSTOMER);
    store_customer(store, &customer);
    assert_int_equal(store->count, 0);
    free_store(store);
}

static void one_event_writes_the_head_and_one_chunk(void **state)
{
    struct store *store = new_store();
    struct pl_customer customer;
    struct pl_state_changes changes = {.items = NULL};
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_customer_init(&customer, CUSTOMER);
    subscribe(store, &customer, "s1");
    for (int user = 0; user < 1000; user++) {
        assign(store, &customer, "s1", user);
    }
    store_customer(store, &customer);
    load_customer(store, CUSTOMER, &customer);
    assign(store, &customer, "s1", 500);
    pl_state_encode(&customer, &store->arena, &buffer, &changes);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.pieces_delta, 0);
    assert_true(buffer.len < 8000);
    pl_buffer_done(&buffer);
    free_store(store);
}

static void erasure_deletes_all_that_is_stored(void **state)
{
    struct store *store = new_store();
    struct pl_customer customer;

    (void)state;
    pl_customer_init(&customer, CUSTOMER);
    subscribe(store, &customer, "s1");
    for (int number = 0; number < 300; number++) {
        assign(store, &customer, "s1", number);
        remember(store, &customer, number);
    }
    store_customer(store, &customer);
    assert_true(store->count > 10);
    load_customer(store, CUSTOMER, &customer);
    pl_customer_erase(&customer, &store->arena);
    store_customer(store, &customer);
    assert_int_equal(store->count, 0);
    free_store(store);
}

/* ---- sizes (design I2) ----------------------------------------------------------------------- */

/* A customer of 25,000 licences: the head stays small, every chunk bounded. */
static void a_large_customer_has_a_small_head_and_bounded_chunks(void **state)
{
    struct store *store = new_store();
    struct pl_customer customer;
    size_t chunks = 0;

    (void)state;
    pl_customer_init(&customer, CUSTOMER);
    subscribe(store, &customer, "s1");
    for (int user = 0; user < 25000; user++) {
        assign(store, &customer, "s1", user);
    }
    store_customer(store, &customer);
    for (size_t i = 0; i < store->count; i++) {
        const struct stored *item = &store->items[i];

        if (item->field.data[0] == 'h') {
            assert_in_range(item->value.len, 1000, 2000); /* two bits and a revision a chunk */
        } else {
            assert_true(item->value.len < PL_CHUNK_MAX_BYTES);
            chunks++;
        }
    }
    assert_in_range(chunks, 25000 / PL_CHUNK_MAX_LICENCES, 25000 / 16);
    free_store(store);
}

/* Long texts fill a chunk by bytes, long before it has its number of licences. */
static void long_licences_make_more_chunks_not_larger_ones(void **state)
{
    struct store *store = new_store();
    struct pl_customer customer;
    struct pl_bytes name = pl_arena_format(&store->arena, "%05000d", 7);

    (void)state;
    pl_customer_init(&customer, CUSTOMER);
    subscribe(store, &customer, "s1");
    for (int user = 0; user < 100; user++) {
        const struct pl_licence licence = {.user_id = numbered(store, "user", user),
                                           .user_principal_name = name};

        pl_licences_put(&customer, &customer.subscriptions[0], &licence, &store->arena);
    }
    store_customer(store, &customer);
    assert_true(store->count > 100 / 3);
    for (size_t i = 0; i < store->count; i++) {
        assert_true(store->items[i].value.len < PL_CHUNK_MAX_BYTES + 500);
    }
    free_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_the_piece),
        cmocka_unit_test(nothing_is_written_of_an_untouched_customer),
        cmocka_unit_test(one_event_writes_the_head_and_one_chunk),
        cmocka_unit_test(erasure_deletes_all_that_is_stored),
        cmocka_unit_test(a_large_customer_has_a_small_head_and_bounded_chunks),
        cmocka_unit_test(long_licences_make_more_chunks_not_larger_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
