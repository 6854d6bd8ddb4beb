/* Unit tests of wire/json_node.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_node.h"

static json_t *load(const char *text)
{
    json_t *document = NULL;
    struct pl_error error = {""};

    assert_int_equal(pl_json_load(pl_bytes_of(text), 0, &error, &document), PL_OK);
    return document;
}

static void places_name_the_way(void **state)
{
    json_t *document = load("{\"offers\": {\"x \\\" y\": {\"services\": [1, 2, [3, 4]]}}}");
    struct pl_json_node root = pl_json_root(document);
    struct pl_json_node offers = pl_json_member(&root, "offers");
    json_t *value = json_object_get(offers.value, "x \" y");
    struct pl_json_node offer = pl_json_entry(&offers, "x \" y", value);
    struct pl_json_node services = pl_json_member(&offer, "services");
    struct pl_json_node third = pl_json_element(&services, 2);
    struct pl_json_node inner = pl_json_element(&third, 1);
    struct pl_error error;

    (void)state;
    assert_int_equal(pl_json_fail(&inner, &error, "is %d", 4), PL_BAD_DATA);
    assert_string_equal(error.text, "offers.\"x \\\" y\".services[2][1]: is 4");
    assert_int_equal(pl_json_fail(&root, &error, "is bad"), PL_BAD_DATA);
    assert_string_equal(error.text, "is bad");
    assert_int_equal(pl_json_fail(&root, NULL, "is bad"), PL_BAD_DATA);
    json_decref(document);
}

static void long_keys_leave_room_for_the_reason(void **state)
{
    struct pl_json_node root = pl_json_root(NULL);
    struct pl_json_node entry;
    struct pl_error error;
    char key[5000];

    (void)state;
    for (size_t i = 0; i + 3 < sizeof(key); i += 3) {
        memcpy(key + i, "\xe8\xa8\x88", 4); /* three bytes and a NUL */
    }
    entry = pl_json_entry(&root, key, NULL);
    (void)pl_json_fail(&entry, &error, "is long");
    assert_non_null(strstr(error.text, "\xe8\xa8\x88\": is long")); /* no half character */
}

static void wrong_types_are_named(void **state)
{
    json_t *document = load("{\"a\": [null, 1.5, 1e2, true, \"s\", {}, []], \"n\": null}");
    struct pl_json_node root = pl_json_root(document);
    struct pl_json_node array = pl_json_member(&root, "a");
    struct pl_json_node missing = pl_json_member(&root, "b");
    struct pl_json_node null = pl_json_member(&root, "n");
    const char *const names[] = {"null",
                                 "a number with a fraction or an exponent",
                                 "a number with a fraction or an exponent",
                                 "a boolean",
                                 "a string",
                                 "an object",
                                 "an array"};
    struct pl_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct pl_json_node node = pl_json_element(&array, i);
        int64_t value;

        assert_int_equal(pl_json_want_integer(&node, 0, 9, &error, &value), PL_BAD_DATA);
        assert_non_null(strstr(error.text, "must be an integer, not "));
        assert_string_equal(strstr(error.text, "not ") + 4, names[i]);
    }
    assert_int_equal(pl_json_want_object(&missing, &error), PL_BAD_DATA);
    assert_string_equal(error.text, "b: is missing");
    assert_int_equal(pl_json_want_object(&null, &error), PL_BAD_DATA);
    assert_string_equal(error.text, "n: must be an object, not null");
    assert_true(pl_json_is_absent(&missing));
    assert_true(pl_json_is_absent(&null));
    assert_false(pl_json_is_absent(&array));
    json_decref(document);
}

static void values_are_read(void **state)
{
    json_t *document = load("[\"a\\u0000\\u00e9\", -7, [1, 2, 3], {}]");
    struct pl_json_node root = pl_json_root(document);
    struct pl_json_node text = pl_json_element(&root, 0);
    struct pl_json_node number = pl_json_element(&root, 1);
    struct pl_json_node array = pl_json_element(&root, 2);
    struct pl_json_node object = pl_json_element(&root, 3);
    struct pl_bytes bytes;
    struct pl_error error;
    int64_t value;
    size_t count;

    (void)state;
    assert_int_equal(pl_json_want_string(&text, &error, &bytes), PL_OK);
    assert_int_equal(bytes.len, 4);
    assert_memory_equal(bytes.data, "a\0\xc3\xa9", 4);
    assert_int_equal(pl_json_want_integer(&number, -7, -7, &error, &value), PL_OK);
    assert_int_equal(value, -7);
    assert_int_equal(pl_json_want_integer(&number, -6, 5, &error, &value), PL_BAD_DATA);
    assert_string_equal(error.text, "[1]: must be from -6 to 5");
    assert_int_equal(pl_json_want_integer(&number, -9, -8, &error, &value), PL_BAD_DATA);
    assert_int_equal(pl_json_want_array(&array, &error, &count), PL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(pl_json_want_array(&object, &error, &count), PL_BAD_DATA);
    assert_int_equal(pl_json_want_string(&array, &error, &bytes), PL_BAD_DATA);
    assert_int_equal(pl_json_want_object(&object, &error), PL_OK);
    json_decref(document);
}

static void refuse(struct pl_bytes text, size_t flags, const char *place, const char *reason)
{
    json_t *document = NULL;
    struct pl_error error = {""};

    assert_int_equal(pl_json_load(text, flags, &error, &document), PL_BAD_DATA);
    assert_null(document);
    assert_int_equal(strncmp(error.text, place, strlen(place)), 0);
    assert_non_null(strstr(error.text, reason));
}

static void broken_texts_are_refused_with_their_place(void **state)
{
    json_t *document = NULL;

    (void)state;
    refuse(PL_BYTES_LITERAL(""), 0, "column 0: ", "'[' or '{' expected");
    refuse((struct pl_bytes){NULL, 0}, 0, "column 0: ", "'[' or '{' expected");
    refuse(PL_BYTES_LITERAL("{\"a\": }"), 0, "column 7: ", "unexpected token");
    refuse(PL_BYTES_LITERAL("{\n\"a\": 1,\n}"), 0, "line 3: column 1: ", "expected");
    refuse(PL_BYTES_LITERAL("{} {}"), 0, "column 4: ", "end of file expected");
    refuse(PL_BYTES_LITERAL("[\"\xff\"]"), 0, "column ", "unable to decode byte 0xff");
    refuse(PL_BYTES_LITERAL("[\"\\ud800\"]"), 0, "column ", "Unicode");
    refuse(PL_BYTES_LITERAL("[\"a\0\"]"), 0, "column ", "control character 0x0");
    refuse(PL_BYTES_LITERAL("[99999999999999999999]"), 0, "column ", "too big integer");
    refuse(PL_BYTES_LITERAL("[NaN]"), 0, "column ", "invalid token");
    refuse(PL_BYTES_LITERAL("[01]"), 0, "column ", "invalid token");
    refuse(PL_BYTES_LITERAL("{\"a\": 1, \"a\": 2}"), JSON_REJECT_DUPLICATES, "column ",
           "duplicate object key near '\"a\"'");

    assert_int_equal(pl_json_load(PL_BYTES_LITERAL("{\"a\": 1, \"a\": 2}"), 0, NULL, &document),
                     PL_OK);
    assert_int_equal(json_integer_value(json_object_get(document, "a")), 2);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_name_the_way),
        cmocka_unit_test(long_keys_leave_room_for_the_reason),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(broken_texts_are_refused_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
