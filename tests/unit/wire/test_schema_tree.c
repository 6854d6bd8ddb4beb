/* Unit tests of wire/schema_tree.c. */
#include <stdlib.h>

#include "avro_fixture.h"

static void refuse(const char *text, const char *reason)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error = {""};
    const struct pl_avro_type *type = NULL;

    assert_int_equal(pl_schema_parse(quoted(text, &arena), &arena, &error, &type), PL_BAD_DATA);
    assert_null(type);
    if (strstr(error.text, reason) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error.text, reason);
    }
    pl_arena_done(&arena);
}

static void primitives_are_written_in_two_ways(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    for (size_t kind = 0; kind < PL_AVRO_PRIMITIVE_COUNT; kind++) {
        struct pl_bytes plain = pl_arena_format(&arena, "'%s'", pl_avro_kind_names[kind]);
        struct pl_bytes object =
            pl_arena_format(&arena, "{'type': {'type': %s, 'logicalType': 'x'}}", plain.data);

        assert_int_equal(parse(plain.data, &arena)->kind, kind);
        assert_int_equal(parse(object.data, &arena)->kind, kind);
        assert_int_equal(parse(plain.data, &arena)->depth, 0);
        assert_int_equal(parse(plain.data, &arena)->is_empty, kind == PL_AVRO_NULL);
    }
    pl_arena_done(&arena);
}

static void every_kind_has_its_parts(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *type =
        parse("{'type': 'record', 'name': 'R', 'namespace': 'a.b', 'doc': 'd', 'fields': ["
              "{'name': 'e', 'type': {'type': 'enum', 'name': 'E', 'symbols': ['A', 'B'],"
              "                       'default': 'B'}},"
              "{'name': 'f', 'type': {'type': 'fixed', 'name': 'c.F', 'size': 12,"
              "                       'logicalType': 'decimal', 'precision': 9}},"
              "{'name': 'n', 'type': 'null'},"
              "{'name': 'a', 'type': {'type': 'array', 'items': 'E'}},"
              "{'name': 'm', 'type': {'type': 'map', 'values': ['null', 'c.F']}}]}",
              &arena);

    (void)state;
    assert_int_equal(type->kind, PL_AVRO_RECORD);
    assert_text(type->full_name, "a.b.R");
    assert_text(type->name, "R");
    assert_int_equal(type->count, 5);
    assert_int_equal(type->depth, 3);
    assert_false(type->is_empty);
    assert_int_equal(type->step_count, 4);
    assert_ptr_equal(type->steps[2], type->fields[3].type);
    assert_text(type->fields[0].type->full_name, "a.b.E");
    assert_int_equal(type->fields[0].type->count, 2);
    assert_text(type->fields[0].type->symbols[1], "B");
    assert_int_equal(type->fields[0].type->default_symbol, 1);
    assert_text(type->fields[1].type->full_name, "c.F");
    assert_int_equal(type->fields[1].type->size, 12);
    assert_ptr_equal(type->fields[3].type->items, type->fields[0].type);
    assert_int_equal(type->fields[4].type->items->kind, PL_AVRO_UNION);
    assert_ptr_equal(type->fields[4].type->items->branches[1], type->fields[1].type);
    assert_string_equal(pl_avro_label(type, &arena), "record R");
    assert_string_equal(pl_avro_label(type->fields[2].type, &arena), "null");
    pl_arena_done(&arena);
}

static void names_are_found_within_their_namespace(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *type =
        parse("{'type': 'record', 'name': 'a.R', 'namespace': 'ignored', 'fields': ["
              "{'name': 'x', 'type': {'type': 'record', 'name': 'S', 'namespace': 'b', 'fields': ["
              "  {'name': 'y', 'type': {'type': 'fixed', 'name': 'T', 'size': 1}},"
              "  {'name': 'z', 'type': 'T'}]}},"
              "{'name': 'p', 'type': {'type': 'fixed', 'name': 'T', 'size': 2}},"
              "{'name': 'q', 'type': 'b.T'},"
              "{'name': 'r', 'type': {'type': 'T'}},"
              "{'name': 's', 'type': {'type': 'fixed', 'name': 'U', 'namespace': '', 'size': 3}},"
              "{'name': 't', 'type': 'U'}]}",
              &arena);

    (void)state;
    assert_int_equal(type->fields[0].type->fields[1].type->size, 1);
    assert_int_equal(type->fields[2].type->size, 1);
    assert_int_equal(type->fields[3].type->size, 2);
    assert_text(type->fields[4].type->full_name, "U");
    assert_ptr_equal(type->fields[5].type, type->fields[4].type);
    pl_arena_done(&arena);
}

/* What a protocol calls an error is a record. */
static void errors_are_records(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_int_equal(parse("{'type': 'error', 'name': 'E', 'fields': []}", &arena)->kind,
                     PL_AVRO_RECORD);
    pl_arena_done(&arena);
}

static void what_takes_no_bytes_is_known(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *type =
        parse("{'type': 'record', 'name': 'R', 'fields': ["
              "{'name': 'a', 'type': {'type': 'record', 'name': 'S', 'fields': []}},"
              "{'name': 'b', 'type': {'type': 'fixed', 'name': 'F', 'size': 0}},"
              "{'name': 'c', 'type': {'type': 'record', 'name': 'T', 'fields': ["
              "  {'name': 'd', 'type': 'S'}]}}]}",
              &arena);

    (void)state;
    assert_true(type->is_empty);
    assert_int_equal(type->step_count, 0);
    assert_false(parse("['null']", &arena)->is_empty);
    assert_false(parse("{'type': 'array', 'items': 'null'}", &arena)->is_empty);
    assert_false(parse("{'type': 'enum', 'name': 'E', 'symbols': ['A']}", &arena)->is_empty);
    pl_arena_done(&arena);
}

/* A record with one field of the given type and default, and what is made of that default. */
static struct pl_bytes default_of(const char *type, const char *value, struct pl_arena *arena)
{
    struct pl_bytes text = pl_arena_format(arena,
                                           "{'type': 'record', 'name': 'R', 'fields': ["
                                           "{'name': 'f', 'type': %s, 'default': %s}]}",
                                           type, value);

    return parse(text.data, arena)->fields[0].default_value;
}

static void simple_defaults_are_encoded(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const char *colours = "{'type': 'enum', 'name': 'E', 'symbols': ['A', 'B']}";

    (void)state;
    assert_text(default_of("'null'", "null", &arena), "");
    assert_bytes(default_of("'boolean'", "true", &arena), PL_BYTES_LITERAL("\1"));
    assert_bytes(default_of("'int'", "-1", &arena), PL_BYTES_LITERAL("\1"));
    assert_bytes(default_of("'long'", "-9223372036854775808", &arena),
                 PL_BYTES_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"));
    assert_bytes(default_of("'string'", "'ab'", &arena), PL_BYTES_LITERAL("\4ab"));
    assert_bytes(default_of(colours, "'B'", &arena), PL_BYTES_LITERAL("\2"));
    assert_bytes(default_of("{'type': 'array', 'items': 'int'}", "[]", &arena),
                 PL_BYTES_LITERAL("\0"));
    assert_bytes(default_of("['null', 'int']", "null", &arena), PL_BYTES_LITERAL("\0"));
    assert_bytes(default_of("['int', 'null']", "1", &arena), PL_BYTES_LITERAL("\0\2"));
    pl_arena_done(&arena);
}

static void other_defaults_are_none(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_null(default_of("'null'", "0", &arena).data);
    assert_null(default_of("'boolean'", "'true'", &arena).data);
    assert_null(default_of("'int'", "2147483648", &arena).data);
    assert_null(default_of("'string'", "null", &arena).data);
    assert_null(default_of("['null', 'int']", "1", &arena).data);
    assert_null(default_of("[]", "null", &arena).data);
    assert_null(default_of("{'type': 'array', 'items': 'int'}", "[1]", &arena).data);
    assert_null(default_of("{'type': 'enum', 'name': 'E', 'symbols': ['A']}", "'B'", &arena).data);
    assert_null(default_of("{'type': 'map', 'values': 'int'}", "{}", &arena).data);
    pl_arena_done(&arena);
}

static void what_is_not_avro_is_refused(void **state)
{
    (void)state;
    refuse("", "not JSON");
    refuse("{'type': 'string'} x", "not JSON");
    refuse("7", "no name, object or list");
    refuse("null", "no name, object or list");
    refuse("{}", "no name, object or list");
    refuse("'unknown'", "unknown type \"unknown\"");
    refuse("{'type': 'record', 'fields': []}", "record without a name");
    refuse("{'type': 'record', 'name': '', 'fields': []}", "record without a name");
    refuse("{'type': 'record', 'name': 'R'}", "record R: no fields");
    refuse("{'type': 'record', 'name': 'R', 'fields': [{'type': 'int'}]}", "field without a name");
    refuse("{'type': 'record', 'name': 'R', 'fields': [{'name': 'f'}]}", "field f: a type is");
    refuse("{'type': 'record', 'name': 'R', 'fields': ["
           "{'name': 'f', 'type': 'int'}, {'name': 'f', 'type': 'int'}]}",
           "\"f\" occurs twice");
    refuse("{'type': 'enum', 'name': 'E'}", "no symbols");
    refuse("{'type': 'enum', 'name': 'E', 'symbols': [1]}", "no string");
    refuse("{'type': 'enum', 'name': 'E', 'symbols': ['A', 'A']}", "\"A\" occurs twice");
    refuse("{'type': 'fixed', 'name': 'F'}", "no size");
    refuse("{'type': 'fixed', 'name': 'F', 'size': -1}", "no size");
    refuse("{'type': 'array'}", "array items: a type is missing");
    refuse("{'type': 'map', 'values': 'what'}", "map items: unknown type");
    refuse("['null', ['int']]", "a union in a union");
    refuse("['int', 'null', 'int']", "\"int\" occurs twice");
    refuse("[{'type': 'fixed', 'name': 'F', 'size': 1}, {'type': 'fixed', 'name': 'F', 'size': 1}]",
           "\"F\" occurs twice");
}

static void recursion_is_refused(void **state)
{
    (void)state;
    refuse("{'type': 'record', 'name': 'a.R', 'fields': [{'name': 'next', 'type': ['null', 'R']}]}",
           "type \"R\" contains itself");
    refuse("{'type': 'record', 'name': 'R', 'fields': [{'name': 'x', 'type': "
           "{'type': 'record', 'name': 'S', 'fields': [{'name': 'y', 'type': "
           "{'type': 'array', 'items': 'R'}}]}}]}",
           "type \"R\" contains itself");
}

/* depth arrays around an int. */
static struct pl_bytes nested(unsigned depth, struct pl_arena *arena)
{
    struct pl_bytes text = PL_BYTES_LITERAL("'int'");

    for (unsigned i = 0; i < depth; i++) {
        text = pl_arena_format(arena, "{'type': 'array', 'items': %.*s}", (int)text.len, text.data);
    }
    return text;
}

static void depth_is_bounded(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;

    (void)state;
    assert_int_equal(parse(nested(PL_SCHEMA_MAX_DEPTH, &arena).data, &arena)->depth,
                     PL_SCHEMA_MAX_DEPTH);
    refuse(nested(PL_SCHEMA_MAX_DEPTH + 1, &arena).data, "nested deeper than 32");
    refuse(nested(600, &arena).data, "nested deeper than 32");
    refuse(nested(5000, &arena).data, "not JSON"); /* jansson's own bound */
    pl_arena_done(&arena);
}

/* R0 has no fields, and each Rn two of R(n-1), by name: 2^n places. */
static struct pl_bytes doubling(unsigned levels, const char *leaf, struct pl_arena *arena)
{
    struct pl_bytes text = pl_arena_format(
        arena, "[{'type': 'record', 'name': 'R0', 'fields': [{'name': 'x', 'type': %s}]}", leaf);

    for (unsigned i = 1; i <= levels; i++) {
        text = pl_arena_format(arena,
                               "%.*s, {'type': 'record', 'name': 'R%u', 'fields': ["
                               "{'name': 'a', 'type': 'R%u'}, {'name': 'b', 'type': 'R%u'}]}",
                               (int)text.len, text.data, i, i - 1, i - 1);
    }
    return pl_arena_format(arena, "%.*s]", (int)text.len, text.data);
}

static void places_are_not_counted_out(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const struct pl_avro_type *type = parse(doubling(30, "'null'", &arena).data, &arena);

    (void)state;
    assert_int_equal(type->depth, 32);
    assert_true(type->branches[30]->is_empty);
    refuse(doubling(40, "'int'", &arena).data, "nested deeper than 32");
    pl_arena_done(&arena);
}

static void size_is_bounded(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error;
    const struct pl_avro_type *type = NULL;
    char *text = pl_arena_alloc(&arena, PL_SCHEMA_MAX_BYTES + 1);

    (void)state;
    memset(text, ' ', PL_SCHEMA_MAX_BYTES + 1);
    (void)snprintf(text, 6, "\"int\"");
    text[5] = ' ';
    assert_int_equal(
        pl_schema_parse((struct pl_bytes){text, PL_SCHEMA_MAX_BYTES}, &arena, &error, &type),
        PL_OK);
    assert_int_equal(
        pl_schema_parse((struct pl_bytes){text, PL_SCHEMA_MAX_BYTES + 1}, &arena, &error, &type),
        PL_BAD_DATA);
    pl_arena_done(&arena);
}

/* Names that inherit a long namespace must not make a small schema large. */
static void names_are_bounded(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    char space[2000];
    struct pl_bytes text;

    (void)state;
    memset(space, 'a', sizeof(space));
    text = pl_arena_format(&arena, "{'type': 'fixed', 'name': 'F', 'size': 1, 'namespace': '%.*s'}",
                           (int)sizeof(space), space);
    refuse(text.data, "a name longer than 1024 bytes");
    text = pl_arena_format(&arena, "{'type': 'fixed', 'name': 'F', 'size': 1, 'namespace': '%.*s'}",
                           1022, space);
    assert_int_equal(parse(text.data, &arena)->full_name.len, 1024);
    pl_arena_done(&arena);
}

/* A schema cut anywhere or with any byte changed is parsed or refused, never more. */
static void damaged_schemas_are_survived(void **state)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_bytes json = load("schemas/upgrade-request.avsc", &arena);
    struct pl_error error;

    (void)state;
    json.len--; /* the newline at the end */
    for (size_t i = 0; i < json.len; i++) {
        struct pl_arena scratch = PL_ARENA_INIT;
        const struct pl_avro_type *type = NULL;
        char *damaged = pl_arena_alloc(&scratch, json.len);
        enum pl_status status;

        assert_int_equal(pl_schema_parse((struct pl_bytes){json.data, i}, &scratch, &error, &type),
                         PL_BAD_DATA);
        memcpy(damaged, json.data, json.len);
        damaged[i] = (char)(damaged[i] ^ 1 << i % 8);
        status = pl_schema_parse((struct pl_bytes){damaged, json.len}, &scratch, &error, &type);
        assert_int_equal(status == PL_OK, type != NULL);
        pl_arena_done(&scratch);
    }
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primitives_are_written_in_two_ways),
        cmocka_unit_test(every_kind_has_its_parts),
        cmocka_unit_test(names_are_found_within_their_namespace),
        cmocka_unit_test(errors_are_records),
        cmocka_unit_test(what_takes_no_bytes_is_known),
        cmocka_unit_test(simple_defaults_are_encoded),
        cmocka_unit_test(other_defaults_are_none),
        cmocka_unit_test(what_is_not_avro_is_refused),
        cmocka_unit_test(recursion_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(places_are_not_counted_out),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(damaged_schemas_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
