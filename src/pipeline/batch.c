/* The batch's own containers: inbox, overlay of customers, parts by partition, index of changes. */
#include <stdlib.h>

#include <xxhash.h>

#include "flow.h"

/* The inbox is full at so many bytes, whatever the number of records (I13). */
#define INBOX_MAX_BYTES ((size_t)32 * 1024 * 1024)
#define OVERLAY_FIRST_CAPACITY 1024

/* ---- inbox ----------------------------------------------------------------------------------- */

bool pl_inbox_is_full(const struct pl_run *run)
{
    return run->inbox.count >= run->options->batch_max_records ||
           run->inbox.bytes >= INBOX_MAX_BYTES;
}

void pl_inbox_add(struct pl_run *run, const struct pl_record *record)
{
    struct pl_inbox *inbox = &run->inbox;

    if (inbox->count == inbox->capacity) {
        inbox->capacity = inbox->capacity == 0 ? 256 : inbox->capacity * 2;
        inbox->records = realloc(inbox->records, inbox->capacity * sizeof(*inbox->records));
        if (inbox->records == NULL) {
            pl_out_of_memory(inbox->capacity * sizeof(*inbox->records));
        }
    }
    inbox->records[inbox->count++] = *record;
    inbox->bytes += record->size;
}

void pl_inbox_drop(struct pl_run *run, size_t count)
{
    const struct pl_feed *feed = &run->options->feed;
    struct pl_inbox *inbox = &run->inbox;

    for (size_t i = 0; i < count; i++) {
        inbox->bytes -= inbox->records[i].size;
        feed->ops->release(feed->self, &inbox->records[i]);
    }
    inbox->count -= count;
    if (inbox->count > 0) {
        memmove(inbox->records, inbox->records + count, inbox->count * sizeof(*inbox->records));
    }
}

void pl_inbox_hand_over(struct pl_run *run, struct pl_batch *batch)
{
    struct pl_inbox *inbox = &run->inbox;
    size_t count = batch->count;

    batch->records = pl_arena_alloc(&batch->arena, count * sizeof(*batch->records));
    batch->record_count = count;
    for (size_t i = 0; i < count; i++) {
        batch->records[i] = inbox->records[i];
        batch->items[i].record = &batch->records[i];
        inbox->bytes -= inbox->records[i].size;
    }
    inbox->count -= count;
    memmove(inbox->records, inbox->records + count, inbox->count * sizeof(*inbox->records));
}

/* ---- batch and parts ------------------------------------------------------------------------- */

void pl_batch_begin(struct pl_run *run, struct pl_batch *batch)
{
    const struct pl_world *world = &run->options->world;

    pl_arena_reset(&batch->arena);
    *batch = (struct pl_batch){.arena = batch->arena,
                               .outbox = batch->outbox,
                               .run = run,
                               .now_ms = world->ops->now_ms(world->self)};
    batch->outbox.len = 0;
    batch->parts = pl_arena_zalloc(&batch->arena, (size_t)run->options->partition_count,
                                   sizeof(struct pl_part *));
}

void pl_batch_release(struct pl_run *run, struct pl_batch *batch)
{
    const struct pl_feed *feed = &run->options->feed;

    for (size_t i = 0; i < batch->record_count; i++) {
        feed->ops->release(feed->self, &batch->records[i]);
    }
    batch->record_count = 0;
}

void pl_batch_done(struct pl_batch *batch)
{
    pl_arena_done(&batch->arena);
    pl_buffer_done(&batch->outbox);
}

const struct pl_progress *pl_progress_of(const struct pl_run *run, int32_t partition)
{
    const struct pl_part *part = run->flying == NULL ? NULL : run->flying->parts[partition];

    return part == NULL ? &run->partitions[partition].progress : &part->progress;
}

struct pl_part *pl_batch_part(struct pl_run *run, struct pl_batch *batch, int32_t partition)
{
    struct pl_part *part = batch->parts[partition];

    if (part == NULL) {
        part = pl_arena_zalloc(&batch->arena, 1, sizeof(*part));
        part->partition = &run->partitions[partition];
        part->progress = *pl_progress_of(run, partition);
        batch->parts[partition] = part;
    }
    return part;
}

/* ---- overlay --------------------------------------------------------------------------------- */

static size_t find_slot(const struct pl_overlay *overlay, uint64_t hash, int32_t partition,
                        struct pl_bytes customer_id)
{
    size_t slot = hash & (overlay->capacity - 1);

    for (; overlay->slots[slot] != NULL; slot = (slot + 1) & (overlay->capacity - 1)) {
        const struct pl_entry *entry = overlay->slots[slot];

        if (entry->hash == hash && entry->partition == partition &&
            pl_bytes_equal(entry->customer.customer_id, customer_id)) {
            break;
        }
    }
    return slot;
}

static void grow(struct pl_overlay *overlay, struct pl_arena *arena)
{
    struct pl_overlay old = *overlay;

    overlay->capacity = old.capacity == 0 ? OVERLAY_FIRST_CAPACITY : old.capacity * 2;
    overlay->slots = pl_arena_zalloc(arena, overlay->capacity, sizeof(struct pl_entry *));
    for (size_t i = 0; i < old.capacity; i++) {
        struct pl_entry *entry = old.slots[i];

        if (entry != NULL) {
            overlay->slots[find_slot(overlay, entry->hash, entry->partition,
                                     entry->customer.customer_id)] = entry;
        }
    }
}

struct pl_entry *pl_batch_entry(struct pl_run *run, struct pl_batch *batch, int32_t partition,
                                struct pl_bytes customer_id)
{
    struct pl_overlay *overlay = &batch->overlay;
    uint64_t hash = XXH3_64bits(customer_id.data, customer_id.len);
    struct pl_part *part = pl_batch_part(run, batch, partition);
    struct pl_entry *entry;
    size_t slot;

    if (overlay->count * 2 >= overlay->capacity) {
        grow(overlay, &batch->arena);
    }
    slot = find_slot(overlay, hash, partition, customer_id);
    if (overlay->slots[slot] != NULL) {
        return overlay->slots[slot];
    }
    entry = pl_arena_zalloc(&batch->arena, 1, sizeof(*entry));
    pl_customer_init(&entry->customer, customer_id);
    entry->hash = hash;
    entry->partition = partition;
    overlay->slots[slot] = entry;
    overlay->count++;
    if (part->last == NULL) {
        part->first = entry;
    } else {
        part->last->next = entry;
    }
    part->last = entry;
    return entry;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* Where a field's change is, or would be. */
static size_t find_change(const struct pl_part *part, struct pl_bytes field)
{
    size_t slot = XXH3_64bits(field.data, field.len) & (part->change_capacity - 1);

    while (part->change_slots[slot] != NULL &&
           !pl_bytes_equal(part->change_slots[slot]->field, field)) {
        slot = (slot + 1) & (part->change_capacity - 1);
    }
    return slot;
}

void pl_change_index(struct pl_batch *batch, struct pl_part *part)
{
    size_t capacity = 16;

    while (capacity < part->changes.count * 2) {
        capacity *= 2;
    }
    part->change_capacity = capacity;
    part->change_slots =
        pl_arena_zalloc(&batch->arena, capacity, sizeof(const struct pl_state_change *));
    for (size_t i = 0; i < part->changes.count; i++) {
        const struct pl_state_change *change = &part->changes.items[i];

        part->change_slots[find_change(part, change->field)] = change; /* the later one counts */
    }
}

const struct pl_state_change *pl_change_find(const struct pl_part *part, struct pl_bytes field)
{
    return part->change_slots[find_change(part, field)];
}

struct pl_bytes pl_change_value(const struct pl_batch *batch, const struct pl_state_change *change)
{
    return change->is_deleted
               ? PL_NULL_BYTES
               : (struct pl_bytes){batch->outbox.data + change->value_position, change->value_len};
}

/* ---- checkpoint ------------------------------------------------------------------------------ */

struct pl_bytes pl_partition_checkpoint(const struct pl_partition *partition)
{
    if (partition->checkpoint.len == 0) {
        return PL_NULL_BYTES;
    }
    return pl_buffer_since(&partition->checkpoint, 0);
}

void pl_partition_seal(const struct pl_run *run, const struct pl_partition *partition,
                       bool is_whole, struct pl_buffer *ret_checkpoint)
{
    const struct pl_world *world = &run->options->world;
    struct pl_checkpoint checkpoint = {.cluster_id = run->options->cluster_id,
                                       .next_offset = partition->next_offset,
                                       .progress_offset = partition->progress_offset,
                                       .written_ms = world->ops->now_ms(world->self),
                                       .is_whole = is_whole,
                                       .progress = partition->progress};

    ret_checkpoint->len = 0;
    pl_checkpoint_encode(&checkpoint, ret_checkpoint);
}
