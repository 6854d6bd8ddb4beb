/* Unit tests of fake/map.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/map.h"

static void put(struct pl_fake_map *map, const char *key, const char *value)
{
    pl_fake_map_put(map, pl_bytes_of(key), value == NULL ? PL_NULL_BYTES : pl_bytes_of(value));
}

static void assert_value(const struct pl_fake_map *map, const char *key, const char *value)
{
    struct pl_bytes found = pl_fake_map_get(map, pl_bytes_of(key));

    if (value == NULL) {
        assert_null(found.data);
    } else {
        assert_non_null(found.data);
        assert_int_equal(pl_bytes_compare(found, pl_bytes_of(value)), 0);
    }
}

static void it_holds_what_was_put_last(void **state)
{
    struct pl_fake_map map = {NULL, 0, 0};

    (void)state;
    assert_value(&map, "a", NULL);
    put(&map, "b", "1");
    put(&map, "a", "2");
    put(&map, "", "3");
    put(&map, "b", "");
    assert_int_equal(map.count, 3);
    assert_value(&map, "a", "2");
    assert_value(&map, "b", "");
    assert_value(&map, "", "3");
    put(&map, "a", NULL);
    put(&map, "never", NULL);
    assert_int_equal(map.count, 2);
    assert_value(&map, "a", NULL);
    pl_fake_map_put(&map, PL_BYTES_LITERAL("b"), pl_fake_map_get(&map, PL_BYTES_LITERAL("")));
    assert_value(&map, "b", "3");
    pl_fake_map_clear(&map);
    assert_value(&map, "b", NULL);
    pl_fake_map_clear(&map);
}

static void its_keys_are_in_order(void **state)
{
    struct pl_fake_map map = {NULL, 0, 0};

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        char key[2] = {(char)(i * 389 % 1000 / 32), (char)(i * 389 % 1000 % 32)};

        pl_fake_map_put(&map, (struct pl_bytes){key, 2}, PL_BYTES_LITERAL("x"));
    }
    assert_int_equal(map.count, 1000);
    for (size_t i = 1; i < map.count; i++) {
        assert_true(pl_bytes_compare(map.pairs[i - 1].key, map.pairs[i].key) < 0);
    }
    pl_fake_map_clear(&map);
}

static void copies_are_equal_until_one_changes(void **state)
{
    struct pl_fake_map a = {NULL, 0, 0};
    struct pl_fake_map b = {NULL, 0, 0};

    (void)state;
    put(&a, "x", "1");
    put(&b, "y", "1");
    assert_false(pl_fake_map_equal(&a, &b));
    pl_fake_map_copy(&a, &b);
    assert_true(pl_fake_map_equal(&a, &b));
    put(&b, "x", "2");
    assert_false(pl_fake_map_equal(&a, &b));
    put(&b, "x", "1");
    put(&b, "z", "1");
    assert_false(pl_fake_map_equal(&a, &b));
    pl_fake_map_clear(&a);
    pl_fake_map_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_put_last),
        cmocka_unit_test(its_keys_are_in_order),
        cmocka_unit_test(copies_are_equal_until_one_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
