/* What a fact does to a customer (contract 5). */
#include <assert.h>

#include "customer_inner.h"
#include "planlift/decide.h"

const char *pl_event_fault(const struct pl_event *event)
{
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        if (pl_bytes_is_empty(event->change.subscription_changed.subscription_id)) {
            return "subscriptionId must not be empty";
        }
        if (pl_bytes_is_empty(event->change.subscription_changed.offer_id)) {
            return "offerId must not be empty";
        }
        return event->change.subscription_changed.quantity < 0 ? "quantity must not be negative"
                                                               : NULL;
    case PL_EVENT_LICENSE_ASSIGNED:
        if (pl_bytes_is_empty(event->change.license_assigned.subscription_id)) {
            return "subscriptionId must not be empty";
        }
        return pl_bytes_is_empty(event->change.license_assigned.user_id)
                   ? "userId must not be empty"
                   : NULL;
    case PL_EVENT_LICENSE_REMOVED:
        if (pl_bytes_is_empty(event->change.license_removed.subscription_id)) {
            return "subscriptionId must not be empty";
        }
        return pl_bytes_is_empty(event->change.license_removed.user_id) ? "userId must not be empty"
                                                                        : NULL;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        return pl_bytes_is_empty(event->change.delegated_admin_changed.partner_id)
                   ? "partnerId must not be empty"
                   : NULL;
    case PL_EVENT_CUSTOMER_ERASED:
        return NULL;
    }
    return NULL;
}

/* "" is read as null (contract 3). */
static struct pl_bytes optional(struct pl_bytes bytes)
{
    return pl_bytes_is_empty(bytes) ? PL_NULL_BYTES : bytes;
}

static void change_subscription(struct pl_customer *customer,
                                const struct pl_subscription_changed *change,
                                struct pl_arena *arena)
{
    struct pl_subscription *subscription = pl_customer_find(customer, change->subscription_id);

    if (subscription == NULL) {
        subscription = pl_customer_add(customer, change->subscription_id, arena);
    } else if (subscription->revision >= change->revision ||
               !pl_bytes_is_empty(subscription->replaced_by)) {
        return; /* stale */
    }
    subscription->offer_id = change->offer_id;
    subscription->status = change->status;
    subscription->quantity = change->quantity;
    subscription->partner_id = optional(change->partner_id);
    subscription->channel = change->channel;
    subscription->parent_subscription_id = optional(change->parent_subscription_id);
    subscription->revision = change->revision;
}

static void assign_licence(struct pl_customer *customer, const struct pl_license_assigned *change,
                           struct pl_arena *arena)
{
    struct pl_subscription *holder = pl_customer_licence_holder(customer, change->subscription_id);
    struct pl_licence licence = {
        .user_id = change->user_id,
        .user_principal_name = change->user_principal_name,
        .display_name = optional(change->display_name),
        .assigned_by_group = optional(change->assigned_by_group),
    };

    if (holder != NULL) {
        licence.disabled_services = pl_names_sorted(change->disabled_services, arena);
        pl_licences_put(customer, holder, &licence, arena);
    }
}

static void remove_licence(struct pl_customer *customer, const struct pl_license_removed *change,
                           struct pl_arena *arena)
{
    struct pl_subscription *holder = pl_customer_licence_holder(customer, change->subscription_id);

    if (holder != NULL) {
        pl_licences_remove(customer, holder, change->user_id, arena);
    }
}

static void change_grant(struct pl_customer *customer,
                         const struct pl_delegated_admin_changed *change, struct pl_arena *arena)
{
    if (change->granted) {
        pl_customer_set_grant(customer, change->partner_id, change->service_families, arena);
    } else {
        pl_customer_remove_grant(customer, change->partner_id);
    }
}

void pl_event_apply(struct pl_customer *customer, const struct pl_event *event,
                    struct pl_arena *arena)
{
    assert(pl_event_fault(event) == NULL);
    if (event->kind == PL_EVENT_CUSTOMER_ERASED) {
        pl_customer_erase(customer, arena);
        return;
    }
    pl_customer_next_version(customer);
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        change_subscription(customer, &event->change.subscription_changed, arena);
        break;
    case PL_EVENT_LICENSE_ASSIGNED:
        assign_licence(customer, &event->change.license_assigned, arena);
        break;
    case PL_EVENT_LICENSE_REMOVED:
        remove_licence(customer, &event->change.license_removed, arena);
        break;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        change_grant(customer, &event->change.delegated_admin_changed, arena);
        break;
    case PL_EVENT_CUSTOMER_ERASED:
        break;
    }
}
