/* Which stored pieces of a customer must be there before a record can be handled (design I2). */
#include "customer_inner.h"
#include "rules.h"

static void need_chunk(const struct pl_subscription *subscription, const struct pl_chunk *chunk,
                       struct pl_arena *arena, struct pl_pieces *pieces)
{
    if (!chunk->is_loaded) {
        pl_pieces_add(pieces, pl_chunk_piece(subscription, chunk), arena);
    }
}

static void need_all_chunks(const struct pl_subscription *subscription, struct pl_arena *arena,
                            struct pl_pieces *pieces)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        need_chunk(subscription, &subscription->chunks[i], arena, pieces);
    }
}

static bool is_loaded(const struct pl_subscription *subscription)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        if (!subscription->chunks[i].is_loaded) {
            return false;
        }
    }
    return true;
}

static bool are_all_loaded(const struct pl_customer *customer)
{
    for (size_t i = 0; i < customer->subscription_count; i++) {
        if (!is_loaded(&customer->subscriptions[i])) {
            return false;
        }
    }
    return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void need_user(const struct pl_customer *customer, struct pl_bytes subscription_id,
                      struct pl_bytes user_id, struct pl_arena *arena, struct pl_pieces *pieces)
{
    const struct pl_subscription *holder = pl_customer_licence_holder(customer, subscription_id);

    if (holder != NULL) {
        need_chunk(holder, pl_licences_chunk(holder, pl_user_hash(user_id)), arena, pieces);
    }
}

void pl_event_needs(const struct pl_customer *customer, const struct pl_event *event,
                    struct pl_arena *arena, struct pl_pieces *ret_pieces)
{
    switch (event->kind) {
    case PL_EVENT_LICENSE_ASSIGNED:
        need_user(customer, event->change.license_assigned.subscription_id,
                  event->change.license_assigned.user_id, arena, ret_pieces);
        break;
    case PL_EVENT_LICENSE_REMOVED:
        need_user(customer, event->change.license_removed.subscription_id,
                  event->change.license_removed.user_id, arena, ret_pieces);
        break;
    case PL_EVENT_SUBSCRIPTION_CHANGED:
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
    case PL_EVENT_CUSTOMER_ERASED:
        break; /* the head is enough */
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static void need_answered(const struct pl_customer *customer, struct pl_arena *arena,
                          struct pl_pieces *pieces)
{
    for (uint32_t i = 0; i < PL_ANSWERED_SEGMENTS; i++) {
        if (!customer->answered_is_loaded[i]) {
            pl_pieces_add(pieces, (struct pl_piece){.kind = PL_PIECE_ANSWERED, .segment = i},
                          arena);
        }
    }
}

/* The chunks of a subscription that would hold the source's users, each once; a licence that a
 * group assigned is not looked up elsewhere. */
static void need_users_chunks(const struct pl_subscription *subscription,
                              const struct pl_subscription *source, struct pl_arena *arena,
                              struct pl_pieces *pieces)
{
    const struct pl_licence **licences = pl_licences_list(source, arena);
    bool *is_named = pl_arena_zalloc(arena, subscription->chunk_count, sizeof(*is_named));

    for (uint64_t i = 0; i < source->licence_count; i++) {
        const struct pl_chunk *chunk = pl_licences_chunk(subscription, licences[i]->user_hash);
        size_t position = (size_t)(chunk - subscription->chunks);

        if (pl_bytes_is_empty(licences[i]->assigned_by_group) && !is_named[position]) {
            is_named[position] = true;
            need_chunk(subscription, chunk, arena, pieces);
        }
    }
}

/* Licences of the source, and those of its users elsewhere that may collide. Which users those are
 * is known only once the source's licences are there; small others are named without waiting. */
static void need_licences(const struct pl_inquiry *inquiry, struct pl_pieces *pieces)
{
    const struct pl_subscription *source = inquiry->source;
    bool are_users_known = is_loaded(source);

    need_all_chunks(source, inquiry->arena, pieces);
    for (size_t i = 0; i < inquiry->other_count; i++) {
        const struct pl_subscription *other = inquiry->others[i].subscription;

        if (!inquiry->others[i].can_collide || is_loaded(other)) {
            continue;
        }
        if (are_users_known) {
            need_users_chunks(other, source, inquiry->arena, pieces);
        } else if (other->chunk_count <= 2 || other->chunk_count <= source->chunk_count) {
            need_all_chunks(other, inquiry->arena, pieces);
        }
    }
}

/* Can the decision depend on licences? Not when the head alone refuses, except that error 13 would
 * be one more. Opens the targets. */
static bool depends_on_licences(struct pl_inquiry *inquiry)
{
    const struct pl_request *request = inquiry->request;
    struct pl_findings findings = {.arena = inquiry->arena};

    pl_rules_ask(inquiry, PL_SCOPE_REQUEST, &findings);
    if (findings.is_fatal) {
        return false;
    }
    pl_inquiry_open_targets(inquiry);
    if (request->operation == PL_OPERATION_CHECK || request->require_license_transfer) {
        return true;
    }
    inquiry->edge = &inquiry->edges[0];
    pl_rules_ask(inquiry, PL_SCOPE_TARGET, &findings);
    return findings.count == 0;
}

void pl_request_needs(const struct pl_catalogue *catalogue, const struct pl_customer *customer,
                      const struct pl_request *request, struct pl_arena *arena,
                      struct pl_pieces *ret_pieces)
{
    struct pl_inquiry inquiry;

    if (pl_bytes_is_empty(request->request_id)) {
        return; /* error 0, and not remembered */
    }
    need_answered(customer, arena, ret_pieces);
    if (request->operation == PL_OPERATION_ADD_LICENSES || are_all_loaded(customer)) {
        return;
    }
    pl_inquiry_open(&inquiry, catalogue, customer, request, arena);
    if (depends_on_licences(&inquiry)) {
        need_licences(&inquiry, ret_pieces);
    }
}
