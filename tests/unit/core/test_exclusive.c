/* Unit tests of core/exclusive.c. */
#include "core/exclusive.h"
#include "exclusive_plans.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(two_plans_of_an_exclusive_family_collide),
        WITH_FIXTURE(the_same_plan_and_other_families_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
