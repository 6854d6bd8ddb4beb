/* The pipeline's ports, watched: each call is a beat, and what it ends with is what the service's
 * readiness says of Kafka, Redis and our partitions. So the pipeline need not know of either. */
#ifndef PL_CLI_WATCHED_H
#define PL_CLI_WATCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/health.h"
#include "planlift/metrics.h"
#include "planlift/ports.h"

/* Filled by the caller down to `redis`, zero below. Must stay where it is while it is used.
 * Threads: those of the ports (planlift/ports.h). */
struct pl_watched {
    struct pl_health *health;
    struct pl_feed feed; /* the real ones */
    struct pl_txn txn;
    struct pl_state_log state_log;
    struct pl_cache cache;
    struct pl_world world;
    /* Is the cache there and fit for use? Asked while there is nothing else to do. NULL: not. */
    enum pl_status (*check_redis)(void *redis, struct pl_error *error);
    void *redis;
    struct pl_metrics *metrics; /* NULL: nothing is measured */
    int32_t partition_count;
    /* The end of an input partition as last heard, -1: unknown. NULL: nobody knows. */
    int64_t (*input_end)(void *kafka, int input, int32_t partition);
    void *kafka;

    size_t owned_count;
    size_t started_count;
    bool is_restored;
    int64_t looked_ms;
    int64_t state_first; /* of the state log last asked for */
    int64_t state_end;
    /* The stage that made it unmet; NULL: none. */
    const char *_Atomic failed[PL_CONDITION_COUNT];
    /* Where a call ended with PL_FATAL: "kafka" or "redis"; NULL: none did. */
    const char *_Atomic fatal;
};

/* The ports to give to the pipeline in place of the real ones. */
struct pl_feed pl_watched_feed(struct pl_watched *watched);
struct pl_txn pl_watched_txn(struct pl_watched *watched);
struct pl_state_log pl_watched_state_log(struct pl_watched *watched);
struct pl_cache pl_watched_cache(struct pl_watched *watched);
struct pl_world pl_watched_world(struct pl_watched *watched);

#endif
