/* Unit tests of pipeline/slice.c: what is gathered is written once, and only over what is known. */
#include "fixture.h"
#include "pipeline/slice.h"

static struct pl_slice open_slice(struct fixture *fixture)
{
    open_run(fixture); /* its arena */
    return (struct pl_slice){
        .cache = &fixture->options.cache, .arena = &fixture->run.arena, .partition = 1};
}

static enum pl_status write_slice(struct fixture *fixture, struct pl_slice *slice,
                                  const char *expected, const char *checkpoint)
{
    return pl_slice_write(slice, expected == NULL ? PL_NULL_BYTES : pl_bytes_of(expected),
                          pl_bytes_of(checkpoint), &fixture->error);
}

static void assert_field(struct fixture *fixture, const char *field, const char *value)
{
    struct pl_bytes found = pl_fake_map_get(&fixture->world.hashes[1], pl_bytes_of(field));

    if (value == NULL) {
        assert_true(pl_bytes_is_null(found));
    } else {
        assert_true(pl_bytes_equal(found, pl_bytes_of(value)));
    }
}

static void what_is_gathered_is_written_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct pl_slice slice = open_slice(fixture);
    char passing[] = "first";

    pl_slice_add(&slice, PL_BYTES_LITERAL("a"), pl_bytes_of(passing));
    memset(passing, 'x', sizeof(passing) - 1); /* it was copied */
    pl_slice_add(&slice, PL_BYTES_LITERAL("b"), PL_BYTES_LITERAL("1"));
    pl_slice_add(&slice, PL_BYTES_LITERAL("b"), PL_BYTES_LITERAL("2"));
    pl_slice_add(&slice, PL_BYTES_LITERAL("c"), PL_BYTES_LITERAL("1"));
    pl_slice_add(&slice, PL_BYTES_LITERAL("c"), PL_NULL_BYTES);
    assert_int_equal(write_slice(fixture, &slice, NULL, "one"), PL_OK);
    assert_int_equal(slice.count, 0);
    assert_field(fixture, "a", "first");
    assert_field(fixture, "b", "2");
    assert_field(fixture, "c", NULL);
    pl_slice_add(&slice, PL_BYTES_LITERAL("d"), PL_BYTES_LITERAL("4"));
    assert_int_equal(write_slice(fixture, &slice, "one", "two"), PL_OK);
    assert_field(fixture, "a", "first");
    assert_field(fixture, "d", "4");
}

static void it_is_full_when_writing_is_worth_it(void **state)
{
    struct fixture *fixture = *state;
    struct pl_slice slice = open_slice(fixture);
    struct pl_bytes value = pl_bytes_of(long_text(fixture, 1024));
    int count = 0;

    for (; !pl_slice_is_full(&slice) && count < 5000; count++) {
        pl_slice_add(&slice, PL_BYTES_LITERAL("f"), value);
    }
    assert_in_range(count, 1000, 1024);
    pl_slice_drop(&slice);
    assert_false(pl_slice_is_full(&slice));
    assert_int_equal(write_slice(fixture, &slice, NULL, "one"), PL_OK);
    assert_field(fixture, "f", NULL);
}

static void what_somebody_else_has_changed_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct pl_slice slice = open_slice(fixture);

    assert_int_equal(write_slice(fixture, &slice, NULL, "one"), PL_OK);
    pl_slice_add(&slice, PL_BYTES_LITERAL("a"), PL_BYTES_LITERAL("1"));
    assert_int_equal(write_slice(fixture, &slice, "another", "two"), PL_ABORT);
    assert_non_null(strstr(fixture->error.text, "partition 1 was changed by somebody else"));
    assert_field(fixture, "a", NULL);
    assert_int_equal(slice.count, 0);
}

static void a_cache_that_is_away_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct pl_slice slice = open_slice(fixture);

    pl_fake_fail(
        &fixture->process,
        (struct pl_fake_fault){.call = PL_FAKE_CACHE_UPDATE, .times = 1, .status = PL_AGAIN});
    assert_int_equal(write_slice(fixture, &slice, NULL, "one"), PL_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_is_gathered_is_written_in_order),
        WITH_FIXTURE(it_is_full_when_writing_is_worth_it),
        WITH_FIXTURE(what_somebody_else_has_changed_is_left_alone),
        WITH_FIXTURE(a_cache_that_is_away_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
