/* The names of all fields of a partition's hash, for looking it over; the service never asks. */
#ifndef PL_IO_REDIS_NAMES_H
#define PL_IO_REDIS_NAMES_H

#include "io/redis.h"

/* Called for each name, the checkpoint's too; some may come twice. */
typedef void pl_redis_name_fn(void *self, struct pl_bytes name);

/* Over a connection of its own; password as in pl_redis_new. Fields that come or go meanwhile may
 * be told or not. Errors: PL_AGAIN (away, or not allowed). */
PL_MUST_CHECK enum pl_status pl_redis_names(const struct pl_redis_url *url,
                                            const struct pl_secret *password, struct pl_bytes key,
                                            pl_redis_name_fn *take, void *self,
                                            struct pl_error *error);

#endif
