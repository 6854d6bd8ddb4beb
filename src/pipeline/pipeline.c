/* The only loop.
 *
 *   upgrade-requests ────┐                                               ┌─> upgrade-results
 *                        ├─> consume > decode > load > decide > encode > commit
 *   subscription-events ─┘                      │                        ├─> subscription-state
 *                                             Redis <────── cache <──────┴─> *.dlq
 *
 * Kafka is the truth: nothing counts before the commit, the cache comes after it, and whatever goes
 * wrong on the way ends with dropping the batch and recovering (recover.c) from what Kafka says. */
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "planlift/log.h"

#define IDLE_WAIT_MS 100
#define AWAY_WAIT_MS 100     /* between the first two tries of something that is away */
#define AWAY_MOST_MS 1600    /* doubled up to this */
#define DRAIN_CHECK_MS 200   /* between two looks whether all is drained */
#define AWAY_REPORT_MS 10000 /* how often the log repeats what is being waited for */

/* What the loop remembers about waiting. */
struct waiting {
    bool is_away;
    unsigned aborts; /* in a row: the second one is not followed by a third at once */
    int wait_ms;     /* before the next try */
    int64_t since_ms;
    int64_t reported_ms;
    struct pl_error reported; /* the reason last told */
};

/* ---- consume --------------------------------------------------------------------------------- */

/* Wait for a record, then take what else is there; a batch that is not full waits for more only
 * if it is configured to. So a lone request goes at once, and a backlog in large batches. */
static enum pl_status consume(struct pl_run *run, int timeout_ms, struct pl_error *error)
{
    int64_t deadline = 0;
    enum pl_status status = PL_OK;
    bool is_idle = false;
    bool is_rebalance = false;
    int wait = run->inbox.count == 0 ? timeout_ms : 0;

    while (status == PL_OK && !is_rebalance && !pl_inbox_is_full(run)) {
        status = pl_poll_group(run, wait, &is_idle, &is_rebalance, error);
        if (status != PL_OK || run->inbox.count == 0) {
            break;
        }
        if (deadline == 0) {
            deadline = pl_monotonic_ms(run) + run->options->batch_max_wait_ms;
        }
        wait = 0;
        if (is_idle) {
            int64_t left =
                run->options->batch_max_wait_ms > 0 ? deadline - pl_monotonic_ms(run) : 0;

            if (left <= 0) {
                break;
            }
            wait = (int)left;
        }
    }
    return status;
}

/* ---- one batch ------------------------------------------------------------------------------- */

static enum pl_status process(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    enum pl_status status;

    pl_batch_begin(run, batch);
    status = pl_decode_batch(run, batch, error);
    if (status == PL_OK) {
        status = pl_load_batch(run, batch, error);
    }
    if (status == PL_OK) {
        status = pl_decide_batch(run, batch, error);
    }
    if (status != PL_OK) {
        return status;
    }
    pl_encode_batch(run, batch);
    status = pl_commit_batch(run, batch, error);
    if (status != PL_OK) {
        run->is_restored = false; /* where our state records are must be found out again */
        return status;
    }
    pl_poison_pass(run);
    pl_brake_count(run, batch);
    pl_inbox_drop(run, batch->count);
    return pl_cache_batch(run, batch, error);
}

/* What to do after a batch or a recovery that did not work. PL_OK: try again. */
static enum pl_status handle_trouble(struct pl_run *run, const struct pl_batch *batch,
                                     enum pl_status status, struct waiting *waiting,
                                     struct pl_error *error)
{
    switch (status) {
    case PL_OK:
        return PL_OK;
    case PL_BAD_DATA:
        return pl_poison_search(run, batch, error);
    case PL_ABORT:
        pl_log(WARN, "starting_over", PL_F_TEXT("reason", error->text));
        run->is_restored = false;
        waiting->is_away = waiting->aborts++ > 0;
        return PL_OK;
    case PL_AGAIN:
    case PL_NOT_FOUND:
        run->is_restored = false;
        waiting->is_away = true;
        return PL_OK;
    case PL_FENCED:
    case PL_FATAL:
        return status;
    }
    return PL_FATAL;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void report_away(const struct pl_run *run, struct waiting *waiting,
                        const struct pl_error *error)
{
    int64_t now = pl_monotonic_ms(run);

    if (waiting->since_ms == 0) {
        waiting->since_ms = now;
    }
    if (waiting->reported_ms == 0 || now - waiting->reported_ms >= AWAY_REPORT_MS ||
        strcmp(waiting->reported.text, error->text) != 0) {
        waiting->reported_ms = now;
        waiting->reported = *error;
        pl_log(WARN, "waiting", PL_F_TEXT("for", error->text),
               PL_F_INT("since_ms", now - waiting->since_ms));
    }
}

/* Something is away: keep our place in the group, and try again a little later. */
static enum pl_status wait_a_little(struct pl_run *run, struct waiting *waiting,
                                    struct pl_error *error)
{
    struct pl_error served;
    enum pl_status status;

    waiting->is_away = false;
    waiting->wait_ms = waiting->wait_ms == 0             ? AWAY_WAIT_MS
                       : waiting->wait_ms < AWAY_MOST_MS ? waiting->wait_ms * 2
                                                         : AWAY_MOST_MS;
    report_away(run, waiting, error);
    status = pl_serve_group(run, waiting->wait_ms, &served);
    if (status == PL_FENCED || status == PL_FATAL) {
        *error = served;
        return status;
    }
    return PL_OK;
}

static void report_back(const struct pl_run *run, struct waiting *waiting)
{
    waiting->aborts = 0;
    waiting->wait_ms = 0;
    if (waiting->since_ms != 0) {
        pl_log(INFO, "going_on", PL_F_INT("after_ms", pl_monotonic_ms(run) - waiting->since_ms));
        *waiting = (struct waiting){.is_away = false};
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static enum pl_status check_drained(struct pl_run *run, int64_t *checked_ms, bool *ret_drained,
                                    struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    int64_t now = pl_monotonic_ms(run);
    enum pl_status status;

    /* Not before we know our share and have looked at its offsets: they may be such that nothing
     * can be gone on from (contract 2), however drained they look. */
    bool is_settled = run->is_member && (run->is_restored || run->owned_count == 0);

    *ret_drained = false;
    if (!run->options->drain || !is_settled || run->inbox.count > 0 ||
        now - *checked_ms < DRAIN_CHECK_MS) {
        return PL_OK;
    }
    *checked_ms = now;
    status = feed->ops->drained(feed->self, ret_drained, error);
    return status == PL_AGAIN ? PL_OK : status; /* cannot be told now */
}

/* One round: recover if need be, take what has come, process it. */
static enum pl_status turn(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (!run->is_restored && run->owned_count > 0) {
        status = pl_recover(run, error);
    }
    pl_brake_wait(run);
    if (status == PL_OK) {
        status = consume(run, IDLE_WAIT_MS, error);
    }
    if (status == PL_OK && run->inbox.count > 0) {
        status = process(run, batch, error);
    }
    return status;
}

static enum pl_status loop(struct pl_run *run, struct pl_error *error)
{
    struct waiting waiting = {.is_away = false};
    int64_t checked_ms = 0;
    enum pl_status status = PL_OK;
    bool is_drained = false;

    while (status == PL_OK && !is_drained && !pl_should_stop(run)) {
        struct pl_batch batch = {.count = 0};

        status = turn(run, &batch, error);
        if (status == PL_OK) {
            report_back(run, &waiting);
            status = check_drained(run, &checked_ms, &is_drained, error);
        }
        status = handle_trouble(run, &batch, status, &waiting, error);
        if (status == PL_OK && waiting.is_away) {
            status = wait_a_little(run, &waiting, error);
        }
    }
    return status;
}

enum pl_status pl_pipeline_run(const struct pl_pipeline_options *options, struct pl_error *error)
{
    struct pl_run run = {.options = options, .batch_limit = options->batch_max_records};
    enum pl_status status;

    run.partitions = calloc((size_t)options->partition_count, sizeof(*run.partitions));
    if (run.partitions == NULL) {
        pl_out_of_memory((size_t)options->partition_count * sizeof(*run.partitions));
    }
    for (int32_t number = 0; number < options->partition_count; number++) {
        run.partitions[number].number = number;
    }
    status = loop(&run, error);
    pl_inbox_drop(&run, run.inbox.count);
    for (int32_t number = 0; number < options->partition_count; number++) {
        pl_buffer_done(&run.partitions[number].checkpoint);
    }
    free(run.partitions);
    free(run.inbox.records);
    pl_arena_done(&run.arena);
    pl_buffer_done(&run.outbox);
    return status;
}
