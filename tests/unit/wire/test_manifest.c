/* Unit tests of wire/manifest.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/manifest.h"

static enum pl_status parse(const char *text, struct pl_arena *arena,
                            struct pl_manifest *ret_manifest, struct pl_error *error)
{
    return pl_manifest_parse("m.json", pl_bytes_of(text), arena, error, ret_manifest);
}

static void ids_and_files_are_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_manifest manifest;

    (void)state;
    assert_int_equal(
        parse("{\"1\": \"a.avsc\", \"4294967295\": \"sub/b.avsc\"}", &arena, &manifest, NULL),
        PL_OK);
    assert_int_equal(manifest.count, 2);
    assert_int_equal(manifest.entries[0].id, 1);
    assert_true(pl_bytes_equal(manifest.entries[0].file, PL_BYTES_LITERAL("a.avsc")));
    assert_int_equal(manifest.entries[1].id, UINT32_MAX);
    assert_true(pl_bytes_equal(manifest.entries[1].file, PL_BYTES_LITERAL("sub/b.avsc")));
    pl_arena_done(&arena);
}

static void what_is_no_manifest_is_refused(void **state)
{
    static const char *const broken[] = {"",
                                         "[]",
                                         "{",
                                         "{\"1\": 2}",
                                         "{\"1\": \"\"}",
                                         "{\"x\": \"a\"}",
                                         "{\"-1\": \"a\"}",
                                         "{\"1 \": \"a\"}",
                                         "{\" 1\": \"a\"}",
                                         "{\"4294967296\": \"a\"}",
                                         "{\"1\": \"a\", \"1\": \"b\"}",
                                         "{\"1\": \"a\", \"01\": \"b\"}"};
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct pl_manifest manifest;
        struct pl_error error = {""};

        assert_int_equal(parse(broken[i], &arena, &manifest, &error), PL_BAD_DATA);
        assert_non_null(strstr(error.text, "m.json"));
    }
    pl_arena_done(&arena);
}

static void broken_schemas_are_told_from_ones_beyond_the_bounds(void **state)
{
    static const char recursive[] = "{\"type\": \"record\", \"name\": \"r\", \"fields\": "
                                    "[{\"name\": \"f\", \"type\": [\"null\", \"r\"]}]}";

    (void)state;
    assert_int_equal(pl_manifest_check_schema(PL_BYTES_LITERAL("\"string\""), NULL), PL_OK);
    assert_int_equal(pl_manifest_check_schema(PL_BYTES_LITERAL(recursive), NULL), PL_OK);
    assert_int_equal(pl_manifest_check_schema(PL_BYTES_LITERAL("{"), NULL), PL_BAD_DATA);
    assert_int_equal(pl_manifest_check_schema(PL_BYTES_LITERAL("{\"type\": \"nothing\"}"), NULL),
                     PL_BAD_DATA);
}

static void same_means_the_same_json(void **state)
{
    (void)state;
    assert_true(pl_manifest_is_same(PL_BYTES_LITERAL("{\"a\": 1, \"b\": [2]}"),
                                    PL_BYTES_LITERAL("{\"b\":[2],\"a\":1}")));
    assert_false(
        pl_manifest_is_same(PL_BYTES_LITERAL("{\"a\": 1}"), PL_BYTES_LITERAL("{\"a\": 2}")));
    assert_false(pl_manifest_is_same(PL_BYTES_LITERAL("{"), PL_BYTES_LITERAL("{")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_files_are_read),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(broken_schemas_are_told_from_ones_beyond_the_bounds),
        cmocka_unit_test(same_means_the_same_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
