/* Plans of an exclusive family: a user can hold only one of each (contract 4, 6). marks: one for
 * each family of the catalogue, zero before and after. */
#ifndef PL_CORE_EXCLUSIVE_H
#define PL_CORE_EXCLUSIVE_H

#include "catalogue_index.h"

/* Note the offer's exclusive plans that are not among the disabled services (a set; NULL: none), in
 * the marks of their families. */
void pl_plans_mark(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
                   const uint64_t *disabled, uint32_t *marks);

/* Make the marks zero again. */
void pl_plans_clear(const struct pl_catalogue *catalogue, const struct pl_offer *offer,
                    uint32_t *marks);

/* Is another plan of the service's family marked? */
bool pl_plan_is_excluded(const struct pl_catalogue *catalogue, uint32_t service,
                         const uint32_t *marks);

/* Can a user's plan of an exclusive family in the one offer meet another plan of that family in the
 * other? */
bool pl_offers_collide(const struct pl_catalogue *catalogue, const struct pl_offer *a,
                       const struct pl_offer *b, uint32_t *marks);

#endif
