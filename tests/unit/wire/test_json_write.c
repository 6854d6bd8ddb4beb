/* Unit tests of wire/json_write.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/json_write.h"

#define TEXT(text) PL_BYTES_LITERAL(text)

/* What is in the buffer must be this text; empties it. */
static void check_written(struct pl_buffer *buffer, struct pl_bytes text)
{
    assert_int_equal(buffer->len, text.len);
    assert_memory_equal(buffer->data, text.data, text.len);
    buffer->len = 0;
}

static void strings_are_escaped_only_where_they_must(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_json_put_string(&buffer, TEXT(""));
    check_written(&buffer, TEXT("\"\""));
    pl_json_put_string(&buffer, TEXT("a\"b\\c/d"));
    check_written(&buffer, TEXT("\"a\\\"b\\\\c/d\""));
    pl_json_put_string(&buffer, TEXT("\b\f\n\r\t"));
    check_written(&buffer, TEXT("\"\\b\\f\\n\\r\\t\""));
    pl_json_put_string(&buffer, TEXT("\0x\x1f\x7f"));
    check_written(&buffer, TEXT("\"\\u0000x\\u001f\x7f\""));
    pl_json_put_string(&buffer, TEXT("Zo\xc3\xab \xe6\x9d\x8e \xf0\x9f\x98\x80"));
    check_written(&buffer, TEXT("\"Zo\xc3\xab \xe6\x9d\x8e \xf0\x9f\x98\x80\""));
    pl_buffer_done(&buffer);
}

/* U+0085, U+2028 and U+2029 end lines for some; their neighbours do not. */
static void separators_of_lines_are_escaped(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_json_put_string(&buffer, TEXT("a\xc2\x85\xe2\x80\xa8\xe2\x80\xa9z"));
    check_written(&buffer, TEXT("\"a\\u0085\\u2028\\u2029z\""));
    pl_json_put_string(&buffer, TEXT("\xc2\x84\xc2\x86\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac"));
    check_written(&buffer, TEXT("\"\xc2\x84\xc2\x86\xe2\x80\xa7\xe2\x80\xaa\xe2\x82\xac\""));
    pl_buffer_done(&buffer);
}

static void empty_optional_text_is_null(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_json_put_optional(&buffer, PL_NULL_BYTES);
    check_written(&buffer, TEXT("null"));
    pl_json_put_optional(&buffer, TEXT(""));
    check_written(&buffer, TEXT("null"));
    pl_json_put_optional(&buffer, TEXT("x"));
    check_written(&buffer, TEXT("\"x\""));
    pl_buffer_done(&buffer);
}

static void integers_reach_both_ends(void **state)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_json_put_integer(&buffer, 0);
    check_written(&buffer, TEXT("0"));
    pl_json_put_integer(&buffer, -1);
    check_written(&buffer, TEXT("-1"));
    pl_json_put_integer(&buffer, 1790000000005);
    check_written(&buffer, TEXT("1790000000005"));
    pl_json_put_integer(&buffer, INT64_MAX);
    check_written(&buffer, TEXT("9223372036854775807"));
    pl_json_put_integer(&buffer, INT64_MIN);
    check_written(&buffer, TEXT("-9223372036854775808"));
    pl_buffer_done(&buffer);
}

static void separators_stand_between(void **state)
{
    const struct pl_bytes items[] = {TEXT("["), TEXT("{")};
    struct pl_buffer buffer = {NULL, 0, 0};

    (void)state;
    pl_buffer_put_byte(&buffer, '{');
    pl_json_put_key(&buffer, "none");
    pl_json_put_names(&buffer, (struct pl_names){NULL, 0});
    pl_json_put_key(&buffer, "some");
    pl_json_put_names(&buffer, (struct pl_names){items, 2});
    pl_json_put_key(&buffer, "yes");
    pl_json_put_bool(&buffer, true);
    pl_json_put_key(&buffer, "no");
    pl_json_put_bool(&buffer, false);
    pl_json_put_key(&buffer, "nothing");
    pl_json_put_null(&buffer);
    pl_buffer_put_byte(&buffer, '}');
    check_written(&buffer, TEXT("{\"none\":[],\"some\":[\"[\",\"{\"],\"yes\":true,\"no\":false,"
                                "\"nothing\":null}"));
    pl_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_only_where_they_must),
        cmocka_unit_test(separators_of_lines_are_escaped),
        cmocka_unit_test(empty_optional_text_is_null),
        cmocka_unit_test(integers_reach_both_ends),
        cmocka_unit_test(separators_stand_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
