/* Events of contract section 9. */
#include "wire/json_event.h"

#include "planlift/decide.h"
#include "wire/json_record.h"
#include "wire/json_write.h"

/* What pl_event_fault looks at may be empty or negative here, so that it gives the reason. */
static const struct pl_json_field subscription_changed_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_event,
                  change.subscription_changed.subscription_id, struct pl_bytes),
    PL_JSON_FIELD("offerId", PL_JSON_TEXT, struct pl_event, change.subscription_changed.offer_id,
                  struct pl_bytes),
    PL_JSON_ENUM("status", PL_JSON_SYMBOL, struct pl_event, change.subscription_changed.status,
                 enum pl_subscription_status, pl_subscription_status_names),
    PL_JSON_FIELD("quantity", PL_JSON_INT, struct pl_event, change.subscription_changed.quantity,
                  int32_t),
    PL_JSON_FIELD("partnerId", PL_JSON_OPTIONAL_TEXT, struct pl_event,
                  change.subscription_changed.partner_id, struct pl_bytes),
    PL_JSON_ENUM("channel", PL_JSON_DEFAULT_SYMBOL, struct pl_event,
                 change.subscription_changed.channel, enum pl_channel, pl_channel_names),
    PL_JSON_FIELD("parentSubscriptionId", PL_JSON_OPTIONAL_TEXT, struct pl_event,
                  change.subscription_changed.parent_subscription_id, struct pl_bytes),
    PL_JSON_FIELD("revision", PL_JSON_LONG, struct pl_event, change.subscription_changed.revision,
                  int64_t),
};

static const struct pl_json_field license_assigned_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_event,
                  change.license_assigned.subscription_id, struct pl_bytes),
    PL_JSON_FIELD("userId", PL_JSON_TEXT, struct pl_event, change.license_assigned.user_id,
                  struct pl_bytes),
    PL_JSON_FIELD("userPrincipalName", PL_JSON_TEXT, struct pl_event,
                  change.license_assigned.user_principal_name, struct pl_bytes),
    PL_JSON_FIELD("displayName", PL_JSON_OPTIONAL_TEXT, struct pl_event,
                  change.license_assigned.display_name, struct pl_bytes),
    PL_JSON_FIELD("assignedByGroup", PL_JSON_OPTIONAL_TEXT, struct pl_event,
                  change.license_assigned.assigned_by_group, struct pl_bytes),
    PL_JSON_FIELD("disabledServices", PL_JSON_NAMES, struct pl_event,
                  change.license_assigned.disabled_services, struct pl_names),
};

static const struct pl_json_field license_removed_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_TEXT, struct pl_event,
                  change.license_removed.subscription_id, struct pl_bytes),
    PL_JSON_FIELD("userId", PL_JSON_TEXT, struct pl_event, change.license_removed.user_id,
                  struct pl_bytes),
};

static const struct pl_json_field delegated_admin_changed_fields[] = {
    PL_JSON_FIELD("partnerId", PL_JSON_TEXT, struct pl_event,
                  change.delegated_admin_changed.partner_id, struct pl_bytes),
    PL_JSON_FIELD("granted", PL_JSON_BOOL, struct pl_event, change.delegated_admin_changed.granted,
                  bool),
    PL_JSON_FIELD("serviceFamilies", PL_JSON_NAMES, struct pl_event,
                  change.delegated_admin_changed.service_families, struct pl_names),
};

static const struct pl_json_record event_records[PL_EVENT_KIND_COUNT] = {
    [PL_EVENT_SUBSCRIPTION_CHANGED] = PL_JSON_RECORD(subscription_changed_fields),
    [PL_EVENT_LICENSE_ASSIGNED] = PL_JSON_RECORD(license_assigned_fields),
    [PL_EVENT_LICENSE_REMOVED] = PL_JSON_RECORD(license_removed_fields),
    [PL_EVENT_DELEGATED_ADMIN_CHANGED] = PL_JSON_RECORD(delegated_admin_changed_fields),
    [PL_EVENT_CUSTOMER_ERASED] = {NULL, 0},
};

enum pl_status pl_json_event_read(const struct pl_json_node *node, struct pl_bytes customer_id,
                                  struct pl_arena *arena, struct pl_error *error,
                                  struct pl_event *ret_event)
{
    struct pl_json_node type = pl_json_member(node, "type");
    const char *fault;
    int kind = 0;
    enum pl_status status = pl_json_want_object(node, error);

    if (status == PL_OK) {
        status = pl_json_read_symbol(&type, pl_event_kind_names, PL_EVENT_KIND_COUNT, error, &kind);
    }
    if (status == PL_OK) {
        status = pl_json_record_read(&event_records[kind], node, arena, error, ret_event);
    }
    if (status != PL_OK) {
        return status;
    }
    ret_event->customer_id = customer_id;
    ret_event->kind = (enum pl_event_kind)kind;
    fault = pl_event_fault(ret_event);
    return fault == NULL ? PL_OK : pl_json_fail(node, error, "%s", fault);
}

void pl_json_event_write(const struct pl_event *event, struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_put_key(buffer, "type");
    pl_json_put_string(buffer, pl_bytes_of(pl_event_kind_names[event->kind]));
    pl_json_record_write(&event_records[event->kind], event, buffer);
    pl_buffer_put_byte(buffer, '}');
}
