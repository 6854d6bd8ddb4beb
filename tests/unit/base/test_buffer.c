/* Unit tests of base/buffer.c. */
#include "child.h"
#include "planlift/buffer.h"

static void it_starts_with_nothing(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    assert_int_equal(pl_buffer_since(&buffer, 0).len, 0);
    pl_buffer_put(&buffer, NULL, 0);
    assert_int_equal(buffer.len, 0);
    pl_buffer_done(&buffer);
}

static void what_is_appended_stays_over_every_growth(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_bytes end;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        pl_buffer_put_byte(&buffer, (unsigned char)(i % 251));
    }
    assert_int_equal(buffer.len, 100000);
    assert_true(buffer.capacity >= buffer.len && buffer.capacity < 4 * buffer.len);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal((unsigned char)buffer.data[i], i % 251);
    }
    pl_buffer_put(&buffer, "end", 3);
    end = pl_buffer_since(&buffer, 100000);
    assert_int_equal(end.len, 3);
    assert_memory_equal(end.data, "end", 3);
    pl_buffer_done(&buffer);
}

static void room_that_was_made_is_used_without_moving(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    const char *data;

    (void)state;
    pl_buffer_put(&buffer, "abc", 3);
    pl_buffer_reserve(&buffer, 5000);
    data = buffer.data;
    assert_true(buffer.capacity - buffer.len >= 5000);
    assert_int_equal(buffer.len, 3);
    for (int i = 0; i < 5000; i++) {
        pl_buffer_put_byte(&buffer, 'x');
    }
    assert_ptr_equal(buffer.data, data);
    assert_memory_equal(buffer.data, "abcx", 4);
    pl_buffer_done(&buffer);
}

static void it_may_be_used_again_after_its_memory_is_gone(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_buffer_put(&buffer, "abc", 3);
    pl_buffer_done(&buffer);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(buffer.capacity, 0);
    pl_buffer_put(&buffer, "de", 2);
    assert_memory_equal(buffer.data, "de", 2);
    pl_buffer_done(&buffer);
    pl_buffer_done(&buffer);
}

static void reserve(const void *argument)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    pl_buffer_put(&buffer, "abc", 3);
    pl_buffer_reserve(&buffer, *(const size_t *)argument);
}

static void sizes_that_cannot_be_end_the_process(void **state)
{
    /* The last one is for realloc to refuse, the others are refused by arithmetic. */
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 4 + 1, SIZE_MAX / 4};
    const size_t count = sizeof(sizes) / sizeof(sizes[0]) - (MALLOC_MAY_FAIL ? 0 : 1);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct child child = run_in_child(reserve, &sizes[i]);

        assert_int_equal(child.exit_status, 1);
        assert_non_null(strstr(child.text, "out of memory"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_with_nothing),
        cmocka_unit_test(what_is_appended_stays_over_every_growth),
        cmocka_unit_test(room_that_was_made_is_used_without_moving),
        cmocka_unit_test(it_may_be_used_again_after_its_memory_is_gone),
        cmocka_unit_test(sizes_that_cannot_be_end_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
