/* Records as tables of fields. */
#include "wire/json_record.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "wire/json_write.h"

/* Enums are read and written as unsigned numbers through memcpy, whatever their own type. */
static_assert(sizeof(enum pl_subscription_status) == sizeof(unsigned), "size of enums");
static_assert(sizeof(enum pl_channel) == sizeof(unsigned), "size of enums");
static_assert(sizeof(enum pl_error_code) == sizeof(unsigned), "size of enums");

/* ---- reading --------------------------------------------------------------------------------- */

static enum pl_status read_text(const struct pl_json_node *node, struct pl_arena *arena,
                                struct pl_error *error, struct pl_bytes *ret_text)
{
    struct pl_bytes text;
    enum pl_status status = pl_json_want_string(node, error, &text);

    if (status == PL_OK) {
        *ret_text = pl_arena_copy(arena, text);
    }
    return status;
}

static enum pl_status read_id(const struct pl_json_node *node, struct pl_arena *arena,
                              struct pl_error *error, struct pl_bytes *ret_id)
{
    enum pl_status status = read_text(node, arena, error, ret_id);

    if (status == PL_OK && pl_bytes_is_empty(*ret_id)) {
        return pl_json_fail(node, error, "must not be empty");
    }
    return status;
}

static enum pl_status read_optional_text(const struct pl_json_node *node, struct pl_arena *arena,
                                         struct pl_error *error, struct pl_bytes *ret_text)
{
    enum pl_status status;

    *ret_text = PL_NULL_BYTES;
    if (pl_json_is_absent(node)) {
        return PL_OK;
    }
    status = read_text(node, arena, error, ret_text);
    if (status == PL_OK && pl_bytes_is_empty(*ret_text)) {
        *ret_text = PL_NULL_BYTES;
    }
    return status;
}

enum pl_status pl_json_read_list(const struct pl_json_node *node, struct pl_arena *arena,
                                 struct pl_error *error, struct pl_names *ret_names)
{
    struct pl_bytes *items;
    size_t count;
    enum pl_status status = pl_json_want_array(node, error, &count);

    if (status != PL_OK) {
        return status;
    }
    items = pl_arena_zalloc(arena, count, sizeof(*items));
    for (size_t i = 0; i < count && status == PL_OK; i++) {
        struct pl_json_node element = pl_json_element(node, i);

        status = read_text(&element, arena, error, &items[i]);
    }
    if (status == PL_OK) {
        *ret_names = (struct pl_names){items, count};
    }
    return status;
}

static enum pl_status read_names(const struct pl_json_node *node, struct pl_arena *arena,
                                 struct pl_error *error, struct pl_names *ret_names)
{
    *ret_names = (struct pl_names){NULL, 0};
    return pl_json_is_absent(node) ? PL_OK : pl_json_read_list(node, arena, error, ret_names);
}

static enum pl_status read_int(const struct pl_json_node *node, int32_t least,
                               struct pl_error *error, int32_t *ret_value)
{
    int64_t value;
    enum pl_status status = pl_json_want_integer(node, least, INT32_MAX, error, &value);

    if (status == PL_OK) {
        *ret_value = (int32_t)value;
    }
    return status;
}

static enum pl_status read_optional_int(const struct pl_json_node *node, struct pl_error *error,
                                        struct pl_optional_int *ret_value)
{
    *ret_value = (struct pl_optional_int){.is_set = !pl_json_is_absent(node)};
    return ret_value->is_set ? read_int(node, INT32_MIN, error, &ret_value->value) : PL_OK;
}

static enum pl_status read_optional_long(const struct pl_json_node *node, struct pl_error *error,
                                         struct pl_optional_long *ret_value)
{
    *ret_value = (struct pl_optional_long){.is_set = !pl_json_is_absent(node)};
    return ret_value->is_set
               ? pl_json_want_integer(node, INT64_MIN, INT64_MAX, error, &ret_value->value)
               : PL_OK;
}

static enum pl_status read_bool(const struct pl_json_node *node, struct pl_error *error,
                                bool *ret_value)
{
    if (!json_is_boolean(node->value)) {
        return pl_json_fail_type(node, "a boolean", error);
    }
    *ret_value = json_is_true(node->value);
    return PL_OK;
}

static enum pl_status fail_symbol(const struct pl_json_node *node, const char *const *symbols,
                                  int count, struct pl_error *error)
{
    struct pl_buffer list = {NULL, 0, 0};

    for (int i = 0; i < count; i++) {
        if (i > 0) {
            pl_buffer_put(&list, ", ", 2);
        }
        pl_buffer_put(&list, symbols[i], strlen(symbols[i]));
    }
    (void)pl_json_fail(node, error, "must be one of %.*s", (int)list.len, list.data);
    pl_buffer_done(&list);
    return PL_BAD_DATA;
}

enum pl_status pl_json_read_symbol(const struct pl_json_node *node, const char *const *symbols,
                                   int count, struct pl_error *error, int *ret_index)
{
    struct pl_bytes text;
    enum pl_status status = pl_json_want_string(node, error, &text);
    int index;

    if (status != PL_OK) {
        return status;
    }
    index = pl_symbol_index(symbols, count, text);
    if (index < 0) {
        return fail_symbol(node, symbols, count, error);
    }
    *ret_index = index;
    return PL_OK;
}

static enum pl_status read_enum(const struct pl_json_node *node, const struct pl_json_field *field,
                                struct pl_error *error, void *ret_enum)
{
    int index = field->symbol_count - 1;
    enum pl_status status = PL_OK;
    unsigned number;

    if (field->kind == PL_JSON_SYMBOL || !pl_json_is_absent(node)) {
        status = pl_json_read_symbol(node, field->symbols, field->symbol_count, error, &index);
    }
    number = (unsigned)index;
    memcpy(ret_enum, &number, sizeof(number));
    return status;
}

static enum pl_status read_field(const struct pl_json_field *field, const struct pl_json_node *node,
                                 struct pl_arena *arena, struct pl_error *error, void *ret_member)
{
    switch (field->kind) {
    case PL_JSON_ID:
        return read_id(node, arena, error, ret_member);
    case PL_JSON_TEXT:
        return read_text(node, arena, error, ret_member);
    case PL_JSON_OPTIONAL_TEXT:
        return read_optional_text(node, arena, error, ret_member);
    case PL_JSON_NAMES:
        return read_names(node, arena, error, ret_member);
    case PL_JSON_INT:
        return read_int(node, INT32_MIN, error, ret_member);
    case PL_JSON_COUNT:
        return read_int(node, 0, error, ret_member);
    case PL_JSON_LONG:
        return pl_json_want_integer(node, INT64_MIN, INT64_MAX, error, ret_member);
    case PL_JSON_VERSION:
        return pl_json_want_integer(node, 0, INT64_MAX, error, ret_member);
    case PL_JSON_OPTIONAL_INT:
        return read_optional_int(node, error, ret_member);
    case PL_JSON_OPTIONAL_LONG:
        return read_optional_long(node, error, ret_member);
    case PL_JSON_FLAG:
        *(bool *)ret_member = false;
        return pl_json_is_absent(node) ? PL_OK : read_bool(node, error, ret_member);
    case PL_JSON_BOOL:
        return read_bool(node, error, ret_member);
    case PL_JSON_SYMBOL:
    case PL_JSON_DEFAULT_SYMBOL:
        return read_enum(node, field, error, ret_member);
    }
    return PL_FATAL; /* not reached: the kinds are all above */
}

enum pl_status pl_json_record_read(const struct pl_json_record *record,
                                   const struct pl_json_node *node, struct pl_arena *arena,
                                   struct pl_error *error, void *ret_struct)
{
    enum pl_status status = pl_json_want_object(node, error);

    for (size_t i = 0; i < record->count && status == PL_OK; i++) {
        const struct pl_json_field *field = &record->fields[i];
        struct pl_json_node member = pl_json_member(node, field->key);

        status = read_field(field, &member, arena, error, (char *)ret_struct + field->offset);
    }
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_symbol(const struct pl_json_field *field, const void *member,
                         struct pl_buffer *buffer)
{
    unsigned number;

    memcpy(&number, member, sizeof(number));
    assert(number < (unsigned)field->symbol_count);
    pl_json_put_string(buffer, pl_bytes_of(field->symbols[number]));
}

static void write_optional_number(bool is_set, int64_t value, struct pl_buffer *buffer)
{
    if (is_set) {
        pl_json_put_integer(buffer, value);
    } else {
        pl_json_put_null(buffer);
    }
}

static void write_value(const struct pl_json_field *field, const void *member,
                        struct pl_buffer *buffer)
{
    switch (field->kind) {
    case PL_JSON_ID:
    case PL_JSON_TEXT:
        pl_json_put_string(buffer, *(const struct pl_bytes *)member);
        break;
    case PL_JSON_OPTIONAL_TEXT:
        pl_json_put_optional(buffer, *(const struct pl_bytes *)member);
        break;
    case PL_JSON_NAMES:
        pl_json_put_names(buffer, *(const struct pl_names *)member);
        break;
    case PL_JSON_INT:
    case PL_JSON_COUNT:
        pl_json_put_integer(buffer, *(const int32_t *)member);
        break;
    case PL_JSON_LONG:
    case PL_JSON_VERSION:
        pl_json_put_integer(buffer, *(const int64_t *)member);
        break;
    case PL_JSON_OPTIONAL_INT: {
        const struct pl_optional_int *number = member;

        write_optional_number(number->is_set, number->value, buffer);
        break;
    }
    case PL_JSON_OPTIONAL_LONG: {
        const struct pl_optional_long *number = member;

        write_optional_number(number->is_set, number->value, buffer);
        break;
    }
    case PL_JSON_BOOL:
    case PL_JSON_FLAG:
        pl_json_put_bool(buffer, *(const bool *)member);
        break;
    case PL_JSON_SYMBOL:
    case PL_JSON_DEFAULT_SYMBOL:
        write_symbol(field, member, buffer);
        break;
    }
}

void pl_json_record_write(const struct pl_json_record *record, const void *source,
                          struct pl_buffer *buffer)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct pl_json_field *field = &record->fields[i];

        pl_json_put_key(buffer, field->key);
        write_value(field, (const char *)source + field->offset, buffer);
    }
}

void pl_json_record_write_object(const struct pl_json_record *record, const void *source,
                                 struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(record, source, buffer);
    pl_buffer_put_byte(buffer, '}');
}
