/* What the tests of the stored form share: a store as a small map, customers with random content,
 * and both directions of the codec against it. */
#ifndef PL_TEST_STATE_FIXTURE_H
#define PL_TEST_STATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "planlift/decide.h"
#include "planlift/state.h"

enum { STORE_MAX = 4096 };

struct stored {
    struct pl_bytes field, value;
};

/* Fields and values as the state topic and Redis would hold them. */
struct store {
    struct pl_arena arena;
    struct stored items[STORE_MAX];
    size_t count;
};

static inline struct stored *store_find(struct store *store, struct pl_bytes field)
{
    for (size_t i = 0; i < store->count; i++) {
        if (pl_bytes_equal(store->items[i].field, field)) {
            return &store->items[i];
        }
    }
    return NULL;
}

/* Write a customer's changes; what pieces_delta says must be what happens to the store. */
static inline void store_customer(struct store *store, struct pl_customer *customer)
{
    struct pl_state_changes changes = {.items = NULL};
    struct pl_buffer buffer = {NULL, 0, 0};
    size_t before = store->count;

    pl_state_encode(customer, &store->arena, &buffer, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        const struct pl_state_change *change = &changes.items[i];
        struct stored *found = store_find(store, change->field);

        if (change->is_deleted) {
            if (found == NULL) {
                abort(); /* a deletion of what is not there */
            }
            *found = store->items[--store->count];
            continue;
        }
        if (found == NULL) {
            assert_true(store->count < STORE_MAX);
            found = &store->items[store->count++];
        }
        found->field = change->field;
        found->value =
            pl_arena_copy(&store->arena, (struct pl_bytes){buffer.data + change->value_position,
                                                           change->value_len});
    }
    assert_int_equal((int64_t)store->count - (int64_t)before, changes.pieces_delta);
    pl_buffer_done(&buffer);
}

static inline struct pl_bytes stored_value(struct store *store, struct pl_bytes field)
{
    const struct stored *found = store_find(store, field);

    return found == NULL ? PL_NULL_BYTES : found->value;
}

static inline enum pl_status load_piece(struct store *store, struct pl_customer *customer,
                                        const struct pl_piece *piece)
{
    struct pl_bytes field = pl_state_field(piece, customer->customer_id, &store->arena);

    return pl_state_decode_piece(piece, field, stored_value(store, field), &store->arena, customer,
                                 NULL);
}

/* Head and every piece that it knows. */
static inline void load_customer(struct store *store, struct pl_bytes id,
                                 struct pl_customer *customer)
{
    struct pl_piece head = {.kind = PL_PIECE_HEAD};
    struct pl_bytes field = pl_state_field(&head, id, &store->arena);

    pl_customer_init(customer, id);
    assert_int_equal(
        pl_state_decode_head(field, stored_value(store, field), &store->arena, customer, NULL),
        PL_OK);
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        struct pl_piece piece = {.kind = PL_PIECE_ANSWERED, .segment = segment};

        if (!customer->answered_is_loaded[segment]) {
            assert_int_equal(load_piece(store, customer, &piece), PL_OK);
        }
    }
    for (size_t i = 0; i < customer->subscription_count; i++) {
        const struct pl_subscription *subscription = &customer->subscriptions[i];

        for (size_t j = 0; j < subscription->chunk_count; j++) {
            struct pl_piece piece = {.kind = PL_PIECE_CHUNK,
                                     .ordinal = subscription->ordinal,
                                     .chunk_depth = subscription->chunks[j].depth,
                                     .chunk_start = subscription->chunks[j].start};

            if (!subscription->chunks[j].is_loaded) {
                assert_int_equal(load_piece(store, customer, &piece), PL_OK);
            }
        }
    }
}

/* ---- customers ------------------------------------------------------------------------------- */

static inline struct pl_bytes numbered(struct store *store, const char *name, int number)
{
    return pl_arena_format(&store->arena, "%s-%d", name, number);
}

static inline void assign(struct store *store, struct pl_customer *customer,
                          const char *subscription, int user)
{
    static const struct pl_bytes disabled[] = {{"B", 1}, {"A", 1}, {"B", 1}};
    struct pl_event event = {.customer_id = customer->customer_id,
                             .kind = PL_EVENT_LICENSE_ASSIGNED};

    event.change.license_assigned = (struct pl_license_assigned){
        .subscription_id = pl_bytes_of(subscription),
        .user_id = numbered(store, "user", user),
        .user_principal_name = numbered(store, "upn", user),
        .display_name = user % 3 == 0 ? PL_NULL_BYTES : numbered(store, "name", user),
        .assigned_by_group = user % 7 == 0 ? PL_BYTES_LITERAL("group") : PL_NULL_BYTES,
        .disabled_services = {disabled, (size_t)(user % 4)}};
    pl_event_apply(customer, &event, &store->arena);
}

static inline void unassign(struct store *store, struct pl_customer *customer,
                            const char *subscription, int user)
{
    struct pl_event event = {.customer_id = customer->customer_id,
                             .kind = PL_EVENT_LICENSE_REMOVED};

    event.change.license_removed = (struct pl_license_removed){
        .subscription_id = pl_bytes_of(subscription), .user_id = numbered(store, "user", user)};
    pl_event_apply(customer, &event, &store->arena);
}

static inline void subscribe(struct store *store, struct pl_customer *customer, const char *id)
{
    struct pl_event event = {.customer_id = customer->customer_id,
                             .kind = PL_EVENT_SUBSCRIPTION_CHANGED};

    event.change.subscription_changed =
        (struct pl_subscription_changed){.subscription_id = pl_bytes_of(id),
                                         .offer_id = PL_BYTES_LITERAL("offer"),
                                         .status = PL_STATUS_ACTIVE,
                                         .quantity = 300,
                                         .partner_id = PL_BYTES_LITERAL("partner"),
                                         .channel = PL_CHANNEL_VOLUME,
                                         .revision = 5};
    pl_event_apply(customer, &event, &store->arena);
}

static inline void remember(struct store *store, struct pl_customer *customer, int number)
{
    struct pl_request request = {.request_id = numbered(store, "request", number),
                                 .customer_id = customer->customer_id,
                                 .partner_id = PL_BYTES_LITERAL("partner"),
                                 .subscription_id = PL_BYTES_LITERAL("s1"),
                                 .operation = PL_OPERATION_CHECK};
    struct pl_answered digest = pl_request_digest(customer->customer_id, &request);

    pl_request_remember(customer, &request, &digest, &store->arena);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static inline void assert_same_bytes(struct pl_bytes a, struct pl_bytes b)
{
    assert_true(pl_bytes_equal(a, b));
}

static inline void assert_same_licences(struct store *store, const struct pl_subscription *a,
                                        const struct pl_subscription *b)
{
    const struct pl_licence *const *left;
    const struct pl_licence *const *right;

    assert_int_equal(a->licence_count, b->licence_count);
    pl_licences_sorted(a, &store->arena, &left);
    pl_licences_sorted(b, &store->arena, &right);
    for (uint64_t i = 0; i < a->licence_count; i++) {
        assert_same_bytes(left[i]->user_id, right[i]->user_id);
        assert_same_bytes(left[i]->user_principal_name, right[i]->user_principal_name);
        assert_same_bytes(left[i]->display_name, right[i]->display_name);
        assert_same_bytes(left[i]->assigned_by_group, right[i]->assigned_by_group);
        assert_int_equal(left[i]->disabled_services.count, right[i]->disabled_services.count);
        for (size_t j = 0; j < left[i]->disabled_services.count; j++) {
            assert_same_bytes(left[i]->disabled_services.items[j],
                              right[i]->disabled_services.items[j]);
        }
    }
}

static inline void assert_same_customer(struct store *store, const struct pl_customer *a,
                                        const struct pl_customer *b)
{
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->answered_total, b->answered_total);
    assert_int_equal(a->next_ordinal, b->next_ordinal);
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        assert_true((a->answered[segment] == NULL) == (b->answered[segment] == NULL));
        if (a->answered[segment] != NULL) {
            assert_memory_equal(a->answered[segment], b->answered[segment],
                                PL_ANSWERED_SEGMENT * sizeof(struct pl_answered));
        }
    }
    assert_int_equal(a->grant_count, b->grant_count);
    for (size_t i = 0; i < a->grant_count; i++) {
        assert_same_bytes(a->grants[i].partner_id, b->grants[i].partner_id);
    }
    assert_int_equal(a->subscription_count, b->subscription_count);
    for (size_t i = 0; i < a->subscription_count; i++) {
        const struct pl_subscription *left = &a->subscriptions[i];
        const struct pl_subscription *right = &b->subscriptions[i];

        assert_same_bytes(left->subscription_id, right->subscription_id);
        assert_same_bytes(left->offer_id, right->offer_id);
        assert_int_equal(left->status, right->status);
        assert_int_equal(left->quantity, right->quantity);
        assert_same_bytes(left->partner_id, right->partner_id);
        assert_int_equal(left->channel, right->channel);
        assert_same_bytes(left->parent_subscription_id, right->parent_subscription_id);
        assert_int_equal(left->revision, right->revision);
        assert_same_bytes(left->replaced_by, right->replaced_by);
        assert_same_licences(store, left, right);
    }
}

#endif
