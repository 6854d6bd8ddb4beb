/* What the core's files share of a customer, beyond planlift/customer.h. */
#ifndef PL_CORE_CUSTOMER_INNER_H
#define PL_CORE_CUSTOMER_INNER_H

#include "planlift/customer.h"

/* One more, or the same at the end of the numbers. */
void pl_customer_next_version(struct pl_customer *customer);

/* The name of a subscription's chunk in the store. */
static inline struct pl_piece pl_chunk_piece(const struct pl_subscription *subscription,
                                             const struct pl_chunk *chunk)
{
    return (struct pl_piece){.kind = PL_PIECE_CHUNK,
                             .ordinal = subscription->ordinal,
                             .chunk_depth = chunk->depth,
                             .chunk_start = chunk->start};
}

/* All licences in no particular order; every chunk must be loaded. Returns licence_count pointers
 * in the arena. */
const struct pl_licence **pl_licences_list(const struct pl_subscription *subscription,
                                           struct pl_arena *arena);

/* Give a subscription without licences these, all at once. licences: sorted by user_id, each user
 * once; the pointers are put in another order. What they point to is copied, the views in it are
 * borrowed. */
void pl_licences_fill(struct pl_subscription *subscription, const struct pl_licence **licences,
                      size_t count, struct pl_arena *arena);

#endif
