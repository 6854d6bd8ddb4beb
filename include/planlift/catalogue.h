/* The upgrade catalogue of contract section 4: offers, their services, the upgrade matrix. */
#ifndef PL_CATALOGUE_H
#define PL_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/bytes.h"
#include "planlift/status.h"

/* What a catalogue file says, before it is checked. Views may borrow from the parsed document;
 * pl_catalogue_new copies what it keeps. */
struct pl_family_spec {
    struct pl_bytes id, name;
    bool exclusive, conflicts, transition;
};
struct pl_service_spec {
    struct pl_bytes id, name, guid, family; /* guid optional */
};
struct pl_offer_spec {
    struct pl_bytes id, name, sku, guid; /* sku, guid optional */
    int32_t max_seats;                   /* 0: no limit */
    struct pl_names services;
};
struct pl_upgrade_spec {
    struct pl_bytes offer;
    struct pl_names targets;
};
struct pl_catalogue_spec {
    struct pl_bytes version;
    struct pl_bytes sha256; /* of the text it was read from, as sha256sum prints it */
    const struct pl_family_spec *families;
    size_t family_count;
    const struct pl_service_spec *services;
    size_t service_count;
    const struct pl_offer_spec *offers;
    size_t offer_count;
    const struct pl_upgrade_spec *upgrades;
    size_t upgrade_count;
};

struct pl_catalogue; /* immutable once built; may be shared by threads */

/* Check the references and build the look-ups.
 * Errors: PL_BAD_DATA (unknown reference, an offer that upgrades to itself, a repeat in a list, a
 * repeated id, empty id), the text names the place in the form offers."x".services[3] and the
 * reason.
 * Owns: the caller frees *ret_catalogue with pl_catalogue_free; copies all it keeps of spec. */
PL_MUST_CHECK enum pl_status pl_catalogue_new(const struct pl_catalogue_spec *spec,
                                              struct pl_error *error,
                                              struct pl_catalogue **ret_catalogue);
void pl_catalogue_free(struct pl_catalogue *catalogue); /* NULL is fine */

struct pl_bytes pl_catalogue_version(const struct pl_catalogue *catalogue);
/* By which it is told from another of the same version. */
struct pl_bytes pl_catalogue_sha256(const struct pl_catalogue *catalogue);

/* Name of an offer or service; the id itself where the catalogue lacks it (contract 3). */
struct pl_bytes pl_catalogue_offer_name(const struct pl_catalogue *catalogue, struct pl_bytes id);
struct pl_bytes pl_catalogue_service_name(const struct pl_catalogue *catalogue, struct pl_bytes id);

/* Targets of an offer in the catalogue's order; none where it is unknown or has no upgrades. */
struct pl_names pl_catalogue_targets(const struct pl_catalogue *catalogue,
                                     struct pl_bytes offer_id);

/* Totals for people ("11 offers, 112 services"). */
struct pl_catalogue_counts {
    size_t families, services, offers, upgrades; /* upgrades: edges of the matrix */
};
struct pl_catalogue_counts pl_catalogue_count(const struct pl_catalogue *catalogue);

#endif
