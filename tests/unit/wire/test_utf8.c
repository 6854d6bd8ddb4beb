/* Unit tests of wire/utf8.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/utf8.h"

/* The text alone, and in the middle of ASCII that is long enough for the short way. */
static bool is_valid(const char *text, size_t len)
{
    char around[64];
    bool alone = pl_utf8_is_valid((struct pl_bytes){text, len});

    for (size_t before = 0; before < 20; before++) {
        memset(around, 'x', sizeof(around));
        memcpy(around + before, text, len);
        assert_int_equal(pl_utf8_is_valid((struct pl_bytes){around, before + len + 9}), alone);
    }
    return alone;
}

#define VALID(text) assert_true(is_valid((text), sizeof(text) - 1))
#define INVALID(text) assert_false(is_valid((text), sizeof(text) - 1))

static void whole_characters_are_valid(void **state)
{
    (void)state;
    VALID("");
    VALID("plain text");
    VALID("\0");
    VALID("\x7f");
    VALID("\xc2\x80");
    VALID("\xdf\xbf");
    VALID("\xe0\xa0\x80");
    VALID("\xed\x9f\xbf");
    VALID("\xee\x80\x80");
    VALID("\xef\xbf\xbf");
    VALID("\xf0\x90\x80\x80");
    VALID("\xf4\x8f\xbf\xbf");
    assert_true(pl_utf8_is_valid(PL_NULL_BYTES));
}

static void what_is_not_strict_is_invalid(void **state)
{
    (void)state;
    INVALID("\x80");
    INVALID("\xbf");
    INVALID("\xc0\x80"); /* overlong */
    INVALID("\xc1\xbf");
    INVALID("\xe0\x9f\xbf");
    INVALID("\xf0\x8f\xbf\xbf");
    INVALID("\xed\xa0\x80"); /* surrogates */
    INVALID("\xed\xbf\xbf");
    INVALID("\xf4\x90\x80\x80"); /* above U+10FFFF */
    INVALID("\xf5\x80\x80\x80");
    INVALID("\xff");
    INVALID("\xc3x");
    INVALID("\xe1\x80x");
    INVALID("\xf1\x80\x80x");
}

static void a_character_cut_short_is_invalid(void **state)
{
    const char text[] = "\xf0\x9f\x98\x80";

    (void)state;
    for (size_t len = 1; len < 4; len++) {
        assert_false(pl_utf8_is_valid((struct pl_bytes){text, len}));
    }
    assert_true(pl_utf8_is_valid((struct pl_bytes){text, 4}));
}

/* Every code point, encoded by the rule; those that must not be there are refused. */
static void every_code_point_is_judged(void **state)
{
    (void)state;
    for (uint32_t code = 0x800; code < 0x110400; code++) {
        char text[4];
        size_t len = code < 0x10000 ? 3 : 4;
        bool expected = (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;

        text[0] = (char)(len == 3 ? 0xe0 | code >> 12 : 0xf0 | code >> 18);
        text[1] = (char)(0x80 | (code >> (len == 3 ? 6 : 12) & 0x3f));
        text[2] = (char)(0x80 | (code >> (len == 3 ? 0 : 6) & 0x3f));
        text[3] = (char)(0x80 | (code & 0x3f));
        assert_int_equal(pl_utf8_is_valid((struct pl_bytes){text, len}), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_characters_are_valid),
        cmocka_unit_test(what_is_not_strict_is_invalid),
        cmocka_unit_test(a_character_cut_short_is_invalid),
        cmocka_unit_test(every_code_point_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
