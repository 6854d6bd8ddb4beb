/* Counters and histograms under one lock, which is taken a few times a batch. */
#include "planlift/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "planlift/arena.h"

const char *const pl_stage_names[PL_STAGE_COUNT] = {
#define X(name, wire) wire,
    PL_STAGES(X)
#undef X
};

const double pl_stage_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                  0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};
const size_t pl_stage_bound_count = sizeof(pl_stage_bounds) / sizeof(pl_stage_bounds[0]);
const double pl_batch_bounds[] = {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};
const size_t pl_batch_bound_count = sizeof(pl_batch_bounds) / sizeof(pl_batch_bounds[0]);

struct pl_metrics {
    pthread_mutex_t lock;
    struct pl_metrics_view now;
};

static void *zalloc(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);

    if (memory == NULL) {
        pl_out_of_memory(count * size);
    }
    return memory;
}

/* Neither can fail: the lock is not recursive, nor robust. */
static struct pl_metrics_view *hold(struct pl_metrics *metrics)
{
    (void)pthread_mutex_lock(&metrics->lock);
    return &metrics->now;
}

static void release(struct pl_metrics *metrics)
{
    (void)pthread_mutex_unlock(&metrics->lock);
}

struct pl_metrics *pl_metrics_new(void)
{
    struct pl_metrics *metrics = zalloc(1, sizeof(*metrics));

    (void)pthread_mutex_init(&metrics->lock, NULL); /* cannot fail with the default attributes */
    return metrics;
}

void pl_metrics_free(struct pl_metrics *metrics)
{
    if (metrics != NULL) {
        (void)pthread_mutex_destroy(&metrics->lock); /* nobody holds it any more */
        free(metrics->now.partitions);
        free(metrics);
    }
}

void pl_metrics_set_partitions(struct pl_metrics *metrics, size_t count)
{
    struct pl_metrics_view *now;

    if (metrics != NULL) {
        now = hold(metrics);
        now->partitions = zalloc(count, sizeof(*now->partitions));
        now->partition_count = count;
        release(metrics);
    }
}

void pl_metrics_set_catalogue(struct pl_metrics *metrics, struct pl_bytes version,
                              struct pl_bytes sha256)
{
    struct pl_metrics_view *now;

    if (metrics != NULL) {
        now = hold(metrics);
        (void)snprintf(now->catalogue_version, sizeof(now->catalogue_version), "%.*s",
                       (int)version.len, version.data); /* cut to fit */
        (void)snprintf(now->catalogue_sha256, sizeof(now->catalogue_sha256), "%.*s",
                       (int)sha256.len, sha256.data);
        release(metrics);
    }
}

/* ---- batches --------------------------------------------------------------------------------- */

static void observe(struct pl_histogram *histogram, const double *bounds, size_t bound_count,
                    double value)
{
    size_t bucket = 0;

    while (bucket < bound_count && value > bounds[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += value;
}

static void add_all(uint64_t *sums, const uint64_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sums[i] += counts[i];
    }
}

void pl_metrics_add_batch(struct pl_metrics *metrics, const struct pl_counts *counts,
                          size_t records)
{
    struct pl_counts *sums;

    if (metrics == NULL) {
        return;
    }
    sums = &hold(metrics)->counts;
    add_all(&sums->requests[0][0], &counts->requests[0][0],
            (size_t)PL_OPERATION_COUNT * PL_OUTCOME_COUNT);
    sums->repeats += counts->repeats;
    add_all(sums->refusals, counts->refusals, PL_ERROR_CODE_COUNT);
    sums->affected_accounts += counts->affected_accounts;
    add_all(sums->events, counts->events, PL_EVENT_KIND_COUNT);
    add_all(&sums->dead_letters[0][0], &counts->dead_letters[0][0],
            (size_t)PL_INPUT_COUNT * PL_DEAD_LETTER_COUNT);
    observe(&metrics->now.batches, pl_batch_bounds, pl_batch_bound_count, (double)records);
    release(metrics);
}

void pl_metrics_add_failed_transaction(struct pl_metrics *metrics)
{
    if (metrics != NULL) {
        hold(metrics)->failed_transactions++;
        release(metrics);
    }
}

int64_t pl_metrics_clock(const struct pl_metrics *metrics)
{
    struct timespec now;

    if (metrics == NULL) {
        return 0;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pl_metrics_lap(struct pl_metrics *metrics, enum pl_stage stage, int64_t then_ns)
{
    int64_t now_ns = pl_metrics_clock(metrics);

    if (metrics != NULL) {
        observe(&hold(metrics)->stages[stage], pl_stage_bounds, pl_stage_bound_count,
                (double)(now_ns - then_ns) / 1e9);
        release(metrics);
    }
    return now_ns;
}

/* ---- partitions ------------------------------------------------------------------------------ */

static const struct pl_partition_metrics nothing_known = {.next = {-1, -1}, .end = {-1, -1}};

void pl_metrics_set_share(struct pl_metrics *metrics, const int32_t *partitions, size_t count)
{
    struct pl_metrics_view *now;

    if (metrics == NULL) {
        return;
    }
    now = hold(metrics);
    for (size_t number = 0; number < now->partition_count; number++) {
        now->partitions[number] = nothing_known;
    }
    for (size_t i = 0; i < count; i++) {
        now->partitions[partitions[i]].is_owned = true;
    }
    release(metrics);
}

void pl_metrics_stop(struct pl_metrics *metrics)
{
    struct pl_metrics_view *now;

    if (metrics == NULL) {
        return;
    }
    now = hold(metrics);
    for (size_t number = 0; number < now->partition_count; number++) {
        now->partitions[number].is_current = false;
    }
    release(metrics);
}

void pl_metrics_start(struct pl_metrics *metrics, int32_t partition,
                      const int64_t next[PL_INPUT_COUNT])
{
    struct pl_partition_metrics *started;

    if (metrics != NULL) {
        started = &hold(metrics)->partitions[partition];
        started->is_current = true;
        started->catch_up_records = 0;
        memcpy(started->next, next, sizeof(started->next));
        release(metrics);
    }
}

void pl_metrics_commit(struct pl_metrics *metrics, const struct pl_position *positions,
                       size_t count)
{
    struct pl_metrics_view *now;

    if (metrics == NULL) {
        return;
    }
    now = hold(metrics);
    for (size_t i = 0; i < count; i++) {
        struct pl_partition_metrics *partition = &now->partitions[positions[i].partition];

        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            if (positions[i].next[input] >= 0) {
                partition->next[input] = positions[i].next[input];
            }
        }
    }
    release(metrics);
}

void pl_metrics_set_end(struct pl_metrics *metrics, int32_t partition, int input, int64_t end)
{
    if (metrics != NULL) {
        hold(metrics)->partitions[partition].end[input] = end;
        release(metrics);
    }
}

void pl_metrics_set_catch_up(struct pl_metrics *metrics, int32_t partition, int64_t records)
{
    if (metrics != NULL) {
        hold(metrics)->partitions[partition].catch_up_records = records;
        release(metrics);
    }
}

void pl_metrics_add_rebuild(struct pl_metrics *metrics)
{
    if (metrics != NULL) {
        hold(metrics)->rebuilds++;
        release(metrics);
    }
}

void pl_metrics_add_registry_question(struct pl_metrics *metrics, bool is_answered)
{
    if (metrics != NULL) {
        hold(metrics)->registry_questions[is_answered ? 1 : 0]++;
        release(metrics);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

void pl_metrics_read(struct pl_metrics *metrics, struct pl_metrics_view *ret_view)
{
    const struct pl_metrics_view *now = hold(metrics);

    *ret_view = *now;
    ret_view->partitions = zalloc(now->partition_count, sizeof(*now->partitions));
    if (now->partition_count > 0) {
        memcpy(ret_view->partitions, now->partitions,
               now->partition_count * sizeof(*now->partitions));
    }
    release(metrics);
}

void pl_metrics_view_done(struct pl_metrics_view *view)
{
    free(view->partitions);
    view->partitions = NULL;
}
