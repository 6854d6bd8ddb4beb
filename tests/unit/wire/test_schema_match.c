/* Unit tests of wire/schema_match.c. */
#include "avro_fixture.h"
#include "wire/schema_match.h"

#define RECORD(fields) "{'type': 'record', 'name': 'R', 'fields': [" fields "]}"
#define LETTERS(symbols) "{'type': 'enum', 'name': 'E', 'symbols': [" symbols "]}"

/* The kind of the plan for two schemas that match. */
static enum pl_plan_kind kind_of(const char *writer, const char *reader)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_plan *plan = NULL;
    enum pl_plan_kind kind;

    if (pl_schema_match(parse(writer, &arena), parse(reader, &arena), &arena, &error, &plan) !=
        PL_OK) {
        fail_msg("%s as %s: %s", writer, reader, error.text);
    }
    kind = plan->kind;
    pl_arena_done(&arena);
    return kind;
}

static void refuse(const char *writer, const char *reader, const char *reason)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_plan *plan = NULL;

    assert_int_equal(
        pl_schema_match(parse(writer, &arena), parse(reader, &arena), &arena, &error, &plan),
        PL_BAD_DATA);
    assert_null(plan);
    if (strstr(error.text, reason) == NULL) {
        fail_msg("%s as %s: \"%s\" does not say \"%s\"", writer, reader, error.text, reason);
    }
    pl_arena_done(&arena);
}

static void same_schemas_are_copied(void **state)
{
    const char *files[] = {"schemas/subscription-event.avsc", "schemas/upgrade-request.avsc"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pl_arena arena = PL_ARENA_INIT;
        struct pl_error error;
        const struct pl_avro_type *type = NULL;
        const struct pl_plan *plan = NULL;

        assert_int_equal(pl_schema_parse(load(files[i], &arena), &arena, &error, &type), PL_OK);
        assert_int_equal(pl_schema_match(type, type, &arena, &error, &plan), PL_OK);
        assert_int_equal(plan->kind, PL_PLAN_COPY);
        pl_arena_done(&arena);
    }
}

static void numbers_are_promoted(void **state)
{
    (void)state;
    assert_int_equal(kind_of("'int'", "'int'"), PL_PLAN_COPY);
    assert_int_equal(kind_of("'int'", "'long'"), PL_PLAN_COPY);
    refuse("'long'", "'int'", "long cannot be read as int");
    refuse("'double'", "'long'", "double");
    refuse("'float'", "'long'", "float");
    refuse("'boolean'", "'int'", "boolean");
    refuse("'null'", "'string'", "null");
}

static void bytes_are_promoted_to_strings(void **state)
{
    (void)state;
    assert_int_equal(kind_of("'bytes'", "'string'"), PL_PLAN_TEXT);
    assert_int_equal(kind_of("'string'", "'string'"), PL_PLAN_COPY);
    refuse("{'type': 'fixed', 'name': 'F', 'size': 1}", "'string'", "fixed F");
}

static void enums_match_by_name_and_symbol(void **state)
{
    const char *fallback = "{'type': 'enum', 'name': 'x.E', 'symbols': ['A', 'B'], 'default': 'B'}";

    (void)state;
    assert_int_equal(kind_of(LETTERS("'A'"), LETTERS("'A', 'B'")), PL_PLAN_COPY);
    assert_int_equal(kind_of(LETTERS("'B', 'A'"), LETTERS("'A', 'B'")), PL_PLAN_ENUM);
    assert_int_equal(kind_of(LETTERS("'A', 'C'"), LETTERS("'A', 'B'")), PL_PLAN_ENUM);
    assert_int_equal(kind_of(LETTERS("'C'"), fallback), PL_PLAN_ENUM);
    refuse(LETTERS("'C', 'D'"), LETTERS("'A', 'B'"), "none of its symbols is known");
    refuse(LETTERS(""), fallback, "none of its symbols is known");
    refuse("{'type': 'enum', 'name': 'F', 'symbols': ['A']}", LETTERS("'A'"), "enum F");
    refuse(LETTERS("'A'"), "'string'", "enum E cannot be read as string");
}

static void records_match_by_name_and_field(void **state)
{
    const char *reader = RECORD("{'name': 'a', 'type': 'int'},"
                                "{'name': 'b', 'type': ['null', 'string'], 'default': null}");

    (void)state;
    assert_int_equal(kind_of(reader, reader), PL_PLAN_COPY);
    assert_int_equal(kind_of("{'type': 'record', 'name': 'other.R', 'fields': ["
                             "{'name': 'a', 'type': 'int'},"
                             "{'name': 'b', 'type': ['null', 'string']}]}",
                             reader),
                     PL_PLAN_COPY);
    assert_int_equal(kind_of(RECORD("{'name': 'a', 'type': 'int'}"), reader), PL_PLAN_RECORD);
    assert_int_equal(
        kind_of(RECORD("{'name': 'b', 'type': 'string'}, {'name': 'a', 'type': 'int'}"), reader),
        PL_PLAN_RECORD);
    assert_int_equal(kind_of(RECORD("{'name': 'a', 'type': 'int'},"
                                    "{'name': 'b', 'type': ['null', 'string']},"
                                    "{'name': 'c', 'type': 'null'}"),
                             reader),
                     PL_PLAN_RECORD);
    refuse(RECORD("{'name': 'b', 'type': 'null'}"), reader,
           "record R: field a: missing, and without a default");
    refuse(RECORD("{'name': 'a', 'type': 'string'}"), reader,
           "record R: field a: string cannot be read as int");
    refuse("{'type': 'record', 'name': 'S', 'fields': [{'name': 'a', 'type': 'int'}]}", reader,
           "record S cannot be read as record R");
}

static void arrays_match_by_their_items(void **state)
{
    (void)state;
    assert_int_equal(
        kind_of("{'type': 'array', 'items': 'int'}", "{'type': 'array', 'items': 'long'}"),
        PL_PLAN_COPY);
    assert_int_equal(
        kind_of("{'type': 'array', 'items': 'bytes'}", "{'type': 'array', 'items': 'string'}"),
        PL_PLAN_ARRAY);
    refuse("{'type': 'array', 'items': 'null'}", "{'type': 'array', 'items': 'string'}", "array");
    refuse("{'type': 'map', 'values': 'string'}", "{'type': 'array', 'items': 'string'}", "map");
}

static void unions_match_by_branch(void **state)
{
    (void)state;
    assert_int_equal(kind_of("['null', 'string']", "['null', 'string']"), PL_PLAN_COPY);
    assert_int_equal(kind_of("['null']", "['null', 'string']"), PL_PLAN_COPY);
    assert_int_equal(kind_of("['null', 'int']", "['null', 'long']"), PL_PLAN_COPY);
    assert_int_equal(kind_of("['string', 'null']", "['null', 'string']"), PL_PLAN_CHOOSE);
    assert_int_equal(kind_of("['null', 'bytes']", "['null', 'string']"), PL_PLAN_CHOOSE);
    assert_int_equal(kind_of("['null', 'string', 'int']", "['null', 'string']"), PL_PLAN_CHOOSE);
    assert_int_equal(kind_of("['null', 'string']", "'string'"), PL_PLAN_CHOOSE);
    assert_int_equal(kind_of("'int'", "['null', 'long']"), PL_PLAN_WRAP);
    assert_int_equal(kind_of("'null'", "['null', 'long']"), PL_PLAN_WRAP);
    refuse("['int', 'boolean']", "['null', 'string']", "no branch of the union can be read");
    refuse("[]", "['null', 'string']", "a union without branches");
    refuse("'long'", "['null', 'int']", "long cannot be read as union");
}

/* A branch that matches by name, but not in its fields, is one that cannot be read; with nothing
 * else in the union, no body can. */
static void broken_branches_count_as_missing(void **state)
{
    const char *reader = "[" RECORD("{'name': 'a', 'type': 'int'}") ", 'string']";

    (void)state;
    assert_int_equal(kind_of("[" RECORD("{'name': 'b', 'type': 'int'}") ", 'string']", reader),
                     PL_PLAN_CHOOSE);
    refuse("[" RECORD("{'name': 'b', 'type': 'int'}") "]", reader, "no branch");
    refuse(RECORD("{'name': 'b', 'type': 'int'}"), reader, "field a: missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_schemas_are_copied),
        cmocka_unit_test(numbers_are_promoted),
        cmocka_unit_test(bytes_are_promoted_to_strings),
        cmocka_unit_test(enums_match_by_name_and_symbol),
        cmocka_unit_test(records_match_by_name_and_field),
        cmocka_unit_test(arrays_match_by_their_items),
        cmocka_unit_test(unions_match_by_branch),
        cmocka_unit_test(broken_branches_count_as_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
