/* The service's loop: from input records to results, state, dead letters and cache (design 1). */
#ifndef PL_PIPELINE_PIPELINE_H
#define PL_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/catalogue.h"
#include "planlift/codec.h"
#include "planlift/health.h"
#include "planlift/metrics.h"
#include "planlift/ports.h"
#include "planlift/status.h"

/* Everything is borrowed for the time of the run. */
struct pl_pipeline_options {
    struct pl_feed feed;
    struct pl_txn txn;
    struct pl_state_log state_log;
    struct pl_cache cache;
    struct pl_world world;
    const struct pl_catalogue *catalogue;
    struct pl_decoder *decoder;
    uint32_t result_schema_id;
    struct pl_bytes topics[PL_TOPIC_COUNT]; /* names, for headers and messages */
    struct pl_bytes cluster_id;
    struct pl_bytes group_id;
    int32_t partition_count;           /* of the inputs */
    size_t batch_max_records;          /* at least 1 */
    int batch_max_wait_ms;             /* how long a batch that is not full waits for more */
    size_t result_max_accounts;        /* at least 1 */
    int64_t state_delete_retention_ms; /* how long the state topic keeps tombstones */
    bool drain;                        /* end once the feed says that it is drained */
    struct pl_health *health;          /* told of the dead-letter brake; may be NULL */
    struct pl_metrics *metrics;        /* may be NULL */
};

/* Run until asked to stop (PL_OK), drained (PL_OK), or something that cannot be gone on from.
 * Errors: PL_FENCED (another process has taken over), PL_FATAL, PL_BAD_DATA (the catalogue does not
 * go with the state); the text tells the remedy. */
PL_MUST_CHECK enum pl_status pl_pipeline_run(const struct pl_pipeline_options *options,
                                             struct pl_error *error);

#endif
