/* Services that exclude a plan which a user has elsewhere. */
#ifndef PL_CORE_COLLISION_H
#define PL_CORE_COLLISION_H

#include "inquiry.h"

/* Services of the target that exclude a plan which the user has enabled elsewhere, in the target's
 * order. Returns their number. ret_ids has room for all exclusive services of the target, or is
 * NULL: then the first one ends the search. */
size_t pl_collisions(const struct pl_inquiry *inquiry, const struct pl_account *account,
                     const struct pl_elsewhere *elsewhere, struct pl_bytes *ret_ids);

#endif
