/* Sentinels: they know which of a set of Redis servers is the master now. */
#ifndef PL_IO_REDIS_SENTINEL_H
#define PL_IO_REDIS_SENTINEL_H

#include "io/redis_link.h"

/* Ask the sentinels of the URL, one after the other, for the address of the master. *first: whom to
 * ask first; it is set to the one that knew. login: for those that want one.
 * Errors: PL_AGAIN: none knows. Owns: free ret_place->host. */
PL_MUST_CHECK enum pl_status pl_redis_sentinel_ask(const struct pl_redis_login *login,
                                                   size_t *first, struct pl_redis_place *ret_place,
                                                   struct pl_error *error);

/* Is the server on an open link a master? Errors: PL_AGAIN: it is not, or not yet. */
PL_MUST_CHECK enum pl_status pl_redis_sentinel_check(struct pl_redis_link *link,
                                                     struct pl_error *error);

#endif
