/* look: before an owned partition is restored. What can be told to be refused is refused here,
 * while the cache and everything else are still as they were: it may be the last copy of a state
 * whose topic was lost, or another version's that will be run again. */
#include <inttypes.h>

#include "flow.h"

/* Where to look for the newest progress record: it is the last record of a transaction, but aborted
 * ones may follow. */
#define FIRST_STEP_BACK 2
#define STEP_FACTOR 16

struct look {
    struct pl_run *run;
    int32_t partition;
    int64_t first, end; /* of the state log */
    bool has_progress;
    struct pl_progress progress;     /* the newest that was seen */
    struct pl_decided_by decided_by; /* as it says */
};

/* ---- the state log --------------------------------------------------------------------------- */

static enum pl_status take_record(void *self, const struct pl_state_event *event,
                                  struct pl_error *error)
{
    struct look *look = self;
    enum pl_status status;

    if (!pl_bytes_equal(event->key, PL_PROGRESS_FIELD)) {
        return PL_OK;
    }
    status = pl_progress_check(look->run, look->partition, event, &look->progress, error);
    if (status == PL_OK) {
        look->has_progress = true;
        pl_decided_by_note(look->run, &look->progress, &look->decided_by);
    }
    return status;
}

/* Look for the newest progress record, further back if there is none. */
static enum pl_status find_progress(struct look *look, struct pl_error *error)
{
    int64_t back = FIRST_STEP_BACK;
    struct pl_state_span span = {look->partition, look->end, look->end};
    int64_t position;
    enum pl_status status = PL_OK;

    while (status == PL_OK && !look->has_progress && span.from > look->first) {
        span.from = look->end - look->first > back ? look->end - back : look->first;
        status = pl_state_read(look->run, &span, take_record, look, &position, error);
        back *= STEP_FACTOR;
    }
    return status;
}

/* ---- one partition --------------------------------------------------------------------------- */

/* The cache's own words. *ret_is_usable: the restore will go on from it. */
static enum pl_status look_at_cache(const struct look *look, bool *ret_is_usable,
                                    struct pl_error *error)
{
    const struct pl_cache *cache = &look->run->options->cache;
    struct pl_cache_read read = {.partition = look->partition};
    struct pl_checkpoint checkpoint;
    enum pl_status status = cache->ops->read(cache->self, &read, 1, &look->run->arena, error);

    *ret_is_usable = false;
    if (status != PL_OK || pl_bytes_is_null(read.checkpoint)) {
        return status;
    }
    status = pl_checkpoint_decode(read.checkpoint, &checkpoint, error);
    if (status == PL_FATAL) {
        return pl_fail_at(error, status, "Redis, hash planlift:{%s:p%" PRId32 "}",
                          look->run->options->group_id.data, look->partition);
    }
    *ret_is_usable = status == PL_OK && pl_checkpoint_fault(look->run->options, &checkpoint,
                                                            look->first, look->end) == NULL;
    return PL_OK;
}

/* The group's offsets against what the state says it has taken in. */
static enum pl_status look_at_positions(struct look *look, const int64_t committed[PL_INPUT_COUNT],
                                        struct pl_error *error)
{
    const struct pl_feed *feed = &look->run->options->feed;
    enum pl_status status = PL_OK;

    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        int64_t end;

        if (!look->has_progress) { /* the very first start: from the earliest record */
            status = feed->ops->log_range(feed->self, (enum pl_topic)input, look->partition,
                                          &look->progress.next[input], &end, error);
        }
        if (status == PL_OK) {
            const struct pl_position_claim claim = {.partition = look->partition,
                                                    .input = input,
                                                    .committed = committed[input],
                                                    .progress = look->progress.next[input],
                                                    .has_state = look->has_progress};

            status = pl_position_check(look->run, &claim, error);
        }
    }
    return status;
}

enum pl_status pl_look(struct pl_run *run, int32_t partition,
                       const int64_t committed[PL_INPUT_COUNT], struct pl_error *error)
{
    const struct pl_state_log *log = &run->options->state_log;
    struct look look = {.run = run, .partition = partition};
    bool is_usable = false;
    enum pl_status status = log->ops->range(log->self, partition, &look.first, &look.end, error);

    pl_arena_reset(&run->arena);
    if (status == PL_OK) {
        status = look_at_cache(&look, &is_usable, error);
    }
    if (status != PL_OK || is_usable) {
        return status;
    }
    status = find_progress(&look, error);
    if (status == PL_OK) {
        status = pl_decided_by_check(run, partition, &look.decided_by, error);
    }
    return status == PL_OK ? look_at_positions(&look, committed, error) : status;
}
