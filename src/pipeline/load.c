/* load: customers from the cache, as far as the batch needs them. Each read asks for the
 * partition's checkpoint in the same command, and counts only if that is exactly the one we
 * expect (I1). */
#include <inttypes.h>

#include "flow.h"
#include "planlift/decide.h"

/* What is read at once: few enough that their values, and the answer they come in, are small. */
#define SLICE_FIELDS 1024
/* A batch is cut where what is loaded for it takes this (I13). */
#define LOADED_ENOUGH_BYTES ((size_t)24 * 1024 * 1024)
/* Rebuilding a damaged cache must mend it; more tries in a row than this are in vain. */
#define DAMAGED_MOST 10

/* ---- one read of the cache ------------------------------------------------------------------- */

/* Where a read value goes to. */
struct want {
    struct pl_entry *entry;
    struct pl_piece piece;
};

/* Fields, and where their values go. */
struct want_list {
    struct want *items;
    struct pl_cache_field *fields;
    size_t count;
    size_t capacity;
};

/* What is wanted of one partition: from the cache, and from what the batch in flight will write
 * there. */
struct wants {
    struct want_list stored;
    struct want_list in_flight; /* fields with their values */
};

static void append(struct want_list *list, const struct want *want,
                   const struct pl_cache_field *field, struct pl_arena *arena)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;

        list->items =
            pl_arena_grow(arena, list->items, list->count, capacity, sizeof(*list->items));
        list->fields =
            pl_arena_grow(arena, list->fields, list->count, capacity, sizeof(*list->fields));
        list->capacity = capacity;
    }
    list->items[list->count] = *want;
    list->fields[list->count++] = *field;
}

/* The change of a field that the batch in flight is about to make; NULL: none. */
static const struct pl_state_change *change_in_flight(const struct pl_run *run, int32_t partition,
                                                      struct pl_bytes field)
{
    const struct pl_part *part = run->flying == NULL ? NULL : run->flying->parts[partition];

    return part == NULL ? NULL : pl_change_find(part, field);
}

static void add_want(struct pl_run *run, struct pl_batch *batch, struct wants *wants,
                     const struct want *want)
{
    struct pl_arena *arena = &batch->arena;
    struct pl_bytes customer_id = want->entry->customer.customer_id;
    struct pl_cache_field field = {.field = pl_state_field(&want->piece, customer_id, arena)};
    const struct pl_state_change *change =
        change_in_flight(run, want->entry->partition, field.field);

    if (change == NULL) {
        append(&wants->stored, want, &field, arena);
    } else {
        field.value = pl_arena_copy(arena, pl_change_value(run->flying, change));
        append(&wants->in_flight, want, &field, arena);
    }
}

/* Why the cache is not what we expect: if it has newer progress than ours, of the same history, the
 * partition has another writer, and we are the one who has lost it while we stood still (I3): we
 * stop at once, and look what the group says. A later offset alone says nothing: aborted
 * transactions move the log's end as well. */
static enum pl_status judge_mismatch(const struct pl_run *run, const struct pl_partition *partition,
                                     struct pl_bytes found, struct pl_error *error)
{
    struct pl_checkpoint checkpoint;

    if (!pl_bytes_is_null(found) && pl_checkpoint_decode(found, &checkpoint, NULL) == PL_OK &&
        pl_bytes_equal(checkpoint.cluster_id, run->options->cluster_id) &&
        memcmp(checkpoint.progress.incarnation, partition->progress.incarnation, 16) == 0 &&
        checkpoint.progress_offset > partition->progress_offset) {
        return pl_fail(error, PL_AGAIN,
                       "the cache of partition %" PRId32 " is ahead of this process: another one "
                       "has taken the partition over; asking the group",
                       partition->number);
    }
    return pl_fail(error, PL_ABORT, "the cache of partition %" PRId32 " is not current (%s)",
                   partition->number, pl_bytes_is_null(found) ? "empty" : "another checkpoint");
}

static enum pl_status check_count(const struct pl_run *run, const struct pl_cache_read *read,
                                  struct pl_error *error)
{
    const struct pl_partition *partition = &run->partitions[read->partition];

    if (read->stored_fields != partition->progress.pieces + 1) {
        return pl_fail(error, PL_ABORT,
                       "the cache of partition %" PRId32 " has %" PRId64 " fields, not %" PRId64
                       ": some were lost or added",
                       partition->number, read->stored_fields, partition->progress.pieces + 1);
    }
    return PL_OK;
}

static enum pl_status take_value(struct pl_batch *batch, const struct want *want,
                                 const struct pl_cache_field *field, struct pl_error *error)
{
    struct pl_customer *customer = &want->entry->customer;
    enum pl_status status;

    if (want->piece.kind == PL_PIECE_HEAD) {
        status = pl_state_decode_head(field->field, field->value, &batch->arena, customer, error);
    } else {
        status = pl_state_decode_piece(&want->piece, field->field, field->value, &batch->arena,
                                       customer, error);
    }
    if (status == PL_BAD_DATA) { /* damaged in the cache: the state topic has it whole */
        return pl_fail_at(error, PL_ABORT, "cache of partition %" PRId32, want->entry->partition);
    }
    if (status != PL_OK) {
        return pl_fail_at(error, status, "Redis, hash planlift:{%s:p%" PRId32 "}",
                          batch->run->options->group_id.data, want->entry->partition);
    }
    return PL_OK;
}

static enum pl_status take_values(struct pl_batch *batch, const struct want_list *list,
                                  struct pl_error *error)
{
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < list->count; i++) {
        status = take_value(batch, &list->items[i], &list->fields[i], error);
    }
    return status;
}

/* The values of one partition. What is wrong in itself, and not just old, is thrown away, so that
 * restoring starts from nothing. */
static enum pl_status take_read(struct pl_run *run, struct pl_batch *batch,
                                const struct pl_cache_read *read, const struct wants *wants,
                                struct pl_error *error)
{
    struct pl_partition *partition = &run->partitions[read->partition];
    const struct pl_cache *cache = &run->options->cache;
    enum pl_status status;

    if (!pl_bytes_equal(read->checkpoint, pl_partition_checkpoint(partition))) {
        return judge_mismatch(run, partition, read->checkpoint, error);
    }
    status = check_count(run, read, error);
    if (status == PL_OK) {
        status = take_values(batch, &wants->stored, error);
    }
    if (status == PL_OK) {
        status = take_values(batch, &wants->in_flight, error);
    }
    if (status != PL_ABORT) {
        return status;
    }
    if (++partition->damaged_count > DAMAGED_MOST) {
        return pl_fail_at(error, PL_FATAL,
                          "partition %" PRId32
                          " is damaged even after its cache was made anew from "
                          "the state topic, which must itself hold what planlift did not write",
                          partition->number);
    }
    (void)cache->ops->drop(cache->self, read->partition, read->checkpoint,
                           NULL); /* or found again */
    return status;
}

/* Read what is wanted, of all partitions together, and the checkpoints of all that anything is
 * wanted of. wants: by partition number; none are left. */
static enum pl_status read_all(struct pl_run *run, struct pl_batch *batch, struct wants *wants,
                               struct pl_error *error)
{
    const struct pl_cache *cache = &run->options->cache;
    size_t most = (size_t)run->options->partition_count;
    struct pl_cache_read *reads = pl_arena_zalloc(&batch->arena, most, sizeof(*reads));
    size_t count = 0;
    enum pl_status status;

    for (size_t partition = 0; partition < most; partition++) {
        const struct want_list *stored = &wants[partition].stored;

        if (stored->count + wants[partition].in_flight.count > 0) {
            reads[count++] = (struct pl_cache_read){.partition = (int32_t)partition,
                                                    .fields = stored->fields,
                                                    .field_count = stored->count};
        }
    }
    if (count == 0) {
        return PL_OK;
    }
    status = cache->ops->read(cache->self, reads, count, &batch->arena, error);
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        status = take_read(run, batch, &reads[i], &wants[reads[i].partition], error);
    }
    for (size_t partition = 0; partition < most; partition++) {
        wants[partition].stored.count = 0;
        wants[partition].in_flight.count = 0;
    }
    return status;
}

/* ---- what to read ---------------------------------------------------------------------------- */

/* Ask for the head of the item's customer; returns the number of fields, 1 or 0. */
static size_t want_head(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                        struct wants *wants)
{
    if (item->kind == PL_ITEM_DEAD) {
        return 0;
    }
    item->entry = pl_batch_entry(run, batch, item->record->partition, item->record->key);
    if (item->entry->is_read) {
        return 0;
    }
    item->entry->is_read = true;
    add_want(run, batch, &wants[item->entry->partition],
             &(struct want){item->entry, {.kind = PL_PIECE_HEAD}});
    return 1;
}

/* Is it the first time that the piece is asked for? */
static bool mark_wanted(struct pl_entry *entry, const struct pl_piece *piece)
{
    struct pl_customer *customer = &entry->customer;

    if (piece->kind == PL_PIECE_ANSWERED) {
        unsigned bit = 1U << piece->segment;
        bool is_new = (entry->wanted_segments & bit) == 0;

        entry->wanted_segments |= bit;
        return is_new;
    }
    for (size_t i = 0; i < customer->subscription_count; i++) {
        if (customer->subscriptions[i].ordinal == piece->ordinal) {
            struct pl_chunk *chunk =
                pl_licences_chunk(&customer->subscriptions[i], piece->chunk_start);
            bool is_new = !chunk->is_wanted;

            chunk->is_wanted = true;
            return is_new;
        }
    }
    return false;
}

/* What the item needs and is not there, in batch->needed. */
static const struct pl_pieces *needs_of(struct pl_batch *batch, const struct pl_item *item)
{
    struct pl_pieces *pieces = &batch->needed;

    pieces->count = 0;
    if (item->kind == PL_ITEM_EVENT) {
        pl_event_needs(&item->entry->customer, &item->event, &batch->arena, pieces);
    } else if (item->kind == PL_ITEM_REQUEST) {
        pl_request_needs(batch->run->options->catalogue, &item->entry->customer, &item->request,
                         &batch->arena, pieces);
    }
    return pieces;
}

/* Ask for what the item needs as far as it can be told now, before any of them is applied; returns
 * the number of fields. */
static size_t want_pieces(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                          struct wants *wants)
{
    const struct pl_pieces *pieces = needs_of(batch, item);
    size_t count = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        if (mark_wanted(item->entry, &pieces->items[i])) {
            add_want(run, batch, &wants[item->entry->partition],
                     &(struct want){item->entry, pieces->items[i]});
            count++;
        }
    }
    return count;
}

typedef size_t want_fn(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                       struct wants *wants);

static struct wants *no_wants(struct pl_batch *batch)
{
    return pl_arena_zalloc(&batch->arena, (size_t)batch->run->options->partition_count,
                           sizeof(struct wants));
}

/* Read what the items want, slice by slice; the batch ends where the arena holds enough. */
static enum pl_status load_all(struct pl_run *run, struct pl_batch *batch, want_fn *want,
                               size_t enough_bytes, struct pl_error *error)
{
    struct wants *wants = no_wants(batch);
    size_t wanted = 0;
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && i < batch->count; i++) {
        wanted += want(run, batch, &batch->items[i], wants);
        if (wanted >= SLICE_FIELDS || i + 1 == batch->count) {
            status = read_all(run, batch, wants, error);
            wanted = 0;
        }
        if (batch->arena.used_bytes > enough_bytes && wanted == 0) {
            batch->count = i + 1;
        }
    }
    return status;
}

enum pl_status pl_load_batch(struct pl_run *run, struct pl_batch *batch, struct pl_error *error)
{
    size_t before = batch->arena.used_bytes;
    enum pl_status status =
        load_all(run, batch, want_head, before + LOADED_ENOUGH_BYTES / 2, error);

    return status == PL_OK ? load_all(run, batch, want_pieces, before + LOADED_ENOUGH_BYTES, error)
                           : status;
}

enum pl_status pl_load_item(struct pl_run *run, struct pl_batch *batch, struct pl_item *item,
                            struct pl_error *error)
{
    const struct pl_pieces *pieces = needs_of(batch, item);
    enum pl_status status = PL_OK;

    while (status == PL_OK && pieces->count > 0) {
        struct wants *wants = no_wants(batch);

        for (size_t i = 0; i < pieces->count; i++) {
            add_want(run, batch, &wants[item->entry->partition],
                     &(struct want){item->entry, pieces->items[i]});
        }
        status = read_all(run, batch, wants, error);
        pieces = needs_of(batch, item);
    }
    return status;
}
