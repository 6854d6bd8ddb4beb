/* group: what the consumer group gives and takes, and the records it delivers. */
#include "flow.h"
#include "planlift/log.h"

static void disown_all(struct pl_run *run)
{
    pl_inbox_drop(run, run->inbox.count);
    for (int32_t number = 0; number < run->options->partition_count; number++) {
        run->partitions[number].is_owned = false;
    }
    run->owned_count = 0;
    run->is_member = false;
    run->is_restored = false;
}

static void own(struct pl_run *run, const struct pl_feed_event *event)
{
    disown_all(run);
    for (size_t i = 0; i < event->partition_count; i++) {
        run->partitions[event->partitions[i]].is_owned = true;
    }
    run->owned_count = event->partition_count;
    run->is_member = true;
    pl_log(INFO, "assigned", PL_F_INT("partitions", event->partition_count));
}

enum pl_status pl_poll_group(struct pl_run *run, int timeout_ms, bool *ret_is_idle,
                             bool *ret_is_rebalance, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    struct pl_feed_event event;
    enum pl_status status = feed->ops->poll(feed->self, timeout_ms, &event, error);

    *ret_is_idle = true;
    *ret_is_rebalance = false;
    if (status != PL_OK) {
        return status;
    }
    switch (event.kind) {
    case PL_FEED_IDLE:
        break;
    case PL_FEED_RECORD:
        *ret_is_idle = false;
        pl_inbox_add(run, &event.record);
        break;
    case PL_FEED_ASSIGNED:
        *ret_is_rebalance = true;
        own(run, &event);
        break;
    case PL_FEED_REVOKED:
        *ret_is_rebalance = true;
        disown_all(run);
        pl_log(INFO, "revoked", PL_F_INT("partitions", 0));
        break;
    }
    return PL_OK;
}

enum pl_status pl_serve_group(struct pl_run *run, int timeout_ms, struct pl_error *error)
{
    bool is_idle;
    bool is_rebalance;
    enum pl_status status = pl_poll_group(run, timeout_ms, &is_idle, &is_rebalance, error);

    if (status == PL_OK && is_rebalance) {
        return pl_fail(error, PL_ABORT, "the group has given or taken partitions");
    }
    if (status == PL_OK && pl_should_stop(run)) { /* a recovery may take long */
        return pl_fail(error, PL_ABORT, "asked to stop");
    }
    return status;
}
