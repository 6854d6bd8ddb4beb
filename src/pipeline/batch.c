/* The batch's own containers: inbox, overlay of customers, parts by partition. */
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

/* ---- batch and parts ------------------------------------------------------------------------- */

void pl_batch_begin(struct pl_run *run, struct pl_batch *batch)
{
    const struct pl_world *world = &run->options->world;

    pl_arena_reset(&run->arena);
    run->outbox.len = 0;
    *batch = (struct pl_batch){.now_ms = world->ops->now_ms(world->self)};
    batch->parts = pl_arena_zalloc(&run->arena, (size_t)run->options->partition_count,
                                   sizeof(struct pl_part *));
}

struct pl_part *pl_batch_part(struct pl_run *run, struct pl_batch *batch, int32_t partition)
{
    struct pl_part *part = batch->parts[partition];

    if (part == NULL) {
        part = pl_arena_zalloc(&run->arena, 1, sizeof(*part));
        part->partition = &run->partitions[partition];
        part->progress = part->partition->progress;
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
        grow(overlay, &run->arena);
    }
    slot = find_slot(overlay, hash, partition, customer_id);
    if (overlay->slots[slot] != NULL) {
        return overlay->slots[slot];
    }
    entry = pl_arena_zalloc(&run->arena, 1, sizeof(*entry));
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
