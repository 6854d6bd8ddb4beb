/* Unit tests of wire/state_seal.c. */
#include <xxhash.h>

#include "state_fixture.h"
#include "wire/state_seal.h"

#define FIELD PL_BYTES_LITERAL("h/customer")

static void seal(struct pl_buffer *buffer, const char *body)
{
    size_t position = pl_seal_open(buffer);

    pl_buffer_put(buffer, body, strlen(body));
    pl_seal_close(buffer, position, FIELD);
}

static void a_sealed_body_comes_back(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_reader body;

    (void)state;
    pl_buffer_put(&buffer, "before", 6);
    seal(&buffer, "the body");
    assert_int_equal(pl_seal_check(FIELD, pl_buffer_since(&buffer, 6), &body, NULL), PL_OK);
    assert_int_equal(pl_reader_left(&body), 8);
    assert_memory_equal(body.at, "the body", 8);
    pl_buffer_done(&buffer);
}

/* One bit of a byte the other way round. */
static void flip(char *byte, size_t bit)
{
    unsigned char flipped = (unsigned char)*byte;

    flipped = (unsigned char)(flipped ^ 1U << bit);
    memcpy(byte, &flipped, 1);
}

static void every_flipped_bit_is_seen(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_reader body;

    (void)state;
    seal(&buffer, "x");
    for (size_t bit = 0; bit < buffer.len * 8; bit++) {
        flip(&buffer.data[bit / 8], bit % 8);
        /* Also a flipped version: damaged, and not "newer". */
        assert_int_equal(pl_seal_check(FIELD, pl_buffer_since(&buffer, 0), &body, NULL),
                         PL_BAD_DATA);
        flip(&buffer.data[bit / 8], bit % 8);
    }
    pl_buffer_done(&buffer);
}

static void every_truncation_is_seen(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_reader body;

    (void)state;
    seal(&buffer, "some body");
    for (size_t len = 0; len < buffer.len; len++) {
        assert_int_equal(pl_seal_check(FIELD, (struct pl_bytes){buffer.data, len}, &body, NULL),
                         PL_BAD_DATA);
    }
    assert_int_equal(pl_seal_check(FIELD, PL_NULL_BYTES, &body, NULL), PL_BAD_DATA);
    pl_buffer_done(&buffer);
}

/* Whole, and of a version that is not known yet: it must not be thrown away. */
static void a_newer_version_is_told_from_damage(void **state)
{
    const struct pl_bytes field = FIELD;
    char value[9 + 4] = "?????????body";
    struct pl_error error = {""};
    struct pl_reader body;

    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        uint64_t sum =
            XXH3_64bits_withSeed("body", 4, XXH3_64bits_withSeed(field.data, field.len, version));
        unsigned char sealed[9] = {(unsigned char)version};

        for (int i = 0; i < 8; i++) {
            sealed[1 + i] = (unsigned char)(sum >> (8 * i));
        }
        memcpy(value, sealed, sizeof(sealed));
        assert_int_equal(
            pl_seal_check(FIELD, (struct pl_bytes){value, sizeof(value)}, &body, &error),
            version == 0   ? PL_BAD_DATA
            : version <= 2 ? PL_OK
                           : PL_FATAL);
    }
    assert_non_null(strstr(error.text, "newer planlift"));
}

static void a_value_under_another_name_is_refused(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_reader body;

    (void)state;
    seal(&buffer, "some body");
    assert_int_equal(
        pl_seal_check(PL_BYTES_LITERAL("h/other"), pl_buffer_since(&buffer, 0), &body, NULL),
        PL_BAD_DATA);
    pl_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_body_comes_back),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(every_truncation_is_seen),
        cmocka_unit_test(a_newer_version_is_told_from_damage),
        cmocka_unit_test(a_value_under_another_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
