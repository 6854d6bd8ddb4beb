/* Answers of a schema registry. */
#include "wire/registry_answer.h"

#include <string.h>

#include "wire/json_node.h"
#include "wire/json_write.h"

#define MESSAGE_MOST 300

/* A text of the registry's, for one line of the log. */
static struct pl_bytes take_message(const json_t *value, struct pl_arena *arena)
{
    size_t len = json_is_string(value) ? json_string_length(value) : 0;
    char *text = pl_arena_alloc(arena, MESSAGE_MOST);

    if (len > MESSAGE_MOST) {
        len = MESSAGE_MOST;
        while (len > 0 && ((unsigned char)json_string_value(value)[len] & 0xC0) == 0x80) {
            len--; /* not in the middle of a character */
        }
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = json_string_value(value)[i];
        if ((unsigned char)text[i] < ' ') {
            text[i] = ' ';
        }
    }
    return (struct pl_bytes){text, len};
}

/* The whole answer, which is one value. */
static enum pl_status parse(struct pl_bytes answer, json_t **ret_root, struct pl_error *error)
{
    struct pl_error problem = {""};

    if (pl_json_load(answer, 0, &problem, ret_root) == PL_OK) {
        return PL_OK;
    }
    return pl_fail(error, PL_AGAIN, "the answer is not that of a schema registry: %s",
                   problem.text);
}

static enum pl_status lacks(const char *what, struct pl_error *error)
{
    return pl_fail(error, PL_AGAIN, "the answer is not that of a schema registry: it has no %s",
                   what);
}

enum pl_status pl_registry_read_refusal(struct pl_bytes answer, struct pl_arena *arena,
                                        struct pl_registry_refusal *ret_refusal,
                                        struct pl_error *error)
{
    const json_t *code;
    json_t *root;
    enum pl_status status = parse(answer, &root, error);

    if (status != PL_OK) {
        return status;
    }
    code = json_object_get(root, "error_code");
    if (json_is_integer(code)) {
        *ret_refusal = (struct pl_registry_refusal){
            json_integer_value(code), take_message(json_object_get(root, "message"), arena)};
    } else {
        status = lacks("error_code", error);
    }
    json_decref(root);
    return status;
}

enum pl_status pl_registry_read_schema(struct pl_bytes answer, struct pl_arena *arena,
                                       struct pl_registry_schema *ret_schema,
                                       struct pl_error *error)
{
    const json_t *schema;
    const json_t *type;
    const json_t *id;
    json_t *root;
    enum pl_status status = parse(answer, &root, error);

    if (status != PL_OK) {
        return status;
    }
    schema = json_object_get(root, "schema");
    type = json_object_get(root, "schemaType");
    id = json_object_get(root, "id");
    if (!json_is_string(schema)) {
        status = lacks("schema", error);
    } else if (json_is_string(type) && strcmp(json_string_value(type), "AVRO") != 0) {
        const struct pl_bytes shown = take_message(type, arena);

        status = pl_fail(error, PL_BAD_DATA, "a schema of the type %.*s, not AVRO", (int)shown.len,
                         shown.data);
    } else {
        *ret_schema = (struct pl_registry_schema){
            .json = pl_arena_copy(
                arena, (struct pl_bytes){json_string_value(schema), json_string_length(schema)}),
            .id = json_is_integer(id) ? json_integer_value(id) : -1,
            .has_references = json_array_size(json_object_get(root, "references")) > 0};
    }
    json_decref(root);
    return status;
}

enum pl_status pl_registry_read_id(struct pl_bytes answer, uint32_t *ret_id, struct pl_error *error)
{
    const json_t *id;
    json_t *root;
    enum pl_status status = parse(answer, &root, error);

    if (status != PL_OK) {
        return status;
    }
    id = json_object_get(root, "id");
    if (json_is_integer(id) && json_integer_value(id) >= 0 &&
        json_integer_value(id) <= UINT32_MAX) {
        *ret_id = (uint32_t)json_integer_value(id);
    } else {
        status = lacks("id", error);
    }
    json_decref(root);
    return status;
}

enum pl_status pl_registry_read_versions(struct pl_bytes answer, struct pl_arena *arena,
                                         int64_t **ret_versions, size_t *ret_count,
                                         struct pl_error *error)
{
    int64_t *versions;
    size_t count;
    json_t *root;
    enum pl_status status = parse(answer, &root, error);

    if (status != PL_OK) {
        return status;
    }
    count = json_array_size(root);
    versions = pl_arena_zalloc(arena, count, sizeof(*versions));
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        const json_t *version = json_array_get(root, i);

        versions[i] = json_integer_value(version);
        status = json_is_integer(version) ? PL_OK : lacks("list of versions", error);
    }
    if (status == PL_OK && !json_is_array(root)) {
        status = lacks("list of versions", error);
    }
    json_decref(root);
    if (status == PL_OK) {
        *ret_versions = versions;
        *ret_count = count;
    }
    return status;
}

void pl_registry_put_schema(struct pl_buffer *buffer, struct pl_bytes json)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_put_key(buffer, "schema");
    pl_json_put_string(buffer, json);
    pl_buffer_put_byte(buffer, '}');
}
