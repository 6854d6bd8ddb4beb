/* Unit tests of core/id_index.c. */
#include "core/id_index.h"
#include "fixture.h"

static void every_added_id_is_found_and_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct pl_id_index index;

    pl_id_index_init(&index, 5000, &fixture->arena);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_true(pl_id_index_add(&index, pl_arena_format(&fixture->arena, "id-%u", i), i));
    }
    for (uint32_t i = 0; i < 5000; i++) {
        struct pl_bytes id = pl_arena_format(&fixture->arena, "id-%u", i);

        assert_int_equal(pl_id_index_find(&index, id), i);
        assert_true(pl_bytes_equal(index.ids[i], id));
        assert_int_equal(
            pl_id_index_find(&index, pl_arena_format(&fixture->arena, "id-%u", i + 5000)),
            PL_NO_POSITION);
    }
}

static void a_second_of_the_same_id_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pl_id_index index;

    pl_id_index_init(&index, 3, &fixture->arena);
    assert_true(pl_id_index_add(&index, PL_BYTES_LITERAL("a"), 0));
    assert_false(pl_id_index_add(&index, PL_BYTES_LITERAL("a"), 1));
    assert_true(pl_id_index_add(&index, PL_BYTES_LITERAL("A"), 1));
    assert_true(pl_id_index_add(&index, PL_BYTES_LITERAL("a\0b"), 2));
    assert_int_equal(pl_id_index_find(&index, PL_BYTES_LITERAL("a")), 0);
    assert_int_equal(pl_id_index_find(&index, PL_BYTES_LITERAL("a\0b")), 2);
    assert_int_equal(pl_id_index_find(&index, PL_BYTES_LITERAL("a\0c")), PL_NO_POSITION);
}

static void an_index_without_ids_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct pl_id_index index;

    pl_id_index_init(&index, 0, &fixture->arena);
    assert_int_equal(pl_id_index_find(&index, PL_BYTES_LITERAL("a")), PL_NO_POSITION);
    assert_int_equal(pl_id_index_find(&index, PL_NULL_BYTES), PL_NO_POSITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(every_added_id_is_found_and_no_other),
        WITH_FIXTURE(a_second_of_the_same_id_is_refused),
        WITH_FIXTURE(an_index_without_ids_finds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
