/* STATE of contract section 9: a whole customer as JSON, both ways. */
#include "wire/json_state.h"

#include "wire/json_record.h"
#include "wire/json_write.h"

static const struct pl_json_field customer_fields[] = {
    PL_JSON_FIELD("customerId", PL_JSON_ID, struct pl_customer, customer_id, struct pl_bytes),
    PL_JSON_FIELD("version", PL_JSON_VERSION, struct pl_customer, version, int64_t),
};
static const struct pl_json_record customer_record = PL_JSON_RECORD(customer_fields);

static const struct pl_json_field subscription_fields[] = {
    PL_JSON_FIELD("subscriptionId", PL_JSON_ID, struct pl_subscription, subscription_id,
                  struct pl_bytes),
    PL_JSON_FIELD("offerId", PL_JSON_ID, struct pl_subscription, offer_id, struct pl_bytes),
    PL_JSON_ENUM("status", PL_JSON_SYMBOL, struct pl_subscription, status,
                 enum pl_subscription_status, pl_subscription_status_names),
    PL_JSON_FIELD("quantity", PL_JSON_COUNT, struct pl_subscription, quantity, int32_t),
    PL_JSON_FIELD("partnerId", PL_JSON_OPTIONAL_TEXT, struct pl_subscription, partner_id,
                  struct pl_bytes),
    PL_JSON_ENUM("channel", PL_JSON_DEFAULT_SYMBOL, struct pl_subscription, channel,
                 enum pl_channel, pl_channel_names),
    PL_JSON_FIELD("parentSubscriptionId", PL_JSON_OPTIONAL_TEXT, struct pl_subscription,
                  parent_subscription_id, struct pl_bytes),
    PL_JSON_FIELD("revision", PL_JSON_LONG, struct pl_subscription, revision, int64_t),
    PL_JSON_FIELD("replacedBy", PL_JSON_OPTIONAL_TEXT, struct pl_subscription, replaced_by,
                  struct pl_bytes),
};
static const struct pl_json_record subscription_record = PL_JSON_RECORD(subscription_fields);

static const struct pl_json_field licence_fields[] = {
    PL_JSON_FIELD("userId", PL_JSON_ID, struct pl_licence, user_id, struct pl_bytes),
    PL_JSON_FIELD("userPrincipalName", PL_JSON_TEXT, struct pl_licence, user_principal_name,
                  struct pl_bytes),
    PL_JSON_FIELD("displayName", PL_JSON_OPTIONAL_TEXT, struct pl_licence, display_name,
                  struct pl_bytes),
    PL_JSON_FIELD("assignedByGroup", PL_JSON_OPTIONAL_TEXT, struct pl_licence, assigned_by_group,
                  struct pl_bytes),
    PL_JSON_FIELD("disabledServices", PL_JSON_NAMES, struct pl_licence, disabled_services,
                  struct pl_names),
};
static const struct pl_json_record licence_record = PL_JSON_RECORD(licence_fields);

static const struct pl_json_field grant_fields[] = {
    PL_JSON_FIELD("partnerId", PL_JSON_ID, struct pl_grant, partner_id, struct pl_bytes),
    PL_JSON_FIELD("serviceFamilies", PL_JSON_NAMES, struct pl_grant, service_families,
                  struct pl_names),
};
static const struct pl_json_record grant_record = PL_JSON_RECORD(grant_fields);

/* ---- reading --------------------------------------------------------------------------------- */

/* What the arrays of STATE are read into. */
struct target {
    struct pl_customer *customer;
    struct pl_subscription *subscription; /* of licences */
    struct pl_arena *arena;
    struct pl_error *error;
};

typedef enum pl_status read_element_fn(const struct pl_json_node *node,
                                       const struct target *target);

/* Read an array that may be missing or null. */
static enum pl_status read_array(const struct pl_json_node *owner, const char *key,
                                 read_element_fn *read_element, const struct target *target)
{
    struct pl_json_node array = pl_json_member(owner, key);
    size_t count;
    enum pl_status status;

    if (pl_json_is_absent(&array)) {
        return PL_OK;
    }
    status = pl_json_want_array(&array, target->error, &count);
    for (size_t i = 0; status == PL_OK && i < count; i++) {
        struct pl_json_node element = pl_json_element(&array, i);

        status = read_element(&element, target);
    }
    return status;
}

static enum pl_status fail_repeated(const struct pl_json_node *node, const char *key,
                                    struct pl_error *error)
{
    struct pl_json_node member = pl_json_member(node, key);

    return pl_json_fail(&member, error, "is there twice");
}

static enum pl_status read_licence(const struct pl_json_node *node, const struct target *target)
{
    struct pl_licence licence = {.user_id = PL_NULL_BYTES};
    enum pl_status status =
        pl_json_record_read(&licence_record, node, target->arena, target->error, &licence);

    if (status != PL_OK) {
        return status;
    }
    if (pl_licences_find(target->subscription, licence.user_id) != NULL) {
        return fail_repeated(node, "userId", target->error);
    }
    licence.disabled_services = pl_names_sorted(licence.disabled_services, target->arena);
    pl_licences_put(target->customer, target->subscription, &licence, target->arena);
    return PL_OK;
}

static enum pl_status read_subscription(const struct pl_json_node *node,
                                        const struct target *target)
{
    struct target inner = *target;
    struct pl_subscription *subscription;
    struct pl_subscription read = {.quantity = 0};
    enum pl_status status =
        pl_json_record_read(&subscription_record, node, target->arena, target->error, &read);

    if (status != PL_OK) {
        return status;
    }
    if (pl_customer_find(target->customer, read.subscription_id) != NULL) {
        return fail_repeated(node, "subscriptionId", target->error);
    }
    subscription = pl_customer_add(target->customer, read.subscription_id, target->arena);
    subscription->offer_id = read.offer_id;
    subscription->status = read.status;
    subscription->quantity = read.quantity;
    subscription->partner_id = read.partner_id;
    subscription->channel = read.channel;
    subscription->parent_subscription_id = read.parent_subscription_id;
    subscription->revision = read.revision;
    subscription->replaced_by = read.replaced_by;
    inner.subscription = subscription;
    return read_array(node, "licenses", read_licence, &inner);
}

static enum pl_status read_grant(const struct pl_json_node *node, const struct target *target)
{
    struct pl_grant grant = {.partner_id = PL_NULL_BYTES};
    enum pl_status status =
        pl_json_record_read(&grant_record, node, target->arena, target->error, &grant);

    if (status != PL_OK) {
        return status;
    }
    if (pl_customer_grant(target->customer, grant.partner_id) != NULL) {
        return fail_repeated(node, "partnerId", target->error);
    }
    pl_customer_set_grant(target->customer, grant.partner_id, grant.service_families,
                          target->arena);
    return PL_OK;
}

enum pl_status pl_json_state_read(const struct pl_json_node *node, struct pl_arena *arena,
                                  struct pl_error *error, struct pl_customer *ret_customer)
{
    struct target target = {.customer = ret_customer, .arena = arena, .error = error};
    enum pl_status status;

    pl_customer_init(ret_customer, PL_NULL_BYTES);
    status = pl_json_record_read(&customer_record, node, arena, error, ret_customer);
    if (status == PL_OK) {
        status = read_array(node, "subscriptions", read_subscription, &target);
    }
    if (status == PL_OK) {
        status = read_array(node, "delegatedAdmin", read_grant, &target);
    }
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_subscription(const struct pl_subscription *subscription, struct pl_arena *arena,
                               struct pl_buffer *buffer)
{
    const struct pl_licence *const *licences;

    pl_json_put_separator(buffer);
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(&subscription_record, subscription, buffer);
    pl_json_put_key(buffer, "licenses");
    pl_buffer_put_byte(buffer, '[');
    pl_licences_sorted(subscription, arena, &licences);
    for (uint64_t i = 0; i < subscription->licence_count; i++) {
        pl_json_put_separator(buffer);
        pl_json_record_write_object(&licence_record, licences[i], buffer);
    }
    pl_buffer_put(buffer, "]}", 2);
}

void pl_json_state_write(const struct pl_customer *customer, struct pl_arena *arena,
                         struct pl_buffer *buffer)
{
    pl_buffer_put_byte(buffer, '{');
    pl_json_record_write(&customer_record, customer, buffer);
    pl_json_put_key(buffer, "subscriptions");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < customer->subscription_count; i++) {
        write_subscription(&customer->subscriptions[i], arena, buffer);
    }
    pl_buffer_put_byte(buffer, ']');
    pl_json_put_key(buffer, "delegatedAdmin");
    pl_buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < customer->grant_count; i++) {
        pl_json_put_separator(buffer);
        pl_json_record_write_object(&grant_record, &customer->grants[i], buffer);
    }
    pl_buffer_put(buffer, "]}", 2);
}
