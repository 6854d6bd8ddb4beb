/* Unit tests of wire/state_decode.c: what was stored comes back, and what is wrong is seen. */
#include "state_fixture.h"

#define CUSTOMER PL_BYTES_LITERAL("customer")

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct store));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct store *store = *state;

    pl_arena_done(&store->arena);
    free(store);
    return 0;
}

/* A few hundred random steps on two subscriptions, stored and loaded again now and then. */
static void random_histories_come_back(void **state)
{
    struct store *store = *state;
    unsigned random = 12345;

    for (int history = 0; history < 20; history++) {
        struct pl_customer live;
        struct pl_customer loaded;

        store->count = 0;
        pl_customer_init(&live, CUSTOMER);
        subscribe(store, &live, "s1");
        subscribe(store, &live, "s2");
        pl_customer_set_grant(&live, PL_BYTES_LITERAL("partner"), (struct pl_names){NULL, 0},
                              &store->arena);
        for (int step = 0; step < 400; step++) {
            random = random * 1103515245U + 12345U;
            switch ((random >> 16) % 8) {
            case 0:
                remember(store, &live, step);
                break;
            case 1:
            case 2:
                unassign(store, &live, "s1", (int)(random >> 8) % 100);
                break;
            default:
                assign(store, &live, step % 5 == 0 ? "s2" : "s1", (int)(random >> 8) % 150);
                break;
            }
            if (step % 57 == 0) {
                store_customer(store, &live);
                load_customer(store, CUSTOMER, &loaded);
                assert_same_customer(store, &live, &loaded);
                live = loaded; /* go on with what was read */
            }
        }
    }
}

/* The one stored value whose field starts so. */
static struct stored *only(struct store *store, const char *start)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strncmp(store->items[i].field.data, start, strlen(start)) == 0) {
            return &store->items[i];
        }
    }
    abort();
}

static void store_some(struct store *store, int users)
{
    struct pl_customer customer;

    pl_customer_init(&customer, CUSTOMER);
    subscribe(store, &customer, "s1");
    for (int user = 0; user < users; user++) {
        assign(store, &customer, "s1", user);
    }
    remember(store, &customer, 1);
    store_customer(store, &customer);
}

static enum pl_status load_head(struct store *store, struct pl_bytes value,
                                struct pl_customer *customer)
{
    pl_customer_init(customer, CUSTOMER);
    return pl_state_decode_head(PL_BYTES_LITERAL("h/customer"), value, &store->arena, customer,
                                NULL);
}

static void a_missing_head_is_an_empty_customer(void **state)
{
    struct pl_customer customer;

    assert_int_equal(load_head(*state, PL_NULL_BYTES, &customer), PL_OK);
    assert_int_equal(customer.version, 0);
    assert_false(customer.is_stored);
}

static void a_damaged_head_is_refused(void **state)
{
    struct store *store = *state;
    struct pl_customer customer;
    struct pl_bytes value;
    char *copy;

    store_some(store, 40);
    value = only(store, "h/")->value;
    copy = pl_arena_alloc(&store->arena, value.len);
    for (size_t i = 0; i < value.len; i++) {
        memcpy(copy, value.data, value.len);
        copy[i] ^= 4;
        assert_int_equal(load_head(store, (struct pl_bytes){copy, value.len}, &customer),
                         PL_BAD_DATA);
        assert_int_equal(load_head(store, (struct pl_bytes){value.data, i}, &customer),
                         PL_BAD_DATA);
    }
}

static void a_missing_stale_or_damaged_chunk_is_refused(void **state)
{
    struct store *store = *state;
    struct pl_piece piece = {.kind = PL_PIECE_CHUNK, .ordinal = 0};
    struct pl_customer customer;
    struct stored *chunk;
    struct pl_bytes old;
    size_t left;

    store_some(store, 5);
    load_customer(store, CUSTOMER, &customer);
    old = only(store, "l")->value;
    assign(store, &customer, "s1", 3);
    store_customer(store, &customer);

    assert_int_equal(load_head(store, only(store, "h/")->value, &customer), PL_OK);
    piece.ordinal = customer.subscriptions[0].ordinal;
    chunk = only(store, "l");
    assert_int_equal(load_piece(store, &customer, &piece), PL_OK);
    assert_int_equal(load_head(store, only(store, "h/")->value, &customer), PL_OK);
    chunk->value = old; /* as it was one write ago */
    assert_int_equal(load_piece(store, &customer, &piece), PL_BAD_DATA);
    left = chunk->value.len;
    chunk->value.len = left - 1;
    assert_int_equal(load_piece(store, &customer, &piece), PL_BAD_DATA);
    *chunk = store->items[--store->count];
    assert_int_equal(load_piece(store, &customer, &piece), PL_BAD_DATA);
}

static void stale_answered_requests_are_refused(void **state)
{
    struct store *store = *state;
    struct pl_piece piece = {.kind = PL_PIECE_ANSWERED, .segment = 0};
    struct pl_customer customer;
    struct pl_bytes old;

    store_some(store, 0);
    old = only(store, "a0/")->value;
    load_customer(store, CUSTOMER, &customer);
    remember(store, &customer, 2);
    store_customer(store, &customer);
    assert_int_equal(load_head(store, only(store, "h/")->value, &customer), PL_OK);
    assert_int_equal(load_piece(store, &customer, &piece), PL_OK);
    only(store, "a0/")->value = old;
    assert_int_equal(load_head(store, only(store, "h/")->value, &customer), PL_OK);
    assert_int_equal(load_piece(store, &customer, &piece), PL_BAD_DATA);
}

/* The ring: whatever the number of requests, the newest 64 come back, in the slots they had. */
static void the_ring_comes_back_at_every_fill(void **state)
{
    struct store *store = *state;
    struct pl_customer live;
    struct pl_customer loaded;

    pl_customer_init(&live, CUSTOMER);
    for (int number = 0; number < 200; number++) {
        remember(store, &live, number);
        store_customer(store, &live);
        load_customer(store, CUSTOMER, &loaded);
        assert_same_customer(store, &live, &loaded);
        live = loaded;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_histories_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_head_is_an_empty_customer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_head_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_stale_or_damaged_chunk_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(stale_answered_requests_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ring_comes_back_at_every_fill, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
