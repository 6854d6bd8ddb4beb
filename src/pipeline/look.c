/* look: before an owned partition is restored. What can be told to be refused is refused here,
 * while the cache and everything else are still as they were: it may be the last copy of a state
 * whose topic was lost, or another version's that will be run again. */
#include <inttypes.h>

#include "flow.h"

struct look {
    struct pl_run *run;
    int32_t partition;
    int64_t first, end; /* of the state log */
    bool has_progress;
    struct pl_last_progress last;
};

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
                                          &look->last.next[input], &end, error);
        }
        if (status == PL_OK) {
            const struct pl_position_claim claim = {.partition = look->partition,
                                                    .input = input,
                                                    .committed = committed[input],
                                                    .progress = look->last.next[input],
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
    status = pl_find_progress(run, &(struct pl_state_span){partition, look.first, look.end},
                              &look.last, error);
    look.has_progress = status == PL_OK;
    if (status == PL_OK) {
        status = pl_decided_by_check(run, partition, &look.last.decided_by, error);
    }
    return status == PL_OK || status == PL_NOT_FOUND ? look_at_positions(&look, committed, error)
                                                     : status;
}
