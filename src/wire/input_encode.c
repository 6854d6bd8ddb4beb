/* Events and requests to Avro, written straight in the order of subscription-event.avsc and
 * upgrade-request.avsc (which pl_own_schema_parse compares with the contract). */
#include "planlift/codec.h"
#include "wire/avro_binary.h"
#include "wire/frame.h"

/* ---- events ---------------------------------------------------------------------------------- */

static void put_subscription_changed(struct pl_buffer *buffer,
                                     const struct pl_subscription_changed *change)
{
    pl_put_string(buffer, change->subscription_id);
    pl_put_string(buffer, change->offer_id);
    pl_put_long(buffer, change->status);
    pl_put_long(buffer, change->quantity);
    pl_put_optional_string(buffer, change->partner_id);
    pl_put_long(buffer, change->channel);
    pl_put_optional_string(buffer, change->parent_subscription_id);
    pl_put_long(buffer, change->revision);
}

static void put_license_assigned(struct pl_buffer *buffer, const struct pl_license_assigned *change)
{
    pl_put_string(buffer, change->subscription_id);
    pl_put_string(buffer, change->user_id);
    pl_put_string(buffer, change->user_principal_name);
    pl_put_optional_string(buffer, change->display_name);
    pl_put_optional_string(buffer, change->assigned_by_group);
    pl_put_names(buffer, change->disabled_services);
}

static void put_license_removed(struct pl_buffer *buffer, const struct pl_license_removed *change)
{
    pl_put_string(buffer, change->subscription_id);
    pl_put_string(buffer, change->user_id);
}

static void put_delegated_admin_changed(struct pl_buffer *buffer,
                                        const struct pl_delegated_admin_changed *change)
{
    pl_put_string(buffer, change->partner_id);
    pl_put_boolean(buffer, change->granted);
    pl_put_names(buffer, change->service_families);
}

void pl_event_encode(uint32_t schema_id, struct pl_bytes event_id, int64_t occurred_at_ms,
                     const struct pl_event *event, struct pl_buffer *buffer)
{
    pl_put_frame(buffer, schema_id);
    pl_put_string(buffer, event_id);
    pl_put_string(buffer, event->customer_id);
    pl_put_long(buffer, occurred_at_ms);
    pl_put_long(buffer, event->kind); /* the kinds are the branches of the union */
    switch (event->kind) {
    case PL_EVENT_SUBSCRIPTION_CHANGED:
        put_subscription_changed(buffer, &event->change.subscription_changed);
        return;
    case PL_EVENT_LICENSE_ASSIGNED:
        put_license_assigned(buffer, &event->change.license_assigned);
        return;
    case PL_EVENT_LICENSE_REMOVED:
        put_license_removed(buffer, &event->change.license_removed);
        return;
    case PL_EVENT_DELEGATED_ADMIN_CHANGED:
        put_delegated_admin_changed(buffer, &event->change.delegated_admin_changed);
        return;
    case PL_EVENT_CUSTOMER_ERASED:
        return; /* no fields */
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

/* A union [null, int] or [null, long]: one encoding serves both. */
static void put_optional_number(struct pl_buffer *buffer, bool is_set, int64_t value)
{
    pl_put_long(buffer, is_set ? 1 : 0);
    if (is_set) {
        pl_put_long(buffer, value);
    }
}

void pl_request_encode(uint32_t schema_id, const struct pl_request *request,
                       struct pl_buffer *buffer)
{
    pl_put_frame(buffer, schema_id);
    pl_put_string(buffer, request->request_id);
    pl_put_optional_string(buffer, request->order_id);
    pl_put_string(buffer, request->customer_id);
    pl_put_string(buffer, request->partner_id);
    pl_put_string(buffer, request->subscription_id);
    pl_put_long(buffer, request->operation);
    pl_put_optional_string(buffer, request->target_offer_id);
    put_optional_number(buffer, request->quantity.is_set, request->quantity.value);
    put_optional_number(buffer, request->expected_version.is_set, request->expected_version.value);
    pl_put_boolean(buffer, request->require_license_transfer);
    pl_put_string(buffer, request->requested_by_user_id);
    pl_put_string(buffer, request->requested_by_role);
    pl_put_long(buffer, request->requested_at_ms);
}
