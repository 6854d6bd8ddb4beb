/* Check a catalogue's references and number everything in it (contract 4). */
#include <stdlib.h>

#include "bits.h"
#include "catalogue_edges.h"
#include "catalogue_index.h"

/* Bytes of an id that an error text shows: ids have no bound, the text has, and the reason comes
 * last. Never cuts a UTF-8 character in two. */
#define SHOWN_ID_BYTES 120

static int shown_len(struct pl_bytes id)
{
    size_t len = id.len;

    if (len > SHOWN_ID_BYTES) {
        len = SHOWN_ID_BYTES;
        while (len > 0 && ((unsigned char)id.data[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    return (int)len;
}

/* Arguments for a "%.*s" in an error text. */
#define SHOWN(id) shown_len(id), (id).len > 0 ? (id).data : ""

/* Give an id its position in the named section. */
static enum pl_status add_id(struct pl_id_index *index, struct pl_bytes id, uint32_t position,
                             const char *section, struct pl_arena *arena, struct pl_error *error)
{
    if (pl_bytes_is_empty(id)) {
        return pl_fail(error, PL_BAD_DATA, "%s.\"\": an id must not be empty", section);
    }
    if (!pl_id_index_add(index, pl_arena_copy(arena, id), position)) {
        return pl_fail(error, PL_BAD_DATA, "%s.\"%.*s\": the id is there twice", section,
                       SHOWN(id));
    }
    return PL_OK;
}

/* A name, or the id where the name is null. */
static struct pl_bytes copy_name(struct pl_catalogue *catalogue, struct pl_bytes name,
                                 struct pl_bytes id)
{
    return pl_arena_copy(&catalogue->arena, pl_bytes_is_null(name) ? id : name);
}

static enum pl_status add_families(struct pl_catalogue *catalogue,
                                   const struct pl_catalogue_spec *spec, struct pl_error *error)
{
    catalogue->families =
        pl_arena_zalloc(&catalogue->arena, spec->family_count, sizeof(*catalogue->families));
    catalogue->family_count = spec->family_count;
    pl_id_index_init(&catalogue->family_index, spec->family_count, &catalogue->arena);
    for (uint32_t i = 0; i < spec->family_count; i++) {
        const struct pl_family_spec *from = &spec->families[i];
        enum pl_status status =
            add_id(&catalogue->family_index, from->id, i, "families", &catalogue->arena, error);

        if (status != PL_OK) {
            return status;
        }
        catalogue->families[i] = (struct pl_family){.is_exclusive = from->exclusive,
                                                    .has_conflicts = from->conflicts,
                                                    .has_transition = from->transition};
    }
    return PL_OK;
}

static int compare_service_specs(const void *a, const void *b)
{
    const struct pl_service_spec *const *left = a;
    const struct pl_service_spec *const *right = b;

    return pl_bytes_compare((*left)->id, (*right)->id);
}

static const struct pl_service_spec **sort_services(struct pl_catalogue *catalogue,
                                                    const struct pl_catalogue_spec *spec)
{
    const struct pl_service_spec **sorted = pl_arena_zalloc(&catalogue->arena, spec->service_count,
                                                            sizeof(const struct pl_service_spec *));

    for (size_t i = 0; i < spec->service_count; i++) {
        sorted[i] = &spec->services[i];
    }
    if (spec->service_count > 1) {
        qsort(sorted, spec->service_count, sizeof(const struct pl_service_spec *),
              compare_service_specs);
    }
    return sorted;
}

static enum pl_status add_services(struct pl_catalogue *catalogue,
                                   const struct pl_catalogue_spec *spec, struct pl_error *error)
{
    const struct pl_service_spec **sorted = sort_services(catalogue, spec);

    catalogue->services =
        pl_arena_zalloc(&catalogue->arena, spec->service_count, sizeof(*catalogue->services));
    catalogue->service_count = spec->service_count;
    pl_id_index_init(&catalogue->service_index, spec->service_count, &catalogue->arena);
    for (uint32_t i = 0; i < spec->service_count; i++) {
        const struct pl_service_spec *from = sorted[i];
        uint32_t family = pl_id_index_find(&catalogue->family_index, from->family);
        enum pl_status status =
            add_id(&catalogue->service_index, from->id, i, "services", &catalogue->arena, error);

        if (status != PL_OK) {
            return status;
        }
        if (family == PL_NO_POSITION) {
            return pl_fail(error, PL_BAD_DATA, "services.\"%.*s\".family: unknown family \"%.*s\"",
                           SHOWN(from->id), SHOWN(from->family));
        }
        catalogue->services[i] = (struct pl_service){
            .name = copy_name(catalogue, from->name, from->id), .family = family};
    }
    return PL_OK;
}

/* Positions 0 to count - 1 that are in the set, ascending. */
static struct pl_positions list_members(struct pl_catalogue *catalogue, const uint64_t *bits,
                                        size_t count)
{
    uint32_t *items = pl_arena_zalloc(&catalogue->arena, count, sizeof(*items));
    size_t used = 0;

    for (uint32_t service = 0; used < count; service++) {
        if (pl_bits_has(bits, service)) {
            items[used++] = service;
        }
    }
    return (struct pl_positions){items, count};
}

static enum pl_status fill_offer(struct pl_catalogue *catalogue, const struct pl_offer_spec *from,
                                 struct pl_offer *offer, struct pl_error *error)
{
    size_t count = from->services.count;
    struct pl_bytes *ids = pl_arena_zalloc(&catalogue->arena, count, sizeof(*ids));
    uint32_t *services = pl_arena_zalloc(&catalogue->arena, count, sizeof(*services));
    uint32_t *exclusive = pl_arena_zalloc(&catalogue->arena, count, sizeof(*exclusive));
    uint64_t *bits = pl_arena_zalloc(&catalogue->arena, catalogue->service_words, sizeof(*bits));
    size_t exclusive_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct pl_bytes id = from->services.items[i];
        uint32_t service = pl_id_index_find(&catalogue->service_index, id);

        if (service == PL_NO_POSITION || pl_bits_has(bits, service)) {
            return pl_fail(error, PL_BAD_DATA, "offers.\"%.*s\".services[%zu]: %s \"%.*s\"",
                           SHOWN(from->id), i,
                           service == PL_NO_POSITION ? "unknown service" : "a second", SHOWN(id));
        }
        pl_bits_add(bits, service);
        ids[i] = pl_service_id(catalogue, service);
        services[i] = service;
        if (catalogue->families[catalogue->services[service].family].is_exclusive) {
            exclusive[exclusive_count++] = service;
        }
    }
    offer->service_ids = (struct pl_names){ids, count};
    offer->services = (struct pl_positions){services, count};
    offer->exclusive = (struct pl_positions){exclusive, exclusive_count};
    offer->by_id = list_members(catalogue, bits, count);
    offer->service_bits = bits;
    return PL_OK;
}

static enum pl_status add_offers(struct pl_catalogue *catalogue,
                                 const struct pl_catalogue_spec *spec, struct pl_error *error)
{
    catalogue->offers =
        pl_arena_zalloc(&catalogue->arena, spec->offer_count, sizeof(*catalogue->offers));
    catalogue->offer_count = spec->offer_count;
    pl_id_index_init(&catalogue->offer_index, spec->offer_count, &catalogue->arena);
    for (uint32_t i = 0; i < spec->offer_count; i++) {
        const struct pl_offer_spec *from = &spec->offers[i];
        struct pl_offer *offer = &catalogue->offers[i];
        enum pl_status status =
            add_id(&catalogue->offer_index, from->id, i, "offers", &catalogue->arena, error);

        if (status != PL_OK) {
            return status;
        }
        if (from->max_seats < 0) {
            return pl_fail(error, PL_BAD_DATA, "offers.\"%.*s\".maxSeats: must be 1 or more",
                           SHOWN(from->id));
        }
        offer->id = catalogue->offer_index.ids[i];
        offer->name = copy_name(catalogue, from->name, from->id);
        offer->max_seats = from->max_seats;
        status = fill_offer(catalogue, from, offer, error);
        if (status != PL_OK) {
            return status;
        }
    }
    return PL_OK;
}

/* What is wrong with a target, or NULL. targeted_by: per offer the last source + 1 that has it as a
 * target; this source is noted. */
static const char *target_fault(uint32_t source, uint32_t target, uint32_t *targeted_by)
{
    if (target == PL_NO_POSITION) {
        return "unknown offer";
    }
    if (target == source) {
        return "an offer cannot upgrade to itself:";
    }
    if (targeted_by[target] == source + 1) {
        return "a second";
    }
    targeted_by[target] = source + 1;
    return NULL;
}

static enum pl_status fill_targets(struct pl_catalogue *catalogue, uint32_t source,
                                   const struct pl_upgrade_spec *from, uint32_t *targeted_by,
                                   struct pl_error *error)
{
    size_t count = from->targets.count;
    struct pl_bytes *ids = pl_arena_zalloc(&catalogue->arena, count, sizeof(*ids));

    for (size_t i = 0; i < count; i++) {
        struct pl_bytes id = from->targets.items[i];
        uint32_t target = pl_id_index_find(&catalogue->offer_index, id);
        const char *fault = target_fault(source, target, targeted_by);

        if (fault != NULL) {
            return pl_fail(error, PL_BAD_DATA, "upgrades.\"%.*s\"[%zu]: %s \"%.*s\"",
                           SHOWN(from->offer), i, fault, SHOWN(id));
        }
        ids[i] = catalogue->offer_index.ids[target];
    }
    catalogue->offers[source].target_ids = (struct pl_names){ids, count};
    catalogue->edge_count += count;
    return PL_OK;
}

static enum pl_status add_upgrades(struct pl_catalogue *catalogue,
                                   const struct pl_catalogue_spec *spec, struct pl_error *error)
{
    uint32_t *targeted_by =
        pl_arena_zalloc(&catalogue->arena, spec->offer_count, sizeof(*targeted_by));
    uint64_t *seen =
        pl_arena_zalloc(&catalogue->arena, pl_bits_words(spec->offer_count), sizeof(*seen));

    for (size_t i = 0; i < spec->upgrade_count; i++) {
        const struct pl_upgrade_spec *from = &spec->upgrades[i];
        uint32_t source = pl_id_index_find(&catalogue->offer_index, from->offer);
        enum pl_status status;

        if (source == PL_NO_POSITION || pl_bits_has(seen, source)) {
            return pl_fail(error, PL_BAD_DATA, "upgrades.\"%.*s\": %s", SHOWN(from->offer),
                           source == PL_NO_POSITION ? "unknown offer" : "the id is there twice");
        }
        pl_bits_add(seen, source);
        status = fill_targets(catalogue, source, from, targeted_by, error);
        if (status != PL_OK) {
            return status;
        }
    }
    return PL_OK;
}

static enum pl_status fill_catalogue(struct pl_catalogue *catalogue,
                                     const struct pl_catalogue_spec *spec, struct pl_error *error)
{
    enum pl_status status;

    catalogue->version = pl_arena_copy(&catalogue->arena, spec->version);
    catalogue->sha256 = pl_arena_copy(&catalogue->arena, spec->sha256);
    catalogue->service_words = pl_bits_words(spec->service_count);
    catalogue->family_words = pl_bits_words(spec->family_count);
    status = add_families(catalogue, spec, error);
    if (status == PL_OK) {
        status = add_services(catalogue, spec, error);
    }
    if (status == PL_OK) {
        status = add_offers(catalogue, spec, error);
    }
    if (status == PL_OK) {
        status = add_upgrades(catalogue, spec, error);
    }
    return status;
}

enum pl_status pl_catalogue_new(const struct pl_catalogue_spec *spec, struct pl_error *error,
                                struct pl_catalogue **ret_catalogue)
{
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_catalogue *catalogue = pl_arena_zalloc(&arena, 1, sizeof(*catalogue));
    enum pl_status status;

    catalogue->arena = arena;
    if (spec->family_count >= UINT32_MAX || spec->service_count >= UINT32_MAX ||
        spec->offer_count >= UINT32_MAX) {
        status = pl_fail(error, PL_BAD_DATA, "the catalogue has too many entries");
    } else {
        status = fill_catalogue(catalogue, spec, error);
    }
    if (status != PL_OK) {
        pl_catalogue_free(catalogue);
        return status;
    }
    pl_catalogue_build_edges(catalogue);
    *ret_catalogue = catalogue;
    return PL_OK;
}
