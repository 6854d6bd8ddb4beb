/* Unit tests of core/catalogue_edges.c. */
#include "core/bits.h"
#include "fixture.h"

static const struct pl_edge *edge_of(const struct fixture *fixture, const char *source,
                                     size_t target)
{
    return &pl_catalogue_offer(fixture->catalogue, pl_bytes_of(source))->edges[target];
}

static const char *positions_text(struct fixture *fixture, struct pl_positions positions)
{
    struct pl_bytes *ids = pl_arena_zalloc(&fixture->arena, positions.count, sizeof(*ids));

    for (size_t i = 0; i < positions.count; i++) {
        ids[i] = pl_service_id(fixture->catalogue, positions.items[i]);
    }
    return names_text(&fixture->arena, (struct pl_names){ids, positions.count});
}

static void additional_services_are_in_the_targets_order(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_edge *edge = edge_of(fixture, "basic", 1);

    assert_text(edge->target->id, "premium");
    assert_names(fixture, edge->additional_ids, "LISTS MAIL3 CHAT2 MAIL2 CALL1");
    assert_string_equal(positions_text(fixture, edge->conflicting), "MAIL3 CHAT2 MAIL2");
    edge = edge_of(fixture, "standard", 0);
    assert_names(fixture, edge->additional_ids, "MAIL3 CHAT2 CALL1");
}

static void the_sets_hold_what_the_lists_do(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_edge *edge = edge_of(fixture, "basic", 0);

    assert_names(fixture, edge->additional_ids, "MAIL2 EXCEL LISTS");
    assert_string_equal(positions_text(fixture, edge->conflicting), "MAIL2");
    for (uint32_t i = 0; i < fixture->catalogue->service_count; i++) {
        struct pl_bytes id = pl_service_id(fixture->catalogue, i);
        bool is_mail2 = pl_bytes_equal(id, PL_BYTES_LITERAL("MAIL2"));

        assert_int_equal(pl_bits_has(edge->conflicting_bits, i), is_mail2);
        assert_int_equal(pl_bits_has(edge->additional_bits, i),
                         is_mail2 || pl_bytes_equal(id, PL_BYTES_LITERAL("EXCEL")) ||
                             pl_bytes_equal(id, PL_BYTES_LITERAL("LISTS")));
    }
}

static void leaving_services_find_the_first_of_their_family(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_edge *edge = edge_of(fixture, "basic", 1);

    assert_string_equal(positions_text(fixture, edge->leaving), "MAIL1 CHAT1 WORD");
    assert_text(edge->transitions[0].replacement, "MAIL3"); /* before MAIL2 in premium */
    assert_text(edge->transitions[0].replacement_name, "Name of MAIL3");
    assert_text(edge->transitions[0].service_name, "Name of MAIL1");
    assert_int_equal(edge->transitions[0].transition, PL_TRANSITION_REPLACED);
    assert_int_equal(edge->transitions[2].transition, PL_TRANSITION_REMOVED);
    assert_true(pl_bytes_is_null(edge->transitions[2].replacement));
    assert_true(pl_bytes_is_null(edge->transitions[2].replacement_name));
    assert_true(pl_bytes_is_null(edge->account_transitions[2].replacement));
    assert_text(edge->account_transitions[1].replacement, "CHAT2");
}

/* FORMS goes from basic to standard, but its family means no work for a user. */
static void families_without_transition_do_not_leave(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_edge *edge = edge_of(fixture, "basic", 0);

    assert_string_equal(positions_text(fixture, edge->leaving), "MAIL1 WORD");
    assert_text(edge->transitions[1].replacement, "EXCEL");
}

/* The replacement may be one that the source has already. */
static void a_shared_service_can_replace(void **state)
{
    struct fixture *fixture = *state;

    load_catalogue(fixture, "family f t\nservice a f\nservice b f\nservice c f\n"
                            "offer o 0 a b\noffer p 0 b c\nupgrade o p\n");
    assert_text(edge_of(fixture, "o", 0)->transitions[0].replacement, "b");
}

static void an_offer_without_services_is_a_target_too(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_edge *edge = edge_of(fixture, "mail-only", 1);

    assert_text(edge->target->id, "bare");
    assert_int_equal(edge->additional_ids.count, 0);
    assert_string_equal(positions_text(fixture, edge->leaving), "MAIL1");
    assert_int_equal(edge->transitions[0].transition, PL_TRANSITION_REMOVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(additional_services_are_in_the_targets_order),
        WITH_FIXTURE(the_sets_hold_what_the_lists_do),
        WITH_FIXTURE(leaving_services_find_the_first_of_their_family),
        WITH_FIXTURE(families_without_transition_do_not_leave),
        WITH_FIXTURE(a_shared_service_can_replace),
        WITH_FIXTURE(an_offer_without_services_is_a_target_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
