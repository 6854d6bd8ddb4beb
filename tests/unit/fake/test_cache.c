/* Unit tests of fake/cache.c: the little Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/process.h"

struct fixture {
    struct pl_fake_world world;
    struct pl_fake_process process;
    struct pl_cache cache;
    struct pl_arena arena;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.arena = (struct pl_arena)PL_ARENA_INIT;
    pl_fake_world_init(&fixture.world, 2, 1, 1);
    pl_fake_process_init(&fixture.process, &fixture.world, "id");
    fixture.cache = pl_fake_cache(&fixture.process);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    pl_fake_process_done(&fixture->process);
    pl_fake_world_done(&fixture->world);
    pl_arena_done(&fixture->arena);
    return 0;
}

static const struct pl_cache_write one_field[] = {{{"f", 1}, {"value", 5}}};

/* An update of partition 1 that writes one field. expected NULL: none. */
static struct pl_cache_update step(const char *expected, const char *checkpoint)
{
    return (struct pl_cache_update){.partition = 1,
                                    .expected =
                                        expected == NULL ? PL_NULL_BYTES : pl_bytes_of(expected),
                                    .checkpoint = pl_bytes_of(checkpoint),
                                    .writes = one_field,
                                    .write_count = 1};
}

static enum pl_status update(struct fixture *fixture, struct pl_cache_update *updates, size_t count)
{
    struct pl_error error;

    return fixture->cache.ops->update(fixture->cache.self, updates, count, &error);
}

static void assert_checkpoint(const struct fixture *fixture, const char *expected)
{
    struct pl_bytes found = pl_fake_map_get(&fixture->world.hashes[1], PL_BYTES_LITERAL("#"));

    assert_int_equal(pl_bytes_is_null(found), expected == NULL);
    if (expected != NULL) {
        assert_int_equal(pl_bytes_compare(found, pl_bytes_of(expected)), 0);
    }
}

static void an_update_needs_the_exact_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct pl_cache_update updates[] = {step("a", "b"), step(NULL, "a"), step(NULL, "c"),
                                        step("a", "d")};

    assert_int_equal(update(fixture, updates, 4), PL_OK);
    assert_false(updates[0].is_applied);
    assert_true(updates[1].is_applied);
    assert_false(updates[2].is_applied);
    assert_true(updates[3].is_applied);
    assert_checkpoint(fixture, "d");
    assert_int_equal(fixture->world.hashes[0].count, 0);
}

static void a_later_write_of_a_field_wins_and_null_deletes(void **state)
{
    struct fixture *fixture = *state;
    const struct pl_cache_write writes[] = {{PL_BYTES_LITERAL("f"), PL_BYTES_LITERAL("1")},
                                            {PL_BYTES_LITERAL("g"), PL_BYTES_LITERAL("2")},
                                            {PL_BYTES_LITERAL("f"), PL_NULL_BYTES},
                                            {PL_BYTES_LITERAL("g"), PL_BYTES_LITERAL("3")}};
    struct pl_cache_update all = {
        .partition = 1, .checkpoint = PL_BYTES_LITERAL("a"), .writes = writes, .write_count = 4};
    struct pl_cache_field fields[] = {{.field = PL_BYTES_LITERAL("f")},
                                      {.field = PL_BYTES_LITERAL("g")}};
    struct pl_cache_read read = {.partition = 1, .fields = fields, .field_count = 2};
    struct pl_error error;

    assert_int_equal(update(fixture, &all, 1), PL_OK);
    assert_int_equal(
        fixture->cache.ops->read(fixture->cache.self, &read, 1, &fixture->arena, &error), PL_OK);
    assert_null(fields[0].value.data);
    assert_int_equal(pl_bytes_compare(fields[1].value, PL_BYTES_LITERAL("3")), 0);
    assert_int_equal(pl_bytes_compare(read.checkpoint, PL_BYTES_LITERAL("a")), 0);
    assert_int_equal(read.stored_fields, 2);
}

static void a_failed_update_may_have_done_a_part(void **state)
{
    struct fixture *fixture = *state;
    struct pl_cache_update updates[] = {step(NULL, "a"), step("a", "b"), step("b", "c")};

    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){
                     .call = PL_FAKE_CACHE_UPDATE, .times = 1, .status = PL_AGAIN, .applied = 2});
    assert_int_equal(update(fixture, updates, 3), PL_AGAIN);
    assert_checkpoint(fixture, "b");
    assert_int_equal(update(fixture, &updates[2], 1), PL_OK);
    assert_checkpoint(fixture, "c");
}

static void a_late_update_still_needs_its_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct pl_cache_update first = step(NULL, "a");
    struct pl_cache_update second = step(NULL, "b");

    pl_fake_fail(&fixture->process, (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE,
                                                           .times = 1,
                                                           .status = PL_AGAIN,
                                                           .applied = PL_FAKE_ALL_APPLIED,
                                                           .late_ms = 10});
    assert_int_equal(update(fixture, &first, 1), PL_AGAIN);
    assert_checkpoint(fixture, NULL);
    pl_fake_advance(&fixture->world, 10);
    assert_checkpoint(fixture, "a");
    assert_int_equal(update(fixture, &second, 1), PL_OK);
    assert_false(second.is_applied);
}

static enum pl_status drop(struct fixture *fixture, int32_t partition, struct pl_bytes expected)
{
    struct pl_error error;

    return fixture->cache.ops->drop(fixture->cache.self, partition, expected, &error);
}

static void a_hash_can_be_dropped_and_all_flushed(void **state)
{
    struct fixture *fixture = *state;
    struct pl_cache_update updates[] = {step(NULL, "a"), step(NULL, "b")};

    updates[0].partition = 0;
    assert_int_equal(update(fixture, updates, 2), PL_OK);
    assert_int_equal(drop(fixture, 0, PL_BYTES_LITERAL("b")), PL_ABORT);
    assert_int_equal(drop(fixture, 0, PL_NULL_BYTES), PL_ABORT);
    assert_int_equal(fixture->world.hashes[0].count, 2);
    assert_int_equal(drop(fixture, 0, PL_BYTES_LITERAL("a")), PL_OK);
    assert_int_equal(fixture->world.hashes[0].count, 0);
    assert_int_equal(drop(fixture, 0, PL_NULL_BYTES), PL_OK);
    assert_checkpoint(fixture, "b");
    pl_fake_fail(&fixture->process,
                 (struct pl_fake_fault){.call = PL_FAKE_CACHE_DROP, .status = PL_AGAIN});
    assert_int_equal(drop(fixture, 1, PL_BYTES_LITERAL("b")), PL_AGAIN);
    assert_checkpoint(fixture, "b");
    pl_fake_flush_hashes(&fixture->world);
    assert_checkpoint(fixture, NULL);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown((test), set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_update_needs_the_exact_checkpoint),
        WITH_FIXTURE(a_later_write_of_a_field_wins_and_null_deletes),
        WITH_FIXTURE(a_failed_update_may_have_done_a_part),
        WITH_FIXTURE(a_late_update_still_needs_its_checkpoint),
        WITH_FIXTURE(a_hash_can_be_dropped_and_all_flushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
