/* commit: results, dead letters, state and offsets in one Kafka transaction; then the same state
 * into Redis, by exact compare-and-set.
 *
 * The helper thread sends and commits (pl_launch_batch) while the loop decides the next batch on
 * what this one will have made of the state; that one is launched only once this one has landed
 * (pl_land_batch), and dropped where it has not. */
#include <inttypes.h>

#include "flow.h"

/* A single update of the cache is kept below this; a larger batch goes in several, each of which
 * leaves the hash as the state log has it up to some offset (I3). */
#define UPDATE_BYTES ((size_t)2 * 1024 * 1024)

/* ---- into the transaction -------------------------------------------------------------------- */

static struct pl_bytes outbox_view(const struct pl_batch *batch, size_t position, size_t len)
{
    return (struct pl_bytes){batch->outbox.data + position, len};
}

static enum pl_status produce_outgoing(struct pl_run *run, const struct pl_batch *batch,
                                       struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < batch->outgoing_count; i++) {
        const struct pl_outgoing *outgoing = &batch->outgoing[i];
        struct pl_message message = {
            .topic = outgoing->topic,
            .partition = outgoing->partition,
            .key = outgoing->key,
            .value = outgoing->is_view
                         ? outgoing->value
                         : outbox_view(batch, outgoing->value_position, outgoing->value_len),
            .headers = outgoing->headers,
            .header_count = outgoing->header_count};

        status = txn->ops->produce(txn->self, &message, error);
    }
    return status;
}

/* A partition's changes, and last its progress record: so that the log up to the end always ends
 * with one, and no transaction leaves the partition untouched (I4). */
static enum pl_status produce_part(struct pl_run *run, const struct pl_batch *batch,
                                   const struct pl_part *part, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    struct pl_message message = {.topic = PL_TOPIC_STATE, .partition = part->partition->number};
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < part->changes.count; i++) {
        message.key = part->changes.items[i].field;
        message.value = pl_change_value(batch, &part->changes.items[i]);
        status = txn->ops->produce(txn->self, &message, error);
    }
    if (status == PL_OK) {
        message.key = PL_PROGRESS_FIELD;
        message.value = outbox_view(batch, part->progress_position, part->progress_len);
        status = txn->ops->produce(txn->self, &message, error);
    }
    return status;
}

static enum pl_status produce_all(struct pl_run *run, const struct pl_batch *batch,
                                  struct pl_error *error)
{
    enum pl_status status = produce_outgoing(run, batch, error);

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count; number++) {
        if (batch->parts[number] != NULL) {
            status = produce_part(run, batch, batch->parts[number], error);
        }
    }
    return status;
}

/* I5: our records are where we expect them, one after the other; else somebody else wrote there, or
 * what we restored was short. */
static enum pl_status check_continuity(struct pl_run *run, struct pl_part *part,
                                       struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    const struct pl_partition *partition = part->partition;
    int64_t expected_last = partition->next_offset + (int64_t)part->changes.count;
    enum pl_status status = txn->ops->state_offsets(txn->self, partition->number,
                                                    &part->first_offset, &part->last_offset, error);

    if (status == PL_NOT_FOUND) {
        return pl_fail(error, PL_ABORT, "no state record of partition %" PRId32 " was reported",
                       partition->number);
    }
    if (status == PL_OK &&
        (part->first_offset != partition->next_offset || part->last_offset != expected_last)) {
        return pl_fail(error, PL_ABORT,
                       "state records of partition %" PRId32 " went to offsets %" PRId64
                       " to %" PRId64 ", expected %" PRId64 " to %" PRId64
                       ": somebody else wrote there, or the restore was short",
                       partition->number, part->first_offset, part->last_offset,
                       partition->next_offset, expected_last);
    }
    return status;
}

static enum pl_status send_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    size_t most = (size_t)run->options->partition_count;
    struct pl_position *positions = pl_arena_zalloc(&batch->arena, most, sizeof(*positions));
    size_t count = 0;
    enum pl_status status = produce_all(run, batch, error);

    if (status == PL_OK) {
        status = txn->ops->flush(txn->self, error); /* I6: every report is good */
    }
    for (size_t number = 0; status == PL_OK && number < most; number++) {
        struct pl_part *part = batch->parts[number];

        if (part == NULL) {
            continue;
        }
        status = check_continuity(run, part, error);
        positions[count].partition = (int32_t)number;
        memcpy(positions[count].next, part->progress.next, sizeof(positions[count].next));
        count++;
    }
    if (status == PL_OK) {
        status = txn->ops->commit(txn->self, positions, count, error);
    }
    return status;
}

/* In the helper thread, or in ours where there is nothing to do meanwhile. */
static void send(void *self)
{
    struct pl_batch *batch = self;
    const struct pl_txn *txn = &batch->run->options->txn;

    batch->status = send_batch(batch->run, batch, &batch->error);
    if (batch->status != PL_OK) {
        struct pl_error ignored; /* the first failure is the one to tell */

        (void)txn->ops->abort(txn->self, &ignored);
    }
}

/* What the batch has come to. */
static enum pl_status conclude(struct pl_run *run, const struct pl_batch *batch,
                               struct pl_error *error)
{
    if (batch->status != PL_OK) {
        *error = batch->error;
        run->suspect = batch;
        run->is_restored = false; /* where our state records are must be found out again */
        return batch->status;
    }
    for (int32_t number = 0; number < run->options->partition_count; number++) {
        struct pl_part *part = batch->parts[number];

        if (part != NULL) {
            part->partition->damaged_count = 0;
            part->partition->progress = part->progress;
            part->partition->progress_offset = part->last_offset;
            part->partition->next_offset = part->last_offset + 2; /* behind the commit marker */
        }
    }
    return PL_OK;
}

/* Beginning takes what the group says of us now, and stays in the loop's thread: a generation that
 * is learnt later could let us commit for a partition that has been taken from us (I4). */
static enum pl_status begin(struct pl_run *run, struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = txn->ops->begin(txn->self, error);

    if (status != PL_OK) {
        run->is_restored = false;
    }
    return status;
}

enum pl_status pl_commit_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    enum pl_status status = begin(run, error);

    if (status != PL_OK) {
        return status;
    }
    send(batch);
    return conclude(run, batch, error);
}

enum pl_status pl_launch_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    const struct pl_world *world = &run->options->world;
    enum pl_status status = begin(run, error);

    if (status == PL_OK) {
        pl_inbox_hand_over(run, batch);
        run->flying = batch;
        world->ops->launch(world->self, send, batch);
    }
    return status;
}

enum pl_status pl_land_batch(struct pl_run *run, struct pl_error *error)
{
    const struct pl_world *world = &run->options->world;
    struct pl_batch *batch = run->flying;
    enum pl_status status;

    (void)world->ops->await(world->self, PL_AWAIT_END);
    run->flying = NULL;
    status = conclude(run, batch, error);
    if (status == PL_OK) {
        pl_poison_pass(run);
        pl_brake_count(run, batch);
        pl_count_batch(run, batch);
        pl_tell_batch(run, batch);
    }
    pl_batch_release(run, batch);
    return status;
}

/* ---- into the cache -------------------------------------------------------------------------- */

/* The updates of all partitions, in order; those of one partition are a chain of checkpoints. */
struct update_list {
    struct pl_cache_update *items;
    size_t count;
    size_t capacity;
};

static struct pl_cache_update *add_update(struct update_list *list, struct pl_arena *arena)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;

        list->items =
            pl_arena_grow(arena, list->items, list->count, capacity, sizeof(*list->items));
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

static struct pl_bytes seal_copy(struct pl_batch *batch, const struct pl_partition *partition,
                                 bool is_whole)
{
    struct pl_buffer sealed = {NULL, 0, 0};
    struct pl_bytes copy;

    pl_partition_seal(batch->run, partition, is_whole, &sealed);
    copy = pl_arena_copy(&batch->arena, pl_buffer_since(&sealed, 0));
    pl_buffer_done(&sealed);
    return copy;
}

static void add_part_updates(struct pl_batch *batch, const struct pl_part *part,
                             struct update_list *list)
{
    const struct pl_state_changes *changes = &part->changes;
    struct pl_cache_write *writes =
        pl_arena_alloc(&batch->arena, (changes->count + 1) * sizeof(*writes));
    struct pl_bytes expected = pl_partition_checkpoint(part->partition);
    size_t first = 0;
    size_t bytes = 0;

    for (size_t i = 0; i < changes->count; i++) {
        writes[i] = (struct pl_cache_write){changes->items[i].field,
                                            pl_change_value(batch, &changes->items[i])};
        bytes += writes[i].field.len + writes[i].value.len;
        if (bytes >= UPDATE_BYTES && i + 1 < changes->count) {
            /* Up to here the hash is the log up to this record, within our transaction. */
            struct pl_partition so_far = *part->partition;
            struct pl_bytes sealed;

            so_far.next_offset = part->first_offset + (int64_t)i + 1;
            sealed = seal_copy(batch, &so_far, false);
            *add_update(list, &batch->arena) =
                (struct pl_cache_update){.partition = so_far.number,
                                         .expected = expected,
                                         .checkpoint = sealed,
                                         .writes = writes + first,
                                         .write_count = i + 1 - first};
            expected = sealed;
            first = i + 1;
            bytes = 0;
        }
    }
    *add_update(list, &batch->arena) =
        (struct pl_cache_update){.partition = part->partition->number,
                                 .expected = expected,
                                 .checkpoint = seal_copy(batch, part->partition, true),
                                 .writes = writes + first,
                                 .write_count = changes->count - first};
}

enum pl_status pl_cache_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    const struct pl_cache *cache = &run->options->cache;
    struct update_list list = {.items = NULL};
    enum pl_status status;

    for (int32_t number = 0; number < run->options->partition_count; number++) {
        if (batch->parts[number] != NULL) {
            add_part_updates(batch, batch->parts[number], &list);
        }
    }
    status = cache->ops->update(cache->self, list.items, list.count, error);
    for (size_t i = 0; status == PL_OK && i < list.count; i++) {
        const struct pl_cache_update *update = &list.items[i];
        struct pl_partition *partition = &run->partitions[update->partition];

        if (!update->is_applied) {
            return pl_fail(error, PL_ABORT,
                           "the cache of partition %" PRId32 " was changed by somebody else",
                           update->partition);
        }
        partition->checkpoint.len = 0;
        pl_buffer_put(&partition->checkpoint, update->checkpoint.data, update->checkpoint.len);
    }
    return status;
}
