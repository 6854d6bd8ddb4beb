/* settle: a broker that crashes between the acknowledgement of a commit and its markers may come
 * back without them, and leave the transaction without an end for ever: nobody sees anything of it,
 * nor of what comes after it (docs/design.md, "Hanging transactions"). It is rolled back then, and
 * what it handled is handled again. */
#include <string.h>

#include "flow.h"
#include "planlift/log.h"

/* How far the visible state of a partition has taken in the inputs. */
static enum pl_status find_position(struct pl_run *run, int32_t partition,
                                    struct pl_position *ret_position, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    const struct pl_state_log *log = &run->options->state_log;
    struct pl_state_span span = {.partition = partition};
    struct pl_last_progress last;
    int64_t end;
    enum pl_status status = log->ops->range(log->self, partition, &span.from, &end, error);

    if (status == PL_OK) {
        status = log->ops->stable_end(log->self, partition, &span.end, error);
    }
    if (status == PL_OK) {
        status = pl_find_progress(run, &span, &last, error);
    }
    ret_position->partition = partition;
    if (status == PL_OK) {
        memcpy(ret_position->next, last.next, sizeof(last.next));
    }
    for (int input = 0; status == PL_NOT_FOUND && input < PL_INPUT_COUNT; input++) {
        /* Nothing was ever taken in. */
        enum pl_status asked = feed->ops->log_range(feed->self, (enum pl_topic)input, partition,
                                                    &ret_position->next[input], &end, error);

        status = asked == PL_OK ? PL_NOT_FOUND : asked;
    }
    return status == PL_NOT_FOUND ? PL_OK : status;
}

/* Of the partitions that hang, and of our own. */
static enum pl_status find_positions(struct pl_run *run, const bool *hangs,
                                     struct pl_position *ret_positions, size_t *ret_count,
                                     struct pl_error *error)
{
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        if (hangs[number] || run->partitions[number].is_owned) {
            status = find_position(run, number, &ret_positions[(*ret_count)++], error);
        }
    }
    return status;
}

static enum pl_status settle_with(struct pl_run *run, struct pl_arena *arena,
                                  struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    size_t most = (size_t)run->options->partition_count;
    bool *hangs = pl_arena_zalloc(arena, most, sizeof(*hangs));
    struct pl_position *positions = pl_arena_alloc(arena, most * sizeof(*positions));
    size_t count = 0;
    bool is_any = false;
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status = PL_OK;

    pl_inbox_drop(run, run->inbox.count); /* all of it comes again after the recovery */
    if (run->owned_count > 0) {
        status = feed->ops->stop(feed->self, error);
    }
    if (status == PL_OK) {
        status = txn->ops->renew(txn->self, error);
    }
    if (status == PL_OK) {
        status = txn->ops->unended(txn->self, hangs, &is_any, error);
    }
    if (status == PL_OK && is_any) {
        status = find_positions(run, hangs, positions, &count, error);
    }
    if (status == PL_OK) { /* offsets may hang alone, where the outputs were aborted since */
        status = txn->ops->settle(txn->self, positions, count, error);
    }
    if (status == PL_OK && is_any) {
        pl_log(WARN, "settled",
               PL_F_TEXT("reason",
                         "Kafka has left a transaction without its end: if it is ours, it "
                         "is rolled back, and what it handled is handled again"));
    }
    return status;
}

enum pl_status pl_settle(struct pl_run *run, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    struct pl_arena arena = PL_ARENA_INIT;
    enum pl_status status;

    if (!run->is_member || (run->is_settled && !txn->ops->has_lost_contact(txn->self))) {
        return PL_OK;
    }
    status = settle_with(run, &arena, error);
    if (status == PL_OK && txn->ops->has_lost_contact(txn->self)) {
        status = pl_fail(error, PL_ABORT, "the connection to Kafka was lost again");
    }
    run->is_settled = status == PL_OK;
    pl_arena_done(&arena);
    return status;
}
