/* Writer schemas by id, from the binary or from a folder. */
#include "cli/schemas.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/file.h"
#include "planlift/arena.h"
#include "wire/manifest.h"

/* The folder schemas/, compiled in by planlift_embed. */
extern const unsigned char pl_embed_event_schema[];
extern const size_t pl_embed_event_schema_len;
extern const unsigned char pl_embed_request_schema[];
extern const size_t pl_embed_request_schema_len;
extern const unsigned char pl_embed_result_schema[];
extern const size_t pl_embed_result_schema_len;

/* The ids that contract 3 gives planlift's own schemas. */
enum { EVENT_ID = 1, REQUEST_ID = 2, RESULT_ID = 3, OWN_COUNT = RESULT_ID };

struct schema {
    uint32_t id;
    struct pl_bytes text;
};

struct pl_schemas {
    struct pl_arena arena;
    struct schema *items;
    size_t count;
};

static void list_shipped(struct schema shipped[OWN_COUNT])
{
    shipped[0] =
        (struct schema){EVENT_ID, {(const char *)pl_embed_event_schema, pl_embed_event_schema_len}};
    shipped[1] = (struct schema){
        REQUEST_ID, {(const char *)pl_embed_request_schema, pl_embed_request_schema_len}};
    shipped[2] = (struct schema){
        RESULT_ID, {(const char *)pl_embed_result_schema, pl_embed_result_schema_len}};
}

static const struct schema *find(const struct pl_schemas *schemas, uint32_t id)
{
    for (size_t i = 0; i < schemas->count; i++) {
        if (schemas->items[i].id == id) {
            return &schemas->items[i];
        }
    }
    return NULL;
}

/* ---- a folder -------------------------------------------------------------------------------- */

static enum pl_status read_text(struct pl_schemas *schemas, const char *path,
                                struct pl_error *error, struct pl_bytes *ret_text)
{
    struct pl_buffer text = {NULL, 0, 0};
    enum pl_status status = pl_file_read(path, error, &text);

    if (status == PL_OK) {
        *ret_text = pl_arena_copy(&schemas->arena, pl_buffer_since(&text, 0));
    }
    pl_buffer_done(&text);
    return status;
}

static enum pl_status read_schema(struct pl_schemas *schemas, const char *folder,
                                  const struct pl_manifest_entry *entry, struct pl_error *error,
                                  struct schema *ret_schema)
{
    struct pl_bytes path =
        pl_arena_format(&schemas->arena, "%s/%.*s", folder, (int)entry->file.len, entry->file.data);
    enum pl_status status = read_text(schemas, path.data, error, &ret_schema->text);

    ret_schema->id = entry->id;
    if (status == PL_OK) {
        status = pl_manifest_check_schema(ret_schema->text, error);
        if (status != PL_OK) {
            return pl_fail_at(error, status, "%s", path.data);
        }
    }
    return status;
}

/* Ids 1 to 3 are planlift's own schemas, wherever they are read from. */
static enum pl_status check_own(const struct pl_schemas *schemas, const char *folder,
                                struct pl_error *error)
{
    struct schema shipped[OWN_COUNT];

    list_shipped(shipped);
    for (size_t i = 0; i < OWN_COUNT; i++) {
        const struct schema *found = find(schemas, shipped[i].id);

        if (found == NULL || !pl_manifest_is_same(found->text, shipped[i].text)) {
            return pl_fail(error, PL_BAD_DATA,
                           "%s/manifest.json: schema id %" PRIu32 " must be the one that planlift "
                           "ships; give schemas of your own further ids",
                           folder, shipped[i].id);
        }
    }
    return PL_OK;
}

static enum pl_status load_folder(struct pl_schemas *schemas, const char *folder,
                                  struct pl_error *error)
{
    struct pl_bytes path = pl_arena_format(&schemas->arena, "%s/manifest.json", folder);
    struct pl_manifest manifest = {NULL, 0};
    struct pl_bytes text;
    enum pl_status status = read_text(schemas, path.data, error, &text);

    if (status == PL_OK) {
        status = pl_manifest_parse(path.data, text, &schemas->arena, error, &manifest);
    }
    schemas->items = pl_arena_zalloc(&schemas->arena, manifest.count, sizeof(*schemas->items));
    for (size_t i = 0; status == PL_OK && i < manifest.count; i++) {
        status = read_schema(schemas, folder, &manifest.entries[i], error, &schemas->items[i]);
        schemas->count = i + 1;
    }
    return status == PL_OK ? check_own(schemas, folder, error) : status;
}

/* ---- loading and asking ---------------------------------------------------------------------- */

enum pl_status pl_schemas_load(const char *path, struct pl_error *error,
                               struct pl_schemas **ret_schemas)
{
    struct pl_schemas *schemas = calloc(1, sizeof(*schemas));
    enum pl_status status = PL_OK;

    if (schemas == NULL) {
        pl_out_of_memory(sizeof(*schemas));
    }
    if (path != NULL) {
        status = load_folder(schemas, path, error);
    } else {
        schemas->items = pl_arena_zalloc(&schemas->arena, OWN_COUNT, sizeof(*schemas->items));
        schemas->count = OWN_COUNT;
        list_shipped(schemas->items);
    }
    if (status != PL_OK) {
        pl_schemas_free(schemas);
        return status;
    }
    *ret_schemas = schemas;
    return PL_OK;
}

void pl_schemas_free(struct pl_schemas *schemas)
{
    if (schemas != NULL) {
        pl_arena_done(&schemas->arena);
        free(schemas);
    }
}

struct pl_own_schemas pl_schemas_own(void)
{
    struct schema shipped[OWN_COUNT];

    list_shipped(shipped);
    return (struct pl_own_schemas){.event_json = shipped[0].text,
                                   .request_json = shipped[1].text,
                                   .result_json = shipped[2].text,
                                   .event_id = EVENT_ID,
                                   .request_id = REQUEST_ID,
                                   .result_id = RESULT_ID};
}

static enum pl_status fetch(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error)
{
    const struct schema *found = find(self, id);

    (void)arena; /* the text lives as long as the schemas */
    if (found == NULL) {
        return pl_fail(error, PL_NOT_FOUND, "schema id %" PRIu32 " is not in the manifest", id);
    }
    *ret_json = found->text;
    return PL_OK;
}

struct pl_schema_source pl_schemas_source(struct pl_schemas *schemas)
{
    return (struct pl_schema_source){fetch, schemas};
}
