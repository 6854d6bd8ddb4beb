/* Writer schemas by id, from the binary, a folder or a registry. */
#include "cli/schemas.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/file.h"
#include "cli/registry.h"
#include "planlift/arena.h"
#include "planlift/log.h"
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

/* Of the topics that planlift has a schema for. */
struct own_id {
    bool is_known;
    uint32_t id;
};

struct pl_schemas {
    struct pl_arena arena;
    struct schema *items;
    size_t count;
    size_t capacity;
    const struct pl_settings *settings; /* with a registry only */
    struct pl_registry *registry;       /* NULL: there is none, and items are all */
    struct own_id own_ids[PL_TOPIC_COUNT];
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

/* ---- a registry ------------------------------------------------------------------------------ */

static enum pl_status open_registry(struct pl_schemas *schemas, const struct pl_settings *settings,
                                    const struct pl_world *world, struct pl_health *health,
                                    struct pl_metrics *metrics, struct pl_error *error)
{
    const struct pl_config *config = settings->config;
    const struct pl_registry_options options = {
        .url = pl_config_text(config, PL_SETTING_SCHEMA_REGISTRY_URL),
        .user_info = pl_settings_secret(settings, PL_SETTING_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO),
        .ca_location = pl_config_text(config, PL_SETTING_SCHEMA_REGISTRY_SSL_CA_LOCATION),
        .world = *world};

    schemas->settings = settings;
    return pl_registry_new(&options, health, metrics, &schemas->registry, error);
}

static const struct schema *add(struct pl_schemas *schemas, uint32_t id, struct pl_bytes text)
{
    if (schemas->count == schemas->capacity) {
        schemas->capacity = schemas->capacity == 0 ? 8 : 2 * schemas->capacity;
        schemas->items = pl_arena_grow(&schemas->arena, schemas->items, schemas->count,
                                       schemas->capacity, sizeof(*schemas->items));
    }
    schemas->items[schemas->count] = (struct schema){id, pl_arena_copy(&schemas->arena, text)};
    return &schemas->items[schemas->count++];
}

static struct pl_bytes subject_of(const struct pl_schemas *schemas, enum pl_topic topic,
                                  struct pl_arena *arena)
{
    return pl_arena_format(arena, "%s-value", schemas->settings->kafka.topics[topic]);
}

static enum pl_status load_version(struct pl_schemas *schemas, const char *subject, int64_t version,
                                   struct pl_arena *arena, struct pl_error *error)
{
    struct pl_registry_schema found;
    enum pl_status status =
        pl_registry_version(schemas->registry, subject, version, arena, &found, error);

    if (status == PL_OK && find(schemas, (uint32_t)found.id) == NULL) {
        (void)add(schemas, (uint32_t)found.id, found.json);
    }
    if (status == PL_BAD_DATA) {
        pl_log(WARN, "unreadable_schema", PL_F_TEXT("subject", subject),
               PL_F_INT("version", version), PL_F_TEXT("reason", error->text));
    }
    /* Deleted meanwhile, or unreadable, which matters to the records that have it only. */
    return status == PL_NOT_FOUND || status == PL_BAD_DATA ? PL_OK : status;
}

/* All versions of a topic's subject. */
static enum pl_status load_subject(struct pl_schemas *schemas, enum pl_topic topic,
                                   size_t *ret_count, struct pl_error *error)
{
    struct pl_arena arena = PL_ARENA_INIT;
    const char *subject = subject_of(schemas, topic, &arena).data;
    int64_t *versions = NULL;
    enum pl_status status =
        pl_registry_versions(schemas->registry, subject, &arena, &versions, ret_count, error);

    for (size_t i = 0; status == PL_OK && i < *ret_count; i++) {
        status = load_version(schemas, subject, versions[i], &arena, error);
    }
    pl_arena_done(&arena);
    return status;
}

/* Which of the schemas there are now are of no use to a topic's reader. */
static void warn_of_unreadable(struct pl_schemas *schemas, enum pl_topic topic, size_t first,
                               struct pl_decoder *decoder)
{
    for (size_t i = first; i < schemas->count; i++) {
        struct pl_error reason = {""};

        if (pl_decoder_learn(decoder, topic, schemas->items[i].id, &reason) == PL_BAD_DATA) {
            pl_log(WARN, "unreadable_schema",
                   PL_F_TEXT("topic", schemas->settings->kafka.topics[topic]),
                   PL_F_INT("id", schemas->items[i].id), PL_F_TEXT("reason", reason.text));
        }
    }
}

/* An input belongs to those who write it: planlift's schema is put there only where there is none
 * yet, and nothing depends on it. */
static enum pl_status start_input(struct pl_schemas *schemas, enum pl_topic topic,
                                  struct pl_decoder *decoder, struct pl_error *error)
{
    size_t first = schemas->count;
    size_t count = 0;
    uint32_t id;
    enum pl_status status = load_subject(schemas, topic, &count, error);

    if (status != PL_OK) {
        return status;
    }
    warn_of_unreadable(schemas, topic, first, decoder);
    if (count == 0 && pl_settings_may_register(schemas->settings)) {
        status = pl_schemas_own_id(schemas, topic, &id, error);
        if (status == PL_FATAL) {
            pl_log(WARN, "schema_not_registered", PL_F_TEXT("reason", error->text));
            status = PL_OK;
        }
    }
    return status;
}

enum pl_status pl_schemas_start(struct pl_schemas *schemas, struct pl_decoder *decoder,
                                struct pl_error *error)
{
    enum pl_status status = PL_OK;
    size_t count;
    uint32_t id;

    if (schemas->registry == NULL) {
        return PL_OK;
    }
    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        status = start_input(schemas, (enum pl_topic)input, decoder, error);
    }
    if (status == PL_OK) {
        status = load_subject(schemas, PL_TOPIC_RESULTS, &count, error);
    }
    return status == PL_OK ? pl_schemas_own_id(schemas, PL_TOPIC_RESULTS, &id, error) : status;
}

void pl_schemas_look(struct pl_schemas *schemas)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_error error;
    int64_t *versions;
    size_t count;

    if (schemas->registry != NULL && pl_registry_is_away(schemas->registry)) {
        enum pl_status status = pl_registry_versions(
            schemas->registry, subject_of(schemas, PL_TOPIC_RESULTS, &arena).data, &arena,
            &versions, &count, &error);

        (void)status; /* the registry itself has told the readiness */
    }
    pl_arena_done(&arena);
}

/* ---- loading and asking ---------------------------------------------------------------------- */

static struct pl_schemas *new_schemas(void)
{
    struct pl_schemas *schemas = calloc(1, sizeof(*schemas));

    if (schemas == NULL) {
        pl_out_of_memory(sizeof(*schemas));
    }
    return schemas;
}

static enum pl_status hand_over(struct pl_schemas *schemas, enum pl_status status,
                                struct pl_schemas **ret_schemas)
{
    if (status != PL_OK) {
        pl_schemas_free(schemas);
        return status;
    }
    *ret_schemas = schemas;
    return PL_OK;
}

enum pl_status pl_schemas_load(const char *path, struct pl_error *error,
                               struct pl_schemas **ret_schemas)
{
    struct pl_schemas *schemas = new_schemas();
    enum pl_status status = PL_OK;

    if (path != NULL) {
        status = load_folder(schemas, path, error);
    } else {
        schemas->items = pl_arena_zalloc(&schemas->arena, OWN_COUNT, sizeof(*schemas->items));
        schemas->count = OWN_COUNT;
        list_shipped(schemas->items);
    }
    return hand_over(schemas, status, ret_schemas);
}

enum pl_status pl_schemas_open(const struct pl_settings *settings, const struct pl_world *world,
                               struct pl_health *health, struct pl_metrics *metrics,
                               struct pl_error *error, struct pl_schemas **ret_schemas)
{
    struct pl_schemas *schemas;

    if (pl_config_text(settings->config, PL_SETTING_SCHEMA_REGISTRY_URL) == NULL) {
        return pl_schemas_load(pl_config_text(settings->config, PL_SETTING_SCHEMAS_PATH), error,
                               ret_schemas);
    }
    schemas = new_schemas();
    return hand_over(schemas, open_registry(schemas, settings, world, health, metrics, error),
                     ret_schemas);
}

void pl_schemas_free(struct pl_schemas *schemas)
{
    if (schemas != NULL) {
        pl_registry_free(schemas->registry);
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

/* The shipped schema for a topic. */
static struct schema shipped_for(enum pl_topic topic)
{
    struct schema shipped[OWN_COUNT];

    list_shipped(shipped);
    return shipped[topic == PL_TOPIC_EVENTS ? 0 : topic == PL_TOPIC_REQUESTS ? 1 : 2];
}

enum pl_status pl_schemas_own_id(struct pl_schemas *schemas, enum pl_topic topic, uint32_t *ret_id,
                                 struct pl_error *error)
{
    const struct schema shipped = shipped_for(topic);
    struct own_id *own = &schemas->own_ids[topic];
    struct pl_arena arena = PL_ARENA_INIT;
    enum pl_status status = PL_OK;

    if (schemas->registry == NULL) {
        *ret_id = shipped.id;
        return PL_OK;
    }
    if (!own->is_known) {
        status = pl_registry_own_id(schemas->registry, subject_of(schemas, topic, &arena).data,
                                    shipped.text, pl_settings_may_register(schemas->settings),
                                    &own->id, error);
        own->is_known = status == PL_OK;
        if (status == PL_OK && find(schemas, own->id) == NULL) {
            (void)add(schemas, own->id, shipped.text);
        }
        pl_arena_done(&arena);
    }
    if (status == PL_OK) {
        *ret_id = own->id;
    }
    return status;
}

static enum pl_status fetch(void *self, uint32_t id, struct pl_arena *arena,
                            struct pl_bytes *ret_json, struct pl_error *error)
{
    struct pl_schemas *schemas = self;
    const struct schema *found = find(schemas, id);
    enum pl_status status;

    if (found == NULL && schemas->registry == NULL) {
        return pl_fail(error, PL_NOT_FOUND, "schema id %" PRIu32 " is not in the manifest", id);
    }
    if (found == NULL) {
        status = pl_registry_fetch(schemas->registry, id, arena, ret_json, error);
        if (status != PL_OK) {
            return status;
        }
        found = add(schemas, id, *ret_json);
    }
    *ret_json = found->text; /* which lives as long as the schemas */
    return PL_OK;
}

struct pl_schema_source pl_schemas_source(struct pl_schemas *schemas)
{
    return (struct pl_schema_source){fetch, schemas};
}
