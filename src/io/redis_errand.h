/* Commands about keys: all go out before the first answer is read, each to the server that its key
 * is on, and after it where that has moved. */
#ifndef PL_IO_REDIS_ERRAND_H
#define PL_IO_REDIS_ERRAND_H

#include "io/redis_nodes.h"
#include "planlift/arena.h"

struct pl_redis_errand {
    /* Queue the commands; take their answers. Both may be called again, on another link, where the
     * key is elsewhere: nothing was done then (PL_ABORT). */
    enum pl_status (*send)(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                           struct pl_error *error);
    enum pl_status (*take)(const struct pl_redis_errand *errand, struct pl_redis_link *link,
                           struct pl_error *error);
    struct pl_bytes key;
    void *item; /* the caller's */
    struct pl_arena *arena;
    struct pl_redis_link *link; /* where it is; NULL at first */
};

/* Errors: PL_AGAIN, and what take says: what was under way may have been done or not. */
PL_MUST_CHECK enum pl_status pl_redis_errands_run(struct pl_redis_nodes *nodes,
                                                  struct pl_redis_errand *errands, size_t count,
                                                  struct pl_error *error);

#endif
