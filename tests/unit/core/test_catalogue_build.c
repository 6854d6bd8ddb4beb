/* Unit tests of core/catalogue_build.c. */
#include "fixture.h"

static void services_are_numbered_by_their_bytes(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, "family f -\n"
                            "service \xe8\xa8\x88 f\n"
                            "service b f\n"
                            "service \xc3\xa9 f\n"
                            "service B f\n"
                            "service a f\n"
                            "service aa f\n"
                            "service - f\n"
                            "offer o 0 \xc3\xa9 aa B\n");
    assert_names(fixture, ((struct pl_names){fixture->catalogue->service_index.ids, 7}),
                 "- B a aa b \xc3\xa9 \xe8\xa8\x88");
    assert_names(fixture, fixture->catalogue->offers[0].service_ids, "\xc3\xa9 aa B");
    assert_int_equal(fixture->catalogue->offers[0].by_id.count, 3);
    assert_int_equal(fixture->catalogue->offers[0].by_id.items[0], 1);
    assert_int_equal(fixture->catalogue->offers[0].by_id.items[1], 3);
    assert_int_equal(fixture->catalogue->offers[0].by_id.items[2], 5);
}

static void nothing_of_the_spec_is_borrowed(void **state)
{
    struct fixture *fixture = *state;
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_catalogue *catalogue = NULL;

    assert_int_equal(pl_catalogue_new(read_spec(&arena, TEST_CATALOGUE), NULL, &catalogue), PL_OK);
    pl_arena_done(&arena); /* the sanitizer sees what would still be read */
    assert_names(fixture, pl_catalogue_targets(catalogue, PL_BYTES_LITERAL("basic")),
                 "standard premium");
    assert_text(pl_catalogue_service_name(catalogue, PL_BYTES_LITERAL("CHAT1")), "Name of CHAT1");
    assert_names(fixture, catalogue->offers[0].edges[0].additional_ids, "MAIL2 EXCEL LISTS");
    pl_catalogue_free(catalogue);
    pl_catalogue_free(NULL);
}

static void faults_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"family f -\nfamily f e\n", "families.\"f\": the id is there twice"},
        {"service s f\n", "services.\"s\".family: unknown family \"f\""},
        {"family f -\nservice s f\nservice s f\n", "services.\"s\": the id is there twice"},
        {"family f -\nservice s f\noffer o 0 s x\n",
         "offers.\"o\".services[1]: unknown service \"x\""},
        {"family f -\nservice s f\nservice t f\noffer o 0 s t s\n",
         "offers.\"o\".services[2]: a second \"s\""},
        {"offer o 0\noffer o 0\n", "offers.\"o\": the id is there twice"},
        {"offer o -1\n", "offers.\"o\".maxSeats: must be 1 or more"},
        {"offer o 0\nupgrade x o\n", "upgrades.\"x\": unknown offer"},
        {"offer o 0\nupgrade o x\n", "upgrades.\"o\"[0]: unknown offer \"x\""},
        {"offer o 0\noffer p 0\nupgrade o p o\n",
         "upgrades.\"o\"[1]: an offer cannot upgrade to itself: \"o\""},
        {"offer o 0\noffer p 0\nupgrade o p p\n", "upgrades.\"o\"[1]: a second \"p\""},
        {"offer o 0\noffer p 0\nupgrade o p\nupgrade o p\n",
         "upgrades.\"o\": the id is there twice"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pl_error error = {""};
        struct pl_catalogue *catalogue = NULL;

        assert_int_equal(
            pl_catalogue_new(read_spec(&fixture->arena, cases[i].text), &error, &catalogue),
            PL_BAD_DATA);
        assert_string_equal(error.text, cases[i].error);
        assert_null(catalogue);
    }
}

static void empty_ids_are_refused(void **state)
{
    const struct pl_family_spec family = {.id = PL_NULL_BYTES};
    const struct pl_offer_spec offer = {.id = PL_BYTES_LITERAL("")};
    const struct pl_catalogue_spec specs[] = {{.families = &family, .family_count = 1},
                                              {.offers = &offer, .offer_count = 1}};
    struct pl_error error = {""};
    struct pl_catalogue *catalogue = NULL;

    (void)state;
    assert_int_equal(pl_catalogue_new(&specs[0], &error, &catalogue), PL_BAD_DATA);
    assert_string_equal(error.text, "families.\"\": an id must not be empty");
    assert_int_equal(pl_catalogue_new(&specs[1], &error, &catalogue), PL_BAD_DATA);
    assert_string_equal(error.text, "offers.\"\": an id must not be empty");
}

static void a_long_id_leaves_room_for_the_reason(void **state)
{
    struct pl_catalogue *catalogue = NULL;
    char id[3000];
    struct pl_offer_spec offer = {.id = {id, sizeof(id)}};
    struct pl_upgrade_spec upgrade = {.offer = {id, sizeof(id)}, .targets = {&offer.id, 1}};
    struct pl_catalogue_spec spec = {
        .offers = &offer, .offer_count = 1, .upgrades = &upgrade, .upgrade_count = 1};
    struct pl_error error = {""};

    (void)state;
    for (size_t i = 0; i < sizeof(id); i += 3) {
        for (size_t j = 0; j < 3; j++) {
            id[i + j] = "\xe8\xa8\x88"[j];
        }
    }
    id[0] = 'a'; /* characters begin where a cut at a round number of bytes falls into one */
    id[1] = 'b';
    id[2] = 'c';
    assert_int_equal(pl_catalogue_new(&spec, &error, &catalogue), PL_BAD_DATA);
    assert_non_null(strstr(error.text, "itself: \"abc\xe8\xa8\x88"));
    assert_non_null(strstr(error.text, "\xe8\xa8\x88\"")); /* no half character */
    assert_null(catalogue);
}

static void an_empty_catalogue_is_fine(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, "");
    assert_int_equal(pl_catalogue_count(fixture->catalogue).offers, 0);
    assert_text(pl_catalogue_offer_name(fixture->catalogue, PL_BYTES_LITERAL("basic")), "basic");
}

/* Thousands of each, more than a word of bits. */
static void large_catalogues_work(void **state)
{
    enum { FAMILIES = 300, SERVICES = 3000, OFFERS = 1000 };
    struct fixture *fixture = *state;
    struct pl_arena *arena = &fixture->arena;
    struct pl_family_spec *families = pl_arena_zalloc(arena, FAMILIES, sizeof(*families));
    struct pl_service_spec *services = pl_arena_zalloc(arena, SERVICES, sizeof(*services));
    struct pl_offer_spec *offers = pl_arena_zalloc(arena, OFFERS, sizeof(*offers));
    struct pl_upgrade_spec *upgrades = pl_arena_zalloc(arena, OFFERS - 1, sizeof(*upgrades));
    struct pl_bytes *ids = pl_arena_zalloc(arena, SERVICES, sizeof(*ids));
    struct pl_catalogue_spec spec = {.families = families,
                                     .family_count = FAMILIES,
                                     .services = services,
                                     .service_count = SERVICES,
                                     .offers = offers,
                                     .offer_count = OFFERS,
                                     .upgrades = upgrades,
                                     .upgrade_count = OFFERS - 1};
    const struct pl_edge *edge;

    for (unsigned i = 0; i < FAMILIES; i++) {
        families[i] = (struct pl_family_spec){
            .id = pl_arena_format(arena, "f%u", i), .conflicts = true, .transition = true};
    }
    for (unsigned i = 0; i < SERVICES; i++) {
        ids[i] = pl_arena_format(arena, "s%04u", i);
        services[i] = (struct pl_service_spec){.id = ids[i], .family = families[i % FAMILIES].id};
    }
    for (unsigned i = 0; i < OFFERS; i++) { /* each has three services, and upgrades to the next */
        offers[i] = (struct pl_offer_spec){.id = pl_arena_format(arena, "o%u", i),
                                           .services = {ids + (size_t)3 * i, 3}};
        if (i > 0) {
            upgrades[i - 1] =
                (struct pl_upgrade_spec){.offer = offers[i - 1].id, .targets = {&offers[i].id, 1}};
        }
    }
    pl_catalogue_free(fixture->catalogue);
    assert_int_equal(pl_catalogue_new(&spec, NULL, &fixture->catalogue), PL_OK);
    assert_int_equal(pl_catalogue_count(fixture->catalogue).upgrades, OFFERS - 1);
    edge = pl_catalogue_offer(fixture->catalogue, PL_BYTES_LITERAL("o700"))->edges;
    assert_names(fixture, edge->additional_ids, "s2103 s2104 s2105");
    assert_int_equal(edge->leaving.count, 3);
    assert_int_equal(edge->leaving.items[2], 2102);
    assert_int_equal(edge->transitions[0].transition, PL_TRANSITION_REMOVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(services_are_numbered_by_their_bytes),
        WITH_FIXTURE(nothing_of_the_spec_is_borrowed),
        WITH_FIXTURE(faults_are_refused_with_their_place),
        cmocka_unit_test(empty_ids_are_refused),
        cmocka_unit_test(a_long_id_leaves_room_for_the_reason),
        WITH_FIXTURE(an_empty_catalogue_is_fine),
        WITH_FIXTURE(large_catalogues_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
