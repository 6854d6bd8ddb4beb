/* A customer's changes as stored pieces (design I2). */
#include <assert.h>

#include "planlift/state.h"
#include "state_layout.h"
#include "state_seal.h"

/* Holds "l<ordinal>.<depth>.<start>/": numbers of up to 20, 2 and 16 digits. */
#define CHUNK_PREFIX_MAX_BYTES 42
#define OTHER_PREFIX_MAX_BYTES 3

static char *put_number(char *at, uint64_t number, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    char text[20];
    size_t start = sizeof(text);

    do {
        text[--start] = digits[number % base];
        number /= base;
    } while (number > 0);
    memcpy(at, text + start, sizeof(text) - start);
    return at + (sizeof(text) - start);
}

/* By hand, for a request names ten pieces: printf would take longer than decoding it. */
struct pl_bytes pl_state_field(const struct pl_piece *piece, struct pl_bytes customer_id,
                               struct pl_arena *arena)
{
    size_t prefix = piece->kind == PL_PIECE_CHUNK ? CHUNK_PREFIX_MAX_BYTES : OTHER_PREFIX_MAX_BYTES;
    char *name = pl_arena_alloc(arena, prefix + customer_id.len);
    char *at = name;

    switch (piece->kind) {
    case PL_PIECE_HEAD:
        *at++ = 'h';
        break;
    case PL_PIECE_ANSWERED:
        *at++ = 'a';
        at = put_number(at, piece->segment, 10);
        break;
    case PL_PIECE_CHUNK:
        *at++ = 'l';
        at = put_number(at, piece->ordinal, 10);
        *at++ = '.';
        at = put_number(at, piece->chunk_depth, 10);
        *at++ = '.';
        at = put_number(at, piece->chunk_start, 16);
        break;
    }
    *at++ = '/';
    memcpy(at, customer_id.data, customer_id.len);
    return (struct pl_bytes){name, (size_t)(at - name) + customer_id.len};
}

static struct pl_state_change *add_change(struct pl_state_changes *changes, struct pl_arena *arena)
{
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity == 0 ? 64 : changes->capacity * 2;

        changes->items =
            pl_arena_grow(arena, changes->items, changes->count, capacity, sizeof(*changes->items));
        changes->capacity = capacity;
    }
    return &changes->items[changes->count++];
}

static void add_deletion(struct pl_state_changes *changes, struct pl_bytes field,
                         struct pl_arena *arena)
{
    *add_change(changes, arena) = (struct pl_state_change){.field = field, .is_deleted = true};
    changes->pieces_delta--;
}

/* Close the value that was appended since position and list it. */
static void add_value(struct pl_state_changes *changes, struct pl_bytes field, size_t position,
                      struct pl_buffer *buffer, struct pl_arena *arena)
{
    pl_seal_close(buffer, position, field);
    *add_change(changes, arena) = (struct pl_state_change){
        .field = field, .value_position = position, .value_len = buffer->len - position};
}

static void put_licence(struct pl_buffer *buffer, const struct pl_licence *licence)
{
    pl_put_string(buffer, licence->user_id);
    pl_put_string(buffer, licence->user_principal_name);
    pl_put_optional_string(buffer, licence->display_name);
    pl_put_optional_string(buffer, licence->assigned_by_group);
    pl_put_names(buffer, licence->disabled_services);
}

static void put_chunk(struct pl_buffer *buffer, const struct pl_chunk *chunk)
{
    pl_put_long(buffer, (int64_t)chunk->revision);
    pl_put_array_start(buffer, chunk->count);
    for (uint32_t i = 0; i < chunk->count; i++) {
        put_licence(buffer, &chunk->licences[i]);
    }
    pl_put_array_end(buffer);
}

static void encode_chunks(struct pl_customer *customer, struct pl_subscription *subscription,
                          struct pl_arena *arena, struct pl_buffer *buffer,
                          struct pl_state_changes *changes)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        struct pl_chunk *chunk = &subscription->chunks[i];
        struct pl_piece piece = {.kind = PL_PIECE_CHUNK,
                                 .ordinal = subscription->ordinal,
                                 .chunk_depth = chunk->depth,
                                 .chunk_start = chunk->start};
        struct pl_bytes field;
        size_t position;

        if (!chunk->is_dirty) {
            continue;
        }
        assert(chunk->is_loaded);
        if (chunk->revision == 0) {
            changes->pieces_delta++;
        }
        chunk->revision++;
        field = pl_state_field(&piece, customer->customer_id, arena);
        position = pl_seal_open(buffer);
        put_chunk(buffer, chunk);
        add_value(changes, field, position, buffer, arena);
        chunk->is_dirty = false;
    }
}

static void put_answered(struct pl_buffer *buffer, const struct pl_customer *customer,
                         uint32_t segment)
{
    size_t count = pl_answered_in_segment(customer->answered_total, segment);

    pl_put_long(buffer, (int64_t)pl_answered_last(customer->answered_total, segment));
    pl_put_long(buffer, (int64_t)(count * sizeof(struct pl_answered)));
    pl_buffer_put(buffer, customer->answered[segment], count * sizeof(struct pl_answered));
}

static void encode_answered(struct pl_customer *customer, struct pl_arena *arena,
                            struct pl_buffer *buffer, struct pl_state_changes *changes)
{
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        struct pl_piece piece = {.kind = PL_PIECE_ANSWERED, .segment = segment};
        struct pl_bytes field;
        size_t position;

        if (!customer->answered_is_dirty[segment]) {
            continue;
        }
        assert(customer->answered_is_loaded[segment]);
        if (pl_answered_in_segment(customer->answered_stored_total, segment) == 0) {
            changes->pieces_delta++;
        }
        field = pl_state_field(&piece, customer->customer_id, arena);
        position = pl_seal_open(buffer);
        put_answered(buffer, customer, segment);
        add_value(changes, field, position, buffer, arena);
        customer->answered_is_dirty[segment] = false;
    }
}

/* The chunks' places as the shape of a binary tree in preorder, a bit a node (1: it has children;
 * see state_layout.h), then their revisions. */
static void put_directory(struct pl_buffer *buffer, const struct pl_subscription *subscription)
{
    struct pl_shape_writer shape = {.byte = 0};

    for (size_t i = 0; i < subscription->chunk_count; i++) {
        pl_shape_count(&shape, &subscription->chunks[i]);
    }
    pl_put_long(buffer, (int64_t)((shape.bits + 7) / 8));
    shape = (struct pl_shape_writer){.byte = 0};
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        pl_shape_put(&shape, &subscription->chunks[i], buffer);
    }
    pl_shape_flush(&shape, buffer);
    pl_put_array_start(buffer, subscription->chunk_count);
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        pl_put_long(buffer, (int64_t)subscription->chunks[i].revision);
    }
    pl_put_array_end(buffer);
}

static void put_subscription(struct pl_buffer *buffer, const struct pl_subscription *subscription)
{
    pl_put_string(buffer, subscription->subscription_id);
    pl_put_string(buffer, subscription->offer_id);
    pl_put_long(buffer, subscription->status);
    pl_put_long(buffer, subscription->quantity);
    pl_put_optional_string(buffer, subscription->partner_id);
    pl_put_long(buffer, subscription->channel);
    pl_put_optional_string(buffer, subscription->parent_subscription_id);
    pl_put_long(buffer, subscription->revision);
    pl_put_optional_string(buffer, subscription->replaced_by);
    pl_put_long(buffer, (int64_t)subscription->ordinal);
    pl_put_long(buffer, (int64_t)subscription->licence_count);
    put_directory(buffer, subscription);
}

static void put_head(struct pl_buffer *buffer, const struct pl_customer *customer)
{
    pl_put_long(buffer, customer->version);
    pl_put_long(buffer, (int64_t)customer->answered_total);
    pl_put_long(buffer, (int64_t)customer->next_ordinal);
    pl_put_array_start(buffer, customer->subscription_count);
    for (size_t i = 0; i < customer->subscription_count; i++) {
        put_subscription(buffer, &customer->subscriptions[i]);
    }
    pl_put_array_end(buffer);
    pl_put_array_start(buffer, customer->grant_count);
    for (size_t i = 0; i < customer->grant_count; i++) {
        pl_put_string(buffer, customer->grants[i].partner_id);
        pl_put_names(buffer, customer->grants[i].service_families);
    }
    pl_put_array_end(buffer);
}

void pl_state_encode(struct pl_customer *customer, struct pl_arena *arena, struct pl_buffer *buffer,
                     struct pl_state_changes *changes)
{
    struct pl_piece head = {.kind = PL_PIECE_HEAD};
    struct pl_bytes field;
    size_t position;

    for (size_t i = 0; i < customer->dropped.count; i++) {
        add_deletion(changes,
                     pl_state_field(&customer->dropped.items[i], customer->customer_id, arena),
                     arena);
    }
    customer->dropped.count = 0;
    if (!customer->is_dirty) {
        return;
    }
    for (size_t i = 0; i < customer->subscription_count; i++) {
        encode_chunks(customer, &customer->subscriptions[i], arena, buffer, changes);
    }
    encode_answered(customer, arena, buffer, changes);
    if (!customer->is_stored) {
        changes->pieces_delta++;
    }
    field = pl_state_field(&head, customer->customer_id, arena);
    position = pl_seal_open(buffer);
    put_head(buffer, customer);
    add_value(changes, field, position, buffer, arena);
    customer->is_dirty = false;
}
