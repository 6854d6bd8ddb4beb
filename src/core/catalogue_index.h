/* The catalogue as the core reads it: everything by position, and per upgrade what it changes.
 * Services are numbered in the order of their ids, so that ascending numbers are sorted ids. */
#ifndef PL_CORE_CATALOGUE_INDEX_H
#define PL_CORE_CATALOGUE_INDEX_H

#include "id_index.h"
#include "planlift/arena.h"
#include "planlift/catalogue.h"
#include "planlift/model.h"

struct pl_family {
    bool is_exclusive;
    bool has_conflicts;
    bool has_transition;
};

struct pl_service {
    struct pl_bytes name;
    uint32_t family;
};

/* Positions of services. */
struct pl_positions {
    const uint32_t *items;
    size_t count;
};

struct pl_edge;

struct pl_offer {
    struct pl_bytes id;
    struct pl_bytes name;
    int32_t max_seats;           /* 0: no limit */
    struct pl_names service_ids; /* in the offer's order, as are the next two */
    struct pl_positions services;
    struct pl_positions exclusive; /* those of exclusive families */
    struct pl_positions by_id;     /* all, ascending */
    const uint64_t *service_bits;
    struct pl_names target_ids;  /* in the catalogue's order */
    const struct pl_edge *edges; /* one for each target */
};

/* An upgrade: what its target has and its source lacks, and the other way round (contract 6). */
struct pl_edge {
    const struct pl_offer *target;
    struct pl_names additional_ids; /* in the target, not in the source; in the target's order */
    const uint64_t *additional_bits;
    struct pl_positions conflicting; /* additional ones of families with `conflicts` */
    const uint64_t *conflicting_bits;
    struct pl_positions leaving; /* services of the source, in its order, that the target lacks and
                                    whose family has `transition` */
    const struct pl_service_transition *transitions;         /* one for each leaving, accounts 0 */
    const struct pl_account_transition *account_transitions; /* of a user who has all enabled */
};

struct pl_catalogue {
    struct pl_arena arena; /* holds everything, the catalogue too */
    struct pl_bytes version, sha256;
    struct pl_id_index family_index;
    struct pl_family *families;
    size_t family_count;
    struct pl_id_index service_index;
    struct pl_service *services;
    size_t service_count;
    struct pl_id_index offer_index;
    struct pl_offer *offers;
    size_t offer_count;
    size_t edge_count;
    size_t service_words; /* of a set of services */
    size_t family_words;  /* of a set of families */
};

static inline struct pl_bytes pl_service_id(const struct pl_catalogue *catalogue, uint32_t service)
{
    return catalogue->service_index.ids[service];
}

/* NULL where the catalogue lacks it: then it has no services, no targets and no maxSeats. */
const struct pl_offer *pl_catalogue_offer(const struct pl_catalogue *catalogue, struct pl_bytes id);

/* The most seats that an offer allows; NULL: one that the catalogue lacks. */
static inline int32_t pl_seat_limit(const struct pl_offer *offer)
{
    return offer == NULL || offer->max_seats == 0 ? INT32_MAX : offer->max_seats;
}

#endif
