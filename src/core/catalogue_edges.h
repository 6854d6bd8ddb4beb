/* What each upgrade changes. */
#ifndef PL_CORE_CATALOGUE_EDGES_H
#define PL_CORE_CATALOGUE_EDGES_H

#include "catalogue_index.h"

/* Fill the edges of every offer, whose target_ids are there already. */
void pl_catalogue_build_edges(struct pl_catalogue *catalogue);

#endif
