/* Unit tests of wire/json_record.c: one record with a field of each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/json_record.h"

struct sample {
    struct pl_bytes id, text, optional_text;
    struct pl_names names;
    int32_t number, count;
    int64_t long_number, version;
    struct pl_optional_int optional_int;
    struct pl_optional_long optional_long;
    bool yes, flag;
    enum pl_subscription_status status;
    enum pl_channel channel;
};

static const struct pl_json_field fields[] = {
    PL_JSON_FIELD("id", PL_JSON_ID, struct sample, id, struct pl_bytes),
    PL_JSON_FIELD("text", PL_JSON_TEXT, struct sample, text, struct pl_bytes),
    PL_JSON_FIELD("optionalText", PL_JSON_OPTIONAL_TEXT, struct sample, optional_text,
                  struct pl_bytes),
    PL_JSON_FIELD("names", PL_JSON_NAMES, struct sample, names, struct pl_names),
    PL_JSON_FIELD("number", PL_JSON_INT, struct sample, number, int32_t),
    PL_JSON_FIELD("count", PL_JSON_COUNT, struct sample, count, int32_t),
    PL_JSON_FIELD("long", PL_JSON_LONG, struct sample, long_number, int64_t),
    PL_JSON_FIELD("version", PL_JSON_VERSION, struct sample, version, int64_t),
    PL_JSON_FIELD("optionalInt", PL_JSON_OPTIONAL_INT, struct sample, optional_int,
                  struct pl_optional_int),
    PL_JSON_FIELD("optionalLong", PL_JSON_OPTIONAL_LONG, struct sample, optional_long,
                  struct pl_optional_long),
    PL_JSON_FIELD("yes", PL_JSON_BOOL, struct sample, yes, bool),
    PL_JSON_FIELD("flag", PL_JSON_FLAG, struct sample, flag, bool),
    PL_JSON_ENUM("status", PL_JSON_SYMBOL, struct sample, status, enum pl_subscription_status,
                 pl_subscription_status_names),
    PL_JSON_ENUM("channel", PL_JSON_DEFAULT_SYMBOL, struct sample, channel, enum pl_channel,
                 pl_channel_names),
};
static const struct pl_json_record record = PL_JSON_RECORD(fields);

static const char full[] =
    "{\"id\":\"i\",\"text\":\"\",\"optionalText\":\"o\",\"names\":[\"b\",\"\",\"b\"],"
    "\"number\":-2147483648,\"count\":2147483647,\"long\":-9223372036854775808,"
    "\"version\":9223372036854775807,\"optionalInt\":0,\"optionalLong\":-1,\"yes\":true,"
    "\"flag\":true,\"status\":\"SUSPENDED\",\"channel\":\"CSP\"}";
static const char least[] =
    "{\"id\":\"i\",\"text\":\"t\",\"number\":0,\"count\":0,\"long\":0,\"version\":0,"
    "\"yes\":false,\"status\":\"PENDING\"}";
static const char least_written[] =
    "{\"id\":\"i\",\"text\":\"t\",\"optionalText\":null,\"names\":[],\"number\":0,\"count\":0,"
    "\"long\":0,\"version\":0,\"optionalInt\":null,\"optionalLong\":null,\"yes\":false,"
    "\"flag\":false,\"status\":\"PENDING\",\"channel\":\"OTHER\"}";

static enum pl_status read_document(json_t *document, struct pl_arena *arena,
                                    struct pl_error *error, struct sample *ret_sample)
{
    struct pl_json_node root = pl_json_root(document);
    enum pl_status status;

    memset(ret_sample, 0x55, sizeof(*ret_sample)); /* what is not read shows */
    status = pl_json_record_read(&record, &root, arena, error, ret_sample);
    json_decref(document);
    return status;
}

/* Reading a text and writing the record again gives another. */
static void check_round(json_t *document, const char *written)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_error error = {""};
    struct sample sample;

    assert_int_equal(read_document(document, &arena, &error, &sample), PL_OK);
    pl_json_record_write_object(&record, &sample, &buffer);
    pl_buffer_put_byte(&buffer, '\0');
    assert_string_equal(buffer.data, written);
    pl_buffer_done(&buffer);
    pl_arena_done(&arena);
}

static void every_kind_is_read_and_written(void **state)
{
    (void)state;
    check_round(json_loads(full, 0, NULL), full);
}

static void what_may_be_missing_or_null_has_its_default(void **state)
{
    static const char *const optional[] = {"optionalText", "names", "optionalInt",
                                           "optionalLong", "flag",  "channel"};
    json_t *document = json_loads(least, 0, NULL);

    (void)state;
    check_round(json_deep_copy(document), least_written);
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        assert_int_equal(json_object_set_new(document, optional[i], json_null()), 0);
    }
    assert_int_equal(json_object_set_new(document, "unknown", json_null()), 0);
    assert_int_equal(json_object_set_new(document, "optionalText", json_string("")), 0);
    check_round(document, least_written);
}

static void nothing_else_may(void **state)
{
    static const char *const required[] = {"id",   "text",    "number", "count",
                                           "long", "version", "yes",    "status"};
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        json_t *missing = json_loads(full, 0, NULL);
        json_t *null = json_loads(full, 0, NULL);
        struct pl_error error;
        struct sample sample;

        assert_int_equal(json_object_del(missing, required[i]), 0);
        assert_int_equal(read_document(missing, &arena, &error, &sample), PL_BAD_DATA);
        assert_int_equal(strncmp(error.text, required[i], strlen(required[i])), 0);
        assert_non_null(strstr(error.text, ": is missing"));
        assert_int_equal(json_object_set_new(null, required[i], json_null()), 0);
        assert_int_equal(read_document(null, &arena, &error, &sample), PL_BAD_DATA);
        assert_non_null(strstr(error.text, "not null"));
    }
    pl_arena_done(&arena);
}

static void wrong_values_are_refused(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *reason;
    } cases[] = {
        {"id", "\"\"", "id: must not be empty"},
        {"id", "1", "id: must be a string"},
        {"text", "{}", "text: must be a string"},
        {"optionalText", "false", "optionalText: must be a string"},
        {"names", "\"x\"", "names: must be an array"},
        {"names", "{}", "names: must be an array"},
        {"names", "[\"x\", null]", "names[1]: must be a string"},
        {"number", "2147483648", "number: must be from"},
        {"number", "-2147483649", "number: must be from"},
        {"number", "1.0", "number: must be an integer"},
        {"number", "\"1\"", "number: must be an integer"},
        {"count", "-1", "count: must be from 0 to 2147483647"},
        {"long", "1.5", "long: must be an integer"},
        {"version", "-1", "version: must be from 0"},
        {"optionalInt", "2147483648", "optionalInt: must be from"},
        {"optionalInt", "\"\"", "optionalInt: must be an integer"},
        {"optionalLong", "[]", "optionalLong: must be an integer"},
        {"yes", "0", "yes: must be a boolean"},
        {"flag", "\"true\"", "flag: must be a boolean"},
        {"status", "\"active\"", "must be one of PENDING, ACTIVE, SUSPENDED, CANCELLED"},
        {"status", "\"ACTIVE\\u0000\"", "must be one of PENDING"},
        {"status", "1", "status: must be a string"},
        {"channel", "\"\"", "must be one of CSP, DIRECT, VOLUME, OTHER"},
        {"channel", "\"EBAY\"", "channel: must be one of"},
    };
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *document = json_loads(full, 0, NULL);
        json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        struct pl_error error = {""};
        struct sample sample;

        assert_int_equal(json_object_set_new(document, cases[i].key, value), 0);
        assert_int_equal(read_document(document, &arena, &error, &sample), PL_BAD_DATA);
        if (strstr(error.text, cases[i].reason) == NULL) {
            fail_msg("%s: %s: %s", cases[i].key, cases[i].value, error.text);
        }
    }
    pl_arena_done(&arena);
}

static void a_record_is_an_object(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error;
    struct sample sample;

    (void)state;
    assert_int_equal(read_document(json_array(), &arena, &error, &sample), PL_BAD_DATA);
    assert_string_equal(error.text, "must be an object, not an array");
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_and_written),
        cmocka_unit_test(what_may_be_missing_or_null_has_its_default),
        cmocka_unit_test(nothing_else_may),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(a_record_is_an_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
