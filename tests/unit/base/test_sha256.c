/* Unit tests of base/sha256.c: the vectors of FIPS 180-4's examples, and lengths around a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void the_known_digests_come_out(void **state)
{
    static const char *const cases[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"}};
    char hex[PL_SHA256_HEX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pl_sha256_hex(pl_bytes_of(cases[i][0]), hex);
        assert_string_equal(hex, cases[i][1]);
    }
}

/* The digests are sha256sum's of so many letters a. */
static void lengths_around_a_block_are_padded(void **state)
{
    static const struct {
        size_t len;
        const char *hex;
    } cases[] = {{55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
                 {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
                 {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
                 {1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
    char hex[PL_SHA256_HEX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = malloc(cases[i].len);

        assert_non_null(text);
        memset(text, 'a', cases[i].len);
        pl_sha256_hex((struct pl_bytes){text, cases[i].len}, hex);
        assert_string_equal(hex, cases[i].hex);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_digests_come_out),
        cmocka_unit_test(lengths_around_a_block_are_padded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
