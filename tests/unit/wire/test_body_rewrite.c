/* Unit tests of wire/body_rewrite.c. */
#include "avro_fixture.h"
#include "wire/body_rewrite.h"
#include "wire/body_walk.h"

#define RECORD(fields) "{'type': 'record', 'name': 'R', 'fields': [" fields "]}"
#define LETTERS(symbols) "{'type': 'enum', 'name': 'E', 'symbols': [" symbols "]}"

/* Rewrite a body after having checked it, as the decoder does; the result is checked as well. */
static enum pl_status rewrite(const char *writer, const char *reader, struct pl_bytes body,
                              struct pl_buffer *buffer, struct pl_refusal *ret_refusal)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *writer_type = parse(writer, &arena);
    const struct pl_avro_type *reader_type = parse(reader, &arena);
    const struct pl_plan *plan = NULL;
    struct pl_error error = {""};
    enum pl_status status;

    if (pl_body_check(writer_type, body, &error) != PL_OK ||
        pl_schema_match(writer_type, reader_type, &arena, &error, &plan) != PL_OK) {
        fail_msg("%s as %s: %s", writer, reader, error.text);
    }
    status = pl_body_rewrite(plan, body, &arena, buffer, ret_refusal);
    if (status == PL_OK) {
        assert_int_equal(pl_body_check(reader_type, since_start(buffer), &error), PL_OK);
    }
    pl_arena_done(&arena);
    return status;
}

static void expect(const char *writer, const char *reader, struct pl_bytes body,
                   struct pl_bytes expected)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_refusal refusal;

    assert_int_equal(rewrite(writer, reader, body, &buffer, &refusal), PL_OK);
    assert_bytes(since_start(&buffer), expected);
    pl_buffer_done(&buffer);
}

static void refuse(const char *writer, const char *reader, struct pl_bytes body,
                   enum pl_dead_letter code, const char *message)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_refusal refusal;

    assert_int_equal(rewrite(writer, reader, body, &buffer, &refusal), PL_BAD_DATA);
    assert_int_equal(refusal.code, code);
    assert_string_equal(refusal.message, message);
    pl_buffer_done(&buffer);
}

#define EXPECT(writer, reader, body, expected)                                                     \
    expect((writer), (reader), PL_BYTES_LITERAL(body), PL_BYTES_LITERAL(expected))
#define REFUSE(writer, reader, body, code, message)                                                \
    refuse((writer), (reader), PL_BYTES_LITERAL(body), PL_DEAD_LETTER_##code, (message))

static void fields_are_put_in_order(void **state)
{
    const char *reader = RECORD("{'name': 'a', 'type': 'string'}, {'name': 'b', 'type': 'long'},"
                                "{'name': 'c', 'type': 'boolean'}");

    (void)state;
    EXPECT(RECORD("{'name': 'c', 'type': 'boolean'}, {'name': 'b', 'type': 'int'},"
                  "{'name': 'a', 'type': 'string'}"),
           reader, "\1\x80\1\4xy", "\4xy\x80\1\1");
}

static void missing_fields_get_their_default(void **state)
{
    const char *reader =
        RECORD("{'name': 'a', 'type': ['null', 'string'], 'default': null},"
               "{'name': 'b', 'type': 'int', 'default': 7},"
               "{'name': 'c', 'type': {'type': 'array', 'items': 'string'}, 'default': []},"
               "{'name': 'd', 'type': 'boolean'}");

    (void)state;
    EXPECT(RECORD("{'name': 'd', 'type': 'boolean'}"), reader, "\1", "\0\x0e\0\1");
}

static void other_fields_are_left_out(void **state)
{
    const char *writer = RECORD(
        "{'name': 'm', 'type': {'type': 'map', 'values': ['null', 'double']}},"
        "{'name': 'a', 'type': 'int'},"
        "{'name': 'n', 'type': {'type': 'array', 'items': 'null'}},"
        "{'name': 'f', 'type': {'type': 'fixed', 'name': 'F', 'size': 3}},"
        "{'name': 'e', 'type': " LETTERS(
            "'A', 'B'") "},"
                        "{'name': 's', 'type': {'type': 'record', 'name': 'S', 'fields': ["
                        "  {'name': 'a', 'type': 'float'}, {'name': 'x', 'type': 'bytes'}]}},"
                        "{'name': 'b', 'type': 'int'}");

    (void)state;
    EXPECT(writer, RECORD("{'name': 'a', 'type': 'int'}, {'name': 'b', 'type': 'int'}"),
           "\4\2k\0\2k\2\1\1\1\1\1\1\1\1\0"
           "\2"
           "\x7e\0"
           "xyz"
           "\2"
           "1234\4\xff\xff"
           "\4",
           "\2\4");
}

static void symbols_are_mapped(void **state)
{
    const char *reader = LETTERS("'A', 'B'");
    const char *fallback = "{'type': 'enum', 'name': 'E', 'symbols': ['A', 'B'], 'default': 'B'}";

    (void)state;
    EXPECT(LETTERS("'C', 'B', 'A'"), reader, "\2", "\2");
    EXPECT(LETTERS("'C', 'B', 'A'"), reader, "\4", "\0");
    EXPECT(LETTERS("'C', 'B', 'A'"), fallback, "\0", "\2");
    REFUSE(LETTERS("'C', 'B', 'A'"), reader, "\0", INCOMPATIBLE_SCHEMA,
           "enum E: symbol C is unknown and has no default");
}

static void branches_are_mapped(void **state)
{
    const char *reader = "['null', 'string']";

    (void)state;
    EXPECT("['string', 'null']", reader, "\0\2x", "\2\2x");
    EXPECT("['string', 'null']", reader, "\2", "\0");
    EXPECT("'string'", reader, "\2x", "\2\2x");
    EXPECT("'null'", reader, "", "\0");
    EXPECT("['int', 'string']", "'string'", "\2\2x", "\2x");
    EXPECT("['int', 'bytes']", reader, "\2\2x", "\2\2x");
    REFUSE("['int', 'string']", "'string'", "\0\2", INCOMPATIBLE_SCHEMA,
           "union branch int cannot be read");
    REFUSE("[" RECORD("") ", 'null']", reader, "\0", INCOMPATIBLE_SCHEMA,
           "union branch record R cannot be read");
}

static void bytes_become_strings(void **state)
{
    (void)state;
    EXPECT("'bytes'", "'string'", "\4\xc3\xa9", "\4\xc3\xa9");
    REFUSE("'bytes'", "'string'", "\4\xc3(", MALFORMED,
           "bytes that are read as a string are not UTF-8");
}

/* Contract 7: malformed comes before what a value makes incompatible, wherever either is. */
static void bytes_come_before_symbols_and_branches(void **state)
{
    const char *writer = RECORD("{'name': 'a', 'type': 'bytes'}, {'name': 'e', 'type': " LETTERS(
        "'C', 'A'") "}, {'name': 'u', 'type': ['int', 'string']}, {'name': 'b', 'type': 'bytes'}");
    const char *reader = RECORD("{'name': 'a', 'type': 'string'}, {'name': 'e', 'type': " LETTERS(
        "'A'") "}, {'name': 'u', 'type': 'string'}, {'name': 'b', 'type': 'string'}");
    const char *message = "bytes that are read as a string are not UTF-8";

    (void)state;
    EXPECT(writer, reader, "\0\2\2\0\0", "\0\0\0\0");
    REFUSE(writer, reader, "\0\0\0\2\0", INCOMPATIBLE_SCHEMA,
           "enum E: symbol C is unknown and has no default"); /* the first of the two */
    REFUSE(writer, reader, "\0\0\0\2\2\xff", MALFORMED, message);
    REFUSE(writer, reader, "\2\xff\0\0\2\0", MALFORMED, message);
}

static void items_are_rewritten_in_their_blocks(void **state)
{
    const char *reader = "{'type': 'array', 'items': 'string'}";

    (void)state;
    EXPECT("{'type': 'array', 'items': 'bytes'}", reader, "\2\2a\3\6\2b\0\0", "\2\2a\4\2b\0\0");
    EXPECT("{'type': 'array', 'items': 'bytes'}", reader, "\0", "\0");
    EXPECT("{'type': 'array', 'items': ['null', 'string']}", reader, "\2\2\2a\0", "\2\2a\0");
    REFUSE("{'type': 'array', 'items': ['null', 'string']}", reader, "\4\2\2a\0\0",
           INCOMPATIBLE_SCHEMA, "union branch null cannot be read");
}

static void records_are_rewritten_within_records(void **state)
{
    const char *writer =
        RECORD("{'name': 'z', 'type': 'int'},"
               "{'name': 'in', 'type': ['null', {'type': 'record', 'name': 'S', 'fields': ["
               "  {'name': 'y', 'type': 'int'}, {'name': 'x', 'type': 'int'}]}]},"
               "{'name': 'w', 'type': 'int'}");
    const char *reader =
        RECORD("{'name': 'w', 'type': 'int'},"
               "{'name': 'in', 'type': {'type': 'record', 'name': 'S', 'fields': ["
               "  {'name': 'x', 'type': 'long'}, {'name': 'v', 'type': 'int', 'default': -1},"
               "  {'name': 'y', 'type': 'int'}]}}");

    (void)state;
    EXPECT(writer, reader, "\2\2\4\6\x08", "\x08\6\1\4");
    REFUSE(writer, reader, "\2\0\x08", INCOMPATIBLE_SCHEMA, "union branch null cannot be read");
}

/* A body may hold a million of what cannot be read: the first is told, the others cost nothing. */
static void the_first_unreadable_item_is_told(void **state)
{
    const char *writer = "{'type': 'array', 'items': ['string',"
                         " {'type': 'record', 'name': 'Q', 'fields': []}, 'int',"
                         " " LETTERS("'C'") "]}";
    struct pl_buffer body = {NULL, 0, 0};
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *writer_type = parse(writer, &arena);
    const struct pl_avro_type *reader_type = parse("{'type': 'array', 'items': 'string'}", &arena);
    const struct pl_plan *plan = NULL;
    struct pl_refusal refusal;
    struct pl_error error;
    size_t before;

    (void)state;
    pl_put_array_start(&body, 100000);
    for (int i = 0; i < 50000; i++) {
        pl_put_long(&body, 1);
        pl_put_long(&body, 3);
        pl_put_long(&body, 0);
    }
    pl_put_array_end(&body);
    assert_int_equal(pl_body_check(writer_type, since_start(&body), &error), PL_OK);
    assert_int_equal(pl_schema_match(writer_type, reader_type, &arena, &error, &plan), PL_OK);
    before = arena.used_bytes;
    assert_int_equal(pl_body_rewrite(plan, since_start(&body), &arena, &buffer, &refusal),
                     PL_BAD_DATA);
    assert_int_equal(refusal.code, PL_DEAD_LETTER_INCOMPATIBLE_SCHEMA);
    assert_string_equal(refusal.message, "union branch record Q cannot be read");
    assert_true(arena.used_bytes - before < 1024);
    pl_buffer_done(&body);
    pl_buffer_done(&buffer);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_put_in_order),
        cmocka_unit_test(missing_fields_get_their_default),
        cmocka_unit_test(other_fields_are_left_out),
        cmocka_unit_test(symbols_are_mapped),
        cmocka_unit_test(branches_are_mapped),
        cmocka_unit_test(bytes_become_strings),
        cmocka_unit_test(bytes_come_before_symbols_and_branches),
        cmocka_unit_test(items_are_rewritten_in_their_blocks),
        cmocka_unit_test(records_are_rewritten_within_records),
        cmocka_unit_test(the_first_unreadable_item_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
