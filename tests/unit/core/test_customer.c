/* Unit tests of core/customer.c. */
#include "fixture.h"

static const char *subscriptions_text(struct fixture *fixture)
{
    const struct pl_customer *customer = &fixture->customer;
    struct pl_bytes *ids =
        pl_arena_zalloc(&fixture->arena, customer->subscription_count, sizeof(*ids));

    for (size_t i = 0; i < customer->subscription_count; i++) {
        ids[i] = customer->subscriptions[i].subscription_id;
    }
    return names_text(&fixture->arena, (struct pl_names){ids, customer->subscription_count});
}

static void a_new_customer_is_empty(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_customer *customer = &fixture->customer;

    assert_text(customer->customer_id, "cust-1");
    assert_int_equal(customer->version, 0);
    assert_int_equal(customer->subscription_count + customer->grant_count, 0);
    assert_false(customer->is_stored || customer->is_dirty);
    for (size_t i = 0; i < PL_ANSWERED_SEGMENTS; i++) {
        assert_true(customer->answered_is_loaded[i]);
        assert_false(customer->answered_is_dirty[i]);
    }
    assert_null(find(fixture, "sub-1"));
    assert_null(pl_customer_grant(customer, PL_BYTES_LITERAL("partner-a")));
}

static void subscriptions_are_sorted_by_bytes(void **state)
{
    static const char *const ids[] = {
        "b", "\xe8\xa8\x88",    "a", "B", "aa", "\xc3\xa9", "a-", "\xef\xbf\xae", "10",
        "9", "\xf0\x9f\x98\x80"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct pl_subscription *added = add_subscription(fixture, ids[i], "basic");

        assert_text(added->subscription_id, ids[i]);
        assert_int_equal(added->ordinal, i);
        assert_int_equal(added->chunk_count, 1);
        assert_true(added->chunks[0].is_loaded);
    }
    assert_string_equal(subscriptions_text(fixture),
                        "10 9 B a a- aa b \xc3\xa9 \xe8\xa8\x88 \xef\xbf\xae \xf0\x9f\x98\x80");
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        assert_int_equal(find(fixture, ids[i])->ordinal, i);
    }
    assert_null(find(fixture, "A"));
    assert_null(find(fixture, ""));
    assert_int_equal(fixture->customer.next_ordinal, 11);
    assert_true(fixture->customer.is_dirty);
}

static void the_holder_is_at_the_end_of_the_chain(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_customer *customer = &fixture->customer;

    add_subscription(fixture, "a", "basic")->replaced_by = PL_BYTES_LITERAL("b");
    add_subscription(fixture, "b", "basic")->replaced_by = PL_BYTES_LITERAL("c");
    add_subscription(fixture, "c", "basic");
    assert_ptr_equal(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("a")),
                     find(fixture, "c"));
    assert_ptr_equal(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("b")),
                     find(fixture, "c"));
    assert_ptr_equal(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("c")),
                     find(fixture, "c"));
    assert_null(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("d")));
}

static void a_chain_that_ends_nowhere_or_in_itself_has_no_holder(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_customer *customer = &fixture->customer;

    add_subscription(fixture, "self", "basic")->replaced_by = PL_BYTES_LITERAL("self");
    add_subscription(fixture, "ping", "basic")->replaced_by = PL_BYTES_LITERAL("pong");
    add_subscription(fixture, "pong", "basic")->replaced_by = PL_BYTES_LITERAL("ping");
    add_subscription(fixture, "into", "basic")->replaced_by = PL_BYTES_LITERAL("ping");
    add_subscription(fixture, "lost", "basic")->replaced_by = PL_BYTES_LITERAL("gone");
    assert_null(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("self")));
    assert_null(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("ping")));
    assert_null(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("into")));
    assert_null(pl_customer_licence_holder(customer, PL_BYTES_LITERAL("lost")));
}

/* As many steps as there are subscriptions, less one: the longest chain that is no loop. */
static void the_longest_chain_is_followed(void **state)
{
    enum { LENGTH = 100 };
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < LENGTH; i++) {
        const char *id = pl_arena_format(&fixture->arena, "s%u", i).data;

        add_subscription(fixture, id, "basic")->replaced_by =
            i + 1 < LENGTH ? pl_arena_format(&fixture->arena, "s%u", i + 1) : PL_NULL_BYTES;
    }
    assert_ptr_equal(pl_customer_licence_holder(&fixture->customer, PL_BYTES_LITERAL("s0")),
                     find(fixture, "s99"));
}

static void grants_are_sorted_set_anew_and_removed(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer *customer = &fixture->customer;

    grant(fixture, "partner-b", "mail");
    grant(fixture, "partner-c", "");
    grant(fixture, "partner-a", "\xc3\xa9 z mail a mail Z a");
    assert_int_equal(customer->grant_count, 3);
    assert_text(customer->grants[0].partner_id, "partner-a");
    assert_text(customer->grants[2].partner_id, "partner-c");
    assert_names(fixture, customer->grants[0].service_families, "Z a mail z \xc3\xa9");
    grant(fixture, "partner-b", "chat");
    assert_int_equal(customer->grant_count, 3);
    assert_names(fixture,
                 pl_customer_grant(customer, PL_BYTES_LITERAL("partner-b"))->service_families,
                 "chat");
    pl_customer_remove_grant(customer, PL_BYTES_LITERAL("partner-b"));
    pl_customer_remove_grant(customer, PL_BYTES_LITERAL("partner-b"));
    pl_customer_remove_grant(customer, PL_BYTES_LITERAL("partner"));
    assert_int_equal(customer->grant_count, 2);
    assert_null(pl_customer_grant(customer, PL_BYTES_LITERAL("partner-b")));
    assert_non_null(pl_customer_grant(customer, PL_BYTES_LITERAL("partner-a")));
    assert_non_null(pl_customer_grant(customer, PL_BYTES_LITERAL("partner-c")));
}

static void sorted_names_are_kept_others_copied(void **state)
{
    struct fixture *fixture = *state;
    struct pl_names sorted = words(&fixture->arena, "A a aa b");
    struct pl_names repeated = words(&fixture->arena, "a a");
    struct pl_names mixed = words(&fixture->arena, "b a b");

    assert_ptr_equal(pl_names_sorted(sorted, &fixture->arena).items, sorted.items);
    assert_names(fixture, pl_names_sorted(repeated, &fixture->arena), "a");
    assert_names(fixture, pl_names_sorted(mixed, &fixture->arena), "a b");
    assert_names(fixture, mixed, "b a b"); /* not touched */
    assert_int_equal(pl_names_sorted((struct pl_names){NULL, 0}, &fixture->arena).count, 0);
}

/* ---- erasing --------------------------------------------------------------------------------- */

/* How often a piece is in the list. */
static size_t count_piece(const struct pl_pieces *pieces, struct pl_piece piece)
{
    size_t count = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        const struct pl_piece *other = &pieces->items[i];

        count += other->kind == piece.kind && other->segment == piece.segment &&
                 other->ordinal == piece.ordinal && other->chunk_depth == piece.chunk_depth &&
                 other->chunk_start == piece.chunk_start;
    }
    return count;
}

static void erasing_drops_all_that_is_stored_once(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer *customer = &fixture->customer;
    struct pl_piece chunk = {.kind = PL_PIECE_CHUNK, .ordinal = 1};

    add_subscription(fixture, "a", "basic");
    add_subscription(fixture, "b", "basic")->chunks[0].revision = 3; /* in the store, */
    find(fixture, "b")->chunks[0].is_loaded = false;                 /* and not even loaded */
    grant(fixture, "partner-a", "");
    customer->version = 7;
    customer->is_stored = true;
    customer->answered_total = 11;
    customer->answered_stored_total = 9; /* two segments */
    customer->answered_is_dirty[1] = true;
    for (int round = 0; round < 2; round++) { /* the second time there is nothing left to drop */
        pl_customer_erase(customer, &fixture->arena);
        assert_int_equal(customer->dropped.count, 4);
        assert_int_equal(count_piece(&customer->dropped, (struct pl_piece){.kind = PL_PIECE_HEAD}),
                         1);
        assert_int_equal(
            count_piece(&customer->dropped, (struct pl_piece){.kind = PL_PIECE_ANSWERED}), 1);
        assert_int_equal(count_piece(&customer->dropped,
                                     (struct pl_piece){.kind = PL_PIECE_ANSWERED, .segment = 1}),
                         1);
        assert_int_equal(count_piece(&customer->dropped, chunk), 1);
    }
    customer->dropped.count = 0;
    assert_int_equal(customer->answered_stored_total, 0);
    a_new_customer_is_empty(state);
}

static void a_full_ring_has_eight_segments(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer *customer = &fixture->customer;

    customer->answered_total = customer->answered_stored_total = 1000;
    pl_customer_erase(customer, &fixture->arena);
    assert_int_equal(customer->dropped.count, PL_ANSWERED_SEGMENTS);
    assert_int_equal(customer->dropped.items[7].segment, 7);
}

static void what_was_never_stored_is_not_dropped(void **state)
{
    struct fixture *fixture = *state;

    add_subscription(fixture, "a", "basic");
    assign(fixture, "a", "user-1", "");
    fixture->customer.answered_total = 3;
    pl_customer_erase(&fixture->customer, &fixture->arena);
    assert_int_equal(fixture->customer.dropped.count, 0);
    a_new_customer_is_empty(state);
}

static void the_version_stays_at_the_end_of_the_numbers(void **state)
{
    struct fixture *fixture = *state;

    fixture->customer.version = INT64_MAX - 1;
    pl_customer_next_version(&fixture->customer);
    assert_true(fixture->customer.version == INT64_MAX);
    fixture->customer.is_dirty = false;
    pl_customer_next_version(&fixture->customer);
    assert_true(fixture->customer.version == INT64_MAX);
    assert_true(fixture->customer.is_dirty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_new_customer_is_empty),
        WITH_FIXTURE(subscriptions_are_sorted_by_bytes),
        WITH_FIXTURE(the_holder_is_at_the_end_of_the_chain),
        WITH_FIXTURE(a_chain_that_ends_nowhere_or_in_itself_has_no_holder),
        WITH_FIXTURE(the_longest_chain_is_followed),
        WITH_FIXTURE(grants_are_sorted_set_anew_and_removed),
        WITH_FIXTURE(sorted_names_are_kept_others_copied),
        WITH_FIXTURE(erasing_drops_all_that_is_stored_once),
        WITH_FIXTURE(a_full_ring_has_eight_segments),
        WITH_FIXTURE(what_was_never_stored_is_not_dropped),
        WITH_FIXTURE(the_version_stays_at_the_end_of_the_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
