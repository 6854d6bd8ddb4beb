/* What the files of the simulated Redis share. */
#ifndef PL_TESTS_SIM_REDIS_INNER_H
#define PL_TESTS_SIM_REDIS_INNER_H

#include "redis_server.h"
#include "sim.h"

/* A value that a field never had. */
struct sim_garbled {
    struct sim_garbled *next;
    int32_t partition;
    struct pl_bytes field, value;
};

struct sim_redis {
    struct sim_server server;
    uint64_t life;     /* a connection of an earlier one is broken */
    uint64_t commands; /* executed */
    int64_t refused_until_ms, loading_until_ms, read_only_until_ms, full_until_ms;
    uint32_t stale, deleted, damaged; /* bits by partition: not found out yet */
    struct sim_garbled *garbled;
    bool has_connected[SIM_MAX_PROCESSES];
};

/* Made when it is first asked for. */
struct sim_redis *sim_redis_of(struct sim *sim);

/* What may go wrong with the server, right before a command. */
void sim_redis_tempt_fate(struct sim *sim, struct sim_redis *redis);

/* Is a bad time still on? Never while calm. */
bool sim_redis_is_before(const struct sim *sim, int64_t until_ms);

#endif
