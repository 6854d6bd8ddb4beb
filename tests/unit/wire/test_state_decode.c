/* Unit tests of wire/state_decode.c: what was stored comes back, and what is wrong is seen. */
#include "state_fixture.h"
#include "wire/state_seal.h"

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

/* ---- anything that chance may make ----------------------------------------------------------- */

static uint32_t next_random(uint64_t *seed, uint32_t bound)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % bound);
}

/* Texts of any length, some absent. */
static struct pl_bytes any_text(struct store *store, uint64_t *seed)
{
    uint32_t len = next_random(seed, 60);

    return len < 15 ? PL_NULL_BYTES : pl_arena_format(&store->arena, "%0*u", (int)len, len);
}

static struct pl_names any_names(struct store *store, uint64_t *seed)
{
    size_t count = next_random(seed, 5);
    struct pl_bytes *items = pl_arena_alloc(&store->arena, count * sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        items[i] = pl_arena_format(&store->arena, "name-%u", next_random(seed, 100));
    }
    return (struct pl_names){items, count};
}

static void change_subscription(struct store *store, struct pl_customer *customer, uint64_t *seed,
                                struct pl_bytes id)
{
    const struct pl_event event = {
        .customer_id = customer->customer_id,
        .kind = PL_EVENT_SUBSCRIPTION_CHANGED,
        .change.subscription_changed = {
            .subscription_id = id,
            .offer_id = PL_BYTES_LITERAL("offer"),
            .status = (enum pl_subscription_status)next_random(seed, PL_STATUS_COUNT),
            .quantity = (int32_t)next_random(seed, INT32_MAX),
            .partner_id = any_text(store, seed),
            .channel = (enum pl_channel)next_random(seed, PL_CHANNEL_COUNT),
            .parent_subscription_id = any_text(store, seed),
            .revision = (int64_t)next_random(seed, UINT32_MAX) - INT32_MAX}};

    pl_event_apply(customer, &event, &store->arena);
}

/* Licences come in runs, so that chunks split, and go in runs. */
static void change_licences(struct store *store, struct pl_customer *customer, uint64_t *seed,
                            struct pl_bytes id)
{
    uint32_t first = next_random(seed, 3000);
    uint32_t count = next_random(seed, 400);
    bool is_removal = next_random(seed, 3) == 0;

    for (uint32_t user = first; user < first + count; user++) {
        struct pl_event event = {.customer_id = customer->customer_id,
                                 .kind = PL_EVENT_LICENSE_ASSIGNED};
        struct pl_bytes user_id = pl_arena_format(&store->arena, "user-%u", user);

        if (is_removal) {
            event.kind = PL_EVENT_LICENSE_REMOVED;
            event.change.license_removed = (struct pl_license_removed){id, user_id};
        } else {
            event.change.license_assigned =
                (struct pl_license_assigned){.subscription_id = id,
                                             .user_id = user_id,
                                             .user_principal_name = PL_BYTES_LITERAL("u@x"),
                                             .display_name = any_text(store, seed),
                                             .assigned_by_group = any_text(store, seed),
                                             .disabled_services = any_names(store, seed)};
        }
        pl_event_apply(customer, &event, &store->arena);
    }
}

static void change_something(struct store *store, struct pl_customer *customer, uint64_t *seed)
{
    struct pl_bytes id = pl_arena_format(&store->arena, "s%u", next_random(seed, 6));

    switch (next_random(seed, 8)) {
    case 0:
    case 1:
        change_subscription(store, customer, seed, id);
        break;
    case 2:
        pl_customer_set_grant(customer, id, any_names(store, seed), &store->arena);
        break;
    case 3:
        pl_customer_remove_grant(customer, id);
        break;
    case 4:
        for (uint32_t i = next_random(seed, 100); i > 0; i--) {
            remember(store, customer, (int)next_random(seed, 1000000));
        }
        break;
    case 5:
        if (next_random(seed, 10) == 0) {
            pl_customer_erase(customer, &store->arena);
        }
        break;
    default:
        change_licences(store, customer, seed, id);
        break;
    }
}

static void customers_of_any_shape_come_back(void **state)
{
    struct store *store = *state;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        uint64_t random = seed;
        struct pl_customer live;
        struct pl_customer loaded;

        store->count = 0;
        pl_customer_init(&live, CUSTOMER);
        for (int round = 0; round < 10; round++) {
            for (uint32_t i = next_random(&random, 12); i > 0; i--) {
                change_something(store, &live, &random);
            }
            store_customer(store, &live); /* which checks pieces_delta, too */
            load_customer(store, CUSTOMER, &loaded);
            assert_same_customer(store, &live, &loaded);
            live = loaded;
        }
    }
}

/* ---- anything that is sealed ----------------------------------------------------------------- */

static struct pl_bytes seal_again(struct pl_buffer *buffer, struct pl_bytes field, const char *body,
                                  size_t len)
{
    size_t position;

    buffer->len = 0;
    position = pl_seal_open(buffer);
    pl_buffer_put(buffer, body, len);
    pl_seal_close(buffer, position, field);
    return pl_buffer_since(buffer, 0);
}

static void decode_any(struct store *store, const struct pl_piece *piece, struct pl_bytes value)
{
    struct pl_bytes field = pl_state_field(piece, CUSTOMER, &store->arena);
    struct pl_customer customer;
    struct pl_checkpoint checkpoint;
    struct pl_progress progress;
    enum pl_status status;

    if (piece->kind == PL_PIECE_HEAD) {
        pl_customer_init(&customer, CUSTOMER);
        status = pl_state_decode_head(field, value, &store->arena, &customer, NULL);
    } else {
        load_customer(store, CUSTOMER, &customer);
        status = pl_state_decode_piece(piece, field, value, &store->arena, &customer, NULL);
    }
    assert_true(status == PL_OK || status == PL_BAD_DATA);
    status = pl_progress_decode(value, &progress, NULL); /* sealed under another name */
    assert_int_equal(status, PL_BAD_DATA);
    status = pl_checkpoint_decode(value, &checkpoint, NULL);
    assert_int_equal(status, PL_BAD_DATA);
}

/* Whoever can write to the cache can seal anything: it may be refused, or be wrong, but never read
 * beyond its end or take more memory than it is worth. */
static void a_body_of_any_bytes_is_read_safely(void **state)
{
    struct store *store = *state;
    struct pl_piece pieces[] = {
        {.kind = PL_PIECE_HEAD}, {.kind = PL_PIECE_ANSWERED}, {.kind = PL_PIECE_CHUNK}};
    struct pl_buffer buffer = {NULL, 0, 0};
    uint64_t random = 1;

    store_some(store, 20);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct pl_bytes field = pl_state_field(&pieces[i], CUSTOMER, &store->arena);
        struct pl_bytes value = stored_value(store, field);
        size_t len = value.len - 9;
        char *body = pl_arena_alloc(&store->arena, len);

        if (value.data == NULL) {
            abort(); /* not stored */
        }
        for (size_t at = 0; at < len; at++) {
            for (int tries = 0; tries < 8; tries++) {
                memcpy(body, value.data + 9, len);
                body[at] = (char)(unsigned char)next_random(&random, 256);
                decode_any(store, &pieces[i],
                           seal_again(&buffer, field, body,
                                      tries == 0 ? at : len)); /* cut there, and changed there */
            }
        }
    }
    pl_buffer_done(&buffer);
}

/* What is whole, and another piece's. */
static void a_piece_under_another_ones_name_is_refused(void **state)
{
    struct store *store = *state;
    struct pl_customer customer;

    store_some(store, 200);
    load_customer(store, CUSTOMER, &customer);
    for (size_t i = 0; i < store->count; i++) {
        for (size_t j = 0; j < store->count; j++) {
            struct pl_reader body;

            assert_int_equal(
                pl_seal_check(store->items[i].field, store->items[j].value, &body, NULL),
                i == j ? PL_OK : PL_BAD_DATA);
        }
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
        cmocka_unit_test_setup_teardown(customers_of_any_shape_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_of_any_bytes_is_read_safely, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_piece_under_another_ones_name_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
