/* Schema parser: JSON (jansson) to tree. A tree is built from the leaves up, so that depth and
 * emptiness of a type are known once, however often it is used: a schema of a few lines may stand
 * for billions of places. */
#include "wire/schema_tree.h"

#include <assert.h>

#include "wire/avro_binary.h"
#include "wire/json_node.h"

/* A full name repeats its namespace: bounds what a schema of many names can make of a long one. */
#define NAME_MAX_BYTES 1024
/* As much of the place of an error, from the innermost outwards, as a person needs to see. */
#define PLACE_MAX_BYTES 150

const char *const pl_avro_kind_names[PL_AVRO_KIND_COUNT] = {
#define X(name, text) text,
    PL_AVRO_KINDS(X)
#undef X
};

static const struct pl_avro_type primitives[PL_AVRO_PRIMITIVE_COUNT] = {
    [PL_AVRO_NULL] = {.kind = PL_AVRO_NULL, .is_empty = true},
    [PL_AVRO_BOOLEAN] = {.kind = PL_AVRO_BOOLEAN},
    [PL_AVRO_INT] = {.kind = PL_AVRO_INT},
    [PL_AVRO_LONG] = {.kind = PL_AVRO_LONG},
    [PL_AVRO_FLOAT] = {.kind = PL_AVRO_FLOAT},
    [PL_AVRO_DOUBLE] = {.kind = PL_AVRO_DOUBLE},
    [PL_AVRO_BYTES] = {.kind = PL_AVRO_BYTES},
    [PL_AVRO_STRING] = {.kind = PL_AVRO_STRING},
};

const char *pl_avro_label(const struct pl_avro_type *type, struct pl_arena *arena)
{
    const char *kind = pl_avro_kind_names[type->kind];

    if (pl_bytes_is_null(type->name)) {
        return kind;
    }
    return pl_arena_format(arena, "%s %.*s", kind, (int)type->name.len, type->name.data).data;
}

struct parser {
    struct pl_arena *arena;
    struct pl_error *error;
    json_t *numbers;             /* full name -> index into named */
    struct pl_avro_type **named; /* types with a name, in the order of their definition */
    size_t named_count;
    size_t named_capacity;
    bool is_beyond; /* what was refused is beyond the bounds, not wrong */
};

static const struct pl_avro_type *parse_type(struct parser *parser, const json_t *json,
                                             const char *space);

static struct pl_avro_type *new_type(struct parser *parser, enum pl_avro_kind kind)
{
    struct pl_avro_type *type = pl_arena_zalloc(parser->arena, 1, sizeof(*type));

    type->kind = kind;
    type->default_symbol = -1;
    return type;
}

/* Put the place before the text of an error. */
static void add_place(struct parser *parser, const char *kind, const char *name)
{
    if (parser->error != NULL && strlen(parser->error->text) < PLACE_MAX_BYTES) {
        (void)pl_fail_at(parser->error, PL_BAD_DATA, "%s %.60s", kind, name);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

/* name within the namespace space ("": none), NUL-terminated. */
static const char *qualify(struct parser *parser, const char *name, const char *space)
{
    if (strchr(name, '.') != NULL || space[0] == '\0') {
        return pl_arena_format(parser->arena, "%s", name).data;
    }
    return pl_arena_format(parser->arena, "%s.%s", space, name).data;
}

/* The namespace of a full name. */
static const char *space_of(struct parser *parser, const char *full_name)
{
    const char *dot = strrchr(full_name, '.');

    if (dot == NULL) {
        return "";
    }
    return pl_arena_format(parser->arena, "%.*s", (int)(dot - full_name), full_name).data;
}

static const json_t *find_number(const struct parser *parser, const char *name, const char *space)
{
    const json_t *number = NULL;

    if (strchr(name, '.') == NULL && space[0] != '\0') {
        struct pl_buffer full_name = {NULL, 0, 0};

        pl_buffer_put(&full_name, space, strlen(space));
        pl_buffer_put(&full_name, ".", 1);
        pl_buffer_put(&full_name, name, strlen(name) + 1);
        number = json_object_get(parser->numbers, full_name.data);
        pl_buffer_done(&full_name);
    }
    return number != NULL ? number : json_object_get(parser->numbers, name);
}

/* A primitive type, or a named one that was defined before. */
static const struct pl_avro_type *find_type(struct parser *parser, const char *name,
                                            const char *space)
{
    const json_t *number;
    const struct pl_avro_type *type;

    for (size_t kind = 0; kind < PL_AVRO_PRIMITIVE_COUNT; kind++) {
        if (strcmp(name, pl_avro_kind_names[kind]) == 0) {
            return &primitives[kind];
        }
    }
    number = find_number(parser, name, space);
    if (number == NULL) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "unknown type \"%.100s\"", name);
        return NULL;
    }
    type = parser->named[json_integer_value(number)];
    if (type->is_open) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "type \"%.100s\" contains itself", name);
        parser->is_beyond = true;
        return NULL;
    }
    return type;
}

/* Put a name into a set; false where it is there already. */
static bool add_once(struct parser *parser, json_t *names, const char *name, json_int_t number)
{
    int failure;

    if (json_object_get(names, name) != NULL) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "\"%.100s\" occurs twice", name);
        return false;
    }
    failure = json_object_set_new(names, name, json_integer(number));
    assert(failure == 0); /* the name comes out of a document */
    return true;
}

/* A type with a name, which may be used from here on, though not before it is closed. */
static struct pl_avro_type *open_named(struct parser *parser, enum pl_avro_kind kind,
                                       const json_t *json, const char *space)
{
    struct pl_avro_type *type = new_type(parser, kind);
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *own_space = json_string_value(json_object_get(json, "namespace"));
    const char *full_name;
    const char *dot;

    if (name == NULL || name[0] == '\0') {
        (void)pl_fail(parser->error, PL_BAD_DATA, "%s without a name", pl_avro_kind_names[kind]);
        return NULL;
    }
    full_name = qualify(parser, name, own_space == NULL ? space : own_space);
    dot = strrchr(full_name, '.');
    type->full_name = pl_bytes_of(full_name);
    type->name = pl_bytes_of(dot == NULL ? full_name : dot + 1);
    type->is_open = true;
    if (type->full_name.len > NAME_MAX_BYTES) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "a name longer than %d bytes", NAME_MAX_BYTES);
        return NULL;
    }
    if (parser->named_count == parser->named_capacity) {
        parser->named_capacity = parser->named_capacity == 0 ? 8 : parser->named_capacity * 2;
        parser->named = pl_arena_grow(parser->arena, parser->named, parser->named_count,
                                      parser->named_capacity, sizeof(struct pl_avro_type *));
    }
    parser->named[parser->named_count] = type;
    return add_once(parser, parser->numbers, full_name, (json_int_t)parser->named_count++) ? type
                                                                                           : NULL;
}

/* ---- defaults -------------------------------------------------------------------------------- */

/* Append a default to buffer in Avro binary; false where it does not fit the type, which is no
 * union. */
static bool put_default(const struct pl_avro_type *type, const json_t *json,
                        struct pl_buffer *buffer)
{
    struct pl_bytes text = {json_string_value(json), json_string_length(json)};
    json_int_t number = json_integer_value(json);

    switch (type->kind) {
    case PL_AVRO_NULL:
        return json_is_null(json);
    case PL_AVRO_BOOLEAN:
        pl_put_boolean(buffer, json_is_true(json));
        return json_is_boolean(json);
    case PL_AVRO_INT:
        pl_put_long(buffer, number);
        return json_is_integer(json) && number >= INT32_MIN && number <= INT32_MAX;
    case PL_AVRO_LONG:
        pl_put_long(buffer, number);
        return json_is_integer(json);
    case PL_AVRO_STRING:
        pl_put_string(buffer, text);
        return json_is_string(json);
    case PL_AVRO_ENUM:
        for (size_t i = 0; i < type->count && json_is_string(json); i++) {
            if (pl_bytes_equal(type->symbols[i], text)) {
                pl_put_long(buffer, (int64_t)i);
                return true;
            }
        }
        return false;
    case PL_AVRO_ARRAY:
        pl_put_array_end(buffer);
        return json_is_array(json) && json_array_size(json) == 0;
    case PL_AVRO_FLOAT:
    case PL_AVRO_DOUBLE:
    case PL_AVRO_BYTES:
    case PL_AVRO_RECORD:
    case PL_AVRO_FIXED:
    case PL_AVRO_MAP:
    case PL_AVRO_UNION:
        break; /* no field that is read has such a default */
    }
    return false;
}

/* The default of a field of that type; for a union it is one of its first branch. */
static struct pl_bytes parse_default(struct parser *parser, const struct pl_avro_type *type,
                                     const json_t *json)
{
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_bytes result = PL_NULL_BYTES;

    if (type->kind == PL_AVRO_UNION && type->count > 0) {
        pl_put_long(&buffer, 0);
        type = type->branches[0];
    }
    if (json != NULL && put_default(type, json, &buffer)) {
        result = buffer.len == 0 ? PL_BYTES_LITERAL("")
                                 : pl_arena_copy(parser->arena, pl_buffer_since(&buffer, 0));
    }
    pl_buffer_done(&buffer);
    return result;
}

/* ---- the kinds of types ---------------------------------------------------------------------- */

/* NOLINTBEGIN(misc-no-recursion): as deep as the JSON text, of which jansson takes 2048 levels. */

/* Note that type contains part; false where that is too deep. */
static bool contain(struct parser *parser, struct pl_avro_type *type,
                    const struct pl_avro_type *part)
{
    if (type->depth <= part->depth) {
        type->depth = part->depth + 1;
    }
    if (type->depth > PL_SCHEMA_MAX_DEPTH) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "nested deeper than %d", PL_SCHEMA_MAX_DEPTH);
        parser->is_beyond = true;
        return false;
    }
    return true;
}

/* Fill in a field of a record whose names are within space. */
static bool parse_field(struct parser *parser, const json_t *json, const char *space, json_t *seen,
                        struct pl_avro_field *field)
{
    const char *name = json_string_value(json_object_get(json, "name"));

    if (name == NULL || name[0] == '\0') {
        (void)pl_fail(parser->error, PL_BAD_DATA, "a field without a name");
        return false;
    }
    if (add_once(parser, seen, name, 0)) {
        field->type = parse_type(parser, json_object_get(json, "type"), space);
    }
    if (field->type == NULL) {
        add_place(parser, "field", name);
        return false;
    }
    field->name = pl_arena_copy(parser->arena, pl_bytes_of(name));
    field->default_value = parse_default(parser, field->type, json_object_get(json, "default"));
    return true;
}

static bool parse_fields(struct parser *parser, const json_t *json, struct pl_avro_type *record)
{
    size_t count = json_array_size(json);
    struct pl_avro_field *fields = pl_arena_zalloc(parser->arena, count, sizeof(*fields));
    const char *space = space_of(parser, record->full_name.data);
    json_t *seen = json_object();
    bool is_good = true;

    record->fields = fields;
    record->count = count;
    record->steps = pl_arena_zalloc(parser->arena, count, sizeof(struct pl_avro_type *));
    for (size_t i = 0; i < count && is_good; i++) {
        is_good = parse_field(parser, json_array_get(json, i), space, seen, &fields[i]) &&
                  contain(parser, record, fields[i].type);
        if (is_good && !fields[i].type->is_empty) {
            record->steps[record->step_count++] = fields[i].type;
        }
    }
    json_decref(seen);
    return is_good;
}

static const struct pl_avro_type *parse_record(struct parser *parser, const json_t *json,
                                               const char *space)
{
    struct pl_avro_type *type = open_named(parser, PL_AVRO_RECORD, json, space);
    const json_t *fields = json_object_get(json, "fields");

    if (type == NULL) {
        return NULL;
    }
    type->depth = 1;
    if (!json_is_array(fields)) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "record %.60s: no fields", type->full_name.data);
        return NULL;
    }
    if (!parse_fields(parser, fields, type)) {
        add_place(parser, "record", type->full_name.data);
        return NULL;
    }
    type->is_empty = type->step_count == 0;
    type->is_open = false;
    return type;
}

static bool parse_symbols(struct parser *parser, const json_t *json, struct pl_avro_type *type)
{
    size_t count = json_array_size(json);
    struct pl_bytes *symbols = pl_arena_zalloc(parser->arena, count, sizeof(*symbols));
    json_t *seen = json_object();
    bool is_good = true;

    type->symbols = symbols;
    type->count = count;
    for (size_t i = 0; i < count && is_good; i++) {
        const char *symbol = json_string_value(json_array_get(json, i));

        if (symbol == NULL) {
            (void)pl_fail(parser->error, PL_BAD_DATA, "a symbol that is no string");
            is_good = false;
        } else {
            is_good = add_once(parser, seen, symbol, 0);
            symbols[i] = pl_arena_copy(parser->arena, pl_bytes_of(symbol));
        }
    }
    json_decref(seen);
    return is_good;
}

static const struct pl_avro_type *parse_enum(struct parser *parser, const json_t *json,
                                             const char *space)
{
    struct pl_avro_type *type = open_named(parser, PL_AVRO_ENUM, json, space);
    const json_t *symbols = json_object_get(json, "symbols");
    const char *fallback = json_string_value(json_object_get(json, "default"));

    if (type == NULL) {
        return NULL;
    }
    if (!json_is_array(symbols)) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "enum %.60s: no symbols", type->full_name.data);
        return NULL;
    }
    if (!parse_symbols(parser, symbols, type)) {
        add_place(parser, "enum", type->full_name.data);
        return NULL;
    }
    for (size_t i = 0; i < type->count && fallback != NULL; i++) {
        if (pl_bytes_equal(type->symbols[i], pl_bytes_of(fallback))) {
            type->default_symbol = (int64_t)i;
        }
    }
    type->is_open = false;
    return type;
}

static const struct pl_avro_type *parse_fixed(struct parser *parser, const json_t *json,
                                              const char *space)
{
    struct pl_avro_type *type = open_named(parser, PL_AVRO_FIXED, json, space);
    const json_t *size = json_object_get(json, "size");

    if (type == NULL) {
        return NULL;
    }
    if (!json_is_integer(size) || json_integer_value(size) < 0) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "fixed %.60s: no size", type->full_name.data);
        return NULL;
    }
    type->size = (uint64_t)json_integer_value(size);
    type->is_empty = type->size == 0;
    type->is_open = false;
    return type;
}

/* An array or a map of items. */
static const struct pl_avro_type *parse_items(struct parser *parser, enum pl_avro_kind kind,
                                              const json_t *items, const char *space)
{
    struct pl_avro_type *type = new_type(parser, kind);

    type->items = parse_type(parser, items, space);
    if (type->items == NULL || !contain(parser, type, type->items)) {
        add_place(parser, pl_avro_kind_names[kind], "items");
        return NULL;
    }
    return type;
}

static const struct pl_avro_type *parse_array(struct parser *parser, const json_t *json,
                                              const char *space)
{
    return parse_items(parser, PL_AVRO_ARRAY, json_object_get(json, "items"), space);
}

static const struct pl_avro_type *parse_map(struct parser *parser, const json_t *json,
                                            const char *space)
{
    return parse_items(parser, PL_AVRO_MAP, json_object_get(json, "values"), space);
}

static bool add_branch(struct parser *parser, struct pl_avro_type *type, json_t *seen,
                       const struct pl_avro_type *branch)
{
    if (branch == NULL) {
        return false;
    }
    if (branch->kind == PL_AVRO_UNION) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "a union in a union");
        return false;
    }
    type->branches[type->count++] = branch;
    return contain(parser, type, branch) &&
           add_once(parser, seen,
                    pl_bytes_is_null(branch->full_name) ? pl_avro_kind_names[branch->kind]
                                                        : branch->full_name.data,
                    0);
}

static const struct pl_avro_type *parse_union(struct parser *parser, const json_t *json,
                                              const char *space)
{
    struct pl_avro_type *type = new_type(parser, PL_AVRO_UNION);
    size_t count = json_array_size(json);
    json_t *seen = json_object();
    bool is_good = true;

    type->depth = 1;
    type->branches = pl_arena_zalloc(parser->arena, count, sizeof(struct pl_avro_type *));
    for (size_t i = 0; i < count && is_good; i++) {
        is_good =
            add_branch(parser, type, seen, parse_type(parser, json_array_get(json, i), space));
    }
    json_decref(seen);
    if (!is_good) {
        add_place(parser, "union", "branch");
        return NULL;
    }
    return type;
}

/* ---- any type -------------------------------------------------------------------------------- */

static const struct pl_avro_type *parse_object(struct parser *parser, const json_t *json,
                                               const char *space)
{
    static const struct {
        const char *name;
        const struct pl_avro_type *(*parse)(struct parser *parser, const json_t *json,
                                            const char *space);
    } kinds[] = {
        {"record", parse_record}, {"error", parse_record}, {"enum", parse_enum},
        {"fixed", parse_fixed},   {"array", parse_array},  {"map", parse_map},
    };
    const json_t *inner = json_object_get(json, "type");
    const char *name = json_string_value(inner);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && name != NULL; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return kinds[i].parse(parser, json, space);
        }
    }
    /* A type in attributes, such as a logical type: {"type": "long", "logicalType": ...}. */
    return parse_type(parser, inner, space);
}

static const struct pl_avro_type *parse_type(struct parser *parser, const json_t *json,
                                             const char *space)
{
    if (json_is_string(json)) {
        return find_type(parser, json_string_value(json), space);
    }
    if (json_is_array(json)) {
        return parse_union(parser, json, space);
    }
    if (json_is_object(json)) {
        return parse_object(parser, json, space);
    }
    (void)pl_fail(parser->error, PL_BAD_DATA, "a type is missing, or no name, object or list");
    return NULL;
}

/* NOLINTEND(misc-no-recursion) */

/* NULL: refused. */
static const struct pl_avro_type *parse_text(struct parser *parser, struct pl_bytes text)
{
    const struct pl_avro_type *type;
    json_error_t json_error;
    json_t *json;

    if (text.len > PL_SCHEMA_MAX_BYTES) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "larger than %zu bytes", PL_SCHEMA_MAX_BYTES);
        parser->is_beyond = true;
        return NULL;
    }
    json = pl_json_parse(text, JSON_DECODE_ANY, &json_error);
    if (json == NULL) {
        (void)pl_fail(parser->error, PL_BAD_DATA, "not JSON: line %d, column %d: %s",
                      json_error.line, json_error.column, json_error.text);
        return NULL;
    }
    parser->numbers = json_object();
    type = parse_type(parser, json, "");
    json_decref(parser->numbers);
    json_decref(json);
    return type;
}

enum pl_status pl_schema_parse(struct pl_bytes text, struct pl_arena *arena, struct pl_error *error,
                               const struct pl_avro_type **ret_type)
{
    struct parser parser = {.arena = arena, .error = error};
    const struct pl_avro_type *type = parse_text(&parser, text);

    if (type == NULL) {
        return PL_BAD_DATA;
    }
    *ret_type = type;
    return PL_OK;
}

enum pl_status pl_schema_check(struct pl_bytes text, struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct parser parser = {.arena = &arena, .error = error};
    bool is_avro = parse_text(&parser, text) != NULL || parser.is_beyond;

    pl_arena_done(&arena);
    return is_avro ? PL_OK : PL_BAD_DATA;
}
