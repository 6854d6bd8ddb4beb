/* Unit tests of core/catalogue.c. */
#include "fixture.h"

static void a_good_catalogue_is_counted_and_named(void **state)
{
    struct fixture *fixture = *state;
    struct pl_catalogue_counts counts = pl_catalogue_count(fixture->catalogue);

    assert_int_equal(counts.families, 5);
    assert_int_equal(counts.services, 11);
    assert_int_equal(counts.offers, 7);
    assert_int_equal(counts.upgrades, 5);
    assert_text(pl_catalogue_version(fixture->catalogue), "test-1");
    assert_text(pl_catalogue_offer_name(fixture->catalogue, PL_BYTES_LITERAL("basic")),
                "Name of basic");
    assert_text(pl_catalogue_service_name(fixture->catalogue, PL_BYTES_LITERAL("MAIL1")),
                "Name of MAIL1");
    assert_names(fixture, pl_catalogue_targets(fixture->catalogue, PL_BYTES_LITERAL("basic")),
                 "standard premium");
}

static void what_the_catalogue_lacks_is_its_own_name(void **state)
{
    struct fixture *fixture = *state;

    assert_text(pl_catalogue_offer_name(fixture->catalogue, PL_BYTES_LITERAL("BASIC")), "BASIC");
    assert_text(pl_catalogue_service_name(fixture->catalogue, PL_BYTES_LITERAL("basic")), "basic");
    assert_int_equal(pl_catalogue_targets(fixture->catalogue, PL_BYTES_LITERAL("unknown")).count,
                     0);
    assert_int_equal(pl_catalogue_targets(fixture->catalogue, PL_BYTES_LITERAL("bare")).count, 0);
    assert_int_equal(pl_catalogue_targets(fixture->catalogue, PL_BYTES_LITERAL("premium")).count,
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_good_catalogue_is_counted_and_named),
        WITH_FIXTURE(what_the_catalogue_lacks_is_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
