/* Looking into a catalogue. */
#include "catalogue_index.h"

void pl_catalogue_free(struct pl_catalogue *catalogue)
{
    struct pl_arena arena;

    if (catalogue != NULL) {
        arena = catalogue->arena; /* a copy, because the catalogue itself goes */
        pl_arena_done(&arena);
    }
}

const struct pl_offer *pl_catalogue_offer(const struct pl_catalogue *catalogue, struct pl_bytes id)
{
    uint32_t position = pl_id_index_find(&catalogue->offer_index, id);

    return position == PL_NO_POSITION ? NULL : &catalogue->offers[position];
}

struct pl_bytes pl_catalogue_version(const struct pl_catalogue *catalogue)
{
    return catalogue->version;
}

struct pl_bytes pl_catalogue_sha256(const struct pl_catalogue *catalogue)
{
    return catalogue->sha256;
}

struct pl_bytes pl_catalogue_offer_name(const struct pl_catalogue *catalogue, struct pl_bytes id)
{
    const struct pl_offer *offer = pl_catalogue_offer(catalogue, id);

    return offer == NULL ? id : offer->name;
}

struct pl_bytes pl_catalogue_service_name(const struct pl_catalogue *catalogue, struct pl_bytes id)
{
    uint32_t position = pl_id_index_find(&catalogue->service_index, id);

    return position == PL_NO_POSITION ? id : catalogue->services[position].name;
}

struct pl_names pl_catalogue_targets(const struct pl_catalogue *catalogue, struct pl_bytes offer_id)
{
    const struct pl_offer *offer = pl_catalogue_offer(catalogue, offer_id);

    return offer == NULL ? (struct pl_names){NULL, 0} : offer->target_ids;
}

struct pl_catalogue_counts pl_catalogue_count(const struct pl_catalogue *catalogue)
{
    return (struct pl_catalogue_counts){.families = catalogue->family_count,
                                        .services = catalogue->service_count,
                                        .offers = catalogue->offer_count,
                                        .upgrades = catalogue->edge_count};
}
