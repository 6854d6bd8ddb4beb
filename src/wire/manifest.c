/* Parsing manifest.json. */
#include "wire/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/json_node.h"
#include "wire/schema_tree.h"

static enum pl_status take_entry(const char *name, const char *key, const json_t *value,
                                 struct pl_arena *arena, struct pl_error *error,
                                 struct pl_manifest_entry *ret_entry)
{
    char *end;
    unsigned long long id;

    errno = 0;
    id = strtoull(key, &end, 10);
    if (key[0] < '0' || key[0] > '9' || *end != '\0' || errno != 0 || id > UINT32_MAX) {
        return pl_fail(error, PL_BAD_DATA, "%s: \"%s\" is not a schema id (a decimal number)", name,
                       key);
    }
    if (!json_is_string(value) || json_string_length(value) == 0) {
        return pl_fail(error, PL_BAD_DATA, "%s: the file of schema id %s must be a file name", name,
                       key);
    }
    ret_entry->id = (uint32_t)id;
    ret_entry->file = pl_arena_format(arena, "%s", json_string_value(value));
    return PL_OK;
}

enum pl_status pl_manifest_parse(const char *name, struct pl_bytes text, struct pl_arena *arena,
                                 struct pl_error *error, struct pl_manifest *ret_manifest)
{
    json_error_t place;
    json_t *root = pl_json_parse(text, JSON_REJECT_DUPLICATES, &place);
    struct pl_manifest_entry *entries;
    enum pl_status status = PL_OK;
    size_t count = 0;
    const char *key;
    json_t *value;

    if (!json_is_object(root)) {
        (void)pl_fail(error, PL_BAD_DATA, "%s:%d:%d: %s", name, place.line, place.column,
                      root == NULL ? place.text : "not an object of ids and file names");
        json_decref(root);
        return PL_BAD_DATA;
    }
    entries = pl_arena_zalloc(arena, json_object_size(root), sizeof(*entries));
    json_object_foreach(root, key, value)
    {
        if (status == PL_OK) {
            status = take_entry(name, key, value, arena, error, &entries[count]);
        }
        for (size_t i = 0; status == PL_OK && i < count; i++) {
            if (entries[i].id == entries[count].id) { /* "1" and "01" */
                status = pl_fail(error, PL_BAD_DATA, "%s: schema id %s is there twice", name, key);
            }
        }
        count++;
    }
    json_decref(root);
    if (status == PL_OK) {
        *ret_manifest = (struct pl_manifest){entries, count};
    }
    return status;
}

enum pl_status pl_manifest_check_schema(struct pl_bytes text, struct pl_error *error)
{
    return pl_schema_check(text, error);
}

bool pl_manifest_is_same(struct pl_bytes a, struct pl_bytes b)
{
    json_error_t place;
    json_t *parsed_a = pl_json_parse(a, JSON_DECODE_ANY, &place);
    json_t *parsed_b = pl_json_parse(b, JSON_DECODE_ANY, &place);
    bool is_same = parsed_a != NULL && parsed_b != NULL && json_equal(parsed_a, parsed_b) == 1;

    json_decref(parsed_a);
    json_decref(parsed_b);
    return is_same;
}
