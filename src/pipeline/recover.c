/* recover: after partitions were assigned, or after anything went wrong. Order matters (I8): stable
 * group offsets first, then the end of the state log as read_uncommitted sees it, then the state
 * log read_committed up to there; so that nothing that a group offset promises is missing. */
#include "flow.h"

/* Make group offsets and progress agree, and our catalogue known before anything is decided by it,
 * with a transaction that handles no record (I4). */
static enum pl_status commit_positions(struct pl_run *run, const bool *is_behind,
                                       struct pl_error *error)
{
    struct pl_batch *batch = &run->batches[0]; /* none is in flight */
    bool is_needed = false;
    enum pl_status status;

    pl_batch_begin(run, batch);
    for (int32_t number = 0; number < run->options->partition_count; number++) {
        const struct pl_partition *partition = &run->partitions[number];

        if (partition->is_owned && (is_behind[number] || partition->is_catalogue_new)) {
            (void)pl_batch_part(run, batch, number);
            is_needed = true;
        }
    }
    if (!is_needed) {
        return PL_OK;
    }
    pl_encode_batch(run, batch);
    status = pl_commit_batch(run, batch, error);
    return status == PL_OK ? pl_cache_batch(run, batch, error) : status;
}

/* ---- all partitions -------------------------------------------------------------------------- */

static enum pl_status look_at_all(struct pl_run *run, int64_t (*committed)[PL_INPUT_COUNT],
                                  struct pl_error *error)
{
    size_t i = 0;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        if (run->partitions[number].is_owned) {
            status = pl_look(run, number, committed[i++], error);
        }
    }
    return status;
}

static enum pl_status restore_all(struct pl_run *run, int64_t (*committed)[PL_INPUT_COUNT],
                                  bool *is_behind, struct pl_error *error)
{
    size_t i = 0;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        struct pl_partition *partition = &run->partitions[number];

        if (!partition->is_owned) {
            continue;
        }
        status = pl_serve_group(run, 0, error);
        if (status == PL_OK) {
            status = pl_restore(run, partition, error);
        }
        if (status == PL_OK) {
            status = pl_find_positions(run, partition, committed[i++], &is_behind[number], error);
        }
    }
    return status;
}

static enum pl_status start_all(struct pl_run *run, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        const struct pl_partition *partition = &run->partitions[number];

        if (partition->is_owned) {
            status = feed->ops->start(feed->self, number, partition->progress.next, error);
        }
    }
    return status;
}

/* What recovering needs for itself while the batch's arena is used for slices. */
struct scratch {
    int32_t *owned;
    int64_t (*committed)[PL_INPUT_COUNT];
    bool *is_behind;
};

static void list_owned(const struct pl_run *run, struct scratch *scratch, struct pl_arena *arena)
{
    size_t most = (size_t)run->options->partition_count;
    size_t count = 0;

    scratch->owned = pl_arena_zalloc(arena, most, sizeof(*scratch->owned));
    scratch->committed = pl_arena_zalloc(arena, most, sizeof(*scratch->committed));
    scratch->is_behind = pl_arena_zalloc(arena, most, sizeof(*scratch->is_behind));
    for (size_t number = 0; number < most; number++) {
        if (run->partitions[number].is_owned) {
            scratch->owned[count++] = (int32_t)number;
        }
    }
}

static enum pl_status recover_with(struct pl_run *run, struct scratch *scratch,
                                   struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = txn->ops->renew(txn->self, error);

    if (status == PL_OK) {
        status = feed->ops->committed(feed->self, scratch->owned, run->owned_count,
                                      scratch->committed, error);
    }
    if (status == PL_OK) {
        status = look_at_all(run, scratch->committed, error);
    }
    if (status == PL_OK) {
        status = restore_all(run, scratch->committed, scratch->is_behind, error);
    }
    if (status == PL_OK) {
        status = commit_positions(run, scratch->is_behind, error);
    }
    return status == PL_OK ? start_all(run, error) : status;
}

enum pl_status pl_recover(struct pl_run *run, struct pl_error *error)
{
    const struct pl_feed *feed = &run->options->feed;
    struct pl_arena arena = PL_ARENA_INIT;
    struct scratch scratch;
    enum pl_status status = feed->ops->stop(feed->self, error);

    pl_inbox_drop(run, run->inbox.count);
    run->restore_told_ms = pl_monotonic_ms(run);
    if (status == PL_OK && run->owned_count > 0) {
        list_owned(run, &scratch, &arena);
        status = recover_with(run, &scratch, error);
    }
    run->is_restored = status == PL_OK;
    pl_arena_done(&arena);
    return status;
}
