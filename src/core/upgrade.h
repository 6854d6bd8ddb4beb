/* What an upgrade does to the licences of its source. */
#ifndef PL_CORE_UPGRADE_H
#define PL_CORE_UPGRADE_H

#include "inquiry.h"

/* Everything that an upgrade does to the licences of its source (contract 6, UPGRADE). */
struct pl_plan {
    const struct pl_affected_account *affected;
    size_t affected_count;
    const struct pl_service_transition *transitions;
    size_t transition_count;
    const struct pl_licence **moved; /* as they are on the new subscription, sorted by user */
    size_t moved_count;
};

/* Only the counts: for CHECK and error 13. */
struct pl_tally pl_upgrade_tally(const struct pl_inquiry *inquiry);

/* The accounts must have been loaded in order of userId. */
void pl_upgrade_plan(const struct pl_inquiry *inquiry, struct pl_plan *ret_plan);

#endif
