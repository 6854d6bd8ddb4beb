/* Unit tests of base/arena.c. */
#include <stdalign.h>

#include "child.h"
#include "planlift/arena.h"

#define BLOCK_BYTES ((size_t)256 * 1024)      /* as the arena makes them */
#define KEPT_BYTES ((size_t)16 * 1024 * 1024) /* as the arena keeps over a reset */

static void all_memory_is_aligned_and_apart(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    unsigned char *memory[500];

    (void)state;
    for (size_t i = 0; i < 500; i++) {
        memory[i] = pl_arena_alloc(&arena, i * 7);
        assert_non_null(memory[i]);
        assert_int_equal((uintptr_t)memory[i] % alignof(max_align_t), 0);
        memset(memory[i], (int)(i % 256), i * 7);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i * 7; j++) {
            assert_int_equal(memory[i][j], i % 256);
        }
    }
    pl_arena_done(&arena);
}

static void nothing_is_a_place_too(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_non_null(pl_arena_alloc(&arena, 0));
    assert_non_null(pl_arena_zalloc(&arena, 0, 8));
    assert_non_null(pl_arena_zalloc(&arena, 8, 0));
    assert_int_equal(arena.used_bytes, 0);
    pl_arena_done(&arena);
}

/* Sizes about the end of a block, where the next one is begun. */
static void blocks_follow_each_other(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const size_t sizes[] = {BLOCK_BYTES - 16, 16, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5,
                            3 * BLOCK_BYTES};
    unsigned char *memory[sizeof(sizes) / sizeof(sizes[0])];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            memory[i] = pl_arena_alloc(&arena, sizes[i]);
            memset(memory[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            assert_int_equal(memory[i][0], i + 1);
            assert_int_equal(memory[i][sizes[i] - 1], i + 1);
        }
        pl_arena_reset(&arena);
    }
    pl_arena_done(&arena);
}

static void used_bytes_are_counted_until_the_reset(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    (void)pl_arena_alloc(&arena, 100);
    (void)pl_arena_alloc(&arena, BLOCK_BYTES);
    assert_in_range(arena.used_bytes, 100 + BLOCK_BYTES, 132 + BLOCK_BYTES);
    pl_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    pl_arena_done(&arena);
}

static void a_reset_gives_the_same_memory_out_again(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    void *first;
    void *second;

    (void)state;
    pl_arena_reset(&arena); /* of one that was never used */
    first = pl_arena_alloc(&arena, 1000);
    second = pl_arena_alloc(&arena, BLOCK_BYTES);
    pl_arena_reset(&arena);
    assert_ptr_equal(pl_arena_alloc(&arena, 1000), first);
    assert_ptr_equal(pl_arena_alloc(&arena, BLOCK_BYTES), second);
    pl_arena_done(&arena);
}

/* I13: what a rare huge batch took does not stay. */
static void a_reset_keeps_no_more_than_its_bound(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    void *small;

    (void)state;
    small = pl_arena_alloc(&arena, 10);
    for (size_t taken = 0; taken < 3 * KEPT_BYTES; taken += BLOCK_BYTES) {
        memset(pl_arena_alloc(&arena, BLOCK_BYTES), 1, BLOCK_BYTES);
    }
    (void)pl_arena_alloc(&arena, 2 * KEPT_BYTES);
    pl_arena_reset(&arena);
    assert_ptr_equal(pl_arena_alloc(&arena, 10), small);
    pl_arena_reset(&arena);

    pl_arena_done(&arena); /* a single block beyond the bound is not kept either */
    (void)pl_arena_alloc(&arena, KEPT_BYTES + 1);
    pl_arena_reset(&arena);
    assert_null(arena.first);
    memset(pl_arena_alloc(&arena, 10), 1, 10);
    pl_arena_done(&arena);
    assert_null(arena.first);
}

static void zeroed_memory_is_zero_after_a_reset_too(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const unsigned char *zeroed;

    (void)state;
    memset(pl_arena_alloc(&arena, 4096), 0xff, 4096);
    pl_arena_reset(&arena);
    zeroed = pl_arena_zalloc(&arena, 512, 8);
    for (size_t i = 0; i < 4096; i++) {
        assert_int_equal(zeroed[i], 0);
    }
    pl_arena_done(&arena);
}

static void an_array_grows_with_its_content(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    int *numbers = pl_arena_grow(&arena, NULL, 0, 2, sizeof(*numbers));
    int *more;

    (void)state;
    numbers[0] = 10;
    numbers[1] = 11;
    more = pl_arena_grow(&arena, numbers, 2, 5, sizeof(*numbers));
    more[4] = 14;
    assert_int_equal(more[0], 10);
    assert_int_equal(more[1], 11);
    assert_int_equal(numbers[1], 11); /* the old one stays until the reset */
    pl_arena_done(&arena);
}

static void copies_are_apart_and_null_stays_null(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    char text[] = "a\0b";
    struct pl_bytes copy = pl_arena_copy(&arena, (struct pl_bytes){text, 3});
    struct pl_bytes empty = pl_arena_copy(&arena, PL_BYTES_LITERAL(""));

    (void)state;
    text[0] = 'x';
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.data, "a\0b", 3);
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    assert_null(pl_arena_copy(&arena, PL_NULL_BYTES).data);
    pl_arena_done(&arena);
}

static void formatted_text_has_any_length(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_bytes text = pl_arena_format(&arena, "%s-%d", "ab", 12);
    struct pl_bytes wide = pl_arena_format(&arena, "%*d", (int)BLOCK_BYTES * 2, 7);

    (void)state;
    assert_int_equal(text.len, 5);
    assert_string_equal(text.data, "ab-12");
    assert_int_equal(wide.len, BLOCK_BYTES * 2);
    assert_string_equal(wide.data + wide.len - 2, " 7");
    pl_arena_done(&arena);
}

/* ---- no memory left -------------------------------------------------------------------------- */

static void alloc(const void *argument)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)pl_arena_alloc(&arena, *(const size_t *)argument);
}

static void zalloc(const void *argument)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)pl_arena_zalloc(&arena, *(const size_t *)argument, 16);
}

static void grow(const void *argument)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)pl_arena_grow(&arena, NULL, 0, *(const size_t *)argument, 16);
}

static void huge_sizes_end_the_process(void **state)
{
    void (*const calls[])(const void *argument) = {alloc, zalloc, grow};
    /* The last one is for malloc to refuse, the others are refused by arithmetic. */
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1, SIZE_MAX / 32};
    const size_t count = sizeof(sizes) / sizeof(sizes[0]) - (MALLOC_MAY_FAIL ? 0 : 1);

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (size_t j = 0; j < count; j++) {
            struct child child = run_in_child(calls[i], &sizes[j]);

            assert_int_equal(child.exit_status, 1);
            assert_non_null(strstr(child.text, "planlift: out of memory\n"));
            assert_non_null(strstr(child.text, "exit_reason=out_of_memory\n"));
        }
    }
}

/* 16 times this is 16 in 64 bits. */
static void a_product_that_wraps_is_not_a_small_size(void **state)
{
    const size_t count = SIZE_MAX / 16 + 2;

    (void)state;
    assert_int_equal(run_in_child(zalloc, &count).exit_status, 1);
    assert_int_equal(run_in_child(grow, &count).exit_status, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_memory_is_aligned_and_apart),
        cmocka_unit_test(nothing_is_a_place_too),
        cmocka_unit_test(blocks_follow_each_other),
        cmocka_unit_test(used_bytes_are_counted_until_the_reset),
        cmocka_unit_test(a_reset_gives_the_same_memory_out_again),
        cmocka_unit_test(a_reset_keeps_no_more_than_its_bound),
        cmocka_unit_test(zeroed_memory_is_zero_after_a_reset_too),
        cmocka_unit_test(an_array_grows_with_its_content),
        cmocka_unit_test(copies_are_apart_and_null_stays_null),
        cmocka_unit_test(formatted_text_has_any_length),
        cmocka_unit_test(huge_sizes_end_the_process),
        cmocka_unit_test(a_product_that_wraps_is_not_a_small_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
