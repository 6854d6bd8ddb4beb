/* Stored pieces back to a customer (design I2): views into the stored bytes, nothing copied. Every
 * count and length is checked against what is there, so a damaged value can only end as
 * PL_BAD_DATA. */
#include <inttypes.h>

#include "planlift/state.h"
#include "state_layout.h"
#include "state_seal.h"

/* Number of items of an array written as one block; at least min_bytes each must be left. */
static size_t get_array_count(struct pl_reader *body, size_t min_bytes)
{
    int64_t most = (int64_t)(pl_reader_left(body) / min_bytes);

    return (size_t)pl_get_long_within(body, 0, most);
}

/* The end marker of an array; an empty array was only that. */
static void get_array_end(struct pl_reader *body, size_t count)
{
    if (count > 0) {
        (void)pl_get_long_within(body, 0, 0); /* anything else makes the reader bad */
    }
}

static struct pl_names get_names(struct pl_reader *body, struct pl_arena *arena)
{
    size_t count = get_array_count(body, 1);
    struct pl_bytes *items = NULL;

    if (count > 0) {
        items = pl_arena_alloc(arena, count * sizeof(*items));
        for (size_t i = 0; i < count; i++) {
            items[i] = pl_get_string(body);
        }
    }
    get_array_end(body, count);
    return (struct pl_names){items, count};
}

/* ---- head ------------------------------------------------------------------------------------ */

static bool shape_bit(struct pl_bytes shape, size_t bit)
{
    return bit / 8 < shape.len && ((unsigned char)shape.data[bit / 8] >> (bit % 8) & 1) != 0;
}

/* Starts and depths of the chunks; false unless the shape is that of count leaves. */
static bool get_places(struct pl_bytes shape, struct pl_chunk *chunks, size_t count)
{
    uint64_t start = 0;
    unsigned depth = 0;
    size_t bit = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            if (start == 0) {
                return false; /* the leaves before already cover everything */
            }
            depth = pl_shape_depth_at(start);
        }
        for (; shape_bit(shape, bit); bit++) {
            depth++;
        }
        bit++;
        if (depth > PL_CHUNK_MAX_DEPTH) {
            return false;
        }
        chunks[i].start = start;
        chunks[i].depth = (uint8_t)depth;
        start = depth == 0 ? 0 : start + ((uint64_t)1 << (64 - depth));
    }
    return start == 0 && (bit + 7) / 8 == shape.len;
}

static void get_directory(struct pl_reader *body, struct pl_arena *arena,
                          struct pl_subscription *subscription)
{
    struct pl_bytes shape = pl_get_string(body);
    size_t count = get_array_count(body, 1);
    struct pl_chunk *chunks;

    if (count == 0) {
        body->is_bad = true;
        return;
    }
    chunks = pl_arena_zalloc(arena, count, sizeof(*chunks));
    for (size_t i = 0; i < count; i++) {
        chunks[i].revision = (uint64_t)pl_get_long_within(body, 0, INT64_MAX);
        chunks[i].is_loaded = chunks[i].revision == 0;
    }
    get_array_end(body, count);
    if (!get_places(shape, chunks, count)) {
        body->is_bad = true;
    }
    subscription->chunks = chunks;
    subscription->chunk_count = count;
    subscription->chunk_capacity = count;
}

static void get_subscription(struct pl_reader *body, struct pl_arena *arena,
                             struct pl_subscription *subscription)
{
    subscription->subscription_id = pl_get_string(body);
    subscription->offer_id = pl_get_string(body);
    subscription->status = (enum pl_subscription_status)pl_get_enum(body, PL_STATUS_COUNT);
    subscription->quantity = pl_get_int(body);
    subscription->partner_id = pl_get_optional_string(body);
    subscription->channel = (enum pl_channel)pl_get_enum(body, PL_CHANNEL_COUNT);
    subscription->parent_subscription_id = pl_get_optional_string(body);
    subscription->revision = pl_get_long(body);
    subscription->replaced_by = pl_get_optional_string(body);
    subscription->ordinal = (uint64_t)pl_get_long_within(body, 0, INT64_MAX);
    subscription->licence_count = (uint64_t)pl_get_long_within(body, 0, INT64_MAX);
    get_directory(body, arena, subscription);
}

static void get_subscriptions(struct pl_reader *body, struct pl_arena *arena,
                              struct pl_customer *customer)
{
    size_t count = get_array_count(body, 13); /* a byte for each field at the least */

    if (count > 0) {
        customer->subscriptions = pl_arena_zalloc(arena, count, sizeof(*customer->subscriptions));
        for (size_t i = 0; i < count && !body->is_bad; i++) {
            get_subscription(body, arena, &customer->subscriptions[i]);
        }
    }
    get_array_end(body, count);
    customer->subscription_count = count;
    customer->subscription_capacity = count;
}

static void get_grants(struct pl_reader *body, struct pl_arena *arena, struct pl_customer *customer)
{
    size_t count = get_array_count(body, 2);

    if (count > 0) {
        customer->grants = pl_arena_zalloc(arena, count, sizeof(*customer->grants));
        for (size_t i = 0; i < count && !body->is_bad; i++) {
            customer->grants[i].partner_id = pl_get_string(body);
            customer->grants[i].service_families = get_names(body, arena);
        }
    }
    get_array_end(body, count);
    customer->grant_count = count;
    customer->grant_capacity = count;
}

enum pl_status pl_state_decode_head(struct pl_bytes field, struct pl_bytes value,
                                    struct pl_arena *arena, struct pl_customer *customer,
                                    struct pl_error *error)
{
    struct pl_reader body;
    enum pl_status status;

    if (pl_bytes_is_null(value)) {
        return PL_OK;
    }
    status = pl_seal_check(field, value, &body, error);
    if (status != PL_OK) {
        return pl_fail_at(error, status, "head of a customer");
    }
    customer->version = pl_get_long_within(&body, 0, INT64_MAX);
    customer->answered_total = (uint64_t)pl_get_long_within(&body, 0, INT64_MAX);
    customer->next_ordinal = (uint64_t)pl_get_long_within(&body, 0, INT64_MAX);
    get_subscriptions(&body, arena, customer);
    get_grants(&body, arena, customer);
    if (!pl_reader_is_done(&body)) {
        return pl_fail(error, PL_BAD_DATA, "head of a customer is damaged");
    }
    customer->is_stored = true;
    customer->answered_stored_total = customer->answered_total;
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        customer->answered_is_loaded[segment] =
            pl_answered_in_segment(customer->answered_total, segment) == 0;
    }
    return PL_OK;
}

/* ---- further pieces -------------------------------------------------------------------------- */

static struct pl_chunk *find_chunk(struct pl_customer *customer, const struct pl_piece *piece)
{
    for (size_t i = 0; i < customer->subscription_count; i++) {
        struct pl_subscription *subscription = &customer->subscriptions[i];

        if (subscription->ordinal == piece->ordinal) {
            struct pl_chunk *chunk = pl_licences_chunk(subscription, piece->chunk_start);

            return chunk->start == piece->chunk_start && chunk->depth == piece->chunk_depth ? chunk
                                                                                            : NULL;
        }
    }
    return NULL;
}

static void get_licence(struct pl_reader *body, struct pl_arena *arena, struct pl_licence *licence)
{
    licence->user_id = pl_get_string(body);
    licence->user_hash = pl_user_hash(licence->user_id);
    licence->user_principal_name = pl_get_string(body);
    licence->display_name = pl_get_optional_string(body);
    licence->assigned_by_group = pl_get_optional_string(body);
    licence->disabled_services = get_names(body, arena);
}

static enum pl_status decode_chunk(struct pl_reader *body, struct pl_arena *arena,
                                   struct pl_chunk *chunk, struct pl_error *error)
{
    uint64_t revision = (uint64_t)pl_get_long_within(body, 1, INT64_MAX);
    size_t count;
    struct pl_licence *licences;

    if (revision != chunk->revision) {
        return pl_fail(error, PL_BAD_DATA,
                       "licence chunk has revision %" PRIu64 ", its head knows %" PRIu64, revision,
                       chunk->revision);
    }
    count = get_array_count(body, 5);
    licences = pl_arena_alloc(arena, (count + 1) * sizeof(*licences));
    for (size_t i = 0; i < count && !body->is_bad; i++) {
        get_licence(body, arena, &licences[i]);
    }
    get_array_end(body, count);
    if (!pl_reader_is_done(body) || count > UINT32_MAX - 1) {
        return pl_fail(error, PL_BAD_DATA, "licence chunk is damaged");
    }
    chunk->licences = licences;
    chunk->count = (uint32_t)count;
    chunk->capacity = (uint32_t)count + 1; /* room for the usual one licence more */
    chunk->is_loaded = true;
    return PL_OK;
}

static enum pl_status decode_answered(struct pl_reader *body, uint32_t segment,
                                      struct pl_arena *arena, struct pl_customer *customer,
                                      struct pl_error *error)
{
    uint64_t total = customer->answered_stored_total;
    size_t count = pl_answered_in_segment(total, segment);
    uint64_t last = (uint64_t)pl_get_long(body);
    struct pl_bytes slots = pl_get_string(body);

    if (!pl_reader_is_done(body) || count == 0 || slots.len != count * sizeof(struct pl_answered) ||
        last != pl_answered_last(total, segment)) {
        return pl_fail(error, PL_BAD_DATA,
                       "answered requests of a customer are not those that its head knows");
    }
    memcpy(pl_customer_answered(customer, segment, arena), slots.data, slots.len);
    customer->answered_is_loaded[segment] = true;
    return PL_OK;
}

enum pl_status pl_state_decode_piece(const struct pl_piece *piece, struct pl_bytes field,
                                     struct pl_bytes value, struct pl_arena *arena,
                                     struct pl_customer *customer, struct pl_error *error)
{
    struct pl_reader body;
    struct pl_chunk *chunk;
    enum pl_status status = pl_seal_check(field, value, &body, error);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "piece of a customer");
    }
    switch (piece->kind) {
    case PL_PIECE_HEAD:
        break; /* has a function of its own */
    case PL_PIECE_ANSWERED:
        return decode_answered(&body, piece->segment, arena, customer, error);
    case PL_PIECE_CHUNK:
        chunk = find_chunk(customer, piece);
        if (chunk != NULL) {
            return decode_chunk(&body, arena, chunk, error);
        }
        break;
    }
    return pl_fail(error, PL_BAD_DATA, "piece of a customer is not in its head's directory");
}
