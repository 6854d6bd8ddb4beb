/* The simulated Redis as the schedule sees it. Its clients see hiredis's functions. */
#ifndef PL_TESTS_SIM_REDIS_H
#define PL_TESTS_SIM_REDIS_H

#include "planlift/bytes.h"
#include "sim.h"

/* Was this value put into the field by the simulation (REDIS_FIELD_GARBLED), so that it may still
 * be there at rest if nobody has asked for it? */
bool sim_redis_is_garbled(const struct sim *sim, int32_t partition, struct pl_bytes field,
                          struct pl_bytes value);

/* Commands that were executed, ever. */
uint64_t sim_redis_commands(const struct sim *sim);

#endif
