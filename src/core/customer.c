/* A customer's head: its subscriptions and grants in sorted arrays, and what erasing it means. */
#include <stdint.h>
#include <stdlib.h>

#include "customer_inner.h"

void pl_customer_init(struct pl_customer *customer, struct pl_bytes customer_id)
{
    *customer = (struct pl_customer){.customer_id = customer_id};
    for (size_t i = 0; i < PL_ANSWERED_SEGMENTS; i++) {
        customer->answered_is_loaded[i] = true; /* nothing is stored */
    }
}

void pl_customer_erase(struct pl_customer *customer, struct pl_arena *arena)
{
    uint64_t slots = customer->answered_stored_total < PL_ANSWERED_MAX
                         ? customer->answered_stored_total
                         : PL_ANSWERED_MAX;
    struct pl_pieces dropped;

    for (size_t i = 0; i < customer->subscription_count; i++) {
        pl_licences_clear(customer, &customer->subscriptions[i], arena);
    }
    for (uint32_t i = 0; (uint64_t)i * PL_ANSWERED_SEGMENT < slots; i++) {
        pl_pieces_add(&customer->dropped,
                      (struct pl_piece){.kind = PL_PIECE_ANSWERED, .segment = i}, arena);
    }
    if (customer->is_stored) {
        pl_pieces_add(&customer->dropped, (struct pl_piece){.kind = PL_PIECE_HEAD}, arena);
    }
    dropped = customer->dropped;
    pl_customer_init(customer, customer->customer_id);
    customer->dropped = dropped;
}

struct pl_answered *pl_customer_answered(struct pl_customer *customer, uint32_t segment,
                                         struct pl_arena *arena)
{
    if (customer->answered[segment] == NULL) {
        customer->answered[segment] =
            pl_arena_zalloc(arena, PL_ANSWERED_SEGMENT, sizeof(struct pl_answered));
    }
    return customer->answered[segment];
}

void pl_customer_next_version(struct pl_customer *customer)
{
    if (customer->version < INT64_MAX) {
        customer->version++;
    }
    customer->is_dirty = true;
}

/* Position of the first subscription whose id is not below. */
static size_t subscription_position(const struct pl_customer *customer,
                                    struct pl_bytes subscription_id)
{
    size_t low = 0;
    size_t high = customer->subscription_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pl_bytes_compare(customer->subscriptions[middle].subscription_id, subscription_id) <
            0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct pl_subscription *pl_customer_find(const struct pl_customer *customer,
                                         struct pl_bytes subscription_id)
{
    size_t position = subscription_position(customer, subscription_id);

    if (position < customer->subscription_count &&
        pl_bytes_equal(customer->subscriptions[position].subscription_id, subscription_id)) {
        return &customer->subscriptions[position];
    }
    return NULL;
}

/* Make room for an element at position in an array of element_size; returns the array. */
static void *open_gap(struct pl_arena *arena, void *items, size_t *count, size_t *capacity,
                      size_t position, size_t element_size)
{
    char *bytes;

    if (*count == *capacity) {
        size_t larger = *capacity == 0 ? 4 : *capacity * 2;

        items = pl_arena_grow(arena, items, *count, larger, element_size);
        *capacity = larger;
    }
    bytes = items;
    if (position < *count) {
        memmove(bytes + (position + 1) * element_size, bytes + position * element_size,
                (*count - position) * element_size);
    }
    *count += 1;
    return items;
}

struct pl_subscription *pl_customer_add(struct pl_customer *customer,
                                        struct pl_bytes subscription_id, struct pl_arena *arena)
{
    size_t position = subscription_position(customer, subscription_id);
    struct pl_subscription *subscription;

    customer->subscriptions =
        open_gap(arena, customer->subscriptions, &customer->subscription_count,
                 &customer->subscription_capacity, position, sizeof(*customer->subscriptions));
    subscription = &customer->subscriptions[position];
    *subscription = (struct pl_subscription){.subscription_id = subscription_id,
                                             .ordinal = customer->next_ordinal++};
    pl_licences_init(subscription, arena);
    customer->is_dirty = true;
    return subscription;
}

struct pl_subscription *pl_customer_licence_holder(const struct pl_customer *customer,
                                                   struct pl_bytes subscription_id)
{
    struct pl_subscription *subscription = pl_customer_find(customer, subscription_id);

    /* A chain of more steps than there are subscriptions comes back to itself. */
    for (size_t steps = 0; subscription != NULL; steps++) {
        if (pl_bytes_is_empty(subscription->replaced_by)) {
            return subscription;
        }
        if (steps == customer->subscription_count) {
            return NULL;
        }
        subscription = pl_customer_find(customer, subscription->replaced_by);
    }
    return NULL;
}

/* ---- grants ---------------------------------------------------------------------------------- */

/* Position of the first grant whose partner is not below. */
static size_t grant_position(const struct pl_customer *customer, struct pl_bytes partner_id)
{
    size_t low = 0;
    size_t high = customer->grant_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (pl_bytes_compare(customer->grants[middle].partner_id, partner_id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_grant_at(const struct pl_customer *customer, size_t position,
                         struct pl_bytes partner_id)
{
    return position < customer->grant_count &&
           pl_bytes_equal(customer->grants[position].partner_id, partner_id);
}

const struct pl_grant *pl_customer_grant(const struct pl_customer *customer,
                                         struct pl_bytes partner_id)
{
    size_t position = grant_position(customer, partner_id);

    return has_grant_at(customer, position, partner_id) ? &customer->grants[position] : NULL;
}

void pl_customer_set_grant(struct pl_customer *customer, struct pl_bytes partner_id,
                           struct pl_names families, struct pl_arena *arena)
{
    size_t position = grant_position(customer, partner_id);

    if (!has_grant_at(customer, position, partner_id)) {
        customer->grants = open_gap(arena, customer->grants, &customer->grant_count,
                                    &customer->grant_capacity, position, sizeof(*customer->grants));
    }
    customer->grants[position] = (struct pl_grant){
        .partner_id = partner_id, .service_families = pl_names_sorted(families, arena)};
    customer->is_dirty = true;
}

void pl_customer_remove_grant(struct pl_customer *customer, struct pl_bytes partner_id)
{
    size_t position = grant_position(customer, partner_id);

    if (has_grant_at(customer, position, partner_id)) {
        customer->grant_count--;
        memmove(&customer->grants[position], &customer->grants[position + 1],
                (customer->grant_count - position) * sizeof(*customer->grants));
        customer->is_dirty = true;
    }
}

/* ---- lists of names -------------------------------------------------------------------------- */

static bool is_ascending(struct pl_names names)
{
    for (size_t i = 1; i < names.count; i++) {
        if (pl_bytes_compare(names.items[i - 1], names.items[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct pl_bytes *left = a;
    const struct pl_bytes *right = b;

    return pl_bytes_compare(*left, *right);
}

struct pl_names pl_names_sorted(struct pl_names names, struct pl_arena *arena)
{
    struct pl_bytes *items;
    size_t count = 1;

    if (is_ascending(names)) {
        return names;
    }
    items = pl_arena_grow(arena, names.items, names.count, names.count, sizeof(*items));
    qsort(items, names.count, sizeof(*items), compare_names);
    for (size_t i = 1; i < names.count; i++) {
        if (!pl_bytes_equal(items[i], items[count - 1])) {
            items[count++] = items[i];
        }
    }
    return (struct pl_names){items, count};
}
