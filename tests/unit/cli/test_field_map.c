/* Unit tests of cli/field_map.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/field_map.h"

#define MANY 5000

static int set_up(void **state)
{
    static struct pl_arena arena;
    static struct pl_field_map map;

    arena = (struct pl_arena)PL_ARENA_INIT;
    map = (struct pl_field_map){.arena = &arena};
    *state = &map;
    return 0;
}

static int tear_down(void **state)
{
    struct pl_field_map *map = *state;

    pl_field_map_done(map);
    pl_arena_done(map->arena);
    return 0;
}

static struct pl_bytes name(char text[32], int number)
{
    (void)snprintf(text, 32, "h/customer-%d", number);
    return pl_bytes_of(text);
}

static void fields_are_found_again_however_many(void **state)
{
    struct pl_field_map *map = *state;
    char text[32];

    assert_null(pl_field_map_find(map, PL_BYTES_LITERAL("h/x")));
    for (int i = 0; i < MANY; i++) {
        struct pl_map_field *field = pl_field_map_get(map, name(text, i));

        assert_false(field->is_live);
        pl_map_field_digest(field, pl_bytes_of(text));
    }
    assert_int_equal(map->count, MANY);
    for (int i = 0; i < MANY; i++) {
        struct pl_map_field *field = pl_field_map_find(map, name(text, i));

        assert_ptr_equal(field, pl_field_map_get(map, pl_bytes_of(text)));
        assert_ptr_equal(field, map->items[i]); /* in the order they came */
        assert_true(pl_map_field_has_digest(field, pl_bytes_of(text)));
    }
    assert_int_equal(map->count, MANY);
    assert_null(pl_field_map_find(map, name(text, MANY)));
}

static void the_last_value_counts(void **state)
{
    struct pl_map_field *field = pl_field_map_get(*state, PL_BYTES_LITERAL("a0/c"));

    pl_map_field_keep(field, PL_BYTES_LITERAL("first, long"));
    pl_map_field_keep(field, PL_BYTES_LITERAL("second"));
    assert_true(field->is_live);
    assert_true(pl_bytes_equal(pl_buffer_since(&field->value, 0), PL_BYTES_LITERAL("second")));
    pl_map_field_keep(field, PL_NULL_BYTES);
    assert_false(field->is_live);
}

static void a_digest_tells_values_apart(void **state)
{
    struct pl_map_field *field = pl_field_map_get(*state, PL_BYTES_LITERAL("x"));

    pl_map_field_digest(field, PL_BYTES_LITERAL("value"));
    assert_true(pl_map_field_has_digest(field, PL_BYTES_LITERAL("value")));
    assert_false(pl_map_field_has_digest(field, PL_BYTES_LITERAL("valuf")));
    assert_false(pl_map_field_has_digest(field, PL_BYTES_LITERAL("value ")));
    assert_false(pl_map_field_has_digest(field, PL_NULL_BYTES));
    pl_map_field_digest(field, PL_NULL_BYTES);
    assert_false(pl_map_field_has_digest(field, PL_BYTES_LITERAL("value")));
    assert_false(pl_map_field_has_digest(field, PL_NULL_BYTES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_found_again_however_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_value_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_digest_tells_values_apart, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
