/* The only loop.
 *
 *   upgrade-requests ────┐                                               ┌─> upgrade-results
 *                        ├─> consume > decode > load > decide > encode > commit
 *   subscription-events ─┘                      │                        ├─> subscription-state
 *                                             Redis <────── cache <──────┴─> *.dlq
 *
 * Kafka is the truth: nothing counts before the commit, the cache comes after it, and whatever goes
 * wrong on the way ends with dropping the batch and recovering (recover.c) from what Kafka says.
 *
 * While one batch is in flight, that is sent and committed by the helper thread, the next one is
 * taken in and decided on what that one will have made of the state; it is launched only once that
 * one has landed. */
#include "pipeline/pipeline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "planlift/log.h"

#define IDLE_WAIT_MS 100
#define FLIGHT_WAIT_MS 1      /* for the batch in flight, between looks at what has come */
#define FLIGHT_MOST_WAITS 100 /* then it is waited for, so that the watchdog sees one that hangs */
#define AWAY_WAIT_MS 100      /* between the first two tries of something that is away */
#define AWAY_MOST_MS 1600     /* doubled up to this */
#define DRAIN_CHECK_MS 200    /* between two looks whether all is drained */
#define AWAY_REPORT_MS 10000  /* how often the log repeats what is being waited for */

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

#define ENOUGH (-1) /* instead of a time to wait */

/* How taking in goes on when nothing came. */
struct patience {
    int64_t deadline_ms; /* of a batch that is not full; 0: it has no record yet */
    int flight_waits;
    bool has_landed; /* the batch in flight */
    bool has_waited; /* for a first record */
};

/* How long to wait for a further record; ENOUGH: no longer. What is there goes at once, unless it
 * is configured to wait, or the batch in flight would have to be waited for in any case: that wait
 * is here, so that it ends when that one has, and the record that has come meanwhile goes along. */
static int wait_for_more(const struct pl_run *run, struct patience *patience)
{
    const struct pl_world *world = &run->options->world;
    int64_t now;

    if (run->flying != NULL && !patience->has_landed) {
        patience->has_landed = world->ops->await(world->self, FLIGHT_WAIT_MS);
        return patience->has_landed || patience->flight_waits++ < FLIGHT_MOST_WAITS ? 0 : ENOUGH;
    }
    if (run->inbox.count == 0) {
        bool is_first = !patience->has_waited && run->flying == NULL;

        patience->has_waited = true;
        return is_first ? IDLE_WAIT_MS : ENOUGH;
    }
    now = pl_monotonic_ms(run);
    if (patience->deadline_ms == 0) {
        patience->deadline_ms = now + run->options->batch_max_wait_ms;
    }
    return patience->deadline_ms > now ? (int)(patience->deadline_ms - now) : ENOUGH;
}

/* Take what is there, and wait for it where nothing is. So a lone request goes at once, and a
 * backlog in large batches. */
static enum pl_status consume(struct pl_run *run, struct pl_error *error)
{
    struct patience patience = {.deadline_ms = 0};
    enum pl_status status = PL_OK;
    bool is_idle = false;
    bool is_rebalance = false;
    int wait = 0;

    while (status == PL_OK && !is_rebalance && !pl_inbox_is_full(run)) {
        status = pl_poll_group(run, wait, &is_idle, &is_rebalance, error);
        wait = is_idle ? wait_for_more(run, &patience) : 0;
        if (wait == ENOUGH) {
            break;
        }
    }
    return status;
}

/* ---- one batch ------------------------------------------------------------------------------- */

/* The batch in flight must have gone through before anything else is sent, or its state asked for.
 * Its changes go into the cache while the next one, if there is one, is in flight. */
static enum pl_status land_and_launch(struct pl_run *run, struct pl_batch *next,
                                      struct pl_error *error)
{
    struct pl_batch *landed = run->flying;
    enum pl_status status = PL_OK;

    if (landed != NULL) {
        status = pl_land_batch(run, error);
    }
    if (status == PL_OK && next != NULL) {
        status = pl_launch_batch(run, next, error);
    }
    /* Where partitions came or went meanwhile, the cache is not ours to write any more. */
    if (status == PL_OK && landed != NULL && run->is_restored) {
        status = pl_cache_batch(run, landed, error);
    }
    return status;
}

static enum pl_status process(struct pl_run *run, struct pl_error *error)
{
    struct pl_batch *batch = &run->batches[run->flying == &run->batches[0] ? 1 : 0];
    struct pl_metrics *metrics = run->options->metrics;
    int64_t lap = pl_metrics_clock(metrics);
    enum pl_status status;

    run->suspect = batch;
    pl_batch_begin(run, batch);
    status = pl_decode_batch(run, batch, error);
    lap = pl_metrics_lap(metrics, PL_STAGE_DECODE, lap);
    if (status == PL_OK) {
        status = pl_load_batch(run, batch, error);
        lap = pl_metrics_lap(metrics, PL_STAGE_LOAD, lap);
    }
    if (status == PL_OK) {
        status = pl_decide_batch(run, batch, error);
        lap = pl_metrics_lap(metrics, PL_STAGE_DECIDE, lap);
    }
    if (status != PL_OK) {
        return status;
    }
    pl_encode_batch(run, batch);
    (void)pl_metrics_lap(metrics, PL_STAGE_ENCODE, lap);
    return land_and_launch(run, batch, error);
}

/* What to do after a batch or a recovery that did not work. PL_OK: try again. */
static enum pl_status handle_trouble(struct pl_run *run, enum pl_status status,
                                     struct waiting *waiting, struct pl_error *error)
{
    switch (status) {
    case PL_OK:
        return PL_OK;
    case PL_BAD_DATA:
        return pl_poison_search(run, run->suspect, error);
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
    if (!run->options->drain || !is_settled || run->inbox.count > 0 || run->flying != NULL ||
        now - *checked_ms < DRAIN_CHECK_MS) {
        return PL_OK;
    }
    *checked_ms = now;
    status = feed->ops->drained(feed->self, ret_drained, error);
    return status == PL_AGAIN ? PL_OK : status; /* cannot be told now */
}

/* One round: recover if need be, take in what has come, process it. */
static enum pl_status turn(struct pl_run *run, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = PL_OK;

    run->suspect = NULL;
    if (run->flying == NULL && txn->ops->has_lost_contact(txn->self)) {
        run->is_restored = false; /* what was committed last may hang */
    }
    if (!run->is_restored) {
        status = land_and_launch(run, NULL, error);
        if (status == PL_OK) {
            status = pl_settle(run, error);
        }
        if (status == PL_OK && run->owned_count > 0) {
            status = pl_recover(run, error);
        }
    }
    pl_brake_wait(run);
    if (status == PL_OK) {
        status = consume(run, error);
    }
    if (status == PL_OK && run->inbox.count > 0) {
        return process(run, error);
    }
    return status == PL_OK ? land_and_launch(run, NULL, error) : status;
}

static enum pl_status loop(struct pl_run *run, struct pl_error *error)
{
    struct waiting waiting = {.is_away = false};
    int64_t checked_ms = 0;
    enum pl_status status = PL_OK;
    bool is_drained = false;

    while (status == PL_OK && !is_drained && !pl_should_stop(run)) {
        bool was_flying = run->flying != NULL;

        status = turn(run, error);
        if (status == PL_OK && (was_flying || run->flying == NULL)) { /* else it has yet to land */
            report_back(run, &waiting);
        }
        if (status == PL_OK) {
            status = check_drained(run, &checked_ms, &is_drained, error);
        }
        status = handle_trouble(run, status, &waiting, error);
        if (status == PL_OK && waiting.is_away) {
            status = wait_a_little(run, &waiting, error);
        }
    }
    return status;
}

/* What is in flight ends whatever has ended the loop; only then may anything be taken down. */
static void finish(struct pl_run *run)
{
    struct pl_error error;
    enum pl_status status = land_and_launch(run, NULL, &error);

    if (status != PL_OK) { /* the next start finds out what has come of it */
        pl_log(INFO, "last_batch", PL_F_TEXT("outcome", error.text));
    }
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
    finish(&run);
    pl_inbox_drop(&run, run.inbox.count);
    for (int32_t number = 0; number < options->partition_count; number++) {
        pl_buffer_done(&run.partitions[number].checkpoint);
    }
    free(run.partitions);
    free(run.inbox.records);
    pl_batch_done(&run.batches[0]);
    pl_batch_done(&run.batches[1]);
    pl_arena_done(&run.arena);
    return status == PL_FATAL && run.is_misconfigured ? PL_BAD_DATA : status;
}
