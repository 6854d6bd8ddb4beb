/* Unit tests of core/once.c. */
#include "fixture.h"

static struct pl_request numbered(struct fixture *fixture, unsigned number)
{
    struct pl_request request = request_for(PL_OPERATION_UPGRADE, "a", "standard");

    request.request_id = pl_arena_format(&fixture->arena, "req-%u", number);
    return request;
}

static enum pl_once once_of(const struct fixture *fixture, const struct pl_request *request)
{
    struct pl_answered digest = pl_request_digest(fixture->customer.customer_id, request);

    return pl_request_once(&fixture->customer, request, &digest);
}

static void remember_it(struct fixture *fixture, const struct pl_request *request)
{
    struct pl_answered digest = pl_request_digest(fixture->customer.customer_id, request);

    pl_request_remember(&fixture->customer, request, &digest, &fixture->arena);
}

static enum pl_once once(struct fixture *fixture, unsigned number)
{
    struct pl_request request = numbered(fixture, number);

    return once_of(fixture, &request);
}

static void remember(struct fixture *fixture, unsigned number)
{
    struct pl_request request = numbered(fixture, number);

    remember_it(fixture, &request);
}

/* Worked out with another implementation of UUIDv5. */
static void new_ids_are_the_contracts(void **state)
{
    static const unsigned char expected[16] = {0xf1, 0x4f, 0xe5, 0xa2, 0xa7, 0xc5, 0x5c, 0x01,
                                               0xbd, 0x60, 0x84, 0xa4, 0xc3, 0x94, 0x9c, 0x00};
    static const unsigned char other[16] = {0xd3, 0xe0, 0x61, 0xb6, 0x7a, 0x38, 0x50, 0xc3,
                                            0xa9, 0xb8, 0x0b, 0xf3, 0x9f, 0x3e, 0x4d, 0x63};
    unsigned char uuid[16];

    (void)state;
    pl_new_subscription_id(PL_BYTES_LITERAL("cust-1"), PL_BYTES_LITERAL("req-1"), uuid);
    assert_memory_equal(uuid, expected, sizeof(uuid));
    pl_new_subscription_id(PL_BYTES_LITERAL("\xe8\xa8\x88"), PL_BYTES_LITERAL("\xc3\xa9"), uuid);
    assert_memory_equal(uuid, other, sizeof(uuid));
}

static void a_repeat_is_one_with_the_same_five_fields(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = numbered(fixture, 1);

    assert_int_equal(once_of(fixture, &request), PL_ONCE_NEW);
    remember_it(fixture, &request);
    assert_int_equal(fixture->customer.answered_total, 1);
    assert_true(fixture->customer.answered_is_dirty[0]);
    assert_true(fixture->customer.is_dirty);
    request.order_id = PL_BYTES_LITERAL("another order"); /* none of the five */
    request.expected_version = (struct pl_optional_long){true, 4};
    request.require_license_transfer = true;
    request.requested_by_role = PL_BYTES_LITERAL("another role");
    request.requested_at_ms = 77;
    assert_int_equal(once_of(fixture, &request), PL_ONCE_REPEAT);
    assert_int_equal(once(fixture, 2), PL_ONCE_NEW);
}

static void each_of_the_five_fields_tells_a_reused_id(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request first = numbered(fixture, 1);
    struct pl_request changed[6];

    first.quantity = (struct pl_optional_int){true, 0};
    remember_it(fixture, &first);
    for (size_t i = 0; i < 6; i++) {
        changed[i] = first;
    }
    changed[0].partner_id = PL_BYTES_LITERAL("partner-b");
    changed[1].subscription_id = PL_BYTES_LITERAL("b");
    changed[2].operation = PL_OPERATION_CHECK;
    changed[3].target_offer_id = PL_NULL_BYTES;
    changed[4].quantity.is_set = false; /* null is not 0 */
    changed[5].quantity.value = INT32_MAX;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(once_of(fixture, &changed[i]), PL_ONCE_REUSED);
    }
    assert_int_equal(once_of(fixture, &first), PL_ONCE_REPEAT);
}

/* "ab" + "c" is not "a" + "bc", and an empty optional string is a null one. */
static void fields_do_not_run_into_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = numbered(fixture, 1);

    request.partner_id = PL_BYTES_LITERAL("ab");
    request.subscription_id = PL_BYTES_LITERAL("c");
    request.target_offer_id = PL_NULL_BYTES;
    remember_it(fixture, &request);
    request.target_offer_id = PL_BYTES_LITERAL("");
    assert_int_equal(once_of(fixture, &request), PL_ONCE_REPEAT);
    request.partner_id = PL_BYTES_LITERAL("a");
    request.subscription_id = PL_BYTES_LITERAL("bc");
    assert_int_equal(once_of(fixture, &request), PL_ONCE_REUSED);
    request.partner_id = PL_BYTES_LITERAL("ab");
    request.subscription_id = PL_BYTES_LITERAL("");
    request.target_offer_id = PL_BYTES_LITERAL("c");
    assert_int_equal(once_of(fixture, &request), PL_ONCE_REUSED);
}

static void exactly_the_last_64_are_known(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(once(fixture, i), PL_ONCE_NEW);
        remember(fixture, i);
        assert_int_equal(once(fixture, i), PL_ONCE_REPEAT);
        if (i >= PL_ANSWERED_MAX - 1) {
            assert_int_equal(once(fixture, i - (PL_ANSWERED_MAX - 1)), PL_ONCE_REPEAT);
        }
        if (i >= PL_ANSWERED_MAX) {
            assert_int_equal(once(fixture, i - PL_ANSWERED_MAX), PL_ONCE_NEW);
        }
    }
    assert_int_equal(fixture->customer.answered_total, 200);
}

static void number_n_is_in_slot_n_modulo_64(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer *customer = &fixture->customer;
    struct pl_answered first;

    remember(fixture, 0);
    first = customer->answered[0][0];
    for (unsigned i = 1; i < PL_ANSWERED_MAX; i++) {
        memset(customer->answered_is_dirty, 0, sizeof(customer->answered_is_dirty));
        remember(fixture, i);
        for (unsigned segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
            assert_int_equal(customer->answered_is_dirty[segment],
                             segment == i / PL_ANSWERED_SEGMENT);
        }
    }
    assert_memory_equal(&customer->answered[0][0], &first, sizeof(first));
    remember(fixture, 64);
    assert_memory_not_equal(&customer->answered[0][0], &first, sizeof(first));
}

static void an_empty_id_is_always_new_and_never_noted(void **state)
{
    struct fixture *fixture = *state;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "a", NULL);

    remember(fixture, 1);
    fixture->customer.is_dirty = false;
    request.request_id = PL_BYTES_LITERAL("");
    remember_it(fixture, &request);
    assert_int_equal(fixture->customer.answered_total, 1);
    assert_false(fixture->customer.is_dirty);
    assert_int_equal(once_of(fixture, &request), PL_ONCE_NEW);
}

static void an_id_belongs_to_its_customer(void **state)
{
    struct fixture *fixture = *state;
    struct pl_customer other;

    remember(fixture, 1);
    other = fixture->customer;
    other.customer_id = PL_BYTES_LITERAL("cust-2");
    assert_memory_equal(other.answered, fixture->customer.answered, sizeof(other.answered));
    assert_int_equal(once(fixture, 1), PL_ONCE_REPEAT);
    fixture->customer = other;
    assert_int_equal(once(fixture, 1), PL_ONCE_NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_are_the_contracts),
        WITH_FIXTURE(a_repeat_is_one_with_the_same_five_fields),
        WITH_FIXTURE(each_of_the_five_fields_tells_a_reused_id),
        WITH_FIXTURE(fields_do_not_run_into_each_other),
        WITH_FIXTURE(exactly_the_last_64_are_known),
        WITH_FIXTURE(number_n_is_in_slot_n_modulo_64),
        WITH_FIXTURE(an_empty_id_is_always_new_and_never_noted),
        WITH_FIXTURE(an_id_belongs_to_its_customer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
