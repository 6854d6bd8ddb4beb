/* Checked reading of a parsed JSON text. */
#include "wire/json_node.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"
#include "wire/json_write.h"

/* Deeper than any text here: customer.subscriptions[0].licenses[0].disabledServices[0] has 7. */
#define MAX_DEPTH 16
/* A key that is data is cut after so many bytes, so that the reason still fits behind it. */
#define MAX_KEY_BYTES 100

struct pl_json_node pl_json_root(json_t *document)
{
    return (struct pl_json_node){.value = document};
}

struct pl_json_node pl_json_member(const struct pl_json_node *object, const char *key)
{
    return (struct pl_json_node){
        .value = json_object_get(object->value, key), .parent = object, .key = key};
}

struct pl_json_node pl_json_element(const struct pl_json_node *array, size_t index)
{
    return (struct pl_json_node){
        .value = json_array_get(array->value, index), .parent = array, .index = index};
}

struct pl_json_node pl_json_entry(const struct pl_json_node *object, const char *key, json_t *value)
{
    return (struct pl_json_node){.value = value, .parent = object, .key = key, .is_quoted = true};
}

bool pl_json_is_absent(const struct pl_json_node *node)
{
    return node->value == NULL || json_is_null(node->value);
}

/* Cut between two characters, not within one. */
static struct pl_bytes shorten(struct pl_bytes key)
{
    if (key.len > MAX_KEY_BYTES) {
        key.len = MAX_KEY_BYTES;
        while (key.len > 0 && ((unsigned char)key.data[key.len] & 0xC0U) == 0x80U) {
            key.len--;
        }
    }
    return key;
}

static void put_step(const struct pl_json_node *node, struct pl_buffer *text)
{
    if (node->key == NULL) {
        pl_buffer_put_byte(text, '[');
        pl_json_put_integer(text, (int64_t)node->index);
        pl_buffer_put_byte(text, ']');
        return;
    }
    if (text->len > 0) {
        pl_buffer_put_byte(text, '.');
    }
    if (node->is_quoted) {
        pl_json_put_string(text, shorten(pl_bytes_of(node->key)));
    } else {
        pl_buffer_put(text, node->key, strlen(node->key));
    }
}

static void put_place(const struct pl_json_node *node, struct pl_buffer *text)
{
    const struct pl_json_node *way[MAX_DEPTH];
    size_t depth = 0;

    for (; node->parent != NULL; node = node->parent) {
        assert(depth < MAX_DEPTH);
        way[depth++] = node;
    }
    while (depth > 0) {
        put_step(way[--depth], text);
    }
}

enum pl_status pl_json_fail(const struct pl_json_node *node, struct pl_error *error,
                            const char *format, ...)
{
    struct pl_buffer place = {NULL, 0, 0};
    char reason[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments); /* cut to fit */
    va_end(arguments);
    put_place(node, &place);
    if (place.len > 0) {
        (void)pl_fail(error, PL_BAD_DATA, "%.*s: %s", (int)place.len, place.data, reason);
    } else {
        (void)pl_fail(error, PL_BAD_DATA, "%s", reason);
    }
    pl_buffer_done(&place);
    return PL_BAD_DATA;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or an exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

enum pl_status pl_json_fail_type(const struct pl_json_node *node, const char *wanted,
                                 struct pl_error *error)
{
    if (node->value == NULL) {
        return pl_json_fail(node, error, "is missing");
    }
    return pl_json_fail(node, error, "must be %s, not %s", wanted, type_name(node->value));
}

enum pl_status pl_json_want_object(const struct pl_json_node *node, struct pl_error *error)
{
    if (!json_is_object(node->value)) {
        return pl_json_fail_type(node, "an object", error);
    }
    return PL_OK;
}

enum pl_status pl_json_want_array(const struct pl_json_node *node, struct pl_error *error,
                                  size_t *ret_count)
{
    if (!json_is_array(node->value)) {
        return pl_json_fail_type(node, "an array", error);
    }
    *ret_count = json_array_size(node->value);
    return PL_OK;
}

enum pl_status pl_json_want_string(const struct pl_json_node *node, struct pl_error *error,
                                   struct pl_bytes *ret_text)
{
    if (!json_is_string(node->value)) {
        return pl_json_fail_type(node, "a string", error);
    }
    *ret_text = (struct pl_bytes){json_string_value(node->value), json_string_length(node->value)};
    return PL_OK;
}

enum pl_status pl_json_want_integer(const struct pl_json_node *node, int64_t least, int64_t most,
                                    struct pl_error *error, int64_t *ret_value)
{
    int64_t value;

    if (!json_is_integer(node->value)) {
        return pl_json_fail_type(node, "an integer", error);
    }
    value = json_integer_value(node->value);
    if (value < least || value > most) {
        return pl_json_fail(node, error, "must be from %" PRId64 " to %" PRId64, least, most);
    }
    *ret_value = value;
    return PL_OK;
}

static void *take_memory(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL) {
        pl_out_of_memory(size);
    }
    return memory;
}

json_t *pl_json_parse(struct pl_bytes text, size_t flags, json_error_t *ret_problem)
{
    json_set_alloc_funcs(take_memory, free);
    return json_loadb(text.len == 0 ? "" : text.data, text.len, flags, ret_problem);
}

enum pl_status pl_json_load(struct pl_bytes text, size_t flags, struct pl_error *error,
                            json_t **ret_document)
{
    json_error_t problem;
    json_t *document = pl_json_parse(text, flags | JSON_ALLOW_NUL, &problem);

    if (document == NULL) {
        (void)pl_fail(error, PL_BAD_DATA, "column %d: %s", problem.column, problem.text);
        return text.len == 0 || memchr(text.data, '\n', text.len) == NULL
                   ? PL_BAD_DATA
                   : pl_fail_at(error, PL_BAD_DATA, "line %d", problem.line);
    }
    *ret_document = document;
    return PL_OK;
}
