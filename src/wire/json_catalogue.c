/* Catalogue files (contract 4): the shape of the JSON; pl_catalogue_new checks what it says. */
#include <stdint.h>
#include <string.h>

#include "base/sha256.h"
#include "planlift/json.h"
#include "wire/json_node.h"
#include "wire/json_record.h"

static const struct pl_json_field catalogue_fields[] = {
    PL_JSON_FIELD("version", PL_JSON_ID, struct pl_catalogue_spec, version, struct pl_bytes),
};
static const struct pl_json_record catalogue_record = PL_JSON_RECORD(catalogue_fields);

static const struct pl_json_field family_fields[] = {
    PL_JSON_FIELD("name", PL_JSON_TEXT, struct pl_family_spec, name, struct pl_bytes),
    PL_JSON_FIELD("exclusive", PL_JSON_BOOL, struct pl_family_spec, exclusive, bool),
    PL_JSON_FIELD("conflicts", PL_JSON_BOOL, struct pl_family_spec, conflicts, bool),
    PL_JSON_FIELD("transition", PL_JSON_BOOL, struct pl_family_spec, transition, bool),
};
static const struct pl_json_record family_record = PL_JSON_RECORD(family_fields);

static const struct pl_json_field service_fields[] = {
    PL_JSON_FIELD("name", PL_JSON_TEXT, struct pl_service_spec, name, struct pl_bytes),
    PL_JSON_FIELD("guid", PL_JSON_OPTIONAL_TEXT, struct pl_service_spec, guid, struct pl_bytes),
    PL_JSON_FIELD("family", PL_JSON_TEXT, struct pl_service_spec, family, struct pl_bytes),
};
static const struct pl_json_record service_record = PL_JSON_RECORD(service_fields);

static const struct pl_json_field offer_fields[] = {
    PL_JSON_FIELD("name", PL_JSON_TEXT, struct pl_offer_spec, name, struct pl_bytes),
    PL_JSON_FIELD("sku", PL_JSON_OPTIONAL_TEXT, struct pl_offer_spec, sku, struct pl_bytes),
    PL_JSON_FIELD("guid", PL_JSON_OPTIONAL_TEXT, struct pl_offer_spec, guid, struct pl_bytes),
};
static const struct pl_json_record offer_record = PL_JSON_RECORD(offer_fields);

/* An object's keys: each must be there, and no other. */
struct keys {
    const char *names[6]; /* the unused ones are NULL */
};
static const struct keys catalogue_keys = {
    {"version", "families", "services", "offers", "upgrades", NULL}};
static const struct keys family_keys = {
    {"name", "exclusive", "conflicts", "transition", NULL, NULL}};
static const struct keys service_keys = {{"name", "guid", "family", NULL, NULL, NULL}};
static const struct keys offer_keys = {{"name", "sku", "guid", "maxSeats", "services", NULL}};

static bool has_key(const struct keys *keys, const char *key)
{
    for (size_t i = 0; keys->names[i] != NULL; i++) {
        if (strcmp(keys->names[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static enum pl_status check_keys(const struct pl_json_node *node, const struct keys *keys,
                                 struct pl_error *error)
{
    const char *key;
    json_t *value;
    enum pl_status status = pl_json_want_object(node, error);

    if (status != PL_OK) {
        return status;
    }
    json_object_foreach(node->value, key, value)
    {
        struct pl_json_node entry = pl_json_entry(node, key, value);

        if (!has_key(keys, key)) {
            return pl_json_fail(&entry, error, "is an unknown key");
        }
    }
    for (size_t i = 0; keys->names[i] != NULL; i++) {
        struct pl_json_node member = pl_json_member(node, keys->names[i]);

        if (member.value == NULL) {
            return pl_json_fail(&member, error, "is missing");
        }
    }
    return PL_OK;
}

/* What a catalogue is read with. The document outlives it, so that ids may borrow from there. */
struct reader {
    struct pl_arena *arena;
    struct pl_error *error;
};

typedef enum pl_status read_entry_fn(const struct pl_json_node *entry, const struct reader *reader,
                                     void *ret_spec);

static enum pl_status read_family(const struct pl_json_node *entry, const struct reader *reader,
                                  void *ret_spec)
{
    struct pl_family_spec *family = ret_spec;
    enum pl_status status = check_keys(entry, &family_keys, reader->error);

    family->id = pl_bytes_of(entry->key);
    if (status != PL_OK) {
        return status;
    }
    return pl_json_record_read(&family_record, entry, reader->arena, reader->error, family);
}

static enum pl_status read_service(const struct pl_json_node *entry, const struct reader *reader,
                                   void *ret_spec)
{
    struct pl_service_spec *service = ret_spec;
    enum pl_status status = check_keys(entry, &service_keys, reader->error);

    service->id = pl_bytes_of(entry->key);
    if (status != PL_OK) {
        return status;
    }
    return pl_json_record_read(&service_record, entry, reader->arena, reader->error, service);
}

static enum pl_status read_max_seats(const struct pl_json_node *node, struct pl_error *error,
                                     int32_t *ret_max_seats)
{
    int64_t value = 0;
    enum pl_status status = PL_OK;

    if (!json_is_null(node->value)) {
        status = pl_json_want_integer(node, 1, INT32_MAX, error, &value);
    }
    *ret_max_seats = (int32_t)value;
    return status;
}

static enum pl_status read_offer(const struct pl_json_node *entry, const struct reader *reader,
                                 void *ret_spec)
{
    struct pl_offer_spec *offer = ret_spec;
    struct pl_json_node max_seats = pl_json_member(entry, "maxSeats");
    struct pl_json_node services = pl_json_member(entry, "services");
    enum pl_status status = check_keys(entry, &offer_keys, reader->error);

    offer->id = pl_bytes_of(entry->key);
    if (status == PL_OK) {
        status = pl_json_record_read(&offer_record, entry, reader->arena, reader->error, offer);
    }
    if (status == PL_OK) {
        status = read_max_seats(&max_seats, reader->error, &offer->max_seats);
    }
    if (status == PL_OK) {
        status = pl_json_read_list(&services, reader->arena, reader->error, &offer->services);
    }
    return status;
}

static enum pl_status read_upgrade(const struct pl_json_node *entry, const struct reader *reader,
                                   void *ret_spec)
{
    struct pl_upgrade_spec *upgrade = ret_spec;

    upgrade->offer = pl_bytes_of(entry->key);
    return pl_json_read_list(entry, reader->arena, reader->error, &upgrade->targets);
}

/* Read an object of entries by id into an array of spec_size bytes each. */
static enum pl_status read_entries(const struct pl_json_node *node, read_entry_fn *read_entry,
                                   size_t spec_size, const struct reader *reader, void **ret_specs,
                                   size_t *ret_count)
{
    const char *key;
    json_t *value;
    char *spec;
    enum pl_status status = pl_json_want_object(node, reader->error);

    if (status != PL_OK) {
        return status;
    }
    *ret_count = json_object_size(node->value);
    spec = pl_arena_zalloc(reader->arena, *ret_count, spec_size);
    *ret_specs = spec;
    json_object_foreach(node->value, key, value)
    {
        struct pl_json_node entry = pl_json_entry(node, key, value);

        status = read_entry(&entry, reader, spec);
        if (status != PL_OK) {
            return status;
        }
        spec += spec_size;
    }
    return PL_OK;
}

static enum pl_status read_catalogue(const struct pl_json_node *root, const struct reader *reader,
                                     struct pl_catalogue_spec *ret_spec)
{
    struct pl_json_node families = pl_json_member(root, "families");
    struct pl_json_node services = pl_json_member(root, "services");
    struct pl_json_node offers = pl_json_member(root, "offers");
    struct pl_json_node upgrades = pl_json_member(root, "upgrades");
    void *specs[4] = {NULL, NULL, NULL, NULL};
    enum pl_status status = check_keys(root, &catalogue_keys, reader->error);

    if (status == PL_OK) {
        status =
            pl_json_record_read(&catalogue_record, root, reader->arena, reader->error, ret_spec);
    }
    if (status == PL_OK) {
        status = read_entries(&families, read_family, sizeof(*ret_spec->families), reader,
                              &specs[0], &ret_spec->family_count);
    }
    if (status == PL_OK) {
        status = read_entries(&services, read_service, sizeof(*ret_spec->services), reader,
                              &specs[1], &ret_spec->service_count);
    }
    if (status == PL_OK) {
        status = read_entries(&offers, read_offer, sizeof(*ret_spec->offers), reader, &specs[2],
                              &ret_spec->offer_count);
    }
    if (status == PL_OK) {
        status = read_entries(&upgrades, read_upgrade, sizeof(*ret_spec->upgrades), reader,
                              &specs[3], &ret_spec->upgrade_count);
    }
    ret_spec->families = specs[0];
    ret_spec->services = specs[1];
    ret_spec->offers = specs[2];
    ret_spec->upgrades = specs[3];
    return status;
}

enum pl_status pl_catalogue_parse(const char *name, struct pl_bytes text, struct pl_error *error,
                                  struct pl_catalogue **ret_catalogue)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct reader reader = {&arena, error};
    struct pl_catalogue_spec spec = {.version = PL_NULL_BYTES};
    char sha256[PL_SHA256_HEX];
    struct pl_json_node root;
    json_t *document = NULL;
    enum pl_status status = pl_json_load(text, JSON_REJECT_DUPLICATES, error, &document);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "%s", name);
    }
    root = pl_json_root(document);
    status = read_catalogue(&root, &reader, &spec);
    if (status == PL_OK) {
        pl_sha256_hex(text, sha256);
        spec.sha256 = pl_bytes_of(sha256);
        status = pl_catalogue_new(&spec, error, ret_catalogue);
    }
    if (status != PL_OK) {
        status = pl_fail_at(error, status, "%s", name);
    }
    json_decref(document);
    pl_arena_done(&arena);
    return status;
}
