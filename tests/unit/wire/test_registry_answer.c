/* Unit tests of wire/registry_answer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/registry_answer.h"

#define ASSERT_TEXT(bytes, wanted) assert_true(pl_bytes_equal(bytes, PL_BYTES_LITERAL(wanted)))

static void a_schema_is_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_registry_schema schema;
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(pl_registry_read_schema(PL_BYTES_LITERAL("{\"schema\": \"\\\"int\\\"\"}"),
                                             &arena, &schema, &error),
                     PL_OK);
    ASSERT_TEXT(schema.json, "\"int\"");
    assert_int_equal(schema.id, -1);
    assert_false(schema.has_references);
    assert_int_equal(
        pl_registry_read_schema(
            PL_BYTES_LITERAL("{\"subject\": \"s\", \"version\": 2, \"id\": 9, \"schemaType\": "
                             "\"AVRO\", \"schema\": \"{}\", \"references\": [{}]}"),
            &arena, &schema, &error),
        PL_OK);
    assert_int_equal(schema.id, 9);
    assert_true(schema.has_references);
    pl_arena_done(&arena);
}

static void a_schema_of_another_kind_is_bad_data(void **state)
{
    static const char protobuf[] = "{\"schema\": \"message\", \"schemaType\": \"PROTOBUF\"}";
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_registry_schema schema;
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(pl_registry_read_schema(PL_BYTES_LITERAL(protobuf), &arena, &schema, &error),
                     PL_BAD_DATA);
    assert_non_null(strstr(error.text, "PROTOBUF"));
    pl_arena_done(&arena);
}

static void ids_and_versions_are_read(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    int64_t *versions;
    size_t count;
    uint32_t id;

    (void)state;
    assert_int_equal(pl_registry_read_id(PL_BYTES_LITERAL("{\"id\":4294967295}"), &id, &error),
                     PL_OK);
    assert_int_equal(id, UINT32_MAX);
    assert_int_equal(
        pl_registry_read_versions(PL_BYTES_LITERAL("[1, 5]"), &arena, &versions, &count, &error),
        PL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(versions[1], 5);
    assert_int_equal(
        pl_registry_read_versions(PL_BYTES_LITERAL("[]"), &arena, &versions, &count, &error),
        PL_OK);
    assert_int_equal(count, 0);
    pl_arena_done(&arena);
}

static void a_refusal_is_one_short_line(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_registry_refusal refusal;
    struct pl_buffer answer = {NULL, 0, 0};
    struct pl_error error = {""};

    (void)state;
    assert_int_equal(pl_registry_read_refusal(
                         PL_BYTES_LITERAL("{\"error_code\": 40403, \"message\": \"not\\nfound\"}"),
                         &arena, &refusal, &error),
                     PL_OK);
    assert_int_equal(refusal.code, PL_REGISTRY_NO_SCHEMA);
    ASSERT_TEXT(refusal.message, "not found");
    pl_buffer_put(&answer, "{\"error_code\":1,\"message\":\"a", 28);
    for (int i = 0; i < 1000; i++) {
        pl_buffer_put(&answer, "\xC3\xA4", 2); /* one character */
    }
    pl_buffer_put(&answer, "\"}", 2);
    assert_int_equal(
        pl_registry_read_refusal(pl_buffer_since(&answer, 0), &arena, &refusal, &error), PL_OK);
    assert_int_equal(refusal.message.len, 299); /* whole characters */
    pl_buffer_done(&answer);
    pl_arena_done(&arena);
}

/* Nothing of it is an answer to anything. */
static void what_is_no_answer_is_told(void **state)
{
    static const char *const texts[] = {"",
                                        "<html>",
                                        "null",
                                        "\"id\"",
                                        "{\"id\": -1, \"schema\": 1, \"error_code\": \"x\"}",
                                        "{\"id\": 4294967296, \"schema\": null}",
                                        "[1, \"2\"]",
                                        "{",
                                        "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pl_bytes text = pl_bytes_of(texts[i]);
        struct pl_arena arena = PL_ARENA_INIT;
        struct pl_registry_refusal refusal;
        struct pl_registry_schema schema;
        struct pl_error error = {""};
        int64_t *versions;
        size_t count;
        uint32_t id;

        assert_int_equal(pl_registry_read_schema(text, &arena, &schema, &error), PL_AGAIN);
        assert_non_null(strstr(error.text, "schema registry"));
        assert_int_equal(pl_registry_read_id(text, &id, &error), PL_AGAIN);
        assert_int_equal(pl_registry_read_versions(text, &arena, &versions, &count, &error),
                         PL_AGAIN);
        assert_int_equal(pl_registry_read_refusal(text, &arena, &refusal, &error), PL_AGAIN);
        pl_arena_done(&arena);
    }
}

static void a_question_holds_the_schema_as_a_string(void **state)
{
    struct pl_buffer body = {NULL, 0, 0};

    (void)state;
    pl_registry_put_schema(&body, PL_BYTES_LITERAL("{\"type\":\n\"int\"}"));
    ASSERT_TEXT(pl_buffer_since(&body, 0), "{\"schema\":\"{\\\"type\\\":\\n\\\"int\\\"}\"}");
    pl_buffer_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_read),
        cmocka_unit_test(a_schema_of_another_kind_is_bad_data),
        cmocka_unit_test(ids_and_versions_are_read),
        cmocka_unit_test(a_refusal_is_one_short_line),
        cmocka_unit_test(what_is_no_answer_is_told),
        cmocka_unit_test(a_question_holds_the_schema_as_a_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
