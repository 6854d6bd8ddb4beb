/* Unit tests of core/collision.c. */
#include "core/inquiry.h"
#include "fixture.h"

static bool collide(struct fixture *fixture, const char *a, const char *b)
{
    uint32_t *marks =
        pl_arena_zalloc(&fixture->arena, fixture->catalogue->family_count, sizeof(*marks));
    bool answer = pl_offers_collide(fixture->catalogue,
                                    pl_catalogue_offer(fixture->catalogue, pl_bytes_of(a)),
                                    pl_catalogue_offer(fixture->catalogue, pl_bytes_of(b)), marks);

    for (size_t i = 0; i < fixture->catalogue->family_count; i++) {
        assert_int_equal(marks[i], 0); /* for the next use */
    }
    return answer;
}

/* e: exclusive; n: not. */
#define PLANS                                                                                      \
    "family e e\nfamily f e\nfamily n ct\n"                                                        \
    "service e1 e\nservice e2 e\nservice e3 e\nservice f1 f\nservice f2 f\n"                       \
    "service n1 n\nservice n2 n\n"                                                                 \
    "offer e1 0 e1 f1 n1\n"                                                                        \
    "offer e1-again 0 n2 e1\n"                                                                     \
    "offer e2 0 e2\n"                                                                              \
    "offer e1-e2 0 e1 e2\n"                                                                        \
    "offer f2 0 n1 f2\n"                                                                           \
    "offer n2 0 n2\n"                                                                              \
    "offer none 0\n"                                                                               \
    "offer all 0 n1 f2 e3 e1 f1 e2\n"                                                              \
    "upgrade none all\n"

static void two_plans_of_an_exclusive_family_collide(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, PLANS);
    assert_true(collide(fixture, "e1", "e2"));
    assert_true(collide(fixture, "e2", "e1"));
    assert_true(collide(fixture, "e1", "f2"));
    assert_true(collide(fixture, "e1-e2", "e1-e2")); /* e1 of the one, e2 of the other */
    assert_true(collide(fixture, "e1", "e1-e2"));
    assert_true(collide(fixture, "e1-e2", "e1"));
}

static void the_same_plan_and_other_families_do_not(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, PLANS);
    assert_false(collide(fixture, "e1", "e1"));
    assert_false(collide(fixture, "e1", "e1-again"));
    assert_false(collide(fixture, "e2", "f2"));
    assert_false(collide(fixture, "n2", "e1")); /* n1 and n2: a family that is not exclusive */
    assert_false(collide(fixture, "none", "all"));
    assert_false(collide(fixture, "all", "none"));
}

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
        WITH_FIXTURE(two_plans_of_an_exclusive_family_collide),
        WITH_FIXTURE(the_same_plan_and_other_families_do_not),
        WITH_FIXTURE(excluding_plans_are_in_the_targets_order),
        WITH_FIXTURE(a_plan_that_is_disabled_there_excludes_nothing),
        WITH_FIXTURE(a_plan_that_stays_disabled_here_is_not_excluded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
