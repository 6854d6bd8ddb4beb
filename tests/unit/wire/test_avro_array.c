/* Unit tests of wire/avro_array.c. */
#include "avro_fixture.h"
#include "wire/avro_array.h"

struct names {
    struct pl_arena arena;
    struct pl_reader reader;
    struct pl_names names;
};

static struct names read_names(struct pl_bytes bytes)
{
    struct names read = {.arena = PL_ARENA_INIT, .reader = pl_reader_of(bytes)};

    read.names = pl_get_names(&read.reader, &read.arena);
    return read;
}

/* The names, each followed by a comma. */
static void expect(struct pl_bytes bytes, const char *expected)
{
    struct names read = read_names(bytes);
    struct pl_buffer text = {NULL, 0, 0};

    for (size_t i = 0; i < read.names.count; i++) {
        pl_buffer_put(&text, read.names.items[i].data, read.names.items[i].len);
        pl_buffer_put_byte(&text, ',');
    }
    assert_bytes(since_start(&text), pl_bytes_of(expected));
    assert_true(pl_reader_is_done(&read.reader));
    pl_buffer_done(&text);
    pl_arena_done(&read.arena);
}

#define EXPECT(bytes, text) expect(PL_BYTES_LITERAL(bytes), (text))

static void blocks_of_any_kind_are_one_list(void **state)
{
    (void)state;
    EXPECT("\0", "");
    EXPECT("\2\2a\0", "a,");
    EXPECT("\6\2a\0\2b\0", "a,,b,");
    EXPECT("\2\2a\4\2b\2c\2\2d\0", "a,b,c,d,");
    EXPECT("\1\4\2a\3\x08\2b\2c\0", "a,b,c,");
}

static void what_is_cut_short_is_bad(void **state)
{
    static const struct pl_bytes cut[] = {
        {"", 0}, {"\2", 1}, {"\2\2", 2}, {"\2\2a", 3}, {"\1", 1}, {"\1\4", 2}, {"\4\2a", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        struct names read = read_names(cut[i]);

        assert_true(read.reader.is_bad);
        pl_arena_done(&read.arena);
    }
}

/* However many a block promises. */
static void room_is_bounded_by_the_bytes(void **state)
{
    static const struct pl_bytes promises[] = {
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0", 12},   /* 2^63 - 1 */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\0\0", 13}, /* -2^63 */
        {"\x80\x80\x80\x80\x80\x80\x01\0\0", 9},              /* 2^41 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        struct names read = read_names(promises[i]);

        assert_true(read.reader.is_bad);
        assert_true(read.arena.used_bytes <= 8 * sizeof(struct pl_bytes));
        pl_arena_done(&read.arena);
    }
}

/* A view for each name, exactly, in a block; at most four where each has a block of its own. */
static void a_list_takes_a_view_for_each_name(void **state)
{
    const size_t count = 100000;
    struct pl_buffer one = {NULL, 0, 0};
    struct pl_buffer many = {NULL, 0, 0};
    struct names read;

    (void)state;
    pl_put_array_start(&one, count);
    for (size_t i = 0; i < count; i++) {
        pl_put_string(&one, PL_BYTES_LITERAL(""));
        pl_put_array_start(&many, 1);
        pl_put_string(&many, PL_BYTES_LITERAL("x"));
    }
    pl_put_array_end(&one);
    pl_put_array_end(&many);
    read = read_names(since_start(&one));
    assert_int_equal(read.names.count, count);
    assert_int_equal(read.arena.used_bytes, count * sizeof(struct pl_bytes));
    pl_arena_done(&read.arena);
    read = read_names(since_start(&many));
    assert_int_equal(read.names.count, count);
    assert_text(read.names.items[count - 1], "x");
    assert_true(read.arena.used_bytes < 4 * count * sizeof(struct pl_bytes));
    pl_arena_done(&read.arena);
    pl_buffer_done(&one);
    pl_buffer_done(&many);
}

static void items_begin_as_zeros(void **state)
{
    struct pl_array array = {.item_size = sizeof(struct pl_license_assigned)};
    struct pl_reader reader = pl_reader_of(PL_BYTES_LITERAL("\4\0\0\0"));
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_license_assigned *item;

    (void)state;
    memset(pl_arena_alloc(&arena, 4096), 'x', 4096);
    pl_arena_reset(&arena);
    while ((item = pl_array_next(&array, &reader, &arena)) != NULL) {
        assert_null(item->user_id.data);
        assert_int_equal(item->disabled_services.count, 0);
        item->user_id = pl_get_string(&reader);
    }
    assert_true(pl_reader_is_done(&reader));
    assert_int_equal(array.count, 2);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_any_kind_are_one_list),
        cmocka_unit_test(what_is_cut_short_is_bad),
        cmocka_unit_test(room_is_bounded_by_the_bytes),
        cmocka_unit_test(a_list_takes_a_view_for_each_name),
        cmocka_unit_test(items_begin_as_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
