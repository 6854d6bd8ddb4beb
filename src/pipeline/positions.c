/* positions: where to go on in the inputs of a restored partition, or why that cannot be done. */
#include <inttypes.h>

#include "flow.h"
#include "planlift/log.h"

enum pl_status pl_position_check(const struct pl_run *run, const struct pl_position_claim *claim,
                                 struct pl_error *error)
{
    const char *topic = run->options->topics[claim->input].data;
    const char *state = run->options->topics[PL_TOPIC_STATE].data;
    const struct pl_feed *feed = &run->options->feed;
    int32_t number = claim->partition;
    int64_t first;
    int64_t end;
    enum pl_status status =
        feed->ops->log_range(feed->self, (enum pl_topic)claim->input, number, &first, &end, error);

    if (status != PL_OK) {
        return status;
    }
    if (claim->committed > claim->progress && !claim->has_state) {
        return pl_fail(error, PL_FATAL,
                       "the group's offset of %s/%" PRId32 " is %" PRId64 ", ahead of what the "
                       "state has taken in (%" PRId64 "): %s holds nothing for this partition, "
                       "was lost or made anew, or the offset was set before the first start. Put "
                       "the state back, or delete the group's offsets (kafka-consumer-groups.sh "
                       "--delete) to begin at the earliest record, which answers all requests that "
                       "are still there again",
                       topic, number, claim->committed, claim->progress, state);
    }
    if (claim->committed > claim->progress) {
        return pl_fail(error, PL_FATAL,
                       "the group's offset of %s/%" PRId32 " is %" PRId64 ", ahead of what the "
                       "state has taken in (%" PRId64 "): records between would be skipped. Set "
                       "the group's offset back to %" PRId64 " (kafka-consumer-groups.sh "
                       "--reset-offsets) and start again",
                       topic, number, claim->committed, claim->progress, claim->progress);
    }
    if (claim->progress > end) {
        return pl_fail(error, PL_FATAL,
                       "the state has taken in %s/%" PRId32 " up to %" PRId64 ", but the log ends "
                       "at %" PRId64 ": the topic was made anew or lost records. Start with a new "
                       "group.id and a new %s",
                       topic, number, claim->progress, end, state);
    }
    if (claim->progress < first) {
        return pl_fail(error, PL_FATAL,
                       "%s/%" PRId32 " begins at %" PRId64 ", but planlift has taken it in only up "
                       "to %" PRId64
                       ": records between were deleted unread. Restore them, or start "
                       "with a new group.id and a new %s",
                       topic, number, first, claim->progress, state);
    }
    return PL_OK;
}

/* The progress in the state log says what was applied, so it counts (contract 2). */
enum pl_status pl_find_positions(struct pl_run *run, struct pl_partition *partition,
                                 const int64_t committed[PL_INPUT_COUNT], bool *ret_is_behind,
                                 struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status = PL_OK;

    *ret_is_behind = partition->progress_offset < 0;
    for (int input = 0; status == PL_OK && input < PL_INPUT_COUNT; input++) {
        int64_t *next = &partition->progress.next[input];
        int64_t end;

        if (partition->progress_offset < 0) { /* the very first start: from the earliest record */
            status = feed->ops->log_range(feed->self, (enum pl_topic)input, partition->number, next,
                                          &end, error);
        }
        if (status == PL_OK) {
            const struct pl_position_claim claim = {.partition = partition->number,
                                                    .input = input,
                                                    .committed = committed[input],
                                                    .progress = *next,
                                                    .has_state = partition->progress_offset >= 0};

            status = pl_position_check(run, &claim, error);
        }
        if (status == PL_OK && committed[input] != *next) {
            *ret_is_behind = true;
            if (partition->progress_offset >= 0) {
                pl_log(WARN, "group_offset_behind",
                       PL_F_TEXT("topic", run->options->topics[input].data),
                       PL_F_INT("partition", partition->number),
                       PL_F_INT("committed", committed[input]), PL_F_INT("going_on_from", *next));
            }
        }
    }
    return status;
}
