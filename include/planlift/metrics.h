/* What the service counts and measures, for /metrics: written by the threads that do the work, once
 * a batch or a call, read by the HTTP port's. */
#ifndef PL_METRICS_H
#define PL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/dead_letter.h"
#include "planlift/model.h"
#include "planlift/ports.h"

/* What a batch's way is measured in. */
#define PL_STAGES(X)                                                                               \
    X(DECODE, "decode")           /* bytes to requests and events */                               \
    X(LOAD, "load")               /* customers from the cache */                                   \
    X(DECIDE, "decide")           /* rules, results */                                             \
    X(ENCODE, "encode")           /* changed customers */                                          \
    X(FLUSH, "flush")             /* until Kafka has acknowledged every record */                  \
    X(COMMIT, "commit")           /* of the transaction */                                         \
    X(CACHE_READ, "cache_read")   /* one call to Redis; a part of load */                          \
    X(CACHE_WRITE, "cache_write") /* the changes into Redis */

enum pl_stage {
#define X(name, wire) PL_STAGE_##name,
    PL_STAGES(X)
#undef X
};
enum { PL_STAGE_COUNT = 0 PL_STAGES(PL_ONE) };
extern const char *const pl_stage_names[PL_STAGE_COUNT];

/* Upper bounds of the buckets; a last one takes the rest. */
#define PL_BUCKETS_MOST 16
extern const double pl_stage_bounds[]; /* seconds */
extern const size_t pl_stage_bound_count;
extern const double pl_batch_bounds[]; /* records */
extern const size_t pl_batch_bound_count;

struct pl_histogram {
    uint64_t buckets[PL_BUCKETS_MOST]; /* not cumulative */
    uint64_t count;
    double sum;
};

/* What committed batches have come to. */
struct pl_counts {
    uint64_t requests[PL_OPERATION_COUNT][PL_OUTCOME_COUNT]; /* answered */
    uint64_t repeats;                                        /* of an answered request id */
    uint64_t refusals[PL_ERROR_CODE_COUNT]; /* results that have the code, once each */
    uint64_t affected_accounts;
    uint64_t events[PL_EVENT_KIND_COUNT];
    uint64_t dead_letters[PL_INPUT_COUNT][PL_DEAD_LETTER_COUNT];
};

/* How a partition is. */
struct pl_partition_metrics {
    bool is_owned;
    bool is_current;              /* its cache is proven, and it is being worked on */
    int64_t next[PL_INPUT_COUNT]; /* the input offset behind the last one committed; -1: unknown */
    int64_t end[PL_INPUT_COUNT];  /* of the input, as last heard; -1: unknown */
    int64_t catch_up_records;     /* of the state topic, still to read */
};

/* Everything at one moment. */
struct pl_metrics_view {
    struct pl_counts counts;
    struct pl_histogram stages[PL_STAGE_COUNT];
    struct pl_histogram batches;
    uint64_t failed_transactions;
    uint64_t rebuilds;
    uint64_t registry_questions[2]; /* without an answer, and with one */
    char catalogue_version[128];    /* cut; "": none is loaded yet */
    char catalogue_sha256[65];
    struct pl_partition_metrics *partitions; /* by number */
    size_t partition_count;
};

struct pl_metrics; /* all calls may come from any thread; NULL counts nothing */

/* Owns: free with pl_metrics_free, once no other thread uses it. */
struct pl_metrics *pl_metrics_new(void);
void pl_metrics_free(struct pl_metrics *metrics);

/* How many partitions there are; to be called once, before any of them is spoken of. */
void pl_metrics_set_partitions(struct pl_metrics *metrics, size_t count);

/* The catalogue that is decided by; copies. */
void pl_metrics_set_catalogue(struct pl_metrics *metrics, struct pl_bytes version,
                              struct pl_bytes sha256);

/* The schema registry was asked for something. */
void pl_metrics_add_registry_question(struct pl_metrics *metrics, bool is_answered);

/* ---- batches --------------------------------------------------------------------------------- */

/* A batch of so many records was committed. */
void pl_metrics_add_batch(struct pl_metrics *metrics, const struct pl_counts *counts,
                          size_t records);
void pl_metrics_add_failed_transaction(struct pl_metrics *metrics);

/* A clock for pl_metrics_lap, in nanoseconds; 0 where nothing is measured. */
int64_t pl_metrics_clock(const struct pl_metrics *metrics);
/* The stage took from then to now. Returns now: where the next one begins. */
int64_t pl_metrics_lap(struct pl_metrics *metrics, enum pl_stage stage, int64_t then_ns);

/* ---- partitions ------------------------------------------------------------------------------ */

/* These are ours, none else, and none is worked on yet. */
void pl_metrics_set_share(struct pl_metrics *metrics, const int32_t *partitions, size_t count);
/* All of ours are to be restored. */
void pl_metrics_stop(struct pl_metrics *metrics);
/* One is restored, and goes on from these offsets. */
void pl_metrics_start(struct pl_metrics *metrics, int32_t partition,
                      const int64_t next[PL_INPUT_COUNT]);
/* These positions were committed. */
void pl_metrics_commit(struct pl_metrics *metrics, const struct pl_position *positions,
                       size_t count);
void pl_metrics_set_end(struct pl_metrics *metrics, int32_t partition, int input, int64_t end);
void pl_metrics_set_catch_up(struct pl_metrics *metrics, int32_t partition, int64_t records);
/* A partition's cache is made anew from the state topic. */
void pl_metrics_add_rebuild(struct pl_metrics *metrics);

/* ---- reading --------------------------------------------------------------------------------- */

/* Owns: release with pl_metrics_view_done. */
void pl_metrics_read(struct pl_metrics *metrics, struct pl_metrics_view *ret_view);
void pl_metrics_view_done(struct pl_metrics_view *view);

#endif
