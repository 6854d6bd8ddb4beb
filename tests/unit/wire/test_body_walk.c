/* Unit tests of wire/body_walk.c. */
#include "avro_fixture.h"
#include "wire/body_walk.h"

static enum pl_status check(const char *schema, struct pl_bytes body)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    /* A copy of exactly that size, so that a sanitizer sees a byte read too much. */
    struct pl_bytes copy = pl_arena_copy(&arena, body);
    enum pl_status status = pl_body_check(parse(schema, &arena), copy, &error);

    assert_int_equal(status == PL_OK, error.text[0] == '\0');
    pl_arena_done(&arena);
    return status;
}

#define GOOD(schema, bytes) assert_int_equal(check((schema), PL_BYTES_LITERAL(bytes)), PL_OK)
#define BAD(schema, bytes) assert_int_equal(check((schema), PL_BYTES_LITERAL(bytes)), PL_BAD_DATA)

static void scalars_are_checked(void **state)
{
    (void)state;
    GOOD("'null'", "");
    BAD("'null'", "\0");
    GOOD("'boolean'", "\0");
    GOOD("'boolean'", "\1");
    BAD("'boolean'", "\2");
    BAD("'boolean'", "\xff");
    BAD("'boolean'", "");
    GOOD("'float'", "1234");
    BAD("'float'", "123");
    BAD("'float'", "12345");
    GOOD("'double'", "12345678");
    BAD("'double'", "1234567");
    GOOD("{'type': 'fixed', 'name': 'F', 'size': 3}", "\xff\0\x80");
    BAD("{'type': 'fixed', 'name': 'F', 'size': 3}", "\xff\0");
    BAD("{'type': 'fixed', 'name': 'F', 'size': 9223372036854775807}", "abc");
}

static void varints_have_64_bits(void **state)
{
    (void)state;
    GOOD("'long'", "\0");
    GOOD("'long'", "\x80\0"); /* longer than needed is legal */
    GOOD("'long'", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1");
    GOOD("'long'", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1");
    GOOD("'long'", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\0");
    BAD("'long'", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\2");
    BAD("'long'", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0");
    BAD("'long'", "\x80");
    BAD("'long'", "");
    BAD("'long'", "\0\0");
}

static void ints_have_32_bits(void **state)
{
    (void)state;
    GOOD("'int'", "\xfe\xff\xff\xff\x0f"); /* 2147483647 */
    GOOD("'int'", "\xff\xff\xff\xff\x0f"); /* -2147483648 */
    BAD("'int'", "\x80\x80\x80\x80\x10");
    BAD("'int'", "\x81\x80\x80\x80\x10");
}

static void lengths_lie_within_the_body(void **state)
{
    (void)state;
    GOOD("'bytes'", "\0");
    GOOD("'bytes'", "\4\xff\0");
    BAD("'bytes'", "\6\xff\0");
    BAD("'bytes'", "\1");                                     /* -1 */
    BAD("'bytes'", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"); /* INT64_MAX */
    BAD("'bytes'", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"); /* INT64_MIN */
    BAD("'bytes'", "\2ab");
    BAD("'bytes'", "");
}

static void strings_are_utf8(void **state)
{
    (void)state;
    GOOD("'string'", "\4\0a");
    GOOD("'string'", "\6\xe2\x82\xac");
    BAD("'string'", "\4\xc3(");
    BAD("'string'", "\6\xed\xa0\x80");
    BAD("'string'", "\4\xe2\x82");
    GOOD("{'type': 'map', 'values': 'null'}", "\2\4\xc3\xa9\0");
    BAD("{'type': 'map', 'values': 'null'}", "\2\4\xc3(\0");
}

static void indexes_are_in_range(void **state)
{
    const char *letters = "{'type': 'enum', 'name': 'E', 'symbols': ['A', 'B']}";

    (void)state;
    GOOD(letters, "\2");
    BAD(letters, "\4");
    BAD(letters, "\1");
    BAD("{'type': 'enum', 'name': 'E', 'symbols': []}", "\0");
    GOOD("['null', 'int']", "\0");
    GOOD("['null', 'int']", "\2\2");
    BAD("['null', 'int']", "\4\2");
    BAD("['null', 'int']", "\1\2");
    BAD("['null', 'int']", "\2");
    BAD("[]", "\0");
}

static void blocks_may_have_a_size(void **state)
{
    const char *ints = "{'type': 'array', 'items': 'int'}";

    (void)state;
    GOOD(ints, "\0");
    GOOD(ints, "\4\2\2\0");
    GOOD(ints, "\2\2\2\2\0");                                /* two blocks */
    GOOD(ints, "\3\4\2\2\0");                                /* -2 items, 2 bytes */
    GOOD(ints, "\1\4\x80\2\0");                              /* -1 item, 2 bytes */
    BAD(ints, "\3\2\2\2\0");                                 /* fewer bytes than the items take */
    BAD(ints, "\3\6\2\2\0\0");                               /* more */
    BAD(ints, "\3\1\2\2\0");                                 /* -1 byte */
    BAD(ints, "\3\x7e\2\2\0");                               /* more than there are */
    BAD(ints, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0"); /* INT64_MIN items */
    BAD(ints, "\4\2\2");                                     /* no end */
    BAD(ints, "\4\2\0");
    BAD(ints, "\x7e\2\2\0");
    BAD(ints, "");
    GOOD("{'type': 'map', 'values': 'int'}", "\3\x0a\2a\2\0\6\0");
    BAD("{'type': 'map', 'values': 'int'}", "\3\x08\2a\2\0\6\0");
}

/* What must not take time or memory: a bomb would not be through within the test's own time. */
static void items_without_bytes_cost_nothing(void **state)
{
    const char *nulls = "{'type': 'array', 'items': 'null'}";
    const char *records = "{'type': 'array', 'items': {'type': 'record', 'name': 'R', 'fields': ["
                          "{'name': 'x', 'type': {'type': 'fixed', 'name': 'F', 'size': 0}}]}}";
    const char *lists = "{'type': 'array', 'items': {'type': 'array', 'items': 'null'}}";

    (void)state;
    GOOD(nulls, "\x80\x89\x7a\0");   /* 1,000,000 */
    GOOD(nulls, "\xff\x88\x7a\0\0"); /* as many, with a size of 0 bytes */
    BAD(nulls, "\x82\x89\x7a\0");    /* 1,000,001 */
    BAD(nulls, "\x80\x80\x80\x80\x80\x80\x01\0");
    BAD(records, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0");
    GOOD(records, "\6\0");
    BAD("{'type': 'map', 'values': 'null'}", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0");
    GOOD(lists, "\4\0\2\0\0");
    BAD(lists, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0");
}

/* A million records of 2^30 empty places each, and of one int: as fast as a million ints. */
static void places_without_bytes_cost_nothing(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer body = {NULL, 0, 0};
    struct pl_bytes text =
        pl_arena_format(&arena, "{'name': 'e0', 'type': {'type': 'record', 'name': 'R0',"
                                " 'fields': []}}");
    struct pl_bytes schema;
    struct pl_error error;

    (void)state;
    for (unsigned i = 1; i <= 25; i++) {
        text = pl_arena_format(&arena,
                               "%s, {'name': 'e%u', 'type': {'type': 'record', 'name': 'R%u',"
                               " 'fields': [{'name': 'a', 'type': 'R%u'},"
                               " {'name': 'b', 'type': 'R%u'}]}}",
                               text.data, i, i, i - 1, i - 1);
    }
    schema = pl_arena_format(&arena,
                             "{'type': 'array', 'items': {'type': 'record', 'name': 'R',"
                             " 'fields': [%s, {'name': 'n', 'type': 'int'}]}}",
                             text.data);
    pl_put_array_start(&body, 1000000);
    for (unsigned i = 0; i < 1000000; i++) {
        pl_put_long(&body, i % 64);
    }
    pl_put_array_end(&body);
    assert_int_equal(pl_body_check(parse(schema.data, &arena), since_start(&body), &error), PL_OK);
    pl_buffer_done(&body);
    pl_arena_done(&arena);
}

static void a_record_is_its_fields(void **state)
{
    const char *record = "{'type': 'record', 'name': 'R', 'fields': ["
                         "{'name': 'a', 'type': 'string'}, {'name': 'b', 'type': 'null'},"
                         "{'name': 'c', 'type': ['null', 'boolean']}]}";

    (void)state;
    GOOD(record, "\2x\2\1");
    GOOD(record, "\2x\0");
    BAD(record, "\2x");
    BAD(record, "\2x\0\0");
    BAD(record, "\2x\2\2");
}

static void the_place_is_told(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error;
    const struct pl_avro_type *type = parse("'string'", &arena);

    (void)state;
    assert_int_equal(pl_body_check(type, PL_BYTES_LITERAL("\4ab--"), &error), PL_BAD_DATA);
    assert_string_equal(error.text, "the body ends at byte 3, but 2 bytes follow");
    assert_int_equal(pl_body_check(type, PL_BYTES_LITERAL("\6ab"), &error), PL_BAD_DATA);
    assert_string_equal(error.text, "the body does not follow its schema at or before byte 1 of 3");
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_checked),
        cmocka_unit_test(varints_have_64_bits),
        cmocka_unit_test(ints_have_32_bits),
        cmocka_unit_test(lengths_lie_within_the_body),
        cmocka_unit_test(strings_are_utf8),
        cmocka_unit_test(indexes_are_in_range),
        cmocka_unit_test(blocks_may_have_a_size),
        cmocka_unit_test(items_without_bytes_cost_nothing),
        cmocka_unit_test(places_without_bytes_cost_nothing),
        cmocka_unit_test(a_record_is_its_fields),
        cmocka_unit_test(the_place_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
