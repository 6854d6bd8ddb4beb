/* Unit tests of fake/world.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"

struct notes {
    struct pl_fake_world *world;
    char text[64];
    int64_t last_ms;
};

static void note(void *self, const void *data)
{
    struct notes *notes = self;

    strncat(notes->text, data, 8);
    notes->last_ms = notes->world->monotonic_ms;
}

static void note_and_go_on(void *self, const void *data)
{
    struct notes *notes = self;

    note(self, data);
    pl_fake_after(notes->world, 5, note, notes, "+", 2);
}

static void what_is_due_happens_in_order_and_in_time(void **state)
{
    struct pl_fake_world world;
    struct notes notes = {.world = &world};
    int64_t start_ms;

    (void)state;
    pl_fake_world_init(&world, 2, 1, 1);
    start_ms = world.monotonic_ms;
    pl_fake_after(&world, 20, note, &notes, "c", 2);
    pl_fake_after(&world, 10, note_and_go_on, &notes, "a", 2);
    pl_fake_after(&world, 20, note, &notes, "d", 2);
    pl_fake_advance(&world, 9);
    assert_string_equal(notes.text, "");
    pl_fake_advance(&world, 1);
    assert_string_equal(notes.text, "a");
    pl_fake_advance(&world, 100);
    assert_string_equal(notes.text, "a+cd");
    assert_int_equal(notes.last_ms, start_ms + 20);
    assert_int_equal(world.monotonic_ms, start_ms + 110);
    pl_fake_world_done(&world);
}

static void the_wall_clock_can_stand_still(void **state)
{
    struct pl_fake_world world;
    int64_t start_ms;

    (void)state;
    pl_fake_world_init(&world, 1, 1, 1);
    start_ms = world.wall_ms;
    pl_fake_advance(&world, 7);
    assert_int_equal(world.wall_ms, start_ms + 7);
    world.is_wall_stopped = true;
    pl_fake_advance(&world, 7);
    assert_int_equal(world.wall_ms, start_ms + 7);
    pl_fake_world_done(&world);
}

static void the_same_seed_gives_the_same_numbers(void **state)
{
    struct pl_fake_world worlds[3];
    unsigned counts[5] = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        pl_fake_world_init(&worlds[i], 1, 1, i == 2 ? 8 : 7);
    }
    for (int i = 0; i < 1000; i++) {
        uint64_t number = pl_fake_random(&worlds[0]);

        assert_true(number == pl_fake_random(&worlds[1]));
        assert_true(number != pl_fake_random(&worlds[2]));
        counts[pl_fake_random_below(&worlds[0], 5)]++;
        (void)pl_fake_random(&worlds[1]);
    }
    for (int i = 0; i < 5; i++) {
        assert_in_range(counts[i], 150, 250);
    }
    for (int i = 0; i < 3; i++) {
        pl_fake_world_done(&worlds[i]);
    }
}

static void keys_are_spread_over_the_partitions(void **state)
{
    struct pl_fake_world world;
    unsigned counts[4] = {0};

    (void)state;
    pl_fake_world_init(&world, 4, 1, 1);
    for (const char *c = "abcdefghijklmnopqrstuvwxyz"; *c != '\0'; c++) {
        counts[pl_fake_partition_of(&world, (struct pl_bytes){c, 1})]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_true(counts[i] > 0);
    }
    pl_fake_world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_happens_in_order_and_in_time),
        cmocka_unit_test(the_wall_clock_can_stand_still),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(keys_are_spread_over_the_partitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
