/* Unit tests of core/collision.c. */
#include "core/collision.h"
#include "exclusive_plans.h"

/* The ids that exclude a user's plans of the other offer in an upgrade from none to all. */
static const char *collisions(struct fixture *fixture, const char *other_offer,
                              const char *disabled_there, const char *disabled)
{
    struct pl_arena *arena = &fixture->arena;
    struct pl_request request = request_for(PL_OPERATION_CHECK, "src", NULL);
    struct pl_bytes ids[8];
    struct pl_inquiry inquiry;
    size_t count = 0;

    load_catalogue(fixture, PLANS);
    pl_customer_init(&fixture->customer, PL_BYTES_LITERAL("cust-1"));
    add_subscription(fixture, "other", other_offer);
    add_subscription(fixture, "src", "none");
    assign(fixture, "src", "u", disabled);
    assign(fixture, "other", "u", disabled_there);
    pl_inquiry_open(&inquiry, fixture->catalogue, &fixture->customer, &request, arena);
    pl_inquiry_open_targets(&inquiry);
    pl_inquiry_load_accounts(&inquiry, pl_licences_list(inquiry.source, arena), 1);
    inquiry.edge = inquiry.edges;
    if (inquiry.accounts[0].elsewhere_count > 0) {
        count = pl_collisions(&inquiry, &inquiry.accounts[0], inquiry.accounts[0].elsewhere, ids);
        assert_int_equal(
            pl_collisions(&inquiry, &inquiry.accounts[0], inquiry.accounts[0].elsewhere, NULL),
            count > 0);
    }
    return names_text(arena, (struct pl_names){ids, count});
}

static void excluding_plans_are_in_the_targets_order(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(collisions(fixture, "e1", "", ""), "f2 e3 e2");
    assert_string_equal(collisions(fixture, "e2", "", ""), "e3 e1");
    assert_string_equal(collisions(fixture, "e1-e2", "", ""), "e3 e1 e2");
    assert_string_equal(collisions(fixture, "n2", "", ""), "");
}

static void a_plan_that_is_disabled_there_excludes_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(collisions(fixture, "e1", "e1", ""), "f2");
    assert_string_equal(collisions(fixture, "e1", "e1 f1", ""), "");
    assert_string_equal(collisions(fixture, "e1-e2", "e1 unknown", ""), "e3 e1");
}

static void a_plan_that_stays_disabled_here_is_not_excluded(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(collisions(fixture, "e1", "", "e3 unknown"), "f2 e2");
    assert_string_equal(collisions(fixture, "e1", "", "e3 f2 e2"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(excluding_plans_are_in_the_targets_order),
        WITH_FIXTURE(a_plan_that_is_disabled_there_excludes_nothing),
        WITH_FIXTURE(a_plan_that_stays_disabled_here_is_not_excluded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
