/* What each upgrade changes, worked out once, when the catalogue is read. */
#include "catalogue_edges.h"

#include "bits.h"

/* What the building of all edges works with; the two arrays are scratch. */
struct builder {
    struct pl_catalogue *catalogue;
    uint32_t *first_of_family; /* per family: the target's first service of it + 1, or 0 */
    uint32_t *picked;          /* room for all services */
};

static const struct pl_family *family_of(const struct builder *builder, uint32_t service)
{
    return &builder->catalogue->families[builder->catalogue->services[service].family];
}

/* The first count of the picked services, to keep. */
static struct pl_positions keep_picked(struct builder *builder, size_t count)
{
    return (struct pl_positions){.items = pl_arena_grow(&builder->catalogue->arena, builder->picked,
                                                        count, count, sizeof(*builder->picked)),
                                 .count = count};
}

static uint64_t *new_set(struct builder *builder)
{
    return pl_arena_zalloc(&builder->catalogue->arena, builder->catalogue->service_words,
                           sizeof(uint64_t));
}

/* ---- what the target has and the source lacks ------------------------------------------------ */

static size_t pick_additional(struct builder *builder, const struct pl_offer *source,
                              const struct pl_offer *target)
{
    size_t count = 0;

    for (size_t i = 0; i < target->services.count; i++) {
        if (!pl_bits_has(source->service_bits, target->services.items[i])) {
            builder->picked[count++] = target->services.items[i];
        }
    }
    return count;
}

static void build_additional(struct builder *builder, const struct pl_offer *source,
                             struct pl_edge *edge)
{
    size_t count = pick_additional(builder, source, edge->target);
    struct pl_bytes *ids = pl_arena_alloc(&builder->catalogue->arena, count * sizeof(*ids));
    uint64_t *bits = new_set(builder);
    uint64_t *conflicting_bits = new_set(builder);
    size_t conflicting_count = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t service = builder->picked[i];

        ids[i] = pl_service_id(builder->catalogue, service);
        pl_bits_add(bits, service);
        if (family_of(builder, service)->has_conflicts) {
            builder->picked[conflicting_count++] = service; /* behind what is still to be read */
            pl_bits_add(conflicting_bits, service);
        }
    }
    edge->additional_ids = (struct pl_names){ids, count};
    edge->additional_bits = bits;
    edge->conflicting = keep_picked(builder, conflicting_count);
    edge->conflicting_bits = conflicting_bits;
}

/* ---- what the source has and the target lacks ------------------------------------------------ */

static size_t pick_leaving(struct builder *builder, const struct pl_offer *source,
                           const struct pl_offer *target)
{
    size_t count = 0;

    for (size_t i = 0; i < source->services.count; i++) {
        uint32_t service = source->services.items[i];

        if (!pl_bits_has(target->service_bits, service) &&
            family_of(builder, service)->has_transition) {
            builder->picked[count++] = service;
        }
    }
    return count;
}

static struct pl_service_transition transition_of(const struct builder *builder, uint32_t service)
{
    const struct pl_catalogue *catalogue = builder->catalogue;
    uint32_t first = builder->first_of_family[catalogue->services[service].family];
    struct pl_service_transition transition = {.service = pl_service_id(catalogue, service),
                                               .service_name = catalogue->services[service].name,
                                               .transition = PL_TRANSITION_REMOVED};

    if (first != 0) {
        transition.replacement = pl_service_id(catalogue, first - 1);
        transition.replacement_name = catalogue->services[first - 1].name;
        transition.transition = PL_TRANSITION_REPLACED;
    }
    return transition;
}

static void build_leaving(struct builder *builder, const struct pl_offer *source,
                          struct pl_edge *edge)
{
    struct pl_arena *arena = &builder->catalogue->arena;
    size_t count = pick_leaving(builder, source, edge->target);
    struct pl_service_transition *transitions = pl_arena_alloc(arena, count * sizeof(*transitions));
    struct pl_account_transition *account_transitions =
        pl_arena_alloc(arena, count * sizeof(*account_transitions));

    for (size_t i = 0; i < count; i++) {
        transitions[i] = transition_of(builder, builder->picked[i]);
        account_transitions[i] =
            (struct pl_account_transition){.service = transitions[i].service,
                                           .replacement = transitions[i].replacement,
                                           .transition = transitions[i].transition};
    }
    edge->leaving = keep_picked(builder, count);
    edge->transitions = transitions;
    edge->account_transitions = account_transitions;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void note_families(struct builder *builder, const struct pl_offer *target)
{
    for (size_t i = target->services.count; i > 0; i--) { /* backwards: the first one stays */
        uint32_t service = target->services.items[i - 1];

        builder->first_of_family[builder->catalogue->services[service].family] = service + 1;
    }
}

static void forget_families(struct builder *builder, const struct pl_offer *target)
{
    for (size_t i = 0; i < target->services.count; i++) {
        uint32_t service = target->services.items[i];

        builder->first_of_family[builder->catalogue->services[service].family] = 0;
    }
}

static void build_offer(struct builder *builder, struct pl_offer *source)
{
    size_t count = source->target_ids.count;
    struct pl_edge *edges = pl_arena_zalloc(&builder->catalogue->arena, count, sizeof(*edges));

    for (size_t i = 0; i < count; i++) {
        struct pl_edge *edge = &edges[i];

        edge->target = pl_catalogue_offer(builder->catalogue, source->target_ids.items[i]);
        build_additional(builder, source, edge);
        note_families(builder, edge->target);
        build_leaving(builder, source, edge);
        forget_families(builder, edge->target);
    }
    source->edges = edges;
}

void pl_catalogue_build_edges(struct pl_catalogue *catalogue)
{
    struct pl_arena scratch = PL_ARENA_INIT;
    struct builder builder = {
        .catalogue = catalogue,
        .first_of_family =
            pl_arena_zalloc(&scratch, catalogue->family_count, sizeof(*builder.first_of_family)),
        .picked = pl_arena_zalloc(&scratch, catalogue->service_count, sizeof(*builder.picked))};

    for (size_t i = 0; i < catalogue->offer_count; i++) {
        build_offer(&builder, &catalogue->offers[i]);
    }
    pl_arena_done(&scratch);
}
